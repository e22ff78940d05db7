package selfcall

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// answerer answers what comes to a UDP socket, from the nth request on.
func answerer(t *testing.T, from int, answer func(req string) string) netip.AddrPort {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() {
		b := make([]byte, 4096)
		for n := 1; ; n++ {
			k, peer, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			if n >= from {
				_, _ = pc.WriteTo([]byte(answer(string(b[:k]))), peer)
			}
		}
	}()
	return pc.LocalAddr().(*net.UDPAddr).AddrPort()
}

func response(req string) string {
	_, headers, _ := strings.Cut(req, "\r\n")
	return "SIP/2.0 503 Service Unavailable\r\n" + headers
}

func TestOptions(t *testing.T) {
	for name, c := range map[string]struct {
		from   int
		answer func(string) string
		fault  bool
	}{
		"answered":           {1, response, false},
		"the first is lost":  {2, response, false},
		"silence":            {1000, response, true},
		"somebody else's":    {1, func(string) string { return "SIP/2.0 200 OK\r\nCall-ID: x\r\n\r\n" }, true},
		"its own echo":       {1, func(req string) string { return req }, true},
		"nothing with sense": {1, func(string) string { return "\x00" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			within := 10 * time.Second
			if c.fault {
				within = 700 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			err := Options(ctx, answerer(t, c.from, c.answer), "udp")
			if c.fault != errors.Is(err, ErrNoAnswer) || !c.fault && err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOptionsOverAStream(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for _, parts := range []int{1, 3, 0} {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 4096)
			n, _ := c.Read(b)
			text := response(string(b[:n]))
			for i := range parts {
				_, _ = c.Write([]byte(text[len(text)*i/parts : len(text)*(i+1)/parts]))
			}
			c.Close()
		}
	}()
	server := l.Addr().(*net.TCPAddr).AddrPort()
	for _, want := range []error{nil, nil, ErrNoAnswer} {
		if err := Options(t.Context(), server, "tcp"); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}
