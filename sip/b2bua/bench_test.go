package b2bua

import (
	"bytes"
	"context"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// wire is a link that keeps what was sent.
type wire struct {
	mu     sync.Mutex
	sent   [][]byte
	tap    func(b []byte, to netip.AddrPort) // sees what is sent instead of sent
	stream bool                              // TCP
	closed atomic.Bool
}

func (w *wire) Proto() transport.Proto {
	if w.stream {
		return transport.TCP
	}
	return transport.UDP
}
func (*wire) Local() netip.AddrPort { return server }
func (w *wire) Closed() bool        { return w.closed.Load() }
func (w *wire) SendTo(b []byte, to netip.AddrPort) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed.Load():
		return transport.ErrFlowClosed
	case w.tap != nil:
		w.tap(bytes.Clone(b), to)
	default:
		w.sent = append(w.sent, bytes.Clone(b))
	}
	return nil
}

// take returns the last message sent that begins with prefix. It waits a little: when the
// shard works on a timer, what it receives is done after that.
func (w *wire) take(t testing.TB, prefix string) *message.Message {
	for range 1_000_000 {
		if b := w.find(prefix); b != nil {
			m, err := message.Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		runtime.Gosched()
	}
	t.Fatalf("no %s in %q", prefix, w.sent)
	return nil
}

// takeFor returns a message that begins with prefix and has part in its first line; the others stay.
func (w *wire) takeFor(t testing.TB, prefix, part string) *message.Message {
	for range 1_000_000 {
		w.mu.Lock()
		for _, b := range w.sent {
			if line, _, _ := bytes.Cut(b, []byte("\r\n")); bytes.HasPrefix(b, []byte(prefix)) && bytes.Contains(line, []byte(part)) {
				w.mu.Unlock()
				m, err := message.Parse(bytes.Clone(b))
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
		}
		w.mu.Unlock()
		runtime.Gosched()
	}
	t.Fatalf("no %s to %s in %q", prefix, part, w.sent)
	return nil
}

func (w *wire) find(prefix string) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.sent) - 1; i >= 0; i-- {
		if b := w.sent[i]; bytes.HasPrefix(b, []byte(prefix)) {
			w.sent = w.sent[:0]
			return b
		}
	}
	return nil
}

type openDoor struct{}

func (openDoor) Check(*message.Message) (*auth.Account, auth.Verdict) {
	return &auth.Account{SlotID: "a", UserID: "u", Username: "a"}, auth.OK
}
func (openDoor) Challenge(*message.Builder, bool, bool) {}

type noRecords struct{}

func (noRecords) Started(calls.Record)  {}
func (noRecords) Finished(calls.Record) {}

type oneSlot struct{ flow *transport.Flow }

func (oneSlot) Decide(routing.Request, routing.Live) routing.Plan {
	return routing.Plan{
		Outcome: routing.Ring, Number: "416", OwnerType: "user", OwnerID: "u", Shown: routing.Identity{Number: "417", Name: "Iris"},
		CallerNumber: "417", ShownCalled: routing.Identity{Number: "416", Name: "Armin"},
		Targets: []routing.Target{{SlotID: "b", UserID: "u", Type: "desk", Number: "416"}},
	}
}
func (oneSlot) Registered(string) bool { return true }
func (o oneSlot) Contacts(buf []Contact, _ string) []Contact {
	return append(buf, Contact{URI: "sip:b@10.0.1.2:5060", Flow: o.flow})
}

// BenchmarkCall is a whole signalled call (INVITE, 180, 200, ACK, BYE, 200) without
// network and digest, the peers' messages included.
func BenchmarkCall(b *testing.B) {
	for _, relay := range []bool{false, true} {
		b.Run("relay="+strconv.FormatBool(relay), func(b *testing.B) { benchCall(b, relay) })
	}
}

func benchCall(b *testing.B, relay bool) {
	l := newLine(b, relay, transport.Config{Listen: []string{"udp://127.0.0.1:0"}})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		l.call(i, true)
	}
	b.StopTimer()
	l.stop()
}

