package b2bua

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// trunks is a fake of both doors: gateways at addresses of their own.
type trunks struct {
	mu     sync.Mutex
	rig    *rig
	ways   []string // phones that stand in for gateways, in order; none: everything is down
	asked  []string
	hidden bool // callers show no number
}

// Shown is what stands before numbers of ours outside.
func (t *trunks) Shown(number string) string {
	if number[0] == '+' {
		return number
	}
	return "+4966112" + number
}

func (t *trunks) Ways(buf []Contact, number string, emergency bool) []Contact {
	t.mu.Lock()
	defer t.mu.Unlock()
	if emergency {
		number += "!"
	}
	t.asked = append(t.asked, number)
	for _, name := range t.ways {
		p := t.rig.phones[name]
		flow, _ := t.rig.flows.Load(p.Addr())
		buf = append(buf, Contact{URI: "sip:" + p.Addr().String(), Flow: flow.(*transport.Flow)})
	}
	return buf
}

func (t *trunks) Came(netip.Addr, time.Time) {}

func (t *trunks) Incoming(in transport.Inbound) (string, routing.Caller, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range []string{"gw", "gw2"} {
		if p := t.rig.phones[name]; p != nil && p.Addr() == in.Flow.Remote() {
			u, _ := message.ParseURI(in.Msg.From().URI)
			caller := routing.Caller{Class: routing.Inside, SlotID: "a", UserID: "u-410", Number: u.User, Name: in.Msg.From().Display} // more than it may say
			if t.hidden {
				caller.Number, caller.Name = "", ""
			}
			return strings.TrimPrefix(calledNumber(in.Msg), "+4966112345"), caller, true
		}
	}
	return "", routing.Caller{}, false
}

// runTrunks is runHouse with two gateways.
func runTrunks(t *testing.T, h *house, fn func(t *testing.T, r *rig, w *trunks), change ...func(*Config)) {
	t.Helper()
	w := &trunks{ways: []string{"gw", "gw2"}}
	h.Settings = routing.Settings{Outside: true, Country: "49"}
	runHouse(t, h, func(t *testing.T, r *rig) {
		w.rig = r
		for _, name := range []string{"gw", "gw2"} {
			r.phone(name, func(c *siptest.PhoneConfig) { c.User, c.Password = "+49301234567", "" })
		}
		fn(t, r, w)
	}, append(change, func(c *Config) { c.Outside, c.Trunks = w, w })...)
}

// TestOutsideIsRung: a number outside is called over the trunk with what its URI lacks, and answered like any other.
func TestOutsideIsRung(t *testing.T) {
	runTrunks(t, offices(), func(t *testing.T, r *rig, w *trunks) {
		caller := r.phones["a"].Invite("0301234567", sdpFor(r.phones["a"], "8"))
		in := r.phones["gw"].Expect(t, message.INVITE)
		if got := in.URI(); got != "sip:+49301234567@"+r.phones["gw"].Addr().String() {
			t.Errorf("Request-URI %q", got)
		}
		if got := in.To().URI; got != "sip:+49301234567@test.example" {
			t.Errorf("To %q", got)
		}
		if got := in.Header(message.HPAssertedIdentity); got != `"User 410" <sip:+4966112410@test.example>` {
			t.Errorf("P-Asserted-Identity %q", got)
		}
		if in.Has(message.HAlertInfo) || in.Has(message.HDiversion) {
			t.Errorf("the trunk is told too much:\n%s", in.Raw())
		}
		in.Ring()
		caller.Expect(t, 180)
		page, _ := r.table.List("", 10)
		if len(page) != 1 || len(page[0].Ringing) != 0 {
			t.Errorf("the list shows %+v", page)
		}
		callee := r.answerTo(caller, in, r.phones["gw"])
		r.phones["gw2"].ExpectNone(t, message.INVITE, time.Second)
		callee.Bye(t)
		caller.ExpectBye(t)
		rec := r.expectRecord(calls.Answered, 200, byCallee)
		if rec.Class != "inside" || rec.Number != "0301234567" || rec.ToUser != "" || rec.ToSlot != "" || len(rec.Legs) != 1 || rec.Legs[0].Number != "+49301234567" {
			t.Errorf("record %+v", rec)
		}
		if !strings.Contains(rec.MediaNote, "callee (+49301234567)") {
			t.Errorf("note %q", rec.MediaNote)
		}
	})
}

