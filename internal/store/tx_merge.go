package store

import (
	"maps"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// mergeAudit is what the audit log shows of users who become one. Merge is the ID under which it is taken back, and Mark what the user must
// still be for that.
type mergeAudit struct {
	*userAudit
	Merge   string   `json:"merge,omitempty"`
	Mark    string   `json:"mark,omitempty"`
	Removed []string `json:"removed,omitempty"` // user names
}

// MergeUsers makes one user of several (SPEC U5): numbers, slots, profiles and call lists of those who go become those of the one who stays, with
// their IDs and SIP accounts, so that phones stay registered. It is one act in the audit log, and returns the ID under which UnmergeUsers takes
// it back. Logins, sessions and tokens of those who go end. Errors: ErrNotFound for a user, *InvalidError for a plan that does not fit what there is.
func (tx *Tx) MergeUsers(plan directory.Merge) (id string, err error) {
	m := merging{Tx: tx, plan: plan}
	if err := m.check(); err != nil {
		return "", err
	}
	was, err := tx.before(m.kept, m.gone)
	if err != nil {
		return "", err
	}
	before := map[string]*userAudit{}
	for _, u := range append([]*directory.User{m.kept}, m.gone...) {
		before[u.Username] = belongingsView(u, tx.draft.snap, tx.draft.snap.Belongings(u.ID))
	}
	for _, step := range []func() error{m.groups, m.pickups, m.profiles, m.slots, m.numbers, m.ticks, m.user} {
		if err := step(); err != nil {
			return "", err
		}
	}
	was.Groups, was.Quiet = m.joined, m.quiet
	id = ulid.Make().String()
	var removed []string
	for _, u := range m.gone {
		removed = append(removed, u.Username)
		if err := m.remove(id, u); err != nil {
			return "", err
		}
	}
	tx.draft.follow(m.kept.ID)
	was.Mark = tx.draft.snap.Mark(m.kept.ID)
	if err := tx.keepMerged(id, was); err != nil {
		return "", err
	}
	u := tx.draft.snap.Users[m.kept.ID]
	after := mergeAudit{belongingsView(u, tx.draft.snap, tx.draft.snap.Belongings(u.ID)), id, was.Mark, removed}
	return id, tx.record("merge", "user", u.ID, u.Username, before, after)
}

// merging is the work of one merge.
type merging struct {
	*Tx
	plan   directory.Merge
	kept   *directory.User
	gone   []*directory.User
	joined []string // groups that kept came into
	quiet  []string // slots that were put on do not disturb
}

// check holds the plan against what there is.
func (m *merging) check() error {
	var err error
	if m.kept, err = m.Tx.user(m.plan.Kept); err != nil {
		return err
	}
	ids := []string{m.kept.ID}
	for _, id := range m.plan.Gone {
		u, err := m.Tx.user(id)
		if err != nil {
			return err
		}
		if slices.Contains(ids, id) {
			return invalid("gone", "%s is there twice", u.Username)
		}
		ids = append(ids, id)
		m.gone = append(m.gone, u)
	}
	if len(m.gone) == 0 {
		return invalid("gone", "names nobody to merge with")
	}
	snap := m.draft.snap
	var rows, columns, profiles []string
	for _, id := range ids {
		rows, columns, profiles = append(rows, snap.Rows[id]...), append(columns, snap.Columns[id]...), append(profiles, snap.ProfilesOf[id]...)
	}
	if err := permutation("numbers", rows, m.plan.Rows); err != nil {
		return err
	}
	if err := permutation("slots", columns, m.plan.Columns); err != nil {
		return err
	}
	if len(columns) > MaxSlots {
		return invalid("slots", "would be more than %d", MaxSlots)
	}
	if len(m.plan.Profiles) > directory.MaxProfiles {
		return invalid("profiles", "would be more than %d", directory.MaxProfiles)
	}
	for i := range m.plan.Profiles {
		if !slices.Contains(profiles, m.plan.Profiles[i].ID) {
			return invalid("profiles", "%s is none of them", clip(m.plan.Profiles[i].Name, 64))
		}
	}
	return m.undamaged(append(ids, append(profiles, rows...)...))
}

// undamaged refuses objects that could not be read from the database: what undoing would bring back would be what stands in for them.
func (m *merging) undamaged(ids []string) error {
	for _, d := range m.draft.snap.Damaged {
		if slices.Contains(ids, d.ID) {
			return invalid("users", "%s %s is damaged in the database; save it first", d.Type, d.Name)
		}
	}
	return nil
}

// groups takes those who go out of their groups and puts the one who stays into them, administrators first, so that there always is one.
func (m *merging) groups() error {
	for _, name := range m.plan.Groups {
		g, err := m.group(name)
		if err != nil {
			return err
		}
		if slices.Contains(m.draft.snap.Members[name], m.kept.ID) {
			continue
		}
		if err := m.insertMember(g, m.kept.ID); err != nil {
			return err
		}
		m.joined = append(m.joined, name)
	}
	for _, u := range m.gone {
		for _, name := range slices.Clone(m.draft.snap.MemberOf[u.ID]) {
			if err := m.keepsAdmin(name, u.ID); err != nil {
				return err
			}
			if err := m.deleteMember(m.draft.snap.Groups[name], u.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// pickups puts the one who stays in the place of those who go.
func (m *merging) pickups() error {
	for _, g := range slices.Collect(maps.Values(m.draft.snap.PickupGroups)) {
		var users []string
		changed := false
		for _, id := range g.Users {
			if slices.Contains(m.plan.Gone, id) {
				id, changed = m.kept.ID, true
			}
			if !slices.Contains(users, id) {
				users = append(users, id)
			}
		}
		if changed {
			if err := m.setPickup(g, users); err != nil {
				return err
			}
		}
	}
	return nil
}

// setPickup writes the users of a pickup group, without an entry in the audit log.
func (tx *Tx) setPickup(old *directory.PickupGroup, users []string) error {
	g := *old
	text, kept, err := document("users", users)
	if err != nil {
		return err
	}
	g.Users, g.Version = kept, old.Version+1
	if err := tx.exec("UPDATE pickup_groups SET users_json = ?, version = ? WHERE id = ?", text, g.Version, g.ID); err != nil {
		return err
	}
	tx.draft.putPickup(&g)
	return nil
}

// profiles moves them, as the plan has them, and removes those that it has not.
func (m *merging) profiles() error {
	var order []string
	for i := range m.plan.Profiles {
		p := *m.draft.snap.Profiles[m.plan.Profiles[i].ID]
		p.Name, p.Table, p.Extended = m.plan.Profiles[i].Name, m.plan.Profiles[i].Table, m.plan.Profiles[i].Extended
		p.UserID, p.Position = m.kept.ID, i
		if err := m.putProfile(&p); err != nil {
			return err
		}
		order = append(order, p.ID)
	}
	for _, id := range append([]string{m.kept.ID}, m.plan.Gone...) {
		for _, profile := range m.draft.snap.ProfilesOf[id] {
			if !slices.Contains(order, profile) {
				if err := m.exec("DELETE FROM profiles WHERE id = ?", profile); err != nil {
					return err
				}
				m.draft.forgetProfile(profile)
			}
		}
		m.draft.setProfiles(id, nil)
	}
	m.draft.setProfiles(m.kept.ID, order)
	return nil
}

// putProfile writes a profile that is there, as its next version, wherever it belongs from now on.
func (tx *Tx) putProfile(p *directory.Profile) error {
	table, extended, err := profileDocuments(p)
	if err != nil {
		return err
	}
	p.Version++
	err = tx.exec("UPDATE profiles SET user_id = ?, name = ?, position = ?, table_json = ?, extended_json = ?, version = ? WHERE id = ?",
		p.UserID, p.Name, p.Position, table, extended, p.Version, p.ID)
	if err != nil {
		return err
	}
	tx.draft.moveProfile(p)
	return nil
}

func (m *merging) slots() error {
	for i, id := range m.plan.Columns {
		s := *m.draft.snap.Slots[id]
		s.UserID, s.Position = m.kept.ID, i
		if name, renamed := m.plan.SlotNames[id]; renamed {
			s.Name = name
		}
		if number, set := m.plan.Defaults[id]; set {
			s.DefaultNumber = number
		}
		if slices.Contains(m.plan.QuietSlots, id) && !s.DND {
			s.DND = true
			m.quiet = append(m.quiet, id)
		}
		if err := s.Validate(); err != nil {
			return err
		}
		if err := m.putSlot(&s); err != nil {
			return err
		}
	}
	m.moveRows(m.draft.setColumns, m.plan.Columns)
	return nil
}

// moveRows gives a list of the matrix to the one who stays.
func (m *merging) moveRows(set func(userID string, list []string), list []string) {
	for _, id := range m.plan.Gone {
		set(id, nil)
	}
	set(m.kept.ID, slices.Clone(list))
}

// putSlot writes a slot that is there, as its next version, wherever it belongs from now on.
func (tx *Tx) putSlot(s *directory.Slot) error {
	s.Version++
	err := tx.exec("UPDATE slots SET user_id = ?, name = ?, position = ?, dnd = ?, default_number = ?, version = ? WHERE id = ?",
		s.UserID, s.Name, s.Position, s.DND, s.DefaultNumber, s.Version, s.ID)
	if err == nil {
		tx.draft.putSlot(s)
	}
	return err
}

func (m *merging) numbers() error {
	for i, number := range m.plan.Rows {
		n := *m.draft.snap.Numbers[number]
		n.OwnerID, n.Position = m.kept.ID, i
		m.leaveProfiles(&n)
		if err := m.putNumber(&n); err != nil {
			return err
		}
	}
	m.moveRows(m.draft.setRows, m.plan.Rows)
	return nil
}

// leaveProfiles takes profiles that have gone out of a number, as loseProfile does.
func (m *merging) leaveProfiles(n *directory.Number) {
	there := func(id string) bool { return m.draft.snap.Profiles[id] != nil }
	if n.ProfileID != "" && !there(n.ProfileID) {
		n.ProfileID, n.ProfileChosen = "", m.now
		if n.Schedule != nil {
			n.ProfileChosen = time.Time{}
		}
	}
	if n.Schedule == nil {
		return
	}
	n.Schedule = copied(n.Schedule)
	for i, id := range n.Schedule.Profiles {
		if id != "" && !there(id) {
			n.Schedule.Profiles[i] = ""
		}
	}
}

// putNumber writes owner, place and forwarding of a number that is there, as its next version.
func (tx *Tx) putNumber(n *directory.Number) error {
	schedule, kept, err := document("schedule", n.Schedule)
	if err != nil {
		return err
	}
	n.Schedule = kept
	n.Version++
	err = tx.exec("UPDATE numbers SET owner_id = ?, position = ?, version = ?, profile_id = ?, profile_chosen = ?, schedule_json = ? WHERE number = ?",
		n.OwnerID, n.Position, n.Version, n.ProfileID, micros(n.ProfileChosen), schedule, n.Number)
	if err == nil {
		tx.draft.putNumber(n)
	}
	return err
}

func (m *merging) ticks() error {
	rows, err := m.orderTicks(m.kept, m.plan.Ticks)
	if err != nil {
		return err
	}
	for _, number := range m.plan.Rows {
		if err := m.setRow(number, m.draft.snap.Ticks[number], rows[number]); err != nil {
			return err
		}
	}
	for _, id := range m.plan.Columns { // what is not ticked any more is not shown
		if s := m.draft.snap.Slots[id]; s.DefaultNumber != "" && !m.draft.snap.Ticked(s.DefaultNumber, id) {
			changed := *s
			changed.DefaultNumber = ""
			if err := m.putSlot(&changed); err != nil {
				return err
			}
		}
	}
	return m.bumpMatrix(m.kept.ID)
}

// user gives the one who stays what belongs to users as a whole.
func (m *merging) user() error {
	u := *m.draft.snap.Users[m.kept.ID]
	u.DND, u.ShownInside, u.ShownOutside, u.Blocks = m.plan.DND, m.plan.ShownInside, m.plan.ShownOutside, m.plan.Blocks
	if err := u.Validate(); err != nil {
		return err
	}
	return m.putKept(&u)
}

// putKept writes what a merge changes of the user who stays, as the next version.
func (tx *Tx) putKept(u *directory.User) error {
	shownText, blocksText, err := userDocuments(u)
	if err != nil {
		return err
	}
	u.Version, u.Updated = u.Version+1, tx.now
	err = tx.exec("UPDATE users SET dnd = ?, shown_json = ?, blocks_json = ?, version = ?, updated_at = ? WHERE id = ?",
		u.DND, shownText, blocksText, u.Version, micros(u.Updated), u.ID)
	if err == nil {
		tx.draft.putUser(u)
	}
	return err
}

// remove removes a user who has nothing left.
func (m *merging) remove(mergeID string, u *directory.User) error {
	if err := m.moveCalls(mergeID, u.ID, m.kept.ID); err != nil {
		return err
	}
	if err := m.exec("DELETE FROM sessions WHERE user_id = ? OR impersonator = ?", u.ID, u.ID); err != nil {
		return err
	}
	for _, query := range []string{"DELETE FROM api_tokens WHERE user_id = ?", "DELETE FROM login_factors WHERE user_id = ?", "DELETE FROM users WHERE id = ?"} {
		if err := m.exec(query, u.ID); err != nil {
			return err
		}
	}
	m.draft.dropUser(m.draft.snap.Users[u.ID])
	return nil
}
