package store

import (
	"maps"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// draft is a snapshot in the making. It begins as a shallow copy of the one in
// force; a map is copied when it is first written, and objects and slices are
// never changed in place but replaced, so the one in force is left as it is.
type draft struct {
	snap    *directory.Snapshot
	changed Changed

	// ours names the maps of snap that are copies.
	ours struct {
		users, numbers, slots, groups, members, memberOf, rows, columns, ticks, versions bool
		profiles, profilesOf, calendars, hunts, pickups, codes, apart                    bool
	}
	// lists names the groups whose slice of members is a copy with room to grow.
	lists map[string]bool
}

func newDraft(base *directory.Snapshot, revision int64) *draft {
	snap := *base
	snap.Revision = revision
	return &draft{
		snap:    &snap,
		changed: Changed{Users: map[string]struct{}{}, Numbers: map[string]struct{}{}, Profiles: map[string]struct{}{}, Rules: map[string]struct{}{}},
		lists:   map[string]bool{},
	}
}

// own makes m a copy unless it is one already.
func own[K comparable, V any](ours *bool, m *map[K]V) map[K]V {
	if !*ours {
		*m = maps.Clone(*m)
		*ours = true
	}
	return *m
}

func (d *draft) touch(userID string) { d.changed.Users[userID] = struct{}{} }

func (d *draft) ownUsers() {
	if !d.ours.users {
		d.snap.ByName = maps.Clone(d.snap.ByName)
	}
	own(&d.ours.users, &d.snap.Users)
}

func (d *draft) putUser(u *directory.User) {
	d.ownUsers()
	if old := d.snap.Users[u.ID]; old != nil {
		delete(d.snap.ByName, old.Username)
	}
	d.snap.Users[u.ID], d.snap.ByName[u.Username] = u, u
	d.touch(u.ID)
}

func (d *draft) dropUser(u *directory.User) {
	d.ownUsers()
	delete(d.snap.Users, u.ID)
	delete(d.snap.ByName, u.Username)
	delete(own(&d.ours.versions, &d.snap.MatrixVersions), u.ID)
	if len(d.snap.Rows[u.ID]) > 0 {
		delete(own(&d.ours.rows, &d.snap.Rows), u.ID)
	}
	if len(d.snap.Columns[u.ID]) > 0 {
		delete(own(&d.ours.columns, &d.snap.Columns), u.ID)
	}
	delete(d.changed.Users, u.ID)
	d.changed.Removed = append(d.changed.Removed, u.ID)
}

func (d *draft) setVersion(userID string, version int64) {
	own(&d.ours.versions, &d.snap.MatrixVersions)[userID] = version
	d.touch(userID)
}

// putNumber adds or replaces a number; a new one becomes the last row of its user.
func (d *draft) putNumber(n *directory.Number) {
	_, known := d.snap.Numbers[n.Number]
	own(&d.ours.numbers, &d.snap.Numbers)[n.Number] = n
	d.changed.Numbers[n.Number] = struct{}{}
	if n.OwnerType != directory.OwnerUser {
		return
	}
	d.touch(n.OwnerID)
	if !known {
		rows := own(&d.ours.rows, &d.snap.Rows)
		rows[n.OwnerID] = append(slices.Clip(rows[n.OwnerID]), n.Number)
	}
}

func (d *draft) dropNumber(n *directory.Number) {
	delete(own(&d.ours.numbers, &d.snap.Numbers), n.Number)
	d.repaired("number", n.Number)
	d.changed.Numbers[n.Number] = struct{}{}
	d.setTicks(n.Number, nil)
	if n.OwnerType == directory.OwnerUser {
		d.touch(n.OwnerID)
		d.setRows(n.OwnerID, without(d.snap.Rows[n.OwnerID], n.Number))
	}
}

func (d *draft) setRows(userID string, numbers []string) {
	rows := own(&d.ours.rows, &d.snap.Rows)
	if len(numbers) == 0 {
		delete(rows, userID)
		return
	}
	rows[userID] = numbers
}

// putSlot adds or replaces a slot; a new one becomes the last column of its user.
func (d *draft) putSlot(s *directory.Slot) {
	_, known := d.snap.Slots[s.ID]
	own(&d.ours.slots, &d.snap.Slots)[s.ID] = s
	d.touch(s.UserID)
	if !known {
		columns := own(&d.ours.columns, &d.snap.Columns)
		columns[s.UserID] = append(slices.Clip(columns[s.UserID]), s.ID)
	}
}

func (d *draft) dropSlot(s *directory.Slot) {
	delete(own(&d.ours.slots, &d.snap.Slots), s.ID)
	d.touch(s.UserID)
	for _, n := range d.snap.Rows[s.UserID] {
		if slices.Contains(d.snap.Ticks[n], s.ID) {
			d.setTicks(n, without(d.snap.Ticks[n], s.ID))
		}
	}
	d.setColumns(s.UserID, without(d.snap.Columns[s.UserID], s.ID))
}

func (d *draft) setColumns(userID string, slots []string) {
	columns := own(&d.ours.columns, &d.snap.Columns)
	if len(slots) == 0 {
		delete(columns, userID)
		return
	}
	columns[userID] = slots
}

func (d *draft) setTicks(number string, slots []string) {
	if len(slots) == 0 && len(d.snap.Ticks[number]) == 0 {
		return
	}
	ticks := own(&d.ours.ticks, &d.snap.Ticks)
	if len(slots) == 0 {
		delete(ticks, number)
		return
	}
	ticks[number] = slots
}

func (d *draft) putGroup(g *directory.Group) {
	own(&d.ours.groups, &d.snap.Groups)[g.Name] = g
	d.changed.Groups = true
}

func (d *draft) dropGroup(g *directory.Group) {
	delete(own(&d.ours.groups, &d.snap.Groups), g.Name)
	for _, id := range d.snap.Members[g.Name] {
		d.leave(g.Name, id)
	}
	delete(own(&d.ours.members, &d.snap.Members), g.Name)
	d.changed.Groups = true
}

// addMember keeps the members sorted, as they are loaded.
func (d *draft) addMember(group, objectID string) {
	members := own(&d.ours.members, &d.snap.Members)
	if !d.lists[group] {
		members[group] = slices.Clone(members[group])
		d.lists[group] = true
	}
	i, _ := slices.BinarySearch(members[group], objectID)
	members[group] = slices.Insert(members[group], i, objectID)
	of := own(&d.ours.memberOf, &d.snap.MemberOf)
	i, _ = slices.BinarySearch(of[objectID], group)
	of[objectID] = slices.Insert(slices.Clip(of[objectID]), i, group)
	d.changed.Groups = true
}

func (d *draft) removeMember(group, objectID string) {
	members := own(&d.ours.members, &d.snap.Members)
	if rest := without(members[group], objectID); len(rest) > 0 {
		members[group] = rest
	} else {
		delete(members, group)
	}
	d.lists[group] = false
	d.leave(group, objectID)
	d.changed.Groups = true
}

func (d *draft) leave(group, objectID string) {
	of := own(&d.ours.memberOf, &d.snap.MemberOf)
	if rest := without(of[objectID], group); len(rest) > 0 {
		of[objectID] = rest
	} else {
		delete(of, objectID)
	}
}

// without returns a copy of list that lacks item.
func without(list []string, item string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		if s != item {
			out = append(out, s)
		}
	}
	return out
}
