package admin_test

import (
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/admin/api"
)

func explain(r *rig, as, from, to string) api.Explanation {
	r.t.Helper()
	var v api.Explanation
	r.want(200, as, "POST", "/api/explain", `{"from":"`+from+`","to":"`+to+`","at":"2026-12-27T14:00:00+01:00"}`).decode(&v)
	return v
}

// chain sends calls from 416 on to 403 when nobody answers, and from there to a mobile phone.
func chain(r *rig) {
	r.t.Helper()
	r.forwarding()
	r.want(200, "armin.artmann", "PATCH", "/api/users/armin.artmann/profiles/<profile/armin>", `{"table":[
		{"case":"no_answer","class":"outside","after":15,"action":{"kind":"number","number":"403"}},
		{"case":"busy","class":"outside","action":{"kind":"reject"}}]}`)
	r.want(200, "armin.artmann", "PATCH", "/api/numbers/416", `{"forwarding_profile":"<profile/armin>"}`)
	r.want(200, "iris.immsee", "PATCH", "/api/users/iris.immsee/profiles/<profile/iris>", `{"table":[
		{"case":"no_answer","class":"outside","after":25,"action":{"kind":"number","number":"417"}}]}`)
	r.want(200, "iris.immsee", "PATCH", "/api/numbers/403", `{"forwarding_profile":"<profile/iris>"}`)
	r.want(200, "armin.artmann", "PUT", "/api/users/armin.artmann/matrix", `{"416":["<armin/desk>","<armin/dect>"],"417":["<armin/softphone>"]}`)
}

func TestExplainSaysWhatComesNext(t *testing.T) {
	r := newRig(t)
	chain(r)
	v := explain(r, "adele.admin", "+4966112345", "416")
	if v.Outcome != "ring" || v.RingSeconds != 15 || len(v.Targets) != 2 || len(v.Then) != 2 || v.Truncated {
		t.Fatalf("%+v", v)
	}
	busy, unanswered := v.Then[0], v.Then[1]
	if busy.On != "busy" || busy.Outcome != "declined" || len(busy.Then) != 0 {
		t.Errorf("busy: %+v", busy)
	}
	if unanswered.On != "no_answer" || unanswered.Number != "403" || unanswered.Owner != "iris.immsee" || unanswered.RingSeconds != 25 ||
		len(unanswered.Hops) != 1 || unanswered.Hops[0].Username != "armin.artmann" || unanswered.Targets[0].SlotID != r.id("iris/desk") {
		t.Errorf("no answer: %+v", unanswered)
	}
	for _, reason := range unanswered.Reasons {
		if reason.Code == "caller_outside" {
			t.Error("a stage repeats the reasons of the one before")
		}
	}
	last := unanswered.Then[len(unanswered.Then)-1]
	if last.On != "no_answer" || last.Number != "417" || len(last.Hops) != 1 || last.Hops[0].From != "403" || last.Targets[0].SlotID != r.id("armin/softphone") {
		t.Errorf("after that: %+v", last)
	}
	if len(v.Slots) != 3 {
		t.Fatalf("slots: %+v", v.Slots)
	}
	for _, s := range v.Slots {
		if s.Rings != (s.SlotID != r.id("armin/softphone")) || len(s.Reasons) == 0 || s.Name == "" || s.Username != "armin.artmann" {
			t.Errorf("slot: %+v", s)
		}
	}
}

// TestExplainIsBounded asks for a hunt group that goes round and branches three ways at every member.
func TestExplainIsBounded(t *testing.T) {
	r := newRig(t)
	r.want(201, "adele.admin", "POST", "/api/huntgroups", `{"name":"Zentrale","number":"400","strategy":"linear","members":["416","403"],"member_seconds":5,"seconds":600}`)
	v := explain(r, "adele.admin", "+4966112345", "400")
	count := 0
	var walk func(*api.Stage)
	walk = func(s *api.Stage) {
		for _, f := range s.Then {
			count++
			walk(&f.Stage)
		}
	}
	walk(&v.Stage)
	if count != 60 || !v.Truncated || v.Owner != "Zentrale" {
		t.Errorf("%d stages, truncated %v, owner %s", count, v.Truncated, v.Owner)
	}
}

// TestUsersAreToldOfTheirOwn compares what an administrator and the owner of the number called are told.
func TestUsersAreToldOfTheirOwn(t *testing.T) {
	r := newRig(t)
	chain(r)
	text := func(as, from string) string {
		return r.want(200, as, "POST", "/api/explain", `{"from":"`+from+`","to":"416","at":"2026-12-27T14:00:00+01:00"}`).Body.String()
	}
	for _, c := range []struct {
		name, from, secret string
	}{
		{"slots of others", "+4966112345", "<iris/desk>"},
		{"profiles of others", "+4966112345", "<profile/iris>"},
		{"slots of inside callers", "403", "<iris/desk>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			if all := text("adele.admin", c.from); !strings.Contains(all, r.expand(c.secret)) {
				t.Fatalf("nothing to hide: %s", all)
			}
			if own := text("armin.artmann", c.from); strings.Contains(own, r.expand(c.secret)) {
				t.Errorf("told: %s", own)
			}
		})
	}
	r.t = t
	v := explain(r, "armin.artmann", "+4966112345", "416")
	if len(v.Slots) != 3 || len(v.Then) != 2 || v.Then[1].Number != "403" || len(v.Then[1].Then) != 0 || v.Then[1].Targets[0].Username != "iris.immsee" {
		t.Errorf("%+v", v)
	}
	r.want(403, "armin.artmann", "POST", "/api/explain", `{"from":"<iris/desk>","to":"416"}`)
	r.want(200, "armin.artmann", "POST", "/api/explain", `{"from":"<armin/softphone>","to":"416"}`)
	// 403 sends all calls on at once: that is where iris is, and none of armin's business.
	r.want(200, "iris.immsee", "PATCH", "/api/users/iris.immsee/profiles/<profile/iris>", `{"table":[{"case":"always","class":"outside","action":{"kind":"reject"}}]}`)
	r.want(200, "armin.artmann", "PATCH", "/api/users/armin.artmann/profiles/<profile/armin>", `{"table":[{"case":"always","class":"outside","action":{"kind":"number","number":"403"}}]}`)
	if v := explain(r, "armin.artmann", "+4966112345", "416"); len(v.Hops) != 1 || v.Number != "403" || len(v.Targets) != 0 {
		t.Errorf("%+v", v)
	}
}
