package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// TestAuditPagesAreBounded: what no index finds costs a page so many entries and no more, however long the log is.
func TestAuditPagesAreBounded(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg := storetest.Config(t, database)
		st := storetest.Open(t, cfg)
		const batch, batches = 1000, 6
		for b := range batches {
			rows := make([]string, batch)
			for i := range rows {
				actor, typ := "many", "user"
				if b == 0 && i < 3 {
					actor, typ = "rare", "trunk"
				}
				rows[i] = fmt.Sprintf("('%026d', 1, 1, '%s', '', '', 'update', '%s', 'x%d', '', '', '')", b*batch+i, actor, typ, i)
			}
			_, err := raw(t, cfg).Exec("INSERT INTO audit (id, revision, at, actor, source, reason, action, object_type, object_id, object_name, before_json, after_json) VALUES " + strings.Join(rows, ", "))
			if err != nil {
				t.Fatal(err)
			}
		}
		for name, f := range map[string]store.AuditFilter{"actor": {Actor: "rare"}, "type": {ObjectType: "trunk"}} {
			page, next, err := st.ListAudit(t.Context(), f)
			if err != nil || len(page) != 0 || next == "" {
				t.Errorf("%s: %d entries, next %q, %v; want none and another page", name, len(page), next, err)
			}
			f.Cursor = next
			if page, next, err = st.ListAudit(t.Context(), f); err != nil || len(page) != 3 || next != "" {
				t.Errorf("%s, second page: %d entries, next %q, %v; want 3 and the end", name, len(page), next, err)
			}
		}
		if page, next, err := st.ListAudit(t.Context(), store.AuditFilter{ObjectType: "trunk", ObjectID: "x1"}); err != nil || len(page) != 1 || next != "" {
			t.Errorf("object: %d entries, next %q, %v", len(page), next, err)
		}
	})
}
