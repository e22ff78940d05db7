package admin_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// acts are requests that do more than read and change one object, on a rig of their own. An operation is named by its first step.
var acts = []step{
	{"list-free-numbers", "adele.admin", "GET", "/api/numbers/free?near=416&count=4", "", ""},
	{"preview-matrix", "armin.artmann", "POST", "/api/users/armin.artmann/matrix/preview", `{"416":["<armin/desk>"],"417":["<armin/softphone>"]}`, ""},
	{"preview-matrix-foreign-slot", "armin.artmann", "POST", "/api/users/armin.artmann/matrix/preview", `{"416":["<iris/desk>"]}`, ""},
	{"list-user-calls", "armin.artmann", "GET", "/api/users/armin.artmann/calls", "", ""},
	{"list-user-calls-out", "adele.admin", "GET", "/api/users/iris.immsee/calls?direction=out&limit=1", "", ""},
	{"see-user-calls", "armin.artmann", "PUT", "/api/users/armin.artmann/calls/seen", `{"id":"01JD00000000000000000000R1"}`, ""},
	{"see-user-calls-other", "iris.immsee", "PUT", "/api/users/iris.immsee/calls/seen", `{"id":"01JD00000000000000000000R9"}`, ""},
	{"list-colleagues", "armin.artmann", "GET", "/api/colleagues?filter=iris", "", ""},
	{"get-slot-credentials", "armin.artmann", "GET", "/api/slots/<armin/desk>/credentials", "", ""},
	{"get-slot-credentials-foreign", "armin.artmann", "GET", "/api/slots/<iris/desk>/credentials", "", ""},
	{"impersonate", "adele.admin", "POST", "/api/session/impersonate", `{"username":"iris.immsee"}`, ""},
	{"impersonate-not", "armin.artmann", "POST", "/api/session/impersonate", `{"username":"iris.immsee"}`, ""},
	{"end-impersonation", "armin.artmann", "DELETE", "/api/session/impersonate", "", ""},
	{"bulk-ticks", "supervisor", "POST", "/api/bulk/ticks", `{"ticks":{"417":["<armin/desk>"],"403":["<iris/desk>"]},"on":true}`, ""},
	{"bulk-ticks-wrong", "supervisor", "POST", "/api/bulk/ticks", `{"ticks":{"417":["<iris/desk>"],"999":["<iris/desk>"]},"on":true}`, ""},
	{"bulk-users", "supervisor", "POST", "/api/bulk/users", `{"usernames":["armin.artmann","iris.immsee"],"set":{"language":"en"}}`, ""},
	{"bulk-users-wrong", "supervisor", "POST", "/api/bulk/users", `{"usernames":["armin.artmann","niemand"],"set":{"time_zone":"Mond/See"}}`, ""},
	{"import-users", "supervisor", "POST", "/api/users/import?preview=true", "username;vorname;nummern;slots\nneu.neumann;Neu;418 416;desk\narmin.artmann;;;\n", ""},
	{"undo", "supervisor", "POST", "/api/audit/01JD00000000000000000000A1/undo", "", ""},
	{"order-matrix", "armin.artmann", "PUT", "/api/users/armin.artmann/matrix/order", `{"numbers":["417","416"]}`, ""},
	{"order-matrix-wrong", "armin.artmann", "PUT", "/api/users/armin.artmann/matrix/order", `{"numbers":["417"],"slots":["<iris/desk>"]}`, ""},
	{"order-matrix-stale", "armin.artmann", "PUT", "/api/users/armin.artmann/matrix/order", `{"numbers":["416","417"]}`, `"1"`},
	{"set-matrix-stale", "armin.artmann", "PUT", "/api/users/armin.artmann/matrix", `{"416":["<armin/desk>"]}`, `"1"`},
}

