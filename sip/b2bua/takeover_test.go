package b2bua

import (
	"fmt"
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
				r.b.ExpectBye(t)
				ok := x.Expect(t, 200)
				x.Ack()
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

// TestTakeOverFails: a peer that does not take the new phone's offer loses the call, and everybody hears of it.
func TestTakeOverFails(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(t *testing.T, re *siptest.Request, x *siptest.Call)
		want int
	}{
		{"no codec", func(_ *testing.T, re *siptest.Request, _ *siptest.Call) { re.Respond(488, "") }, 480},
		{"cancelled", func(t *testing.T, re *siptest.Request, x *siptest.Call) { x.Cancel(t); re.Respond(487, "") }, 487},
	} {
		t.Run(c.name, func(t *testing.T) {
			runThree(t, nil, func(t *testing.T, r *three) {
				bob2 := r.phone("bob2")
				x := bob2.Invite("4ann", sdpFor(bob2, "8"), "Replaces: "+r.b.Replaces())
				re := r.a.ExpectRequest(t, message.INVITE)
				r.b.ExpectBye(t)
				c.do(t, re, x)
				x.Expect(t, c.want)
				r.a.ExpectBye(t)
			})
		})
	}
}
