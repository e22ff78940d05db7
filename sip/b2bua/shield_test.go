package b2bua

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// cryptoLine is a phone's key: 30 bytes, or 28 for AES-GCM, that begin with a letter.
func cryptoLine(tag int, suite string, letter byte) string {
	n := 30
	if strings.HasPrefix(suite, "AEAD_AES_128") {
		n = 28
	}
	return "a=" + sdp.Crypto{Tag: tag, Suite: suite, Key: bytes.Repeat([]byte{letter}, n)}.Line()
}

// sdesFor is a phone's description with keys.
func sdesFor(p *siptest.Phone, formats string, lines ...string) string {
	return strings.Replace(sdpFor(p, formats, lines...), "RTP/AVP", "RTP/SAVP", 1)
}

const (
	cm80 = "AES_CM_128_HMAC_SHA1_80"
	cm32 = "AES_CM_128_HMAC_SHA1_32"
	gcm  = "AEAD_AES_128_GCM"
)

// webLines are what a browser's description has for its transport.
func webLines(print byte, setup, ufrag string) []string {
	return []string{
		"a=" + sdp.FingerprintLine([32]byte{print}), "a=setup:" + setup, "a=mid:audio", "a=rtcp-mux", "a=ice-ufrag:" + ufrag, "a=ice-pwd:0123456789012345678901",
		"a=candidate:1 1 udp 2122260223 10.0.1.1 4000 typ host", "a=ssrc:1 cname:x", "a=rtcp-fb:8 nack", "a=extmap:1 urn:x",
	}
}

// webFor is a browser's description.
func webFor(p *siptest.Phone, formats string, print byte, setup, ufrag string) string {
	s := strings.Replace(sdpFor(p, formats, webLines(print, setup, ufrag)...), "RTP/AVP", "UDP/TLS/RTP/SAVPF", 1)
	return strings.Replace(s, "t=0 0\r\n", "t=0 0\r\na=group:BUNDLE audio\r\n", 1)
}

func audioOf(t *testing.T, body []byte) *sdp.Media {
	t.Helper()
	s, err := sdp.Parse(body)
	if err != nil || s.First("audio") == nil {
		t.Fatalf("%v in\n%s", err, body)
	}
	return s.First("audio")
}

func keysOf(m *sdp.Media) (all []sdp.Crypto) {
	for k := range m.Cryptos() {
		all = append(all, k)
	}
	return all
}

func (e *fakeEndpoint) security() media.Security {
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	return e.secure
}

// over makes the system take the flows of some phones for those of another protocol.
func (r *rig) over(proto transport.Proto, phones ...*siptest.Phone) {
	r.ua.protoOf = func(f *transport.Flow) transport.Proto {
		for _, p := range phones {
			if f.Remote() == p.Addr() {
				return proto
			}
		}
		return f.Proto()
	}
}

func without(t *testing.T, body []byte, words ...string) {
	t.Helper()
	for _, w := range words {
		if bytes.Contains(body, []byte(w)) {
			t.Errorf("%q in\n%s", w, body)
		}
	}
}

func TestKindFor(t *testing.T) {
	for _, c := range []struct {
		policy Protection
		proto  transport.Proto
		want   sdp.Kind
	}{
		{"", "UDP", sdp.Plain},
		{"", "TLS", sdp.SDES},
		{ProtectAuto, "TCP", sdp.Plain},
		{ProtectAuto, "WSS", sdp.DTLS},
		{ProtectAuto, "WS", sdp.DTLS},
		{ProtectOff, "TLS", sdp.Plain},
		{ProtectOff, "WSS", sdp.Plain},
		{ProtectRequired, "UDP", sdp.SDES},
		{ProtectRequired, "WSS", sdp.DTLS},
	} {
		if got := c.policy.kindFor(c.proto); got != c.want {
			t.Errorf("%q over %s: %s", c.policy, c.proto, got)
		}
	}
}

