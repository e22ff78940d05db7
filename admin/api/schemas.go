package api

import (
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// The types below describe those parts of forwarding that the API takes and gives as the domain has them. They are what the OpenAPI
// document shows and what bodies are checked against before the domain sees them; nothing is ever stored in them. That
// they name the same fields as the domain is held by TestSchemasNameWhatTheDomainHas.

// Action is what a rule does with a call.
type Action struct {
	Kind    string   `json:"kind" enum:"number,parallel,voicemail,announcement,reject,allow" doc:"number forwards; parallel rings more numbers; allow stops looking at further rules that apply at once"`
	Number  string   `json:"number,omitempty" maxLength:"16" doc:"For the kind number: inside digits, outside + and digits" example:"417"`
	Numbers []string `json:"numbers,omitempty" maxItems:"10" maxLength:"16" nullable:"false" doc:"For the kind parallel"`
	ID      string   `json:"id,omitempty" maxLength:"64" doc:"For the kinds voicemail and announcement"`
}

// CaseRule is one field of a table: what happens in a case for callers of a class.
type CaseRule struct {
	Case   string `json:"case" enum:"always,busy,no_answer,not_registered"`
	Class  string `json:"class" enum:"inside,outside" doc:"Where the call comes from"`
	After  int    `json:"after,omitempty" minimum:"0" maximum:"180" doc:"Seconds of ringing, for the case no_answer: 5 to 180"`
	Action Action `json:"action"`
}

// Match compares a number as it is shown: inside digits, outside + and digits.
type Match struct {
	Kind  string `json:"kind" enum:"exact,prefix,pattern,hidden" doc:"pattern is RE2 on the whole number; hidden means that no number is shown"`
	Value string `json:"value,omitempty" maxLength:"200" doc:"Empty for the kind hidden" example:"+49661"`
	Not   bool   `json:"not,omitempty" doc:"Holds for all numbers that do not match"`
}

// Conditions must all hold; what is left out asks nothing.
type Conditions struct {
	Class    string   `json:"class,omitempty" enum:"inside,outside,"`
	Caller   *Match   `json:"caller,omitempty"`
	Called   *Match   `json:"called,omitempty" doc:"For system-wide rules"`
	Group    string   `json:"group,omitempty" maxLength:"64" doc:"Name of a user group that the caller belongs to"`
	States   []string `json:"states,omitempty" enum:"busy,no_answer,not_registered" maxItems:"3" nullable:"false" doc:"Of the called number; none: the rule applies at once. Not for system-wide rules"`
	After    int      `json:"after,omitempty" minimum:"0" maximum:"180" doc:"Seconds of ringing, where states names no_answer: 5 to 180"`
	Calendar string   `json:"calendar,omitempty" maxLength:"64" doc:"ID of a calendar of which an entry has to hold"`
	Outside  bool     `json:"outside_calendar,omitempty" doc:"The rule applies while no entry of the calendar holds"`
}

// RuleTest is a call that is tried before each save of its rule.
type RuleTest struct {
	From    string    `json:"from,omitempty" maxLength:"64" doc:"Number that the caller shows, empty for none"`
	Called  string    `json:"called,omitempty" maxLength:"64" doc:"For system-wide rules"`
	State   string    `json:"state,omitempty" enum:"always,busy,no_answer,not_registered,"`
	At      time.Time `json:"at,omitzero" doc:"Needed when the rule names a calendar"`
	Applies bool      `json:"applies" doc:"What is expected"`
}

// ExtendedRule is a rule with conditions.
type ExtendedRule struct {
	Name   string     `json:"name,omitempty" maxLength:"128"`
	When   Conditions `json:"when"`
	Action Action     `json:"action"`
	Tests  []RuleTest `json:"tests,omitempty" maxItems:"20" nullable:"false" doc:"Tried before each save, which is refused when one does not come out as expected"`
}

// Block forbids to dial numbers.
type Block struct {
	Match   Match  `json:"match"`
	Note    string `json:"note,omitempty" maxLength:"128"`
	WithPIN bool   `json:"with_pin,omitempty" doc:"May be dialled when the user has keyed in the PIN. Where several blocks hold the strictest one counts"`
}

// CalendarEntry is a span of time that comes again.
type CalendarEntry struct {
	Name     string   `json:"name,omitempty" maxLength:"100"`
	Days     []string `json:"days,omitempty" enum:"mon,tue,wed,thu,fri,sat,sun" maxItems:"7" doc:"Days of the week, none for every day"`
	From     string   `json:"from,omitempty" default:"00:00" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$" patternDescription:"a time of day from 00:00 to 24:00" example:"08:00"`
	To       string   `json:"to,omitempty" default:"00:00" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$" patternDescription:"a time of day from 00:00 to 24:00" doc:"Does not belong to the span; from and to both 00:00 are the whole day" example:"17:00"`
	First    string   `json:"first,omitempty" pattern:"^$|^([0-9]{4}-)?((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))$" patternDescription:"a date such as 2026-12-24, or 12-24 for every year" doc:"First day, none for no bound" example:"12-24"`
	Last     string   `json:"last,omitempty" pattern:"^$|^([0-9]{4}-)?((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))$" patternDescription:"a date such as 2026-12-24, or 12-24 for every year" doc:"Last day, which belongs to it" example:"01-06"`
	Holidays string   `json:"holidays,omitempty" enum:"not,only," doc:"not: not on holidays; only: on holidays only; empty: a holiday is a day like others"`
}

// OwnHoliday is a holiday of one's own.
type OwnHoliday struct {
	Name string `json:"name,omitempty" maxLength:"100"`
	Date string `json:"date" pattern:"^$|^([0-9]{4}-)?((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))$" patternDescription:"a date such as 2026-12-24, or 12-24 for every year" example:"12-24"`
}

// CalendarSpec are the times of a calendar. At every moment the first entry that matches holds.
type CalendarSpec struct {
	Zone    string          `json:"zone" maxLength:"64" doc:"Name of the time zone in the IANA list" example:"Europe/Berlin"`
	State   string          `json:"state,omitempty" maxLength:"2" doc:"German state whose public holidays count, empty for none" example:"HE"`
	Own     []OwnHoliday    `json:"own,omitempty" maxItems:"200" doc:"Holidays of one's own"`
	Entries []CalendarEntry `json:"entries" maxItems:"200"`
}

// Schedule says which profile is active when.
type Schedule struct {
	Calendar CalendarSpec `json:"calendar"`
	Profiles []string     `json:"profiles" maxItems:"200" maxLength:"64" doc:"For each entry of the calendar the ID of a profile, or an empty text for none"`
}

// describedType joins a type of the domain with the one that describes it.
type describedType struct{ domain, shown reflect.Type }

func describedTypes() []describedType {
	return []describedType{
		{reflect.TypeFor[directory.Action](), reflect.TypeFor[Action]()},
		{reflect.TypeFor[directory.CaseRule](), reflect.TypeFor[CaseRule]()},
		{reflect.TypeFor[directory.Match](), reflect.TypeFor[Match]()},
		{reflect.TypeFor[directory.Conditions](), reflect.TypeFor[Conditions]()},
		{reflect.TypeFor[directory.RuleTest](), reflect.TypeFor[RuleTest]()},
		{reflect.TypeFor[directory.ExtendedRule](), reflect.TypeFor[ExtendedRule]()},
		{reflect.TypeFor[directory.Block](), reflect.TypeFor[Block]()},
		{reflect.TypeFor[directory.Schedule](), reflect.TypeFor[Schedule]()},
		{reflect.TypeFor[calendar.Spec](), reflect.TypeFor[CalendarSpec]()},
		{reflect.TypeFor[calendar.Holiday](), reflect.TypeFor[OwnHoliday]()},
		{reflect.TypeFor[calendar.Entry](), reflect.TypeFor[CalendarEntry]()},
	}
}

func describeTypes(r huma.Registry) {
	for _, d := range describedTypes() {
		r.RegisterTypeAlias(d.domain, d.shown)
	}
}
