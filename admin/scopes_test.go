package admin_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// readPosts change nothing in spite of their method, so that a token for reading may use them.
var readPosts = []string{"explain", "preview-matrix", "preview-merge"}

// persons are operations beside those marked so in their row that no API token may use.
var persons = []string{"set-password", "set-pin", "delete-pin", "logout", "get-slot-credentials", "impersonate", "end-impersonation", "undo"}

// asOther are those of them that a person may use in the name of another.
var asOther = []string{"logout", "impersonate", "end-impersonation"}

// ownName are operations that API tokens may use, but nobody in the name of another.
var ownName = []string{"delete-token"}

// allRights are the rows of all operations.
func allRights() []right {
	return slices.Concat(rights, listRights, doorRights, actRights, transferRights, backupRights)
}

func (c *right) forPersons() bool { return c.person || slices.Contains(persons, c.op) }

// TestScopesOfEveryOperation asks for everything with API tokens of both scopes, of a user and of an administrator.
func TestScopesOfEveryOperation(t *testing.T) {
	r := newRig(t)
	r.call("01JD00000000000000000000C1", "iris.immsee", "armin.artmann")
	r.record("01JD00000000000000000000R1", "iris.immsee", "armin.artmann")
	r.forwarding()
	r.srv.EndStreams() // an event stream that is allowed ends at once
	tokens := map[string]string{}
	for _, as := range []string{"armin.artmann", "supervisor"} {
		for _, scope := range []string{"read", "write"} {
			var v struct{ Token string }
			r.want(201, as, "POST", "/api/users/"+as+"/tokens", fmt.Sprintf(`{"name":"x","scopes":[%q]}`, scope)).decode(&v)
			tokens[as+" "+scope] = v.Token
		}
	}
	for _, c := range allRights() {
		if c.public || c.own == "" {
			continue
		}
		t.Run(c.op, func(t *testing.T) {
			r.t = t
			reads := c.method == http.MethodGet || slices.Contains(readPosts, c.op)
			for _, as := range []string{"armin.artmann", "supervisor"} {
				for _, scope := range []string{"read", "write"} {
					may := !c.forPersons() && (reads || scope == "write") && (c.user || as == "supervisor")
					a := r.do("", c.method, c.own, c.body, "Authorization", "Bearer "+tokens[as+" "+scope])
					if (a.Code == http.StatusForbidden) == may || a.Code == http.StatusUnauthorized || a.Code >= 500 {
						t.Errorf("token of %s with scope %s: %d, may: %v: %s", as, scope, a.Code, may, a.Body)
					}
				}
			}
		})
	}
}

// TestImpersonatingEveryOperation asks for everything in the name of a user and of another administrator.
func TestImpersonatingEveryOperation(t *testing.T) {
	r := newRig(t)
	r.call("01JD00000000000000000000C1", "iris.immsee", "armin.artmann")
	r.record("01JD00000000000000000000R1", "iris.immsee", "armin.artmann")
	r.forwarding()
	r.srv.EndStreams() // an event stream that is allowed ends at once
	sessions := map[string][]string{}
	in := func(name string) []string {
		if s := sessions[name]; s != nil && r.do("", "GET", "/api/session", "", s...).Code == http.StatusOK {
			return s
		}
		var v struct{ Token string }
		delete(r.tokens, "supervisor") // the session that acts has taken its place
		r.want(200, "supervisor", "POST", "/api/session/impersonate", fmt.Sprintf(`{"username":%q}`, name)).decode(&v)
		sessions[name] = []string{"Authorization", "Bearer " + v.Token}
		return sessions[name]
	}
	for _, c := range allRights() {
		if c.public {
			continue
		}
		t.Run(c.op, func(t *testing.T) {
			r.t = t
			always := slices.Contains(asOther, c.op)
			never := !always && (c.forPersons() || slices.Contains(ownName, c.op))
			for _, path := range []string{c.own, c.foreign} {
				if path == "" {
					continue
				}
				for _, name := range []string{"armin.artmann", "adele.admin"} {
					may := always || !never && (name == "adele.admin" || c.user && path == c.own)
					a := r.do("", c.method, path, c.body, in(name)...)
					if (a.Code == http.StatusForbidden) == may || a.Code == http.StatusUnauthorized || a.Code >= 500 {
						t.Errorf("in the name of %s at %s: %d, may: %v: %s", name, path, a.Code, may, a.Body)
					}
				}
			}
		})
	}
}
