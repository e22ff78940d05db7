package admin_test

import (
	"strings"
	"testing"
)

func TestImpersonation(t *testing.T) {
	r := newRig(t)
	type session struct {
		Token, Username, Impersonator string
		Admin                         bool
	}
	as := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
	own := r.token("adele.admin")
	var s session
	r.want(403, "armin.artmann", "POST", "/api/session/impersonate", `{"username":"iris.immsee"}`)
	r.want(403, "adele.admin", "POST", "/api/session/impersonate", `{"username":"adele.admin"}`)
	r.want(403, "adele.admin", "POST", "/api/session/impersonate", `{"username":"niemand"}`)
	r.want(409, "adele.admin", "DELETE", "/api/session/impersonate", "")
	r.want(200, "adele.admin", "POST", "/api/session/impersonate", `{"username":"armin.artmann"}`).decode(&s)
	if s.Username != "armin.artmann" || s.Impersonator != "adele.admin" || s.Admin {
		t.Errorf("session: %+v", s)
	}
	r.want(401, "", "GET", "/api/session", "", as(own)...) // its place is taken
	r.want(403, "", "GET", "/api/users", "", as(s.Token)...)
	r.want(409, "", "POST", "/api/session/impersonate", `{"username":"iris.immsee"}`, as(s.Token)...)
	for _, step := range []struct{ method, path, body string }{
		{"PUT", "/api/users/armin.artmann/password", `{"password":"ganz-anders-2","old_password":"` + password + `"}`},
		{"POST", "/api/users/armin.artmann/tokens", `{"name":"x","scopes":["read"]}`},
		{"DELETE", "/api/users/armin.artmann/tokens/x", ""},
		{"PUT", "/api/users/armin.artmann/pin", `{"pin":"2580"}`},
		{"GET", "/api/slots/<armin/desk>/credentials", ""},
	} {
		if a := r.want(403, "", step.method, step.path, step.body, as(s.Token)...); !strings.Contains(a.Body.String(), "urn:koppelfeld:problem:impersonating") {
			t.Errorf("%s %s: %s", step.method, step.path, a.Body)
		}
	}
	r.want(200, "", "PATCH", "/api/numbers/416", `{"call_waiting":true}`, as(s.Token)...)
	var log struct {
		Items []struct{ Actor, Source, Action string }
	}
	r.want(200, "supervisor", "GET", "/api/audit?object_type=number&limit=1", "").decode(&log)
	if e := log.Items[0]; e.Actor != "adele.admin" || !strings.HasSuffix(e.Source, " as armin.artmann") {
		t.Errorf("audit log: %+v", e)
	}
	r.want(200, "supervisor", "GET", "/api/audit?actor=adele.admin&limit=2", "").decode(&log)
	if log.Items[1].Action != "impersonate" {
		t.Errorf("audit log: %+v", log.Items)
	}
	var back session
	r.want(200, "", "DELETE", "/api/session/impersonate", "", as(s.Token)...).decode(&back)
	if back.Username != "adele.admin" || back.Impersonator != "" || back.Token == s.Token {
		t.Errorf("back: %+v", back)
	}
	r.want(200, "", "GET", "/api/users", "", as(back.Token)...)
	r.want(401, "", "GET", "/api/session", "", as(s.Token)...)
}

// TestImpersonationByPermission gives a user the permission, which does not reach administrators and can be taken away again.
func TestImpersonationByPermission(t *testing.T) {
	r := newRig(t)
	r.want(201, "supervisor", "POST", "/api/groups", `{"name":"sales","title":"Vertrieb"}`)
	r.want(204, "supervisor", "PUT", "/api/groups/sales/members/armin.artmann", "")
	r.want(204, "supervisor", "PUT", "/api/groups/sales/permissions/impersonate?objects=users", "")
	r.want(403, "armin.artmann", "POST", "/api/session/impersonate", `{"username":"adele.admin"}`)
	var s struct{ Token string }
	r.want(200, "armin.artmann", "POST", "/api/session/impersonate", `{"username":"iris.immsee"}`).decode(&s)
	as := []string{"Authorization", "Bearer " + s.Token}
	r.want(200, "", "GET", "/api/users/iris.immsee", "", as...)
	r.want(204, "supervisor", "DELETE", "/api/groups/sales/permissions/impersonate?objects=users", "")
	r.want(401, "", "GET", "/api/users/iris.immsee", "", as...)
}
