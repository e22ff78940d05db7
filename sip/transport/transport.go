// Package transport moves SIP messages over UDP, TCP, TLS, WebSocket and secure
// WebSocket (RFC 7118).
//
// A Flow (RFC 5626) is one way to and from a peer: a UDP socket with a remote
// address, or a connection. Registrations, transactions and dialogs hold flows,
// never bare addresses. Send never blocks; every queue has a cap and every
// connection deadlines, so a stuck phone delays nobody.
//
// Layer.Run owns all goroutines: one reader per UDP socket, one acceptor per stream
// listener, one reader per connection, and a writer per connection only while
// something waits to be written. The package imports message alone.
package transport

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// Proto is a transport protocol as written in Via.
type Proto string

// Protocols.
const (
	UDP Proto = "UDP"
	TCP Proto = "TCP"
	TLS Proto = "TLS"
	WS  Proto = "WS"
	WSS Proto = "WSS"
)

// Reliable reports whether the protocol retransmits by itself.
func (p Proto) Reliable() bool { return p != UDP }

// Known reports whether p is one of the protocols.
func (p Proto) Known() bool { return slices.Contains(protos[:], p) }

// Secure reports whether the protocol runs over TLS, as a sips URI asks of every hop.
func (p Proto) Secure() bool { return p == TLS || p == WSS }

// websocket reports whether messages travel in WebSocket frames.
func (p Proto) websocket() bool { return p == WS || p == WSS }

// URIParam is the value of a URI's transport parameter, "" for UDP, which needs none. Both kinds of WebSocket
// are "ws" there (RFC 7118 section 5.2.2).
func (p Proto) URIParam() string {
	switch p {
	case UDP:
		return ""
	case WSS:
		return "ws"
	}
	return strings.ToLower(string(p))
}

// Errors of Flow.Send, Layer.FlowTo and FlowClosed.
var (
	// ErrFlowClosed: the flow has ended; nothing can be sent on it any more.
	ErrFlowClosed = errors.New("transport: flow closed")
	// ErrQueueFull: the peer reads too slowly; the message was dropped.
	ErrQueueFull = errors.New("transport: send queue full")
	// ErrNoListener: no listener fits the target's protocol and address family.
	ErrNoListener = errors.New("transport: no listener for this protocol and address family")
	// ErrTooManyConnections: the cap on connections is reached.
	ErrTooManyConnections = errors.New("transport: too many connections")
	// ErrNoTLS: TLS was asked for, and there are no certificates.
	ErrNoTLS = errors.New("transport: TLS is not configured")
	// ErrNoDial: WebSocket clients are reached on the flow that they opened, and no other way.
	ErrNoDial = errors.New("transport: WebSocket clients cannot be dialled")
	// ErrStopped: a connection was asked for after the end of Run.
	ErrStopped = errors.New("transport: stopped")
)

// Link is what carries flows: a UDP socket or a connection. The protocols of this
// package implement it; tests of the layers above may bring their own.
type Link interface {
	Proto() Proto
	// Local is our address as it is to be advertised.
	Local() netip.AddrPort
	// SendTo sends one message without blocking and does not keep b.
	SendTo(b []byte, remote netip.AddrPort) error
	Closed() bool
}

// Flow is one way to and from a peer. It is safe for use by several goroutines.
// Two flows of one UDP socket to one remote are the same way though their pointers may
// differ (see Same); a connection has exactly one Flow.
type Flow struct {
	link   Link
	remote netip.AddrPort
}

// NewFlow makes a flow over link to remote.
func NewFlow(link Link, remote netip.AddrPort) *Flow { return &Flow{link: link, remote: remote} }

// Proto is the flow's protocol.
func (f *Flow) Proto() Proto { return f.link.Proto() }

// Secure reports whether the flow runs over TLS.
func (f *Flow) Secure() bool { return f.Proto().Secure() }

// Local is our address on the flow as it is to be advertised in Via and Contact.
func (f *Flow) Local() netip.AddrPort { return f.link.Local() }

// Interface is the name of the interface over which the flow runs, "" for one without a name.
func (f *Flow) Interface() string {
	switch l := f.link.(type) {
	case *packetSocket:
		return l.iface
	case *streamConn:
		return l.iface
	}
	return ""
}

// Remote is the peer's address as seen on the wire.
func (f *Flow) Remote() netip.AddrPort { return f.remote }

// Send queues or writes one message. It never blocks and does not keep b.
// It returns ErrFlowClosed or ErrQueueFull, or what the network said.
func (f *Flow) Send(b []byte) error { return f.link.SendTo(b, f.remote) }

// Closed reports whether the flow has ended for good.
func (f *Flow) Closed() bool { return f.link.Closed() }

// Prove tells that the peer has shown that it knows a password. Its connection, if it is one, then stays when a cap
// on connections is reached.
func (f *Flow) Prove() {
	if c, ok := f.link.(*streamConn); ok {
		c.proved.Store(true)
	}
}

// Same reports whether f and g are the same way to the same peer.
func (f *Flow) Same(g *Flow) bool {
	return f == g || f != nil && g != nil && f.link == g.link && f.remote == g.remote
}

// Inbound is one message that arrived. The topmost Via of a request already
// carries received and rport as RFC 3261 section 18.2.1 and RFC 3581 ask.
type Inbound struct {
	Msg  *message.Message
	Flow *Flow
	// Late is for how long the UDP socket has not been found empty: when its reader cannot keep up, what arrives waits in there or is
	// lost. 0 on streams, where the sender waits instead.
	Late time.Duration
}

// Handler takes what arrives. Its methods are called from readers, in order of
// arrival per flow, and must not block.
type Handler interface {
	// Receive reports whether somebody may still read the message. Memory of one that nobody does is used again: then all views
	// into it are void.
	Receive(in Inbound) (kept bool)
	// FlowClosed is called once when a connection has ended.
	FlowClosed(f *Flow, err error)
}

// Target is where a request is to be sent.
type Target struct {
	Proto Proto
	Addr  netip.AddrPort
	// Name is who the peer must be when the way is TLS: its certificate has to name this SIP domain (RFC 5922
	// section 7). It is also what SNI asks for. When empty the certificate has to name the address itself.
	Name string
	// Local, when valid, is the address of ours (as a Flow's Local) from which a UDP flow is to
	// leave if it is still ours: behind NAT the peer hears that one only.
	Local netip.AddrPort
}
