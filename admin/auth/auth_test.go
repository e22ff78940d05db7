package auth_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// memory keeps sessions and tokens.
type memory struct {
	mu       sync.Mutex
	sessions map[[32]byte]auth.Session
	tokens   map[[32]byte]auth.Token
	touched  int
	err      error
}

func (m *memory) CreateSession(_ context.Context, s auth.Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions[s.TokenHash] = s
	return m.err
}

func (m *memory) GetSession(_ context.Context, hash [32]byte) (auth.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sessions[hash]
	if !ok && m.err == nil {
		return s, auth.ErrNoSession
	}
	return s, m.err
}

func (m *memory) TouchSession(_ context.Context, hash [32]byte, idleUntil time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[hash]
	s.Seen, s.IdleUntil = time.Now(), idleUntil
	m.sessions[hash] = s
	m.touched++
	return m.err
}

func (m *memory) DeleteSession(_ context.Context, hash [32]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, hash)
	return m.err
}

func (m *memory) ListSessions(_ context.Context, userID string) ([]auth.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []auth.Session
	for _, s := range m.sessions {
		if s.UserID == userID {
			out = append(out, s)
		}
	}
	return out, m.err
}

func (m *memory) DeleteUserSessions(_ context.Context, userID string, except [32]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.sessions, func(h [32]byte, s auth.Session) bool { return s.UserID == userID && h != except })
	return m.err
}

func (m *memory) GetToken(_ context.Context, hash [32]byte) (auth.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tokens[hash]
	if !ok && m.err == nil {
		return t, auth.ErrNoSession
	}
	return t, m.err
}

func (m *memory) TouchToken(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for h, t := range m.tokens {
		if t.ID == id {
			t.Used = time.Now()
			m.tokens[h] = t
		}
	}
	m.touched++
	return m.err
}

// plain knows passwords by their plain text and counts how often it is asked.
type plain struct {
	mu    sync.Mutex
	asked int
	empty int
}

func (p *plain) Verify(_ context.Context, hash, password string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if hash == "" {
		p.empty++
	}
	if hash == "" || hash != password {
		return secret.ErrPassword
	}
	return nil
}

func directoryOf(usernames ...string) *directory.Snapshot {
	s := directory.NewSnapshot()
	for _, name := range usernames {
		u := &directory.User{ID: "id-" + name, Username: name, PasswordHash: "right"}
		s.Users[u.ID], s.ByName[name] = u, u
	}
	s.Groups[directory.Admins] = &directory.Group{Name: directory.Admins}
	s.Members[directory.Admins] = []string{"id-adele"}
	s.IndexMembers()
	return s
}

type fixture struct {
	*auth.Door
	store   *memory
	factors *devices
	words   *plain
	snap    *directory.Snapshot
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{
		factors: &devices{}, store: &memory{sessions: map[[32]byte]auth.Session{}, tokens: map[[32]byte]auth.Token{}}, words: &plain{},
		snap: directoryOf("armin", "adele", auth.Supervisor),
	}
	var err error
	f.Door, err = auth.New(auth.Config{Sessions: f.store, Factors: f.factors, Passwords: f.words, Snapshot: func() *directory.Snapshot { return f.snap }})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func from(address string) auth.Client { return auth.Client{Address: netip.MustParseAddr(address)} }

func TestLogin(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		name, user, password string
		want                 error
		admin                bool
	}{
		{"right", "armin", "right", nil, false},
		{"administrator", "adele", "right", nil, true},
		{"supervisor", auth.Supervisor, "right", nil, true},
		{"capitals in the name", "Armin", "right", nil, false},
		{"wrong", "armin", "wrong", auth.ErrCredentials, false},
		{"empty", "armin", "", auth.ErrCredentials, false},
		{"unknown", "nobody", "right", auth.ErrCredentials, false},
		{"no user", "", "right", auth.ErrCredentials, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := f.words.asked
			token, who, err := f.Login(t.Context(), c.user, c.password, from("192.0.2.1"))
			if !errors.Is(err, c.want) || (err == nil) != (token != "") {
				t.Fatalf("got %q, %v, want %v", token, err, c.want)
			}
			if f.words.asked != asked+1 {
				t.Error("the password was not looked at: the time would tell whether the user exists")
			}
			if who.Admin != c.admin {
				t.Errorf("administrator: %v", who.Admin)
			}
			if _, ok := f.store.sessions[secret.TokenHash(token)]; err == nil && !ok {
				t.Error("the session is not stored under the hash of its token")
			}
		})
	}
}

