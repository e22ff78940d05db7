package transport_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// browser is a WebSocket client.
type browser struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// request is a WebSocket upgrade, with lines added.
func request(path string, lines ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: pbx.example:5066\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n"
}

const protocol = "Sec-WebSocket-Protocol: sip"

// upgrade makes conn a WebSocket connection.
func upgrade(t *testing.T, conn net.Conn) *browser {
	t.Helper()
	b := &browser{t, conn, bufio.NewReader(conn)}
	if _, err := io.WriteString(conn, request("/", protocol)); err != nil {
		t.Fatal(err)
	}
	head := b.head()
	if !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, "Sec-WebSocket-Protocol: sip\r\n") || !strings.Contains(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
		t.Fatalf("answer %q", head)
	}
	return b
}

// head reads a header up to its blank line.
func (b *browser) head() string {
	b.t.Helper()
	var head strings.Builder
	for {
		line, err := b.r.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String()
		}
	}
}

func (b *browser) send(op ws.OpCode, fin bool, payload []byte) {
	b.t.Helper()
	if _, err := b.conn.Write(masked(op, fin, payload)); err != nil {
		b.t.Fatal(err)
	}
}

func masked(op ws.OpCode, fin bool, payload []byte) []byte {
	return ws.MustCompileFrame(ws.MaskFrameWith(ws.NewFrame(op, fin, payload), [4]byte{1, 2, 3, 4}))
}

func (b *browser) receive() ws.Frame {
	b.t.Helper()
	_ = b.conn.SetReadDeadline(time.Now().Add(time.Minute))
	h, err := ws.ReadHeader(b.r)
	f := ws.Frame{Header: h, Payload: make([]byte, min(h.Length, message.MaxSize))}
	if err == nil {
		_, err = io.ReadFull(b.r, f.Payload)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if f.Header.Masked || !f.Header.Fin {
		b.t.Errorf("the server sent %+v", f.Header)
	}
	return f
}

// wsBubble runs a test in virtual time for WS and for WSS; open gives a client.
func wsBubble(t *testing.T, limits transport.Limits, test func(t *testing.T, proto transport.Proto, l *transport.Layer, h *recorder, open func(t *testing.T, from netip.Addr) *browser)) {
	for _, proto := range []transport.Proto{transport.WS, transport.WSS} {
		t.Run(string(proto), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, a := siptest.NewNetwork(t, 1), newAuthority(t)
				l, h := start(t, transport.Config{
					Network: n.Host(server), Listen: []string{strings.ToLower(string(proto)) + "://10.0.0.1:5066"},
					Certificates: newKeyring(a, server.String()), Limits: limits,
				})
				test(t, proto, l, h, func(t *testing.T, from netip.Addr) *browser {
					t.Helper()
					if proto == transport.WS {
						return upgrade(t, dial(t, n, from, addrOf(l, proto)))
					}
					return upgrade(t, secure(t, n, a, from, addrOf(l, proto)))
				})
			})
		})
	}
}

