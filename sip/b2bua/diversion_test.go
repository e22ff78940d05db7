package b2bua

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// TestDiversionIsBuilt: the target of a chain hears of every hop with its reason, and so does the record.
func TestDiversionIsBuilt(t *testing.T) {
	h := offices().forward("411", routing.Always, "412").after("412", 5, "413").user("414", "e").user("415", "f")
	h.forward("413", routing.OnBusy, "414").forward("414", routing.OnUnregistered, "415")
	runHouse(t, h, func(t *testing.T, r *rig) {
		caller := r.phones["a"].Invite("411", sdpFor(r.phones["a"], "8"))
		in := r.phones["c"].Expect(t, message.INVITE)
		if got := slices.Collect(in.Values(message.HDiversion)); !slices.Equal(got, []string{"<sip:411@test.example>;reason=unconditional;counter=1"}) {
			t.Errorf("Diversion after one hop: %q", got)
		}
		in.Ring()
		r.phones["d"].Expect(t, message.INVITE).Respond(486, "")
		r.phones["e"].Expect(t, message.INVITE).Respond(404, "")
		in = r.phones["f"].Expect(t, message.INVITE)
		if got, want := slices.Collect(in.Values(message.HDiversion)), []string{
			"<sip:414@test.example>;reason=unavailable;counter=1", "<sip:413@test.example>;reason=user-busy;counter=1",
			"<sip:412@test.example>;reason=no-answer;counter=1", "<sip:411@test.example>;reason=unconditional;counter=1",
		}; !slices.Equal(got, want) {
			t.Errorf("Diversion\n%q, want\n%q", got, want)
		}
		if got, want := slices.Collect(in.Values(message.HHistoryInfo)), []string{
			"<sip:411@test.example>;index=1", "<sip:412@test.example;cause=302>;index=1.1;mp=1", "<sip:413@test.example;cause=408>;index=1.1.1;mp=1.1",
			"<sip:414@test.example;cause=486>;index=1.1.1.1;mp=1.1.1", "<sip:415@test.example;cause=503>;index=1.1.1.1.1;mp=1.1.1.1",
		}; !slices.Equal(got, want) {
			t.Errorf("History-Info\n%q, want\n%q", got, want)
		}
		if got, want := diverted(in.Message), []string{"414", "413", "412", "411"}; !slices.Equal(got, want) {
			t.Errorf("read back %q, want %q", got, want)
		}
		callee := r.answerTo(caller, in, r.phones["f"])
		callee.Bye(t)
		caller.ExpectBye(t)
		want := []calls.Forward{{From: "411", To: "412", Why: "always"}, {From: "412", To: "413", Why: "no_answer"}, {From: "413", To: "414", Why: "busy"}, {From: "414", To: "415", Why: "not_registered"}}
		if rec := r.last(); !slices.Equal(rec.Forwards, want) || rec.ToUser != "u-415" {
			t.Errorf("record %+v", rec)
		}
	})
}

// TestPlainCallTellsNothing: a call that nobody has forwarded carries neither header, and its record no hops.
func TestPlainCallTellsNothing(t *testing.T) {
	runHouse(t, offices(), func(t *testing.T, r *rig) {
		r.connect(r.phones["a"], r.phones["b"], "411")
		if s := string(r.offer); strings.Contains(s, "Diversion") {
			t.Error(s)
		}
		r.table.HangupAll("")
		for _, p := range []string{"a", "b"} {
			r.phones[p].Expect(t, message.BYE).OK()
		}
		if rec := r.last(); rec.Forwards != nil || rec.FromHidden {
			t.Errorf("record %+v", rec)
		}
	})
}

// TestClaimedForwardsCountOnly: what a phone says of forwards before counts as hops, so that circles end, but nobody is told of
// it: a phone could claim anything.
func TestClaimedForwardsCountOnly(t *testing.T) {
	for _, c := range []struct {
		name   string
		lines  []string
		status int
	}{
		{"none", nil, 0},
		{"one", []string{"Diversion: <sip:499@test.example>;reason=user-busy"}, 0},
		{"the target has forwarded", []string{"Diversion: <sip:412@test.example>;reason=user-busy"}, 482},
		{"the target has forwarded, as History-Info", []string{"History-Info: <sip:412@x>;index=1, <sip:411@x;cause=302>;index=1.1"}, 482},
		{"ten", []string{"Diversion: " + strings.Join(tenTimes("<sip:49%d@x>"), ", ")}, 483},
	} {
		t.Run(c.name, func(t *testing.T) {
			runHouse(t, offices().forward("411", routing.Always, "412"), func(t *testing.T, r *rig) {
				caller := r.phones["a"].Invite("411", sdpFor(r.phones["a"], "8"), c.lines...)
				if c.status != 0 {
					caller.Expect(t, c.status)
					return
				}
				in := r.phones["c"].Expect(t, message.INVITE)
				if got := slices.Collect(in.Values(message.HDiversion)); len(got) != 1 || !strings.HasPrefix(got[0], "<sip:411@") {
					t.Errorf("Diversion %q", got)
				}
				in.Respond(486, "")
				caller.Expect(t, 486)
				if rec := r.last(); len(rec.Forwards) != 1 {
					t.Errorf("forwards %v", rec.Forwards)
				}
			})
		})
	}
}

