package b2bua

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// bulky is a description that makes every request with it too large for a datagram.
func bulky(p *siptest.Phone) string {
	var lines []string
	for range 40 {
		lines = append(lines, "a=x-long:"+strings.Repeat("x", 30))
	}
	return sdpFor(p, "8 0", lines...)
}

func protoOf(m *message.Message) string { return m.Via().Transport }

// TestLargeRequests: a request above 1300 bytes goes over TCP where the contact has it (RFC 3261 section 18.1.1).
func TestLargeRequests(t *testing.T) {
	behindNAT := func(c *siptest.PhoneConfig) { c.Private = netip.MustParseAddrPort("192.168.1.7:5060") }
	for _, c := range []struct {
		name   string
		phone  func(*siptest.PhoneConfig)
		tcp    bool // the phone takes connections
		params string
		small  bool
		want   string
		within time.Duration
	}{
		{name: "takes connections", tcp: true, want: "TCP", within: 10 * time.Millisecond},
		{name: "takes none", want: "UDP", within: 10 * time.Millisecond},
		{name: "insists on UDP", tcp: true, params: ";transport=udp", want: "UDP"},
		{name: "behind NAT", tcp: true, phone: behindNAT, want: "UDP"},
		{name: "small request", tcp: true, small: true, want: "UDP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a := r.phone("a")
				var b *siptest.Phone
				if c.phone != nil {
					b = r.phone("b", c.phone)
				} else {
					b = r.phone("b")
				}
				if c.tcp {
					b.TakeConnections(t, false)
				}
				r.loc.contacts["b"][0].URI += c.params
				offer := bulky(a)
				if c.small {
					offer = sdpFor(a, "8 0")
				}
				began := time.Now()
				caller := a.Invite("4b", offer)
				in := b.Expect(t, message.INVITE)
				if got := protoOf(in.Message); got != c.want || time.Since(began) > c.within {
					t.Errorf("over %s after %v", got, time.Since(began))
				}
				contact, _ := in.Contact()
				if strings.Contains(contact.URI, "transport=tcp") != (c.want == "TCP") {
					t.Errorf("Contact %s", contact.URI)
				}
				if in.CSeq() != 1 {
					t.Errorf("CSeq %d", in.CSeq())
				}
				in.Ring()
				caller.Expect(t, 180)
				callee := in.Answer(sdpFor(b, "8"))
				caller.Expect(t, 200)
				caller.Ack()
				if ack := callee.ExpectAck(t); protoOf(ack) != c.want {
					t.Errorf("ACK over %s", protoOf(ack))
				}
				caller.SendBye().Expect(t, 200)
				if bye := callee.ExpectBye(t); protoOf(bye.Message) != c.want || bye.CSeq() != 2 {
					t.Errorf("BYE over %s, CSeq %d", protoOf(bye.Message), bye.CSeq())
				}
			})
		})
	}
}

func TestLargeRequestInADialog(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		b.TakeConnections(t, false)
		caller, callee := r.connect(a, b, "4b")
		x := caller.Send(message.INVITE, contentSDP, strings.Replace(bulky(a), "m=audio 4000 RTP/AVP 8 0", "m=audio 4000 RTP/AVP 0", 1))
		re := callee.ExpectRequest(t, message.INVITE)
		contact, _ := re.Contact()
		if protoOf(re.Message) != "TCP" || re.CSeq() != 2 || !strings.Contains(contact.URI, "transport=tcp") {
			t.Errorf("re-INVITE over %s, CSeq %d, Contact %s", protoOf(re.Message), re.CSeq(), contact.URI)
		}
		re.Answer(sdpFor(b, "0"))
		x.Expect(t, 200)
		caller.Ack()
		re.ExpectAck(t)
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

// TestSilentConnection: something takes the connection and never answers. The call goes on over UDP.
func TestSilentConnection(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		b.TakeConnections(t, true)
		for i, least := range []time.Duration{4 * time.Second, 0} { // the second call knows
			began := time.Now()
			caller := a.Invite("4b", bulky(a))
			in := b.Expect(t, message.INVITE)
			if d := time.Since(began); protoOf(in.Message) != "UDP" || d < least || d > least+time.Second {
				t.Errorf("call %d: over %s after %v", i, protoOf(in.Message), d)
			}
			talk(t, a, b, caller, in)
			r.expectRecord(calls.Answered, 200, byCaller)
		}
	})
}

// TestSlowConnection: the way to the phone swallows TCP. The caller waits for a second, once.
func TestSlowConnection(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		r.net.StallConnections(b.Addr().Addr(), true)
		for i, least := range []time.Duration{time.Second, 0} {
			began := time.Now()
			caller := a.Invite("4b", bulky(a))
			in := b.Expect(t, message.INVITE)
			if d := time.Since(began); protoOf(in.Message) != "UDP" || d < least || d > least+time.Second {
				t.Errorf("call %d: over %s after %v", i, protoOf(in.Message), d)
			}
			talk(t, a, b, caller, in)
		}
		// Cancelled while it waits.
		time.Sleep(connectMemory)
		caller := a.Invite("4b", bulky(a))
		time.Sleep(100 * time.Millisecond)
		caller.Cancel(t)
		caller.Expect(t, 487)
		b.ExpectNone(t, message.INVITE, 5*time.Second)
		r.expectRecord(calls.Cancelled, 487, byCaller)
	})
}

// TestConnectionEnded: the phone has closed the connection of the last call; the next large request opens another.
func TestConnectionEnded(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		b.TakeConnections(t, false)
		for range 2 {
			caller := a.Invite("4b", bulky(a))
			in := b.Expect(t, message.INVITE)
			if protoOf(in.Message) != "TCP" {
				t.Errorf("over %s", protoOf(in.Message))
			}
			talk(t, a, b, caller, in)
			r.net.Cut(server.Addr(), b.Addr().Addr())
			synctest.Wait()
		}
	})
}
