package message

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func FuzzParse(f *testing.F) {
	corpus.Add(f)
	for _, raw := range torture(f) {
		f.Add(raw)
	}
	f.Add([]byte(invite))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Parse(bytes.Clone(raw))
		if pe, ok := err.(*ParseError); ok {
			if (pe.Status == 0) != (m == nil) {
				t.Fatalf("status %d with message %v", pe.Status, m)
			}
			if m != nil {
				checkLines(t, NewResponse(m, pe.Status, "", "t").Finish("", nil))
			}
			return
		}
		readAll(m)
		again, err := Parse(bytes.Clone(m.Raw()))
		if err != nil {
			t.Fatalf("%v in what was accepted:\n%q", err, m.Raw())
		}
		compare(t, m, again)
		if m, err = ParseCopy(raw); err != nil {
			t.Fatal(err)
		}
		if !m.IsRequest() {
			return
		}
		checkLines(t, NewResponse(m, 200, "", "t").Copy(m, HRecordRoute).Finish("", nil))
		m.SetReceived(netip.MustParseAddr("198.51.100.7"), 4000)
		if again, err = Parse(bytes.Clone(m.Raw())); err != nil {
			t.Fatalf("%v after SetReceived:\n%q", err, m.Raw())
		}
		compare(t, m, again)
		if v, ok := m.Via().Param("received"); ok && v != "198.51.100.7" {
			t.Fatalf("received=%q", v)
		}
		res, err := Parse(NewResponse(m, 200, "", "t").Finish("", nil))
		if err != nil || res.CallID() != m.CallID() || res.FromTag() != m.FromTag() || res.ToTag() == "" || res.Method() != m.Method() {
			t.Fatalf("response: %v\n%q", err, m.Raw())
		}
	})
}

// checkLines makes sure that nothing of a request breaks out of its line.
func checkLines(t *testing.T, b []byte) {
	for line := range bytes.SplitSeq(b, []byte("\r\n")) {
		if bytes.ContainsAny(line, "\r\n") {
			t.Fatalf("broken line %q", line)
		}
	}
}

func readAll(m *Message) {
	for id := HVia; id < numIDs; id++ {
		for v := range m.Values(id) {
			_, _ = ParseAddr(v)
			_, _ = ParseVia(v)
		}
		m.HasToken(id, "x")
	}
	m.Contact()
	m.Expires()
	m.HeaderNamed("x")
}

func compare(t *testing.T, a, b *Message) {
	t.Helper()
	if a.Method() != b.Method() || a.URI() != b.URI() || a.Status() != b.Status() || a.Phrase() != b.Phrase() ||
		a.CallID() != b.CallID() || a.CSeq() != b.CSeq() || a.From() != b.From() || a.To() != b.To() ||
		a.FromTag() != b.FromTag() || a.ToTag() != b.ToTag() || a.Via() != b.Via() || a.Branch() != b.Branch() ||
		a.MaxForwards() != b.MaxForwards() || !bytes.Equal(a.Body(), b.Body()) || len(a.lines) != len(b.lines) {
		t.Fatalf("read again as another message:\n%q\n%q", a.Raw(), b.Raw())
	}
	for i := range a.lines {
		if a.value(&a.lines[i]) != b.value(&b.lines[i]) {
			t.Fatalf("line %d differs", i)
		}
	}
}

func FuzzParseURI(f *testing.F) {
	corpus.Add(f)
	for _, s := range []string{"sip:a:b@[::1]:5060;x=y?z=1", "tel:+49;x", "urn:service:sos", "sip:%41@h;a;b=c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURI(s)
		if err != nil {
			return
		}
		v, err := ParseURI(u.String())
		if err != nil {
			t.Fatalf("%q is written %q: %v", s, u.String(), err)
		}
		if len(s) < 200 && !u.Equal(v) && u != v {
			t.Fatalf("%+v is written and read as %+v", u, v)
		}
		if got := Unescape(EscapeUser(s)); got != s && !strings.Contains(s, "%") {
			t.Fatalf("%q is escaped to %q", s, got)
		}
	})
}

func FuzzAddr(f *testing.F) {
	corpus.Add(f)
	for _, s := range []string{`"a \" b" <sip:a@b;x>;tag=1;y="z;\""`, `sip:a@b;tag=1`, `a b<sip:a@b>`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddr(s)
		if err != nil {
			return
		}
		again, err := ParseAddr(FormatAddr(a.Display, a.URI) + ";" + a.Params)
		if err != nil || again.URI != a.URI {
			t.Fatalf("%q: %+v, read again %+v, %v", s, a, again, err)
		}
		if tag := a.Tag(); len(tag) > len(s) {
			t.Fatal("tag longer than its text")
		}
	})
}

