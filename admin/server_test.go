package admin_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/admin"
	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/internal/calls"
)

func TestLostUpdate(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct{ name, path, method, body, other string }{
		{"user", "/api/users/armin.artmann", "PATCH", `{"dnd":true}`, `{"dnd":false}`},
		{"number", "/api/numbers/416", "PATCH", `{"max_calls":3}`, `{"max_calls":4}`},
		{"slot", "/api/slots/<armin/desk>", "PATCH", `{"name":"a"}`, `{"name":"b"}`},
		{"matrix", "/api/users/armin.artmann/matrix", "PUT", `{"417":["<armin/desk>"]}`, `{"416":["<armin/desk>"]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			first := r.want(200, "supervisor", "GET", c.path, "").Header().Get("ETag")
			second := r.want(200, "supervisor", c.method, c.path, c.body, "If-Match", first).Header().Get("ETag")
			if first == second || first == "" {
				t.Fatalf("entity tags %q and %q", first, second)
			}
			late := r.want(412, "supervisor", c.method, c.path, c.other, "If-Match", first)
			if late.Header().Get("ETag") != second {
				t.Errorf("412 tells tag %q, want %q", late.Header().Get("ETag"), second)
			}
			r.want(304, "supervisor", "GET", c.path, "", "If-None-Match", second)
			r.want(200, "supervisor", c.method, c.path, c.other, "If-Match", `"0.0", `+second)
			r.want(200, "supervisor", c.method, c.path, c.body, "If-Match", "*")
			r.want(200, "supervisor", c.method, c.path, c.other)
		})
	}
}

// TestLostUpdateOfLists changes lists as a whole, with the entity tag of the list.
func TestLostUpdateOfLists(t *testing.T) {
	r := newRig(t)
	profile := func(name string) string {
		var v struct{ ID string }
		r.want(201, "supervisor", "POST", "/api/users/armin.artmann/profiles", fmt.Sprintf(`{"name":%q}`, name)).decode(&v)
		return v.ID
	}
	rule := func(number string) string {
		var v struct{ ID string }
		body := fmt.Sprintf(`{"name":%q,"when":{"called":{"kind":"exact","value":%[1]q}},"action":{"kind":"allow"}}`, number)
		r.want(201, "supervisor", "POST", "/api/forwarding/rules", body).decode(&v)
		return v.ID
	}
	p, q := profile("Urlaub"), profile("Büro")
	a, b := rule("501"), rule("502")
	codes := func(on, off string) string {
		return fmt.Sprintf(`{"codes":[{"action":"dnd_on","code":%q,"enabled":true},{"action":"dnd_off","code":%q,"enabled":true}]}`, on, off)
	}
	for _, c := range []struct {
		name, list, path, body, other string
		status                        int
	}{
		{"profiles", "/api/users/armin.artmann/profiles", "/api/users/armin.artmann/profiles/order", fmt.Sprintf(`{"profiles":[%q,%q]}`, q, p), fmt.Sprintf(`{"profiles":[%q,%q]}`, p, q), 204},
		{"rules", "/api/forwarding/rules", "/api/forwarding/rules/order", fmt.Sprintf(`{"rules":[%q,%q]}`, b, a), fmt.Sprintf(`{"rules":[%q,%q]}`, a, b), 204},
		{"codes", "/api/codes?limit=1&sort=code", "/api/codes", codes("#26", "*26"), codes("*26", "#26"), 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			tag := func() string { return r.want(200, "supervisor", "GET", c.list, "").Header().Get("ETag") }
			first := tag()
			if first == "" || tag() != first {
				t.Fatalf("entity tags %q and %q of the same list", first, tag())
			}
			r.want(c.status, "supervisor", "PUT", c.path, c.body, "If-Match", first)
			second := tag()
			if late := r.want(412, "supervisor", "PUT", c.path, c.other, "If-Match", first); late.Header().Get("ETag") != second || second == first {
				t.Errorf("412 tells tag %q, want %q, not %q", late.Header().Get("ETag"), second, first)
			}
			r.want(c.status, "supervisor", "PUT", c.path, c.other, "If-Match", second)
			r.want(c.status, "supervisor", "PUT", c.path, c.body)
		})
	}
}

// TestManyWriters has many clients change one number from the same version: one
// of them wins, and no change without a condition is lost.
func TestManyWriters(t *testing.T) {
	r := newRig(t)
	tag := r.want(200, "supervisor", "GET", "/api/numbers/416", "").Header().Get("ETag")
	var wg sync.WaitGroup
	codes := make(chan int, 40)
	for i := range 20 {
		wg.Go(func() {
			codes <- r.do("supervisor", "PATCH", "/api/numbers/416", fmt.Sprintf(`{"max_calls":%d}`, i+1), "If-Match", tag).Code
		})
	}
	wg.Wait()
	close(codes)
	count := map[int]int{}
	for c := range codes {
		count[c]++
	}
	if count[200] != 1 || count[412] != 19 {
		t.Errorf("answers by status: %v", count)
	}
}

func TestBadInput(t *testing.T) {
	r := newRig(t)
	big := `{"first_name":"` + strings.Repeat("x", api.MaxBody) + `"}`
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		header                   []string
	}{
		{"no JSON", "POST", "/api/users", `{"username":`, 400, nil},
		{"no object", "POST", "/api/users", `[1,2]`, 422, nil},
		{"wrong type", "PATCH", "/api/numbers/416", `{"max_calls":"many"}`, 422, nil},
		{"number too large", "PATCH", "/api/numbers/416", `{"max_calls":1e99}`, 422, nil},
		{"fraction", "PATCH", "/api/numbers/416", `{"max_calls":1.5}`, 422, nil},
		{"empty body", "POST", "/api/users", "", 400, nil},
		{"two documents", "PATCH", "/api/numbers/416", `{"max_calls":1}{"max_calls":2}`, 400, nil},
		{"deep", "PUT", "/api/users/armin.artmann/matrix", strings.Repeat("[", 100000), 400, nil},
		{"too long", "PATCH", "/api/users/armin.artmann", big, 413, nil},
		{"form", "POST", "/api/session", "username=supervisor", 415, []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{"text", "POST", "/api/session", `{"username":"supervisor","password":"x"}`, 415, []string{"Content-Type", "text/plain"}},
		{"SQL in a name", "POST", "/api/users", `{"username":"x'; DROP TABLE users; --"}`, 422, nil},
		{"SQL in a path", "GET", "/api/users/x%27%20OR%201=1--", "", 404, nil},
		{"SQL in a filter", "GET", "/api/cdrs?number=%27%20OR%20%271%27=%271", "", 200, nil},
		{"NUL in a name", "PATCH", "/api/users/armin.artmann", `{"first_name":"a\u0000b"}`, 422, nil},
		{"line break in a name", "PATCH", "/api/slots/<armin/desk>", `{"name":"a\r\nVia: x"}`, 422, nil},
		{"line break in a display name", "PATCH", "/api/numbers/416", `{"display_name":"a\r\nVia: x"}`, 422, nil},
		{"markup is text", "PATCH", "/api/users/armin.artmann", `{"first_name":"<img src=x onerror=alert(1)>"}`, 200, nil},
		{"path upwards", "GET", "/api/users/..%2f..%2fetc%2fpasswd", "", 404, nil},
		{"long path", "GET", "/api/users/" + strings.Repeat("x", 5000), "", 422, nil},
		{"limit", "GET", "/api/users?limit=100000", "", 422, nil},
		{"limit no number", "GET", "/api/users?limit=all", "", 422, nil},
		{"letters as number", "POST", "/api/users/armin.artmann/numbers", `{"number":"4a6"}`, 422, nil},
		{"empty number", "POST", "/api/users/armin.artmann/numbers", `{"number":""}`, 422, nil},
		{"null name", "POST", "/api/users", `{"username":null}`, 422, nil},
		{"null row", "PUT", "/api/users/armin.artmann/matrix", `{"416":null}`, 422, nil},
		{"matrix is a list", "PUT", "/api/users/armin.artmann/matrix", `[]`, 422, nil},
		{"tick is a number", "PUT", "/api/users/armin.artmann/matrix", `{"416":[416]}`, 422, nil},
		{"foreign origin", "PATCH", "/api/numbers/416", `{"max_calls":1}`, 403, []string{"Sec-Fetch-Site", "cross-site"}},
		{"old browser, foreign origin", "PATCH", "/api/numbers/416", `{"max_calls":1}`, 403, []string{"Origin", "https://evil.example"}},
		{"own origin", "PATCH", "/api/numbers/416", `{"max_calls":1}`, 200, []string{"Origin", "http://kf.example", "Sec-Fetch-Site", "same-origin"}},
		{"Accept nothing we have", "GET", "/api/numbers/416", "", 200, []string{"Accept", "image/png"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			a := r.want(c.status, "supervisor", c.method, c.path, c.body, c.header...)
			if c.status < 400 {
				return
			}
			if ct := a.Header().Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("content type %q", ct)
			}
			var p struct {
				Status        int
				Title, Detail string
			}
			a.decode(&p)
			if p.Status != c.status || p.Title == "" || p.Detail == "" {
				t.Errorf("problem %+v", p)
			}
			if len(a.Body.String()) > 4000 {
				t.Errorf("problem of %d bytes echoes the request", a.Body.Len())
			}
		})
	}
}

func TestSecurityHeaders(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/api/users", "/api/nothing", "/healthz"} {
		h := r.do("", "GET", path, "").Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "no-cache, private",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}

func TestCookie(t *testing.T) {
	r := newRig(t)
	body := `{"username":"armin.artmann","password":"` + password + `"}`
	for _, c := range []struct {
		name string
		tls  bool
		want string
	}{
		{"plain", false, "koppelfeld_session"},
		{"TLS", true, "__Host-koppelfeld_session"},
	} {
		t.Run(c.name, func(t *testing.T) {
			send := func(method, path, body string, cookie *http.Cookie) *http.Response {
				req := httptest.NewRequest(method, "http://kf.example"+path, strings.NewReader(body))
				req.Header.Set("Content-Type", "application/json")
				if c.tls {
					req.TLS = &tls.ConnectionState{}
				}
				if cookie != nil {
					req.AddCookie(cookie)
				}
				rec := httptest.NewRecorder()
				r.srv.Handler().ServeHTTP(rec, req)
				return rec.Result()
			}
			cookies := send("POST", "/api/session", body, nil).Cookies()
			if len(cookies) != 1 {
				t.Fatalf("%d cookies", len(cookies))
			}
			k := cookies[0]
			if k.Name != c.want || !k.HttpOnly || k.SameSite != http.SameSiteStrictMode || k.Secure != c.tls || k.Path != "/" || k.Domain != "" {
				t.Errorf("cookie %v", k)
			}
			if got := send("GET", "/api/session", "", k).StatusCode; got != 200 {
				t.Errorf("with the cookie: %d", got)
			}
			res := send("DELETE", "/api/session", "", k)
			if gone := res.Cookies(); res.StatusCode != 204 || len(gone) != 1 || gone[0].MaxAge >= 0 {
				t.Errorf("logout: %d %v", res.StatusCode, gone)
			}
			if got := send("GET", "/api/session", "", k).StatusCode; got != 401 {
				t.Errorf("after logout: %d", got)
			}
		})
	}
}

func TestDatabaseAway(t *testing.T) {
	r := newRig(t)
	r.token("supervisor")
	r.broken = func() error { return fmt.Errorf("writing: %w: dial unix /secret/path", api.ErrUnavailable) }
	a := r.want(503, "supervisor", "PATCH", "/api/numbers/416", `{"max_calls":1}`)
	if a.Header().Get("Retry-After") == "" || strings.Contains(a.Body.String(), "/secret/path") {
		t.Errorf("%v %s", a.Header(), a.Body)
	}
	r.want(200, "supervisor", "GET", "/api/numbers/416", "")
	r.broken = func() error { return errors.New("inner secret") }
	a = r.want(500, "supervisor", "PATCH", "/api/numbers/416", `{"max_calls":1}`)
	if strings.Contains(a.Body.String(), "inner secret") || !strings.Contains(r.log.String(), "inner secret") {
		t.Errorf("%s", a.Body)
	}
	r.broken = func() error { panic("boom") }
	r.want(500, "supervisor", "PATCH", "/api/numbers/416", `{"max_calls":1}`)
	if !strings.Contains(r.log.String(), "boom") {
		t.Error("the panic is not in the log")
	}
	r.broken = nil
	r.want(200, "supervisor", "PATCH", "/api/numbers/416", `{"max_calls":1}`)
	r.ready = errors.New("database is not available")
	r.want(503, "", "GET", "/readyz", "")
	r.want(200, "", "GET", "/healthz", "")
}

// TestInForce asks who rings right after each change.
func TestInForce(t *testing.T) {
	r := newRig(t)
	rings := func() int {
		var v struct{ Targets []struct{} }
		r.want(200, "supervisor", "POST", "/api/explain", `{"from":"403","to":"416"}`).decode(&v)
		return len(v.Targets)
	}
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"PUT", "/api/users/armin.artmann/matrix", `{"416":["<armin/desk>"]}`, 1},
		{"PUT", "/api/users/armin.artmann/matrix", `{"416":["<armin/desk>","<armin/dect>"]}`, 2},
		{"PATCH", "/api/slots/<armin/desk>", `{"dnd":true}`, 1},
		{"PATCH", "/api/slots/<armin/desk>", `{"dnd":null}`, 2},
		{"PATCH", "/api/users/armin.artmann", `{"dnd":true}`, 0},
		{"PUT", "/api/users/armin.artmann/matrix", `{}`, 0},
	} {
		r.want(200, "armin.artmann", c.method, c.path, c.body)
		if got := rings(); got != c.want {
			t.Errorf("after %s %s %s: %d slots ring, want %d", c.method, c.path, c.body, got, c.want)
		}
	}
}

func TestPages(t *testing.T) {
	r := newRig(t)
	for i := range 25 {
		r.want(201, "supervisor", "POST", "/api/users", fmt.Sprintf(`{"username":"user%02d"}`, i))
		r.table.Put(calls.Call{ID: fmt.Sprintf("01JD000000000000000000%04d", i)}, nil)
		r.record(fmt.Sprintf("01JD000000000000000000%04d", i), "iris.immsee", "armin.artmann")
	}
	for path, want := range map[string]int{"/api/users": 29, "/api/calls": 25, "/api/cdrs": 25, "/api/groups": 6, "/api/numbers": 3, "/api/cdrs?user=armin.artmann": 25} {
		seen := map[string]bool{}
		next := ""
		for {
			sep := "?"
			if strings.Contains(path, "?") {
				sep = "&"
			}
			var v struct {
				Items []struct{ ID, Username, Name, Number string }
				Next  string
			}
			r.want(200, "supervisor", "GET", path+sep+"limit=7&cursor="+next, "").decode(&v)
			for _, i := range v.Items {
				key := i.ID + i.Username + i.Name
				if key == "" {
					key = i.Number
				}
				if seen[key] {
					t.Fatalf("%s: %s comes twice", path, key)
				}
				seen[key] = true
			}
			if next = v.Next; next == "" {
				break
			}
		}
		if len(seen) != want {
			t.Errorf("%s: %d items, want %d", path, len(seen), want)
		}
	}
}

// run serves until the test ends or stop is called.
func (r *rig) run() (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.srv.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					r.t.Error(err)
				}
			case <-time.After(10 * time.Second):
				r.t.Error("the server does not stop")
			}
		})
	}
	r.t.Cleanup(stop)
	return stop
}

func TestRun(t *testing.T) {
	r := newRig(t)
	if _, err := admin.New(admin.Config{Listen: r.srv.Addr().String(), Deps: r.deps}); err == nil || !strings.Contains(err.Error(), r.srv.Addr().String()) {
		t.Errorf("address in use: %v", err)
	}
	if _, err := admin.New(admin.Config{Listen: "127.0.0.1:0"}); err == nil {
		t.Error("a server without anything behind it")
	}
	stop := r.run()
	res, err := http.Get("http://" + r.srv.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	stop()
	if _, err := net.DialTimeout("tcp", r.srv.Addr().String(), time.Second); err == nil {
		t.Error("still listening after the end")
	}
}

func BenchmarkGetNumber(b *testing.B) {
	bench(b, "GET", "/api/numbers/416", func(int) string { return "" })
}

func BenchmarkPatchNumber(b *testing.B) {
	bench(b, "PATCH", "/api/numbers/416", func(i int) string { return fmt.Sprintf(`{"max_calls":%d}`, i%100+1) })
}

// bench measures a request with its session check; a change includes the commit.
func bench(b *testing.B, method, path string, body func(int) string) {
	r := newRig(b)
	r.token("armin.artmann")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.want(200, "armin.artmann", method, path, body(i))
	}
}