// actRights belong to them.
var actRights = []right{
	{op: "list-free-numbers", method: "GET", own: "/api/numbers/free"},
	{op: "list-user-calls", method: "GET", own: "/api/users/armin.artmann/calls", foreign: "/api/users/iris.immsee/calls", user: true},
	{op: "see-user-calls", method: "PUT", own: "/api/users/armin.artmann/calls/seen", foreign: "/api/users/iris.immsee/calls/seen", body: `{"id":"x"}`, user: true},
	{op: "list-colleagues", method: "GET", own: "/api/colleagues", user: true},
	{op: "get-slot-credentials", method: "GET", own: "/api/slots/<armin/desk>/credentials", foreign: "/api/slots/<iris/desk>/credentials", user: true},
	{op: "impersonate", method: "POST", foreign: "/api/session/impersonate", body: `{"username":"iris.immsee"}`},
	{op: "end-impersonation", method: "DELETE", own: "/api/session/impersonate", user: true},
	{op: "bulk-ticks", method: "POST", own: "/api/bulk/ticks", body: `{"ticks":{},"on":true}`},
	{op: "bulk-users", method: "POST", own: "/api/bulk/users", body: `{"usernames":["armin.artmann"],"set":{}}`},
	{op: "import-users", method: "POST", own: "/api/users/import", body: "username\nx\n"},
	{op: "undo", method: "POST", own: "/api/audit/x/undo"},
	{op: "list-merges", method: "GET", own: "/api/merges"},
	{op: "get-merge", method: "GET", own: "/api/merges/x"},
	{op: "preview-merge", method: "POST", own: "/api/merges/x/preview", body: `{}`},
	{op: "accept-merge", method: "POST", own: "/api/merges/x/accept", body: `{}`},
	{op: "reject-merge", method: "POST", own: "/api/merges/x/reject"},
	{op: "accept-merges", method: "POST", own: "/api/merges/accept", body: `{"proposals":[{"id":"x","fingerprint":"x"}]}`},
	{op: "list-rejected-merges", method: "GET", own: "/api/merges/rejected"},
	{op: "forget-rejected-merge", method: "DELETE", own: "/api/merges/rejected/x"},
	{op: "order-matrix", method: "PUT", own: "/api/users/armin.artmann/matrix/order", foreign: "/api/users/iris.immsee/matrix/order", body: `{}`, user: true},
	{op: "preview-matrix", method: "POST", own: "/api/users/armin.artmann/matrix/preview", foreign: "/api/users/iris.immsee/matrix/preview", body: `{}`, user: true},
}

func TestActs(t *testing.T) {
	r := newRig(t)
	r.record("01JD00000000000000000000R1", "iris.immsee", "armin.artmann")
	for _, s := range acts {
		var header []string
		if s.match != "" {
			header = []string{"If-Match", s.match}
		}
		a := r.do(s.as, s.method, s.path, s.body, header...)
		if a.Code >= 500 {
			t.Errorf("%s: %d", s.name, a.Code)
		}
		golden(t, "answers/"+s.name+".txt", r.show(s, a))
	}
	for path, ops := range spec(t).Paths {
		for method, op := range ops {
			if i := slices.IndexFunc(acts, func(s step) bool { return s.name == op.OperationID }); i >= 0 && acts[i].method != strings.ToUpper(method) {
				t.Errorf("%s %s: the step of this name is %s", method, path, acts[i].method)
			}
		}
	}
}

