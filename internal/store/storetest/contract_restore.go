package storetest

import (
	"errors"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// comeBack removes objects and makes them again with the ID that they had.
func comeBack(t *testing.T, database string) {
	f := newFixture(t, database)
	for name, create := range map[string]func(tx *store.Tx, f *fixture, id string, version int64) (string, int64, error){
		"calendar": func(tx *store.Tx, _ *fixture, id string, version int64) (string, int64, error) {
			c, err := tx.CreateCalendar(directory.Calendar{ID: id, Version: version, Name: "Zeiten", Spec: workdays(1)})
			if err != nil {
				return "", 0, err
			}
			return c.ID, c.Version, nil
		},
		"profile": func(tx *store.Tx, f *fixture, id string, version int64) (string, int64, error) {
			p, err := tx.CreateProfile(directory.Profile{ID: id, Version: version, UserID: f.anna, Name: "Urlaub"})
			if err != nil {
				return "", 0, err
			}
			return p.ID, p.Version, nil
		},
		"group": func(tx *store.Tx, _ *fixture, id string, version int64) (string, int64, error) {
			g, err := tx.CreateGroup(directory.Group{ID: id, Version: version, Name: "sales", Title: "Vertrieb", Type: directory.GroupUser})
			if err != nil {
				return "", 0, err
			}
			return g.ID, g.Version, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			remove := map[string]func(tx *store.Tx, id string) error{
				"calendar": func(tx *store.Tx, id string) error { return tx.DeleteCalendar(id, 0) },
				"profile":  func(tx *store.Tx, id string) error { return tx.DeleteProfile(id, 0) },
				"group":    func(tx *store.Tx, _ string) error { return tx.DeleteGroup("sales", 0) },
			}[name]
			var id, again string
			var version int64
			f.update(func(tx *store.Tx) (err error) { id, version, err = create(tx, f, "", 7); return err })
			if version != 1 {
				t.Errorf("a new object begins with version %d", version)
			}
			if err := f.refused(func(tx *store.Tx) error { _, _, err := create(tx, f, id, 1); return err }); !errors.Is(err, store.ErrTaken) {
				t.Errorf("while it is there: got %v, want ErrTaken", err)
			}
			f.update(func(tx *store.Tx) error { return remove(tx, id) })
			f.update(func(tx *store.Tx) (err error) { again, version, err = create(tx, f, id, 4); return err })
			if again != id || version != 5 {
				t.Errorf("came back as %s with version %d, was %s with 4", again, version, id)
			}
			f.stored()
			err := f.refused(func(tx *store.Tx) error { _, _, err := create(tx, f, "x", 1); return err })
			if name != "group" { // whose name is taken first
				invalidField(t, err, "id")
			}
		})
	}
}
