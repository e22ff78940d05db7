package dialog

import "time"

// Exchange is the state of offer and answer in one dialog (RFC 3264). The zero
// value is Stable.
type Exchange uint8

// States of an exchange.
const (
	Stable        Exchange = iota // no offer is open
	OfferSent                     // our offer waits for the peer's answer
	OfferReceived                 // the peer's offer waits for our answer
)

// Event is what happens to an exchange.
type Event uint8

// Events of an exchange.
const (
	SendOffer Event = iota
	SendAnswer
	ReceiveOffer
	ReceiveAnswer
	Reject // the open offer was refused or withdrawn, by whichever side
	events
)

// Verdict is the answer of Next.
type Verdict uint8

// Verdicts.
const (
	// OK: the event fits.
	OK Verdict = iota
	// Glare: the peer's offer crosses ours; refuse it with 491 (RFC 3261 section 14.2).
	Glare
	// Pending: the peer's offer comes before we answered its last one; refuse it with
	// 500 and Retry-After (RFC 3311 section 5.2).
	Pending
	// Wrong: the event has no place here. Ours must not be sent, the peer's is to be ignored.
	Wrong
)

// Next gives the state after e. The state is unchanged unless the verdict is OK.
func (x Exchange) Next(e Event) (Exchange, Verdict) {
	switch e {
	case SendOffer:
		if x == Stable {
			return OfferSent, OK
		}
	case ReceiveOffer:
		switch x {
		case Stable:
			return OfferReceived, OK
		case OfferSent:
			return x, Glare
		case OfferReceived:
			return x, Pending
		}
	case SendAnswer:
		if x == OfferReceived {
			return Stable, OK
		}
	case ReceiveAnswer:
		if x == OfferSent {
			return Stable, OK
		}
	case Reject:
		if x != Stable {
			return Stable, OK
		}
	}
	return x, Wrong
}

// GlareWait is how long to wait after a 491 before the request is tried again (RFC
// 3261 section 14.1): 2.1 to 4 s for the side that made the Call-ID, up to 2 s for
// the other, in steps of 10 ms. random returns a number in [0, n).
func GlareWait(owner bool, random func(n int) int) time.Duration {
	const step = 10 * time.Millisecond
	if owner {
		return 2100*time.Millisecond + time.Duration(random(191))*step
	}
	return time.Duration(random(201)) * step
}
