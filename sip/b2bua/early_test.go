package b2bua

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

const allowUpdate = "Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE"

// agree brings a call to where both sides have agreed on the media reliably and nobody has answered.
func (r *rig) agree(a, b *siptest.Phone) (caller *siptest.Call, in *siptest.Request, progress *message.Message) {
	r.t.Helper()
	caller = a.Invite("4b", sdpFor(a, "8 0"), require100rel, allowUpdate)
	in = b.Expect(r.t, message.INVITE)
	r.offer = in.Body()
	in.Reliable(183, 1, sdpFor(b, "8"), allowUpdate)
	b.Expect(r.t, message.PRACK)
	progress = caller.Expect(r.t, 183)
	caller.Prack(progress).Expect(r.t, 200)
	return caller, in, progress
}

func TestUpdateInEarlyDialogs(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(t *testing.T, r *rig, a, b *siptest.Phone, caller, callee *siptest.Call, progress *message.Message)
	}{
		{"the caller moves", func(t *testing.T, r *rig, a, b *siptest.Phone, caller, callee *siptest.Call, progress *message.Message) {
			res := caller.Send(message.UPDATE, contentSDP, strings.Replace(sdpFor(a, "8 0"), "m=audio 4000", "m=audio 5000", 1)).Expect(t, 200)
			if remote, _ := r.media.at(t, res.Body()).state(); remote.RTP.Port() != 5000 {
				t.Errorf("audio goes to %v", remote.RTP)
			}
			b.ExpectNone(t, message.UPDATE, time.Second)
		}},
		{"the callee holds", func(t *testing.T, r *rig, a, b *siptest.Phone, caller, callee *siptest.Call, progress *message.Message) {
			res := callee.Send(message.UPDATE, contentSDP, sdpFor(b, "8", "a=sendonly")).Expect(t, 200)
			if !strings.Contains(string(res.Body()), "a=recvonly") {
				t.Errorf("answer\n%s", res.Body())
			}
			if remote, _ := r.media.at(t, res.Body()).state(); remote.Send {
				t.Error("audio flows to who holds")
			}
			callee.Send(message.UPDATE, contentSDP, sdpFor(b, "8")).Expect(t, 200)
		}},
		{"another codec of the caller is carried across", func(t *testing.T, r *rig, a, b *siptest.Phone, caller, callee *siptest.Call, progress *message.Message) {
			x := caller.Send(message.UPDATE, contentSDP, sdpFor(a, "9", "a=rtpmap:9 G722/8000"))
			in := callee.ExpectRequest(t, message.UPDATE)
			if !strings.Contains(string(in.Body()), "RTP/AVP 9\r") || in.Has(message.HSessionExpires) {
				t.Errorf("offer\n%s", in.Raw())
			}
			// Meanwhile everything else has to wait.
			callee.Send(message.UPDATE, contentSDP, sdpFor(b, "8")).Expect(t, 491)
			res := caller.Send(message.UPDATE, contentSDP, sdpFor(a, "8")).Expect(t, 500)
			if n := message.ParseSeconds(res.Header(message.HRetryAfter)); n < 0 || n > 10 {
				t.Errorf("Retry-After %d", n)
			}
			in.Respond(200, sdpFor(b, "9"))
			if res := x.Expect(t, 200); !strings.Contains(string(res.Body()), "RTP/AVP 9\r") {
				t.Errorf("answer\n%s", res.Body())
			}
		}},
		{"another codec of the callee is carried across", func(t *testing.T, r *rig, a, b *siptest.Phone, caller, callee *siptest.Call, progress *message.Message) {
			x := callee.Send(message.UPDATE, contentSDP, sdpFor(b, "9", "a=rtpmap:9 G722/8000"))
			in := caller.ExpectRequest(t, message.UPDATE)
			in.Respond(488, "")
			x.Expect(t, 488)
			callee.Send(message.UPDATE, contentSDP, sdpFor(b, "8")).Expect(t, 200) // as before
		}},
		{"no description", func(t *testing.T, r *rig, a, b *siptest.Phone, caller, callee *siptest.Call, progress *message.Message) {
			callee.Move("sip:moved@" + b.Addr().String())
			callee.Send(message.UPDATE, "", "").Expect(t, 200)
			caller.Send(message.UPDATE, "", "").Expect(t, 200)
			callee.Send(message.INVITE, contentSDP, sdpFor(b, "8")).Expect(t, 500)
			callee.Send(message.INFO, "application/dtmf", "1").Expect(t, 480)
		}},
		{"glare with ours", func(t *testing.T, r *rig, a, b *siptest.Phone, caller, callee *siptest.Call, progress *message.Message) {
			x := caller.Send(message.UPDATE, contentSDP, sdpFor(a, "9", "a=rtpmap:9 G722/8000"))
			callee.ExpectRequest(t, message.UPDATE).Respond(491, "")
			x.Expect(t, 491)
			x = caller.Send(message.UPDATE, contentSDP, sdpFor(a, "9", "a=rtpmap:9 G722/8000"))
			callee.ExpectRequest(t, message.UPDATE).Respond(481, "") // not the dialog of the caller
			x.Expect(t, 500)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller, in, progress := r.agree(a, b)
				callee := in.Call()
				c.do(t, r, a, b, caller, callee, progress)
				in.Answer("")
				ok := caller.Expect(t, 200)
				if ok.ToTag() != progress.ToTag() {
					t.Error("another dialog")
				}
				caller.Ack()
				callee.ExpectAck(t)
				hangUp(t, caller, callee)
				r.expectRecord(calls.Answered, 200, byCaller)
			})
		})
	}
}

