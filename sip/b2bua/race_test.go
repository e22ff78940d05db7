package b2bua

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// TestRaceCancelCrossesAnswer lets the caller cancel and the callee answer at every distance
// from one another, with the way between them taking 20 ms.
func TestRaceCancelCrossesAnswer(t *testing.T) {
	outcomes := map[calls.Result]int{}
	for ms := -60; ms <= 60; ms += 5 {
		t.Run(fmt.Sprintf("%+dms", ms), func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller, in := r.ringing(a, b)
				r.net.SetDefault(siptest.Link{Delay: 20 * time.Millisecond})
				var callee *siptest.Call
				var wg sync.WaitGroup
				wg.Go(func() {
					time.Sleep(time.Duration(max(ms, 0)) * time.Millisecond)
					if in.Final() == 0 {
						callee = in.Answer(sdpFor(b, "8"))
					}
				})
				wg.Go(func() {
					time.Sleep(time.Duration(max(-ms, 0)) * time.Millisecond)
					caller.SendCancel()
				})
				wg.Wait()
				if res := caller.Final(t); res.Status() == 200 {
					caller.Ack()
					caller.Bye(t)
				} else if res.Status() != 487 {
					t.Errorf("status %d", res.Status())
				}
				if callee != nil {
					callee.ExpectAck(t)
					callee.ExpectBye(t)
				}
				rec := r.last()
				outcomes[rec.Result]++
			})
		})
	}
	if outcomes[calls.Answered] == 0 || outcomes[calls.Cancelled] == 0 {
		t.Errorf("not every order was seen: %v", outcomes)
	}
}

func TestRaceLateAnswerOfALoser(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b, c := r.phone("a"), r.phone("b"), r.phone("c")
		r.numbers["416"] = []string{"b", "c"}
		caller := a.Invite("416", sdpFor(a, "8"))
		inB, inC := b.Expect(t, message.INVITE), c.Expect(t, message.INVITE)
		inB.Ring()
		inC.Ring()
		caller.Expect(t, 180)
		r.net.SetDefault(siptest.Link{Delay: 30 * time.Millisecond})
		winner, loser := inB.Answer(sdpFor(b, "8")), inC.Answer(sdpFor(c, "8"))
		caller.Expect(t, 200)
		caller.Ack()
		loser.ExpectAck(t)
		loser.ExpectBye(t)
		winner.ExpectAck(t)
		b.ExpectNone(t, message.BYE, time.Second)
		caller.Bye(t)
		winner.ExpectBye(t)
		rec := r.expectRecord(calls.Answered, 200, byCaller)
		if rec.ToSlot != "b" || rec.Legs[1].Result != "elsewhere" {
			t.Errorf("record %+v", rec.Legs)
		}
	})
}

func TestRaceSeveralAnswersOfOneContact(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		callee := in.Answer(sdpFor(b, "8"))
		established(t, caller, callee)
		// A proxy in between has forked: a second phone answers too, twice because its ACK is slow.
		second := message.NewResponse(in.Message, 200, "", "second").Add("Contact", "<sip:other@"+b.Addr().String()+">").
			Finish(contentSDP, []byte(sdpFor(b, "8")))
		b.Send(second)
		ack := b.Recv(t)
		if ack.Method() != message.ACK || ack.ToTag() != "second" || !strings.HasPrefix(ack.URI(), "sip:other@") {
			t.Errorf("%s %s", ack.Method(), ack.URI())
		}
		bye := b.Expect(t, message.BYE)
		if bye.ToTag() != "second" {
			t.Errorf("BYE to %s", bye.ToTag())
		}
		bye.OK()
		b.Send(second)
		again := b.Recv(t)
		if !bytes.Equal(again.Raw(), ack.Raw()) {
			t.Error("the repeated answer got another ACK")
		}
		b.ExpectNone(t, message.BYE, time.Second)
		hangUp(t, caller, callee)
	})
}

// lose drops the first n datagrams in a direction that begin with prefix.
func (r *rig) lose(from, to netip.Addr, prefix string, n int) {
	r.net.Filter(func(f, t netip.AddrPort, b []byte) bool {
		if f.Addr() == from && t.Addr() == to && n > 0 && bytes.HasPrefix(b, []byte(prefix)) {
			n--
			return false
		}
		return true
	})
}

