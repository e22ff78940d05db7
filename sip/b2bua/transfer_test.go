package b2bua

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// expectFrag waits for the NOTIFY of a referral that tells a status, and answers it and those before it.
func expectFrag(t *testing.T, call *siptest.Call, status int) *siptest.Request {
	t.Helper()
	for {
		n := call.ExpectRequest(t, message.NOTIFY)
		n.OK()
		var got int
		if _, err := fmt.Sscanf(string(n.Body()), "SIP/2.0 %d", &got); err != nil || n.Header(message.HContentType) != contentFrag {
			t.Fatalf("%s", n.Raw())
		}
		if last := strings.HasPrefix(n.Header(message.HSubscriptionState), "terminated;reason=noresource"); last != (got >= 200) {
			t.Errorf("status %d, but %s", got, n.Header(message.HSubscriptionState))
		}
		if got == status {
			return n
		}
		if got >= 200 {
			t.Fatalf("told %d, want %d", got, status)
		}
	}
}

// takeOver answers the re-INVITE that connects a phone anew, and returns it.
func takeOver(t *testing.T, call *siptest.Call, p *siptest.Phone) *siptest.Request {
	t.Helper()
	re := call.ExpectRequest(t, message.INVITE)
	re.Respond(200, sdpFor(p, "8"))
	re.ExpectAck(t)
	return re
}

// bridged checks that what two phones were described belongs together.
func (r *rig) bridged(a, b []byte) {
	r.t.Helper()
	x, y := r.media.at(r.t, a), r.media.at(r.t, b)
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	if r.media.bridge[x] != y && r.media.bridge[y] != x {
		r.t.Errorf("no way between\n%s\nand\n%s", a, b)
	}
}

// three are ann, who called bob, and cid.
type three struct {
	*rig
	ann, bob, cid *siptest.Phone
	a, b          *siptest.Call // ann's and bob's side
}

func runThree(t *testing.T, change func(*Config), fn func(t *testing.T, r *three)) {
	t.Helper()
	run(t, change, func(t *testing.T, rg *rig) {
		r := &three{rig: rg, ann: rg.phone("ann"), bob: rg.phone("bob"), cid: rg.phone("cid")}
		r.a, r.b = rg.connect(r.ann, r.bob, "4bob")
		fn(t, r)
	})
}

func TestBlindTransfer(t *testing.T) {
	for _, byCallee := range []bool{true, false} {
		t.Run(fmt.Sprintf("by callee %v", byCallee), func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				by, stay, phone := r.b, r.a, r.ann
				number, from, slot := "ann", "ann", "ann"
				if !byCallee {
					by, stay, phone = r.a, r.b, r.bob
					number, from, slot = "4bob", "4bob", "bob"
				}
				by.Refer("4cid", "").Expect(t, 202)
				in := r.cid.Expect(t, message.INVITE)
				if got := in.From().URI; got != "sip:"+from+"@"+domain {
					t.Errorf("cid is shown %s", got)
				}
				if !strings.Contains(string(in.Body()), "a=sendrecv") && strings.Contains(string(in.Body()), "a=") {
					t.Errorf("cid is offered\n%s", in.Body())
				}
				expectFrag(t, by, 100)
				in.Ring()
				expectFrag(t, by, 180)
				c := in.Answer(sdpFor(r.cid, "8"))
				c.ExpectAck(t)
				re := takeOver(t, stay, phone)
				if got := re.Header(message.HPAssertedIdentity); !strings.Contains(got, "4cid") {
					t.Errorf("who stays is shown %q", got)
				}
				r.bridged(re.Body(), in.Body())
				expectFrag(t, by, 200)
				by.ExpectBye(t)
				if n := r.ua.Active(); n != 1 {
					t.Errorf("%d calls", n)
				}
				first := r.expectRecord(calls.Answered, 200, map[bool]string{true: calleeSide.String(), false: byCaller}[byCallee])
				if !strings.Contains(first.Cause, "transferred the call to 4cid") || first.From != "ann" || first.Number != "4bob" {
					t.Errorf("first record: %+v", first)
				}
				time.Sleep(5 * time.Second)
				c.Bye(t)
				stay.ExpectBye(t)
				second := r.expectRecord(calls.Answered, 200, calleeSide.String())
				if second.From != number || second.FromSlot != slot || second.Number != "4cid" || second.ToSlot != "cid" {
					t.Errorf("second record: %+v", second)
				}
			})
		})
	}
}

