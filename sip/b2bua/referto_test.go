package b2bua

import (
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

func TestParseReplaces(t *testing.T) {
	for _, c := range []struct {
		in   string
		want replaced
		ok   bool
	}{
		{"12@h;to-tag=a;from-tag=b", replaced{"12@h", "a", "b", false}, true},
		{" 12 ; From-Tag = b;early-only;x=y; TO-TAG=a", replaced{"12", "a", "b", true}, true},
		{"12;to-tag=a", replaced{}, false},
		{"12;from-tag=b", replaced{}, false},
		{"12;to-tag=a;to-tag=c;from-tag=b", replaced{}, false},
		{"12;to-tag=;from-tag=b", replaced{}, false},
		{";to-tag=a;from-tag=b", replaced{}, false},
		{"1 2;to-tag=a;from-tag=b", replaced{}, false},
		{"12;to-tag=a\r\nX: y;from-tag=b", replaced{}, false},
		{"", replaced{}, false},
		{"12;to-tag=a;from-tag=" + strings.Repeat("b", 600), replaced{}, false},
	} {
		t.Run(c.in, func(t *testing.T) {
			if got, ok := parseReplaces(c.in); ok != c.ok || ok && got != c.want {
				t.Errorf("got %+v %v, want %+v %v", got, ok, c.want, c.ok)
			}
		})
	}
}

func refer(lines string) []byte {
	return []byte("REFER sip:koppelfeld@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1;branch=z9hG4bKx\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\n" +
		"Call-ID: 1\r\nCSeq: 2 REFER\r\n" + lines + "\r\nContent-Length: 0\r\n\r\n")
}

func TestParseReferTo(t *testing.T) {
	for _, c := range []struct {
		name, lines string
		number      string
		replaces    string // its to-tag
		status      int
	}{
		{"blind", "Refer-To: <sip:416@pbx>", "416", "", 0},
		{"without brackets", "Refer-To: sip:416@pbx", "416", "", 0},
		{"compact, with a name", `r: "Armin, A." <sip:416@pbx;user=phone>;x=y`, "416", "", 0},
		{"telephone", "Refer-To: <tel:+49661416>", "+49661416", "", 0},
		{"method INVITE", "Refer-To: <sip:416@pbx;method=invite>", "416", "", 0},
		{"another method", "Refer-To: <sip:416@pbx;method=BYE>", "", "", 603},
		{"attended", "Refer-To: <sip:416@pbx?Replaces=12%40h%3Bto-tag%3Da%3Bfrom-tag%3Db&Require=replaces>", "416", "a", 0},
		{"name of the header escaped", "Refer-To: <sip:416@pbx?%52eplaces=12%3Bto-tag%3Da%3Bfrom-tag%3Db>", "416", "a", 0},
		{"malformed Replaces", "Refer-To: <sip:416@pbx?Replaces=12%3Bto-tag%3Da>", "", "", 400},
		{"two Replaces", "Refer-To: <sip:416@pbx?Replaces=1%3Bto-tag%3Da%3Bfrom-tag%3Db&replaces=1%3Bto-tag%3Da%3Bfrom-tag%3Db>", "", "", 400},
		{"Replaces that breaks out", "Refer-To: <sip:416@pbx?Replaces=1%3Bto-tag%3Da%0D%0AX:y%3Bfrom-tag%3Db>", "", "", 400},
		{"none", "Subject: x", "", "", 400},
		{"two", "Refer-To: <sip:416@pbx>\r\nRefer-To: <sip:417@pbx>", "", "", 400},
		{"two in a line", "Refer-To: <sip:416@pbx>, <sip:417@pbx>", "", "", 400},
		{"no URI", "Refer-To: <>", "", "", 400},
		{"no user", "Refer-To: <sip:pbx>", "", "", 400},
		{"a page", "Refer-To: <http://pbx/416>", "", "", 416},
		{"too long", "Refer-To: <sip:416@pbx;x=" + strings.Repeat("y", 3000) + ">", "", "", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := message.Parse(refer(c.lines))
			if err != nil {
				t.Fatal(err)
			}
			got, status := parseReferTo(m)
			tag := ""
			if got.replaces != nil {
				tag = got.replaces.toTag
			}
			if status != c.status || status == 0 && (got.number != c.number || tag != c.replaces) {
				t.Errorf("got %+v %q %d", got, tag, status)
			}
		})
	}
}

func FuzzParseReplaces(f *testing.F) {
	corpus.Add(f)
	f.Add("12@h;to-tag=a;from-tag=b;early-only")
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := parseReplaces(s)
		if !ok {
			return
		}
		for _, v := range []string{r.callID, r.toTag, r.fromTag} {
			if v == "" || strings.ContainsAny(v, " \t\r\n\x00;,") {
				t.Errorf("%q: %q", s, v)
			}
		}
		again := r.callID + ";to-tag=" + r.toTag + ";from-tag=" + r.fromTag
		if r.earlyOnly {
			again += ";early-only"
		}
		if r2, ok := parseReplaces(again); len(again) <= maxReplaces && (!ok || r2 != r) {
			t.Errorf("%q does not survive: %+v", s, r2)
		}
	})
}

func FuzzParseReferTo(f *testing.F) {
	corpus.Add(f)
	f.Add("<sip:416@pbx?Replaces=12%40h%3Bto-tag%3Da%3Bfrom-tag%3Db&Require=replaces>")
	f.Add("\"x\" <tel:+49;method=INVITE>;a=b")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := message.Parse(refer("Refer-To: " + s))
		if err != nil {
			return
		}
		r, status := parseReferTo(m)
		if status == 0 && (r.number == "" || len(r.number) > 4*maxCalled || strings.ContainsAny(r.number, "\r\n\x00")) {
			t.Errorf("%q: number %q", s, r.number)
		}
	})
}
