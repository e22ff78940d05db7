package directory

import (
	"time"

	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// Case says when a rule of a profile applies (SPEC F1).
type Case string

// The four cases of SPEC F1.
const (
	Always        Case = "always"
	WhenBusy      Case = "busy"
	NoAnswer      Case = "no_answer"
	NotRegistered Case = "not_registered"
)

// Class says where a call entered the system (SPEC F1).
type Class string

// The two caller classes.
const (
	FromInside  Class = "inside"
	FromOutside Class = "outside"
)

// ActionKind says what a rule does with a call (SPEC F4).
type ActionKind string

// Kinds of actions.
const (
	ToNumber       ActionKind = "number"       // forward to Number
	ToParallel     ActionKind = "parallel"     // ring Numbers as well
	ToVoicemail    ActionKind = "voicemail"    // ID is the greeting, empty for the user's own
	ToAnnouncement ActionKind = "announcement" // ID is the announcement
	Reject         ActionKind = "reject"       // refuse the call
	Allow          ActionKind = "allow"        // ring as if no rule after this one were there; for rules that apply at once
)

// Action is what a rule does.
type Action struct {
	Kind    ActionKind `json:"kind"`
	Number  string     `json:"number,omitempty"`  // inside: digits; outside: "+" and digits
	Numbers []string   `json:"numbers,omitempty"` // for ToParallel, 1 to MaxParallel
	ID      string     `json:"id,omitempty"`      // for ToVoicemail and ToAnnouncement
}

// CaseRule is one field of a profile's table: what happens in a case for callers of a class (SPEC F1).
type CaseRule struct {
	Case   Case   `json:"case"`
	Class  Class  `json:"class"`
	After  int    `json:"after,omitempty"` // seconds of ringing, 5 to 180, for NoAnswer alone
	Action Action `json:"action"`
}

// MatchKind says how a number is compared.
type MatchKind string

// Kinds of matches. Numbers are compared as they are shown: inside digits, outside "+" and digits.
const (
	MatchExact   MatchKind = "exact"
	MatchPrefix  MatchKind = "prefix"
	MatchPattern MatchKind = "pattern" // RE2, must match the whole number
	MatchHidden  MatchKind = "hidden"  // no number is shown; Value is empty
)

// Match compares a number.
type Match struct {
	Kind  MatchKind `json:"kind"`
	Value string    `json:"value,omitempty"`
	Not   bool      `json:"not,omitempty"` // holds for all numbers that do not match
}

// Conditions must all hold; what is empty asks nothing (SPEC F6, F7).
type Conditions struct {
	Class    Class  `json:"class,omitempty"`
	Caller   *Match `json:"caller,omitempty"`   // the caller's number
	Called   *Match `json:"called,omitempty"`   // the called number; for system-wide rules alone
	Group    string `json:"group,omitempty"`    // name of a user group the caller belongs to
	States   []Case `json:"states,omitempty"`   // of the called number; empty: the rule applies at once. Not for system-wide rules
	After    int    `json:"after,omitempty"`    // as in CaseRule, when States holds NoAnswer
	Calendar string `json:"calendar,omitempty"` // ID of a calendar, of which an entry holds
	// Outside says that the rule applies while no entry of Calendar holds.
	Outside bool `json:"outside_calendar,omitempty"`
}

// RuleTest is a call that an administrator attaches to a rule. It is tried before each save (issue "with tests").
type RuleTest struct {
	From    string    `json:"from,omitempty"`   // number the caller shows
	Called  string    `json:"called,omitempty"` // for system-wide rules
	State   Case      `json:"state,omitempty"`
	At      time.Time `json:"at,omitzero"` // needed when the rule names a calendar
	Applies bool      `json:"applies"`     // what is expected
}

// ExtendedRule is one of an ordered list (SPEC F6).
type ExtendedRule struct {
	Name   string     `json:"name,omitempty"`
	When   Conditions `json:"when"`
	Action Action     `json:"action"`
	Tests  []RuleTest `json:"tests,omitempty"`
}

// Profile is a named set of forwarding rules of a user (SPEC F1). The extended rules come before the table.
type Profile struct {
	ID       string // ULID
	UserID   string
	Name     string
	Position int // order in the user's list, from 0; function codes choose by it, counted from 1
	Table    []CaseRule
	Extended []ExtendedRule
	ByCode   bool // the function code forward_to has made it and may change it; others are the user's own
	Version  int64
}

// Schedule says which profile of the owner is active for a number when (SPEC F3). Profiles holds, for each entry of the calendar,
// the ID of a profile, or "" for none; while no entry holds none is active.
type Schedule struct {
	Calendar calendar.Spec `json:"calendar"`
	Profiles []string      `json:"profiles"`
}

// Calendar is a named calendar that rules refer to. Its entries are the time that it stands for, such as opening hours.
type Calendar struct {
	ID      string // ULID
	Name    string // unique
	Spec    calendar.Spec
	Version int64
}

// SystemRule forwards numbers system-wide; rules are tried in order before anything else (SPEC F7).
type SystemRule struct {
	ID       string // ULID
	Position int    // from 0
	Name     string
	Enabled  bool
	When     Conditions
	Action   Action
	Tests    []RuleTest
	Version  int64
}

// Strategy says in which order the members of a hunt group ring (SPEC G4).
type Strategy string

// Strategies of hunt groups.
const (
	RingAll    Strategy = "ring_all"
	Linear     Strategy = "linear"      // one after the other, always from the first
	RoundRobin Strategy = "round_robin" // one after the other, each call begins after the one before
)

// HuntGroup (Sammelanschluss) spreads calls to its number over members (SPEC G4).
type HuntGroup struct {
	ID       string // ULID, owner of its number
	Name     string // unique
	Number   string // its number, owned with OwnerHuntGroup
	Strategy Strategy
	Members  []string // numbers of users, in order, each once
	// MemberSeconds is how long a member rings with Linear and RoundRobin, Seconds how long the group rings in all; 5 to 180
	// and 5 to 600.
	MemberSeconds, Seconds int
	// Overflow holds what comes when all members are busy, nobody answers or none is registered, or always. After is
	// not used: Seconds is.
	Overflow []CaseRule
	Version  int64
}

// PickupGroup (Rufannahmegruppe) lets its members take each other's ringing calls (SPEC G5).
type PickupGroup struct {
	ID      string // ULID
	Name    string // unique
	Users   []string
	Version int64
}

// Block forbids a user to dial numbers (Anrufsperre, SPEC G13), or lets them through with the PIN only. Emergency numbers are never
// blocked. Where several blocks hold the strictest one counts.
type Block struct {
	Match   Match  `json:"match"`
	WithPIN bool   `json:"with_pin,omitempty" doc:"May be dialled when the user has keyed in the PIN"`
	Note    string `json:"note,omitempty"`
}

// Permission names what members of a user group may do with members of an object group (SPEC G2).
type Permission string

// Permissions of SPEC G2.
const (
	MayAdmin              Permission = "admin"
	MayFax                Permission = "fax"
	MayBeQueueMember      Permission = "queue_member"
	MayConfigureQueue     Permission = "queue_configure"
	MaySuperviseQueue     Permission = "queue_supervise"
	MayPickUp             Permission = "pickup"
	MayViewPhonebook      Permission = "view_phonebook"
	MayEditPhonebook      Permission = "edit_phonebook"
	MayImpersonate        Permission = "impersonate"
	MayDial               Permission = "dial_class"
	MayIntercom           Permission = "intercom"
	MayOverrideForwarding Permission = "override_forwarding"
	MayDialOutTemporarily Permission = "temp_dialout"
	MayApproveDialOut     Permission = "temp_dialout_approve"
)

// Grant is a permission triple: members of the user group Group may do Permission on members of Objects (SPEC G2). Both are
// names of groups; Objects is empty for MayAdmin.
type Grant struct {
	Group      string
	Permission Permission
	Objects    string
}

// Code is a function code that phones dial (SPEC G10).
type Code struct {
	Action  CodeAction
	Code    string // "*" or "#" or a digit, then digits, "*" and "#"; 2 to 8 characters, unique
	Enabled bool
	Version int64
}

// CodeAction says what a function code does.
type CodeAction string

// Actions of function codes. What follows the code is in braces.
const (
	CodeForwardTo      CodeAction = "forward_to"       // {number}: all calls for the slot's number go there
	CodeForwardOn      CodeAction = "forward_on"       // the forwarding set last by code again
	CodeForwardOff     CodeAction = "forward_off"      // no profile for the slot's number
	CodeProfile        CodeAction = "profile"          // {position}: the profile of that position, 0 for none
	CodeDNDOn          CodeAction = "dnd_on"           // for the slot
	CodeDNDOff         CodeAction = "dnd_off"          //
	CodeWaitingOn      CodeAction = "call_waiting_on"  // for the slot's number
	CodeWaitingOff     CodeAction = "call_waiting_off" //
	CodePickupGroup    CodeAction = "pickup_group"     // the call that has rung longest in the user's pickup groups
	CodePickupNumber   CodeAction = "pickup_number"    // {number}: the call that rings there
	CodeShowNumber     CodeAction = "show_number"      // {own number}*{called number}: shown on this call
	CodeHideNumber     CodeAction = "hide_number"      // {called number}: no number is shown on this call
	CodeHideNumbersOn  CodeAction = "hide_numbers_on"  // no number is shown to callees outside from now on
	CodeHideNumbersOff CodeAction = "hide_numbers_off" //
	CodeEcho           CodeAction = "echo"             // hear oneself
	CodeOwnNumber      CodeAction = "own_number"       // hear the slot's number
)