// TestTransferFails: the transferor is told and can go on.
func TestTransferFails(t *testing.T) {
	for _, c := range []struct {
		name   string
		number string
		cid    func(in *siptest.Request)
		told   int
	}{
		{"busy", "4cid", func(in *siptest.Request) { in.Respond(486, "") }, 486},
		{"declined", "4cid", func(in *siptest.Request) { in.Respond(603, "") }, 603},
		{"no such number", "4nobody", nil, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				r.b.Refer(c.number, "").Expect(t, 202)
				if c.cid != nil {
					c.cid(r.cid.Expect(t, message.INVITE))
				}
				n := expectFrag(t, r.b, c.told)
				if n.Header(message.HEvent) != "refer" {
					t.Errorf("%s", n.Header(message.HEvent))
				}
				r.ann.ExpectNone(t, message.BYE, time.Second)
				r.b.ReInvite(t, sdpFor(r.bob, "8"))
				// And once more: another subscription.
				x := r.b.Refer("4nobody", "")
				x.Expect(t, 202)
				if n := expectFrag(t, r.b, 404); !strings.HasPrefix(n.Header(message.HEvent), "refer;id=") {
					t.Errorf("%s", n.Header(message.HEvent))
				}
				r.a.Bye(t)
				r.b.ExpectBye(t)
			})
		})
	}
}

// TestTransferorHangsUp: a transferor that hangs up right after the 202 ends neither the transfer nor the call of who
// stays; when the transfer fails then, that call ends.
func TestTransferorHangsUp(t *testing.T) {
	for _, answer := range []bool{true, false} {
		t.Run(fmt.Sprintf("answered %v", answer), func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				r.b.Refer("4cid", "").Expect(t, 202)
				r.b.Bye(t)
				in := r.cid.Expect(t, message.INVITE)
				in.Ring()
				r.ann.ExpectNone(t, message.BYE, 5*time.Second)
				if !r.hearsRingback(r.a) {
					t.Error("ann hears nothing while the number rings")
				}
				if !answer {
					in.Respond(486, "")
					r.a.ExpectBye(t)
					if rec := r.expectRecord(calls.Answered, 200, bySystem); !strings.Contains(rec.Cause, "the transfer to 4cid failed: busy") {
						t.Errorf("%s", rec.Cause)
					}
					return
				}
				c := in.Answer(sdpFor(r.cid, "8"))
				re := takeOver(t, r.a, r.ann)
				r.bridged(re.Body(), in.Body())
				r.a.Bye(t)
				c.ExpectBye(t)
			})
		})
	}
}

// hearsRingback reports whether the phone that has made a call is played ringback.
func (r *three) hearsRingback(call *siptest.Call) bool {
	r.t.Helper()
	synctest.Wait()
	all := call.Responses()
	ep := r.media.at(r.t, all[len(all)-1].Body())
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	return ep.plays != nil && ep.plays == r.ua.clips.of(ringback)
}

// TestTransferredHangsUp: nobody is left to be transferred.
func TestTransferredHangsUp(t *testing.T) {
	runThree(t, nil, func(t *testing.T, r *three) {
		r.b.Refer("4cid", "").Expect(t, 202)
		in := r.cid.Expect(t, message.INVITE)
		in.Ring()
		expectFrag(t, r.b, 180)
		r.a.Bye(t)
		r.b.ExpectBye(t)
		r.cid.Expect(t, message.CANCEL)
	})
}

// TestTransferredHangsUpLate: who is transferred hangs up while the re-INVITE that connects it is under way.
func TestTransferredHangsUpLate(t *testing.T) {
	runThree(t, nil, func(t *testing.T, r *three) {
		r.b.Refer("4cid", "").Expect(t, 202)
		in := r.cid.Expect(t, message.INVITE)
		c := in.Answer(sdpFor(r.cid, "8"))
		re := r.a.ExpectRequest(t, message.INVITE)
		r.a.Bye(t)
		re.Respond(487, "")
		c.ExpectBye(t)
		expectFrag(t, r.b, 200)
		r.b.ExpectBye(t)
	})
}

// TestReferCrossesBye: the other side hangs up while the REFER is under way.
func TestReferCrossesBye(t *testing.T) {
	runThree(t, nil, func(t *testing.T, r *three) {
		r.net.SetDefault(siptest.Link{Delay: 20 * time.Millisecond})
		x := r.b.Refer("4cid", "")
		r.a.SendBye()
		r.b.ExpectBye(t)
		if status := x.Final(t).Status(); status != 202 && status != 481 {
			t.Errorf("REFER answered %d", status)
		}
		r.net.SetDefault(siptest.Link{})
	})
}

