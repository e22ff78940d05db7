package admin_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/admin/api"
)

var update = flag.Bool("update", false, "write golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// document is what the tests need of the OpenAPI document.
type document struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string
		Security    *[]map[string][]string
		Responses   map[string]json.RawMessage
	}
}

func spec(t *testing.T) document {
	t.Helper()
	text, err := api.Spec()
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// contract are the paths that others rely on.
var contract = []string{
	"POST /api/session", "GET /api/session", "DELETE /api/session",
	"GET /api/users", "POST /api/users", "GET /api/users/{username}", "PATCH /api/users/{username}", "DELETE /api/users/{username}",
	"POST /api/users/{username}/numbers", "POST /api/users/{username}/slots", "GET /api/users/{username}/matrix", "PUT /api/users/{username}/matrix",
	"GET /api/numbers/{number}", "PATCH /api/numbers/{number}", "DELETE /api/numbers/{number}",
	"GET /api/slots/{id}", "PATCH /api/slots/{id}", "DELETE /api/slots/{id}", "GET /api/slots/{id}/bindings", "POST /api/slots/{id}/secret",
	"GET /api/calls", "DELETE /api/calls/{id}", "GET /api/cdrs", "GET /api/cdrs/{id}", "POST /api/explain", "GET /api/events",
	"GET /api/audit", "GET /api/groups", "GET /api/debug/sip", "GET /api/calls/{id}/ladder", "GET /api/calls/{id}/pcap", "GET /healthz", "GET /readyz",
}

func TestSpec(t *testing.T) {
	text, err := api.Spec()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "openapi.json", string(text))
	d := spec(t)
	if !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Errorf("openapi is %q", d.OpenAPI)
	}
	for _, c := range contract {
		method, path, _ := strings.Cut(c, " ")
		if _, ok := d.Paths[path][strings.ToLower(method)]; !ok {
			t.Errorf("%s is missing", c)
		}
	}
	public := []string{"login", "health", "ready"}
	for path, ops := range d.Paths {
		for method, op := range ops {
			if op.Security == nil {
				t.Errorf("%s %s declares no security", method, path)
			} else if (len(*op.Security) == 0) != slices.Contains(public, op.OperationID) {
				t.Errorf("%s %s: security is %v", method, path, *op.Security)
			}
		}
	}
	r := newRig(t)
	if a := r.want(200, "", "GET", "/api/openapi.json", ""); a.Body.String() != string(text) {
		t.Error("served document differs")
	}
}

// step is a request of the walk through all operations.
type step struct{ name, as, method, path, body, match string }

