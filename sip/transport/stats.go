package transport

import "sync/atomic"

// Drop is why something that arrived went no further, or something to be sent was not.
type Drop string

// Reasons for drops.
const (
	DropMalformed    Drop = "malformed"      // no acceptable SIP message
	DropRefused      Drop = "refused"        // malformed, but answered with a status
	DropRate         Drop = "rate"           // the source has used up its budget
	DropSTUN         Drop = "stun"           // STUN on a SIP socket that is no keep-alive, or too much of it
	DropReadError    Drop = "read_error"     // the socket reported an error
	DropSendQueue    Drop = "send_queue"     // send buffer or queue full
	DropSendError    Drop = "send_error"     // the network refused the message
	DropConnLimit    Drop = "conn_limit"     // cap on all connections: a stranger's ended, or the new one was refused
	DropSourceLimit  Drop = "source_limit"   // the same for the cap per source
	DropAcceptError  Drop = "accept_error"   // accept failed (no descriptors …)
	DropFirstMessage Drop = "first_message"  // connection without a valid message in time
	DropIncomplete   Drop = "incomplete"     // message not completed in time
	DropIdle         Drop = "idle"           // idle connection closed
	DropFraming      Drop = "framing"        // stream without usable framing
	DropWriteTimeout Drop = "write_deadline" // connection closed: the peer does not read
	DropPanic        Drop = "panic"          // a fault of ours while it was read

	DropHandshake        Drop = "handshake"         // TLS handshake or WebSocket upgrade failed
	DropHandshakeTimeout Drop = "handshake_timeout" // not completed in time
	DropHandshakeLimit   Drop = "handshake_limit"   // cap on unfinished handshakes: the oldest gave way
)

var drops = [...]Drop{
	DropMalformed, DropRefused, DropRate, DropSTUN, DropReadError, DropSendQueue, DropSendError, DropConnLimit,
	DropSourceLimit, DropAcceptError, DropFirstMessage, DropIncomplete, DropIdle, DropFraming, DropWriteTimeout, DropPanic,
	DropHandshake, DropHandshakeTimeout, DropHandshakeLimit,
}

// protos are the protocols that are counted.
var protos = [...]Proto{UDP, TCP, TLS, WS, WSS}

// Traffic is what passed over one protocol.
type Traffic struct {
	MessagesIn, BytesIn   uint64
	MessagesOut, BytesOut uint64
	KeepAlives            uint64 // CRLF, WebSocket pings, STUN and empty datagrams received
}

// Stats are counters since New, and the connections of the moment.
type Stats struct {
	Traffic     map[Proto]Traffic
	Drops       map[Drop]uint64
	Connections int           // established ones, and those that we are opening
	Handshakes  int           // accepted connections whose handshake is not finished
	ByProto     map[Proto]int // Connections by protocol
}

type traffic struct {
	messagesIn, bytesIn, messagesOut, bytesOut, keepAlives atomic.Uint64
}

func (t *traffic) in(bytes int) {
	t.messagesIn.Add(1)
	t.bytesIn.Add(uint64(bytes))
}

func (t *traffic) out(bytes int) {
	t.messagesOut.Add(1)
	t.bytesOut.Add(uint64(bytes))
}

func (t *traffic) snapshot() Traffic {
	return Traffic{t.messagesIn.Load(), t.bytesIn.Load(), t.messagesOut.Load(), t.bytesOut.Load(), t.keepAlives.Load()}
}

// counters are the live form of Stats.
type counters struct {
	udp, tcp, tls, ws, wss traffic

	dropped map[Drop]*atomic.Uint64 // fixed keys
}

func newCounters() *counters {
	c := &counters{dropped: make(map[Drop]*atomic.Uint64, len(drops))}
	for _, d := range drops {
		c.dropped[d] = new(atomic.Uint64)
	}
	return c
}

func (c *counters) drop(d Drop) { c.dropped[d].Add(1) }

func (c *counters) traffic(p Proto) *traffic {
	switch p {
	case UDP:
		return &c.udp
	case TLS:
		return &c.tls
	case WS:
		return &c.ws
	case WSS:
		return &c.wss
	}
	return &c.tcp
}

// Stats returns a copy of the counters.
func (l *Layer) Stats() Stats {
	s := Stats{
		Traffic: make(map[Proto]Traffic, len(protos)), ByProto: make(map[Proto]int, len(protos)),
		Drops: make(map[Drop]uint64, len(drops)),
	}
	for _, p := range protos {
		s.Traffic[p], s.ByProto[p] = l.count.traffic(p).snapshot(), 0
	}
	for d, n := range l.count.dropped {
		s.Drops[d] = n.Load()
	}
	l.mu.Lock()
	for p, n := range l.caps.byProto {
		s.ByProto[p] = n
		s.Connections += n
	}
	s.Handshakes = l.caps.handshakes.Len()
	l.mu.Unlock()
	return s
}
