package routing

import (
	"fmt"
	"strings"
	"time"
)

// Owner types of numbers that the table knows. They equal those of
// internal/directory; a Feature may carry others.
const (
	OwnerUser    = "user"
	OwnerFaxLine = "fax_line"
	OwnerHunt    = "hunt_group"
)

// slotMobile is the slot type without a SIP account (SPEC M1).
const slotMobile = "mobile"

// Config is the whole configuration as routing needs it. Compile copies what it
// keeps.
type Config struct {
	Users    []User
	Features []Feature
	Globals  Globals
	Settings Settings
}

// Settings apply to the whole system for the life of the process.
type Settings struct {
	// RingTimeout is how long targets ring; 0 leaves it to the caller of Decide.
	RingTimeout time.Duration
	// Outside says that calls can be carried to numbers outside.
	Outside bool
	// Country is the country code that puts outside numbers into international form, see International: "49". Empty: they stay as dialled.
	Country string
}

// User is a person with the numbers and slots of one matrix.
type User struct {
	ID          string
	Username    string
	DisplayName string // shown to others where a number has no name of its own
	DND         bool
	Numbers     []Number // rows of the matrix in their order
	Slots       []Slot   // columns of the matrix in their order
	Profiles    []Profile
	// ShownInside and ShownOutside may be shown beyond the ticked numbers, by class of the callee (SPEC M11).
	ShownInside, ShownOutside []string
	// HideInside and HideOutside suppress the number shown, by class of the callee.
	HideInside, HideOutside bool
	Blocks                  []Block // numbers that must not be dialled, or with the PIN only (SPEC G13)
	HasPIN                  bool    // there is a PIN that the user can key in
	From                    Givers
}

// Block is numbers that a user must not dial. WithPIN lets those through who have keyed in their PIN, see Request.PIN.
type Block struct {
	Match
	WithPIN bool
}

// Number is a row of the matrix.
type Number struct {
	Number      string // 1 to 15 digits
	DisplayName string // empty means the user's
	CallWaiting bool
	BusyOnAny   bool
	MaxCalls    int      // calls at once over this number, 0 means no limit
	RingInside  string   // Alert-Info: "" or "Bellcore-dr1" to "Bellcore-dr8"
	RingOutside string   // the same for outside callers
	Ticked      []string // slot IDs, in any order
	// Profile is the ID of the forwarding profile chosen by hand at Chosen, "" for none. With a Schedule the choice holds until its
	// next change; a zero Chosen means that nothing was ever chosen (SPEC F2, F3).
	Profile  string
	Chosen   time.Time
	Schedule *Schedule
	From     Givers
}

// Giver is a group of users that gives a setting to its members (SPEC G1), empty where none does.
type Giver struct {
	Name  string
	Title string // shown in reasons
}

// Givers say where the settings of a number, or the last two of a user, come from when they are not its own. They are told and decide nothing.
type Givers struct {
	CallWaiting, BusyOnAny, MaxCalls Giver
	HideInside, HideOutside          Giver
}

// Slot is a column of the matrix.
type Slot struct {
	ID            string
	Type          string // desk, dect, mobile, softphone, ucc
	Name          string
	DND           bool
	DefaultNumber string // empty means the first ticked row
	Mobile        string // outside number of a mobile slot, E.164 with "+", or empty
}

// Feature is a number whose kind cannot take calls yet, such as a fax line.
type Feature struct {
	Number    string
	OwnerType string
	OwnerID   string // name of the owner, shown in reasons
}

// Fault is one thing wrong with a configuration.
type Fault struct {
	Path    string // such as users[armin.artmann].numbers[416].ticked[0]
	Code    string // stable, snake_case
	Message string // in words, without the path
}

// Error says where and what.
func (f Fault) Error() string { return f.Path + ": " + f.Message }

// Faults are all faults of a configuration. It is the error of Compile and With.
type Faults []Fault

// Error lists all faults, one per line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Codes of faults.
const (
	FaultNumberTaken   = "number_taken"   // a second owner of a number (SPEC M2)
	FaultNumberInvalid = "number_invalid" // not 1 to 15 digits
	FaultEmergency     = "emergency"      // overlaps 110 or 112 (SPEC R5)
	FaultMaxCalls      = "max_calls"      // negative
	FaultAlert         = "alert"          // no ring sound that phones know
	FaultTickUnknown   = "tick_unknown"   // a tick for a slot that does not exist
	FaultTickForeign   = "tick_foreign"   // a tick for a slot of another user
	FaultTickTwice     = "tick_twice"     // the same slot ticked twice in one row
	FaultDefault       = "default_number" // default number not ticked for the slot
	FaultSlotID        = "slot_id"        // empty
	FaultSlotTaken     = "slot_taken"     // a slot ID in use already
	FaultSlotType      = "slot_type"      // unknown
	FaultMobile        = "mobile"         // not E.164
	FaultUserID        = "user_id"        // empty
	FaultUserTaken     = "user_taken"     // a user ID in use already
	FaultRingTimeout   = "ring_timeout"   // negative
	FaultOwnerType     = "owner_type"     // a feature without an owner type
	FaultCode          = "code"           // a function code that hides a number or another code
	FaultRuleTest      = "rule_test"      // a rule does not do what one of its tests expects
)

type faultList struct{ list Faults }

func (l *faultList) add(path, code, format string, args ...any) {
	l.list = append(l.list, Fault{Path: path, Code: code, Message: fmt.Sprintf(format, args...)})
}

// err returns nil when there is no fault.
func (l *faultList) err() error {
	if len(l.list) == 0 {
		return nil
	}
	return l.list
}

func knownSlotType(typ string) bool {
	switch typ {
	case "desk", "dect", slotMobile, "softphone", "ucc":
		return true
	}
	return false
}

func knownAlert(a string) bool {
	const prefix = "Bellcore-dr"
	return a == "" || len(a) == len(prefix)+1 && a[:len(prefix)] == prefix && a[len(prefix)] >= '1' && a[len(prefix)] <= '8'
}

// checkNumber returns a fault code and message, or empty strings.
func checkNumber(n string) (code, message string) {
	if len(n) < 1 || len(n) > 15 || !digits(n) {
		return FaultNumberInvalid, fmt.Sprintf("%q is not a number of 1 to 15 digits", n)
	}
	for _, e := range []string{"110", "112", "0110", "0112"} {
		if strings.HasPrefix(n, e) || e[0] == '1' && strings.HasPrefix(e, n) {
			return FaultEmergency, fmt.Sprintf("%s overlaps the emergency number %s", n, e)
		}
	}
	return "", ""
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
