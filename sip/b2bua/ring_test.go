package b2bua

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

func TestFirstCall(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		hangUp(t, caller, callee)
		r.expectRecord(calls.Answered, 200, byCaller)
	})
}

func TestInviteToCallee(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8 0"))
		in := b.Expect(t, message.INVITE)
		for name, want := range map[string]string{
			"From":                in.Header(message.HFrom),
			"P-Asserted-Identity": in.Header(message.HPAssertedIdentity),
		} {
			if !strings.HasPrefix(want, `"Caller a" <sip:a@test.example>`) {
				t.Errorf("%s is %q", name, want)
			}
		}
		if to := in.To().URI; to != "sip:4b@test.example" {
			t.Errorf("To is %q", to)
		}
		if !strings.Contains(in.Header(message.HAlertInfo), "info=Bellcore-dr2") {
			t.Errorf("Alert-Info is %q", in.Header(message.HAlertInfo))
		}
		if in.CallID() == caller.CallID() || in.FromTag() == "" || in.URI() != b.Contact() {
			t.Error("the callee's leg is not its own")
		}
		if in.Header(message.HSessionExpires) != "1800;refresher=uac" || !in.HasToken(message.HSupported, "timer") {
			t.Error("no session timer asked for")
		}
		if in.MaxForwards() < 60 {
			t.Errorf("Max-Forwards %d", in.MaxForwards())
		}
		in.Ring()
		ringing := caller.Expect(t, 180)
		if ringing.ToTag() == "" || len(ringing.Body()) != 0 {
			t.Error("180 without tag or with a body")
		}
		if !strings.HasPrefix(ringing.Header(message.HPAssertedIdentity), `"Called 4b" <sip:4b@`) {
			t.Errorf("the caller is not told whom it reached: %q", ringing.Header(message.HPAssertedIdentity))
		}
		in.Answer(sdpFor(b, "8"))
		ok := caller.Expect(t, 200)
		if ok.ToTag() != ringing.ToTag() {
			t.Error("another tag in the 200")
		}
		caller.Ack()
		caller.Bye(t)
		b.Expect(t, message.BYE).OK()
	})
}

func TestForkFirstAnswerWins(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b, c, d := r.phone("a"), r.phone("b"), r.phone("c"), r.phone("d")
		r.numbers["416"] = []string{"b", "c", "d"}
		caller := a.Invite("416", sdpFor(a, "8"))
		inB, inC, inD := b.Expect(t, message.INVITE), c.Expect(t, message.INVITE), d.Expect(t, message.INVITE)
		if inB.CallID() == inC.CallID() || inC.CallID() == inD.CallID() || inB.FromTag() == inC.FromTag() {
			t.Error("forks share a dialog")
		}
		inB.Ring()
		inC.Ring()
		caller.Expect(t, 180)
		callee := inC.Answer(sdpFor(c, "8"))
		established(t, caller, callee)
		cancel := b.Expect(t, message.CANCEL)
		if got := cancel.Header(message.HReason); got != `SIP;cause=200;text="Call completed elsewhere"` {
			t.Errorf("Reason %q", got)
		}
		d.ExpectNone(t, message.CANCEL, 100*time.Millisecond) // held back until its first provisional
		inD.Ring()
		cancel = d.Expect(t, message.CANCEL)
		if !strings.Contains(cancel.Header(message.HReason), "cause=200") {
			t.Errorf("Reason %q", cancel.Header(message.HReason))
		}
		synctest.Wait()
		if n := len(caller.Responses()); n != 2 {
			t.Errorf("the caller got %d responses, want 180, 200", n)
		}
		callee.Bye(t)
		caller.ExpectBye(t)
		rec := r.expectRecord(calls.Answered, 200, byCallee)
		if rec.ToSlot != "c" || len(rec.Legs) != 3 {
			t.Fatalf("record %+v", rec)
		}
		for i, want := range []string{"elsewhere", "answered", "elsewhere"} {
			if rec.Legs[i].Result != want {
				t.Errorf("leg %d is %q, want %q", i, rec.Legs[i].Result, want)
			}
		}
	})
}

