// Package trace keeps the messages of calls, so that one can see afterwards what was signalled (SPEC O2).
//
// A Book belongs to one shard and holds the rings of its calls: those that run, and those that have ended, as far
// as there is room. A Ring belongs to one call. Nothing is copied: a message that was received owns its bytes, and what was
// sent is not changed any more. Secrets are in them and are masked when a ring is shown.
//
// All methods run in the shard; nothing here locks or starts a goroutine. The methods of a nil Book and a nil Ring do
// nothing, so that tracing can be switched off. The package imports message, transport and internal/ladder alone.
package trace

import (
	"net/netip"
	"slices"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/ladder"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Limits bound what a Book keeps. Zero means the default in brackets.
type Limits struct {
	Messages int           // of one call [200]
	Bytes    int           // of one call [64 KiB]
	Ended    int           // bytes of all calls that have ended [8 MiB]
	Total    int           // bytes of all calls [64 MiB]; when they are reached nothing more is kept
	Age      time.Duration // how long after its end a call is kept [1 h]
}

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Messages, 200)
	def(&l.Bytes, 64<<10)
	def(&l.Ended, 8<<20)
	def(&l.Total, 64<<20)
	if l.Age <= 0 {
		l.Age = time.Hour
	}
	return l
}

// Share is the part of one of n shards.
func (l Limits) Share(n int) Limits {
	l = l.withDefaults()
	l.Ended, l.Total = max(l.Ended/n, l.Bytes), max(l.Total/n, l.Bytes)
	return l
}

const (
	// beginning is how many of the first messages of a call are never pushed out: they tell most.
	beginning = 24
	// maxEnds bounds the flows that a ring tells apart.
	maxEnds = 32
	// plainTimes is how many times the bytes of a call may be when they are not compressed.
	plainTimes = 4
	// overhead is what a message costs besides its bytes.
	overhead = 64
	// usual is how many messages a ring holds without a further allocation.
	usual = 16
)

// Book holds the rings of one shard.
type Book struct {
	limits  Limits
	running list
	ended   list // oldest first
	bytes   int  // of all rings
	rest    int  // of those in ended
	skipped uint64
	packer  packer
}

// New makes a Book.
func New(l Limits) *Book { return &Book{limits: l.withDefaults()} }

// list is a list of rings.
type list struct {
	first, last *Ring
	n           int
}

func (l *list) push(r *Ring) {
	r.prev, r.next = l.last, nil
	if l.last != nil {
		l.last.next = r
	} else {
		l.first = r
	}
	l.last = r
	l.n++
}

func (l *list) remove(r *Ring) {
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		l.first = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	} else {
		l.last = r.prev
	}
	r.prev, r.next = nil, nil
	l.n--
}

// Ring holds the messages of one call.
type Ring struct {
	book       *Book
	next, prev *Ring
	id         string
	start, end time.Time // end is zero while the call runs
	bytes      int       // as kept, overhead included
	plain      int       // the same without compression
	skipped    int
	gone       bool   // not in the book any more
	packed     []byte // texts of the entries that have none
	entries    []entry
	ends       []end
	firstEnds  [2]end
	first      [usual]entry
}

type entry struct {
	at   int64 // unix nanoseconds
	text []byte
	size uint16 // of the text, also when it is packed
	end  uint8  // index in ends
	out  bool
}

// end is a flow by value: a ring must not keep connections alive.
type end struct {
	proto         transport.Proto
	local, remote netip.AddrPort
}

// Open begins the ring of a call.
func (b *Book) Open(id string, now time.Time) *Ring {
	if b == nil {
		return nil
	}
	r := &Ring{book: b, id: id, start: now}
	r.entries, r.ends = r.first[:0], r.firstEnds[:0]
	b.running.push(r)
	return r
}

// ID names the call.
func (r *Ring) ID() string {
	if r == nil {
		return ""
	}
	return r.id
}

// In notes a message that was received on flow.
func (r *Ring) In(now time.Time, flow *transport.Flow, m *message.Message) {
	if r != nil {
		r.add(now, flow, m.Raw(), false)
	}
}

// Out notes a message that is sent on flow; it must not be changed afterwards.
func (r *Ring) Out(now time.Time, flow *transport.Flow, b []byte) {
	if r != nil {
		r.add(now, flow, b, true)
	}
}

