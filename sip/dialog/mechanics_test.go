package dialog

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

type link struct{ proto transport.Proto }

func (l link) Proto() transport.Proto            { return l.proto }
func (link) Local() netip.AddrPort               { return netip.MustParseAddrPort("10.0.0.1:5060") }
func (link) SendTo([]byte, netip.AddrPort) error { return nil }
func (link) Closed() bool                        { return false }
func flow(p transport.Proto) *transport.Flow {
	return transport.NewFlow(link{p}, netip.MustParseAddrPort("10.0.0.2:5060"))
}

func parse(t *testing.T, b []byte) *message.Message {
	t.Helper()
	m, err := message.Parse(b)
	if err != nil {
		t.Fatalf("%v in\n%s", err, b)
	}
	return m
}

func received(t *testing.T, lines ...string) *message.Message {
	t.Helper()
	return parse(t, []byte(strings.Join(lines, "\r\n")+"\r\nContent-Length: 0\r\n\r\n"))
}

const via = "Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKx"

func uac(routes ...string) Dialog {
	return NewUAC(flow(transport.UDP), "id", "mine", "<sip:417@x>", "<sip:416@x>", "sip:b@10.0.0.2", "k", routes)
}

func TestUAC(t *testing.T) {
	d := uac("<sip:10.0.0.3;lr>")
	first := parse(t, d.First("z9hG4bK1", 20).Finish("", nil))
	if first.URI() != "sip:b@10.0.0.2" || first.FromTag() != "mine" || first.ToTag() != "" || first.CSeq() != 1 ||
		first.MaxForwards() != 20 || first.Header(message.HRoute) != "<sip:10.0.0.3;lr>" || first.Branch() != "z9hG4bK1" {
		t.Errorf("INVITE\n%s", first.Raw())
	}
	d.Establish(received(t, "SIP/2.0 200 OK", via, "From: <sip:417@x>;tag=mine", "To: <sip:416@x>;tag=theirs", "Call-ID: id", "CSeq: 1 INVITE",
		"Contact: <sip:new@10.0.0.9>", "Record-Route: <sip:p1;lr>, <sip:p2;lr>", "Record-Route: <sip:p3;lr>"))
	ack := parse(t, d.Ack("z9hG4bK2").Finish("", nil))
	if ack.URI() != "sip:new@10.0.0.9" || ack.ToTag() != "theirs" || ack.CSeq() != 1 || ack.Method() != message.ACK {
		t.Errorf("ACK\n%s", ack.Raw())
	}
	var routes []string
	for r := range ack.Values(message.HRoute) {
		routes = append(routes, r)
	}
	if got := strings.Join(routes, " "); got != "<sip:p3;lr> <sip:p2;lr> <sip:p1;lr>" {
		t.Errorf("routes %s", got)
	}
	info := parse(t, d.Request(message.INFO, "z9hG4bK3").Finish("", nil))
	again := parse(t, d.Ack("z9hG4bK4").Finish("", nil))
	if info.CSeq() != 2 || again.CSeq() != 1 {
		t.Errorf("CSeq of INFO %d, of the ACK %d", info.CSeq(), again.CSeq())
	}
	reinvite := parse(t, d.Request(message.INVITE, "z9hG4bK5").Finish("", nil))
	if parse(t, d.Ack("z9hG4bK6").Finish("", nil)).CSeq() != reinvite.CSeq() {
		t.Error("the ACK does not follow the re-INVITE")
	}
}

func TestStrictRoute(t *testing.T) {
	d := uac("<sip:10.0.0.3>", "<sip:10.0.0.4;lr>")
	m := parse(t, d.First("z9hG4bK1", 70).Finish("", nil))
	var routes []string
	for r := range m.Values(message.HRoute) {
		routes = append(routes, r)
	}
	if m.URI() != "sip:10.0.0.3" || strings.Join(routes, " ") != "<sip:10.0.0.4;lr> <sip:b@10.0.0.2>" {
		t.Errorf("%s to %v", m.URI(), routes)
	}
}

