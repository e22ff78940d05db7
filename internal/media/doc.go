// Package media is the media plane: it owns the RTP and RTCP ports and relays
// packets between the two sides of a call (B2BUA relay): untouched, or opened and
// protected with SRTP, each side for itself.
//
// A Plane has a pool of port pairs and a few poll loops, each one goroutine that
// waits in an epoll of its own for all its sockets and handles packets to
// the end: check, count, send. Plane.Run owns these goroutines. Everything else
// is called from the goroutines of callers and never blocks on the network.
//
// An Endpoint is one side of a call as the plane sees it: one port pair, the
// remote that was signalled, the source that was learned (see DESIGN.md for the
// rule), figures, timeouts. Bridge joins two of them.
//
// The package must not import anything of the project and knows no SIP and no
// SDP. It runs on Linux only.
package media
