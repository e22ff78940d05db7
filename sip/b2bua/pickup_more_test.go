package b2bua

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// TestPickupWithoutOffer: a caller that leaves the offer to the callee gets that of who picks up, who is offered the caller's answer.
func TestPickupWithoutOffer(t *testing.T) {
	for name, last := range map[string]func(t *testing.T, r *rig, caller, picker *siptest.Call, a, p *siptest.Phone){
		"connected": func(t *testing.T, r *rig, caller, picker *siptest.Call, a, p *siptest.Phone) {
			ok := caller.Expect(t, 200)
			if got := string(ok.Body()); !strings.Contains(got, "RTP/AVP 8 0") || !strings.Contains(ok.Header(message.HPAssertedIdentity), "sip:p@") {
				t.Errorf("%s", ok.Raw())
			}
			caller.Ack(sdpFor(a, "8"))
			re := picker.ExpectRequest(t, message.INVITE)
			if got := string(re.Body()); !strings.Contains(got, "RTP/AVP 8\r\n") {
				t.Errorf("who picks up is offered\n%s", got)
			}
			re.Respond(200, sdpFor(p, "8"))
			re.ExpectAck(t)
			r.bridged(ok.Body(), re.Body())
			caller.Bye(t)
			picker.ExpectBye(t).OK()
			if rec := r.last(); rec.ToSlot != "p" || rec.Result != calls.Answered || rec.AnswerAt.IsZero() {
				t.Errorf("record %+v", rec)
			}
		},
		"the caller gives no answer": func(t *testing.T, r *rig, caller, picker *siptest.Call, a, p *siptest.Phone) {
			caller.Expect(t, 200)
			caller.Ack()
			picker.ExpectBye(t).OK()
			caller.ExpectBye(t).OK()
		},
		"who picks up hangs up before": func(t *testing.T, r *rig, caller, picker *siptest.Call, a, p *siptest.Phone) {
			caller.Expect(t, 200)
			picker.Bye(t)
			caller.Ack(sdpFor(a, "8"))
			caller.ExpectBye(t).OK()
		},
		"the caller hangs up at once": func(t *testing.T, r *rig, caller, picker *siptest.Call, a, p *siptest.Phone) {
			caller.Expect(t, 200)
			caller.Ack(sdpFor(a, "8"))
			caller.Bye(t)
			picker.ExpectRequest(t, message.INVITE).Respond(200, sdpFor(p, "8"))
			picker.ExpectBye(t).OK()
		},
	} {
		t.Run(name, func(t *testing.T) {
			pickups(t, func(t *testing.T, r *rig, a, b, p *siptest.Phone) {
				caller := a.Invite("4b", "")
				b.Expect(t, message.INVITE).Ring()
				caller.Expect(t, 180)
				picker := dialPickup(t, p)
				b.Expect(t, message.CANCEL)
				last(t, r, caller, picker, a, p)
			})
		})
	}
}

// TestPickupOfATransfer: what rings for a blind transfer can be picked up; who was transferred talks to who picks up.
func TestPickupOfATransfer(t *testing.T) {
	for _, stays := range []bool{true, false} {
		t.Run(fmt.Sprintf("who is transferred stays: %v", stays), func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				p := r.phone("p")
				r.codes(map[string]string{"*8": routing.CodePickupGroup})
				before := r.change
				r.change = func(plan *routing.Plan) {
					if before(plan); plan.Command != nil {
						plan.Command.Numbers = []string{"4cid"}
					}
				}
				r.b.Refer("4cid", "").Expect(t, 202)
				in := r.cid.Expect(t, message.INVITE)
				expectFrag(t, r.b, 100)
				in.Ring()
				expectFrag(t, r.b, 180)
				picker := dialPickup(t, p)
				r.cid.Expect(t, message.CANCEL)
				re := picker.ExpectRequest(t, message.INVITE)
				if !stays {
					r.a.Bye(t)
					r.b.ExpectBye(t).OK()
					re.Respond(200, sdpFor(p, "8"))
					picker.ExpectBye(t).OK()
					return
				}
				re.Respond(200, sdpFor(p, "8"))
				re.ExpectAck(t)
				other := takeOver(t, r.a, r.ann)
				r.bridged(other.Body(), re.Body())
				if got := other.Header(message.HPAssertedIdentity); !strings.Contains(got, "sip:p@") {
					t.Errorf("who is transferred is shown %q", got)
				}
				expectFrag(t, r.b, 200)
				r.b.ExpectBye(t).OK()
				r.a.Bye(t)
				picker.ExpectBye(t).OK()
				if rec := r.last(); rec.ToSlot != "p" || !strings.Contains(rec.Cause, "picked up while it rang at 4cid") {
					t.Errorf("record %+v", rec)
				}
			})
		})
	}
}

