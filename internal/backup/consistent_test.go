package backup_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// TestBackupIsConsistent: while pairs are written, every backup has both of a pair or none, in tables that are read one after the other, and the revision that goes with them.
func TestBackupIsConsistent(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg, st := system(t, database)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan int)
		more := make(chan struct{}, 1)
		go func() {
			n := 0
			for ; ctx.Err() == nil; n++ {
				_, err := st.Update(ctx, store.Change{Actor: "pair"}, func(tx *store.Tx) error {
					u, err := tx.CreateUser(directory.User{Username: fmt.Sprint("pair", n)})
					if err != nil {
						return err
					}
					_, err = tx.CreateSlot(directory.Slot{UserID: u.ID, Type: directory.Desk, Name: fmt.Sprint("pair", n)})
					return err
				})
				if err == nil {
					err = st.InsertRecords(ctx, []calls.Record{storetest.Record(1000 + n)})
				}
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				select {
				case more <- struct{}{}:
				default:
				}
			}
			done <- n
		}()
		different := map[int]bool{}
		for range 8 {
			// The reading gives way to a write again and again, so that it lasts while some are made.
			text, _ := created(t, cfg, backup.CreateOptions{Options: backup.Options{Pace: func(ctx context.Context) error {
				select {
				case <-more:
				case <-ctx.Done():
				}
				return ctx.Err()
			}}})
			rows := backup.ReadRows(t, text)
			users, slots, audits := strings.Count(rows["users"], `"pair`), strings.Count(rows["slots"], `"pair`), strings.Count(rows["revisions"], `"pair"`)
			if users != slots || users != audits {
				t.Errorf("%d users, %d slots, %d revisions of pairs", users, slots, audits)
			}
			different[users] = true
		}
		cancel()
		n := <-done
		if len(different) < 4 || n < 8 {
			t.Errorf("nothing was written meanwhile: %d pairs, backups saw %v", n, different)
		}
	})
}