func TestSecondContactOfASlotRings(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b, c := r.phone("a"), r.phone("b"), r.phone("c")
		r.loc.contacts["b"] = append(r.loc.contacts["b"], r.loc.contacts["c"]...)
		caller := a.Invite("4b", sdpFor(a, "8"))
		b.Expect(t, message.INVITE)
		in := c.Expect(t, message.INVITE)
		in.Answer(sdpFor(c, "8"))
		caller.Expect(t, 200)
		caller.Ack()
		caller.Bye(t)
		c.Expect(t, message.BYE).OK()
	})
}

// endings: what the phones answer, and what the caller hears.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		name   string
		ring   bool
		status []int // of the phones
		want   int
		result calls.Result
	}{
		{"busy", false, []int{486}, 486, calls.Busy},
		{"busy after ringing", true, []int{486}, 486, calls.Busy},
		{"declined", true, []int{603}, 603, calls.Declined},
		{"busy everywhere", true, []int{600}, 486, calls.Busy},
		{"phone gives up", true, []int{480}, 480, calls.NoAnswer},
		{"phone timed out", true, []int{408}, 480, calls.NoAnswer},
		{"unavailable at once", false, []int{480}, 480, calls.Unreachable},
		{"overloaded", false, []int{503}, 480, calls.Unreachable},
		{"asks for credentials", false, []int{401}, 480, calls.Failed},
		{"proxy asks for credentials", false, []int{407}, 480, calls.Failed},
		{"redirects", false, []int{302}, 480, calls.Failed},
		{"no codec", false, []int{488}, 488, calls.Failed},
		{"server error", false, []int{500}, 480, calls.Failed},
		{"busy beats unreachable", true, []int{503, 486}, 486, calls.Busy},
		{"busy beats no answer", true, []int{486, 480}, 486, calls.Busy},
		{"no answer beats failure", true, []int{500, 480}, 480, calls.NoAnswer},
		{"too large", false, []int{413}, 413, calls.Failed},
		{"its address is too long", false, []int{414}, 480, calls.Failed}, // which we have from the phone itself
		{"body not understood", false, []int{415}, 488, calls.Failed},
		{"scheme not understood", false, []int{416}, 480, calls.Failed},
		{"extension not supported", false, []int{420}, 480, calls.Failed},
		{"extension wanted", false, []int{421}, 480, calls.Failed},
		{"interval too brief, in an INVITE", false, []int{423}, 480, calls.Failed},
		{"loop behind it", false, []int{482}, 480, calls.Failed},
		{"too many hops behind it", false, []int{483}, 480, calls.Failed},
		{"ambiguous", false, []int{485}, 480, calls.Failed},
		{"request pending, in an INVITE", false, []int{491}, 480, calls.Failed},
		{"undecipherable", false, []int{493}, 480, calls.Failed},
		{"security agreement wanted", false, []int{494}, 480, calls.Failed},
		{"message too large", false, []int{513}, 513, calls.Failed},
		{"precondition failed", false, []int{580}, 480, calls.Failed},
		{"not acceptable anywhere", false, []int{606}, 488, calls.Failed},
		{"ambiguous and busy", false, []int{485, 486}, 486, calls.Busy},
		{"too large here, unreachable there", false, []int{413, 503}, 413, calls.Failed},
		{"no codec here, loop there", false, []int{488, 482}, 488, calls.Failed},
		{"not acceptable anywhere ends it", false, []int{606, 0}, 488, calls.Failed},
		{"one declines for all", true, []int{603, 0}, 603, calls.Declined},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a := r.phone("a")
				names := []string{"b", "c"}[:len(c.status)]
				for _, n := range names {
					r.phone(n)
				}
				r.numbers["416"] = names
				caller := a.Invite("416", sdpFor(a, "8 0 9")) // all that could be made of it
				var in []*siptest.Request
				for _, n := range names {
					in = append(in, r.phones[n].Expect(t, message.INVITE))
				}
				if c.ring {
					for _, i := range in {
						i.Ring()
					}
					caller.Expect(t, 180)
				}
				for i, status := range c.status {
					if status != 0 {
						in[i].Respond(status, "")
						in[i].ExpectAck(t)
					}
				}
				caller.Expect(t, c.want)
				rec := r.last()
				if rec.Result != c.result || rec.Status != c.want {
					t.Errorf("record %s %d (%s)", rec.Result, rec.Status, rec.Cause)
				}
				if rec.Legs[0].Status != c.status[0] {
					t.Errorf("leg %+v", rec.Legs[0])
				}
			})
		})
	}
}

