package sip_test

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/b2bua"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/registrar"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// torture is the oracle for the 49 cases of RFC 4475: what the whole stack, with registrar and calls on it, answers. Of two
// statuses the second is the answer to the same message with credentials, without which nothing of it is carried out; there 404
// is the word of the routing table, after everything about the message itself was found good. "" is no answer; "end" is
// the end of the connection.
var torture = []struct {
	section, name string
	want          string // over UDP, and over the others where nothing else is said
	tcp           string // over TCP, where Content-Length alone says where a message ends
	why           string
}{
	{"3.1.1.1", "wsinv", "481", "", "blanks wherever they are allowed; its To tag is of no dialog of ours"},
	{"3.1.1.2", "intmeth", "501", "", "every character that is allowed; the method is unknown"},
	{"3.1.1.3", "esc01", "401 404", "", "escaped characters mean what they stand for"},
	{"3.1.1.4", "escnull", "401 200", "", "an escaped NUL is a character like others"},
	{"3.1.1.5", "esc02", "501", "", "a percent sign in a method or a header name escapes nothing"},
	{"3.1.1.6", "lwsdisp", "200", "", "no blank is needed before the bracket"},
	{"3.1.1.7", "longreq", "401 404", "", "long values, and many hops in every spelling"},
	{"3.1.1.8", "dblreq", "401 200", "401 401 end", "a datagram ends with its message; a stream does not, and what follows the second message is none"},
	{"3.1.1.9", "semiuri", "200", "", "a semicolon belongs to the user"},
	{"3.1.1.10", "transports", "200", "", "unknown transports in Via"},
	{"3.1.1.11", "mpart01", "405", "", "the body need not be understood"},
	{"3.1.1.12", "unreason", "", "", "a response to nothing of ours is dropped"},
	{"3.1.1.13", "noreason", "", "", "the same"},
	{"3.1.2.1", "badinv01", "400", "", "separators without parameters"},
	{"3.1.2.2", "clerr", "400", "none", "a datagram that is too short is refused; on a stream the rest may come"},
	{"3.1.2.3", "ncl", "400", "400 end", "the end of the message on a stream is unknown"},
	{"3.1.2.4", "scalar02", "400", "", "numbers too large"},
	{"3.1.2.5", "scalarlg", "", "", "a response cannot be refused"},
	{"3.1.2.6", "quotbal", "400", "", "an open quoted-string"},
	{"3.1.2.7", "ltgtruri", "400", "", "a Request-URI in brackets"},
	{"3.1.2.8", "lwsruri", "400", "", "a blank in the Request-URI"},
	{"3.1.2.9", "lwsstart", "400", "", "two blanks in the request line"},
	{"3.1.2.10", "trws", "400", "", "blanks at its end"},
	{"3.1.2.11", "escruri", "400", "", "headers in the Request-URI"},
	{"3.1.2.12", "baddate", "401 404", "", "a Date is not ours to judge"},
	{"3.1.2.13", "regbadct", "400", "", "a URI with headers needs brackets"},
	{"3.1.2.14", "badaspec", "400", "", "blanks within brackets"},
	{"3.1.2.15", "baddn", "400", "", "a comma in a display name needs quotes"},
	{"3.1.2.16", "badvers", "505", "", "an unknown version"},
	{"3.1.2.17", "mismatch01", "400", "", "CSeq names another method"},
	{"3.1.2.18", "mismatch02", "400", "", "the same with an unknown method, for which 501 would do as well"},
	{"3.1.2.19", "bigcode", "", "", "a status of more than three digits"},
	{"3.2.1", "badbranch", "400", "", "a branch that names no transaction"},
	{"3.3.1", "insuf", "400", "", "nothing but a Via, which is enough to answer to"},
	{"3.3.2", "unkscm", "416", "", "an unknown scheme"},
	{"3.3.3", "novelsc", "416", "", "an unknown scheme that looks like another one"},
	{"3.3.4", "unksm2", "401 400", "", "a registrar has SIP addresses only"},
	{"3.3.5", "bext01", "420", "", "unknown extensions are named in Unsupported"},
	{"3.3.6", "invut", "401 415", "", "an unknown body"},
	{"3.3.7", "regaut01", "401 200", "", "unknown credentials are none"},
	{"3.3.8", "multi01", "400", "", "every field twice"},
	{"3.3.9", "mcl01", "400", "400 end", "two lengths"},
	{"3.3.10", "bcast", "", "", "a response is not passed on to another Via"},
	{"3.3.11", "zeromf", "200", "", "the last hop is ours"},
	{"3.3.12", "cparam01", "401 200", "", "a parameter of the header"},
	{"3.3.13", "cparam02", "401 200", "", "a parameter of the URI"},
	{"3.3.14", "regescrt", "401 200", "", "headers in a contact"},
	{"3.3.15", "sdp01", "401 406", "", "an INVITE that takes no SDP in the answer"},
	{"3.4.1", "inv2543", "401 400", "400 end", "a call needs a Contact; phones that are older than RFC 3261 are not served, and a stream needs a Content-Length"},
}

