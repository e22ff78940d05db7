package backup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

var mariadb *storetest.Server // nil when it is not installed

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("KOPPELFELD_TEST_RESTORE") != "" {
		return m.Run() // a process that is killed uses the server of its parent
	}
	var err error
	mariadb, err = storetest.StartServer(context.Background())
	if err != nil && !errors.Is(err, storetest.ErrNoMariaDB) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if mariadb != nil {
		defer mariadb.Stop()
	}
	return m.Run()
}

// engines runs a test on both databases.
func engines(t *testing.T, run func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { run(t, "sqlite") })
	t.Run("mariadb", func(t *testing.T) {
		if mariadb == nil {
			t.Skip("NOT TESTED ON MARIADB: it is not installed")
		}
		run(t, newMariaDB(t))
	})
}

func newMariaDB(t *testing.T) string {
	t.Helper()
	dsn, err := mariadb.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// fine finds nothing wrong.
func fine(_, _ *directory.Snapshot, _ store.Changed) error { return nil }

// system makes a system with something in it.
func system(t *testing.T, database string) (store.Config, *store.Store) {
	t.Helper()
	cfg := storetest.Config(t, database)
	st := storetest.Open(t, cfg)
	_, err := st.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
		for i := range 10 {
			u, err := tx.CreateUser(directory.User{Username: fmt.Sprint("user", i), LastName: "Größe"})
			if err != nil {
				return err
			}
			if _, err := tx.AddNumber(directory.Number{Number: fmt.Sprint(200 + i), OwnerType: directory.OwnerUser, OwnerID: u.ID}); err != nil {
				return err
			}
			if _, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: directory.Desk}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []calls.Record
	for i := range 100 {
		list = append(list, storetest.Record(i))
	}
	if err := st.InsertRecords(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"locations": "where phones are", "first-password": "geheim", "licence/firma.lic": "licence", "spool/cdr/cdr-1.log": "on its way", "spool/cdr/refused.log": "refused",
		".import-1": "half", "daemon.lock": "1", "restored/koppelfeld.toml": "database = \"sqlite\"\n",
	} {
		put(t, filepath.Join(cfg.DataDir, name), text)
	}
	return cfg, st
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// source is all of a system.
func source(t *testing.T, cfg store.Config) backup.Source {
	t.Helper()
	outside := filepath.Join(t.TempDir(), "outside.pem")
	put(t, outside, "a certificate")
	file := filepath.Join(t.TempDir(), "koppelfeld.toml")
	put(t, file, "database = \"sqlite\"\n")
	return backup.Source{Database: cfg, ConfigFile: file, Files: []string{outside, outside + ".none"}, Program: "5.0.0", Host: "test", Kind: backup.Manual}
}

// created makes a backup and returns it.
func created(t *testing.T, cfg store.Config, opt backup.CreateOptions) ([]byte, backup.Info) {
	t.Helper()
	dir := t.TempDir()
	info, err := backup.Create(t.Context(), dir, "", source(t, cfg), opt)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, info.Name))
	if err != nil {
		t.Fatal(err)
	}
	return text, info
}

// verified reads a backup as Verify does.
func verified(t *testing.T, text []byte, keys backup.Keys) (*backup.Manifest, error) {
	t.Helper()
	dir := t.TempDir()
	m, err := backup.Verify(t.Context(), bytes.NewReader(text), int64(len(text)), keys, backup.VerifyOptions{Dir: dir, Validate: fine})
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%s is left of the trial", left[0].Name())
	}
	return m, err
}

