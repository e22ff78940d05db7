package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// load reads the whole configuration in one consistent transaction.
func (e *engine) load(ctx context.Context, box *secret.Box) (*directory.Snapshot, error) {
	var snap *directory.Snapshot
	err := retry(ctx, func() error {
		options := &sql.TxOptions{ReadOnly: true}
		if e.kind == "mysql" {
			options.Isolation = sql.LevelRepeatableRead
		}
		tx, err := e.read.BeginTx(ctx, options)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		l := loader{ctx: ctx, tx: tx, box: box, snap: directory.NewSnapshot()}
		if err := l.all(); err != nil {
			return err
		}
		snap = l.snap
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("loading configuration: %w", err)
	}
	return snap, nil
}

type loader struct {
	ctx  context.Context
	tx   *sql.Tx
	box  *secret.Box
	snap *directory.Snapshot
}

func (l *loader) all() error {
	if err := l.tx.QueryRowContext(l.ctx, "SELECT revision FROM config_state WHERE id = 1").Scan(&l.snap.Revision); err != nil {
		return err
	}
	for _, part := range []func() error{
		l.users, l.groups, l.members, l.numbers, l.slots, l.ticks,
		l.profiles, l.calendars, l.rules, l.hunts, l.pickups, l.grants, l.codes, l.apart, l.licence,
	} {
		if err := part(); err != nil {
			return err
		}
	}
	l.snap.FollowGroups()
	return nil
}

// each runs query and calls scan for every row.
func (l *loader) each(query string, scan func(*sql.Rows) error) error {
	rows, err := l.tx.QueryContext(l.ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (l *loader) users() error {
	return l.each(`SELECT id, username, first_name, last_name, email, language, time_zone, dnd,
		password_hash, must_change_password, version, matrix_version, created_at, updated_at,
		hide_inside, hide_outside, shown_json, blocks_json, pin_sealed, status_private, url, own_settings FROM users`, func(rows *sql.Rows) error {
		var u directory.User
		var matrix, created, updated int64
		var shown, blocks, pin sql.RawBytes
		err := rows.Scan(&u.ID, &u.Username, &u.FirstName, &u.LastName, &u.Email, &u.Language, &u.TimeZone, &u.DND,
			&u.PasswordHash, &u.MustChangePassword, &u.Version, &matrix, &created, &updated,
			&u.HideInside, &u.HideOutside, &shown, &blocks, &pin, &u.StatusPrivate, &u.URL, &u.Own)
		if err == nil {
			l.userDocuments(&u, shown, blocks)
		}
		if err == nil && len(pin) > 0 {
			var plain []byte
			if plain, err = l.box.Open(pin, pinPurpose(u.ID)); err != nil {
				return fmt.Errorf("user %s: PIN: %w", u.Username, err)
			}
			u.PINHash = string(plain)
		}
		u.Created, u.Updated = fromMicros(created), fromMicros(updated)
		l.snap.Users[u.ID], l.snap.ByName[u.Username], l.snap.MatrixVersions[u.ID] = &u, &u, matrix
		return err
	})
}

func (l *loader) groups() error {
	return l.each("SELECT id, name, title, type, built_in, version, parameters_json FROM object_groups", func(rows *sql.Rows) error {
		var g directory.Group
		var parameters sql.RawBytes
		err := rows.Scan(&g.ID, &g.Name, &g.Title, &g.Type, &g.BuiltIn, &g.Version, &parameters)
		if err == nil {
			l.parameters(parameters, &g)
		}
		l.snap.Groups[g.Name] = &g
		return err
	})
}

func (l *loader) members() error {
	err := l.each(`SELECT g.name, m.object_id FROM group_members m JOIN object_groups g ON g.id = m.group_id
		ORDER BY m.object_id`, func(rows *sql.Rows) error {
		var group, object string
		err := rows.Scan(&group, &object)
		l.snap.Members[group] = append(l.snap.Members[group], object)
		return err
	})
	l.snap.IndexMembers()
	return err
}

func (l *loader) numbers() error {
	return l.each(`SELECT number, owner_type, owner_id, position, call_waiting, busy_on_any, max_calls,
		ring_inside, ring_outside, display_name, version, profile_id, profile_chosen, schedule_json, own_settings
		FROM numbers ORDER BY position, number`, func(rows *sql.Rows) error {
		var n directory.Number
		var chosen int64
		var schedule sql.RawBytes
		err := rows.Scan(&n.Number, &n.OwnerType, &n.OwnerID, &n.Position, &n.CallWaiting, &n.BusyOnAny, &n.MaxCalls,
			&n.RingInside, &n.RingOutside, &n.DisplayName, &n.Version, &n.ProfileID, &chosen, &schedule, &n.Own)
		if err == nil {
			l.document(schedule, &n.Schedule, "number", n.Number, n.Number, "schedule")
		}
		n.ProfileChosen = fromMicros(chosen)
		l.snap.Numbers[n.Number] = &n
		if n.OwnerType == directory.OwnerUser {
			l.snap.Rows[n.OwnerID] = append(l.snap.Rows[n.OwnerID], n.Number)
		}
		return err
	})
}

func (l *loader) slots() error {
	return l.each(`SELECT id, user_id, type, name, position, dnd, default_number, mobile_number,
		sip_username, sip_secret, version FROM slots ORDER BY position, id`, func(rows *sql.Rows) error {
		var s directory.Slot
		var name sql.NullString
		var sealed sql.RawBytes
		err := rows.Scan(&s.ID, &s.UserID, &s.Type, &s.Name, &s.Position, &s.DND, &s.DefaultNumber, &s.MobileNumber,
			&name, &sealed, &s.Version)
		if err != nil {
			return err
		}
		s.SIPUsername = name.String
		if len(sealed) > 0 {
			plain, err := l.box.Open(sealed, slotPurpose(s.ID))
			if err != nil {
				return fmt.Errorf("slot %s: SIP password: %w", s.ID, err)
			}
			s.SIPSecret = string(plain)
		}
		l.snap.Slots[s.ID] = &s
		l.snap.Columns[s.UserID] = append(l.snap.Columns[s.UserID], s.ID)
		return nil
	})
}

func (l *loader) ticks() error {
	err := l.each("SELECT number, slot_id FROM ticks", func(rows *sql.Rows) error {
		var number, slot string
		err := rows.Scan(&number, &slot)
		l.snap.Ticks[number] = append(l.snap.Ticks[number], slot)
		return err
	})
	for number, slots := range l.snap.Ticks {
		sortByColumn(l.snap, slots)
		n := l.snap.Numbers[number]
		for _, id := range slots {
			if s := l.snap.Slots[id]; n == nil || s == nil || n.OwnerType != directory.OwnerUser || n.OwnerID != s.UserID {
				return fmt.Errorf("database is damaged: tick of number %s and slot %s, which do not belong to one user", number, id)
			}
		}
	}
	return err
}

// sortByColumn orders slot IDs as the columns of the matrix stand.
func sortByColumn(snap *directory.Snapshot, ids []string) {
	slices.SortFunc(ids, func(a, b string) int {
		x, y := snap.Slots[a], snap.Slots[b]
		if x == nil || y == nil || x.Position == y.Position {
			return strings.Compare(a, b)
		}
		return x.Position - y.Position
	})
}

// pinPurpose is to the hash of a user's PIN what slotPurpose is to a SIP password.
func pinPurpose(userID string) string { return "user:" + userID + ":pin" }

// slotPurpose is the associated data under which a slot's SIP password is sealed.
func slotPurpose(slotID string) string { return "slot:" + slotID + ":sip" }
