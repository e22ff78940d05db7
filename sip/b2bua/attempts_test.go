package b2bua

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

func TestEmergency(t *testing.T) {
	for uri, want := range map[string]bool{
		"sip:112@pbx.example.com":                true,
		"sip:110@pbx.example.com;user=phone":     true,
		"sips:0112@192.0.2.1:5061":               true,
		"SIP:0110@x":                             true,
		"tel:112":                                true,
		"tel:1-1-2;phone-context=+49":            true,
		"sip:112;phone-context=+49@x;user=phone": true,
		"sip:%31%31%32@x":                        true,
		"sip:416@pbx.example.com":                false,
		"sip:1120@x":                             false,
		"sip:00112@x":                            false,
		"sip:112":                                false, // a host
		"sip:x@112":                              false,
		"sip:112:secret@x":                       true,
		"http:112":                               false,
		"":                                       false,
		"sip:":                                   false,
		"sip:112" + strings.Repeat(";a=b", 20) + "@x":          false, // nobody writes that, and it costs too much to look
		"sip:" + strings.Repeat("1", 60000) + "@x":             false,
		"sip:416@" + strings.Repeat("112.", 10000) + "example": false,
	} {
		if got := Emergency(uri); got != want {
			t.Errorf("%.60s: %v", uri, got)
		}
	}
}

// TestCallsPerSlot lets a phone run wild: it is refused and nothing is written of it, another one calls, and so does the
// first after a while.
func TestCallsPerSlot(t *testing.T) {
	run(t, func(c *Config) { c.Limits.Attempts = 2 }, func(t *testing.T, r *rig) {
		wild, calm := r.phone("wild"), r.phone("calm")
		for range 10 {
			wild.Invite("499", sdpFor(wild, "8")).Expect(t, 404)
		}
		for range 20 {
			wild.Invite("499", sdpFor(wild, "8")).Expect(t, 503)
		}
		if n := len(r.rec.all()); n != 10 || r.ua.Refused() != 20 {
			t.Errorf("%d records, %d calls refused", n, r.ua.Refused())
		}
		calm.Invite("499", sdpFor(calm, "8")).Expect(t, 404)
		wild.Invite("112", sdpFor(wild, "8")).Expect(t, 404)
		time.Sleep(time.Second) // virtual
		synctest.Wait()
		wild.Invite("499", sdpFor(wild, "8")).Expect(t, 404)
	})
}

// TestEmergencyCallsHaveNoLimit fills all limits.
func TestEmergencyCallsHaveNoLimit(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits Limits
		status int
	}{
		{"system", Limits{Total: 1}, 503},
		{"source", Limits{PerSource: 1}, 503},
		{"slot", Limits{PerSlot: 1}, 486},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(cfg *Config) { cfg.Limits = c.limits }, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				r.router.mu.Lock()
				r.numbers["112"] = []string{"b"}
				r.router.mu.Unlock()
				one, other := r.connect(a, b, "4b")
				a.Invite("4b", sdpFor(a, "8")).Expect(t, c.status)
				two, third := r.connect(a, b, "112")
				one.Bye(t)
				two.Bye(t)
				_, _ = other, third
				if got := r.last(); got.Result != calls.Answered {
					t.Errorf("the emergency call ended %s", got.Result)
				}
			})
		})
	}
}

func FuzzEmergency(f *testing.F) {
	corpus.Add(f)
	for _, s := range []string{"sip:112@x", "tel:1-1-0", "sip:%31%31%30;a@x", "sips:0112:p@[::1]:5;x?y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if !Emergency(uri) {
			return
		}
		u, err := message.ParseURI(uri)
		if err != nil {
			t.Fatalf("%q is no URI", uri)
		}
		if n, ok := routing.Dialled(userOf(u)); !ok || n != "110" && n != "112" && n != "0110" && n != "0112" {
			t.Fatalf("%q calls %q", uri, n)
		}
	})
}
