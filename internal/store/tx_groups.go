package store

import (
	"reflect"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// CreateGroup adds a group without members; ID and Version are set as in
// CreateCalendar and BuiltIn is cleared. Errors: *InvalidError, *TakenError.
func (tx *Tx) CreateGroup(g directory.Group) (*directory.Group, error) {
	g.BuiltIn = false
	return tx.createGroup(g)
}

func (tx *Tx) createGroup(g directory.Group) (*directory.Group, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	if tx.draft.snap.Groups[g.Name] != nil {
		return nil, &TakenError{Kind: "group", Value: g.Name}
	}
	there := false
	for _, other := range tx.draft.snap.Groups {
		there = there || other.ID == g.ID
	}
	var err error
	if g.ID, g.Version, err = identity("group", g.ID, g.Version, there); err != nil {
		return nil, err
	}
	var parameters string
	if parameters, g.Parameters, err = document("parameters", g.Parameters); err != nil {
		return nil, err
	}
	err = tx.exec("INSERT INTO object_groups (id, name, title, type, built_in, version, parameters_json) VALUES (?, ?, ?, ?, ?, ?, ?)",
		g.ID, g.Name, g.Title, g.Type, g.BuiltIn, g.Version, parameters)
	if err != nil {
		return nil, err
	}
	tx.draft.putGroup(&g)
	return &g, tx.record("create", "group", g.ID, g.Name, nil, groupView(&g))
}

func (tx *Tx) group(name string) (*directory.Group, error) {
	if g := tx.draft.snap.Groups[name]; g != nil {
		return g, nil
	}
	return nil, &NotFoundError{Kind: "group", ID: name}
}

// UpdateGroup lets edit change a copy of the named group, its title and parameters,
// and stores it; all else keeps its value whatever edit does. What the group gives is
// in force for its members at once. version is as in UpdateUser. Errors: ErrNotFound,
// ErrConflict, *InvalidError.
func (tx *Tx) UpdateGroup(name string, version int64, edit func(*directory.Group)) (*directory.Group, error) {
	old, err := tx.group(name)
	if err != nil {
		return nil, err
	}
	if err := checkVersion("group", name, old.Version, version); err != nil {
		return nil, err
	}
	g := *old
	edit(&g)
	g.ID, g.Name, g.Type, g.BuiltIn, g.Version = old.ID, old.Name, old.Type, old.BuiltIn, old.Version
	if err := g.Validate(); err != nil {
		return nil, err
	}
	var parameters string
	if parameters, g.Parameters, err = document("parameters", g.Parameters); err != nil {
		return nil, err
	}
	if reflect.DeepEqual(g, *old) && !tx.draft.isDamaged("group", g.ID) {
		return old, nil
	}
	g.Version++
	err = tx.exec("UPDATE object_groups SET title = ?, version = ?, parameters_json = ? WHERE id = ?", g.Title, g.Version, parameters, g.ID)
	if err != nil {
		return nil, err
	}
	tx.draft.putGroup(&g)
	tx.draft.regroup(&g, old)
	return &g, tx.record("update", "group", g.ID, g.Name, groupView(old), groupView(&g))
}

// DeleteGroup removes the named group with its memberships and permissions;
// built-in groups and those that rules name are refused. version is as in UpdateUser. Errors: ErrNotFound, ErrConflict,
// *InvalidError.
func (tx *Tx) DeleteGroup(name string, version int64) error {
	g, err := tx.group(name)
	if err != nil {
		return err
	}
	if err := checkVersion("group", name, g.Version, version); err != nil {
		return err
	}
	if g.BuiltIn {
		return invalid("name", "%s is a built-in group and cannot be removed", name)
	}
	if users := tx.draft.snap.ReferencesToGroup(name); len(users) > 0 {
		return invalid("name", "is needed by %s", tx.draft.snap.In(users[0]))
	}
	for parent, members := range tx.draft.snap.Members {
		if !slices.Contains(members, g.ID) {
			continue
		}
		if err := tx.keepsAdmin(parent, g.ID); err != nil {
			return err
		}
		if err := tx.deleteMember(tx.draft.snap.Groups[parent], g.ID); err != nil {
			return err
		}
	}
	if err := tx.dropGrants(name); err != nil {
		return err
	}
	before := groupView(g)
	before.Members = tx.draft.snap.Members[name]
	if err := tx.exec("DELETE FROM group_members WHERE group_id = ?", g.ID); err != nil {
		return err
	}
	if err := tx.exec("DELETE FROM object_groups WHERE id = ?", g.ID); err != nil {
		return err
	}
	members := tx.draft.snap.UsersIn(name)
	tx.draft.dropGroup(g)
	tx.draft.follow(members...)
	return tx.record("delete", "group", g.ID, g.Name, before, nil)
}

// AddMember puts an object into the named group: a user ID into a group of type
// user, a slot ID into one of type slot, the name of a line into one of type fax,
// or the ID of another group of the same type (SPEC G1). A member that is there
// already is no error. Errors: ErrNotFound for the group, *InvalidError for an
// object that does not fit, for computed groups and for groups in a circle.
func (tx *Tx) AddMember(group, objectID string) error {
	g, err := tx.group(group)
	if err != nil {
		return err
	}
	snap := tx.draft.snap
	if directory.Computed(group) {
		return invalid("group", "the members of %s follow from the directory", group)
	}
	if slices.Contains(snap.Members[group], objectID) {
		return nil
	}
	if err := tx.fits(g, objectID); err != nil {
		return err
	}
	if err := tx.insertMember(g, objectID); err != nil {
		return err
	}
	return tx.record("add_member", "group", g.ID, g.Name, nil, map[string]string{"member": tx.memberName(objectID)})
}

// fits checks that the object exists and may be a member of g.
func (tx *Tx) fits(g *directory.Group, objectID string) error {
	snap := tx.draft.snap
	for _, inner := range snap.Groups {
		if inner.ID != objectID {
			continue
		}
		if inner.Type != g.Type {
			return invalid("member", "group %s has type %s, not %s", inner.Name, inner.Type, g.Type)
		}
		if inner == g || snap.InGroup(inner.Name, g.ID) {
			return invalid("member", "group %s would contain itself", g.Name)
		}
		return nil
	}
	known := false
	switch g.Type {
	case directory.GroupUser:
		known = snap.Users[objectID] != nil
	case directory.GroupSlot:
		known = snap.Slots[objectID] != nil
	case directory.GroupFax:
		for _, n := range snap.Numbers {
			known = known || n.OwnerType == directory.OwnerFaxLine && n.OwnerID == objectID
		}
	}
	if !known {
		return invalid("member", "there is no %s %s", g.Type, clip(objectID, 64))
	}
	return nil
}

func (tx *Tx) insertMember(g *directory.Group, objectID string) error {
	if err := tx.exec("INSERT INTO group_members (group_id, object_id) VALUES (?, ?)", g.ID, objectID); err != nil {
		return err
	}
	tx.draft.addMember(g.Name, objectID)
	tx.draft.moved(g, objectID)
	return nil
}

// RemoveMember takes an object out of the named group. An object that is no
// member is no error. The group Admins keeps at least one user. Errors:
// ErrNotFound for the group, *InvalidError.
func (tx *Tx) RemoveMember(group, objectID string) error {
	g, err := tx.group(group)
	if err != nil {
		return err
	}
	if !slices.Contains(tx.draft.snap.Members[group], objectID) {
		return nil
	}
	if err := tx.keepsAdmin(group, objectID); err != nil {
		return err
	}
	if err := tx.deleteMember(g, objectID); err != nil {
		return err
	}
	return tx.record("remove_member", "group", g.ID, g.Name, map[string]string{"member": tx.memberName(objectID)}, nil)
}

func (tx *Tx) deleteMember(g *directory.Group, objectID string) error {
	if err := tx.exec("DELETE FROM group_members WHERE group_id = ? AND object_id = ?", g.ID, objectID); err != nil {
		return err
	}
	tx.draft.removeMember(g.Name, objectID)
	tx.draft.moved(g, objectID)
	return nil
}

// keepsAdmin refuses to take the last direct user out of the group Admins, so
// that nobody is locked out.
func (tx *Tx) keepsAdmin(group, objectID string) error {
	if group != directory.Admins {
		return nil
	}
	for _, id := range tx.draft.snap.Members[group] {
		if id != objectID && tx.draft.snap.Users[id] != nil {
			return nil
		}
	}
	return invalid("member", "the last administrator cannot be removed")
}

// memberName names a member for the audit log.
func (tx *Tx) memberName(objectID string) string {
	if u := tx.draft.snap.Users[objectID]; u != nil {
		return u.Username
	}
	return objectID
}
