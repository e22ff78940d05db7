// Package dialog holds the mechanics of SIP dialogs (RFC 3261 section 12) without
// any feature: identifiers, sequence numbers, route set and remote target, requests
// inside a dialog, the ACK for a 2xx, the repetition of a 2xx until its ACK comes,
// the offer/answer state with its glare rules (RFC 3264, RFC 3261 section 14) and
// session timers (RFC 4028).
//
// Everything is plain state that belongs to the caller's shard, or a pure function.
// The package starts no goroutine, keeps no timer and sends nothing. It imports
// sip/message and sip/transport only.
package dialog
