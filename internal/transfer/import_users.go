package transfer

import (
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

func (im *importer) carryUsers() error {
	for i := range im.file.Users {
		u, of := &im.file.Users[i], object{KindUser, i, 0}
		if len(im.problems[of]) > 0 {
			continue
		}
		ok, err := im.attempt(of, func() error {
			if im.fresh[u.Username] {
				return im.adoptUser(u)
			}
			return im.updateUser(u)
		})
		if err != nil {
			return err
		}
		if !ok {
			delete(im.users, u.Username) // nothing of theirs is touched
			delete(im.fresh, u.Username)
		}
	}
	return nil
}

func (im *importer) adoptUser(u *User) error {
	made := directory.User{
		ID: free(im.tx.Snapshot().Users, u.ID), Username: u.Username, FirstName: u.FirstName, LastName: u.LastName, Email: u.Email, DND: u.DND,
		StatusPrivate: u.StatusPrivate, URL: u.URL, ShownInside: u.ShownInside, ShownOutside: u.ShownOutside, Blocks: u.Blocks,
	}
	giveUser(&made, &u.Settings, true)
	if s := im.passwords[u.Username]; s != nil {
		made.PasswordHash, made.MustChangePassword, made.PINHash = s.Password, s.MustChangePassword, s.PIN
	}
	adopted, err := im.tx.AdoptUser(made)
	if err != nil {
		return err
	}
	im.users[u.Username] = adopted.ID
	if adopted.PasswordHash == "" {
		im.result.NoPassword++
	}
	if !has(im.file.Manifest.What, WhatGroups) { // which say whether the user is visible
		return im.tx.AddMember(directory.VisibleUsers, adopted.ID)
	}
	return nil
}

func (im *importer) updateUser(u *User) error {
	id := im.users[u.Username]
	_, err := im.tx.UpdateUser(id, 0, func(have *directory.User) {
		have.Username, have.FirstName, have.LastName, have.Email = u.Username, u.FirstName, u.LastName, u.Email
		have.DND, have.StatusPrivate, have.URL = u.DND, u.StatusPrivate, u.URL
		giveUser(have, &u.Settings, im.exact())
		have.ShownInside = im.joined(have.ShownInside, u.ShownInside)
		have.ShownOutside = im.joined(have.ShownOutside, u.ShownOutside)
		if im.exact() {
			have.Blocks = slices.Clone(u.Blocks)
			return
		}
		for _, b := range u.Blocks {
			if !slices.Contains(have.Blocks, b) {
				have.Blocks = append(have.Blocks, b)
			}
		}
	})
	if err != nil {
		return err
	}
	return im.carryPassword(u.Username, id)
}

// carryPassword gives an existing user password and PIN of the file. None is taken away, so that nobody is locked out, and merging leaves those
// that are there.
func (im *importer) carryPassword(username, id string) error {
	s, have := im.passwords[username], im.tx.Snapshot().Users[id]
	if s == nil {
		return nil
	}
	if s.Password != "" && s.Password != have.PasswordHash && (im.exact() || have.PasswordHash == "") {
		set := im.tx.SetPassword
		if s.MustChangePassword {
			set = im.tx.SetFirstPassword
		}
		if err := set(have.Username, s.Password); err != nil {
			return err
		}
	}
	if s.PIN != "" && s.PIN != have.PINHash && (im.exact() || have.PINHash == "") {
		return im.tx.SetPIN(have.Username, s.PIN)
	}
	return nil
}

// joined is what becomes of a list: that of the file, or what is here and then what the file has besides.
func (im *importer) joined(here, file []string) []string {
	if im.exact() {
		return slices.Clone(file)
	}
	out := slices.Clone(here)
	for _, s := range file {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// freeNumbers takes from the users of the file what they do not have in it, when it replaces: first of all, so that numbers can move between them.
func (im *importer) freeNumbers() error {
	if !im.exact() {
		return nil
	}
	for i := range im.file.Users {
		u := &im.file.Users[i]
		id := im.users[u.Username]
		if id == "" || im.fresh[u.Username] {
			continue
		}
		for _, number := range slices.Clone(im.tx.Snapshot().Rows[id]) {
			if slices.ContainsFunc(u.Numbers, func(n Number) bool { return n.Number == number }) {
				continue
			}
			if err := im.tx.RemoveNumber(number, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

func (im *importer) carryNumbers() error {
	for i := range im.file.Users {
		u := &im.file.Users[i]
		id := im.users[u.Username]
		if id == "" {
			continue
		}
		for k := range u.Numbers {
			n := &u.Numbers[k]
			if _, err := im.attempt(object{KindNumber, i, k}, func() error {
				return im.carryNumber(n.Number, directory.OwnerUser, id, n.DisplayName, &n.Settings)
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// carryNumber makes or changes a number, but for what forwards it.
func (im *importer) carryNumber(number string, owner directory.OwnerType, ownerID, displayName string, s *directory.Parameters) error {
	snap := im.tx.Snapshot()
	have := snap.Numbers[number]
	switch {
	case have == nil:
		made := directory.Number{Number: number, OwnerType: owner, OwnerID: ownerID, DisplayName: displayName}
		giveNumber(&made, s, true)
		_, err := im.tx.AddNumber(made)
		return err
	case have.OwnerType != owner || have.OwnerID != ownerID:
		return problem("taken", "number", "number "+number+" belongs to "+snap.OwnerName(have)+" here", "die Nummer "+number+" gehört hier "+snap.OwnerName(have))
	}
	_, err := im.tx.UpdateNumber(number, 0, func(n *directory.Number) {
		n.DisplayName = displayName
		giveNumber(n, s, im.exact())
	})
	return err
}

func (im *importer) carryFaxes() error {
	for i := range im.file.FaxLines {
		f := &im.file.FaxLines[i]
		if _, err := im.attempt(object{KindFax, i, 0}, func() error {
			return im.carryNumber(f.Number, directory.OwnerFaxLine, f.Line, f.DisplayName, &f.Settings)
		}); err != nil {
			return err
		}
	}
	return nil
}