func TestRaceLostMessages(t *testing.T) {
	us := server.Addr()
	for _, c := range []struct {
		name     string
		prefix   string
		fromUs   bool
		callee   bool // on the way between us and the callee, else the caller
		hangupBy string
	}{
		{"INVITE to the callee", "INVITE", true, true, "a"},
		{"INVITE from the caller", "INVITE", false, false, "a"},
		{"200 of the callee", "SIP/2.0 200", false, true, "a"},
		{"200 to the caller", "SIP/2.0 200", true, false, "a"},
		{"ACK of the caller", "ACK", false, false, "a"},
		{"ACK of the caller, callee hangs up", "ACK", false, false, "b"},
		{"ACK to the callee", "ACK", true, true, "a"},
		{"BYE of the caller", "BYE", false, false, "a"},
		{"BYE to the callee", "BYE", true, true, "a"},
		{"BYE of the callee", "BYE", false, true, "b"},
		{"BYE to the caller", "BYE", true, false, "b"},
	} {
		for n := 1; n <= 3; n++ {
			t.Run(fmt.Sprintf("%s %d times", c.name, n), func(t *testing.T) {
				run(t, nil, func(t *testing.T, r *rig) {
					a, b := r.phone("a"), r.phone("b")
					peer := a.Addr().Addr()
					if c.callee {
						peer = b.Addr().Addr()
					}
					if c.fromUs {
						r.lose(us, peer, c.prefix, n)
					} else {
						r.lose(peer, us, c.prefix, n)
					}
					caller := a.Invite("4b", sdpFor(a, "8"))
					in := b.Expect(t, message.INVITE)
					in.Ring()
					callee := in.Answer(sdpFor(b, "8"))
					established(t, caller, callee)
					if c.hangupBy == "a" {
						hangUp(t, caller, callee)
						r.expectRecord(calls.Answered, 200, byCaller)
					} else {
						callee.Bye(t)
						caller.ExpectBye(t)
						r.expectRecord(calls.Answered, 200, byCallee)
					}
				})
			})
		}
	}
}

func TestRaceAckNeverComes(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.answered(a, b)
		start := time.Now()
		caller.ExpectBye(t)
		callee.ExpectBye(t)
		if d := time.Since(start); d < 31*time.Second || d > 33*time.Second {
			t.Errorf("gave up after %v", d)
		}
		rec := r.expectRecord(calls.Answered, 200, bySystem)
		if rec.Cause != "the caller did not acknowledge the answer" {
			t.Errorf("cause %q", rec.Cause)
		}
	})
}

func TestRaceCalleeHangsUpBeforeTheCallersAck(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.answered(a, b)
		callee.ExpectAck(t)
		callee.Bye(t)
		a.ExpectNone(t, message.BYE, time.Second) // not before its ACK
		caller.Ack()
		caller.ExpectBye(t)
		r.expectRecord(calls.Answered, 200, byCallee)
	})
}

func TestRaceOldSequenceNumber(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8"))
		ok := established(t, caller, callee)
		target, _ := ok.Contact()
		a.Send(message.NewRequest(message.BYE, target.URI).Add("Via", "SIP/2.0/UDP "+a.Addr().String()+";branch=z9hG4bKold").
			Add("Max-Forwards", "70").Copy(ok, message.HFrom).Copy(ok, message.HTo).Copy(ok, message.HCallID).
			Add("CSeq", "1 BYE").Finish("", nil))
		if res := a.Recv(t); res.Status() != 500 {
			t.Errorf("status %d", res.Status())
		}
		hangUp(t, caller, callee)
	})
}

func TestRaceBothHangUp(t *testing.T) {
	for _, delay := range []time.Duration{0, 20 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller, callee := r.connect(a, b, "4b")
				r.net.SetDefault(siptest.Link{Delay: delay})
				x, y := caller.SendBye(), callee.SendBye()
				x.Expect(t, 200)
				if got := y.Final(t).Status(); got != 200 && delay > 0 || got != 200 && got != 481 {
					t.Errorf("status %d", got)
				}
			})
		})
	}
}

func TestRacePhoneIgnoresCancel(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a")
		b := r.phone("b", func(c *siptest.PhoneConfig) { c.Manual = true })
		caller := a.Invite("4b", sdpFor(a, "8"))
		b.Expect(t, message.INVITE).Respond(180, "")
		caller.Expect(t, 180)
		caller.Cancel(t)
		caller.Expect(t, 487)
		r.expectRecord(calls.Cancelled, 487, byCaller)
	})
}

// softTB ends its goroutine, not the test: under loss a script may wait in vain.
type softTB struct{ testing.TB }

func (softTB) Fatalf(string, ...any) { runtime.Goexit() }

