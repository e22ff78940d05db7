package admin_test

import (
	"net/http"
	"strings"
	"testing"
)

// right says who may use an operation. own is for the user's own objects,
// foreign for those of somebody else; empty own means that there is no such thing.
type right struct {
	op           string
	method       string
	own, foreign string // paths
	body         string
	user         bool // may a user do it with own
	public       bool
	person       bool // not with an API token
	self         bool // nobody does it for others, administrators neither
}

var rights = []right{
	{op: "health", method: "GET", own: "/healthz", public: true},
	{op: "ready", method: "GET", own: "/readyz", public: true},
	{op: "login", method: "POST", own: "/api/session", body: `{"username":"armin.artmann","password":"` + password + `"}`, public: true},
	{op: "get-session", method: "GET", own: "/api/session", user: true},
	{op: "list-tokens", method: "GET", own: "/api/users/armin.artmann/tokens", foreign: "/api/users/iris.immsee/tokens", user: true},
	{op: "create-token", method: "POST", own: "/api/users/armin.artmann/tokens", foreign: "/api/users/iris.immsee/tokens", body: `{"name":"x","scopes":["read"]}`, user: true, person: true, self: true},
	{op: "delete-token", method: "DELETE", own: "/api/users/armin.artmann/tokens/x", foreign: "/api/users/iris.immsee/tokens/x", user: true},
	{op: "list-users", method: "GET", own: "/api/users"},
	{op: "create-user", method: "POST", own: "/api/users", body: `{"username":"x"}`},
	{op: "get-user", method: "GET", own: "/api/users/armin.artmann", foreign: "/api/users/iris.immsee", user: true},
	{op: "get-user", method: "GET", foreign: "/api/users/niemand"},
	{op: "patch-user", method: "PATCH", own: "/api/users/armin.artmann", foreign: "/api/users/iris.immsee", body: `{"dnd":false}`, user: true},
	{op: "patch-user", method: "PATCH", own: "/api/users/armin.artmann", foreign: "/api/users/iris.immsee", body: `{"first_name":"Kaiser"}`},
	{op: "set-password", method: "PUT", own: "/api/users/armin.artmann/password", foreign: "/api/users/iris.immsee/password", body: `{"password":"` + password + `","old_password":"` + password + `"}`, user: true},
	{op: "delete-user", method: "DELETE", own: "/api/users/armin.artmann?preview=true", foreign: "/api/users/iris.immsee?preview=true"},
	{op: "add-number", method: "POST", own: "/api/users/armin.artmann/numbers", foreign: "/api/users/iris.immsee/numbers", body: `{"number":"500"}`},
	{op: "get-number", method: "GET", own: "/api/numbers/416", foreign: "/api/numbers/403", user: true},
	{op: "get-number", method: "GET", foreign: "/api/numbers/999"},
	{op: "patch-number", method: "PATCH", own: "/api/numbers/416", foreign: "/api/numbers/403", body: `{"busy_on_any":true}`, user: true},
	{op: "patch-number", method: "PATCH", own: "/api/numbers/416", foreign: "/api/numbers/403", body: `{"display_name":"Chef"}`},
	{op: "delete-number", method: "DELETE", own: "/api/numbers/417", foreign: "/api/numbers/403"},
	{op: "list-forwarding", method: "GET", own: "/api/numbers/416/forwarding", foreign: "/api/numbers/403/forwarding", user: true},
	{op: "patch-number", method: "PATCH", own: "/api/numbers/416", foreign: "/api/numbers/403", body: `{"forwarding_profile":"","schedule":null}`, user: true},
	{op: "list-profiles", method: "GET", own: "/api/users/armin.artmann/profiles", foreign: "/api/users/iris.immsee/profiles", user: true},
	{op: "create-profile", method: "POST", own: "/api/users/armin.artmann/profiles", foreign: "/api/users/iris.immsee/profiles", body: `{"name":"x"}`, user: true},
	{op: "get-profile", method: "GET", own: "/api/users/armin.artmann/profiles/<profile/armin>", foreign: "/api/users/iris.immsee/profiles/<profile/iris>", user: true},
	{op: "get-profile", method: "GET", foreign: "/api/users/niemand/profiles/x"},
	{op: "patch-profile", method: "PATCH", own: "/api/users/armin.artmann/profiles/<profile/armin>", foreign: "/api/users/iris.immsee/profiles/<profile/iris>", body: `{"table":[]}`, user: true},
	{op: "order-profiles", method: "PUT", own: "/api/users/armin.artmann/profiles/order", foreign: "/api/users/iris.immsee/profiles/order", body: `{"profiles":[]}`, user: true},
	{op: "delete-profile", method: "DELETE", own: "/api/users/armin.artmann/profiles/<profile/armin>", foreign: "/api/users/iris.immsee/profiles/<profile/iris>", user: true},
	{op: "create-slot", method: "POST", own: "/api/users/armin.artmann/slots", foreign: "/api/users/iris.immsee/slots", body: `{"type":"desk"}`},
	{op: "list-user-slots", method: "GET", own: "/api/users/armin.artmann/slots", foreign: "/api/users/iris.immsee/slots", user: true},
	{op: "get-slot", method: "GET", own: "/api/slots/<armin/desk>", foreign: "/api/slots/<iris/desk>", user: true},
	{op: "get-slot", method: "GET", foreign: "/api/slots/nothing"},
	{op: "patch-slot", method: "PATCH", own: "/api/slots/<armin/desk>", foreign: "/api/slots/<iris/desk>", body: `{"dnd":false}`, user: true},
	{op: "patch-slot", method: "PATCH", own: "/api/slots/<armin/desk>", foreign: "/api/slots/<iris/desk>", body: `{"mobile_number":""}`},
	{op: "delete-slot", method: "DELETE", own: "/api/slots/<armin/dect>", foreign: "/api/slots/<iris/desk>"},
	{op: "reset-slot-secret", method: "POST", own: "/api/slots/<armin/desk>/secret", foreign: "/api/slots/<iris/desk>/secret"},
	{op: "list-bindings", method: "GET", own: "/api/slots/<armin/desk>/bindings", foreign: "/api/slots/<iris/desk>/bindings", user: true},
	{op: "get-matrix", method: "GET", own: "/api/users/armin.artmann/matrix", foreign: "/api/users/iris.immsee/matrix", user: true},
	{op: "set-matrix", method: "PUT", own: "/api/users/armin.artmann/matrix", foreign: "/api/users/iris.immsee/matrix", body: `{}`, user: true},
	{op: "list-groups", method: "GET", own: "/api/groups"},
	{op: "add-member", method: "PUT", own: "/api/groups/visible_users/members/armin.artmann", foreign: "/api/groups/admins/members/iris.immsee"},
	{op: "remove-member", method: "DELETE", own: "/api/groups/visible_users/members/armin.artmann", foreign: "/api/groups/admins/members/iris.immsee"},
	{op: "list-calls", method: "GET", own: "/api/calls", user: true},
	{op: "start-call", method: "POST", own: "/api/calls", body: `{"slot_id":"<armin/desk>","to":"403"}`, user: true},
	{op: "start-call", method: "POST", foreign: "/api/calls", body: `{"slot_id":"<iris/desk>","to":"416"}`},
	{op: "start-call", method: "POST", foreign: "/api/calls", body: `{"slot_id":"nothing","to":"416"}`},
	{op: "get-call", method: "GET", own: "/api/calls/01JD00000000000000000000C1", foreign: "/api/calls/01JD00000000000000000000C2", user: true},
	{op: "get-call-ladder", method: "GET", own: "/api/calls/01JD00000000000000000000C1/ladder", foreign: "/api/calls/01JD00000000000000000000C2/ladder"},
	{op: "get-call-pcap", method: "GET", own: "/api/calls/01JD00000000000000000000C1/pcap", foreign: "/api/calls/01JD00000000000000000000C2/pcap"},
	{op: "debug-sip", method: "GET", own: "/api/debug/sip"},
	{op: "hang-up", method: "DELETE", own: "/api/calls/01JD00000000000000000000C1", foreign: "/api/calls/01JD00000000000000000000C2", user: true},
	{op: "list-cdrs", method: "GET", own: "/api/cdrs?user=armin.artmann", foreign: "/api/cdrs?user=iris.immsee", user: true},
	{op: "get-cdr", method: "GET", own: "/api/cdrs/01JD00000000000000000000R1", foreign: "/api/cdrs/01JD00000000000000000000R2", user: true},
	{op: "get-cdr", method: "GET", foreign: "/api/cdrs/01JD00000000000000000000R9"},
	{op: "explain", method: "POST", own: "/api/explain", body: `{"from":"403","to":"416"}`, user: true},
	{op: "explain", method: "POST", foreign: "/api/explain", body: `{"from":"416","to":"403"}`},
	{op: "explain", method: "POST", foreign: "/api/explain", body: `{"from":"416","to":"999"}`},
	{op: "patch-user", method: "PATCH", own: "/api/users/armin.artmann", foreign: "/api/users/iris.immsee", body: `{"hide_number_inside":true,"hide_number_outside":false}`, user: true},
	{op: "patch-user", method: "PATCH", own: "/api/users/armin.artmann", foreign: "/api/users/iris.immsee", body: `{"call_blocking":[]}`},
	{op: "patch-user", method: "PATCH", own: "/api/users/armin.artmann", foreign: "/api/users/iris.immsee", body: `{"shown_numbers_outside":[]}`},
	{op: "patch-user", method: "PATCH", own: "/api/users/armin.artmann", foreign: "/api/users/iris.immsee", body: `{"shown_numbers_inside":null}`},
	{op: "patch-user", method: "PATCH", own: "/api/users/armin.artmann", foreign: "/api/users/iris.immsee", body: `{"status_private":true}`, user: true},
	{op: "patch-user", method: "PATCH", own: "/api/users/armin.artmann", foreign: "/api/users/iris.immsee", body: `{"url":null}`},
	{op: "set-pin", method: "PUT", own: "/api/users/armin.artmann/pin", foreign: "/api/users/iris.immsee/pin", body: `{"pin":"4711"}`, user: true},
	{op: "delete-pin", method: "DELETE", own: "/api/users/armin.artmann/pin", foreign: "/api/users/iris.immsee/pin", user: true},
	{op: "list-rules", method: "GET", own: "/api/forwarding/rules"},
	{op: "create-rule", method: "POST", own: "/api/forwarding/rules", body: `{"name":"x","when":{"class":"outside"},"action":{"kind":"allow"}}`},
	{op: "get-rule", method: "GET", own: "/api/forwarding/rules/x"},
	{op: "patch-rule", method: "PATCH", own: "/api/forwarding/rules/x", body: `{}`},
	{op: "order-rules", method: "PUT", own: "/api/forwarding/rules/order", body: `{"rules":[]}`},
	{op: "delete-rule", method: "DELETE", own: "/api/forwarding/rules/x"},
	{op: "list-calendars", method: "GET", own: "/api/calendars", user: true},
	{op: "create-calendar", method: "POST", own: "/api/calendars", body: `{"name":"x","zone":"Europe/Berlin","entries":[]}`},
	{op: "get-calendar", method: "GET", own: "/api/calendars/x", user: true},
	{op: "patch-calendar", method: "PATCH", own: "/api/calendars/x", body: `{}`},
	{op: "delete-calendar", method: "DELETE", own: "/api/calendars/x"},
	{op: "preview-calendar", method: "GET", own: "/api/calendars/x/preview", user: true},
	{op: "list-holidays", method: "GET", own: "/api/holidays?state=HE&year=2026", user: true},
	{op: "list-huntgroups", method: "GET", own: "/api/huntgroups"},
	{op: "create-huntgroup", method: "POST", own: "/api/huntgroups", body: `{"name":"x","number":"400"}`},
	{op: "get-huntgroup", method: "GET", own: "/api/huntgroups/x"},
	{op: "patch-huntgroup", method: "PATCH", own: "/api/huntgroups/x", body: `{}`},
	{op: "delete-huntgroup", method: "DELETE", own: "/api/huntgroups/x"},
	{op: "list-pickupgroups", method: "GET", own: "/api/pickupgroups"},
	{op: "create-pickupgroup", method: "POST", own: "/api/pickupgroups", body: `{"name":"x"}`},
	{op: "get-pickupgroup", method: "GET", own: "/api/pickupgroups/x"},
	{op: "patch-pickupgroup", method: "PATCH", own: "/api/pickupgroups/x", body: `{}`},
	{op: "delete-pickupgroup", method: "DELETE", own: "/api/pickupgroups/x"},
	{op: "list-codes", method: "GET", own: "/api/codes", user: true},
	{op: "get-code", method: "GET", own: "/api/codes/echo", user: true},
	{op: "set-codes", method: "PUT", own: "/api/codes", body: `{"codes":[{"action":"echo","code":"*97","enabled":true}]}`},
	{op: "patch-code", method: "PATCH", own: "/api/codes/echo", body: `{"enabled":false}`},
	{op: "create-group", method: "POST", own: "/api/groups", body: `{"name":"x","title":"x"}`},
	{op: "get-group", method: "GET", own: "/api/groups/admins"},
	{op: "patch-group", method: "PATCH", own: "/api/groups/admins", body: `{"title":"x"}`},
	{op: "delete-group", method: "DELETE", own: "/api/groups/x"},
	{op: "add-inner-group", method: "PUT", own: "/api/groups/visible_users/groups/x"},
	{op: "remove-inner-group", method: "DELETE", own: "/api/groups/visible_users/groups/x"},
	{op: "list-permissions", method: "GET", own: "/api/permissions"},
	{op: "list-grants", method: "GET", own: "/api/groups/users/permissions"},
	{op: "add-grant", method: "PUT", own: "/api/groups/users/permissions/pickup?objects=users"},
	{op: "remove-grant", method: "DELETE", own: "/api/groups/users/permissions/pickup?objects=users"},
	{op: "may", method: "GET", own: "/api/may?user=armin.artmann&permission=admin", foreign: "/api/may?user=iris.immsee&permission=admin", user: true},
	{op: "events", method: "GET", own: "/api/events", user: true},
	{op: "list-faults", method: "GET", own: "/api/faults"},
	{op: "list-audit", method: "GET", own: "/api/audit"},
	{op: "get-licence", method: "GET", own: "/api/licence", user: true},
	{op: "put-licence", method: "PUT", own: "/api/licence", body: `{}`},
	{op: "delete-licence", method: "DELETE", own: "/api/licence"},
	{op: "logout", method: "DELETE", own: "/api/session", user: true},
}