// TestWaysAreTriedInTurn: one way at a time; the next one when the first fails on its own, and not when the number does.
func TestWaysAreTriedInTurn(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int // of the first way, 0: silence
		ring   bool
		next   bool
		want   int
	}{
		{"out of order", 503, false, true, 0},
		{"server error", 500, false, true, 0},
		{"silent", 0, false, true, 0},
		{"busy", 486, false, false, 486},
		{"not assigned", 404, false, false, 480},
		{"refused everywhere", 603, false, false, 603},
		{"moved", 302, false, false, 480},
		{"fails after ringing", 503, true, false, 480},
	} {
		t.Run(c.name, func(t *testing.T) {
			runTrunks(t, offices(), func(t *testing.T, r *rig, w *trunks) {
				caller := r.phones["a"].Invite("0301234567", sdpFor(r.phones["a"], "8"))
				in := r.phones["gw"].Expect(t, message.INVITE)
				if c.ring {
					in.Ring()
				}
				if c.status != 0 {
					in.Respond(c.status, "", "Contact: <sip:411@test.example>")
				}
				if !c.next {
					caller.Expect(t, c.want)
					for _, p := range []string{"gw2", "b"} {
						r.phones[p].ExpectNone(t, message.INVITE, time.Second)
					}
					return
				}
				second := r.phones["gw2"].Expect(t, message.INVITE)
				callee := r.answerTo(caller, second, r.phones["gw2"])
				if c.status == 0 { // it wakes up
					late := in.Answer(sdpFor(r.phones["gw"], "8"))
					late.ExpectAck(t)
					late.ExpectBye(t)
				}
				callee.Bye(t)
				caller.ExpectBye(t)
				want := c.status
				if want == 0 { // no answer is told from a call that was given up
					want = 408
				}
				if rec := r.last(); len(rec.Legs) != 2 || rec.Legs[0].Status != want {
					t.Errorf("legs %+v", rec.Legs)
				}
			})
		})
	}
}

// TestNoWayOut: without a trunk, or with none that is up, a number outside is missed, and forwarding goes on.
func TestNoWayOut(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
	}{
		{"no trunks", func(c *Config) { c.Outside = nil }},
		{"all down", func(c *Config) { c.Outside.(*trunks).ways = nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := func(change func(*Config), h *house, fn func(t *testing.T, r *rig)) {
				w := &trunks{}
				h.Settings = routing.Settings{Outside: true, Country: "49"}
				runHouse(t, h, func(t *testing.T, r *rig) { w.rig = r; fn(t, r) }, func(c *Config) { c.Outside = w }, change)
			}
			run(c.change, offices(), func(t *testing.T, r *rig) {
				caller := r.phones["a"].Invite("0301234567", sdpFor(r.phones["a"], "8"))
				caller.Expect(t, 480)
				if rec := r.expectRecord(calls.Unreachable, 480, bySystem); !strings.Contains(rec.Cause, "no trunk") || len(rec.Legs) != 1 {
					t.Errorf("record %+v", rec)
				}
			})
			h := offices()
			h.of("411").Slots = append(h.of("411").Slots, routing.Slot{ID: "m", Type: "mobile", Mobile: "+491701234567"})
			h.of("411").Numbers[0].Ticked = []string{"m"}
			run(c.change, h.forward("411", routing.OnUnregistered, "412"), func(t *testing.T, r *rig) {
				caller := r.phones["a"].Invite("411", sdpFor(r.phones["a"], "8"))
				callee := r.answerTo(caller, r.phones["c"].Expect(t, message.INVITE), r.phones["c"])
				callee.Bye(t)
				caller.ExpectBye(t)
			})
		})
	}
}

// TestMobileSlot: a mobile slot rings beside the others; a decline there does not end their ringing, and its call counts for the slot.
func TestMobileSlot(t *testing.T) {
	h := offices()
	h.of("411").Slots = append(h.of("411").Slots, routing.Slot{ID: "m", Type: "mobile", Mobile: "+491701234567"})
	h.of("411").Numbers[0].Ticked = []string{"b", "m"}
	runTrunks(t, h, func(t *testing.T, r *rig, w *trunks) {
		caller := r.phones["a"].Invite("411", sdpFor(r.phones["a"], "8"))
		inB, inM := r.phones["b"].Expect(t, message.INVITE), r.phones["gw"].Expect(t, message.INVITE)
		inB.Ring()
		inM.Respond(603, "")
		r.phones["b"].ExpectNone(t, message.CANCEL, time.Second)
		inB.Respond(486, "")
		caller.Expect(t, 603)

		caller = r.phones["a"].Invite("411", sdpFor(r.phones["a"], "8"))
		r.phones["b"].Expect(t, message.INVITE).Ring()
		callee := r.answerTo(caller, r.phones["gw"].Expect(t, message.INVITE), r.phones["gw"])
		r.phones["b"].Expect(t, message.CANCEL)
		if n := r.live.SlotCalls("m"); n != 1 {
			t.Errorf("the mobile slot is in %d calls", n)
		}
		callee.Bye(t)
		caller.ExpectBye(t)
		if rec := r.last(); rec.ToSlot != "m" || rec.ToUser != "u-411" || rec.Number != "411" {
			t.Errorf("record %+v", rec)
		}
	})
}

