package admin_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/certs"
)

// listen opens an event stream and returns its lines without those about colleagues.
func (r *rig) listen(ctx context.Context, as string) (<-chan string, *http.Response) {
	r.t.Helper()
	all, res := r.listenToAll(ctx, as)
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for l := range all {
			if l == "event: colleague.state" {
				<-all // its data
				continue
			}
			lines <- l
		}
	}()
	return lines, res
}

// listenToAll opens an event stream and returns its lines.
func (r *rig) listenToAll(ctx context.Context, as string) (<-chan string, *http.Response) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+r.srv.Addr().String()+"/api/events", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token(as))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		defer res.Body.Close()
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			if s.Text() != "" {
				lines <- s.Text()
			}
		}
	}()
	return lines, res
}

// next returns the next line or fails after a while.
func next(t *testing.T, lines <-chan string) string {
	t.Helper()
	select {
	case l, ok := <-lines:
		if !ok {
			return "EOF"
		}
		return l
	case <-time.After(5 * time.Second):
		t.Fatal("no event came")
		return ""
	}
}

func TestEvents(t *testing.T) {
	r := newRig(t)
	stop := r.run()
	admin, res := r.listen(t.Context(), "supervisor")
	if ct := res.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("content type %q", ct)
	}
	armin, _ := r.listen(t.Context(), "armin.artmann")
	iris, _ := r.listen(t.Context(), "iris.immsee")
	for _, l := range []<-chan string{admin, armin, iris} {
		if got := next(t, l); got != ": listening" {
			t.Fatalf("first line %q", got)
		}
	}
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	r.bus.Publish(calls.Event{Type: calls.Registered, At: at, SlotID: r.id("iris/desk")})
	r.bus.Publish(calls.Event{Type: calls.CallRinging, At: at, Call: &calls.Call{ID: "c1", FromUser: r.id("adele.admin"), ToUser: r.id("armin.artmann"), Ringing: []string{r.id("armin/desk")}, Start: at}})
	r.bus.Publish(calls.Event{Type: calls.ConfigChanged, At: at, Revision: 7})
	for name, c := range map[string]struct {
		lines <-chan string
		want  []string
	}{
		"administrator": {admin, []string{"slot.registered", "call.ringing", "config.changed"}},
		"armin":         {armin, []string{"call.ringing", "config.changed"}},
		"iris":          {iris, []string{"slot.registered", "config.changed"}},
	} {
		for _, want := range c.want {
			if got := next(t, c.lines); got != "event: "+want {
				t.Errorf("%s: got %q, want %s", name, got, want)
			}
			if data := next(t, c.lines); !strings.HasPrefix(data, `data: {"type":"`+want+`"`) {
				t.Errorf("%s: %s", name, data)
			}
		}
	}
	stop()
	for range admin {
	}
}

func TestEventsAreBounded(t *testing.T) {
	r := newRig(t)
	stop := r.run()
	defer stop()
	const most = 8
	for range most {
		lines, res := r.listen(t.Context(), "armin.artmann")
		if res.StatusCode != 200 {
			t.Fatal(res.Status)
		}
		next(t, lines)
	}
	if _, res := r.listen(t.Context(), "armin.artmann"); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one more stream: %s", res.Status)
	}
	if _, res := r.listen(t.Context(), "iris.immsee"); res.StatusCode != 200 {
		t.Errorf("stream of another user: %s", res.Status)
	}
}

// TestSlowListener floods a client that does not read: it is told of the gap.
func TestSlowListener(t *testing.T) {
	r := newRig(t)
	r.run()
	c, err := net.Dial("tcp", r.srv.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.(*net.TCPConn).SetReadBuffer(4096)
	fmt.Fprintf(c, "GET /api/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", r.token("supervisor"))
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line, "listening") {
			break
		}
	}
	big := calls.Event{Type: calls.CallEnded, Call: &calls.Call{ID: "x", FromName: strings.Repeat("n", 10000)}}
	for r.bus.Queues()[0].Dropped == 0 {
		r.bus.Publish(big)
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("no gap was told: %v", err)
		}
		if strings.TrimSpace(line) == "event: gap" {
			return
		}
		if r.bus.Queues()[0].Len < 10 {
			r.bus.Publish(calls.Event{Type: calls.ConfigChanged, Revision: 1})
		}
	}
}

// pipes is a listener whose connections are in memory, for virtual time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// TestStreamTimes keeps an event stream open for hours of virtual time: it
// outlives the timeouts of ordinary requests and ends with the session.
func TestStreamTimes(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				listener := newPipes()
				client := &http.Client{Transport: overPipes(t, r, listener, proto)}
				r.serveOn(listener)
				token := r.token("supervisor")
				stop := r.run()
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://koppelfeld.example/api/events", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+token)
				start := time.Now()
				res, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				if res.Proto != proto {
					t.Fatalf("spoken is %s", res.Proto)
				}
				beats, last := 0, ""
				s := bufio.NewScanner(res.Body)
				for s.Scan() {
					if s.Text() == ":" {
						beats++
					}
					if s.Text() != "" {
						last = s.Text()
					}
				}
				if took := time.Since(start); took < 30*time.Minute || took > 31*time.Minute || beats < 118 || last != "data: {}" || s.Err() != nil {
					t.Errorf("the stream ended after %v and %d beats with %q (%v), the session ends after 30 minutes", took, beats, last, s.Err())
				}
				res.Body.Close()
				client.CloseIdleConnections()
				stop()
			})
		})
	}
}

// overPipes makes the server of the rig speak TLS on the listener, and answers what a client speaks the protocol over it with.
func overPipes(t *testing.T, r *rig, listener *pipes, proto string) *http.Transport {
	t.Helper()
	made, err := certs.Open(certs.Config{Dir: t.TempDir(), Names: []string{"koppelfeld.example"}})
	if err != nil {
		t.Fatal(err)
	}
	r.tls = made.Server
	name := map[string]string{"HTTP/1.1": "http/1.1", "HTTP/2.0": "h2"}[proto]
	return &http.Transport{
		ForceAttemptHTTP2: true,
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c := tls.Client(listener.dial(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{name}})
			return c, c.HandshakeContext(ctx)
		},
	}
}

// TestSlowClients sends requests that do not end: the server gives up.
func TestSlowClients(t *testing.T) {
	for _, c := range []struct {
		name, text string
		within     time.Duration
	}{
		{"nothing", "", 6 * time.Second},
		{"half a header", "GET /healthz HTTP/1.1\r\nHost: x", 6 * time.Second},
		{"half a body", "POST /api/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", 31 * time.Second},
		{"no second request", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 3 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				listener := newPipes()
				r.serveOn(listener)
				stop := r.run()
				conn := listener.dial()
				start := time.Now()
				io.WriteString(conn, c.text)
				io.Copy(io.Discard, conn)
				if took := time.Since(start); took > c.within {
					t.Errorf("the connection was open for %v", took)
				}
				conn.Close()
				stop()
			})
		})
	}
}
