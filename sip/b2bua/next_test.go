package b2bua

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// tables routes with the routing table in force.
type tables struct{ atomic.Pointer[routing.Table] }

func (t *tables) Decide(r routing.Request, live routing.Live) routing.Plan {
	return t.Load().Decide(r, live)
}

// house is a configuration: users named like their phones, with one desk slot and the number 4NAME each, digits for names.
type house struct {
	routing.Config
}

// user adds a user with the slots of his phones and one number.
func (h *house) user(number string, slots ...string) *house {
	u := routing.User{
		ID: "u-" + number, Username: "user" + number, DisplayName: "User " + number,
		Numbers: []routing.Number{{Number: number, CallWaiting: true, Ticked: slots}},
	}
	for _, s := range slots {
		u.Slots = append(u.Slots, routing.Slot{ID: s, Type: "desk", Name: s})
	}
	h.Users = append(h.Users, u)
	return h
}

// of is the user of a number.
func (h *house) of(number string) *routing.User {
	i := slices.IndexFunc(h.Users, func(u routing.User) bool { return u.ID == "u-"+number })
	return &h.Users[i]
}

// rule gives a number's profile a rule for a case.
func (h *house) rule(number string, c routing.Case, do routing.Action, after time.Duration) *house {
	u := h.of(number)
	u.Numbers[0].Profile = "p"
	if len(u.Profiles) == 0 {
		u.Profiles = []routing.Profile{{ID: "p", Name: "p"}}
	}
	u.Profiles[0].Rules = append(u.Profiles[0].Rules, routing.Rule{When: routing.Conditions{Cases: []routing.Case{c}}, Do: do, After: after})
	return h
}

func (h *house) forward(number string, c routing.Case, to string) *house {
	return h.rule(number, c, routing.Action{Kind: routing.Forward, Number: to}, 0)
}

// after forwards when nobody has answered for so many seconds.
func (h *house) after(number string, seconds int, to string) *house {
	return h.rule(number, routing.OnNoAnswer, routing.Action{Kind: routing.Forward, Number: to}, time.Duration(seconds)*time.Second)
}

func (h *house) hunt(number, strategy string, memberTime, ringTime time.Duration, members ...string) *house {
	h.Globals.Hunts = append(h.Globals.Hunts, routing.Hunt{
		ID: "h-" + number, Name: "group " + number, Number: number, Strategy: strategy, Members: members, MemberTime: memberTime, RingTime: ringTime,
	})
	return h
}

// runHouse runs fn with the house's table and a phone for each of its slots.
func runHouse(t *testing.T, h *house, fn func(t *testing.T, r *rig), change ...func(*Config)) {
	t.Helper()
	table, err := routing.Compile(h.Config)
	if err != nil {
		t.Fatal(err)
	}
	router := &tables{}
	router.Store(table)
	run(t, func(c *Config) {
		c.Router = router
		for _, ch := range change {
			ch(c)
		}
	}, func(t *testing.T, r *rig) {
		for _, u := range h.Users {
			for _, s := range u.Slots {
				if s.Type != "mobile" {
					r.phone(s.ID)
				}
			}
		}
		fn(t, r)
	})
}

func offices() *house {
	return (&house{}).user("410", "a").user("411", "b").user("412", "c").user("413", "d")
}

