package corpus

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValues(t *testing.T) {
	for _, tc := range []struct {
		name, lines string
		want        []any
		fails       bool
	}{
		{"bytes", `[]byte("a\x00\"\n")`, []any{[]byte("a\x00\"\n")}, false},
		{"string", `string("ü")`, []any{"ü"}, false},
		{"several", "string(\"a\")\nint(-3)\nuint8('\\n')\nbyte('x')\nbool(true)\nuint16(7)\nuint32(9)", []any{"a", -3, uint8('\n'), uint8('x'), true, uint16(7), uint32(9)}, false},
		{"wide", "int64(-9223372036854775808)\nuint64(18446744073709551615)", []any{int64(-1 << 63), uint64(1<<64 - 1)}, false},
		{"a quote", `byte('\'')`, []any{uint8('\'')}, false},
		{"no conversion", `"a"`, nil, true},
		{"a call", `os.Exit(1)`, nil, true},
		{"a number as bytes", `[]byte(1)`, nil, true},
		{"too large", `uint8(300)`, nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Values([]byte(header + "\n" + tc.lines + "\n"))
			if (err != nil) != tc.fails {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := Values([]byte("something else\nint(1)\n")); err == nil {
		t.Error("an input of another kind is taken")
	}
}

func TestFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a", "FuzzX.gz")
	in := [][]byte{[]byte("long one"), []byte("b"), []byte("a"), []byte("b"), {}}
	if n, err := WriteFile(name, in); err != nil || n != 4 {
		t.Fatal(n, err)
	}
	got, err := ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]byte{{}, []byte("a"), []byte("b"), []byte("long one")}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	first, _ := os.ReadFile(name)
	if _, err := WriteFile(name, got); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(name); string(again) != string(first) {
		t.Error("the same inputs make another file")
	}
}

func TestFilesAreBounded(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var in [][]byte
	for i := range 3000 {
		b := make([]byte, rnd.IntN(2000))
		for j := range b {
			b[j] = byte(rnd.Uint32())
		}
		in = append(in, append(fmt.Appendf(nil, "%d", i), b...))
	}
	name := filepath.Join(t.TempDir(), "FuzzX.gz")
	n, err := WriteFile(name, in)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > MaxPacked || n == 0 || n > MaxInputs {
		t.Errorf("%d inputs in %d bytes", n, info.Size())
	}
}

func TestDamagedFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "FuzzX.gz")
	if _, err := WriteFile(name, [][]byte{[]byte(strings.Repeat("a", 1000))}); err != nil {
		t.Fatal(err)
	}
	whole, _ := os.ReadFile(name)
	for n := range whole {
		if err := os.WriteFile(name, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFile(name); err == nil {
			t.Errorf("cut at %d: accepted", n)
		}
	}
}