// TestUpdateBeforeAgreement: offers have to wait until the first one has been answered reliably.
func TestUpdateBeforeAgreement(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"), require100rel)
		in := b.Expect(t, message.INVITE)
		in.Respond(183, sdpFor(b, "8"))
		caller.Expect(t, 183)
		in.Call().Send(message.UPDATE, contentSDP, sdpFor(b, "8")).Expect(t, 491) // our offer is not answered reliably
		caller.Send(message.UPDATE, contentSDP, sdpFor(a, "8")).Expect(t, 500)    // no PRACK yet
		in.Respond(486, "")
		caller.Expect(t, 486)
	})
}

// TestUpdateUnderWayAtTheEnd ends the call at every point of an UPDATE that is carried across.
func TestUpdateUnderWayAtTheEnd(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(t *testing.T, a, b *siptest.Phone, caller *siptest.Call, in *siptest.Request)
		want int // the UPDATE's status, 0: it is answered afterwards
	}{
		{"caller cancels", func(t *testing.T, a, b *siptest.Phone, caller *siptest.Call, in *siptest.Request) {
			caller.Cancel(t)
			caller.Expect(t, 487)
			b.Expect(t, message.CANCEL)
		}, 500},
		{"callee refuses", func(t *testing.T, a, b *siptest.Phone, caller *siptest.Call, in *siptest.Request) {
			in.Respond(486, "")
			caller.Expect(t, 486)
		}, 500},
		{"callee answers", func(t *testing.T, a, b *siptest.Phone, caller *siptest.Call, in *siptest.Request) {
			callee := in.Answer("")
			if ok := caller.Expect(t, 200); len(ok.Body()) != 0 {
				t.Logf("200 with\n%s", ok.Body())
			}
			caller.Ack()
			callee.ExpectAck(t)
			b.Expect(t, message.UPDATE).Respond(200, sdpFor(b, "9"))
		}, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller, in, _ := r.agree(a, b)
				x := caller.Send(message.UPDATE, contentSDP, sdpFor(a, "9", "a=rtpmap:9 G722/8000"))
				synctest.Wait()
				c.end(t, a, b, caller, in)
				x.Expect(t, c.want)
				if c.want == 200 {
					caller.Bye(t)
					in.Call().ExpectBye(t)
				}
			})
		})
	}
}

func TestTargetRefresh(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"), allowUpdate)
		in := b.Expect(t, message.INVITE)
		at := func(user string) string { return "Contact: <sip:" + user + "@" + b.Addr().String() + ">" }
		tag := in.Call() // the phone's tag
		respond := func(status int, body string, lines ...string) {
			m := message.NewResponse(in.Message, status, "", "x")
			for _, l := range lines {
				name, value, _ := strings.Cut(l, ": ")
				m.Add(name, value)
			}
			b.Send(m.Finish(contentSDP, []byte(body)))
		}
		_ = tag
		respond(180, "", at("one"), require100rel, "RSeq: 1")
		if x := b.Expect(t, message.PRACK); !strings.HasPrefix(x.URI(), "sip:one@") {
			t.Errorf("PRACK to %s", x.URI())
		} else {
			x.OK()
		}
		respond(183, "", at("two"), require100rel, "RSeq: 2")
		if x := b.Expect(t, message.PRACK); !strings.HasPrefix(x.URI(), "sip:two@") {
			t.Errorf("PRACK to %s", x.URI())
		} else {
			x.OK()
		}
		respond(200, sdpFor(b, "8"), at("three"))
		if ack := b.Recv(t); !strings.HasPrefix(ack.URI(), "sip:three@") {
			t.Errorf("ACK to %s", ack.URI())
		}
		caller.Expect(t, 200)
		caller.Ack()
		caller.Move("sip:moved@" + a.Addr().String())
		caller.Send(message.UPDATE, "", "").Expect(t, 200)
		r.table.HangupAll("enough")
		if bye := a.Expect(t, message.BYE); !strings.HasPrefix(bye.URI(), "sip:moved@") {
			t.Errorf("BYE to %s", bye.URI())
		} else {
			bye.OK()
		}
		b.Expect(t, message.BYE).OK()
	})
}

