package siptest

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// Client is a request the phone has sent, with what came back.
type Client struct {
	p         *Phone
	method    message.Method
	branch    string
	write     func(branch, auth string) []byte // the request with this branch and Authorization line
	sent      []byte
	tried     bool // credentials were sent
	responses []*message.Message
	taken     int // responses handed out
	resend    *repeater
	ack       []byte // sent again for each repeated 2xx
	call      *Call
}

// start sends the request; p.mu is held.
func (p *Phone) start(method message.Method, write func(branch, auth string) []byte) *Client {
	c := &Client{p: p, method: method, write: write}
	c.again("")
	return c
}

// again sends the request under a new branch; p.mu is held.
func (c *Client) again(auth string) {
	c.resend.stop()
	c.branch = c.p.mint("z9hG4bK")
	c.sent = c.write(c.branch, auth)
	c.p.clients[c.branch+string(c.method)] = c
	most := t2
	if c.method == message.INVITE {
		most = 64 * t1
	}
	c.resend = c.p.repeat(c.sent, most, false)
	c.p.Send(c.sent)
}

// response takes a response; p.mu is held.
func (p *Phone) response(m *message.Message) {
	c := p.clients[m.Via().Branch()+string(m.Method())]
	if c == nil {
		p.inbox = append(p.inbox, m)
		return
	}
	status := m.Status()
	if status >= 200 || c.method == message.INVITE {
		c.resend.stop()
	}
	if c.method == message.INVITE && status >= 300 {
		p.Send(ackFor(c.sent, m))
	}
	if c.method == message.INVITE && status/100 == 2 && c.ack != nil && sameAnswer(c.responses, m) {
		p.Send(c.ack)
		return
	}
	if status >= 200 && sameAnswer(c.responses, m) {
		return
	}
	if (status == 401 || status == 407) && !c.tried && p.cfg.Password != "" && m.Via().Branch() == c.branch {
		if auth := p.credentials(m, c.sent); auth != "" {
			c.tried = true
			if c.call != nil {
				c.call.cseq++
			}
			c.again(auth)
			return
		}
	}
	if c.call != nil {
		c.call.learn(m)
		if n := m.Header(message.HRSeq); p.cfg.Prack && n != "" && n != c.call.rseq && c.method == message.INVITE {
			c.call.rseq = n
			c.call.sendLocked(message.PRACK, "", "", fmt.Sprintf("RAck: %s %d INVITE", n, m.CSeq()))
		}
	}
	c.responses = append(c.responses, m)
}

// sameAnswer reports whether a final response with the same status and To tag came before.
func sameAnswer(seen []*message.Message, m *message.Message) bool {
	for _, o := range seen {
		if o.Status() == m.Status() && o.Status() >= 200 && o.ToTag() == m.ToTag() {
			return true
		}
	}
	return false
}

// ackFor is the ACK for a failure (RFC 3261 section 17.1.1.3).
func ackFor(invite []byte, res *message.Message) []byte {
	req, err := message.Parse(append([]byte(nil), invite...))
	if err != nil {
		panic("siptest: own INVITE does not parse: " + err.Error())
	}
	b := message.NewRequest(message.ACK, req.URI()).Add("Via", req.Header(message.HVia)).Add("Max-Forwards", "70").
		Copy(req, message.HFrom).Copy(res, message.HTo).Copy(req, message.HCallID).
		Add("CSeq", fmt.Sprintf("%d ACK", req.CSeq()))
	return b.Copy(req, message.HRoute).Finish("", nil)
}

// credentials answers a challenge with digest (RFC 8760, MD5 or SHA-256), "" when it cannot.
func (p *Phone) credentials(res *message.Message, sent []byte) string {
	name, id := "Authorization", message.HWWWAuthenticate
	if res.Status() == 407 {
		name, id = "Proxy-Authorization", message.HProxyAuthenticate
	}
	req, err := message.Parse(append([]byte(nil), sent...))
	if err != nil {
		return ""
	}
	for challenge := range res.Lines(id) {
		if v := Digest(challenge, req.Method(), req.URI(), p.cfg.User, p.cfg.Password, 1); v != "" {
			return name + ": " + v + "\r\n"
		}
	}
	return ""
}

// Digest computes the credentials for a challenge (the value of WWW-Authenticate) with nonce
// count nc, "" when the challenge's algorithm is unknown.
func Digest(challenge string, method message.Method, uri, user, password string, nc int) string {
	rest, ok := strings.CutPrefix(challenge, "Digest ")
	if !ok {
		return ""
	}
	params := strings.ReplaceAll(rest, ",", ";")
	get := func(n string) string { v, _ := message.Param(params, n); return v }
	hash := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	algorithm := get("algorithm")
	switch strings.ToUpper(algorithm) {
	case "", "MD5":
	case "SHA-256":
		hash = func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	default:
		return ""
	}
	const cnonce = "0a4f113b"
	ha1 := hash(user + ":" + get("realm") + ":" + password)
	ha2 := hash(string(method) + ":" + uri)
	out := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s"`, user, get("realm"), get("nonce"), uri)
	if strings.Contains(get("qop"), "auth") {
		count := fmt.Sprintf("%08x", nc)
		out += fmt.Sprintf(`, response="%s", qop=auth, nc=%s, cnonce="%s"`,
			hash(strings.Join([]string{ha1, get("nonce"), count, cnonce, "auth", ha2}, ":")), count, cnonce)
	} else {
		out += fmt.Sprintf(`, response="%s"`, hash(ha1+":"+get("nonce")+":"+ha2))
	}
	if algorithm != "" {
		out += ", algorithm=" + algorithm
	}
	if opaque := get("opaque"); opaque != "" {
		out += fmt.Sprintf(`, opaque="%s"`, opaque)
	}
	return out
}

