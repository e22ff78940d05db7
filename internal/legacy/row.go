package legacy

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// maxRows bounds the rows of one table that are kept, so that a table that is not what it seems does not fill the memory.
const maxRows = 1_000_000

// row is one row of a table; what is wrong with a value is noted when it is read.
type row struct {
	table *table
	found *problems
	at    map[string]int
	vals  []sql.RawBytes
	key   []string // columns
}

// each streams the rows of a table, in no order, and does nothing for a table that is not there. Of columns it reads those
// that there are. key names the columns that say which row it is.
func (s *Source) each(ctx context.Context, found *problems, name string, key, columns []string, fn func(*row)) error {
	t := s.tables[name]
	if t == nil {
		return nil
	}
	w := &row{table: t, found: found, at: map[string]int{}, key: key}
	var list []string
	for _, c := range append(slices.Clone(key), columns...) {
		_, there := t.columns[c]
		if _, twice := w.at[c]; there && !twice {
			w.at[c] = len(list)
			list = append(list, quote(c))
		}
	}
	if len(list) == 0 {
		return nil
	}
	query := "SELECT " + strings.Join(list, ", ") + " FROM " + quote(name)
	if t.engine != "InnoDB" { // whose readers hold up its writers: the server makes a copy first
		query = "SELECT SQL_BUFFER_RESULT " + strings.TrimPrefix(query, "SELECT ")
	}
	rows, err := s.tx.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("reading table %s: %w", name, err)
	}
	defer rows.Close()
	w.vals = make([]sql.RawBytes, len(list))
	into := make([]any, len(list))
	for i := range into {
		into[i] = &w.vals[i]
	}
	for count := 0; rows.Next(); count++ {
		if count == maxRows {
			return refuse("table %s has more than %d rows, which no telephone system has: is this the right database?", name, maxRows)
		}
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("reading table %s: %w", name, err)
		}
		fn(w)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading table %s: %w", name, err)
	}
	return nil
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// name says which row it is: the values of the key, joined by commas.
func (w *row) name() string {
	var parts []string
	for _, k := range w.key {
		if raw, ok := w.raw(k); ok {
			text, _ := decodeText(raw, w.table.columns[k].charset)
			parts = append(parts, text)
		} else {
			parts = append(parts, "NULL")
		}
	}
	return strings.Join(parts, ",")
}

// raw is the value of a column; ok is false for NULL and for a column that is not there.
func (w *row) raw(col string) (sql.RawBytes, bool) {
	i, there := w.at[col]
	if !there || w.vals[i] == nil {
		return nil, false
	}
	return w.vals[i], true
}

// text reads a text, "" for NULL.
func (w *row) text(col string) string {
	raw, ok := w.raw(col)
	if !ok {
		return ""
	}
	text, problem := decodeText(raw, w.table.columns[col].charset)
	if problem != "" {
		w.problem(col, problem)
	}
	return text
}

// int reads a number; ok is false for NULL and for what is none.
func (w *row) int(col string) (n int64, ok bool) {
	raw, ok := w.raw(col)
	if !ok {
		return 0, false
	}
	if n, ok = decodeInt(raw); !ok {
		w.problem(col, "is no number: "+clip(string(raw)))
	}
	return n, ok
}

// id reads a number, 0 for none.
func (w *row) id(col string) int64 {
	n, _ := w.int(col)
	return n
}

// needID reads a number that must be there.
func (w *row) needID(col string) (int64, bool) {
	if _, ok := w.raw(col); !ok {
		w.problem(col, "is NULL; the row was passed over")
		return 0, false
	}
	return w.int(col)
}

// flag reads a truth value: 0 and NULL are false.
func (w *row) flag(col string) bool { return w.id(col) != 0 }

// clock reads a time of day in minutes.
func (w *row) clock(col string) (int, bool) {
	raw, ok := w.raw(col)
	if !ok {
		w.problem(col, "is NULL; the row was passed over")
		return 0, false
	}
	m, ok := decodeClock(raw)
	if !ok {
		w.problem(col, "is no time of day: "+clip(string(raw))+"; the row was passed over")
	}
	return m, ok
}

// days reads the seven flags of a week, Sunday first, as package time counts.
func (w *row) days() (days [7]bool) {
	for i, d := range []string{"d_su", "d_mo", "d_tu", "d_we", "d_th", "d_fr", "d_sa"} {
		days[i] = w.flag(d)
	}
	return days
}

func (w *row) problem(col, message string) { w.found.add(w.table.name, w.name(), col, message) }

// clip shortens what is shown of a value, and makes it fit to be shown.
func clip(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if r := []rune(s); len(r) > 40 {
		s = string(r[:40]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
