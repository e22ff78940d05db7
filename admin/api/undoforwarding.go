package api

import (
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

func undoableProfile() undoable {
	type state struct {
		UserID   string                   `json:"user_id"`
		Name     string                   `json:"name"`
		Position int                      `json:"position"`
		Table    []directory.CaseRule     `json:"table"`
		Extended []directory.ExtendedRule `json:"extended"`
		Version  int64                    `json:"version"`
	}
	return undoable{
		version: func(snap *directory.Snapshot, e *AuditEntry) int64 {
			if p := snap.Profiles[e.ObjectID]; p != nil {
				return p.Version
			}
			return 0
		},
		used: func(snap *directory.Snapshot, e *AuditEntry) bool {
			return slices.ContainsFunc(snap.Rows[snap.Profiles[e.ObjectID].UserID], func(number string) bool {
				n := snap.Numbers[number]
				return n.ProfileID == e.ObjectID || n.Schedule != nil && slices.Contains(n.Schedule.Profiles, e.ObjectID)
			})
		},
		remove: func(tx Tx, e *AuditEntry) error { return tx.DeleteProfile(e.ObjectID, 0) },
		was: func(snap *directory.Snapshot, e *AuditEntry) (put, error) {
			v, err := before[state](e)
			if err != nil {
				return put{}, err
			}
			if snap.Users[v.UserID] == nil {
				return put{}, errUndoGone
			}
			return put{
				change: func(tx Tx) error {
					_, err := tx.UpdateProfile(e.ObjectID, 0, func(p *directory.Profile) { p.Name, p.Table, p.Extended = v.Name, v.Table, v.Extended })
					return err
				},
				restore: func(tx Tx) error {
					_, err := tx.CreateProfile(directory.Profile{ID: e.ObjectID, UserID: v.UserID, Name: v.Name, Table: v.Table, Extended: v.Extended, Version: v.Version})
					if err != nil {
						return err
					}
					return tx.OrderProfiles(v.UserID, backAt(tx.Snapshot().ProfilesOf[v.UserID], v.Position))
				},
			}, nil
		},
	}
}

// backAt moves what is last in a list to where it was.
func backAt(list []string, position int) []string {
	last := len(list) - 1
	return slices.Insert(slices.Clone(list[:last]), min(max(position, 0), last), list[last])
}

func undoableRule() undoable {
	type state struct {
		Name     string               `json:"name"`
		Position int                  `json:"position"`
		Enabled  bool                 `json:"enabled"`
		When     directory.Conditions `json:"when"`
		Action   directory.Action     `json:"action"`
		Tests    []directory.RuleTest `json:"tests"`
		Version  int64                `json:"version"`
	}
	return undoable{
		version: func(snap *directory.Snapshot, e *AuditEntry) int64 {
			if r, err := findRule(snap, e.ObjectID); err == nil {
				return r.Version
			}
			return 0
		},
		used:   func(*directory.Snapshot, *AuditEntry) bool { return false }, // nothing names a rule
		remove: func(tx Tx, e *AuditEntry) error { return tx.DeleteRule(e.ObjectID, 0) },
		was: func(_ *directory.Snapshot, e *AuditEntry) (put, error) {
			v, err := before[state](e)
			if err != nil {
				return put{}, err
			}
			return put{
				change: func(tx Tx) error {
					_, err := tx.UpdateRule(e.ObjectID, 0, func(r *directory.SystemRule) {
						r.Name, r.Enabled, r.When, r.Action, r.Tests = v.Name, v.Enabled, v.When, v.Action, v.Tests
					})
					return err
				},
				restore: func(tx Tx) error {
					r := directory.SystemRule{ID: e.ObjectID, Name: v.Name, Enabled: v.Enabled, When: v.When, Action: v.Action, Tests: v.Tests, Version: v.Version}
					if _, err := tx.CreateRule(r); err != nil {
						return err
					}
					return tx.OrderRules(backAt(ruleIDs(tx.Snapshot()), v.Position))
				},
			}, nil
		},
	}
}

func ruleIDs(snap *directory.Snapshot) []string {
	var ids []string
	for _, r := range snap.Rules {
		ids = append(ids, r.ID)
	}
	return ids
}

func undoableCalendar() undoable {
	type state struct {
		Name string `json:"name"`
		calendar.Spec
		Version int64 `json:"version"`
	}
	return undoable{
		version: func(snap *directory.Snapshot, e *AuditEntry) int64 {
			if c := snap.Calendars[e.ObjectID]; c != nil {
				return c.Version
			}
			return 0
		},
		used: func(snap *directory.Snapshot, e *AuditEntry) bool {
			return len(snap.ReferencesToCalendar(e.ObjectID)) > 0
		},
		remove: func(tx Tx, e *AuditEntry) error { return tx.DeleteCalendar(e.ObjectID, 0) },
		was: func(snap *directory.Snapshot, e *AuditEntry) (put, error) {
			v, err := before[state](e)
			if err != nil {
				return put{}, err
			}
			for _, c := range snap.Calendars {
				if c.ID != e.ObjectID && strings.EqualFold(c.Name, v.Name) {
					return put{}, errUndoTaken
				}
			}
			return put{
				change: func(tx Tx) error {
					_, err := tx.UpdateCalendar(e.ObjectID, 0, func(c *directory.Calendar) { c.Name, c.Spec = v.Name, v.Spec })
					return err
				},
				restore: func(tx Tx) error {
					_, err := tx.CreateCalendar(directory.Calendar{ID: e.ObjectID, Name: v.Name, Spec: v.Spec, Version: v.Version})
					return err
				},
			}, nil
		},
	}
}

func undoableHuntGroup() undoable {
	type state struct {
		Name          string               `json:"name"`
		Number        string               `json:"number"`
		Strategy      directory.Strategy   `json:"strategy"`
		Members       []string             `json:"members"`
		MemberSeconds int                  `json:"member_seconds"`
		Seconds       int                  `json:"seconds"`
		Overflow      []directory.CaseRule `json:"overflow"`
		Version       int64                `json:"version"`
	}
	return undoable{
		version: func(snap *directory.Snapshot, e *AuditEntry) int64 {
			if h := snap.HuntGroups[e.ObjectID]; h != nil {
				return h.Version
			}
			return 0
		},
		used: func(snap *directory.Snapshot, e *AuditEntry) bool {
			return len(snap.ReferencesTo(snap.HuntGroups[e.ObjectID].Number)) > 0
		},
		remove: func(tx Tx, e *AuditEntry) error { return tx.DeleteHuntGroup(e.ObjectID, 0) },
		was: func(snap *directory.Snapshot, e *AuditEntry) (put, error) {
			v, err := before[state](e)
			if err != nil {
				return put{}, err
			}
			if n := snap.Numbers[v.Number]; n != nil && n.OwnerID != e.ObjectID {
				return put{}, errUndoTaken
			}
			for _, h := range snap.HuntGroups {
				if h.ID != e.ObjectID && strings.EqualFold(h.Name, v.Name) {
					return put{}, errUndoTaken
				}
			}
			// Members whose numbers have gone since stay away.
			members := slices.DeleteFunc(v.Members, func(m string) bool { return snap.Numbers[m] == nil })
			set := func(h *directory.HuntGroup) {
				h.Name, h.Number, h.Strategy, h.Members = v.Name, v.Number, v.Strategy, members
				h.MemberSeconds, h.Seconds, h.Overflow = v.MemberSeconds, v.Seconds, v.Overflow
			}
			return put{
				change: func(tx Tx) error { _, err := tx.UpdateHuntGroup(e.ObjectID, 0, set); return err },
				restore: func(tx Tx) error {
					h := directory.HuntGroup{ID: e.ObjectID, Version: v.Version}
					set(&h)
					_, err := tx.CreateHuntGroup(h)
					return err
				},
			}, nil
		},
	}
}
