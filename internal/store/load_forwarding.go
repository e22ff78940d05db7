package store

import (
	"database/sql"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

func (l *loader) profiles() error {
	return l.each("SELECT id, user_id, name, position, table_json, extended_json, version, by_code FROM profiles ORDER BY position, id", func(rows *sql.Rows) error {
		var p directory.Profile
		var table, extended sql.RawBytes
		if err := rows.Scan(&p.ID, &p.UserID, &p.Name, &p.Position, &table, &extended, &p.Version, &p.ByCode); err != nil {
			return err
		}
		l.snap.Profiles[p.ID] = &p
		l.snap.ProfilesOf[p.UserID] = append(l.snap.ProfilesOf[p.UserID], p.ID)
		if !l.document(table, &p.Table, "profile", p.ID, p.Name, "table") {
			extended = nil // half of the rules would do what nobody has set
		}
		if !l.document(extended, &p.Extended, "profile", p.ID, p.Name, "extended") {
			p.Table = nil
		}
		return nil
	})
}

func (l *loader) calendars() error {
	return l.each("SELECT id, name, spec_json, version FROM calendars", func(rows *sql.Rows) error {
		var c directory.Calendar
		var spec sql.RawBytes
		if err := rows.Scan(&c.ID, &c.Name, &spec, &c.Version); err != nil {
			return err
		}
		l.snap.Calendars[c.ID] = &c
		l.document(spec, &c.Spec, "calendar", c.ID, c.Name, "entries")
		return nil // without a zone no rule that names it applies
	})
}

func (l *loader) rules() error {
	return l.each(`SELECT id, position, name, enabled, when_json, action_json, tests_json, version
		FROM forwarding_rules ORDER BY position, id`, func(rows *sql.Rows) error {
		var r directory.SystemRule
		var when, action, tests sql.RawBytes
		if err := rows.Scan(&r.ID, &r.Position, &r.Name, &r.Enabled, &when, &action, &tests, &r.Version); err != nil {
			return err
		}
		l.snap.Rules = append(l.snap.Rules, &r)
		whole := l.document(when, &r.When, "forwarding_rule", r.ID, r.Name, "when")
		whole = l.document(action, &r.Action, "forwarding_rule", r.ID, r.Name, "action") && whole
		whole = l.document(tests, &r.Tests, "forwarding_rule", r.ID, r.Name, "tests") && whole
		r.Enabled = r.Enabled && whole // without its conditions it would be another rule
		return nil
	})
}

func (l *loader) hunts() error {
	return l.each(`SELECT id, name, number, strategy, members_json, member_seconds, seconds, overflow_json, version FROM hunt_groups`, func(rows *sql.Rows) error {
		var h directory.HuntGroup
		var members, overflow sql.RawBytes
		err := rows.Scan(&h.ID, &h.Name, &h.Number, &h.Strategy, &members, &h.MemberSeconds, &h.Seconds, &overflow, &h.Version)
		if err != nil {
			return err
		}
		l.snap.HuntGroups[h.ID] = &h
		l.document(members, &h.Members, "hunt_group", h.ID, h.Name, "members")
		l.document(overflow, &h.Overflow, "hunt_group", h.ID, h.Name, "overflow")
		return nil
	})
}

func (l *loader) pickups() error {
	return l.each("SELECT id, name, users_json, version FROM pickup_groups", func(rows *sql.Rows) error {
		var g directory.PickupGroup
		var users sql.RawBytes
		if err := rows.Scan(&g.ID, &g.Name, &users, &g.Version); err != nil {
			return err
		}
		l.snap.PickupGroups[g.ID] = &g
		l.document(users, &g.Users, "pickup_group", g.ID, g.Name, "users")
		return nil
	})
}

func (l *loader) grants() error {
	return l.each("SELECT group_name, permission, objects FROM grants ORDER BY group_name, permission, objects", func(rows *sql.Rows) error {
		var g directory.Grant
		err := rows.Scan(&g.Group, &g.Permission, &g.Objects)
		l.snap.Grants = append(l.snap.Grants, g)
		return err
	})
}

func (l *loader) codes() error {
	return l.each("SELECT action, code, enabled, version FROM function_codes", func(rows *sql.Rows) error {
		var c directory.Code
		err := rows.Scan(&c.Action, &c.Code, &c.Enabled, &c.Version)
		l.snap.Codes[c.Action] = &c
		return err
	})
}
