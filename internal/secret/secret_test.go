package secret_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/internal/secret"
)

func TestBox(t *testing.T) {
	dir := t.TempDir()
	if _, err := secret.ReadBox(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading a key that does not exist: got %v", err)
	}
	box, err := secret.OpenBox(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := secret.ReadBox(dir)
	if err != nil {
		t.Fatal(err)
	}
	sealed := box.Seal([]byte("hunter2"), "slot:1")
	if strings.Contains(string(sealed), "hunter2") || string(sealed) == string(box.Seal([]byte("hunter2"), "slot:1")) {
		t.Error("sealed value shows its content")
	}
	plain, err := again.Open(sealed, "slot:1")
	if err != nil || string(plain) != "hunter2" {
		t.Errorf("got %q and %v, want hunter2", plain, err)
	}
	for name, spoil := range map[string]func() ([]byte, string){
		"other purpose": func() ([]byte, string) { return sealed, "slot:2" },
		"empty":         func() ([]byte, string) { return nil, "slot:1" },
		"cut":           func() ([]byte, string) { return sealed[:20], "slot:1" },
		"other format":  func() ([]byte, string) { return append([]byte{2}, sealed[1:]...), "slot:1" },
		"changed": func() ([]byte, string) {
			s := append([]byte{}, sealed...)
			s[len(s)-1] ^= 1
			return s, "slot:1"
		},
	} {
		if _, err := box.Open(spoil()); !errors.Is(err, secret.ErrOpen) {
			t.Errorf("%s: got %v, want ErrOpen", name, err)
		}
	}
	other, err := secret.OpenBox(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(sealed, "slot:1"); !errors.Is(err, secret.ErrOpen) {
		t.Errorf("other key: got %v, want ErrOpen", err)
	}
}

func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, secret.KeyFile)
	if _, err := secret.OpenBox(dir); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode: got %v and %v, want 0600", info.Mode(), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("files left in the directory: %v and %v", entries, err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o660, 0o602} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := secret.OpenBox(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %v: got %v, want a refusal that says what to do", mode, err)
		}
	}
	for name, content := range map[string]string{"empty": "", "short": "abcd\n", "no hex": strings.Repeat("z", 64), "long": strings.Repeat("a", 65)} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := secret.OpenBox(dir); err == nil {
			t.Errorf("%s key was accepted", name)
		}
	}
	if _, err := secret.OpenBox(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no data directory: got %v", err)
	}
}

// TestKeyMadeOnce lets many openers make the key at once; all must get the same.
func TestKeyMadeOnce(t *testing.T) {
	dir := t.TempDir()
	boxes := make([]*secret.Box, 16)
	var wg sync.WaitGroup
	for i := range boxes {
		wg.Go(func() {
			box, err := secret.OpenBox(dir)
			if err != nil {
				t.Error(err)
				return
			}
			boxes[i] = box
		})
	}
	wg.Wait()
	for i, box := range boxes {
		if box == nil {
			continue
		}
		if _, err := box.Open(boxes[0].Seal(nil, "x"), "x"); err != nil {
			t.Errorf("opener %d has another key", i)
		}
	}
}