func TestPlannedRefusals(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a")
		a.Invite("999", sdpFor(a, "8")).Expect(t, 404)
		r.expectRecord(calls.Rejected, 404, bySystem)
		r.numbers["417"] = []string{"nobody"}
		a.Invite("417", sdpFor(a, "8")).Expect(t, 480)
		rec := r.expectRecord(calls.Unreachable, 480, bySystem)
		if len(rec.Legs) != 1 {
			t.Errorf("legs %+v", rec.Legs)
		}
	})
}

func TestNobodyAnswers(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		r.router.timeout = 20 * time.Second
		caller := a.Invite("4b", sdpFor(a, "8"))
		b.Expect(t, message.INVITE).Ring()
		res := caller.Expect(t, 480)
		if !strings.Contains(res.Header(message.HReason), "cause=19") {
			t.Errorf("Reason %q", res.Header(message.HReason))
		}
		cancel := b.Expect(t, message.CANCEL)
		if cancel.Has(message.HReason) {
			t.Error("a missed call must not look like one answered elsewhere")
		}
		rec := r.expectRecord(calls.NoAnswer, 480, bySystem)
		if d := rec.End.Sub(rec.Start); d < 19*time.Second || d > 21*time.Second {
			t.Errorf("rang for %v", d)
		}
		if rec.Legs[0].Result != "timeout" {
			t.Errorf("leg %+v", rec.Legs[0])
		}
	})
}

func TestPhoneIsDead(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		b.Close()
		a.Invite("4b", sdpFor(a, "8")).Expect(t, 480)
		r.expectRecord(calls.Unreachable, 480, byCallee)
	})
}

func TestManyProvisionals(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		for range 13 {
			in.Ring()
		}
		callee := in.Answer(sdpFor(b, "8"))
		caller.Expect(t, 200)
		caller.Ack()
		if n := len(caller.Responses()); n != 2 {
			t.Errorf("%d responses", n)
		}
		callee.ExpectAck(t)
		hangUp(t, caller, callee)
	})
}

func TestCallerCancels(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b, c := r.phone("a"), r.phone("b"), r.phone("c")
		r.numbers["416"] = []string{"b", "c"}
		caller := a.Invite("416", sdpFor(a, "8"))
		b.Expect(t, message.INVITE).Ring()
		inC := c.Expect(t, message.INVITE) // stays silent
		caller.Expect(t, 180)
		caller.Cancel(t)
		caller.Expect(t, 487)
		cancel := b.Expect(t, message.CANCEL)
		if cancel.Has(message.HReason) {
			t.Errorf("Reason %q", cancel.Header(message.HReason))
		}
		c.ExpectNone(t, message.CANCEL, time.Second)
		inC.Ring()
		c.Expect(t, message.CANCEL)
		inC.ExpectAck(t)
		rec := r.expectRecord(calls.Cancelled, 487, byCaller)
		if rec.Legs[0].Result != "cancelled" || rec.Legs[0].Status != 0 {
			t.Errorf("leg %+v", rec.Legs[0])
		}
	})
}

func TestCancelBeforeAnything(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		a.Invite("4b", sdpFor(a, "8")).Expect(t, 100)
		caller := a.Invite("4b", sdpFor(a, "8"))
		caller.Expect(t, 100)
		caller.SendCancel()
		caller.Expect(t, 487)
		_ = b
		r.phones["a"].Close()
	})
}

func TestByeInEarlyDialog(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		b.Expect(t, message.INVITE).Ring()
		caller.Expect(t, 180)
		caller.Bye(t)
		caller.Expect(t, 487)
		b.Expect(t, message.CANCEL)
		r.expectRecord(calls.Cancelled, 487, byCaller)
	})
}

