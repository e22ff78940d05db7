package b2bua

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
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
			message.OPTIONS: 200, message.UPDATE: 200, message.REFER: 405, message.SUBSCRIBE: 489, message.NOTIFY: 489,
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

func TestSessionTimerWeRefresh(t *testing.T) {
	for _, update := range []bool{true, false} {
		t.Run(map[bool]string{true: "UPDATE", false: "INVITE"}[update], func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				lines := []string{"Supported: timer", "Session-Expires: 200"}
				method := message.INVITE
				if update {
					lines = append(lines, "Allow: INVITE, ACK, BYE, UPDATE")
					method = message.UPDATE
				}
				caller := a.Invite("4b", sdpFor(a, "8"), lines...)
				callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8"), "Session-Expires: 1800;refresher=uas")
				ok := caller.Expect(t, 200)
				if ok.Header(message.HSessionExpires) != "200;refresher=uas" {
					t.Errorf("Session-Expires %q", ok.Header(message.HSessionExpires))
				}
				caller.Ack()
				callee.ExpectAck(t)
				for range 3 {
					start := time.Now()
					time.Sleep(90 * time.Second)
					in := caller.ExpectRequest(t, method)
					if d := time.Since(start); d < 99*time.Second || d > 101*time.Second {
						t.Errorf("refreshed after %v", d)
					}
					if method == message.INVITE {
						if string(in.Body()) != string(ok.Body()) {
							t.Errorf("refresh changes the description:\n%s\n%s", ok.Body(), in.Body())
						}
						in.Respond(200, sdpFor(a, "8"), "Session-Expires: 200;refresher=uac")
						in.ExpectAck(t)
					} else {
						in.Respond(200, "", "Session-Expires: 200;refresher=uac")
					}
				}
				caller.Bye(t)
				callee.ExpectBye(t)
			})
		})
	}
}

func TestSessionTimerPeerRefreshes(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		lines := []string{"Supported: timer", "Session-Expires: 100;refresher=uac"}
		caller := a.Invite("4b", sdpFor(a, "8"), lines...)
		callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8"))
		ok := caller.Expect(t, 200)
		if ok.Header(message.HSessionExpires) != "100;refresher=uac" || !ok.HasToken(message.HRequire, "timer") {
			t.Errorf("Session-Expires %q", ok.Header(message.HSessionExpires))
		}
		caller.Ack()
		callee.ExpectAck(t)
		time.Sleep(50 * time.Second)
		caller.Send(message.UPDATE, "", "", lines...).Expect(t, 200)
		time.Sleep(60 * time.Second) // 10 s more than without the refresh
		if r.ua.Active() != 1 {
			t.Error("ended in spite of the refresh")
		}
		caller.ExpectBye(t) // the caller has vanished as far as the timer knows
		callee.ExpectBye(t)
		r.expectRecord(calls.Answered, 200, bySystem)
	})
}

func TestCallerVanishes(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		_, callee := r.connect(a, b, "4b")
		a.Close()
		time.Sleep(890 * time.Second)
		callee.ExpectRequest(t, message.INVITE).Respond(200, sdpFor(b, "8")) // the refresh on its side
		callee.ExpectBye(t)
		r.expectRecord(calls.Answered, 200, bySystem)
	})
}

func TestHangupFromOutside(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		list, _ := r.table.List("", 10)
		if len(list) != 1 || list[0].State != calls.Up || list[0].ToSlot != "b" {
			t.Fatalf("calls %+v", list)
		}
		if !r.table.Hangup(list[0].ID, "ended by the administrator") {
			t.Fatal("no such call")
		}
		caller.ExpectBye(t)
		callee.ExpectBye(t)
		rec := r.expectRecord(calls.Answered, 200, bySystem)
		if rec.Cause != "ended by the administrator" {
			t.Errorf("cause %q", rec.Cause)
		}
	})
}

func TestStop(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b, c := r.phone("a"), r.phone("b"), r.phone("c")
		caller, callee := r.connect(a, b, "4b")
		ringing := a.Invite("4c", sdpFor(a, "8"))
		c.Expect(t, message.INVITE).Ring()
		ringing.Expect(t, 180)
		done := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			done <- r.ua.Stop(ctx, "the system stops")
		}()
		caller.ExpectBye(t)
		callee.ExpectBye(t)
		ringing.Expect(t, 487)
		c.Expect(t, message.CANCEL)
		if err := <-done; err != nil {
			t.Error(err)
		}
		a.Invite("4b", sdpFor(a, "8")).Expect(t, 503)
	})
}

func TestStopGivesUp(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		r.connect(a, b, "4b")
		a.Close()
		b.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := r.ua.Stop(ctx, "the system stops"); err == nil {
			t.Error("phones that are gone have answered?")
		}
	})
}

