package transport

import (
	"cmp"
	"net/netip"
	"slices"
)

// Connection describes a stream connection of the moment.
type Connection struct {
	Proto         Proto
	Local, Remote netip.AddrPort
	Accepted      bool // the peer opened it
	Proved        bool // the peer has shown that it knows a password
	Waiting       int  // bytes that wait to be sent
}

// Connections lists at most limit connections and says how many there are, in no particular order when there
// are more than that, else by remote address.
func (l *Layer) Connections(limit int) (list []Connection, all int) {
	l.mu.Lock()
	conns := make([]*streamConn, 0, min(limit, len(l.caps.all)))
	all = len(l.caps.all)
	for c := range l.caps.all {
		if len(conns) == limit {
			break
		}
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		list = append(list, c.describe())
	}
	slices.SortFunc(list, func(a, b Connection) int {
		return cmp.Or(a.Remote.Compare(b.Remote), cmp.Compare(a.Proto, b.Proto))
	})
	return list, all
}

func (c *streamConn) describe() Connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Connection{
		Proto: c.proto, Local: c.local, Remote: c.flow.remote, Accepted: c.accepted, Proved: c.proved.Load(), Waiting: len(c.pending) + c.inFlight,
	}
}