// TestSeveralEarlyDialogs: something behind the contact has forked the INVITE.
func TestSeveralEarlyDialogs(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8 0"))
		one := b.Expect(t, message.INVITE)
		two, three := one.Fork(), one.Fork()
		// Each has its own order of reliable responses, target and route set.
		one.Reliable(180, 100, "")
		two.Reliable(183, 5, sdpFor(b, "8"), "Record-Route: <sip:10.0.1.2;lr>, <sip:far.example;lr>")
		three.Reliable(183, 9, sdpFor(b, "0"))
		got := map[string]string{}
		for range 3 {
			x := b.Expect(t, message.PRACK)
			got[x.ToTag()] = strings.TrimSuffix(x.Header(message.HRAck), " 1 INVITE") + " " + x.Header(message.HRoute)
		}
		for tag, want := range map[string]string{
			tagOf(one): "100 ", tagOf(two): "5 <sip:far.example;lr>", tagOf(three): "9 ",
		} {
			if got[tag] != want {
				t.Errorf("%s: PRACK %q, want %q", tag, got[tag], want)
			}
		}
		caller.Expect(t, 180)
		progress := caller.Expect(t, 183) // the second is heard, the third is not
		if !strings.Contains(string(progress.Body()), "RTP/AVP 8\r") {
			t.Errorf("answer\n%s", progress.Body())
		}
		// An UPDATE in each goes to its own state: the first is not answered, the third is.
		one.Call().Send(message.UPDATE, contentSDP, sdpFor(b, "8")).Expect(t, 491)
		three.Call().Send(message.UPDATE, contentSDP, sdpFor(b, "0", "a=inactive")).Expect(t, 200)
		ep := r.media.bridge[r.media.at(t, progress.Body())]
		if remote, _ := ep.state(); !remote.Send {
			t.Error("the third dialog's hold stopped the second's early media")
		}
		callee := three.Answer("")
		ok := caller.Expect(t, 200)
		if !strings.Contains(string(ok.Body()), "RTP/AVP 0\r") || ok.ToTag() == progress.ToTag() {
			t.Errorf("200 in dialog %s (was %s)\n%s", ok.ToTag(), progress.ToTag(), ok.Body())
		}
		caller.Ack()
		callee.ExpectAck(t)
		// The others are late.
		late := two.Answer("")
		late.ExpectAck(t)
		late.ExpectBye(t)
		hangUp(t, caller, callee)
		r.expectRecord(calls.Answered, 200, byCaller)
	})
}

func tagOf(r *siptest.Request) string {
	_, tag, _ := strings.Cut(r.Call().Local(), ";tag=")
	return tag
}

func TestTooManyEarlyDialogs(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		for range 100 {
			in.Fork().Respond(183, sdpFor(b, "8"), require100rel, "RSeq: 1")
		}
		synctest.Wait()
		for range maxDialogs {
			b.Expect(t, message.PRACK).OK()
		}
		b.ExpectNone(t, message.PRACK, time.Second)
		callee := in.Fork().Answer(sdpFor(b, "8")) // an answer is welcome all the same
		established(t, caller, callee)
		hangUp(t, caller, callee)
	})
}

// TestEarlyMediaMovesOn: when the phone that is heard ends without an answer, another one is heard.
func TestEarlyMediaMovesOn(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(t *testing.T, first *siptest.Request)
	}{
		{"199", func(t *testing.T, first *siptest.Request) { first.Respond(199, "") }},
		{"BYE", func(t *testing.T, first *siptest.Request) { first.Call().Bye(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", sdpFor(a, "8 0"))
				first := b.Expect(t, message.INVITE)
				second := first.Fork()
				first.Respond(183, sdpFor(b, "8"))
				progress := caller.Expect(t, 183)
				second.Respond(183, strings.Replace(sdpFor(b, "8"), "m=audio 4000", "m=audio 6000", 1))
				synctest.Wait()
				ep := r.media.bridge[r.media.at(t, progress.Body())]
				if remote, _ := ep.state(); remote.RTP.Port() != 4000 {
					t.Errorf("heard from %v", remote.RTP)
				}
				c.end(t, first)
				synctest.Wait()
				if remote, _ := ep.state(); remote.RTP.Port() != 6000 {
					t.Errorf("now heard from %v", remote.RTP)
				}
				first.Respond(183, sdpFor(b, "8")) // it has ended
				callee := second.Answer("")
				ok := caller.Expect(t, 200)
				if string(ok.Body()) != string(progress.Body()) {
					t.Errorf("another answer\n%s", ok.Body())
				}
				caller.Ack()
				callee.ExpectAck(t)
				hangUp(t, caller, callee)
			})
		})
	}
}

