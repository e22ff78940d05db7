package b2bua

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// counted is what runs over numbers now.
func (r *rig) counted() map[string]int {
	synctest.Wait()
	_, numbers := r.live.Left()
	return numbers
}

// lit checks at which numbers a lamp shows a call, and in which state.
func (r *rig) lit(want map[string]calls.State) {
	r.t.Helper()
	synctest.Wait()
	for n := range r.counted() {
		for _, o := range r.table.Over(nil, n, 10) {
			if want[n] != o.Call.State {
				r.t.Errorf("the lamp of %s shows %s, want %q", n, o.Call.State, want[n])
			}
		}
	}
	for n := range want {
		if len(r.table.Over(nil, n, 10)) == 0 {
			r.t.Errorf("the lamp of %s is off", n)
		}
	}
}

// answerTo answers an INVITE for the caller, and returns both.
func (r *rig) answerTo(caller *siptest.Call, in *siptest.Request, p *siptest.Phone) *siptest.Call {
	r.t.Helper()
	callee := in.Answer(sdpFor(p, "8"))
	caller.Expect(r.t, 200)
	caller.Ack()
	callee.ExpectAck(r.t)
	return callee
}

// TestHuntLinear: one member after the other rings, round and round, until one answers.
func TestHuntLinear(t *testing.T) {
	h := offices().hunt("500", routing.Linear, 10*time.Second, time.Minute, "411", "412", "413")
	runHouse(t, h, func(t *testing.T, r *rig) {
		caller := r.phones["a"].Invite("500", sdpFor(r.phones["a"], "8"))
		var in *siptest.Request
		for i, name := range []string{"b", "c", "d", "b", "c"} {
			in = r.phones[name].Expect(t, message.INVITE)
			if name == "c" {
				in.Respond(486, "") // at once the next one rings
				continue
			}
			in.Ring()
			if i == 0 {
				caller.Expect(t, 180)
			}
			if n := r.counted(); n["500"] != 1 || n["41"+string('0'+name[0]-'a')] != 1 || len(n) != 3 {
				t.Errorf("while %s rings %v are counted", name, n)
			}
		}
		in = r.phones["d"].Expect(t, message.INVITE)
		in.Ring()
		callee := r.answerTo(caller, in, r.phones["d"])
		if n := r.counted(); n["500"] != 1 || n["413"] != 1 || n["412"] != 0 {
			t.Errorf("when it is up %v are counted", n)
		}
		callee.Bye(t)
		caller.ExpectBye(t)
		rec := r.expectRecord(calls.Answered, 200, byCallee)
		if rec.Number != "500" || rec.ToUser != "u-413" || rec.ToSlot != "d" || len(rec.Legs) != 6 {
			t.Errorf("record %+v", rec)
		}
	})
}

// TestHuntRoundRobin: each call begins with the next member.
func TestHuntRoundRobin(t *testing.T) {
	h := offices().hunt("500", routing.RoundRobin, 10*time.Second, time.Minute, "411", "412", "413")
	runHouse(t, h, func(t *testing.T, r *rig) {
		for _, name := range []string{"b", "c", "d", "b"} {
			caller := r.phones["a"].Invite("500", sdpFor(r.phones["a"], "8"))
			callee := r.answerTo(caller, r.phones[name].Expect(t, message.INVITE), r.phones[name])
			callee.Bye(t)
			caller.ExpectBye(t)
		}
	})
}

// TestHuntAll: all members ring, and one who declines does not speak for the others.
func TestHuntAll(t *testing.T) {
	h := offices().hunt("500", routing.RingAll, 0, time.Minute, "411", "412", "413")
	h.of("413").Numbers[0].BusyOnAny = true
	runHouse(t, h, func(t *testing.T, r *rig) {
		caller := r.phones["a"].Invite("500", sdpFor(r.phones["a"], "8"))
		inB, inC, inD := r.phones["b"].Expect(t, message.INVITE), r.phones["c"].Expect(t, message.INVITE), r.phones["d"].Expect(t, message.INVITE)
		inB.Respond(603, "")
		inC.Ring()
		inD.Ring()
		if n := r.counted(); n["500"] != 1 || n["411"] != 0 || n["412"] != 1 || n["413"] != 1 {
			t.Errorf("while two ring %v are counted", n)
		}
		r.lit(map[string]calls.State{"500": calls.Ringing, "412": calls.Ringing, "413": calls.Ringing, "410": calls.Ringing})
		busy := r.phones["b"].Invite("413", sdpFor(r.phones["b"], "8"))
		busy.Expect(t, 486)
		callee := r.answerTo(caller, inC, r.phones["c"])
		r.lit(map[string]calls.State{"500": calls.Up, "412": calls.Up, "410": calls.Up})
		// 413 is free again as soon as somebody else has answered.
		second := r.phones["b"].Invite("413", sdpFor(r.phones["b"], "8"))
		r.phones["d"].Expect(t, message.CANCEL)
		other := r.answerTo(second, r.phones["d"].Expect(t, message.INVITE), r.phones["d"])
		other.Bye(t)
		second.ExpectBye(t)
		callee.Bye(t)
		caller.ExpectBye(t)
	})
}

// TestHuntMembersAreLocked: two callers who come at once, one over the group and one straight, do not both get a member that is busy on any.
func TestHuntMembersAreLocked(t *testing.T) {
	for range 20 {
		h := offices().hunt("500", routing.RingAll, 0, time.Minute, "412")
		h.of("412").Numbers[0].BusyOnAny = true
		runHouse(t, h, func(t *testing.T, r *rig) {
			one := r.phones["a"].Invite("500", sdpFor(r.phones["a"], "8"))
			two := r.phones["b"].Invite("412", sdpFor(r.phones["b"], "8"))
			in := r.phones["c"].Expect(t, message.INVITE)
			in.Ring()
			r.phones["c"].ExpectNone(t, message.INVITE, time.Second)
			in.Respond(603, "")
			if a, b := one.Final(t).Status(), two.Final(t).Status(); a+b != 486+603 {
				t.Errorf("%d and %d", a, b)
			}
		})
	}
}

