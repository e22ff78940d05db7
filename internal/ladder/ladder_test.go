package ladder

import (
	"bytes"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var began = time.Date(2026, 11, 27, 9, 0, 0, 123456000, time.UTC)

func message(ms int, out bool, transport, local, remote, text string) Message {
	return Message{
		At: began.Add(time.Duration(ms) * time.Millisecond), Out: out, Transport: transport,
		Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort(remote), Text: text,
	}
}

func sip(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// sample is a call over IPv4 and IPv6.
func sample() Call {
	const v4, v6 = "192.0.2.1:5070", "[2001:db8::1]:5070"
	const iris, armin, dect = "198.51.100.7:40000", "198.51.100.8:5060", "[2001:db8::2]:5062"
	common := func(first string, more ...string) string {
		return sip(append([]string{first, "Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1", "From: <sip:403@a>;tag=1", "To: <sip:416@a>", "Call-ID: c1"}, more...)...)
	}
	sdp := "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
	return Call{ID: "01X", Start: began, Messages: []Message{
		message(0, false, "TCP", v4, iris, common("INVITE sip:416@a SIP/2.0", "CSeq: 1 INVITE", "Content-Type: application/sdp", "Content-Length: 96")+sdp),
		message(1, true, "TCP", v4, iris, common("SIP/2.0 100 Trying", "CSeq: 1 INVITE", "Content-Length: 0")),
		message(2, true, "UDP", v4, armin, common("INVITE sip:armin@198.51.100.8 SIP/2.0", "CSeq: 1 INVITE", "Content-Length: 0")),
		message(3, true, "UDP", v6, dect, common("INVITE sip:"+strings.Repeat("x", 40)+"@dect SIP/2.0", "CSeq: 1 INVITE", "Content-Length: 0")),
		message(50, false, "UDP", v6, dect, common("SIP/2.0 486 Busy Here", "CSeq: 1 INVITE", "Content-Length: 0")),
		message(2500, false, "TCP", v4, iris, common("CANCEL sip:416@a SIP/2.0", "CSeq: 1 CANCEL", "Content-Length: 0")),
		message(2501, true, "TCP", v4, iris, common("SIP/2.0 200 OK", "CSeq: 1 CANCEL", "Content-Length: 0")),
	}}
}

const drawn = `call 01X, began 2026-11-27T09:00:00.123456Z
2 messages were not kept

TCP 198.51.100.7:40000                 Koppelfeld                   UDP 198.51.100.8:5060            UDP [2001:db8::2]:5062
    0.000 |-- INVITE 416 (SDP) ------------>|                                 |                                 |
    0.001 |<- 100 Trying -------------------|                                 |                                 |
    0.002 |                                 |-- INVITE armin ---------------->|                                 |
    0.003 |                                 |-- INVITE xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx --------------->|
    0.050 |                                 |<- 486 Busy Here --------------------------------------------------|
    2.500 |-- CANCEL ---------------------->|                                 |                                 |
    2.501 |<- 200 OK to CANCEL -------------|                                 |                                 |
`

func TestLadderIsDrawn(t *testing.T) {
	c := sample()
	c.Skipped = 2
	var b strings.Builder
	if err := c.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if b.String() != drawn {
		t.Errorf("got\n%s\nwant\n%s", b.String(), drawn)
	}
}

func TestLadderSurvivesAnything(t *testing.T) {
	for _, text := range []string{"", "\r\n", "SIP/2.0", "SIP/2.0 ", "\x00\x1b[2J", "INVITE", "INVITE sip:", "SIP/2.0 200 OK\r\nCSeq:\r\n\r\n", strings.Repeat("ü", 300)} {
		c := Call{ID: "1", Messages: []Message{{Text: text}, {Text: text, Out: true}}}
		var b, p bytes.Buffer
		if err := c.WriteText(&b); err != nil {
			t.Error(err)
		}
		if strings.ContainsAny(b.String(), "\x00\x1b\r") {
			t.Errorf("control characters of %q are drawn", text)
		}
		if err := c.WritePcap(&p); err != nil {
			t.Error(err)
		}
	}
}

// TestTsharkReadsCaptures lets tshark dissect what we write, checksums included.
func TestTsharkReadsCaptures(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	c := sample()
	path := filepath.Join(t.TempDir(), "call.pcap")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WritePcap(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), tshark, "-r", path, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-T", "fields",
		"-e", "frame.time_epoch", "-e", "ip.src", "-e", "ipv6.src", "-e", "udp.srcport", "-e", "udp.dstport", "-e", "ip.checksum.status", "-e", "udp.checksum.status",
		"-e", "sip.Method", "-e", "sip.Status-Code", "-e", "sdp.media.port").Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const want = `1795770000.123456000	198.51.100.7		40000	5070	1	1	INVITE		4000
1795770000.124456000	192.0.2.1		5070	40000	1	1		100	
1795770000.125456000	192.0.2.1		5070	5060	1	1	INVITE		
1795770000.126456000		2001:db8::1	5070	5062		1	INVITE		
1795770000.173456000		2001:db8::2	5062	5070		1		486	
1795770002.623456000	198.51.100.7		40000	5070	1	1	CANCEL		
1795770002.624456000	192.0.2.1		5070	40000	1	1		200	
`
	if string(out) != want {
		t.Errorf("tshark sees\n%s\nwant\n%s", out, want)
	}
}
