package backup

import (
	"bytes"
	"testing"
)

// ReadRows reads the rows of a backup, by table.
func ReadRows(t testing.TB, text []byte) map[string]string {
	t.Helper()
	rows := map[string]string{}
	if _, err := walk(t.Context(), bytes.NewReader(text), int64(len(text)), Keys{}, visitor{rows: func(table string, lines []byte) error {
		rows[table] += string(lines)
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	return rows
}
