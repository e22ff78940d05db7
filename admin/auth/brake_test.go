package auth

import (
	"strconv"
	"testing"
	"time"
)

// TestBrakeIsBounded floods a brake with keys: memory stays bounded and a key
// in use is mostly kept.
func TestBrakeIsBounded(t *testing.T) {
	b := newBrake(5, time.Minute)
	now := time.Now()
	for i := range 3 * maxBraked {
		b.take(strconv.Itoa(i), now)
		if len(b.full) > maxBraked {
			t.Fatalf("%d keys", len(b.full))
		}
	}
	b.take("late", now.Add(time.Hour))
	for i := range maxBraked {
		b.take("again"+strconv.Itoa(i), now.Add(time.Hour))
	}
	if len(b.full) > maxBraked {
		t.Errorf("%d keys after an hour", len(b.full))
	}
}

func TestBrakeForgets(t *testing.T) {
	b := newBrake(2, time.Minute)
	now := time.Now()
	b.take("a", now)
	b.take("a", now)
	if b.take("a", now) == 0 {
		t.Fatal("not braked")
	}
	b.giveBack("a")
	if wait := b.take("a", now); wait != 0 {
		t.Errorf("after giving one back: wait %v", wait)
	}
	b.forget("a")
	if len(b.full) != 0 {
		t.Error("not forgotten")
	}
	b.giveBack("nobody")
}

func TestHomesAreBounded(t *testing.T) {
	h := &homes{known: make(map[string]struct{})}
	for i := range maxHomes + 100 {
		h.add(strconv.Itoa(i))
	}
	if len(h.known) != maxHomes || !h.has(strconv.Itoa(maxHomes+99)) {
		t.Errorf("%d remembered", len(h.known))
	}
}