func TestEarlyMediaOfASinglePhone(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8 0"))
		in := b.Expect(t, message.INVITE)
		in.Respond(183, sdpFor(b, "8"))
		progress := caller.Expect(t, 183)
		ep := r.media.at(t, progress.Body())
		if remote, _ := ep.state(); remote.RTP.Addr() != a.Addr().Addr() {
			t.Errorf("the caller's endpoint points to %v", remote.RTP)
		}
		other := r.media.bridge[ep]
		if remote, _ := other.state(); remote.RTP.Addr() != b.Addr().Addr() || !remote.Send {
			t.Errorf("the callee's endpoint points to %+v", remote)
		}
		callee := in.Answer(sdpFor(b, "8"))
		ok := caller.Expect(t, 200)
		if string(ok.Body()) != string(progress.Body()) {
			t.Errorf("another answer in the 200:\n%s\n%s", ok.Body(), progress.Body())
		}
		caller.Ack()
		callee.ExpectAck(t)
		if _, expecting := ep.state(); !expecting {
			t.Error("nobody expects audio from the caller")
		}
		hangUp(t, caller, callee)
	})
}

func TestEarlyMediaOfOneButAnotherAnswers(t *testing.T) {
	for _, c := range []struct {
		name, formats string
		sameTag       bool
	}{
		{"same codec", "8", true},
		{"one codec more", "0 8", true}, // the answer stays what it was
		{"other codec", "0", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b, d := r.phone("a"), r.phone("b"), r.phone("d")
				r.numbers["416"] = []string{"b", "d"}
				caller := a.Invite("416", sdpFor(a, "8 0"))
				inB, inD := b.Expect(t, message.INVITE), d.Expect(t, message.INVITE)
				inB.Respond(183, sdpFor(b, "8"))
				progress := caller.Expect(t, 183)
				inD.Respond(183, sdpFor(d, c.formats)) // a second one is not heard
				callee := inD.Answer(sdpFor(d, c.formats))
				ok := caller.Expect(t, 200)
				if (ok.ToTag() == progress.ToTag()) != c.sameTag {
					t.Errorf("tags %s and %s", progress.ToTag(), ok.ToTag())
				}
				if want := strings.TrimPrefix(c.formats, "0 "); !strings.Contains(string(ok.Body()), "RTP/AVP "+want+"\r") {
					t.Errorf("answer\n%s", ok.Body())
				}
				caller.Ack()
				callee.ExpectAck(t)
				remote, _ := r.media.bridge[r.media.at(t, ok.Body())].state()
				if remote.RTP.Addr() != d.Addr().Addr() {
					t.Errorf("the callee's endpoint points to %v", remote.RTP)
				}
				b.Expect(t, message.CANCEL)
				hangUp(t, caller, callee)
			})
		})
	}
}

func TestLateOffer(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b, c := r.phone("a"), r.phone("b"), r.phone("c")
		r.numbers["416"] = []string{"b", "c"}
		caller := a.Invite("416", "")
		in := b.Expect(t, message.INVITE)
		inC := c.Expect(t, message.INVITE)
		if len(in.Body()) != 0 {
			t.Error("an offer from nowhere")
		}
		inC.Ring()
		callee := in.Answer(sdpFor(b, "8 0"))
		ok := caller.Expect(t, 200)
		if !strings.Contains(string(ok.Body()), "RTP/AVP 8 0") {
			t.Errorf("offer\n%s", ok.Body())
		}
		if in.Acked() {
			t.Error("acknowledged before the caller's answer")
		}
		caller.Ack(sdpFor(a, "0"))
		ack := callee.ExpectAck(t)
		if !strings.Contains(string(ack.Body()), "RTP/AVP 0\r") {
			t.Errorf("answer\n%s", ack.Body())
		}
		remote, _ := r.media.at(t, ok.Body()).state()
		if remote.RTP.Addr() != a.Addr().Addr() {
			t.Errorf("the caller's endpoint points to %v", remote.RTP)
		}
		c.Expect(t, message.CANCEL)
		hangUp(t, caller, callee)
		r.expectRecord(calls.Answered, 200, byCaller)
	})
}