// TestForwardEndings: how ringing ends says which rule comes next, and the caller hears the end of the last.
func TestForwardEndings(t *testing.T) {
	for _, c := range []struct {
		name   string
		rule   routing.Case
		answer int  // of the first phone, 0: none
		ring   bool // it rings before that
		wait   time.Duration
	}{
		{"busy", routing.OnBusy, 486, false, 0},
		{"busy everywhere", routing.OnBusy, 600, false, 0},
		{"declined", routing.OnBusy, 603, true, 0},
		{"not anywhere", routing.OnBusy, 604, false, 0},
		{"gave up ringing", routing.OnNoAnswer, 480, true, 0},
		{"ring time over", routing.OnNoAnswer, 0, true, 61 * time.Second},
		{"not available", routing.OnUnregistered, 480, false, 0},
		{"gone", routing.OnUnregistered, 410, false, 0},
		{"says nothing", routing.OnUnregistered, 0, false, 61 * time.Second},
		{"fails", routing.OnUnregistered, 500, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := offices().forward("411", c.rule, "412")
			for _, other := range []routing.Case{routing.OnBusy, routing.OnNoAnswer, routing.OnUnregistered} {
				if other != c.rule {
					h.forward("411", other, "413")
				}
			}
			runHouse(t, h, func(t *testing.T, r *rig) {
				caller := r.phones["a"].Invite("411", sdpFor(r.phones["a"], "8"))
				in := r.phones["b"].Expect(t, message.INVITE)
				if c.ring {
					in.Ring()
					caller.Expect(t, 180)
				}
				if c.answer != 0 {
					in.Respond(c.answer, "")
				}
				time.Sleep(c.wait)
				next := r.phones["c"].Expect(t, message.INVITE)
				if to := next.To().URI; to != "sip:412@test.example" {
					t.Errorf("To is %q", to)
				}
				if c.answer == 0 && c.ring {
					r.phones["b"].Expect(t, message.CANCEL)
				}
				next.Ring()
				callee := next.Answer(sdpFor(r.phones["c"], "8"))
				ok := caller.Expect(t, 200)
				if got := ok.Header(message.HPAssertedIdentity); got != `"User 412" <sip:412@test.example>` {
					t.Errorf("the caller reached %q", got)
				}
				caller.Ack()
				callee.ExpectAck(t)
				caller.Bye(t)
				callee.ExpectBye(t)
				rec := r.expectRecord(calls.Answered, 200, byCaller)
				if rec.To != "411" || rec.Number != "412" || rec.ToUser != "u-412" || rec.ToSlot != "c" || len(rec.Legs) != 2 {
					t.Errorf("record %+v", rec)
				}
				if !strings.Contains(string(rec.Reasons), "412") {
					t.Errorf("reasons of the last plan are missing: %s", rec.Reasons)
				}
				r.phones["d"].ExpectNone(t, message.INVITE, 0)
			})
		})
	}
}

// TestForwardEnds: what the caller hears when nothing is left.
func TestForwardEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		house  *house
		play   func(t *testing.T, r *rig)
		status int
		result calls.Result
	}{
		{"the last one is busy", offices().after("411", 5, "412"), func(t *testing.T, r *rig) {
			r.phones["b"].Expect(t, message.INVITE).Ring()
			r.phones["c"].Expect(t, message.INVITE).Respond(486, "")
		}, 486, calls.Busy},
		{"the last one does not answer", offices().forward("411", routing.OnBusy, "412"), func(t *testing.T, r *rig) {
			r.phones["b"].Expect(t, message.INVITE).Respond(486, "")
			r.phones["c"].Expect(t, message.INVITE).Ring()
			time.Sleep(61 * time.Second)
		}, 480, calls.NoAnswer},
		{"a rule rejects", offices().rule("411", routing.OnNoAnswer, routing.Action{Kind: routing.Reject}, 5*time.Second), func(t *testing.T, r *rig) {
			r.phones["b"].Expect(t, message.INVITE).Ring()
			time.Sleep(6 * time.Second)
		}, 603, calls.Declined},
		{"a circle", offices().after("411", 5, "412").after("412", 5, "411"), func(t *testing.T, r *rig) {
			r.phones["b"].Expect(t, message.INVITE).Ring()
			r.phones["c"].Expect(t, message.INVITE).Ring()
			time.Sleep(6 * time.Second)
		}, 482, calls.Rejected},
	} {
		t.Run(c.name, func(t *testing.T) {
			runHouse(t, c.house, func(t *testing.T, r *rig) {
				caller := r.phones["a"].Invite("411", sdpFor(r.phones["a"], "8"))
				c.play(t, r)
				caller.Expect(t, c.status)
				r.expectRecord(c.result, c.status, r.last().HangupBy)
			})
		})
	}
}

