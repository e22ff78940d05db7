package transaction

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// take does what a shard does with a request from the network.
func (h *harness) take(req *message.Message) *Server {
	h.t.Helper()
	defer h.l.Sweep()
	switch {
	case h.l.Known(req):
		return nil
	case req.Method() == message.ACK:
		h.heard = append(h.heard, "ack")
		return nil
	case req.Method() == message.CANCEL:
		h.l.Cancel(h.flow, req)
		return nil
	}
	s, err := h.l.NewServer(h.flow, req)
	if err != nil {
		h.heard = append(h.heard, err.Error())
		return nil
	}
	s.SetUser(h)
	return s
}

func (h *harness) takes(method message.Method) *Server {
	h.t.Helper()
	return h.take(request(h.t, method, br, ""))
}

func (h *harness) respond(s *Server, status int) {
	h.t.Helper()
	if err := s.Respond(status, response(request(h.t, message.INVITE, br, ""), status)); err != nil {
		h.heard = append(h.heard, err.Error())
	}
	h.l.Sweep()
}

func TestServerInvite(t *testing.T) {
	for _, tc := range []struct {
		name  string
		proto transport.Proto
		play  func(h *harness, s *Server)
		sent  string
		heard []string
	}{
		{"retransmission gets the last provisional", transport.UDP, func(h *harness, s *Server) {
			h.takes(message.INVITE)
			h.respond(s, 180)
			h.takes(message.INVITE)
			h.respond(s, 183)
			h.takes(message.INVITE)
			h.respond(s, 603)
			h.takes(message.ACK)
		}, "100@0 180@0 180@0 183@0 183@0 603@0", nil},
		{"100 when the user is silent", transport.UDP, func(h *harness, s *Server) {
			h.pass(time.Second)
			h.takes(message.INVITE)
			h.respond(s, 486)
			h.takes(message.ACK)
		}, "100@200 100@1000 486@1000", nil},
		{"100 for a caller who is impatient", transport.TCP, func(h *harness, s *Server) {
			h.pass(50 * time.Millisecond)
			h.takes(message.INVITE)
			h.pass(time.Second)
			h.respond(s, 486)
			h.takes(message.ACK)
		}, "100@50 486@1050", nil},
		{"no 100 behind a 180", transport.UDP, func(h *harness, s *Server) {
			h.pass(190 * time.Millisecond)
			h.respond(s, 180)
			h.pass(time.Second)
			h.respond(s, 486)
			h.takes(message.ACK)
		}, "180@190 486@1190", nil},
		{"3xx-6xx repeated until the ACK", transport.UDP, func(h *harness, s *Server) {
			h.respond(s, 486)
			h.pass(5 * time.Second)
			h.takes(message.INVITE)
			h.takes(message.ACK)
			h.takes(message.ACK)
			h.takes(message.INVITE)
			h.pass(4990 * time.Millisecond)
			if h.l.Len() != 1 {
				h.t.Error("timer I ended early")
			}
		}, "486@0 486@500 486@1500 486@3500 486@5000", nil},
		{"ACK lost for ever", transport.UDP, func(h *harness, s *Server) {
			h.respond(s, 486)
		}, "486@0 486@500 486@1500 486@3500 486@7500 486@11500 486@15500 486@19500 486@23500 486@27500 486@31500", []string{"transaction: timeout"}},
		{"ACK lost on TCP", transport.TCP, func(h *harness, s *Server) {
			h.respond(s, 486)
		}, "486@0", []string{"transaction: timeout"}},
		{"ACK on TCP ends it", transport.TCP, func(h *harness, s *Server) {
			h.respond(s, 486)
			h.takes(message.ACK)
			h.expectEmpty()
		}, "486@0", nil},
		{"2xx is the user's to repeat", transport.UDP, func(h *harness, s *Server) {
			h.respond(s, 200)
			h.pass(T1)
			_ = s.Resend()
			h.takes(message.INVITE) // absorbed
			h.takes(message.ACK)
			s.Acknowledged()
			s.Acknowledged()
			if s.Resend() == nil {
				h.t.Error("Resend after the ACK")
			}
			h.pass(4990 * time.Millisecond)
			h.takes(message.INVITE)
		}, "200@0 200@500", []string{"ack"}},
		{"2xx without ACK", transport.UDP, func(h *harness, s *Server) {
			h.respond(s, 200)
			h.pass(31990 * time.Millisecond)
			if h.l.Len() != 1 {
				h.t.Error("timer L ended early")
			}
		}, "200@0", nil},
		{"second final response is refused", transport.UDP, func(h *harness, s *Server) {
			h.respond(s, 487)
			h.respond(s, 200)
			h.respond(s, 180)
			h.pass(1500 * time.Millisecond)
			h.takes(message.INVITE)
			h.takes(message.ACK)
		}, "487@0 487@500 487@1500 487@1500", []string{ErrAnswered.Error(), ErrAnswered.Error()}},
		{"CANCEL", transport.UDP, func(h *harness, s *Server) {
			h.respond(s, 180)
			h.takes(message.CANCEL)
			h.takes(message.CANCEL) // repeated: answered again, told once
			h.respond(s, 487)
			h.takes(message.CANCEL)
			h.takes(message.ACK)
		}, "180@0 200@0 200@0 487@0 200@0", []string{"cancelled"}},
		{"CANCEL crosses the 200", transport.UDP, func(h *harness, s *Server) {
			h.respond(s, 200)
			h.takes(message.CANCEL)
			s.Acknowledged()
		}, "200@0 200@0", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, tc.proto)
			tc.play(h, h.takes(message.INVITE))
			h.pass(40 * time.Second)
			h.expectSent(tc.sent)
			h.expectHeard(tc.heard...)
			h.expectEmpty()
		})
	}
}

