package transfer

import (
	"encoding/json"
)

// Kind is a kind of objects in the result of an import.
type Kind string

// Kinds, in the order in which they are shown.
const (
	KindUser     Kind = "user"
	KindNumber   Kind = "number"
	KindSlot     Kind = "slot"
	KindProfile  Kind = "profile"
	KindGroup    Kind = "group"
	KindHunt     Kind = "hunt_group"
	KindPickup   Kind = "pickup_group"
	KindCalendar Kind = "calendar"
	KindRule     Kind = "forwarding_rule"
	KindCode     Kind = "code"
	KindFax      Kind = "fax_line"
	// KindWhole is what concerns no object alone, such as a fault of the configuration as a whole.
	KindWhole Kind = "configuration"
)

// Kinds lists all of them.
var Kinds = []Kind{KindUser, KindNumber, KindSlot, KindProfile, KindGroup, KindHunt, KindPickup, KindCalendar, KindRule, KindCode, KindFax, KindWhole}

// Action is what becomes of an object.
type Action string

// Actions. An object in conflict is left as it is here.
const (
	New      Action = "new"
	Changed  Action = "changed"
	Same     Action = "same"
	Removed  Action = "removed"
	Conflict Action = "conflict"
)

// Item is one object of the file, or one that goes because the file does not have it.
type Item struct {
	Kind     Kind
	Name     string
	Owner    string // user name for numbers, slots and profiles
	Action   Action
	Fields   []Difference
	Problems []Problem
}

// Difference is a field that changes. Secrets have neither Before nor After.
type Difference struct {
	Field         string
	Before, After json.RawMessage
}

// Problem says why an object is in conflict.
type Problem struct {
	Code    string // "taken", "other_person", "invalid", "missing", "type"
	Field   string // may be empty
	Message string
	De      string // the same in German, empty for what the store says: its messages have their German text with the pages
}

// Result says what an import does, or would do.
type Result struct {
	Items      []Item
	NewSecrets int // slots for which a SIP password was made, since the file brings none
	NoPassword int // new users who cannot log in before somebody sets their password
}

// Count counts the objects of a kind ("" for all) and action.
func (r *Result) Count(k Kind, a Action) int {
	n := 0
	for i := range r.Items {
		if (k == "" || r.Items[i].Kind == k) && r.Items[i].Action == a {
			n++
		}
	}
	return n
}

// Refuse adds a conflict that is found after the import, such as one of the trial compile.
func (r *Result) Refuse(name, message string) {
	r.Items = append(r.Items, Item{Kind: KindWhole, Name: name, Action: Conflict, Problems: []Problem{{Code: "invalid", Message: message}}})
}

// ConflictsError takes back an import that has conflicts. Its Result says which.
type ConflictsError struct{ Result *Result }

// Error says how many there are.
func (e *ConflictsError) Error() string {
	if e.Result.Count("", Conflict) == 1 {
		return "one object of the file is in conflict with what is here; nothing has been changed"
	}
	return "objects of the file are in conflict with what is here; nothing has been changed"
}
