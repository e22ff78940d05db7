package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"
)

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

// MergeUndo is how long it can be taken back that users were merged.
const MergeUndo = 90 * 24 * time.Hour

// Mark stands for what merging puts together of a user: matrix, profiles, what is chosen and shown, groups and pickup groups. It differs when
// any of that does. Settings that a merge leaves as they are, such as passwords and call waiting, are not in it, nor are versions.
func (s *Snapshot) Mark(userID string) string {
	u := s.Users[userID]
	if u == nil {
		return ""
	}
	type number struct {
		Number, Profile string
		Chosen          time.Time
		Schedule        *Schedule
		Ticks           []string
	}
	type slot struct{ ID, Name, Default string }
	v := struct {
		DND             bool
		Inside, Outside []string
		Blocks          []Block
		Numbers         []number
		Slots           []slot
		Profiles        []Profile
		Groups          []string
		Pickups         map[string][]string
	}{DND: u.DND, Inside: u.ShownInside, Outside: u.ShownOutside, Blocks: u.Blocks, Groups: s.MemberOf[userID], Pickups: map[string][]string{}}
	for _, row := range s.Rows[userID] {
		n := s.Numbers[row]
		v.Numbers = append(v.Numbers, number{n.Number, n.ProfileID, n.ProfileChosen, n.Schedule, s.Ticks[n.Number]})
	}
	for _, id := range s.Columns[userID] {
		v.Slots = append(v.Slots, slot{id, s.Slots[id].Name, s.Slots[id].DefaultNumber})
	}
	for _, id := range s.ProfilesOf[userID] {
		p := *s.Profiles[id]
		p.Version = 0
		v.Profiles = append(v.Profiles, p)
	}
	for _, g := range s.PickupGroups {
		if slices.Contains(g.Users, userID) {
			v.Pickups[g.ID] = g.Users
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "" // cannot be: all of it has been JSON
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}
