package transfer

import (
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// Names of the parts of a file.
const (
	partManifest = "manifest.json"
	partSchema   = "schema.json"
	partUsers    = "users.json"
	partPhones   = "phones.json"
	partGroups   = "groups.json"
	partSystem   = "system.json"
	partSecrets  = "secrets.age"
)

// Manifest says what a file is and holds.
type Manifest struct {
	Format        string    `json:"format" doc:"Always koppelfeld-export"`
	FormatVersion int       `json:"format_version" doc:"Counts from 1"`
	Program       string    `json:"program" doc:"Version of the program that wrote the file"`
	MadeAt        time.Time `json:"made_at"`
	Source        string    `json:"source" doc:"SIP domain of the server that it comes from"`
	What          []What    `json:"what" doc:"Kinds of objects that were asked for"`
	Everything    bool      `json:"everything" doc:"All users and groups of the server, not chosen ones"`
	ForGroups     []string  `json:"for_groups,omitempty" doc:"Groups whose members were asked for"`
	ForUsers      []string  `json:"for_users,omitempty" doc:"Users who were asked for by name"`
	Secrets       bool      `json:"secrets" doc:"There is a part secrets.age, locked with a passphrase"`
	Counts        Counts    `json:"counts"`
	Parts         []Part    `json:"parts" doc:"All other files of the archive"`
}

// Part names a file of the archive with what it must be.
type Part struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes" doc:"Unpacked"`
	SHA256 string `json:"sha256" doc:"Of the unpacked file, in hexadecimal"`
}

// Counts are the objects of a file by kind.
type Counts struct {
	Users        int `json:"users"`
	Numbers      int `json:"numbers"`
	Slots        int `json:"slots"`
	Profiles     int `json:"profiles"`
	Groups       int `json:"groups"`
	HuntGroups   int `json:"hunt_groups"`
	PickupGroups int `json:"pickup_groups"`
	Calendars    int `json:"calendars"`
	Rules        int `json:"rules"`
	Codes        int `json:"codes"`
	FaxLines     int `json:"fax_lines"`
}

// What is a kind of objects that can be asked for.
type What string

// Kinds of objects. System is what belongs to nobody: calendars, system-wide rules, function codes, fax lines.
const (
	WhatUsers  What = "users"
	WhatPhones What = "phones"
	WhatGroups What = "groups"
	WhatSystem What = "system"
)

// usersPart is users.json.
type usersPart struct {
	Users []User `json:"users"`
}

// User is a user with numbers in the order of the matrix and forwarding profiles in their order.
type User struct {
	ID            string               `json:"id" doc:"On the server that the file comes from"`
	Username      string               `json:"username"`
	FirstName     string               `json:"first_name,omitempty"`
	LastName      string               `json:"last_name,omitempty"`
	Email         string               `json:"email,omitempty"`
	DND           bool                 `json:"dnd,omitempty" doc:"Do not disturb"`
	StatusPrivate bool                 `json:"status_private,omitempty"`
	URL           string               `json:"url,omitempty"`
	Settings      directory.Parameters `json:"settings,omitzero" doc:"The user's own; what is missing follows the groups"`
	ShownInside   []string             `json:"shown_numbers_inside,omitempty"`
	ShownOutside  []string             `json:"shown_numbers_outside,omitempty"`
	Blocks        []directory.Block    `json:"call_blocking,omitempty"`
	Numbers       []Number             `json:"numbers,omitempty"`
	Profiles      []Profile            `json:"profiles,omitempty"`
}

// Number is a number with the settings of calls for it.
type Number struct {
	Number      string               `json:"number"`
	DisplayName string               `json:"display_name,omitempty"`
	Settings    directory.Parameters `json:"settings,omitzero" doc:"The number's own; what is missing follows the groups"`
	Profile     string               `json:"profile,omitempty" doc:"Name of the forwarding profile that is chosen by hand"`
	Chosen      time.Time            `json:"chosen,omitzero" doc:"When it, or none, was chosen"`
	Schedule    *Schedule            `json:"schedule,omitempty"`
}

// Schedule says which profile is in force when.
type Schedule struct {
	Calendar calendar.Spec `json:"calendar"`
	Profiles []string      `json:"profiles" doc:"For each entry of the calendar the name of a profile, empty for none"`
}

// Profile is a forwarding profile. Calendars are named in its rules.
type Profile struct {
	ID       string                   `json:"id"`
	Name     string                   `json:"name"`
	ByCode   bool                     `json:"by_code,omitempty" doc:"Made by the function code that forwards"`
	Table    []directory.CaseRule     `json:"table,omitempty"`
	Extended []directory.ExtendedRule `json:"extended,omitempty"`
}

// phonesPart is phones.json.
type phonesPart struct {
	Slots []Slot `json:"slots"`
}

// Slot is a place for a device of a user, in the order of the matrix. Its SIP password is in the secrets.
type Slot struct {
	ID            string             `json:"id"`
	User          string             `json:"user"`
	Type          directory.SlotType `json:"type"`
	Name          string             `json:"name"`
	DND           bool               `json:"dnd,omitempty"`
	MobileNumber  string             `json:"mobile_number,omitempty"`
	SIPUsername   string             `json:"sip_username,omitempty"`
	Numbers       []string           `json:"numbers,omitempty" doc:"Numbers of the user that are ticked for the slot"`
	DefaultNumber string             `json:"default_number,omitempty"`
}