func TestWebSocket(t *testing.T) {
	a := newAuthority(t)
	l, h := start(t, transport.Config{Listen: []string{"ws://127.0.0.1:0", "wss://127.0.0.1:0"}, Certificates: newKeyring(a, "127.0.0.1")})
	for _, proto := range []transport.Proto{transport.WS, transport.WSS} {
		t.Run(string(proto), func(t *testing.T) {
			conn, err := net.Dial("tcp", addrOf(l, proto).String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if proto == transport.WSS {
				conn = tls.Client(conn, &tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1", NextProtos: []string{"http/1.1"}})
			}
			b := upgrade(t, conn)
			for i := range 50 {
				op := ws.OpText
				msg := options(proto, i+1, "X-Pad: "+strings.Repeat("x", 100*i)+"\r\n")
				if i%3 == 1 { // RFC 7118 section 5.4: the length is known from the frame
					msg = bytes.Replace(msg, []byte("Content-Length: 0\r\n"), nil, 1)
				}
				if i%3 == 2 {
					op, msg = ws.OpBinary, bytes.Replace(msg, []byte("x"), []byte{0xff}, 1)
				}
				b.send(op, true, msg)
				in := next(t, h.in)
				if in.Msg.CSeq() != uint32(i+1) || in.Flow.Proto() != proto || in.Flow.Secure() != (proto == transport.WSS) {
					t.Fatalf("CSeq %d over %s", in.Msg.CSeq(), in.Flow.Proto())
				}
				if rec, _ := in.Msg.Via().Param("received"); rec != "127.0.0.1" {
					t.Errorf("received=%q", rec)
				}
				if f := b.receive(); f.Header.OpCode != op || !bytes.HasPrefix(f.Payload, []byte("SIP/2.0 200")) {
					t.Fatalf("answer %v %q", f.Header, f.Payload)
				}
			}
			if s := l.Stats().Traffic[proto]; s.MessagesIn != 50 || s.MessagesOut != 50 {
				t.Errorf("counters %+v", s)
			}
		})
	}
}

// Fragments, pings between them, keep-alives, segments of one byte.
func TestWebSocketFrames(t *testing.T) {
	wsBubble(t, transport.Limits{}, func(t *testing.T, proto transport.Proto, l *transport.Layer, h *recorder, open func(*testing.T, netip.Addr) *browser) {
		b := open(t, desk)
		msg := options(proto, 1, "")
		b.send(ws.OpText, false, msg[:100])
		b.send(ws.OpPing, true, []byte("are you there"))
		if f := b.receive(); f.Header.OpCode != ws.OpPong || string(f.Payload) != "are you there" {
			t.Errorf("pong %v %q", f.Header, f.Payload)
		}
		b.send(ws.OpContinuation, false, nil)
		b.send(ws.OpContinuation, false, msg[100:101])
		b.send(ws.OpPong, true, []byte("nobody asked"))
		b.send(ws.OpContinuation, true, msg[101:])
		if in := next(t, h.in); in.Msg.CSeq() != 1 {
			t.Errorf("CSeq %d", in.Msg.CSeq())
		}
		b.receive()
		b.send(ws.OpText, true, []byte("\r\n\r\n"))
		if f := b.receive(); string(f.Payload) != "\r\n" {
			t.Errorf("keep-alive answered with %q", f.Payload)
		}
		b.send(ws.OpText, true, []byte("\r\n"))
		var all []byte
		for i := range 3 {
			all = append(all, masked(ws.OpText, true, options(proto, i+2, ""))...)
			all = append(all, masked(ws.OpPing, true, nil)...)
		}
		for i := range all {
			if _, err := b.conn.Write(all[i : i+1]); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 3 {
			if in := next(t, h.in); in.Msg.CSeq() != uint32(i+2) {
				t.Errorf("CSeq %d", in.Msg.CSeq())
			}
			if f := b.receive(); f.Header.OpCode != ws.OpText {
				t.Errorf("answer %v", f.Header)
			}
			if f := b.receive(); f.Header.OpCode != ws.OpPong {
				t.Errorf("pong %v", f.Header)
			}
		}
		b.send(ws.OpClose, true, ws.NewCloseFrameBody(ws.StatusGoingAway, "page left"))
		if f := b.receive(); f.Header.OpCode != ws.OpClose || !bytes.Equal(f.Payload, ws.NewCloseFrameBody(ws.StatusNormalClosure, "")) {
			t.Errorf("close answered with %v %q", f.Header, f.Payload)
		}
		next(t, h.closed)
		if s := l.Stats(); s.Traffic[proto].KeepAlives != 5 || s.Connections != 0 {
			t.Errorf("counters %+v", s)
		}
	})
}

func TestWebSocketFaults(t *testing.T) {
	good := options(transport.WS, 1, "")
	for name, tc := range map[string]struct {
		bytes []byte
		code  ws.StatusCode
	}{
		"no mask":                   {ws.MustCompileFrame(ws.NewTextFrame(good)), ws.StatusProtocolError},
		"reserved bit":              {append([]byte{0xc1}, masked(ws.OpText, true, good)[1:]...), ws.StatusProtocolError},
		"unknown opcode":            {append([]byte{0x83}, masked(ws.OpText, true, good)[1:]...), ws.StatusProtocolError},
		"continuation of nothing":   {masked(ws.OpContinuation, true, good), ws.StatusProtocolError},
		"two messages at once":      {append(masked(ws.OpText, false, good), masked(ws.OpText, true, good)...), ws.StatusProtocolError},
		"fragmented ping":           {masked(ws.OpPing, false, nil), ws.StatusProtocolError},
		"large ping":                {masked(ws.OpPing, true, make([]byte, 126)), ws.StatusProtocolError},
		"large message":             {masked(ws.OpText, true, make([]byte, 65536))[:20], ws.StatusMessageTooBig},
		"length without end":        {[]byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, ws.StatusMessageTooBig},
		"negative length":           {[]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, ws.StatusProtocolError},
		"large in fragments":        {append(masked(ws.OpText, false, make([]byte, 40000)), masked(ws.OpContinuation, true, make([]byte, 40000))...), ws.StatusMessageTooBig},
		"HTTP instead of WebSocket": {[]byte("GET / HTTP/1.1\r\n\r\n"), ws.StatusProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			wsBubble(t, transport.Limits{}, func(t *testing.T, _ transport.Proto, l *transport.Layer, h *recorder, open func(*testing.T, netip.Addr) *browser) {
				b := open(t, desk)
				_, _ = b.conn.Write(tc.bytes) // may be cut off meanwhile
				f := b.receive()
				code, _ := ws.ParseCloseFrameData(f.Payload)
				if f.Header.OpCode != ws.OpClose || code != tc.code {
					t.Errorf("answered with %v %d, want close %d", f.Header, code, tc.code)
				}
				next(t, h.closed)
				if s := l.Stats(); s.Drops[transport.DropFraming] != 1 || len(h.in) != 0 {
					t.Errorf("counters %+v", s)
				}
			})
		})
	}
}

func TestWebSocketUpgrade(t *testing.T) {
	for name, tc := range map[string]struct {
		origins []string
		request string
		status  string // "" when the connection is closed without a word
	}{
		"path /ws":              {nil, request("/ws", protocol), "101"},
		"path /sip, query":      {nil, request("/sip?x=y", protocol), "101"},
		"sip among others":      {nil, request("/", "Sec-WebSocket-Protocol: xmpp, sip"), "101"},
		"another path":          {nil, request("/admin", protocol), "404"},
		"no subprotocol":        {nil, request("/"), "400"},
		"another subprotocol":   {nil, request("/", "Sec-WebSocket-Protocol: msrp"), "400"},
		"origin of this host":   {nil, request("/", protocol, "Origin: https://PBX.example"), "101"},
		"another origin":        {nil, request("/", protocol, "Origin: https://evil.example"), "403"},
		"origin null":           {nil, request("/", protocol, "Origin: null"), "403"},
		"a listed origin":       {[]string{"https://a.example", "https://phone.example"}, request("/", protocol, "Origin: https://phone.example"), "101"},
		"not a listed origin":   {[]string{"https://phone.example"}, request("/", protocol, "Origin: https://pbx.example"), "403"},
		"no origin, but a list": {[]string{"https://phone.example"}, request("/", protocol), "101"},
		"every origin":          {[]string{"*"}, request("/", protocol, "Origin: https://evil.example"), "101"},
		"POST":                  {nil, strings.Replace(request("/", protocol), "GET", "POST", 1), "405"},
		"no upgrade":            {nil, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		"old version":           {nil, strings.Replace(request("/", protocol), "Version: 13", "Version: 8", 1), "426"},
		"no key":                {nil, strings.Replace(request("/", protocol), "Sec-WebSocket-Key", "X-Key", 1), "400"},
		"large header":          {nil, request("/", protocol, "X: "+strings.Repeat("x", 9000)), ""},
		"endless header":        {nil, "GET / HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 3000), ""},
		"SIP":                   {nil, string(options(transport.TCP, 1, "")), ""},
		"garbage":               {nil, "\x00\xff\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := siptest.NewNetwork(t, 1)
				l, h := start(t, transport.Config{Network: n.Host(server), Listen: []string{"ws://10.0.0.1:5066"}, Origins: tc.origins})
				b := &browser{t: t, conn: dial(t, n, desk, addrOf(l, transport.WS))}
				b.r = bufio.NewReader(b.conn)
				began := time.Now()
				for rest := []byte(tc.request); len(rest) > 0; {
					k, err := b.conn.Write(rest[:min(len(rest), 1000)])
					if err != nil {
						break
					}
					rest = rest[k:]
				}
				head := b.head()
				if tc.status == "" {
					if strings.HasPrefix(head, "HTTP/1.1 101") {
						t.Errorf("answered with %q", head)
					}
				} else if !strings.HasPrefix(head, "HTTP/1.1 "+tc.status+" ") {
					t.Errorf("answered with %q, want %s", head, tc.status)
				}
				if tc.status != "101" {
					_, _ = io.Copy(io.Discard, b.r)
					if time.Since(began) != 0 {
						t.Errorf("closed after %v", time.Since(began))
					}
					synctest.Wait()
					if s := l.Stats(); s.Drops[transport.DropHandshake] != 1 || s.Handshakes+s.Connections != 0 {
						t.Errorf("counters %+v", s)
					}
					return
				}
				// A message may follow the request at once.
				b.send(ws.OpText, true, options(transport.WS, 1, ""))
				next(t, h.in)
			})
		})
	}
}

// A message in the segment of the request is not lost.
func TestWebSocketEagerClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		l, h := start(t, transport.Config{Network: n.Host(server), Listen: []string{"ws://10.0.0.1:5066"}})
		c := dial(t, n, desk, addrOf(l, transport.WS))
		if _, err := c.Write(append([]byte(request("/", protocol)), masked(ws.OpText, true, options(transport.WS, 1, ""))...)); err != nil {
			t.Fatal(err)
		}
		next(t, h.in)
	})
}

