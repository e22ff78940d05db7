package transport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

var (
	server = netip.MustParseAddr("10.0.0.1")
	desk   = netip.MustParseAddr("10.0.0.2")
	dect   = netip.MustParseAddr("10.0.0.3")
)

// recorder is a Handler that keeps what it hears.
type recorder struct {
	in     chan transport.Inbound
	closed chan error
	echo   bool
}

func newRecorder() *recorder {
	return &recorder{in: make(chan transport.Inbound, 100000), closed: make(chan error, 1000)}
}

func (r *recorder) Receive(in transport.Inbound) bool {
	if r.echo && in.Msg.IsRequest() {
		_ = in.Flow.Send(message.NewResponse(in.Msg, 200, "", "tag").Finish("", nil))
	}
	r.in <- in
	return true
}

func (r *recorder) FlowClosed(_ *transport.Flow, err error) { r.closed <- err }

// start runs a layer until the test ends and fails the test when Run does not return.
func start(t *testing.T, cfg transport.Config) (*transport.Layer, *recorder) {
	t.Helper()
	l, err := transport.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := newRecorder()
	h.echo = true
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := l.Run(ctx, h); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return l, h
}

func options(proto transport.Proto, cseq int, more string) []byte {
	return fmt.Appendf(nil, "OPTIONS sip:koppelfeld SIP/2.0\r\nVia: SIP/2.0/%s 192.168.1.9:5070;branch=z9hG4bK%d;rport\r\n"+
		"From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: c%d\r\nCSeq: %d OPTIONS\r\nMax-Forwards: 70\r\n%sContent-Length: 0\r\n\r\n",
		proto, cseq, cseq, cseq, more)
}

func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(time.Minute):
		t.Fatal("nothing came within a minute")
		panic("unreachable")
	}
}

func addrOf(l *transport.Layer, p transport.Proto) netip.AddrPort {
	for _, b := range l.Addrs() {
		if b.Proto == p {
			return b.Addr
		}
	}
	return netip.AddrPort{}
}

func TestSystem(t *testing.T) {
	l, h := start(t, transport.Config{Listen: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}})
	for _, proto := range []transport.Proto{transport.UDP, transport.TCP} {
		t.Run(string(proto), func(t *testing.T) {
			c, err := net.Dial(strings.ToLower(string(proto)), addrOf(l, proto).String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for i := range 50 {
				if _, err := c.Write(options(proto, i+1, "")); err != nil {
					t.Fatal(err)
				}
				in := next(t, h.in)
				if got := in.Msg.CSeq(); got != uint32(i+1) {
					t.Fatalf("CSeq %d, want %d", got, i+1)
				}
				via := in.Msg.Via()
				if rec, _ := via.Param("received"); rec != "127.0.0.1" {
					t.Fatalf("received=%q in %q", rec, via.Params)
				}
				if want := fmt.Sprint(netip.MustParseAddrPort(c.LocalAddr().String()).Port()); via.Params == "" || !strings.Contains(via.Params, "rport="+want) {
					t.Fatalf("no rport=%s in %q", want, via.Params)
				}
				if in.Flow.Remote().String() != c.LocalAddr().String() || in.Flow.Proto() != proto || in.Flow.Local() != addrOf(l, proto) {
					t.Fatalf("flow %v %v %v", in.Flow.Proto(), in.Flow.Local(), in.Flow.Remote())
				}
				buf := make([]byte, 2000)
				_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
				if n, err := c.Read(buf); err != nil || !bytes.HasPrefix(buf[:n], []byte("SIP/2.0 200")) {
					t.Fatalf("answer %q, %v", buf[:n], err)
				}
			}
		})
	}
	s := l.Stats()
	for _, p := range []transport.Proto{transport.UDP, transport.TCP} {
		if tr := s.Traffic[p]; tr.MessagesIn != 50 || tr.MessagesOut != 50 || tr.BytesIn == 0 || tr.BytesOut == 0 {
			t.Errorf("%s counters %+v", p, tr)
		}
	}
}

