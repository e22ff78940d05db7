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

const require100rel = "Require: 100rel"

func TestReliableRingingOfTheCallee(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		if !in.HasToken(message.HSupported, "100rel") {
			t.Error("100rel is not offered")
		}
		in.Reliable(180, 7, "")
		prack := b.Expect(t, message.PRACK)
		if prack.Header(message.HRAck) != "7 1 INVITE" || prack.CSeq() != 2 || prack.URI() != b.Contact() {
			t.Errorf("PRACK\n%s", prack.Raw())
		}
		if res := caller.Expect(t, 180); res.Has(message.HRSeq) || res.Has(message.HRequire) {
			t.Errorf("the caller gets\n%s", res.Raw())
		}
		callee := in.Answer(sdpFor(b, "8"))
		caller.Expect(t, 200)
		caller.Ack()
		if ack := callee.ExpectAck(t); ack.CSeq() != 1 {
			t.Errorf("ACK for CSeq %d", ack.CSeq())
		}
		caller.Bye(t)
		if bye := callee.ExpectBye(t); bye.CSeq() != 3 {
			t.Errorf("BYE with CSeq %d", bye.CSeq())
		}
	})
}

// TestOrderOfReliableResponses checks what is acknowledged of repeated, overtaken and unnumbered responses.
func TestOrderOfReliableResponses(t *testing.T) {
	for _, c := range []struct {
		name string
		rseq []string // in order of arrival
		want string   // RAcks
	}{
		{"in order", []string{"5", "6", "7"}, "5 6 7"},
		{"repeated", []string{"5", "5", "6", "5"}, "5 6"},
		{"gap", []string{"5", "7", "6", "7"}, "5 6 7"},
		{"none", []string{"", "0", "x", "4294967296", "1"}, "1"},
		{"start over", []string{"9", "1"}, "9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", sdpFor(a, "8"))
				in := b.Expect(t, message.INVITE)
				for _, n := range c.rseq {
					in.Respond(180, "", require100rel, "RSeq: "+n)
					synctest.Wait()
				}
				var got []string
				for range strings.Fields(c.want) {
					rack := b.Expect(t, message.PRACK)
					rack.OK()
					got = append(got, strings.TrimSuffix(rack.Header(message.HRAck), " 1 INVITE"))
				}
				if s := strings.Join(got, " "); s != c.want {
					t.Errorf("acknowledged %s, want %s", s, c.want)
				}
				b.ExpectNone(t, message.PRACK, time.Second)
				in.Respond(486, "")
				caller.Expect(t, 486)
			})
		})
	}
}

func TestReliableAnswerOfTheCallee(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8 0"))
		in := b.Expect(t, message.INVITE)
		in.Reliable(183, 1, sdpFor(b, "8"))
		progress := caller.Expect(t, 183)
		b.Expect(t, message.PRACK)
		early := in.Call()
		// The first answer counts: what the 200 says otherwise is ignored.
		in.Answer(strings.Replace(sdpFor(b, "0"), "m=audio 4000", "m=audio 5000", 1))
		ok := caller.Expect(t, 200)
		if string(ok.Body()) != string(progress.Body()) {
			t.Errorf("answer changed\n%s\n%s", progress.Body(), ok.Body())
		}
		caller.Ack()
		early.ExpectAck(t)
		remote, _ := r.media.bridge[r.media.at(t, ok.Body())].state()
		if remote.RTP.Port() != 4000 {
			t.Errorf("audio goes to %v", remote.RTP)
		}
		caller.Bye(t)
		early.ExpectBye(t)
	})
}

func TestUnusableReliableAnswer(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8 0"))
		in := b.Expect(t, message.INVITE)
		in.Reliable(183, 1, strings.Replace(sdpFor(b, "8"), "m=audio", "m=video", 1))
		b.Expect(t, message.PRACK)
		b.Expect(t, message.CANCEL)
		caller.Expect(t, 488)
		r.expectRecord(calls.Failed, 488, byCallee)
	})
}

