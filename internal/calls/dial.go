package calls

import (
	"encoding/json"
	"strconv"
)

// Dial asks for a call that begins with the system: the phones of a slot ring, and when one has answered a number is called in its name.
type Dial struct {
	SlotID string // its phones ring first
	UserID string // whose slot it is
	To     string // as dialled
	Show   string // the number to be shown, "" for the slot's own
	By     string // ID of the user who asks
	// AutoAnswer asks the phone to answer by itself.
	AutoAnswer bool
}

// Refusal is the error of a call that was not begun.
type Refusal struct {
	Result Result
	Status int // that a phone would have got
	Cause  string
	// Reasons is the routing trace as JSON, for routing.ReadTrace; nil when the routing was not asked.
	Reasons json.RawMessage
}

// Error implements error.
func (r *Refusal) Error() string {
	return "the call was refused with " + strconv.Itoa(r.Status) + ": " + r.Cause
}