// Silent clients keep nobody from upgrading, and end.
func TestHalfOpenWebSocket(t *testing.T) {
	limits := transport.Limits{MaxHandshakes: 8, Handshake: 3 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		l, h := start(t, transport.Config{Network: n.Host(server), Listen: []string{"ws://10.0.0.1:5066"}, Limits: limits})
		for i := range 20 {
			c := dial(t, n, desk, addrOf(l, transport.WS))
			if i%2 == 0 {
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost:")
			}
		}
		began := time.Now()
		b := upgrade(t, dial(t, n, dect, addrOf(l, transport.WS)))
		b.send(ws.OpText, true, options(transport.WS, 1, ""))
		next(t, h.in)
		if took := time.Since(began); took != 0 {
			t.Errorf("an upgrade took %v", took)
		}
		time.Sleep(3 * time.Second) // virtual
		synctest.Wait()
		if s := l.Stats(); s.Handshakes != 0 || s.Connections != 1 || s.Drops[transport.DropHandshakeTimeout] != 7 || s.Drops[transport.DropHandshakeLimit] != 13 {
			t.Errorf("counters %+v", s)
		}
	})
}

// We ask a silent peer three times; one that answers stays.
func TestWebSocketPings(t *testing.T) {
	wsBubble(t, transport.Limits{Ping: 10 * time.Second}, func(t *testing.T, proto transport.Proto, l *transport.Layer, h *recorder, open func(*testing.T, netip.Addr) *browser) {
		b := open(t, desk)
		b.send(ws.OpText, true, options(proto, 1, ""))
		next(t, h.in)
		b.receive()
		for range 10 {
			began := time.Now()
			if f := b.receive(); f.Header.OpCode != ws.OpPing || time.Since(began) != 10*time.Second {
				t.Fatalf("%v after %v", f.Header, time.Since(began))
			}
			b.send(ws.OpPong, true, nil)
		}
		began := time.Now()
		for range 3 {
			b.receive()
		}
		if f := b.receive(); f.Header.OpCode != ws.OpClose || time.Since(began) != 40*time.Second {
			t.Errorf("%v after %v", f.Header, time.Since(began))
		}
		next(t, h.closed)
		if s := l.Stats(); s.Drops[transport.DropIdle] != 1 {
			t.Errorf("counters %+v", s)
		}
	})
}

