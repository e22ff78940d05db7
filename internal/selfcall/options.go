package selfcall

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

// ErrNoAnswer says that nobody answered an OPTIONS.
var ErrNoAnswer = errors.New("no answer to OPTIONS")

// again is after how long an OPTIONS over UDP is sent again (timer T1 of RFC 3261, and longer each time).
const again = 500 * time.Millisecond

// Options asks the SIP server whether it is there (RFC 3261 section 11) and returns nil when it answers, whatever it says: a
// system that refuses work because it has too much of it is alive. transport is udp, tcp or tls. Without an answer it asks
// again until ctx ends. It starts no goroutine and stands on no SIP implementation: it runs every few seconds for as long as
// the daemon does.
func Options(ctx context.Context, server netip.AddrPort, transport string) error {
	network := "tcp"
	if transport == "udp" {
		network = "udp"
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, server.String())
	if err != nil {
		return fmt.Errorf("asking %s %s: %w", transport, server, err)
	}
	defer c.Close()
	if transport == "tls" {
		// As in a self-call: whether somebody answers is asked, not who.
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	id := rand.Text()
	req := fmt.Sprintf("OPTIONS sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/%[2]s %[3]s;branch=z9hG4bK%[4]s;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:selfcall@%[3]s>;tag=%[4]s\r\nTo: <sip:%[1]s>\r\nCall-ID: %[4]s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		server, strings.ToUpper(transport), c.LocalAddr(), id)
	wait := again
	if network == "tcp" { // asked once
		wait = time.Hour
	}
	for ; ; wait = min(2*wait, 4*time.Second) {
		if _, err := c.Write([]byte(req)); err != nil {
			return fmt.Errorf("asking %s %s: %w", transport, server, err)
		}
		err := awaitAnswer(ctx, c, id, wait)
		if err == nil {
			return nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil {
			return fmt.Errorf("asking %s %s: %w: %w", transport, server, ErrNoAnswer, err)
		}
	}
}

// awaitAnswer reads until an answer to the request with that Call-ID has come, or the time is over.
func awaitAnswer(ctx context.Context, c net.Conn, id string, within time.Duration) error {
	if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	b := make([]byte, 4096)
	for got := 0; got < len(b); {
		n, err := c.Read(b[got:])
		if bytes.HasPrefix(b, []byte("SIP/2.0 ")) && bytes.Contains(b[:got+n], []byte(id)) {
			return nil
		}
		if err != nil {
			return err
		}
		if c.LocalAddr().Network() == "tcp" { // a stream: the rest may come later
			got += n
		}
	}
	return errors.New("what came is no answer")
}
