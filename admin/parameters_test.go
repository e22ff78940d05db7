package admin_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

type giver struct{ Group, Title string }

// followed is a number or a user with what comes from groups.
type followed struct {
	CallWaiting bool   `json:"call_waiting"`
	MaxCalls    int    `json:"max_calls"`
	Language    string `json:"language"`
	HideInside  bool   `json:"hide_number_inside"`
	Inherited   map[string]giver
}

func TestParametersOfGroups(t *testing.T) {
	r := newRig(t)
	number := func(as string) (v followed, tag string) {
		t.Helper()
		a := r.want(200, as, "GET", "/api/numbers/416", "")
		a.decode(&v)
		return v, a.Header().Get("ETag")
	}
	user := func() (v followed, tag string) {
		t.Helper()
		a := r.want(200, "adele.admin", "GET", "/api/users/armin.artmann", "")
		a.decode(&v)
		return v, a.Header().Get("ETag")
	}
	first, firstTag := number("adele.admin")
	_, firstUser := user()
	if first.Inherited["call_waiting"] != (giver{}) || len(first.Inherited) != 5 {
		t.Errorf("without groups: %+v", first)
	}
	r.want(201, "adele.admin", "POST", "/api/groups", `{"name":"sales","title":"Vertrieb","parameters":{"call_waiting":true,"max_calls":2,"language":"en","hide_number_inside":true}}`)
	r.want(204, "adele.admin", "PUT", "/api/groups/sales/members/armin.artmann", "")
	sales := giver{"sales", "Vertrieb"}

	v, tag := number("armin.artmann")
	if !v.CallWaiting || v.MaxCalls != 2 || v.Inherited["max_calls"] != sales || v.Inherited["ring_inside"] != (giver{}) || tag == firstTag {
		t.Errorf("number %s (was %s): %+v", tag, firstTag, v)
	}
	u, userTag := user()
	if u.Language != "en" || !u.HideInside || u.Inherited["language"] != sales || userTag == firstUser {
		t.Errorf("user: %+v", u)
	}
	// Whoever has looked before the group changed saves nothing over it.
	r.want(200, "adele.admin", "PATCH", "/api/groups/sales", `{"parameters":{"max_calls":3,"language":null}}`)
	r.want(412, "armin.artmann", "PATCH", "/api/numbers/416", `{"call_waiting":false}`, "If-Match", tag)
	r.want(412, "adele.admin", "PATCH", "/api/users/armin.artmann", `{"dnd":true}`, "If-Match", userTag)
	var g struct{ Parameters map[string]any }
	r.want(200, "adele.admin", "GET", "/api/groups/sales", "").decode(&g)
	if diff := cmp.Diff(map[string]any{"call_waiting": true, "max_calls": 3.0, "hide_number_inside": true}, g.Parameters); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	if u, _ := user(); u.Language != "de" || u.Inherited["language"] != (giver{}) {
		t.Errorf("language that is given no more: %+v", u)
	}
	// A value of one's own, even if it is the group's, and back.
	r.want(200, "armin.artmann", "PATCH", "/api/numbers/416", `{"max_calls":3,"call_waiting":false}`)
	if v, _ := number("armin.artmann"); v.CallWaiting || v.MaxCalls != 3 || len(v.Inherited) != 3 {
		t.Errorf("own settings: %+v", v)
	}
	r.want(200, "adele.admin", "PATCH", "/api/groups/sales", `{"parameters":{"max_calls":9}}`)
	if v, _ := number("armin.artmann"); v.MaxCalls != 3 {
		t.Errorf("own setting after a change of the group: %+v", v)
	}
	r.want(200, "armin.artmann", "PATCH", "/api/numbers/416", `{"max_calls":null,"call_waiting":null}`)
	if v, _ := number("armin.artmann"); !v.CallWaiting || v.MaxCalls != 9 || v.Inherited["call_waiting"] != sales {
		t.Errorf("back to the group: %+v", v)
	}
	// Who is new follows too, unless told otherwise.
	r.want(200, "adele.admin", "PATCH", "/api/groups/users", `{"parameters":{"language":"en","call_waiting":true}}`)
	for body, want := range map[string]followed{
		`{"username":"neu.eins"}`:                 {Language: "en", Inherited: map[string]giver{"language": {"users", "All Users"}, "time_zone": {}, "hide_number_inside": {}, "hide_number_outside": {}}},
		`{"username":"neu.zwei","language":"de"}`: {Language: "de", Inherited: map[string]giver{"time_zone": {}, "hide_number_inside": {}, "hide_number_outside": {}}},
	} {
		var u followed
		if r.want(201, "adele.admin", "POST", "/api/users", body).decode(&u); cmp.Diff(want, u) != "" {
			t.Errorf("%s (-want +got):\n%s", body, cmp.Diff(want, u))
		}
	}
	var n followed
	if r.want(201, "adele.admin", "POST", "/api/users/neu.eins/numbers", `{"number":"431"}`).decode(&n); !n.CallWaiting || n.Inherited["call_waiting"].Group != "users" {
		t.Errorf("new number: %+v", n)
	}
	r.want(200, "adele.admin", "POST", "/api/users/import", "username;first_name;language;numbers\nneu.drei;Neu;;432\nneu.vier;Neu;de;\nneu.eins;Eins;en;\n", "Content-Type", "text/csv")
	snap := r.st.Snapshot()
	if three, four, one := snap.ByName["neu.drei"], snap.ByName["neu.vier"], snap.ByName["neu.eins"]; three.Language != "en" || three.Own != 0 || four.Language != "de" || one.Own != 0 || !snap.Numbers["432"].CallWaiting {
		t.Errorf("imported: %+v %+v %+v", three, four, one)
	}
	r.want(200, "adele.admin", "POST", "/api/bulk/users", `{"usernames":["neu.eins","neu.vier"],"set":{"language":null}}`)
	if snap := r.st.Snapshot(); snap.ByName["neu.vier"].Language != "en" {
		t.Errorf("bulk: %+v", snap.ByName["neu.vier"])
	}
	for body, location := range map[string]string{
		`{"parameters":{"max_calls":-1}}`:              "body.parameters.max_calls",
		`{"parameters":{"time_zone":"Mars"}}`:          "body.parameters.time_zone",
		`{"parameters":{"ring_inside":"laut"}}`:        "body.parameters.ring_inside",
		`{"parameters":{"display_name":"Wir"}}`:        "body.parameters.display_name",
		`{"parameters":{"call_waiting":"vielleicht"}}`: "body.parameters.call_waiting",
	} {
		var p struct{ Errors []struct{ Location string } }
		if r.want(422, "adele.admin", "PATCH", "/api/groups/sales", body).decode(&p); len(p.Errors) == 0 || p.Errors[0].Location != location {
			t.Errorf("%s: %+v", body, p)
		}
	}
	r.want(422, "adele.admin", "PATCH", "/api/groups/slots", `{"parameters":{"call_waiting":true}}`)
	r.want(200, "adele.admin", "PATCH", "/api/groups/sales", `{"parameters":null}`)
	if v, _ := number("armin.artmann"); v.MaxCalls != 0 || v.Inherited["call_waiting"].Group != "users" {
		t.Errorf("without parameters: %+v", v)
	}
}
