package store

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// CreateHuntGroup adds a hunt group, which from then on owns its number. ID and
// Version are set as in CreateCalendar. Errors: *InvalidError, *TakenError for name and number.
func (tx *Tx) CreateHuntGroup(h directory.HuntGroup) (*directory.HuntGroup, error) {
	if n := len(tx.draft.snap.HuntGroups); n >= directory.MaxHuntGroups {
		return nil, invalid("name", "there are %d hunt groups already", n)
	}
	var err error
	if h.ID, h.Version, err = identity("hunt group", h.ID, h.Version, tx.draft.snap.HuntGroups[h.ID] != nil); err != nil {
		return nil, err
	}
	if err := tx.checkHunt(&h, nil); err != nil {
		return nil, err
	}
	members, overflow, err := huntDocuments(&h)
	if err != nil {
		return nil, err
	}
	err = tx.exec(`INSERT INTO hunt_groups (id, name, number, strategy, members_json, member_seconds, seconds, overflow_json, version)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, h.ID, h.Name, h.Number, h.Strategy, members, h.MemberSeconds, h.Seconds, overflow, h.Version)
	if err != nil {
		return nil, err
	}
	tx.draft.putHunt(&h)
	if _, err := tx.addNumber(directory.Number{Number: h.Number, OwnerType: directory.OwnerHuntGroup, OwnerID: h.ID}); err != nil {
		return nil, err
	}
	return &h, tx.record("create", "hunt_group", h.ID, h.Name, nil, huntView(&h))
}

// checkHunt checks a hunt group that comes in place of old, nil for none.
func (tx *Tx) checkHunt(h, old *directory.HuntGroup) error {
	if err := tx.check(h); err != nil {
		return err
	}
	for _, other := range tx.draft.snap.HuntGroups {
		if other.ID != h.ID && strings.EqualFold(other.Name, h.Name) {
			return &TakenError{Kind: "hunt group", Value: h.Name}
		}
	}
	if old == nil || old.Number != h.Number {
		probe := directory.Number{Number: h.Number, OwnerType: directory.OwnerHuntGroup, OwnerID: h.ID}
		if err := errors.Join(probe.Validate(), tx.numberFree(h.Number)); err != nil {
			return err
		}
	}
	var before []directory.CaseRule
	if old != nil && old.Number == h.Number {
		before = old.Overflow
	}
	return tx.refuseCircle([]string{h.Number}, before, h.Overflow, "overflow", "")
}

// huntDocuments is to hunt groups what profileDocuments is to profiles.
func huntDocuments(h *directory.HuntGroup) (members, overflow string, err error) {
	if members, h.Members, err = document("members", h.Members); err != nil {
		return "", "", err
	}
	overflow, h.Overflow, err = document("overflow", h.Overflow)
	return members, overflow, err
}

func (tx *Tx) hunt(id string, version int64) (*directory.HuntGroup, error) {
	h := tx.draft.snap.HuntGroups[id]
	if h == nil {
		return nil, &NotFoundError{Kind: "hunt group", ID: clip(id, 32)}
	}
	return h, checkVersion("hunt group", h.Name, h.Version, version)
}

// UpdateHuntGroup lets edit change a copy of the hunt group and stores it. A new
// number takes the settings of the old one over, which becomes free. version is
// as in UpdateUser. ID and Version keep their values whatever edit does. Errors:
// ErrNotFound, ErrConflict, *InvalidError, *TakenError.
func (tx *Tx) UpdateHuntGroup(id string, version int64, edit func(*directory.HuntGroup)) (*directory.HuntGroup, error) {
	old, err := tx.hunt(id, version)
	if err != nil {
		return nil, err
	}
	h := *old
	h.Members, h.Overflow = copied(old.Members), copied(old.Overflow)
	edit(&h)
	h.ID, h.Version = old.ID, old.Version
	if err := tx.checkHunt(&h, old); err != nil {
		return nil, err
	}
	return tx.storeHunt(old, h)
}

// storeHunt writes h in place of old as its next version, if it differs.
func (tx *Tx) storeHunt(old *directory.HuntGroup, h directory.HuntGroup) (*directory.HuntGroup, error) {
	members, overflow, err := huntDocuments(&h)
	if err != nil {
		return nil, err
	}
	if reflect.DeepEqual(h, *old) && !tx.draft.isDamaged("hunt_group", h.ID) {
		return old, nil
	}
	h.Version++
	err = tx.exec(`UPDATE hunt_groups SET name = ?, number = ?, strategy = ?, members_json = ?, member_seconds = ?, seconds = ?,
		overflow_json = ?, version = ? WHERE id = ?`,
		h.Name, h.Number, h.Strategy, members, h.MemberSeconds, h.Seconds, overflow, h.Version, h.ID)
	if err != nil {
		return nil, err
	}
	tx.draft.putHunt(&h)
	if h.Number != old.Number {
		n, err := tx.dropHuntNumber(old)
		if err != nil {
			return nil, err
		}
		n.Number = h.Number
		if _, err := tx.addNumber(n); err != nil {
			return nil, err
		}
	}
	return &h, tx.record("update", "hunt_group", h.ID, h.Name, huntView(old), huntView(&h))
}

// dropHuntNumber frees the number of a hunt group and returns it. In damaged data
// the group may not own it; then it stays as it is.
func (tx *Tx) dropHuntNumber(h *directory.HuntGroup) (directory.Number, error) {
	n := tx.draft.snap.Numbers[h.Number]
	if n == nil || n.OwnerType != directory.OwnerHuntGroup || n.OwnerID != h.ID {
		return directory.Number{OwnerType: directory.OwnerHuntGroup, OwnerID: h.ID}, nil
	}
	if err := tx.deleteNumber(n); err != nil {
		return *n, err
	}
	return *n, tx.record("delete", "number", n.Number, h.Name, numberView(n), nil)
}

// DeleteHuntGroup removes a hunt group; its number becomes free. version is as in
// UpdateUser. Errors: ErrNotFound, ErrConflict.
func (tx *Tx) DeleteHuntGroup(id string, version int64) error {
	h, err := tx.hunt(id, version)
	if err != nil {
		return err
	}
	if _, err := tx.dropHuntNumber(h); err != nil {
		return err
	}
	if err := tx.exec("DELETE FROM hunt_groups WHERE id = ?", id); err != nil {
		return err
	}
	tx.draft.dropHunt(h)
	return tx.record("delete", "hunt_group", h.ID, h.Name, huntView(h), nil)
}

// leaveHunts takes numbers that are about to go out of the members of hunt groups.
// The groups are not checked: an overflow whose target is gone must not keep a
// number from being removed.
func (tx *Tx) leaveHunts(numbers ...string) error {
	for _, old := range tx.draft.snap.HuntGroupsWith(numbers...) {
		h := *old
		h.Members = slices.DeleteFunc(slices.Clone(old.Members), func(m string) bool { return slices.Contains(numbers, m) })
		if _, err := tx.storeHunt(old, h); err != nil {
			return err
		}
	}
	return nil
}
