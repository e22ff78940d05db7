package transaction

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

const br = "z9hG4bKabc"

func (h *harness) send(method message.Method) *Client {
	return h.l.Send(h.flow, method, br, outgoing(h.t, method, br), h)
}

func (h *harness) get(method message.Method, status int, tag string) {
	h.t.Helper()
	h.l.Response(answer(h.t, method, br, status, tag))
	h.l.Sweep()
}

func TestClientInviteTimeoutUDP(t *testing.T) {
	h := newHarness(t, transport.UDP)
	h.send(message.INVITE)
	h.pass(40 * time.Second)
	h.expectSent("INVITE@0 INVITE@500 INVITE@1500 INVITE@3500 INVITE@7500 INVITE@15500 INVITE@31500")
	h.expectHeard("transaction: timeout")
	h.expectEmpty()
}

func TestClientInviteTimeoutTCP(t *testing.T) {
	h := newHarness(t, transport.TCP)
	h.send(message.INVITE)
	h.pass(31990 * time.Millisecond)
	h.expectHeard()
	h.pass(10 * time.Millisecond)
	h.expectSent("INVITE@0")
	h.expectHeard("transaction: timeout")
	h.expectEmpty()
}

func TestClientInviteManyProvisionals(t *testing.T) {
	h := newHarness(t, transport.UDP)
	h.send(message.INVITE)
	for range 13 {
		h.get(message.INVITE, 180, "b1")
		h.pass(20 * time.Second) // rings for minutes: no timer of ours ends it
	}
	h.get(message.INVITE, 200, "b1")
	h.pass(time.Minute)
	h.expectSent("INVITE@0")
	h.expectHeard(append(strings.Fields(strings.Repeat("180 ", 13)), "200")...)
	h.expectEmpty()
}

func TestClientInviteRejectedAckedEachTime(t *testing.T) {
	h := newHarness(t, transport.UDP)
	h.send(message.INVITE)
	for _, d := range []time.Duration{500, 1000, 2000, 0} {
		h.get(message.INVITE, 486, "b1")
		h.pass(d * time.Millisecond)
	}
	h.expectSent("INVITE@0 ACK@0 ACK@500 ACK@1500 ACK@3500")
	h.expectHeard("486")
	h.pass(28 * time.Second)
	if h.l.Len() != 1 {
		t.Error("timer D ended early")
	}
	h.pass(time.Second)
	h.expectEmpty()

	ack := h.link.out[1].msg
	invite := h.link.out[0].msg
	if ack.URI() != invite.URI() || ack.Via() != invite.Via() || ack.CSeq() != 7 || ack.FromTag() != "from1" || ack.ToTag() != "b1" ||
		ack.Header(message.HRoute) != invite.Header(message.HRoute) || ack.CallID() != invite.CallID() || ack.MaxForwards() != 70 {
		t.Errorf("ACK does not fit its INVITE:\n%s", h.link.out[1].raw)
	}
}

func TestClientInviteRejectedTCP(t *testing.T) {
	h := newHarness(t, transport.TCP)
	h.send(message.INVITE)
	h.get(message.INVITE, 603, "b1")
	h.expectSent("INVITE@0 ACK@0")
	h.expectHeard("603")
	h.expectEmpty()
}

func TestClientInviteAccepted(t *testing.T) {
	h := newHarness(t, transport.UDP)
	h.send(message.INVITE)
	h.get(message.INVITE, 200, "b1")
	h.pass(T1)
	h.get(message.INVITE, 200, "b1") // our ACK was lost
	h.get(message.INVITE, 200, "b2") // another fork
	h.get(message.INVITE, 486, "b3")
	h.get(message.INVITE, 180, "b3")
	h.pass(31490 * time.Millisecond)
	h.get(message.INVITE, 200, "b1")
	h.expectSent("INVITE@0")
	h.pass(10 * time.Millisecond)
	h.expectEmpty()
	h.get(message.INVITE, 200, "b1") // stray
	h.expectHeard("200", "200", "200", "200")
	if h.l.Counts().Stray != 1 {
		t.Errorf("stray = %d", h.l.Counts().Stray)
	}
}

func TestClientCancel(t *testing.T) {
	for _, tc := range []struct {
		name  string
		play  func(h *harness, c *Client)
		sent  string
		heard []string
	}{
		{"held back until the first provisional", func(h *harness, c *Client) {
			c.Cancel("Reason: SIP;cause=200;text=\"Call completed elsewhere\"")
			h.pass(700 * time.Millisecond)
			h.get(message.INVITE, 100, "")
			h.get(message.CANCEL, 200, "b1")
			h.get(message.INVITE, 487, "b1")
		}, "INVITE@0 INVITE@500 CANCEL@700 ACK@700", []string{"100", "487"}},
		{"at once after a provisional", func(h *harness, c *Client) {
			h.get(message.INVITE, 180, "b1")
			c.Cancel()
			c.Cancel()
			h.get(message.CANCEL, 200, "b1")
			h.get(message.INVITE, 487, "b1")
			c.Cancel()
		}, "INVITE@0 CANCEL@0 ACK@0", []string{"180", "487"}},
		{"never any provisional", func(_ *harness, c *Client) {
			c.Cancel()
		}, "INVITE@0 INVITE@500 INVITE@1500 INVITE@3500 INVITE@7500 INVITE@15500 INVITE@31500", []string{"transaction: timeout"}},
		{"200 crosses a held CANCEL", func(h *harness, c *Client) {
			c.Cancel()
			h.get(message.INVITE, 200, "b1")
		}, "INVITE@0", []string{"200"}},
		{"200 crosses the CANCEL", func(h *harness, c *Client) {
			h.get(message.INVITE, 180, "b1")
			c.Cancel()
			h.get(message.INVITE, 200, "b1")
			h.get(message.CANCEL, 481, "b1")
		}, "INVITE@0 CANCEL@0", []string{"180", "200"}},
		{"487 and then 200 of another fork", func(h *harness, c *Client) {
			h.get(message.INVITE, 180, "b1")
			c.Cancel()
			h.get(message.INVITE, 487, "b1")
			h.get(message.INVITE, 200, "b2")
			h.get(message.CANCEL, 200, "b1")
		}, "INVITE@0 CANCEL@0 ACK@0", []string{"180", "487", "200"}},
		{"no 487 ever", func(h *harness, c *Client) {
			h.get(message.INVITE, 180, "b1")
			c.Cancel()
			h.get(message.CANCEL, 200, "b1")
			h.get(message.INVITE, 180, "b1")
		}, "INVITE@0 CANCEL@0", []string{"180", "180", "transaction: timeout"}},
		{"CANCEL lost", func(h *harness, c *Client) {
			h.get(message.INVITE, 180, "b1")
			c.Cancel()
			h.pass(600 * time.Millisecond)
			h.get(message.CANCEL, 200, "b1")
			h.get(message.INVITE, 487, "b1")
		}, "INVITE@0 CANCEL@0 CANCEL@500 ACK@600", []string{"180", "487"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, transport.UDP)
			c := h.send(message.INVITE)
			tc.play(h, c)
			h.pass(40 * time.Second)
			h.expectSent(tc.sent)
			h.expectHeard(tc.heard...)
			h.pass(40 * time.Second)
			h.expectEmpty()
		})
	}
}

