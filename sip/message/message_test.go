package message

import (
	"net/netip"
	"strings"
	"testing"
)

// invite is a usual INVITE with SDP, as a desk phone sends it.
const invite = "INVITE sip:416@pbx.example.com SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1---6d0f2a;rport\r\n" +
	"Max-Forwards: 70\r\n" +
	"Contact: <sip:k3j4h5@192.0.2.10:5060;transport=udp>\r\n" +
	"To: <sip:416@pbx.example.com>\r\n" +
	"From: \"Armin Artmann\" <sip:k3j4h5@pbx.example.com>;tag=a73kszlfl\r\n" +
	"Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.10\r\n" +
	"CSeq: 1 INVITE\r\n" +
	"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO, MESSAGE, UPDATE\r\n" +
	"Supported: replaces, timer, 100rel\r\n" +
	"Session-Expires: 1800\r\n" +
	"User-Agent: Deskphone 300/10.1\r\n" +
	"Content-Type: application/sdp\r\n" +
	"Content-Length: 246\r\n\r\n" +
	"v=0\r\no=- 3747 3747 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n" +
	"m=audio 40000 RTP/AVP 8 0 9 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n" +
	"a=rtpmap:9 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"

func mustParse(t testing.TB, s string) *Message {
	t.Helper()
	m, err := Parse([]byte(s))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return m
}

func TestParseInvite(t *testing.T) {
	m := mustParse(t, invite)
	for _, c := range []struct{ name, got, want string }{
		{"method", string(m.Method()), "INVITE"},
		{"uri", m.URI(), "sip:416@pbx.example.com"},
		{"call-id", m.CallID(), "1j9FpLxk3uxtm8tn@192.0.2.10"},
		{"from tag", m.FromTag(), "a73kszlfl"},
		{"to tag", m.ToTag(), ""},
		{"display", m.From().Display, "Armin Artmann"},
		{"branch", m.Branch(), "z9hG4bK-524287-1---6d0f2a"},
		{"via branch", m.Via().Branch(), "z9hG4bK-524287-1---6d0f2a"},
		{"via host", m.Via().Host, "192.0.2.10"},
		{"supported", m.Header(HSupported), "replaces, timer, 100rel"},
		{"user agent by name", m.HeaderNamed("user-AGENT"), "Deskphone 300/10.1"},
		{"body", string(m.Body()[:3]), "v=0"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, c.got, c.want)
		}
	}
	if !m.IsRequest() || m.CSeq() != 1 || m.MaxForwards() != 70 || m.Via().Port != 5060 || m.Status() != 0 {
		t.Error("wrong numbers")
	}
	if !m.HasToken(HSupported, "TIMER") || m.HasToken(HSupported, "path") {
		t.Error("HasToken is wrong")
	}
	if c, ok := m.Contact(); !ok || c.URI != "sip:k3j4h5@192.0.2.10:5060;transport=udp" {
		t.Errorf("contact %v %v", c, ok)
	}
}

