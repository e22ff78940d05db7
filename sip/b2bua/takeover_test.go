package b2bua

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// TestTakeOver: bob moves his call with ann from one of his phones to another. Several rounds, for the dialogs lie in one
// shard or in two by chance.
func TestTakeOver(t *testing.T) {
	for round := range 8 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				bob2 := r.phone("bob2")
				x := bob2.Invite("4ann", sdpFor(bob2, "0 8"), "Replaces: "+r.b.Replaces(), "Require: replaces")
				re := r.a.ExpectRequest(t, message.INVITE)
				re.Respond(200, sdpFor(r.ann, "8"))
				re.ExpectAck(t)
				ok := x.Expect(t, 200)
				r.bob.ExpectNone(t, message.BYE, 100*time.Millisecond) // not before the new dialog stands
				x.Ack()
				r.b.ExpectBye(t)
				r.bridged(ok.Body(), re.Body())
				if first := r.expectRecord(calls.Answered, 200, byCallee); !strings.Contains(first.Cause, "with another phone") {
					t.Errorf("%s", first.Cause)
				}
				time.Sleep(40 * time.Second) // virtual: transactions of before have gone
				synctest.Wait()
				r.a.ReInvite(t, sdpFor(r.ann, "8"))
				x.ReInvite(t, sdpFor(bob2, "8"))
				if round%2 == 0 {
					x.Bye(t)
					r.a.ExpectBye(t)
				} else {
					r.a.Bye(t)
					x.ExpectBye(t)
				}
				rec := r.last()
				if rec.FromSlot != "bob2" || rec.From != "4bob" || rec.Number != "ann" || rec.ToSlot != "ann" || rec.Result != calls.Answered {
					t.Errorf("%+v", rec)
				}
			})
		})
	}
}

func TestTakeOversRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		who    string
		lines  func(r *three) []string
		sdp    bool
		status int
	}{
		{"a call of others", "cid", func(r *three) []string { return []string{"Replaces: " + r.b.Replaces()} }, true, 403},
		{"no such call", "bob2", func(*three) []string { return []string{"Replaces: x;to-tag=y;from-tag=z"} }, true, 481},
		{"tags the other way round", "bob2", func(r *three) []string {
			id, _, _ := strings.Cut(r.b.Replaces(), ";")
			re, _ := parseReplaces(r.b.Replaces())
			return []string{"Replaces: " + id + ";to-tag=" + re.fromTag + ";from-tag=" + re.toTag}
		}, true, 481},
		{"early only", "bob2", func(r *three) []string { return []string{"Replaces: " + r.b.Replaces() + ";early-only"} }, true, 486},
		{"malformed", "bob2", func(*three) []string { return []string{"Replaces: x"} }, true, 400},
		{"two", "bob2", func(r *three) []string { return []string{"Replaces: " + r.b.Replaces(), "Replaces: " + r.b.Replaces()} }, true, 400},
		{"Replaces and Join", "bob2", func(r *three) []string { return []string{"Replaces: " + r.b.Replaces(), "Join: " + r.b.Replaces()} }, true, 400},
		{"Join", "bob2", func(r *three) []string { return []string{"Join: " + r.b.Replaces()} }, true, 501},
		{"Join what is not there", "bob2", func(*three) []string { return []string{"Join: x;to-tag=y;from-tag=z"} }, true, 481},
		{"Join required", "bob2", func(r *three) []string { return []string{"Join: " + r.b.Replaces(), "Require: join"} }, true, 420},
		{"without an offer", "bob2", func(r *three) []string { return []string{"Replaces: " + r.b.Replaces()} }, false, 488},
	} {
		t.Run(c.name, func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				p := r.cid
				if c.who != "cid" {
					p = r.phone(c.who)
				}
				body := ""
				if c.sdp {
					body = sdpFor(p, "8")
				}
				p.Invite("4ann", body, c.lines(r)...).Expect(t, c.status)
				r.a.ReInvite(t, sdpFor(r.ann, "8")) // the call goes on as it was
				r.a.Bye(t)
				r.b.ExpectBye(t)
			})
		})
	}
	t.Run("a phone that rings", func(t *testing.T) {
		run(t, nil, func(t *testing.T, r *rig) {
			ann, bob, bob2 := r.phone("ann"), r.phone("bob"), r.phone("bob2")
			x := ann.Invite("4bob", sdpFor(ann, "8"))
			in := bob.Expect(t, message.INVITE)
			in.Ring()
			x.Expect(t, 180)
			bob2.Invite("4ann", sdpFor(bob2, "8"), "Replaces: "+x.Replaces()).Expect(t, 481) // ann's early dialog, which is not ours
			bob2.Invite("4ann", sdpFor(bob2, "8"), "Replaces: "+in.Call().Replaces()).Expect(t, 403)
			x.Cancel(t)
			x.Expect(t, 487)
		})
	})
	t.Run("a call that has just ended", func(t *testing.T) {
		runThree(t, nil, func(t *testing.T, r *three) {
			bob2 := r.phone("bob2")
			r.a.Bye(t)
			r.b.ExpectRequest(t, message.BYE) // not answered yet
			bob2.Invite("4ann", sdpFor(bob2, "8"), "Replaces: "+r.b.Replaces()).Expect(t, 603)
		})
	})
}