// TestForwardChain: ten forwards one after the other in the same call, the eleventh ends it.
func TestForwardChain(t *testing.T) {
	h := &house{}
	h.user("409", "a")
	for i := range 12 {
		n := 410 + i
		h.user(itoa(n), "p"+itoa(n))
	}
	for i := range 11 {
		h.after(itoa(410+i), 5, itoa(411+i))
	}
	runHouse(t, h, func(t *testing.T, r *rig) {
		caller := r.phones["a"].Invite("410", sdpFor(r.phones["a"], "8"))
		for i := range routing.MaxHops + 1 {
			r.phones["p"+itoa(410+i)].Expect(t, message.INVITE).Ring()
			synctest.Wait()
			_, numbers := r.live.Left()
			if want := itoa(410 + i); len(numbers) != 2 || numbers[want] != 1 || numbers["409"] != 1 {
				t.Errorf("counted %v while %s rings", numbers, want)
			}
		}
		caller.Expect(t, 180)
		caller.Expect(t, 483)
		rec := r.expectRecord(calls.Rejected, 483, bySystem)
		if len(rec.Legs) != 11 {
			t.Errorf("%d legs", len(rec.Legs))
		}
		r.phones["p421"].ExpectNone(t, message.INVITE, time.Second)
		if n := len(caller.Responses()); n != 2 {
			t.Errorf("the caller got %d responses, want 180, 483", n)
		}
	})
}