// TestRaceChaos lets many phones do everything at once over a bad network and checks that
// nothing is left and no attempt is without its record.
func TestRaceChaos(t *testing.T) {
	const pairs = 8
	rounds, seeds := 25, uint64(12)
	if testing.Short() {
		rounds, seeds = 6, 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, seed, func(c *Config) { c.RingTimeout = 8 * time.Second })
				if seed > 0 {
					r.net.SetDefault(siptest.Link{
						Delay: time.Millisecond, Jitter: 30 * time.Millisecond, Loss: 0.02 * float64(seed%6),
						Duplicate: 0.05, Reorder: 0.05, ReorderBy: 100 * time.Millisecond,
					})
				}
				var wg sync.WaitGroup
				for i := range pairs {
					tcp := func(c *siptest.PhoneConfig) {
						c.Prack = true
						if i%4 == 3 {
							c.Proto = transport.TCP
						}
					}
					a, b, c := r.phone(fmt.Sprintf("a%d", i), tcp), r.phone(fmt.Sprintf("b%d", i)), r.phone(fmt.Sprintf("c%d", i))
					number := fmt.Sprintf("41%d", i)
					r.router.mu.Lock()
					r.numbers[number] = []string{fmt.Sprintf("b%d", i), fmt.Sprintf("c%d", i)}
					r.router.mu.Unlock()
					rng := rand.New(rand.NewPCG(seed, uint64(i)))
					wg.Go(func() {
						for range rounds {
							s := script{r: r, number: number, a: a, callees: []*siptest.Phone{b, c}}
							s.play(rng)
						}
					})
				}
				wg.Wait()
				time.Sleep(20 * time.Minute) // what nobody ended is found by the session timers
				r.finish()
				if n := len(r.rec.all()); n != int(r.auth.ok.Load()) || n < pairs*rounds*9/10 {
					t.Errorf("%d records of %d attempts in %d scripts", n, r.auth.ok.Load(), pairs*rounds)
				}
				results := map[calls.Result]int{}
				for _, rec := range r.rec.all() {
					results[rec.Result]++
				}
				t.Logf("%v", results)
			})
		})
	}
}

// script is one call with a caller and the two phones of a number.
type script struct {
	r       *rig
	number  string
	a       *siptest.Phone
	callees []*siptest.Phone
}

func (s *script) play(rng *rand.Rand) {
	tb := softTB{s.r.t}
	pause := func() time.Duration { return time.Duration(rng.IntN(300)) * time.Millisecond }
	cancelAt, hangup := time.Duration(-1), pause()
	if rng.IntN(3) == 0 {
		cancelAt = pause()
	}
	callerHangsUp, reinvite, offer := rng.IntN(2) == 0, rng.IntN(3) == 0, sdpFor(s.a, "8 0")
	if rng.IntN(6) == 0 {
		offer = ""
	}
	var lines []string
	if rng.IntN(3) == 0 {
		lines = []string{require100rel, allowUpdate}
	}
	update := rng.IntN(3) == 0
	var wg sync.WaitGroup
	for _, p := range s.callees {
		ring, answer, after := pause(), pause(), pause()
		what, silent := rng.IntN(6), rng.IntN(10) == 0
		hangsUp, reliable, early, forks := rng.IntN(2) == 0, rng.IntN(3) == 0, rng.IntN(2) == 0, rng.IntN(4) == 0
		wg.Go(func() {
			in := p.Expect(tb, message.INVITE)
			if silent {
				return
			}
			time.Sleep(ring)
			if forks && in.Final() == 0 { // a second phone behind the same contact
				in.Fork().Respond(183, sdpFor(p, "8"), allowUpdate)
			}
			switch {
			case in.Final() != 0:
			case reliable && offer != "":
				body := map[bool]string{true: sdpFor(p, "8")}[early]
				in.Reliable(183, 1+uint32(answer%1000), body, allowUpdate)
				if early && update {
					wg.Go(func() { in.Call().Send(message.UPDATE, contentSDP, sdpFor(p, "8", "a=sendonly")).Final(tb) })
				}
			case early && offer != "":
				in.Respond(183, sdpFor(p, "8"))
			default:
				in.Ring()
			}
			time.Sleep(answer)
			if in.Final() != 0 {
				return
			}
			switch what {
			case 0:
				in.Respond(486, "")
			case 1:
				in.Respond(603, "")
			case 2: // rings on
			default:
				body := sdpFor(p, "8")
				c := in.Answer(body)
				c.ExpectAck(tb)
				time.Sleep(after)
				if hangsUp {
					c.Bye(tb)
					return
				}
				c.ExpectBye(tb)
			}
		})
	}
	caller := s.a.Invite(s.number, offer, lines...)
	if update && lines != nil && offer != "" {
		wg.Go(func() {
			caller.Expect(tb, 183)
			caller.Send(message.UPDATE, contentSDP, sdpFor(s.a, "8 0", "a=sendonly")).Final(tb)
		})
	}
	if cancelAt >= 0 {
		wg.Go(func() {
			caller.Expect(tb, 100)
			time.Sleep(cancelAt)
			caller.SendCancel()
		})
	}
	wg.Go(func() {
		res := caller.Final(tb)
		if res.Status() != 200 {
			return
		}
		if offer == "" {
			caller.Ack(sdpFor(s.a, "8"))
		} else {
			caller.Ack()
		}
		if reinvite {
			x := caller.Send(message.INVITE, contentSDP, sdpFor(s.a, "8 0", "a=sendonly"))
			if res := x.Final(tb); res.Status() == 200 {
				ackOf(s.a, res)
			}
		}
		time.Sleep(hangup)
		if callerHangsUp || cancelAt >= 0 {
			caller.Bye(tb)
			return
		}
		caller.ExpectBye(tb)
	})
	wg.Wait()
}

