package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain runs the program itself when it is told to.
func TestMain(m *testing.M) {
	if os.Getenv("KOPPELFELD_LICENCE_RUN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// run runs the program and returns what it printed and whether it succeeded.
func run(t *testing.T, args ...string) (stdout, stderr string, ok bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "KOPPELFELD_LICENCE_RUN=1")
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	e := cmd.Run()
	return out.String(), err.String(), e == nil
}

// TestFromKeyToLicence: a key is made, signs, and what it has signed is verified with its public half.
func TestFromKeyToLicence(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) string {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return at(name)
	}
	right, wrong, short := write("right", "korrekt pferd batterie\n"), write("wrong", "falsch falsch falsch\n"), write("short", "kurz\n")
	keygen := []string{"keygen", "--id", "kf-test", "--from", "2026-01-01", "--until", "2027-12-31", "--out", at("key.age"), "--passphrase-file"}
	if _, _, ok := run(t, append(keygen, short)...); ok {
		t.Error("a short passphrase is taken")
	}
	public, said, ok := run(t, append(keygen, right)...)
	if !ok {
		t.Fatal(said)
	}
	if _, _, ok := run(t, append(keygen, right)...); ok {
		t.Error("a private key was written over")
	}
	info, err := os.Stat(at("key.age"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("private half: %v, %v", info, err)
	}
	if sealed, _ := os.ReadFile(at("key.age")); !bytes.HasPrefix(sealed, []byte("-----BEGIN AGE")) || bytes.Contains(sealed, []byte("seed")) {
		t.Errorf("private half: %s", sealed)
	}
	keys := write("keys.json", public)
	sign := func(passphrase, company string) (string, bool) {
		_, said, ok := run(t, "sign", "--key", at("key.age"), "--passphrase-file", passphrase, "--company", company, "--users", "20", "--serial", "KF-9",
			"--issued", "2026-11-27", "--valid-until", "2099-12-31", "--out", at("a.lic"))
		return said, ok
	}
	if said, ok := sign(wrong, "Schrauben"); ok || !strings.Contains(said, "passphrase is wrong") {
		t.Errorf("wrong passphrase: %s", said)
	}
	if said, ok := sign(right, ""); ok {
		t.Errorf("no company: %s", said)
	}
	if said, ok := sign(right, "Schrauben & Söhne"); !ok {
		t.Fatal(said)
	}
	if out, said, ok := run(t, "verify", "--keys", keys, at("a.lic")); !ok || !strings.Contains(out, "2099-12-31") {
		t.Errorf("verify: %s%s", out, said)
	}
	if out, _, ok := run(t, "verify", at("a.lic")); ok {
		t.Errorf("the product would take it: %s", out)
	}
	if out, said, ok := run(t, "show", at("a.lic")); !ok || !strings.Contains(out, "Schrauben & Söhne") || !strings.Contains(out, "not verified") {
		t.Errorf("show: %s%s", out, said)
	}
	file, err := os.ReadFile(at("a.lic"))
	if err != nil {
		t.Fatal(err)
	}
	forged := write("forged.lic", strings.Replace(string(file), `"users": 20`, `"users": 99`, 1))
	if _, said, ok := run(t, "verify", "--keys", keys, forged); ok || !strings.Contains(said, "signature") {
		t.Errorf("forged: %s", said)
	}
}
