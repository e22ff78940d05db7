package storetest

import (
	"errors"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// tried checks that a change which is only tried is checked as any other and leaves nothing.
func tried(t *testing.T, database string) {
	cfg := Config(t, database)
	refuse := errors.New("does not compile")
	cfg.Validate = func(_, next *directory.Snapshot, _ store.Changed) error {
		if next.ByName["bert"] != nil {
			return refuse
		}
		return nil
	}
	f := &fixture{t: t, cfg: cfg, st: Open(t, cfg)}
	before := f.st.Snapshot()
	f.st.OnCommit(func(_, _ *directory.Snapshot, _ store.Changed) { t.Error("a change that was only tried is told") })
	var seen *directory.Snapshot
	err := f.st.Try(t.Context(), func(tx *store.Tx) error {
		_, _, err := person(tx, "carla", []string{"13"}, directory.Desk)
		seen = tx.Snapshot()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen.ByName["carla"] == nil || seen.Numbers["13"] == nil {
		t.Error("what was tried cannot be seen")
	}
	err = f.st.Try(t.Context(), func(tx *store.Tx) error {
		_, _, err := person(tx, "bert", nil)
		return err
	})
	if !errors.Is(err, refuse) {
		t.Errorf("what does not compile: %v", err)
	}
	if f.st.Snapshot() != before {
		t.Error("a change that was only tried is in force")
	}
	entries, _, err := f.st.ListAudit(t.Context(), store.AuditFilter{Limit: 10, ObjectType: "number"})
	if err != nil || len(entries) > 0 {
		t.Errorf("in the audit log: %v %v", entries, err)
	}
	f.stored()
}