func TestServerOther(t *testing.T) {
	for _, tc := range []struct {
		name  string
		proto transport.Proto
		play  func(h *harness, s *Server)
		sent  string
	}{
		{"retransmissions absorbed, then answered", transport.UDP, func(h *harness, s *Server) {
			h.takes(message.BYE)
			_ = s.Reply(100, "")
			h.takes(message.BYE)
			_ = s.Reply(200, "")
			h.takes(message.BYE)
			h.pass(31990 * time.Millisecond)
			h.takes(message.BYE)
		}, "100@0 100@0 200@0 200@0 200@31990"},
		{"TCP keeps nothing", transport.TCP, func(h *harness, s *Server) {
			_ = s.Reply(200, "")
			h.l.Sweep()
			h.expectEmpty()
		}, "200@0"},
		{"never answered", transport.UDP, func(h *harness, _ *Server) {
			h.pass(Lifetime)
			if h.l.Counts().Unanswered != 1 {
				h.t.Error("not counted")
			}
			h.expectEmpty()
		}, ""},
		{"second answer refused", transport.UDP, func(h *harness, s *Server) {
			_ = s.Reply(404, "")
			if err := s.Reply(200, ""); !errors.Is(err, ErrAnswered) {
				h.t.Errorf("err = %v", err)
			}
		}, "404@0"},
		{"flow closed under the answer", transport.UDP, func(h *harness, s *Server) {
			h.link.err = transport.ErrFlowClosed
			_ = s.Reply(200, "")
			h.link.err = nil
			h.takes(message.BYE)
		}, "200@0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, tc.proto)
			tc.play(h, h.takes(message.BYE))
			h.pass(40 * time.Second)
			h.expectSent(tc.sent)
			h.expectHeard()
			h.expectEmpty()
		})
	}
}

func TestServerSendFailure(t *testing.T) {
	for _, status := range []int{200, 486} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			h := newHarness(t, transport.TCP)
			s := h.takes(message.INVITE)
			h.link.err = transport.ErrFlowClosed
			h.respond(s, 180) // a lost provisional harms nobody
			h.respond(s, status)
			h.expectHeard() // never inside Respond
			h.pass(Tick)
			h.expectHeard(transport.ErrFlowClosed.Error())
			h.expectEmpty()
		})
	}
}

func TestCancelAnswerSharesTheTag(t *testing.T) {
	h := newHarness(t, transport.UDP)
	s := h.takes(message.INVITE)
	h.respond(s, 180) // with a tag of the user's own
	h.takes(message.CANCEL)
	if got := h.link.out[1].msg.ToTag(); got != "ours" {
		t.Errorf("tag of the 200 to CANCEL = %q", got)
	}
}