// walk uses every operation. Answers are kept in testdata/answers.
var walk = []step{
	{"health", "", "GET", "/healthz", "", ""},
	{"ready", "", "GET", "/readyz", "", ""},
	{"login", "", "POST", "/api/session", `{"username":"armin.artmann","password":"` + password + `"}`, ""},
	{"login-wrong", "", "POST", "/api/session", `{"username":"armin.artmann","password":"falsch-falsch"}`, ""},
	{"get-session", "armin.artmann", "GET", "/api/session", "", ""},
	{"get-session-nobody", "", "GET", "/api/session", "", ""},
	{"list-users", "adele.admin", "GET", "/api/users", "", ""},
	{"list-users-page", "adele.admin", "GET", "/api/users?limit=2", "", ""},
	{"list-users-filter", "adele.admin", "GET", "/api/users?filter=403", "", ""},
	{"create-user", "adele.admin", "POST", "/api/users", `{"username":"neu.neumann","first_name":"Neu","password":"` + password + `"}`, ""},
	{"create-user-taken", "adele.admin", "POST", "/api/users", `{"username":"neu.neumann"}`, ""},
	{"create-user-invalid", "adele.admin", "POST", "/api/users", `{"username":"Neu Mann","email":"kein","time_zone":"Mond/See"}`, ""},
	{"create-user-short-password", "adele.admin", "POST", "/api/users", `{"username":"kurz","password":"kurz"}`, ""},
	{"get-user", "armin.artmann", "GET", "/api/users/armin.artmann", "", ""},
	{"get-user-missing", "adele.admin", "GET", "/api/users/niemand", "", ""},
	{"patch-user", "adele.admin", "PATCH", "/api/users/armin.artmann", `{"email":"armin@koppelfeld.example","dnd":true}`, ""},
	{"patch-user-null", "adele.admin", "PATCH", "/api/users/armin.artmann", `{"email":null,"dnd":null,"language":"en"}`, ""},
	{"patch-user-own", "armin.artmann", "PATCH", "/api/users/armin.artmann", `{"language":null}`, ""},
	{"patch-user-own-name", "armin.artmann", "PATCH", "/api/users/armin.artmann", `{"first_name":"Kaiser"}`, ""},
	{"patch-user-unknown-field", "adele.admin", "PATCH", "/api/users/armin.artmann", `{"shoe_size":43}`, ""},
	{"add-number", "adele.admin", "POST", "/api/users/neu.neumann/numbers", `{"number":"418"}`, ""},
	{"add-number-taken", "adele.admin", "POST", "/api/users/neu.neumann/numbers", `{"number":"416"}`, ""},
	{"add-number-emergency", "adele.admin", "POST", "/api/users/neu.neumann/numbers", `{"number":"112"}`, ""},
	{"list-numbers", "adele.admin", "GET", "/api/numbers", "", ""},
	{"get-number", "armin.artmann", "GET", "/api/numbers/416", "", ""},
	{"patch-number", "armin.artmann", "PATCH", "/api/numbers/416", `{"call_waiting":true,"max_calls":2,"ring_outside":"Bellcore-dr3"}`, `"1"`},
	{"patch-number-stale", "armin.artmann", "PATCH", "/api/numbers/416", `{"call_waiting":false}`, `"1"`},
	{"patch-number-invalid", "armin.artmann", "PATCH", "/api/numbers/416", `{"max_calls":-1,"ring_inside":"Glocke"}`, ""},
	{"create-slot", "adele.admin", "POST", "/api/users/neu.neumann/slots", `{"type":"desk","name":"Büro"}`, ""},
	{"create-slot-mobile", "adele.admin", "POST", "/api/users/neu.neumann/slots", `{"type":"mobile","mobile_number":"+491701234567"}`, ""},
	{"create-slot-mobile-bare", "adele.admin", "POST", "/api/users/neu.neumann/slots", `{"type":"mobile"}`, ""},
	{"create-slot-unknown", "adele.admin", "POST", "/api/users/neu.neumann/slots", `{"type":"toaster"}`, ""},
	{"list-user-slots", "armin.artmann", "GET", "/api/users/armin.artmann/slots", "", ""},
	{"get-slot", "armin.artmann", "GET", "/api/slots/<armin/desk>", "", ""},
	{"patch-slot", "armin.artmann", "PATCH", "/api/slots/<armin/desk>", `{"dnd":true,"default_number":"416"}`, ""},
	{"patch-slot-not-ticked", "armin.artmann", "PATCH", "/api/slots/<armin/desk>", `{"default_number":"417"}`, ""},
	{"list-bindings", "armin.artmann", "GET", "/api/slots/<armin/desk>/bindings", "", ""},
	{"get-matrix", "armin.artmann", "GET", "/api/users/armin.artmann/matrix", "", ""},
	{"set-matrix", "armin.artmann", "PUT", "/api/users/armin.artmann/matrix", `{"416":["<armin/desk>","<armin/dect>"],"417":["<armin/softphone>"]}`, ""},
	{"set-matrix-foreign", "armin.artmann", "PUT", "/api/users/armin.artmann/matrix", `{"416":["<iris/desk>"],"403":["<armin/desk>"]}`, ""},
	{"explain", "adele.admin", "POST", "/api/explain", `{"from":"+4966112345","to":"416","at":"2026-11-29T14:00:00+01:00"}`, ""},
	{"explain-inside", "adele.admin", "POST", "/api/explain", `{"from":"403","to":"417","at":"2026-11-29T14:00:00+01:00"}`, ""},
	{"explain-slot", "adele.admin", "POST", "/api/explain", `{"from":"<iris/desk>","to":"999","at":"2026-11-29T14:00:00+01:00"}`, ""},
	{"explain-bad-time", "adele.admin", "POST", "/api/explain", `{"from":"403","to":"416","at":"Sonntag"}`, ""},
	{"list-calls", "adele.admin", "GET", "/api/calls", "", ""},
	{"list-calls-caller", "iris.immsee", "GET", "/api/calls", "", ""},
	{"get-call", "armin.artmann", "GET", "/api/calls/<call>", "", ""},
	{"get-call-ladder", "adele.admin", "GET", "/api/calls/<call>/ladder", "", ""},
	{"get-call-ladder-text", "adele.admin", "GET", "/api/calls/<call>/ladder?format=text", "", ""},
	{"get-call-ladder-missing", "adele.admin", "GET", "/api/calls/01JDXXXXXXXXXXXXXXXXXXXXXX/ladder", "", ""},
	{"get-call-ladder-callee", "armin.artmann", "GET", "/api/calls/<call>/ladder", "", ""},
	{"get-call-pcap", "adele.admin", "GET", "/api/calls/<call>/pcap", "", ""},
	{"debug-sip", "adele.admin", "GET", "/api/debug/sip?call=<call>", "", ""},
	{"hang-up", "armin.artmann", "DELETE", "/api/calls/<call>", "", ""},
	{"hang-up-missing", "adele.admin", "DELETE", "/api/calls/01JDXXXXXXXXXXXXXXXXXXXXXX", "", ""},
	{"list-cdrs", "adele.admin", "GET", "/api/cdrs", "", ""},
	{"list-cdrs-filter", "adele.admin", "GET", "/api/cdrs?number=417&user=armin.artmann", "", ""},
	{"get-cdr", "armin.artmann", "GET", "/api/cdrs/01JD00000000000000000000R1", "", ""},
	{"get-cdr-caller", "iris.immsee", "GET", "/api/cdrs/01JD00000000000000000000R1", "", ""},
	{"get-cdr-missing", "adele.admin", "GET", "/api/cdrs/01JD00000000000000000000R9", "", ""},
	{"list-groups", "adele.admin", "GET", "/api/groups", "", ""},
	{"add-member", "adele.admin", "PUT", "/api/groups/admins/members/iris.immsee", "", ""},
	{"remove-member", "adele.admin", "DELETE", "/api/groups/admins/members/iris.immsee", "", ""},
	{"remove-member-supervisor", "adele.admin", "DELETE", "/api/groups/admins/members/supervisor", "", ""},
	{"reset-slot-secret", "adele.admin", "POST", "/api/slots/<armin/desk>/secret", "", ""},
	{"set-password", "adele.admin", "PUT", "/api/users/neu.neumann/password", `{"password":"ganz-anders-2","must_change_password":true}`, ""},
	{"set-password-own", "iris.immsee", "PUT", "/api/users/iris.immsee/password", `{"password":"ganz-anders-2","old_password":"` + password + `"}`, ""},
	{"set-password-own-wrong", "armin.artmann", "PUT", "/api/users/armin.artmann/password", `{"password":"ganz-anders-2","old_password":"falsch-falsch"}`, ""},
	{"create-token", "armin.artmann", "POST", "/api/users/armin.artmann/tokens", `{"name":"Wallboard","scopes":["read"],"expires":"2099-01-01T00:00:00Z"}`, ""},
	{"create-token-foreign", "adele.admin", "POST", "/api/users/armin.artmann/tokens", `{"name":"x","scopes":["read"]}`, ""},
	{"create-token-past", "armin.artmann", "POST", "/api/users/armin.artmann/tokens", `{"name":"x","scopes":["write"],"expires":"2001-01-01T00:00:00Z"}`, ""},
	{"list-tokens", "armin.artmann", "GET", "/api/users/armin.artmann/tokens", "", ""},
	{"delete-token", "adele.admin", "DELETE", "/api/users/armin.artmann/tokens/<token>", "", ""},
	{"delete-slot", "adele.admin", "DELETE", "/api/slots/<armin/dect>", "", ""},
	{"delete-number", "adele.admin", "DELETE", "/api/numbers/417", "", ""},
	{"delete-user-preview", "adele.admin", "DELETE", "/api/users/armin.artmann?preview=true", "", ""},
	{"delete-user", "adele.admin", "DELETE", "/api/users/armin.artmann", "", ""},
	{"delete-user-self", "adele.admin", "DELETE", "/api/users/adele.admin", "", ""},
	{"list-audit", "adele.admin", "GET", "/api/audit?limit=3", "", ""},
	{"unknown-query", "adele.admin", "GET", "/api/users?sort=age", "", ""},
	{"bad-cursor", "adele.admin", "GET", "/api/users?cursor=%25", "", ""},
	{"unknown-path", "adele.admin", "GET", "/api/nothing", "", ""},
	{"wrong-method", "adele.admin", "DELETE", "/api/users", "", ""},
	{"pages", "", "GET", "/", "", ""},
	{"logout", "adele.admin", "DELETE", "/api/session", "", ""},
}

