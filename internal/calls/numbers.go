package calls

import (
	"slices"
	"sync/atomic"
)

// Side says which end of a call a number is.
type Side uint8

// The sides of a call.
const (
	CallerSide Side = iota
	CalleeSide
)

// Over is a call that runs over a number, seen from it.
type Over struct {
	Call Call
	Side Side
}

// numbers finds the live calls by the numbers over which they run, and tells when something
// about one of a number's calls has changed.
type numbers struct {
	stripes [liveStripes]struct {
		paddedMutex
		first map[string]*place
	}
	watch atomic.Pointer[func(number string)]
}

// place is one side of a call in the list of its number.
type place struct {
	e          *entry
	side       Side
	number     string
	next, prev *place
}

func (n *numbers) init() {
	for i := range n.stripes {
		n.stripes[i].first = make(map[string]*place)
	}
}

// enter puts a call into the lists of its numbers.
func (n *numbers) enter(e *entry, c *Call) {
	for side, number := range [...]string{CallerSide: c.CallerNumber, CalleeSide: c.Number} {
		e.over[side] = place{e: e, side: Side(side), number: number}
		n.put(&e.over[side])
	}
	n.enterAlso(e, c)
}

// enterAlso puts it into the lists of the further numbers at which it rings, as far as it is not there.
func (n *numbers) enterAlso(e *entry, c *Call) {
	for i, number := range c.Also {
		if number == c.Number || slices.Contains(c.Also[:i], number) || slices.ContainsFunc(e.also, func(p *place) bool { return p.number == number }) {
			continue
		}
		p := &place{e: e, side: CalleeSide, number: number}
		e.also = append(e.also, p)
		n.put(p)
	}
}

// move brings a call to other numbers. It is in the list of what it runs over before and behind all the time.
func (n *numbers) move(e *entry, c *Call) {
	n.enterAlso(e, c)
	for side, number := range [...]string{CallerSide: c.CallerNumber, CalleeSide: c.Number} {
		if p := &e.over[side]; p.number != number {
			n.take(p)
			p.number = number
			n.put(p)
		}
	}
	e.also = slices.DeleteFunc(e.also, func(p *place) bool {
		gone := p.number == c.Number || !slices.Contains(c.Also, p.number)
		if gone {
			n.take(p)
		}
		return gone
	})
}

// leave takes a call out of all lists.
func (n *numbers) leave(e *entry) {
	for i := range e.over {
		n.take(&e.over[i])
	}
	for _, p := range e.also {
		n.take(p)
	}
}

func (n *numbers) put(p *place) {
	if p.number == "" {
		return
	}
	s := &n.stripes[stripe(p.number)]
	s.Lock()
	defer s.Unlock()
	if p.next = s.first[p.number]; p.next != nil {
		p.next.prev = p
	}
	s.first[p.number] = p
}

func (n *numbers) take(p *place) {
	if p.number == "" {
		return
	}
	s := &n.stripes[stripe(p.number)]
	s.Lock()
	defer s.Unlock()
	if p.next != nil {
		p.next.prev = p.prev
	}
	switch {
	case p.prev != nil:
		p.prev.next = p.next
	case p.next != nil:
		s.first[p.number] = p.next
	default:
		delete(s.first, p.number)
	}
	p.next, p.prev = nil, nil
}

// tell says that something about the numbers of a call has changed.
func (n *numbers) tell(c *Call) {
	watch := n.watch.Load()
	if watch == nil {
		return
	}
	if c.Number != "" {
		(*watch)(c.Number)
	}
	if c.CallerNumber != "" && c.CallerNumber != c.Number {
		(*watch)(c.CallerNumber)
	}
	for _, number := range c.Also {
		if number != c.Number && number != c.CallerNumber {
			(*watch)(number)
		}
	}
}

// OnNumber lets fn hear of every number over which a call has begun, changed or ended, after the table
// shows it. It is called by the shards and must not block. There is one fn; nil ends it.
func (t *Table) OnNumber(fn func(number string)) {
	if fn == nil {
		t.numbers.watch.Store(nil)
		return
	}
	t.numbers.watch.Store(&fn)
}

// Over appends up to limit calls that run over a number now to buf, the newest first. This is what lamps
// show: there is no other record of it that could differ.
func (t *Table) Over(buf []Over, number string, limit int) []Over {
	n := &t.numbers.stripes[stripe(number)]
	n.Lock()
	defer n.Unlock()
	for p := n.first[number]; p != nil && limit > 0; p = p.next {
		s := &t.stripes[stripe(p.e.id)]
		s.Lock()
		buf = append(buf, Over{Call: p.e.call.clone(), Side: p.side})
		s.Unlock()
		limit--
	}
	return buf
}