func TestFloodOfReliableResponses(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		for n := range 200 {
			in.Respond(180, "", require100rel, "RSeq: "+itoa(n+1))
		}
		synctest.Wait()
		for range maxPracks {
			b.Expect(t, message.PRACK).OK()
		}
		b.ExpectNone(t, message.PRACK, time.Second)
		in.Respond(486, "")
		caller.Expect(t, 486)
	})
}

func TestReliableTowardsTheCaller(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"), require100rel)
		in := b.Expect(t, message.INVITE)
		in.Ring()
		ringing := caller.Expect(t, 180)
		if !ringing.HasToken(message.HRequire, "100rel") || len(ringing.Body()) != 0 {
			t.Errorf("180\n%s", ringing.Raw())
		}
		// The next one waits for the PRACK of the first.
		in.Respond(183, sdpFor(b, "8"))
		time.Sleep(5 * time.Second)
		for _, res := range caller.Responses() {
			if res.Status() == 183 {
				t.Fatal("two are unacknowledged")
			}
		}
		wrong := caller.Send(message.PRACK, "", "", "RAck: "+itoa(int(mustRSeq(ringing)+1))+" "+itoa(int(ringing.CSeq()))+" INVITE")
		wrong.Expect(t, 481)
		caller.Prack(ringing).Expect(t, 200)
		progress := caller.Expect(t, 183)
		if mustRSeq(progress) != mustRSeq(ringing)+1 || !strings.Contains(string(progress.Body()), "m=audio") {
			t.Errorf("183\n%s", progress.Raw())
		}
		caller.Prack(progress).Expect(t, 200)
		caller.Prack(progress).Expect(t, 481) // once is enough
		callee := in.Answer(sdpFor(b, "8"))
		ok := caller.Expect(t, 200)
		if ok.Has(message.HRSeq) || ok.ToTag() != ringing.ToTag() {
			t.Errorf("200\n%s", ok.Raw())
		}
		caller.Ack()
		callee.ExpectAck(t)
		hangUp(t, caller, callee)
	})
}

func mustRSeq(m *message.Message) (n uint32) {
	for _, c := range m.Header(message.HRSeq) {
		n = n*10 + uint32(c-'0')
	}
	return n
}

// TestCallerSendsNoPrack checks the pace of the repetition, and what becomes of the call.
func TestCallerSendsNoPrack(t *testing.T) {
	for _, answered := range []bool{false, true} {
		t.Run(map[bool]string{false: "ringing", true: "answered"}[answered], func(t *testing.T) {
			run(t, func(c *Config) { c.RingTimeout = 2 * time.Minute }, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", sdpFor(a, "8"), require100rel)
				in := b.Expect(t, message.INVITE)
				in.Respond(183, sdpFor(b, "8"))
				caller.Expect(t, 183)
				start := time.Now()
				var callee *siptest.Call
				if answered {
					callee = in.Answer(sdpFor(b, "8"))
					callee.ExpectAck(t)
				}
				caller.Expect(t, 504)
				if d := time.Since(start); d < 32*time.Second || d > 33*time.Second {
					t.Errorf("gave up after %v", d)
				}
				n := 0
				for _, res := range caller.Responses() {
					if res.Status() == 183 {
						n++
					}
				}
				if n != 7 { // at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s
					t.Errorf("sent %d times", n)
				}
				if answered {
					callee.ExpectBye(t)
				} else {
					b.Expect(t, message.CANCEL)
				}
				r.expectRecord(calls.Failed, 504, bySystem)
			})
		})
	}
}