func TestSilence(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8"))
		ok := caller.Expect(t, 200)
		caller.Ack()
		callee.ExpectAck(t)
		ep := r.media.bridge[r.media.at(t, ok.Body())]
		time.Sleep(2 * time.Second)
		ep.notify(media.Event{Kind: media.Timeout})
		caller.ExpectBye(t)
		callee.ExpectBye(t)
		rec := r.expectRecord(calls.Answered, 200, bySystem)
		if rec.Cause != "no audio came from the callee for 2m0s" {
			t.Errorf("cause %q", rec.Cause)
		}
		if !strings.HasPrefix(rec.MediaNote, "no audio in either direction: no audio came from the caller (slot a): no packet arrived at 10.0.0.9:") {
			t.Errorf("note %q", rec.MediaNote)
		}
	})
}

func TestMediaNotes(t *testing.T) {
	heard := media.Stats{
		Packets: 100, Bytes: 17200, FirstAfter: 60 * time.Millisecond, Codec: "PCMA",
		Announced: netip.MustParseAddrPort("192.168.1.7:4000"), Source: netip.MustParseAddrPort("192.168.1.7:4000"),
	}
	nat := heard
	nat.Source = netip.MustParseAddrPort("10.1.2.3:4711")
	deaf := media.Stats{FirstAfter: -1, Announced: netip.MustParseAddrPort("192.168.1.7:4000"), Rejected: netip.MustParseAddrPort("10.6.6.6:9")}
	for _, c := range []struct {
		name string
		a, b media.Stats
		want string
	}{
		{"all well", heard, heard, ""},
		{"behind NAT", nat, heard, "packets of the caller (slot a) came from 10.1.2.3:4711, not from the offered 192.168.1.7:4000; latched after 60ms"},
		{"one way", heard, deaf, "no audio came from the callee (slot b): no packet arrived at 10.0.0.9:20004, it had offered 192.168.1.7:4000; packets from 10.6.6.6:9 were not accepted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", sdpFor(a, "8"))
				callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8"))
				ok := caller.Expect(t, 200)
				caller.Ack()
				callee.ExpectAck(t)
				ep := r.media.at(t, ok.Body())
				ep.stats, r.media.bridge[ep].stats = c.a, c.b
				time.Sleep(5 * time.Second)
				caller.Bye(t)
				callee.ExpectBye(t)
				rec := r.last()
				if rec.MediaNote != c.want {
					t.Errorf("got  %q\nwant %q", rec.MediaNote, c.want)
				}
				if m := rec.MediaCaller; m == nil || m.Packets != 100 || m.FirstMS != 60 || m.Codec != "PCMA" {
					t.Errorf("figures %+v", m)
				}
			})
		})
	}
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

func TestOverTCPAndCut(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a", func(c *siptest.PhoneConfig) { c.Proto = transport.TCP })
		b := r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		r.net.Cut(a.Addr().Addr(), server.Addr())
		time.Sleep(10 * time.Second)
		if r.ua.Active() != 1 {
			t.Error("the call ended with its connection")
		}
		callee.Bye(t)
		_ = caller
		r.expectRecord(calls.Answered, 200, byCallee)
	})
}

func TestConnectionCutWhileRinging(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a", func(c *siptest.PhoneConfig) { c.Proto = transport.TCP })
		b := r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		in.Ring()
		caller.Expect(t, 180)
		r.net.Cut(a.Addr().Addr(), server.Addr())
		time.Sleep(time.Second)
		callee := in.Answer(sdpFor(b, "8")) // nobody acknowledges
		callee.ExpectAck(t)
		callee.ExpectBye(t)
		r.expectRecord(calls.Answered, 200, bySystem)
	})
}

func TestFaultEndsOneCallOnly(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		r.router.mu.Lock()
		r.router.panics = true
		r.router.mu.Unlock()
		a.Invite("4b", sdpFor(a, "8")).Expect(t, 500)
		rec := r.last()
		if rec.Result != calls.Failed || rec.Cause != "internal error" {
			t.Errorf("record %+v", rec)
		}
		if r.ua.Panics() != 1 || r.ua.Active() != 1 {
			t.Errorf("%d panics, %d calls", r.ua.Panics(), r.ua.Active())
		}
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

func TestEvents(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		sub := r.bus.Subscribe("test", 100)
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		caller.Bye(t)
		callee.ExpectBye(t)
		synctest.Wait()
		sub.Cancel()
		var got []string
		for e := range sub.C {
			got = append(got, string(e.Type)+" "+string(e.Call.State))
		}
		want := "call.started routing, call.ringing ringing, call.answered up, call.ended ended"
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("events %s", s)
		}
	})
}