// Expect waits for a response with this status. Other provisional responses before it are passed over;
// another final response fails the test.
func (c *Client) Expect(t testing.TB, status int) *message.Message {
	t.Helper()
	m := c.next(t, fmt.Sprint(status), func(m *message.Message) bool { return m.Status() == status || m.Status() >= 200 })
	if m.Status() != status {
		t.Fatalf("%s: %s answered with %d %s, want %d", c.p.cfg.Name, c.method, m.Status(), m.Phrase(), status)
	}
	return m
}

// Final waits for the next final response, whatever it is.
func (c *Client) Final(t testing.TB) *message.Message {
	t.Helper()
	return c.next(t, "a final response", func(m *message.Message) bool { return m.Status() >= 200 })
}

func (c *Client) next(t testing.TB, what string, fits func(*message.Message) bool) *message.Message {
	t.Helper()
	var m *message.Message
	c.p.await(t, what+" to "+string(c.method), func() bool {
		for c.taken < len(c.responses) {
			m = c.responses[c.taken]
			c.taken++
			if fits(m) {
				return true
			}
		}
		return false
	})
	return m
}

// Responses are all responses that came so far, without repeated finals.
func (c *Client) Responses() []*message.Message {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return append([]*message.Message(nil), c.responses...)
}

// headers adds "Name: value" lines to a builder.
func headers(b *message.Builder, lines []string) *message.Builder {
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ":")
		b.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return b
}

// via is the phone's Via value.
func (p *Phone) via(branch string) string {
	return fmt.Sprintf("SIP/2.0/%s %s;branch=%s;rport", p.cfg.Proto, p.shown(), branch)
}

func authLine(b *message.Builder, auth string) *message.Builder {
	if auth == "" {
		return b
	}
	return headers(b, []string{strings.TrimSuffix(auth, "\r\n")})
}

// Registration says how to register; the zero value asks for 300 s with the phone's own contact.
type Registration struct {
	Contact string   // whole Contact value; "*" for all; "-" for none; the phone's when empty
	Expires int      // header Expires: 300 when 0, -1 leaves it out, -2 asks for 0
	CallID  string   // the phone's own when empty
	CSeq    uint32   // the next when 0
	To      string   // user part of To; the phone's user when empty
	URI     string   // Request-URI, "sip:" and the domain when empty
	Headers []string // more "Name: value" lines
}

// SendRegister sends a REGISTER and returns what follows it.
func (p *Phone) SendRegister(r Registration) *Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Contact == "" {
		r.Contact = "<" + p.Contact() + ">"
	}
	if r.CallID == "" {
		r.CallID = "reg-" + p.cfg.Name
	}
	if r.To == "" {
		r.To = p.cfg.User
	}
	tag := p.mint("t-")
	return p.start(message.REGISTER, func(branch, auth string) []byte {
		cseq := r.CSeq
		if cseq == 0 {
			p.regCSeq++
			cseq = p.regCSeq
		}
		aor := fmt.Sprintf("<sip:%s@%s>", r.To, p.cfg.Domain)
		uri := r.URI
		if uri == "" {
			uri = "sip:" + p.cfg.Domain
		}
		b := message.NewRequest(message.REGISTER, uri).Add("Via", p.via(branch)).Add("Max-Forwards", "70").
			Add("From", aor+";tag="+tag).Add("To", aor).Add("Call-ID", r.CallID).
			Add("CSeq", fmt.Sprintf("%d REGISTER", cseq))
		if r.Contact != "-" {
			b.Add("Contact", r.Contact)
		}
		switch r.Expires {
		case 0:
			b.AddInt("Expires", 300)
		case -1:
		case -2:
			b.AddInt("Expires", 0)
		default:
			b.AddInt("Expires", r.Expires)
		}
		return authLine(headers(b, r.Headers), auth).Finish("", nil)
	})
}

// Register registers and expects 200.
func (p *Phone) Register(t testing.TB) *message.Message {
	t.Helper()
	return p.SendRegister(Registration{}).Expect(t, 200)
}

// Unregister removes the phone's contact and expects 200.
func (p *Phone) Unregister(t testing.TB) *message.Message {
	t.Helper()
	return p.SendRegister(Registration{Expires: -2}).Expect(t, 200)
}

// Options sends an OPTIONS to the server.
func (p *Phone) Options() *Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, tag := p.mint("o-"), p.mint("t-")
	return p.start(message.OPTIONS, func(branch, auth string) []byte {
		b := message.NewRequest(message.OPTIONS, "sip:"+p.cfg.Domain).Add("Via", p.via(branch)).Add("Max-Forwards", "70").
			Add("From", "<"+p.URI()+">;tag="+tag).Add("To", "<sip:"+p.cfg.Domain+">").Add("Call-ID", id).Add("CSeq", "1 OPTIONS")
		return authLine(b, auth).Finish("", nil)
	})
}