func TestRights(t *testing.T) {
	r := newRig(t)
	r.call("01JD00000000000000000000C1", "iris.immsee", "armin.artmann")
	r.call("01JD00000000000000000000C2", "iris.immsee", "adele.admin")
	r.record("01JD00000000000000000000R1", "iris.immsee", "armin.artmann")
	r.record("01JD00000000000000000000R2", "iris.immsee", "adele.admin")
	r.forwarding()
	r.srv.EndStreams() // an event stream that is allowed ends at once
	tested := map[string]bool{}
	for _, c := range allRights() {
		tested[c.op] = true
		t.Run(c.op, func(t *testing.T) {
			r.t = t
			for _, path := range []string{c.own, c.foreign} {
				if path == "" {
					continue
				}
				if a := r.do("", c.method, path, c.body); (a.Code == http.StatusUnauthorized) == c.public {
					t.Errorf("nobody at %s: %d", path, a.Code)
				}
				if a := r.do("", c.method, path, c.body, "Authorization", "Bearer wrong"); (a.Code == http.StatusUnauthorized) == c.public {
					t.Errorf("wrong token at %s: %d", path, a.Code)
				}
				if c.public {
					continue
				}
				may := c.user && path == c.own
				if a := r.do("armin.artmann", c.method, path, c.body); (a.Code == http.StatusForbidden) == may || a.Code == http.StatusUnauthorized || a.Code >= 500 {
					t.Errorf("user at %s: %d, may: %v: %s", path, a.Code, may, a.Body)
				}
				r.relogin("armin.artmann")
				if a := r.do("supervisor", c.method, path, c.body); (a.Code == http.StatusForbidden) != c.self || a.Code == http.StatusUnauthorized || a.Code >= 500 {
					t.Errorf("administrator at %s: %d: %s", path, a.Code, a.Body)
				}
				r.relogin("supervisor")
				r.relogin("armin.artmann")
			}
		})
	}
	for path, ops := range spec(t).Paths {
		for method, op := range ops {
			if !tested[op.OperationID] {
				t.Errorf("%s %s (%s) has no rights here", method, path, op.OperationID)
			}
		}
	}
}

