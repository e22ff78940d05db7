package store

import (
	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// follow puts in force what users and their numbers take from groups, and touches those for whom anything differs.
func (d *draft) follow(userIDs ...string) {
	for _, id := range userIDs {
		u := d.snap.Users[id]
		if u == nil {
			continue
		}
		groups := d.snap.Givers(id)
		if f := u.Following(groups); f != u {
			d.putUser(f)
		}
		for _, number := range d.snap.Rows[id] {
			if n := d.snap.Numbers[number]; n != nil {
				if f := n.Following(groups); f != n {
					d.putNumber(f)
				}
			}
		}
	}
}

// regroup puts in force what differs between a group and what it was.
func (d *draft) regroup(g, old *directory.Group) {
	if g.Parameters == (directory.Parameters{}) && old.Parameters == (directory.Parameters{}) {
		return
	}
	members := d.snap.UsersIn(g.Name)
	d.follow(members...)
	if g.Title == old.Title {
		return
	}
	for _, id := range members { // explanations name the group
		if d.takesFrom(id, g.Name) {
			d.touch(id)
		}
	}
}

// takesFrom reports whether a user or a number of the user takes a setting from a group.
func (d *draft) takesFrom(userID, group string) bool {
	if d.snap.Users[userID].From.Names(group) {
		return true
	}
	for _, number := range d.snap.Rows[userID] {
		if d.snap.Numbers[number].From.Names(group) {
			return true
		}
	}
	return false
}

// moved puts in force what a user, or the users of a group, take from elsewhere now that they have come into a group or left it.
func (d *draft) moved(into *directory.Group, objectID string) {
	if into.Type != directory.GroupUser {
		return
	}
	if d.snap.Users[objectID] != nil {
		d.follow(objectID)
		return
	}
	for _, g := range d.snap.Groups {
		if g.ID == objectID {
			d.follow(d.snap.UsersIn(g.Name)...)
		}
	}
}

// following is a number with what it takes from the groups of its user.
func (tx *Tx) following(n *directory.Number) *directory.Number {
	if n.OwnerType != directory.OwnerUser {
		return n.Following(nil)
	}
	return n.Following(tx.draft.snap.Givers(n.OwnerID))
}

// parameters reads what a group gives to its members.
func (l *loader) parameters(text []byte, g *directory.Group) {
	l.document(text, &g.Parameters, "group", g.ID, g.Name, "parameters")
}
