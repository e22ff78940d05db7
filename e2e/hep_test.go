//go:build e2e

package e2e

import (
	bigendian "encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// hepText reads the message out of a HEP3 datagram, and the ports it went from and to.
func hepText(t *testing.T, b []byte) (text string, from, to uint16) {
	t.Helper()
	if len(b) < 6 || string(b[:4]) != "HEP3" || int(bigendian.BigEndian.Uint16(b[4:])) != len(b) {
		t.Fatalf("no HEP3: %q", b)
	}
	for b = b[6:]; len(b) >= 6; {
		n := int(bigendian.BigEndian.Uint16(b[4:]))
		if n < 6 || n > len(b) {
			t.Fatalf("a chunk of %d bytes with %d left", n, len(b))
		}
		switch v := b[6:n]; bigendian.BigEndian.Uint16(b[2:]) {
		case 7:
			from = bigendian.BigEndian.Uint16(v)
		case 8:
			to = bigendian.BigEndian.Uint16(v)
		case 15:
			text = string(v)
		}
		b = b[n:]
	}
	return text, from, to
}

// TestCollector registers a phone and looks at what a collector gets: each message once, in order, without the password's digest.
func TestCollector(t *testing.T) {
	l, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := newDaemon(t, "sqlite")
	d.edit("[sip]", fmt.Sprintf("[hep]\ncollector = %q\n[sip]", l.LocalAddr()))
	r := newPairOn(t, d)
	p := newPeer(t, r.daemon, r.caller, "UDP", "127.0.0.1:0")
	p.register()
	port := mustAddr(t, p.local).Port()
	buf := make([]byte, 65535)
	var got []string
	for len(got) < 4 {
		_ = l.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := l.Read(buf)
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
		text, from, to := hepText(t, buf[:n])
		first, _, _ := strings.Cut(text, "\r\n")
		switch port {
		case from:
			got = append(got, "in "+strings.Fields(first)[0])
			if strings.Contains(text, "Authorization") && (!strings.Contains(text, r.caller.SIP.Username) || !strings.Contains(text, "***")) {
				t.Errorf("credentials are not masked:\n%s", text)
			}
		case to:
			got = append(got, "out "+strings.Fields(first)[1])
		}
	}
	if want := "in REGISTER, out 401, in REGISTER, out 200"; strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if n := d.number(`koppelfeld_hep_messages_total{result="sent"}`); n < 4 {
		t.Errorf("%.0f counted", n)
	}
}