// A message that does not come to its end, in one frame or in many, ends the connection.
func TestWebSocketIncomplete(t *testing.T) {
	for name, send := range map[string]func(b *browser){
		"frame":     func(b *browser) { _, _ = b.conn.Write(masked(ws.OpText, true, options(transport.WS, 2, ""))[:50]) },
		"header":    func(b *browser) { _, _ = b.conn.Write([]byte{0x81}) },
		"fragments": func(b *browser) { b.send(ws.OpText, false, []byte("OPTIONS")) },
	} {
		t.Run(name, func(t *testing.T) {
			wsBubble(t, transport.Limits{WholeMessage: 7 * time.Second}, func(t *testing.T, proto transport.Proto, l *transport.Layer, h *recorder, open func(*testing.T, netip.Addr) *browser) {
				b := open(t, desk)
				b.send(ws.OpText, true, options(proto, 1, ""))
				next(t, h.in)
				began := time.Now()
				send(b)
				next(t, h.closed)
				if took := time.Since(began); took != 7*time.Second || l.Stats().Drops[transport.DropIncomplete] != 1 {
					t.Errorf("closed after %v, counters %+v", took, l.Stats())
				}
			})
		})
	}
}

func TestWebSocketStuckPeer(t *testing.T) {
	limits := transport.Limits{MaxQueue: 100 << 10, Write: 10 * time.Second}
	wsBubble(t, limits, func(t *testing.T, proto transport.Proto, l *transport.Layer, h *recorder, open func(*testing.T, netip.Addr) *browser) {
		stuck, other := open(t, desk), open(t, dect)
		stuck.send(ws.OpText, true, options(proto, 1, ""))
		f := next(t, h.in).Flow
		began := time.Now()
		big := options(proto, 2, "X-Pad: "+strings.Repeat("x", 5000)+"\r\n")
		full := false
		for range 200 {
			if err := f.Send(big); errors.Is(err, transport.ErrQueueFull) {
				full = true
				break
			}
			synctest.Wait()
		}
		for range 1000 { // what a ping asks for is bounded as well
			stuck.send(ws.OpPing, true, make([]byte, 125))
		}
		other.send(ws.OpText, true, options(proto, 3, ""))
		next(t, h.in)
		if !full || time.Since(began) != 0 {
			t.Errorf("full %v, after %v: Send has waited, or never refused", full, time.Since(began))
		}
		next(t, h.closed)
		if took := time.Since(began); took != 10*time.Second || !f.Closed() {
			t.Errorf("cut off after %v", took)
		}
		if s := l.Stats(); s.Drops[transport.DropWriteTimeout] != 1 || s.Connections != 1 {
			t.Errorf("counters %+v", s)
		}
	})
}

