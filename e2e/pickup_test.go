//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestPickupByCode: a phone takes a call that rings at another one, both hear each other; a number that is not the user's own is refused.
func TestPickupByCode(t *testing.T) {
	c := newCompany(t, "sqlite", "udp")
	c.tick(map[string][]string{"416": {c.armin["dect"].ID}, "4161": {c.armin["desk"].ID}, "4162": {c.armin["softphone"].ID}})
	before := len(c.records())
	c.dial(c.irisP, "416")
	c.dect.await("CALL_INCOMING")
	c.irisP.await("CALL_RINGING")
	c.dial(c.desk, "*8*416")
	c.desk.await("CALL_ESTABLISHED")
	c.irisP.await("CALL_ESTABLISHED")
	c.dect.await("CALL_CLOSED")
	heardFor(t, 2500*time.Millisecond, c.desk, c.irisP)
	c.irisP.command("hangup", "")
	c.desk.await("CALL_CLOSED")
	c.quiet()
	for p, hz := range map[*phone]float64{c.irisP: toneArmin, c.desk: toneIris} {
		if share, blocks := p.purity(hz); blocks < 6 || share < 0.6 {
			t.Errorf("%s heard %.0f Hz in %.0f %% of %d blocks", p.name, hz, share*100, blocks)
		}
	}
	c.awaitRecords(before + 2)
	found := false
	for _, r := range c.records() {
		if r.To == "416" {
			found = r.Result == "answered" && r.ToSlot == c.armin["desk"].ID
		}
	}
	if !found {
		t.Errorf("records %+v", c.records())
	}

	c.forget()
	c.dial(c.desk, "*8*410")
	c.desk.await("CALL_ESTABLISHED") // and hears that it may not
	c.desk.await("CALL_CLOSED")
	if r := c.awaitRecords(before + 3); r.Result != "answered" || !strings.Contains(r.Cause, "failed: refused") || !strings.HasPrefix(r.To, "*8*") {
		t.Errorf("a foreign number: %+v", r)
	}
}
