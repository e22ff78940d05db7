package routing

import (
	"time"

	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// Case says when a rule applies (SPEC F1). It is also how ringing can end without an answer, for Plan.Next.
type Case string

// The cases. Always is that of rules that apply at once.
const (
	Always         Case = "always"
	OnBusy         Case = "busy"
	OnNoAnswer     Case = "no_answer"
	OnUnregistered Case = "not_registered"
)

// Profile is a named set of rules of a user, in the order in which they are tried: extended rules before the table (SPEC F1, F6).
type Profile struct {
	ID    string
	Name  string
	Rules []Rule
}

// Rule does something with a call when its conditions hold.
type Rule struct {
	ID    string // of a system-wide rule
	Name  string // may be empty
	Field string // where it stands in its profile or hunt group, as in the HTTP API: "extended[0]", "table[always][inside]"
	When  Conditions
	Do    Action
	After time.Duration // of ringing, for OnNoAnswer; 0 means the system's ring time
	Tests []RuleTest
}

// Conditions must all hold. What is empty asks nothing.
type Conditions struct {
	Cases           []Case // empty: at once
	Class           Class
	Caller          *Match
	Called          *Match // system-wide rules alone
	Group           string // name of a user group of the caller, see Rights
	Calendar        string // ID; an entry of it has to hold, or none with OutsideCalendar
	OutsideCalendar bool
}

// MatchKind says how a number is compared.
type MatchKind string

// Kinds of matches.
const (
	MatchExact   MatchKind = "exact"
	MatchPrefix  MatchKind = "prefix"
	MatchPattern MatchKind = "pattern" // RE2 on the whole number
	MatchHidden  MatchKind = "hidden"  // there is no number
)

// Match compares a number.
type Match struct {
	Kind  MatchKind
	Value string
	Not   bool
}

// ActionKind says what a rule does.
type ActionKind string

// Kinds of actions (SPEC F4).
const (
	Forward      ActionKind = "number"
	Parallel     ActionKind = "parallel"
	Voicemail    ActionKind = "voicemail"
	Announcement ActionKind = "announcement"
	Reject       ActionKind = "reject"
	Allow        ActionKind = "allow"
)

// Action is what a rule does.
type Action struct {
	Kind    ActionKind
	Number  string
	Numbers []string
	ID      string
}

// RuleTest is a call that an administrator has attached to a rule.
type RuleTest struct {
	From    string
	Called  string
	State   Case // empty is Always
	At      time.Time
	Applies bool
}

// Schedule says which profile is active for a number when (SPEC F3): Profiles holds an ID, or "", for each entry of the calendar.
type Schedule struct {
	Calendar calendar.Spec
	Profiles []string
}

// Calendar is a calendar that rules name by ID.
type Calendar struct {
	ID   string
	Name string
	Spec calendar.Spec
}

// Strategies of hunt groups (SPEC G4).
const (
	RingAll    = "ring_all"
	Linear     = "linear"
	RoundRobin = "round_robin"
)

// Hunt is a hunt group.
type Hunt struct {
	ID         string
	Name       string
	Number     string
	Strategy   string
	Members    []string      // numbers
	MemberTime time.Duration // ringing of one member, for Linear and RoundRobin
	RingTime   time.Duration // ringing of the group in all
	Overflow   []Rule
}

// PickupGroup lets its users take each other's calls (SPEC G5).
type PickupGroup struct {
	ID    string
	Name  string
	Users []string // IDs
}

// Code is a function code; see the CodeActions.
type Code struct {
	Action string
	Code   string
}

// Actions of function codes, as in internal/directory.
const (
	CodeForwardTo      = "forward_to"
	CodeForwardOn      = "forward_on"
	CodeForwardOff     = "forward_off"
	CodeProfile        = "profile"
	CodeDNDOn          = "dnd_on"
	CodeDNDOff         = "dnd_off"
	CodeWaitingOn      = "call_waiting_on"
	CodeWaitingOff     = "call_waiting_off"
	CodePickupGroup    = "pickup_group"
	CodePickupNumber   = "pickup_number"
	CodeShowNumber     = "show_number"
	CodeHideNumber     = "hide_number"
	CodeHideNumbersOn  = "hide_numbers_on"
	CodeHideNumbersOff = "hide_numbers_off"
	CodeEcho           = "echo"
	CodeOwnNumber      = "own_number"
	CodeUnknown        = "unknown" // of an order: a code that does not exist
)

// OrderPIN is the action of an order that no code gives: the caller is asked for his PIN. Argument is what he has dialled.
const OrderPIN = "pin"

// Rights answers from the same configuration as the table what users may. Both methods are asked only where a rule
// or a code depends on them; they must be pure and quick.
type Rights interface {
	// InGroup says whether the user belongs to the named user group.
	InGroup(group, userID string) bool
	// MayPickUp says whether the user may take calls that ring for the owner by permission (SPEC G2, pickup).
	MayPickUp(userID, ownerID string) bool
}

// Globals are what belongs to no single user. A change of one replaces them all.
type Globals struct {
	Hunts     []Hunt
	Rules     []Rule // system-wide, in order (SPEC F7)
	Calendars []Calendar
	Pickups   []PickupGroup
	Codes     []Code
	Rights    Rights // nil: nobody belongs to a group, nobody may anything
}
