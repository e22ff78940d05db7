//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// Tones that stand for who speaks.
const (
	toneArmin = 440
	toneIris  = 1000
)

// company is a daemon with phones of armin.artmann (desk, DECT, softphone) and iris.immsee (desk).
type company struct {
	*daemon
	armin map[string]account
	iris  map[string]account
	desk  *phone
	dect  *phone
	soft  *phone
	irisP *phone
}

func newCompany(t *testing.T, database, transport string) *company {
	t.Helper()
	d := newDaemon(t, database)
	d.start()
	c := &company{daemon: d, armin: d.slots("armin.artmann"), iris: d.slots("iris.immsee")}
	// 416 rings exactly the three phones that are there.
	c.tick(map[string][]string{
		"416":  {c.armin["desk"].ID, c.armin["dect"].ID, c.armin["softphone"].ID},
		"4161": {c.armin["desk"].ID},
		"4162": {},
	})
	c.desk = startPhone(t, phoneOptions{name: "armin-desk", account: c.armin["desk"], server: d.sip, transport: transport, tone: toneArmin})
	c.dect = startPhone(t, phoneOptions{name: "armin-dect", account: c.armin["dect"], server: d.sip, transport: transport, tone: toneArmin})
	c.soft = startPhone(t, phoneOptions{name: "armin-soft", account: c.armin["softphone"], server: d.sip, transport: transport, tone: toneArmin})
	c.irisP = startPhone(t, phoneOptions{name: "iris-desk", account: c.iris["desk"], server: d.sip, transport: transport, tone: toneIris})
	return c
}

// tick sets armin's matrix.
func (c *company) tick(matrix map[string][]string) {
	c.t.Helper()
	c.api("PUT", "/api/users/armin.artmann/matrix", matrix, nil)
}

func (c *company) dial(p *phone, number string) {
	c.t.Helper()
	p.command("dial", "sip:"+strings.ReplaceAll(number, "#", "%23")+"@koppelfeld.example")
}

func (c *company) forget() {
	for _, p := range []*phone{c.desk, c.dect, c.soft, c.irisP} {
		p.forget()
	}
}

// quiet waits until no call is up anywhere.
func (c *company) quiet() {
	c.t.Helper()
	c.eventually(5*time.Second, "no call is left", func() bool { return c.activeCalls() == 0 })
}

// threeRing is the main job: 416 rings three phones, one answers, both hear each
// other, the others stop without a missed call, and the record tells why.
func (c *company) threeRing(t *testing.T) {
	before := len(c.records())
	c.dial(c.irisP, "416")
	for _, p := range []*phone{c.desk, c.dect, c.soft} {
		p.await("CALL_INCOMING")
	}
	c.irisP.await("CALL_RINGING")
	c.dect.command("accept", "")
	c.dect.await("CALL_ESTABLISHED")
	c.irisP.await("CALL_ESTABLISHED")
	for _, p := range []*phone{c.desk, c.soft} {
		p.await("CALL_CLOSED")
		if !strings.Contains(p.log.String(), `Reason: SIP;cause=200;text="Call completed elsewhere"`) {
			t.Errorf("%s is not told that the call was answered elsewhere: it will show a missed call", p.name)
		}
	}
	heardFor(t, 2500*time.Millisecond, c.dect, c.irisP)
	c.irisP.command("hangup", "")
	c.dect.await("CALL_CLOSED")
	c.quiet()

	for _, heard := range []struct {
		p  *phone
		hz float64
	}{{c.irisP, toneArmin}, {c.dect, toneIris}} {
		share, blocks := heard.p.purity(heard.hz)
		if blocks < 6 || share < 0.75 {
			t.Errorf("%s heard %.0f Hz in %.0f %% of %d blocks", heard.p.name, heard.hz, share*100, blocks)
		}
	}
	r := c.awaitRecords(before + 1)
	if r.Result != "answered" || r.To != "416" || r.From != "417" || r.ToSlot != c.armin["dect"].ID || r.HangupBy != "caller" {
		t.Errorf("unexpected record %+v", r)
	}
	if len(r.Legs) != 3 || !strings.Contains(string(r.Reasons), "416") {
		t.Errorf("the record does not tell why it rang: legs %+v, reasons %s", r.Legs, r.Reasons)
	}
	if r.MediaCaller == nil || r.MediaCallee == nil || r.MediaCaller.Packets < 50 || r.MediaCallee.Packets < 50 || r.MediaNote != "" {
		t.Errorf("media figures %+v %+v %q", r.MediaCaller, r.MediaCallee, r.MediaNote)
	}
}

// heardFor waits until both phones' recordings have grown to the given length of 16 bit mono 8 kHz audio.
func heardFor(t *testing.T, d time.Duration, phones ...*phone) {
	t.Helper()
	want := int64(d.Seconds() * 16000)
	for _, p := range phones {
		eventually(t, d+8*time.Second, p.name+" hears audio", func() bool {
			files, _ := filepath.Glob(filepath.Join(p.dir, "dump-*-dec.wav"))
			for _, f := range files {
				if s, err := os.Stat(f); err == nil && s.Size() >= want {
					return true
				}
			}
			return false
		})
	}
}

