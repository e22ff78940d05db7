package calls

import (
	"cmp"
	"slices"
	"sync/atomic"
)

// Table holds the live calls for lists, for lamps and for hanging up from outside. Shards
// write, each call from one shard at a time; pages, lamps and the API read. Its locks are
// striped by call and by number.
// The zero value is not ready: use NewTable.
type Table struct {
	stripes [liveStripes]struct {
		paddedMutex
		calls map[string]*entry
	}
	numbers numbers
	size    atomic.Int64
}

// entry is one call. The stripe of the call guards all but over and also, whose places are guarded by the
// stripes of their numbers; which they are is for the shard of the call alone.
type entry struct {
	id     string
	call   Call
	hangup func(cause string)
	over   [2]place // by Side
	also   []*place // at which it rings as well
}

// NewTable returns an empty table.
func NewTable() *Table {
	t := &Table{}
	for i := range t.stripes {
		t.stripes[i].calls = make(map[string]*entry)
	}
	t.numbers.init()
	return t
}

func (c Call) clone() Call {
	c.Ringing, c.Also = slices.Clone(c.Ringing), slices.Clone(c.Also)
	return c
}

// Put enters a call. hangup must not block: it hands the wish to the shard that
// owns the call. A call of the same ID is replaced.
func (t *Table) Put(c Call, hangup func(cause string)) {
	e := &entry{id: c.ID, call: c.clone(), hangup: hangup}
	s := &t.stripes[stripe(c.ID)]
	s.Lock()
	old := s.calls[c.ID]
	s.calls[c.ID] = e
	s.Unlock()
	if old != nil {
		t.numbers.leave(old)
		t.numbers.tell(&old.call)
	} else {
		t.size.Add(1)
	}
	t.numbers.enter(e, &c)
	t.numbers.tell(&c)
}

// Update replaces the view of a call that is in the table; one that has been
// removed stays removed.
func (t *Table) Update(c Call) {
	s := &t.stripes[stripe(c.ID)]
	s.Lock()
	e, ok := s.calls[c.ID]
	if !ok {
		s.Unlock()
		return
	}
	before := Call{Number: e.call.Number, CallerNumber: e.call.CallerNumber, Also: e.call.Also}
	e.call = c.clone()
	s.Unlock()
	if before.Number != c.Number || before.CallerNumber != c.CallerNumber || !slices.Equal(before.Also, c.Also) {
		t.numbers.move(e, &c)
		t.numbers.tell(&before)
	}
	t.numbers.tell(&c)
}

// Remove takes a call out.
func (t *Table) Remove(id string) {
	s := &t.stripes[stripe(id)]
	s.Lock()
	e, ok := s.calls[id]
	if !ok {
		s.Unlock()
		return
	}
	delete(s.calls, id)
	s.Unlock()
	t.size.Add(-1)
	t.numbers.leave(e)
	t.numbers.tell(&e.call)
}

// Len counts the calls.
func (t *Table) Len() int { return int(t.size.Load()) }

// Get returns a copy of a call.
func (t *Table) Get(id string) (Call, bool) {
	s := &t.stripes[stripe(id)]
	s.Lock()
	defer s.Unlock()
	e, ok := s.calls[id]
	if !ok {
		return Call{}, false
	}
	return e.call.clone(), true
}

// List returns up to limit calls, newest first, that come after the cursor, and
// the cursor for the next page, which is empty at the end. The empty cursor
// starts at the newest. A cursor stays good when its call ends. IDs are ULIDs,
// so their order is that of the calls' beginnings.
func (t *Table) List(cursor string, limit int) (page []Call, next string) {
	if limit <= 0 {
		return nil, ""
	}
	for i := range t.stripes {
		s := &t.stripes[i]
		s.Lock()
		for id, e := range s.calls {
			if cursor == "" || id < cursor {
				page = append(page, e.call.clone())
			}
		}
		s.Unlock()
	}
	slices.SortFunc(page, func(a, b Call) int { return cmp.Compare(b.ID, a.ID) })
	if len(page) > limit {
		page = slices.Clone(page[:limit])
		next = page[limit-1].ID
	}
	return page, next
}

// Hangup asks the owner of a call to end it, with the cause in words. It reports
// false when there is no such call. The call ends a little later.
func (t *Table) Hangup(id, cause string) bool {
	s := &t.stripes[stripe(id)]
	s.Lock()
	e, ok := s.calls[id]
	s.Unlock()
	if !ok || e.hangup == nil {
		return false
	}
	e.hangup(cause)
	return true
}

// HangupAll asks every call to end and returns how many were asked.
func (t *Table) HangupAll(cause string) int {
	var all []func(string)
	for i := range t.stripes {
		s := &t.stripes[i]
		s.Lock()
		for _, e := range s.calls {
			if e.hangup != nil {
				all = append(all, e.hangup)
			}
		}
		s.Unlock()
	}
	for _, hangup := range all {
		hangup(cause)
	}
	return len(all)
}
