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
		MemberOf:       map[string][]string{},
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
		Apart:          map[string]*Apart{},
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
// Artmann)" for a user, the name of a fax line or hunt group.
func (s *Snapshot) OwnerName(n *Number) string {
	if h := s.HuntGroups[n.OwnerID]; h != nil && n.OwnerType == OwnerHuntGroup {
		return h.Name
	}
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
