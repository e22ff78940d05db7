package transfer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// compare says what has become of each object of the file, and what has gone from its users: the result is what the transaction has really done.
func (im *importer) compare(final *directory.Snapshot) *Result {
	c := comparison{im: im, old: view{im.base}, now: view{final}}
	c.users()
	c.groups()
	c.system()
	r := im.result
	r.Items = c.items
	order := map[Kind]int{}
	for i, k := range Kinds {
		order[k] = i
	}
	slices.SortStableFunc(r.Items, func(a, b Item) int { return cmp.Compare(order[a.Kind], order[b.Kind]) })
	return &r
}

type comparison struct {
	im       *importer
	old, now view
	items    []Item
}

// add adds an object: what it was, nil for none, and what it is. secrets name fields of which only that they differ is told.
func (c *comparison) add(of *object, kind Kind, name, owner string, before, after any, secrets ...string) {
	item := Item{Kind: kind, Name: name, Owner: owner}
	if of != nil {
		item.Problems = c.im.problems[*of]
	}
	switch {
	case len(item.Problems) > 0:
		item.Action = Conflict
	case before == nil && after == nil:
		return
	case before == nil:
		item.Action = New
	case after == nil:
		item.Action = Removed
	default:
		item.Fields = differences(before, after)
		for _, s := range secrets {
			item.Fields = append(item.Fields, Difference{Field: s})
		}
		if item.Action = Changed; len(item.Fields) == 0 {
			item.Action = Same
		}
	}
	c.items = append(c.items, item)
}

// userFields is a user as compared: the numbers and profiles are objects of their own.
type userFields struct {
	User
	Numbers  *[]string `json:"numbers,omitempty"`
	Profiles *[]string `json:"profiles,omitempty"`
}

func (v view) userFields(id string, order bool) any {
	u := v.snap.Users[id]
	if u == nil {
		return nil
	}
	f := userFields{User: v.user(u)}
	f.ID = ""
	if order {
		rows, profiles := slices.Clone(v.snap.Rows[id]), []string{}
		for _, p := range v.snap.ProfilesOf[id] {
			profiles = append(profiles, v.snap.Profiles[p].Name)
		}
		f.Numbers, f.Profiles = &rows, &profiles
	}
	return f
}

// users compares users with what is theirs.
func (c *comparison) users() {
	im := c.im
	for i := range im.file.Users {
		u := &im.file.Users[i]
		id := im.users[u.Username]
		of := object{KindUser, i, 0}
		if id == "" {
			c.add(&of, KindUser, u.Username, "", nil, nil)
			continue
		}
		before, after := im.base.Users[id], c.now.snap.Users[id]
		var secrets []string
		if before != nil && before.PasswordHash != after.PasswordHash {
			secrets = append(secrets, "password")
		}
		if before != nil && before.PINHash != after.PINHash {
			secrets = append(secrets, "pin")
		}
		same := sameSet(im.base.Rows[id], c.now.snap.Rows[id]) && sameSet(im.base.ProfilesOf[id], c.now.snap.ProfilesOf[id])
		c.add(&of, KindUser, u.Username, "", c.old.userFields(id, same), c.now.userFields(id, same), secrets...)
		c.numbers(i, id)
		c.profiles(i, id)
	}
	if !has(im.file.Manifest.What, WhatPhones) {
		return
	}
	of := im.slotsOf()
	for _, username := range slices.Sorted(maps.Keys(im.users)) {
		c.slots(username, im.users[username], of[username])
	}
	for i := range im.file.Slots {
		if s, of := &im.file.Slots[i], (object{KindSlot, i, 0}); im.users[s.User] == "" && len(im.problems[of]) > 0 {
			c.add(&of, KindSlot, s.Name, s.User, nil, nil)
		}
	}
}

// sameSet reports whether two lists differ in their order at most.
func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// numberFields is a number as compared, with its owner.
type numberFields struct {
	Number
	Owner string `json:"owner"`
}

func (v view) numberFields(number string) any {
	n := v.snap.Numbers[number]
	if n == nil {
		return nil
	}
	owner := v.snap.OwnerName(n)
	if n.OwnerType == directory.OwnerUser {
		owner = v.username(n.OwnerID) // whose full name is a matter of the user
	}
	return numberFields{v.number(n), owner}
}

func (c *comparison) numbers(i int, id string) {
	u := &c.im.file.Users[i]
	for k := range u.Numbers {
		of, number := object{KindNumber, i, k}, u.Numbers[k].Number
		c.add(&of, KindNumber, number, u.Username, c.old.numberFields(number), c.now.numberFields(number))
	}
	for _, number := range c.im.base.Rows[id] {
		if c.now.snap.Numbers[number] == nil {
			c.add(nil, KindNumber, number, u.Username, c.old.numberFields(number), nil)
		}
	}
}

func (v view) profileFields(id string) any {
	p := v.snap.Profiles[id]
	if p == nil {
		return nil
	}
	out := v.profile(p)
	out.ID = ""
	return out
}

func (c *comparison) profiles(i int, id string) {
	u := &c.im.file.Users[i]
	for k := range u.Profiles {
		of, here := object{KindProfile, i, k}, c.im.profiles[[2]int{i, k}]
		c.add(&of, KindProfile, u.Profiles[k].Name, u.Username, c.old.profileFields(here), c.now.profileFields(here))
	}
	for _, p := range c.im.base.ProfilesOf[id] {
		if c.now.snap.Profiles[p] == nil {
			c.add(nil, KindProfile, c.im.base.Profiles[p].Name, u.Username, c.old.profileFields(p), nil)
		}
	}
}

