package admin_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// schedule has profile Nacht outside of working hours, and at once when somebody chooses.
const schedule = `{"calendar":{"zone":"Europe/Berlin","state":"HE","entries":[
	{"name":"Arbeit","days":["mon","tue","wed","thu","fri"],"from":"08:00","to":"17:00","holidays":"not"},{"from":"00:00","to":"24:00"}]},
	"profiles":["","<profile/armin>"]}`

func TestForwardingAhead(t *testing.T) {
	r := newRig(t)
	r.forwarding()
	r.want(200, "armin.artmann", "PATCH", "/api/numbers/417", `{"schedule":`+schedule+`}`)
	var v struct {
		Items []struct {
			From, Until time.Time
			Profile     *string
			Name, By    string
		}
		Truncated bool
	}
	r.want(200, "armin.artmann", "GET", "/api/numbers/417/forwarding?at=2026-12-23T12:00:00Z&days=7", "").decode(&v)
	var got []string
	for _, c := range v.Items {
		got = append(got, fmt.Sprintf("%s–%s %q %s", c.From.Format("Mon 15:04"), c.Until.Format("Mon 15:04"), c.Name, c.By))
	}
	// 24 December is a working day, Friday 25 and Saturday 26 are holidays.
	want := []string{
		`Wed 13:00–Wed 17:00 "" schedule`, `Wed 17:00–Thu 08:00 "Urlaub" schedule`, `Thu 08:00–Thu 17:00 "" schedule`,
		`Thu 17:00–Mon 08:00 "Urlaub" schedule`, `Mon 08:00–Mon 17:00 "" schedule`, `Mon 17:00–Tue 08:00 "Urlaub" schedule`,
		`Tue 08:00–Tue 17:00 "" schedule`, `Tue 17:00–Wed 08:00 "Urlaub" schedule`, `Wed 08:00–Wed 17:00 "" schedule`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	r.want(200, "armin.artmann", "GET", "/api/numbers/417/forwarding?at=2026-01-01T12:00:00Z&days=366", "").decode(&v)
	if len(v.Items) != 200 || !v.Truncated {
		t.Errorf("a year has %d changes, truncated %v", len(v.Items), v.Truncated)
	}
	for _, query := range []string{"?days=0", "?days=367", "?at=morgen", "?at=1066-10-14T00:00:00Z", "?days=x"} {
		if a := r.do("armin.artmann", "GET", "/api/numbers/417/forwarding"+query, ""); a.Code != 422 {
			t.Errorf("%s: %d", query, a.Code)
		}
	}
}

// TestChoiceHoldsUntilTheScheduleChanges walks through what forwarding_profile can be set to.
func TestChoiceHoldsUntilTheScheduleChanges(t *testing.T) {
	r := newRig(t)
	r.forwarding()
	type number struct {
		Profile *string `json:"forwarding_profile"`
		Active  struct {
			Profile  *string
			Name, By string
			Until    time.Time
		} `json:"forwarding_active"`
	}
	text := func(s *string) string {
		if s == nil {
			return "null"
		}
		return shownID(r, *s)
	}
	// The only entry holds all day, so that the answer is the same whenever the test runs; it ends at some day.
	always := `{"calendar":{"zone":"Europe/Berlin","entries":[{"from":"00:00","to":"24:00","last":"2099-12-31"}]},"profiles":["<profile/armin>"]}`
	for _, c := range []struct{ name, body, chosen, active, by string }{
		{"nothing", `{}`, "null", "null", "choice"},
		{"chosen", `{"forwarding_profile":"<profile/armin>"}`, "profile/armin", "profile/armin", "choice"},
		{"none by hand", `{"forwarding_profile":""}`, `""`, "null", "choice"},
		{"a schedule, while none is chosen", `{"schedule":` + always + `}`, `""`, "null", "choice"},
		{"the schedule holds", `{"forwarding_profile":null}`, "null", "profile/armin", "schedule"},
		{"none by hand until the schedule changes", `{"forwarding_profile":""}`, `""`, "null", "choice"},
		{"no schedule, and nothing chosen", `{"schedule":null,"forwarding_profile":null}`, "null", "null", "choice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var v, again number
			a := r.want(200, "armin.artmann", "PATCH", "/api/numbers/417", c.body)
			a.decode(&v)
			if got := []string{text(v.Profile), text(v.Active.Profile), v.Active.By}; !slices.Equal(got, []string{c.chosen, c.active, c.by}) {
				t.Errorf("got %v: %s", got, a.Body)
			}
			b := r.want(200, "armin.artmann", "GET", "/api/numbers/417", "")
			b.decode(&again)
			if !reflect.DeepEqual(v, again) || a.Header().Get("ETag") != b.Header().Get("ETag") {
				t.Errorf("the change answered %s %s, reading it %s %s", a.Header().Get("ETag"), a.Body, b.Header().Get("ETag"), b.Body)
			}
			r.want(304, "armin.artmann", "GET", "/api/numbers/417", "", "If-None-Match", b.Header().Get("ETag"))
			r.want(200, "armin.artmann", "PATCH", "/api/numbers/417", `{}`, "If-Match", b.Header().Get("ETag"))
		})
	}
}

