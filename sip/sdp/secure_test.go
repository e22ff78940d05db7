package sdp

import (
	"bytes"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func readSDP(t testing.TB, name string) *Session {
	t.Helper()
	b, err := os.ReadFile("testdata/secure/" + name + ".sdp")
	if err != nil {
		t.Fatal(err)
	}
	return mustParse(t, string(b))
}

// TestSecurityOfPhones reads what real phones and browsers offer.
func TestSecurityOfPhones(t *testing.T) {
	for _, c := range []struct {
		name    string
		kind    Kind
		suites  string
		setup   string
		print   bool
		ufrag   string
		mux     bool
		bundled bool
	}{
		{name: "chrome", kind: DTLS, setup: "actpass", print: true, ufrag: "Yv5p", mux: true, bundled: true},
		{name: "firefox", kind: DTLS, setup: "actpass", print: true, ufrag: "2e1d9c04", mux: true, bundled: true},
		{name: "baresip-dtls", kind: DTLS, setup: "actpass", print: true},
		{name: "snom", kind: SDES, suites: "AES_CM_128_HMAC_SHA1_32 AES_CM_128_HMAC_SHA1_80"},
		{name: "yealink", kind: SDES, suites: "AES_CM_128_HMAC_SHA1_80 AES_CM_128_HMAC_SHA1_32 F8_128_HMAC_SHA1_80"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := readSDP(t, c.name)
			m := s.First("audio")
			var suites []string
			for k := range m.Cryptos() {
				suites = append(suites, k.Suite)
				if len(k.Key) != 30 {
					t.Errorf("%s has %d bytes of key", k.Suite, len(k.Key))
				}
			}
			sum, print := m.Fingerprint()
			if print && (sum[0] != 1 || sum[31] != 32) {
				t.Errorf("fingerprint %x", sum)
			}
			ufrag, _, _ := m.ICE()
			if m.Kind() != c.kind || strings.Join(suites, " ") != c.suites || m.Setup() != c.setup || print != c.print ||
				ufrag != c.ufrag || m.Muxed() != c.mux || s.Bundled(m) != c.bundled {
				t.Errorf("%s, %v, setup %q, fingerprint %v, ufrag %q, mux %v, bundled %v", m.Kind(), suites, m.Setup(), print, ufrag, m.Muxed(), s.Bundled(m))
			}
			if again := mustParse(t, s.String()); Compare(s, again) != 0 {
				t.Error("a description differs from itself")
			}
		})
	}
	if k := mustParse(t, audio).First("audio").Kind(); k != Plain {
		t.Errorf("plain audio is %s", k)
	}
}

func TestParseCrypto(t *testing.T) {
	const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
	const suite = "AES_CM_128_HMAC_SHA1_80"
	for _, c := range []struct {
		name, line string
		ok         bool
	}{
		{"plain", "1 " + suite + " inline:" + key, true},
		{"upper case", "1 " + suite + " INLINE:" + key, true},
		{"lifetime", "1 " + suite + " inline:" + key + "|2^20", true},
		{"lifetime as a number", "1 " + suite + " inline:" + key + "|1048576", true},
		{"ignorable parameters", "1 " + suite + " inline:" + key + " KDR=0 WSH=128 -X=1", true},
		{"no padding", "1 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw", true},
		{"padding", "1 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==", true},
		{"MKI", "1 " + suite + " inline:" + key + "|2^20|1:4", false},
		{"MKI without lifetime", "1 " + suite + " inline:" + key + "|1:4", false},
		{"two keys", "1 " + suite + " inline:" + key + ";inline:" + key, false},
		{"not encrypted", "1 " + suite + " inline:" + key + " UNENCRYPTED_SRTP", false},
		{"unauthenticated", "1 " + suite + " inline:" + key + " UNAUTHENTICATED_SRTP", false},
		{"derivation rate", "1 " + suite + " inline:" + key + " KDR=3", false},
		{"FEC", "1 " + suite + " inline:" + key + " FEC_ORDER=SRTP_FEC", false},
		{"no tag", suite + " inline:" + key, false},
		{"tag too large", "12345678901 " + suite + " inline:" + key, false},
		{"no method", "1 " + suite + " " + key, false},
		{"other method", "1 " + suite + " uri:" + key, false},
		{"no key", "1 " + suite + " inline:", false},
		{"not base64", "1 " + suite + " inline:!!!!", false},
		{"endless", "1 " + suite + " inline:" + strings.Repeat("A", 4000), false},
		{"empty", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, ok := parseCrypto(c.line)
			if ok != c.ok {
				t.Fatalf("%+v %v", k, ok)
			}
			if ok {
				if back, ok := parseCrypto(strings.TrimPrefix(k.Line(), "crypto:")); !ok || !bytes.Equal(back.Key, k.Key) || back.Tag != k.Tag {
					t.Errorf("written as %s", k.Line())
				}
			}
		})
	}
}

