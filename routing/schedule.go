package routing

import (
	"time"

	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// schedule is a compiled Schedule.
type schedule struct {
	calendar *calendar.Calendar
	profiles []*ruleset // by entry of the calendar
}

// maxEntryChanges bounds how many entries that name the same profile are gone through to find the next change.
const maxEntryChanges = 200

// at is the profile that the schedule says, nil for none.
func (s *schedule) at(t time.Time) *ruleset {
	if i := s.calendar.At(t); i >= 0 && i < len(s.profiles) {
		return s.profiles[i]
	}
	return nil
}

// next is the first instant after t at which the profile changes. From one entry to another with the same profile nothing changes: a night is two
// entries, and a choice made in the evening holds over midnight.
func (s *schedule) next(t time.Time) (time.Time, bool) {
	was := s.at(t)
	for range maxEntryChanges {
		change, ok := s.calendar.Next(t)
		if !ok {
			return time.Time{}, false
		}
		if s.at(change) != was {
			return change, true
		}
		t = change
	}
	return time.Time{}, false
}

// constant says whether the schedule never names a profile, so that it never changes.
func (s *schedule) constant() bool {
	for _, p := range s.profiles {
		if p != nil {
			return false
		}
	}
	return true
}

// schedule gives a number its schedule. One that cannot be understood, which old data may hold, counts as none.
func (b *build) schedule(n *number, in *Number) {
	n.chosen, n.everChosen = n.user.profile(in.Profile), !in.Chosen.IsZero()
	if in.Schedule == nil {
		return
	}
	c, problems := b.calendars.Compile(in.Schedule.Calendar)
	if len(problems) > 0 {
		return
	}
	s := &schedule{calendar: c, profiles: make([]*ruleset, len(in.Schedule.Profiles))}
	for i, id := range in.Schedule.Profiles {
		s.profiles[i] = n.user.profile(id)
	}
	n.schedule = s
	if !n.everChosen {
		return
	}
	n.chosenUntil = never
	if s.constant() {
		return
	}
	if until, changes := s.next(in.Chosen); changes {
		n.chosenUntil = until
	}
}

// profile finds a profile of the user, nil when there is none.
func (u *user) profile(id string) *ruleset {
	for _, p := range u.profiles {
		if p.id == id {
			return p
		}
	}
	return nil
}

// never is later than any call.
var never = time.Unix(1<<40, 0)

// active is the profile that is in force for a number at a time, nil for none, and what to say about it: nothing when the number has neither
// profile nor schedule.
func (n *number) active(at time.Time) (set *ruleset, c code) {
	switch {
	case n.schedule == nil && n.chosen == nil:
		return nil, cNone
	case n.schedule == nil:
		return n.chosen, cProfileChosen
	case n.byHand(at) && n.chosen == nil:
		return nil, cNoProfileUntil
	case n.byHand(at):
		return n.chosen, cProfileChosenUntil
	}
	if set = n.schedule.at(at); set == nil {
		return nil, cNoProfile
	}
	return set, cProfileScheduled
}

// byHand says whether a choice by hand holds over the schedule.
func (n *number) byHand(at time.Time) bool { return n.everChosen && at.Before(n.chosenUntil) }

// ActiveProfile says which profile is in force for a number at a time ("" for none), whether by schedule, and until when at least it
// stays so: zero when no change is to come.
func (t *Table) ActiveProfile(num string, at time.Time) (profileID string, scheduled bool, until time.Time) {
	n, ok := t.numbers.get(num)
	if !ok || n.user == nil {
		return "", false, time.Time{}
	}
	if set, _ := n.active(at); set != nil {
		profileID = set.id
	}
	switch {
	case n.schedule == nil:
		return profileID, false, time.Time{}
	case n.byHand(at):
		if n.chosenUntil != never {
			until = n.chosenUntil
		}
		return profileID, false, until
	}
	until, _ = n.schedule.next(at)
	return profileID, true, until
}
