package merge

import (
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Finder finds doubles in a configuration and says what would become of them.
type Finder struct {
	snap    *directory.Snapshot
	pickups map[string][]*directory.PickupGroup // by ID of the user
	hunts   map[string][]*directory.HuntGroup   // by number of a member
	giving  bool                                // some group gives settings to its members
}

// New makes a Finder for a configuration.
func New(snap *directory.Snapshot) *Finder {
	f := &Finder{snap: snap, pickups: map[string][]*directory.PickupGroup{}, hunts: map[string][]*directory.HuntGroup{}}
	for _, g := range snap.PickupGroups {
		for _, id := range g.Users {
			f.pickups[id] = append(f.pickups[id], g)
		}
	}
	for _, h := range snap.HuntGroups {
		for _, n := range h.Members {
			f.hunts[n] = append(f.hunts[n], h)
		}
	}
	for _, g := range snap.Groups {
		f.giving = f.giving || g.Parameters != (directory.Parameters{})
	}
	return f
}

// Find finds the groups of accounts that seem to be one person's, without those that have been rejected.
func (f *Finder) Find() []Group {
	groups := Groups(Accounts(f.snap))
	if len(f.snap.Apart) > 0 {
		groups = slices.DeleteFunc(groups, func(g Group) bool { return f.snap.Apart[g.Mark()] != nil })
	}
	return groups
}

// Among makes the group of users whom Find has put together before, nil when they are one no more: it costs as much as they are, and not as much as
// the company is.
func (f *Finder) Among(ids []string) *Group {
	var accounts []Account
	for _, id := range ids {
		if f.snap.Users[id] == nil {
			return nil
		}
		accounts = append(accounts, account(f.snap, id))
	}
	groups := Groups(accounts)
	if len(groups) != 1 || len(groups[0].Members) != len(ids) || f.snap.Apart[groups[0].Mark()] != nil {
		return nil
	}
	return &groups[0]
}

// Get finds the group of an ID, nil when there is none any more.
func Get(groups []Group, id string) *Group {
	for i := range groups {
		if groups[i].ID() == id {
			return &groups[i]
		}
	}
	return nil
}

// Reject is what keeps a group from being proposed again until something changes of what it rests on.
func (g *Group) Reject() directory.Apart {
	ids := g.IDs()
	slices.Sort(ids)
	return directory.Apart{Mark: g.Mark(), Users: ids}
}

// state stands for everything of the configuration that a proposal shows or would change.
func (f *Finder) state(g *Group) string {
	snap := f.snap
	type user struct {
		ID                                  string
		User, Matrix                        int64
		Numbers, Slots, Profiles, Positions []int64
		Groups                              []string
	}
	var all struct {
		Users   []user
		Reasons [][]Tie
		Above   map[string]int64
		Grants  []directory.Grant
		Pickups map[string]int64
		Hunts   map[string]int64
	}
	all.Above, all.Pickups, all.Hunts = map[string]int64{}, map[string]int64{}, map[string]int64{}
	var rows []string
	for _, m := range g.Members {
		u := snap.Users[m.ID]
		s := user{ID: m.ID, User: u.Version, Matrix: snap.MatrixVersions[m.ID], Groups: snap.MemberOf[m.ID]}
		for _, n := range snap.Rows[m.ID] {
			s.Numbers = append(s.Numbers, snap.Numbers[n].Version)
			rows = append(rows, n)
		}
		for _, id := range snap.Columns[m.ID] {
			s.Slots = append(s.Slots, snap.Slots[id].Version)
		}
		for _, id := range snap.ProfilesOf[m.ID] {
			s.Profiles = append(s.Profiles, snap.Profiles[id].Version)
		}
		all.Users = append(all.Users, s)
		all.Reasons = append(all.Reasons, m.Reasons)
		for name := range above(snap, m.ID) {
			if g := snap.Groups[name]; g != nil {
				all.Above[name] = g.Version
			}
		}
	}
	for _, grant := range snap.Grants {
		if _, theirs := all.Above[grant.Group]; theirs {
			all.Grants = append(all.Grants, grant)
		}
	}
	for _, m := range g.Members {
		for _, p := range f.pickups[m.ID] {
			all.Pickups[p.ID] = p.Version
		}
	}
	for _, n := range rows {
		for _, h := range f.hunts[n] {
			all.Hunts[h.ID] = h.Version
		}
	}
	return digest(all)
}