func TestAnswers(t *testing.T) {
	r := newRig(t)
	r.call("01JD00000000000000000000C1", "iris.immsee", "armin.artmann")
	r.record("01JD00000000000000000000R1", "iris.immsee", "armin.artmann")
	d := spec(t)
	used := map[string]bool{"events": true} // has tests of its own
	for _, s := range walk {
		var header []string
		if s.match != "" {
			header = []string{"If-Match", s.match}
		}
		a := r.do(s.as, s.method, s.path, s.body, header...)
		if a.Code < 300 {
			used[s.name] = true
		}
		if s.name == "create-token" {
			var v struct{ ID string }
			a.decode(&v)
			r.name(v.ID, "token")
		}
		golden(t, "answers/"+s.name+".txt", r.show(s, a))
	}
	for path, ops := range d.Paths {
		for method, op := range ops {
			if !used[op.OperationID] {
				t.Errorf("%s %s (%s) is not in the walk", method, path, op.OperationID)
			}
		}
	}
	if len(r.hungUp) != 1 || !strings.HasSuffix(r.hungUp[0], "ended by armin.artmann") {
		t.Errorf("hung up: %v", r.hungUp)
	}
	for _, secret := range []string{password, "falsch-falsch", "ganz-anders-2", r.tokens["adele.admin"]} {
		if strings.Contains(r.log.String(), secret) {
			t.Error("a secret is in the log")
		}
	}
}

