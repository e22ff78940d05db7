package admin

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func testPages(t *testing.T) *pages {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("let a = 1"))
	z.Close()
	p, err := newPages(fstest.MapFS{
		"index.html":       {Data: []byte(`<meta name="csp-nonce" content="@NONCE@"><script src="/assets/a-1.js"></script>`)},
		"icon.svg":         {Data: []byte("<svg/>")},
		"assets/a-1.js":    {Data: []byte("let a = 1")},
		"assets/a-1.js.gz": {Data: packed.Bytes()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func get(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPagesHaveANonceOfTheirOwn(t *testing.T) {
	p := testPages(t)
	inPolicy := regexp.MustCompile(`'nonce-([^']+)'`)
	seen := map[string]bool{}
	for _, path := range []string{"/", "/admin/", "/admin/users/armin.artmann", "/calls"} {
		w := get(p, "GET", path, "Accept", "text/html,application/xhtml+xml")
		policy := w.Header().Get("Content-Security-Policy")
		m := inPolicy.FindStringSubmatch(policy)
		if w.Code != http.StatusOK || m == nil || !strings.Contains(w.Body.String(), `content="`+m[1]+`"`) || strings.Contains(w.Body.String(), "@NONCE@") {
			t.Fatalf("%s: %d, policy %q, body %s", path, w.Code, policy, w.Body)
		}
		if seen[m[1]] {
			t.Errorf("%s: nonce used again", path)
		}
		seen[m[1]] = true
		if strings.Contains(policy, "unsafe") || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: policy %q, cache %q", path, policy, w.Header().Get("Cache-Control"))
		}
	}
}

func TestPagesServeFiles(t *testing.T) {
	p := testPages(t)
	for _, c := range []struct {
		name, path, accept string
		status             int
		kind, encoding     string
		lasting            bool
	}{
		{"script", "/assets/a-1.js", "", 200, "text/javascript", "", true},
		{"script, compressed", "/assets/a-1.js", "gzip, br", 200, "text/javascript", "gzip", true},
		{"icon", "/icon.svg", "gzip", 200, "image/svg+xml", "", false},
		{"file of an older version", "/assets/a-0.js", "", 404, "application/problem+json", "", false},
		{"the page by its file name, with its placeholder", "/index.html", "", 404, "application/problem+json", "", false},
		{"out of the folder", "/assets/../../ui.go", "", 404, "application/problem+json", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := get(p, "GET", c.path, "Accept-Encoding", c.accept)
			h := w.Header()
			if w.Code != c.status || !strings.HasPrefix(h.Get("Content-Type"), c.kind) || h.Get("Content-Encoding") != c.encoding {
				t.Errorf("%d %q %q: %s", w.Code, h.Get("Content-Type"), h.Get("Content-Encoding"), w.Body)
			}
			if strings.Contains(h.Get("Cache-Control"), "immutable") != c.lasting {
				t.Errorf("cache %q", h.Get("Cache-Control"))
			}
		})
	}
}

func TestPagesTakeNothingElse(t *testing.T) {
	p := testPages(t)
	if w := get(p, "POST", "/admin/users"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %q", w.Code, w.Header().Get("Allow"))
	}
	// A program that mistyped a path wants no page.
	if w := get(p, "GET", "/users", "Accept", "application/json"); w.Code != http.StatusNotFound {
		t.Errorf("JSON: %d", w.Code)
	}
	if w := get(p, "HEAD", "/assets/a-1.js"); w.Code != http.StatusOK || w.Body.Len() > 0 {
		t.Errorf("HEAD: %d, %d bytes", w.Code, w.Body.Len())
	}
}
