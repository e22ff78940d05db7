//go:build e2e

package e2e

import (
	"path/filepath"
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

// TestPickupWithEncryptedAudio: a call between phones of which one or both protect their audio is picked up by a phone that does so as well.
func TestPickupWithEncryptedAudio(t *testing.T) {
	d := newDaemon(t, "sqlite")
	secure := d.listen("tls")
	d.start()
	armin, iris := d.slots("armin.artmann"), d.slots("iris.immsee")["desk"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin["dect"].ID}, "4161": {armin["desk"].ID}, "4162": {}}, nil)
	ca := filepath.Join(d.dir, "data", "tls", "self.pem")
	start := func(name string, a account, encrypted bool, tone int) *phone {
		o := phoneOptions{name: name, account: a, server: d.sip, transport: "udp", tone: tone, codec: "PCMU"}
		if encrypted {
			o.server, o.ca, o.transport, o.mediaenc = secure, ca, "tls", "srtp-mand"
		}
		return startPhone(t, o)
	}
	for name, keys := range map[string][3]bool{
		"who picks up": {false, true, false}, "the caller": {true, false, false}, "all": {true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			n := len(d.records())
			caller, picker, rings := start("iris", iris, keys[0], toneIris), start("desk", armin["desk"], keys[1], toneArmin), start("dect", armin["dect"], keys[2], toneArmin)
			caller.command("dial", "sip:416@"+domain)
			rings.await("CALL_INCOMING")
			picker.command("dial", "sip:*8*416@"+domain)
			picker.await("CALL_ESTABLISHED")
			caller.await("CALL_ESTABLISHED")
			rings.await("CALL_CLOSED")
			heardFor(t, 2500*time.Millisecond, caller, picker)
			caller.command("hangup", "")
			picker.await("CALL_CLOSED")
			for p, hz := range map[*phone]float64{picker: toneIris, caller: toneArmin} {
				if share, blocks := p.purity(hz); blocks < 6 || share < 0.6 {
					t.Errorf("%s heard %.0f Hz in %.0f %% of %d blocks", p.name, hz, share*100, blocks)
				}
			}
			d.awaitRecords(n + 2)
			for _, r := range d.records()[:2] {
				if r.To == "416" && (r.MediaCaller == nil || strings.HasPrefix(r.MediaCaller.Security, "SDES") != keys[0] || strings.HasPrefix(r.MediaCallee.Security, "SDES") != keys[1]) {
					t.Errorf("record %+v %+v", r.MediaCaller, r.MediaCallee)
				}
			}
		})
	}
}
