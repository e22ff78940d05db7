package transfer

import (
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// match finds out which objects of the file are here already: those with the same ID, which come from this server; else those of the same name.
// IDs that are found nowhere are kept, so that a later file from the same place finds them.
func (im *importer) match() {
	for i := range im.file.Users {
		u := &im.file.Users[i]
		id, trouble := im.matchUser(u)
		switch {
		case trouble != nil:
			im.problems[object{KindUser, i, 0}] = []Problem{trouble.Problem}
		case id != "":
			im.users[u.Username] = id
		default:
			im.fresh[u.Username] = true
		}
	}
	if has(im.file.Manifest.What, WhatUsers) {
		return
	}
	for i := range im.file.Slots { // of users who are here
		if u := im.base.ByName[im.file.Slots[i].User]; u != nil {
			im.users[u.Username] = u.ID
		}
	}
}

func (im *importer) matchUser(u *User) (id string, trouble *problemError) {
	byID, byName := im.base.Users[u.ID], im.base.ByName[u.Username]
	switch {
	case byID != nil && byName != nil && byID != byName:
		return "", problem("taken", "username", "username "+u.Username+" belongs to another user here, and the user of the file is called "+byID.Username+" here",
			"der Benutzername "+u.Username+" gehört hier einem anderen, und der Benutzer der Datei heißt hier "+byID.Username)
	case byID != nil:
		return byID.ID, nil
	case byName == nil:
		return "", nil
	case !samePerson(u, byName):
		return "", problem("other_person", "username", "username "+u.Username+" belongs to "+byName.FullName()+" here, who is another person than "+fullName(u)+": rename one of them",
			"der Benutzername "+u.Username+" gehört hier "+byName.FullName()+", also nicht derselben Person wie in der Datei ("+fullName(u)+"): benennen Sie einen von beiden um")
	}
	return byName.ID, nil
}

// samePerson reports whether a user of the file and one of the same user name here can be one person: names or e-mail addresses agree, or one of
// the two says nothing about that, as the supervisor of a new server does.
func samePerson(u *User, here *directory.User) bool {
	name := func(first, last string) string {
		return strings.ToLower(strings.Join(strings.Fields(first+" "+last), " "))
	}
	a, b := name(u.FirstName, u.LastName), name(here.FirstName, here.LastName)
	anybody := func(name string) bool { return name == "" || name == u.Username }
	return a == b || anybody(a) || anybody(b) || u.Email != "" && strings.EqualFold(u.Email, here.Email)
}

func fullName(u *User) string {
	if n := strings.TrimSpace(u.FirstName + " " + u.LastName); n != "" {
		return n
	}
	return u.Username
}

// free returns an ID of the file if nobody has it here.
func free[T any](here map[string]T, id string) string {
	if _, there := here[id]; there {
		return ""
	}
	return id
}

// matchSlots finds the slots of one user: by ID, by SIP account, then by type and name in their order.
func (im *importer) matchSlots(userID string, slots []*Slot) {
	snap := im.tx.Snapshot()
	here := slices.Clone(snap.Columns[userID])
	take := func(s *Slot, fits func(*directory.Slot) bool) {
		if im.slots[s.ID] != "" {
			return
		}
		if i := slices.IndexFunc(here, func(id string) bool { o := snap.Slots[id]; return o.Type == s.Type && fits(o) }); i >= 0 {
			im.slots[s.ID] = here[i]
			here = slices.Delete(here, i, i+1)
		}
	}
	for _, s := range slots {
		take(s, func(o *directory.Slot) bool { return o.ID == s.ID })
	}
	for _, s := range slots {
		take(s, func(o *directory.Slot) bool { return s.SIPUsername != "" && o.SIPUsername == s.SIPUsername })
	}
	for _, s := range slots {
		take(s, func(o *directory.Slot) bool { return strings.EqualFold(o.Name, s.Name) })
	}
}
