//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestEncryptedAudio calls between phones that protect their audio in different ways, or not at all: both hear the other's
// tone, and the record says how each was protected.
func TestEncryptedAudio(t *testing.T) {
	d := newDaemon(t, "sqlite")
	secure := d.listen("tls")
	d.start()
	desk, iris := d.slots("armin.artmann")["desk"], d.slots("iris.immsee")["desk"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {desk.ID}, "4161": {}, "4162": {}}, nil)
	ca := filepath.Join(d.dir, "data", "tls", "self.pem")
	type end struct{ transport, mediaenc, security string }
	plain := end{transport: "udp"}
	sdes := end{"tls", "srtp-mand", "SDES A"} // as caller baresip offers AES-CM alone, as callee it takes AES-GCM
	dtls := end{"udp", "dtls_srtp", "DTLS A"}
	for _, c := range []struct {
		name, codec    string
		caller, callee end
		heard          time.Duration
	}{
		{"keys over TLS to plain", "PCMU", sdes, plain, 2500 * time.Millisecond},
		{"plain to keys over TLS", "G722/16000/1", plain, sdes, 5 * time.Second},
		{"keys on both sides", "PCMU", sdes, sdes, 2500 * time.Millisecond},
		{"keys over UDP", "PCMU", end{"udp", "srtp-mand", "SDES AES_CM_128_HMAC_SHA1_80, keys sent in the clear"}, plain, 2500 * time.Millisecond},
		{"handshake to plain", "G722/16000/1", dtls, plain, 5 * time.Second},
		{"handshake to keys", "PCMU", dtls, sdes, 2500 * time.Millisecond},
		{"TLS without encrypted audio", "PCMU", plain, end{transport: "tls"}, 2500 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := len(d.records())
			start := func(name string, a account, e end, tone int) *phone {
				o := phoneOptions{name: name, account: a, server: d.sip, transport: e.transport, mediaenc: e.mediaenc, tone: tone, codec: c.codec}
				if e.transport == "tls" {
					o.server, o.ca = secure, ca
				}
				return startPhone(t, o)
			}
			a, b := start("iris", iris, c.caller, toneIris), start("armin", desk, c.callee, toneArmin)
			a.command("dial", "sip:416@"+domain)
			b.await("CALL_INCOMING")
			b.command("accept", "")
			a.await("CALL_ESTABLISHED")
			heardFor(t, c.heard, a, b)
			a.command("hangup", "")
			b.await("CALL_CLOSED")
			for _, heard := range []struct {
				p  *phone
				hz float64
			}{{a, toneArmin}, {b, toneIris}} {
				if share, blocks := heard.p.purity(heard.hz); blocks < 6 || share < 0.75 {
					t.Errorf("%s heard %.0f Hz in %.0f %% of %d blocks", heard.p.name, heard.hz, share*100, blocks)
				}
			}
			r := d.awaitRecords(n + 1)
			if r.MediaCaller == nil || r.MediaCallee == nil || r.MediaNote != "" {
				t.Fatalf("record %+v", r)
			}
			for _, s := range []struct {
				side string
				m    *media
				want string
			}{{"caller", r.MediaCaller, c.caller.security}, {"callee", r.MediaCallee, c.callee.security}} {
				if s.m.Security != s.want && (s.want == "" || !strings.HasPrefix(s.m.Security, s.want) || strings.Contains(s.m.Security, "clear")) || s.m.Forged != 0 || s.m.Replayed != 0 {
					t.Errorf("%s: %+v, want %q", s.side, *s.m, s.want)
				}
			}
			if strings.Contains(d.log.String(), "inline:") {
				t.Error("a key is in the log")
			}
		})
	}
}
