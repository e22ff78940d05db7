package budget

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func TestTake(t *testing.T) {
	table := New(2, 3)
	for i, c := range []struct {
		key  string
		at   time.Duration
		want bool
	}{
		{"a", 0, true},
		{"a", 0, true},
		{"a", 0, true},
		{"a", 0, false},
		{"b", 0, true}, // has a bucket of its own
		{"a", 400 * time.Millisecond, false},
		{"a", 500 * time.Millisecond, true},
		{"a", 500 * time.Millisecond, false},
		{"a", 100 * time.Millisecond, false}, // a clock that was set back gives nothing
		{"a", time.Hour, true},
		{"a", time.Hour, true},
		{"a", time.Hour, true}, // no more than the burst was saved
		{"a", time.Hour, false},
	} {
		if got := table.Take(c.key, start.Add(c.at)); got != c.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
}

func TestSources(t *testing.T) {
	table := New(1, 1)
	for i, c := range []struct {
		addr string
		want bool
	}{
		{"192.0.2.1", true},
		{"::ffff:192.0.2.1", false}, // the same
		{"192.0.2.2", true},
		{"2001:db8::1", true},
		{"2001:db8::2", false}, // the same /64
		{"2001:db8:0:1::1", true},
	} {
		if got := table.TakeFrom(netip.MustParseAddr(c.addr), start); got != c.want {
			t.Errorf("step %d, %s: %v", i, c.addr, got)
		}
	}
}

// TestForgedKeys pushes a key out; it begins anew, and nobody is kept out for ever.
func TestForgedKeys(t *testing.T) {
	table := New(1, 1)
	table.Take("phone", start)
	if table.Take("phone", start) {
		t.Fatal("the budget was not used up")
	}
	for i := range 100 * sets {
		if !table.Take(fmt.Sprint(i), start.Add(time.Millisecond)) {
			t.Fatalf("key %d begins with an empty bucket", i)
		}
	}
	if !table.Take("phone", start.Add(2*time.Millisecond)) {
		t.Error("pushed out, and still without budget")
	}
}

func TestShared(t *testing.T) {
	s := NewShared(10, 2)
	for i, c := range []struct {
		at   time.Duration
		want bool
	}{{0, true}, {0, true}, {0, false}, {99 * time.Millisecond, false}, {100 * time.Millisecond, true}, {100 * time.Millisecond, false}} {
		if got := s.Take(start.Add(c.at)); got != c.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
}

func BenchmarkTakeFrom(b *testing.B) {
	table := New(1000, 1000)
	a := netip.MustParseAddr("192.0.2.1")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		table.TakeFrom(a, start.Add(time.Duration(i)*time.Millisecond))
	}
}