func TestKeysOfTheCallerEndHere(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdesFor(a, "8 0", cryptoLine(3, cm32, 'a'), cryptoLine(4, cm80, 'b'), "a=crypto:5 F8_128_HMAC_SHA1_80 inline:QUFB"))
		in := b.Expect(t, message.INVITE)
		if audioOf(t, in.Body()).Proto != "RTP/AVP" {
			t.Errorf("the callee is offered\n%s", in.Body())
		}
		without(t, in.Body(), "crypto")
		callee := in.Answer(sdpFor(b, "8"))
		res := caller.Expect(t, 200)
		caller.Ack()
		callee.ExpectAck(t)
		m := audioOf(t, res.Body())
		keys := keysOf(m)
		if m.Proto != "RTP/SAVP" || len(keys) != 1 || keys[0].Tag != 4 || keys[0].Suite != cm80 {
			t.Fatalf("answered with\n%s", res.Body())
		}
		synctest.Wait()
		ep := r.media.at(t, res.Body())
		s := ep.security()
		if s.In.Suite != media.AESCM80 || string(s.In.Secret) != strings.Repeat("b", 30) || !bytes.Equal(s.Out.Secret, keys[0].Key) {
			t.Errorf("endpoint has %v", s)
		}
		if other := r.media.at(t, in.Body()).security(); other.In.Suite != 0 {
			t.Errorf("the plain side has %v", other)
		}
		version := func(res *message.Message) string {
			s, _ := sdp.Parse(res.Body())
			return s.Origin.Version
		}
		// The same key again, hold, and then another key: ours stays, and the version tells what changed.
		same := caller.ReInvite(t, sdesFor(a, "8", cryptoLine(3, cm32, 'a'), cryptoLine(4, cm80, 'b')))
		if got := keysOf(audioOf(t, same.Body())); len(got) != 1 || !bytes.Equal(got[0].Key, keys[0].Key) || version(same) != version(res) {
			t.Errorf("refresh answered with\n%s", same.Body())
		}
		held := caller.ReInvite(t, sdesFor(a, "8", cryptoLine(1, cm80, 'b'), "a=sendonly"))
		if got := keysOf(audioOf(t, held.Body())); len(got) != 1 || got[0].Tag != 1 || !bytes.Equal(got[0].Key, keys[0].Key) || version(held) == version(res) {
			t.Errorf("hold answered with\n%s", held.Body())
		}
		changed := caller.ReInvite(t, sdesFor(a, "8", cryptoLine(1, gcm, 'c')))
		got := keysOf(audioOf(t, changed.Body()))
		synctest.Wait()
		if s := ep.security(); len(got) != 1 || got[0].Suite != gcm || string(s.In.Secret) != strings.Repeat("c", 28) || !bytes.Equal(s.Out.Secret, got[0].Key) {
			t.Errorf("new key answered with\n%s", changed.Body())
		}
		plain := caller.ReInvite(t, sdpFor(a, "8"))
		synctest.Wait()
		if s := ep.security(); audioOf(t, plain.Body()).Proto != "RTP/AVP" || s.In.Suite != 0 {
			t.Errorf("plain answered with\n%s", plain.Body())
		}
		without(t, plain.Body(), "crypto")
		b.ExpectNone(t, message.INVITE, time.Second)
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

