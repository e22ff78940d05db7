package b2bua

import "time"

// Many phones and gateways describe early media in their 18x and then send none until they are answered. The caller has an
// answer by then, so its phone plays no ringback of its own: it would hear nothing at all.
const (
	listenFor   = 1500 * time.Millisecond // as long as a first packet may take
	listenAgain = 200 * time.Millisecond  // how often is looked whether media has come after all
)

// listen lets the caller hear ringback when nothing comes from the phone whose early media it is to hear, until something does.
func (c *call) listen() {
	c.listening.Stop()
	c.quiet = false
	ep, _ := c.audio(c.early)
	if ep == nil || c.front != nil {
		return
	}
	c.listenAfter(listenFor, ep, ep.Stats().Packets)
}

func (c *call) listenAfter(d time.Duration, ep Endpoint, before uint64) {
	c.listening = c.after(d, func() {
		if c.phase != ringing || c.early == nil {
			return
		}
		if c.quiet = ep.Stats().Packets == before; c.quiet {
			c.listenAfter(listenAgain, ep, before)
		}
		c.sound()
	})
}
