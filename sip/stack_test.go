package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// silent is a network on which nothing arrives: the tests hand messages to the stack themselves.
type silent struct{ transport.System }

type silentConn struct{ closed chan struct{} }

func (silent) ListenPacket(netip.AddrPort, int) (transport.PacketConn, error) {
	return silentConn{make(chan struct{})}, nil
}

func (c silentConn) ReadBatch([]transport.Datagram) (int, error) {
	<-c.closed
	return 0, net.ErrClosed
}
func (silentConn) WriteTo([]byte, netip.AddrPort) error { return nil }
func (silentConn) LocalAddr() netip.AddrPort            { return netip.MustParseAddrPort("192.0.2.1:5060") }

func (c silentConn) Close() error {
	close(c.closed)
	return nil
}

// link is the way to a peer; out gets what is sent.
type link struct {
	proto transport.Proto
	out   chan *message.Message
}

func (k *link) Proto() transport.Proto { return k.proto }
func (k *link) Local() netip.AddrPort  { return netip.MustParseAddrPort("192.0.2.1:5060") }
func (k *link) Closed() bool           { return false }
func (k *link) SendTo(b []byte, _ netip.AddrPort) error {
	m, err := message.Parse(append([]byte(nil), b...))
	if err != nil {
		panic(fmt.Sprintf("unparsable message sent: %v\n%s", err, b))
	}
	k.out <- m
	return nil
}

// fixture is a running stack with one peer.
type fixture struct {
	t *testing.T
	*Stack
	link *link
	flow *transport.Flow
}

func start(t *testing.T, cfg Config, setup func(s *Stack)) *fixture {
	t.Helper()
	cfg.Transport = transport.Config{Listen: []string{"udp://192.0.2.1:5060"}, Network: silent{}}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if setup != nil {
		setup(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	f := &fixture{t: t, Stack: s, link: &link{transport.UDP, make(chan *message.Message, 100_000)}}
	f.flow = transport.NewFlow(f.link, netip.MustParseAddrPort("198.51.100.7:5062"))
	return f
}

// in hands a message to the stack as a reader would.
func (f *fixture) in(text string) {
	f.t.Helper()
	m, err := message.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
	if err != nil {
		f.t.Fatalf("parsing: %v\n%s", err, text)
	}
	f.Receive(transport.Inbound{Msg: m, Flow: f.flow})
}

// sent waits until the stack rests and returns what it sent meanwhile.
func (f *fixture) sent() []*message.Message {
	synctest.Wait()
	var out []*message.Message
	for {
		select {
		case m := <-f.link.out:
			out = append(out, m)
		default:
			return out
		}
	}
}

// expect asserts what was sent, as "200 INVITE" or "BYE".
func (f *fixture) expect(want ...string) []*message.Message {
	f.t.Helper()
	out := f.sent()
	var got []string
	for _, m := range out {
		if m.IsRequest() {
			got = append(got, string(m.Method()))
		} else {
			got = append(got, fmt.Sprintf("%d %s", m.Status(), m.Method()))
		}
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		f.t.Fatalf("sent\n got %q\nwant %q", got, want)
	}
	return out
}

// req is a request of the peer.
type req struct {
	method, uri, branch, callID, toTag string
	cseq                               int
	extra                              string
}

func (r req) String() string {
	def := func(s *string, d string) {
		if *s == "" {
			*s = d
		}
	}
	def(&r.uri, "sip:416@192.0.2.1")
	def(&r.callID, "call-1")
	def(&r.branch, fmt.Sprintf("z9hG4bK%s%s%d", r.callID, r.method, r.cseq))
	if r.toTag != "" {
		r.toTag = ";tag=" + r.toTag
	}
	if !strings.Contains(r.extra, "Max-Forwards") {
		r.extra += "Max-Forwards: 70\n"
	}
	return fmt.Sprintf("%s %s SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.7:5062;branch=%s\nFrom: <sip:a@example.com>;tag=f1\nTo: <sip:416@example.com>%s\n"+
		"Call-ID: %s\nCSeq: %d %s\n%sContent-Length: 0\n\n", r.method, r.uri, r.branch, r.toTag, r.callID, r.cseq, r.method, r.extra)
}

func TestInviteAndBye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var user *dialogUser
		f := start(t, Config{Shards: 2}, func(s *Stack) {
			s.Handle(message.INVITE, func(sh *Shard, tx *transaction.Server) {
				user = &dialogUser{sh: sh}
				sh.BindDialog(tx.Request().CallID(), tx.Tag(), user)
				_ = tx.Reply(180, "")
				sh.After(time.Second, func() { _ = tx.Reply(200, "") })
			})
		})
		f.in(req{method: "INVITE", cseq: 1}.String())
		tag := f.expect("180 INVITE")[0].ToTag()
		time.Sleep(time.Second)
		f.expect("200 INVITE")
		f.in(req{method: "ACK", cseq: 1, toTag: tag, branch: "z9hG4bKother"}.String())
		f.in(req{method: "BYE", cseq: 2, toTag: tag}.String())
		f.expect("200 BYE")
		if user.acks != 1 || user.requests != 1 {
			t.Errorf("dialog heard %d ACKs and %d requests", user.acks, user.requests)
		}
		f.in(req{method: "BYE", cseq: 3, toTag: tag}.String())
		f.expect("481 BYE")
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, sh := range f.Shards() {
			if sh.Transactions() != 0 || sh.Dialogs() != 0 || sh.Timers() != 0 {
				t.Errorf("shard %d: %+v left", sh.Index(), sh.look())
			}
		}
	})
}

// dialogUser counts, and ends with BYE.
type dialogUser struct {
	sh             *Shard
	acks, requests int
}

func (d *dialogUser) Ack(*message.Message) { d.acks++ }
func (d *dialogUser) Request(tx *transaction.Server) {
	d.requests++
	m := tx.Request()
	d.sh.UnbindDialog(m.CallID(), m.ToTag())
	_ = tx.Reply(200, "")
}