func TestKind(t *testing.T) {
	const print = "a=fingerprint:sha-256 01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F:20\r\n"
	const crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\r\n"
	for _, c := range []struct {
		name, proto, session, media string
		want                        Kind
	}{
		{"plain", "RTP/AVP", "", "", Plain},
		{"feedback", "RTP/AVPF", "", "", Plain},
		{"fax", "udptl", "", crypto, Plain},
		{"keys in plain RTP", "RTP/AVP", "", crypto, SDES},
		{"fingerprint in plain RTP", "RTP/AVP", "", print, Plain},
		{"sdes", "RTP/SAVP", "", crypto, SDES},
		{"both", "RTP/SAVPF", "", crypto + print, SDES},
		{"dtls of the session", "UDP/TLS/RTP/SAVPF", print, "", DTLS},
		{"dtls in the old profile", "RTP/SAVPF", "", print, DTLS},
		{"no key", "RTP/SAVP", "", "", Unusable},
		{"no fingerprint", "UDP/TLS/RTP/SAVP", "", "", Unusable},
		{"keys for dtls", "UDP/TLS/RTP/SAVP", "", crypto, Unusable},
		{"SHA-1", "UDP/TLS/RTP/SAVP", "", "a=fingerprint:sha-1 01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14\r\n", Unusable},
		{"SHA-1 and SHA-256", "UDP/TLS/RTP/SAVP", "", "a=fingerprint:sha-1 01\r\n" + print, DTLS},
		{"short", "UDP/TLS/RTP/SAVP", "", "a=fingerprint:sha-256 01:02\r\n", Unusable},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustParse(t, "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"+c.session+"m=audio 4000 "+c.proto+" 0\r\n"+c.media)
			if got := s.Media[0].Kind(); got != c.want {
				t.Errorf("%s", got)
			}
		})
	}
}

func TestICEAttributes(t *testing.T) {
	const good = "0vq+tSAVx4eIzQv9Lw9kYsM2"
	for _, c := range []struct {
		name, ufrag, password string
		ok                    bool
	}{
		{"good", "Yv5p", good, true},
		{"short ufrag", "Yv5", good, false},
		{"short password", "Yv5p", good[:21], false},
		{"strange characters", "Yv5p:", good, false},
		{"long", strings.Repeat("a", 257), good, false},
		{"no password", "Yv5p", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustParse(t, "v=0\r\na=ice-ufrag:"+c.ufrag+"\r\nm=audio 4000 RTP/AVP 0\r\na=ice-pwd:"+c.password+"\r\n")
			if _, _, ok := s.Media[0].ICE(); ok != c.ok {
				t.Errorf("%v", ok)
			}
		})
	}
}

func TestCompareSecurity(t *testing.T) {
	for _, c := range []struct {
		name, file, from, to string
		want                 Change
	}{
		{"same", "snom", "", "", 0},
		{"new key", "snom", "inline:AAEC", "inline:BBEC", ChangedSecurity},
		{"key gone", "snom", "a=crypto:1", "a=x-crypto:1", ChangedSecurity},
		{"plain", "snom", "RTP/SAVP", "RTP/AVP", ChangedSecurity},
		{"new password", "chrome", "ice-pwd:0vq", "ice-pwd:1vq", ChangedSecurity},
		{"other certificate of the session", "firefox", "sha-256 01", "sha-256 02", ChangedSecurity},
		{"candidates", "chrome", "2122260223", "2122260222", 0},
		{"held", "snom", "a=sendrecv", "a=sendonly", ChangedDirection},
		{"no audio any more", "snom", "m=audio 54218 RTP/SAVP", "m=image 54218 udptl", ChangedMedia},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := readSDP(t, c.file)
			if got := Compare(a, mustParse(t, strings.Replace(a.String(), c.from, c.to, 1))); got != c.want {
				t.Errorf("%b, want %b", got, c.want)
			}
		})
	}
}

