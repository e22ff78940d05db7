package event

import (
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func TestParseName(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Name
		ok   bool
	}{
		{"dialog", Name{"dialog", ""}, true},
		{"Dialog ; ID=7", Name{"dialog", "7"}, true},
		{"dialog;sla;ma", Name{"dialog", ""}, true},
		{"presence.winfo;id=a.b", Name{"presence.winfo", "a.b"}, true},
		{"refer;id=\"9 9\"", Name{}, false},
		{"", Name{}, false},
		{";id=1", Name{}, false},
		{"a b", Name{}, false},
		{"dialog\x00", Name{}, false},
		{strings.Repeat("x", 300), Name{}, false},
	} {
		t.Run(c.in, func(t *testing.T) {
			if got, ok := ParseName(c.in); got != c.want || ok != c.ok {
				t.Errorf("got %+v %v, want %+v %v", got, ok, c.want, c.ok)
			}
		})
	}
}

func TestParseProgress(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Progress
		ok   bool
	}{
		{"active;expires=60", Progress{"active", "", 60, -1}, true},
		{"Terminated; Reason=Deactivated", Progress{"terminated", Deactivated, -1, -1}, true},
		{"terminated;reason=probation;retry-after=7", Progress{"terminated", Probation, -1, 7}, true},
		{"pending;expires=99999999999999", Progress{"pending", "", 1<<32 - 1, -1}, true},
		{"", Progress{}, false},
		{"active active", Progress{}, false},
	} {
		t.Run(c.in, func(t *testing.T) {
			got, ok := ParseProgress(c.in)
			if !ok {
				got = Progress{}
			}
			if got != c.want || ok != c.ok {
				t.Errorf("got %+v %v, want %+v %v", got, ok, c.want, c.ok)
			}
		})
	}
}

func FuzzParseName(f *testing.F) {
	corpus.Add(f)
	f.Add("dialog;id=3;x=\"y;z\"")
	f.Add("presence.winfo")
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := ParseName(s)
		if !ok {
			return
		}
		if again, ok := ParseName(n.String()); !ok || again != n {
			t.Errorf("%q: %q does not survive", s, n)
		}
	})
}

func FuzzParseProgress(f *testing.F) {
	corpus.Add(f)
	f.Add("terminated;reason=noresource;retry-after=5")
	f.Add("active;expires=\"60\"")
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := ParseProgress(s)
		if !ok {
			return
		}
		if !isToken(string(p.Reason)) { // what we write is our own; a foreign reason may be anything
			p.Reason = ""
		}
		if again, ok := ParseProgress(p.String()); !ok || again != p {
			t.Errorf("%q: %q does not survive", s, p)
		}
	})
}
