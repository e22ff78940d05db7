package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// SetMatrix makes ticks the whole matrix of the user: for each number the IDs of
// the slots that are ticked; a number that is missing has none. version is the
// one the caller knows (Snapshot.MatrixVersions, If-Match); 0 matches any. Slots
// that lose their default number fall back to their first ticked one. It
// returns the version of the matrix, unchanged when nothing changed. Errors:
// ErrNotFound, ErrConflict, *InvalidError whose Field is the number.
func (tx *Tx) SetMatrix(userID string, ticks map[string][]string, version int64) (int64, error) {
	u, err := tx.user(userID)
	if err != nil {
		return 0, err
	}
	snap := tx.draft.snap
	if err := checkVersion("matrix", u.Username, snap.MatrixVersions[userID], version); err != nil {
		return 0, err
	}
	rows, err := tx.orderTicks(u, ticks)
	if err != nil {
		return 0, err
	}
	before, after := map[string][]string{}, map[string][]string{}
	for _, number := range snap.Rows[userID] {
		have, want := snap.Ticks[number], rows[number]
		if slices.Equal(have, want) {
			continue
		}
		before[number], after[number] = nonNil(have), nonNil(want)
		if err := tx.setRow(number, have, want); err != nil {
			return 0, err
		}
	}
	if len(before) == 0 {
		return snap.MatrixVersions[userID], nil
	}
	if err := tx.dropDefaults(userID); err != nil {
		return 0, err
	}
	if err := tx.bumpMatrix(userID); err != nil {
		return 0, err
	}
	return snap.MatrixVersions[userID], tx.record("set_matrix", "user", userID, u.Username, before, after)
}

// orderTicks checks ticks against the user's numbers and slots and puts each row
// in the order of the columns.
func (tx *Tx) orderTicks(u *directory.User, ticks map[string][]string) (map[string][]string, error) {
	snap := tx.draft.snap
	rows := make(map[string][]string, len(ticks))
	var faults []error
	for number, ids := range ticks {
		n := snap.Numbers[number]
		if n == nil || n.OwnerType != directory.OwnerUser || n.OwnerID != u.ID {
			faults = append(faults, invalid(clip(number, 32), "is not a number of %s", u.Username))
			continue
		}
		row := make([]string, 0, len(ids))
		for _, id := range ids {
			switch s := snap.Slots[id]; {
			case s == nil || s.UserID != u.ID:
				faults = append(faults, invalid(number, "%s is not a slot of %s", clip(id, 32), u.Username))
			case !slices.Contains(row, id):
				row = append(row, id)
			}
		}
		sortByColumn(snap, row)
		rows[number] = row
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return rows, errors.Join(faults...)
}

// setRow writes the difference between two rows of the matrix.
func (tx *Tx) setRow(number string, have, want []string) error {
	for _, id := range have {
		if !slices.Contains(want, id) {
			if err := tx.exec("DELETE FROM ticks WHERE number = ? AND slot_id = ?", number, id); err != nil {
				return err
			}
		}
	}
	var args []any
	for _, id := range want {
		if !slices.Contains(have, id) {
			args = append(args, number, id)
		}
	}
	if len(args) > 0 {
		if err := tx.exec(fmt.Sprintf("INSERT INTO ticks (number, slot_id) VALUES %s", rowsOf(len(args)/2, 2)), args...); err != nil {
			return err
		}
	}
	tx.draft.setTicks(number, want)
	tx.draft.changed.Numbers[number] = struct{}{}
	return nil
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