func TestLockout(t *testing.T) {
	type attempt struct {
		after          time.Duration
		user, password string
		source         string
		times          int
		locked         bool
	}
	for _, c := range []struct {
		name     string
		attempts []attempt
	}{
		{"five wrong passwords lock a user", []attempt{
			{0, "armin", "wrong", "192.0.2.1", 5, false},
			{0, "armin", "right", "192.0.2.1", 1, true},
			{0, "armin", "right", "198.51.100.7", 1, true}, // from anywhere
			{0, "adele", "right", "192.0.2.1", 1, false},   // nobody else
		}},
		{"each minute gives one attempt back", []attempt{
			{0, "armin", "wrong", "192.0.2.1", 5, false},
			{59 * time.Second, "armin", "wrong", "192.0.2.1", 3, true},
			{time.Second, "armin", "wrong", "192.0.2.1", 1, false},
			{0, "armin", "right", "192.0.2.1", 1, true},
			{time.Minute, "armin", "right", "192.0.2.1", 1, false},
			{0, "armin", "wrong", "192.0.2.1", 5, false}, // success gives all back
			{0, "armin", "wrong", "192.0.2.1", 1, true},
		}},
		{"a while heals all", []attempt{
			{0, "armin", "wrong", "192.0.2.1", 5, false},
			{5 * time.Minute, "armin", "wrong", "192.0.2.1", 5, false},
			{0, "armin", "wrong", "192.0.2.1", 1, true},
		}},
		{"unknown users lock alike", []attempt{
			{0, "nobody", "wrong", "192.0.2.1", 5, false},
			{0, "nobody", "wrong", "192.0.2.1", 1, true},
		}},
		{"guessing elsewhere locks nobody out where he is known", []attempt{
			{0, "armin", "right", "192.0.2.1", 1, false},
			{0, "armin", "wrong", "198.51.100.7", 5, false},
			{0, "armin", "right", "198.51.100.7", 1, true},
			{0, "armin", "right", "192.0.2.1", 1, false},
			{0, "armin", "right", "203.0.113.5", 1, true},
			{0, "armin", "wrong", "192.0.2.1", 5, false}, // there, too, guessing ends
			{0, "armin", "right", "192.0.2.1", 1, true},
		}},
		{"an IPv6 network is one source", []attempt{
			{0, "", "wrong", "2001:db8::1", 20, false},
			{0, "", "wrong", "2001:db8::ffff", 1, true},
			{0, "", "wrong", "2001:db8:0:1::1", 1, false},
		}},
		{"a source is locked over all users", []attempt{
			{0, "", "wrong", "192.0.2.1", 20, false},
			{0, "armin", "right", "192.0.2.1", 1, true},
			{0, "armin", "right", "192.0.2.2", 1, false},
			{10 * time.Second, "armin", "right", "192.0.2.1", 1, false},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				for i, a := range c.attempts {
					time.Sleep(a.after)
					for n := range a.times {
						user := a.user
						if user == "" {
							user = fmt.Sprintf("guess%d-%d", i, n)
						}
						asked := f.words.asked
						_, _, err := f.Login(t.Context(), user, a.password, from(a.source))
						var locked *auth.LockedError
						if errors.As(err, &locked) != a.locked {
							t.Fatalf("step %d, attempt %d: %v, locked wanted: %v", i, n, err, a.locked)
						}
						if a.locked && (locked.After <= 0 || f.words.asked != asked) {
							t.Errorf("step %d: wait %v, password looked at: %v", i, locked.After, f.words.asked != asked)
						}
					}
				}
			})
		})
	}
}

