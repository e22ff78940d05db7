package hep

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/sip/transport"
)

const register = "REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: c\r\n" +
	"CSeq: 1 REGISTER\r\nAuthorization: Digest username=\"a\", response=\"0123456789abcdef\"\r\nContent-Length: 0\r\n\r\n"

// decode reads the chunks of a datagram.
func decode(t *testing.T, b []byte) map[uint16][]byte {
	t.Helper()
	if len(b) < 6 || string(b[:4]) != "HEP3" || int(binary.BigEndian.Uint16(b[4:])) != len(b) {
		t.Fatalf("no HEP3 of %d bytes: %q", len(b), b[:min(len(b), 8)])
	}
	chunks := map[uint16][]byte{}
	for b = b[6:]; len(b) > 0; {
		if len(b) < 6 {
			t.Fatalf("%d bytes are left", len(b))
		}
		n := int(binary.BigEndian.Uint16(b[4:]))
		if n < 6 || n > len(b) {
			t.Fatalf("a chunk of %d bytes with %d left", n, len(b))
		}
		chunks[binary.BigEndian.Uint16(b[2:])] = b[6:n]
		b = b[n:]
	}
	return chunks
}

func TestEncode(t *testing.T) {
	at := time.Date(2026, 11, 27, 12, 0, 0, 345678000, time.UTC)
	seconds := binary.BigEndian.AppendUint32(nil, uint32(at.Unix()))
	micros := binary.BigEndian.AppendUint32(nil, 345678)
	addr := netip.MustParseAddrPort
	for _, tc := range []struct {
		name string
		c    copied
		cfg  Config
		want map[uint16][]byte // without time and text
	}{
		{
			"UDP over IPv4",
			copied{proto: transport.UDP, from: addr("192.0.2.1:5060"), to: addr("192.0.2.2:5062")},
			Config{Agent: 2001},
			map[uint16][]byte{1: {2}, 2: {17}, 3: {192, 0, 2, 1}, 4: {192, 0, 2, 2}, 7: {0x13, 0xc4}, 8: {0x13, 0xc6}, 11: {1}, 12: {0, 0, 7, 0xd1}},
		},
		{
			"TLS over IPv6, with a password",
			copied{proto: transport.TLS, from: addr("[2001:db8::1]:5061"), to: addr("[2001:db8::2]:40000")},
			Config{Password: "open"},
			map[uint16][]byte{
				1: {10}, 2: {6}, 5: {0x20, 1, 0xd, 0xb8, 15: 1}, 6: {0x20, 1, 0xd, 0xb8, 15: 2}, 7: {0x13, 0xc5}, 8: {0x9c, 0x40}, 11: {1}, 12: {0, 0, 0, 0}, 14: []byte("open"),
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.c.at, tc.c.text = at, []byte(register)
			got := decode(t, tc.c.encode(nil, &tc.cfg))
			text := string(got[15])
			if !strings.Contains(text, `username="a"`) || strings.Contains(text, "0123456789abcdef") {
				t.Errorf("text %q", text)
			}
			delete(got, 15)
			tc.want[9], tc.want[10] = seconds, micros
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("chunks (-want +got):\n%s", diff)
			}
		})
	}
}

func TestALargeMessageIsCut(t *testing.T) {
	e, err := New(Config{Collector: netip.MustParseAddrPort("192.0.2.1:9060"), Password: strings.Repeat("p", maxPassword)})
	if err != nil {
		t.Fatal(err)
	}
	e.Message(transport.TCP, netip.MustParseAddrPort("[2001:db8::1]:5060"), netip.MustParseAddrPort("[2001:db8::2]:5060"), true, []byte(register+strings.Repeat("x", 65535)))
	c := <-e.queue
	if b := c.encode(nil, &e.cfg); len(b) > 65507 || len(decode(t, b)[15]) < 60000 {
		t.Errorf("%d bytes", len(b))
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	a := netip.MustParseAddrPort("192.0.2.1:5060")
	for _, tc := range []struct {
		name      string
		size, n   int
		mostBytes int64
	}{
		{"by number", 10, 3 * maxWaiting, maxBytes},
		{"by bytes", 60000, 2000, maxBytes},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, err := New(Config{Collector: a})
			if err != nil {
				t.Fatal(err)
			}
			text := []byte(strings.Repeat("x", tc.size))
			for range tc.n { // nobody reads
				e.Message(transport.UDP, a, a, false, text)
			}
			s := e.Stats()
			if s.Queued+int(s.Left) != tc.n || s.Left == 0 || e.bytes.Load() > tc.mostBytes {
				t.Errorf("%+v, %d bytes", s, e.bytes.Load())
			}
		})
	}
}

// TestRun sends to a collector that comes only after a while.
func TestRun(t *testing.T) {
	l, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	at := l.LocalAddr().(*net.UDPAddr).AddrPort()
	defer l.Close()
	e, err := New(Config{Collector: at, Agent: 7})
	if err != nil {
		t.Fatal(err)
	}
	us, phone := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("192.0.2.9:40000")
	e.Message(transport.UDP, us, phone, false, []byte(register)) // before Run
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	e.Message(transport.UDP, us, phone, true, []byte("SIP/2.0 200 OK\r\n\r\n"))
	buf := make([]byte, 65535)
	for _, want := range []struct {
		source []byte
		begins string
	}{{[]byte{192, 0, 2, 9}, "REGISTER"}, {[]byte{192, 0, 2, 1}, "SIP/2.0 200"}} {
		_ = l.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := l.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got := decode(t, buf[:n])
		if string(got[chunkSource4]) != string(want.source) || !strings.HasPrefix(string(got[chunkPayload]), want.begins) {
			t.Errorf("from %v: %q", got[chunkSource4], got[chunkPayload])
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s := e.Stats(); s.Sent != 2 || e.bytes.Load() != 0 {
		t.Errorf("%+v, %d bytes", s, e.bytes.Load())
	}
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]Config{
		"no collector": {},
		"no port":      {Collector: netip.MustParseAddrPort("192.0.2.1:0")},
		"password":     {Collector: netip.MustParseAddrPort("192.0.2.1:9060"), Password: strings.Repeat("x", 129)},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
