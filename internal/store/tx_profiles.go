package store

import (
	"reflect"
	"slices"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// CreateProfile adds a forwarding profile as the last of p.UserID. ID, Position
// and Version are set, ID and Version as in CreateCalendar. Errors: *InvalidError, ErrNotFound for the user.
func (tx *Tx) CreateProfile(p directory.Profile) (*directory.Profile, error) {
	if _, err := tx.user(p.UserID); err != nil {
		return nil, err
	}
	mine := tx.draft.snap.ProfilesOf[p.UserID]
	if len(mine) >= directory.MaxProfiles {
		return nil, invalid("name", "user has %d profiles already", len(mine))
	}
	var err error
	if p.ID, p.Version, err = identity("profile", p.ID, p.Version, tx.draft.snap.Profiles[p.ID] != nil); err != nil {
		return nil, err
	}
	p.Position = len(mine)
	if err := tx.check(&p); err != nil {
		return nil, err
	}
	table, extended, err := profileDocuments(&p)
	if err != nil {
		return nil, err
	}
	err = tx.exec("INSERT INTO profiles (id, user_id, name, position, table_json, extended_json, version, by_code) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		p.ID, p.UserID, p.Name, p.Position, table, extended, p.Version, p.ByCode)
	if err != nil {
		return nil, err
	}
	tx.draft.putProfile(&p)
	return &p, tx.record("create", "profile", p.ID, p.Name, nil, profileView(&p))
}

// profileDocuments returns the parts of a profile that are kept as JSON, and puts
// copies of them into p that nobody else holds.
func profileDocuments(p *directory.Profile) (table, extended string, err error) {
	if table, p.Table, err = document("table", p.Table); err != nil {
		return "", "", err
	}
	extended, p.Extended, err = document("extended", p.Extended)
	return table, extended, err
}

func (tx *Tx) profile(id string, version int64) (*directory.Profile, error) {
	p := tx.draft.snap.Profiles[id]
	if p == nil {
		return nil, &NotFoundError{Kind: "profile", ID: clip(id, 32)}
	}
	return p, checkVersion("profile", p.Name, p.Version, version)
}

// UpdateProfile lets edit change a copy of the profile and stores it. version is
// as in UpdateUser. ID, UserID, Position, ByCode and Version keep their values whatever
// edit does. Errors: ErrNotFound, ErrConflict, *InvalidError, also for forwards
// that would go round in a circle from numbers for which the profile is chosen.
func (tx *Tx) UpdateProfile(id string, version int64, edit func(*directory.Profile)) (*directory.Profile, error) {
	old, err := tx.profile(id, version)
	if err != nil {
		return nil, err
	}
	p := *old
	p.Table, p.Extended = copied(old.Table), copied(old.Extended)
	edit(&p)
	p.ID, p.UserID, p.Position, p.ByCode, p.Version = old.ID, old.UserID, old.Position, old.ByCode, old.Version
	if err := tx.check(&p); err != nil {
		return nil, err
	}
	table, extended, err := profileDocuments(&p)
	if err != nil {
		return nil, err
	}
	if reflect.DeepEqual(p, *old) && !tx.draft.isDamaged("profile", p.ID) {
		return old, nil
	}
	p.Version++
	if err := tx.refuseCircle(tx.alwaysFor(old), old.Table, p.Table, "table", ""); err != nil {
		return nil, err
	}
	err = tx.exec("UPDATE profiles SET name = ?, table_json = ?, extended_json = ?, version = ? WHERE id = ?", p.Name, table, extended, p.Version, p.ID)
	if err != nil {
		return nil, err
	}
	tx.draft.putProfile(&p)
	return &p, tx.record("update", "profile", p.ID, p.Name, profileView(old), profileView(&p))
}

// alwaysFor lists the numbers for which the profile is active whatever the time is.
func (tx *Tx) alwaysFor(p *directory.Profile) []string {
	var out []string
	for _, number := range tx.draft.snap.Rows[p.UserID] {
		if n := tx.draft.snap.Numbers[number]; n.ProfileID == p.ID && n.Schedule == nil {
			out = append(out, number)
		}
	}
	return out
}

// DeleteProfile removes a profile. Numbers for which it is chosen or in whose
// schedule it stands lose it. version is as in UpdateUser. Errors: ErrNotFound,
// ErrConflict.
func (tx *Tx) DeleteProfile(id string, version int64) error {
	p, err := tx.profile(id, version)
	if err != nil {
		return err
	}
	for _, number := range tx.draft.snap.Rows[p.UserID] {
		if err := tx.loseProfile(tx.draft.snap.Numbers[number], id); err != nil {
			return err
		}
	}
	if err := tx.exec("DELETE FROM profiles WHERE id = ?", id); err != nil {
		return err
	}
	if err := tx.exec("UPDATE profiles SET position = position - 1, version = version + 1 WHERE user_id = ? AND position > ?", p.UserID, p.Position); err != nil {
		return err
	}
	tx.draft.dropProfile(p)
	return tx.record("delete", "profile", p.ID, p.Name, profileView(p), nil)
}

// loseProfile takes a profile out of a number. With a schedule the choice ends
// with the profile, and the schedule holds.
func (tx *Tx) loseProfile(old *directory.Number, id string) error {
	n := *old
	scheduled := n.Schedule != nil && slices.Contains(n.Schedule.Profiles, id)
	if n.ProfileID != id && !scheduled {
		return nil
	}
	if n.ProfileID == id {
		n.ProfileID, n.ProfileChosen = "", tx.now
		if n.Schedule != nil {
			n.ProfileChosen = time.Time{}
		}
	}
	if scheduled {
		n.Schedule = copied(n.Schedule)
		for i := range n.Schedule.Profiles {
			if n.Schedule.Profiles[i] == id {
				n.Schedule.Profiles[i] = ""
			}
		}
	}
	_, err := tx.storeNumber(old, n)
	return err
}

// OrderProfiles puts the profiles of a user in a new order: ids holds each of
// them once. Errors: ErrNotFound for the user, *InvalidError.
func (tx *Tx) OrderProfiles(userID string, ids []string) error {
	u, err := tx.user(userID)
	if err != nil {
		return err
	}
	before := tx.draft.snap.ProfilesOf[userID]
	if err := permutation("profiles", before, ids); err != nil {
		return err
	}
	if slices.Equal(before, ids) {
		return nil
	}
	for i, id := range ids {
		old := tx.draft.snap.Profiles[id]
		if old.Position == i {
			continue
		}
		p := *old
		p.Position, p.Version = i, p.Version+1
		if err := tx.exec("UPDATE profiles SET position = ?, version = ? WHERE id = ?", p.Position, p.Version, p.ID); err != nil {
			return err
		}
		tx.draft.putProfile(&p)
	}
	tx.draft.orderProfiles(userID, slices.Clone(ids))
	return tx.record("order", "profile", "", u.Username, before, ids)
}

// permutation refuses a new order that is not one of what there is.
func permutation(field string, have, want []string) error {
	a, b := slices.Clone(have), slices.Clone(want)
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(a, b) {
		return invalid(field, "must be the %d that there are, each once", len(have))
	}
	return nil
}