func TestPasswords(t *testing.T) {
	p := secret.NewPasswords(2)
	hash, err := p.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || len(hash) > 255 {
		t.Errorf("hash is %q", hash)
	}
	// Made with the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1
	reference := "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	tests := []struct {
		name, hash, password string
		want                 error
	}{
		{"right", hash, "correct horse", nil},
		{"wrong", hash, "correct horsf", secret.ErrPassword},
		{"empty password", hash, "", secret.ErrPassword},
		{"too long", hash, strings.Repeat("x", secret.MaxPassword+1), secret.ErrPassword},
		{"no hash", "", "correct horse", secret.ErrPassword},
		{"no hash, no password", "", "", secret.ErrPassword},
		{"reference", reference, "password", nil},
		{"bcrypt", "$2a$10$abcdefghijklmnopqrstuv", "x", secret.ErrHash},
		{"too much memory", strings.Replace(hash, "m=19456", "m=19456000", 1), "correct horse", secret.ErrHash},
		{"too much time", strings.Replace(hash, "t=2", "t=2000", 1), "correct horse", secret.ErrHash},
		{"cut", hash[:len(hash)-30], "correct horse", secret.ErrHash},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := p.Verify(t.Context(), test.hash, test.password); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	for _, bad := range []string{"", "1234567", strings.Repeat("x", secret.MaxPassword+1)} {
		if _, err := p.Hash(t.Context(), bad); !errors.Is(err, secret.ErrPasswordLength) {
			t.Errorf("password of %d bytes: got %v, want ErrPasswordLength", len(bad), err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	full := secret.NewPasswords(0) // one at once
	var wg sync.WaitGroup
	for range 3 { // more than may run at once: an ended context does not wait forever
		wg.Go(func() {
			if err := full.Verify(ended, hash, "correct horse"); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func FuzzVerify(f *testing.F) {
	corpus.Add(f)
	salt := base64.RawStdEncoding.EncodeToString(make([]byte, 8))
	key := base64.RawStdEncoding.EncodeToString(make([]byte, 16))
	f.Add("$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + key)
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$$")
	f.Add("$argon2id$v=19$m=8,t=1,p=1,x=2$" + salt + "$" + key)
	p := secret.NewPasswords(1)
	f.Fuzz(func(t *testing.T, hash string) {
		err := p.Verify(t.Context(), hash, "x")
		if !errors.Is(err, secret.ErrPassword) && !errors.Is(err, secret.ErrHash) {
			t.Errorf("hash %q: got %v", hash, err)
		}
	})
}

func TestPIN(t *testing.T) {
	p := secret.NewPasswords(1)
	hash, err := p.HashPIN(t.Context(), "4711")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Verify(t.Context(), hash, "4711"); err != nil {
		t.Errorf("right PIN: %v", err)
	}
	if err := p.Verify(t.Context(), hash, "4712"); !errors.Is(err, secret.ErrPassword) {
		t.Errorf("wrong PIN: %v", err)
	}
	cheap, err := secret.HashManyPINs("4711")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Verify(t.Context(), cheap, "4711"); err != nil || !errors.Is(p.Verify(t.Context(), cheap, "4712"), secret.ErrPassword) {
		t.Errorf("PIN that was cheap to hash: %v", err)
	}
	for _, wrong := range []string{"", "471", "4711471147114"} {
		if _, err := p.HashPIN(t.Context(), wrong); !errors.Is(err, secret.ErrPINLength) {
			t.Errorf("%q: %v", wrong, err)
		}
		if _, err := secret.HashManyPINs(wrong); !errors.Is(err, secret.ErrPINLength) {
			t.Errorf("%q, cheap: %v", wrong, err)
		}
	}
}

func TestRandom(t *testing.T) {
	seen := map[string]bool{}
	for range 2000 {
		for _, s := range []string{secret.Token(), secret.Password(24), secret.Name(12)} {
			if seen[s] {
				t.Fatalf("%s came twice", s)
			}
			seen[s] = true
		}
	}
	if got := len(secret.Token()); got != 43 {
		t.Errorf("token has %d characters, want 43", got)
	}
	counts := map[rune]int{}
	for range 1000 {
		for _, r := range secret.Password(56) {
			counts[r]++
		}
	}
	if len(counts) != 56 {
		t.Errorf("passwords use %d characters, want 56", len(counts))
	}
	for r, n := range counts { // 1000 each on average, standard deviation 31
		if n < 800 || n > 1200 {
			t.Errorf("character %c comes %d times, want about 1000", r, n)
		}
		if strings.ContainsRune("01IOlo", r) {
			t.Errorf("character %c can be mistaken", r)
		}
	}
	for range 200 {
		if c := secret.Name(12)[0]; c < 'a' || c > 'z' {
			t.Errorf("name begins with %c", c)
		}
	}
	for n, want := range map[int]int{-1: 0, 0: 0, 1: 1, 64: 64} {
		if got := len(secret.Name(n)); got != want {
			t.Errorf("Name(%d) has %d characters", n, got)
		}
	}
}

func TestCompareAndRedact(t *testing.T) {
	if !secret.Equal("a", "a") || secret.Equal("a", "b") || secret.Equal("a", "aa") {
		t.Error("Equal is wrong")
	}
	if secret.Redact("x") != "***" || secret.Redact("") != "" {
		t.Error("Redact is wrong")
	}
	if secret.TokenHash("a") == secret.TokenHash("b") {
		t.Error("TokenHash is wrong")
	}
}

func BenchmarkVerify(b *testing.B) {
	p := secret.NewPasswords(2)
	hash, err := p.Hash(b.Context(), "correct horse")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := p.Verify(b.Context(), hash, "correct horse"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestDerivedKeys(t *testing.T) {
	a, err := secret.NewBox(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	b, err := secret.NewBox(bytes.Repeat([]byte{2}, 32))
	if err != nil {
		t.Fatal(err)
	}
	if k := a.Derive("x"); len(k) != 32 || !bytes.Equal(k, a.Derive("x")) || bytes.Equal(k, a.Derive("y")) || bytes.Equal(k, b.Derive("x")) {
		t.Errorf("%x", k)
	}
}