// line is a stack whose two peers are written by hand, without any network.
type line struct {
	t            testing.TB
	stack        *sip.Stack
	ua           *UA
	wire         *wire
	flowA, flowB *transport.Flow
	table        *calls.Table
	stop         func()
}

func newLine(t testing.TB, relay bool, tr transport.Config) *line {
	l := &line{t: t, wire: &wire{}, table: calls.NewTable()}
	var err error
	l.stack, err = sip.New(sip.Config{
		Transport: tr, Shards: 1, Trace: true, Supported: Extensions(), InDialog: Methods(),
		MaxTransactions: 1 << 30, SoftQueue: 1 << 30, HardQueue: 1 << 30,
	})
	if err != nil {
		t.Fatal(err)
	}
	l.flowA = transport.NewFlow(l.wire, netip.MustParseAddrPort("10.0.1.1:5060"))
	l.flowB = transport.NewFlow(l.wire, netip.MustParseAddrPort("10.0.1.2:5060"))
	o := oneSlot{l.flowB}
	cfg := Config{
		Router: o, Locator: o, Auth: openDoor{}, Live: calls.NewLive(), Table: l.table, Recorder: noRecords{},
		FlowTo: l.stack.FlowTo, Domain: domain, Limits: Limits{Total: 1 << 30, PerSlot: 1 << 30, PerSource: 1 << 30, Attempts: 1 << 30},
	}
	if relay {
		cfg.Media = &fakeMedia{open: map[*fakeEndpoint]bool{}, bridge: map[*fakeEndpoint]*fakeEndpoint{}}
	}
	if l.ua, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	l.ua.Register(l.stack)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.stack.Run(ctx) }()
	l.stop = func() {
		cancel()
		<-done
	}
	return l
}

func (l *line) receive(flow *transport.Flow, raw []byte) {
	m, err := message.Parse(raw)
	if err != nil {
		l.t.Fatal(err)
	}
	l.stack.Receive(transport.Inbound{Msg: m, Flow: flow})
}

// answer is a 200 to the last request of a method that was sent to a host.
func (l *line) answer(method, host string) []byte {
	l.t.Helper()
	return message.NewResponse(l.wire.takeFor(l.t, method, "@"+host), 200, "", "").Finish("", nil)
}

// call makes the i-th call and ends it if bye is set. It returns the To of the caller's dialog.
func (l *line) call(i int, bye bool) (to string) {
	const body = "v=0\r\no=a 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\n" +
		"a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
	n := strconv.Itoa(i)
	common := func(bld *message.Builder, to, cseq string) *message.Builder {
		return bld.Add("Via", "SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bK"+cseq[:1]+cseq[2:]+n+";rport").Add("Max-Forwards", "70").
			Add("From", "<sip:417@test.example>;tag=f"+n).Add("To", to).Add("Call-ID", "call-"+n).Add("CSeq", cseq).
			Add("Contact", "<sip:a@10.0.1.1:5060>")
	}
	w := l.wire
	l.receive(l.flowA, common(message.NewRequest(message.INVITE, "sip:416@test.example"), "<sip:416@test.example>", "1 INVITE").
		Add("Authorization", "Digest none").Add("Allow", allow).Finish(contentSDP, []byte(body)))
	in := w.take(l.t, "INVITE")
	l.receive(l.flowB, message.NewResponse(in, 180, "", "t"+n).Add("Contact", "<sip:b@10.0.1.2:5060>").Finish("", nil))
	w.take(l.t, "SIP/2.0 180")
	l.receive(l.flowB, message.NewResponse(in, 200, "", "t"+n).Add("Contact", "<sip:b@10.0.1.2:5060>").Finish(contentSDP, []byte(body)))
	ok := w.take(l.t, "SIP/2.0 200")
	to = ok.Header(message.HTo)
	const target = "sip:koppelfeld@10.0.0.1:5060"
	l.receive(l.flowA, common(message.NewRequest(message.ACK, target), to, "1 ACK").Finish("", nil))
	if !bye {
		return to
	}
	l.receive(l.flowA, common(message.NewRequest(message.BYE, target), to, "2 BYE").Finish("", nil))
	l.receive(l.flowB, message.NewResponse(w.take(l.t, "BYE"), 200, "", "").Finish("", nil))
	return to
}