func shownID(r *rig, id string) string {
	if id == "" {
		return `""`
	}
	return r.names[id]
}

// TestProfilesOfOthers asks for profiles through paths and bodies that do not fit.
func TestProfilesOfOthers(t *testing.T) {
	r := newRig(t)
	r.forwarding()
	for _, c := range []struct {
		status                 int
		as, method, path, body string
	}{
		{404, "armin.artmann", "GET", "/api/users/armin.artmann/profiles/<profile/iris>", ""},
		{404, "armin.artmann", "PATCH", "/api/users/armin.artmann/profiles/<profile/iris>", `{"name":"x"}`},
		{404, "armin.artmann", "DELETE", "/api/users/armin.artmann/profiles/<profile/iris>", ""},
		{404, "adele.admin", "DELETE", "/api/users/armin.artmann/profiles/<profile/iris>", ""},
		{422, "armin.artmann", "PATCH", "/api/numbers/416", `{"forwarding_profile":"<profile/iris>"}`},
		{422, "armin.artmann", "PUT", "/api/users/armin.artmann/profiles/order", `{"profiles":["<profile/iris>"]}`},
		{422, "armin.artmann", "PATCH", "/api/numbers/416", `{"forwarding_profile":17}`},
		{422, "armin.artmann", "PATCH", "/api/numbers/416", `{"forwarding_active":{}}`},
		{422, "armin.artmann", "POST", "/api/users/armin.artmann/profiles", `{"name":"` + strings.Repeat("x", 129) + `"}`},
		{422, "armin.artmann", "POST", "/api/users/armin.artmann/profiles", `{"name":"x","extended":[` + strings.Repeat(`{"when":{},"action":{"kind":"allow"}},`, 100) + `{"when":{},"action":{"kind":"allow"}}]}`},
		{422, "armin.artmann", "POST", "/api/users/armin.artmann/profiles", `{"name":"x","extended":[{"when":{"calendar":null},"action":null}]}`},
	} {
		r.want(c.status, c.as, c.method, c.path, c.body)
	}
}

// TestCircles chooses profiles that would send calls round.
func TestCircles(t *testing.T) {
	r := newRig(t)
	r.forwarding()
	to := func(number string) string {
		return `{"table":[{"case":"always","class":"inside","action":{"kind":"number","number":"` + number + `"}}]}`
	}
	r.want(200, "armin.artmann", "PATCH", "/api/users/armin.artmann/profiles/<profile/armin>", to("403"))
	r.want(200, "armin.artmann", "PATCH", "/api/numbers/416", `{"forwarding_profile":"<profile/armin>"}`)
	r.want(200, "iris.immsee", "PATCH", "/api/users/iris.immsee/profiles/<profile/iris>", to("416"))
	a := r.want(422, "iris.immsee", "PATCH", "/api/numbers/403", `{"forwarding_profile":"<profile/iris>"}`)
	if text := a.Body.String(); !strings.Contains(text, `"body.forwarding_profile"`) || !strings.Contains(text, "403 → 416 → 403") {
		t.Errorf("%s", text)
	}
	r.want(200, "iris.immsee", "PATCH", "/api/users/iris.immsee/profiles/<profile/iris>", to("417"))
	r.want(200, "iris.immsee", "PATCH", "/api/numbers/403", `{"forwarding_profile":"<profile/iris>"}`)
	a = r.want(422, "iris.immsee", "PATCH", "/api/users/iris.immsee/profiles/<profile/iris>", to("416"))
	if text := a.Body.String(); !strings.Contains(text, `"body.table[0].action.number"`) {
		t.Errorf("%s", text)
	}
}

// TestDomainTypesAreTakenAsTheyAre sends a profile with every field and compares what comes back and what is kept.
func TestDomainTypesAreTakenAsTheyAre(t *testing.T) {
	r := newRig(t)
	want := directory.Profile{
		Table: []directory.CaseRule{{Case: directory.NoAnswer, Class: directory.FromInside, After: 5, Action: directory.Action{Kind: directory.ToAnnouncement, ID: "x"}}},
		Extended: []directory.ExtendedRule{{
			Name: "alles", When: directory.Conditions{
				Class: directory.FromInside, Caller: &directory.Match{Kind: directory.MatchPattern, Value: "4[0-9]+", Not: true}, Group: directory.Admins,
				States: []directory.Case{directory.WhenBusy, directory.NoAnswer}, After: 30,
			},
			Action: directory.Action{Kind: directory.ToParallel, Numbers: []string{"403"}},
			Tests:  []directory.RuleTest{{From: "403", State: directory.WhenBusy, At: time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC)}},
		}},
	}
	table, _ := json.Marshal(want.Table)
	extended, _ := json.Marshal(want.Extended)
	var v struct{ ID string }
	r.want(201, "armin.artmann", "POST", "/api/users/armin.artmann/profiles", fmt.Sprintf(`{"name":"x","table":%s,"extended":%s}`, table, extended)).decode(&v)
	got := r.st.Snapshot().Profiles[v.ID]
	if !reflect.DeepEqual(got.Table, want.Table) || !reflect.DeepEqual(got.Extended, want.Extended) {
		t.Errorf("kept %+v", got)
	}
}