// TestPickupAtAnotherPlace: who picks up sits at another interface, or speaks another family, than the phone that rang.
func TestPickupAtAnotherPlace(t *testing.T) {
	for name, where := range map[string]struct {
		at   func(*siptest.PhoneConfig)
		says string
	}{"interface": {sitting(providerSIP), providerMedia.String()}, "family": {sitting(sixSIP), sixMedia.String()}, "the same": {sitting(insideSIP), insideMedia.String()}} {
		t.Run(name, func(t *testing.T) {
			runPlaces(t, func(t *testing.T, r *rig) {
				a, b, p := r.phone("a"), r.phone("b"), r.phone("p", where.at)
				r.codes(map[string]string{"*8": routing.CodePickupGroup})
				before := r.change
				r.change = func(plan *routing.Plan) {
					if before(plan); plan.Command != nil {
						plan.Command.Numbers = []string{"4b"}
					}
				}
				caller := a.Invite("4b", sdpFor(a, "8"))
				b.Expect(t, message.INVITE).Ring()
				caller.Expect(t, 180)
				picker := p.Invite("*8", describedBy(p))
				picker.Expect(t, 200)
				picker.Ack()
				re := picker.ExpectRequest(t, message.INVITE)
				if !strings.Contains(string(re.Body()), " "+where.says+"\r\n") {
					t.Errorf("who picks up is described\n%s", re.Body())
				}
				re.Respond(200, describedBy(p))
				re.ExpectAck(t)
				ok := caller.Expect(t, 200)
				caller.Ack()
				r.bridged(ok.Body(), re.Body())
				synctest.Wait()
				if n := len(r.media.open); n != 2 {
					t.Errorf("%d endpoints are open", n)
				}
				caller.Bye(t)
				picker.ExpectBye(t).OK()
			})
		})
	}
}

// TestPickupProtected: a phone with keys picks up a call of one without, and the other way round.
func TestPickupProtected(t *testing.T) {
	for _, keys := range [][2]bool{{true, false}, {false, true}, {true, true}} {
		t.Run(fmt.Sprintf("caller %v, who picks up %v", keys[0], keys[1]), func(t *testing.T) {
			pickups(t, func(t *testing.T, r *rig, a, b, p *siptest.Phone) {
				describe := func(who *siptest.Phone, with bool, letter byte) string {
					if with {
						return sdesFor(who, "8", cryptoLine(1, cm80, letter))
					}
					return sdpFor(who, "8")
				}
				caller := a.Invite("4b", describe(a, keys[0], 'a'))
				b.Expect(t, message.INVITE).Ring()
				caller.Expect(t, 180)
				picker := p.Invite("*8", describe(p, keys[1], 'p'))
				first := picker.Expect(t, 200)
				picker.Ack()
				re := picker.ExpectRequest(t, message.INVITE)
				offered := keysOf(audioOf(t, re.Body()))
				if got := len(offered) > 0; got != keys[1] {
					t.Errorf("who picks up is offered\n%s", re.Body())
				}
				if keys[1] {
					if before := keysOf(audioOf(t, first.Body())); len(offered) != 1 || string(before[0].Key) != string(offered[0].Key) {
						t.Error("who picks up is asked to change a key of a moment ago")
					}
					re.Respond(200, sdesFor(p, "8", cryptoLine(offered[0].Tag, offered[0].Suite, 'q')))
				} else {
					re.Respond(200, sdpFor(p, "8"))
				}
				re.ExpectAck(t)
				ok := caller.Expect(t, 200)
				caller.Ack()
				if got := len(keysOf(audioOf(t, ok.Body()))) > 0; got != keys[0] {
					t.Errorf("the caller is answered\n%s", ok.Body())
				}
				synctest.Wait()
				for _, end := range []struct {
					body []byte
					keys bool
				}{{re.Body(), keys[1]}, {ok.Body(), keys[0]}} {
					if s := r.media.at(t, end.body).security(); (len(s.In.Secret) > 0) != end.keys || (len(s.Out.Secret) > 0) != end.keys {
						t.Errorf("protected by %+v, want keys: %v", s, end.keys)
					}
				}
				caller.Bye(t)
				picker.ExpectBye(t).OK()
			})
		})
	}
}

