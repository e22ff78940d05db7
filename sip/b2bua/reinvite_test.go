package b2bua

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// ackOf acknowledges the 2xx that a phone got to a re-INVITE.
func ackOf(p *siptest.Phone, res *message.Message, body ...string) {
	target, _ := res.Contact()
	b := message.NewRequest(message.ACK, target.URI).
		Add("Via", "SIP/2.0/UDP "+p.Addr().String()+";branch=z9hG4bKack"+itoa(int(res.CSeq()))+res.FromTag()).Add("Max-Forwards", "70").
		Copy(res, message.HFrom).Copy(res, message.HTo).Copy(res, message.HCallID).
		Add("CSeq", itoa(int(res.CSeq()))+" ACK")
	p.Send(b.Finish(contentSDP, []byte(strings.Join(body, ""))))
}

// cancelOf cancels the request that a phone got a provisional response to.
func cancelOf(p *siptest.Phone, res *message.Message, uri string) {
	b := message.NewRequest(message.CANCEL, uri).Add("Max-Forwards", "70").
		Add("Via", "SIP/2.0/UDP "+p.Addr().String()+";branch="+res.Branch()).
		Copy(res, message.HFrom).Copy(res, message.HTo).Copy(res, message.HCallID).
		Add("CSeq", itoa(int(res.CSeq()))+" CANCEL")
	p.Send(b.Finish("", nil))
}

func TestHoldAndResume(t *testing.T) {
	for _, c := range []struct {
		name        string
		lines       []string
		want        string
		send, isOff bool
	}{
		{"sendonly", []string{"a=sendonly"}, "a=recvonly", false, true},
		{"inactive", []string{"a=inactive"}, "a=inactive", false, true},
		{"old style", []string{"c=IN IP4 0.0.0.0"}, "a=recvonly", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller, callee := r.connect(a, b, "4b")
				ep := r.media.at(t, r.offer)
				res := callee.ReInvite(t, sdpFor(b, "8", c.lines...))
				if !strings.Contains(string(res.Body()), c.want) {
					t.Errorf("hold answered with\n%s", res.Body())
				}
				synctest.Wait()
				if remote, expect := ep.state(); remote.Send || expect {
					t.Errorf("on hold: %+v, expecting %v", remote, expect)
				}
				a.ExpectNone(t, message.INVITE, 5*time.Second)
				res = callee.ReInvite(t, sdpFor(b, "8"))
				if strings.Contains(string(res.Body()), "recvonly") || strings.Contains(string(res.Body()), "inactive") {
					t.Errorf("resume answered with\n%s", res.Body())
				}
				if remote, expect := ep.state(); !remote.Send || !expect {
					t.Errorf("resumed: %+v, expecting %v", remote, expect)
				}
				caller.Bye(t)
				callee.ExpectBye(t)
			})
		})
	}
}

func TestAddressChangeStaysOnTheLeg(t *testing.T) {
	for _, method := range []message.Method{message.INVITE, message.UPDATE} {
		t.Run(string(method), func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller, callee := r.connect(a, b, "4b")
				body := strings.ReplaceAll(sdpFor(a, "8 0"), a.Addr().Addr().String(), "10.9.9.9")
				var res *message.Message
				if method == message.INVITE {
					res = caller.ReInvite(t, body)
				} else {
					res = caller.Send(message.UPDATE, contentSDP, body).Expect(t, 200)
				}
				remote, _ := r.media.at(t, res.Body()).state()
				if remote.RTP != netip.MustParseAddrPort("10.9.9.9:4000") {
					t.Errorf("endpoint points to %v", remote.RTP)
				}
				b.ExpectNone(t, method, time.Second)
				caller.Bye(t)
				callee.ExpectBye(t)
			})
		})
	}
}