// TestAnswerWaitsForThePrack lets the callee answer while the caller's PRACK for the description is outstanding.
func TestAnswerWaitsForThePrack(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(t *testing.T, r *rig, caller, callee *siptest.Call, progress *message.Message)
	}{
		{"PRACK", func(t *testing.T, r *rig, caller, callee *siptest.Call, progress *message.Message) {
			caller.Prack(progress).Expect(t, 200)
			caller.Expect(t, 200)
			caller.Ack()
			hangUp(t, caller, callee)
			r.expectRecord(calls.Answered, 200, byCaller)
		}},
		{"CANCEL", func(t *testing.T, r *rig, caller, callee *siptest.Call, _ *message.Message) {
			caller.Cancel(t)
			caller.Expect(t, 487)
			callee.ExpectBye(t)
			r.expectRecord(calls.Cancelled, 487, byCaller)
		}},
		{"BYE of the caller", func(t *testing.T, r *rig, caller, callee *siptest.Call, _ *message.Message) {
			caller.Bye(t)
			caller.Expect(t, 487)
			callee.ExpectBye(t)
			r.expectRecord(calls.Cancelled, 487, byCaller)
		}},
		{"BYE of the callee", func(t *testing.T, r *rig, caller, callee *siptest.Call, _ *message.Message) {
			callee.Bye(t)
			caller.Expect(t, 480)
			r.expectRecord(calls.Failed, 480, byCallee)
		}},
		{"hangup", func(t *testing.T, r *rig, caller, callee *siptest.Call, _ *message.Message) {
			r.table.HangupAll("enough")
			caller.Expect(t, 480)
			callee.ExpectBye(t)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", sdpFor(a, "8"), require100rel)
				in := b.Expect(t, message.INVITE)
				in.Respond(183, sdpFor(b, "8"))
				progress := caller.Expect(t, 183)
				callee := in.Answer(sdpFor(b, "8"))
				callee.ExpectAck(t)
				time.Sleep(time.Second)
				for _, res := range caller.Responses() {
					if res.Status() == 200 {
						t.Fatal("answered before the PRACK")
					}
				}
				c.then(t, r, caller, callee, progress)
			})
		})
	}
}

// TestRingingNeedNotBeConfirmed: a 180 without description does not hold up the answer.
func TestRingingNeedNotBeConfirmed(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"), require100rel)
		in := b.Expect(t, message.INVITE)
		in.Ring()
		ringing := caller.Expect(t, 180)
		callee := in.Answer(sdpFor(b, "8"))
		caller.Expect(t, 200)
		caller.Prack(ringing).Expect(t, 200) // it was on its way
		caller.Ack()
		callee.ExpectAck(t)
		n := len(caller.Responses())
		time.Sleep(10 * time.Second)
		if len(caller.Responses()) != n {
			t.Error("the 180 is repeated after the answer")
		}
		hangUp(t, caller, callee)
	})
}

func TestOfferInPrack(t *testing.T) {
	for _, c := range []struct {
		name, formats string
		status        int
		want          string
	}{
		{"hold", "8", 200, "a=recvonly"},
		{"other codec", "9", 488, ""},
		{"nonsense", "", 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", sdpFor(a, "8"), require100rel)
				in := b.Expect(t, message.INVITE)
				in.Respond(183, sdpFor(b, "8"))
				progress := caller.Expect(t, 183)
				body := "nonsense"
				if c.formats != "" {
					body = sdpFor(a, c.formats, "a=sendonly")
				}
				res := caller.Prack(progress, body).Expect(t, c.status)
				if !strings.Contains(string(res.Body()), c.want) {
					t.Errorf("answer\n%s", res.Body())
				}
				if c.status == 400 {
					caller.Prack(progress).Expect(t, 200) // it still waits for one
				}
				callee := in.Answer(sdpFor(b, "8"))
				ok := caller.Expect(t, 200)
				if c.status == 200 && len(ok.Body()) != 0 {
					t.Errorf("the 200 describes what no longer holds\n%s", ok.Body())
				}
				caller.Ack()
				callee.ExpectAck(t)
				hangUp(t, caller, callee)
			})
		})
	}
}

