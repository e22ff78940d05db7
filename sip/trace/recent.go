package trace

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/ladder"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Bounds of Recent.
const (
	perAccount  = 4    // REGISTERs kept of one account
	perReason   = 32   // refusals kept for one reason
	maxReasons  = 32   // others are left out
	maxKeptText = 2048 // bytes of one message, the rest is cut
	recentSets  = 1024 // sets of accounts
	recentWays  = 4    // accounts in one set; the one that was heard of longest ago gives way
)

// Recent keeps what belongs to no call: the last REGISTERs of each account that has shown its password, and the last requests that were
// refused before anything was kept for them, by reason, so that a flood of one kind pushes out only its own. It belongs to no shard and
// is safe for concurrent use. Texts are copied into buffers that are used again and again, so it allocates nothing in the long run.
// The methods of a nil Recent do nothing.
type Recent struct {
	seed maphash.Seed
	sets [recentSets]recentSet

	mu       sync.Mutex
	refusals map[string]*refusals
}

type recentSet struct {
	mu       sync.Mutex
	accounts [recentWays]*recentAccount
}

type recentAccount struct {
	name string
	last int64
	ring [perAccount]one
	next int
}

type refusals struct {
	ring [perReason]one
	next int
}

// one is a request that was kept, with the status that it got; at is 0 while there is none.
type one struct {
	at     int64
	status int
	end    end
	text   []byte
}

func (o *one) set(now time.Time, flow *transport.Flow, req *message.Message, status int) {
	raw := req.Raw()
	o.at, o.status, o.end = now.UnixNano(), status, end{flow.Proto(), flow.Local(), flow.Remote()}
	o.text = append(o.text[:0], raw[:min(len(raw), maxKeptText)]...)
}

// NewRecent makes an empty one.
func NewRecent() *Recent {
	return &Recent{seed: maphash.MakeSeed(), refusals: map[string]*refusals{}}
}

// Registered notes a REGISTER of an account that has shown its password, and how it was answered.
func (r *Recent) Registered(account string, now time.Time, flow *transport.Flow, req *message.Message, status int) {
	if r == nil {
		return
	}
	s := &r.sets[maphash.String(r.seed, account)%recentSets]
	s.mu.Lock()
	defer s.mu.Unlock()
	at := 0
	for i, a := range s.accounts {
		if a == nil || a.name == account {
			at = i
			break
		}
		if a.last < s.accounts[at].last {
			at = i
		}
	}
	a := s.accounts[at]
	if a == nil || a.name != account {
		a = &recentAccount{name: strings.Clone(account)}
		s.accounts[at] = a
	}
	a.last = now.UnixNano()
	a.ring[a.next].set(now, flow, req, status)
	a.next = (a.next + 1) % perAccount
}

// Refused notes a request that was refused or dropped for a reason, which is one of the few that the program knows. A status of 0 says that
// it got no answer.
func (r *Recent) Refused(reason string, now time.Time, flow *transport.Flow, req *message.Message, status int) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.refusals[reason]
	if k == nil {
		if len(r.refusals) == maxReasons {
			return
		}
		k = new(refusals)
		r.refusals[reason] = k
	}
	k.ring[k.next].set(now, flow, req, status)
	k.next = (k.next + 1) % perReason
}

// Answered is a request that was kept, secrets masked, with what became of it.
type Answered struct {
	ladder.Message
	Reason string // "" of a REGISTER that was looked at
	Status int    // 0 when it got no answer
}

func (o *one) show(reason string) Answered {
	return Answered{ladder.Message{
		At: time.Unix(0, o.at), Transport: string(o.end.proto), Local: o.end.local, Remote: o.end.remote, Text: string(message.Mask(o.text)),
	}, reason, o.status}
}

// Registers are the last REGISTERs of an account, newest first.
func (r *Recent) Registers(account string) (out []Answered) {
	if r == nil {
		return nil
	}
	s := &r.sets[maphash.String(r.seed, account)%recentSets]
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if a != nil && a.name == account {
			for i := range a.ring {
				if a.ring[i].at != 0 {
					out = append(out, a.ring[i].show(""))
				}
			}
		}
	}
	newestFirst(out)
	return out
}

// Refusals are the last requests that were refused, newest first.
func (r *Recent) Refusals() (out []Answered) {
	if r == nil {
		return nil
	}
	type kept struct {
		reason string
		one
	}
	var all []kept
	r.mu.Lock()
	for reason, k := range r.refusals {
		for _, o := range k.ring {
			if o.at != 0 {
				o.text = slices.Clone(o.text)
				all = append(all, kept{reason, o})
			}
		}
	}
	r.mu.Unlock() // masking takes its time, and a flood must not wait for it
	for i := range all {
		out = append(out, all[i].show(all[i].reason))
	}
	newestFirst(out)
	return out
}

func newestFirst(list []Answered) {
	slices.SortStableFunc(list, func(a, b Answered) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Reason, b.Reason))
	})
}
