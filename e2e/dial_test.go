//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestClickToDial: the phone rings first; when it is answered the number is called, both hear each other, and there is one record that
// says who asked. A number that does not exist is refused before any phone rings, and a call can be ended while it rings.
func TestClickToDial(t *testing.T) {
	c := newCompany(t, "sqlite", "udp")
	c.tick(map[string][]string{"416": {c.armin["dect"].ID}, "4161": {c.armin["desk"].ID}, "4162": {c.armin["softphone"].ID}})
	before := len(c.records())
	var call struct {
		ID string `json:"id"`
	}
	c.api("POST", "/api/calls", map[string]any{"slot_id": c.iris["desk"].ID, "to": "416"}, &call)
	c.irisP.await("CALL_INCOMING")
	if c.dect.saw("CALL_INCOMING") {
		t.Error("the number rings before the phone has answered")
	}
	c.irisP.command("accept", "")
	c.dect.await("CALL_INCOMING")
	heardFor(t, 1500*time.Millisecond, c.irisP) // ringback
	c.dect.command("accept", "")
	c.dect.await("CALL_ESTABLISHED")
	heardFor(t, 2500*time.Millisecond, c.dect)
	heardFor(t, 5*time.Second, c.irisP)
	c.dect.command("hangup", "")
	c.irisP.await("CALL_CLOSED")
	c.quiet()
	if share, blocks := c.dect.purity(toneIris); blocks < 6 || share < 0.6 {
		t.Errorf("who is called heard %.0f %% of %d blocks", share*100, blocks)
	}
	if got := c.irisP.tones(425, toneArmin); len(got) < 2 || got[0] != 425 || got[len(got)-1] != toneArmin {
		t.Errorf("who calls heard %v", got)
	}
	r := c.awaitRecords(before + 1)
	if r.ID != call.ID || r.Result != "answered" || r.To != "416" || r.From != "417" || r.ToSlot != c.armin["dect"].ID || r.AskedBy == "" || r.MediaCaller == nil || r.MediaCaller.Packets < 100 {
		t.Errorf("record %+v", r)
	}

	c.forget()
	if err := c.request("POST", "/api/calls", map[string]any{"slot_id": c.iris["desk"].ID, "to": "98765"}, nil); err == nil || !strings.Contains(err.Error(), "409") || !strings.Contains(err.Error(), "no_such_number") && !strings.Contains(err.Error(), "98765") {
		t.Errorf("a number that does not exist: %v", err)
	}
	c.api("POST", "/api/calls", map[string]any{"slot_id": c.iris["desk"].ID, "to": "416"}, &call)
	c.irisP.await("CALL_INCOMING")
	c.api("DELETE", "/api/calls/"+call.ID, nil, nil)
	c.irisP.await("CALL_CLOSED")
	c.awaitRecords(before + 2)
	c.quiet()
}