func TestBrowserCallsPhone(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", webFor(a, "8 0", 7, "actpass", "abcd"))
		in := b.Expect(t, message.INVITE)
		if audioOf(t, in.Body()).Proto != "RTP/AVP" {
			t.Errorf("the callee is offered\n%s", in.Body())
		}
		without(t, in.Body(), "ice", "candidate", "fingerprint", "setup", "mid", "BUNDLE", "ssrc", "rtcp-fb", "extmap", "rtcp-mux")
		callee := in.Answer(sdpFor(b, "8"))
		res := caller.Expect(t, 200)
		caller.Ack()
		callee.ExpectAck(t)
		m := audioOf(t, res.Body())
		sum, _ := m.Fingerprint()
		ufrag, password, ok := m.ICE()
		if m.Proto != "UDP/TLS/RTP/SAVPF" || sum[0] != 0xf1 || m.Setup() != "passive" || !m.Muxed() || m.MID != "audio" || !ok ||
			!bytes.Contains(res.Body(), []byte("a=ice-lite\r\n")) || !bytes.Contains(res.Body(), []byte("a=group:BUNDLE audio\r\n")) ||
			!bytes.Contains(res.Body(), []byte("a=candidate:1 1 udp 2130706431 10.0.0.9 "+itoa(m.Port)+" typ host\r\n")) {
			t.Fatalf("answered with\n%s", res.Body())
		}
		synctest.Wait()
		ep := r.media.at(t, res.Body())
		s := ep.security()
		if s.DTLS == nil || s.DTLS.Client || s.DTLS.Fingerprint[0] != 7 || s.ICE == nil || *s.ICE != (media.ICE{Ufrag: ufrag, Password: password, RemoteUfrag: "abcd"}) {
			t.Errorf("endpoint has %+v", s)
		}
		if remote, _ := ep.state(); remote.RTCP != remote.RTP {
			t.Errorf("RTCP goes to %s", remote.RTCP)
		}
		// Hold: everything of the transport stays.
		held := caller.ReInvite(t, strings.Replace(webFor(a, "8", 7, "actpass", "abcd"), "a=mid", "a=sendonly\r\na=mid", 1))
		m = audioOf(t, held.Body())
		if u, p, _ := m.ICE(); u != ufrag || p != password || m.Setup() != "passive" || m.Direction != sdp.RecvOnly || strings.Count(string(held.Body()), "a=mid") != 1 {
			t.Errorf("hold answered with\n%s", held.Body())
		}
		// ICE begins anew.
		again := caller.ReInvite(t, webFor(a, "8", 7, "actpass", "efgh"))
		if u, p, _ := audioOf(t, again.Body()).ICE(); u == ufrag || p == password {
			t.Errorf("new credentials answered with\n%s", again.Body())
		}
		b.ExpectNone(t, message.INVITE, time.Second)
		callee.Bye(t)
		caller.ExpectBye(t)
	})
}

func TestPhoneCallsBrowser(t *testing.T) {
	for _, c := range []struct {
		setup  string
		client bool
	}{{"active", false}, {"passive", true}} {
		t.Run(c.setup, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				r.over("WSS", b)
				caller := a.Invite("4b", sdpFor(a, "8 0"))
				in := b.Expect(t, message.INVITE)
				m := audioOf(t, in.Body())
				ufrag, _, ok := m.ICE()
				if m.Proto != "UDP/TLS/RTP/SAVPF" || m.Setup() != "actpass" || !m.Muxed() || !ok || m.MID == "" {
					t.Fatalf("offered\n%s", in.Body())
				}
				callee := in.Answer(webFor(b, "8", 9, c.setup, "wxyz"))
				res := caller.Expect(t, 200)
				caller.Ack()
				callee.ExpectAck(t)
				if audioOf(t, res.Body()).Proto != "RTP/AVP" {
					t.Errorf("the caller is answered\n%s", res.Body())
				}
				without(t, res.Body(), "ice", "candidate", "fingerprint", "setup", "mid", "BUNDLE", "ssrc", "rtcp-fb", "rtcp-mux")
				synctest.Wait()
				s := r.media.at(t, in.Body()).security()
				if s.DTLS == nil || s.DTLS.Client != c.client || s.DTLS.Fingerprint[0] != 9 || s.ICE == nil || s.ICE.Ufrag != ufrag || s.ICE.RemoteUfrag != "wxyz" {
					t.Errorf("endpoint has %+v", s)
				}
				// Its session refresh says the same of the transport.
				again := callee.ReInvite(t, webFor(b, "8", 9, "actpass", "wxyz"))
				want := "passive"
				if c.client {
					want = "active"
				}
				if u, _, _ := audioOf(t, again.Body()).ICE(); u != ufrag || audioOf(t, again.Body()).Setup() != want {
					t.Errorf("refresh answered with\n%s", again.Body())
				}
				caller.Bye(t)
				callee.ExpectBye(t)
			})
		})
	}
}