var volatile = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`"(token|password)": "[^"]+"`), `"$1": "<secret>"`},
	{regexp.MustCompile(`koppelfeld_session=[^;]+`), "koppelfeld_session=<secret>"},
	{regexp.MustCompile(`"username": "[a-z0-9]{12,32}"`), `"username": "<random>"`},
	{regexp.MustCompile(`20\d\d-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)`), "<time>"},
	{regexp.MustCompile(`\b01[0-9A-HJKMNP-TV-Z]{24}\b`), "<id>"},
	{regexp.MustCompile(`"sip_username": "[a-z0-9]+"`), `"sip_username": "<random>"`},
	{regexp.MustCompile(`"next": "[^"]{20,}"`), `"next": "<cursor>"`},
}

// show writes an answer down without what differs from run to run.
func (r *rig) show(s step, a answer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", s.method, s.path)
	if s.body != "" {
		fmt.Fprintln(&b, s.body)
	}
	fmt.Fprintf(&b, "\n%d %s\n", a.Code, http.StatusText(a.Code))
	for _, h := range []string{"Content-Type", "ETag", "Location", "Set-Cookie", "Www-Authenticate", "Allow", "Retry-After"} {
		if v := a.Header().Get(h); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", h, v)
		}
	}
	b.WriteByte('\n')
	var pretty bytes.Buffer
	switch err := json.Indent(&pretty, a.Body.Bytes(), "", "  "); {
	case err != nil && utf8.Valid(a.Body.Bytes()):
		pretty.Reset()
		pretty.Write(a.Body.Bytes())
	case err != nil:
		pretty.Reset()
		pretty.WriteString(hex.Dump(a.Body.Bytes()))
	}
	b.Write(pretty.Bytes())
	text := b.String()
	for _, id := range slices.Sorted(maps.Keys(r.names)) {
		if !strings.HasPrefix(id, "<") {
			text = strings.ReplaceAll(text, id, "<"+r.names[id]+">")
		}
	}
	for _, v := range volatile {
		text = v.pattern.ReplaceAllString(text, v.with)
	}
	return text
}
