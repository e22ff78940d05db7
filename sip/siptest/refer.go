package siptest

import (
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// Refer asks the other side to call a number, or with extra ("?Replaces=…") to take over another dialog.
func (c *Call) Refer(number, extra string, lines ...string) *Client {
	to := "Refer-To: <sip:" + number + "@" + c.p.cfg.Domain + extra + ">"
	return c.Send(message.REFER, "", "", append([]string{to}, lines...)...)
}

// Replaces names the dialog as its other side knows it (RFC 3891).
func (c *Call) Replaces() string {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	tag := func(addr string) string {
		a, err := message.ParseAddr(addr)
		if err != nil {
			return ""
		}
		return a.Tag()
	}
	return c.id + ";to-tag=" + tag(c.remote) + ";from-tag=" + tag(c.local)
}

// Embedded is Replaces as a header of a URI.
func (c *Call) Embedded() string {
	return "?Replaces=" + strings.NewReplacer(";", "%3B", "=", "%3D", "@", "%40").Replace(c.Replaces())
}

// Polite lets the phone answer everything that comes inside its dialogs by itself from now on: INVITE with sdp, all else
// with 200.
func (p *Phone) Polite(sdp string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.polite = sdp
}

// politely answers a request inside a dialog; p.mu is held.
func (r *Request) politely() bool {
	if r.ToTag() == "" || r.final != 0 {
		return false
	}
	body := ""
	if r.Method() == message.INVITE {
		body = r.p.polite
	}
	r.respond(200, body)
	return true
}