func TestSameDescriptionKeepsItsVersion(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8"))
		first := caller.Expect(t, 200)
		caller.Ack()
		callee.ExpectAck(t)
		again := caller.ReInvite(t, sdpFor(a, "8"))
		if string(first.Body()) != string(again.Body()) {
			t.Errorf("description changed:\n%s\n%s", first.Body(), again.Body())
		}
		if held := caller.ReInvite(t, sdpFor(a, "8", "a=inactive")); string(held.Body()) == string(first.Body()) {
			t.Error("a change without a new version")
		}
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

func TestCodecChangeIsCarriedAcross(t *testing.T) {
	for _, method := range []message.Method{message.INVITE, message.UPDATE} {
		t.Run(string(method), func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller, callee := r.connect(a, b, "4b")
				x := caller.Send(method, contentSDP, sdpFor(a, "9", "a=rtpmap:9 G722/8000"))
				in := callee.ExpectRequest(t, message.INVITE) // b did not list UPDATE in Allow
				if !strings.Contains(string(in.Body()), "RTP/AVP 9") {
					t.Errorf("offer\n%s", in.Body())
				}
				in.Respond(200, sdpFor(b, "9"))
				in.ExpectAck(t)
				res := x.Expect(t, 200)
				if !strings.Contains(string(res.Body()), "RTP/AVP 9") {
					t.Errorf("answer\n%s", res.Body())
				}
				if method == message.INVITE {
					ackOf(a, res)
				}
				caller.Bye(t)
				callee.ExpectBye(t)
			})
		})
	}
}

func TestFaxSwitchIsCarriedAcross(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		t38 := strings.Replace(sdpFor(b, "8"), "m=audio 4000 RTP/AVP 8", "m=image 4000 udptl t38\r\na=T38FaxVersion:0\r\na=T38FaxTranscodingJBIG", 1)
		x := callee.Send(message.INVITE, contentSDP, t38)
		in := caller.ExpectRequest(t, message.INVITE)
		if body := string(in.Body()); !strings.Contains(body, "udptl t38") || !strings.Contains(body, "a=T38FaxTranscodingJBIG\r\n") {
			t.Errorf("offer\n%s", body)
		}
		in.Respond(488, "")
		x.Expect(t, 488)
		// It goes on with audio as before.
		callee.ReInvite(t, sdpFor(b, "8"))
		x = callee.Send(message.INVITE, contentSDP, t38)
		in = caller.ExpectRequest(t, message.INVITE)
		in.Respond(200, strings.Replace(t38, b.Addr().Addr().String(), a.Addr().Addr().String(), -1))
		in.ExpectAck(t)
		res := x.Expect(t, 200)
		if !strings.Contains(string(res.Body()), "udptl t38") {
			t.Errorf("answer\n%s", res.Body())
		}
		ackOf(b, res)
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

func TestOfferlessReinvite(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b") // a offers 8 and 0, b took 8
		x := callee.Send(message.INVITE, "", "")
		res := x.Expect(t, 200)
		if !strings.Contains(string(res.Body()), "RTP/AVP 8 0\r") {
			t.Errorf("not all that the other side can:\n%s", res.Body())
		}
		ackOf(b, res, sdpFor(b, "8"))
		a.ExpectNone(t, message.INVITE, time.Second)
		// With another codec in the answer the other side has to hear of it.
		x = callee.Send(message.INVITE, "", "")
		ackOf(b, x.Expect(t, 200), sdpFor(b, "0"))
		in := caller.ExpectRequest(t, message.INVITE)
		if !strings.Contains(string(in.Body()), "RTP/AVP 0\r") {
			t.Errorf("offer\n%s", in.Body())
		}
		in.Respond(200, sdpFor(a, "0"))
		in.ExpectAck(t)
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

func TestGlare(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		g722 := "a=rtpmap:9 G722/8000"
		x := caller.Send(message.INVITE, contentSDP, sdpFor(a, "9", g722))
		in := callee.ExpectRequest(t, message.INVITE)
		// Our offer to b is open: b's own is refused.
		callee.Send(message.INVITE, contentSDP, sdpFor(b, "8")).Expect(t, 491)
		// a's own first offer is not answered: a second one has to wait.
		res := caller.Send(message.UPDATE, contentSDP, sdpFor(a, "8")).Expect(t, 500)
		if !res.Has(message.HRetryAfter) {
			t.Error("500 without Retry-After")
		}
		in.Respond(491, "")
		x.Expect(t, 491)
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

func TestBothOfferAtOnce(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.net.SetDefault(siptest.Link{Delay: 20 * time.Millisecond})
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		g722 := "a=rtpmap:9 G722/8000"
		x := caller.Send(message.INVITE, contentSDP, sdpFor(a, "9", g722))
		y := callee.Send(message.INVITE, contentSDP, sdpFor(b, "9", g722))
		statuses := map[int]bool{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			callee.ExpectRequest(t, message.INVITE).Respond(491, "")
		}()
		statuses[x.Final(t).Status()] = true
		statuses[y.Final(t).Status()] = true
		<-done
		if !statuses[491] || len(statuses) != 1 {
			t.Errorf("statuses %v", statuses)
		}
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

func TestReinviteWithdrawn(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(map[bool]string{false: "in time", true: "too late"}[late], func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a := r.phone("a")
				b := r.phone("b")
				caller, callee := r.connect(a, b, "4b")
				x := caller.Send(message.INVITE, contentSDP, sdpFor(a, "9", "a=rtpmap:9 G722/8000"))
				in := callee.ExpectRequest(t, message.INVITE)
				trying := x.Expect(t, 100)
				if late {
					r.net.SetLink(b.Addr().Addr(), server.Addr(), siptest.Link{Delay: 50 * time.Millisecond})
					in.Respond(200, sdpFor(b, "9"))
				}
				cancelOf(a, trying, "sip:koppelfeld@10.0.0.1")
				x.Expect(t, 487)
				if late {
					in.ExpectAck(t)
					again := callee.ExpectRequest(t, message.INVITE)
					if !strings.Contains(string(again.Body()), "RTP/AVP 8 0") {
						t.Errorf("b is offered\n%s", again.Body())
					}
					again.Respond(200, sdpFor(b, "8"))
					again.ExpectAck(t)
				} else {
					in.Respond(100, "")
					b.Expect(t, message.CANCEL)
				}
				caller.Bye(t)
				callee.ExpectBye(t)
			})
		})
	}
}

