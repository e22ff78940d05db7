package siptest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

const sdpType = "application/sdp"

// Call is a dialog of the phone, or becomes one. The Client is nil when the phone was called.
type Call struct {
	*Client // the INVITE, when the phone called

	p              *Phone
	id             string
	local, remote  string // values of From and To in requests of the phone
	target         string // Request-URI of requests in the dialog
	contact        string // the phone's own when empty
	routes         []string
	cseq           uint32
	inviteCSeq     uint32
	invite         *Request // when the phone was called
	lastTwoHundred *message.Message
	rseq           string // of the last reliable response that was acknowledged
}

// Invite calls a number.
func (p *Phone) Invite(number, sdp string, lines ...string) *Call {
	return p.InviteURI("sip:"+number+"@"+p.cfg.Domain, sdp, lines...)
}

// InviteURI calls any URI.
func (p *Phone) InviteURI(uri, sdp string, lines ...string) *Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &Call{p: p, id: p.mint("call-"), target: uri, cseq: 1}
	c.local = "<" + p.URI() + ">;tag=" + p.mint("t-")
	c.remote = "<" + c.target + ">"
	c.Client = p.start(message.INVITE, func(branch, auth string) []byte {
		c.inviteCSeq = c.cseq
		b := authLine(headers(c.request(message.INVITE, branch, c.cseq), lines), auth)
		return b.Finish(typeOf(sdp), []byte(sdp))
	})
	c.Client.call = c
	return c
}

func typeOf(body string) string {
	if body == "" {
		return ""
	}
	return sdpType
}

// request starts a request of the dialog; p.mu is held.
func (c *Call) request(m message.Method, branch string, cseq uint32) *message.Builder {
	b := message.NewRequest(m, c.target).Add("Via", c.p.via(branch)).Add("Max-Forwards", "70").
		Add("From", c.local).Add("To", c.remote).Add("Call-ID", c.id).Add("CSeq", fmt.Sprintf("%d %s", cseq, m))
	for _, r := range c.routes {
		b.Add("Route", r)
	}
	if m != message.ACK && m != message.CANCEL && m != message.BYE {
		uri := c.contact
		if uri == "" {
			uri = c.p.Contact()
		}
		b.Add("Contact", "<"+uri+">")
	}
	return b
}

// Move changes the contact that requests in the dialog show.
func (c *Call) Move(uri string) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.contact = uri
}

// learn takes the dialog's state from a response to the phone's INVITE; p.mu is held.
func (c *Call) learn(m *message.Message) {
	if m.ToTag() == "" || m.Status() >= 300 {
		return
	}
	if c.lastTwoHundred != nil && m.Status() < 200 {
		return
	}
	if m.Status() >= 200 {
		c.lastTwoHundred = m
	}
	c.remote = m.Header(message.HTo)
	if a, ok := m.Contact(); ok {
		c.target = a.URI
	}
	c.routes = nil
	for r := range m.Values(message.HRecordRoute) {
		c.routes = append([]string{r}, c.routes...)
	}
}

// Local is the From value of the phone's requests in the dialog.
func (c *Call) Local() string { return c.local }

// Remote is their To value.
func (c *Call) Remote() string { return c.remote }

// CallID is the Call-ID of the dialog.
func (c *Call) CallID() string { return c.id }

// Ack acknowledges the 2xx of the phone's INVITE, with an SDP answer if the offer came in it.
func (c *Call) Ack(sdp ...string) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	body := strings.Join(sdp, "")
	c.Client.ack = c.request(message.ACK, c.p.mint("z9hG4bK"), c.inviteCSeq).Finish(typeOf(body), []byte(body))
	c.p.Send(c.Client.ack)
}

// Expect waits for a response to the phone's INVITE, see Client.Expect.
func (c *Call) Expect(t testing.TB, status int) *message.Message {
	t.Helper()
	return c.Client.Expect(t, status)
}

// ExpectAck waits for the ACK of the phone's answer.
func (c *Call) ExpectAck(t testing.TB) *message.Message {
	t.Helper()
	return c.invite.ExpectAck(t)
}

// SendCancel cancels the phone's INVITE.
func (c *Call) SendCancel() *Client {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	p, branch := c.p, c.Client.branch
	invite, err := message.Parse(append([]byte(nil), c.Client.sent...))
	if err != nil {
		panic("siptest: own INVITE does not parse: " + err.Error())
	}
	b := message.NewRequest(message.CANCEL, invite.URI()).Add("Via", p.via(branch)).Add("Max-Forwards", "70").
		Copy(invite, message.HFrom).Copy(invite, message.HTo).Copy(invite, message.HCallID).
		Add("CSeq", fmt.Sprintf("%d CANCEL", invite.CSeq())).Finish("", nil)
	x := &Client{p: p, method: message.CANCEL, branch: branch, sent: b}
	p.clients[branch+string(message.CANCEL)] = x
	x.resend = p.repeat(b, t2, false)
	p.Send(b)
	return x
}

