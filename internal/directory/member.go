package directory

import "slices"

// IndexMembers makes MemberOf anew from Members. internal/store keeps both as members come and go; whoever fills Members by hand calls it.
func (s *Snapshot) IndexMembers() {
	s.MemberOf = map[string][]string{}
	for name, members := range s.Members {
		for _, id := range members {
			s.MemberOf[id] = append(s.MemberOf[id], name)
		}
	}
	for _, names := range s.MemberOf {
		slices.Sort(names)
	}
}

// Computed reports whether the members of the built-in group follow from the
// directory itself and are not stored: AllUsers, AllSlots, AllQueues, AllFaxes.
func Computed(group string) bool {
	return group == AllUsers || group == AllSlots || group == AllQueues || group == AllFaxes
}

// InGroup reports whether the object is a member of the named group, itself or
// through groups inside it (SPEC G1). Computed groups contain every object of
// their type that exists; of faxes the objects are the names of the lines. There are no queues yet.
func (s *Snapshot) InGroup(group, objectID string) bool {
	if Computed(group) {
		return s.computedOf(objectID, s.typeOf(group)) == group
	}
	return slices.Contains(s.MemberOf[objectID], group) || s.climb(objectID, s.typeOf(group), group).find(group) >= 0
}

// typeOf is the type of the members of a group, "" for one that does not exist.
func (s *Snapshot) typeOf(group string) GroupType {
	switch group {
	case AllUsers:
		return GroupUser
	case AllSlots:
		return GroupSlot
	case AllQueues:
		return GroupQueue
	case AllFaxes:
		return GroupFax
	}
	if g := s.Groups[group]; g != nil {
		return g.Type
	}
	return ""
}

// IsAdmin reports whether the user belongs to the group Admins.
func (s *Snapshot) IsAdmin(userID string) bool {
	return s.Users[userID] != nil && s.InGroup(Admins, userID)
}

// climb is the way up from an object through the groups that hold it, those that list it first. It costs as much as there are groups above
// the object, however many groups and members there are in all.
type climb struct {
	steps []climbStep
	index map[string]int // of steps by name, once they are many
}

type climbStep struct {
	group string
	from  int // step of the group that this one lists, -1 for a group that lists the object itself
}

// climbIndex is the count of steps from which on they are found by a map.
const climbIndex = 16

// climb goes up from an object of a type until it reaches the group stop; "" for all the way.
func (s *Snapshot) climb(objectID string, typ GroupType, stop string) *climb {
	c := &climb{}
	if name := s.computedOf(objectID, typ); name != "" {
		c.add(name, -1)
	}
	for _, name := range s.MemberOf[objectID] {
		if !Computed(name) {
			c.add(name, -1)
		}
	}
	for i := 0; i < len(c.steps); i++ {
		if c.steps[i].group == stop {
			break
		}
		g := s.Groups[c.steps[i].group]
		if g == nil {
			continue
		}
		for _, name := range s.MemberOf[g.ID] {
			if !Computed(name) {
				c.add(name, i)
			}
		}
	}
	return c
}

func (c *climb) add(group string, from int) {
	if c.find(group) >= 0 {
		return
	}
	c.steps = append(c.steps, climbStep{group, from})
	switch {
	case c.index != nil:
		c.index[group] = len(c.steps) - 1
	case len(c.steps) > climbIndex:
		c.index = map[string]int{}
		for i, step := range c.steps {
			c.index[step.group] = i
		}
	}
}

// find returns the step of a group, -1 when it is not above the object.
func (c *climb) find(group string) int {
	if c.index != nil {
		if i, ok := c.index[group]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(c.steps, func(step climbStep) bool { return step.group == group })
}

// wayTo lists the groups from the one that lists the object to the named one, nil when that is not above the object.
func (c *climb) wayTo(group string) []string {
	var way []string
	for i := c.find(group); i >= 0; i = c.steps[i].from {
		way = append(way, c.steps[i].group)
	}
	slices.Reverse(way)
	return way
}

// computedOf names the computed group that holds an object of a type, "" for none. There are no queues yet.
func (s *Snapshot) computedOf(objectID string, typ GroupType) string {
	switch {
	case typ == GroupUser && s.Users[objectID] != nil:
		return AllUsers
	case typ == GroupSlot && s.Slots[objectID] != nil:
		return AllSlots
	case typ == GroupFax && s.hasFaxLine(objectID):
		return AllFaxes
	}
	return ""
}

// hasFaxLine looks at all numbers. No call asks for faxes.
func (s *Snapshot) hasFaxLine(name string) bool {
	for _, n := range s.Numbers {
		if n.OwnerType == OwnerFaxLine && n.OwnerID == name {
			return true
		}
	}
	return false
}
