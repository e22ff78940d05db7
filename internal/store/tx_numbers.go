package store

import (
	"errors"
	"reflect"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// AddNumber gives a number to an owner: a user (OwnerID is the user's ID) or a
// fax line (OwnerID is its name). A user's number becomes the last row of the
// matrix, with no tick; Position and Version are set. Settings that are not in Own
// and say nothing but what the system does follow the groups of the user. Numbers of
// hunt groups come and go with the group. Errors: *InvalidError, *TakenError with the first owner
// (SPEC M2), ErrNotFound for the user.
func (tx *Tx) AddNumber(n directory.Number) (*directory.Number, error) {
	if n.OwnerType == directory.OwnerHuntGroup {
		return nil, invalid("owner_type", "is given with the hunt group")
	}
	return tx.addNumber(n)
}

func (tx *Tx) addNumber(n directory.Number) (*directory.Number, error) {
	n.Version = max(n.Version, 0) + 1 // goes on where it ended, if the number comes back
	n.Claim(nil)
	n = *tx.following(&n)
	if err := n.Validate(); err != nil {
		return nil, err
	}
	snap := tx.draft.snap
	if err := tx.numberFree(n.Number); err != nil {
		return nil, err
	}
	n.Position, n.ProfileChosen = 0, time.Time{}
	if n.ProfileID != "" {
		n.ProfileChosen = tx.now
	}
	if n.OwnerType == directory.OwnerUser {
		if _, err := tx.user(n.OwnerID); err != nil {
			return nil, err
		}
		if rows := snap.Rows[n.OwnerID]; len(rows) > 0 {
			n.Position = snap.Numbers[rows[len(rows)-1]].Position + 1
		}
		if n.Position > directory.MaxPosition {
			return nil, invalid("number", "user has too many numbers")
		}
	}
	if err := n.CheckForwarding(snap); err != nil {
		return nil, err
	}
	if err := tx.numberCircle(&n, &directory.Number{}); err != nil {
		return nil, err
	}
	var schedule string
	var err error
	if schedule, n.Schedule, err = document("schedule", n.Schedule); err != nil {
		return nil, err
	}
	kept := n.Kept()
	err = tx.exec(`INSERT INTO numbers (number, owner_type, owner_id, position, call_waiting, busy_on_any, max_calls,
		ring_inside, ring_outside, display_name, version, profile_id, profile_chosen, schedule_json, own_settings)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n.Number, n.OwnerType, n.OwnerID, n.Position, kept.CallWaiting, kept.BusyOnAny, kept.MaxCalls,
		kept.RingInside, kept.RingOutside, n.DisplayName, n.Version, n.ProfileID, micros(n.ProfileChosen), schedule, n.Own)
	if err != nil {
		return nil, err
	}
	tx.draft.putNumber(&n)
	if n.OwnerType == directory.OwnerUser {
		if err := tx.bumpMatrix(n.OwnerID); err != nil {
			return nil, err
		}
	}
	return &n, tx.record("create", "number", n.Number, snap.OwnerName(&n), nil, numberView(&n))
}

func (tx *Tx) numberFree(number string) error {
	snap := tx.draft.snap
	if first := snap.Numbers[number]; first != nil {
		return &TakenError{Kind: "number", Value: number, OwnerType: first.OwnerType, OwnerID: first.OwnerID, OwnerName: snap.OwnerName(first)}
	}
	return nil
}

func (tx *Tx) number(number string, version int64) (*directory.Number, error) {
	n := tx.draft.snap.Numbers[number]
	if n == nil {
		return nil, &NotFoundError{Kind: "number", ID: clip(number, 32)}
	}
	return n, checkVersion("number", number, n.Version, version)
}

// UpdateNumber lets edit change a copy of the number's settings and stores it.
// version is as in UpdateUser. Number, owner, Position and Version keep their
// values whatever edit does. What edit changes is the number's own from then on, as
// is what it adds to Own; what it takes out of Own follows the groups of the user. A change of ProfileID is a choice by hand, at the
// time of the change; an edit that clears ProfileChosen takes the choice back, so
// that the schedule holds at once. Errors: ErrNotFound, ErrConflict,
// *InvalidError, also for forwards that go round in a circle.
func (tx *Tx) UpdateNumber(number string, version int64, edit func(*directory.Number)) (*directory.Number, error) {
	old, err := tx.number(number, version)
	if err != nil {
		return nil, err
	}
	n := *old
	n.Schedule = copied(old.Schedule)
	edit(&n)
	n.Number, n.OwnerType, n.OwnerID, n.Position, n.Version = old.Number, old.OwnerType, old.OwnerID, old.Position, old.Version
	n.Claim(old)
	n = *tx.following(&n)
	switch {
	case n.ProfileID != old.ProfileID:
		n.ProfileChosen = tx.now
	case n.ProfileChosen.IsZero():
		n.ProfileID = ""
	default:
		n.ProfileChosen = old.ProfileChosen
	}
	return tx.storeNumber(old, n)
}

// SetForwardingProfile chooses the forwarding profile of a number by hand, "" for
// none (SPEC F2). With a schedule the choice holds until the schedule's next
// change, so that choosing the same again counts (SPEC F3). version is as in
// UpdateUser. Errors: as UpdateNumber.
func (tx *Tx) SetForwardingProfile(number string, version int64, profileID string) (*directory.Number, error) {
	old, err := tx.number(number, version)
	if err != nil {
		return nil, err
	}
	if old.ProfileID == profileID && old.Schedule == nil {
		return old, nil
	}
	n := *old
	n.ProfileID, n.ProfileChosen = profileID, tx.now
	return tx.storeNumber(old, n)
}

// storeNumber writes n in place of old as its next version, if it differs.
func (tx *Tx) storeNumber(old *directory.Number, n directory.Number) (*directory.Number, error) {
	if err := errors.Join(n.Validate(), n.CheckForwarding(tx.draft.snap)); err != nil {
		return nil, err
	}
	var schedule string
	var err error
	if schedule, n.Schedule, err = document("schedule", n.Schedule); err != nil {
		return nil, err
	}
	if reflect.DeepEqual(n, *old) && !tx.draft.isDamaged("number", n.Number) {
		return old, nil
	}
	n.Version++
	if err := tx.numberCircle(&n, old); err != nil {
		return nil, err
	}
	kept := n.Kept()
	err = tx.exec(`UPDATE numbers SET call_waiting = ?, busy_on_any = ?, max_calls = ?, ring_inside = ?, ring_outside = ?,
		display_name = ?, version = ?, profile_id = ?, profile_chosen = ?, schedule_json = ?, own_settings = ? WHERE number = ?`,
		kept.CallWaiting, kept.BusyOnAny, kept.MaxCalls, kept.RingInside, kept.RingOutside, n.DisplayName, n.Version,
		n.ProfileID, micros(n.ProfileChosen), schedule, n.Own, n.Number)
	if err != nil {
		return nil, err
	}
	tx.draft.putNumber(&n)
	return &n, tx.record("update", "number", n.Number, tx.draft.snap.OwnerName(&n), numberView(old), numberView(&n))
}

// RemoveNumber frees a number; its ticks go with it, and slots that had it as
// default number fall back to their first ticked one. Hunt groups lose it as a
// member; forwards to it stay and are passed over (Snapshot.ReferencesTo). version
// is as in UpdateUser. Errors: ErrNotFound, ErrConflict, *InvalidError for the
// number of a hunt group.
func (tx *Tx) RemoveNumber(number string, version int64) error {
	n, err := tx.number(number, version)
	if err != nil {
		return err
	}
	if n.OwnerType == directory.OwnerHuntGroup {
		return invalid("number", "belongs to hunt group %s; give that another number, or remove it", tx.draft.snap.OwnerName(n))
	}
	if err := tx.leaveHunts(number); err != nil {
		return err
	}
	before := numberView(n)
	before.Ticks = tx.draft.snap.Ticks[number]
	owner := tx.draft.snap.OwnerName(n)
	if err := tx.deleteNumber(n); err != nil {
		return err
	}
	if n.OwnerType == directory.OwnerUser {
		if err := tx.dropDefaults(n.OwnerID); err != nil {
			return err
		}
		if err := tx.bumpMatrix(n.OwnerID); err != nil {
			return err
		}
	}
	return tx.record("delete", "number", number, owner, before, nil)
}

// deleteNumber deletes the rows of a number and its ticks.
func (tx *Tx) deleteNumber(n *directory.Number) error {
	if err := tx.exec("DELETE FROM ticks WHERE number = ?", n.Number); err != nil {
		return err
	}
	if err := tx.exec("DELETE FROM numbers WHERE number = ?", n.Number); err != nil {
		return err
	}
	tx.draft.dropNumber(n)
	return nil
}

// dropDefaults clears the default number of the user's slots for which it is no
// longer ticked (SPEC M5).
func (tx *Tx) dropDefaults(userID string) error {
	for _, id := range tx.draft.snap.Columns[userID] {
		s := tx.draft.snap.Slots[id]
		if s.DefaultNumber == "" || tx.draft.snap.Ticked(s.DefaultNumber, id) {
			continue
		}
		changed := *s
		changed.DefaultNumber = ""
		if _, err := tx.storeSlot(s, changed, "update"); err != nil {
			return err
		}
	}
	return nil
}
