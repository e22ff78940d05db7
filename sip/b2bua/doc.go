// Package b2bua is the call: a back-to-back user agent that carries out a
// routing.Plan and decides nothing about who rings.
//
// # Call model
//
// A call is plain state owned by one shard. Everything that happens to it (messages
// in order of arrival, timers, media events, commands from outside) runs in that
// shard, one at a time; there is no lock and no goroutine per call. What is slow is
// not done here: records are handed to a Recorder.
//
//	caller ──INVITE──▶ leg a ─┐            ┌─ fork ──INVITE──▶ contact 1 of slot X
//	                         call ─ plan ─┼─ fork ──INVITE──▶ contact 2 of slot X
//	                          │            └─ fork ──INVITE──▶ contact of slot Y
//	                          └─ leg b = the fork that answered first
//
// Every contact is rung by an INVITE of its own (own Call-ID, own From tag), so the
// branches never share a dialog. Phases of a call:
//
//	ringing ──first 2xx──▶ up ──BYE, timer, command──▶ ended
//	   │ ├──first 2xx with an offer──▶ answering ──caller's ACK──▶ up
//	   │ └──first 2xx while the caller's PRACK is outstanding──▶ holding ──PRACK──▶ up
//	   └──CANCEL, all failed, ring timeout──▶ ended, or the next turn of ringing (next.go)
//
// "ended" is the moment at which the record is handed over, live counts, ports and
// the entry in the table of calls are given back, each exactly once (call.end). Legs
// and forks may outlive it for at most 64*T1: a BYE waits for its answer, a cancelled
// INVITE for its final response, so that a late 2xx is acknowledged and ended and a
// crossing BYE is answered.
//
// An INVITE of ours may meet several phones, if something behind the contact forks it:
// each To tag is an early dialog with its own leg (fork.meet), and the one that answers
// becomes the callee's. Provisional responses are reliable on each leg for itself
// (prack.go). The caller has one answer; behind it the early media changes (early.go).
//
// Offers and answers end at the leg where the far side need not know: hold, resume,
// session refresh and a new address re-plumb the media endpoint and are answered
// locally. What changes the media itself (codec, T.38, video) is carried across under
// the glare rules. What a side hears of us instead of the other one (music on hold,
// ringback once it has an answer) is a function of the call's state, asked anew after
// each change (sound.go). Session timers run per leg and are never relayed.
//
// # Transfers
//
// A REFER (refer.go) ends here; it is never carried across. A blind transfer (transfer.go) makes a call
// without a caller's INVITE, whose front is the transfer; when it is answered, who stays is taken
// out of its call (leg.detach) and becomes the caller (call.attach). An attended one (attended.go) makes a
// call of two legs of two other calls, which may lie in different shards. Each call has its own
// record, so the records say who talked to whom. A take-over by Replaces (takeover.go) lends the peer to the new phone's call and gives
// it back if that comes to nothing (loan.go).
//
// A call that is asked for over the API (dial.go) has a front, too: a second call, seen by nobody, holds the phones of the slot.
//
// # Seams
//
// A fork can be added while others ring (call.fork).
//
// The package may import sip/*, routing, internal/calls and internal/media. It must not
// import store, admin or fax.
package b2bua