func TestRefersRefused(t *testing.T) {
	for _, c := range []struct {
		name, number, extra string
		lines               []string
		status              int
	}{
		{"another method", "4cid", ";method=BYE", nil, 603},
		{"malformed Replaces", "4cid", "?Replaces=x", nil, 400},
		{"two targets", "4cid", "", []string{"Refer-To: <sip:4ann@test.example>"}, 400},
		{"not allowed", "4forbidden", "", nil, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			runThree(t, func(c *Config) {
				c.MayTransfer = func(_, number string) bool { return number != "4forbidden" }
			}, func(t *testing.T, r *three) {
				r.b.Refer(c.number, c.extra, c.lines...).Expect(t, c.status)
				r.b.Bye(t)
				r.a.ExpectBye(t)
			})
		})
	}
}

func TestOneReferAtATime(t *testing.T) {
	runThree(t, nil, func(t *testing.T, r *three) {
		r.b.Refer("4cid", "").Expect(t, 202)
		in := r.cid.Expect(t, message.INVITE)
		r.b.Refer("4cid", "").Expect(t, 491)
		r.a.Refer("4cid", "").Expect(t, 491)
		in.Respond(486, "")
		expectFrag(t, r.b, 486)
		r.b.Bye(t)
		r.a.ExpectBye(t)
	})
}

// TestReferWithoutSubscription: who does not want to hear does not (RFC 4488), or does not any more.
func TestReferWithoutSubscription(t *testing.T) {
	for _, c := range []struct {
		name   string
		lines  []string
		status int
	}{
		{"norefersub", []string{"Refer-Sub: false", "Supported: norefersub"}, 202},
		{"nosub", []string{"Require: nosub"}, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				if ok := r.b.Refer("4cid", "", c.lines...).Expect(t, c.status); ok.Header(message.HReferSub) != "false" {
					t.Errorf("%s", ok.Raw())
				}
				c := r.cid.Expect(t, message.INVITE).Answer(sdpFor(r.cid, "8"))
				takeOver(t, r.a, r.ann)
				r.b.ExpectBye(t)
				r.bob.ExpectNone(t, message.NOTIFY, time.Second)
				c.Bye(t)
				r.a.ExpectBye(t)
			})
		})
	}
	t.Run("refuses the NOTIFY", func(t *testing.T) {
		runThree(t, nil, func(t *testing.T, r *three) {
			r.b.Refer("4cid", "").Expect(t, 202)
			r.b.ExpectRequest(t, message.NOTIFY).Respond(481, "")
			in := r.cid.Expect(t, message.INVITE)
			in.Ring()
			r.bob.ExpectNone(t, message.NOTIFY, time.Second)
			in.Respond(486, "")
			r.bob.ExpectNone(t, message.NOTIFY, time.Second)
			r.a.Bye(t)
			r.b.ExpectBye(t)
		})
	})
	t.Run("unsubscribes", func(t *testing.T) {
		runThree(t, nil, func(t *testing.T, r *three) {
			r.b.Refer("4cid", "").Expect(t, 202)
			expectFrag(t, r.b, 100)
			in := r.cid.Expect(t, message.INVITE)
			r.b.Resubscribe("refer;id=7", 0).Expect(t, 481)
			r.b.Resubscribe("dialog", 60).Expect(t, 489)
			r.b.Resubscribe("refer", 0).Expect(t, 200)
			in.Ring()
			r.bob.ExpectNone(t, message.NOTIFY, time.Second)
			in.Respond(486, "")
			r.a.Bye(t)
			r.b.ExpectBye(t)
		})
	})
}

// asked is a second call of bob's, to cid.
func (r *three) ask(t *testing.T) (x, c *siptest.Call) {
	t.Helper()
	return r.connect(r.bob, r.cid, "4cid")
}

