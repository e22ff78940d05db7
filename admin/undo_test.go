package admin_test

import (
	"path"
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

// undoCase is an act, and what has to be there before. What a step makes is named by its word, for later ones: "<x>".
type undoCase struct {
	before   []undoStep
	act      undoStep
	after    []undoStep // what comes between the act and its undo
	obstacle string     // empty when it can be undone
}

type undoStep struct{ as, method, path, body string }

// play runs steps; as names what was made.
func (r *rig) play(steps ...undoStep) {
	r.t.Helper()
	for _, s := range steps {
		a := r.do("adele.admin", s.method, s.path, s.body)
		if a.Code >= 300 {
			r.t.Fatalf("%s %s: %d %s", s.method, s.path, a.Code, a.Body)
		}
		if location := a.Header().Get("Location"); s.as != "" {
			r.name(path.Base(location), s.as)
		}
	}
}

func post(as, path, body string) undoStep { return undoStep{as, "POST", path, body} }
func patch(path, body string) undoStep    { return undoStep{"", "PATCH", path, body} }
func set(path, body string) undoStep      { return undoStep{"", "PUT", path, body} }
func remove(path string) undoStep         { return undoStep{"", "DELETE", path, ""} }

var (
	aCalendar = post("calendar", "/api/calendars", `{"name":"Zeiten","zone":"Europe/Berlin","entries":[{"name":"offen","days":["mon"],"from":"08:00","to":"17:00"}]}`)
	aRule     = post("rule", "/api/forwarding/rules", `{"name":"Eins","when":{"class":"outside"},"action":{"kind":"number","number":"403"},"tests":[]}`)
	otherRule = post("rule/second", "/api/forwarding/rules", `{"name":"Zwei","when":{"class":"inside"},"action":{"kind":"allow"}}`)
	aHunt     = post("hunt", "/api/huntgroups", `{"name":"Zentrale","number":"400","strategy":"linear","members":["416","403"],"member_seconds":15,"seconds":40}`)
	aPickup   = post("pickup", "/api/pickupgroups", `{"name":"Vertrieb","users":["armin.artmann","iris.immsee"]}`)
	aGroup    = post("", "/api/groups", `{"name":"sales","title":"Vertrieb"}`)
	slotGroup = post("", "/api/groups", `{"name":"desks","title":"Tische","type":"slot"}`)
	aProfile  = post("profile/second", "/api/users/armin.artmann/profiles", `{"name":"Messe","table":[{"case":"busy","class":"outside","action":{"kind":"number","number":"403"}}]}`)
	profile   = "/api/users/armin.artmann/profiles/"
)

func TestUndo(t *testing.T) {
	for name, c := range map[string]undoCase{
		"user":               {act: patch("/api/users/armin.artmann", `{"first_name":"Arno","dnd":true,"shown_numbers_inside":["403"],"url":"https://example.org"}`)},
		"user name":          {act: patch("/api/users/armin.artmann", `{"username":"arno"}`)},
		"number":             {act: patch("/api/numbers/416", `{"call_waiting":true,"max_calls":3,"ring_inside":"Bellcore-dr2"}`)},
		"profile":            {act: patch("/api/numbers/416", `{"forwarding_profile":"<profile/armin>"}`)},
		"slot":               {act: patch("/api/slots/<armin/desk>", `{"name":"Büro","dnd":true}`)},
		"matrix":             {act: set("/api/users/armin.artmann/matrix", `{"417":["<armin/dect>"]}`)},
		"order":              {act: set("/api/users/armin.artmann/matrix/order", `{"numbers":["417","416"],"slots":["<armin/softphone>","<armin/dect>","<armin/desk>"]}`)},
		"new member":         {act: set("/api/groups/admins/members/armin.artmann", "")},
		"member is out":      {act: remove("/api/groups/visible_users/members/armin.artmann")},
		"new slot as member": {[]undoStep{slotGroup}, set("/api/groups/desks/members/<armin/desk>", ""), nil, ""},
		"slot is out":        {[]undoStep{slotGroup, set("/api/groups/desks/members/<armin/desk>", "")}, remove("/api/groups/desks/members/<armin/desk>"), nil, ""},
		"new inner group":    {[]undoStep{aGroup}, set("/api/groups/visible_users/groups/sales", ""), nil, ""},
		"new permission":     {[]undoStep{aGroup}, set("/api/groups/sales/permissions/pickup?objects=users", ""), nil, ""},
		"permission is out":  {[]undoStep{aGroup, set("/api/groups/sales/permissions/pickup?objects=users", "")}, remove("/api/groups/sales/permissions/pickup?objects=users"), nil, ""},

		"own settings":               {act: patch("/api/numbers/416", `{"call_waiting":false,"max_calls":0}`)},
		"what a group gives":         {act: patch("/api/groups/users", `{"title":"Alle","parameters":{"call_waiting":true,"max_calls":3,"language":"en"}}`)},
		"settings of a group":        {[]undoStep{aGroup}, patch("/api/groups/sales", `{"title":"Außendienst"}`), nil, ""},
		"settings of a profile":      {act: patch(profile+"<profile/armin>", `{"name":"Kur","table":[{"case":"always","class":"inside","action":{"kind":"reject"}}]}`)},
		"settings of a rule":         {[]undoStep{aRule}, patch("/api/forwarding/rules/<rule>", `{"name":"Neu","enabled":false,"action":{"kind":"reject"}}`), nil, ""},
		"settings of a calendar":     {[]undoStep{aCalendar}, patch("/api/calendars/<calendar>", `{"name":"Andere","state":"HE","entries":[]}`), nil, ""},
		"settings of a hunt group":   {[]undoStep{aHunt}, patch("/api/huntgroups/<hunt>", `{"name":"Empfang","number":"401","strategy":"ring_all","members":["417"],"seconds":90}`), nil, ""},
		"settings of a pickup group": {[]undoStep{aPickup}, patch("/api/pickupgroups/<pickup>", `{"name":"Alle","users":["armin.artmann"]}`), nil, ""},
		"code":                       {act: patch("/api/codes/forward_to", `{"code":"*99*","enabled":false}`)},

		"new user":         {act: post("", "/api/users", `{"username":"neu.neumann","first_name":"Neu"}`)},
		"new number":       {act: post("", "/api/users/armin.artmann/numbers", `{"number":"418"}`)},
		"new slot":         {act: post("", "/api/users/armin.artmann/slots", `{"type":"ucc"}`)},
		"new group":        {act: aGroup},
		"new profile":      {act: aProfile},
		"new rule":         {act: aRule},
		"new calendar":     {act: aCalendar},
		"new hunt group":   {act: aHunt},
		"new pickup group": {act: aPickup},

		"number is gone":       {[]undoStep{patch("/api/numbers/417", `{"call_waiting":true,"max_calls":2}`), set("/api/users/armin.artmann/matrix", `{"416":["<armin/desk>"],"417":["<armin/desk>","<armin/dect>"]}`)}, remove("/api/numbers/417"), nil, ""},
		"group is gone":        {[]undoStep{aGroup, set("/api/groups/sales/members/iris.immsee", "")}, remove("/api/groups/sales"), nil, ""},
		"profile is gone":      {[]undoStep{aProfile}, remove(profile + "<profile/armin>"), nil, ""},
		"rule is gone":         {[]undoStep{aRule, otherRule}, remove("/api/forwarding/rules/<rule>"), nil, ""},
		"calendar is gone":     {[]undoStep{aCalendar}, remove("/api/calendars/<calendar>"), nil, ""},
		"hunt group is gone":   {[]undoStep{aHunt}, remove("/api/huntgroups/<hunt>"), nil, ""},
		"pickup group is gone": {[]undoStep{aPickup}, remove("/api/pickupgroups/<pickup>"), nil, ""},

		"order of rules":    {[]undoStep{aRule, otherRule}, set("/api/forwarding/rules/order", `{"rules":["<rule/second>","<rule>"]}`), nil, ""},
		"order of profiles": {[]undoStep{aProfile}, set(profile+"order", `{"profiles":["<profile/second>","<profile/armin>"]}`), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.forwarding()
			r.lastAct() // logs in first
			r.play(c.before...)
			before := r.st.Snapshot()
			r.play(c.act)
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

func TestWhatIsNotUndone(t *testing.T) {
	for name, c := range map[string]undoCase{
		"number that rings":            {nil, post("", "/api/users/armin.artmann/numbers", `{"number":"418"}`), []undoStep{set("/api/users/armin.artmann/matrix", `{"418":["<armin/desk>"]}`)}, "used"},
		"number in a hunt group":       {nil, post("", "/api/users/armin.artmann/numbers", `{"number":"418"}`), []undoStep{post("", "/api/huntgroups", `{"name":"Z","number":"400","members":["418"]}`)}, "used"},
		"slot that rings":              {nil, post("slot", "/api/users/armin.artmann/slots", `{"type":"ucc"}`), []undoStep{set("/api/users/armin.artmann/matrix", `{"416":["<slot>"]}`)}, "used"},
		"user with a number":           {nil, post("", "/api/users", `{"username":"neu.neumann"}`), []undoStep{post("", "/api/users/neu.neumann/numbers", `{"number":"418"}`)}, "used"},
		"user who was changed":         {nil, post("", "/api/users", `{"username":"neu.neumann"}`), []undoStep{patch("/api/users/neu.neumann", `{"first_name":"Neu"}`)}, "changed"},
		"group with a member":          {nil, aGroup, []undoStep{set("/api/groups/sales/members/iris.immsee", "")}, "used"},
		"group with a permission":      {nil, aGroup, []undoStep{set("/api/groups/sales/permissions/pickup?objects=users", "")}, "used"},
		"profile that is chosen":       {nil, aProfile, []undoStep{patch("/api/numbers/416", `{"forwarding_profile":"<profile/second>"}`)}, "used"},
		"calendar that a rule needs":   {nil, aCalendar, []undoStep{post("", "/api/forwarding/rules", `{"name":"x","when":{"calendar":"<calendar>"},"action":{"kind":"allow"}}`)}, "used"},
		"hunt group with calls for it": {nil, aHunt, []undoStep{post("", "/api/forwarding/rules", `{"name":"x","when":{"class":"outside"},"action":{"kind":"number","number":"400"}}`)}, "used"},
		"rule that was changed":        {nil, aRule, []undoStep{patch("/api/forwarding/rules/<rule>", `{"name":"Neu"}`)}, "changed"},

		"number of somebody else now":  {nil, remove("/api/numbers/417"), []undoStep{post("", "/api/users/iris.immsee/numbers", `{"number":"417"}`)}, "changed"},
		"group whose name is taken":    {[]undoStep{aGroup}, remove("/api/groups/sales"), []undoStep{aGroup}, "taken"},
		"calendar whose name is taken": {[]undoStep{aCalendar}, remove("/api/calendars/<calendar>"), []undoStep{post("", "/api/calendars", `{"name":"zeiten","zone":"Europe/Berlin","entries":[]}`)}, "taken"},
		"hunt group, number is taken":  {[]undoStep{aHunt}, remove("/api/huntgroups/<hunt>"), []undoStep{post("", "/api/users/iris.immsee/numbers", `{"number":"400"}`)}, "taken"},
		"pickup group, name is taken":  {[]undoStep{aPickup}, remove("/api/pickupgroups/<pickup>"), []undoStep{post("", "/api/pickupgroups", `{"name":"vertrieb"}`)}, "taken"},
		"code that another has":        {nil, patch("/api/codes/forward_to", `{"code":"*99*"}`), []undoStep{patch("/api/codes/forward_off", `{"code":"*21*"}`)}, "taken"},
		"profile of nobody":            {[]undoStep{aProfile}, remove(profile + "<profile/second>"), []undoStep{remove("/api/users/armin.artmann")}, "gone"},
		"number of nobody":             {nil, remove("/api/numbers/417"), []undoStep{remove("/api/users/armin.artmann")}, "gone"},
		"member who is gone":           {nil, remove("/api/groups/visible_users/members/armin.artmann"), []undoStep{remove("/api/users/armin.artmann")}, "gone"},
		"order of other rules":         {[]undoStep{aRule, otherRule}, set("/api/forwarding/rules/order", `{"rules":["<rule/second>","<rule>"]}`), []undoStep{remove("/api/forwarding/rules/<rule>")}, "changed"},

		"user is gone": {nil, remove("/api/users/iris.immsee"), nil, "secret"},
		"slot is gone": {nil, remove("/api/slots/<armin/desk>"), nil, "secret"},
		"SIP secret":   {nil, post("", "/api/slots/<armin/desk>/secret", ""), nil, "secret"},
		"password":     {nil, set("/api/users/iris.immsee/password", `{"password":"Ganz-anders-22"}`), nil, "secret"},
		"login":        {nil, post("", "/api/session/impersonate", `{"username":"iris.immsee"}`), nil, "kind"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.forwarding()
			r.lastAct() // logs in first
			r.play(c.before...)
			r.play(c.act)
			act := r.lastAct()
			r.play(c.after...)
			var v struct{ Type string }
			if r.want(409, "supervisor", "POST", "/api/audit/"+act.ID+"/undo", "").decode(&v); v.Type != "urn:koppelfeld:problem:undo-"+c.obstacle {
				t.Errorf("%s, want %s", v.Type, c.obstacle)
			}
			if len(c.after) == 0 && (act.Undoable || act.Obstacle != c.obstacle) {
				t.Errorf("in the list: %+v", act)
			}
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
	r.want(404, "supervisor", "POST", "/api/audit/01JD00000000000000000000A1/undo", "")
}