func TestSetReceived(t *testing.T) {
	addr := netip.MustParseAddr("198.51.100.7")
	for _, c := range []struct {
		name, via, want string
	}{
		{"rport asked", "192.0.2.10:5060;branch=z9hG4bKa;rport", "192.0.2.10:5060;branch=z9hG4bKa;received=198.51.100.7;rport=4000"},
		{"rport first", "192.0.2.10 ;rport ;branch=z9hG4bKa", "192.0.2.10 ;branch=z9hG4bKa;received=198.51.100.7;rport=4000"},
		{"other host", "192.0.2.10;branch=z9hG4bKa", "192.0.2.10;branch=z9hG4bKa;received=198.51.100.7"},
		{"name", "phone.example.com;branch=z9hG4bKa", "phone.example.com;branch=z9hG4bKa;received=198.51.100.7"},
		{"same", "198.51.100.7;branch=z9hG4bKa", "198.51.100.7;branch=z9hG4bKa"},
		{"same with rport", "198.51.100.7;rport;branch=z9hG4bKa", "198.51.100.7;branch=z9hG4bKa;received=198.51.100.7;rport=4000"},
		{"forged", "192.0.2.10;received=203.0.113.9;branch=z9hG4bKa;RPORT=9", "192.0.2.10;branch=z9hG4bKa;received=198.51.100.7;rport=4000"},
		{"only forged", "198.51.100.7;received=203.0.113.9", "198.51.100.7;received=198.51.100.7"},
		{"no parameters", "192.0.2.10", "192.0.2.10;received=198.51.100.7"},
		{"more values", "192.0.2.10;branch=z9hG4bKa , SIP/2.0/TCP b.example.com", "192.0.2.10;branch=z9hG4bKa;received=198.51.100.7 , SIP/2.0/TCP b.example.com"},
		{"quoted", `192.0.2.10;x="a;rport;b";branch=z9hG4bKa`, `192.0.2.10;x="a;rport;b";branch=z9hG4bKa;received=198.51.100.7`},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := []byte(strings.Replace(invite, "192.0.2.10:5060;branch=z9hG4bK-524287-1---6d0f2a;rport", c.via, 1))
			m, err := ParseCopy(in)
			if err != nil {
				t.Fatal(err)
			}
			m.SetReceived(addr, 4000)
			copied := mustParse(t, string(in))
			copied.SetReceived(addr, 4000)
			if string(copied.Raw()) != string(m.Raw()) {
				t.Errorf("with and without room:\n%s\n%s", m.Raw(), copied.Raw())
			}
			if got := m.Header(HVia); got != "SIP/2.0/UDP "+c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			again := mustParse(t, string(m.Raw()))
			same := func(what, a, b string) {
				if a != b {
					t.Errorf("%s: %q is not %q", what, a, b)
				}
			}
			same("branch", m.Branch(), again.Branch())
			same("via params", m.Via().Params, again.Via().Params)
			same("call-id", m.CallID(), again.CallID())
			same("from", m.From().URI+m.FromTag()+m.From().Display, again.From().URI+again.FromTag()+again.From().Display)
			same("to", m.To().URI, again.To().URI)
			same("uri", m.URI(), again.URI())
			same("body", string(m.Body()), string(again.Body()))
			same("allow", m.Header(HAllow), again.Header(HAllow))
		})
	}
}

func TestBuilder(t *testing.T) {
	m := mustParse(t, invite)
	got := string(NewResponse(m, 180, "", "xyz").Add("Contact", "<sip:a@b>\r\nEvil: 1").AddInt("Expires", 7).
		Copy(m, HSupported).Finish("application/sdp", []byte("v=0\r\n")))
	want := "SIP/2.0 180 Ringing\r\n" +
		"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1---6d0f2a;rport\r\n" +
		"From: \"Armin Artmann\" <sip:k3j4h5@pbx.example.com>;tag=a73kszlfl\r\n" +
		"To: <sip:416@pbx.example.com>;tag=xyz\r\n" +
		"Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.10\r\nCSeq: 1 INVITE\r\n" +
		"Contact: <sip:a@b>  Evil: 1\r\nExpires: 7\r\nSupported: replaces, timer, 100rel\r\n" +
		"Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if r := mustParse(t, got); r.Status() != 180 || r.Phrase() != "Ringing" || r.Method() != INVITE || r.ToTag() != "xyz" {
		t.Error("response does not read back")
	}
}