// TestForwardOutside: it is the call of who forwards, who is named to the trunk.
func TestForwardOutside(t *testing.T) {
	runTrunks(t, offices().forward("411", routing.OnBusy, "+491701234567"), func(t *testing.T, r *rig, w *trunks) {
		caller := r.phones["a"].Invite("411", sdpFor(r.phones["a"], "8"))
		r.phones["b"].Expect(t, message.INVITE).Respond(486, "")
		in := r.phones["gw"].Expect(t, message.INVITE)
		if got := slices.Collect(in.Values(message.HDiversion)); !slices.Equal(got, []string{"<sip:411@test.example>;reason=user-busy;counter=1"}) {
			t.Errorf("Diversion %q", got)
		}
		in.Ring()
		if res := caller.Expect(t, 180); res.Has(message.HPAssertedIdentity) {
			t.Errorf("the caller is told where 411 forwards: %s", res.Raw())
		}
		if n := r.counted(); n["411"] != 1 || n["410"] != 1 {
			t.Errorf("counted %v", n)
		}
		callee := r.answerTo(caller, in, r.phones["gw"])
		callee.Bye(t)
		caller.ExpectBye(t)
		if rec := r.last(); rec.ToUser != "u-411" || rec.Number != "+491701234567" || len(rec.Forwards) != 1 {
			t.Errorf("record %+v", rec)
		}
	})
}

// TestEmergencyPassesLimits: an emergency call goes out though the phone, its address and the house are full.
func TestEmergencyPassesLimits(t *testing.T) {
	runTrunks(t, offices(), func(t *testing.T, r *rig, w *trunks) {
		w.ways = []string{"gw"}
		first := r.phones["a"].Invite("411", sdpFor(r.phones["a"], "8"))
		r.phones["b"].Expect(t, message.INVITE).Ring()
		first.Expect(t, 180)
		r.phones["a"].Invite("412", sdpFor(r.phones["a"], "8")).Final(t)
		caller := r.phones["a"].Invite("112", sdpFor(r.phones["a"], "8"))
		in := r.phones["gw"].Expect(t, message.INVITE)
		if got := in.URI(); !strings.HasPrefix(got, "sip:112@") {
			t.Errorf("Request-URI %q", got)
		}
		callee := r.answerTo(caller, in, r.phones["gw"])
		callee.Bye(t)
		caller.ExpectBye(t)
		first.Cancel(t)
		if !slices.Equal(w.asked, []string{"112!"}) {
			t.Errorf("asked for %q", w.asked)
		}
	}, func(c *Config) { c.Limits = Limits{Total: 1, PerSlot: 1, PerSource: 1, Contacts: 1} })
}

// TestFromOutside: who a trunk vouches for calls without a password, as somebody outside, whatever else the trunk says.
func TestFromOutside(t *testing.T) {
	runTrunks(t, offices(), func(t *testing.T, r *rig, w *trunks) {
		caller := r.phones["gw"].Invite("+4966112345411", sdpFor(r.phones["gw"], "8"))
		in := r.phones["b"].Expect(t, message.INVITE)
		if got := in.Header(message.HPAssertedIdentity); !strings.Contains(got, "<sip:+49301234567@test.example>") {
			t.Errorf("P-Asserted-Identity %q", got)
		}
		in.Ring()
		if res := caller.Expect(t, 180); res.Has(message.HPAssertedIdentity) {
			t.Error("somebody outside is told whom it reaches")
		}
		callee := r.answerTo(caller, in, r.phones["b"])
		if n := r.ua.sources.calls[sourceOf(r.phones["gw"].Addr().Addr())]; n != 1 {
			t.Errorf("%d calls of the source", n)
		}
		caller.Bye(t)
		callee.ExpectBye(t)
		rec := r.expectRecord(calls.Answered, 200, byCaller)
		if rec.Class != "outside" || rec.FromUser != "" || rec.FromSlot != "" || rec.From != "+49301234567" || rec.To != "411" || rec.ToUser != "u-411" {
			t.Errorf("record %+v", rec)
		}
		if r.auth.ok.Load() != 0 {
			t.Error("a password was looked at")
		}
		// From outside to outside there is no way, nor to an emergency number.
		for _, number := range []string{"0301234567", "112"} {
			if status := r.phones["gw"].Invite(number, sdpFor(r.phones["gw"], "8")).Final(t).Status(); status != 403 && status != 404 {
				t.Errorf("%s: %d", number, status)
			}
		}
	})
}

