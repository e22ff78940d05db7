package store

import (
	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// AddNumber gives a number to an owner: a user (OwnerID is the user's ID) or a
// fax line (OwnerID is its name). A user's number becomes the last row of the
// matrix, with no tick; Position and Version are set. Errors: *InvalidError,
// *TakenError with the first owner (SPEC M2), ErrNotFound for the user.
func (tx *Tx) AddNumber(n directory.Number) (*directory.Number, error) {
	n.Version = 1
	if err := n.Validate(); err != nil {
		return nil, err
	}
	snap := tx.draft.snap
	if first := snap.Numbers[n.Number]; first != nil {
		return nil, &TakenError{Kind: "number", Value: n.Number, OwnerType: first.OwnerType, OwnerID: first.OwnerID, OwnerName: snap.OwnerName(first)}
	}
	n.Position = 0
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
	err := tx.exec(`INSERT INTO numbers (number, owner_type, owner_id, position, call_waiting, busy_on_any, max_calls,
		ring_inside, ring_outside, display_name, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n.Number, n.OwnerType, n.OwnerID, n.Position, n.CallWaiting, n.BusyOnAny, n.MaxCalls,
		n.RingInside, n.RingOutside, n.DisplayName, n.Version)
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

// UpdateNumber lets edit change a copy of the number's settings and stores it.
// version is as in UpdateUser. Number, owner, Position and Version keep their
// values whatever edit does. Errors: ErrNotFound, ErrConflict, *InvalidError.
func (tx *Tx) UpdateNumber(number string, version int64, edit func(*directory.Number)) (*directory.Number, error) {
	old := tx.draft.snap.Numbers[number]
	if old == nil {
		return nil, &NotFoundError{Kind: "number", ID: number}
	}
	if err := checkVersion("number", number, old.Version, version); err != nil {
		return nil, err
	}
	n := *old
	edit(&n)
	n.Number, n.OwnerType, n.OwnerID, n.Position, n.Version = old.Number, old.OwnerType, old.OwnerID, old.Position, old.Version
	if n == *old {
		return old, nil
	}
	if err := n.Validate(); err != nil {
		return nil, err
	}
	n.Version++
	err := tx.exec(`UPDATE numbers SET call_waiting = ?, busy_on_any = ?, max_calls = ?, ring_inside = ?, ring_outside = ?,
		display_name = ?, version = ? WHERE number = ?`,
		n.CallWaiting, n.BusyOnAny, n.MaxCalls, n.RingInside, n.RingOutside, n.DisplayName, n.Version, n.Number)
	if err != nil {
		return nil, err
	}
	tx.draft.putNumber(&n)
	return &n, tx.record("update", "number", n.Number, tx.draft.snap.OwnerName(&n), numberView(old), numberView(&n))
}

// RemoveNumber frees a number; its ticks go with it, and slots that had it as
// default number fall back to their first ticked one. version is as in
// UpdateUser. Errors: ErrNotFound, ErrConflict.
func (tx *Tx) RemoveNumber(number string, version int64) error {
	n := tx.draft.snap.Numbers[number]
	if n == nil {
		return &NotFoundError{Kind: "number", ID: number}
	}
	if err := checkVersion("number", number, n.Version, version); err != nil {
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
