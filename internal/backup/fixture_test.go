package backup_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

var update = flag.Bool("update", false, "write backups of schemas that have none yet into testdata; those that are there are never written again")

// TestEverySchemaHasABackup keeps a backup of the schema of each version, made by the program of that version, except the first ones, which
// were made afterwards from rows without the columns that came later.
func TestEverySchemaHasABackup(t *testing.T) {
	h, err := store.Look(t.Context(), store.Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for schema := int64(1); schema <= h.Latest; schema++ {
		if store.KnowsSchema(schema) != nil {
			continue // no migration has this number
		}
		name := fmt.Sprintf("testdata/schema-%d", schema)
		if _, err := os.Stat(name + ".tar.zst"); err == nil {
			continue
		}
		if !*update {
			t.Errorf("there is no backup of schema %d: go test ./internal/backup -run TestEverySchemaHasABackup -update", schema)
			continue
		}
		writeFixture(t, name, schema)
	}
}

func writeFixture(t *testing.T, name string, schema int64) {
	t.Helper()
	cfg, _ := system(t, "sqlite")
	rows := rowsOf(t, cfg)
	newest := columnsOf(t, cfg)
	old := store.Config{DataDir: t.TempDir()}
	f, err := store.OpenFilling(t.Context(), old, schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range f.Tables {
		if _, err := f.Add(t.Context(), table.Name, project(t, rows[table.Name], newest[table.Name], table.Columns)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, old.DataDir+"/secret.key", content(t, cfg.DataDir+"/secret.key"))
	put(t, old.DataDir+"/locations", "")
	text, info := created(t, old, backup.CreateOptions{})
	put(t, name+".tar.zst", string(text))
	want, err := json.Marshal(map[string]int64{"Schema": schema, "Users": info.Users, "Numbers": 10, "Slots": 10, "Records": info.Records})
	if err != nil {
		t.Fatal(err)
	}
	put(t, name+".json", string(want)+"\n")
}

// columnsOf lists the columns of all tables.
func columnsOf(t *testing.T, cfg store.Config) map[string][]store.Column {
	t.Helper()
	d, err := store.OpenDump(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	out := map[string][]store.Column{}
	for _, table := range d.Tables {
		out[table.Name] = table.Columns
	}
	return out
}

// project leaves of rows what an older table has.
func project(t *testing.T, rows string, have, want []store.Column) []byte {
	t.Helper()
	var out []byte
	for line := range strings.Lines(rows) {
		var values, kept []json.RawMessage
		if err := json.Unmarshal([]byte(line), &values); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			for i, h := range have {
				if h.Name == w.Name {
					kept = append(kept, values[i])
				}
			}
		}
		text, err := json.Marshal(kept)
		if err != nil {
			t.Fatal(err)
		}
		out = append(append(out, text...), '\n')
	}
	return out
}
