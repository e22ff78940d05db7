package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// factors holds what proves a login besides the password.
func factors(t *testing.T, database string) {
	now := start
	cfg := Config(t, database)
	cfg.Now = func() time.Time { return now }
	st := Open(t, cfg)
	f := &fixture{t: t, cfg: cfg, st: st}
	var user string
	f.update(func(tx *store.Tx) error {
		u, err := tx.CreateUser(directory.User{Username: "armin"})
		if err == nil {
			user = u.ID
		}
		return err
	})
	add := func(list ...store.Factor) []store.Factor {
		t.Helper()
		made, err := st.AddFactors(t.Context(), by, list...)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	holds := func(want ...store.Factor) {
		t.Helper()
		got, err := st.ListFactors(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("factors (-want +got):\n%s", diff)
		}
	}
	add(store.Factor{UserID: user, Kind: "totp", Secret: []byte("given up")})
	totp := add(store.Factor{UserID: user, Kind: "totp", Secret: []byte("secret")})[0]
	holds(totp)
	if err := st.ConfirmFactor(t.Context(), by, totp.ID, 7); err != nil {
		t.Fatal(err)
	}
	if err := st.ConfirmFactor(t.Context(), by, totp.ID, 8); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("confirmed twice: %v", err)
	}
	totp.Confirmed, totp.Step, totp.Used = true, 7, now
	waiting := add(store.Factor{UserID: user, Kind: "totp", Secret: []byte("next")})[0]
	holds(totp, waiting) // the old one holds until the new one is confirmed

	now = now.Add(time.Minute)
	for step, want := range map[int64]bool{7: false, 6: false, 9: true} {
		if err := st.UseFactor(t.Context(), totp.ID, step, nil); (err == nil) != want || !want && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("step %d: %v", step, err)
		}
	}
	totp.Step, totp.Used = 9, now
	holds(totp, waiting)
	if err := st.ConfirmFactor(t.Context(), by, waiting.ID, 11); err != nil {
		t.Fatal(err)
	}
	waiting.Confirmed, waiting.Step, waiting.Used = true, 11, now
	holds(waiting)

	key := add(store.Factor{UserID: user, Kind: "passkey", Name: "Schlüssel", Secret: []byte("key"), Confirmed: true})[0]
	if err := st.UseFactor(t.Context(), key.ID, 0, []byte("key 2")); err != nil {
		t.Fatal(err)
	}
	key.Secret, key.Used = []byte("key 2"), now
	recovery := func(code string) store.Factor {
		return store.Factor{UserID: user, Kind: "recovery", Secret: []byte(code), Confirmed: true}
	}
	add(recovery("a"), recovery("b"))
	codes := add(recovery("c"), recovery("d"))
	holds(waiting, key, codes[0], codes[1])
	var wg sync.WaitGroup
	spent := make(chan error, 5)
	for range 5 {
		wg.Go(func() { spent <- st.SpendFactor(t.Context(), codes[0].ID) })
	}
	wg.Wait()
	close(spent)
	taken := 0
	for err := range spent {
		if err == nil {
			taken++
		}
	}
	if taken != 1 {
		t.Errorf("one code was taken %d times", taken)
	}
	if err := st.DeleteFactors(t.Context(), by, user, []string{key.ID}, []string{"recovery"}); err != nil {
		t.Fatal(err)
	}
	holds(waiting)
	if err := st.DeleteFactors(t.Context(), by, user, []string{key.ID}, nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := st.AddFactors(t.Context(), by, store.Factor{UserID: "nobody", Kind: "totp"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("factor of nobody: %v", err)
	}
	entries, _, err := st.ListAudit(t.Context(), store.AuditFilter{ObjectType: "user", ObjectID: user})
	if err != nil || len(entries) < 8 || entries[0].Action != "remove_factor" || entries[1].Action != "add_factor" {
		t.Errorf("audit: %+v, %v", entries, err)
	}
	f.update(func(tx *store.Tx) error { _, err := tx.DeleteUser(user, 0); return err })
	holds()
}
