package admin_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// lastAct returns the newest entry of the audit log.
func (r *rig) lastAct() (v struct {
	ID, Action, Reason, Obstacle string
	Undoable                     bool
},
) {
	r.t.Helper()
	var list struct {
		Items []struct {
			ID, Action, Reason, Obstacle string
			Undoable                     bool
		}
	}
	r.want(200, "supervisor", "GET", "/api/audit?limit=1", "").decode(&list)
	return list.Items[0]
}

func TestUndo(t *testing.T) {
	for name, c := range map[string]struct{ method, path, body string }{
		"user":          {"PATCH", "/api/users/armin.artmann", `{"first_name":"Arno","dnd":true,"shown_numbers_inside":["403"],"url":"https://example.org"}`},
		"user name":     {"PATCH", "/api/users/armin.artmann", `{"username":"arno"}`},
		"number":        {"PATCH", "/api/numbers/416", `{"call_waiting":true,"max_calls":3,"ring_inside":"Bellcore-dr2"}`},
		"profile":       {"PATCH", "/api/numbers/416", `{"forwarding_profile":"<profile/armin>"}`},
		"slot":          {"PATCH", "/api/slots/<armin/desk>", `{"name":"Büro","dnd":true}`},
		"matrix":        {"PUT", "/api/users/armin.artmann/matrix", `{"417":["<armin/dect>"]}`},
		"order":         {"PUT", "/api/users/armin.artmann/matrix/order", `{"numbers":["417","416"],"slots":["<armin/softphone>","<armin/dect>","<armin/desk>"]}`},
		"new member":    {"PUT", "/api/groups/admins/members/armin.artmann", ""},
		"member is out": {"DELETE", "/api/groups/visible_users/members/armin.artmann", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.forwarding()
			r.lastAct() // logs in first
			before := r.st.Snapshot()
			if a := r.do("adele.admin", c.method, c.path, c.body); a.Code >= 300 {
				t.Fatalf("%d %s", a.Code, a.Body)
			}
			act := r.lastAct()
			if !act.Undoable {
				t.Fatalf("%+v", act)
			}
			r.want(204, "supervisor", "POST", "/api/audit/"+act.ID+"/undo", "")
			versions := cmpopts.IgnoreFields(directory.Snapshot{}, "Revision", "MatrixVersions")
			if diff := cmp.Diff(before, r.st.Snapshot(), versions, cmpopts.EquateEmpty(), cmp.FilterPath(func(p cmp.Path) bool {
				last := p.Last().String()
				return last == ".Version" || last == ".Updated"
			}, cmp.Ignore())); diff != "" {
				t.Errorf("after the undo (-before +now):\n%s", diff)
			}
			if undone := r.lastAct(); undone.Reason != "undoes "+act.ID {
				t.Errorf("%+v", undone)
			}
			r.want(409, "supervisor", "POST", "/api/audit/"+act.ID+"/undo", "") // once is enough
		})
	}
}

func TestUndoRefused(t *testing.T) {
	r := newRig(t)
	refused := func(step, obstacle, id string) {
		t.Helper()
		var v struct{ Type string }
		if r.want(409, "supervisor", "POST", "/api/audit/"+id+"/undo", "").decode(&v); v.Type != "urn:koppelfeld:problem:undo-"+obstacle {
			t.Errorf("%s: %s", step, v.Type)
		}
	}
	r.lastAct()
	r.want(200, "supervisor", "PATCH", "/api/numbers/416", `{"call_waiting":true}`)
	first := r.lastAct()
	r.want(200, "supervisor", "PATCH", "/api/numbers/416", `{"max_calls":1}`)
	refused("changed since", "changed", first.ID)
	r.want(200, "supervisor", "PUT", "/api/users/armin.artmann/matrix", `{}`)
	ticks := r.lastAct()
	r.want(200, "supervisor", "PUT", "/api/users/armin.artmann/matrix/order", `{"numbers":["417","416"]}`)
	order := r.lastAct()
	r.want(200, "supervisor", "PUT", "/api/users/armin.artmann/matrix/order", `{"slots":["<armin/softphone>","<armin/dect>","<armin/desk>"]}`)
	if act := r.lastAct(); !act.Undoable {
		t.Errorf("order of the columns: %+v", act)
	}
	r.want(204, "supervisor", "DELETE", "/api/numbers/416", "")
	refused("the number is gone", "gone", ticks.ID)
	refused("there is a row less", "changed", order.ID)
	for _, c := range []struct{ step, method, path, body, obstacle string }{
		{"removed", "DELETE", "/api/numbers/417", "", "kind"},
		{"secret", "POST", "/api/slots/<armin/desk>/secret", "", "kind"},
		{"password", "PUT", "/api/users/iris.immsee/password", `{"password":"Ganz-anders-22"}`, "kind"},
	} {
		if a := r.do("supervisor", c.method, c.path, c.body); a.Code >= 300 {
			t.Fatalf("%s: %d %s", c.step, a.Code, a.Body)
		}
		act := r.lastAct()
		if act.Undoable || act.Obstacle != c.obstacle {
			t.Errorf("%s: %+v", c.step, act)
		}
		refused(c.step, c.obstacle, act.ID)
	}
	r.want(404, "supervisor", "POST", "/api/audit/01JD00000000000000000000A1/undo", "")
}