// TestTakeOverFails: whatever becomes of the new phone, the call goes on as it was.
func TestTakeOverFails(t *testing.T) {
	ring := func(t *testing.T, r *three, bob2 *siptest.Phone) (*siptest.Call, *siptest.Request) {
		x := bob2.Invite("4ann", sdpFor(bob2, "8"), "Replaces: "+r.b.Replaces())
		return x, r.a.ExpectRequest(t, message.INVITE)
	}
	back := func(t *testing.T, r *three) { // ann is offered bob's media again
		re := r.a.ExpectRequest(t, message.INVITE)
		r.media.at(t, re.Body()) // that of the new phone is closed
		re.Respond(200, sdpFor(r.ann, "8"))
		re.ExpectAck(t)
	}
	for _, c := range []struct {
		name string
		do   func(t *testing.T, r *three, bob2 *siptest.Phone)
	}{
		{"an offer that cannot be read", func(t *testing.T, r *three, bob2 *siptest.Phone) {
			bob2.Invite("4ann", "v=0\r\nm=audio\r\n", "Replaces: "+r.b.Replaces()).Expect(t, 400)
		}},
		{"an offer that is protected in a way we do not know", func(t *testing.T, r *three, bob2 *siptest.Phone) {
			offer := strings.Replace(sdpFor(bob2, "8"), "RTP/AVP", "RTP/SAVP", 1)
			bob2.Invite("4ann", offer, "Replaces: "+r.b.Replaces()).Expect(t, 488)
		}},
		{"no media port", func(t *testing.T, r *three, bob2 *siptest.Phone) {
			r.media.full = true
			bob2.Invite("4ann", sdpFor(bob2, "8"), "Replaces: "+r.b.Replaces()).Expect(t, 503)
			r.media.full = false
		}},
		{"the other party refuses", func(t *testing.T, r *three, bob2 *siptest.Phone) {
			x, re := ring(t, r, bob2)
			re.Respond(488, "")
			x.Expect(t, 488)
		}},
		{"the other party rings on and on", func(t *testing.T, r *three, bob2 *siptest.Phone) {
			x, re := ring(t, r, bob2)
			re.Respond(180, "")
			time.Sleep(patience) // virtual
			x.Expect(t, 487)
		}},
		{"cancelled", func(t *testing.T, r *three, bob2 *siptest.Phone) {
			x, re := ring(t, r, bob2)
			re.Respond(180, "")
			synctest.Wait()
			x.Cancel(t)
			x.Expect(t, 487)
		}},
		{"cancelled while it waits after a 491", func(t *testing.T, r *three, bob2 *siptest.Phone) {
			x, re := ring(t, r, bob2)
			re.Respond(491, "")
			synctest.Wait()
			x.Cancel(t)
			x.Expect(t, 487)
		}},
		{"cancelled while the answer is on its way", func(t *testing.T, r *three, bob2 *siptest.Phone) {
			r.net.SetLink(r.ann.Addr().Addr(), server.Addr(), siptest.Link{Delay: 50 * time.Millisecond})
			x, re := ring(t, r, bob2)
			re.Respond(200, sdpFor(r.ann, "8"))
			x.Cancel(t)
			x.Expect(t, 487)
			re.ExpectAck(t)
			back(t, r)
		}},
		{"no ACK", func(t *testing.T, r *three, bob2 *siptest.Phone) {
			x, re := ring(t, r, bob2)
			re.Respond(200, sdpFor(r.ann, "8"))
			x.Expect(t, 200)
			time.Sleep(33 * time.Second) // virtual
			x.ExpectBye(t)
			back(t, r)
		}},
		{"hung up from outside", func(t *testing.T, r *three, bob2 *siptest.Phone) {
			x, re := ring(t, r, bob2)
			r.hangup(t, "bob2")
			re.Respond(487, "")
			x.Expect(t, 480)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				before := r.endpoints()
				c.do(t, r, r.phone("bob2"))
				synctest.Wait()
				if after := r.endpoints(); after != before {
					t.Errorf("media before\n%s\nafter\n%s", before, after)
				}
				r.a.ReInvite(t, sdpFor(r.ann, "8"))
				r.b.ReInvite(t, sdpFor(r.bob, "8"))
				r.b.Bye(t)
				r.a.ExpectBye(t)
				if rec := r.expectRecord(calls.Answered, 200, byCallee); rec.FromSlot != "ann" || rec.ToSlot != "bob" {
					t.Errorf("%+v", rec)
				}
			})
		})
	}
}