func TestCancelFitsItsInvite(t *testing.T) {
	h := newHarness(t, transport.UDP)
	c := h.send(message.INVITE)
	h.get(message.INVITE, 180, "b1")
	c.Cancel("Reason: SIP;cause=200")
	invite, cancel := h.link.out[0].msg, h.link.out[1].msg
	if cancel.URI() != invite.URI() || cancel.Via() != invite.Via() || cancel.CSeq() != invite.CSeq() || cancel.ToTag() != "" ||
		cancel.Header(message.HRoute) != invite.Header(message.HRoute) || cancel.Header(message.HReason) != "SIP;cause=200" {
		t.Errorf("CANCEL does not fit its INVITE:\n%s", h.link.out[1].raw)
	}
}

func TestClientOther(t *testing.T) {
	for _, tc := range []struct {
		name  string
		proto transport.Proto
		play  func(h *harness)
		sent  string
		heard []string
	}{
		{"timeout on UDP", transport.UDP, func(*harness) {}, "BYE@0 BYE@500 BYE@1500 BYE@3500 BYE@7500 BYE@11500 BYE@15500 BYE@19500 BYE@23500 BYE@27500 BYE@31500", []string{"transaction: timeout"}},
		{"timeout on TCP", transport.TCP, func(*harness) {}, "BYE@0", []string{"transaction: timeout"}},
		{"answered", transport.UDP, func(h *harness) {
			h.get(message.BYE, 200, "b1")
			h.get(message.BYE, 200, "b1")
			h.pass(4990 * time.Millisecond)
			if h.l.Len() != 1 {
				h.t.Error("timer K ended early")
			}
		}, "BYE@0", []string{"200"}},
		{"answered on TCP", transport.TCP, func(h *harness) {
			h.get(message.BYE, 481, "b1")
			h.expectEmpty()
		}, "BYE@0", []string{"481"}},
		{"provisional slows down", transport.UDP, func(h *harness) {
			h.pass(100 * time.Millisecond)
			h.get(message.BYE, 100, "")
			h.pass(9 * time.Second)
			h.get(message.BYE, 183, "")
			h.get(message.BYE, 200, "b1")
		}, "BYE@0 BYE@4100 BYE@8100", []string{"100", "183", "200"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, tc.proto)
			h.send(message.BYE)
			tc.play(h)
			h.pass(40 * time.Second)
			h.expectSent(tc.sent)
			h.expectHeard(tc.heard...)
			h.expectEmpty()
		})
	}
}

func TestClientTransport(t *testing.T) {
	t.Run("send fails: reported later", func(t *testing.T) {
		h := newHarness(t, transport.TCP)
		h.link.err = transport.ErrFlowClosed
		h.send(message.INVITE)
		h.expectHeard()
		h.pass(Tick)
		h.expectHeard(transport.ErrFlowClosed.Error())
		h.expectEmpty()
	})
	t.Run("full UDP buffer is a lost packet", func(t *testing.T) {
		h := newHarness(t, transport.UDP)
		h.link.err = transport.ErrQueueFull
		h.send(message.INVITE)
		h.pass(100 * time.Millisecond)
		h.link.err = nil
		h.pass(500 * time.Millisecond)
		h.expectSent("INVITE@500")
		h.expectHeard()
	})
	t.Run("connection ends", func(t *testing.T) {
		h := newHarness(t, transport.TCP)
		reset := errors.New("reset")
		for _, b := range []string{"z9hG4bK1", "z9hG4bK2", "z9hG4bK3"} {
			h.l.Send(h.flow, message.BYE, b, outgoing(t, message.BYE, b), h)
		}
		h.l.Response(answer(t, message.BYE, "z9hG4bK2", 200, "x"))
		h.l.FlowClosed(h.flow, reset)
		h.expectHeard("200", "reset", "reset")
		h.expectEmpty()
	})
	t.Run("the same branch twice is refused", func(t *testing.T) {
		h := newHarness(t, transport.UDP)
		h.send(message.BYE)
		h.send(message.BYE)
		h.get(message.BYE, 200, "b1")
		h.pass(time.Minute)
		h.expectHeard("200", ErrTooMany.Error())
		h.expectEmpty()
	})
}
