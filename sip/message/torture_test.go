package message

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// torture reads testdata/torture: messages that exercise the points of RFC 4475 and
// more, in words of our own. A name begins with what Parse is to say: ok, drop, or
// the status of the refusal. Adding a case is adding a file.
func torture(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/torture/*.sip")
	if err != nil || len(files) < 80 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	all := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".sip")] = b
	}
	return all
}

func TestTortureVerdicts(t *testing.T) {
	for name, raw := range torture(t) {
		t.Run(name, func(t *testing.T) {
			kind, _, _ := strings.Cut(name, "-")
			m, err := Parse(bytes.Clone(raw))
			got := "ok"
			if pe, ok := err.(*ParseError); ok {
				got = strconv.Itoa(pe.Status)
				if pe.Status == 0 {
					got = "drop"
				}
			}
			if got != kind {
				t.Fatalf("got %s (%v)", got, err)
			}
			if (m == nil) != (kind == "drop") {
				t.Fatalf("message %v", m)
			}
			if kind == "400" || kind == "505" {
				status, _ := strconv.Atoi(kind)
				refusal := string(NewResponse(m, status, "", "ours").Finish("", nil))
				lines := []string{"SIP/2.0 " + kind + " "}
				for _, id := range []ID{HVia, HFrom, HTo, HCallID, HCSeq} {
					switch v := m.Header(id); {
					case v == "" && strings.Contains(refusal, "\r\n"+id.String()+":"):
						t.Errorf("an empty %v:\n%s", id, refusal)
					case v != "" && id == HTo:
						lines = append(lines, "\r\nTo: "+v+";tag=ours\r\n")
					case v != "":
						lines = append(lines, "\r\n"+id.String()+": "+v+"\r\n")
					}
				}
				for _, want := range lines {
					if !strings.Contains(refusal, want) {
						t.Errorf("refusal lacks %q:\n%s", want, refusal)
					}
				}
			}
		})
	}
}

// TestTortureFields says what is to be read from messages that are hard to read.
func TestTortureFields(t *testing.T) {
	all := torture(t)
	for _, c := range []struct {
		name string
		want map[string]string
	}{
		{"ok-blanks-everywhere", map[string]string{
			"method": "INVITE", "uri": "sip:416@pbx.example.com;odd", "cseq": "21", "max-forwards": "69",
			"call-id": "blanks@192.0.2.20", "from tag": "f1", "to tag": "t1", "from display": `Iris \"I"`,
			"via": "UDP 192.0.2.20:0", "branch": "oldstyle", "vias": "3", "body": "89", "X-Kf": "folded    value",
			"contact": "sip:iris@192.0.2.20", "contact q": "0.5", "Subject": "",
		}},
		{"ok-odd-method", map[string]string{
			"method": "Kf-!*_+`'~.%7e", "from tag": "_t~1'+`*%!-.", "from display": "tok1~` tok2'+",
			"to display": "bell \a nul \x00 del \x7f", "user": "odd.User~(x)&y+z$/?;a=b,c", "X-~'`_+%*.!-": "電話",
		}},
		{"ok-escaped-user", map[string]string{"user": "sip%3Airis%40other", "contact": "sip:ir%69s@192.0.2.20;%6C%72;x=%25%34"}},
		{"ok-escaped-nul", map[string]string{"contact": "sip:%00%00@192.0.2.20"}},
		{"ok-percent-is-no-escape", map[string]string{"method": "RE%47IST%45R", "contacts": "1", "C%6Fntact": "<sip:b@192.0.2.20>", "from display": "%Z%45"}},
		{"ok-no-blank-before-bracket", map[string]string{"from display": "iris", "from tag": "nb"}},
		{"ok-long-values", map[string]string{"vias": "41", "from tag": strings.Repeat("1", 300)}},
		{"ok-second-message-behind", map[string]string{"body": "4"}},
		{"ok-semicolon-in-user", map[string]string{"user": "416;a=b%40c", "host": "pbx.example.com", "accepts": "3"}},
		{"ok-transports", map[string]string{"via": "WSS h0.example.com:0", "vias": "5"}},
		{"ok-binary-body", map[string]string{"body": "9"}},
		{"ok-unusual-reason", map[string]string{"status": "200", "phrase": "= 2**3 * 5**2 üblich"}},
		{"ok-empty-reason", map[string]string{"status": "180", "phrase": "", "method": "INVITE"}},
		{"ok-no-reason-no-blank", map[string]string{"status": "183", "phrase": ""}},
		{"ok-unknown-scheme", map[string]string{"uri": "kfscheme:anything", "scheme": "kfscheme"}},
		{"ok-scheme-with-slashes", map[string]string{"scheme": "kf.beep"}},
		{"ok-old-style", map[string]string{"max-forwards": "-1", "from tag": "", "branch": "", "body": "89"}},
		{"ok-unknown-requirements", map[string]string{"Require": "kfOne, kfTwo"}},
		{"ok-many-vias-in-response", map[string]string{"vias": "2", "branch": "z9hG4bKkfr1"}},
		{"ok-contact-parameter-outside", map[string]string{"contact": "sip:iris@192.0.2.20"}},
		{"ok-contact-parameter-inside", map[string]string{"contact": "sip:iris@192.0.2.20;odd"}},
		{"ok-contact-star", map[string]string{"contact": "", "star": "true", "expires": "0 true"}},
		{"ok-bare-lf", map[string]string{"method": "OPTIONS", "max-forwards": "70"}},
		{"ok-leading-line-ends", map[string]string{"method": "OPTIONS"}},
		{"ok-compact", map[string]string{
			"via": "TLS 2001:db8::1:5061", "branch": "z9hG4bKc", "call-id": "compact@x", "Supported": "timer,100rel",
			"Session-Expires": "1800", "Event": "dialog", "Content-Encoding": "gzip", "Refer-To": "<sip:x@y>",
			"Referred-By": "<sip:x@y>", "Allow-Events": "presence", "Accept-Contact": "*", "Reject-Contact": "*",
			"Request-Disposition": "proxy", "Subject": "x", "Identity": "x",
		}},
		{"ok-ipv6", map[string]string{"host": "2001:db8::2", "via": "UDP 2001:db8::1:0"}},
		{"ok-quoted-via-parameter", map[string]string{"branch": "z9hG4bKq", "vias": "1", "via x": `a;branch=no,"b`}},
		{"ok-large-cseq", map[string]string{"cseq": "4294967295"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := mustParse(t, string(all[c.name]))
			for what, want := range c.want {
				if got := read(m, what); got != want {
					t.Errorf("%s: got %q, want %q", what, got, want)
				}
			}
		})
	}
}

// read returns a property of a message by the name that the table above uses.
func read(m *Message, what string) string {
	uri, _ := ParseURI(m.URI())
	contact, _ := m.Contact()
	count := func(id ID) string {
		n := 0
		for range m.Values(id) {
			n++
		}
		return strconv.Itoa(n)
	}
	switch what {
	case "method":
		return string(m.Method())
	case "uri":
		return m.URI()
	case "scheme":
		return uri.Scheme
	case "user":
		return uri.User
	case "host":
		return uri.Host
	case "status":
		return strconv.Itoa(m.Status())
	case "phrase":
		return m.Phrase()
	case "cseq":
		return strconv.FormatUint(uint64(m.CSeq()), 10)
	case "max-forwards":
		return strconv.Itoa(m.MaxForwards())
	case "call-id":
		return m.CallID()
	case "from tag":
		return m.FromTag()
	case "to tag":
		return m.ToTag()
	case "from display":
		return m.From().Display
	case "to display":
		return m.To().Display
	case "via":
		return fmt.Sprintf("%s %s:%d", m.Via().Transport, m.Via().Host, m.Via().Port)
	case "via x":
		v, _ := m.Via().Param("X")
		return v
	case "branch":
		return m.Branch()
	case "vias":
		return count(HVia)
	case "contacts":
		return count(HContact)
	case "accepts":
		return count(HAccept)
	case "contact":
		return contact.URI
	case "contact q":
		q, _ := contact.Param("Q")
		return q
	case "star":
		return strconv.FormatBool(m.ContactStar())
	case "expires":
		return fmt.Sprint(m.Expires())
	case "body":
		return strconv.Itoa(len(m.Body()))
	}
	return m.HeaderNamed(what)
}

// differences from the independent parser of sipgo, each with its reason. "theirs" means
// that sipgo accepts what we refuse, "ours" the reverse.
var differences = map[string]struct{ who, why string }{
	"400-call-id-with-blank":               {"theirs", "Call-ID is one word"},
	"400-comma-in-display-name":            {"theirs", "RFC 4475 section 3.1.2.15"},
	"400-empty-branch-id":                  {"theirs", "RFC 4475 section 3.2.1: it would match every other such request"},
	"400-empty-user":                       {"theirs", "RFC 3261 section 25.1: a userinfo has a user"},
	"400-everything-twice":                 {"theirs", "the last one would win: two elements read two messages"},
	"400-from-twice":                       {"theirs", "the same"},
	"400-length-twice":                     {"theirs", "the same"},
	"400-length-twice-mixed-forms":         {"theirs", "the same"},
	"400-headers-in-request-uri":           {"theirs", "RFC 4475 section 3.1.2.11"},
	"400-max-forwards":                     {"theirs", "0 to 255"},
	"400-method-case-in-cseq":              {"theirs", "CSeq is to name the request's method"},
	"400-nul-in-header":                    {"theirs", "a NUL ends the text for some elements on the way"},
	"400-other-method-in-cseq":             {"theirs", "RFC 4475 section 3.1.2.17"},
	"400-port-too-large":                   {"theirs", "0 to 65535"},
	"400-two-at-signs":                     {"theirs", "who is called would depend on the reader"},
	"400-unknown-method-and-cseq":          {"theirs", "RFC 4475 section 3.1.2.18"},
	"400-via-trailing-semicolon":           {"theirs", "RFC 4475 section 3.1.2.1"},
	"400-open-quote-in-parameters":         {"theirs", "what a proxy appends would be a part of the open quoted-string"},
	"drop-open-quote-in-via":               {"theirs", "the same"},
	"400-header-name-with-blank":           {"theirs", "a header name is a token"},
	"400-contact-headers-without-brackets": {"theirs", "RFC 4475 section 3.1.2.13"},
	"ok-quoted-via-parameter":              {"ours", "a comma in a quoted-string does not end a Via"},
	"505-version":                          {"theirs", "RFC 4475 section 3.1.2.16"},
	"505-version-long":                     {"theirs", "SIP/2.00 is not SIP/2.0"},
	"drop-bad-ack":                         {"theirs", "CSeq is to name the request's method"},
	"drop-no-via":                          {"theirs", "nobody to answer to"},
	"400-nobody-to-answer-to":              {"theirs", "RFC 4475 section 3.3.1"},
	"drop-response-code-0":                 {"theirs", "100 to 699"},
	"drop-response-code-099":               {"theirs", "100 to 699"},
	"drop-response-code-700":               {"theirs", "100 to 699"},
	"drop-response-version":                {"theirs", "only SIP/2.0"},
	"ok-bare-lf":                           {"ours", "RFC 3261 section 7 asks for CRLF; some phones send LF"},
	"ok-leading-line-ends":                 {"ours", "RFC 3261 section 7.5"},
	"ok-no-reason-no-blank":                {"ours", "some gateways leave the blank out"},
	"ok-large-cseq":                        {"ours", "32 bits; only a first request must stay below 2**31"},
	"ok-scheme-with-slashes":               {"ours", "416 is for the user of the parser to say"},
}

func TestDifferences(t *testing.T) {
	for name, raw := range torture(t) {
		_, ourErr := Parse(bytes.Clone(raw))
		_, theirErr := sip.ParseMessage(bytes.Clone(raw))
		who := ""
		switch {
		case ourErr == nil && theirErr != nil:
			who = "ours"
		case ourErr != nil && theirErr == nil:
			who = "theirs"
		}
		if d := differences[name]; d.who != who {
			t.Errorf("%s: accepted by %q only, the table says %q\nour error %v\ntheir error %v", name, who, d.who, ourErr, theirErr)
		}
	}
}