// TestCarryAcross writes a description for a leg that is protected in another way.
func TestCarryAcross(t *testing.T) {
	us := netip.MustParseAddr("198.51.100.1")
	edit := func(m MediaEdit, d Drop, session ...string) *Edit {
		m.Port = 20000
		return &Edit{Origin: OwnOrigin{ID: 1, Version: 1, Addr: us}, Addr: us, Media: []MediaEdit{m}, Drop: DropTransport | d, Attrs: session}
	}
	for _, c := range []struct {
		name, file string
		edit       *Edit
		want       []string // lines that must be there, in this order
		never      []string // what must be in no line
	}{
		{
			"browser to plain", "chrome", edit(MediaEdit{Proto: "RTP/AVP"}, DropFeedback|DropStreams),
			[]string{"m=audio 20000 RTP/AVP 111 63 9 0 8 13 110 126", "c=IN IP4 198.51.100.1", "a=rtpmap:111 opus/48000/2"},
			[]string{"ice", "candidate", "fingerprint", "setup", "BUNDLE", "mid", "ssrc", "extmap", "rtcp-fb", "rtcp-mux", "a=rtcp:"},
		},
		{
			"plain to browser", "yealink", edit(MediaEdit{Proto: "UDP/TLS/RTP/SAVPF", Attrs: []string{"mid:0", "rtcp-mux", "setup:actpass"}}, DropFeedback|DropStreams, "ice-lite", "group:BUNDLE 0"),
			[]string{"t=0 0", "a=ice-lite", "a=group:BUNDLE 0", "m=audio 20000 UDP/TLS/RTP/SAVPF 8 0 101", "a=ptime:20", "a=mid:0", "a=rtcp-mux", "a=setup:actpass"},
			[]string{"crypto"},
		},
		{
			"other keys", "snom", edit(MediaEdit{Proto: "RTP/SAVP", Attrs: []string{"crypto:7 X inline:ours"}}, 0),
			[]string{"m=audio 20000 RTP/SAVP 9 8 0 101", "a=sendrecv", "a=crypto:7 X inline:ours"},
			[]string{"WVNf", "AAEC"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := string(readSDP(t, c.file).Marshal(c.edit))
			rest := got
			for _, line := range c.want {
				_, behind, ok := strings.Cut(rest, line+"\r\n")
				if !ok {
					t.Fatalf("no line %q, or not here, in\n%s", line, got)
				}
				rest = behind
			}
			for _, word := range c.never {
				if strings.Contains(got, word) {
					t.Errorf("%q is left in\n%s", word, got)
				}
			}
		})
	}
}

func FuzzSecurity(f *testing.F) {
	corpus.Add(f)
	for _, name := range []string{"chrome", "firefox", "snom", "yealink", "baresip-dtls"} {
		f.Add(readSDP(f, name).String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse([]byte(text))
		if err != nil {
			return
		}
		for i := range s.Media {
			m := &s.Media[i]
			kind := m.Kind()
			usable := 0
			for c := range m.Cryptos() {
				usable++
				if _, ok := parseCrypto(strings.TrimPrefix(c.Line(), "crypto:")); !ok {
					t.Fatalf("cannot read %s", c.Line())
				}
			}
			if _, ok := m.Fingerprint(); kind == DTLS && !ok || kind == SDES && usable == 0 {
				t.Fatalf("%s without means", kind)
			}
			_, _, _ = m.ICE()
			s.Bundled(m)
		}
		if Compare(s, s) != 0 {
			t.Fatal("differs from itself")
		}
	})
}