// TestLateOfferWithReliableResponsesRequired: the offer is ours, and the phones ring when it has been answered.
func TestLateOfferWithReliableResponsesRequired(t *testing.T) {
	for _, c := range []struct {
		name, caller, callee string
		again                string // format of a further offer to the caller, whose first choice is not the callee's
	}{
		{"one codec", "8", "8", ""},
		{"the callee takes the second one", "8 0", "0", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", "", require100rel)
				offer := caller.Expect(t, 183)
				if !offer.HasToken(message.HRequire, "100rel") || !strings.Contains(string(offer.Body()), "RTP/AVP 9 8 0 101") {
					t.Errorf("the offer\n%s", offer.Raw())
				}
				b.ExpectNone(t, message.INVITE, 100*time.Millisecond)
				caller.Prack(offer, sdpFor(a, c.caller)).Expect(t, 200)
				in := b.Expect(t, message.INVITE)
				if !strings.Contains(string(in.Body()), "RTP/AVP "+c.caller+"\r") {
					t.Errorf("the callee is offered\n%s", in.Body())
				}
				in.Ring()
				ringing := caller.Expect(t, 180)
				caller.Prack(ringing).Expect(t, 200)
				r.media.at(t, offer.Body()).hears(t, "ringback") // its phone plays none after an answer
				callee := in.Answer(sdpFor(b, c.callee))
				ok := caller.Expect(t, 200)
				if len(ringing.Body())+len(ok.Body()) != 0 {
					t.Errorf("described again\n%s\n%s", ringing.Body(), ok.Body())
				}
				caller.Ack()
				callee.ExpectAck(t)
				if c.again != "" {
					re := caller.ExpectRequest(t, message.INVITE)
					if !strings.Contains(string(re.Body()), "RTP/AVP "+c.again+"\r") {
						t.Errorf("the caller is offered\n%s", re.Body())
					}
					re.Respond(200, sdpFor(a, c.again))
					re.ExpectAck(t)
				}
				r.bridged(offer.Body(), in.Body())
				hangUp(t, caller, callee)
			})
		})
	}
}

func TestOurOfferComesToNothing(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		do     func(t *testing.T, a *siptest.Phone, caller *siptest.Call)
		status int
	}{
		{"no relay to make one", func(c *Config) { c.Media = nil }, func(*testing.T, *siptest.Phone, *siptest.Call) {}, 420},
		{"no answer in the PRACK", nil, func(t *testing.T, _ *siptest.Phone, x *siptest.Call) {
			x.Prack(x.Expect(t, 183)).Expect(t, 200)
		}, 488},
		{"everything refused", nil, func(t *testing.T, a *siptest.Phone, x *siptest.Call) {
			x.Prack(x.Expect(t, 183), strings.Replace(sdpFor(a, "8"), "m=audio 4000", "m=audio 0", 1)).Expect(t, 200)
		}, 488},
		{"cancelled", nil, func(t *testing.T, _ *siptest.Phone, x *siptest.Call) {
			x.Expect(t, 183)
			x.Cancel(t)
		}, 487},
		{"no PRACK", nil, func(t *testing.T, _ *siptest.Phone, x *siptest.Call) { x.Expect(t, 183) }, 504},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, c.change, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", "", require100rel)
				c.do(t, a, caller)
				res := caller.Expect(t, c.status)
				if c.status == 420 && res.Header(message.HUnsupported) != "100rel" {
					t.Errorf("unsupported is %q", res.Header(message.HUnsupported))
				}
				b.ExpectNone(t, message.INVITE, 0)
			})
		})
	}
}

