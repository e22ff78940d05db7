package store

import (
	"database/sql"
	"errors"

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
		return errors.Join(
			readDocument(table, &p.Table, "table of profile", p.ID),
			readDocument(extended, &p.Extended, "extended rules of profile", p.ID),
		)
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
		return readDocument(spec, &c.Spec, "calendar", c.ID)
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
		return errors.Join(
			readDocument(when, &r.When, "conditions of system-wide rule", r.ID),
			readDocument(action, &r.Action, "action of system-wide rule", r.ID),
			readDocument(tests, &r.Tests, "tests of system-wide rule", r.ID),
		)
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
		return errors.Join(
			readDocument(members, &h.Members, "members of hunt group", h.ID),
			readDocument(overflow, &h.Overflow, "overflow of hunt group", h.ID),
		)
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
		return readDocument(users, &g.Users, "users of pickup group", g.ID)
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
