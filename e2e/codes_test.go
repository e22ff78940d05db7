//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// tones lists which of the frequencies a phone has heard one after the other.
func (p *phone) tones(hz ...float64) (heard []float64) {
	p.t.Helper()
	at := make([][]block, len(hz))
	for i := range hz {
		at[i] = p.blocks(hz[i])
	}
	for n := range at[0] {
		for i := range hz {
			if at[i][n].pure && at[i][n].loudness > 50 && (len(heard) == 0 || heard[len(heard)-1] != hz[i]) {
				heard = append(heard, hz[i])
			}
		}
	}
	return heard
}

// TestFunctionCodes dials codes with a real phone, which hears how it went.
func TestFunctionCodes(t *testing.T) {
	c := newCompany(t, "sqlite", "udp")
	code := func(number, want string) record {
		t.Helper()
		before := len(c.records())
		c.forget()
		c.desk.forgetAudio()
		c.dial(c.desk, number)
		c.desk.await("CALL_ESTABLISHED")
		c.desk.await("CALL_CLOSED")
		r := c.awaitRecords(before + 1)
		if r.Result != "answered" || r.To != number || !strings.HasPrefix(r.Cause, want) {
			t.Errorf("%s: record %+v", number, r)
		}
		return r
	}
	rises := func(number string) {
		t.Helper()
		if got := c.desk.tones(600, 900, 400); len(got) != 2 || got[0] != 600 || got[1] != 900 {
			t.Errorf("after %s heard %v", number, got)
		}
	}
	dnd := func() bool {
		var slot struct {
			DND bool `json:"dnd"`
		}
		c.api("GET", "/api/slots/"+c.armin["desk"].ID, nil, &slot)
		return slot.DND
	}
	code("*26", "function code dnd_on: done")
	rises("*26")
	if !dnd() {
		t.Error("*26 has not set DND")
	}
	code("#26", "function code dnd_off: done")
	rises("#26")
	if dnd() {
		t.Error("#26 has not ended DND")
	}
	code("*21*98765", "function code forward_to: failed")
	if got := c.desk.tones(900, 600, 400); len(got) != 3 || got[2] != 400 {
		t.Errorf("a refused code is heard as %v", got)
	}
	c.desk.forgetAudio()
	code("*77", "function code unknown: failed: refused")
	if got := c.desk.tones(900, 600, 400); len(got) != 3 || got[2] != 400 {
		t.Errorf("a code that does not exist is heard as %v", got)
	}
	code("*98", "function code own_number: done")
	digits, silent := 0, 2
	for _, b := range c.desk.blocks(800) {
		if silent++; b.loudness > 50 {
			if silent > 2 {
				digits++
			}
			silent = 0
		}
	}
	if digits != 3 {
		t.Errorf("of 416 %d digits are heard", digits)
	}

	// The test call: the phone hears its own tone behind ours.
	c.forget()
	c.desk.forgetAudio()
	before := len(c.records())
	c.dial(c.desk, "*99")
	c.desk.await("CALL_ESTABLISHED")
	heardFor(t, 4*time.Second, c.desk)
	c.desk.command("hangup", "")
	c.desk.await("CALL_CLOSED")
	if got := c.desk.tones(600, toneArmin); len(got) < 2 || got[0] != 600 || got[1] != toneArmin {
		t.Errorf("echo is heard as %v", got)
	}
	r := c.awaitRecords(before + 1)
	if r.HangupBy != "caller" || r.MediaCaller == nil || r.MediaCaller.Packets < 100 {
		t.Errorf("record %+v", r)
	}
	c.quiet()
}