func TestInfo(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		x := caller.Send(message.INFO, "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n")
		in := callee.ExpectRequest(t, message.INFO)
		if string(in.Body()) != "Signal=5\r\nDuration=160\r\n" || in.Header(message.HContentType) != "application/dtmf-relay" {
			t.Errorf("INFO %q %q", in.Header(message.HContentType), in.Body())
		}
		in.Respond(200, "")
		x.Expect(t, 200)
		x = callee.Send(message.INFO, "application/dtmf", "7")
		caller.ExpectRequest(t, message.INFO).Respond(415, "")
		x.Expect(t, 415)
		caller.Send(message.INFO, "application/media_control+xml", "<x/>").Expect(t, 415)
		caller.Send(message.INFO, "", "").Expect(t, 200)
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

func TestOtherRequestsInTheDialog(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		for m, status := range map[message.Method]int{
			message.OPTIONS: 200, message.UPDATE: 200, message.REFER: 400, message.SUBSCRIBE: 489, message.NOTIFY: 489,
			message.MESSAGE: 405, message.PRACK: 481,
		} {
			if got := caller.Send(m, "", "").Final(t).Status(); got != status {
				t.Errorf("%s: %d, want %d", m, got, status)
			}
		}
		caller.Bye(t)
		callee.ExpectBye(t)
		caller.SendBye().Expect(t, 481)
	})
}

func TestWithoutRelay(t *testing.T) {
	run(t, func(c *Config) { c.Media = nil }, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		if body := string(in.Body()); !strings.Contains(body, "c=IN IP4 "+a.Addr().Addr().String()) || !strings.Contains(body, "m=audio 4000 ") ||
			!strings.Contains(body, "IN IP4 10.0.0.1\r\ns=") {
			t.Errorf("offer\n%s", body)
		}
		callee := in.Answer(sdpFor(b, "8"))
		ok := caller.Expect(t, 200)
		if !strings.Contains(string(ok.Body()), "c=IN IP4 "+b.Addr().Addr().String()) {
			t.Errorf("answer\n%s", ok.Body())
		}
		caller.Ack()
		callee.ExpectAck(t)
		// Hold has to be carried across, for nobody stands between.
		x := caller.Send(message.INVITE, contentSDP, sdpFor(a, "8", "a=sendonly"))
		hold := callee.ExpectRequest(t, message.INVITE)
		hold.Respond(200, sdpFor(b, "8", "a=recvonly"))
		hold.ExpectAck(t)
		res := x.Expect(t, 200)
		if !strings.Contains(string(res.Body()), "a=recvonly") {
			t.Errorf("answer\n%s", res.Body())
		}
		ackOf(a, res)
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

func TestResyncIsTriedAgainAfterGlare(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		res := callee.Send(message.INVITE, "", "").Expect(t, 200)
		ackOf(b, res, sdpFor(b, "0"))
		caller.ExpectRequest(t, message.INVITE).Respond(491, "")
		start := time.Now()
		in := caller.ExpectRequest(t, message.INVITE)
		if d := time.Since(start); d > 2*time.Second { // the caller made the Call-ID: we wait the shorter time
			t.Errorf("tried again after %v", d)
		}
		in.Respond(200, sdpFor(a, "0"))
		in.ExpectAck(t)
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}
