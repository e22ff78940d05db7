package message

import (
	"strings"
	"testing"
)

func TestParseURI(t *testing.T) {
	for _, c := range []struct {
		in   string
		want URI
	}{
		{"sip:416@pbx.example.com", URI{Scheme: "sip", User: "416", Host: "pbx.example.com"}},
		{"SIPS:a:pw@h:5061;transport=tcp;lr?Subject=x&Priority=y", URI{"sips", "a", "pw", "h", 5061, "transport=tcp;lr", "Subject=x&Priority=y"}},
		{"sip:h", URI{Scheme: "sip", Host: "h"}},
		{"sip:[2001:db8::1]:5060;lr", URI{Scheme: "sip", Host: "2001:db8::1", Port: 5060, Params: "lr"}},
		{"sip:a@h?X=y", URI{Scheme: "sip", User: "a", Host: "h", Headers: "X=y"}},
		{"sip:a?b;c@h", URI{Scheme: "sip", User: "a?b;c", Host: "h"}},
		{"tel:+49-661-416;phone-context=x", URI{Scheme: "tel", User: "+49-661-416", Params: "phone-context=x"}},
		{"urn:service:sos", URI{Scheme: "urn", User: "service:sos"}},
	} {
		got, err := ParseURI(c.in)
		if err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v", c.in, got, err)
		}
		if s := got.String(); !strings.EqualFold(s, c.in) {
			t.Errorf("%s is written %s", c.in, s)
		}
	}
	for _, bad := range []string{
		"", "sip", "sip:", ":x", "1sip:x", "sip:@h", "sip:a@", "sip:a b@h", "sip:a@h:", "sip:a@h:0", "sip:a@h:65536", "sip:a@h:x",
		"sip:a@[::1", "sip:a@[::1]x", "sip:a@[x]", "sip:a@h<", "sip:\"a\"@h", "sip:a@h\x00", "sip:a@b@c", "tel:", "tel:;x", "sip:a@h\x7f", "s\tip:a",
	} {
		if u, err := ParseURI(bad); err == nil {
			t.Errorf("%q is accepted as %+v", bad, u)
		}
	}
}

func TestURIEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com;transport=udp", "sip:bob@biloxi.com", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:a%40b@h", "sip:a@b@h", false},
		{"sip:a@h", "sips:a@h", false},
		{"tel:1", "tel:1", true},
		{"tel:1", "tel:2", false},
		{"sip:a@h?x=1&x=2", "sip:a@h?x=1&x=1", false},
		{"sip:a@h;maddr=1.2.3.4", "sip:a@h", false},
	} {
		a, _ := ParseURI(c.a)
		b, _ := ParseURI(c.b)
		if a.Equal(b) != c.want || b.Equal(a) != c.want {
			t.Errorf("%s and %s: want %v", c.a, c.b, c.want)
		}
	}
}

func TestEscape(t *testing.T) {
	for _, c := range []struct{ plain, escaped string }{
		{"416", "416"},
		{"+49661416", "+49661416"},
		{"a b@c", "a%20b%40c"},
		{"*21#", "*21%23"},
		{"ä", "%C3%A4"},
		{"", ""},
	} {
		if got := EscapeUser(c.plain); got != c.escaped {
			t.Errorf("EscapeUser(%q) = %q", c.plain, got)
		}
		if got := Unescape(c.escaped); got != c.plain {
			t.Errorf("Unescape(%q) = %q", c.escaped, got)
		}
	}
	if got := Unescape("%4%zz%"); got != "%4%zz%" {
		t.Errorf("malformed escapes become %q", got)
	}
}

func TestParseAddr(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Addr
	}{
		{`<sip:a@b>`, Addr{URI: "sip:a@b"}},
		{` Iris Immsee <sip:a@b;x>;tag=1 `, Addr{"Iris Immsee", "sip:a@b;x", "tag=1"}},
		{`"I \"q\" \\" <sip:a@b>`, Addr{`I "q" \`, "sip:a@b", ""}},
		{`"<sip:no@no>"<sip:a@b>; q=0.5 ;x`, Addr{"<sip:no@no>", "sip:a@b", "q=0.5 ;x"}},
		{`sip:a@b;tag=1`, Addr{URI: "sip:a@b", Params: "tag=1"}},
		{`sip:a@b;x="<y>"`, Addr{URI: "sip:a@b", Params: `x="<y>"`}},
		{`"" <sip:a@b>`, Addr{URI: "sip:a@b"}},
	} {
		if got, err := ParseAddr(c.in); err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v", c.in, got, err)
		}
	}
	for _, bad := range []string{"", "*", "<>", "<sip:a@b", `"a <sip:a@b>`, `"a" sip:a@b`, "<sip:a@b>x", "sip:a@b?x=y", "sip:a,b@c", "a,b <sip:a@b>", "< sip:a@b>"} {
		if a, err := ParseAddr(bad); err == nil {
			t.Errorf("%q is accepted as %+v", bad, a)
		}
	}
}

func TestFormatAddr(t *testing.T) {
	for _, c := range []struct{ display, uri, want string }{
		{"", "sip:a@b", "<sip:a@b>"},
		{"Iris Immsee", "sip:a@b", `"Iris Immsee" <sip:a@b>`},
		{`a"b\c` + "\r\n", "sip:a@b", `"a\"b\\c  " <sip:a@b>`},
	} {
		got := FormatAddr(c.display, c.uri)
		if got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
		if a, err := ParseAddr(got); err != nil || a.URI != c.uri || strings.TrimSpace(a.Display) != strings.TrimSpace(c.display) {
			t.Errorf("%s is read as %+v, %v", got, a, err)
		}
	}
}

func TestParam(t *testing.T) {
	const params = `a=1; B = two ;flag;q="x;y=\"z\"";empty=;A=3; tag = end`
	for _, c := range []struct {
		name, want string
		ok         bool
	}{
		{"a", "1", true},
		{"b", "two", true},
		{"FLAG", "", true},
		{"q", `x;y="z"`, true},
		{"y", "", false},
		{"empty", "", true},
		{"Tag", "end", true},
		{"none", "", false},
	} {
		if got, ok := Param(params, c.name); got != c.want || ok != c.ok {
			t.Errorf("%s: %q, %v", c.name, got, ok)
		}
	}
}

func TestLookup(t *testing.T) {
	for id := HVia; id < numIDs; id++ {
		name := id.String()
		if name == "" {
			t.Fatalf("header %d has no name", id)
		}
		for _, n := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if Lookup(n) != id {
				t.Errorf("%s is found as %v", n, Lookup(n))
			}
		}
	}
	for _, n := range []string{"", "h", "!", "X-Kf", "Vi", "Viaa", "\u212aind", "C%6Fntact"} {
		if id := Lookup(n); id != HOther {
			t.Errorf("%q is found as %v", n, id)
		}
	}
}

func TestParseSeconds(t *testing.T) {
	for in, want := range map[string]int{
		"0": 0, " 60 ": 60, "": DefaultExpires, "-1": DefaultExpires, "x": DefaultExpires, "4294967295": 4294967295,
		"99999999999999999999999999": 4294967295, "1.5": DefaultExpires,
	} {
		if got := ParseSeconds(in); got != want {
			t.Errorf("%q: %d", in, got)
		}
	}
}

func TestStatusText(t *testing.T) {
	for code, want := range map[int]string{180: "Ringing", 487: "Request Terminated", 299: "Success", 499: "Request Failure", 0: "Unknown", -5: "Unknown"} {
		if got := StatusText(code); got != want {
			t.Errorf("%d: %s", code, got)
		}
	}
}
