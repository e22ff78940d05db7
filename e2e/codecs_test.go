//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestCodecsPassUntouched calls between real phones that have one codec each: it is negotiated end to end, the tone
// arrives on both sides, keys are heard.
func TestCodecsPassUntouched(t *testing.T) {
	r := newPair(t)
	start := func(t *testing.T, name string, a account, codec string, tone int) *phone {
		return startPhone(t, phoneOptions{name: name, account: a, server: r.sip, transport: "udp", tone: tone, codec: codec})
	}
	for _, codec := range []struct {
		name, baresip string
		heard         time.Duration // by the size of a recording at 8 kHz
	}{
		{"PCMA", "PCMA/8000/1", 2 * time.Second},
		{"G722", "G722/16000/1", 4 * time.Second},
	} {
		t.Run(codec.name, func(t *testing.T) {
			n := len(r.records())
			desk := start(t, "armin-desk", r.callee, codec.baresip, toneArmin)
			iris := start(t, "iris-desk", r.caller, codec.baresip, toneIris)
			iris.command("dial", "sip:416@"+domain)
			desk.await("CALL_INCOMING")
			desk.command("accept", "")
			iris.await("CALL_ESTABLISHED")
			heardFor(t, codec.heard, desk, iris)
			iris.command("sndcode", "5")
			desk.await("CALL_DTMF_START 5")
			iris.command("hangup", "")
			desk.await("CALL_CLOSED")
			for _, heard := range []struct {
				p  *phone
				hz float64
			}{{iris, toneArmin}, {desk, toneIris}} {
				if !strings.Contains(heard.p.log.String(), "audio encoder: "+codec.name) {
					t.Errorf("%s does not speak %s", heard.p.name, codec.name)
				}
				if share, blocks := heard.p.purity(heard.hz); blocks < 6 || share < 0.75 {
					t.Errorf("%s heard %.0f Hz in %.0f %% of %d blocks", heard.p.name, heard.hz, share*100, blocks)
				}
			}
			got := r.awaitRecords(n + 1)
			if got.MediaCaller == nil || got.MediaCallee == nil || got.MediaCaller.Codec != codec.name || got.MediaCallee.Codec != codec.name || got.MediaNote != "" {
				t.Errorf("media %+v %+v %q", got.MediaCaller, got.MediaCallee, got.MediaNote)
			}
		})
	}
}

// TestRecoded calls between real phones that share no codec: both hear the other's tone, keys arrive, and who is held hears music
// and then the tone again.
func TestRecoded(t *testing.T) {
	r := newPair(t)
	start := func(t *testing.T, name string, a account, codec string, tone int) *phone {
		return startPhone(t, phoneOptions{name: name, account: a, server: r.sip, transport: "udp", tone: tone, codec: codec})
	}
	for _, c := range []struct {
		caller, callee       string
		callerHas, calleeHas time.Duration // of sound, by the size of a recording at 8 kHz
	}{
		{"G722/16000/1", "PCMU/8000/1", 5 * time.Second, 2500 * time.Millisecond},
		{"PCMA/8000/1", "G722/16000/1", 2500 * time.Millisecond, 5 * time.Second},
		{"PCMA/8000/1", "PCMU/8000/1", 2500 * time.Millisecond, 2500 * time.Millisecond},
	} {
		t.Run(c.caller[:4]+" and "+c.callee[:4], func(t *testing.T) {
			n := len(r.records())
			desk := start(t, "armin-desk", r.callee, c.callee, toneArmin)
			iris := start(t, "iris-desk", r.caller, c.caller, toneIris)
			iris.command("dial", "sip:416@"+domain)
			desk.await("CALL_INCOMING")
			desk.command("accept", "")
			iris.await("CALL_ESTABLISHED")
			heardFor(t, c.callerHas, iris)
			heardFor(t, c.calleeHas, desk)
			iris.command("sndcode", "5")
			desk.await("CALL_DTMF_START 5")
			desk.command("sndcode", "#")
			iris.await("CALL_DTMF_START #")
			iris.command("hangup", "")
			desk.await("CALL_CLOSED")
			for _, heard := range []struct {
				p  *phone
				hz float64
			}{{iris, toneArmin}, {desk, toneIris}} {
				if share, blocks := heard.p.purity(heard.hz); blocks < 6 || share < 0.75 {
					t.Errorf("%s heard %.0f Hz in %.0f %% of %d blocks", heard.p.name, heard.hz, share*100, blocks)
				}
			}
			got := r.awaitRecords(n + 1)
			if got.MediaCaller == nil || got.MediaCallee == nil || !strings.HasPrefix(c.caller, got.MediaCaller.Codec) || !strings.HasPrefix(c.callee, got.MediaCallee.Codec) || got.MediaNote != "" {
				t.Errorf("media %+v %+v %q", got.MediaCaller, got.MediaCallee, got.MediaNote)
			}
		})
	}
}