// relogin logs in anew after what may have ended the session.
func (r *rig) relogin(username string) {
	if a := r.do(username, "GET", "/api/session", ""); a.Code == http.StatusUnauthorized {
		delete(r.tokens, username)
	}
}

func TestUsersSeeOwnCallsOnly(t *testing.T) {
	r := newRig(t)
	r.call("01JD00000000000000000000C2", "iris.immsee", "adele.admin")
	r.record("01JD00000000000000000000R2", "iris.immsee", "adele.admin")
	for _, path := range []string{"/api/calls", "/api/cdrs", "/api/cdrs?number=416"} {
		if a := r.want(200, "armin.artmann", "GET", path, ""); strings.Contains(a.Body.String(), "01JD") {
			t.Errorf("%s shows a call of others: %s", path, a.Body)
		}
		if a := r.want(200, "iris.immsee", "GET", path, ""); !strings.Contains(a.Body.String(), "01JD") {
			t.Errorf("%s does not show the own call: %s", path, a.Body)
		}
	}
}

func TestScopes(t *testing.T) {
	r := newRig(t)
	make := func(as, scope string) string {
		var v struct{ Token string }
		r.want(201, as, "POST", "/api/users/"+as+"/tokens", `{"name":"x","scopes":["`+scope+`"]}`).decode(&v)
		return v.Token
	}
	for _, c := range []struct {
		name, as, scope, method, path, body string
		status                              int
	}{
		{"read reads", "armin.artmann", "read", "GET", "/api/numbers/416", "", 200},
		{"read does not write", "armin.artmann", "read", "PATCH", "/api/numbers/416", `{"call_waiting":true}`, 403},
		{"write reads", "armin.artmann", "write", "GET", "/api/numbers/416", "", 200},
		{"write writes", "armin.artmann", "write", "PATCH", "/api/numbers/416", `{"call_waiting":true}`, 200},
		{"write is no administrator", "armin.artmann", "write", "GET", "/api/users", "", 403},
		{"explain reads", "supervisor", "read", "POST", "/api/explain", `{"from":"403","to":"416"}`, 200},
		{"tokens make no tokens", "supervisor", "write", "POST", "/api/users/supervisor/tokens", `{"name":"x","scopes":["write"]}`, 403},
		{"tokens set no PINs", "supervisor", "write", "PUT", "/api/users/armin.artmann/pin", `{"pin":"4711"}`, 403},
		{"tokens set no passwords", "supervisor", "write", "PUT", "/api/users/armin.artmann/password", `{"password":"ganz-anders-2"}`, 403},
		{"tokens do not log out", "supervisor", "write", "DELETE", "/api/session", "", 403},
		{"tokens are told", "supervisor", "read", "GET", "/api/session", "", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			r.want(c.status, "", c.method, c.path, c.body, "Authorization", "Bearer "+make(c.as, c.scope))
		})
	}
}

