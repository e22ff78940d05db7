package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"github.com/koppelfeld/koppelfeld/internal/store"
)

// auditLists checks every filter of the audit log against what it says, in both orders and by pages.
func auditLists(t *testing.T, database string) {
	st := Open(t, Config(t, database))
	for i := range 24 {
		who := store.Change{Actor: []string{"anna", "bert"}[i%2], Source: "test"}
		action, typ := []string{"login", "update", "delete"}[i%3], []string{"user", "number"}[i/2%2]
		if err := st.Act(t.Context(), who, action, typ, fmt.Sprint("id", i%5), "", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	all, next, err := st.ListAudit(t.Context(), store.AuditFilter{Limit: 1000})
	if err != nil || next != "" || len(all) < 24 {
		t.Fatalf("got %d entries, next %q, %v", len(all), next, err)
	}
	begun := func(e *store.AuditEntry) time.Time { return ulid.MustParse(e.ID).Timestamp() }
	middle := begun(&all[12])
	tests := []struct {
		name   string
		filter store.AuditFilter
		keep   func(e *store.AuditEntry) bool
	}{
		{"all", store.AuditFilter{}, func(*store.AuditEntry) bool { return true }},
		{"actor", store.AuditFilter{Actor: "bert"}, func(e *store.AuditEntry) bool { return e.Actor == "bert" }},
		{"action", store.AuditFilter{Action: "login"}, func(e *store.AuditEntry) bool { return e.Action == "login" }},
		{"type", store.AuditFilter{ObjectType: "number"}, func(e *store.AuditEntry) bool { return e.ObjectType == "number" }},
		{"ID alone", store.AuditFilter{ObjectID: "id3"}, func(e *store.AuditEntry) bool { return e.ObjectID == "id3" }},
		{"object", store.AuditFilter{ObjectType: "user", ObjectID: "id3"}, func(e *store.AuditEntry) bool { return e.ObjectType == "user" && e.ObjectID == "id3" }},
		{"actor and object", store.AuditFilter{Actor: "anna", ObjectType: "user", ObjectID: "id4"}, func(e *store.AuditEntry) bool {
			return e.Actor == "anna" && e.ObjectType == "user" && e.ObjectID == "id4"
		}},
		{"from", store.AuditFilter{Begin: middle}, func(e *store.AuditEntry) bool { return !begun(e).Before(middle) }},
		{"until", store.AuditFilter{End: middle}, func(e *store.AuditEntry) bool { return begun(e).Before(middle) }},
		{"looked at", store.AuditFilter{Actor: "anna", Keep: func(e *store.AuditEntry) bool { return e.ObjectID == "id1" }}, func(e *store.AuditEntry) bool {
			return e.Actor == "anna" && e.ObjectID == "id1"
		}},
		{"nothing", store.AuditFilter{Actor: "x' OR 1=1 --"}, func(*store.AuditEntry) bool { return false }},
	}
	for _, test := range tests {
		for _, ascending := range []bool{false, true} {
			for _, limit := range []int{0, 2} {
				t.Run(fmt.Sprintf("%s by %d, ascending %v", test.name, limit, ascending), func(t *testing.T) {
					var want, got []string
					for i := range all {
						if test.keep(&all[i]) {
							want = append(want, all[i].ID)
						}
					}
					f := test.filter
					if f.Limit, f.Ascending = limit, ascending; ascending {
						slices.Reverse(want)
					}
					for {
						page, next, err := st.ListAudit(t.Context(), f)
						if err != nil || limit > 0 && len(page) > limit {
							t.Fatalf("%d entries, %v", len(page), err)
						}
						for i := range page {
							got = append(got, page[i].ID)
						}
						if f.Cursor = next; next == "" {
							break
						}
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("entries (-want +got):\n%s", diff)
					}
				})
			}
		}
	}
	one, err := st.GetAudit(t.Context(), all[3].ID)
	if diff := cmp.Diff(all[3], one); err != nil || diff != "" {
		t.Errorf("one entry: %v (-want +got):\n%s", err, diff)
	}
	if _, err := st.GetAudit(t.Context(), "gone"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an entry that is not there: %v", err)
	}
}
