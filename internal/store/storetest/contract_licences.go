package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// licences are installed, replaced and removed, kept in a history, and seen by other processes.
func licences(t *testing.T, database string) {
	f := newFixture(t, database)
	install := func(document, company string) {
		t.Helper()
		f.update(func(tx *store.Tx) error {
			_, err := tx.InstallLicence(directory.Licence{Document: document, Company: company, Users: 20, ValidUntil: "2027-11-30", Serial: "KF-" + document, EndedBy: "x"})
			return err
		})
	}
	f.refused(func(tx *store.Tx) error { return tx.RemoveLicence() })
	install("one", "Schrauben & Söhne")
	f.stored()
	revision := f.st.Snapshot().Revision
	install("one", "Schrauben & Söhne")
	if got := f.st.Snapshot().Revision; got != revision {
		t.Errorf("the same file made revision %d of %d", got, revision)
	}
	other := Open(t, f.cfg)
	install("two", "Muttern AG")
	f.stored()
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, st := range []*store.Store{f.st, other} {
		if l := st.Snapshot().Licence; l == nil || l.Document != "two" || l.Company != "Muttern AG" || l.By != by.Actor || l.Installed.IsZero() || l.EndedBy != "" {
			t.Errorf("licence: got %+v", l)
		}
	}
	f.update(func(tx *store.Tx) error { return tx.RemoveLicence() })
	f.stored()
	if l := f.st.Snapshot().Licence; l != nil {
		t.Errorf("after it was removed: %+v", l)
	}
	list, err := f.st.ListLicences(t.Context())
	if err != nil || len(list) != 2 || list[0].Document != "two" || list[1].Serial != "KF-one" {
		t.Fatalf("history: %+v, %v", list, err)
	}
	for _, l := range list {
		if l.Ended.IsZero() || l.EndedBy != by.Actor {
			t.Errorf("%s has not ended: %+v", l.Document, l)
		}
	}
	entries, _, err := f.st.ListAudit(t.Context(), store.AuditFilter{ObjectType: "licence"})
	if err != nil || len(entries) != 3 || entries[0].Action != "remove" || entries[1].Action != "install" || !strings.Contains(string(entries[1].Before), "Schrauben") {
		t.Errorf("audit log: %+v, %v", entries, err)
	}
	for _, bad := range []string{"", strings.Repeat("x", 16<<10+1)} {
		err := f.st.Try(t.Context(), func(tx *store.Tx) error {
			_, err := tx.InstallLicence(directory.Licence{Document: bad})
			return err
		})
		var invalid *directory.InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

// trial counts forwards only, over restarts, and a day at most at a time.
func trial(t *testing.T, database string) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	cfg := Config(t, database)
	cfg.Now = func() time.Time { return now }
	st := Open(t, cfg)
	if got, err := st.Trial(t.Context()); err != nil || !got.Began.IsZero() || got.Ran != 0 {
		t.Fatalf("before it begins: %+v, %v", got, err)
	}
	began := now
	for _, c := range []struct {
		name string
		pass time.Duration
		ran  time.Duration
	}{
		{"begins", 0, 0},
		{"an hour", time.Hour, time.Hour},
		{"the machine was off for a week", 7 * 24 * time.Hour, 25 * time.Hour},
		{"the clock goes back a month", -30 * 24 * time.Hour, 25 * time.Hour},
		{"and runs on from there", time.Hour, 26 * time.Hour},
		{"the clock jumps by years", 20 * 365 * 24 * time.Hour, 50 * time.Hour},
	} {
		now = now.Add(c.pass)
		got, err := st.PassTrial(t.Context())
		if err != nil || got.Ran != c.ran || !got.Began.Equal(began) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		if read, err := Open(t, cfg).Trial(t.Context()); err != nil || read != got {
			t.Errorf("%s: read by another process: %+v, %v", c.name, read, err)
		}
	}
	for range 100 {
		now = now.Add(24 * time.Hour)
		if _, err := st.PassTrial(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	end, err := st.PassTrial(t.Context())
	if err != nil || end.Ran < 30*24*time.Hour || end.Ran > 91*24*time.Hour {
		t.Errorf("in the end: %+v, %v", end, err)
	}
}