func TestUAS(t *testing.T) {
	d := NewUAS(flow(transport.TCP), received(t, "INVITE sip:416@x SIP/2.0", via, "From: \"A\" <sip:417@x>;tag=theirs", "To: <sip:416@x>",
		"Call-ID: id", "CSeq: 7 INVITE", "Contact: <sip:a@10.0.0.2>", "Max-Forwards: 70", "Record-Route: <sip:p1;lr>, <sip:p2;lr>"), "mine", "<sip:k@10.0.0.1>")
	bye := parse(t, d.Request(message.BYE, "z9hG4bK1").Finish("", nil))
	if bye.URI() != "sip:a@10.0.0.2" || bye.FromTag() != "mine" || bye.ToTag() != "theirs" || bye.Header(message.HRoute) != "<sip:p1;lr>" ||
		bye.To().Display != "A" || bye.Via().Transport != "TCP" {
		t.Errorf("BYE\n%s", bye.Raw())
	}
	in := func(cseq, from, to, contact string) *message.Message {
		return received(t, "UPDATE sip:k@10.0.0.1 SIP/2.0", via, "From: <sip:417@x>;tag="+from, "To: <sip:416@x>;tag="+to, "Call-ID: id",
			"CSeq: "+cseq+" UPDATE", "Contact: <"+contact+">", "Max-Forwards: 70")
	}
	for _, c := range []struct {
		name, cseq, from, to string
		matches, inOrder     bool
	}{
		{"next", "8", "theirs", "mine", true, true},
		{"with a gap", "12", "theirs", "mine", true, true},
		{"the same", "12", "theirs", "mine", true, false},
		{"older", "9", "theirs", "mine", true, false},
		{"of another peer", "13", "other", "mine", false, true},
		{"for another of us", "14", "theirs", "other", false, true},
	} {
		m := in(c.cseq, c.from, c.to, "sip:a@10.0.0.2")
		if d.Matches(m) != c.matches || d.InOrder(m) != c.inOrder {
			t.Errorf("%s: %v %v", c.name, d.Matches(m), c.inOrder)
		}
	}
	d.Refresh(in("20", "theirs", "mine", "sip:moved@10.0.0.7:5070"))
	d.Routes = nil
	if hop, ok := d.NextHop(); !ok || d.Target != "sip:moved@10.0.0.7:5070" || hop.Addr != netip.MustParseAddrPort("10.0.0.7:5070") {
		t.Errorf("target %s, next hop %v", d.Target, hop)
	}
}

func TestTargetOf(t *testing.T) {
	for _, c := range []struct {
		uri  string
		want transport.Target
		ok   bool
	}{
		{"sip:a@10.0.0.2", transport.Target{Proto: transport.UDP, Addr: netip.MustParseAddrPort("10.0.0.2:5060")}, true},
		{"sip:a@10.0.0.2:5080;transport=TCP", transport.Target{Proto: transport.TCP, Addr: netip.MustParseAddrPort("10.0.0.2:5080")}, true},
		{"sip:a@[2001:db8::1]:5070;transport=udp", transport.Target{Proto: transport.UDP, Addr: netip.MustParseAddrPort("[2001:db8::1]:5070")}, true},
		{"sip:a@host.example;maddr=10.0.0.3", transport.Target{Proto: transport.UDP, Addr: netip.MustParseAddrPort("10.0.0.3:5060")}, true},
		{"sip:a@host.example", transport.Target{}, false},
		{"sip:a@0.0.0.0", transport.Target{}, false},
		{"sip:a@224.0.0.1", transport.Target{}, false},
		{"sip:a@10.0.0.2;transport=tls", transport.Target{Proto: transport.TLS, Addr: netip.MustParseAddrPort("10.0.0.2:5061")}, true},
		{"sips:a@10.0.0.2", transport.Target{Proto: transport.TLS, Addr: netip.MustParseAddrPort("10.0.0.2:5061")}, true},
		{"sips:a@10.0.0.2:5071;transport=tcp", transport.Target{Proto: transport.TLS, Addr: netip.MustParseAddrPort("10.0.0.2:5071")}, true},
		{"sips:a@10.0.0.2;transport=udp", transport.Target{}, false},
		{"sip:a@10.0.0.2;transport=ws", transport.Target{}, false},
		{"sip:a@10.0.0.2;transport=sctp", transport.Target{}, false},
		{"tel:+49661", transport.Target{}, false},
		{"", transport.Target{}, false},
	} {
		got, ok := TargetOf(c.uri)
		if got != c.want || ok != c.ok {
			t.Errorf("%q: %v %v", c.uri, got, ok)
		}
	}
}

func TestContactOn(t *testing.T) {
	if got := ContactOn(flow(transport.UDP), "k", false); got != "<sip:k@10.0.0.1:5060>" {
		t.Error(got)
	}
	for proto, param := range map[transport.Proto]string{transport.TCP: "tcp", transport.TLS: "tls", transport.WS: "ws", transport.WSS: "ws"} {
		if got := ContactOn(flow(proto), "k", false); got != "<sip:k@10.0.0.1:5060;transport="+param+">" {
			t.Error(got)
		}
	}
}

// TestFirstSequenceNumber: a peer that we called may begin with any number, also 0.
func TestFirstSequenceNumber(t *testing.T) {
	request := func(cseq string) *message.Message {
		return received(t, "INFO sip:k@10.0.0.1 SIP/2.0", via, "Max-Forwards: 70", "From: <sip:416@x>;tag=theirs", "To: <sip:417@x>;tag=mine",
			"Call-ID: id", "CSeq: "+cseq+" INFO")
	}
	d := uac()
	if !d.InOrder(request("0")) || d.InOrder(request("0")) || !d.InOrder(request("1")) {
		t.Error("0 is a number like others")
	}
	n := d.Another()
	if !n.InOrder(request("0")) || n.LocalSeq != n.InviteSeq {
		t.Error("another early dialog has another order")
	}
}
