// Package routing decides for each call which slots ring. It compiles the
// configuration into an immutable Table and answers "who rings?" from the
// request and the live state it is handed (SPEC M1 to M10, F8).
//
// It is pure: no I/O, no clock, no log, no goroutine, no lock. A Table and a
// Plan may be used from any number of goroutines. The package may import only
// the standard library and internal/phonenum.
package routing

import "time"

// Class says where a call entered the system. It is fixed where the call
// enters and kept for its whole life (SPEC F1).
type Class string

// The two caller classes.
const (
	Inside  Class = "inside"
	Outside Class = "outside"
)

// Caller describes who calls.
type Caller struct {
	Class Class
	// SlotID and UserID name the authenticated slot of an inside caller.
	SlotID string
	UserID string
	// Number is what an outside caller shows, E.164 with "+" or empty when
	// suppressed. For inside callers it is ignored: the number shown follows from
	// the slot, see Wanted.
	Number string
	// Name is the display name an outside caller sent.
	Name string
	// Wanted is the number the slot asked to show for this call (user part of
	// P-Preferred-Identity or From), empty for the slot's default (SPEC M5). What
	// is no number, such as the account's own name, counts as empty.
	Wanted string
}

// Request is one question to the table: who rings if Caller calls Called at At?
type Request struct {
	Called string // as dialled
	Caller Caller
	At     time.Time
}

// Live is the state of the moment that a decision needs. Implementations must
// answer without blocking; the table calls NumberCalls at most once and the two
// others at most once for each slot of the called number's owner. The call that
// asks must not be counted yet.
type Live interface {
	// SlotCalls counts the calls that are up or being set up with the slot as
	// caller or as callee who answered. A slot that merely rings is not in a call.
	SlotCalls(slotID string) int
	// NumberCalls counts the calls that run over the number: those that ring or
	// are up for it as called number, and those that were made showing it.
	NumberCalls(number string) int
	// Registered reports whether at least one contact is registered for the slot.
	Registered(slotID string) bool
}

// Target is one slot to ring.
type Target struct {
	SlotID string
	UserID string
	Type   string // slot type as in internal/directory: desk, dect, mobile, softphone, ucc
	Number string // number over which it rings
	Alert  string // Alert-Info value such as "Bellcore-dr1", empty for the phone's own
	Mobile string // outside number to dial for a mobile slot, empty otherwise
	// RingTimeout ends the ringing of this slot alone; 0 means that it rings as long as the plan says.
	RingTimeout time.Duration
}

// Outcome says why a plan has no targets, or how a call whose targets all
// failed is to be answered.
type Outcome string

// Outcomes and the SIP status that sip/b2bua maps them to.
const (
	Ring          Outcome = "ring"           // targets are to be rung
	NoSuchNumber  Outcome = "no_such_number" // 404
	Busy          Outcome = "busy"           // 486
	NotRegistered Outcome = "not_registered" // 480
	Forbidden     Outcome = "forbidden"      // 403
	NoRoute       Outcome = "no_route"       // 404: an outside number and no trunk to carry it
	Unsupported   Outcome = "unsupported"    // 501: a number whose kind cannot take calls yet
)

// Identity is a number and a name to show.
type Identity struct {
	Number string
	Name   string
}

// Setting names the stored setting that caused a step of a decision, so that a
// page can link to it.
type Setting struct {
	Type  string `json:"type"`  // "number", "slot", "user", "matrix"
	ID    string `json:"id"`    // number, slot ID or user name
	Field string `json:"field"` // name as in the HTTP API
}

// Reason is one step of a decision, in order (SPEC F8).
type Reason struct {
	Code string `json:"code"` // stable, snake_case
	// De and En say the same in words.
	De string `json:"de"`
	En string `json:"en"`
	// Setting is nil when no setting caused the step.
	Setting *Setting `json:"setting,omitempty"`
	SlotID  string   `json:"slot_id,omitempty"`
	Number  string   `json:"number,omitempty"`
}

// Plan is the immutable answer to a Request. The words that explain it are made
// on demand by Explain, so that deciding costs no text.
type Plan struct {
	Outcome Outcome
	// Number is the number that takes the call after normalisation.
	Number string
	// OwnerType and OwnerID name its owner.
	OwnerType string
	OwnerID   string
	// Targets ring at once. Empty unless Outcome is Ring.
	Targets []Target
	// Shown is what the callee sees of the caller.
	Shown Identity
	// ShownCalled is what the caller sees of the callee (number and display name).
	ShownCalled Identity
	// CallerNumber is the own number an inside caller shows and over which the
	// call runs, empty for outside callers.
	CallerNumber string
	// RingTimeout ends ringing with NoAnswer; 0 means the system's default.
	RingTimeout time.Duration

	// steps are the decision in compact form; Explain puts them into words.
	steps []step
}