func TestWhereToAnswer(t *testing.T) {
	l, h := start(t, transport.Config{Listen: []string{"udp://127.0.0.1:0"}})
	c, err := net.Dial("udp", addrOf(l, transport.UDP).String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	source := c.LocalAddr().String()
	for _, test := range []struct{ via, want string }{
		{"127.0.0.1:5070", "127.0.0.1:5070"},
		{"127.0.0.1", "127.0.0.1:5060"},
		{"127.0.0.1:5070;rport", source},
		{"127.0.0.1:5070;RPORT=;x=y", source},
		{"192.168.1.9:5070", source},
		{"phone.example:5070", source},
		{"127.0.0.1:5070;received=10.1.1.1", source},
	} {
		via, params, _ := strings.Cut(test.via, ";")
		request := strings.Replace(string(options(transport.UDP, 1, "")), "192.168.1.9:5070;branch=z9hG4bK1;rport", via+";branch=z9hG4bK1;"+params, 1)
		if _, err := io.WriteString(c, strings.Replace(request, ";\r\n", "\r\n", 1)); err != nil {
			t.Fatal(err)
		}
		if got := next(t, h.in).Flow.Remote().String(); got != test.want {
			t.Errorf("Via %s: answered at %s, want %s", test.via, got, test.want)
		}
	}
}

func TestSystemDialAndReuse(t *testing.T) {
	a, ha := start(t, transport.Config{Listen: []string{"tcp://127.0.0.1:0", "udp://127.0.0.1:0"}})
	b, hb := start(t, transport.Config{Listen: []string{"tcp://127.0.0.1:0"}})
	f, err := a.FlowTo(transport.Target{Proto: transport.TCP, Addr: addrOf(b, transport.TCP)})
	if err != nil {
		t.Fatal(err)
	}
	// Large enough to need the writer, and sent before the connection is open.
	pad := "X-Pad: " + strings.Repeat("x", 1000) + "\r\n"
	for i := range 150 {
		if err := f.Send(options(transport.TCP, i+1, pad)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 150 {
		if got := next(t, hb.in).Msg.CSeq(); got != uint32(i+1) {
			t.Fatalf("CSeq %d, want %d", got, i+1)
		}
		if res := next(t, ha.in); res.Msg.Status() != 200 || res.Flow != f {
			t.Fatalf("answer %d on %p", res.Msg.Status(), res.Flow)
		}
	}
	g, err := a.FlowTo(transport.Target{Proto: transport.TCP, Addr: addrOf(b, transport.TCP)})
	if err != nil || g != f {
		t.Fatalf("second flow to the same target: %p, %v, want %p", g, err, f)
	}
	if f.Local() != addrOf(a, transport.TCP) {
		t.Errorf("advertised %v", f.Local())
	}
}

func TestListenErrors(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := "udp://" + taken.LocalAddr().String()
	for name, tc := range map[string]struct {
		listen []string
		want   string
	}{
		"port in use": {[]string{busy}, busy},
		"nothing":     {nil, "no listener"},
		"transport":   {[]string{"sctp://127.0.0.1:5060"}, "sctp"},
		"name":        {[]string{"udp://localhost:5060"}, "IP address"},
		"no port":     {[]string{"udp://127.0.0.1"}, "address:port"},
		"twice":       {[]string{"udp://127.0.0.1:0", "udp://127.0.0.1:0"}, "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := transport.New(transport.Config{Listen: tc.listen})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestWildcardBindsEachAddress(t *testing.T) {
	n := siptest.NewNetwork(t, 1)
	six := netip.MustParseAddr("2001:db8::1")
	l, err := transport.New(transport.Config{
		Network: n.Host(server, dect, six), Listen: []string{"udp://0.0.0.0:5060", "tcp://:5060"},
		Advertise: map[string]netip.AddrPort{"tcp://:5060": netip.MustParseAddrPort("203.0.113.5:0")},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var got []string
	for _, b := range l.Addrs() {
		got = append(got, fmt.Sprintf("%s %s %s", b.Proto, b.Addr, b.Advertised))
	}
	want := "UDP 10.0.0.1:5060 10.0.0.1:5060,UDP 10.0.0.3:5060 10.0.0.3:5060,TCP 10.0.0.1:5060 203.0.113.5:5060," +
		"TCP 10.0.0.3:5060 203.0.113.5:5060,TCP [2001:db8::1]:5060 203.0.113.5:5060"
	if strings.Join(got, ",") != want {
		t.Errorf("bound\n%s, want\n%s", strings.Join(got, ","), want)
	}
	if _, err := l.FlowTo(transport.Target{Proto: transport.UDP, Addr: netip.MustParseAddrPort("[2001:db8::9]:5060")}); !errors.Is(err, transport.ErrNoListener) {
		t.Errorf("no IPv6 socket: %v", err)
	}
	if f, err := l.FlowTo(transport.Target{Proto: transport.UDP, Addr: netip.MustParseAddrPort("10.0.0.2:5060")}); err != nil || f.Local().String() != "10.0.0.1:5060" {
		t.Errorf("flow %v, %v", f, err)
	}
}

// dial opens a raw connection from the desk phone.
func dial(t *testing.T, n *siptest.Network, from netip.Addr, to netip.AddrPort) net.Conn {
	t.Helper()
	c, err := n.Host(from).Dial(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestUDPGarbage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		l, h := start(t, transport.Config{Network: n.Host(server), Listen: []string{"udp://10.0.0.1:5060"}})
		to := netip.MustParseAddrPort("10.0.0.1:5060")
		pc, err := n.Host(desk).ListenPacket(netip.AddrPortFrom(desk, 5070), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer pc.Close()
		stun := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
		sip7 := bytes.Replace(options(transport.UDP, 7, ""), []byte("SIP/2.0\r\n"), []byte("SIP/7.0\r\n"), 1)
		for _, b := range [][]byte{[]byte("\r\n\r\n"), {}, {0}, stun, []byte("hello"), bytes.Repeat([]byte{0xff}, 60000), sip7, options(transport.UDP, 9, "")} {
			if err := pc.WriteTo(b, to); err != nil {
				t.Fatal(err)
			}
		}
		if in := next(t, h.in); in.Msg.CSeq() != 9 {
			t.Errorf("got CSeq %d", in.Msg.CSeq())
		}
		dgs := []transport.Datagram{{Buf: make([]byte, 65535)}}
		if _, err := pc.ReadBatch(dgs); err != nil || !bytes.HasPrefix(dgs[0].Buf, []byte{1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42}) || dgs[0].N != 32 {
			t.Errorf("STUN answered with %x, %v", dgs[0].Buf[:dgs[0].N], err)
		}
		if _, err := pc.ReadBatch(dgs); err != nil || !bytes.HasPrefix(dgs[0].Buf, []byte("SIP/2.0 505")) {
			t.Errorf("SIP/7.0 answered with %q, %v", dgs[0].Buf[:dgs[0].N], err)
		}
		s := l.Stats()
		if s.Traffic[transport.UDP].KeepAlives != 4 || s.Drops[transport.DropSTUN] != 0 || s.Drops[transport.DropMalformed] != 2 || s.Drops[transport.DropRefused] != 1 {
			t.Errorf("counters %+v", s)
		}
	})
}

func TestUDPBudgetPerSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		l, h := start(t, transport.Config{
			Network: n.Host(server), Listen: []string{"udp://10.0.0.1:5060"},
			Limits: transport.Limits{SourceRate: 100, SourceBurst: 200, RefusalRate: 5},
		})
		to := netip.MustParseAddrPort("10.0.0.1:5060")
		flood, _ := n.Host(desk).ListenPacket(netip.AddrPortFrom(desk, 5070), 0)
		defer flood.Close()
		honest, _ := n.Host(dect).ListenPacket(netip.AddrPortFrom(dect, 5070), 0)
		defer honest.Close()
		for range 1000 {
			if err := flood.WriteTo(options(transport.UDP, 1, ""), to); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if got := len(h.in); got != 200 {
			t.Errorf("%d messages of the flood passed, want 200", got)
		}
		if got := l.Stats().Drops[transport.DropRate]; got != 800 {
			t.Errorf("%d dropped, want 800", got)
		}
		_ = honest.WriteTo(options(transport.UDP, 2, ""), to)
		synctest.Wait()
		if got := len(h.in); got != 201 {
			t.Errorf("the other source was dropped as well")
		}
		time.Sleep(time.Second) // virtual
		_ = flood.WriteTo(options(transport.UDP, 3, ""), to)
		synctest.Wait()
		if got := len(h.in); got != 202 {
			t.Errorf("the budget did not come back")
		}
	})
}

func TestStreamSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		l, h := start(t, transport.Config{Network: n.Host(server), Listen: []string{"tcp://10.0.0.1:5060"}})
		c := dial(t, n, desk, addrOf(l, transport.TCP))
		var all []byte
		for i := range 3 {
			all = append(all, options(transport.TCP, i+1, "")...)
			all = append(all, "\r\n\r\n"...)
		}
		for i := range all {
			if _, err := c.Write(all[i : i+1]); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 3 {
			if got := next(t, h.in).Msg.CSeq(); got != uint32(i+1) {
				t.Errorf("CSeq %d, want %d", got, i+1)
			}
		}
		synctest.Wait()
		if got := l.Stats().Traffic[transport.TCP].KeepAlives; got != 3 {
			t.Errorf("%d keep-alives, want 3", got)
		}
		buf := make([]byte, 10000)
		var got []byte
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		for {
			n, err := c.Read(buf)
			if err != nil {
				break
			}
			got = append(got, buf[:n]...)
		}
		if bytes.Count(got, []byte("SIP/2.0 200")) != 3 || !bytes.HasSuffix(got, []byte("\r\n\r\n\r\n")) {
			t.Errorf("answers and pongs: %q", got)
		}
	})
}

func TestStreamDeadlines(t *testing.T) {
	limits := transport.Limits{FirstMessage: 5 * time.Second, WholeMessage: 7 * time.Second, Idle: time.Minute}
	for name, tc := range map[string]struct {
		first  string
		within time.Duration
		drop   transport.Drop
	}{
		"silent":         {"", 5 * time.Second, transport.DropFirstMessage},
		"only CRLF":      {"\r\n\r\n", 5 * time.Second, transport.DropFirstMessage},
		"half a message": {string(options(transport.TCP, 1, "")) + "OPTIONS sip:x SIP/2.0\r\nVia:", 7 * time.Second, transport.DropIncomplete},
		"idle":           {string(options(transport.TCP, 1, "")), time.Minute, transport.DropIdle},
		"no length":      {"OPTIONS sip:x SIP/2.0\r\nVia: x\r\n\r\n", 0, transport.DropFraming},
		"endless header": {strings.Repeat("X: yyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", 3000), 0, transport.DropFraming},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := siptest.NewNetwork(t, 1)
				l, h := start(t, transport.Config{Network: n.Host(server), Listen: []string{"tcp://10.0.0.1:5060"}, Limits: limits})
				c := dial(t, n, desk, addrOf(l, transport.TCP))
				began := time.Now()
				for b := []byte(tc.first); len(b) > 0; {
					k, err := c.Write(b[:min(len(b), 1000)])
					if err != nil {
						break // cut off already
					}
					b = b[k:]
				}
				next := <-h.closed
				if next == nil {
					t.Error("no reason given")
				}
				if took := time.Since(began); took != tc.within {
					t.Errorf("closed after %v, want %v", took, tc.within)
				}
				if s := l.Stats(); s.Drops[tc.drop] != 1 || s.Connections != 0 {
					t.Errorf("counters %+v", s)
				}
			})
		})
	}
}

func TestStuckPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		l, h := start(t, transport.Config{
			Network: n.Host(server), Listen: []string{"tcp://10.0.0.1:5060"},
			Limits: transport.Limits{MaxQueue: 100 << 10, Write: 10 * time.Second},
		})
		c := dial(t, n, desk, addrOf(l, transport.TCP))
		if _, err := c.Write(options(transport.TCP, 1, "")); err != nil {
			t.Fatal(err)
		}
		f := next(t, h.in).Flow
		began := time.Now()
		big := options(transport.TCP, 2, "X-Pad: "+strings.Repeat("x", 5000)+"\r\n")
		full := false
		for range 200 {
			if err := f.Send(big); errors.Is(err, transport.ErrQueueFull) {
				full = true
				break
			}
			synctest.Wait()
		}
		if !full {
			t.Error("a peer that never reads got everything")
		}
		if time.Since(began) != 0 {
			t.Error("Send blocked")
		}
		next(t, h.closed)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("cut off after %v", took)
		}
		if !f.Closed() || !errors.Is(f.Send(big), transport.ErrFlowClosed) {
			t.Error("flow still open")
		}
		if s := l.Stats(); s.Drops[transport.DropWriteTimeout] != 1 || s.Drops[transport.DropSendQueue] != 1 {
			t.Errorf("counters %+v", s)
		}
	})
}

func TestConnectionCaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		l, h := start(t, transport.Config{
			Network: n.Host(server), Listen: []string{"tcp://10.0.0.1:5060"},
			Limits: transport.Limits{MaxConnections: 5, MaxConnectionsPerSource: 3},
		})
		to := addrOf(l, transport.TCP)
		// known opens a connection and shows a password on it.
		known := func(host netip.Addr) net.Conn {
			c := dial(t, n, host, to)
			if _, err := c.Write(options(transport.TCP, 1, "")); err != nil {
				t.Fatal(err)
			}
			next(t, h.in).Flow.Prove()
			return c
		}
		gone := func(c net.Conn) bool {
			synctest.Wait()
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			_, err := io.Copy(io.Discard, c)
			return err == nil || !errors.Is(err, os.ErrDeadlineExceeded)
		}
		check := func(connections int, source, all uint64) {
			t.Helper()
			synctest.Wait()
			if s := l.Stats(); s.Connections != connections || s.Drops[transport.DropSourceLimit] != source || s.Drops[transport.DropConnLimit] != all {
				t.Fatalf("%d connections, %d over the cap per source, %d over the cap; want %d, %d, %d", s.Connections, s.Drops[transport.DropSourceLimit], s.Drops[transport.DropConnLimit], connections, source, all)
			}
		}
		phone := known(desk)
		first, second := dial(t, n, desk, to), dial(t, n, desk, to)
		third := dial(t, n, desk, to) // takes the place of the first stranger
		check(3, 1, 0)
		if !gone(first) || gone(phone) || gone(second) {
			t.Error("not the oldest stranger has given way")
		}
		for range 2 {
			known(dect)
		}
		check(5, 1, 0)
		known(dect) // takes the place of a stranger from elsewhere
		check(5, 1, 1)
		if !gone(second) || gone(third) {
			t.Error("not the oldest stranger of all has given way")
		}
		if !gone(dial(t, n, dect, to)) {
			t.Error("three proved connections of one source, yet another one got in")
		}
		check(5, 2, 1)
		target := transport.Target{Proto: transport.TCP, Addr: netip.AddrPortFrom(desk, 5060)}
		if _, err := l.FlowTo(target); err != nil {
			t.Errorf("a stranger does not give way to a connection of ours: %v", err)
		}
		if !gone(third) {
			t.Error("the last stranger has not given way")
		}
		known(desk) // the one dialled has failed
		check(5, 2, 2)
		if _, err := l.FlowTo(target); !errors.Is(err, transport.ErrTooManyConnections) {
			t.Errorf("dialling beyond the cap: %v", err)
		}
		if !gone(dial(t, n, netip.MustParseAddr("10.0.0.9"), to)) {
			t.Error("five proved connections, yet another one got in")
		}
		check(5, 2, 4)
		phone.Close()
		check(4, 2, 4)
		dial(t, n, desk, to)
		check(5, 2, 4)
	})
}

