package transfer

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Choice says what goes into a file.
type Choice struct {
	What   []What   // none: all kinds, of chosen users those that are theirs
	Groups []string // names of groups of users whose members are chosen, and those of groups inside
	Users  []string // user names
}

// narrowed reports whether only some users are chosen.
func (c *Choice) narrowed() bool { return len(c.Groups)+len(c.Users) > 0 }

// chooser gathers the contents of a file from a snapshot.
type chooser struct {
	view
	choice    Choice
	everyone  bool
	users     map[string]bool // by ID
	calendars map[string]bool // by ID, those that are referred to
	groups    map[string]bool // by name, those that rules name
	targets   []string        // numbers that calls are sent to
	out       Contents
}

// Choose gathers what is chosen. Errors: *Refusal for a group or user that there is not.
func Choose(snap *directory.Snapshot, choice Choice) (*Contents, error) {
	c := chooser{view: view{snap}, choice: choice, everyone: !choice.narrowed(), users: map[string]bool{}, calendars: map[string]bool{}, groups: map[string]bool{}}
	if err := c.normalise(); err != nil {
		return nil, err
	}
	if err := c.chooseUsers(); err != nil {
		return nil, err
	}
	ids := slices.SortedFunc(maps.Keys(c.users), func(a, b string) int { return cmp.Compare(snap.Users[a].Username, snap.Users[b].Username) })
	for _, id := range ids {
		c.addUser(snap.Users[id])
	}
	c.addHunts()
	if c.has(WhatSystem) {
		c.addSystem()
	}
	c.addGroups()
	c.addCalendars()
	c.out.Manifest = Manifest{
		Format: Format, FormatVersion: FormatVersion, What: c.choice.What, Everything: c.everyone && len(c.choice.What) == 4,
		ForGroups: c.choice.Groups, ForUsers: c.choice.Users, Counts: c.out.count(),
	}
	return &c.out, nil
}

func (c *chooser) has(w What) bool { return slices.Contains(c.choice.What, w) }

// normalise fills in what was left open, and puts the choice in order.
func (c *chooser) normalise() error {
	if len(c.choice.What) == 0 {
		c.choice.What = []What{WhatUsers, WhatPhones, WhatGroups}
		if c.everyone {
			c.choice.What = append(c.choice.What, WhatSystem)
		}
	}
	order := []What{WhatUsers, WhatPhones, WhatGroups, WhatSystem}
	for _, w := range c.choice.What {
		if !slices.Contains(order, w) {
			return refusef("choice", "%q is nothing that can be exported: choose among users, phones, groups, system", "%q lässt sich nicht exportieren: zur Wahl stehen users, phones, groups, system", clipped(string(w)))
		}
	}
	asked := c.choice.What
	c.choice.What = slices.DeleteFunc(order, func(w What) bool { return !slices.Contains(asked, w) })
	c.choice.Groups, c.choice.Users = sortedSet(c.choice.Groups), sortedSet(c.choice.Users)
	return nil
}

func (c *chooser) chooseUsers() error {
	if c.everyone {
		for id := range c.snap.Users {
			c.users[id] = true
		}
		return nil
	}
	for _, name := range c.choice.Groups {
		g := c.snap.Groups[name]
		if g == nil || g.Type != directory.GroupUser {
			return refusef("choice", "there is no group of users %q", "Es gibt keine Benutzergruppe %q.", clipped(name))
		}
		for _, id := range c.snap.UsersIn(name) {
			c.users[id] = true
		}
	}
	for _, name := range c.choice.Users {
		u := c.snap.ByName[name]
		if u == nil {
			return refusef("choice", "there is no user %q", "Es gibt keinen Benutzer %q.", clipped(name))
		}
		c.users[u.ID] = true
	}
	return nil
}