func TestEarlyMediaEnds(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b, c := r.phone("a"), r.phone("b"), r.phone("c")
		r.numbers["416"] = []string{"b", "c"}
		caller := a.Invite("416", sdpFor(a, "8 0"))
		inB, inC := b.Expect(t, message.INVITE), c.Expect(t, message.INVITE)
		inC.Ring()
		inB.Respond(183, sdpFor(b, "8"))
		progress := caller.Expect(t, 183)
		ep := r.media.bridge[r.media.at(t, progress.Body())]
		inB.Respond(480, "")
		synctest.Wait()
		if remote, _ := ep.state(); remote.RTP.IsValid() {
			t.Errorf("heard from %v", remote.RTP)
		}
		callee := inC.Answer(sdpFor(c, "8"))
		established(t, caller, callee)
		if remote, _ := ep.state(); remote.RTP.Addr() != c.Addr().Addr() {
			t.Errorf("heard from %v", remote.RTP)
		}
		hangUp(t, caller, callee)
	})
}

// TestEarlyByeOfTheOnlyDialog: who gave up waiting for an ACK that could not come does not ring on.
func TestEarlyByeOfTheOnlyDialog(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, in := r.ringing(a, b)
		in.Call().Bye(t)
		caller.Expect(t, 480)
		b.Expect(t, message.CANCEL)
	})
}

func TestRequestOvertakesItsDialog(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		res := in.Call().Send(message.UPDATE, "", "").Expect(t, 500)
		if !res.Has(message.HRetryAfter) {
			t.Error("no Retry-After")
		}
		callee := in.Answer(sdpFor(b, "8"))
		established(t, caller, callee)
		callee.Send(message.UPDATE, "", "").Expect(t, 200)
		hangUp(t, caller, callee)
	})
}

func TestTimerC(t *testing.T) {
	for _, answers100 := range []bool{true, false} {
		t.Run(map[bool]string{true: "keeps ringing", false: "silent"}[answers100], func(t *testing.T) {
			run(t, func(c *Config) { c.RingTimeout = 20 * time.Minute }, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", sdpFor(a, "8"))
				in := b.Expect(t, message.INVITE)
				start := time.Now()
				in.Ring()
				if answers100 {
					for range 4 {
						time.Sleep(2 * time.Minute)
						in.Respond(182, "")
					}
				}
				time.Sleep(170 * time.Second)
				in.Respond(100, "") // says nothing
				b.Expect(t, message.CANCEL)
				want := 190 * time.Second
				if answers100 {
					want += 8 * time.Minute
				}
				if d := time.Since(start).Round(time.Second); d != want {
					t.Errorf("cancelled after %v, want %v", d, want)
				}
				caller.Expect(t, 480)
				if rec := r.expectRecord(calls.NoAnswer, 480, byCallee); rec.Legs[0].Result != "timeout" {
					t.Errorf("leg %+v", rec.Legs[0])
				}
			})
		})
	}
}

// TestRingTimeoutOfASlot: one slot stops, the other rings on.
func TestRingTimeoutOfASlot(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b, c := r.phone("a"), r.phone("b"), r.phone("c")
		r.numbers["416"] = []string{"b", "c"}
		r.change = func(p *routing.Plan) { p.Targets[0].RingTimeout = 10 * time.Second }
		caller := a.Invite("416", sdpFor(a, "8"))
		inB, inC := b.Expect(t, message.INVITE), c.Expect(t, message.INVITE)
		inB.Ring()
		inC.Ring()
		start := time.Now()
		time.Sleep(5 * time.Second)
		inB.Ring()
		b.Expect(t, message.CANCEL)
		if d := time.Since(start).Round(time.Second); d != 10*time.Second {
			t.Errorf("stopped after %v", d)
		}
		callee := inC.Answer(sdpFor(c, "8"))
		established(t, caller, callee)
		hangUp(t, caller, callee)
		if rec := r.last(); rec.Legs[0].Result != "timeout" || rec.Legs[1].Result != "answered" {
			t.Errorf("legs %+v", rec.Legs)
		}
	})
}
