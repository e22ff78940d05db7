package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// agent is a UDP socket or a connection that many SIP phones share: it registers, calls, and answers
// every call at once. It is as small as loopback without loss allows.
type agent struct {
	wire
	media func() string // session description of the next answer
	// onInvite sees every INVITE before it is answered; nil for nothing.
	onInvite func(*message.Message)
	serial   atomic.Uint64
	mu       sync.Mutex
	pending  map[string]*exchange // by Call-ID
	done     chan struct{}
}

// exchange is a request under way, with its challenge.
type exchange struct {
	sent    time.Time // the request that was not challenged
	rung    time.Duration
	build   func(cseq int) []byte
	cseq    int
	digest  *auth.Client
	onFinal chan *message.Message
}

// talk is a call that is up.
type talk struct {
	id, target string
	from, to   string // header values
	routes     []string
	cseq       int
	rung       time.Duration // from the INVITE with credentials to 180
	body       []byte
}

// newAgent opens the socket on an address of this machine; server is host:port. onInvite
// may be nil.
func newAgent(local, server string, media func() string, onInvite func(*message.Message)) (*agent, error) {
	w, err := openUDP(local, server)
	if err != nil {
		return nil, err
	}
	return newAgentOn(w, media, onInvite), nil
}

// newAgentOn makes an agent of a wire.
func newAgentOn(w wire, media func() string, onInvite func(*message.Message)) *agent {
	a := &agent{wire: w, media: media, onInvite: onInvite, pending: map[string]*exchange{}, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		w.read(a.take)
	}()
	return a
}

// close ends the agent; it waits for its reader.
func (a *agent) close() {
	a.end()
	<-a.done
}

// take takes one message; reply sends where it came from.
func (a *agent) take(b []byte, reply func([]byte)) {
	m, err := message.Parse(b)
	switch {
	case err != nil:
	case m.IsRequest():
		a.answer(m, reply)
	default:
		a.response(m)
	}
}

// answer rings and accepts INVITE at once, and agrees to everything else.
func (a *agent) answer(req *message.Message, send func([]byte)) {
	const tag = "bench"
	reply := func(status int) *message.Builder {
		b := message.NewResponse(req, status, "", tag).Copy(req, message.HRecordRoute)
		return b.Add("Contact", "<"+a.uri("bench")+">")
	}
	switch req.Method() {
	case message.ACK:
	case message.INVITE:
		if a.onInvite != nil {
			a.onInvite(req)
		}
		send(reply(180).Finish("", nil))
		send(reply(200).Finish("application/sdp", []byte(a.media())))
	default:
		send(reply(200).Finish("", nil))
	}
}

func (a *agent) response(res *message.Message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.pending[res.CallID()]
	if e == nil || int(res.CSeq()) != e.cseq {
		return
	}
	switch status := res.Status(); {
	case status == 180:
		if e.rung == 0 {
			e.rung = time.Since(e.sent)
		}
	case status == 401 || status == 407:
		if res.Method() == message.INVITE {
			a.ackRefusal(res)
		}
		if err := e.digest.Challenged(res); err != nil {
			e.onFinal <- res
			delete(a.pending, res.CallID())
			return
		}
		e.cseq++
		e.sent = time.Now()
		_ = a.send(e.build(e.cseq))
	case status >= 200:
		if status >= 300 && res.Method() == message.INVITE {
			a.ackRefusal(res)
		}
		delete(a.pending, res.CallID())
		e.onFinal <- res
	}
}

// ackRefusal acknowledges a final response that is no 200 (RFC 3261 section 17.1.1.3).
func (a *agent) ackRefusal(res *message.Message) {
	b := message.NewRequest(message.ACK, "sip:bench@"+domain)
	b.Copy(res, message.HVia).Copy(res, message.HFrom).Copy(res, message.HTo).Copy(res, message.HCallID)
	b.Add("CSeq", strconv.Itoa(int(res.CSeq()))+" ACK").AddInt("Max-Forwards", 70)
	_ = a.send(b.Finish("", nil))
}

// do sends a request, answers a challenge and waits for the final response. What is
// lost is not sent again: that would hide overload.
func (a *agent) do(ctx context.Context, id string, e *exchange) (*message.Message, error) {
	e.onFinal = make(chan *message.Message, 1)
	a.mu.Lock()
	a.pending[id] = e
	e.sent = time.Now()
	first := e.build(e.cseq)
	a.mu.Unlock()
	if err := a.send(first); err != nil {
		return nil, fmt.Errorf("sending a request: %w", err)
	}
	timer := time.NewTimer(5 * time.Second)
	defer timer.Stop()
	select {
	case res := <-e.onFinal:
		if res.Status() >= 300 {
			return nil, fmt.Errorf("%s was answered %d %s", res.Method(), res.Status(), res.Phrase())
		}
		return res, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		a.mu.Lock()
		delete(a.pending, id)
		a.mu.Unlock()
		return nil, fmt.Errorf("no answer within 5 s to\n%s", first)
	}
}

// uri is the address of a user here.
func (a *agent) uri(user string) string {
	u := "sip:" + user + "@" + a.local()
	switch a.proto() {
	case protoTLS:
		u += ";transport=tls"
	case protoWSS:
		u += ";transport=ws"
	}
	return u
}

func (a *agent) newID() string { return fmt.Sprintf("%d-%s", a.serial.Add(1), a.local()) }