func BenchmarkParse(b *testing.B) {
	raw := []byte(invite)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResponse(b *testing.B) {
	m := mustParse(b, invite)
	b.ReportAllocs()
	for b.Loop() {
		NewResponse(m, 180, "", "xyz").Add("Contact", "<sip:a@b>").Finish("", nil)
	}
}

func BenchmarkSetReceived(b *testing.B) {
	raw := []byte(invite)
	addr := netip.MustParseAddr("198.51.100.7")
	b.ReportAllocs()
	for b.Loop() {
		m, err := ParseCopy(raw)
		if err != nil {
			b.Fatal(err)
		}
		m.SetReceived(addr, 4000)
	}
}

func TestValues(t *testing.T) {
	m := mustParse(t, strings.Replace(invite, "Allow:", "Path: <sip:a;lr>, <sip:b,c@d;lr>;x=\"1,2\"\r\nRoute: \"A, B\" <sip:r1;lr>;p=1\r\n"+
		"route:\t<sip:r2>,\r\n  ,<sip:r3>;q\r\nSupported: path ,, OutBound\r\nContact: <sip:second@h>\r\nAllow:", 1))
	for _, c := range []struct {
		id   ID
		want string
	}{
		{HPath, `<sip:a;lr>|<sip:b,c@d;lr>;x="1,2"`},
		{HRoute, `"A, B" <sip:r1;lr>;p=1|<sip:r2>|<sip:r3>;q`},
		{HSupported, "path|OutBound|replaces|timer|100rel"},
		{HServiceRoute, ""},
	} {
		var got []string
		for v := range m.Values(c.id) {
			got = append(got, v)
		}
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%v: %s", c.id, s)
		}
	}
	lines := 0
	for range m.Lines(HRoute) {
		lines++
	}
	if lines != 2 || !m.HasToken(HSupported, "outbound") {
		t.Errorf("%d Route lines", lines)
	}
	if c, ok := m.Contact(); !ok || c.URI != "sip:k3j4h5@192.0.2.10:5060;transport=udp" {
		t.Errorf("Contact is not the first: %v", c)
	}
	for range m.Values(HAllow) {
		break // an iterator may be left early
	}
	all := 0
	for name, value := range m.All() {
		if name != "" && value != "" {
			all++
		}
	}
	if all != 18 {
		t.Errorf("%d header lines", all)
	}
}

func TestManyLines(t *testing.T) {
	lines := func(n int) string {
		return strings.Replace(invite, "Allow:", strings.Repeat("X-Kf: 1\r\n", n)+"Allow:", 1)
	}
	m := mustParse(t, lines(MaxHeaders-13))
	m.SetReceived(netip.MustParseAddr("2001:db8::7"), 4000)
	if m.Header(HContentType) != "application/sdp" || len(m.Body()) != 246 || m.HeaderNamed("x-kf") != "1" {
		t.Error("lines behind the inline table are lost")
	}
	_, err := Parse([]byte(lines(MaxHeaders)))
	if pe, ok := err.(*ParseError); !ok || pe.Status != 400 {
		t.Errorf("got %v", err)
	}
	if _, err := Parse(make([]byte, MaxSize+1)); err == nil {
		t.Error("too large a message is accepted")
	}
}

// TestAllocations holds the promise of the package comment.
func TestAllocations(t *testing.T) {
	raw := []byte(invite)
	m := mustParse(t, invite)
	for _, c := range []struct {
		name string
		want float64
		fn   func()
	}{
		{"parse", 1, func() { _, _ = Parse(raw) }},
		{"read", 0, func() {
			m.From()
			m.Contact()
			m.Via()
			m.HasToken(HSupported, "timer")
			_, _ = ParseURI(m.URI())
		}},
		{"response", 1, func() { NewResponse(m, 200, "", "t").Add("Contact", "<sip:a@b>").Finish("", nil) }},
		{"request", 1, func() { NewRequest(INVITE, "sip:a@b").Copy(m, HFrom).Finish("application/sdp", m.Body()) }},
	} {
		if got := testing.AllocsPerRun(100, c.fn); got != c.want {
			t.Errorf("%s: %v allocations, want %v", c.name, got, c.want)
		}
	}
}

func TestCleanText(t *testing.T) {
	for n := range 40 {
		b := []byte(strings.Repeat("ä", 20))[:n]
		if !cleanText(b) {
			t.Errorf("%d clean bytes are refused", n)
		}
		for i := range b {
			for _, c := range []byte{0, 1, '\r', '\n', 0x1f, 0x7f} {
				d := append([]byte(nil), b...)
				if d[i] = c; cleanText(d) {
					t.Errorf("%#x at %d of %d passes", c, i, n)
				}
				if i > 0 {
					d[i-1] = '\\'
					if cleanText(d) != (c != '\r' && c != '\n') {
						t.Errorf("\\ %#x at %d of %d", c, i, n)
					}
				}
				if d[i] = '\t'; !cleanText(d) {
					t.Errorf("tab at %d of %d is refused", i, n)
				}
			}
		}
	}
}
