// Package transaction is the transaction layer of one shard: the four state
// machines of RFC 3261 section 17 with the corrections of RFC 6026, on a timing
// wheel. Retransmission sends stored bytes and never re-enters the user.
//
// A Layer belongs to one shard. All its methods and all callbacks run in that
// shard, one at a time; nothing here locks or starts a goroutine. The package
// imports message and transport alone.
package transaction

import (
	"errors"
	"time"
)

// Timer values of RFC 3261 section 17 (table 4).
const (
	T1 = 500 * time.Millisecond
	T2 = 4 * time.Second
	T4 = 5 * time.Second

	// Lifetime is 64*T1, the value of the timers B, F, H, J, L and M.
	Lifetime = 64 * T1
	// timerD is at least 32 s on unreliable transports.
	timerD = 32 * time.Second
)

// Errors of the layer.
var (
	// ErrTimeout: no response, or no ACK, within 64*T1.
	ErrTimeout = errors.New("transaction: timeout")
	// ErrAnswered: a final response was sent before, this one was not.
	ErrAnswered = errors.New("transaction: already answered")
	// ErrTooMany: the cap on transactions is reached.
	ErrTooMany = errors.New("transaction: too many transactions")
	// ErrMerged: the same request came on another way already (RFC 3261 section 8.2.2.2).
	ErrMerged = errors.New("transaction: merged request")
	// ErrKey: the request cannot name a transaction: no branch, or an overlong one.
	ErrKey = errors.New("transaction: unusable Via")
	// ErrCancelled: the request's CANCEL came before it; it has been answered with 487.
	ErrCancelled = errors.New("transaction: cancelled before it came")
)

type state uint8

// States of all four machines; Calling is the INVITE client's name for Trying.
const (
	stateTrying state = iota
	stateProceeding
	stateCompleted
	stateConfirmed
	stateAccepted
	stateTerminated
	numStates
)

var stateNames = [numStates]string{"trying", "proceeding", "completed", "confirmed", "accepted", "terminated"}

func (s state) String() string { return stateNames[s] }

// wait is how long a transaction lingers to absorb retransmissions: d on an unreliable transport, not at all on a reliable one.
func wait(reliable bool, d time.Duration) time.Duration {
	if reliable {
		return 0
	}
	return d
}
