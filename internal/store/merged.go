package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// merged is what undoing a merge needs: how everything was before. It is kept sealed, since there are password hashes and PINs in it.
type merged struct {
	Mark     string // of the user who stayed, afterwards
	Kept     keptUser
	Gone     []goneUser
	Numbers  []directory.Number
	Slots    []directory.Slot // without their SIP passwords, which do not change
	Profiles []directory.Profile
	Ticks    map[string][]string
	Groups   []string // that the user who stayed came into
	Pickups  []pickupUsers
	Quiet    []string // IDs of slots that were put on do not disturb
}

// keptUser is what changes of the user who stays.
type keptUser struct {
	ID                        string
	DND                       bool
	ShownInside, ShownOutside []string
	Blocks                    []directory.Block
}

// goneUser is a user who goes, with everything that is known of nobody else.
type goneUser struct {
	User          directory.User
	MatrixVersion int64
	Groups        []string // names
	Seen          int64    // missed calls seen, 0 for none
	Tokens        []tokenRow
	Factors       []factorRow
}

type pickupUsers struct {
	ID    string
	Users []string
}

// tokenRow and factorRow are rows as they stand in the database.
type tokenRow struct {
	ID                     string
	Hash                   []byte
	Name, Scopes           string
	Created, Expires, Used int64
}

type factorRow struct {
	ID, Kind, Name string
	Sealed         []byte
	Confirmed      bool
	Step           int64
	Created, Used  int64
}

func mergePurpose(id string) string { return "merge:" + id }

// query runs a query in the transaction and calls scan for every row.
func (tx *Tx) query(query string, scan func(*sql.Rows) error, args ...any) error {
	if tx.failed != nil {
		return tx.failed
	}
	err := func() error {
		rows, err := tx.sql.tx.QueryContext(tx.ctx, query, args...)
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
	}()
	if err != nil {
		tx.failed = dbError("reading configuration", err)
	}
	return tx.failed
}

// before notes how users are.
func (tx *Tx) before(kept *directory.User, gone []*directory.User) (*merged, error) {
	snap := tx.draft.snap
	m := &merged{
		Kept: keptUser{kept.ID, kept.DND, kept.ShownInside, kept.ShownOutside, kept.Blocks}, Ticks: map[string][]string{},
	}
	for _, u := range gone {
		g, err := tx.goneUser(u)
		if err != nil {
			return nil, err
		}
		m.Gone = append(m.Gone, g)
	}
	for _, u := range append([]*directory.User{kept}, gone...) {
		for _, number := range snap.Rows[u.ID] {
			m.Numbers = append(m.Numbers, *snap.Numbers[number])
			m.Ticks[number] = snap.Ticks[number]
		}
		for _, id := range snap.Columns[u.ID] {
			s := *snap.Slots[id]
			s.SIPSecret = ""
			m.Slots = append(m.Slots, s)
		}
		for _, id := range snap.ProfilesOf[u.ID] {
			m.Profiles = append(m.Profiles, *snap.Profiles[id])
		}
	}
	for _, g := range snap.PickupGroups {
		if slices.ContainsFunc(gone, func(u *directory.User) bool { return slices.Contains(g.Users, u.ID) }) {
			m.Pickups = append(m.Pickups, pickupUsers{g.ID, g.Users})
		}
	}
	return m, nil
}

func (tx *Tx) goneUser(u *directory.User) (goneUser, error) {
	g := goneUser{User: *u.Kept(), MatrixVersion: tx.draft.snap.MatrixVersions[u.ID], Groups: slices.Clone(tx.draft.snap.MemberOf[u.ID])}
	err := tx.query("SELECT id, token_hash, name, scopes, created_at, expires_at, used_at FROM api_tokens WHERE user_id = ?", func(rows *sql.Rows) error {
		var t tokenRow
		err := rows.Scan(&t.ID, &t.Hash, &t.Name, &t.Scopes, &t.Created, &t.Expires, &t.Used)
		g.Tokens = append(g.Tokens, t)
		return err
	}, u.ID)
	if err != nil {
		return g, err
	}
	err = tx.query("SELECT id, kind, name, sealed, confirmed, step, created_at, used_at FROM login_factors WHERE user_id = ?", func(rows *sql.Rows) error {
		var f factorRow
		err := rows.Scan(&f.ID, &f.Kind, &f.Name, &f.Sealed, &f.Confirmed, &f.Step, &f.Created, &f.Used)
		g.Factors = append(g.Factors, f)
		return err
	}, u.ID)
	if err != nil {
		return g, err
	}
	return g, tx.query("SELECT seq FROM person_seen WHERE user_id = ?", func(rows *sql.Rows) error { return rows.Scan(&g.Seen) }, u.ID)
}

