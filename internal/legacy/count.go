package legacy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// countPersonal counts what belongs to single users and stays behind. Nothing of it is read.
func (s *Source) countPersonal(ctx context.Context, d *Data) error {
	for _, t := range []struct{ table, column, kind string }{
		{"dial_log", "user_id", kindCallList},
		{"vm_msgs", "user_id", kindVoiceMessages},
		{"vm_rec_messages", "_user_id", kindGreetings},
		{"ast_voicemail", "_user_id", kindVoicemail},
		{"pb_prv", "user_id", kindContacts},
	} {
		if err := s.countBy(ctx, d, t.kind, t.table, "SELECT "+quote(t.column)+", COUNT(*) FROM "+quote(t.table)+" GROUP BY "+quote(t.column), t.column); err != nil {
			return err
		}
	}
	if s.has("softkeys", "profile_id") && s.has("users", "softkey_profile_id") {
		return s.countBy(ctx, d, kindKeys, "softkeys", "SELECT u.id, COUNT(*) FROM softkeys k JOIN users u ON u.softkey_profile_id = k.profile_id GROUP BY u.id")
	}
	return nil
}

func (s *Source) has(table string, columns ...string) bool {
	t := s.tables[table]
	return t != nil && !slices.ContainsFunc(columns, func(c string) bool { _, ok := t.columns[c]; return !ok })
}

func (s *Source) countBy(ctx context.Context, d *Data, kind, table, query string, needs ...string) error {
	if !s.has(table, needs...) {
		return nil
	}
	rows, err := s.tx.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("counting table %s: %w", table, err)
	}
	defer rows.Close()
	for rows.Next() {
		var account sql.NullInt64
		var n int64
		if err := rows.Scan(&account, &n); err != nil {
			return fmt.Errorf("counting table %s: %w", table, err)
		}
		d.personal = append(d.personal, personal{kind, account.Int64, n})
	}
	return rows.Err()
}

// countTables counts the rows of tables that go with the whole system.
func (s *Source) countTables(ctx context.Context, d *Data) error {
	for name := range systemTables() {
		if s.tables[name] == nil {
			continue
		}
		var n int64
		if err := s.tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+quote(name)).Scan(&n); err != nil {
			return fmt.Errorf("counting table %s: %w", name, err)
		}
		d.counts[name] = n
	}
	return nil
}

// Bounds of what is looked through for dates and counted of tables that nobody knows, so that the running 4.5 feels nothing of it.
const (
	maxDateRows   = 200_000 // of one table
	maxZeroDates  = 100     // named of one table
	maxCountedFor = 1_000_000
)

// findZeroDates reports dates that do not exist in the tables that are known.
func (s *Source) findZeroDates(ctx context.Context, d *Data) error {
	for _, name := range slices.Sorted(maps.Keys(knownColumns())) {
		t := s.tables[name]
		if t == nil || t.rows > maxDateRows || len(t.order) == 0 {
			continue
		}
		for _, col := range t.order {
			if kind := t.columns[col].kind; kind != "date" && kind != "datetime" && kind != "timestamp" {
				continue
			}
			if err := s.zeroDatesOf(ctx, d, t, col); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Source) zeroDatesOf(ctx context.Context, d *Data, t *table, col string) error {
	key := t.order[0]
	text := "CAST(" + quote(col) + " AS CHAR)"
	rows, err := s.tx.QueryContext(ctx, fmt.Sprintf("SELECT COALESCE(%s, ''), %s FROM %s WHERE %s LIKE '0000%%' OR %s LIKE '%%-00%%' LIMIT %d",
		quote(key), text, quote(t.name), text, text, maxZeroDates))
	if err != nil {
		return fmt.Errorf("reading dates of table %s: %w", t.name, err)
	}
	defer rows.Close()
	for rows.Next() {
		var k, v string
		if err := rows.Scan(&k, &v); err != nil {
			return fmt.Errorf("reading dates of table %s: %w", t.name, err)
		}
		if zeroDate(v) {
			d.problems.add(t.name, strings.ToValidUTF8(k, "?"), col, "is a date that does not exist: "+clip(v))
		}
	}
	return rows.Err()
}

// findUnknown lists tables and columns that hold something and that nobody reads.
func (s *Source) findUnknown(ctx context.Context, d *Data) error {
	all := knownColumns()
	for _, name := range slices.Sorted(maps.Keys(s.tables)) {
		columns, isKnown := all[name]
		if !isKnown {
			var n int64
			err := s.tx.QueryRowContext(ctx, fmt.Sprintf("SELECT COUNT(*) FROM (SELECT 1 FROM %s LIMIT %d) few", quote(name), maxCountedFor+1)).Scan(&n)
			if err != nil {
				d.problems.add(name, "", "", "cannot be read: "+err.Error())
				continue
			}
			if n > 0 {
				d.unknown = append(d.unknown, Unknown{Table: name, Rows: min(n, maxCountedFor), More: n > maxCountedFor})
			}
			continue
		}
		if err := s.unknownColumns(ctx, d, s.tables[name], columns); err != nil {
			return err
		}
	}
	return nil
}

func (s *Source) unknownColumns(ctx context.Context, d *Data, t *table, columns []string) error {
	var strange, sums []string
	for _, c := range t.order {
		if !slices.Contains(columns, c) {
			strange = append(strange, c)
			sums = append(sums, "COALESCE(SUM(LENGTH("+quote(c)+") > 0), 0)")
		}
	}
	if len(strange) == 0 {
		return nil
	}
	counts := make([]int64, len(strange))
	into := make([]any, len(strange))
	for i := range into {
		into[i] = &counts[i]
	}
	err := s.tx.QueryRowContext(ctx, "SELECT "+strings.Join(sums, ", ")+" FROM "+quote(t.name)).Scan(into...)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("counting unknown columns of table %s: %w", t.name, err)
	}
	for i, c := range strange {
		if counts[i] > 0 {
			d.unknown = append(d.unknown, Unknown{Table: t.name, Column: c, Rows: counts[i]})
		}
	}
	return nil
}
