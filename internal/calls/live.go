package calls

import (
	"slices"
	"sync"
)

// liveStripes is a power of two, large enough that calls which have nothing to
// do with each other hardly ever meet on a lock.
const liveStripes = 256

// Live counts what runs over each slot and number at the moment. All shards
// share one; its locks are striped by key and held for a few instructions.
// The zero value is not ready: use NewLive.
//
// Who adds must remove: every Add has exactly one Remove when the call, or the
// part of it that counted, has ended.
type Live struct {
	slots   counters
	numbers counters
	decide  [liveStripes]paddedMutex
	turns   struct {
		sync.Mutex
		n map[string]int
	}
}

// paddedMutex keeps neighbours off the same cache line.
type paddedMutex struct {
	sync.Mutex
	_ [56]byte
}

type counters [liveStripes]struct {
	paddedMutex
	n map[string]int
}

// NewLive returns a table in which nothing runs.
func NewLive() *Live {
	l := &Live{}
	l.turns.n = make(map[string]int)
	for i := range liveStripes {
		l.slots[i].n = make(map[string]int)
		l.numbers[i].n = make(map[string]int)
	}
	return l
}

// stripe is FNV-1a.
func stripe(key string) int {
	h := uint32(2166136261)
	for i := range len(key) {
		h = (h ^ uint32(key[i])) * 16777619
	}
	return int((h ^ h>>16) & (liveStripes - 1))
}

func (c *counters) add(key string, by int) {
	if key == "" {
		return
	}
	s := &c[stripe(key)]
	s.Lock()
	defer s.Unlock()
	n := s.n[key] + by
	if n == 0 {
		delete(s.n, key)
		return
	}
	s.n[key] = n
}

func (c *counters) get(key string) int {
	s := &c[stripe(key)]
	s.Lock()
	n := s.n[key]
	s.Unlock()
	return n
}

func (c *counters) all() map[string]int {
	all := make(map[string]int)
	for i := range c {
		s := &c[i]
		s.Lock()
		for k, n := range s.n {
			all[k] = n
		}
		s.Unlock()
	}
	return all
}

// WithNumber runs fn while no other WithNumber for the same number runs. Deciding
// and adding the number inside fn makes both one step, so that two callers who
// come at once cannot both pass busy-on-any or a limit. number is what
// routing.Dialled returns. fn must not block and must not call WithNumber.
func (l *Live) WithNumber(number string, fn func()) {
	m := &l.decide[stripe(number)]
	m.Lock()
	defer m.Unlock()
	fn()
}

// WithNumbers is WithNumber for several numbers at once.
func (l *Live) WithNumbers(numbers []string, fn func()) {
	stripes := make([]int, len(numbers))
	for i, n := range numbers {
		stripes[i] = stripe(n)
	}
	slices.Sort(stripes) // one order for all, so that no two wait for each other
	for _, s := range slices.Compact(stripes) {
		l.decide[s].Lock()
		defer l.decide[s].Unlock()
	}
	fn()
}

// HuntTurn counts the turns that were taken of a hunt group of strategy round robin, since the start.
func (l *Live) HuntTurn(huntID string) int {
	l.turns.Lock()
	defer l.turns.Unlock()
	return l.turns.n[huntID]
}

// TakeTurn counts a call that a hunt group has spread. An empty ID is ignored.
func (l *Live) TakeTurn(huntID string) {
	if huntID == "" {
		return
	}
	l.turns.Lock()
	defer l.turns.Unlock()
	l.turns.n[huntID]++
}

// AddNumber counts a call over number: one that rings or is up for it, or one
// made showing it. An empty number is ignored.
func (l *Live) AddNumber(number string) { l.numbers.add(number, 1) }

// RemoveNumber takes back one AddNumber.
func (l *Live) RemoveNumber(number string) { l.numbers.add(number, -1) }

// NumberCalls counts the calls over number.
func (l *Live) NumberCalls(number string) int { return l.numbers.get(number) }

// AddSlot counts a call of a slot: as caller from the start of the call on, as
// callee from the answer on. A slot that merely rings is not counted. An empty
// ID is ignored.
func (l *Live) AddSlot(slotID string) { l.slots.add(slotID, 1) }

// RemoveSlot takes back one AddSlot.
func (l *Live) RemoveSlot(slotID string) { l.slots.add(slotID, -1) }

// SlotCalls counts the calls that are up or being set up with the slot.
func (l *Live) SlotCalls(slotID string) int { return l.slots.get(slotID) }

// Left returns every slot and number whose count is not zero. Both maps are empty
// when no call runs; a negative count betrays a Remove too many. Tests for leaks
// and a periodic check use it; it visits everything.
func (l *Live) Left() (slots, numbers map[string]int) {
	return l.slots.all(), l.numbers.all()
}

// Registrations answers whether a slot has a contact.
type Registrations interface {
	Registered(slotID string) bool
}

// LiveState joins live counts and registrations into what a routing decision asks
// for.
type LiveState struct {
	*Live
	Registrations Registrations
}

// Registered reports whether at least one contact is registered for the slot.
func (s LiveState) Registered(slotID string) bool { return s.Registrations.Registered(slotID) }
