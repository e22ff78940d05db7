package transfer

import (
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// makeGroups makes groups and gives them title and settings. Members come when they are there.
func (im *importer) makeGroups() error {
	for i := range im.file.Groups {
		g := &im.file.Groups[i]
		if _, err := im.attempt(object{KindGroup, i, 0}, func() error { return im.makeGroup(g) }); err != nil {
			return err
		}
	}
	return nil
}

func (im *importer) makeGroup(g *Group) error {
	have := im.tx.Snapshot().Groups[g.Name]
	switch {
	case have == nil:
		id := g.ID
		for _, other := range im.tx.Snapshot().Groups {
			if other.ID == id {
				id = ""
			}
		}
		_, err := im.tx.CreateGroup(directory.Group{ID: id, Name: g.Name, Title: g.Title, Type: g.Type, Parameters: g.Parameters})
		return err
	case have.Type != g.Type:
		return problem("type", "type", "group "+g.Name+" is one of type "+string(have.Type)+" here, and of type "+string(g.Type)+" in the file",
			"die Gruppe "+g.Name+" ist hier eine der Art "+string(have.Type)+", in der Datei eine der Art "+string(g.Type))
	case g.Partial:
		return nil
	}
	_, err := im.tx.UpdateGroup(g.Name, 0, func(have *directory.Group) {
		if have.Title = g.Title; im.exact() {
			have.Parameters = g.Parameters
			return
		}
		mergeParameters(&have.Parameters, g.Parameters)
	})
	return err
}

// carryMembers fills groups and pickup groups.
func (im *importer) carryMembers() error {
	for i := range im.file.Groups {
		of := object{KindGroup, i, 0}
		if len(im.problems[of]) > 0 || directory.Computed(im.file.Groups[i].Name) {
			continue
		}
		if err := im.carryGroup(of, &im.file.Groups[i]); err != nil {
			return err
		}
	}
	for i := range im.file.Groups { // which may name each other
		of := object{KindGroup, i, 0}
		if len(im.problems[of]) > 0 || im.file.Groups[i].Partial {
			continue
		}
		if err := im.carryGrants(of, &im.file.Groups[i]); err != nil {
			return err
		}
	}
	for i := range im.file.PickupGroups {
		if _, err := im.attempt(object{KindPickup, i, 0}, func() error { return im.carryPickup(i) }); err != nil {
			return err
		}
	}
	return nil
}

// members are the IDs here of what the file lists as members of a group; whom the file has in conflict is left out without a word.
func (im *importer) members(g *Group) (ids []string, missing []Problem) {
	snap := im.tx.Snapshot()
	lacks := func(p *problemError) { missing = append(missing, p.Problem) }
	for _, name := range g.Members {
		switch u := snap.ByName[name]; {
		case g.Type != directory.GroupUser:
			ids = append(ids, name)
		case im.users[name] != "":
			ids = append(ids, im.users[name])
		case has(im.file.Manifest.What, WhatUsers) && slices.ContainsFunc(im.file.Users, func(u User) bool { return u.Username == name }):
		case u != nil:
			ids = append(ids, u.ID)
		default:
			lacks(problem("missing", "members", "there is no user "+clipped(name)+" here", "den Benutzer "+clipped(name)+" gibt es hier nicht"))
		}
	}
	for _, s := range g.Slots {
		if id := im.slots[s.ID]; id != "" {
			ids = append(ids, id)
		}
	}
	for _, name := range g.Groups {
		if inner := snap.Groups[name]; inner != nil {
			ids = append(ids, inner.ID)
		} else {
			lacks(problem("missing", "members", "there is no group "+clipped(name)+" here", "die Gruppe "+clipped(name)+" gibt es hier nicht"))
		}
	}
	return ids, missing
}

func (im *importer) carryGroup(of object, g *Group) error {
	ids, missing := im.members(g)
	if len(missing) > 0 {
		im.problems[of] = append(im.problems[of], missing...)
		return nil
	}
	for _, id := range ids {
		if ok, err := im.attempt(of, func() error { return im.tx.AddMember(g.Name, id) }); err != nil || !ok {
			return err
		}
	}
	if !im.exact() || g.Partial {
		return nil
	}
	for _, id := range slices.Clone(im.tx.Snapshot().Members[g.Name]) {
		if slices.Contains(ids, id) {
			continue
		}
		if ok, err := im.attempt(of, func() error { return im.tx.RemoveMember(g.Name, id) }); err != nil || !ok {
			return err
		}
	}
	return nil
}

func (im *importer) carryGrants(of object, g *Group) error {
	for _, r := range g.Grants {
		if ok, err := im.attempt(of, func() error {
			return im.tx.AddGrant(directory.Grant{Group: g.Name, Permission: r.Permission, Objects: r.Objects})
		}); err != nil || !ok {
			return err
		}
	}
	if !im.exact() {
		return nil
	}
	for _, r := range slices.Clone(im.tx.Snapshot().Grants) {
		if r.Group != g.Name || slices.Contains(g.Grants, Grant{r.Permission, r.Objects}) {
			continue
		}
		if err := im.tx.RemoveGrant(r); err != nil {
			return err
		}
	}
	return nil
}

func (im *importer) carryPickup(i int) error {
	g := &im.file.PickupGroups[i]
	snap := im.tx.Snapshot()
	var users []string
	for _, name := range g.Users {
		switch u := snap.ByName[name]; {
		case im.users[name] != "":
			users = append(users, im.users[name])
		case u != nil && !slices.ContainsFunc(im.file.Users, func(u User) bool { return u.Username == name }):
			users = append(users, u.ID)
		case u == nil && len(im.file.Users) == 0:
			return problem("missing", "users", "there is no user "+clipped(name)+" here", "den Benutzer "+clipped(name)+" gibt es hier nicht")
		}
	}
	have := snap.PickupGroups[g.ID]
	for _, other := range snap.PickupGroups {
		if have == nil && strings.EqualFold(other.Name, g.Name) {
			have = other
		}
	}
	if have == nil {
		made, err := im.tx.CreatePickupGroup(directory.PickupGroup{ID: g.ID, Name: g.Name, Users: users})
		if err == nil {
			im.pickups[i] = made.ID
		}
		return err
	}
	im.pickups[i] = have.ID
	_, err := im.tx.UpdatePickupGroup(have.ID, 0, func(p *directory.PickupGroup) {
		if !g.Partial {
			p.Name = g.Name
		}
		if im.exact() && !g.Partial {
			p.Users = users
			return
		}
		p.Users = im.joinedAlways(p.Users, users)
	})
	return err
}

// joinedAlways is joined of a merge.
func (im *importer) joinedAlways(here, more []string) []string {
	out := slices.Clone(here)
	for _, s := range more {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
