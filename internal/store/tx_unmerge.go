package store

import (
	"fmt"
	"slices"
)

// UnmergeUsers takes MergeUsers back, given the ID that it returned: the users are there again with their IDs, passwords, PINs, second factors, tokens and
// call lists, and everything is where it was. Versions go on, so that nobody takes what is there now for what was there in between. Calls
// since then stay with the user who stayed. It is refused once anything has changed of what was put together: ErrConflict. Other errors: ErrNotFound
// for a merge that is too long ago or was taken back, *TakenError when a user name has been given away.
func (tx *Tx) UnmergeUsers(id string) error {
	was, err := tx.loadMerged(id)
	if err != nil {
		return err
	}
	snap := tx.draft.snap
	kept := snap.Users[was.Kept.ID]
	if kept == nil {
		return &NotFoundError{Kind: "user", ID: was.Kept.ID}
	}
	if snap.Mark(kept.ID) != was.Mark {
		return fmt.Errorf("user %s %w", kept.Username, ErrConflict)
	}
	for i := range was.Gone {
		if err := tx.usernameFree(was.Gone[i].User.Username); err != nil {
			return err
		}
		if snap.Users[was.Gone[i].User.ID] != nil {
			return &TakenError{Kind: "user", Value: was.Gone[i].User.Username}
		}
	}
	before := belongingsView(kept, snap, snap.Belongings(kept.ID))
	u := unmerging{Tx: tx, id: id, was: was, ids: []string{kept.ID}}
	for _, step := range []func() error{u.users, u.profiles, u.slots, u.numbers, u.ticks, u.memberships, u.calls, u.forget} {
		if err := step(); err != nil {
			return err
		}
	}
	tx.draft.follow(u.ids...)
	after := map[string]*userAudit{}
	for _, id := range u.ids {
		back := tx.draft.snap.Users[id]
		after[back.Username] = belongingsView(back, tx.draft.snap, tx.draft.snap.Belongings(id))
	}
	return tx.record("unmerge", "user", kept.ID, kept.Username, before, after)
}

// unmerging is the work of taking one merge back.
type unmerging struct {
	*Tx
	id  string
	was *merged
	ids []string // of the users, the one who stayed first
}

// users brings back those who went, and makes the one who stayed what he was.
func (m *unmerging) users() error {
	for i := range m.was.Gone {
		g := &m.was.Gone[i]
		u := g.User
		u.Version, u.Updated = u.Version+1, m.now
		if err := m.insertUser(&u, g.MatrixVersion+1); err != nil {
			return err
		}
		m.ids = append(m.ids, u.ID)
		if err := m.logins(g); err != nil {
			return err
		}
	}
	k := *m.draft.snap.Users[m.was.Kept.ID]
	k.DND, k.ShownInside, k.ShownOutside, k.Blocks = m.was.Kept.DND, m.was.Kept.ShownInside, m.was.Kept.ShownOutside, m.was.Kept.Blocks
	return m.putKept(&k)
}

