package auth_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/admin/auth/authtest"
	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

var site = auth.Site{ID: "pbx.example", Origin: "https://pbx.example:8443", Name: "Koppelfeld"}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// withPasskey gives a user a passkey.
func (f *fixture) withPasskey(t *testing.T, userID string) (*authtest.Passkey, auth.Device) {
	t.Helper()
	options, id, err := f.StartPasskey(t.Context(), site, userID)
	if err != nil {
		t.Fatal(err)
	}
	key, answer := authtest.Make(t, asJSON(t, options), site.Origin)
	made, _, err := f.AddPasskey(t.Context(), auth.By{}, site, userID, id, "Laptop", answer)
	if err != nil {
		t.Fatal(err)
	}
	return key, made
}

func TestPasskeyAsSecondFactor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		here := from("192.0.2.1")
		key, made := f.withPasskey(t, "id-armin")
		key.Unverified = true // the password was the other factor
		if made.Name != "Laptop" || made.Site != site.ID {
			t.Errorf("made %+v", made)
		}
		if have, err := f.Possession(t.Context(), "id-armin"); err != nil || !slices.Equal(have.Kinds(), []string{auth.Passkey, auth.Recovery}) {
			t.Errorf("%+v, %v", have, err)
		}
		ticket, _ := f.ticket(t, here)
		ask := func(ticket string) ([]byte, string) {
			t.Helper()
			options, id, err := f.AskPasskey(t.Context(), site, ticket, here)
			if err != nil {
				t.Fatal(err)
			}
			return asJSON(t, options), id
		}
		second := func(at auth.Site, ticket, question string, answer []byte) error {
			_, _, kind, err := f.LoginSecond(t.Context(), at, ticket, auth.Proof{Passkey: answer, Question: question}, here)
			if err == nil && kind != auth.Passkey {
				t.Errorf("kind %s", kind)
			}
			return err
		}
		options, id := ask(ticket)
		key.Origin = "https://evil.example"
		if err := second(site, ticket, id, key.Sign(options)); !errors.Is(err, auth.ErrFactor) {
			t.Errorf("signed at another page: %v", err)
		}
		key.Origin = ""
		if err := second(site, ticket, id, key.Sign(options)); !errors.Is(err, auth.ErrFactor) {
			t.Errorf("a question answered twice: %v", err)
		}
		_, id = ask(ticket)
		if err := second(site, ticket, id, []byte(`{"id":"x"}`)); !errors.Is(err, auth.ErrFactor) {
			t.Errorf("nonsense: %v", err)
		}
		options, id = ask(ticket)
		if _, _, err := f.LoginPasskey(t.Context(), site, id, key.Sign(options), here); !errors.Is(err, auth.ErrTicket) {
			t.Errorf("the question of a second factor opens a session alone: %v", err)
		}
		options, id = ask(ticket)
		if err := second(site, ticket, id, key.Sign(options)); err != nil {
			t.Errorf("right: %v", err)
		}
		ticket, _ = f.ticket(t, here)
		options, id = ask(ticket)
		key.Counter = 0
		if err := second(site, ticket, id, key.Sign(options)); !errors.Is(err, auth.ErrFactor) {
			t.Errorf("a copy, whose counter is behind: %v", err)
		}
		if _, _, err := f.AskPasskey(t.Context(), auth.Site{ID: "other.example", Origin: "https://other.example", Name: "x"}, ticket, here); !errors.Is(err, auth.ErrNoFactor) {
			t.Errorf("asked for at another name: %v", err)
		}
		if _, _, err := f.AskPasskey(t.Context(), auth.Site{}, ticket, here); !errors.Is(err, auth.ErrNoSite) {
			t.Errorf("asked for without a name: %v", err)
		}
		if err := f.RemovePasskey(t.Context(), auth.By{}, "id-armin", made.ID); err != nil {
			t.Fatal(err)
		}
		if err := f.RemovePasskey(t.Context(), auth.By{}, "id-armin", made.ID); !errors.Is(err, auth.ErrNoFactor) {
			t.Errorf("removed twice: %v", err)
		}
	})
}

func TestPasskeyAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		here := from("192.0.2.1")
		key, _ := f.withPasskey(t, "id-armin")
		login := func(wait time.Duration, sign func([]byte) []byte) (auth.Identity, error) {
			t.Helper()
			options, id, err := f.AskPasskey(t.Context(), site, "", here)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(wait)
			_, who, err := f.LoginPasskey(t.Context(), site, id, sign(asJSON(t, options)), here)
			return who, err
		}
		if who, err := login(0, key.Sign); err != nil || who.Username != "armin" {
			t.Errorf("right: %+v, %v", who, err)
		}
		key.Unverified = true
		if _, err := login(0, key.Sign); !errors.Is(err, auth.ErrFactor) {
			t.Errorf("a device that has not made sure of its user: %v", err)
		}
		key.Unverified = false
		if _, err := login(6*time.Minute, key.Sign); !errors.Is(err, auth.ErrTicket) {
			t.Errorf("after six minutes: %v", err)
		}
		f.snap = directoryOf("adele")
		if _, err := login(0, key.Sign); !errors.Is(err, auth.ErrFactor) {
			t.Errorf("a user who is gone: %v", err)
		}
	})
}

// TestPasskeyMaking answers questions that were not asked.
func TestPasskeyMaking(t *testing.T) {
	f := newFixture(t)
	options, id, err := f.StartPasskey(t.Context(), site, "id-armin")
	if err != nil {
		t.Fatal(err)
	}
	_, answer := authtest.Make(t, asJSON(t, options), site.Origin)
	if _, _, err := f.AddPasskey(t.Context(), auth.By{}, site, "id-adele", id, "", answer); !errors.Is(err, auth.ErrTicket) {
		t.Errorf("for another user: %v", err)
	}
	if _, _, err := f.AddPasskey(t.Context(), auth.By{}, site, "id-armin", id, "", answer); !errors.Is(err, auth.ErrTicket) {
		t.Errorf("a question that was used: %v", err)
	}
	for range 20 {
		f.withPasskey(t, "id-armin")
	}
	if _, _, err := f.StartPasskey(t.Context(), site, "id-armin"); !errors.Is(err, auth.ErrTooMany) {
		t.Errorf("the 21st: %v", err)
	}
}

// FuzzPasskeyAnswer sends what a browser might answer; nothing opens a session.
func FuzzPasskeyAnswer(f *testing.F) {
	corpus.Add(f)
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AAAA","signature":"AAAA","userHandle":"AAAA"}}`))
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVgA"}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		door := newFixture(t)
		_, id, err := door.AskPasskey(t.Context(), site, "", from("192.0.2.1"))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := door.LoginPasskey(t.Context(), site, id, answer, from("192.0.2.1")); err == nil {
			t.Error("a session was opened")
		}
		_, id, err = door.StartPasskey(t.Context(), site, "id-armin")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := door.AddPasskey(t.Context(), auth.By{}, site, "id-armin", id, "", answer); err == nil {
			t.Error("a passkey was taken")
		}
	})
}
