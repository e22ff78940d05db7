package transaction

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// network joins two layers by a line that loses, doubles, delays and reorders.
type network struct {
	t      *testing.T
	rng    *rand.Rand
	now    time.Time
	flying []flying
	ends   [2]*end
}

type flying struct {
	at time.Time
	to *end
	b  []byte
}

// end is one side: a layer and the flow to the other side.
type end struct {
	net   *network
	peer  *end
	wheel *Wheel
	l     *Layer
	flow  *transport.Flow
	serve func(s *Server)
	acks  map[string]int
}

func (e *end) Proto() transport.Proto { return transport.UDP }
func (e *end) Local() netip.AddrPort  { return netip.MustParseAddrPort("192.0.2.1:5060") }
func (e *end) Closed() bool           { return false }
func (e *end) SendTo(b []byte, _ netip.AddrPort) error {
	n := e.net
	copies := 1
	switch n.rng.IntN(10) {
	case 0, 1, 2:
		copies = 0
	case 3:
		copies = 2
	}
	for range copies {
		n.flying = append(n.flying, flying{n.now.Add(time.Duration(n.rng.IntN(300)) * time.Millisecond), e.peer, slices.Clone(b)})
	}
	return nil
}

func (e *end) arrive(b []byte) {
	m, err := message.Parse(b)
	if err != nil {
		e.net.t.Fatal(err)
	}
	switch {
	case !m.IsRequest():
		e.l.Response(m)
	case e.l.Known(m):
	case m.Method() == message.ACK:
		e.acks[m.CallID()]++
	case m.Method() == message.CANCEL:
		e.l.Cancel(e.flow, m)
	default:
		if s, err := e.l.NewServer(e.flow, m); err == nil {
			e.serve(s)
		}
	}
	e.l.Sweep()
}

// run plays until nothing flies and no timer is left.
func (n *network) run() {
	for {
		next, ok := time.Time{}, false
		soonest := func(at time.Time) {
			if !ok || at.Before(next) {
				next, ok = at, true
			}
		}
		for _, f := range n.flying {
			soonest(f.at)
		}
		for _, e := range n.ends {
			if at, pending := e.wheel.Next(); pending {
				soonest(at)
			}
		}
		if !ok {
			return
		}
		if next.After(n.now) {
			n.now = next
		}
		for _, e := range n.ends {
			e.wheel.Advance(n.now)
			e.l.Sweep()
		}
		due := n.flying
		n.flying = nil
		for _, f := range due {
			if f.at.After(n.now) {
				n.flying = append(n.flying, f)
				continue
			}
			f.to.arrive(f.b)
		}
	}
}

// lossCall is one INVITE with its outcome on both sides.
type lossCall struct {
	final  []int // what the caller heard: final statuses, -1 for failure
	served int
	cancel bool
	client *end
	id     string
}

func (c *lossCall) Response(_ *Client, res *message.Message) {
	status := res.Status()
	if status < 200 {
		return
	}
	c.final = append(c.final, status)
	if status < 300 { // the ACK of a 2xx is the user's
		b := message.NewRequest(message.ACK, "sip:b@192.0.2.1").Add("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKack"+c.id)
		b.Add("From", "<sip:a@x>;tag=1").Copy(res, message.HTo).Copy(res, message.HCallID).Add("CSeq", "1 ACK")
		_ = c.client.flow.Send(b.Finish("", nil))
	}
}
func (c *lossCall) Failed(*Client, error) { c.final = append(c.final, -1) }

type lossServer struct{ c *lossCall }

func (u lossServer) Cancelled(s *Server, _ *message.Message) { _ = s.Reply(487, "") }
func (u lossServer) Unacknowledged(*Server, error)           {}

// TestLossyNetwork: with 30 % loss, doubles and reordering every call ends in one consistent way on both sides and nothing is left.
func TestLossyNetwork(t *testing.T) {
	n := &network{t: t, rng: rand.New(rand.NewPCG(5, 6)), now: epoch}
	for i := range n.ends {
		e := &end{net: n, wheel: NewWheel(epoch), acks: map[string]int{}}
		tags := 0
		e.l = New(Config{Wheel: e.wheel, NewTag: func() string { tags++; return fmt.Sprintf("t%d", tags) }})
		e.flow = transport.NewFlow(e, netip.MustParseAddrPort("198.51.100.7:5062"))
		n.ends[i] = e
	}
	a, b := n.ends[0], n.ends[1]
	a.peer, b.peer = b, a
	calls := map[string]*lossCall{}
	answered := map[string]int{}
	b.serve = func(s *Server) {
		id := s.Request().CallID()
		calls[id].served++
		s.SetUser(lossServer{calls[id]})
		_ = s.Reply(180, "")
		b.wheel.After(time.Duration(n.rng.IntN(4000))*time.Millisecond, func() {
			status := []int{200, 302, 486}[n.rng.IntN(3)]
			if s.Reply(status, "") == nil {
				answered[id] = status
			}
			var resend func()
			resend = func() {
				if s.Resend() == nil && b.acks[id] == 0 {
					b.wheel.After(T1, resend)
				}
			}
			if status == 200 && answered[id] == 200 {
				b.wheel.After(T1, resend)
			}
		})
	}
	for i := range 1000 {
		c := &lossCall{client: a, id: fmt.Sprint("call", i), cancel: i%3 == 0}
		calls[c.id] = c
		branch := fmt.Sprint("z9hG4bK", i)
		m := parse(t, requestText(message.INVITE, branch, "", c.id))
		a.wheel.After(time.Duration(n.rng.IntN(20000))*time.Millisecond, func() {
			tx := a.l.Send(a.flow, message.INVITE, branch, m.Raw(), c)
			if c.cancel {
				a.wheel.After(time.Duration(n.rng.IntN(3000))*time.Millisecond, func() { tx.Cancel() })
			}
		})
	}
	n.run()
	outcome := map[int]int{}
	for id, c := range calls {
		if c.served > 1 || len(c.final) == 0 {
			t.Errorf("%s: served %d times, caller heard %v", id, c.served, c.final)
			continue
		}
		outcome[c.final[0]]++
		for _, f := range c.final[1:] {
			if f != 200 || c.final[0] != 200 {
				t.Errorf("%s: caller heard %v", id, c.final)
			}
		}
		if st := answered[id]; st != 0 && c.final[0] != st && c.final[0] != -1 || st == 0 && c.final[0] != 487 && c.final[0] != -1 {
			t.Errorf("%s: answered %d, caller heard %v", id, st, c.final)
		}
	}
	if outcome[-1] > 20 || outcome[200] < 200 || outcome[487] < 100 {
		t.Errorf("outcomes %v", outcome)
	}
	for i, e := range n.ends {
		if e.l.Len() != 0 || e.wheel.Len() != 0 || len(e.l.merges) != 0 {
			t.Errorf("end %d: %d transactions, %d timers left", i, e.l.Len(), e.wheel.Len())
		}
	}
}
