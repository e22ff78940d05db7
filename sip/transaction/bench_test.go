package transaction

import (
	"bytes"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// sink is a link that throws everything away.
type sink struct{}

func (sink) Proto() transport.Proto              { return transport.UDP }
func (sink) Local() netip.AddrPort               { return netip.MustParseAddrPort("192.0.2.1:5060") }
func (sink) Closed() bool                        { return false }
func (sink) SendTo([]byte, netip.AddrPort) error { return nil }

type nobody struct{}

func (nobody) Response(*Client, *message.Message)  {}
func (nobody) Failed(*Client, error)               {}
func (nobody) Cancelled(*Server, *message.Message) {}
func (nobody) Unacknowledged(*Server, error)       {}

type bench struct {
	l     *Layer
	wheel *Wheel
	flow  *transport.Flow
	now   time.Time
}

func newBench() *bench {
	w := NewWheel(epoch)
	return &bench{
		l:     New(Config{Wheel: w, NewTag: func() string { return "abcdefghijklmnop" }}),
		wheel: w, now: epoch, flow: transport.NewFlow(sink{}, netip.MustParseAddrPort("198.51.100.7:5062")),
	}
}

// step lets 10 ms go by, so that at 100 transactions per second old ones end while new ones come.
func (x *bench) step() {
	x.now = x.now.Add(Tick)
	x.wheel.Advance(x.now)
	x.l.Sweep()
}

// numbered patches a template so that each message is one of its own.
type numbered struct {
	text []byte
	at   int
}

func template(b []byte) numbered { return numbered{b, bytes.Index(b, []byte("00000000"))} }

func (n numbered) message(tb testing.TB, i int) *message.Message {
	b := bytes.Clone(n.text)
	copy(b[n.at:], fmt.Sprintf("%08d", i))
	m, err := message.Parse(b)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

const benchBranch = "z9hG4bK00000000"

// BenchmarkServerInvite is INVITE, 100, 180, 200 and its ACK seen by the server transaction, parsing of the INVITE included.
func BenchmarkServerInvite(b *testing.B) {
	x := newBench()
	invite := template(request(b, message.INVITE, benchBranch, "x").Raw()) // in a dialog: one Call-ID, yet not merged
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m := invite.message(b, i)
		if x.l.Known(m) {
			b.Fatal("known")
		}
		s, err := x.l.NewServer(x.flow, m)
		if err != nil {
			b.Fatal(err)
		}
		s.SetUser(nobody{})
		_ = s.Respond(180, message.NewResponse(m, 180, "", "tag").Finish("", nil))
		_ = s.Respond(200, message.NewResponse(m, 200, "", "tag").Finish("", nil))
		s.Acknowledged()
		x.step()
	}
}

// BenchmarkServerOther is BYE and its 200, parsing included.
func BenchmarkServerOther(b *testing.B) {
	x := newBench()
	bye := template(request(b, message.BYE, benchBranch, "x").Raw())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m := bye.message(b, i)
		if x.l.Known(m) {
			b.Fatal("known")
		}
		s, err := x.l.NewServer(x.flow, m)
		if err != nil {
			b.Fatal(err)
		}
		_ = s.Respond(200, message.NewResponse(m, 200, "", "").Finish("", nil))
		x.step()
	}
}

// BenchmarkClientInvite is INVITE, 180, 200 seen by the client transaction, parsing of the responses included.
func BenchmarkClientInvite(b *testing.B) {
	x := newBench()
	invite := request(b, message.INVITE, benchBranch, "").Raw()
	ringing := template(answer(b, message.INVITE, benchBranch, 180, "t").Raw())
	ok := template(answer(b, message.INVITE, benchBranch, 200, "t").Raw())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		x.l.Send(x.flow, message.INVITE, fmt.Sprintf("z9hG4bK%08d", i), invite, nobody{})
		x.l.Response(ringing.message(b, i))
		x.l.Response(ok.message(b, i))
		x.step()
	}
}

// BenchmarkParse is what the parsing of one message costs, to be taken off the others.
func BenchmarkParse(b *testing.B) {
	invite := template(request(b, message.INVITE, benchBranch, "").Raw())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		invite.message(b, i)
	}
}

// BenchmarkLinger reports the memory that a transaction holds while it waits for its end.
func BenchmarkLinger(b *testing.B) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const n = 20_000
	perOne := func(make func(x *bench, i int)) float64 {
		x := newBench()
		before := heap()
		for i := range n {
			make(x, i)
			x.l.Sweep()
		}
		after := heap()
		runtime.KeepAlive(x)
		return float64(after-before) / n
	}
	bye := template(request(b, message.BYE, benchBranch, "x").Raw())
	ok := template(answer(b, message.INVITE, benchBranch, 200, "t").Raw())
	invite := request(b, message.INVITE, benchBranch, "").Raw()
	for b.Loop() {
		b.ReportMetric(perOne(func(x *bench, i int) {
			m := bye.message(b, i)
			s, _ := x.l.NewServer(x.flow, m)
			_ = s.Respond(200, message.NewResponse(m, 200, "", "").Finish("", nil))
		}), "B/bye-server")
		b.ReportMetric(perOne(func(x *bench, i int) {
			x.l.Send(x.flow, message.INVITE, fmt.Sprintf("z9hG4bK%08d", i), invite, nobody{})
			x.l.Response(ok.message(b, i))
		}), "B/invite-client")
	}
}