// request begins a request with all that is not its own.
func (a *agent) request(method message.Method, uri, from, to, id string, cseq int) *message.Builder {
	b := message.NewRequest(method, uri)
	b.Add("Via", "SIP/2.0/"+a.proto()+" "+a.local()+";rport;branch=z9hG4bK"+strconv.FormatUint(a.serial.Add(1), 36)+"."+id)
	b.Add("From", from).Add("To", to).Add("Call-ID", id).Add("CSeq", strconv.Itoa(cseq)+" "+string(method))
	return b.AddInt("Max-Forwards", 70)
}

// authorize adds credentials once there was a challenge.
func authorize(b *message.Builder, d *auth.Client, method message.Method, uri string) {
	if name, value, err := d.Authorize(method, uri); err == nil && name != "" {
		b.Add(name, value)
	}
}

// register binds an account to this agent. d answers challenges and keeps the nonce
// for the next time.
func (a *agent) register(ctx context.Context, acc account, d *auth.Client) error {
	id := a.newID()
	uri, who := "sip:"+domain, "<sip:"+acc.user+"@"+domain+">"
	e := &exchange{cseq: 1, digest: d, build: func(cseq int) []byte {
		b := a.request(message.REGISTER, uri, who+";tag="+id, who, id, cseq)
		b.Add("Contact", "<"+a.uri(acc.user)+">").AddInt("Expires", 600)
		authorize(b, d, message.REGISTER, uri)
		return b.Finish("", nil)
	}}
	_, err := a.do(ctx, id, e)
	return err
}

// registerAll registers accounts, a few at a time.
func (a *agent) registerAll(ctx context.Context, accounts []account) error {
	return inParallel(8, len(accounts), func(i int) error {
		return a.register(ctx, accounts[i], auth.NewClient(accounts[i].user, accounts[i].secret))
	})
}

// call calls and acknowledges the answer.
func (a *agent) call(ctx context.Context, acc account, target, sdp string) (*talk, error) {
	id := a.newID()
	uri := "sip:" + target + "@" + domain
	t := &talk{id: id, from: "<sip:" + acc.user + "@" + domain + ">;tag=" + id}
	d := auth.NewClient(acc.user, acc.secret)
	e := &exchange{cseq: 1, digest: d, build: func(cseq int) []byte {
		b := a.request(message.INVITE, uri, t.from, "<"+uri+">", id, cseq)
		b.Add("Contact", "<"+a.uri(acc.user)+">")
		authorize(b, d, message.INVITE, uri)
		return b.Finish("application/sdp", []byte(sdp))
	}}
	res, err := a.do(ctx, id, e)
	if err != nil {
		return nil, err
	}
	t.rung, t.cseq, t.to, t.body = e.rung, e.cseq, res.Header(message.HTo), res.Body()
	for r := range res.Values(message.HRecordRoute) {
		t.routes = append([]string{r}, t.routes...)
	}
	contact, ok := res.Contact()
	if !ok || !strings.HasPrefix(contact.URI, "sip:") {
		return nil, errors.New("the answer has no Contact")
	}
	t.target = contact.URI
	if err := a.send(a.within(t, message.ACK)); err != nil {
		return nil, fmt.Errorf("sending ACK: %w", err)
	}
	return t, nil
}

// within is a request within a call.
func (a *agent) within(t *talk, method message.Method) []byte {
	b := a.request(method, t.target, t.from, t.to, t.id, t.cseq)
	for _, r := range t.routes {
		b.Add("Route", r)
	}
	return b.Finish("", nil)
}

// hangUp ends a call.
func (a *agent) hangUp(ctx context.Context, t *talk) error {
	t.cseq++
	e := &exchange{cseq: t.cseq, digest: auth.NewClient("", ""), build: func(int) []byte { return a.within(t, message.BYE) }}
	_, err := a.do(ctx, t.id, e)
	return err
}

// inParallel runs f for 0 to n-1, so many at once, and returns the first error.
func inParallel(atOnce, n int, f func(int) error) error {
	var next atomic.Int64
	var first error
	var once sync.Once
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(i); err != nil {
					once.Do(func() { first = err })
					next.Store(int64(n))
					return
				}
			}
		})
	}
	wg.Wait()
	return first
}

// silence is a session description for calls without audio.
func silence() string { return sessionAt("127.0.0.1:9") }

// sessionAt describes one stream of G.711 at host:port.
func sessionAt(addr string) string {
	host, port, _ := strings.Cut(addr, ":")
	return "v=0\r\no=bench 1 1 IN IP4 " + host + "\r\ns=-\r\nc=IN IP4 " + host + "\r\nt=0 0\r\nm=audio " + port +
		" RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
}

// mediaIn reads the address of the first stream of a session description.
func mediaIn(sdp []byte) (netip.AddrPort, error) {
	var host, port string
	for line := range strings.Lines(string(sdp)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "c=IN IP4 "); ok && host == "" {
			host = rest
		}
		if rest, ok := strings.CutPrefix(line, "m=audio "); ok && port == "" {
			port, _, _ = strings.Cut(rest, " ")
		}
	}
	addr, err := netip.ParseAddrPort(host + ":" + port)
	if err != nil {
		return addr, fmt.Errorf("reading a session description: %w\n%s", err, sdp)
	}
	return addr, nil
}