func TestMatrixPreview(t *testing.T) {
	r := newRig(t)
	type ringing struct {
		Outcome, De, En string
		Slots           []string
	}
	type preview struct {
		Changed bool
		Numbers []struct {
			Number          string
			Changed         bool
			Inside, Outside struct{ Before, After ringing }
		}
		Slots []struct{ ID, Before, After, De string }
	}
	ask := func(body string) (v preview) {
		t.Helper()
		r.want(200, "armin.artmann", "POST", "/api/users/armin.artmann/matrix/preview", body).decode(&v)
		return v
	}
	if v := ask(`{"416":["<armin/desk>","<armin/dect>","<armin/softphone>"]}`); v.Changed || v.Numbers[0].Changed || len(v.Slots) != 0 {
		t.Errorf("what is in force counts as a change: %+v", v)
	}
	v := ask(`{"416":[],"417":["<armin/softphone>"]}`)
	first, second := v.Numbers[0], v.Numbers[1]
	if !v.Changed || !first.Changed || first.Number != "416" || first.Inside.Before.De != "416 klingelt auf desk, dect und softphone." ||
		first.Inside.After.Outcome != "not_registered" || !strings.Contains(first.Outside.After.De, "kein Slot ist angehakt") {
		t.Errorf("row without a tick: %+v", first)
	}
	if second.Outside.After.En != "417 rings softphone." || second.Outside.Before.Outcome != "not_registered" {
		t.Errorf("row with a tick: %+v", second)
	}
	if len(v.Slots) != 3 || v.Slots[0].After != "" || v.Slots[2].De != "softphone zeigt 417 statt 416." {
		t.Errorf("numbers shown: %+v", v.Slots)
	}
	// The order of the rows decides what a slot shows, and is looked at together with the ticks.
	var ordered preview
	both := `{"416":["<armin/desk>"],"417":["<armin/desk>","<armin/softphone>"]}`
	r.want(200, "armin.artmann", "POST", "/api/users/armin.artmann/matrix/preview?numbers=417,416", both).decode(&ordered)
	if len(ordered.Slots) != 3 || ordered.Slots[0].De != "desk zeigt 417 statt 416." || ordered.Numbers[0].Number != "417" {
		t.Errorf("preview with another order: %+v", ordered)
	}
	r.want(422, "armin.artmann", "POST", "/api/users/armin.artmann/matrix/preview?numbers=417", both)
	r.want(200, "armin.artmann", "PATCH", "/api/slots/<armin/desk>", `{"dnd":true}`)
	if v := ask(`{"416":["<armin/desk>","<armin/dect>"]}`); v.Numbers[0].Inside.After.De != "416 klingelt auf dect. Slot desk klingelt nicht: für ihn ist „Nicht stören“ an." {
		t.Errorf("slot in do not disturb: %+v", v.Numbers[0].Inside.After)
	}
	if snap := r.st.Snapshot(); len(snap.Ticks["416"]) != 3 {
		t.Errorf("a preview has changed the matrix: %v", snap.Ticks)
	}
	if a := r.want(200, "adele.admin", "GET", "/api/audit?limit=5", ""); strings.Contains(a.Body.String(), "set_matrix") && strings.Contains(a.Body.String(), `"source":"try"`) {
		t.Errorf("a preview is in the audit log: %s", a.Body)
	}
}

// TestMatrixPreviewTellsNoOthers asks for a number that is forwarded to a colleague who forwards on.
func TestMatrixPreviewTellsNoOthers(t *testing.T) {
	r := newRig(t)
	r.forwarding()
	r.want(200, "iris.immsee", "PATCH", "/api/users/iris.immsee/profiles/<profile/iris>", `{"table":[{"case":"always","class":"inside","action":{"kind":"number","number":"417"}}]}`)
	r.want(200, "iris.immsee", "PATCH", "/api/numbers/403", `{"forwarding_profile":"<profile/iris>"}`)
	r.want(200, "armin.artmann", "PATCH", "/api/users/armin.artmann/profiles/<profile/armin>", `{"table":[{"case":"always","class":"inside","action":{"kind":"number","number":"403"}}]}`)
	r.want(200, "armin.artmann", "PATCH", "/api/numbers/416", `{"forwarding_profile":"<profile/armin>"}`)
	a := r.want(200, "armin.artmann", "POST", "/api/users/armin.artmann/matrix/preview", `{"416":[]}`)
	if !strings.Contains(a.Body.String(), "416 leitet weiter an 403.") || strings.Contains(a.Body.String(), "leitet weiter an 417") || strings.Contains(a.Body.String(), "Iris") {
		t.Errorf("%s", a.Body)
	}
}