func TestFirstPassword(t *testing.T) {
	r := newRig(t)
	r.want(200, "supervisor", "PUT", "/api/users/armin.artmann/password", `{"password":"erstes-mal","must_change_password":true}`)
	var v struct{ Token string }
	r.want(200, "", "POST", "/api/session", `{"username":"armin.artmann","password":"erstes-mal"}`).decode(&v)
	as := []string{"Authorization", "Bearer " + v.Token}
	r.want(200, "", "GET", "/api/session", "", as...)
	r.want(403, "", "GET", "/api/users/armin.artmann", "", as...)
	r.want(403, "", "PUT", "/api/users/iris.immsee/password", `{"password":"ganz-anders-2"}`, as...)
	var changed struct{ Session struct{ Token string } }
	r.want(200, "", "PUT", "/api/users/armin.artmann/password", `{"password":"ganz-anders-2","old_password":"erstes-mal"}`, as...).decode(&changed)
	r.want(401, "", "GET", "/api/session", "", as...)
	r.want(200, "", "GET", "/api/users/armin.artmann", "", "Authorization", "Bearer "+changed.Session.Token)
}

// TestRightsAreThoseOfNow takes rights away from a session that is open.
func TestRightsAreThoseOfNow(t *testing.T) {
	r := newRig(t)
	r.want(200, "adele.admin", "GET", "/api/users", "")
	r.want(200, "iris.immsee", "GET", "/api/session", "")
	r.want(204, "supervisor", "DELETE", "/api/groups/admins/members/adele.admin", "")
	r.want(403, "adele.admin", "GET", "/api/users", "")
	r.want(200, "supervisor", "DELETE", "/api/users/iris.immsee", "")
	r.want(401, "iris.immsee", "GET", "/api/session", "")
}
