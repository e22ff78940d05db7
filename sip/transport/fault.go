package transport

import (
	"net/netip"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// Places of faults in the metrics.
const (
	placeRead       = "transport"
	placeAccept     = "accept"
	placeConnection = "connection"
	placeConnect    = "connect"
)

// survive keeps a panic while something was read from ending the daemon.
func (l *Layer) survive(b []byte, from netip.AddrPort) {
	if v := recover(); v != nil {
		l.count.drop(DropPanic)
		l.faults.Note(placeRead, v, "from", from, "message", message.Shown(b))
	}
}

// broken ends a connection of which a goroutine has failed: what it has left behind cannot be trusted. Its locks are free, as all are
// given back while a panic unwinds.
func (c *streamConn) broken() {
	c.layer.count.drop(DropPanic)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.linger, c.pending = false, nil
	if c.closed {
		if c.conn != nil {
			c.conn.Close()
		}
		return
	}
	c.closeLocked(errFault)
}