// FuzzFrame cuts a stream anywhere: the messages must be the same.
func FuzzFrame(f *testing.F) {
	corpus.Add(f)
	f.Add([]byte("\r\n\r\n"+invite+invite), uint16(3))
	f.Add([]byte("A sip:a SIP/2.0\nl: 1\n\nx\r\n\r\nB"), uint16(1))
	f.Fuzz(func(t *testing.T, stream []byte, size uint16) {
		var want []string
		var wantErr error
		for rest := stream; ; {
			n, skip, err := Frame(rest, 4096)
			rest = rest[skip:]
			if wantErr = err; err != nil || n == 0 {
				break
			}
			want = append(want, string(rest[:n]))
			if m, err := Parse(bytes.Clone(rest[:n])); err == nil && len(m.Raw()) != n {
				t.Fatalf("Frame cuts %d bytes, Parse reads %d", n, len(m.Raw()))
			}
			rest = rest[n:]
		}
		for _, s := range []int{1, int(size%512) + 1, len(stream) + 1} {
			got, _, err := frames(stream, s)
			if err != wantErr || strings.Join(got, "|") != strings.Join(want, "|") {
				t.Fatalf("pieces of %d: %d messages, %v, want %d, %v", s, len(got), err, len(want), wantErr)
			}
		}
	})
}

// FuzzDifferential compares what is read with what sipgo reads from messages that both
// accept. See differences for messages that one of them accepts.
func FuzzDifferential(f *testing.F) {
	corpus.Add(f)
	for _, raw := range torture(f) {
		f.Add(raw)
	}
	f.Add([]byte(invite))
	f.Fuzz(func(t *testing.T, raw []byte) {
		ours, err := Parse(bytes.Clone(raw))
		if err != nil {
			return
		}
		theirs, err := sip.ParseMessage(bytes.Clone(raw))
		if err != nil || bytes.Count(raw, []byte("\n")) != bytes.Count(raw, []byte("\r\n")) {
			return // sipgo takes a bare LF for text
		}
		if why := diverges(ours, theirs); why != "" {
			t.Fatalf("%s differs:\n%q", why, raw)
		}
	})
}

// diverges names the field that two readers see differently, but for what is known of sipgo:
// it does not know parameter names in capitals, quoted parameters, blanks around
// separators in Via and CSeq, writes methods in capitals, and knows white space but the blank.
func diverges(ours *Message, theirs sip.Message) string {
	switch m := theirs.(type) {
	case *sip.Request:
		if !strings.EqualFold(string(m.Method), string(ours.Method())) || !ours.IsRequest() {
			return "method"
		}
	case *sip.Response:
		if m.StatusCode != ours.Status() || ours.IsRequest() {
			return "status"
		}
	}
	if h := theirs.CallID(); h != nil && trim(h.Value()) != ours.CallID() {
		return "Call-ID"
	}
	if h := theirs.CSeq(); h != nil && h.SeqNo != ours.CSeq() {
		return "CSeq"
	}
	if !bytes.Equal(theirs.Body(), ours.Body()) {
		return "body"
	}
	simple := func(s string) bool { return !strings.ContainsAny(s, "\"\\ \t") }
	if h := theirs.From(); h != nil && simple(ours.Header(HFrom)) {
		if tag, ok := h.Params.Get("tag"); ok && !twice(ours.From().Params, "tag") && tag != ours.FromTag() {
			return "From tag"
		}
	}
	if h := theirs.To(); h != nil && simple(ours.Header(HTo)) {
		if tag, ok := h.Params.Get("tag"); ok && !twice(ours.To().Params, "tag") && tag != ours.ToTag() {
			return "To tag"
		}
	}
	v := strings.TrimPrefix(ours.Header(HVia), "SIP/2.0/"+ours.Via().Transport+" ")
	if h := theirs.Via(); h != nil && simple(v) {
		if b, ok := h.Params.Get("branch"); ok && !twice(ours.Via().Params, "branch") && b != ours.Branch() {
			return "branch"
		}
	}
	return ""
}

// twice reports whether a parameter is there more than once, in any case: then sipgo takes the last.
func twice(params, name string) bool {
	n := 0
	for params != "" {
		var p string
		if p, _, params = nextParam(params); equalFold(p, name) {
			n++
		}
	}
	return n > 1
}

