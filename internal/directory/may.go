package directory

import "errors"

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
	mine := s.climb(userID, GroupUser, "")
	if p == MayAdmin {
		if way := mine.wayTo(Admins); way != nil {
			return Verdict{Allowed: true, Through: way}
		}
	}
	var objects *climb
	for i := range s.Grants {
		g := &s.Grants[i]
		if g.Permission != p || mine.find(g.Group) < 0 {
			continue
		}
		if Permissions[p] != "" {
			if objects == nil {
				objects = s.climb(object, Permissions[p], "")
			}
			if objects.find(g.Objects) < 0 {
				continue
			}
		}
		return Verdict{Allowed: true, Grant: g, Through: mine.wayTo(g.Group)}
	}
	return Verdict{}
}

// Check is to Grant what Profile.Check is to Profile.
func (g *Grant) Check(s *Snapshot) error {
	var f faults
	switch holders := s.Groups[g.Group]; {
	case holders == nil:
		f.add("group", "there is no group %s", clipped(g.Group))
	case holders.Type != GroupUser:
		f.add("group", "%s is a group of type %s; permissions are those of users", g.Group, holders.Type)
	}
	typ, known := Permissions[g.Permission]
	if !known {
		f.add("permission", "is not known: %s", clipped(string(g.Permission)))
		return errors.Join(f...)
	}
	switch objects := s.Groups[g.Objects]; {
	case typ == "" && g.Objects != "":
		f.add("objects", "must be empty: %s concerns nobody in particular", g.Permission)
	case typ == "":
	case objects == nil:
		f.add("objects", "there is no group %s", clipped(g.Objects))
	case objects.Type != typ:
		f.add("objects", "%s is a group of type %s; %s needs one of type %s", g.Objects, objects.Type, g.Permission, typ)
	}
	return errors.Join(f...)
}