// TestTorture sends messages of our own making, each with the point of its namesake in RFC 4475.
func TestTorture(t *testing.T) {
	tortureIn(t, filepath.Join("message", "testdata", "rfc4475"), ".sip")
}

// TestTortureOfRFC does the same with the messages of the RFC, where they are at hand: KOPPELFELD_RFC4475 names their directory.
func TestTortureOfRFC(t *testing.T) {
	dir := os.Getenv("KOPPELFELD_RFC4475")
	if dir == "" {
		t.Skip("KOPPELFELD_RFC4475 is not set")
	}
	tortureIn(t, dir, ".dat")
}

func tortureIn(t *testing.T, dir, ext string) {
	if len(torture) != 49 {
		t.Fatalf("%d cases", len(torture))
	}
	for _, c := range torture {
		raw, err := os.ReadFile(filepath.Join(dir, c.name+ext))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(raw, []byte("\r\n\r\n")) {
			raw = append(raw, "\r\n"...) // one file lacks the end of its header
		}
		for _, over := range []struct {
			proto transport.Proto
			want  string
		}{{transport.UDP, c.want}, {transport.TCP, orElse(c.tcp, c.want)}, {transport.WS, c.want}} {
			t.Run(c.section+" "+c.name+" "+string(over.proto), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newTortured(t)
					got := r.answers(over.proto, raw)
					if got == "401" {
						got += " " + r.answers(over.proto, r.authorized(raw))
					}
					if got != over.want {
						t.Errorf("got %q, want %q: %s", got, over.want, c.why)
					}
				})
			})
		}
	}
}

func orElse(s, other string) string {
	switch s {
	case "":
		return other
	case "none":
		return ""
	}
	return s
}

// tortured is a whole stack and a client that says anything.
type tortured struct {
	t         *testing.T
	stack     *sip.Stack
	net       *siptest.Network
	host      *siptest.Host
	challenge *message.Message
}

const realm = "pbx.example.com"

// anyone knows every name.
type anyone struct{}

func (anyone) Account(name string) *auth.Account {
	a := &auth.Account{SlotID: "slot-" + name, Username: message.Unescape(strings.Clone(name))}
	a.HA1MD5, a.HA1SHA256 = auth.HA1(name, realm, "secret")
	return a
}

// nobody has a number and is registered.
type nobody struct{}

func (nobody) Decide(routing.Request, routing.Live) routing.Plan {
	return routing.Plan{Outcome: routing.NoSuchNumber}
}
func (nobody) Registered(string) bool                                 { return false }
func (nobody) Contacts(buf []b2bua.Contact, _ string) []b2bua.Contact { return buf }
func (nobody) Started(calls.Record)                                   {}
func (nobody) Finished(calls.Record)                                  {}