// TestAttendedTransfer: bob, who talks to ann and to cid, joins the two. Several rounds, for the two calls lie in one shard
// or in two by chance.
func TestAttendedTransfer(t *testing.T) {
	for _, hangsUp := range []bool{false, true} {
		t.Run(fmt.Sprintf("hangs up both at once %v", hangsUp), func(t *testing.T) {
			for round := range 8 {
				t.Run(fmt.Sprint(round), func(t *testing.T) {
					runThree(t, nil, func(t *testing.T, r *three) {
						x, c := r.ask(t)
						r.b.Refer("4cid", x.Embedded()).Expect(t, 202)
						if hangsUp {
							bye1, bye2 := r.b.SendBye(), x.SendBye()
							bye1.Final(t)
							bye2.Final(t)
						}
						re := takeOver(t, r.a, r.ann)
						re2 := takeOver(t, c, r.cid)
						r.bridged(re.Body(), re2.Body())
						if got := re.Header(message.HPAssertedIdentity) + re2.Header(message.HPAssertedIdentity); !strings.Contains(got, "4cid") || !strings.Contains(got, "ann") {
							t.Errorf("shown %q", got)
						}
						if !hangsUp {
							expectFrag(t, r.b, 200)
							r.b.ExpectBye(t)
							x.ExpectBye(t)
						}
						synctest.Wait()
						if n := r.ua.Active(); n != 1 {
							t.Errorf("%d calls", n)
						}
						time.Sleep(40 * time.Second)
						r.a.ReInvite(t, sdpFor(r.ann, "8")) // both dialogs are found where they are now
						c.ReInvite(t, sdpFor(r.cid, "8"))
						r.a.Bye(t)
						c.ExpectBye(t)
						rec := r.expectRecord(calls.Answered, 200, byCaller)
						if rec.From != "ann" || rec.FromSlot != "ann" || rec.Number != "4cid" || rec.ToSlot != "cid" {
							t.Errorf("%+v", rec)
						}
						if n := len(r.rec.all()); n != 3 {
							t.Errorf("%d records", n)
						}
					})
				})
			}
		})
	}
}

// TestJoinedWithoutCommonCodec: two who share no codec are joined by the media plane.
func TestJoinedWithoutCommonCodec(t *testing.T) {
	for round := range 3 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				ann, bob, cid := r.phone("ann"), r.phone("bob"), r.phone("cid")
				call := func(from, to *siptest.Phone, number, codec string) (near, far *siptest.Call) {
					near = from.Invite(number, sdpFor(from, codec))
					far = to.Expect(t, message.INVITE).Answer(sdpFor(to, codec))
					near.Expect(t, 200)
					near.Ack()
					far.ExpectAck(t)
					return near, far
				}
				a, b := call(ann, bob, "4bob", "8")
				x, c := call(bob, cid, "4cid", "0")
				b.Refer("4cid", x.Embedded()).Expect(t, 202)
				for _, end := range []struct {
					call  *siptest.Call
					phone *siptest.Phone
					codec string
				}{{a, ann, "8"}, {c, cid, "0"}} {
					re := end.call.ExpectRequest(t, message.INVITE)
					if !strings.Contains(string(re.Body()), "RTP/AVP "+end.codec+"\r\n") {
						t.Errorf("offered\n%s", re.Body())
					}
					re.Respond(200, sdpFor(end.phone, end.codec))
					re.ExpectAck(t)
				}
				expectFrag(t, b, 200)
				b.ExpectBye(t)
				x.ExpectBye(t)
				a.Bye(t)
				c.ExpectBye(t)
			})
		})
	}
}

// TestTransferAgain: a call that has come from a transfer can be transferred like any other.
func TestTransferAgain(t *testing.T) {
	for round := range 4 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				x, c := r.ask(t)
				r.b.Refer("4cid", x.Embedded()).Expect(t, 202)
				takeOver(t, r.a, r.ann)
				takeOver(t, c, r.cid)
				expectFrag(t, r.b, 200)
				r.b.ExpectBye(t)
				x.ExpectBye(t)
				// cid asks dan, and joins ann with him.
				dan := r.phone("dan")
				y, d := r.connect(r.cid, dan, "4dan")
				c.Refer("4dan", y.Embedded()).Expect(t, 202)
				re := takeOver(t, r.a, r.ann)
				re2 := takeOver(t, d, dan)
				r.bridged(re.Body(), re2.Body())
				expectFrag(t, c, 200)
				c.ExpectBye(t)
				y.ExpectBye(t)
				// dan sends her on to bob, blind.
				d.Refer("4bob", "").Expect(t, 202)
				b := r.bob.Expect(t, message.INVITE).Answer(sdpFor(r.bob, "8"))
				takeOver(t, r.a, r.ann)
				expectFrag(t, d, 200)
				d.ExpectBye(t)
				r.a.Bye(t)
				b.ExpectBye(t)
			})
		})
	}
}

