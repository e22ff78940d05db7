package transfer

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

var update = flag.Bool("update", false, "write golden files anew")

// entries are the files of an archive.
func entries(t testing.TB, file []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if out[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// packed is an archive, the manifest first. header may change each entry.
func packed(t testing.TB, files map[string][]byte, header func(*zip.FileHeader)) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	names := []string{}
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		if header != nil {
			header(h)
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// resealed puts the right lengths and checksums into the manifest, after edit has changed it.
func resealed(t testing.TB, files map[string][]byte, edit func(*Manifest)) {
	t.Helper()
	var m Manifest
	if err := json.Unmarshal(files[partManifest], &m); err != nil {
		t.Fatal(err)
	}
	for i := range m.Parts {
		text := files[m.Parts[i].Name]
		sum := sha256.Sum256(text)
		m.Parts[i].Bytes, m.Parts[i].SHA256 = int64(len(text)), hex.EncodeToString(sum[:])
	}
	if edit != nil {
		edit(&m)
	}
	files[partManifest], _ = json.Marshal(m)
}

// sample is a file with a bit of everything.
func sample(t testing.TB, pass string) []byte {
	t.Helper()
	st := storetest.New(t)
	storetest.Randomise(t, st, 7, 60)
	secrets(t, st, rand.New(rand.NewPCG(1, 1)))
	return exported(t, st, Choice{}, pass)
}

// TestOpenRefuses holds each refusal to a code and a sentence in both languages.
func TestOpenRefuses(t *testing.T) {
	plain, locked := sample(t, ""), sample(t, passphrase)
	with := func(change func(files map[string][]byte)) []byte {
		files := entries(t, plain)
		change(files)
		return packed(t, files, nil)
	}
	replaceOnce := func(b []byte, old, new string) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
	twice := func() []byte {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		for _, name := range []string{partManifest, partUsers, partUsers} {
			w, _ := z.Create(name)
			w.Write(entries(t, plain)[name])
		}
		z.Close()
		return out.Bytes()
	}
	for _, test := range []struct {
		name, code string
		file       []byte
		pass       string
	}{
		{"nothing", "not_ours", nil, ""},
		{"a text", "not_ours", []byte("username;first_name\n"), ""},
		{"a zip of something else", "entries", packed(t, map[string][]byte{"word/document.xml": []byte("<x/>")}, nil), ""},
		{"a zip without a manifest", "not_ours", packed(t, map[string][]byte{partUsers: []byte("{}")}, nil), ""},
		{"another product", "not_ours", with(func(f map[string][]byte) { f[partManifest] = []byte(`{"format":"other","format_version":1}`) }), ""},
		{"a manifest that is no JSON", "not_ours", with(func(f map[string][]byte) { f[partManifest] = []byte(`{`) }), ""},
		{"a newer format", "newer", with(func(f map[string][]byte) {
			f[partManifest] = []byte(`{"format":"koppelfeld-export","format_version":2,"program":"6.1.0","new_things":[]}`)
		}), ""},
		{"cut", "cut", plain[:len(plain)/2], ""},
		{"cut in the directory", "cut", plain[:len(plain)-10], ""},
		{"a changed part", "checksum", with(func(f map[string][]byte) { f[partUsers] = replaceOnce(f[partUsers], "First", "first") }), ""},
		{"a part that the manifest does not name", "checksum", with(func(f map[string][]byte) { f[partSecrets] = []byte("x") }), ""},
		{"a part that is missing", "checksum", with(func(f map[string][]byte) { delete(f, partGroups) }), ""},
		{"counts that differ", "checksum", with(func(f map[string][]byte) { resealed(t, f, func(m *Manifest) { m.Counts.Users++ }) }), ""},
		{"an unknown field", "form", with(func(f map[string][]byte) {
			f[partUsers] = replaceOnce(f[partUsers], `"users"`, `"fax": 1, "users"`)
			resealed(t, f, nil)
		}), ""},
		{"something after the end", "form", with(func(f map[string][]byte) {
			f[partUsers] = append(f[partUsers], "{}"...)
			resealed(t, f, nil)
		}), ""},
		{"a user twice", "form", with(func(f map[string][]byte) {
			f[partUsers] = []byte(`{"users":[{"id":"","username":"a"},{"id":"","username":"a"}]}`)
			resealed(t, f, func(m *Manifest) { m.Counts.Users, m.Counts.Numbers, m.Counts.Profiles = 2, 0, 0 })
		}), ""},
		{"an entry twice", "twice", twice(), ""},
		{"a path outside", "entries", packed(t, map[string][]byte{"../users.json": []byte("{}")}, nil), ""},
		{"an absolute path", "entries", packed(t, map[string][]byte{"/etc/passwd": []byte("{}")}, nil), ""},
		{"a path of Windows", "entries", packed(t, map[string][]byte{`..\users.json`: []byte("{}")}, nil), ""},
		{"a folder", "entries", packed(t, map[string][]byte{"users.json/": nil}, nil), ""},
		{"a symbolic link", "entries", packed(t, entries(t, plain), func(h *zip.FileHeader) {
			if h.Name == partUsers {
				h.SetMode(fs.ModeSymlink | 0o777)
			}
		}), ""},
		{"many entries", "entries", packed(t, manyEntries(), nil), ""},
		{"a bomb", "bomb", with(func(f map[string][]byte) { f[partUsers] = make([]byte, 80<<20) }), ""},
		{"a wrong passphrase", "passphrase", locked, "correct horse battery stable"},
		{"a passphrase for a file without secrets", "no_secrets", plain, passphrase},
		{"damaged secrets", "secrets", func() []byte {
			f := entries(t, locked)
			f[partSecrets] = f[partSecrets][:len(f[partSecrets])-20]
			resealed(t, f, nil)
			return packed(t, f, nil)
		}(), passphrase},
		{"secrets that take hours", "secrets", func() []byte {
			f := entries(t, locked)
			f[partSecrets] = replaceOnce(f[partSecrets], " 16\n", " 30\n")
			resealed(t, f, nil)
			return packed(t, f, nil)
		}(), passphrase},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Open(bytes.NewReader(test.file), int64(len(test.file)), test.pass)
			var r *Refusal
			if !errors.As(err, &r) || r.Code != test.code {
				t.Fatalf("got %v (%+v), want code %s", err, r, test.code)
			}
			if r.En == "" || r.De == "" || r.En == r.De || strings.Contains(r.En+r.De, "%!") {
				t.Errorf("said %q and %q", r.En, r.De)
			}
			if test.pass != "" && strings.Contains(r.En+r.De, test.pass) {
				t.Error("the passphrase is in the refusal")
			}
		})
	}
	if c := opened(t, locked, ""); c.secrets != nil {
		t.Error("secrets were read without a passphrase")
	}
	if _, err := Open(bytes.NewReader(plain), MaxFile+1, ""); err == nil {
		t.Error("a file beyond the limit was read")
	}
}

func manyEntries() map[string][]byte {
	out := map[string][]byte{}
	for i := range maxEntries + 1 {
		out[strings.Repeat("x", i+1)] = nil
	}
	return out
}

func TestSameConfigurationSameBytes(t *testing.T) {
	st := storetest.New(t)
	storetest.Randomise(t, st, 3, 60)
	if a, b := exported(t, st, Choice{}, ""), exported(t, st, Choice{}, ""); !bytes.Equal(a, b) {
		t.Error("two exports differ")
	}
	a, b := entries(t, exported(t, st, Choice{}, passphrase)), entries(t, exported(t, st, Choice{}, passphrase))
	if bytes.Equal(a[partSecrets], b[partSecrets]) {
		t.Error("secrets are encrypted with the same key twice")
	}
	for name := range a {
		if name != partSecrets && name != partManifest && !bytes.Equal(a[name], b[name]) {
			t.Errorf("%s differs", name)
		}
	}
	for name, text := range a {
		for _, s := range st.Snapshot().Slots {
			if s.SIPSecret != "" && bytes.Contains(text, []byte(s.SIPSecret)) {
				t.Errorf("%s holds a SIP password", name)
			}
		}
	}
}

// TestSchemaIsThatOfTheDocs keeps docs/export.schema.json true.
func TestSchemaIsThatOfTheDocs(t *testing.T) {
	const path = "../../docs/export.schema.json"
	if *update {
		if err := os.WriteFile(path, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(want, Schema()) {
		t.Errorf("%s is not the schema (%v): run go test ./internal/transfer -run Schema -update", path, err)
	}
}

// TestFirstFormatIsRead reads the file of version 1 that is kept: it must be read by all later versions.
func TestFirstFormatIsRead(t *testing.T) {
	file, err := os.ReadFile("testdata/format1.zip")
	if err != nil {
		t.Fatal(err)
	}
	c := opened(t, file, passphrase)
	if c.Manifest.FormatVersion != 1 || c.Manifest.Program != "5.0.0" || len(c.secrets.Slots) == 0 {
		t.Errorf("got %+v", c.Manifest)
	}
	r := mustImport(t, storetest.New(t), c, How{Mode: Replace})
	if n := r.Count(KindUser, New); n == 0 || n != len(c.Users)-1 {
		t.Errorf("made %d of %d users", n, len(c.Users))
	}
}
