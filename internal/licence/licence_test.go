package licence

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func on(t testing.TB, day string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// private is a key that only this test has.
func private(t testing.TB, id, from, until string) Private {
	t.Helper()
	seed := sha256.Sum256([]byte(id))
	return Private{ID: id, Seed: seed[:], From: on(t, from), Until: on(t, until)}
}

func sample(t testing.TB) Licence {
	t.Helper()
	return Licence{Company: "Schrauben & Söhne <GmbH>", Users: 250, Issued: on(t, "2026-11-27"), ValidUntil: on(t, "2027-11-30"), Serial: "KF-1", Features: []string{"fax"}}
}

func sign(t testing.TB, l Licence, p Private) []byte {
	t.Helper()
	file, err := Sign(l, p)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func ring(t testing.TB, keys ...Key) Keyring {
	t.Helper()
	k, err := ReadKeys(MarshalKeys(keys...))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func code(err error) Code {
	var f *Fault
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

func TestReadBackWhatWasSigned(t *testing.T) {
	p := private(t, "a", "2026-01-01", "2027-12-31")
	k := ring(t, p.Public())
	file := sign(t, sample(t), p)
	got, err := k.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	want := sample(t)
	if got.Company != want.Company || got.Users != 250 || got.Product != Product || got.Version != Version || !got.ValidUntil.Equal(want.ValidUntil) || got.Key != "a" || len(got.Features) != 1 {
		t.Errorf("read %+v", got)
	}
	// Spaces and the order of the members do not matter.
	squeezed := bytes.ReplaceAll(bytes.ReplaceAll(file, []byte("\n"), nil), []byte("  "), nil)
	lines := strings.Split(strings.TrimSpace(string(file)), "\n")
	lines[1], lines[2] = lines[2], lines[1]
	for _, other := range [][]byte{squeezed, []byte(strings.Join(lines, "\r\n") + "\r\n\t ")} {
		if _, err := k.Read(other); err != nil {
			t.Errorf("%s: %v", other, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	p := private(t, "a", "2026-01-01", "2027-12-31")
	k := ring(t, p.Public())
	good := string(sign(t, sample(t), p))
	with := func(edit func(*Licence)) string {
		l := sample(t)
		edit(&l)
		return string(sign(t, l, p))
	}
	swap := func(old, fresh string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the file", old)
		}
		return strings.Replace(good, old, fresh, 1)
	}
	stranger := private(t, "a", "2026-01-01", "2027-12-31")
	stranger.Seed = bytes.Repeat([]byte{7}, 32)
	foreign := string(sign(t, sample(t), stranger))
	for _, c := range []struct {
		name, file string
		want       Code
	}{
		{"more users", swap(`"users": 250`, `"users": 2500`), CodeForged},
		{"longer", swap("2027-11-30", "2037-11-30"), CodeForged},
		{"another company", swap("Schrauben", "Muttern"), CodeForged},
		{"a feature more", swap(`"fax"`, `"fax", "queue"`), CodeForged},
		{"no features", swap("\"features\": [\n    \"fax\"\n  ],", ""), CodeForged},
		{"version 4 by hand", swap(`"version": 5`, `"version": 4`), CodeForged},
		{"signed by somebody else under the name of the key", foreign, CodeForged},
		{"version 4", with(func(l *Licence) { l.Version = 4 }), CodeWrongVersion},
		{"version 6", with(func(l *Licence) { l.Version = 6 }), CodeWrongVersion},
		{"another product", with(func(l *Licence) { l.Product = "drehwaehler" }), CodeWrongProduct},
		{"unknown key", string(sign(t, sample(t), private(t, "b", "2026-01-01", "2027-12-31"))), CodeUnknownKey},
		{"empty", "", CodeTruncated},
		{"cut in a value", good[:len(good)/2], CodeTruncated},
		{"cut before the last brace", strings.TrimSpace(good)[:len(strings.TrimSpace(good))-1], CodeTruncated},
		{"cut in the signature", good[:strings.Index(good, "signature")+30], CodeTruncated},
		{"cut after a name", good[:strings.Index(good, `"company"`)+9], CodeTruncated},
		{"only a brace", "{", CodeTruncated},
		{"text", "KOPPELFELD-4.5 4711-0815", CodeNoLicence},
		{"PDF", "%PDF-1.7\n\xff\xfe", CodeNoLicence},
		{"a list", "[]", CodeNoLicence},
		{"an empty object", "{}", CodeNoLicence},
		{"JSON of something else", `{"id": 1}`, CodeMalformed},
		{"format of tomorrow", swap(Format, "koppelfeld-licence/2"), CodeMalformed},
		{"unknown member", swap(`"users": 250`, `"users": 250, "seats": 9`), CodeMalformed},
		{"a member twice", swap(`"users": 250`, `"users": 250, "users": 9999`), CodeMalformed},
		{"a member in capitals", swap(`"users"`, `"Users"`), CodeMalformed},
		{"a member is missing", swap(`"serial": "KF-1",`, ""), CodeMalformed},
		{"something behind it", good + "{}", CodeMalformed},
		{"text behind it", good + "x", CodeMalformed},
		{"users as text", swap("250", `"250"`), CodeMalformed},
		{"users as a fraction", swap("250", "250.5"), CodeMalformed},
		{"negative users", swap("250", "-1"), CodeMalformed},
		{"a day that is none", swap("2027-11-30", "2027-02-30"), CodeMalformed},
		{"signature of another length", swap(`"signature": "`, `"signature": "AAAA`), CodeMalformed},
		{"signature that is no base64", swap(`"signature": "`, `"signature": "!`), CodeMalformed},
		{"company of two lines", swap("Schrauben", `Schrauben\n`), CodeMalformed},
		{"too large", good + strings.Repeat(" ", MaxSize), CodeTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := k.Read([]byte(c.file))
			if got := code(err); got != c.want {
				t.Fatalf("%q (%v), want %q", got, err, c.want)
			}
			sentences(t, err)
		})
	}
}

// sentences asks for what and what to do, in both languages.
func sentences(t *testing.T, err error) {
	t.Helper()
	var f *Fault
	if !errors.As(err, &f) {
		t.Fatalf("%v is no Fault", err)
	}
	for _, s := range []string{f.De, f.En} {
		if len(s) < 30 || !strings.HasSuffix(s, ".") || strings.Contains(s, "%!") {
			t.Errorf("%s: %q is no sentence", f.Code, s)
		}
	}
	if f.De == f.En {
		t.Errorf("%s says the same in both languages", f.Code)
	}
}

func TestKeysComeAndGo(t *testing.T) {
	first, second := private(t, "first", "2026-01-01", "2026-12-31"), private(t, "second", "2026-10-01", "2028-12-31")
	old := sample(t)
	fresh := sample(t)
	fresh.Issued = on(t, "2027-03-01")
	k := ring(t, first.Public(), second.Public())
	revoked := first.Public()
	revoked.Revoked = true
	// The holder of a retired key puts a later day in: Sign would not, so it is asked with a key that knows no span.
	late := first
	late.From, late.Until = time.Time{}, time.Time{}
	for _, c := range []struct {
		name string
		ring Keyring
		file []byte
		want Code
	}{
		{"retired key, licence of its time", k, sign(t, old, first), ""},
		{"new key", k, sign(t, fresh, second), ""},
		{"retired key, licence of later", k, sign(t, fresh, late), CodeKeyTime},
		{"revoked key", ring(t, revoked, second.Public()), sign(t, old, first), CodeRevokedKey},
		{"the new key is not touched by that", ring(t, revoked, second.Public()), sign(t, old, second), ""},
		{"key that was taken out", ring(t, second.Public()), sign(t, old, first), CodeUnknownKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.ring.Read(c.file)
			if got := code(err); got != c.want {
				t.Fatalf("%q (%v), want %q", got, err, c.want)
			}
			if err != nil {
				sentences(t, err)
			}
		})
	}
	if _, err := Sign(fresh, first); err == nil {
		t.Error("a retired key signs")
	}
}

func TestSignRefuses(t *testing.T) {
	p := private(t, "a", "2026-01-01", "2027-12-31")
	for name, edit := range map[string]func(*Licence){
		"no company":           func(l *Licence) { l.Company = "" },
		"spaces around":        func(l *Licence) { l.Company = " x" },
		"control characters":   func(l *Licence) { l.Company = "a\tb" },
		"no users":             func(l *Licence) { l.Users = 0 },
		"too many users":       func(l *Licence) { l.Users = maxUsers + 1 },
		"ends before it is":    func(l *Licence) { l.ValidUntil = l.Issued.AddDate(0, 0, -1) },
		"a feature of nothing": func(l *Licence) { l.Features = []string{""} },
		"too many features":    func(l *Licence) { l.Features = make([]string, maxFeatures+1) },
		"not the key's time":   func(l *Licence) { l.Issued = l.Issued.AddDate(-5, 0, 0) },
	} {
		l := sample(t)
		edit(&l)
		if _, err := Sign(l, p); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

func TestCanonicalFormIsWhatIsDocumented(t *testing.T) {
	l := sample(t)
	l.Product, l.Version, l.Key = Product, Version, "a"
	want := "koppelfeld-licence/1\nproduct=10:koppelfeld\nversion=1:5\ncompany=25:Schrauben & Söhne <GmbH>\nusers=3:250\nissued=10:2026-11-27\nvalid_until=10:2027-11-30\nserial=4:KF-1\nfeature=3:fax\nkey=1:a\n"
	if got := string(canonical(&l)); got != want {
		t.Errorf("%s\nis not\n%s", got, want)
	}
}

func TestReadKeysRefuses(t *testing.T) {
	public := base64.StdEncoding.EncodeToString(make([]byte, 32))
	one := `{"id":"a","public":"` + public + `","from":"2026-01-01","until":"2027-01-01"}`
	for name, file := range map[string]string{
		"not JSON":         "x",
		"unknown member":   `{"keys":[],"more":1}`,
		"twice":            `{"keys":[` + one + `,` + one + `]}`,
		"short":            `{"keys":[{"id":"a","public":"AAAA","from":"2026-01-01","until":"2027-01-01"}]}`,
		"no span":          `{"keys":[{"id":"a","public":"` + public + `"}]}`,
		"span from behind": `{"keys":[{"id":"a","public":"` + public + `","from":"2027-01-01","until":"2026-01-01"}]}`,
		"something behind": `{"keys":[]} {}`,
	} {
		if _, err := ReadKeys([]byte(file)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := ReadKeys([]byte(`{"keys":[` + one + `]}`)); err != nil {
		t.Error(err)
	}
}

func TestPrivateKeyStaysOutOfLogs(t *testing.T) {
	p := private(t, "a", "2026-01-01", "2027-12-31")
	if got := strings.Join([]string{p.String(), p.GoString()}, " "); strings.Contains(got, string(p.Seed)) || !strings.Contains(got, "***") {
		t.Error(got)
	}
	back, err := ReadPrivate(p.Marshal())
	if err != nil || !bytes.Equal(back.Seed, p.Seed) || !back.Until.Equal(p.Until) {
		t.Errorf("%v %v", back, err)
	}
	for _, bad := range []string{"", "{}", strings.Replace(string(p.Marshal()), privateFormat, "x", 1)} {
		if _, err := ReadPrivate([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// development reads the private half that is in the tree for tests.
func development(t testing.TB) Private {
	t.Helper()
	file, err := os.ReadFile("testdata/development.key")
	if err != nil {
		t.Fatal(err)
	}
	p, err := ReadPrivate(file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func FuzzRead(f *testing.F) {
	p := private(f, "a", "2026-01-01", "2027-12-31")
	k := ring(f, p.Public())
	good := sign(f, sample(f), p)
	corpus.Add(f)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{"format":"koppelfeld-licence/1","features":[null],"users":1e9}`))
	want, err := k.Read(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		l, err := k.Read(file)
		if err != nil {
			if code(err) == "" {
				t.Fatalf("%v has no code", err)
			}
			return
		}
		// Only what was signed is read, however it is written.
		if !bytes.Equal(canonical(&l), canonical(&want)) {
			t.Fatalf("%s is a licence", file)
		}
	})
}