func newTortured(t *testing.T) *tortured {
	t.Helper()
	n := siptest.NewNetwork(t, 1)
	digest, err := auth.New(auth.Config{Realm: realm, Key: make([]byte, 32), Accounts: anyone{}, Algorithms: []auth.Algorithm{auth.SHA256}})
	if err != nil {
		t.Fatal(err)
	}
	r := &tortured{t: t, net: n, host: n.Host(netip.MustParseAddr("10.0.0.7"))}
	r.stack, err = sip.New(sip.Config{
		Transport: transport.Config{Network: n.Host(server.Addr()), Listen: []string{"udp://10.0.0.1:5060", "tcp://10.0.0.1:5060", "ws://10.0.0.1:5080"}},
		Shards:    2, InDialog: b2bua.Methods(), Supported: append(b2bua.Extensions(), "path"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registrar.New(registrar.Config{Domain: realm, Auth: digest, Stack: r.stack}); err != nil {
		t.Fatal(err)
	}
	ua, err := b2bua.New(b2bua.Config{
		Router: nobody{}, Locator: nobody{}, Auth: digest, Live: calls.NewLive(), Table: calls.NewTable(), Recorder: nobody{},
		FlowTo: r.stack.FlowTo, Domain: realm,
	})
	if err != nil {
		t.Fatal(err)
	}
	ua.Register(r.stack)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.stack.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return r
}

// answers sends bytes and returns the statuses that come back, provisional ones and repetitions left out.
func (r *tortured) answers(proto transport.Proto, raw []byte) string {
	r.t.Helper()
	var got [][]byte
	ended := false
	switch proto {
	case transport.UDP:
		got = r.overUDP(raw)
	case transport.TCP:
		got, ended = r.overTCP(raw)
	default:
		got, ended = r.overWS(raw)
	}
	var words []string
	for i, b := range got {
		status, _, _ := strings.Cut(strings.TrimPrefix(string(b), "SIP/2.0 "), " ")
		if status < "200" || i > 0 && bytes.Equal(b, got[i-1]) {
			continue
		}
		if status == "401" && r.challenge == nil {
			var err error
			if r.challenge, err = message.Parse(bytes.Clone(b)); err != nil {
				r.t.Fatal(err)
			}
		}
		words = append(words, status)
	}
	if ended {
		words = append(words, "end")
	}
	return strings.Join(words, " ")
}

func (r *tortured) overUDP(raw []byte) (got [][]byte) {
	c, err := r.host.ListenPacket(netip.MustParseAddrPort("10.0.0.7:0"), 0)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	if err := c.WriteTo(raw, server); err != nil {
		r.t.Fatal(err)
	}
	in := make(chan []byte, 100)
	go func() {
		dg := []transport.Datagram{{Buf: make([]byte, 65535)}}
		for {
			if _, err := c.ReadBatch(dg); err != nil {
				close(in)
				return
			}
			in <- bytes.Clone(dg[0].Buf[:dg[0].N])
		}
	}()
	time.Sleep(time.Minute)
	synctest.Wait()
	c.Close()
	for b := range in {
		got = append(got, b)
	}
	return got
}

func (r *tortured) overTCP(raw []byte) (got [][]byte, ended bool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := r.host.Dial(ctx, netip.MustParseAddr("10.0.0.7"), server)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(raw); err != nil {
		r.t.Fatal(err)
	}
	var f message.Framer
	buf := make([]byte, 65535)
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		n, err := c.Read(buf)
		_, _ = f.Write(buf[:n])
		for {
			m, _, ferr := f.Next()
			if ferr != nil {
				r.t.Fatal(ferr)
			}
			if m == nil {
				break
			}
			got = append(got, m)
		}
		if err != nil {
			return got, !os.IsTimeout(err)
		}
	}
}

// overWS sends one message in one frame (RFC 7118 section 5), so that a datagram and it end alike.
func (r *tortured) overWS(raw []byte) (got [][]byte, ended bool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := r.host.Dial(ctx, netip.MustParseAddr("10.0.0.7"), netip.AddrPortFrom(server.Addr(), 5080))
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	br, _, err := ws.Dialer{Protocols: []string{"sip"}}.Upgrade(c, &url.URL{Scheme: "ws", Host: "10.0.0.1:5080", Path: "/"})
	if err != nil {
		r.t.Fatal(err)
	}
	var in io.Reader = c
	if br != nil {
		in = br
	}
	if err := ws.WriteFrame(c, ws.MaskFrame(ws.NewBinaryFrame(bytes.Clone(raw)))); err != nil {
		r.t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		h, err := ws.ReadHeader(in)
		payload := make([]byte, min(h.Length, message.MaxSize))
		if err == nil {
			_, err = io.ReadFull(in, payload)
		}
		switch {
		case err != nil:
			return got, !os.IsTimeout(err)
		case h.OpCode == ws.OpClose:
			return got, true
		case h.OpCode == ws.OpText || h.OpCode == ws.OpBinary:
			got = append(got, payload)
		}
	}
}

// authorized adds credentials to a request that was challenged.
func (r *tortured) authorized(raw []byte) []byte {
	r.t.Helper()
	m, err := message.Parse(bytes.Clone(raw))
	if err != nil {
		r.t.Fatal(err)
	}
	user := "iris"
	if to, err := message.ParseURI(m.To().URI); err == nil && m.Method() == message.REGISTER {
		user = strings.Clone(to.User)
	}
	client := auth.NewClient(user, "secret")
	if err := client.Challenged(r.challenge); err != nil {
		r.t.Fatal(err)
	}
	name, value, err := client.Authorize(m.Method(), m.URI())
	if err != nil {
		r.t.Fatal(err)
	}
	line, rest, _ := bytes.Cut(raw, []byte("\r\n"))
	return []byte(string(line) + "\r\n" + name + ": " + value + "\r\n" + string(rest))
}

// TestTooLargeForAStream announces more than may come.
func TestTooLargeForAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTortured(t)
		raw := "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKl\r\nFrom: <sip:a@b>;tag=l\r\nTo: <sip:a@b>\r\nCall-ID: l\r\nCSeq: 1 OPTIONS\r\nContent-Length: 65500\r\n\r\n"
		if got := r.answers(transport.TCP, []byte(raw)); got != "513 end" {
			t.Errorf("got %q", got)
		}
	})
}