// Cancel cancels the phone's INVITE and expects 200 for the CANCEL. What becomes of the INVITE is
// still to be expected.
func (c *Call) Cancel(t testing.TB) {
	t.Helper()
	c.SendCancel().Expect(t, 200)
}

// Send sends a request in the dialog.
func (c *Call) Send(m message.Method, contentType, body string, lines ...string) *Client {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.sendLocked(m, contentType, body, lines...)
}

func (c *Call) sendLocked(m message.Method, contentType, body string, lines ...string) *Client {
	c.cseq++
	cseq := c.cseq
	return c.p.start(m, func(branch, auth string) []byte {
		if auth != "" {
			c.cseq++
			cseq = c.cseq
		}
		return authLine(headers(c.request(m, branch, cseq), lines), auth).Finish(contentType, []byte(body))
	})
}

// SendBye ends the call.
func (c *Call) SendBye() *Client { return c.Send(message.BYE, "", "") }

// Bye ends the call and expects 200.
func (c *Call) Bye(t testing.TB) {
	t.Helper()
	c.SendBye().Expect(t, 200)
}

// ReInvite offers new SDP, expects 200 and acknowledges it.
func (c *Call) ReInvite(t testing.TB, sdp string) *message.Message {
	t.Helper()
	x := c.Send(message.INVITE, typeOf(sdp), sdp)
	m := x.Expect(t, 200)
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	x.ack = c.request(message.ACK, c.p.mint("z9hG4bK"), m.CSeq()).Finish("", nil)
	c.p.Send(x.ack)
	return m
}

// ExpectBye waits for the BYE of this call and answers it.
func (c *Call) ExpectBye(t testing.TB) *Request {
	t.Helper()
	r := c.ExpectRequest(t, message.BYE)
	r.Respond(200, "")
	return r
}

// ExpectRequest waits for a request in this dialog.
func (c *Call) ExpectRequest(t testing.TB, m message.Method) *Request {
	t.Helper()
	return c.p.expect(t, m, c.id)
}

// Request is a request that came to the phone.
type Request struct {
	*message.Message

	p      *Phone
	key    string
	tag    string
	last   []byte // the response, sent again for repeated requests
	final  int    // status of the final response
	resend *repeater
	acked  *message.Message
	rseq   uint32 // of the last reliable provisional response
}

// request takes a request other than ACK; p.mu is held.
func (p *Phone) request(m *message.Message) {
	key := m.Via().Branch() + "|" + m.Via().Host + "|" + string(m.Method())
	if r := p.servers[key]; r != nil && !p.cfg.Manual {
		if r.last != nil {
			p.Send(r.last)
		}
		return
	}
	r := &Request{Message: m, p: p, key: key, tag: p.mint("t-")}
	p.servers[key] = r
	if p.cfg.Manual {
		p.requests = append(p.requests, r)
		return
	}
	switch m.Method() {
	case message.OPTIONS:
		r.respond(200, "")
	case message.CANCEL:
		p.cancelled(r)
	case message.PRACK:
		if p.pracked(m) && len(m.Body()) == 0 {
			r.respond(200, "")
		}
	}
	if p.polite != "" && r.politely() {
		return
	}
	p.requests = append(p.requests, r)
}

// Reliable answers with a provisional status that is repeated until its PRACK comes. The phone
// answers a PRACK without a body by itself.
func (r *Request) Reliable(status int, rseq uint32, sdp string, lines ...string) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	r.resend.stop()
	r.rseq = rseq
	r.respond(status, sdp, append([]string{"Require: 100rel", fmt.Sprintf("RSeq: %d", rseq)}, lines...)...)
	r.resend = r.p.repeat(r.last, 64*t1, true)
}

// Fork is the same request as if it had come to another phone: its answers carry another tag.
func (r *Request) Fork() *Request {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	f := &Request{Message: r.Message, p: r.p, tag: r.p.mint("t-")}
	f.key = r.key + "|" + f.tag
	r.p.servers[f.key] = f
	return f
}

// pracked notes a PRACK for a response of the phone; p.mu is held.
func (p *Phone) pracked(m *message.Message) bool {
	for _, r := range p.servers {
		if r.Method() == message.INVITE && r.CallID() == m.CallID() && m.ToTag() == r.answerTag() && r.rseq != 0 &&
			m.Header(message.HRAck) == fmt.Sprintf("%d %d INVITE", r.rseq, r.CSeq()) {
			if r.final == 0 {
				r.resend.stop()
			}
			return true
		}
	}
	return false
}

// Prack acknowledges a reliable provisional response to the phone's INVITE.
func (c *Call) Prack(res *message.Message, sdp ...string) *Client {
	body := strings.Join(sdp, "")
	return c.Send(message.PRACK, typeOf(body), body,
		fmt.Sprintf("RAck: %s %d INVITE", res.Header(message.HRSeq), res.CSeq()))
}