// TestFromOutsideIsChecked: limits, loops and extensions hold for trunks as well.
func TestFromOutsideIsChecked(t *testing.T) {
	runTrunks(t, offices().forward("411", routing.Always, "412"), func(t *testing.T, r *rig, w *trunks) {
		gw := r.phones["gw"]
		for _, c := range []struct {
			name   string
			lines  []string
			status int
		}{
			{"an extension we do not have", []string{"Require: precondition"}, 420},
			{"in a circle", []string{pathHeader + ": " + r.ua.marker + "/+4966112345411"}, 482},
			{"was at the target before", []string{"Diversion: <sip:412@x>;reason=unconditional"}, 482},
			{"wants to replace a call", []string{"Replaces: x;to-tag=1;from-tag=2"}, 481},
			{"a session too short", []string{"Session-Expires: 10", "Supported: timer"}, 422},
		} {
			if status := gw.Invite("+4966112345411", sdpFor(gw, "8"), c.lines...).Final(t).Status(); status != c.status {
				t.Errorf("%s: %d, want %d", c.name, status, c.status)
			}
		}
		one := gw.Invite("+4966112345411", sdpFor(gw, "8"), "Diversion: <sip:+49661999@x>;reason=user-busy")
		in := r.phones["c"].Expect(t, message.INVITE)
		if got := slices.Collect(in.Values(message.HDiversion)); len(got) != 2 || !strings.HasPrefix(got[1], "<sip:+49661999@") {
			t.Errorf("Diversion %q", got)
		}
		in.Ring()
		one.Expect(t, 180)
		if status := gw.Invite("+4966112345413", sdpFor(gw, "8")).Final(t).Status(); status != 503 {
			t.Errorf("beyond the limit of its address: %d", status)
		}
		one.Cancel(t)
	}, func(c *Config) { c.Limits.PerSource = 1 })
}

// TestHiddenOutside: somebody outside who shows no number is anonymous.
func TestHiddenOutside(t *testing.T) {
	runTrunks(t, offices(), func(t *testing.T, r *rig, w *trunks) {
		w.hidden = true
		caller := r.phones["gw"].Invite("+4966112345411", sdpFor(r.phones["gw"], "8"))
		in := r.phones["b"].Expect(t, message.INVITE)
		if in.Header(message.HPrivacy) != "id" || in.Has(message.HPAssertedIdentity) || strings.Contains(string(in.Raw()), "301234567") {
			t.Errorf("the callee is shown\n%s", in.Raw())
		}
		in.Respond(486, "")
		caller.Expect(t, 486)
		if rec := r.last(); rec.From != "" || rec.Class != "outside" || rec.FromHidden {
			t.Errorf("record %+v", rec)
		}
	})
}

// TestTransferOfSomebodyOutside: who is outside can be transferred, and stays outside.
func TestTransferOfSomebodyOutside(t *testing.T) {
	runTrunks(t, offices().after("412", 5, "413"), func(t *testing.T, r *rig, w *trunks) {
		gw := r.phones["gw"]
		caller := gw.Invite("+4966112345411", sdpFor(gw, "8"))
		callee := r.answerTo(caller, r.phones["b"].Expect(t, message.INVITE), r.phones["b"])
		callee.Send(message.REFER, "", "", "Refer-To: <sip:412@test.example>").Expect(t, 202)
		r.phones["c"].Expect(t, message.INVITE).Ring()
		in := r.phones["d"].Expect(t, message.INVITE) // and nobody answers there
		if got := in.From().URI; got != "sip:+49301234567@test.example" {
			t.Errorf("From %q", got)
		}
		stay := in.Answer(sdpFor(r.phones["d"], "8"))
		stay.ExpectAck(t)
		re := caller.ExpectRequest(t, message.INVITE)
		if re.Has(message.HPAssertedIdentity) {
			t.Error("somebody outside is told whom it is transferred to")
		}
		re.Respond(200, sdpFor(gw, "8"))
		re.ExpectAck(t)
		for range 20 {
			r.phones["b"].ExpectNone(t, message.INVITE, 100*time.Millisecond)
		}
		stay.Bye(t)
		caller.ExpectBye(t)
		synctest.Wait()
		rec := r.last()
		if rec.Class != "outside" || rec.From != "+49301234567" || rec.FromUser != "" || rec.Number != "413" {
			t.Errorf("record %+v", rec)
		}
	})
}