// TestRacePickup lets a phone pick up, the one that rings answer and the caller cancel at every distance from one another, with the way
// between them taking 20 ms. Whoever wins, everybody else is told, and nobody is left in a call alone.
func TestRacePickup(t *testing.T) {
	outcomes := map[string]int{}
	for _, cancels := range []bool{false, true} {
		for _, offers := range []bool{true, false} {
			for ms := -100; ms <= 100; ms += 10 {
				t.Run(fmt.Sprintf("cancels %v, offers %v, %+dms", cancels, offers, ms), func(t *testing.T) {
					pickups(t, func(t *testing.T, r *rig, a, b, p *siptest.Phone) {
						outcomes[racePickup(t, r, a, b, p, ms, cancels, offers)]++
					})
				})
			}
		}
	}
	if outcomes["p"] == 0 || outcomes["b"] == 0 || outcomes["cancelled"] == 0 {
		t.Errorf("not every order was seen: %v", outcomes)
	}
}

// racePickup plays one race, and says who has won.
func racePickup(t *testing.T, r *rig, a, b, p *siptest.Phone, ms int, cancels, offers bool) string {
	offer := ""
	if offers {
		offer = sdpFor(a, "8")
	}
	caller := a.Invite("4b", offer)
	in := b.Expect(t, message.INVITE)
	in.Ring()
	caller.Expect(t, 180)
	r.net.SetDefault(siptest.Link{Delay: 20 * time.Millisecond})
	tb := softTB{t}
	var wg sync.WaitGroup
	wg.Go(func() { // who picks up takes whatever comes
		time.Sleep(time.Duration(max(-ms, 0)) * time.Millisecond)
		picker := p.Invite("*8", sdpFor(p, "8"))
		if picker.Final(tb).Status() != 200 {
			return
		}
		picker.Ack()
		wg.Go(func() {
			re := picker.ExpectRequest(tb, message.INVITE)
			re.Respond(200, sdpFor(p, "8"))
			re.ExpectAck(tb)
		})
		picker.ExpectBye(tb).OK()
	})
	wg.Go(func() {
		time.Sleep(time.Duration(max(ms, 0)) * time.Millisecond)
		if in.Final() == 0 && !cancels {
			callee := in.Answer(sdpFor(b, "8"))
			callee.ExpectAck(tb)
			callee.ExpectBye(tb).OK()
		}
	})
	if cancels {
		wg.Go(func() {
			time.Sleep(time.Duration(max(ms, 0)) * time.Millisecond)
			caller.SendCancel()
		})
	}
	wg.Go(func() {
		if caller.Final(tb).Status() != 200 {
			return
		}
		if offers {
			caller.Ack()
		} else {
			caller.Ack(sdpFor(a, "8"))
		}
		time.Sleep(time.Second)
		caller.Bye(tb)
	})
	wg.Wait()
	synctest.Wait()
	for _, rec := range r.rec.all() {
		switch {
		case rec.To != "4b":
		case rec.Result == calls.Answered:
			return rec.ToSlot
		default:
			return string(rec.Result)
		}
	}
	return ""
}