func TestRaceReinviteNeverAnswered(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b", func(c *siptest.PhoneConfig) { c.Manual = true })
		caller := a.Invite("4b", sdpFor(a, "8 0"))
		callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8"))
		caller.Expect(t, 200)
		caller.Ack()
		x := caller.Send(message.INVITE, contentSDP, sdpFor(a, "9", "a=rtpmap:9 G722/8000"))
		callee.ExpectRequest(t, message.INVITE).Respond(100, "")
		time.Sleep(30 * time.Second)
		b.Expect(t, message.CANCEL)
		time.Sleep(10 * time.Second)
		x.Expect(t, 408)
		caller.ExpectBye(t)
		r.expectRecord(calls.Answered, 200, byCallee)
	})
}

func TestRaceHangupDuringAReinvite(t *testing.T) {
	for _, from := range []string{"a", "b"} {
		t.Run(from, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller, callee := r.connect(a, b, "4b")
				x := caller.Send(message.INVITE, contentSDP, sdpFor(a, "9", "a=rtpmap:9 G722/8000"))
				in := callee.ExpectRequest(t, message.INVITE)
				in.Respond(100, "")
				if from == "a" {
					hangUp(t, caller, callee)
				} else {
					callee.Bye(t)
					caller.ExpectBye(t)
				}
				x.Expect(t, 487)
				b.Expect(t, message.CANCEL)
				in.ExpectAck(t)
			})
		})
	}
}

func TestRaceUpdateWhileRinging(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, in := r.ringing(a, b)
		caller.Send(message.UPDATE, "", "").Expect(t, 200)
		caller.Send(message.UPDATE, contentSDP, sdpFor(a, "8")).Expect(t, 500)
		caller.Send(message.INFO, "application/dtmf", "1").Expect(t, 480)
		in.Respond(486, "")
		caller.Expect(t, 486)
	})
}

func TestRaceCalleeOverTCP(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a")
		b := r.phone("b", func(c *siptest.PhoneConfig) { c.Proto = transport.TCP })
		caller, callee := r.connect(a, b, "4b")
		callee.Bye(t)
		caller.ExpectBye(t)
		caller = a.Invite("4b", sdpFor(a, "8"))
		b.Expect(t, message.INVITE).Ring()
		caller.Expect(t, 180)
		r.net.Cut(b.Addr().Addr(), server.Addr())
		caller.Expect(t, 480)
		rec := r.last()
		if rec.Legs[0].Result != "error" && rec.Legs[0].Result != "timeout" {
			t.Errorf("leg %+v", rec.Legs[0])
		}
	})
}

func TestRaceFloodOfProvisionals(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		for range 50 {
			in.Respond(183, sdpFor(b, "8"))
		}
		in.Respond(180, "")
		callee := in.Answer(sdpFor(b, "8"))
		established(t, caller, callee)
		if n := len(caller.Responses()); n != 3 {
			t.Errorf("%d responses, want 183, 180, 200", n)
		}
		hangUp(t, caller, callee)
	})
}

func TestRaceFloodOfInfo(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		for range 100 {
			caller.Send(message.INFO, "application/dtmf", "1")
		}
		synctest.Wait()
		for range maxInfos {
			b.Expect(t, message.INFO).OK()
		}
		b.ExpectNone(t, message.INFO, time.Second)
		hangUp(t, caller, callee)
	})
}
