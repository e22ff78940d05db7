package auth

import (
	"slices"
	"testing"
	"time"
)

func TestBlocks(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	d := &Door{users: newBrake(2, time.Minute), sources: newBrake(3, 10*time.Second)}
	for range 2 {
		d.users.take("armin", now)
		d.users.take("adele 192.0.2.7", now)
	}
	d.users.take("iris", now)
	for range 3 {
		d.sources.take("192.0.2.9", now)
	}
	want := []Block{
		{"adele", "192.0.2.7", now.Add(time.Minute)},
		{"armin", "", now.Add(time.Minute)},
		{"", "192.0.2.9", now.Add(10 * time.Second)},
	}
	if got := d.Blocks(now); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := d.Blocks(now.Add(11 * time.Second)); !slices.Equal(got, want[:2]) {
		t.Errorf("later: got %v, want %v", got, want[:2])
	}
	if d.users.take("armin", now) == 0 {
		t.Fatal("armin is not blocked at all")
	}
	for _, c := range []struct {
		account, source string
		want            bool
	}{{"armin", "", true}, {"armin", "", false}, {"iris", "", false}, {"adele", "192.0.2.7", true}, {"", "192.0.2.9", true}, {"", "192.0.2.8", false}} {
		if got := d.Release(c.account, c.source, now); got != c.want {
			t.Errorf("release of %q at %q: %v", c.account, c.source, got)
		}
	}
	if len(d.Blocks(now)) != 0 || d.users.take("armin", now) != 0 {
		t.Error("released, and still blocked")
	}
}
