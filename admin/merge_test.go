package admin_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/merge"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// doubled adds doubles: bert is there three times, with a parallel call, and carla twice.
func (r *rig) doubled() {
	r.t.Helper()
	r.update(func(tx *store.Tx) error {
		for i, name := range []string{"bert.beck", "bert.beck.d", "bert.beck.m", "carla.carl", "carla.carl.d"} {
			first, last := strings.ToUpper(name[:1])+name[1:4], "Beck"
			if i > 2 {
				last = "Carl"
			}
			u, err := tx.CreateUser(directory.User{Username: name, FirstName: first, LastName: last, Language: "de", PasswordHash: "x"})
			if err != nil {
				return err
			}
			r.name(u.ID, name)
			s, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: []directory.SlotType{directory.Desk, directory.DECT, directory.Softphone}[i%3]})
			if err != nil {
				return err
			}
			r.name(s.ID, name+"/slot")
			number := []string{"50", "501", "502", "60", "601"}[i]
			if _, err := tx.AddNumber(directory.Number{Number: number, OwnerType: directory.OwnerUser, OwnerID: u.ID}); err != nil {
				return err
			}
			if _, err := tx.SetMatrix(u.ID, map[string][]string{number: {s.ID}}, 0); err != nil {
				return err
			}
		}
		rule := directory.CaseRule{Case: directory.Always, Class: directory.FromInside, Action: directory.Action{Kind: directory.ToParallel, Numbers: []string{"501", "502"}}}
		_, err := tx.CreateProfile(directory.Profile{UserID: tx.Snapshot().ByName["bert.beck"].ID, Name: "Ruft alle", Table: []directory.CaseRule{rule}})
		return err
	})
	for _, p := range r.merges("").Items {
		who, _, _ := strings.Cut(p.Kept, ".")
		r.name(p.ID, "merge/"+who)
		r.name(p.Mark, "shown/"+who)
	}
}

// mergeSteps are requests of the operations about merging, on a rig of their own.
var mergeSteps = []step{
	{"list-merges", "adele.admin", "GET", "/api/merges?certainty=certain", "", ""},
	{"get-merge", "adele.admin", "GET", "/api/merges/<merge/bert>", "", ""},
	{"get-merge-gone", "adele.admin", "GET", "/api/merges/x", "", ""},
	{"preview-merge", "adele.admin", "POST", "/api/merges/<merge/bert>/preview", `{"kept":"bert.beck.d","without":["bert.beck.m"],"ticks":{"50":["<bert.beck/slot>"]}}`, ""},
	{"preview-merge-wrong", "adele.admin", "POST", "/api/merges/<merge/bert>/preview", `{"kept":"iris.immsee"}`, ""},
	{"preview-merge-nobody", "adele.admin", "POST", "/api/merges/<merge/bert>/preview", `{"without":["bert.beck.m","bert.beck.d"]}`, ""},
	{"preview-merge-without-kept", "adele.admin", "POST", "/api/merges/<merge/bert>/preview", `{"without":["bert.beck"]}`, ""},
	{"preview-merge-foreign-slot", "adele.admin", "POST", "/api/merges/<merge/bert>/preview", `{"ticks":{"50":["<iris/desk>"]}}`, ""},
	{"preview-merge-foreign-number", "adele.admin", "POST", "/api/merges/<merge/bert>/preview", `{"ticks":{"416":[]}}`, ""},
	{"accept-merge-stale", "adele.admin", "POST", "/api/merges/<merge/bert>/accept", `{}`, `"0"`},
	{"accept-merge", "adele.admin", "POST", "/api/merges/<merge/bert>/accept", `{}`, `"<shown/bert>"`},
	{"accept-merges", "adele.admin", "POST", "/api/merges/accept", `{"proposals":[{"id":"x","fingerprint":"x"},{"id":"<merge/carla>","fingerprint":"0"}]}`, ""},
	{"reject-merge", "adele.admin", "POST", "/api/merges/<merge/carla>/reject", "", `"<shown/carla>"`},
	{"list-rejected-merges", "adele.admin", "GET", "/api/merges/rejected", "", ""},
	{"forget-rejected-merge", "adele.admin", "DELETE", "/api/merges/rejected/<rejected>", "", ""},
}