// An accepted connection is never taken for a request to a target, even when the target's
// address is one of its own: the phone at the other end would get the trunk's call.
func TestAcceptedConnectionIsNotReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		l, h := start(t, transport.Config{Network: n.Host(server), Listen: []string{"tcp://10.0.0.1:5060"}})
		c := dial(t, n, desk, addrOf(l, transport.TCP))
		if _, err := c.Write(options(transport.TCP, 1, "")); err != nil {
			t.Fatal(err)
		}
		accepted := next(t, h.in).Flow
		for _, to := range []netip.AddrPort{accepted.Remote(), accepted.Local()} {
			f, err := l.FlowTo(transport.Target{Proto: transport.TCP, Addr: to})
			if err != nil {
				t.Fatal(err)
			}
			if f == accepted {
				t.Errorf("request to %v goes over the accepted connection", to)
			}
		}
	})
}

func TestDialFails(t *testing.T) {
	for name, tc := range map[string]struct {
		link   siptest.Link
		within time.Duration
	}{
		"refused": {siptest.Link{Delay: 10 * time.Millisecond}, 20 * time.Millisecond},
		"silent":  {siptest.Link{Down: true}, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := siptest.NewNetwork(t, 1)
				n.SetDefault(tc.link)
				l, h := start(t, transport.Config{Network: n.Host(server), Listen: []string{"tcp://10.0.0.1:5060"}, Limits: transport.Limits{Dial: 3 * time.Second}})
				began := time.Now()
				f, err := l.FlowTo(transport.Target{Proto: transport.TCP, Addr: netip.AddrPortFrom(desk, 5060)})
				if err != nil {
					t.Fatal(err)
				}
				if err := f.Send(options(transport.TCP, 1, "")); err != nil {
					t.Errorf("a message may wait for the connection: %v", err)
				}
				next(t, h.closed)
				if took := time.Since(began); took != tc.within || !f.Closed() {
					t.Errorf("failed after %v, want %v", took, tc.within)
				}
				g, err := l.FlowTo(transport.Target{Proto: transport.TCP, Addr: netip.AddrPortFrom(desk, 5060)})
				if err != nil || g == f {
					t.Errorf("no new attempt after the failure: %v", err)
				}
			})
		})
	}
}

func TestStopLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		n.SetLink(server, dect, siptest.Link{Down: true})
		l, err := transport.New(transport.Config{Network: n.Host(server), Listen: []string{"udp://10.0.0.1:5060", "tcp://10.0.0.1:5060"}})
		if err != nil {
			t.Fatal(err)
		}
		early, err := l.FlowTo(transport.Target{Proto: transport.TCP, Addr: netip.AddrPortFrom(dect, 5061)})
		if err != nil || early.Send([]byte("x")) != nil {
			t.Errorf("dialling before Run: %v", err)
		}
		h := newRecorder()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx, h) }()
		synctest.Wait()
		var conns []net.Conn
		for range 3 {
			conns = append(conns, dial(t, n, desk, addrOf(l, transport.TCP)))
		}
		if _, err := l.FlowTo(transport.Target{Proto: transport.TCP, Addr: netip.AddrPortFrom(dect, 5060)}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if len(h.closed) != 5 {
			t.Errorf("%d flows reported closed, want 5", len(h.closed))
		}
		for _, c := range conns {
			c.Close()
		}
		if open := n.Open(); open != 0 {
			t.Errorf("%d sockets left open", open)
		}
		if _, err := l.FlowTo(transport.Target{Proto: transport.TCP, Addr: netip.AddrPortFrom(dect, 5060)}); !errors.Is(err, transport.ErrStopped) {
			t.Errorf("dialling after Run: %v", err)
		}
	})
}

// failingListener fails to accept as a process without descriptors does.
type failingListener struct {
	net.Listener
	fails int
}

func (f *failingListener) Accept() (net.Conn, error) {
	if f.fails > 0 {
		f.fails--
		return nil, errors.New("accept: too many open files")
	}
	return f.Listener.Accept()
}

type failingNetwork struct {
	transport.Network
	fails int
}

func (f failingNetwork) Listen(a netip.AddrPort) (net.Listener, error) {
	l, err := f.Network.Listen(a)
	return &failingListener{l, f.fails}, err
}

func TestAcceptSurvivesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		l, h := start(t, transport.Config{Network: failingNetwork{n.Host(server), 12}, Listen: []string{"tcp://10.0.0.1:5060"}})
		c := dial(t, n, desk, addrOf(l, transport.TCP))
		if _, err := c.Write(options(transport.TCP, 1, "")); err != nil {
			t.Fatal(err)
		}
		next(t, h.in)
		if got := l.Stats().Drops[transport.DropAcceptError]; got != 12 {
			t.Errorf("%d errors counted", got)
		}
	})
}
