package auth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/koppelfeld/koppelfeld/admin/auth"
)

// devices keeps factors.
type devices struct {
	mu   sync.Mutex
	list []auth.Factor
	made int
}

func (d *devices) ListFactors(_ context.Context, userID string) ([]auth.Factor, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []auth.Factor
	for _, f := range d.list {
		if f.UserID == userID {
			out = append(out, f)
		}
	}
	return out, nil
}

func (d *devices) AddFactors(_ context.Context, _ auth.By, list ...auth.Factor) ([]auth.Factor, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = slices.DeleteFunc(d.list, func(f auth.Factor) bool {
		return f.UserID == list[0].UserID && f.Kind == list[0].Kind && (!f.Confirmed || f.Kind == auth.Recovery)
	})
	for i := range list {
		d.made++
		list[i].ID, list[i].Created = fmt.Sprint(d.made), time.Now()
		d.list = append(d.list, list[i])
	}
	return list, nil
}

// edit changes a factor.
func (d *devices) edit(id string, fn func(*auth.Factor) bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.list {
		if d.list[i].ID == id && fn(&d.list[i]) {
			return nil
		}
	}
	return auth.ErrNoFactor
}

func (d *devices) ConfirmFactor(_ context.Context, _ auth.By, id string, step int64) error {
	var user string
	err := d.edit(id, func(f *auth.Factor) bool {
		user = f.UserID
		f.Confirmed, f.Step = true, step
		return true
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = slices.DeleteFunc(d.list, func(f auth.Factor) bool { return f.UserID == user && f.Kind == auth.TOTP && f.ID != id })
	return err
}

func (d *devices) UseFactor(_ context.Context, id string, step int64, secret []byte) error {
	return d.edit(id, func(f *auth.Factor) bool {
		if step != 0 && step <= f.Step {
			return false
		}
		f.Step = max(f.Step, step)
		if secret != nil {
			f.Secret = secret
		}
		return true
	})
}

func (d *devices) SpendFactor(_ context.Context, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := len(d.list)
	d.list = slices.DeleteFunc(d.list, func(f auth.Factor) bool { return f.ID == id })
	if len(d.list) == before {
		return auth.ErrNoFactor
	}
	return nil
}

func (d *devices) DeleteFactors(_ context.Context, _ auth.By, userID string, ids, kinds []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = slices.DeleteFunc(d.list, func(f auth.Factor) bool {
		return f.UserID == userID && (slices.Contains(ids, f.ID) || slices.Contains(kinds, f.Kind))
	})
	return nil
}

func code(t *testing.T, key string, at time.Time) string {
	t.Helper()
	c, err := totp.GenerateCode(key, at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// withTOTP gives a user an app and returns its key and the recovery codes.
func (f *fixture) withTOTP(t *testing.T, userID string) (key string, recovery []string) {
	t.Helper()
	key, uri, err := f.StartTOTP(t.Context(), auth.By{}, userID, "Koppelfeld", "armin")
	if err != nil || uri == "" {
		t.Fatal(uri, err)
	}
	if recovery, err = f.ConfirmTOTP(t.Context(), auth.By{}, userID, code(t, key, time.Now())); err != nil {
		t.Fatal(err)
	}
	return key, recovery
}

// ticket logs in with the password and returns the ticket for the second factor.
func (f *fixture) ticket(t *testing.T, client auth.Client) (string, []string) {
	t.Helper()
	_, _, err := f.Login(t.Context(), "armin", "right", client)
	var more *auth.SecondFactorError
	if !errors.As(err, &more) {
		t.Fatalf("login: %v, want a second factor asked for", err)
	}
	return more.Ticket, more.Kinds
}

func TestTOTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		here := from("192.0.2.1")
		key, _, err := f.StartTOTP(t.Context(), auth.By{}, "id-armin", "Koppelfeld", "armin")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.Login(t.Context(), "armin", "right", here); err != nil {
			t.Errorf("an app that was not confirmed is asked for: %v", err)
		}
		if _, err := f.ConfirmTOTP(t.Context(), auth.By{}, "id-armin", "000000"); !errors.Is(err, auth.ErrFactor) {
			t.Errorf("wrong first code: %v", err)
		}
		recovery, err := f.ConfirmTOTP(t.Context(), auth.By{}, "id-armin", code(t, key, time.Now()))
		if err != nil || len(recovery) != 10 {
			t.Fatalf("%d recovery codes, %v", len(recovery), err)
		}
		ticket, kinds := f.ticket(t, here)
		if !slices.Equal(kinds, []string{auth.TOTP, auth.Recovery}) {
			t.Errorf("asked for %v", kinds)
		}
		second := func(ticket string, proof auth.Proof) error {
			t.Helper()
			token, who, _, err := f.LoginSecond(t.Context(), auth.Site{}, ticket, proof, here)
			if err == nil && (token == "" || who.Username != "armin") {
				t.Errorf("session of %+v", who)
			}
			return err
		}
		if err := second(ticket, auth.Proof{TOTP: code(t, key, time.Now())}); !errors.Is(err, auth.ErrFactor) {
			t.Errorf("the code that was shown before: %v", err)
		}
		time.Sleep(30 * time.Second)
		if err := second(ticket, auth.Proof{TOTP: code(t, key, time.Now().Add(-2*time.Minute))}); !errors.Is(err, auth.ErrFactor) {
			t.Errorf("an old code: %v", err)
		}
		if err := second(ticket, auth.Proof{}); !errors.Is(err, auth.ErrFactor) {
			t.Errorf("nothing: %v", err)
		}
		if err := second("wrong", auth.Proof{TOTP: code(t, key, time.Now())}); !errors.Is(err, auth.ErrTicket) {
			t.Errorf("wrong ticket: %v", err)
		}
		if _, _, _, err := f.LoginSecond(t.Context(), auth.Site{}, ticket, auth.Proof{TOTP: code(t, key, time.Now())}, from("198.51.100.1")); !errors.Is(err, auth.ErrTicket) {
			t.Errorf("ticket from elsewhere: %v", err)
		}
		if err := second(ticket, auth.Proof{TOTP: code(t, key, time.Now().Add(30*time.Second))}); err != nil {
			t.Errorf("a clock that is half a minute fast: %v", err)
		}
		if err := second(ticket, auth.Proof{Recovery: recovery[0]}); !errors.Is(err, auth.ErrTicket) {
			t.Errorf("a ticket that was used: %v", err)
		}
		ticket, _ = f.ticket(t, here)
		if err := second(ticket, auth.Proof{Recovery: " " + recovery[0]}); err != nil {
			t.Errorf("recovery code: %v", err)
		}
		ticket, _ = f.ticket(t, here)
		if err := second(ticket, auth.Proof{Recovery: recovery[0]}); !errors.Is(err, auth.ErrFactor) {
			t.Errorf("a recovery code twice: %v", err)
		}
		time.Sleep(6 * time.Minute)
		if err := second(ticket, auth.Proof{Recovery: recovery[1]}); !errors.Is(err, auth.ErrTicket) {
			t.Errorf("a ticket after six minutes: %v", err)
		}
		if err := f.RemoveTOTP(t.Context(), auth.By{}, "id-armin"); err != nil {
			t.Fatal(err)
		}
		if have, err := f.Possession(t.Context(), "id-armin"); err != nil || have.Recovery != 0 || len(have.Kinds()) != 0 {
			t.Errorf("after removing the app: %+v, %v", have, err)
		}
		if _, _, err := f.Login(t.Context(), "armin", "right", here); err != nil {
			t.Errorf("login without a second factor: %v", err)
		}
	})
}

// TestGuessingSecondFactors has somebody with the password guess codes from many sources. Where the user has passed before he still can.
func TestGuessingSecondFactors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		home := from("192.0.2.1")
		key, _ := f.withTOTP(t, "id-armin")
		login := func(client auth.Client, code string) error {
			ticket, _ := f.ticket(t, client)
			_, _, _, err := f.LoginSecond(t.Context(), auth.Site{}, ticket, auth.Proof{TOTP: code}, client)
			return err
		}
		time.Sleep(time.Minute)
		if err := login(home, code(t, key, time.Now())); err != nil {
			t.Fatal(err)
		}
		looked := 0
		for i := range 100 {
			var locked *auth.LockedError
			switch err := login(from(fmt.Sprintf("198.51.100.%d", i)), "000000"); {
			case errors.Is(err, auth.ErrFactor):
				looked++
			case !errors.As(err, &locked):
				t.Fatal(err)
			}
		}
		if looked != 5 {
			t.Errorf("%d guesses were looked at, want 5", looked)
		}
		time.Sleep(time.Minute)
		if err := login(home, code(t, key, time.Now())); err != nil {
			t.Errorf("at home: %v", err)
		}
		var locked *auth.LockedError
		if err := login(from("203.0.113.1"), code(t, key, time.Now().Add(30*time.Second))); !errors.As(err, &locked) {
			t.Errorf("elsewhere: %v", err)
		}
		time.Sleep(6 * time.Minute)
		if err := login(from("203.0.113.1"), code(t, key, time.Now())); err != nil {
			t.Errorf("elsewhere, later: %v", err)
		}
	})
}

