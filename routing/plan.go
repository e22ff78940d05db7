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
	// Diverted are the numbers that forwarded the call before it came here, the last one first (Diversion, History-Info). They
	// count as hops; a call that comes to one of them again has gone in a circle.
	Diverted []string
	// PIN says that the caller has keyed in the PIN of his user.
	PIN bool
}

// Live is the state of the moment that a decision needs. Implementations must
// answer without blocking; the table asks at most once for each number that a plan looks at, and for each of its slots. The call that
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
	// HuntTurn counts the calls that a hunt group of strategy round robin has spread so far, see Plan.Turn.
	HuntTurn(huntID string) int
}

// Target is one place to ring: a slot, or a number outside.
type Target struct {
	SlotID string // empty for a number outside that is no mobile slot
	UserID string // on whose behalf it is rung
	Type   string // slot type as in internal/directory: desk, dect, mobile, softphone, ucc; empty for a number outside
	Number string // number over which it rings; empty when the caller dialled outside
	Alert  string // Alert-Info value such as "Bellcore-dr1", empty for the phone's own
	// Outside is the number to dial outside, of a mobile slot too: "+" and digits where Settings allow to know, else as dialled.
	Outside string
	// Emergency calls go out whatever is full (SPEC R5).
	Emergency bool
	// Hide says that this number outside must not see the caller's number, though others that ring do.
	Hide bool
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
	Declined      Outcome = "declined"       // 603: a rule rejects the call
	Unanswered    Outcome = "no_answer"      // 480: nobody answered, and nothing more is to come
	Looped        Outcome = "looped"         // 482: a chain of forwards came to a number twice
	TooManyHops   Outcome = "too_many_hops"  // 483: more than MaxHops forwards
	AskPIN        Outcome = "pin"            // 403 where nobody can key in anything: the caller is to be asked for his PIN, see Plan.Command; then the call is decided again
	Command       Outcome = "command"        // a function code: Plan.Command says what is to be done, the caller hears whether it was
)

// MaxHops bounds the forwards of one call (SPEC F5).
const MaxHops = 10

// Hop is one forward on the way of a call (SPEC F5).
type Hop struct {
	From string // number that was called
	To   string
	// Why is the case of the rule, or "system" for a system-wide one.
	Why    Case
	UserID string // owner of From, empty for a hunt group or a system-wide rule
}

// BySystem is Hop.Why of a system-wide rule.
const BySystem Case = "system"

// Order is what a function code wants (SPEC G10). Argument is what followed the code, digits only.
type Order struct {
	Action   string // CodeForwardTo …, or OrderPIN
	UserID   string // the caller
	SlotID   string
	Number   string // the number that the slot shows: settings of numbers are changed there
	Argument string
	// Numbers are those whose ringing calls may be taken, for CodePickupGroup and CodePickupNumber.
	Numbers []string
	// Refused says that nothing is to be done but to let the caller hear so: the number is missing, or it may not be picked up. The outcome says why.
	Refused bool
}

// Identity is a number and a name to show.
type Identity struct {
	Number string
	Name   string
}

// Setting names the stored setting that caused a step of a decision, so that a
// page can link to it.
type Setting struct {
	// Type is "number", "slot", "user", "matrix", "profile", "hunt_group", "pickup_group", "forwarding_rule" or "code".
	Type  string `json:"type"`
	ID    string `json:"id"`    // number, slot ID, user name, action of a code, else the ID of the object
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
	// RingTimeout ends ringing with OnNoAnswer; 0 means the system's default.
	RingTimeout time.Duration
	// Hops are the forwards so far, in order.
	Hops []Hop
	// Keep says, of a plan from Next, that what rings already rings on.
	Keep bool
	// Turn is the ID of a hunt group whose turn is to be counted when this plan is carried out.
	Turn string
	// Command is set when Outcome is Command or AskPIN, and when a function code is refused.
	Command *Order

	// steps are the decision in compact form; Explain puts them into words.
	steps []step
	// more is what Next goes on with, nil when there is nothing.
	more *continuation
}
