package directory

import "time"

// Merge makes one user of several (SPEC U5): what the user who stays takes over, and how it is arranged then.
type Merge struct {
	Kept string   // ID of the user who stays
	Gone []string // IDs of those who go; their numbers, slots, profiles, memberships and calls become those of Kept
	// Rows and Columns are all numbers and slots of them, in the order of the matrix that Ticks is.
	Rows, Columns []string
	Ticks         map[string][]string
	Defaults      map[string]string // default numbers of slots, by ID; a slot that is missing keeps its own
	SlotNames     map[string]string // new names of slots, by ID
	// Profiles are what the profiles are then, in order: ID, Name, Table and Extended count. A profile of theirs that is missing goes.
	Profiles []Profile
	Groups   []string // names of groups that Kept comes into
	// What the user has then.
	ShownInside, ShownOutside []string
	Blocks                    []Block
	DND                       bool
	QuietSlots                []string // IDs of slots that are put on do not disturb, since their user was
}

// Apart says that users are not one person's accounts, although it looks so. It holds as long as nothing changes of what made it look so.
type Apart struct {
	Mark  string   // stands for what it rests on
	Users []string // IDs, sorted
	Actor string
	At    time.Time
}