func TestActsOfMerging(t *testing.T) {
	r := newRig(t)
	r.doubled()
	for _, s := range mergeSteps {
		for mark := range r.st.Snapshot().Apart {
			r.name(mark, "rejected")
		}
		var header []string
		if s.match != "" {
			header = []string{"If-Match", r.expand(s.match)}
		}
		a := r.do(s.as, s.method, s.path, s.body, header...)
		if a.Code >= 500 {
			t.Errorf("%s: %d", s.name, a.Code)
		}
		golden(t, "answers/"+s.name+".txt", r.show(s, a))
	}
}

func (r *rig) update(fn func(tx *store.Tx) error) {
	r.t.Helper()
	if _, err := r.st.Update(r.t.Context(), store.Change{Actor: "test"}, fn); err != nil {
		r.t.Fatal(err)
	}
}

type mergeList struct {
	Items []merge.Proposal
	Total int
	Next  string
}

func (r *rig) merges(query string) (v mergeList) {
	r.t.Helper()
	r.want(200, "supervisor", "GET", "/api/merges"+query, "").decode(&v)
	return v
}

func TestMerges(t *testing.T) {
	r := newRig(t)
	r.doubled()
	all := r.merges("")
	if all.Total != 2 || all.Items[0].Kept != "bert.beck" || all.Items[1].Kept != "carla.carl" || len(all.Items[0].Accounts) != 3 {
		t.Fatalf("%+v", all)
	}
	for query, want := range map[string]int{"?filter=502": 1, "?filter=carla": 1, "?certainty=likely": 0, "?certainty=certain": 2, "?limit=1": 2} {
		if got := r.merges(query); got.Total != want {
			t.Errorf("%s: %d proposals, want %d", query, got.Total, want)
		}
	}
	if first := r.merges("?limit=1&sort=-kept"); first.Items[0].Kept != "carla.carl" || r.merges("?limit=1&sort=-kept&cursor=" + first.Next).Items[0].Kept != "bert.beck" {
		t.Error("pages are not in order")
	}
	bert := all.Items[0]
	path := "/api/merges/" + bert.ID
	one := r.want(200, "supervisor", "GET", path, "")
	tag := one.Header().Get("ETag")
	if tag != `"`+bert.Mark+`"` {
		t.Errorf("ETag %s, fingerprint %s", tag, bert.Mark)
	}
	before := r.st.Snapshot()
	var shown merge.Proposal
	a := r.want(200, "supervisor", "POST", path+"/preview", `{"kept":"bert.beck.d","without":["bert.beck.m"]}`)
	if a.decode(&shown); shown.Kept != "bert.beck.d" || len(shown.Numbers) != 2 || a.Header().Get("ETag") != tag || r.st.Snapshot() != before {
		t.Errorf("%+v", shown)
	}
	r.want(422, "supervisor", "POST", path+"/preview", `{"kept":"iris.immsee"}`)
	r.want(422, "supervisor", "POST", path+"/accept", `{}`) // without If-Match
	r.want(412, "supervisor", "POST", path+"/accept", `{}`, "If-Match", `"0"`)

	var done struct{ ID, Kept, Audit string }
	r.want(200, "supervisor", "POST", path+"/accept", `{}`, "If-Match", tag).decode(&done)
	snap := r.st.Snapshot()
	u := snap.ByName["bert.beck"]
	if done.Kept != "bert.beck" || !slices.Equal(snap.Rows[u.ID], []string{"50", "501", "502"}) || len(snap.Ticks["50"]) != 3 || snap.ByName["bert.beck.d"] != nil || len(snap.Profiles) != 0 {
		t.Errorf("%+v: %v %v", done, snap.Rows[u.ID], snap.Ticks)
	}
	r.want(404, "supervisor", "POST", path+"/accept", `{}`, "If-Match", tag)
	if act := r.lastAct(); act.ID != done.Audit || act.Action != "merge" || !act.Undoable {
		t.Errorf("%+v", act)
	}
	r.want(204, "supervisor", "POST", "/api/audit/"+done.Audit+"/undo", "")
	ignored := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Version" || p.Last().String() == ".Updated" }, cmp.Ignore())
	if diff := cmp.Diff(before, r.st.Snapshot(), cmpopts.IgnoreFields(directory.Snapshot{}, "Revision", "MatrixVersions"), cmpopts.EquateEmpty(), ignored); diff != "" {
		t.Errorf("after the undo (-before +now):\n%s", diff)
	}
	if r.merges("").Total != 2 {
		t.Error("what was taken back is not proposed again")
	}
}

func TestUndoOfMergeRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change   undoStep
		obstacle string
	}{
		"tick":       {set("/api/users/bert.beck/matrix", `{"50":[]}`), "changed"},
		"name taken": {post("", "/api/users", `{"username":"bert.beck.d"}`), "taken"},
		"user gone":  {remove("/api/users/bert.beck"), "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.doubled()
			bert := r.merges("").Items[0]
			r.want(200, "adele.admin", "POST", "/api/merges/"+bert.ID+"/accept", `{}`, "If-Match", `"`+bert.Mark+`"`)
			act := r.lastAct()
			r.play(c.change)
			a := r.want(http.StatusConflict, "supervisor", "POST", "/api/audit/"+act.ID+"/undo", "")
			if !strings.Contains(a.Body.String(), "undo-"+c.obstacle) {
				t.Errorf("%s", a.Body)
			}
		})
	}
}

func TestManyMerges(t *testing.T) {
	r := newRig(t)
	r.doubled()
	all := r.merges("?certainty=certain").Items
	r.want(200, "supervisor", "PATCH", "/api/users/carla.carl.d", `{"email":"c@example.org"}`)
	body := fmt.Sprintf(`{"proposals":[{"id":%q,"fingerprint":%q},{"id":%q,"fingerprint":%q},{"id":"x","fingerprint":"x"}]}`, all[0].ID, all[0].Mark, all[1].ID, all[1].Mark)
	var done struct {
		Items []struct{ ID, Kept, Audit, Fault string }
	}
	r.want(200, "supervisor", "POST", "/api/merges/accept", body).decode(&done)
	if len(done.Items) != 3 || done.Items[0].Audit == "" || done.Items[0].Fault != "" || done.Items[1].Fault == "" || done.Items[1].Audit != "" || done.Items[2].Fault == "" {
		t.Errorf("%+v", done)
	}
	if snap := r.st.Snapshot(); snap.ByName["bert.beck.m"] != nil || snap.ByName["carla.carl.d"] == nil {
		t.Error("what had changed was merged, or what had not was not")
	}
}

func TestRejectedMerges(t *testing.T) {
	r := newRig(t)
	r.doubled()
	bert := r.merges("").Items[0]
	r.want(412, "supervisor", "POST", "/api/merges/"+bert.ID+"/reject", "", "If-Match", `"0"`)
	r.want(204, "supervisor", "POST", "/api/merges/"+bert.ID+"/reject", "", "If-Match", `"`+bert.Mark+`"`)
	if r.merges("").Total != 1 {
		t.Error("proposed again")
	}
	act := r.lastAct()
	rejected := func() (v struct {
		Items []struct {
			Fingerprint, Actor string
			Users              []string
		}
	},
	) {
		r.want(200, "supervisor", "GET", "/api/merges/rejected", "").decode(&v)
		return v
	}
	if v := rejected(); len(v.Items) != 1 || v.Items[0].Actor != "supervisor" || !slices.Equal(v.Items[0].Users, []string{"bert.beck", "bert.beck.d", "bert.beck.m"}) {
		t.Errorf("%+v", v)
	}
	r.want(204, "supervisor", "POST", "/api/audit/"+act.ID+"/undo", "")
	if r.merges("").Total != 2 || len(rejected().Items) != 0 {
		t.Error("the undo did nothing")
	}
	r.want(204, "supervisor", "POST", "/api/merges/"+bert.ID+"/reject", "", "If-Match", `"`+bert.Mark+`"`)
	r.want(204, "supervisor", "DELETE", "/api/merges/rejected/"+rejected().Items[0].Fingerprint, "")
	r.want(404, "supervisor", "DELETE", "/api/merges/rejected/nothing", "")
	r.want(204, "supervisor", "POST", "/api/merges/"+bert.ID+"/reject", "", "If-Match", `"`+bert.Mark+`"`)
	r.want(200, "supervisor", "PATCH", "/api/users/bert.beck.d", `{"email":"b@example.org"}`)
	if r.merges("").Total != 2 {
		t.Error("not proposed although an address has changed")
	}
}