// addUser adds a user and the user's slots, and notes what they refer to.
func (c *chooser) addUser(u *directory.User) {
	if c.has(WhatUsers) {
		c.out.Users = append(c.out.Users, c.user(u))
		for _, id := range c.snap.ProfilesOf[u.ID] {
			p := c.snap.Profiles[id]
			for i := range p.Extended {
				c.refers(&p.Extended[i].When, &p.Extended[i].Action)
			}
			for i := range p.Table {
				c.refers(nil, &p.Table[i].Action)
			}
		}
	}
	if c.has(WhatPhones) {
		for _, id := range c.snap.Columns[u.ID] {
			c.out.Slots = append(c.out.Slots, c.slot(c.snap.Slots[id]))
		}
	}
}

// refers notes what a rule refers to.
func (c *chooser) refers(w *directory.Conditions, a *directory.Action) {
	if w != nil && w.Calendar != "" {
		c.calendars[w.Calendar] = true
	}
	if w != nil && w.Group != "" {
		c.groups[w.Group] = true
	}
	if a.Number != "" {
		c.targets = append(c.targets, a.Number)
	}
	c.targets = append(c.targets, a.Numbers...)
}

// addHunts adds hunt groups: all with the groups of everybody, else those that have numbers of chosen users or that their calls are sent to.
func (c *chooser) addHunts() {
	if !c.has(WhatGroups) {
		return
	}
	ours := func(number string) bool {
		n := c.snap.Numbers[number]
		return n != nil && n.OwnerType == directory.OwnerUser && c.users[n.OwnerID]
	}
	chosen := map[string]bool{}
	for id, h := range c.snap.HuntGroups {
		chosen[id] = c.everyone || slices.ContainsFunc(h.Members, ours)
	}
	for id, h := range c.snap.HuntGroups {
		if chosen[id] {
			for i := range h.Overflow {
				c.refers(nil, &h.Overflow[i].Action)
			}
		}
	}
	for i := 0; i < len(c.targets); i++ { // grows by what overflows lead to
		n := c.snap.Numbers[c.targets[i]]
		if n == nil || n.OwnerType != directory.OwnerHuntGroup || chosen[n.OwnerID] {
			continue
		}
		if h := c.snap.HuntGroups[n.OwnerID]; h != nil {
			chosen[n.OwnerID] = true
			for k := range h.Overflow {
				c.refers(nil, &h.Overflow[k].Action)
			}
		}
	}
	for id, h := range c.snap.HuntGroups {
		if !chosen[id] {
			continue
		}
		out := c.hunt(h)
		if !c.everyone {
			out.Members = nil
			for _, m := range h.Members {
				if ours(m) {
					out.Members = append(out.Members, m)
				}
			}
			out.Partial = len(out.Members) < len(h.Members)
		}
		c.out.HuntGroups = append(c.out.HuntGroups, out)
	}
	slices.SortFunc(c.out.HuntGroups, func(a, b HuntGroup) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
}

func (c *chooser) addSystem() {
	for _, r := range c.snap.Rules {
		c.out.Rules = append(c.out.Rules, c.rule(r))
		c.refers(&r.When, &r.Action)
	}
	for id := range c.snap.Calendars {
		c.calendars[id] = true
	}
	for _, action := range slices.Sorted(maps.Keys(c.snap.Codes)) {
		code := c.snap.Codes[action]
		c.out.Codes = append(c.out.Codes, Code{code.Action, code.Code, code.Enabled})
	}
	for _, n := range c.snap.Numbers {
		if n.OwnerType == directory.OwnerFaxLine {
			c.out.FaxLines = append(c.out.FaxLines, c.fax(n))
		}
	}
	slices.SortFunc(c.out.FaxLines, func(a, b FaxLine) int { return cmp.Compare(a.Number, b.Number) })
}

// addGroups adds groups: all of them; else those that were chosen with the groups inside them, and in part those that list a chosen user, or
// that a rule in the file names. Groups whose members follow from the directory have none in the file.
func (c *chooser) addGroups() {
	names := map[string]string{}
	for _, g := range c.snap.Groups {
		names[g.ID] = g.Name
	}
	whole := map[string]bool{}
	if c.has(WhatGroups) {
		for name := range c.snap.Groups {
			whole[name] = c.everyone
		}
		for _, name := range c.choice.Groups {
			c.inside(name, names, whole)
		}
		for id := range c.users {
			for _, name := range c.snap.MemberOf[id] {
				c.groups[name] = true
			}
		}
		for name, g := range c.snap.Groups {
			if g.Type == directory.GroupSlot && c.has(WhatPhones) && slices.ContainsFunc(c.snap.Members[name], func(id string) bool {
				s := c.snap.Slots[id]
				return s != nil && c.users[s.UserID]
			}) {
				c.groups[name] = true
			}
		}
	}
	for _, r := range c.snap.Grants {
		if whole[r.Group] && r.Objects != "" {
			c.groups[r.Objects] = true // or the right on its members would be lost
		}
	}
	for name, g := range c.snap.Groups {
		if !whole[name] && !c.groups[name] {
			continue
		}
		out := c.group(g, names, func(userID string) bool { return c.users[userID] })
		known := func(name string) bool { return whole[name] || c.groups[name] }
		if !c.has(WhatPhones) {
			out.Slots = nil
		}
		out.Groups = slices.DeleteFunc(out.Groups, func(name string) bool { return !known(name) })
		if out.Partial = !whole[name]; out.Partial {
			out.Parameters, out.Grants = directory.Parameters{}, nil
		}
		if !c.has(WhatGroups) {
			out.Members, out.Slots, out.Groups = nil, nil, nil
		}
		if !c.has(WhatSystem) && g.Type == directory.GroupFax {
			out.Members = nil
		}
		out.Grants = slices.DeleteFunc(out.Grants, func(g Grant) bool { return g.Objects != "" && !known(g.Objects) })
		c.out.Groups = append(c.out.Groups, out)
	}
	slices.SortFunc(c.out.Groups, func(a, b Group) int { return cmp.Compare(a.Name, b.Name) })
	c.addPickups()
}

// inside notes a group and those inside it.
func (c *chooser) inside(name string, names map[string]string, into map[string]bool) {
	if into[name] {
		return
	}
	into[name] = true
	for _, id := range c.snap.Members[name] {
		if inner := names[id]; inner != "" {
			c.inside(inner, names, into)
		}
	}
}

func (c *chooser) addPickups() {
	if !c.has(WhatGroups) {
		return
	}
	for _, g := range c.snap.PickupGroups {
		out := c.pickup(g, func(userID string) bool { return c.users[userID] })
		if out.Partial = len(out.Users) < len(g.Users) && !c.everyone; c.everyone || len(out.Users) > 0 {
			c.out.PickupGroups = append(c.out.PickupGroups, out)
		}
	}
	slices.SortFunc(c.out.PickupGroups, func(a, b PickupGroup) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
}

func (c *chooser) addCalendars() {
	for id := range c.calendars {
		if k := c.snap.Calendars[id]; k != nil {
			c.out.Calendars = append(c.out.Calendars, Calendar{k.ID, k.Name, k.Spec})
		}
	}
	slices.SortFunc(c.out.Calendars, func(a, b Calendar) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
}

// sort puts what has no order into one.
func (g *Group) sort() {
	slices.Sort(g.Members)
	slices.Sort(g.Groups)
	slices.SortFunc(g.Slots, func(a, b SlotRef) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	slices.SortFunc(g.Grants, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(a.Permission, b.Permission), cmp.Compare(a.Objects, b.Objects))
	})
}

func sortedSet(list []string) []string {
	out := slices.Sorted(slices.Values(list))
	return slices.Compact(out)
}

// clipped keeps what somebody has given from filling the answer.
func clipped(s string) string {
	if r := []rune(strings.ToValidUTF8(s, "?")); len(r) > 64 {
		return string(r[:64]) + "…"
	}
	return s
}