// TestEachForkHasItsKeys rings two phones with keys; the other one's key counts for nothing.
func TestEachForkHasItsKeys(t *testing.T) {
	run(t, func(c *Config) { c.SRTP = ProtectRequired }, func(t *testing.T, r *rig) {
		a, b, d := r.phone("a"), r.phone("b"), r.phone("d")
		r.numbers["4b"] = []string{"b", "d"}
		caller := a.Invite("4b", sdesFor(a, "8", cryptoLine(1, cm80, 'a')))
		one, two := b.Expect(t, message.INVITE), d.Expect(t, message.INVITE)
		k1, k2 := keysOf(audioOf(t, one.Body())), keysOf(audioOf(t, two.Body()))
		if len(k1) != 4 || len(k2) != 4 || bytes.Equal(k1[0].Key, k2[0].Key) || bytes.Equal(k1[1].Key, k1[3].Key) {
			t.Fatalf("offered\n%s\nand\n%s", one.Body(), two.Body())
		}
		// Early media of one, answer of the other.
		one.Respond(183, sdesFor(b, "8", cryptoLine(2, cm80, 'b')))
		caller.Expect(t, 183)
		synctest.Wait()
		ep := r.media.at(t, one.Body())
		if s := ep.security(); string(s.In.Secret) != strings.Repeat("b", 30) || !bytes.Equal(s.Out.Secret, k1[1].Key) {
			t.Errorf("early: endpoint has %v", s)
		}
		callee := two.Answer(sdesFor(d, "8", cryptoLine(4, cm32, 'd')))
		caller.Expect(t, 200)
		caller.Ack()
		callee.ExpectAck(t)
		synctest.Wait()
		if s := ep.security(); s.In.Suite != media.AESCM32 || string(s.In.Secret) != strings.Repeat("d", 30) || !bytes.Equal(s.Out.Secret, k2[3].Key) {
			t.Errorf("answered: endpoint has %v", s)
		}
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

func TestAnswersThatDoNotProtect(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(p *siptest.Phone) string
	}{
		{"plain", func(p *siptest.Phone) string { return sdpFor(p, "8") }},
		{"no key", func(p *siptest.Phone) string { return sdesFor(p, "8") }},
		{"a tag that was not offered", func(p *siptest.Phone) string { return sdesFor(p, "8", cryptoLine(9, cm80, 'b')) }},
		{"another suite than the tag's", func(p *siptest.Phone) string { return sdesFor(p, "8", cryptoLine(1, cm80, 'b')) }},
		{"handshake", func(p *siptest.Phone) string { return webFor(p, "8", 7, "active", "abcd") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(c *Config) { c.SRTP = ProtectRequired }, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", sdesFor(a, "8", cryptoLine(1, cm80, 'a')))
				callee := b.Expect(t, message.INVITE).Answer(c.answer(b))
				callee.ExpectAck(t)
				callee.ExpectBye(t)
				caller.Expect(t, 488)
				r.expectRecord(calls.Failed, 488, byCallee)
			})
		})
	}
}

