package sip_test

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/b2bua"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/registrar"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// maxCost is what a message within the size limit may cost from the reader on, whatever is in it and though its sender knows a
// password.
const maxCost = time.Millisecond

// costly are the parts of expensive requests: header lines, and a body with its type.
func costly() map[string]struct{ method, head, kind, body string } {
	type m = struct{ method, head, kind, body string }
	const room = 60000
	fill := func(unit string, n int) string { return strings.Repeat(unit, n/len(unit)) }
	spread := func(name, unit string) string {
		return strings.Repeat(name+fill(unit, 15900)+"\r\n", room/16000)
	}
	const top = "v=0\r\no=- 1 1 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\n"
	const audio = "m=audio 4000 RTP/AVP 8\r\n"
	formats := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " %d", i%128)
		}
		return b.String()
	}
	numbered := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format+"\r\n", i%128)
		}
		return b.String()
	}
	sdp := func(body string) m { return m{"INVITE", "", "application/sdp", top + body} }
	all := map[string]m{
		"SDP of empty attributes":     sdp(audio + fill("a=\r\n", room)),
		"SDP of lines":                sdp(audio + fill("x=y\r\n", 2000*5)),
		"SDP of attributes":           sdp(audio + numbered("a=rtpmap:%d x/8000", 1900)),
		"SDP of equal codecs":         sdp("m=audio 4000 RTP/AVP" + formats(128) + "\r\n" + numbered("a=rtpmap:%d x/8000", 1900)),
		"SDP of format parameters":    sdp("m=audio 4000 RTP/AVP" + formats(128) + "\r\n" + numbered("a=fmtp:%d x=1", 1900)),
		"SDP of feedback":             sdp("m=audio 4000 RTP/AVPF" + formats(128) + "\r\n" + numbered("a=rtcp-fb:%d nack", 1900)),
		"SDP of media":                sdp(strings.Repeat("m=audio 4000 RTP/AVP"+formats(128)+"\r\n"+numbered("a=rtpmap:%d x/8000", 50), 32)),
		"SDP of many media":           sdp(fill(audio, room)),
		"SDP of keys":                 sdp("m=audio 4000 RTP/SAVP 8\r\n" + numbered("a=crypto:%d AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj", 600)),
		"SDP of candidates":           sdp("m=audio 4000 UDP/TLS/RTP/SAVPF 8\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n" + numbered("a=candidate:%d 1 udp 1 192.0.2.1 4000 typ host", 1000)),
		"SDP of fingerprints":         sdp("m=audio 4000 UDP/TLS/RTP/SAVPF 8\r\na=setup:actpass\r\n" + fill("a=fingerprint:sha-256 "+strings.Repeat("AB:", 31)+"AB\r\n", room)),
		"SDP of groups":               sdp(fill("a=group:BUNDLE "+fill("a ", 500)+"\r\n", room/2) + strings.Repeat(audio+"a=mid:a\r\n", 32)),
		"SDP of one line":             sdp("m=audio 4000 RTP/AVP " + fill("8 ", room) + "\r\n"),
		"SDP of blanks":               sdp(audio + "a=x:" + fill(" ", room) + "\r\n"),
		"SDP of line ends":            sdp(audio + fill("\r\n", room)),
		"multipart":                   {"INVITE", "", "multipart/mixed;boundary=b", fill("--b\r\n\r\n", room)},
		"multipart with a long name":  {"INVITE", "", `multipart/mixed;boundary="` + fill("-", 15000) + `"`, fill("-", room-15000)},
		"multipart of headers":        {"INVITE", "", "multipart/mixed;boundary=b", "--b\r\n" + fill("X: y\r\n", room)},
		"multipart of many types":     {"INVITE", "", "multipart/mixed" + fill(";a=b", 15000), "--b\r\n\r\n--b--"},
		"multipart of quoted types":   {"INVITE", "", `multipart/mixed;boundary="` + fill(`\b`, 15000) + `"`, "--b\r\n\r\n--b--"},
		"path of systems":             {"INVITE", "X-Koppelfeld-Path: " + fill("a/1,", 1000) + "\r\n", "", ""},
		"longer path of systems":      {"INVITE", "X-Koppelfeld-Path: " + fill("a/1,", 15000) + "\r\n", "", ""},
		"identities":                  {"INVITE", spread("P-Preferred-Identity: <sip:", "1"), "", ""},
		"session timers":              {"INVITE", "Supported: timer\r\n" + "Session-Expires: 1800" + fill(";refresher=uac", 15000) + "\r\n" + spread("Min-SE: 90", ";x"), "", ""},
		"credentials of other realms": {"INVITE", spread("Authorization: Digest realm=\"x\"", ",a=b"), "", ""},
		"many credentials":            {"REGISTER", strings.Repeat("Authorization: Digest realm=\"x\",username=\"y\",nonce=\"z\"\r\n", 480), "", ""},
		"contacts":                    {"REGISTER", spread("Contact: <sip:a@b>", ",<sip:a@b>"), "", ""},
		"contact of parameters":       {"REGISTER", "Contact: <sip:a@b>" + fill(";x=y", 15000) + "\r\n", "", ""},
		"contact with a long URI":     {"REGISTER", "Contact: <sip:a@b" + fill(";x=y", 15000) + ">\r\n", "", ""},
		"contacts that nearly match":  {"REGISTER", "Contact: <sip:a@b" + fill(";x%35=y", 230) + "?" + fill("a=b&", 120) + ">\r\n", "", ""},
		"path":                        {"REGISTER", "Supported: path\r\n" + spread("Path: <sip:a;lr>", ",<sip:a;lr>"), "", ""},
		"replaces":                    {"INVITE", "Replaces: x" + fill(";from-tag=a;to-tag=b", 15000) + "\r\n", "", ""},
		"events":                      {"SUBSCRIBE", "Event: dialog" + fill(";id=x", 15000) + "\r\n" + spread("Accept: ", "a/b,"), "", ""},
		"no dialog":                   {"OPTIONS", spread("X: ", "y"), "", ""},
	}
	for _, h := range []string{"Route", "Record-Route", "Supported", "Require", "Proxy-Require", "Allow", "Accept", "Via", "Diversion", "History-Info", "Reason", "Alert-Info", "Call-Info"} {
		unit := "<sip:a;lr>,"
		switch h {
		case "Via":
			unit = "SIP/2.0/UDP h;branch=z9hG4bKx,"
		case "Accept":
			unit = "text/x,"
		}
		last := strings.TrimSuffix(unit, ",")
		line := h + ": " + fill(unit, 15900) + last + "\r\n"
		for _, method := range []string{"INVITE", "REGISTER", "OPTIONS"} {
			all[h+" of "+method] = m{method, strings.Repeat(line, 3), "", ""}
		}
	}
	return all
}

