package example

import (
	"context"
	"fmt"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// perChange is the count of users that Generate makes in one change.
const perChange = 2500

// MaxGenerated is the highest count of users that Generate can give numbers to.
const MaxGenerated = 100_000

// Username is the login name of the i-th synthetic user, counted from 0.
func Username(i int) string { return fmt.Sprintf("user%05d", i) }

// Number is the j-th number (0 to 2) of the i-th synthetic user: nine digits or less,
// none of which the example company uses.
func Number(i, j int) string { return fmt.Sprintf("7%05d%d", i, j) }

// Generate makes count synthetic users, each with three numbers, a desk phone, a
// DECT phone and a softphone, and six ticks: the first number on all slots, the
// second on two, the third on one. It is meant for an installation that has none
// of them yet.
func Generate(ctx context.Context, st *store.Store, count int) error {
	if count > MaxGenerated {
		return fmt.Errorf("generating users: %d are more than %d", count, MaxGenerated)
	}
	for from := 0; from < count; from += perChange {
		to := min(from+perChange, count)
		change := store.Change{Actor: "system", Source: "generate", Reason: "synthetic users"}
		_, err := st.Update(ctx, change, func(tx *store.Tx) error {
			for i := from; i < to; i++ {
				if err := generateUser(tx, i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("generating users %d to %d: %w", from, to-1, err)
		}
	}
	return nil
}

func generateUser(tx *store.Tx, i int) error {
	u, err := tx.CreateUser(directory.User{Username: Username(i), FirstName: "User", LastName: fmt.Sprintf("%05d", i)})
	if err != nil {
		return err
	}
	for j := range 3 {
		if _, err := tx.AddNumber(directory.Number{Number: Number(i, j), OwnerType: directory.OwnerUser, OwnerID: u.ID}); err != nil {
			return err
		}
	}
	var slots []string
	for _, t := range []directory.SlotType{directory.Desk, directory.DECT, directory.Softphone} {
		s, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: t})
		if err != nil {
			return err
		}
		slots = append(slots, s.ID)
	}
	_, err = tx.SetMatrix(u.ID, map[string][]string{Number(i, 0): slots, Number(i, 1): slots[:2], Number(i, 2): slots[2:]}, 0)
	return err
}
