package dialog

import (
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func TestParseRAck(t *testing.T) {
	for _, c := range []struct {
		in string
		ok bool
	}{
		{"776656 1 INVITE", true},
		{"  1\t 0   INVITE ", true},
		{"4294967295 4294967295 INVITE", true},
		{"0 1 INVITE", false},
		{"4294967296 1 INVITE", false},
		{"1 4294967296 INVITE", false},
		{"1 INVITE", false},
		{"1 1 INVITE x", false},
		{"-1 1 INVITE", false},
		{"", false},
	} {
		got, ok := ParseRAck(c.in)
		if ok != c.ok || ok && got.Method != "INVITE" {
			t.Errorf("%q: %+v %v", c.in, got, ok)
		}
	}
	if s := (RAck{7, 2, "INVITE"}).String(); s != "7 2 INVITE" {
		t.Error(s)
	}
}

func FuzzParseRAck(f *testing.F) {
	corpus.Add(f)
	f.Add("776656 1 INVITE")
	f.Add(" 1\t2  X ")
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := ParseRAck(s)
		if !ok {
			return
		}
		if again, ok := ParseRAck(r.String()); !ok || again != r || r.RSeq == 0 {
			t.Errorf("%q: %+v, again %+v", s, r, again)
		}
	})
}

func TestParseRSeq(t *testing.T) {
	for in, want := range map[string]uint32{"1": 1, " 988789 ": 988789, "0": 0, "": 0, "-1": 0, "x": 0, "4294967295": 4294967295, "4294967296": 0} {
		if got := ParseRSeq(in); got != want {
			t.Errorf("%q: %d", in, got)
		}
	}
}

func TestBackoff(t *testing.T) {
	var b Backoff
	at := time.Duration(0)
	var sent []time.Duration
	for {
		wait, more := b.Next()
		at += wait
		if !more {
			break
		}
		sent = append(sent, at)
	}
	want := []time.Duration{500, 1500, 3500, 7500, 15500, 31500}
	if len(sent) != len(want) || at != 32*time.Second {
		t.Fatalf("%v, ends at %v", sent, at)
	}
	for i := range want {
		if sent[i] != want[i]*time.Millisecond {
			t.Errorf("%v, want %v ms", sent, want)
		}
	}
}

func TestRandomNumbers(t *testing.T) {
	least, most := func(int) int { return 0 }, func(n int) int { return n - 1 }
	if a, b := FirstRSeq(least), FirstRSeq(most); a != 1 || b != 1<<31-1 {
		t.Errorf("first RSeq from %d to %d", a, b)
	}
	if a, b := RetryAfter(least), RetryAfter(most); a != 0 || b != 10 {
		t.Errorf("Retry-After from %d to %d", a, b)
	}
}