// TestForwardRaces: whatever crosses the turn from one target to the next, there is one winner at most, nobody is left connected to nobody,
// and nothing is left behind. The turn comes 5 s after the INVITE.
func TestForwardRaces(t *testing.T) {
	turn := 5 * time.Second
	for _, c := range []struct {
		name string
		play func(t *testing.T, r *rig, caller *siptest.Call, in *siptest.Request)
	}{
		{"an answer just before wins", func(t *testing.T, r *rig, caller *siptest.Call, in *siptest.Request) {
			time.Sleep(turn - 50*time.Millisecond)
			callee := in.Answer(sdpFor(r.phones["b"], "8"))
			caller.Expect(t, 200)
			caller.Ack()
			callee.ExpectAck(t)
			r.phones["c"].ExpectNone(t, message.INVITE, 10*time.Second)
			caller.Bye(t)
			callee.ExpectBye(t)
			r.expectRecord(calls.Answered, 200, byCaller)
		}},
		{"an answer that meets the CANCEL is ended, the other phone rings on", func(t *testing.T, r *rig, caller *siptest.Call, in *siptest.Request) {
			next := r.phones["c"].Expect(t, message.INVITE)
			late := in.Answer(sdpFor(r.phones["b"], "8"))
			late.ExpectAck(t)
			late.ExpectBye(t)
			next.Ring()
			callee := next.Answer(sdpFor(r.phones["c"], "8"))
			caller.Expect(t, 200)
			caller.Ack()
			callee.ExpectAck(t)
			caller.Bye(t)
			callee.ExpectBye(t)
			if rec := r.expectRecord(calls.Answered, 200, byCaller); rec.ToSlot != "c" || rec.Legs[0].Result != "timeout" {
				t.Errorf("record %+v", rec)
			}
		}},
		{"both answer at once", func(t *testing.T, r *rig, caller *siptest.Call, in *siptest.Request) {
			next := r.phones["c"].Expect(t, message.INVITE)
			callee := next.Answer(sdpFor(r.phones["c"], "8"))
			late := in.Answer(sdpFor(r.phones["b"], "8"))
			late.ExpectAck(t)
			late.ExpectBye(t)
			caller.Expect(t, 200)
			caller.Ack()
			callee.ExpectAck(t)
			callee.Bye(t)
			caller.ExpectBye(t)
			r.expectRecord(calls.Answered, 200, byCallee)
		}},
		{"the caller gives up just before", func(t *testing.T, r *rig, caller *siptest.Call, in *siptest.Request) {
			time.Sleep(turn - 50*time.Millisecond)
			caller.Cancel(t)
			r.phones["b"].Expect(t, message.CANCEL)
			r.phones["c"].ExpectNone(t, message.INVITE, 10*time.Second)
			r.expectRecord(calls.Cancelled, 487, byCaller)
		}},
		{"the caller gives up while the next INVITE is under way", func(t *testing.T, r *rig, caller *siptest.Call, in *siptest.Request) {
			r.phones["b"].Expect(t, message.CANCEL)
			caller.Cancel(t)
			next := r.phones["c"].Expect(t, message.INVITE)
			next.Ring()
			r.phones["c"].Expect(t, message.CANCEL)
			r.expectRecord(calls.Cancelled, 487, byCaller)
		}},
		{"the caller gives up while the next phone answers", func(t *testing.T, r *rig, caller *siptest.Call, in *siptest.Request) {
			next := r.phones["c"].Expect(t, message.INVITE)
			cancel := caller.SendCancel()
			callee := next.Answer(sdpFor(r.phones["c"], "8"))
			cancel.Expect(t, 200)
			if caller.Final(t).Status() == 200 { // the answer was first
				caller.Ack()
				callee.ExpectAck(t)
				caller.Bye(t)
				callee.ExpectBye(t)
				return
			}
			callee.ExpectAck(t)
			callee.ExpectBye(t)
		}},
		{"the first phone fails when it is cancelled", func(t *testing.T, r *rig, caller *siptest.Call, in *siptest.Request) {
			r.phones["b"].Expect(t, message.CANCEL)
			next := r.phones["c"].Expect(t, message.INVITE)
			next.Ring()
			time.Sleep(6 * time.Second)
			r.phones["d"].Expect(t, message.INVITE).Respond(486, "")
			caller.Expect(t, 486)
			r.expectRecord(calls.Busy, 486, byCallee)
		}},
		{"the first phone is busy just before", func(t *testing.T, r *rig, caller *siptest.Call, in *siptest.Request) {
			time.Sleep(turn - 50*time.Millisecond)
			in.Respond(486, "")
			caller.Expect(t, 486)
			r.phones["c"].ExpectNone(t, message.INVITE, 10*time.Second)
		}},
		{"an administrator hangs up while the next one rings", func(t *testing.T, r *rig, caller *siptest.Call, in *siptest.Request) {
			next := r.phones["c"].Expect(t, message.INVITE)
			next.Ring()
			r.table.HangupAll("enough")
			r.phones["c"].Expect(t, message.CANCEL)
			caller.Expect(t, 487)
		}},
		{"the first phone rings again after its CANCEL", func(t *testing.T, r *rig, caller *siptest.Call, in *siptest.Request) {
			next := r.phones["c"].Expect(t, message.INVITE)
			in.Ring()
			next.Respond(486, "")
			caller.Expect(t, 486)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			runHouse(t, offices().after("411", 5, "412").after("412", 5, "413"), func(t *testing.T, r *rig) {
				r.net.SetDefault(siptest.Link{Delay: 20 * time.Millisecond})
				caller := r.phones["a"].Invite("411", sdpFor(r.phones["a"], "8"))
				in := r.phones["b"].Expect(t, message.INVITE)
				in.Ring()
				c.play(t, r, caller, in)
				r.oneAnswer(caller)
			})
		})
	}
}

// oneAnswer checks that the caller had one final answer.
func (r *rig) oneAnswer(caller *siptest.Call) {
	r.t.Helper()
	finals := 0
	for _, res := range caller.Responses() {
		if res.Status() >= 200 && res.Status() != 401 {
			finals++
		}
	}
	if finals > 1 {
		r.t.Errorf("%d final responses to the caller", finals)
	}
}