func TestLateOfferWithoutAnswer(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", "")
		in := b.Expect(t, message.INVITE)
		callee := in.Answer(sdpFor(b, "8 0"))
		caller.Expect(t, 200)
		caller.Ack()
		ack := callee.ExpectAck(t)
		if !strings.Contains(string(ack.Body()), "m=audio 0 ") {
			t.Errorf("answer\n%s", ack.Body())
		}
		callee.ExpectBye(t)
		caller.ExpectBye(t)
		r.expectRecord(calls.Answered, 200, bySystem)
	})
}

func TestLateOfferCallerHangsUpInsteadOfAck(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", "")
		callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8 0"))
		caller.Expect(t, 200)
		caller.Bye(t)
		callee.ExpectAck(t)
		callee.ExpectBye(t)
		r.expectRecord(calls.Answered, 200, byCaller)
	})
}

func TestUnusableAnswers(t *testing.T) {
	const head = "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\n"
	for name, body := range map[string]string{"no description": "", "no media": head, "another medium": head + "m=video 4000 RTP/AVP 99\r\n"} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b, c := r.phone("a"), r.phone("b"), r.phone("c")
				r.numbers["416"] = []string{"b", "c"}
				caller := a.Invite("416", sdpFor(a, "8"))
				inB, inC := b.Expect(t, message.INVITE), c.Expect(t, message.INVITE)
				broken := inB.Answer(body)
				broken.ExpectAck(t)
				broken.ExpectBye(t)
				callee := inC.Answer(sdpFor(c, "8"))
				established(t, caller, callee)
				hangUp(t, caller, callee)
			})
		})
	}
}

// What an answer has too much or too little is mended, so that the caller gets one that fits its offer.
func TestAnswerWithOtherSections(t *testing.T) {
	const video = "m=video 4002 RTP/AVP 99\r\n"
	for _, test := range []struct{ name, offered, answered, want string }{
		{"video left out", video, "", "m=video 0 RTP/AVP 99"},
		{"video nobody asked for", "", video, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", sdpFor(a, "8")+test.offered)
				callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8") + test.answered)
				body := string(caller.Expect(t, 200).Body())
				if n := strings.Count(body, "m=video"); n != strings.Count(test.want, "m=video") || !strings.Contains(body, test.want) {
					t.Errorf("the caller gets\n%s", body)
				}
				caller.Ack()
				callee.ExpectAck(t)
				hangUp(t, caller, callee)
			})
		})
	}
}

func TestSessionIntervalTooSmallForThePhone(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		b.Expect(t, message.INVITE).Respond(422, "", "Min-SE: 3600")
		in := b.Expect(t, message.INVITE)
		if in.Header(message.HSessionExpires) != "3600;refresher=uac" || in.Header(message.HMinSE) != "3600" || in.CSeq() != 2 {
			t.Errorf("Session-Expires %q CSeq %d", in.Header(message.HSessionExpires), in.CSeq())
		}
		callee := in.Answer(sdpFor(b, "8"))
		established(t, caller, callee)
		hangUp(t, caller, callee)
	})
}

func TestRefusedForms(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a")
		r.phone("b")
		for _, c := range []struct {
			name, body string
			lines      []string
			status     int
		}{
			{"no description", "nonsense", nil, 400},
			{"extension required", sdpFor(a, "8"), []string{"Require: precondition, 100rel"}, 420},
			{"session interval too small", sdpFor(a, "8"), []string{"Session-Expires: 30", "Supported: timer"}, 422},
		} {
			res := a.Invite("4b", c.body, c.lines...).Final(t)
			if res.Status() != c.status {
				t.Errorf("%s: %d", c.name, res.Status())
			}
		}
	})
}

func TestLoop(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		path := in.HeaderNamed(pathHeader)
		b.Invite("4b", sdpFor(b, "8"), pathHeader+": "+path).Expect(t, 482)
		r.numbers["4c"] = nil
		b.Invite("4c", sdpFor(b, "8"), pathHeader+": "+path).Expect(t, 480) // another number is no loop
		long := strings.TrimSuffix(strings.Repeat("elsewhere/1, ", 10), ", ")
		b.Invite("4c", sdpFor(b, "8"), pathHeader+": "+long).Expect(t, 482)
		in.Respond(486, "")
		caller.Expect(t, 486)
	})
}