func TestPolicyOnOffers(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy Protection
		offer  func(p *siptest.Phone) string
		status int
	}{
		{"required, plain", ProtectRequired, func(p *siptest.Phone) string { return sdpFor(p, "8") }, 488},
		{"off, keys", ProtectOff, func(p *siptest.Phone) string { return sdesFor(p, "8", cryptoLine(1, cm80, 'a')) }, 488},
		{"off, handshake", ProtectOff, func(p *siptest.Phone) string { return webFor(p, "8", 1, "actpass", "abcd") }, 488},
		{"no suite of ours", ProtectAuto, func(p *siptest.Phone) string { return sdesFor(p, "8", cryptoLine(1, "F8_128_HMAC_SHA1_80", 'a')) }, 488},
		{"key too short", ProtectAuto, func(p *siptest.Phone) string { return sdesFor(p, "8", "a=crypto:1 "+cm80+" inline:QUFB") }, 488},
		{"no key", ProtectAuto, func(p *siptest.Phone) string { return sdesFor(p, "8") }, 488},
		{"off, keys if possible", ProtectOff, func(p *siptest.Phone) string { return sdpFor(p, "8", cryptoLine(1, cm80, 'a')) }, 180},
		{"keys if possible", ProtectAuto, func(p *siptest.Phone) string { return sdpFor(p, "8", cryptoLine(1, cm80, 'a')) }, 180},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(cfg *Config) { cfg.SRTP = c.policy }, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", c.offer(a))
				if c.status == 488 {
					caller.Expect(t, 488)
					b.ExpectNone(t, message.INVITE, time.Second)
					return
				}
				in := b.Expect(t, message.INVITE)
				without(t, in.Body(), "crypto", "SAVP")
				in.Ring()
				caller.Expect(t, 180)
				callee := in.Answer(sdpFor(b, "8"))
				res := caller.Expect(t, 200)
				caller.Ack()
				callee.ExpectAck(t)
				m := audioOf(t, res.Body())
				if n := len(keysOf(m)); m.Proto != "RTP/AVP" || (n == 1) != (c.policy == ProtectAuto) {
					t.Errorf("answered with\n%s", res.Body())
				}
				caller.Bye(t)
				callee.ExpectBye(t)
			})
		})
	}
}

