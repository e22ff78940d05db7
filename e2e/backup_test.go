//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// download takes a backup from the running daemon as an administrator's browser does.
func (d *daemon) download(name string) string {
	d.t.Helper()
	req, err := http.NewRequest("GET", "https://"+d.admin+"/api/backups/"+name+"/file", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	res, err := d.web().Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	path := filepath.Join(d.t.TempDir(), name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := io.Copy(f, res.Body); err != nil || res.StatusCode != http.StatusOK {
		d.t.Fatalf("HTTP %d, %v", res.StatusCode, err)
	}
	if err := f.Close(); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// run runs koppelfeld beside the daemon.
func (d *daemon) run(args ...string) (string, error) {
	out, err := exec.Command(binary, append(args, "--config", d.config)...).CombinedOutput()
	return string(out), err
}

// deaf forgets what phones have seen and heard.
func (c *company) deaf() {
	c.forget()
	for _, p := range []*phone{c.desk, c.dect, c.soft, c.irisP} {
		files, _ := filepath.Glob(filepath.Join(p.dir, "dump-*.wav"))
		for _, f := range files {
			_ = os.Remove(f)
		}
	}
}

// TestBackupOntoAnotherMachine: a backup is made while phones are registered, the machine is lost, and on a new one, with the other database engine, the
// phones that know nothing of it are called, call, and register again; what was before is there.
func TestBackupOntoAnotherMachine(t *testing.T) {
	server, err := storetest.StartServer(t.Context())
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	c := newCompany(t, "sqlite", "udp")
	c.threeRing(t)
	before := c.records()

	c.api("POST", "/api/backups", nil, nil)
	var list struct {
		Items []struct {
			Name     string
			Verified *time.Time
			Records  int
		}
		State struct{ Working, Problem string }
	}
	c.eventually(30*time.Second, "the backup is there", func() bool {
		c.api("GET", "/api/backups", nil, &list)
		return len(list.Items) == 1 && list.State.Working == ""
	})
	if list.Items[0].Verified == nil || list.Items[0].Records != len(before) {
		t.Errorf("got %+v", list)
	}
	file := c.download(list.Items[0].Name)
	if c.metric("koppelfeld_backup_last_good_bytes") == "0" {
		t.Error("no metric tells of it")
	}
	if out, err := c.run("restore", "--replace", file); err == nil || !strings.Contains(out, "stop it first") {
		t.Errorf("restore beside the daemon: %v, %s", err, out)
	}

	c.kill()
	old := filepath.Join(c.dir, "data")
	if err := os.RemoveAll(old); err != nil {
		t.Fatal(err)
	}
	dsn, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.edit(`database = "sqlite"`, `database = "`+dsn+`"`)
	out, err := c.run("restore", file)
	if err != nil || !strings.Contains(out, "restored in") {
		t.Fatalf("restore: %v, %s", err, out)
	}
	t.Log(out)
	if out, err := c.run("restore", file); err == nil || !strings.Contains(out, "with --replace") {
		t.Errorf("restored twice: %v, %s", err, out)
	}
	c.start()
	after := c.records()
	if len(after) != len(before) || after[0].ID != before[0].ID {
		t.Errorf("%d records of %d", len(after), len(before))
	}
	c.deaf()
	c.threeRing(t) // by the registrations of before
	c.soft.stop()
	c.soft = startPhone(t, phoneOptions{name: "armin-soft-again", account: c.armin["softphone"], server: c.sip, transport: "udp", tone: toneArmin}) // with its old password
	c.deaf()
	c.threeRing(t)
	if out, err := c.run("check"); err != nil {
		t.Errorf("check: %v, %s", err, out)
	}
}
