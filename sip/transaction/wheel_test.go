package transaction

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var epoch = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// run goes on as a shard does, from one Next to the next, and returns how often it was woken.
func run(w *Wheel, until time.Time) (wakes int) {
	for {
		at, ok := w.Next()
		if !ok || at.After(until) {
			w.Advance(until)
			return wakes
		}
		w.Advance(at)
		wakes++
	}
}

func TestWheelFiresOnTimeAndInOrder(t *testing.T) {
	w := NewWheel(epoch)
	rng := rand.New(rand.NewPCG(1, 2))
	type want struct {
		at time.Duration
		n  int
	}
	var wants, got []want
	var now time.Duration
	arm := func(n int) {
		d := time.Duration(rng.Int64N(int64(time.Second) << rng.IntN(16)))
		at := (now + d + Tick - 1) / Tick * Tick
		if at/Tick <= now/Tick {
			at = (now/Tick + 1) * Tick
		}
		wants = append(wants, want{at, n})
		w.After(d, func() { got = append(got, want{w.Now().Sub(epoch), n}) })
	}
	for n := range 5000 {
		arm(n)
		if n%10 == 0 {
			now += time.Duration(rng.Int64N(int64(3 * time.Second)))
			run(w, epoch.Add(now))
		}
	}
	run(w, epoch.Add(200*time.Hour))
	if w.Len() != 0 {
		t.Fatalf("%d timers left", w.Len())
	}
	slices.SortStableFunc(wants, func(a, b want) int { return int((a.at - b.at) / Tick) })
	if !slices.Equal(got, wants) {
		for i := range wants {
			if got[i] != wants[i] {
				t.Fatalf("timer %d of %d: got %v, want %v", i, len(wants), got[i], wants[i])
			}
		}
		t.Fatalf("%d timers fired, want %d", len(got), len(wants))
	}
}

func TestWheelNeverEarly(t *testing.T) {
	w := NewWheel(epoch)
	w.Advance(epoch.Add(9 * time.Millisecond))
	fired := false
	w.After(5*time.Millisecond, func() { fired = true })
	if w.Advance(epoch.Add(13 * time.Millisecond)); fired {
		t.Error("fired early")
	}
	if w.Advance(epoch.Add(20 * time.Millisecond)); !fired {
		t.Error("not fired within a tick")
	}
}

func TestWheelFarAway(t *testing.T) {
	for _, d := range []time.Duration{0, -time.Hour, Tick, 2560 * time.Millisecond, 30 * time.Minute, 100 * time.Hour, 600 * 24 * time.Hour, 2000 * 24 * time.Hour} {
		w := NewWheel(epoch)
		var at time.Time
		w.Advance(epoch.Add(12345678 * time.Millisecond))
		armed := w.Now()
		w.After(d, func() { at = w.Now() })
		wakes := run(w, armed.Add(4000*24*time.Hour))
		if late := at.Sub(armed.Add(d)); at.IsZero() || d >= 0 && (late < 0 || late > Tick) {
			t.Errorf("%v: fired at %v (%v late)", d, at, late)
		}
		if wakes > wheelLevels+int(d/(400*24*time.Hour)) {
			t.Errorf("%v: woken %d times", d, wakes)
		}
		if _, ok := w.Next(); ok || w.Len() != 0 {
			t.Errorf("%v: wheel is not empty", d)
		}
	}
}

func TestWheelStop(t *testing.T) {
	w := NewWheel(epoch)
	var none *Timer
	if none.Stop() || none.Pending() {
		t.Error("a nil timer was pending")
	}
	var fired []int
	var timers []*Timer
	for n := range 6 {
		timers = append(timers, w.After(time.Second, func() {
			fired = append(fired, n)
			timers[4].Stop() // by another timer of the same tick
		}))
	}
	for _, n := range []int{0, 2, 5} {
		if !timers[n].Stop() || timers[n].Stop() || timers[n].Pending() {
			t.Errorf("stopping timer %d", n)
		}
	}
	w.Advance(epoch.Add(time.Minute))
	if !slices.Equal(fired, []int{1, 3}) || w.Len() != 0 || timers[1].Stop() {
		t.Errorf("fired %v, %d left", fired, w.Len())
	}
}

func TestWheelRearmInsideCallback(t *testing.T) {
	w := NewWheel(epoch)
	var at []time.Duration
	var again func()
	again = func() {
		if at = append(at, w.Now().Sub(epoch)); len(at) < 5 {
			w.After(0, again)
		}
	}
	w.After(0, again)
	run(w, epoch.Add(time.Second))
	if want := []time.Duration{10e6, 20e6, 30e6, 40e6, 50e6}; !slices.Equal(at, want) {
		t.Errorf("fired at %v", at)
	}
}

func BenchmarkWheelArmStop(b *testing.B) {
	w := NewWheel(epoch)
	var t Timer
	fn := timerFunc(func() {})
	b.ReportAllocs()
	for b.Loop() {
		w.arm(&t, Lifetime, fn)
		t.Stop()
	}
}