func TestMatrixRingsRealPhonesUDP(t *testing.T) {
	c := newCompany(t, "sqlite", "udp")
	c.threeRing(t)
	t.Run("settings hold for the next call", c.settings)
}

func TestMatrixRingsRealPhonesTCP(t *testing.T) {
	newCompany(t, "sqlite", "tcp").threeRing(t)
}

func TestMatrixRingsRealPhonesMariaDB(t *testing.T) {
	newCompany(t, storetest.MariaDB(t), "udp").threeRing(t)
}

// settings flips busy on any and call waiting between calls.
func (c *company) settings(t *testing.T) {
	// armin talks on his desk phone.
	c.forget()
	c.dial(c.desk, "417")
	c.irisP.await("CALL_INCOMING")
	c.irisP.command("accept", "")
	c.desk.await("CALL_ESTABLISHED")

	sandra := startPhone(t, phoneOptions{name: "sandra-desk", account: c.slots("sandra.singer")["desk"], server: c.sip, transport: "udp", tone: 600})

	// Call waiting off: the desk phone is not rung, the others are.
	c.api("PATCH", "/api/numbers/416", map[string]any{"call_waiting": false, "busy_on_any": false}, nil)
	c.desk.forget()
	c.dial(sandra, "416")
	c.dect.await("CALL_INCOMING")
	c.soft.await("CALL_INCOMING")
	sandra.await("CALL_RINGING")
	if c.desk.saw("CALL_INCOMING") {
		t.Error("call waiting is off, yet the desk phone in a call rings")
	}
	sandra.command("hangup", "")
	c.dect.await("CALL_CLOSED")
	c.dect.forget()
	c.soft.forget()
	sandra.forget()

	// Call waiting on: all three.
	c.api("PATCH", "/api/numbers/416", map[string]any{"call_waiting": true}, nil)
	c.dial(sandra, "416")
	c.desk.await("CALL_INCOMING")
	c.dect.await("CALL_INCOMING")
	sandra.command("hangup", "")
	c.dect.await("CALL_CLOSED")
	c.dect.forget()
	sandra.forget()

	// Busy on any: armin's own call runs over 416, so the next caller gets busy.
	c.api("PATCH", "/api/numbers/416", map[string]any{"busy_on_any": true}, nil)
	c.dial(sandra, "416")
	sandra.await("CALL_CLOSED")
	var r record // those of the calls before may come at the same time
	c.eventually(10*time.Second, "the call has its record", func() bool {
		for _, r = range c.records() {
			if r.From == "413" && r.Result == "busy" {
				return true
			}
		}
		return false
	})
	c.api("GET", "/api/cdrs/"+r.ID, nil, &r)
	if r.Status != 486 || !strings.Contains(string(r.Reasons), "busy_on_any") {
		t.Errorf("unexpected record %+v, reasons %s", r, r.Reasons)
	}
	if c.dect.saw("CALL_INCOMING") {
		t.Error("busy on any is on, yet the DECT handset rings")
	}
	c.desk.command("hangup", "")
	c.quiet()

	// Do not disturb on every slot: busy.
	c.api("PATCH", "/api/users/armin.artmann", map[string]any{"dnd": true}, nil)
	sandra.forget()
	c.dial(sandra, "416")
	sandra.await("CALL_CLOSED")
	c.quiet()
	c.api("PATCH", "/api/users/armin.artmann", map[string]any{"dnd": false}, nil)
	c.api("PATCH", "/api/numbers/416", map[string]any{"busy_on_any": false}, nil)

	// A hang-up through the API ends both sides.
	c.forget()
	c.dial(c.irisP, "4161")
	c.desk.await("CALL_INCOMING")
	c.desk.command("accept", "")
	c.irisP.await("CALL_ESTABLISHED")
	var list struct{ Items []struct{ ID string } }
	c.api("GET", "/api/calls", nil, &list)
	if len(list.Items) != 1 {
		t.Fatalf("%d live calls, want 1", len(list.Items))
	}
	c.api("DELETE", "/api/calls/"+list.Items[0].ID, nil, nil)
	c.irisP.await("CALL_CLOSED")
	c.desk.await("CALL_CLOSED")
	c.quiet()
}

func TestHoldAndResume(t *testing.T) {
	c := newCompany(t, "sqlite", "udp")
	c.dial(c.irisP, "4161")
	c.desk.await("CALL_INCOMING")
	c.desk.command("accept", "")
	c.irisP.await("CALL_ESTABLISHED")
	heardFor(t, time.Second, c.desk, c.irisP)
	c.irisP.command("hold", "")
	eventually(t, 5*time.Second, "iris holds", func() bool { return strings.Contains(c.irisP.log.String(), "hold") })
	c.irisP.command("resume", "")
	heardFor(t, 2*time.Second, c.desk)
	c.desk.command("hangup", "")
	c.irisP.await("CALL_CLOSED")
	c.quiet()
	if r := c.awaitRecords(1); r.Result != "answered" || r.HangupBy != "callee" {
		t.Errorf("unexpected record %+v", r)
	}
}