func (r *Ring) add(now time.Time, flow *transport.Flow, text []byte, out bool) {
	b := r.book
	size := len(text) + overhead
	e, ok := r.endOf(flow)
	if r.gone || !ok || size > b.limits.Bytes/2 {
		r.skip()
		return
	}
	for len(r.entries) >= b.limits.Messages || r.bytes+size > b.limits.Bytes || r.plain+size > plainTimes*b.limits.Bytes {
		if !r.forget() {
			r.skip()
			return
		}
	}
	for b.bytes+size > b.limits.Total {
		if b.ended.first == nil || b.ended.first == r {
			r.skip()
			return
		}
		b.drop(b.ended.first)
	}
	r.entries = append(r.entries, entry{now.UnixNano(), text, uint16(len(text)), e, out})
	r.plain += size
	r.count(size)
}

// endOf finds or adds the flow.
func (r *Ring) endOf(f *transport.Flow) (uint8, bool) {
	e := end{f.Proto(), f.Local(), f.Remote()}
	for i := range r.ends {
		if r.ends[i] == e {
			return uint8(i), true
		}
	}
	if len(r.ends) == maxEnds {
		return 0, false
	}
	r.ends = append(r.ends, e)
	return uint8(len(r.ends) - 1), true
}

func (r *Ring) skip() {
	r.skipped++
	r.book.skipped++
}

// forget drops the oldest messages behind the beginning, an eighth of them at a time.
func (r *Ring) forget() bool {
	if len(r.entries) <= beginning {
		return false
	}
	r.restore()
	n := max((len(r.entries)-beginning)/8, 1)
	for i := range n {
		size := int(r.entries[beginning+i].size) + overhead
		r.plain -= size
		r.count(-size)
		r.skip()
	}
	r.entries = slices.Delete(r.entries, beginning, beginning+n)
	return true
}

func (r *Ring) count(n int) {
	r.bytes += n
	r.book.bytes += n
	if !r.end.IsZero() && !r.gone {
		r.book.rest += n
	}
}

// Close notes the end of the call; what is signalled afterwards is still added.
func (r *Ring) Close(now time.Time) {
	if r == nil || !r.end.IsZero() {
		return
	}
	b := r.book
	b.running.remove(r)
	b.ended.push(r)
	r.end = now
	b.rest += r.bytes
	b.Expire(now)
	for b.rest > b.limits.Ended && b.ended.n > 1 {
		b.drop(b.ended.first)
	}
}

// Expire drops the calls that have ended too long ago.
func (b *Book) Expire(now time.Time) {
	if b == nil {
		return
	}
	for r := b.ended.first; r != nil && now.Sub(r.end) > b.limits.Age; r = b.ended.first {
		b.drop(r)
	}
}

// drop forgets a call that has ended.
func (b *Book) drop(r *Ring) {
	b.ended.remove(r)
	r.count(-r.bytes)
	r.gone = true
	r.entries, r.ends, r.packed, r.first, r.firstEnds = nil, nil, nil, [usual]entry{}, [2]end{}
}

// Find is the ring of a call, running or ended, nil when there is none.
func (b *Book) Find(id string) *Ring {
	if b == nil {
		return nil
	}
	for r := b.running.first; r != nil; r = r.next {
		if r.id == id {
			return r
		}
	}
	for r := b.ended.last; r != nil; r = r.prev {
		if r.id == id {
			return r
		}
	}
	return nil
}

// Kept is a copy of a ring that any goroutine may read.
type Kept struct {
	id         string
	start, end time.Time
	skipped    int
	packed     []byte
	entries    []entry
	ends       []end
}

// Copy takes one. It is cheap: the messages themselves are shared.
func (r *Ring) Copy() *Kept {
	return &Kept{
		id: r.id, start: r.start, end: r.end, skipped: r.skipped, packed: r.packed,
		entries: append([]entry(nil), r.entries...), ends: append([]end(nil), r.ends...),
	}
}

// Call shows what was kept, secrets masked.
func (k *Kept) Call() ladder.Call {
	c := ladder.Call{ID: k.id, Start: k.start, End: k.end, Skipped: k.skipped, Messages: make([]ladder.Message, len(k.entries))}
	all := unpacked(nil, k.packed, k.entries)
	for i := range k.entries {
		e := &k.entries[i]
		text := all[:e.size]
		all = all[e.size:]
		f := k.ends[e.end]
		c.Messages[i] = ladder.Message{
			At: time.Unix(0, e.at), Out: e.out, Transport: string(f.proto), Local: f.local, Remote: f.remote, Text: string(message.Mask(text)),
		}
	}
	return c
}

// Stats are the figures of a Book.
type Stats struct {
	Running, Ended int    // calls
	Bytes          int    // kept of all of them
	Skipped        uint64 // messages that were not kept
}

// Stats returns them.
func (b *Book) Stats() Stats {
	if b == nil {
		return Stats{}
	}
	return Stats{b.running.n, b.ended.n, b.bytes, b.skipped}
}