// keepMerged stores what undoing needs, and forgets that of merges that are too long ago.
func (tx *Tx) keepMerged(id string, m *merged) error {
	plain, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("noting what was merged: %w", err)
	}
	old := micros(tx.now.Add(-directory.MergeUndo))
	for _, query := range []string{"DELETE FROM merged_calls WHERE merge_id IN (SELECT id FROM merges WHERE at < ?)", "DELETE FROM merges WHERE at < ?"} {
		if err := tx.exec(query, old); err != nil {
			return err
		}
	}
	return tx.exec("INSERT INTO merges (id, at, sealed) VALUES (?, ?, ?)", id, micros(tx.now), tx.box.Seal(plain, mergePurpose(id)))
}

func (tx *Tx) loadMerged(id string) (*merged, error) {
	var sealed []byte
	if err := tx.query("SELECT sealed FROM merges WHERE id = ?", func(rows *sql.Rows) error { return rows.Scan(&sealed) }, id); err != nil {
		return nil, err
	}
	if sealed == nil {
		return nil, &NotFoundError{Kind: "merge", ID: clip(id, 32)}
	}
	plain, err := tx.box.Open(sealed, mergePurpose(id))
	if err != nil {
		return nil, fmt.Errorf("merge %s: %w", id, err)
	}
	m := &merged{}
	if err := json.Unmarshal(plain, m); err != nil {
		return nil, fmt.Errorf("merge %s: %w", id, err)
	}
	return m, nil
}

// moveCalls gives the call list of a user to another, where a call that is in both is what it was to the one who took part in it.
func (tx *Tx) moveCalls(mergeID, from, to string) error {
	for _, s := range []struct {
		query string
		args  []any
	}{
		{`INSERT INTO merged_calls (merge_id, user_id, seq, direction, kept_direction)
			SELECT ?, p.user_id, p.seq, p.direction, COALESCE(k.direction, '')
			FROM person_calls AS p LEFT JOIN person_calls AS k ON k.user_id = ? AND k.seq = p.seq WHERE p.user_id = ?`, []any{mergeID, to, from}},
		{"DELETE FROM person_calls WHERE user_id = ?", []any{from}},
		{`INSERT INTO person_calls (user_id, seq, direction)
			SELECT ?, seq, direction FROM merged_calls WHERE merge_id = ? AND user_id = ? AND kept_direction = ''`, []any{to, mergeID, from}},
		{`UPDATE person_calls SET direction = (SELECT m.direction FROM merged_calls AS m WHERE m.merge_id = ? AND m.user_id = ? AND m.seq = person_calls.seq)
			WHERE user_id = ? AND seq IN (SELECT m.seq FROM merged_calls AS m WHERE m.merge_id = ? AND m.user_id = ?
				AND m.direction IN ('in', 'out') AND m.kept_direction IN ('missed', 'forwarded', 'elsewhere'))`, []any{mergeID, from, to, mergeID, from}},
		{"DELETE FROM person_seen WHERE user_id = ?", []any{from}},
	} {
		if err := tx.exec(s.query, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// returnCalls takes moveCalls back. Calls since then stay where they are, and records that have gone in the meantime do not come back.
func (tx *Tx) returnCalls(mergeID, from, to string) error {
	for _, s := range []struct {
		query string
		args  []any
	}{
		{`UPDATE person_calls SET direction = (SELECT m.kept_direction FROM merged_calls AS m WHERE m.merge_id = ? AND m.user_id = ? AND m.seq = person_calls.seq)
			WHERE user_id = ? AND seq IN (SELECT m.seq FROM merged_calls AS m WHERE m.merge_id = ? AND m.user_id = ? AND m.kept_direction <> '')`, []any{mergeID, from, to, mergeID, from}},
		{`DELETE FROM person_calls WHERE user_id = ? AND seq IN (SELECT m.seq FROM merged_calls AS m WHERE m.merge_id = ? AND m.user_id = ? AND m.kept_direction = '')`, []any{to, mergeID, from}},
		{`INSERT INTO person_calls (user_id, seq, direction) SELECT m.user_id, m.seq, m.direction FROM merged_calls AS m
			JOIN records AS r ON r.seq = m.seq WHERE m.merge_id = ? AND m.user_id = ?`, []any{mergeID, from}},
	} {
		if err := tx.exec(s.query, s.args...); err != nil {
			return err
		}
	}
	return nil
}