// TestEarlyMediaOfAFormerPhone: when the phone that was heard is given up, the caller hears ringback while the next one rings, and then
// the one that answers.
func TestEarlyMediaOfAFormerPhone(t *testing.T) {
	for _, codec := range []string{"8", "0"} { // the answer that the caller has fits the second phone, or does not
		t.Run("the second phone takes "+codec, func(t *testing.T) {
			runHouse(t, offices().after("411", 5, "412"), func(t *testing.T, r *rig) {
				a, b, c := r.phones["a"], r.phones["b"], r.phones["c"]
				caller := a.Invite("411", sdpFor(a, "8 0"))
				first := b.Expect(t, message.INVITE)
				first.Respond(183, sdpFor(b, "8"))
				res := caller.Expect(t, 183)
				ep := r.media.at(t, res.Body())
				next := c.Expect(t, message.INVITE)
				b.Expect(t, message.CANCEL)
				ep.hears(t, "ringback")
				next.Ring()
				ep.hears(t, "ringback")
				callee := next.Answer(sdpFor(c, codec))
				ok := caller.Expect(t, 200)
				caller.Ack()
				callee.ExpectAck(t)
				if same := ok.ToTag() == res.ToTag(); same != (codec == "8") {
					t.Errorf("the same dialog: %t", same)
				}
				ep.hears(t, "")
				if remote, _ := r.media.at(t, next.Body()).state(); remote.RTP.Addr() != c.Addr().Addr() {
					t.Errorf("audio goes to %s", remote.RTP)
				}
				callee.Bye(t)
				caller.ExpectBye(t)
			})
		})
	}
}

// TestRedirectionOfANextPhone: a phone of a later turn may redirect like any other, and its forwards are not lost.
func TestRedirectionOfANextPhone(t *testing.T) {
	runHouse(t, offices().after("411", 5, "412").after("412", 5, "410"), func(t *testing.T, r *rig) {
		caller := r.phones["a"].Invite("411", sdpFor(r.phones["a"], "8"))
		r.phones["b"].Expect(t, message.INVITE).Ring()
		r.phones["c"].Expect(t, message.INVITE).Respond(302, "", "Contact: <sip:413@test.example>")
		in := r.phones["d"].Expect(t, message.INVITE)
		in.Ring()
		if n := r.counted(); n["412"] != 1 || n["413"] != 1 {
			t.Errorf("counted %v", n)
		}
		callee := r.answerTo(caller, in, r.phones["d"])
		callee.Bye(t)
		caller.ExpectBye(t)
		if rec := r.last(); rec.ToUser != "u-413" || len(rec.Legs) != 3 {
			t.Errorf("record %+v", rec)
		}
	})
}

// TestTransferToAForwardedNumber: what is rung for a transfer goes on like any other call, and who is transferred ends up there.
func TestTransferToAForwardedNumber(t *testing.T) {
	runHouse(t, offices().after("412", 5, "413"), func(t *testing.T, r *rig) {
		a, d := r.phones["a"], r.phones["d"]
		caller, callee := r.connect(a, r.phones["b"], "411")
		refer := callee.Send(message.REFER, "", "", "Refer-To: <sip:412@test.example>")
		refer.Expect(t, 202)
		r.phones["c"].Expect(t, message.INVITE).Ring()
		in := d.Expect(t, message.INVITE)
		r.phones["c"].Expect(t, message.CANCEL)
		stay := in.Answer(sdpFor(d, "8"))
		stay.ExpectAck(t)
		re := caller.ExpectRequest(t, message.INVITE)
		if got := re.Header(message.HPAssertedIdentity); !strings.Contains(got, "sip:413@") {
			t.Errorf("connected with %q", got)
		}
		re.Respond(200, sdpFor(a, "8"))
		re.ExpectAck(t)
		stay.Bye(t)
		caller.ExpectBye(t)
		if rec := r.last(); rec.Number != "413" || len(rec.Forwards) != 1 || rec.ToUser != "u-413" {
			t.Errorf("record %+v", rec)
		}
	})
}