// TestReliableAnswerToReinvite: a reliable 18x to a re-INVITE of ours is acknowledged, and its answer counts.
func TestReliableAnswerToReinvite(t *testing.T) {
	g722 := "a=rtpmap:9 G722/8000"
	for _, c := range []struct {
		name string
		do   func(t *testing.T, b *siptest.Phone, callee *siptest.Call, in *siptest.Request)
		want int
	}{
		{"without a description", func(t *testing.T, b *siptest.Phone, callee *siptest.Call, in *siptest.Request) {
			in.Reliable(180, 9, "")
			b.Expect(t, message.PRACK)
			callee.Send(message.UPDATE, contentSDP, sdpFor(b, "8", "a=sendonly")).Expect(t, 491) // our offer is open
			callee.Send(message.UPDATE, "", "").Expect(t, 200)
			in.Respond(200, sdpFor(b, "9", g722))
		}, 200},
		{"with the answer, and an UPDATE", func(t *testing.T, b *siptest.Phone, callee *siptest.Call, in *siptest.Request) {
			in.Reliable(183, 9, sdpFor(b, "9", g722))
			if p := b.Expect(t, message.PRACK); p.Header(message.HRAck) != "9 1 INVITE" && !strings.HasPrefix(p.Header(message.HRAck), "9 ") {
				t.Errorf("RAck %q", p.Header(message.HRAck))
			}
			callee.Send(message.INVITE, contentSDP, sdpFor(b, "9", g722)).Expect(t, 491)
			callee.Send(message.UPDATE, contentSDP, sdpFor(b, "9", g722, "a=sendonly")).Expect(t, 200)
			in.Respond(200, "")
		}, 200},
		{"refused after all", func(t *testing.T, b *siptest.Phone, callee *siptest.Call, in *siptest.Request) {
			in.Reliable(183, 9, sdpFor(b, "9", g722))
			b.Expect(t, message.PRACK)
			in.Respond(488, "")
			back := callee.ExpectRequest(t, message.INVITE)
			if !strings.Contains(string(back.Body()), "RTP/AVP 8 0\r") {
				t.Errorf("it is told\n%s", back.Body())
			}
			back.Respond(200, sdpFor(b, "8"))
			back.ExpectAck(t)
		}, 488},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller, callee := r.connect(a, b, "4b")
				x := caller.Send(message.INVITE, contentSDP, sdpFor(a, "9", g722))
				in := callee.ExpectRequest(t, message.INVITE)
				if !in.HasToken(message.HSupported, "100rel") {
					t.Error("100rel is not offered")
				}
				c.do(t, b, callee, in)
				if res := x.Expect(t, c.want); c.want == 200 {
					in.ExpectAck(t)
					ackOf(a, res)
				}
				hangUp(t, caller, callee)
			})
		})
	}
}

// TestReliableWherePossible: the switch that makes use of callers who only support it.
func TestReliableWherePossible(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		for _, on := range []bool{false, true} {
			r.ua.reliableWherePossible = on
			caller := a.Invite("4b", sdpFor(a, "8"), "Supported: 100rel")
			in := b.Expect(t, message.INVITE)
			in.Ring()
			if res := caller.Expect(t, 180); res.Has(message.HRSeq) != on {
				t.Errorf("reliable: %v, want %v", !on, on)
			}
			in.Respond(486, "")
			caller.Expect(t, 486)
		}
	})
}

// TestAnotherPhoneAnswersThanTheOneConfirmed: the caller's confirmed answer cannot change, so it gets another dialog.
func TestAnotherPhoneAnswersThanTheOneConfirmed(t *testing.T) {
	for _, formats := range []string{"8", "0"} {
		t.Run(formats, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b, d := r.phone("a"), r.phone("b"), r.phone("d")
				r.numbers["416"] = []string{"b", "d"}
				caller := a.Invite("416", sdpFor(a, "8 0"), require100rel)
				inB, inD := b.Expect(t, message.INVITE), d.Expect(t, message.INVITE)
				inB.Reliable(183, 1, sdpFor(b, "8"))
				progress := caller.Expect(t, 183)
				caller.Prack(progress).Expect(t, 200)
				callee := inD.Answer(sdpFor(d, formats))
				ok := caller.Expect(t, 200)
				if same := ok.ToTag() == progress.ToTag(); same != (formats == "8") {
					t.Errorf("same dialog: %v", same)
				}
				if !strings.Contains(string(ok.Body()), "RTP/AVP "+formats+"\r") {
					t.Errorf("answer\n%s", ok.Body())
				}
				caller.Ack()
				callee.ExpectAck(t)
				caller.ReInvite(t, sdpFor(a, "8 0", "a=sendonly"))
				b.Expect(t, message.CANCEL)
				hangUp(t, caller, callee)
			})
		})
	}
}
