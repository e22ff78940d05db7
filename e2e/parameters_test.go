//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestGroupParameters: a group that allows one call at once makes the second call to its member busy, and is named as the cause; once the member has a
// setting of its own, or the group gives nothing any more, the second call rings.
func TestGroupParameters(t *testing.T) {
	c := newCompany(t, "sqlite", "udp")
	sandra := startPhone(t, phoneOptions{name: "sandra-desk", account: c.slots("sandra.singer")["desk"], server: c.sip, transport: "udp", tone: 600})
	c.api("POST", "/api/groups", map[string]any{"name": "sales", "title": "Vertrieb", "parameters": map[string]any{"max_calls": 1}}, nil)
	c.api("PUT", "/api/groups/sales/members/armin.artmann", nil, nil)
	c.dial(c.irisP, "416")
	c.dect.await("CALL_INCOMING")
	c.dect.command("accept", "")
	c.irisP.await("CALL_ESTABLISHED")

	c.forget()
	c.dial(sandra, "416")
	sandra.await("CALL_CLOSED")
	if c.desk.saw("CALL_INCOMING") {
		t.Error("the group allows one call at once, yet the desk phone rings for a second one")
	}
	var r record
	c.eventually(10*time.Second, "the call has its record", func() bool {
		for _, r = range c.records() {
			if r.From == "413" && r.Result == "busy" {
				return true
			}
		}
		return false
	})
	c.api("GET", "/api/cdrs/"+r.ID, nil, &r)
	if text := string(r.Reasons); r.Status != 486 || !strings.Contains(text, "Das gibt die Gruppe „Vertrieb“ vor.") || !strings.Contains(text, "parameters.max_calls") {
		t.Errorf("unexpected record %+v, reasons %s", r, r.Reasons)
	}

	for _, step := range []struct {
		name, path string
		body       map[string]any
	}{
		{"a limit of its own", "/api/numbers/416", map[string]any{"max_calls": 3}},
		{"the group again, which gives no limit", "/api/groups/sales", map[string]any{"parameters": map[string]any{"max_calls": nil}}},
	} {
		c.api("PATCH", step.path, step.body, nil)
		c.desk.forget()
		sandra.forget()
		c.dial(sandra, "416")
		c.desk.await("CALL_INCOMING")
		sandra.command("hangup", "")
		c.desk.await("CALL_CLOSED")
		c.api("PATCH", "/api/numbers/416", map[string]any{"max_calls": nil}, nil)
	}
	c.irisP.command("hangup", "")
	c.quiet()
}