// BenchmarkHostile parses the most expensive messages of the largest size and touches what
// a server touches; none may cost more than a millisecond.
func BenchmarkHostile(b *testing.B) {
	const rest = "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n"
	const line = "OPTIONS sip:c@d SIP/2.0\r\n"
	const via = "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n"
	for _, c := range []struct{ name, raw string }{
		{"parameters in one line", line + via + rest + "Contact: <sip:a@b>" + strings.Repeat(";p=v", 15000) + "\r\n\r\n"},
		{"parameters in From", line + via + "From: <sip:a@b>" + strings.Repeat(";p=v", 4000) + ";tag=1\r\n" + rest[len("From: <sip:a@b>;tag=1\r\n"):] + "\r\n"},
		{"parameters in four lines", line + "Via: SIP/2.0/UDP h;branch=z9hG4bKx" + strings.Repeat(";p=v", 3900) + "\r\n" + rest + strings.Repeat("Contact: <sip:a@b>"+strings.Repeat(";p=v", 3900)+"\r\n", 3) + "\r\n"},
		{"lines", line + via + rest + strings.Repeat("X: y\r\n", 10000) + "\r\n"},
		{"contact values", line + via + rest + strings.Repeat("m: "+strings.Repeat("sip:a,", 2700)+"sip:a\r\n", 3) + "\r\n"},
		{"contact lines", line + via + rest + strings.Repeat("m: <sip:a@b>;"+strings.Repeat("x;", 45)+"\r\n", 490) + "\r\n"},
		{"quotes", line + via + rest + strings.Repeat("m: "+strings.Repeat("\"", 15000)+"\r\n", 4) + "\r\n"},
		{"open quotes", line + via + rest + strings.Repeat("m: <sip:a>;"+strings.Repeat("\"x\" ", 3900)+"\"\r\n", 4) + "\r\n"},
		{"brackets", line + via + rest + strings.Repeat("m: "+strings.Repeat("<", 15000)+"\r\n", 4) + "\r\n"},
		{"folding", line + via + rest + "X: y" + strings.Repeat("\r\n ", 20000) + "\r\n\r\n"},
		{"vias", line + strings.Repeat("v: SIP/2.0/UDP h;branch=z9hG4bKx"+strings.Repeat(";x", 40)+"\r\n", 500) + rest + "\r\n"},
		{"blanks", line + via + rest + strings.Repeat("X:"+strings.Repeat(" ", 15000)+"\r\n", 4) + "\r\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			raw := []byte(c.raw)
			if len(raw) > MaxSize {
				b.Fatalf("%d bytes", len(raw))
			}
			buf := make([]byte, len(raw))
			for b.Loop() {
				copy(buf, raw)
				m, err := Parse(buf)
				if err != nil {
					continue
				}
				m.SetReceived(netip.MustParseAddr("198.51.100.7"), 4000)
				m.Contact()
				m.HasToken(HContact, "x")
				NewResponse(m, 200, "", "t").Finish("", nil)
			}
		})
	}
}

// FuzzVia reads a Via, notes a source in it as a reader does, and reads the message again.
func FuzzVia(f *testing.F) {
	corpus.Add(f)
	for _, s := range []string{
		"SIP/2.0/UDP h;branch=z9hG4bKx", "SIP/2.0/TCP [2001:db8::1]:5061 ; rport ;received=x", "SIP / 2.0 / WS\th : 5 ;a=\";,\"", "SIP/2.0/UDP h;rport=1;rport=2;RECEIVED=y,SIP/2.0/UDP i",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, ok := ParseVia(s)
		m, err := Parse([]byte("OPTIONS sip:x SIP/2.0\r\nVia: " + s + "\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: i\r\nCSeq: 1 OPTIONS\r\n\r\nbody"))
		if err != nil {
			return
		}
		if ok && !strings.Contains(s, ",") && m.Via().Host != v.Host {
			t.Fatalf("host %q and %q", m.Via().Host, v.Host)
		}
		host, branch := m.Via().Host, m.Branch()
		m.SetReceived(netip.MustParseAddr("2001:db8::77"), 5099)
		if m.Via().Host != host || m.Branch() != branch || m.CallID() != "i" || string(m.Body()) != "body" || m.Method() != OPTIONS {
			t.Fatalf("%q became %q", s, m.Raw())
		}
		n, err := Parse(bytes.Clone(m.Raw()))
		if err != nil {
			t.Fatalf("%v in %q", err, m.Raw())
		}
		if got, _ := n.Via().Param("received"); got != "2001:db8::77" {
			if a, err := netip.ParseAddr(host); err != nil || a != netip.MustParseAddr("2001:db8::77") {
				t.Fatalf("received %q in %q", got, m.Raw())
			}
		}
	})
}
