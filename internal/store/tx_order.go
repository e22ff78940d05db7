package store

import "slices"

// matrixOrder is what the audit log shows of the order of a matrix.
type matrixOrder struct {
	Numbers []string `json:"numbers,omitempty"`
	Slots   []string `json:"slots,omitempty"`
}

// OrderMatrix puts rows and columns of the user's matrix in a new order: numbers
// and slots hold each of them once, nil leaves them as they are. A slot without a
// default number of its own shows the first ticked number of its column, so that
// the order of the rows decides it (SPEC M5). version is as in SetMatrix, and so
// is the version that is returned. Errors: ErrNotFound, ErrConflict, *InvalidError.
func (tx *Tx) OrderMatrix(userID string, numbers, slots []string, version int64) (int64, error) {
	u, err := tx.user(userID)
	if err != nil {
		return 0, err
	}
	snap := tx.draft.snap
	if err := checkVersion("matrix", u.Username, snap.MatrixVersions[userID], version); err != nil {
		return 0, err
	}
	var before, after matrixOrder
	if have := snap.Rows[userID]; numbers != nil && !slices.Equal(have, numbers) {
		if err := permutation("numbers", have, numbers); err != nil {
			return 0, err
		}
		before.Numbers, after.Numbers = have, slices.Clone(numbers)
		if err := tx.orderRows(userID, after.Numbers); err != nil {
			return 0, err
		}
	}
	if have := snap.Columns[userID]; slots != nil && !slices.Equal(have, slots) {
		if err := permutation("slots", have, slots); err != nil {
			return 0, err
		}
		before.Slots, after.Slots = have, slices.Clone(slots)
		if err := tx.orderColumns(userID, after.Slots); err != nil {
			return 0, err
		}
	}
	if len(after.Numbers)+len(after.Slots) == 0 {
		return snap.MatrixVersions[userID], nil
	}
	if err := tx.bumpMatrix(userID); err != nil {
		return 0, err
	}
	return snap.MatrixVersions[userID], tx.record("order", "user", userID, u.Username, before, after)
}

// orderRows keeps the versions of the numbers: none of their settings changes.
func (tx *Tx) orderRows(userID string, numbers []string) error {
	for i, number := range numbers {
		n := *tx.draft.snap.Numbers[number]
		if n.Position == i {
			continue
		}
		if err := tx.exec("UPDATE numbers SET position = ? WHERE number = ?", i, number); err != nil {
			return err
		}
		n.Position = i
		tx.draft.putNumber(&n)
	}
	tx.draft.setRows(userID, numbers)
	return nil
}

// orderColumns puts ticks in the new order as well, as they are loaded.
func (tx *Tx) orderColumns(userID string, ids []string) error {
	for i, id := range ids {
		s := *tx.draft.snap.Slots[id]
		if s.Position == i {
			continue
		}
		if err := tx.exec("UPDATE slots SET position = ? WHERE id = ?", i, id); err != nil {
			return err
		}
		s.Position = i
		tx.draft.putSlot(&s)
	}
	tx.draft.setColumns(userID, ids)
	for _, number := range tx.draft.snap.Rows[userID] {
		row := slices.Clone(tx.draft.snap.Ticks[number])
		sortByColumn(tx.draft.snap, row)
		tx.draft.setTicks(number, row)
	}
	return nil
}
