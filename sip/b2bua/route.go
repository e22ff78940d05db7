package b2bua

import (
	"net/netip"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Requests inside a dialog go to the first proxy of its route set (RFC 3261 section 12.2.1.1), which need not be the one from which
// the dialog's first message came: it may have put another address into Record-Route, or stand behind one that wants to be
// left out. A flow is kept all the same where nothing else leads to the peer, or where it is the better knowledge:
//
//   - it is a connection (RFC 5923), a WebSocket above all;
//   - the phone keeps it open, and was called over it (RFC 5626);
//   - who sent on it sits behind a NAT, so that the addresses it writes lead nowhere;
//   - without a route set: the remote target of most phones is worth less than the address they send from.

// settle finds the way for all requests of the leg to come, once for each route set. It returns true when the DNS has to be
// asked first; then runs later, whatever came of it.
func (l *leg) settle(then func()) bool {
	l.settled, l.routed = true, false
	if l.dlg.Kept || l.dlg.Flow == nil || l.dlg.Flow.Proto() != transport.UDP {
		return false
	}
	uri, ok := l.dlg.NextURI()
	if !ok {
		return false
	}
	c := l.c
	targets, later := c.u.find(uri, l.slot(), func(targets []transport.Target) {
		c.post(func() {
			l.follow(targets)
			then()
		})
	})
	if !later {
		l.follow(targets)
	}
	return later
}

// follow takes the first target of the route to which there is a flow. A flow that leads to any of them stays, and so does one for
// which there is no other.
func (l *leg) follow(targets []transport.Target) {
	for _, t := range targets {
		if t.Proto == l.dlg.Flow.Proto() && t.Addr == l.dlg.Flow.Remote() {
			return
		}
	}
	w := ways{left: targets}
	if f := w.next(l.c.u); f != nil {
		l.routed = true
		l.moveFlow(f)
	}
}

// hidden reports whether a request comes through a NAT: who sent it believes to be somewhere else.
func hidden(req *message.Message, flow *transport.Flow) bool {
	at, err := netip.ParseAddr(req.Via().Host)
	return err == nil && at.Unmap() != flow.Remote().Addr().Unmap()
}
