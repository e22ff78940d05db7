// Package transport moves SIP messages: UDP datagrams and TCP streams now, TLS and
// WebSocket by adding a file each.
//
// A Flow (RFC 5626) is one way to and from a peer: a UDP socket with a remote
// address, or a connection. Registrations, transactions and dialogs hold flows,
// never bare addresses. Send never blocks; every queue has a cap and every
// connection deadlines, so a stuck phone delays nobody.
package transport

import (
	"net/netip"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// Proto is a transport protocol as written in Via.
type Proto string

// Protocols.
const (
	UDP Proto = "UDP"
	TCP Proto = "TCP"
)

// Reliable reports whether the protocol retransmits by itself.
func (p Proto) Reliable() bool { return p != UDP }

// Flow is one way to and from a peer. It is safe for use by several goroutines.
type Flow struct{}

// Proto is the flow's protocol.
func (f *Flow) Proto() Proto { panic("unimplemented") }

// Local is our address on the flow as it is to be advertised in Via and Contact.
func (f *Flow) Local() netip.AddrPort { panic("unimplemented") }

// Remote is the peer's address as seen on the wire.
func (f *Flow) Remote() netip.AddrPort { panic("unimplemented") }

// Send queues or writes one message. It never blocks and does not keep b.
// It returns ErrFlowClosed or ErrQueueFull.
func (f *Flow) Send(b []byte) error { panic("unimplemented") }

// Closed reports whether the flow has ended for good.
func (f *Flow) Closed() bool { panic("unimplemented") }

// Inbound is one message that arrived. The topmost Via of a request already
// carries received and rport as RFC 3261 section 18.2.1 and RFC 3581 ask.
type Inbound struct {
	Msg  *message.Message
	Flow *Flow
}

// Handler takes what arrives. Its methods are called from readers, in order of
// arrival per flow, and must not block.
type Handler interface {
	Receive(in Inbound)
	// FlowClosed is called once when a connection has ended.
	FlowClosed(f *Flow, err error)
}

// Target is where a request is to be sent.
type Target struct {
	Proto Proto
	Addr  netip.AddrPort
}
