package app

import (
	"errors"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
	"github.com/koppelfeld/koppelfeld/sip/b2bua"
)

// TestPINs: the right PIN is taken, wrong ones are counted by user, and after too many even the right one has to wait.
func TestPINs(t *testing.T) {
	st := storetest.Open(t, storetest.Config(t, "sqlite"))
	p := newPINs(st)
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	p.now = func() time.Time { return now }
	hash, err := secret.NewPasswords(1).HashPIN(t.Context(), "4711")
	if err != nil {
		t.Fatal(err)
	}
	var anna, bert string
	_, err = st.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
		for name, id := range map[string]*string{"anna": &anna, "bert": &bert} {
			u, err := tx.CreateUser(directory.User{Username: name})
			if err != nil {
				return err
			}
			*id = u.ID
		}
		return tx.SetPIN("anna", hash)
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(what, user, pin string, want error) {
		t.Helper()
		if err := p.CheckPIN(t.Context(), user, pin); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", what, err, want)
		}
	}
	check("right", anna, "4711", nil)
	check("nobody", "gone", "4711", errUserGone)
	check("no PIN", bert, "4711", errNoPIN)
	check("no PIN, nothing keyed in", bert, "", errNoPIN)
	for range wrongPINs - 1 {
		check("wrong", anna, "4712", b2bua.ErrPIN)
	}
	check("right after some wrong ones", anna, "4711", nil)
	for range wrongPINs {
		check("wrong again", anna, "471", b2bua.ErrPIN)
	}
	check("one too many", anna, "4712", errGuessed)
	check("right after too many", anna, "4711", errGuessed)
	now = now.Add(pinBack)
	check("one has come back", anna, "4712", b2bua.ErrPIN)
	check("and was spent", anna, "4711", errGuessed)
	now = now.Add(pinBack)
	check("right after the pause", anna, "4711", nil)
	if len(p.spent) > 0 {
		t.Errorf("kept: %v", p.spent)
	}
}
