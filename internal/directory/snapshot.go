package directory

import (
	"slices"
	"strings"
)

// NewSnapshot returns an empty snapshot at revision 0 with all maps made.
func NewSnapshot() *Snapshot {
	return &Snapshot{
		Users:          map[string]*User{},
		ByName:         map[string]*User{},
		Numbers:        map[string]*Number{},
		Slots:          map[string]*Slot{},
		Groups:         map[string]*Group{},
		Members:        map[string][]string{},
		Rows:           map[string][]string{},
		Columns:        map[string][]string{},
		Ticks:          map[string][]string{},
		MatrixVersions: map[string]int64{},
		Profiles:       map[string]*Profile{},
		ProfilesOf:     map[string][]string{},
		Calendars:      map[string]*Calendar{},
		HuntGroups:     map[string]*HuntGroup{},
		PickupGroups:   map[string]*PickupGroup{},
		Codes:          map[CodeAction]*Code{},
	}
}

// FullName returns first and last name, or the user name when both are empty.
func (u *User) FullName() string {
	if name := strings.TrimSpace(u.FirstName + " " + u.LastName); name != "" {
		return name
	}
	return u.Username
}

// OwnerName names the owner of a number for people: "armin.artmann (Armin
// Artmann)" for a user, the name of the line for a fax line.
func (s *Snapshot) OwnerName(n *Number) string {
	if n.OwnerType != OwnerUser {
		return n.OwnerID
	}
	u := s.Users[n.OwnerID]
	switch {
	case u == nil:
		return n.OwnerID
	case u.FullName() == u.Username:
		return u.Username
	}
	return u.Username + " (" + u.FullName() + ")"
}

// Ticked reports whether the number is ticked for the slot.
func (s *Snapshot) Ticked(number, slotID string) bool {
	return slices.Contains(s.Ticks[number], slotID)
}

// TickedNumbers lists the numbers ticked for the slot in the order of the rows.
func (s *Snapshot) TickedNumbers(slotID string) []string {
	slot := s.Slots[slotID]
	if slot == nil {
		return nil
	}
	var numbers []string
	for _, n := range s.Rows[slot.UserID] {
		if s.Ticked(n, slotID) {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// DefaultNumber returns the number that the slot shows on outgoing calls when
// its user picks none: the slot's own choice if it is ticked, else the first
// ticked number (SPEC M5). It is empty when no number is ticked.
func (s *Snapshot) DefaultNumber(slotID string) string {
	slot := s.Slots[slotID]
	if slot == nil {
		return ""
	}
	if slot.DefaultNumber != "" && s.Ticked(slot.DefaultNumber, slotID) {
		return slot.DefaultNumber
	}
	if numbers := s.TickedNumbers(slotID); len(numbers) > 0 {
		return numbers[0]
	}
	return ""
}

// Matrix returns a copy of the user's matrix: every number of the user with the
// IDs of its ticked slots in the order of the columns, empty rows included.
func (s *Snapshot) Matrix(userID string) map[string][]string {
	m := make(map[string][]string, len(s.Rows[userID]))
	for _, n := range s.Rows[userID] {
		m[n] = append([]string{}, s.Ticks[n]...)
	}
	return m
}

// Belongings lists what is removed together with a user.
type Belongings struct {
	Numbers []string // freed, in the order of the rows
	Slots   []*Slot  // in the order of the columns
	Ticks   int      // count
	Groups  []string // names of the groups that list the user, sorted
}

// Belongings says what DeleteUser would remove together with the user, so that
// people can be told before (SPEC A3).
func (s *Snapshot) Belongings(userID string) Belongings {
	b := Belongings{Numbers: slices.Clone(s.Rows[userID])}
	for _, n := range b.Numbers {
		b.Ticks += len(s.Ticks[n])
	}
	for _, id := range s.Columns[userID] {
		b.Slots = append(b.Slots, s.Slots[id])
	}
	for name, ids := range s.Members {
		if slices.Contains(ids, userID) {
			b.Groups = append(b.Groups, name)
		}
	}
	slices.Sort(b.Groups)
	return b
}

// Computed reports whether the members of the built-in group follow from the
// directory itself and are not stored: AllUsers, AllSlots, AllQueues, AllFaxes.
func Computed(group string) bool {
	return group == AllUsers || group == AllSlots || group == AllQueues || group == AllFaxes
}

// InGroup reports whether the object is a member of the named group, itself or
// through groups inside it (SPEC G1). Computed groups contain every object of
// their type that exists.
func (s *Snapshot) InGroup(group, objectID string) bool {
	return s.inGroup(group, objectID, map[string]bool{})
}

func (s *Snapshot) inGroup(group, objectID string, seen map[string]bool) bool {
	if seen[group] {
		return false
	}
	seen[group] = true
	switch group {
	case AllUsers:
		return s.Users[objectID] != nil
	case AllSlots:
		return s.Slots[objectID] != nil
	}
	members := s.Members[group]
	if slices.Contains(members, objectID) {
		return true
	}
	for _, g := range s.Groups {
		if slices.Contains(members, g.ID) && s.inGroup(g.Name, objectID, seen) {
			return true
		}
	}
	return false
}

// IsAdmin reports whether the user belongs to the group Admins.
func (s *Snapshot) IsAdmin(userID string) bool {
	return s.Users[userID] != nil && s.InGroup(Admins, userID)
}
