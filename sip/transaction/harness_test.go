package transaction

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// sent is a message that left, with the time since the start.
type sent struct {
	at  time.Duration
	msg *message.Message
	raw []byte
}

// name is the method of a request or the status of a response.
func (s sent) name() string {
	if s.msg.IsRequest() {
		return string(s.msg.Method())
	}
	return fmt.Sprint(s.msg.Status())
}

// link records what is sent.
type link struct {
	h     *harness
	proto transport.Proto
	err   error
	out   []sent
}

func (k *link) Proto() transport.Proto { return k.proto }
func (k *link) Local() netip.AddrPort  { return netip.MustParseAddrPort("192.0.2.1:5060") }
func (k *link) Closed() bool           { return k.err != nil }

func (k *link) SendTo(b []byte, _ netip.AddrPort) error {
	if k.err != nil {
		return k.err
	}
	raw := append([]byte(nil), b...)
	m, err := message.Parse(append([]byte(nil), b...))
	if err != nil {
		k.h.t.Errorf("unparsable message sent: %v\n%s", err, b)
		return nil
	}
	k.out = append(k.out, sent{k.h.now().Sub(k.h.start), m, raw})
	return nil
}

// harness is a layer with a link and a clock of its own. It hears everything as the user of all transactions.
type harness struct {
	t     testing.TB
	start time.Time
	wheel *Wheel
	l     *Layer
	link  *link
	flow  *transport.Flow
	tags  int
	heard []string
	onRes func(c *Client, res *message.Message)
}

func newHarness(t testing.TB, proto transport.Proto) *harness {
	h := &harness{t: t, start: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
	h.wheel = NewWheel(h.start)
	h.link = &link{h: h, proto: proto}
	h.flow = transport.NewFlow(h.link, netip.MustParseAddrPort("198.51.100.7:5062"))
	h.l = New(Config{Wheel: h.wheel, NewTag: func() string { h.tags++; return fmt.Sprintf("tag%d", h.tags) }})
	return h
}

func (h *harness) now() time.Time { return h.wheel.Now() }

// pass lets time go by, stopping wherever the wheel asks for it, like a shard.
func (h *harness) pass(d time.Duration) {
	end := h.now().Add(d)
	for {
		at, ok := h.wheel.Next()
		if !ok || at.After(end) {
			break
		}
		h.wheel.Advance(at)
		h.l.Sweep()
	}
	h.wheel.Advance(end)
	h.l.Sweep()
}

func (h *harness) Response(_ *Client, res *message.Message) {
	h.heard = append(h.heard, fmt.Sprint(res.Status()))
	if h.onRes != nil {
		h.onRes(nil, res)
	}
}
func (h *harness) Failed(_ *Client, err error) { h.heard = append(h.heard, err.Error()) }
func (h *harness) Cancelled(*Server, *message.Message) {
	h.heard = append(h.heard, "cancelled")
}
func (h *harness) Unacknowledged(_ *Server, err error) { h.heard = append(h.heard, err.Error()) }

// names are the messages sent, with their times in milliseconds.
func (h *harness) names() string {
	var out []string
	for _, s := range h.link.out {
		out = append(out, fmt.Sprintf("%s@%d", s.name(), s.at.Milliseconds()))
	}
	return strings.Join(out, " ")
}

func (h *harness) expectSent(want string) {
	h.t.Helper()
	if got := h.names(); got != want {
		h.t.Errorf("sent\n got %s\nwant %s", got, want)
	}
}

func (h *harness) expectHeard(want ...string) {
	h.t.Helper()
	if got, want := strings.Join(h.heard, " | "), strings.Join(want, " | "); got != want {
		h.t.Errorf("heard\n got %s\nwant %s", got, want)
	}
}

// expectEmpty asserts that nothing is left behind.
func (h *harness) expectEmpty() {
	h.t.Helper()
	if n, m := h.l.Len(), h.wheel.Len(); n != 0 || m != 0 || len(h.l.merges) != 0 || len(h.l.flows) != 0 || len(h.l.spent) != 0 {
		h.t.Errorf("left behind: %d transactions, %d timers, %d merge keys, %d flows, %d spent", n, m, len(h.l.merges), len(h.l.flows), len(h.l.spent))
	}
}

func parse(t testing.TB, text string) *message.Message {
	t.Helper()
	m, err := message.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
	if err != nil {
		t.Fatalf("parsing: %v\n%s", err, text)
	}
	return m
}

// request makes a request that comes from a peer.
func request(t testing.TB, method message.Method, branch, toTag string) *message.Message {
	t.Helper()
	return parse(t, requestText(method, branch, toTag, "call-1"))
}

func requestText(method message.Method, branch, toTag, callID string) string {
	if toTag != "" {
		toTag = ";tag=" + toTag
	}
	return fmt.Sprintf(`%s sip:416@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 198.51.100.7:5062;branch=%s;rport=5062;received=198.51.100.7
Max-Forwards: 70
Route: <sip:a.example;lr>, <sip:b.example;lr>
From: "A" <sip:a@example.com>;tag=from1
To: <sip:416@example.com>%s
Call-ID: %s
CSeq: 7 %s
Content-Length: 0

`, method, branch, toTag, callID, method)
}

// outgoing makes a request of ours, as bytes.
func outgoing(t testing.TB, method message.Method, branch string) []byte {
	return request(t, method, branch, "").Raw()
}

// answer makes a response of the peer to a request of ours.
func answer(t testing.TB, method message.Method, branch string, status int, tag string) *message.Message {
	t.Helper()
	m, err := message.Parse(message.NewResponse(request(t, method, branch, ""), status, "", tag).Finish("", nil))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// response makes a response of ours.
func response(req *message.Message, status int) []byte {
	return message.NewResponse(req, status, "", "ours").Finish("", nil)
}

// timeOf is when a timer is due, since the start of its wheel.
func timeOf(t *Timer) time.Duration { return time.Duration(t.tick) * Tick }
