// Package event carries SIP events (RFC 6665): the notifier's side, which takes SUBSCRIBE and sends NOTIFY, and
// a small subscriber's side. It is the mechanism; what can be watched are Packages, which register with a Server: lamps
// (package dialoginfo), later message waiting, presence and others.
//
// A subscription is plain state owned by the shard of its Call-ID. Its life is a pure function of state and event,
// next in machine.go; testdata/matrix.txt shows all pairs.
//
//	SUBSCRIBE ──▶ door (digest) ──▶ Package.Authorize ──▶ subscription ──NOTIFY──▶ phone
//	                                                         ▲ one at a time, the newest state wins
//	         Server.Changed(package, resource) ──Post────────┘
//
// A NOTIFY always holds the whole state as it is when it is sent, so that a lost, late or coalesced one cannot leave
// a subscriber with a wrong picture, and nothing has to be queued for slow ones: one bit per subscription says that there
// is news. Versions count per subscription.
//
// A Subscriber (subscriber.go) is the other side: it takes NOTIFYs before the 200 as well as after it, refreshes, and says
// when another try makes sense. Nothing of the daemon subscribes yet.
//
// Who does not know a password leaves nothing behind. Subscriptions are bounded per account and in all; they end
// by their own end, by a NOTIFY that is refused or not answered, with their connection, and when the Server stops.
//
// The package starts no goroutine. It imports sip, sip/message, sip/transport, sip/transaction, sip/dialog and sip/auth.
package event