// groupsPart is groups.json.
type groupsPart struct {
	Groups       []Group       `json:"groups"`
	HuntGroups   []HuntGroup   `json:"hunt_groups"`
	PickupGroups []PickupGroup `json:"pickup_groups"`
}

// Group is a group of users, slots or fax lines.
type Group struct {
	ID         string               `json:"id,omitempty"`
	Name       string               `json:"name"`
	Title      string               `json:"title"`
	Type       directory.GroupType  `json:"type"`
	BuiltIn    bool                 `json:"built_in,omitempty"`
	Partial    bool                 `json:"partial,omitempty" doc:"Only members that are in the file are listed; rights and settings are left out"`
	Parameters directory.Parameters `json:"parameters,omitzero" doc:"What the group gives to its members"`
	Members    []string             `json:"members,omitempty" doc:"User names, or names of fax lines"`
	Slots      []SlotRef            `json:"slots,omitempty" doc:"Members of a group of slots"`
	Groups     []string             `json:"groups,omitempty" doc:"Names of groups that are in this one"`
	Grants     []Grant              `json:"grants,omitempty" doc:"What the members may do"`
}

// SlotRef names a slot: its user and name are for people, the ID is that in phones.json.
type SlotRef struct {
	User string `json:"user"`
	Name string `json:"name"`
	ID   string `json:"id"`
}

// Grant is what the members of a group may do with those of another.
type Grant struct {
	Permission directory.Permission `json:"permission"`
	Objects    string               `json:"objects,omitempty" doc:"Name of a group"`
}

// HuntGroup spreads calls over numbers.
type HuntGroup struct {
	ID            string               `json:"id"`
	Name          string               `json:"name"`
	Number        string               `json:"number"`
	DisplayName   string               `json:"display_name,omitempty"`
	Settings      directory.Parameters `json:"settings,omitzero" doc:"Of the number"`
	Strategy      directory.Strategy   `json:"strategy"`
	Partial       bool                 `json:"partial,omitempty" doc:"Only numbers that are in the file are listed"`
	Members       []string             `json:"members,omitempty" doc:"Numbers, in order"`
	MemberSeconds int                  `json:"member_seconds,omitempty"`
	Seconds       int                  `json:"seconds"`
	Overflow      []directory.CaseRule `json:"overflow,omitempty"`
}

// PickupGroup lets its members take each other's calls.
type PickupGroup struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Partial bool     `json:"partial,omitempty" doc:"Only users who are in the file are listed"`
	Users   []string `json:"users,omitempty"`
}

// systemPart is system.json.
type systemPart struct {
	Calendars []Calendar `json:"calendars"`
	Rules     []Rule     `json:"rules"`
	Codes     []Code     `json:"codes"`
	FaxLines  []FaxLine  `json:"fax_lines"`
}

// Calendar is a calendar that rules name.
type Calendar struct {
	ID   string        `json:"id"`
	Name string        `json:"name"`
	Spec calendar.Spec `json:"spec"`
}

// Rule is a system-wide rule, in their order. Its calendar is named.
type Rule struct {
	ID      string               `json:"id"`
	Name    string               `json:"name"`
	Enabled bool                 `json:"enabled"`
	When    directory.Conditions `json:"when"`
	Action  directory.Action     `json:"action"`
	Tests   []directory.RuleTest `json:"tests,omitempty"`
}

// Code is a function code.
type Code struct {
	Action  directory.CodeAction `json:"action"`
	Code    string               `json:"code"`
	Enabled bool                 `json:"enabled"`
}

// FaxLine is a number of a fax line.
type FaxLine struct {
	Number      string               `json:"number"`
	Line        string               `json:"line"`
	DisplayName string               `json:"display_name,omitempty"`
	Settings    directory.Parameters `json:"settings,omitzero"`
}

// secretsPart is what secrets.age holds.
type secretsPart struct {
	Users []UserSecret `json:"users"`
	Slots []SlotSecret `json:"slots"`
}

// UserSecret is what a user logs in with. Second factors are not carried: a passkey is bound to the name of its server.
type UserSecret struct {
	Username           string `json:"username"`
	Password           string `json:"password_hash,omitempty"`
	MustChangePassword bool   `json:"must_change_password,omitempty"`
	PIN                string `json:"pin_hash,omitempty"`
}

// SlotSecret is the SIP password of a slot.
type SlotSecret struct {
	SIPUsername string `json:"sip_username"`
	SIPSecret   string `json:"sip_secret"`
}

// Contents is all that a file holds.
type Contents struct {
	Manifest Manifest
	usersPart
	phonesPart
	groupsPart
	systemPart
	secrets *secretsPart // nil when there are none, or nobody has unlocked them
}

// Unlocked reports whether the secrets of the file have been read.
func (c *Contents) Unlocked() bool { return c.secrets != nil }

func (c *Contents) count() Counts {
	n := Counts{
		Users: len(c.Users), Slots: len(c.Slots), Groups: len(c.Groups), HuntGroups: len(c.HuntGroups), PickupGroups: len(c.PickupGroups),
		Calendars: len(c.Calendars), Rules: len(c.Rules), Codes: len(c.Codes), FaxLines: len(c.FaxLines),
	}
	for i := range c.Users {
		n.Numbers += len(c.Users[i].Numbers)
		n.Profiles += len(c.Users[i].Profiles)
	}
	return n
}