// TestMusicOnHold has a caller put the callee on hold: it hears music, then the caller again, in one stream.
func TestMusicOnHold(t *testing.T) {
	r := newPair(t)
	desk := startPhone(t, phoneOptions{name: "armin-desk", account: r.callee, server: r.sip, transport: "udp", tone: toneArmin, codec: "PCMA/8000/1"})
	iris := startPhone(t, phoneOptions{name: "iris-desk", account: r.caller, server: r.sip, transport: "udp", tone: toneIris, codec: "PCMA/8000/1"})
	iris.command("dial", "sip:416@"+domain)
	desk.await("CALL_INCOMING")
	desk.command("accept", "")
	iris.await("CALL_ESTABLISHED")
	heardFor(t, 3*time.Second, desk)
	iris.command("hold", "")
	heardFor(t, 7*time.Second, desk)
	iris.command("resume", "")
	heardFor(t, 10*time.Second, desk)
	iris.command("hangup", "")
	desk.await("CALL_CLOSED")
	if got := desk.parts(toneIris); got != "tone music tone" {
		t.Errorf("it heard: %s", got)
	}
	if strings.Count(desk.log.String(), "INVITE sip:") != 1 {
		t.Error("the held phone was told of the hold")
	}
}

// TestRingback rings two phones that both speak before they answer: the caller hears ringback, and the one that answers.
func TestRingback(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	armin, iris := d.slots("armin.artmann"), d.slots("iris.immsee")["desk"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin["desk"].ID, armin["dect"].ID}, "4161": {}, "4162": {}}, nil)
	start := func(name string, a account, early bool, tone int) *phone {
		return startPhone(t, phoneOptions{name: name, account: a, server: d.sip, transport: "udp", tone: tone, codec: "PCMA/8000/1", early: early})
	}
	desk, dect := start("armin-desk", armin["desk"], true, toneArmin), start("armin-dect", armin["dect"], true, toneArmin)
	caller := start("iris-desk", iris, false, toneIris)
	caller.command("dial", "sip:416@"+domain)
	caller.await("CALL_PROGRESS")
	eventually(t, 5*time.Second, "both are heard", func() bool {
		return strings.Contains(desk.log.String(), "183 Session Progress") && strings.Contains(dect.log.String(), "183 Session Progress")
	})
	heardFor(t, 8*time.Second, caller) // at its second beat
	dect.command("accept", "")
	caller.await("CALL_ESTABLISHED")
	heardFor(t, 12*time.Second, caller, dect)
	caller.command("hangup", "")
	dect.await("CALL_CLOSED")
	if got := caller.parts(425); !strings.Contains(got, "tone silence tone") {
		t.Errorf("by the ear for ringback it heard: %s", got)
	}
	if got := caller.parts(toneArmin); !strings.HasSuffix(got, "tone") {
		t.Errorf("by the ear for the callee it heard: %s", got)
	}
	// Both phones have answered reports of ours, and say that all was well.
	for name, m := range map[string]*media{"caller": d.awaitRecords(1).MediaCaller, "callee": d.awaitRecords(1).MediaCallee} {
		if m == nil || m.MOS < 4 || m.ReportedMOS < 4 || m.RoundTripMS < 0 || m.RoundTripMS > 500 {
			t.Errorf("%s: %+v", name, m)
		}
	}
}
