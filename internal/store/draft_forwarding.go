package store

import (
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// putProfile adds or replaces a profile; a new one becomes the last of its user.
func (d *draft) putProfile(p *directory.Profile) {
	_, known := d.snap.Profiles[p.ID]
	own(&d.ours.profiles, &d.snap.Profiles)[p.ID] = p
	d.changed.Profiles[p.ID] = struct{}{}
	d.touch(p.UserID)
	if !known {
		of := own(&d.ours.profilesOf, &d.snap.ProfilesOf)
		of[p.UserID] = append(slices.Clip(of[p.UserID]), p.ID)
	}
}

func (d *draft) orderProfiles(userID string, ids []string) {
	own(&d.ours.profilesOf, &d.snap.ProfilesOf)[userID] = ids
	d.touch(userID)
}

// dropProfile takes a profile away; those after it move up.
func (d *draft) dropProfile(p *directory.Profile) {
	profiles := own(&d.ours.profiles, &d.snap.Profiles)
	delete(profiles, p.ID)
	delete(d.changed.Profiles, p.ID)
	d.repaired("profile", p.ID)
	d.touch(p.UserID)
	rest := without(d.snap.ProfilesOf[p.UserID], p.ID)
	of := own(&d.ours.profilesOf, &d.snap.ProfilesOf)
	if of[p.UserID] = rest; len(rest) == 0 {
		delete(of, p.UserID)
	}
	for _, id := range rest {
		if other := profiles[id]; other.Position > p.Position {
			moved := *other
			moved.Position, moved.Version = moved.Position-1, moved.Version+1
			profiles[id] = &moved
		}
	}
}

func (d *draft) putCalendar(c *directory.Calendar) {
	own(&d.ours.calendars, &d.snap.Calendars)[c.ID] = c
	d.changed.Globals = true
}

func (d *draft) dropCalendar(c *directory.Calendar) {
	delete(own(&d.ours.calendars, &d.snap.Calendars), c.ID)
	d.changed.Globals = true
}

func (d *draft) putHunt(h *directory.HuntGroup) {
	own(&d.ours.hunts, &d.snap.HuntGroups)[h.ID] = h
	d.changed.Globals = true
}

func (d *draft) dropHunt(h *directory.HuntGroup) {
	delete(own(&d.ours.hunts, &d.snap.HuntGroups), h.ID)
	d.changed.Globals = true
}

func (d *draft) putPickup(g *directory.PickupGroup) {
	own(&d.ours.pickups, &d.snap.PickupGroups)[g.ID] = g
	d.changed.Globals = true
}

func (d *draft) dropPickup(g *directory.PickupGroup) {
	delete(own(&d.ours.pickups, &d.snap.PickupGroups), g.ID)
	d.changed.Globals = true
}

func (d *draft) putCode(c *directory.Code) {
	own(&d.ours.codes, &d.snap.Codes)[c.Action] = c
	d.changed.Globals = true
}

// setRules replaces the list of system-wide rules, which must be a new one; ids
// are those of the rules that are new or differ.
func (d *draft) setRules(rules []*directory.SystemRule, ids ...string) {
	if len(rules) == 0 {
		rules = nil // as it is loaded
	}
	d.snap.Rules = rules
	d.changed.Globals = true
	for _, id := range ids {
		d.changed.Rules[id] = struct{}{}
	}
}

// setGrants replaces the list of grants, which must be a new one.
func (d *draft) setGrants(grants []directory.Grant) {
	d.snap.Grants = grants
	d.changed.Groups = true
}
