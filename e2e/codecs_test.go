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
	t.Run("none in common", func(t *testing.T) {
		n := len(r.records())
		desk := start(t, "armin-desk", r.callee, "PCMA/8000/1", toneArmin)
		iris := start(t, "iris-desk", r.caller, "G722/16000/1", toneIris)
		iris.command("dial", "sip:416@"+domain)
		iris.await("CALL_CLOSED")
		if got := r.awaitRecords(n + 1); got.Status != 488 || desk.saw("CALL_ESTABLISHED") {
			t.Errorf("record says %s %d: %s", got.Result, got.Status, got.Cause)
		}
	})
}
