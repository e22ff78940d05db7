//go:build e2e

package e2e

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// keyIn presses keys as a person does, one after the other.
func (p *phone) keyIn(keys string) {
	p.t.Helper()
	for _, key := range keys {
		p.command("sndcode", string(key))
		pressed := time.Now() // a telephone event lasts as long as the key, and there is a pause between two
		eventually(p.t, 5*time.Second, "the next key can be pressed", func() bool { return time.Since(pressed) > 250*time.Millisecond })
	}
}

// TestPIN dials a number that needs the PIN with a real phone: it hears that it is asked, keys in a wrong one and then the right one, and is connected.
func TestPIN(t *testing.T) {
	c := newCompany(t, "sqlite", "udp")
	c.api("PATCH", "/api/users/iris.immsee", map[string]any{"call_blocking": []any{map[string]any{
		"match": map[string]any{"kind": "exact", "value": "416"}, "with_pin": true,
	}}}, nil)
	var user struct {
		HasPIN bool `json:"has_pin"`
	}
	before := len(c.records())
	c.dial(c.irisP, "416")
	c.irisP.await("CALL_CLOSED")
	if r := c.awaitRecords(before + 1); r.Result != "rejected" || r.Status != 403 {
		t.Errorf("without a PIN: record %+v", r)
	}
	c.api("PUT", "/api/users/iris.immsee/pin", map[string]any{"pin": "4711"}, nil)
	if c.api("GET", "/api/users/iris.immsee", nil, &user); !user.HasPIN {
		t.Error("the user has no PIN")
	}

	c.forget()
	c.irisP.forgetAudio()
	before = len(c.records())
	c.dial(c.irisP, "416")
	c.irisP.await("CALL_ESTABLISHED")
	eventually(t, 8*time.Second, "the phone is asked for the PIN", func() bool { return len(c.irisP.tones(800, 400)) == 1 })
	c.irisP.keyIn("0815#")
	eventually(t, 5*time.Second, "the phone hears that the PIN is wrong", func() bool {
		return strings.Contains(toneNames(c.irisP.tones(800, 900, 600, 400)), "900 600 400")
	})
	eventually(t, 5*time.Second, "the phone is asked again", func() bool {
		heard := c.irisP.tones(800, 900, 400)
		return len(heard) > 0 && heard[len(heard)-1] == 800
	})
	c.irisP.keyIn("4711#")
	c.desk.await("CALL_INCOMING")
	c.desk.command("accept", "")
	c.desk.await("CALL_ESTABLISHED")
	heardFor(t, 2*time.Second, c.desk)
	if share, blocks := c.desk.purity(toneIris); blocks < 6 || share < 0.75 {
		t.Errorf("the desk hears the caller in %.0f %% of %d blocks", share*100, blocks)
	}
	eventually(t, 5*time.Second, "the caller hears the desk", func() bool {
		heard := c.irisP.tones(800, toneArmin)
		return len(heard) > 0 && heard[len(heard)-1] == toneArmin
	})
	c.irisP.command("hangup", "")
	c.desk.await("CALL_CLOSED")
	r := c.awaitRecords(before + 2)
	if r.Result != "answered" || r.To != "416" || r.ToSlot != c.armin["desk"].ID || r.HangupBy != "caller" {
		t.Errorf("record %+v", r)
	}
	asked := false
	for _, r := range c.records() {
		asked = asked || strings.HasPrefix(r.Cause, "asked for the PIN: right")
		if strings.Contains(r.Cause, "4711") {
			t.Errorf("the record knows the PIN: %+v", r)
		}
	}
	if !asked {
		t.Error("no record says that the PIN was asked for")
	}
	c.quiet()
}

func toneNames(hz []float64) string {
	names := make([]string, len(hz))
	for i, f := range hz {
		names[i] = strconv.Itoa(int(f))
	}
	return strings.Join(names, " ")
}