func TestOrphanCancel(t *testing.T) {
	t.Run("INVITE behind its CANCEL", func(t *testing.T) {
		h := newHarness(t, transport.UDP)
		h.takes(message.CANCEL)
		h.pass(1900 * time.Millisecond)
		h.takes(message.INVITE)
		h.takes(message.ACK)
		h.expectSent("481@0 487@1900")
		h.expectHeard(ErrCancelled.Error())
		h.pass(time.Minute)
		h.expectEmpty()
	})
	t.Run("too late", func(t *testing.T) {
		h := newHarness(t, transport.UDP)
		h.takes(message.CANCEL)
		h.pass(2 * time.Second)
		h.takes(message.INVITE)
		h.pass(time.Second)
		h.expectSent("481@0 100@2200")
	})
	t.Run("another call", func(t *testing.T) {
		h := newHarness(t, transport.UDP)
		h.takes(message.CANCEL)
		h.take(parse(t, requestText(message.INVITE, br, "", "call-2")))
		h.pass(time.Second)
		h.expectSent("481@0 100@200")
	})
	t.Run("bounded", func(t *testing.T) {
		h := newHarness(t, transport.UDP)
		for n := range 3 * maxOrphans {
			h.take(request(t, message.CANCEL, fmt.Sprint(br, n), ""))
		}
		if len(h.l.orphans.at) > maxOrphans || len(h.l.orphans.order) > maxOrphans {
			t.Errorf("%d remembered", len(h.l.orphans.at))
		}
		h.pass(3 * time.Second)
		h.takes(message.CANCEL)
		if len(h.l.orphans.at) != 1 || len(h.l.orphans.order) != 1 {
			t.Errorf("%d, %d remembered", len(h.l.orphans.at), len(h.l.orphans.order))
		}
	})
}

func TestMergedRequests(t *testing.T) {
	h := newHarness(t, transport.UDP)
	s := h.takes(message.INVITE)
	h.take(request(t, message.INVITE, "z9hG4bKotherway", ""))
	h.expectHeard(ErrMerged.Error())
	h.respond(s, 503)
	if h.take(request(t, message.INVITE, "z9hG4bKthirdway", "")) == nil { // failover after the refusal
		t.Error("INVITE after a refused one was taken for merged")
	}
	h.take(request(t, message.REGISTER, "z9hG4bKr1", ""))
	h.take(request(t, message.REGISTER, "z9hG4bKr2", ""))
	h.expectHeard(ErrMerged.Error())
}

func TestKeys(t *testing.T) {
	h := newHarness(t, transport.UDP)
	old := func(method message.Method, callID string) *message.Message {
		return parse(t, requestText(method, "1", "", callID))
	}
	a, b := h.take(old(message.INVITE, "old-1")), h.take(old(message.INVITE, "old-2"))
	if a == nil || b == nil {
		t.Fatal("two calls of RFC 2543 share a transaction")
	}
	h.respond(a, 486)
	h.take(old(message.ACK, "old-1"))
	if a.state != stateConfirmed || b.state != stateProceeding {
		t.Errorf("states %v and %v", a.state, b.state)
	}
	h.heard = nil
	h.take(request(t, message.BYE, cookie+strings.Repeat("x", maxKey), ""))
	h.expectHeard(ErrKey.Error())
}

func TestLimit(t *testing.T) {
	h := newHarness(t, transport.UDP)
	h.l.limit = 3
	for n := range 5 {
		h.take(request(t, message.OPTIONS, fmt.Sprint(br, n), ""))
	}
	h.expectHeard(ErrTooMany.Error(), ErrTooMany.Error())
	for n := range 5 {
		h.l.Send(h.flow, message.BYE, fmt.Sprint(br, n), outgoing(t, message.BYE, fmt.Sprint(br, n)), nil)
	}
	if h.l.Len() != 6 || h.l.Counts().Refused != 4 {
		t.Errorf("%d transactions, %d refused", h.l.Len(), h.l.Counts().Refused)
	}
	h.pass(time.Minute)
	h.expectEmpty()
}

func TestAnsweredRequestIsDropped(t *testing.T) {
	h := newHarness(t, transport.UDP)
	s, err := h.l.NewServer(h.flow, request(t, message.BYE, br, ""))
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Reply(200, "")
	if s.Request() == nil {
		t.Error("gone within the event")
	}
	if h.l.Sweep(); s.Request() != nil {
		t.Error("kept after the event")
	}
}

func TestStatelessReply(t *testing.T) {
	h := newHarness(t, transport.UDP)
	req := request(t, message.REGISTER, br, "")
	for range 2 {
		if err := Reply(h.flow, req, 401, "", "WWW-Authenticate: Digest realm=\"x\"", "Date: now"); err != nil {
			t.Fatal(err)
		}
	}
	a, b := h.link.out[0], h.link.out[1]
	if string(a.raw) != string(b.raw) || a.msg.ToTag() == "" || a.msg.Header(message.HWWWAuthenticate) != `Digest realm="x"` {
		t.Errorf("got\n%s\nand\n%s", a.raw, b.raw)
	}
	h.expectEmpty()
}