func TestCreateAndVerify(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg, _ := system(t, database)
		dir := t.TempDir()
		src := source(t, cfg)
		info, err := backup.Create(t.Context(), dir, "", src, backup.CreateOptions{Validate: fine, TrialDir: cfg.DataDir})
		if err != nil {
			t.Fatal(err)
		}
		if !info.Good() || info.Users != 11 || info.Records != 100 || len(info.LeftOut) != 1 || info.Encrypted {
			t.Errorf("got %+v", info)
		}
		path := filepath.Join(dir, info.Name)
		stat, err := os.Stat(path)
		if err != nil || stat.Mode().Perm() != 0o600 || stat.Size() != info.Size {
			t.Errorf("got %v, %v", stat, err)
		}
		text, err := os.ReadFile(path)
		if sum := sha256.Sum256(text); err != nil || hex.EncodeToString(sum[:]) != info.SHA256 {
			t.Errorf("sum %x, not %s: %v", sum, info.SHA256, err)
		}
		m, err := verified(t, text, backup.Keys{})
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, e := range m.Entries {
			names[e.Name] = true
		}
		for _, name := range []string{"data/secret.key", "data/locations", "data/first-password", "data/licence/firma.lic", "data/spool/cdr/refused.log", "config/koppelfeld.toml", "config/1-outside.pem", "db/records/000001.jsonl"} {
			if !names[name] {
				t.Errorf("%s is missing", name)
			}
		}
		for _, name := range []string{"data/spool/cdr/cdr-1.log", "data/.import-1", "data/daemon.lock", "data/restored/koppelfeld.toml", "data/koppelfeld.db", "db/schema_version/000001.jsonl"} {
			if names[name] {
				t.Errorf("%s is in the backup", name)
			}
		}
		list, err := backup.List(dir)
		if err != nil || len(list) != 1 || !list[0].Good() || list[0].Records != 100 {
			t.Errorf("list: %+v, %v", list, err)
		}
		if _, err := backup.Create(t.Context(), dir, path, src, backup.CreateOptions{}); err == nil || !strings.Contains(err.Error(), "is there already") {
			t.Errorf("a second time: %v", err)
		}
		if err := backup.Remove(dir, info.Name); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s is left", left[0].Name())
		}
	})
}

func TestVerifyCompilesTheConfiguration(t *testing.T) {
	cfg, _ := system(t, "sqlite")
	boom := errors.New("boom")
	dir := t.TempDir()
	info, err := backup.Create(t.Context(), dir, "", source(t, cfg), backup.CreateOptions{TrialDir: cfg.DataDir, Validate: func(_, next *directory.Snapshot, changed store.Changed) error {
		if !changed.Full || next.ByName["user3"] == nil {
			t.Error("not the whole configuration")
		}
		return boom
	}})
	if err != nil || info.Good() || info.Problem != "boom" {
		t.Errorf("got %+v, %v", info, err)
	}
	if list, err := backup.List(dir); err != nil || len(list) != 1 || list[0].Good() {
		t.Errorf("list: %+v, %v", list, err)
	}
}

