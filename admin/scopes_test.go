package admin_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// readPosts change nothing in spite of their method, so that a token for reading may use them.
var readPosts = []string{"explain"}

// persons are operations beside those marked so in their row that no API token may use.
var persons = []string{"set-password", "set-pin", "delete-pin", "logout"}

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
	for _, c := range slices.Concat(rights, listRights, doorRights) {
		if c.public || c.own == "" {
			continue
		}
		t.Run(c.op, func(t *testing.T) {
			r.t = t
			person := c.person || slices.Contains(persons, c.op)
			reads := c.method == http.MethodGet || slices.Contains(readPosts, c.op)
			for _, as := range []string{"armin.artmann", "supervisor"} {
				for _, scope := range []string{"read", "write"} {
					may := !person && (reads || scope == "write") && (c.user || as == "supervisor")
					a := r.do("", c.method, c.own, c.body, "Authorization", "Bearer "+tokens[as+" "+scope])
					if (a.Code == http.StatusForbidden) == may || a.Code == http.StatusUnauthorized || a.Code >= 500 {
						t.Errorf("token of %s with scope %s: %d, may: %v: %s", as, scope, a.Code, may, a.Body)
					}
				}
			}
		})
	}
}
