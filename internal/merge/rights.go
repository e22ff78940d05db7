package merge

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

func (b *builder) note(kind string, from *directory.User, what, value string) {
	n := Note{Kind: kind, What: what, Value: value}
	if from != nil {
		n.From = from.Username
	}
	b.p.Notes = append(b.p.Notes, n)
}

// rights adds the groups of all accounts up and says what that allows.
func (b *builder) rights() {
	mine := above(b.snap, b.kept.ID)
	for _, u := range b.users[1:] {
		for _, name := range b.snap.MemberOf[u.ID] {
			if !slices.Contains(b.snap.MemberOf[b.kept.ID], name) && !slices.Contains(b.p.Groups, name) {
				b.p.Groups = append(b.p.Groups, name)
			}
		}
		theirs := above(b.snap, u.ID)
		if theirs[directory.Admins] && !mine[directory.Admins] {
			b.gain(Gain{directory.MayAdmin, "", u.Username})
		}
		for _, g := range b.snap.Grants {
			if theirs[g.Group] && !slices.ContainsFunc(b.snap.Grants, func(have directory.Grant) bool {
				return mine[have.Group] && have.Permission == g.Permission && have.Objects == g.Objects
			}) {
				b.gain(Gain{g.Permission, g.Objects, u.Username})
			}
		}
	}
	slices.Sort(b.p.Groups)
	b.p.plan.Groups = b.p.Groups
}

func (b *builder) gain(p Gain) {
	if !slices.ContainsFunc(b.p.Permissions, func(have Gain) bool { return have.Permission == p.Permission && have.Objects == p.Objects }) {
		b.p.Permissions = append(b.p.Permissions, p)
	}
}

// above holds the names of the groups that a user is in, groups that hold those included.
func above(snap *directory.Snapshot, userID string) map[string]bool {
	out := map[string]bool{directory.AllUsers: true}
	list := append(slices.Clone(snap.MemberOf[userID]), directory.AllUsers)
	for len(list) > 0 {
		name := list[0]
		list = list[1:]
		out[name] = true
		g := snap.Groups[name]
		if g == nil {
			continue
		}
		for _, outer := range snap.MemberOf[g.ID] {
			if !out[outer] {
				list = append(list, outer)
			}
		}
	}
	return out
}

// settings says what becomes of what belongs to users as a whole.
func (b *builder) settings() {
	plan := b.p.plan
	plan.ShownInside, plan.ShownOutside = slices.Clone(b.kept.ShownInside), slices.Clone(b.kept.ShownOutside)
	plan.Blocks = slices.Clone(b.kept.Blocks)
	quiet := 0
	for _, u := range b.users {
		if u.DND {
			quiet++
		}
	}
	plan.DND = quiet == len(b.users)
	for _, u := range b.users {
		if u.DND && !plan.DND {
			b.note("dnd", u, "", "")
			for _, id := range b.snap.Columns[u.ID] {
				if !b.snap.Slots[id].DND {
					plan.QuietSlots = append(plan.QuietSlots, id)
				}
			}
		}
		if u == b.kept {
			continue
		}
		plan.ShownInside = union(plan.ShownInside, u.ShownInside)
		plan.ShownOutside = union(plan.ShownOutside, u.ShownOutside)
		for _, block := range u.Blocks {
			if !slices.Contains(plan.Blocks, block) {
				plan.Blocks = append(plan.Blocks, block)
			}
		}
		b.lost(u)
	}
	b.blocking()
	b.memberships()
	b.following()
}

// lost notes what an account had of its own that goes with it.
func (b *builder) lost(u *directory.User) {
	if u.PasswordHash != "" {
		b.note("login", u, "", "")
	}
	if u.PINHash != "" {
		b.note("pin", u, "", "")
	}
	if len(u.ShownInside)+len(u.ShownOutside) > 0 {
		b.note("shown_numbers", u, "", "")
	}
	if u.HideInside != b.kept.HideInside || u.HideOutside != b.kept.HideOutside {
		b.note("hide_number", u, "", onOff(u.HideInside || u.HideOutside))
	}
	if u.StatusPrivate && !b.kept.StatusPrivate {
		b.note("status_private", u, "", "")
	}
	if u.TimeZone != b.kept.TimeZone {
		b.note("time_zone", u, u.TimeZone, b.kept.TimeZone)
	}
	if u.Language != b.kept.Language {
		b.note("language", u, u.Language, b.kept.Language)
	}
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// blocking notes that blocked numbers of one account are blocked for all its slots then.
func (b *builder) blocking() {
	for _, u := range b.users {
		if len(u.Blocks) > 0 && slices.ContainsFunc(b.users, func(other *directory.User) bool { return !slices.Equal(other.Blocks, u.Blocks) }) {
			b.note("blocking", u, strconv.Itoa(len(u.Blocks)), "")
		}
	}
}

// memberships notes the pickup groups that the user comes into, and hunt groups in which more than one number is the user's then.
func (b *builder) memberships() {
	var notes []Note
	for _, u := range b.users[1:] {
		for _, g := range b.pickups[u.ID] {
			if !slices.Contains(g.Users, b.kept.ID) {
				notes = append(notes, Note{Kind: "pickup_group", From: u.Username, What: g.Name})
			}
		}
	}
	counts := map[*directory.HuntGroup]int{}
	for _, number := range b.p.plan.Rows {
		for _, h := range b.hunts[number] {
			if counts[h]++; counts[h] == 2 {
				notes = append(notes, Note{Kind: "hunt_group", What: h.Name})
			}
		}
	}
	slices.SortFunc(notes, func(x, y Note) int { return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.What, y.What)) })
	b.p.Notes = append(b.p.Notes, notes...)
}

// following notes settings that the numbers take from other groups then.
func (b *builder) following() {
	if !b.giving {
		return
	}
	after := b.givers()
	for _, row := range b.p.Numbers {
		n := b.snap.Numbers[row.Number]
		then := n.Following(after)
		for _, s := range directory.NumberSettings.Each() {
			if value := setting(then, s); value != setting(n, s) {
				b.note("setting", nil, row.Number+" "+s.String(), value)
			}
		}
	}
}

// givers are those of the user once it is in all groups.
func (b *builder) givers() []*directory.Group {
	probe := *b.snap
	probe.MemberOf = map[string][]string{b.kept.ID: union(slices.Clone(b.snap.MemberOf[b.kept.ID]), b.p.Groups)}
	slices.Sort(probe.MemberOf[b.kept.ID])
	for _, g := range b.snap.Groups {
		probe.MemberOf[g.ID] = b.snap.MemberOf[g.ID]
	}
	return probe.Givers(b.kept.ID)
}

func setting(n *directory.Number, s directory.Settings) string {
	switch s {
	case directory.SettingCallWaiting:
		return onOff(n.CallWaiting)
	case directory.SettingBusyOnAny:
		return onOff(n.BusyOnAny)
	case directory.SettingMaxCalls:
		return strconv.Itoa(n.MaxCalls)
	case directory.SettingRingInside:
		return n.RingInside
	}
	return n.RingOutside
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