func TestAttendedTransferFails(t *testing.T) {
	for round := range 4 {
		t.Run(fmt.Sprint("no such call", round), func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				r.b.Refer("4cid", fmt.Sprintf("?Replaces=nobody%d%%3Bto-tag%%3Da%%3Bfrom-tag%%3Db", round)).Expect(t, 202)
				expectFrag(t, r.b, 481)
				r.b.Bye(t)
				r.a.ExpectBye(t)
			})
		})
		t.Run(fmt.Sprint("a call of others", round), func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				dan := r.phone("dan")
				y, c := r.connect(dan, r.cid, "4cid")
				r.b.Refer("4cid", y.Embedded()).Expect(t, 202)
				expectFrag(t, r.b, 403)
				y.Bye(t)
				c.ExpectBye(t)
				r.b.Bye(t)
				r.a.ExpectBye(t)
			})
		})
		t.Run(fmt.Sprint("the same call", round), func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				r.b.Refer("4cid", r.b.Embedded()).Expect(t, 202)
				expectFrag(t, r.b, 486)
				r.b.Bye(t)
				r.a.ExpectBye(t)
			})
		})
		t.Run(fmt.Sprint("while it rings", round), func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				x := r.bob.Invite("4cid", sdpFor(r.bob, "8"))
				in := r.cid.Expect(t, message.INVITE)
				in.Ring()
				x.Expect(t, 180)
				r.b.Refer("4cid", x.Embedded()).Expect(t, 202)
				x.Expect(t, 487)
				r.cid.Expect(t, message.CANCEL)
				c := r.cid.Expect(t, message.INVITE).Answer(sdpFor(r.cid, "8"))
				takeOver(t, r.a, r.ann)
				expectFrag(t, r.b, 200)
				r.b.ExpectBye(t)
				c.Bye(t)
				r.a.ExpectBye(t)
			})
		})
	}
}

// TestTransferUnderLoss plays both kinds with lost, repeated and reordered datagrams.
func TestTransferUnderLoss(t *testing.T) {
	for round := range 6 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				x, c := r.ask(t)
				r.net.SetDefault(siptest.Link{Delay: 5 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1})
				r.b.Refer("4cid", x.Embedded()).Expect(t, 202)
				takeOver(t, r.a, r.ann)
				takeOver(t, c, r.cid)
				r.a.SendBye().Final(t)
				c.ExpectBye(t)
				time.Sleep(time.Minute) // bob answers neither NOTIFY nor BYE
				r.net.SetDefault(siptest.Link{})
			})
		})
	}
}

// TestTransfersInDisorder joins two calls, or takes one over, while everybody does what they like: hang up, hold, transfer the other
// way round. Whatever comes of it, nothing may be left of it and each call has one record.
func TestTransfersInDisorder(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				x, c := r.ask(t)
				bob2 := r.phone("bob2")
				for _, p := range []*siptest.Phone{r.ann, r.bob, r.cid, bob2} {
					p.Polite(sdpFor(p, "8"))
				}
				rng := rand.New(rand.NewPCG(seed, 3))
				r.net.SetDefault(siptest.Link{Delay: time.Millisecond, Jitter: time.Duration(rng.IntN(40)) * time.Millisecond})
				ends := []*siptest.Call{r.a, r.b, x, c}
				phones := []*siptest.Phone{r.ann, r.bob, r.bob, r.cid}
				acts := []func(){
					func() { r.b.Refer("4cid", x.Embedded()) },
					func() { x.Refer("ann", r.b.Embedded()) },
					func() { r.b.Refer("4cid", "") },
					func() { bob2.Invite("4ann", sdpFor(bob2, "8"), "Replaces: "+r.b.Replaces()) },
				}
				for range 4 {
					i := rng.IntN(4)
					acts = append(acts, func() { ends[i].SendBye() },
						func() { ends[i].Send(message.INVITE, "application/sdp", sdpFor(phones[i], "8", "a=sendonly")) })
				}
				acts[rng.IntN(4)]()
				for range 1 + rng.IntN(4) {
					time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
					acts[rng.IntN(len(acts))]()
				}
				time.Sleep(2 * time.Second)
				r.net.SetDefault(siptest.Link{})
				for _, end := range ends {
					end.SendBye()
				}
				time.Sleep(5 * time.Second)
				r.table.HangupAll("the test is over")
				time.Sleep(5 * time.Minute)
			})
		})
	}
}