func (v view) slotFields(id string) any {
	s := v.snap.Slots[id]
	if s == nil {
		return nil
	}
	out := v.slot(s)
	out.ID = ""
	return out
}

func (c *comparison) slots(username, id string, places []int) {
	for _, i := range places {
		s, of := &c.im.file.Slots[i], object{KindSlot, i, 0}
		here := c.im.slots[s.ID]
		var secrets []string
		if before, after := c.im.base.Slots[here], c.now.snap.Slots[here]; before != nil && after != nil && before.SIPSecret != after.SIPSecret {
			secrets = append(secrets, "sip_secret")
		}
		c.add(&of, KindSlot, s.Name, username, c.old.slotFields(here), c.now.slotFields(here), secrets...)
	}
	for _, slot := range c.im.base.Columns[id] {
		if c.now.snap.Slots[slot] == nil {
			c.add(nil, KindSlot, c.im.base.Slots[slot].Name, username, c.old.slotFields(slot), nil)
		}
	}
}

func (v view) groupFields(name string, groupNames map[string]string) any {
	g := v.snap.Groups[name]
	if g == nil {
		return nil
	}
	out := v.group(g, groupNames, func(string) bool { return true })
	out.ID = ""
	for i := range out.Slots {
		out.Slots[i].ID = ""
	}
	return out
}

func (c *comparison) groups() {
	im := c.im
	names := func(s *directory.Snapshot) map[string]string {
		out := map[string]string{}
		for _, g := range s.Groups {
			out[g.ID] = g.Name
		}
		return out
	}
	before, after := names(im.base), names(c.now.snap)
	for i := range im.file.Groups {
		of, name := object{KindGroup, i, 0}, im.file.Groups[i].Name
		c.add(&of, KindGroup, name, "", c.old.groupFields(name, before), c.now.groupFields(name, after))
	}
	for i := range im.file.HuntGroups {
		of, id := object{KindHunt, i, 0}, im.hunts[i]
		c.add(&of, KindHunt, im.file.HuntGroups[i].Name, "", c.old.huntFields(id), c.now.huntFields(id))
	}
	for i := range im.file.PickupGroups {
		of, id := object{KindPickup, i, 0}, im.pickups[i]
		c.add(&of, KindPickup, im.file.PickupGroups[i].Name, "", c.old.pickupFields(id), c.now.pickupFields(id))
	}
}

func (v view) huntFields(id string) any {
	h := v.snap.HuntGroups[id]
	if h == nil {
		return nil
	}
	out := v.hunt(h)
	out.ID = ""
	return out
}

func (v view) pickupFields(id string) any {
	g := v.snap.PickupGroups[id]
	if g == nil {
		return nil
	}
	out := v.pickup(g, func(string) bool { return true })
	out.ID = ""
	return out
}

func (c *comparison) system() {
	im := c.im
	for i := range im.file.Calendars {
		of := object{KindCalendar, i, 0}
		c.add(&of, KindCalendar, im.file.Calendars[i].Name, "", c.old.calendarFields(im.calendars[i]), c.now.calendarFields(im.calendars[i]))
	}
	for i := range im.file.Rules {
		of := object{KindRule, i, 0}
		c.add(&of, KindRule, im.file.Rules[i].Name, "", c.old.ruleFields(im.rules[i]), c.now.ruleFields(im.rules[i]))
	}
	for i := range im.file.Codes {
		of, action := object{KindCode, i, 0}, im.file.Codes[i].Action
		c.add(&of, KindCode, string(action), "", c.old.codeFields(action), c.now.codeFields(action))
	}
	for i := range im.file.FaxLines {
		of, number := object{KindFax, i, 0}, im.file.FaxLines[i].Number
		c.add(&of, KindFax, number, "", c.old.numberFields(number), c.now.numberFields(number))
	}
}

func (v view) calendarFields(id string) any {
	if k := v.snap.Calendars[id]; k != nil {
		return Calendar{"", k.Name, k.Spec}
	}
	return nil
}

func (v view) ruleFields(id string) any {
	for i, r := range v.snap.Rules {
		if r.ID == id {
			out := v.rule(r)
			out.ID = ""
			return struct {
				Rule
				Position int `json:"position"`
			}{out, i}
		}
	}
	return nil
}

func (v view) codeFields(action directory.CodeAction) any {
	if c := v.snap.Codes[action]; c != nil {
		return Code{c.Action, c.Code, c.Enabled}
	}
	return nil
}

// differences lists the fields of two objects that differ, by name.
func differences(before, after any) []Difference {
	a, b := fields(before), fields(after)
	names := maps.Clone(a)
	maps.Copy(names, b)
	var out []Difference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !bytes.Equal(a[name], b[name]) {
			out = append(out, Difference{name, a[name], b[name]})
		}
	}
	return out
}

func fields(v any) map[string]json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic("comparing " + err.Error()) // it has been read from JSON, or is about to be written as such
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(text, &out); err != nil {
		panic("comparing " + err.Error())
	}
	return out
}