func TestEndingSessions(t *testing.T) {
	f := newFixture(t)
	var who [3]auth.Identity
	for i := range who {
		var err error
		if _, who[i], err = f.Login(t.Context(), "armin", "right", from("192.0.2.1")); err != nil {
			t.Fatal(err)
		}
	}
	other, _, err := f.Login(t.Context(), "adele", "right", from("192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	count := func() int {
		list, err := f.List(t.Context(), "id-armin")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	id := auth.Session{TokenHash: who[0].TokenHash}.ID()
	if err := f.End(t.Context(), "id-adele", id); !errors.Is(err, auth.ErrNoSession) {
		t.Errorf("session of another user: %v", err)
	}
	if err := f.End(t.Context(), "id-armin", id); err != nil || count() != 2 {
		t.Errorf("%d left, %v", count(), err)
	}
	if err := f.EndAll(t.Context(), "id-armin", who[1]); err != nil || count() != 1 {
		t.Errorf("%d left, %v", count(), err)
	}
	if _, err := f.Authenticate(t.Context(), other); err != nil {
		t.Errorf("session of another user: %v", err)
	}
}

func TestPasswordRules(t *testing.T) {
	for _, c := range []struct {
		password string
		want     []string
	}{
		{"correct horse battery", nil},
		{"drei Füchse, ein Zaun", nil},
		{"arminius der Große", nil},
		{"kurz", []string{"length", "repeated"}},
		{"neunzeich", []string{"length"}},
		{"zehnzeich1", nil},
		{"armin.artmann1", []string{"user_name"}},
		{"Armin.Artmann!", []string{"user_name"}},
		{"passwort12", []string{"common"}},
		{"Passwort123!", []string{"common"}},
		{"qwertzuiop", []string{"common"}},
		{"1234567890", []string{"common"}},
		{"aaaaaaaaaaaa", []string{"repeated"}},
		{string(make([]byte, 2000)), []string{"too_long"}},
	} {
		var got []string
		var broken *auth.RulesError
		if errors.As(auth.CheckPassword(c.password, "armin.artmann"), &broken) {
			for _, r := range broken.Rules {
				got = append(got, r.Code)
				if r.English == "" || r.German == "" {
					t.Errorf("rule %+v", r)
				}
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%.20q breaks %v, want %v", c.password, got, c.want)
		}
	}
}