// TestTakeOverWhileOthersLeave: somebody ends the call while it is being taken over.
func TestTakeOverWhileOthersLeave(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(t *testing.T, r *three, x *siptest.Call, re *siptest.Request)
	}{
		{"the other party hangs up", func(t *testing.T, r *three, x *siptest.Call, _ *siptest.Request) {
			r.a.Bye(t)
			x.Expect(t, 480)
			r.b.ExpectBye(t)
		}},
		{"the other party does not know the call any more", func(t *testing.T, r *three, x *siptest.Call, re *siptest.Request) {
			re.Respond(481, "")
			x.Expect(t, 480)
			r.b.ExpectBye(t)
			r.a.ExpectBye(t)
		}},
		{"the old phone hangs up, the new one takes over", func(t *testing.T, r *three, x *siptest.Call, re *siptest.Request) {
			r.b.Bye(t)
			re.Respond(200, sdpFor(r.ann, "8"))
			x.Expect(t, 200)
			x.Ack()
			x.Bye(t)
			r.a.ExpectBye(t)
		}},
		{"the old phone hangs up, the new one gives up", func(t *testing.T, r *three, x *siptest.Call, _ *siptest.Request) {
			r.b.Bye(t)
			x.Cancel(t)
			x.Expect(t, 487)
			r.a.ExpectBye(t)
		}},
		{"the new phone hangs up instead of its ACK", func(t *testing.T, r *three, x *siptest.Call, re *siptest.Request) {
			re.Respond(200, sdpFor(r.ann, "8"))
			x.Expect(t, 200)
			x.Bye(t)
			r.a.ExpectBye(t)
			r.b.ExpectBye(t)
		}},
		{"the old call is hung up from outside", func(t *testing.T, r *three, x *siptest.Call, re *siptest.Request) {
			r.hangup(t, "ann")
			r.b.ExpectBye(t)
			re.Respond(200, sdpFor(r.ann, "8"))
			x.Expect(t, 200)
			x.Ack()
			r.a.Bye(t)
			x.ExpectBye(t)
		}},
		{"everything is hung up", func(t *testing.T, r *three, x *siptest.Call, re *siptest.Request) {
			r.table.HangupAll("test")
			r.b.ExpectBye(t)
			r.a.ExpectBye(t)
			x.Final(t)
		}},
		{"another phone wants it as well", func(t *testing.T, r *three, x *siptest.Call, re *siptest.Request) {
			r.bob.Invite("4ann", sdpFor(r.bob, "8"), "Replaces: "+r.b.Replaces()).Expect(t, 500)
			r.b.Refer("4cid", "").Expect(t, 491)
			re.Respond(488, "")
			x.Expect(t, 488)
			r.b.Bye(t)
			r.a.ExpectBye(t)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				bob2 := r.phone("bob2")
				x := bob2.Invite("4ann", sdpFor(bob2, "8"), "Replaces: "+r.b.Replaces())
				c.do(t, r, x, r.a.ExpectRequest(t, message.INVITE))
			})
		})
	}
}

// hangup ends the call of a slot from outside.
func (r *rig) hangup(t *testing.T, from string) {
	t.Helper()
	page, _ := r.table.List("", 10)
	for _, c := range page {
		if c.FromSlot == from && r.table.Hangup(c.ID, "test") {
			return
		}
	}
	t.Fatalf("no call from %s", from)
}

// endpoints tells where the media of all open endpoints goes.
func (r *rig) endpoints() string {
	synctest.Wait()
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	var list []string
	for e := range r.media.open {
		list = append(list, fmt.Sprintf("%v: %+v, expects %v", e.local, e.remote, e.expect))
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}