func TestOrderOfTheMatrix(t *testing.T) {
	r := newRig(t)
	r.want(200, "armin.artmann", "PUT", "/api/users/armin.artmann/matrix", `{"416":["<armin/desk>"],"417":["<armin/desk>"]}`)
	shows := func() string {
		slot, _ := r.routes.Slot(r.id("armin/desk"))
		return slot.Default
	}
	if shows() != "416" {
		t.Fatalf("shows %s", shows())
	}
	a := r.want(200, "armin.artmann", "PUT", "/api/users/armin.artmann/matrix/order", `{"numbers":["417","416"]}`)
	var user struct{ Numbers []string }
	r.want(200, "armin.artmann", "GET", "/api/users/armin.artmann", "").decode(&user)
	if shows() != "417" || !slices.Equal(user.Numbers, []string{"417", "416"}) {
		t.Errorf("shows %s, rows %v", shows(), user.Numbers)
	}
	// Ticks go on from the tag of the new order.
	r.want(200, "armin.artmann", "PUT", "/api/users/armin.artmann/matrix", `{"416":["<armin/desk>"]}`, "If-Match", a.Header().Get("ETag"))
	r.want(412, "armin.artmann", "PUT", "/api/users/armin.artmann/matrix/order", `{"numbers":["416","417"]}`, "If-Match", a.Header().Get("ETag"))
	if shows() != "416" {
		t.Errorf("shows %s though only 416 is ticked", shows())
	}
}

func TestStaleMatrixShowsTheCurrentOne(t *testing.T) {
	r := newRig(t)
	old := r.want(200, "armin.artmann", "GET", "/api/users/armin.artmann/matrix", "").Header().Get("ETag")
	r.want(200, "adele.admin", "PUT", "/api/users/armin.artmann/matrix", `{"417":["<armin/dect>"]}`)
	a := r.want(http.StatusPreconditionFailed, "armin.artmann", "PUT", "/api/users/armin.artmann/matrix", `{}`, "If-Match", old)
	var v struct {
		Type    string
		Current map[string][]string
	}
	a.decode(&v)
	if v.Type != "urn:koppelfeld:problem:changed-meanwhile" || len(v.Current["416"]) != 0 || !slices.Equal(v.Current["417"], []string{r.id("armin/dect")}) {
		t.Errorf("%s", a.Body)
	}
	if a.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("content type %s", a.Header().Get("Content-Type"))
	}
	r.want(200, "armin.artmann", "PUT", "/api/users/armin.artmann/matrix", `{}`, "If-Match", a.Header().Get("ETag"))
}

func TestFreeNumbers(t *testing.T) {
	r := newRig(t)
	for query, want := range map[string]string{
		"?near=416&count=4": `{"items":["414","415","418","419"]}`,
		"?near=500&count=1": `{"items":["500"]}`,
		"?near=112&count=2": `{"items":["111","113"]}`,
		"?near=999&count=3": `{"items":["997","998","999"]}`,
		"?near=9&count=20":  `{"items":["2","3","4","5","6","7","8","9"]}`, // 1 would be dialled before 110
		"?count=3":          `{"items":["415","418","419"]}`,
	} {
		if a := r.want(200, "adele.admin", "GET", "/api/numbers/free"+query, ""); strings.TrimSpace(a.Body.String()) != want {
			t.Errorf("%s: got %s, want %s", query, a.Body, want)
		}
	}
	r.want(200, "adele.admin", "PATCH", "/api/codes/forward_to", `{"code":"50"}`)
	if a := r.want(200, "adele.admin", "GET", "/api/numbers/free?near=500&count=2", ""); strings.TrimSpace(a.Body.String()) != `{"items":["498","499"]}` {
		t.Errorf("numbers that a code hides: %s", a.Body)
	}
}