// TestHuntTimeIsOver: the time of the group ends the last member's ringing, and the overflow comes.
func TestHuntTimeIsOver(t *testing.T) {
	h := offices().hunt("500", routing.Linear, 10*time.Second, 15*time.Second, "411", "412")
	h.Globals.Hunts[0].Overflow = []routing.Rule{{
		When: routing.Conditions{Cases: []routing.Case{routing.OnNoAnswer}}, Do: routing.Action{Kind: routing.Forward, Number: "413"},
	}}
	runHouse(t, h, func(t *testing.T, r *rig) {
		begun := time.Now()
		caller := r.phones["a"].Invite("500", sdpFor(r.phones["a"], "8"))
		r.phones["b"].Expect(t, message.INVITE).Ring()
		r.phones["c"].Expect(t, message.INVITE).Ring()
		in := r.phones["d"].Expect(t, message.INVITE)
		if d := time.Since(begun).Round(time.Second); d != 15*time.Second {
			t.Errorf("the overflow came after %s", d)
		}
		callee := r.answerTo(caller, in, r.phones["d"])
		callee.Bye(t)
		caller.ExpectBye(t)
		if rec := r.last(); rec.Number != "413" || rec.ToUser != "u-413" {
			t.Errorf("record %+v", rec)
		}
	})
}

// TestAllMembersRefuseAtOnce: nobody is rung again and again without a pause.
func TestAllMembersRefuseAtOnce(t *testing.T) {
	h := offices().hunt("500", routing.Linear, 10*time.Second, time.Minute, "411", "412", "413")
	runHouse(t, h, func(t *testing.T, r *rig) {
		caller := r.phones["a"].Invite("500", sdpFor(r.phones["a"], "8"))
		for _, name := range []string{"b", "c", "d"} {
			r.phones[name].Expect(t, message.INVITE).Respond(486, "")
		}
		caller.Expect(t, 486)
		for _, name := range []string{"b", "c", "d"} {
			r.phones[name].ExpectNone(t, message.INVITE, time.Second)
		}
		if rec := r.expectRecord(calls.Busy, 486, bySystem); len(rec.Legs) != 3 {
			t.Errorf("%d legs", len(rec.Legs))
		}
	})
}

// TestMembersWithoutAWay: contacts that cannot be reached cost no time and no depth.
func TestMembersWithoutAWay(t *testing.T) {
	h := offices()
	h.hunt("500", routing.Linear, 10*time.Second, time.Minute, "411", "412", "411", "412", "413")
	runHouse(t, h, func(t *testing.T, r *rig) {
		for _, name := range []string{"b", "c"} {
			r.loc.contacts[name] = []Contact{{URI: "sip:" + name + "@nowhere.invalid"}}
		}
		caller := r.phones["a"].Invite("500", sdpFor(r.phones["a"], "8"))
		callee := r.answerTo(caller, r.phones["d"].Expect(t, message.INVITE), r.phones["d"])
		callee.Bye(t)
		caller.ExpectBye(t)
		if rec := r.last(); len(rec.Legs) != 5 {
			t.Errorf("%d legs", len(rec.Legs))
		}
	})
}

// TestParallelLater: when nobody has answered, further numbers ring beside those that do, for a time of their own.
func TestParallelLater(t *testing.T) {
	parallel := routing.Action{Kind: routing.Parallel, Numbers: []string{"412", "413"}}
	for _, winner := range []string{"b", "c", "d", ""} {
		t.Run("answered by "+winner, func(t *testing.T) {
			h := offices().rule("411", routing.OnNoAnswer, parallel, 5*time.Second)
			runHouse(t, h, func(t *testing.T, r *rig) {
				caller := r.phones["a"].Invite("411", sdpFor(r.phones["a"], "8"))
				in := map[string]*siptest.Request{"b": r.phones["b"].Expect(t, message.INVITE)}
				in["b"].Ring()
				caller.Expect(t, 180)
				in["c"], in["d"] = r.phones["c"].Expect(t, message.INVITE), r.phones["d"].Expect(t, message.INVITE)
				in["c"].Ring()
				in["d"].Ring()
				r.phones["b"].ExpectNone(t, message.CANCEL, 10*time.Second)
				if n := r.counted(); n["411"] != 1 || n["412"] != 1 || n["413"] != 1 {
					t.Errorf("while all ring %v are counted", n)
				}
				if winner == "" {
					time.Sleep(51 * time.Second)
					for _, name := range []string{"b", "c", "d"} {
						r.phones[name].Expect(t, message.CANCEL)
					}
					caller.Expect(t, 480)
					r.expectRecord(calls.NoAnswer, 480, bySystem)
					return
				}
				callee := r.answerTo(caller, in[winner], r.phones[winner])
				for _, name := range []string{"b", "c", "d"} {
					if name != winner {
						r.phones[name].Expect(t, message.CANCEL)
					}
				}
				callee.Bye(t)
				caller.ExpectBye(t)
				if rec := r.expectRecord(calls.Answered, 200, byCallee); rec.ToSlot != winner || rec.Number != "411" || len(rec.Legs) != 3 {
					t.Errorf("record %+v", rec)
				}
			})
		})
	}
}
