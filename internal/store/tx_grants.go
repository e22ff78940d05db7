package store

import (
	"cmp"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// AddGrant allows the members of a user group something (SPEC G2). A grant that
// is there already is no error. Error: *InvalidError.
func (tx *Tx) AddGrant(g directory.Grant) error {
	if err := g.Check(tx.draft.snap); err != nil {
		return err
	}
	grants := tx.draft.snap.Grants
	i, there := slices.BinarySearchFunc(grants, g, compareGrants)
	if there {
		return nil
	}
	if len(grants) >= directory.MaxGrants {
		return invalid("permission", "there are %d grants already", len(grants))
	}
	if err := tx.exec("INSERT INTO grants (group_name, permission, objects) VALUES (?, ?, ?)", g.Group, g.Permission, g.Objects); err != nil {
		return err
	}
	tx.draft.setGrants(slices.Insert(slices.Clone(grants), i, g))
	return tx.record("add_grant", "group", tx.draft.snap.Groups[g.Group].ID, g.Group, nil, grantView(g))
}

// RemoveGrant takes it back. A grant that is not there is no error.
func (tx *Tx) RemoveGrant(g directory.Grant) error {
	grants := tx.draft.snap.Grants
	i, there := slices.BinarySearchFunc(grants, g, compareGrants)
	if !there {
		return nil
	}
	if err := tx.exec("DELETE FROM grants WHERE group_name = ? AND permission = ? AND objects = ?", g.Group, g.Permission, g.Objects); err != nil {
		return err
	}
	rest := slices.Delete(slices.Clone(grants), i, i+1)
	if len(rest) == 0 {
		rest = nil // as it is loaded
	}
	tx.draft.setGrants(rest)
	id := "" // of a group that is gone, in damaged data
	if group := tx.draft.snap.Groups[g.Group]; group != nil {
		id = group.ID
	}
	return tx.record("remove_grant", "group", id, g.Group, grantView(g), nil)
}

// dropGrants removes all grants of a group that is about to go, and those on its members.
func (tx *Tx) dropGrants(group string) error {
	for _, g := range slices.Clone(tx.draft.snap.Grants) {
		if g.Group != group && g.Objects != group {
			continue
		}
		if err := tx.RemoveGrant(g); err != nil {
			return err
		}
	}
	return nil
}

func compareGrants(a, b directory.Grant) int {
	return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Permission, b.Permission), cmp.Compare(a.Objects, b.Objects))
}