func TestWrongPassword(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a", func(c *siptest.PhoneConfig) { c.Password = "guess" })
		a.Invite("4b", sdpFor(a, "8")).Expect(t, 401)
		if n := len(r.rec.all()); n != 0 {
			t.Errorf("%d records of unknown callers", n)
		}
	})
}

func TestLimits(t *testing.T) {
	run(t, func(c *Config) { c.Limits = Limits{Total: 3, PerSlot: 2, PerSource: 2} }, func(t *testing.T, r *rig) {
		a, b, c, d := r.phone("a"), r.phone("b"), r.phone("c"), r.phone("d")
		first, second := a.Invite("4b", sdpFor(a, "8")), a.Invite("4b", sdpFor(a, "8"))
		b.Expect(t, message.INVITE).Ring()
		b.Expect(t, message.INVITE).Ring()
		a.Invite("4b", sdpFor(a, "8")).Expect(t, 503) // the address
		third := c.Invite("4b", sdpFor(c, "8"))
		b.Expect(t, message.INVITE).Ring()
		d.Invite("4b", sdpFor(d, "8")).Expect(t, 503) // the system
		r.expectRecord(calls.Rejected, 503, bySystem)
		for _, x := range []*siptest.Call{first, second, third} {
			x.Expect(t, 180)
			x.Cancel(t)
			x.Expect(t, 487)
		}
		d.Invite("4b", sdpFor(d, "8")).Expect(t, 100)
		b.Expect(t, message.INVITE).Respond(486, "")
	})
}

func TestSlotLimit(t *testing.T) {
	run(t, func(c *Config) { c.Limits = Limits{PerSlot: 1} }, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		first := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		a.Invite("4b", sdpFor(a, "8")).Expect(t, 486)
		in.Respond(486, "")
		first.Expect(t, 486)
	})
}

func TestTwoCallersOfABusyOnAnyNumber(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b, c := r.phone("a"), r.phone("b"), r.phone("c")
		r.busy["4b"] = true
		first, second := a.Invite("4b", sdpFor(a, "8")), c.Invite("4b", sdpFor(c, "8"))
		in := b.Expect(t, message.INVITE)
		in.Ring()
		b.ExpectNone(t, message.INVITE, time.Second)
		one, two := first, second
		if second.Responses()[0].Status() == 180 {
			one, two = second, first
		}
		two.Expect(t, 486)
		callee := in.Answer(sdpFor(b, "8"))
		one.Expect(t, 200)
		one.Ack()
		callee.ExpectAck(t)
		callee.Bye(t)
		one.ExpectBye(t)
	})
}

func TestNoMediaPort(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a")
		r.phone("b")
		r.media.full = true
		a.Invite("4b", sdpFor(a, "8")).Expect(t, 503)
		r.expectRecord(calls.Failed, 503, bySystem)
	})
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"416":                         "416",
		"+49 661 1":                   "+49 661 1",
		"Jürgen":                      "Jürgen",
		"4\x001\r\n6":                 "4\ufffd1\ufffd\ufffd6",
		"\xff\xfe4":                   "\ufffd\ufffd4",
		strings.Repeat("1", 500):      strings.Repeat("1", maxCalled),
		strings.Repeat("ä", 64) + "ä": strings.Repeat("ä", 64),
		"x" + strings.Repeat("ä", 64): "x" + strings.Repeat("ä", 63) + "\ufffd",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestStrangeNumbersAreRecorded(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a")
		for _, number := range []string{"%00%0d%0a1", "4%00b", strings.Repeat("9", 400), "%ff%fe", "*;phone-context=x"} {
			if status := a.Invite(number, sdpFor(a, "8")).Final(t).Status(); status != 404 && status != 400 {
				t.Errorf("%.20q: %d", number, status)
			}
		}
		for _, rec := range r.rec.all() {
			if len(rec.To) > 3*maxCalled || strings.ContainsAny(rec.To, "\x00\r\n") {
				t.Errorf("record of %q", rec.To)
			}
		}
	})
}
