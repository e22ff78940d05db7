package trunk

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/b2bua"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

func open(t *testing.T, trunks ...Trunk) *Trunks {
	t.Helper()
	out, err := New(trunks, "49")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var provider = Trunk{Name: "provider", Proxy: "sip:192.0.2.10:5070;transport=tcp", Base: "+4966112"}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]Trunk{
		"no URI":                         {Proxy: "provider.example"},
		"a user in the proxy":            {Proxy: "sip:me@192.0.2.1"},
		"a name without addresses":       {Proxy: "sip:provider.example"},
		"a telephone number for a proxy": {Proxy: "tel:+4966112"},
	} {
		if _, err := New([]Trunk{c}, ""); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestWays(t *testing.T) {
	two := open(t, provider, Trunk{Name: "second", Proxy: "sip:[2001:db8::1]", From: []netip.Prefix{netip.MustParsePrefix("2001:db8::/64")}})
	got := two.Ways(nil, "+4930123456", false)
	if len(got) != 2 || got[0].URI != "sip:+4930123456@192.0.2.10:5070;transport=tcp" || got[1].URI != "sip:+4930123456@[2001:db8::1]" {
		t.Fatalf("ways %+v", got)
	}
	if got := open(t).Ways([]b2bua.Contact{{URI: "sip:x"}}, "110", true); len(got) != 1 {
		t.Errorf("without a trunk there are ways: %+v", got)
	}
}

func TestShown(t *testing.T) {
	trunks := open(t, provider)
	for number, want := range map[string]string{"416": "+4966112416", "+49301": "+49301", "0301": "0301", "": ""} {
		if got := trunks.Shown(number); got != want {
			t.Errorf("Shown(%q) = %q, want %q", number, got, want)
		}
	}
}

func TestInternational(t *testing.T) {
	trunks := open(t, provider)
	for number, want := range map[string]string{
		"0049301234": "+49301234", "06611234": "+496611234", "+1212": "+1212", "4966112416": "+4966112416", "4161": "4161", "49301": "49301", "": "",
		"0": "0", "00": "00", "000": "000", // the way out, and no number behind it
	} {
		if got := trunks.International(number); got != want {
			t.Errorf("International(%q) = %q, want %q", number, got, want)
		}
	}
	if unknown, _ := New(nil, ""); unknown.International("0661") != "0661" {
		t.Error("a country is guessed")
	}
}

func TestCalledNumberLosesItsBase(t *testing.T) {
	l := &line{Trunk: provider}
	for number, want := range map[string]string{"+4966112416": "416", "+4966112": "+4966112", "+49661": "+49661", "416": "416"} {
		if got := l.inside(number); got != want {
			t.Errorf("inside(%q) = %q, want %q", number, got, want)
		}
	}
}

func TestSource(t *testing.T) {
	trunks := open(t, provider, Trunk{Name: "net", Proxy: "sip:provider.example", From: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}})
	for a, want := range map[string]string{"192.0.2.10": "provider", "198.51.100.77": "net", "192.0.2.11": "", "::1": ""} {
		got := ""
		if i := trunks.from(netip.MustParseAddr(a)); i >= 0 {
			got = trunks.list[i].Name
		}
		if got != want {
			t.Errorf("%s belongs to %q, want %q", a, got, want)
		}
	}
}

func invite(headers string) *message.Message {
	text := "INVITE sip:+4966112416@203.0.113.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1\r\n" + headers +
		"To: <sip:416@203.0.113.1>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
	m, err := message.Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return m
}

func TestCaller(t *testing.T) {
	trunks := open(t, provider)
	const from = "From: \"Shop\" <sip:030123456@provider.example>;tag=1\r\n"
	for name, c := range map[string]struct{ headers, number, display string }{
		"From":                        {from, "+4930123456", "Shop"},
		"P-Asserted-Identity":         {from + "P-Asserted-Identity: \"Real\" <sip:+4940999;phone-context=x@provider.example>\r\n", "+4940999", "Real"},
		"a telephone URI":             {from + "P-Asserted-Identity: <tel:+4940999>\r\n", "+4940999", ""},
		"suppressed":                  {from + "Privacy: id\r\n", "", ""},
		"suppressed among others":     {from + "Privacy: critical; ID\r\n", "", ""},
		"anonymous":                   {"From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1\r\n", "", ""},
		"a name where a number stood": {"From: <sip:shop@provider.example>;tag=1\r\n", "", ""},
		"broken assertion":            {from + "P-Asserted-Identity: <<\r\n", "+4930123456", "Shop"},
	} {
		number, display := trunks.caller(invite(c.headers))
		if number != c.number || display != c.display {
			t.Errorf("%s: %q %q, want %q %q", name, number, display, c.number, c.display)
		}
	}
}

func FuzzCaller(f *testing.F) {
	for _, s := range []string{"<sip:+4940999@x>", "A:00", `"a" <tel:0661>`, "sip:%30%31@x", "<sip:" + strings.Repeat("1", 300) + "@x>"} {
		f.Add(s)
	}
	trunks, err := New([]Trunk{provider}, "49")
	if err != nil {
		f.Fatal(err)
	}
	corpus.Add(f)
	f.Fuzz(func(t *testing.T, identity string) {
		m, err := message.Parse([]byte("INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:0301@x>;tag=1\r\nTo: <sip:1@x>\r\nCall-ID: x\r\n" +
			"CSeq: 1 INVITE\r\nP-Asserted-Identity: " + identity + "\r\nContent-Length: 0\r\n\r\n"))
		if err != nil {
			return
		}
		number, name := trunks.caller(m)
		if number != "" {
			if again, ok := routing.Dialled(number); !ok || again != number {
				t.Errorf("%q gives the number %q", identity, number)
			}
		}
		if len(name) > maxName {
			t.Errorf("a name of %d bytes", len(name))
		}
	})
}
