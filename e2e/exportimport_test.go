//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestExportImport moves a company from one server to another while both run: telephones that were set up at the first register and call at the
// second with the accounts that they have.
func TestExportImport(t *testing.T) {
	first, second := newDaemon(t, "sqlite"), newDaemon(t, "sqlite")
	first.start()
	second.launch = func(args ...string) *exec.Cmd {
		return exec.Command(binary, slices.DeleteFunc(args, func(a string) bool { return a == "--example" })...)
	}
	second.start()
	armin, iris := first.slots("armin.artmann")["desk"], first.slots("iris.immsee")["desk"]
	first.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin.ID}}, nil)
	callBetween(t, first, armin, iris)

	dir := t.TempDir()
	const passphrase = "vier ganz lange Wörter"
	secret, file := filepath.Join(dir, "passphrase"), filepath.Join(dir, "company.zip")
	if err := os.WriteFile(secret, []byte(passphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "export", "--config", first.config, "--passphrase-file", secret, file)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []account{armin, iris} {
		if bytes.Contains(whole, []byte(a.SIP.Password)) {
			t.Error("the file shows a SIP password")
		}
	}
	revision := second.metric("koppelfeld_config_revision")
	if out := run(t, "import", "--config", second.config, "--preview", "--passphrase-file", secret, file); !strings.Contains(out, "4 new") {
		t.Errorf("the preview says:\n%s", out)
	}
	if now := second.metric("koppelfeld_config_revision"); now != revision {
		t.Errorf("the preview has changed revision %s to %s", revision, now)
	}
	r := second.importFile(t, whole, passphrase)
	if !r.Applied || r.Counts[0].New != 4 || r.NewSecrets != 0 {
		t.Fatalf("import: %+v", r)
	}
	callBetween(t, second, armin, iris)
}

// callBetween registers two telephones, calls 416 from the second, and lets both hear each other.
func callBetween(t *testing.T, d *daemon, armin, iris account) {
	t.Helper()
	before := len(d.records())
	desk := startPhone(t, phoneOptions{name: "armin-desk", account: armin, server: d.sip, transport: "udp", tone: toneArmin})
	caller := startPhone(t, phoneOptions{name: "iris-desk", account: iris, server: d.sip, transport: "udp", tone: toneIris})
	caller.command("dial", "sip:416@koppelfeld.example")
	desk.await("CALL_INCOMING")
	desk.command("accept", "")
	desk.await("CALL_ESTABLISHED")
	caller.await("CALL_ESTABLISHED")
	caller.command("hangup", "")
	desk.await("CALL_CLOSED")
	if rec := d.awaitRecords(before + 1); rec.Result != "answered" || rec.From != "417" {
		t.Errorf("record: %s from %s", rec.Result, rec.From)
	}
	desk.stop()
	caller.stop()
}

// imported is the part of the answer of an import that is looked at.
type imported struct {
	Applied    bool                `json:"applied"`
	NewSecrets int                 `json:"new_secrets"`
	Counts     []struct{ New int } `json:"counts"`
	Items      []map[string]any    `json:"items"`
}

// importFile sends a file to the API.
func (d *daemon) importFile(t *testing.T, file []byte, passphrase string) imported {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", "https://"+d.admin+"/api/imports?mode=merge", bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/zip")
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Koppelfeld-Passphrase", base64.StdEncoding.EncodeToString([]byte(passphrase)))
	res, err := d.web().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	var out imported
	if err != nil || res.StatusCode != 200 || json.Unmarshal(text, &out) != nil {
		t.Fatalf("import: %d %s %v", res.StatusCode, text, err)
	}
	return out
}

// run runs a command of the program that must succeed, and returns what it prints.
func run(t *testing.T, args ...string) string {
	t.Helper()
	begin := time.Now()
	out, err := exec.Command(binary, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v after %v: %v\n%s", args, time.Since(begin), err, out)
	}
	return string(out)
}
