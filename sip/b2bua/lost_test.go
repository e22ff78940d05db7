package b2bua

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// TestRaceLostReliableMessages loses each message of a call with 100rel on both sides and an UPDATE of both before the
// answer, once to three times.
func TestRaceLostReliableMessages(t *testing.T) {
	us := server.Addr()
	for _, c := range []struct {
		name, prefix string
		fromUs       bool
		callee       bool // on the way between us and the callee, else the caller
	}{
		{"183 of the callee", "SIP/2.0 183", false, true},
		{"PRACK to the callee", "PRACK", true, true},
		{"200 of the callee for the PRACK", "SIP/2.0 200", false, true},
		{"183 to the caller", "SIP/2.0 183", true, false},
		{"PRACK of the caller", "PRACK", false, false},
		{"200 to the caller for the PRACK", "SIP/2.0 200", true, false},
		{"UPDATE of the caller", "UPDATE", false, false},
		{"UPDATE of the callee", "UPDATE", false, true},
		{"200 to the callee for the UPDATE", "SIP/2.0 200", true, true},
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
					caller, in, _ := r.agree(a, b)
					caller.Send(message.UPDATE, contentSDP, sdpFor(a, "8 0", "a=sendonly")).Expect(t, 200)
					in.Call().Send(message.UPDATE, contentSDP, sdpFor(b, "8", "a=sendonly")).Expect(t, 200)
					callee := in.Answer("")
					established(t, caller, callee)
					hangUp(t, caller, callee)
					r.expectRecord(calls.Answered, 200, byCaller)
				})
			})
		}
	}
}

// TestRacePrackCrossesTheAnswer lets the callee answer and the caller confirm at every distance from one another.
func TestRacePrackCrossesTheAnswer(t *testing.T) {
	for ms := -60; ms <= 60; ms += 10 {
		for _, end := range []string{"", "CANCEL", "BYE"} {
			t.Run(fmt.Sprintf("%+dms %s", ms, end), func(t *testing.T) {
				run(t, nil, func(t *testing.T, r *rig) {
					a, b := r.phone("a"), r.phone("b")
					caller := a.Invite("4b", sdpFor(a, "8"), require100rel)
					in := b.Expect(t, message.INVITE)
					in.Respond(183, sdpFor(b, "8"))
					progress := caller.Expect(t, 183)
					r.net.SetDefault(siptest.Link{Delay: 20 * time.Millisecond})
					done := make(chan *siptest.Call)
					go func() {
						time.Sleep(time.Duration(max(ms, 0)) * time.Millisecond)
						if in.Final() == 0 {
							done <- in.Answer(sdpFor(b, "8"))
						}
						close(done)
					}()
					time.Sleep(time.Duration(max(-ms, 0)) * time.Millisecond)
					prack := caller.Prack(progress)
					switch end {
					case "CANCEL":
						caller.SendCancel()
					case "BYE":
						caller.SendBye()
					}
					callee := <-done
					synctest.Wait()
					if end == "" {
						prack.Expect(t, 200)
					}
					if res := caller.Final(t); res.Status() == 200 {
						caller.Ack()
						if end == "BYE" { // it has come after the answer
							callee.ExpectAck(t)
							callee.ExpectBye(t)
							return
						}
						caller.Bye(t)
					} else if res.Status() != 487 || end == "" {
						t.Errorf("status %d", res.Status())
					}
					if callee != nil {
						callee.ExpectAck(t)
						callee.ExpectBye(t)
					}
				})
			})
		}
	}
}

// TestRaceSiblingsAnswer: two phones behind one contact answer at the same time, with and without a common codec, while a
// third one is rung by another INVITE.
func TestRaceSiblingsAnswer(t *testing.T) {
	for _, formats := range []string{"8", "0"} {
		t.Run(formats, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b, d := r.phone("a"), r.phone("b"), r.phone("d")
				r.numbers["416"] = []string{"b", "d"}
				caller := a.Invite("416", sdpFor(a, "8 0"))
				in, inD := b.Expect(t, message.INVITE), d.Expect(t, message.INVITE)
				second := in.Fork()
				in.Respond(183, sdpFor(b, "8"))
				second.Respond(183, sdpFor(b, formats))
				caller.Expect(t, 183)
				r.net.SetDefault(siptest.Link{Delay: 10 * time.Millisecond})
				winner := second.Answer(sdpFor(b, formats))
				loser, other := in.Answer(sdpFor(b, "8")), inD.Answer(sdpFor(d, "8"))
				caller.Expect(t, 200)
				caller.Ack()
				for _, c := range []*siptest.Call{loser, other} {
					c.ExpectAck(t)
					c.ExpectBye(t)
				}
				winner.ExpectAck(t)
				winner.ReInvite(t, sdpFor(b, formats, "a=sendonly"))
				caller.Bye(t)
				winner.ExpectBye(t)
				r.expectRecord(calls.Answered, 200, byCaller)
			})
		})
	}
}

// TestRacePipelinedRequests: a phone sends several requests in the dialog without waiting for the answer of any, in order and
// with the last one first.
func TestRacePipelinedRequests(t *testing.T) {
	for _, overtaken := range []bool{false, true} {
		t.Run(map[bool]string{false: "in order", true: "the last overtakes"}[overtaken], func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller, callee := r.connect(a, b, "4b")
				if overtaken {
					late := true
					r.net.Filter(func(from, _ netip.AddrPort, m []byte) bool {
						if from == a.Addr() && bytes.HasPrefix(m, []byte("INVITE")) && late {
							late = false // its repetition comes after all others
							return false
						}
						return true
					})
				}
				invite := caller.Send(message.INVITE, contentSDP, sdpFor(a, "9", g722))
				info := caller.Send(message.INFO, "application/dtmf", "5")
				update := caller.Send(message.UPDATE, contentSDP, sdpFor(a, "8 0", "a=sendonly"))
				callee.ExpectRequest(t, message.INFO).OK()
				info.Expect(t, 200)
				if overtaken {
					update.Expect(t, 200)
					invite.Expect(t, 500) // its number has passed
				} else {
					update.Expect(t, 500) // the first offer is not answered
					callee.ExpectRequest(t, message.INVITE).Respond(200, sdpFor(b, "9", g722))
					ackOf(a, invite.Expect(t, 200))
				}
				hangUp(t, caller, callee)
			})
		})
	}
}