// TestEncrypted: who has a key reads it, its trial is made all the same, and nobody else reads it.
func TestEncrypted(t *testing.T) {
	cfg, _ := system(t, "sqlite")
	mine, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	recipients, err := backup.ParseRecipients([]string{mine.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	text, info := created(t, cfg, backup.CreateOptions{Options: backup.Options{Recipients: recipients}, Validate: fine, TrialDir: cfg.DataDir})
	if !info.Good() || !info.Encrypted || !strings.HasSuffix(info.Name, ".age") {
		t.Errorf("got %+v", info)
	}
	keys, err := backup.Identities(strings.NewReader("# created\n" + mine.String() + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verified(t, text, keys); err != nil {
		t.Error(err)
	}
	other, _ := age.GenerateX25519Identity()
	phrase, err := backup.Passphrase("geheim")
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string]backup.Keys{"no key": {}, "another key": {Identities: []age.Identity{other}}, "a passphrase": phrase} {
		var no *backup.RefusedError
		if _, err := verified(t, text, keys); !errors.As(err, &no) || !strings.Contains(err.Error(), "key") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, at := range []int{len(text) / 2, len(text) - 1} {
		if _, err := verified(t, text[:at], keys); err == nil || !strings.Contains(err.Error(), "damaged or cut short") {
			t.Errorf("cut at %d: %v", at, err)
		}
	}
}

func TestPassphrase(t *testing.T) {
	cfg, _ := system(t, "sqlite")
	text, info := created(t, cfg, backup.CreateOptions{Passphrase: "richtig", Validate: fine, TrialDir: cfg.DataDir})
	if !info.Good() {
		t.Errorf("got %+v", info)
	}
	right, _ := backup.Passphrase("richtig")
	wrong, _ := backup.Passphrase("falsch")
	if _, err := verified(t, text, right); err != nil {
		t.Error(err)
	}
	if _, err := verified(t, text, wrong); err == nil || !strings.Contains(err.Error(), "cannot be opened with this key or passphrase") {
		t.Errorf("wrong passphrase: %v", err)
	}
}

// TestDamagedIsRefused cuts a backup everywhere and changes bytes everywhere.
func TestDamagedIsRefused(t *testing.T) {
	cfg, _ := system(t, "sqlite")
	text, _ := created(t, cfg, backup.CreateOptions{})
	step := max(1, len(text)/40)
	for at := 0; at < len(text); at += step {
		var no *backup.RefusedError
		if _, err := verified(t, text[:at], backup.Keys{}); !errors.As(err, &no) {
			t.Errorf("cut at %d of %d: %v", at, len(text), err)
		}
		changed := bytes.Clone(text)
		changed[at] ^= 0x20
		if _, err := verified(t, changed, backup.Keys{}); err == nil {
			t.Errorf("byte %d of %d changed: taken", at, len(text))
		}
	}
}

// entry is an entry of an archive made by hand.
type entry struct {
	name string
	text string
	kind byte
	link string
}

// archive packs entries, with a manifest that fits them unless they have one.
func archive(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	z, err := zstd.NewWriter(&buf)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	var m backup.Manifest
	_ = json.Unmarshal([]byte(entries[0].text), &m.Header) // of a backup at least
	for _, e := range entries {
		if e.kind == 0 {
			e.kind = tar.TypeReg
		}
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Linkname: e.link, Mode: 0o600}
		if e.kind == tar.TypeReg {
			h.Size = int64(len(e.text))
		}
		sum := sha256.Sum256([]byte(e.text))
		m.Entries = append(m.Entries, backup.Entry{Name: e.name, Size: h.Size, SHA256: hex.EncodeToString(sum[:])})
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(e.text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "manifest.json", Typeflag: tar.TypeReg, Size: int64(len(text))}), func() error { _, err := w.Write(text); return err }(), w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

const head = `{"format":"koppelfeld-backup","version":1,"program":"5.0.0","schema":9,"engine":"sqlite","created":"2026-11-27T00:00:00Z","kind":"manual"}`

func TestForeignFilesAreRefused(t *testing.T) {
	first := entry{name: "koppelfeld-backup.json", text: head}
	key := entry{name: "data/secret.key", text: strings.Repeat("0", 64)}
	newer := strings.Replace(head, `"schema":9`, `"schema":999`, 1)
	tests := []struct {
		name, text, says string
	}{
		{"empty", "", "no backup of Koppelfeld"},
		{"text", "Sehr geehrte Damen und Herren", "no backup of Koppelfeld"},
		{"zip", "PK\x03\x04 and so on", "no backup of Koppelfeld"},
		{"another archive", string(archive(t, entry{name: "etc/passwd", text: "root"})), "no backup of Koppelfeld"},
		{"another format", string(archive(t, entry{name: "koppelfeld-backup.json", text: `{"format":"other"}`})), "no backup of Koppelfeld"},
		{"later format", string(archive(t, entry{name: "koppelfeld-backup.json", text: strings.Replace(head, `"version":1`, `"version":2`, 1)})), "later version of Koppelfeld (5.0.0)"},
		{"later schema", string(archive(t, entry{name: "koppelfeld-backup.json", text: newer})), "later version of Koppelfeld (5.0.0)"},
		{"no such schema", string(archive(t, entry{name: "koppelfeld-backup.json", text: strings.Replace(head, `"schema":9`, `"schema":-4`, 1)})), "which no version of Koppelfeld has"},
		{"path outside", string(archive(t, first, entry{name: "data/../../etc/passwd", text: "x"})), "leads elsewhere"},
		{"path above", string(archive(t, first, entry{name: "../x", text: "x"})), "leads elsewhere"},
		{"absolute path", string(archive(t, first, entry{name: "/etc/passwd", text: "x"})), "leads elsewhere"},
		{"link", string(archive(t, first, entry{name: "data/link", kind: tar.TypeSymlink, link: "/etc"})), "no plain file"},
		{"device", string(archive(t, first, entry{name: "data/null", kind: tar.TypeChar})), "no plain file"},
		{"twice", string(archive(t, first, key, key)), "comes twice"},
		{"strange folder", string(archive(t, first, entry{name: "bin/sh", text: "x"})), "no part of a backup"},
		{"database as a file", string(archive(t, first, entry{name: "data/koppelfeld.db", text: "x"})), "no part of a backup"},
		{"lock", string(archive(t, first, entry{name: "data/daemon.lock", text: "1"})), "no part of a backup"},
		{"mark of a restore", string(archive(t, first, entry{name: "data/restore.pending", text: "{}"})), "no part of a backup"},
		{"no such table", string(archive(t, first, entry{name: "db/mysql/000001.jsonl", text: "[1]\n"})), "not in this schema"},
		{"row of another table", string(archive(t, first, entry{name: "db/ticks/000001.jsonl", text: "[1]\n"})), "column number"},
		{"half a row", string(archive(t, first, entry{name: "db/ticks/000001.jsonl", text: "[1"})), "ends within a row"},
		{"no key", string(archive(t, first)), "holds no master key"},
		{"bomb", string(bomb(t)), "unpacks to more than"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := verified(t, []byte(test.text), backup.Keys{})
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want it to say %q", err, test.says)
			}
		})
	}
}

// bomb is a small file that unpacks to much.
func bomb(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	z, err := zstd.NewWriter(&buf, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	const size = 512 << 20
	_ = w.WriteHeader(&tar.Header{Name: "koppelfeld-backup.json", Typeflag: tar.TypeReg, Size: int64(len(head))})
	_, _ = w.Write([]byte(head))
	_ = w.WriteHeader(&tar.Header{Name: "data/zeros", Typeflag: tar.TypeReg, Size: size})
	block := make([]byte, 1<<20)
	for range size >> 20 {
		if _, err := w.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	if buf.Len() > 256<<10 {
		t.Fatalf("the bomb has %d bytes", buf.Len())
	}
	return buf.Bytes()
}

// TestFailureLeavesNothing: a backup that cannot be finished is not there, in no form.
func TestFailureLeavesNothing(t *testing.T) {
	cfg, _ := system(t, "sqlite")
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	_, err := backup.Create(ctx, dir, "", source(t, cfg), backup.CreateOptions{Options: backup.Options{Pace: func(ctx context.Context) error {
		if n++; n == 2 {
			cancel()
		}
		return ctx.Err()
	}}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%s is left", left[0].Name())
	}
}

func FuzzVerify(f *testing.F) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	_ = w.WriteHeader(&tar.Header{Name: "koppelfeld-backup.json", Typeflag: tar.TypeReg, Size: int64(len(head))})
	_, _ = w.Write([]byte(head))
	_ = w.Close()
	f.Add(buf.Bytes())
	corpus.Add(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		z, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		packed := z.EncodeAll(text, nil)
		if _, err := backup.Verify(t.Context(), bytes.NewReader(packed), int64(len(packed)), backup.Keys{}, backup.VerifyOptions{Dir: t.TempDir(), Validate: fine}); err == nil {
			t.Skip("a good one")
		}
	})
}