func tenTimes(format string) (out []string) {
	for i := range 10 {
		out = append(out, fmt.Sprintf(format, i))
	}
	return out
}

func TestDivertedIsRead(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"nothing", nil, nil},
		{"Diversion", []string{"Diversion: <sip:+49661123@x>;reason=no-answer", "Diversion: \"A, B\" <tel:+49-661-456>;reason=user-busy"}, []string{"+49661123", "+49661456"}},
		{"withheld", []string{"Diversion: <sip:anonymous@anonymous.invalid>, <sip:411@x>"}, []string{"411"}},
		{"History-Info with causes", []string{"History-Info: <sip:411@x>;index=1, <sip:412@x;cause=408>;index=1.1", "History-Info: <sip:413@x;cause=486?Reason=SIP%3Bcause%3D486>;index=1.1.1"}, []string{"412", "411"}},
		{"History-Info with mp", []string{"History-Info: <sip:411@x>;index=1,<sip:412@x>;index=1.1;mp=1"}, []string{"411"}},
		{"the same target at another place", []string{"History-Info: <sip:411@x>;index=1,<sip:411@10.0.0.1>;index=1.1;rc=1"}, nil},
		{"both, the longer one", []string{"Diversion: <sip:412@x>", "History-Info: <sip:411@x>;index=1,<sip:412@x;cause=302>;index=1.1,<sip:413@x;cause=302>;index=1.1.1"}, []string{"412", "411"}},
		{"garbage", []string{"Diversion: <<>>, ;;;, <sip:>, \"", "History-Info: ,,,;index=, <sip:%zz@x;cause=302>"}, nil},
		{"many", []string{"Diversion: " + strings.Repeat("<sip:1@x>,", 500) + "<sip:2@x>"}, slices.Repeat([]string{"1"}, 10)},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := message.Parse([]byte("INVITE sip:4@x SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:4@x>\r\n" +
				"Call-ID: 1\r\nCSeq: 1 INVITE\r\n" + strings.Join(append(slices.Clone(c.lines), ""), "\r\n") + "\r\n"))
			if err != nil {
				t.Fatal(err)
			}
			if got := diverted(req); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func FuzzDiverted(f *testing.F) {
	f.Add("<sip:411@x>;reason=user-busy", "<sip:411@x>;index=1,<sip:412@x;cause=408>;index=1.1")
	f.Add("\"a\\\"b\" <tel:+49;x=y>", "<sip:%34@x?Reason=SIP%3Bcause%3D486>;index=1;mp=1")
	corpus.Add(f)
	f.Fuzz(func(t *testing.T, diversion, history string) {
		req, err := message.Parse([]byte("INVITE sip:4@x SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:4@x>\r\n" +
			"Call-ID: 1\r\nCSeq: 1 INVITE\r\nDiversion: " + diversion + "\r\nHistory-Info: " + history + "\r\n\r\n"))
		if err != nil {
			return
		}
		got := diverted(req)
		if len(got) > routing.MaxHops {
			t.Errorf("%d hops", len(got))
		}
		for _, n := range got {
			if d, ok := routing.Dialled(n); !ok || d != n {
				t.Errorf("%q is no number", n)
			}
		}
	})
}

// TestNumberIsHidden: who wants no number shown is anonymous to the callee (RFC 3323), and known to the record.
func TestNumberIsHidden(t *testing.T) {
	h := offices()
	h.of("410").HideInside = true
	runHouse(t, h, func(t *testing.T, r *rig) {
		caller := r.phones["a"].Invite("411", sdpFor(r.phones["a"], "8"))
		in := r.phones["b"].Expect(t, message.INVITE)
		if in.Header(message.HPrivacy) != "id" || in.Has(message.HPAssertedIdentity) || !strings.HasPrefix(in.Header(message.HFrom), `"Anonymous" <sip:anonymous@anonymous.invalid>`) {
			t.Errorf("the callee is shown\n%s", in.Raw())
		}
		if s := string(in.Raw()); strings.Contains(s, "410") || strings.Contains(s, "User 410") {
			t.Errorf("the callee can read the number in\n%s", s)
		}
		in.Ring()
		caller.Expect(t, 180)
		page, _ := r.table.List("", 10)
		if len(page) != 1 || page[0].From != "410" || !page[0].FromHidden {
			t.Errorf("the list shows %+v", page)
		}
		in.Respond(486, "")
		caller.Expect(t, 486)
		if rec := r.last(); rec.From != "410" || !rec.FromHidden || rec.FromUser != "u-a" {
			t.Errorf("record %+v", rec)
		}
	})
}
