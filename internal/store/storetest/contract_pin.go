package storetest

import (
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// pin sets and removes a PIN, which is never seen in the audit log and outlasts other changes of its user.
func pin(t *testing.T, database string) {
	f := newFixture(t, database)
	set := func(hash string) {
		t.Helper()
		f.update(func(tx *store.Tx) error { return tx.SetPIN("anna", hash) })
	}
	set("$argon2id$hash of 4711")
	f.stored()
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateUser(f.anna, 2, func(u *directory.User) {
			u.PINHash, u.StatusPrivate, u.URL = "another", true, "https://camera.example/anna.jpg"
		})
		return err
	})
	u := f.st.Snapshot().Users[f.anna]
	if u.PINHash != "$argon2id$hash of 4711" || !u.StatusPrivate || u.URL != "https://camera.example/anna.jpg" || u.Version != 3 {
		t.Errorf("user: got %+v", u)
	}
	f.stored()
	entries, _, err := f.st.ListAudit(t.Context(), store.AuditFilter{ObjectType: "user", ObjectID: f.anna})
	if err != nil || len(entries) < 3 {
		t.Fatalf("audit log: got %d entries, %v", len(entries), err)
	}
	if e := entries[1]; e.Action != "set_pin" || !strings.Contains(string(e.After), `"pin":"***"`) || strings.Contains(string(e.After)+string(entries[0].After), "4711") {
		t.Errorf("audit log: got %+v", e)
	}
	set("")
	if u := f.st.Snapshot().Users[f.anna]; u.PINHash != "" || !u.StatusPrivate {
		t.Errorf("user without PIN: got %+v", u)
	}
	f.stored()
	revision := f.st.Snapshot().Revision
	set("")
	if got := f.st.Snapshot().Revision; got != revision {
		t.Errorf("removing what is not there made revision %d of %d", got, revision)
	}
	f.refused(func(tx *store.Tx) error { return tx.SetPIN("niemand", "x") })
	for _, wrong := range []string{"ftp://x/", "javascript:alert(1)", "camera", "https://me:secret@camera.example/", "https://x/" + strings.Repeat("a", directory.MaxURL)} {
		f.refusedField("url", func(tx *store.Tx) error {
			_, err := tx.UpdateUser(f.anna, 0, func(u *directory.User) { u.URL = wrong })
			return err
		})
	}
}
