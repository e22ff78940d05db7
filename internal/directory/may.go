package directory

import "slices"

// Permissions lists all permissions of SPEC G2 with the type of group whose members they concern; "" for those that concern
// nobody in particular.
var Permissions = map[Permission]GroupType{
	MayAdmin:              "",
	MayFax:                GroupFax,
	MayBeQueueMember:      GroupQueue,
	MayConfigureQueue:     GroupQueue,
	MaySuperviseQueue:     GroupQueue,
	MayPickUp:             GroupUser,
	MayViewPhonebook:      GroupPhonebook,
	MayEditPhonebook:      GroupPhonebook,
	MayImpersonate:        GroupUser,
	MayDial:               "",
	MayIntercom:           GroupUser,
	MayOverrideForwarding: GroupUser,
	MayDialOutTemporarily: "",
	MayApproveDialOut:     GroupUser,
}

// Verdict says whether somebody may do something, and by which grant: nil when he may not, or may as a member of Admins.
type Verdict struct {
	Allowed bool
	Grant   *Grant
	// Through names the groups from the one that lists the user to the one of the grant: ["sales", "staff"].
	Through []string
}

// May answers "may this user do that on this object, and why" (SPEC G2). Permissions only allow; those of all groups of the user
// add up, groups within groups included. object is the ID of what the permission concerns; it is ignored where it concerns nobody in
// particular. Members of Admins have the permission admin without a grant, and no other by that alone.
func (s *Snapshot) May(userID string, p Permission, object string) Verdict {
	if s.Users[userID] == nil {
		return Verdict{}
	}
	if p == MayAdmin && s.InGroup(Admins, userID) {
		return Verdict{Allowed: true, Through: []string{Admins}}
	}
	for i := range s.Grants {
		g := &s.Grants[i]
		if g.Permission != p {
			continue
		}
		way := s.wayInto(g.Group, userID, nil)
		if way == nil || Permissions[p] != "" && !s.InGroup(g.Objects, object) {
			continue
		}
		return Verdict{Allowed: true, Grant: g, Through: way}
	}
	return Verdict{}
}

// wayInto lists the groups from the one that holds the object to the named one, nil when it is no member.
func (s *Snapshot) wayInto(group, objectID string, seen []string) []string {
	if slices.Contains(seen, group) || s.Groups[group] == nil {
		return nil
	}
	if Computed(group) || slices.Contains(s.Members[group], objectID) {
		if s.InGroup(group, objectID) {
			return []string{group}
		}
		return nil
	}
	seen = append(seen, group)
	for _, g := range s.Groups {
		if !slices.Contains(s.Members[group], g.ID) {
			continue
		}
		if way := s.wayInto(g.Name, objectID, seen); way != nil {
			return append(way, group)
		}
	}
	return nil
}
