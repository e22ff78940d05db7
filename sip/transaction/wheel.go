package transaction

import (
	"math/bits"
	"time"
)

// Tick is the resolution of the wheel.
const Tick = 10 * time.Millisecond

const (
	wheelBits   = 8
	wheelSlots  = 1 << wheelBits
	wheelLevels = 4 // 256 ticks = 2.56 s, 11 min, 46 h, 1.4 years
	wheelMax    = 1<<(wheelBits*wheelLevels) - 1
)

// expirer is what a timer wakes. The owners embed their Timer, so that arming one
// allocates nothing.
type expirer interface{ expired() }

// timerFunc makes an expirer of a function (a func value is a pointer: no allocation).
type timerFunc func()

func (f timerFunc) expired() { f() }

// Timer is a pending wheel entry.
type Timer struct {
	next, prev *Timer
	wheel      *Wheel // not nil while pending
	tick       int64
	owner      expirer
	slot       uint16 // level<<wheelBits | index
}

// Stop prevents a timer from firing and reports whether it did. A nil Timer may be stopped.
func (t *Timer) Stop() bool {
	if t == nil || t.wheel == nil {
		return false
	}
	t.wheel.unlink(t)
	return true
}

// Pending reports whether the timer will fire.
func (t *Timer) Pending() bool { return t != nil && t.wheel != nil }

// Wheel is a hierarchical timing wheel: arming, stopping and firing cost O(1), and
// an empty or far-away wheel needs no ticks, because Next says when to come back.
// Timers never fire early, and those of one tick fire in the order they were armed.
// It belongs to one shard: its methods are not safe for concurrent use.
type Wheel struct {
	start time.Time
	now   time.Time
	tick  int64
	count int
	heads [wheelLevels][wheelSlots]*Timer // circular lists
	used  [wheelLevels][wheelSlots / 64]uint64
}

// NewWheel makes a wheel whose clock stands at now.
func NewWheel(now time.Time) *Wheel { return &Wheel{start: now, now: now} }

// Now is the wheel's clock: the greatest time given to SetNow.
func (w *Wheel) Now() time.Time { return w.now }

// elapsed is the clock as the time since the wheel was made.
func (w *Wheel) elapsed() time.Duration { return w.now.Sub(w.start) }

// Len is the number of pending timers.
func (w *Wheel) Len() int { return w.count }

// After runs fn after d.
func (w *Wheel) After(d time.Duration, fn func()) *Timer {
	t := new(Timer)
	w.arm(t, d, timerFunc(fn))
	return t
}

// arm (re-)starts t.
func (w *Wheel) arm(t *Timer, d time.Duration, owner expirer) {
	t.Stop()
	t.owner = owner
	at := w.elapsed() + max(d, 0)
	t.tick = max(int64((at+Tick-1)/Tick), w.tick+1)
	t.wheel = w
	w.count++
	w.link(t)
}

// link puts t into the level of the highest bits in which its tick differs from the
// present one. So a slot of a higher level is emptied into the lower ones exactly when the
// clock enters it, before anything could be armed there directly: order is kept.
func (w *Wheel) link(t *Timer) {
	diff := uint64(t.tick ^ w.tick)
	if diff > wheelMax {
		diff = wheelMax // beyond the horizon: looked at again when its slot comes
	}
	level := 0
	if diff != 0 {
		level = (bits.Len64(diff) - 1) / wheelBits
	}
	idx := int(t.tick>>(level*wheelBits)) & (wheelSlots - 1)
	t.slot = uint16(level<<wheelBits | idx)
	head := w.heads[level][idx]
	if head == nil {
		t.next, t.prev = t, t
		w.heads[level][idx] = t
		w.used[level][idx/64] |= 1 << (idx % 64)
		return
	}
	t.prev, t.next = head.prev, head
	head.prev.next = t
	head.prev = t
}

// unlink takes t out of its list.
func (w *Wheel) unlink(t *Timer) {
	level, idx := int(t.slot>>wheelBits), int(t.slot&(wheelSlots-1))
	switch {
	case t.next == t:
		w.heads[level][idx] = nil
		w.used[level][idx/64] &^= 1 << (idx % 64)
	default:
		t.prev.next, t.next.prev = t.next, t.prev
		if w.heads[level][idx] == t {
			w.heads[level][idx] = t.next
		}
	}
	t.next, t.prev, t.wheel = nil, nil, nil
	w.count--
}

// following finds the first used slot after the present one: its level, index and the
// tick at which it begins.
func (w *Wheel) following() (level, idx int, tick int64, ok bool) {
	if w.count == 0 {
		return 0, 0, 0, false
	}
	for level = range wheelLevels {
		shift := level * wheelBits
		cur := int(w.tick>>shift) & (wheelSlots - 1)
		if idx = firstAbove(&w.used[level], cur); idx < 0 {
			continue
		}
		block := w.tick >> (shift + wheelBits) << (shift + wheelBits)
		return level, idx, block | int64(idx)<<shift, true
	}
	// Only what lies beyond the horizon is left, in a slot that the top level passes again.
	top := wheelLevels - 1
	idx = firstAbove(&w.used[top], -1)
	block := (w.tick>>(wheelLevels*wheelBits) + 1) << (wheelLevels * wheelBits)
	return top, idx, block | int64(idx)<<(top*wheelBits), true
}

// firstAbove is the lowest set bit above after, -1 for none.
func firstAbove(set *[wheelSlots / 64]uint64, after int) int {
	from := after + 1
	if from >= wheelSlots {
		return -1
	}
	word := set[from/64] >> (from % 64) << (from % 64)
	for i := from / 64; ; {
		if word != 0 {
			return i*64 + bits.TrailingZeros64(word)
		}
		if i++; i == len(set) {
			return -1
		}
		word = set[i]
	}
}

// Next is when Advance wants to be called again; ok is false when nothing is
// pending. It may be earlier than the first timer (at most once per level and timer).
func (w *Wheel) Next() (at time.Time, ok bool) {
	if w.heads[0][w.tick&(wheelSlots-1)] != nil {
		return w.start.Add(time.Duration(w.tick) * Tick), true
	}
	_, _, tick, ok := w.following()
	return w.start.Add(time.Duration(tick) * Tick), ok
}

// Due sets the clock and takes the next timer that has expired by now off the wheel;
// fire runs it, and is nil when nothing is due. Taking one at a time leaves the wheel sound
// should fire panic.
func (w *Wheel) Due(now time.Time) (fire func()) {
	if t := w.due(now); t != nil {
		return t.owner.expired
	}
	return nil
}

// Advance fires everything that has expired by now, in order.
func (w *Wheel) Advance(now time.Time) {
	for t := w.due(now); t != nil; t = w.due(now) {
		t.owner.expired()
	}
}

func (w *Wheel) due(now time.Time) *Timer {
	if now.After(w.now) {
		w.now = now
	}
	to := int64(w.elapsed() / Tick)
	for {
		if t := w.heads[0][w.tick&(wheelSlots-1)]; t != nil {
			w.unlink(t)
			return t
		}
		level, idx, tick, ok := w.following()
		if !ok || tick > to {
			w.tick = to
			return nil
		}
		w.tick = tick
		if level > 0 {
			w.cascade(level, idx)
		}
	}
}

// cascade spreads the slot that the clock has entered over the levels below.
func (w *Wheel) cascade(level, idx int) {
	head := w.heads[level][idx]
	w.heads[level][idx] = nil
	w.used[level][idx/64] &^= 1 << (idx % 64)
	head.prev.next = nil
	for t := head; t != nil; {
		next := t.next
		w.link(t)
		t = next
	}
}
