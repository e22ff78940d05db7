package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
)

// TestHiddenCallers: a callee who was not shown who calls is not told by records and lists either, nor does a caller learn the
// number outside to which the callee forwards.
func TestHiddenCallers(t *testing.T) {
	r := newRig(t)
	start := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	rec := calls.Record{
		ID: "01JD00000000000000000000H1", Start: start, End: start.Add(time.Minute), Class: "inside", From: "403", FromUser: r.id("iris.immsee"), FromHidden: true,
		To: "416", Number: "+491701234567", ToUser: r.id("armin.artmann"), Result: calls.Answered, Status: 200,
		Forwards: []calls.Forward{{From: "416", To: "+491701234567", Why: "busy"}},
		Reasons:  []byte(`[{"c":"caller_first","n":"403"}]`),
	}
	if err := r.st.InsertRecords(t.Context(), []calls.Record{rec}); err != nil {
		t.Fatal(err)
	}
	r.table.Put(calls.Call{ID: "h2", State: calls.Up, Class: "inside", From: "403", FromUser: rec.FromUser, FromHidden: true, To: "416", ToUser: rec.ToUser, Start: start}, nil)
	for _, c := range []struct{ who, path, has, hasNot string }{
		{"armin.artmann", "/api/cdrs/" + rec.ID, `"from_hidden":true`, `403`},
		{"armin.artmann", "/api/cdrs/" + rec.ID, `"why":"busy"`, `iris`},
		{"armin.artmann", "/api/cdrs", `"from_hidden":true`, `403`},
		{"armin.artmann", "/api/cdrs?number=403&limit=1", `"items":[],"next":""`, rec.ID},
		{"armin.artmann", "/api/cdrs?number=416", rec.ID, `403`},
		{"iris.immsee", "/api/cdrs?number=403", rec.ID, `1701234567`},
		{"adele.admin", "/api/cdrs?number=403", rec.ID, `"from":""`},
		{"armin.artmann", "/api/calls/h2", `"from_hidden":true`, `iris`},
		{"iris.immsee", "/api/cdrs/" + rec.ID, `"from":"403"`, `1701234567`},
		{"iris.immsee", "/api/calls/h2", `"from":"403"`, `1701234567`},
		{"adele.admin", "/api/cdrs/" + rec.ID, `"number":"+491701234567"`, `"reasons":[]`},
		{"adele.admin", "/api/cdrs/" + rec.ID, `"from":"403"`, `"from_user":""`},
	} {
		body := r.want(200, c.who, "GET", c.path, "").Body.String()
		if body = strings.NewReplacer(": ", ":", "\n", "", ",  ", ",").Replace(body); !strings.Contains(body, c.has) || strings.Contains(body, c.hasNot) {
			t.Errorf("%s sees at %s: %s\nwant %s in it and not %s", c.who, c.path, body, c.has, c.hasNot)
		}
	}
}