// TestPhoneOverTLSWithoutKeys refuses to protect media, and is asked without.
func TestPhoneOverTLSWithoutKeys(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		r.over("TLS", b)
		caller := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		if audioOf(t, in.Body()).Proto != "RTP/SAVP" {
			t.Errorf("offered\n%s", in.Body())
		}
		in.Respond(488, "")
		again := b.Expect(t, message.INVITE)
		if audioOf(t, again.Body()).Proto != "RTP/AVP" {
			t.Errorf("then offered\n%s", again.Body())
		}
		without(t, again.Body(), "crypto")
		callee := again.Answer(sdpFor(b, "8"))
		caller.Expect(t, 200)
		caller.Ack()
		callee.ExpectAck(t)
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

func TestNoOfferAndKeys(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		r.over("TLS", a)
		caller := a.Invite("4b", "")
		in := b.Expect(t, message.INVITE)
		callee := in.Answer(sdesFor(b, "8", cryptoLine(1, gcm, 'b')))
		res := caller.Expect(t, 200)
		offered := keysOf(audioOf(t, res.Body()))
		if len(offered) != 4 {
			t.Fatalf("the caller is offered\n%s", res.Body())
		}
		caller.Ack(sdesFor(a, "8", cryptoLine(2, cm80, 'a')))
		ack := callee.ExpectAck(t)
		answered := keysOf(audioOf(t, ack.Body()))
		if len(answered) != 1 || answered[0].Suite != gcm {
			t.Fatalf("the callee is answered\n%s", ack.Body())
		}
		synctest.Wait()
		if s := r.media.at(t, res.Body()).security(); string(s.In.Secret) != strings.Repeat("a", 30) || !bytes.Equal(s.Out.Secret, offered[1].Key) {
			t.Errorf("the caller's endpoint has %v", s)
		}
		if s := r.media.at(t, ack.Body()).security(); string(s.In.Secret) != strings.Repeat("b", 28) || !bytes.Equal(s.Out.Secret, answered[0].Key) {
			t.Errorf("the callee's endpoint has %v", s)
		}
		// A re-INVITE without an offer gets one with the same key.
		again := callee.Send(message.INVITE, "", "").Expect(t, 200)
		if k := keysOf(audioOf(t, again.Body())); len(k) != 1 || !bytes.Equal(k[0].Key, answered[0].Key) {
			t.Errorf("offered again\n%s", again.Body())
		}
		ackOf(b, again, sdesFor(b, "8", cryptoLine(1, gcm, 'e')))
		synctest.Wait()
		if s := r.media.at(t, ack.Body()).security(); string(s.In.Secret) != strings.Repeat("e", 28) {
			t.Errorf("after the new key: %v", s)
		}
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

// TestCodecChangeKeepsKeys carries an offer across two protected legs.
func TestCodecChangeKeepsKeys(t *testing.T) {
	run(t, func(c *Config) { c.SRTP = ProtectRequired }, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdesFor(a, "8 0", cryptoLine(1, cm80, 'a')))
		in := b.Expect(t, message.INVITE)
		callee := in.Answer(sdesFor(b, "8", cryptoLine(2, cm80, 'b')))
		first := keysOf(audioOf(t, caller.Expect(t, 200).Body()))
		caller.Ack()
		callee.ExpectAck(t)
		pending := caller.Send(message.INVITE, contentSDP, sdesFor(a, "0", cryptoLine(1, cm80, 'a')))
		re := callee.ExpectRequest(t, message.INVITE)
		if k := keysOf(audioOf(t, re.Body())); len(k) != 1 || k[0].Tag != 2 || !bytes.Equal(k[0].Key, keysOf(audioOf(t, in.Body()))[1].Key) {
			t.Errorf("the callee is offered\n%s", re.Body())
		}
		re.Respond(200, sdesFor(b, "0", cryptoLine(2, cm80, 'n')))
		res := pending.Expect(t, 200)
		ackOf(a, res)
		if k := keysOf(audioOf(t, res.Body())); len(k) != 1 || !bytes.Equal(k[0].Key, first[0].Key) {
			t.Errorf("the caller is answered\n%s", res.Body())
		}
		synctest.Wait()
		if s := r.media.at(t, in.Body()).security(); string(s.In.Secret) != strings.Repeat("n", 30) {
			t.Errorf("the callee's endpoint has %v", s)
		}
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

func TestBrowserAndPhoneWithoutRelay(t *testing.T) {
	for _, c := range []struct {
		name    string
		browser bool // the callee is one
		offer   func(p *siptest.Phone) string
		status  int
	}{
		{"browser to phone", false, func(p *siptest.Phone) string { return webFor(p, "8", 1, "actpass", "abcd") }, 488},
		{"phone to browser", true, func(p *siptest.Phone) string { return sdpFor(p, "8") }, 488},
		{"browser to browser", true, func(p *siptest.Phone) string { return webFor(p, "8", 1, "actpass", "abcd") }, 180},
		{"keys to phone", false, func(p *siptest.Phone) string { return sdesFor(p, "8", cryptoLine(1, cm80, 'a')) }, 180},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(cfg *Config) { cfg.Media = nil }, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				if c.browser {
					r.over("WSS", b)
				}
				caller := a.Invite("4b", c.offer(a))
				if c.status == 488 {
					caller.Expect(t, 488)
					r.expectRecord(calls.Failed, 488, bySystem)
					return
				}
				in := b.Expect(t, message.INVITE)
				in.Ring()
				caller.Expect(t, 180)
				in.Respond(486, "")
				caller.Expect(t, 486)
			})
		})
	}
}

// TestBrowserDoesNotEndACallForOthers: a contact that cannot be rung at all is found out while further ones are yet to be rung.
func TestBrowserDoesNotEndACallForOthers(t *testing.T) {
	run(t, func(cfg *Config) { cfg.Media = nil }, func(t *testing.T, r *rig) {
		a, b, c := r.phone("a"), r.phone("b"), r.phone("c")
		r.over("WSS", b)
		r.numbers["416"] = []string{"b", "c"}
		caller := a.Invite("416", sdpFor(a, "8"))
		in := c.Expect(t, message.INVITE)
		in.Ring()
		caller.Expect(t, 180)
		in.Respond(486, "")
		caller.Expect(t, 486)
	})
}