// somebody rings, and has taken part in so much that everything is looked at.
type somebody struct {
	nobody
	flow *transport.Flow
}

func (somebody) Decide(routing.Request, routing.Live) routing.Plan {
	return routing.Plan{Outcome: routing.Ring, Number: "416", Targets: []routing.Target{{SlotID: "b", Type: "desk", Number: "416"}}}
}
func (somebody) Registered(string) bool { return true }
func (s somebody) Contacts(buf []b2bua.Contact, _ string) []b2bua.Contact {
	return append(buf, b2bua.Contact{URI: "sip:b@192.0.2.30:5060", Flow: s.flow})
}

// void takes what is sent.
type void struct{ sent int }

func (*void) Proto() transport.Proto { return transport.UDP }
func (*void) Local() netip.AddrPort  { return server }
func (*void) Closed() bool           { return false }
func (v *void) SendTo(b []byte, _ netip.AddrPort) error {
	v.sent += len(b)
	return nil
}

// expensive is a stack that is handed messages without a network.
type expensive struct {
	t      testing.TB
	stack  *sip.Stack
	digest *auth.Digest
	client *auth.Client
	link   *void
	flow   *transport.Flow
	n      int
}

func newExpensive(t testing.TB) *expensive {
	t.Helper()
	x := &expensive{t: t, link: &void{}, client: auth.NewClient("iris", "secret")}
	x.flow = transport.NewFlow(x.link, netip.MustParseAddrPort("192.0.2.20:5060"))
	var err error
	if x.digest, err = auth.New(auth.Config{Realm: realm, Key: make([]byte, 32), Accounts: anyone{}, NonceLifetime: time.Hour}); err != nil {
		t.Fatal(err)
	}
	x.stack, err = sip.New(sip.Config{
		Transport: transport.Config{Network: siptest.NewNetwork(t, 1).Host(server.Addr()), Listen: []string{"udp://10.0.0.1:5060"}},
		Shards:    1, InDialog: b2bua.Methods(), Supported: append(b2bua.Extensions(), "path"), MaxLag: time.Hour, Urgent: b2bua.Emergency, Trace: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registrar.New(registrar.Config{Domain: realm, Auth: x.digest, Stack: x.stack}); err != nil {
		t.Fatal(err)
	}
	s := somebody{flow: x.flow}
	ua, err := b2bua.New(b2bua.Config{
		Router: s, Locator: s, Auth: x.digest, Live: calls.NewLive(), Table: calls.NewTable(), Recorder: s,
		FlowTo: x.stack.FlowTo, Domain: realm, Limits: b2bua.Limits{Total: 1 << 20, PerSlot: 1 << 20, PerSource: 1 << 20, Attempts: 1 << 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	ua.Register(x.stack)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- x.stack.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	b := message.NewResponse(x.parse(x.request("OPTIONS", "", "", "")), 401, "", "t")
	x.digest.Challenge(b, false, false)
	if err := x.client.Challenged(x.parse(b.Finish("", nil))); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *expensive) parse(b []byte) *message.Message {
	m, err := message.Parse(b)
	if err != nil {
		x.t.Fatal(err)
	}
	return m
}

// request writes one; credentials come with it once there was a challenge.
func (x *expensive) request(method, head, kind, body string) []byte {
	x.n++
	uri := "sip:416@" + realm
	if method == "REGISTER" {
		uri = "sip:" + realm
	}
	if name, value, err := x.client.Authorize(message.Method(method), uri); err == nil && name != "" {
		head += name + ": " + value + "\r\n"
	}
	if kind != "" {
		head += "Content-Type: " + kind + "\r\n"
	}
	if method == "INVITE" || method == "SUBSCRIBE" {
		head += "Contact: <sip:iris@192.0.2.20>\r\n"
	}
	return fmt.Appendf(nil, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.20;rport;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\nFrom: <sip:iris@%s>;tag=%d\r\nTo: <sip:iris@%s>\r\n"+
		"Call-ID: costly-%d\r\nCSeq: 1 %s\r\n%sContent-Length: %d\r\n\r\n%s", method, uri, x.n, realm, x.n, realm, x.n, method, head, len(body), body)
}

// receive takes a message as a reader would.
func (x *expensive) receive(raw []byte) {
	m, err := message.Parse(raw)
	if m == nil {
		return
	}
	if err != nil {
		message.NewResponse(m, 400, "", "t").Finish("", nil)
		return
	}
	m.SetReceived(netip.MustParseAddr("192.0.2.21"), 5060)
	x.stack.Receive(transport.Inbound{Msg: m, Flow: x.flow})
}

// TestCostlyRequests checks that each of them is taken or refused without a fault, that it allocates within bounds, and that what it
// makes us send is no more than a few times what was sent: nobody can use us against others.
func TestCostlyRequests(t *testing.T) {
	x := newExpensive(t)
	for name, c := range costly() {
		raw := x.request(c.method, c.head, c.kind, c.body)
		if len(raw) > message.MaxSize {
			t.Errorf("%s: %d bytes", name, len(raw))
			continue
		}
		size := len(raw)
		allocated := math.MaxInt
		for range 5 { // the least of them: the process may have allocated for something else meanwhile
			x.link.sent = 0
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			x.receive(raw)
			runtime.ReadMemStats(&after)
			if allocated = min(allocated, int(after.TotalAlloc-before.TotalAlloc)); allocated <= 20*message.MaxSize {
				break
			}
			raw = x.request(c.method, c.head, c.kind, c.body)
		}
		if allocated > 20*message.MaxSize {
			t.Errorf("%s: %d bytes allocated", name, allocated)
		}
		if x.link.sent > 3*size+2000 {
			t.Errorf("%s: %d bytes sent for %d", name, x.link.sent, size)
		}
	}
	if n := x.stack.Stats().Panics + x.stack.Stats().Shards[0].Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
}

// BenchmarkCostlyRequests fails when one of them costs more than a millisecond.
func BenchmarkCostlyRequests(b *testing.B) {
	for name, c := range costly() {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			x := newExpensive(b)
			var took time.Duration
			for b.Loop() {
				raw := x.request(c.method, c.head, c.kind, c.body)
				begun := time.Now()
				x.receive(raw)
				took += time.Since(begun)
			}
			per := took / time.Duration(b.N)
			b.ReportMetric(float64(per.Nanoseconds()), "ns/message")
			if per > maxCost && b.N > 1 {
				b.Errorf("%v", per)
			}
		})
	}
}

// TestStrangersCannotAimUs sends the shortest requests of somebody who forges another's address: each gets one answer at most, which is not much
// longer, and goes to where the request came from, whatever it says about that.
func TestStrangersCannotAimUs(t *testing.T) {
	const short = "Via: SIP/2.0/UDP %s;branch=z9hG4bK%d\r\nFrom: <sip:a@b>;tag=%d\r\nTo: <sip:a@b>%s\r\nCall-ID: a%d\r\nCSeq: 1 %s\r\n%s\r\n"
	n := 0
	for _, c := range []struct{ method, uri, via, to, extra string }{
		{"OPTIONS", "sip:x", "h", "", ""},
		{"REGISTER", "sip:x", "h", "", ""},
		{"INVITE", "sip:x", "h", "", ""},
		{"INVITE", "sip:112@x", "h", "", ""},
		{"SUBSCRIBE", "sip:x", "h", "", ""},
		{"MESSAGE", "sip:x", "h", "", ""},
		{"BYE", "sip:x", "h", ";tag=x", ""},
		{"CANCEL", "sip:x", "h", "", ""},
		{"NOTHING", "sip:x", "h", "", ""},
		{"OPTIONS", "x:y", "h", "", ""},
		{"OPTIONS", "nonsense", "h", "", ""},
		{"OPTIONS", "sip:x", "h", "", "Require: a,b,c,d,e,f,g,h\r\n"},
		{"REGISTER", "sip:x", "h", "", "Require: a,b,c,d,e,f,g,h\r\n"},
		{"OPTIONS", "sip:x", "h;received=203.0.113.9;rport=99", "", ""},
		{"OPTIONS", "sip:x", "203.0.113.9:99;maddr=203.0.113.9", "", ""},
		{"OPTIONS", "sip:x", "224.0.1.75;maddr=224.0.1.75;ttl=255", "", ""},
		{"OPTIONS", "sip:x", "255.255.255.255", "", ""},
		{"REGISTER", "sip:x", "h", "", "Contact: <sip:a@203.0.113.9>\r\nRoute: <sip:203.0.113.9;lr>\r\n"},
		{"INVITE", "sip:x@203.0.113.9", "h", "", "Route: <sip:203.0.113.9;lr>\r\nRecord-Route: <sip:203.0.113.9;lr>\r\nContact: <sip:a@203.0.113.9>\r\n"},
	} {
		n++
		raw := fmt.Sprintf("%s %s SIP/2.0\r\n"+short, c.method, c.uri, c.via, n, n, c.to, n, c.method, c.extra)
		t.Run(fmt.Sprintf("%d %s", n, c.method), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newTortured(t)
				for _, third := range []string{"203.0.113.9:5060", "203.0.113.9:99", "224.0.1.75:5060", "255.255.255.255:5060"} {
					at := netip.MustParseAddrPort(third)
					sock, err := r.net.Host(at.Addr()).ListenPacket(at, 0)
					if err != nil {
						t.Fatal(err)
					}
					defer sock.Close()
					go func() {
						dg := []transport.Datagram{{Buf: make([]byte, 65535)}}
						for {
							if _, err := sock.ReadBatch(dg); err != nil {
								return
							}
							t.Errorf("%s hears\n%s", third, dg[0].Buf[:dg[0].N])
						}
					}()
				}
				got := r.overUDP([]byte(raw))
				sum := 0
				for _, b := range got {
					sum += len(b)
				}
				if len(got) > 1 || sum > 3*len(raw)+200 {
					t.Errorf("%d answers with %d bytes to %d", len(got), sum, len(raw))
				}
			})
		})
	}
}
