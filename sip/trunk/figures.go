package trunk

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// counters are what calls have shown of a trunk since the start.
type counters struct {
	out, answered, failed, in atomic.Uint64
	tried                     atomic.Int64 // when the last call tried it, in microseconds since 1970; 0 for never
	status                    atomic.Int64 // how that ended
	came                      atomic.Int64 // when the last call came from it
}

// Figures are what calls have shown of a trunk since the start.
type Figures struct {
	Trunk
	Out      uint64 // calls that tried it
	Answered uint64 // those that were answered
	Failed   uint64 // those to which the peer gave no answer, or said that it cannot serve
	In       uint64 // calls that came from it
	// Tried is when the last call tried it, zero for never, and Status how the peer answered, 0 when it did not.
	Tried  time.Time
	Status int
	Came   time.Time // when the last call came from it
}

// Up reports whether the peer answered the last call that tried the trunk.
func (f *Figures) Up() bool { return !f.Tried.IsZero() && !failed(f.Status) }

// failed reports whether a peer that answers so cannot be used: 408 stands for no answer, 500 and 503 say that it cannot serve (RFC
// 3261 section 21.5). Any other refusal is about the number that was called.
func failed(status int) bool { return status == 408 || status == 500 || status == 503 || status == 504 }

// Tried notes that a call has tried a contact, how it was answered, and whether it has rung; 0 stands for a call that was given up before.
// Contacts that lead to no trunk are left alone.
func (t *Trunks) Tried(contact string, at time.Time, status int, rang bool) {
	u, err := message.ParseURI(contact)
	if err != nil {
		return
	}
	if rang && status == 408 { // nobody has answered in time, but the peer was there
		status = 480
	}
	for i := range t.list {
		l := &t.list[i]
		if l.uri.Host != u.Host || l.uri.Port != u.Port || l.uri.Scheme != u.Scheme {
			continue
		}
		c := &t.counters[i]
		c.out.Add(1)
		switch {
		case status >= 200 && status < 300:
			c.answered.Add(1)
		case failed(status):
			c.failed.Add(1)
		}
		if status != 0 {
			c.status.Store(int64(status))
			c.tried.Store(at.UnixMicro())
		}
		return
	}
}

// Came implements b2bua.Trunks.
func (t *Trunks) Came(from netip.Addr, at time.Time) {
	if i := t.from(from.Unmap()); i >= 0 {
		t.counters[i].in.Add(1)
		t.counters[i].came.Store(at.UnixMicro())
	}
}

// Figures lists the trunks in their order.
func (t *Trunks) Figures() []Figures {
	out := make([]Figures, len(t.list))
	for i := range t.list {
		c := &t.counters[i]
		out[i] = Figures{
			Trunk: t.list[i].Trunk, Out: c.out.Load(), Answered: c.answered.Load(), Failed: c.failed.Load(), In: c.in.Load(),
			Tried: moment(c.tried.Load()), Status: int(c.status.Load()), Came: moment(c.came.Load()),
		}
	}
	return out
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