// TestLockoutAtOnce has many attempts under way together.
func TestLockoutAtOnce(t *testing.T) {
	f := newFixture(t)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { f.Login(t.Context(), "armin", "wrong", from("192.0.2.1")) })
	}
	wg.Wait()
	if f.words.asked > 5 {
		t.Errorf("%d passwords were looked at", f.words.asked)
	}
}

func TestSessionTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		token, who, err := f.Login(t.Context(), "armin", "right", from("192.0.2.1"))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if got := who.Expires.Sub(start); got != 12*time.Hour {
			t.Errorf("expires after %v", got)
		}
		// In use every 20 minutes it lives for 12 hours, and not longer.
		for time.Since(start) < 12*time.Hour-20*time.Minute {
			time.Sleep(20 * time.Minute)
			if _, err := f.Authenticate(t.Context(), token); err != nil {
				t.Fatalf("after %v: %v", time.Since(start), err)
			}
		}
		time.Sleep(20 * time.Minute)
		if _, err := f.Authenticate(t.Context(), token); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("after 12 hours: %v", err)
		}
		// Left alone it ends after 30 minutes; asking again does not count as a use.
		token, who, _ = f.Login(t.Context(), "armin", "right", from("192.0.2.1"))
		time.Sleep(29 * time.Minute)
		if _, err := f.Recheck(t.Context(), who); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if _, err := f.Authenticate(t.Context(), token); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("after 30 minutes idle: %v", err)
		}
	})
}

func TestTouchIsRare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		token, _, _ := f.Login(t.Context(), "armin", "right", from("192.0.2.1"))
		for range 600 {
			if _, err := f.Authenticate(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if f.store.touched > 10 {
			t.Errorf("%d writes in ten minutes", f.store.touched)
		}
	})
}

func TestAuthenticate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		session, _, _ := f.Login(t.Context(), "armin", "right", from("192.0.2.1"))
		api, hash := auth.NewToken()
		f.store.tokens[hash] = auth.Token{ID: "t1", TokenHash: hash, UserID: "id-adele", Scopes: []string{auth.ScopeRead}, Expires: time.Now().Add(time.Hour)}
		for _, token := range []string{"", "x", "kf_x", session + "x", string(make([]byte, 1000))} {
			if _, err := f.Authenticate(t.Context(), token); !errors.Is(err, auth.ErrNoSession) {
				t.Errorf("token %.20q: %v", token, err)
			}
		}
		who, err := f.Authenticate(t.Context(), api)
		if err != nil || who.Username != "adele" || !who.Admin || !who.Scoped(auth.ScopeRead) || who.Scoped(auth.ScopeWrite) {
			t.Errorf("API token: %+v, %v", who, err)
		}
		f.store.err = errors.New("database away")
		if _, err := f.Authenticate(t.Context(), session); err == nil || errors.Is(err, auth.ErrNoSession) {
			t.Errorf("store away: %v", err)
		}
		f.store.err = nil
		f.snap = directoryOf("adele")
		if _, err := f.Authenticate(t.Context(), session); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("user gone: %v", err)
		}
		time.Sleep(time.Hour)
		if _, err := f.Authenticate(t.Context(), api); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("token expired: %v", err)
		}
	})
}

func TestLogout(t *testing.T) {
	f := newFixture(t)
	token, who, _ := f.Login(t.Context(), "armin", "right", from("192.0.2.1"))
	for range 2 {
		if err := f.Logout(t.Context(), who); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Authenticate(t.Context(), token); !errors.Is(err, auth.ErrNoSession) {
		t.Error(err)
	}
}
