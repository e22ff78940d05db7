package transfer

import (
	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// view shows the objects of a snapshot as files hold them: what refers to others does so by name.
type view struct{ snap *directory.Snapshot }

func (v view) user(u *directory.User) User {
	out := User{
		ID: u.ID, Username: u.Username, FirstName: u.FirstName, LastName: u.LastName, Email: u.Email, DND: u.DND, StatusPrivate: u.StatusPrivate, URL: u.URL,
		Settings: userSettings(u), ShownInside: u.ShownInside, ShownOutside: u.ShownOutside, Blocks: u.Blocks,
	}
	for _, number := range v.snap.Rows[u.ID] {
		if n := v.snap.Numbers[number]; n != nil {
			out.Numbers = append(out.Numbers, v.number(n))
		}
	}
	for _, id := range v.snap.ProfilesOf[u.ID] {
		if p := v.snap.Profiles[id]; p != nil {
			out.Profiles = append(out.Profiles, v.profile(p))
		}
	}
	return out
}

func (v view) number(n *directory.Number) Number {
	out := Number{Number: n.Number, DisplayName: n.DisplayName, Settings: numberSettings(n), Profile: v.profileName(n.ProfileID), Chosen: n.ProfileChosen}
	if n.Schedule != nil {
		out.Schedule = &Schedule{Calendar: n.Schedule.Calendar, Profiles: make([]string, len(n.Schedule.Profiles))}
		for i, id := range n.Schedule.Profiles {
			out.Schedule.Profiles[i] = v.profileName(id)
		}
	}
	return out
}

func (v view) profileName(id string) string {
	if p := v.snap.Profiles[id]; p != nil {
		return p.Name
	}
	return ""
}

func (v view) profile(p *directory.Profile) Profile {
	out := Profile{ID: p.ID, Name: p.Name, ByCode: p.ByCode, Table: p.Table}
	for _, r := range p.Extended {
		r.When = v.conditions(r.When)
		out.Extended = append(out.Extended, r)
	}
	return out
}

// conditions name the calendar in place of its ID.
func (v view) conditions(w directory.Conditions) directory.Conditions {
	if c := v.snap.Calendars[w.Calendar]; c != nil {
		w.Calendar = c.Name
	}
	return w
}

func (v view) slot(s *directory.Slot) Slot {
	return Slot{
		ID: s.ID, User: v.username(s.UserID), Type: s.Type, Name: s.Name, DND: s.DND, MobileNumber: s.MobileNumber, SIPUsername: s.SIPUsername,
		Numbers: v.snap.TickedNumbers(s.ID), DefaultNumber: s.DefaultNumber,
	}
}

func (v view) username(id string) string {
	if u := v.snap.Users[id]; u != nil {
		return u.Username
	}
	return ""
}

// group shows a group with the members that keep tells.
func (v view) group(g *directory.Group, groupNames map[string]string, keep func(userID string) bool) Group {
	out := Group{Name: g.Name, Title: g.Title, Type: g.Type, BuiltIn: g.BuiltIn, Parameters: g.Parameters}
	if !g.BuiltIn { // those of built-in groups mean nothing elsewhere
		out.ID = g.ID
	}
	for _, id := range v.snap.Members[g.Name] {
		switch name := groupNames[id]; {
		case name != "":
			out.Groups = append(out.Groups, name)
		case g.Type == directory.GroupSlot:
			if s := v.snap.Slots[id]; s != nil && keep(s.UserID) {
				out.Slots = append(out.Slots, SlotRef{User: v.username(s.UserID), Name: s.Name, ID: s.ID})
			}
		case g.Type == directory.GroupUser:
			if u := v.snap.Users[id]; u != nil && keep(id) {
				out.Members = append(out.Members, u.Username)
			}
		default:
			out.Members = append(out.Members, id)
		}
	}
	for _, r := range v.snap.Grants {
		if r.Group == g.Name {
			out.Grants = append(out.Grants, Grant{r.Permission, r.Objects})
		}
	}
	out.sort()
	return out
}

func (v view) hunt(h *directory.HuntGroup) HuntGroup {
	out := HuntGroup{
		ID: h.ID, Name: h.Name, Number: h.Number, Strategy: h.Strategy, Members: h.Members, MemberSeconds: h.MemberSeconds, Seconds: h.Seconds, Overflow: h.Overflow,
	}
	if n := v.snap.Numbers[h.Number]; n != nil {
		out.DisplayName, out.Settings = n.DisplayName, numberSettings(n)
	}
	return out
}

func (v view) pickup(g *directory.PickupGroup, keep func(userID string) bool) PickupGroup {
	out := PickupGroup{ID: g.ID, Name: g.Name}
	for _, id := range g.Users {
		if u := v.snap.Users[id]; u != nil && keep(id) {
			out.Users = append(out.Users, u.Username)
		}
	}
	return out
}

func (v view) rule(r *directory.SystemRule) Rule {
	return Rule{ID: r.ID, Name: r.Name, Enabled: r.Enabled, When: v.conditions(r.When), Action: r.Action, Tests: r.Tests}
}

func (v view) fax(n *directory.Number) FaxLine {
	return FaxLine{Number: n.Number, Line: n.OwnerID, DisplayName: n.DisplayName, Settings: numberSettings(n)}
}

// userSettings are those settings that are the user's own.
func userSettings(u *directory.User) (p directory.Parameters) {
	p.Language = ownOne(u.Own, directory.SettingLanguage, u.Language)
	p.TimeZone = ownOne(u.Own, directory.SettingTimeZone, u.TimeZone)
	p.HideInside = ownOne(u.Own, directory.SettingHideInside, u.HideInside)
	p.HideOutside = ownOne(u.Own, directory.SettingHideOutside, u.HideOutside)
	return p
}

// numberSettings are those settings that are the number's own.
func numberSettings(n *directory.Number) (p directory.Parameters) {
	p.CallWaiting = ownOne(n.Own, directory.SettingCallWaiting, n.CallWaiting)
	p.BusyOnAny = ownOne(n.Own, directory.SettingBusyOnAny, n.BusyOnAny)
	p.MaxCalls = ownOne(n.Own, directory.SettingMaxCalls, n.MaxCalls)
	p.RingInside = ownOne(n.Own, directory.SettingRingInside, n.RingInside)
	p.RingOutside = ownOne(n.Own, directory.SettingRingOutside, n.RingOutside)
	return p
}

func ownOne[T any](own, one directory.Settings, value T) *T {
	if own&one == 0 {
		return nil
	}
	return &value
}

// giveUser makes the settings of p the user's own. With exact what p lacks is no longer the user's own.
func giveUser(u *directory.User, p *directory.Parameters, exact bool) {
	have := p.Given() & directory.UserSettings
	if u.Own |= have; exact {
		u.Own = have
	}
	put(&u.Language, p.Language)
	put(&u.TimeZone, p.TimeZone)
	put(&u.HideInside, p.HideInside)
	put(&u.HideOutside, p.HideOutside)
}

// giveNumber is to numbers what giveUser is to users.
func giveNumber(n *directory.Number, p *directory.Parameters, exact bool) {
	have := p.Given() & directory.NumberSettings
	if n.Own |= have; exact {
		n.Own = have
	}
	put(&n.CallWaiting, p.CallWaiting)
	put(&n.BusyOnAny, p.BusyOnAny)
	put(&n.MaxCalls, p.MaxCalls)
	put(&n.RingInside, p.RingInside)
	put(&n.RingOutside, p.RingOutside)
}

// mergeParameters puts what p gives into the parameters of a group.
func mergeParameters(into *directory.Parameters, p directory.Parameters) {
	override(&into.CallWaiting, p.CallWaiting)
	override(&into.BusyOnAny, p.BusyOnAny)
	override(&into.MaxCalls, p.MaxCalls)
	override(&into.RingInside, p.RingInside)
	override(&into.RingOutside, p.RingOutside)
	override(&into.Language, p.Language)
	override(&into.TimeZone, p.TimeZone)
	override(&into.HideInside, p.HideInside)
	override(&into.HideOutside, p.HideOutside)
}

func put[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

func override[T any](field **T, value *T) {
	if value != nil {
		*field = value
	}
}