// cancelled answers a CANCEL and the INVITE it means; p.mu is held.
func (p *Phone) cancelled(r *Request) {
	invite := p.servers[strings.TrimSuffix(r.key, string(message.CANCEL))+string(message.INVITE)]
	if invite == nil {
		r.respond(481, "")
		return
	}
	r.tag = invite.tag
	r.respond(200, "")
	if invite.final == 0 {
		invite.respond(487, "")
	}
}

// ack takes an ACK; p.mu is held.
func (p *Phone) ack(m *message.Message) {
	for _, r := range p.servers {
		if r.Method() == message.INVITE && r.CallID() == m.CallID() && r.CSeq() == m.CSeq() && m.ToTag() == r.answerTag() {
			r.resend.stop()
			r.acked = m
			return
		}
	}
	p.inbox = append(p.inbox, m)
}

// answerTag is the To tag of the phone's responses.
func (r *Request) answerTag() string {
	if tag := r.ToTag(); tag != "" {
		return tag
	}
	return r.tag
}

// Expect waits for a request of this method. Requests of other methods wait for their own Expect.
func (p *Phone) Expect(t testing.TB, m message.Method) *Request {
	t.Helper()
	return p.expect(t, m, "")
}

func (p *Phone) expect(t testing.TB, m message.Method, callID string) *Request {
	t.Helper()
	var r *Request
	p.await(t, string(m), func() bool { r = p.pop(m, callID); return r != nil })
	return r
}

// pop removes the first waiting request that fits; p.mu is held.
func (p *Phone) pop(m message.Method, callID string) *Request {
	for i, r := range p.requests {
		if r.Method() == m && (callID == "" || r.CallID() == callID) {
			p.requests = append(p.requests[:i:i], p.requests[i+1:]...)
			return r
		}
	}
	return nil
}

// ExpectNone fails when a request of this method comes within d.
func (p *Phone) ExpectNone(t testing.TB, m message.Method, d time.Duration) {
	t.Helper()
	var r *Request
	if p.until(time.Now().Add(d), func() bool { r = p.pop(m, ""); return r != nil }) {
		t.Fatalf("%s: unexpected %s %s", p.cfg.Name, m, r.URI())
	}
}

// respond answers; p.mu is held.
func (r *Request) respond(status int, body string, lines ...string) {
	tag := r.tag
	if status == 100 {
		tag = ""
	}
	b := message.NewResponse(r.Message, status, "", tag)
	for rr := range r.Lines(message.HRecordRoute) {
		b.Add("Record-Route", rr)
	}
	own := slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Contact:") })
	if r.Method() != message.CANCEL && r.Method() != message.BYE && status < 300 && !own {
		b.Add("Contact", "<"+r.p.Contact()+">")
	}
	r.last = headers(b, lines).Finish(typeOf(body), []byte(body))
	if status >= 200 {
		r.final = status
		r.resend.stop()
		if r.Method() == message.INVITE {
			r.resend = r.p.repeat(r.last, t2, status < 300)
		}
	}
	r.p.Send(r.last)
}

// Respond answers with a status and, if not empty, SDP.
func (r *Request) Respond(status int, sdp string, lines ...string) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	r.respond(status, sdp, lines...)
}

// OK answers 200 without a body.
func (r *Request) OK() { r.Respond(200, "") }

// Ring answers 180.
func (r *Request) Ring() { r.Respond(180, "") }

// Answer answers an INVITE with 200 and SDP and returns the call.
func (r *Request) Answer(sdp string, lines ...string) *Call {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	c := r.dialog()
	r.respond(200, sdp, lines...)
	return c
}

// Call is the dialog of an INVITE that has been answered in another way than by Answer.
func (r *Request) Call() *Call {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	return r.dialog()
}

func (r *Request) dialog() *Call {
	local := r.Header(message.HTo)
	if r.ToTag() == "" {
		local += ";tag=" + r.tag
	}
	c := &Call{p: r.p, id: r.CallID(), local: local, remote: r.Header(message.HFrom), invite: r}
	if a, ok := r.Contact(); ok {
		c.target = a.URI
	}
	for rr := range r.Values(message.HRecordRoute) {
		c.routes = append(c.routes, rr)
	}
	return c
}

// ExpectAck waits for the ACK of this INVITE's final response.
func (r *Request) ExpectAck(t testing.TB) *message.Message {
	t.Helper()
	var ack *message.Message
	r.p.await(t, "ACK", func() bool { ack = r.acked; return ack != nil })
	return ack
}

// Acked reports whether the ACK has come.
func (r *Request) Acked() bool {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	return r.acked != nil
}

// Final is the status of the phone's final response, 0 before.
func (r *Request) Final() int {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	return r.final
}
