package sip_test

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

var (
	server = netip.MustParseAddrPort("10.0.0.1:5060")
	phone  = netip.MustParseAddrPort("10.0.0.2:5060")
)

// run starts a stack on the network until the test ends.
func run(t *testing.T, n *siptest.Network, setup func(s *sip.Stack)) *sip.Stack {
	t.Helper()
	s, err := sip.New(sip.Config{Shards: 3, Transport: transport.Config{
		Listen: []string{"udp://10.0.0.1:5060", "tcp://10.0.0.1:5060"}, Network: n.Host(server.Addr()),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if setup != nil {
		setup(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	synctest.Wait()
	return s
}

// uas answers one call: 180, 200 until the ACK, 200 to the BYE.
type uas struct {
	sh    *sip.Shard
	tx    *transaction.Server
	acked bool
	ended *int
}

func (u *uas) Ack(*message.Message) { u.acked = true; u.tx.Acknowledged() }
func (u *uas) Request(tx *transaction.Server) {
	if _ = tx.Reply(200, ""); tx.Request().Method() == message.BYE {
		*u.ended++
		u.sh.UnbindDialog(tx.Request().CallID(), tx.Request().ToTag())
	}
}

func (u *uas) repeat(d time.Duration) {
	u.sh.After(d, func() {
		if !u.acked && u.tx.Resend() == nil {
			u.repeat(min(2*d, transaction.T2))
		}
	})
}

func TestCallsOverBadNetworks(t *testing.T) {
	for name, link := range map[string]siptest.Link{
		"perfect": {},
		"slow":    {Delay: 80 * time.Millisecond, Jitter: 40 * time.Millisecond},
		"awful":   {Delay: 20 * time.Millisecond, Loss: 0.3, Duplicate: 0.2, Reorder: 0.2},
	} {
		for _, proto := range []transport.Proto{transport.UDP, transport.TCP} {
			t.Run(name+" "+string(proto), func(t *testing.T) {
				for seed := range uint64(10) {
					synctest.Test(t, func(t *testing.T) { callOver(t, seed, link, proto) })
				}
			})
		}
	}
}

func callOver(t *testing.T, seed uint64, link siptest.Link, proto transport.Proto) {
	n := siptest.NewNetwork(t, seed)
	n.SetDefault(link)
	ended := 0
	s := run(t, n, func(s *sip.Stack) {
		s.Handle(message.INVITE, func(sh *sip.Shard, tx *transaction.Server) {
			u := &uas{sh: sh, tx: tx, ended: &ended}
			sh.BindDialog(tx.Request().CallID(), tx.Tag(), u)
			_ = tx.Reply(180, "")
			sh.After(time.Second, func() {
				_ = tx.Reply(200, "", "Contact: <"+sh.Contact(tx.Flow())+">")
				u.repeat(transaction.T1)
			})
		})
	})
	p := n.NewPhone(t, siptest.PhoneConfig{Name: "armin", Addr: phone, Server: server, Proto: proto, User: "armin", Domain: "x"})
	c := p.Invite("416", "")
	c.Expect(t, 200)
	c.Ack()
	c.Bye(t)
	time.Sleep(2 * time.Minute)
	synctest.Wait()
	if ended != 1 {
		t.Errorf("ended %d times", ended)
	}
	for _, sh := range s.Shards() {
		if sh.Transactions() != 0 || sh.Dialogs() != 0 || sh.Timers() != 0 {
			t.Errorf("shard %d: %d transactions, %d dialogs, %d timers left", sh.Index(), sh.Transactions(), sh.Dialogs(), sh.Timers())
		}
	}
}

// heard keeps what comes back.
type heard struct {
	codes []int
	errs  []error
}

func (h *heard) Response(_ *transaction.Client, res *message.Message) {
	h.codes = append(h.codes, res.Status())
}

func (h *heard) Failed(_ *transaction.Client, err error) {
	h.errs = append(h.errs, err)
}

func ask(t *testing.T, s *sip.Stack, method message.Method, to transport.Target, u transaction.ClientUser) {
	t.Helper()
	flow, err := s.FlowTo(to)
	if err != nil {
		t.Fatal(err)
	}
	sh := s.Shards()[1]
	sh.Post(func() {
		branch := sh.NewBranch()
		b := message.NewRequest(method, "sip:armin@"+to.Addr.String()).Add("Via", sh.Via(flow, branch)).AddInt("Max-Forwards", 70).
			Add("From", "<sip:416@x>;tag="+sh.NewTag()).Add("To", "<sip:armin@x>").Add("Call-ID", sh.NewCallID()).Add("CSeq", "1 "+string(method))
		sh.Tx().Send(flow, method, branch, b.Finish("", nil), u)
	})
}

func TestResponsesFindTheirShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		s := run(t, n, nil)
		n.NewPhone(t, siptest.PhoneConfig{Name: "armin", Addr: phone, Server: server, User: "armin", Domain: "x"})
		var h heard
		ask(t, s, message.OPTIONS, transport.Target{Proto: transport.UDP, Addr: phone}, &h)
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(h.codes, []int{200}) || len(h.errs) != 0 {
			t.Errorf("heard %v %v", h.codes, h.errs)
		}
	})
}

func TestRefusedConnectionFailsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		s := run(t, n, nil)
		var h heard
		ask(t, s, message.INVITE, transport.Target{Proto: transport.TCP, Addr: phone}, &h)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(h.errs) != 1 || len(h.codes) != 0 {
			t.Errorf("heard %v %v", h.codes, h.errs)
		}
	})
}
