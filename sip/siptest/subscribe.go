package siptest

import (
	"strconv"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// Subscribe asks for an event of a resource with SUBSCRIBE. The NOTIFYs come as requests of the returned dialog; the
// phone does not answer them by itself.
func (p *Phone) Subscribe(user, event string, expires int, lines ...string) *Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &Call{p: p, id: p.mint("sub-"), target: "sip:" + user + "@" + p.cfg.Domain, cseq: 1}
	c.local = "<" + p.URI() + ">;tag=" + p.mint("t-")
	c.remote = "<" + c.target + ">"
	c.Client = p.start(message.SUBSCRIBE, func(branch, auth string) []byte {
		b := c.request(message.SUBSCRIBE, branch, c.cseq)
		if event != "" {
			b.Add("Event", event)
		}
		if expires >= 0 {
			b.AddInt("Expires", expires)
		}
		return authLine(headers(b, lines), auth).Finish("", nil)
	})
	c.Client.call = c
	return c
}

// Resubscribe refreshes a subscription, or ends it with 0 seconds.
func (c *Call) Resubscribe(event string, expires int) *Client {
	return c.Send(message.SUBSCRIBE, "", "", "Event: "+event, "Expires: "+strconv.Itoa(expires))
}