// logins brings back tokens and factors of a user.
func (m *unmerging) logins(g *goneUser) error {
	for _, t := range g.Tokens {
		if t.Expires != 0 && t.Expires <= micros(m.now) {
			continue
		}
		err := m.exec("INSERT INTO api_tokens (id, token_hash, user_id, name, scopes, created_at, expires_at, used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			t.ID, t.Hash, g.User.ID, t.Name, t.Scopes, t.Created, t.Expires, t.Used)
		if err != nil {
			return err
		}
	}
	for _, f := range g.Factors {
		err := m.exec("INSERT INTO login_factors ("+factorColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			f.ID, g.User.ID, f.Kind, f.Name, f.Sealed, f.Confirmed, f.Step, f.Created, f.Used)
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *unmerging) profiles() error {
	lists := map[string][]string{}
	for i := range m.was.Profiles {
		p := m.was.Profiles[i]
		lists[p.UserID] = append(lists[p.UserID], p.ID)
		if now := m.draft.snap.Profiles[p.ID]; now != nil {
			p.Version = now.Version
			if err := m.putProfile(&p); err != nil {
				return err
			}
			continue
		}
		p.Version++
		table, extended, err := profileDocuments(&p)
		if err != nil {
			return err
		}
		err = m.exec("INSERT INTO profiles (id, user_id, name, position, table_json, extended_json, version, by_code) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			p.ID, p.UserID, p.Name, p.Position, table, extended, p.Version, p.ByCode)
		if err != nil {
			return err
		}
		m.draft.moveProfile(&p)
	}
	for _, id := range m.ids {
		m.draft.setProfiles(id, lists[id])
	}
	return nil
}

func (m *unmerging) slots() error {
	lists := map[string][]string{}
	for i := range m.was.Slots {
		old := &m.was.Slots[i]
		s := *m.draft.snap.Slots[old.ID]
		s.UserID, s.Name, s.Position, s.DefaultNumber = old.UserID, old.Name, old.Position, old.DefaultNumber
		if slices.Contains(m.was.Quiet, s.ID) {
			s.DND = false
		}
		if err := m.putSlot(&s); err != nil {
			return err
		}
		lists[s.UserID] = append(lists[s.UserID], s.ID)
	}
	for _, id := range m.ids {
		m.draft.setColumns(id, lists[id])
	}
	return nil
}

func (m *unmerging) numbers() error {
	lists := map[string][]string{}
	for i := range m.was.Numbers {
		old := &m.was.Numbers[i]
		n := *m.draft.snap.Numbers[old.Number]
		n.OwnerID, n.Position, n.ProfileID, n.ProfileChosen, n.Schedule = old.OwnerID, old.Position, old.ProfileID, old.ProfileChosen, old.Schedule
		if err := m.putNumber(&n); err != nil {
			return err
		}
		lists[n.OwnerID] = append(lists[n.OwnerID], n.Number)
	}
	for _, id := range m.ids {
		m.draft.setRows(id, lists[id])
	}
	return nil
}

func (m *unmerging) ticks() error {
	for i := range m.was.Numbers {
		number := m.was.Numbers[i].Number
		if err := m.setRow(number, m.draft.snap.Ticks[number], m.was.Ticks[number]); err != nil {
			return err
		}
	}
	return m.bumpMatrix(m.was.Kept.ID)
}

// memberships puts everybody into the groups and pickup groups of before. Groups that have gone since would have changed what the user has.
func (m *unmerging) memberships() error {
	for i := range m.was.Gone {
		for _, name := range m.was.Gone[i].Groups {
			g, err := m.group(name)
			if err != nil {
				return err
			}
			if err := m.insertMember(g, m.was.Gone[i].User.ID); err != nil {
				return err
			}
		}
	}
	for _, name := range m.was.Groups {
		if err := m.deleteMember(m.draft.snap.Groups[name], m.was.Kept.ID); err != nil {
			return err
		}
	}
	for _, p := range m.was.Pickups {
		g, err := m.pickup(p.ID, 0)
		if err != nil {
			return err
		}
		if err := m.setPickup(g, p.Users); err != nil {
			return err
		}
	}
	return nil
}

// calls goes backwards: a call that two of them had went over from the first.
func (m *unmerging) calls() error {
	for _, g := range slices.Backward(m.was.Gone) {
		if err := m.returnCalls(m.id, g.User.ID, m.was.Kept.ID); err != nil {
			return err
		}
		if g.Seen > 0 {
			if err := m.exec("INSERT INTO person_seen (user_id, seq) VALUES (?, ?)", g.User.ID, g.Seen); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *unmerging) forget() error {
	if err := m.exec("DELETE FROM merged_calls WHERE merge_id = ?", m.id); err != nil {
		return err
	}
	return m.exec("DELETE FROM merges WHERE id = ?", m.id)
}