// WebSocket clients are reached on their own flow and no other way.
func TestWebSocketIsNotDialled(t *testing.T) {
	wsBubble(t, transport.Limits{}, func(t *testing.T, proto transport.Proto, l *transport.Layer, h *recorder, open func(*testing.T, netip.Addr) *browser) {
		b := open(t, desk)
		b.send(ws.OpText, true, options(proto, 1, ""))
		accepted := next(t, h.in).Flow
		for _, to := range []netip.AddrPort{accepted.Remote(), accepted.Local()} {
			if f, err := l.FlowTo(transport.Target{Proto: proto, Addr: to}); !errors.Is(err, transport.ErrNoDial) || f != nil {
				t.Errorf("request to %v: %v", to, err)
			}
		}
		b.receive()
		if err := accepted.Send(options(proto, 9, "")); err != nil {
			t.Fatal(err)
		}
		if f := b.receive(); !bytes.HasPrefix(f.Payload, []byte("OPTIONS")) {
			t.Errorf("the phone got %q", f.Payload)
		}
		b.conn.Close()
		next(t, h.closed)
		if err := accepted.Send(options(proto, 10, "")); !errors.Is(err, transport.ErrFlowClosed) {
			t.Errorf("sending to a phone that is gone: %v", err)
		}
	})
}

func TestAcceptWebSocketSurvivesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		l, h := start(t, transport.Config{Network: failingNetwork{n.Host(server), 12}, Listen: []string{"ws://10.0.0.1:5066"}})
		b := upgrade(t, dial(t, n, desk, addrOf(l, transport.WS)))
		b.send(ws.OpText, true, options(transport.WS, 1, ""))
		next(t, h.in)
		if got := l.Stats().Drops[transport.DropAcceptError]; got != 12 {
			t.Errorf("%d errors counted", got)
		}
	})
}

// The end of the layer is told to browsers, and leaves nothing.
func TestStopTellsWebSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a := siptest.NewNetwork(t, 1), newAuthority(t)
		l, err := transport.New(transport.Config{Network: n.Host(server), Listen: []string{"ws://10.0.0.1:5066", "wss://10.0.0.1:5067"}, Certificates: newKeyring(a, server.String())})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx, newRecorder()) }()
		plain := upgrade(t, dial(t, n, desk, addrOf(l, transport.WS)))
		crypt := upgrade(t, secure(t, n, a, desk, addrOf(l, transport.WSS)))
		half := dial(t, n, desk, addrOf(l, transport.WSS))
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, b := range []*browser{plain, crypt} {
			f := b.receive()
			if code, _ := ws.ParseCloseFrameData(f.Payload); f.Header.OpCode != ws.OpClose || code != ws.StatusGoingAway {
				t.Errorf("told %v %d", f.Header, code)
			}
			b.conn.Close()
		}
		_ = half.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := half.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) || err == nil {
			t.Errorf("a handshake goes on after the end: %v", err)
		}
		half.Close()
		if open := n.Open(); open != 0 {
			t.Errorf("%d sockets left open", open)
		}
	})
}
