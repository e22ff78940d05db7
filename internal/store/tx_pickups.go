package store

import (
	"reflect"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// CreatePickupGroup adds a pickup group (SPEC G5). ID and Version are set as in
// CreateCalendar.
// Errors: *InvalidError, *TakenError for the name.
func (tx *Tx) CreatePickupGroup(g directory.PickupGroup) (*directory.PickupGroup, error) {
	if n := len(tx.draft.snap.PickupGroups); n >= directory.MaxPickupGroups {
		return nil, invalid("name", "there are %d pickup groups already", n)
	}
	var err error
	if g.ID, g.Version, err = identity("pickup group", g.ID, g.Version, tx.draft.snap.PickupGroups[g.ID] != nil); err != nil {
		return nil, err
	}
	users, err := tx.checkPickup(&g)
	if err != nil {
		return nil, err
	}
	if err := tx.exec("INSERT INTO pickup_groups (id, name, users_json, version) VALUES (?, ?, ?, ?)", g.ID, g.Name, users, g.Version); err != nil {
		return nil, err
	}
	tx.draft.putPickup(&g)
	return &g, tx.record("create", "pickup_group", g.ID, g.Name, nil, tx.pickupView(&g))
}

// checkPickup checks a pickup group and returns its users as they are kept.
func (tx *Tx) checkPickup(g *directory.PickupGroup) (users string, err error) {
	if err := g.Check(tx.draft.snap); err != nil {
		return "", err
	}
	for _, other := range tx.draft.snap.PickupGroups {
		if other.ID != g.ID && strings.EqualFold(other.Name, g.Name) {
			return "", &TakenError{Kind: "pickup group", Value: g.Name}
		}
	}
	users, g.Users, err = document("users", g.Users)
	return users, err
}

func (tx *Tx) pickup(id string, version int64) (*directory.PickupGroup, error) {
	g := tx.draft.snap.PickupGroups[id]
	if g == nil {
		return nil, &NotFoundError{Kind: "pickup group", ID: clip(id, 32)}
	}
	return g, checkVersion("pickup group", g.Name, g.Version, version)
}

// UpdatePickupGroup lets edit change a copy of the pickup group and stores it.
// version is as in UpdateUser. ID and Version keep their values whatever edit
// does. Errors: ErrNotFound, ErrConflict, *InvalidError, *TakenError.
func (tx *Tx) UpdatePickupGroup(id string, version int64, edit func(*directory.PickupGroup)) (*directory.PickupGroup, error) {
	old, err := tx.pickup(id, version)
	if err != nil {
		return nil, err
	}
	g := *old
	g.Users = slices.Clone(old.Users)
	edit(&g)
	g.ID, g.Version = old.ID, old.Version
	return tx.storePickup(old, g)
}

// storePickup writes g in place of old as its next version, if it differs.
func (tx *Tx) storePickup(old *directory.PickupGroup, g directory.PickupGroup) (*directory.PickupGroup, error) {
	users, err := tx.checkPickup(&g)
	if err != nil {
		return nil, err
	}
	if reflect.DeepEqual(g, *old) && !tx.draft.isDamaged("pickup_group", g.ID) {
		return old, nil
	}
	g.Version++
	if err := tx.exec("UPDATE pickup_groups SET name = ?, users_json = ?, version = ? WHERE id = ?", g.Name, users, g.Version, g.ID); err != nil {
		return nil, err
	}
	tx.draft.putPickup(&g)
	return &g, tx.record("update", "pickup_group", g.ID, g.Name, tx.pickupView(old), tx.pickupView(&g))
}

// DeletePickupGroup removes a pickup group. version is as in UpdateUser. Errors:
// ErrNotFound, ErrConflict.
func (tx *Tx) DeletePickupGroup(id string, version int64) error {
	g, err := tx.pickup(id, version)
	if err != nil {
		return err
	}
	if err := tx.exec("DELETE FROM pickup_groups WHERE id = ?", id); err != nil {
		return err
	}
	tx.draft.dropPickup(g)
	return tx.record("delete", "pickup_group", g.ID, g.Name, tx.pickupView(g), nil)
}

// leaveForwarding takes a user who is about to go out of pickup groups and hunt
// groups, and removes the profiles.
func (tx *Tx) leaveForwarding(u *directory.User, gone directory.Belongings) error {
	for _, old := range gone.PickupGroups {
		g := *old
		g.Users = without(old.Users, u.ID)
		if _, err := tx.storePickup(old, g); err != nil {
			return err
		}
	}
	if err := tx.leaveHunts(gone.Numbers...); err != nil {
		return err
	}
	if len(gone.Profiles) == 0 {
		return nil
	}
	if err := tx.exec("DELETE FROM profiles WHERE user_id = ?", u.ID); err != nil {
		return err
	}
	for _, p := range gone.Profiles {
		tx.draft.dropProfile(p)
	}
	return nil
}
