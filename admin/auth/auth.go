// Package auth decides who speaks to the HTTP API: it checks passwords with a
// brake against guessing, opens, looks up and ends sessions, and tells what the
// person behind one is.
//
// It also knows the second factors of logins (TOTP, passkeys, recovery codes),
// logins at other places (OpenID Connect), and the rules for passwords.
//
// It starts no goroutine and keeps no session in memory: sessions are stored, as
// hashes of their tokens, by what Config.Sessions names; factors are stored sealed
// by Config.Factors. Only logins that are half done are kept in memory, for
// minutes. It knows the directory, but neither HTTP operations, SQL nor SIP.
package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// Limits of a session unless Config says otherwise.
const (
	DefaultIdle     = 30 * time.Minute
	DefaultLifetime = 12 * time.Hour

	// touchEvery is the shortest time between two writes of a session that is in
	// use, so that reading costs no write.
	touchEvery = time.Minute
	maxToken   = 128 // bytes of a token that are looked at
	maxAgent   = 255 // bytes of a User-Agent that are kept
)

// Supervisor is the user who is an administrator by name (SPEC A1).
const Supervisor = "supervisor"

var (
	// ErrCredentials is returned for a wrong user name or password. It does not
	// tell which.
	ErrCredentials = errors.New("user name or password is wrong")
	// ErrNoSession is returned for a token that opens nothing (any more).
	ErrNoSession = errors.New("there is no such session, or it has ended")
)

// LockedError says that too many wrong passwords came for a user or from a
// source.
type LockedError struct {
	// After is how long to wait before the next attempt is looked at.
	After time.Duration
}

// Error says how long to wait.
func (e *LockedError) Error() string {
	return fmt.Sprintf("too many wrong passwords: try again in %s", e.After.Round(time.Second))
}

// Session is a stored session. Its token is known to the client alone.
type Session struct {
	TokenHash [32]byte // SHA-256 of the token
	UserID    string
	Created   time.Time
	Seen      time.Time
	IdleUntil time.Time // ends earlier than Expires when nobody uses it
	Expires   time.Time
	Remote    string // address of the client that logged in
	Agent     string // its User-Agent
	// Impersonator is the ID of the user who acts in the name of UserID, empty as a rule.
	Impersonator string
}

// Token is a stored API token, for programs. It is known to its holder alone.
type Token struct {
	ID        string
	TokenHash [32]byte // SHA-256 of the token
	UserID    string
	Name      string
	Scopes    []string // ScopeRead, ScopeWrite
	Created   time.Time
	Expires   time.Time // zero: never
	Used      time.Time // zero: never
}

// Scopes of API tokens. A token may do no more than its user.
const (
	ScopeRead  = "read"
	ScopeWrite = "write" // includes ScopeRead
)

// tokenPrefix tells API tokens from those of sessions.
const tokenPrefix = "kf_"

// NewToken returns a new random API token and the hash to store.
func NewToken() (token string, hash [32]byte) {
	token = tokenPrefix + secret.Token()
	return token, secret.TokenHash(token)
}

// Sessions stores sessions and API tokens. What is not there, or has ended, is
// ErrNoSession.
type Sessions interface {
	CreateSession(ctx context.Context, s Session) error
	GetSession(ctx context.Context, tokenHash [32]byte) (Session, error)
	// TouchSession notes that the session is in use now and sets IdleUntil.
	TouchSession(ctx context.Context, tokenHash [32]byte, idleUntil time.Time) error
	DeleteSession(ctx context.Context, tokenHash [32]byte) error
	// ListSessions returns those of a user that have not ended, the one in use last first.
	ListSessions(ctx context.Context, userID string) ([]Session, error)
	// DeleteUserSessions ends those of a user except one.
	DeleteUserSessions(ctx context.Context, userID string, except [32]byte) error
	GetToken(ctx context.Context, tokenHash [32]byte) (Token, error)
	// TouchToken notes that the token is in use now.
	TouchToken(ctx context.Context, id string) error
}

// Passwords verifies passwords as internal/secret does: an empty hash takes as
// long as any and never matches; a wrong password is secret.ErrPassword.
type Passwords interface {
	Verify(ctx context.Context, hash, password string) error
}

// Config is what New needs.
type Config struct {
	Sessions  Sessions
	Factors   Factors
	Passwords Passwords
	// Snapshot returns the directory in force.
	Snapshot func() *directory.Snapshot
	// Idle and Lifetime bound a session; 0 means DefaultIdle and DefaultLifetime.
	Idle, Lifetime time.Duration
	// OIDC are the places where one can log in instead.
	OIDC OIDCConfig
}

// Door opens and checks sessions. It is safe for concurrent use.
type Door struct {
	Config
	users   *brake
	sources *brake
	homes   *homes

	// seconds brakes guessing of second factors, passed are the sources where a user has shown one.
	seconds   *brake
	passed    *homes
	asked     *brake // questions for passkeys, and logins elsewhere, by source
	tickets   *pending[ticket]
	questions *pending[question]
	providers []*provider
}

// New returns a Door.
func New(c Config) (*Door, error) {
	if c.Sessions == nil || c.Factors == nil || c.Passwords == nil || c.Snapshot == nil {
		return nil, errors.New("auth: Sessions, Factors, Passwords and Snapshot are needed")
	}
	providers, err := newProviders(c.OIDC)
	if err != nil {
		return nil, err
	}
	if c.Idle == 0 {
		c.Idle = DefaultIdle
	}
	if c.Lifetime == 0 {
		c.Lifetime = DefaultLifetime
	}
	return &Door{
		Config: c,
		// A user gets five attempts and one more each minute; a source, which may be
		// a whole office, twenty and one more every ten seconds.
		users:   newBrake(5, time.Minute),
		sources: newBrake(20, 10*time.Second),
		homes:   &homes{known: make(map[string]struct{})},
		// Second factors are asked for after the right password only, so attempts may come back slowly.
		seconds: newBrake(5, 5*time.Minute),
		passed:  &homes{known: make(map[string]struct{})},
		asked:   newBrake(60, time.Second),
		tickets: newPending[ticket](ticketLife), questions: newPending[question](questionLife),
		providers: providers,
	}, nil
}

// Identity is the person behind a request.
type Identity struct {
	UserID   string
	Username string
	// Admin is set for supervisor and members of the group admins (SPEC A1).
	Admin bool
	// MustChangePassword is set until a first password has been changed.
	MustChangePassword bool
	// ImpersonatorID and Impersonator name the user who acts in the name of this one (SPEC A5), empty as a rule.
	ImpersonatorID, Impersonator string
	TokenHash                    [32]byte
	// TokenID is set when an API token was used in place of a session, and Scopes
	// are those of the token.
	TokenID string
	Scopes  []string
	// Expires is when the session ends at the latest, IdleUntil when nobody uses it.
	Expires, IdleUntil time.Time
}

// Scoped says whether the identity reaches as far as the scope. Sessions reach
// everywhere.
func (i Identity) Scoped(scope string) bool {
	return i.TokenID == "" || slices.Contains(i.Scopes, ScopeWrite) || slices.Contains(i.Scopes, scope)
}

// Client says where a request came from.
type Client struct {
	Address netip.Addr
	Agent   string
}

// source is the address, or the network of an IPv6 address that one customer
// commonly holds.
func (c Client) source() string {
	a := c.Address.Unmap()
	if a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// Login checks a password and opens a session. The token is returned once and
// never stored. Errors: ErrCredentials, *LockedError, *SecondFactorError, those of
// the store.
func (d *Door) Login(ctx context.Context, username, password string, client Client) (token string, who Identity, err error) {
	user, err := d.verify(ctx, username, password, client)
	if err != nil {
		return "", Identity{}, err
	}
	return d.afterPassword(ctx, user.ID, client)
}

// Open opens a session for a user who has proved who he is.
func (d *Door) Open(ctx context.Context, userID string, client Client) (token string, who Identity, err error) {
	now := time.Now().UTC()
	token = secret.Token()
	s := Session{
		TokenHash: secret.TokenHash(token), UserID: userID, Created: now, Seen: now,
		IdleUntil: now.Add(min(d.Idle, d.Lifetime)), Expires: now.Add(d.Lifetime),
		Remote: client.Address.Unmap().String(), Agent: cut(client.Agent, maxAgent),
	}
	snap := d.Snapshot()
	user := snap.Users[userID]
	if user == nil {
		return "", Identity{}, ErrNoSession
	}
	if err := d.Sessions.CreateSession(ctx, s); err != nil {
		return "", Identity{}, fmt.Errorf("opening a session: %w", err)
	}
	return token, identity(snap, user, s), nil
}

// Verify checks the password of a user who is logged in already, under the same
// brake as Login.
func (d *Door) Verify(ctx context.Context, username, password string, client Client) error {
	_, err := d.verify(ctx, username, password, client)
	return err
}

// verify takes the attempt as failed until the password has proved right, so
// that attempts made at the same time count too.
func (d *Door) verify(ctx context.Context, username, password string, client Client) (*directory.User, error) {
	username = strings.ToLower(username)
	now := time.Now()
	source := client.source()
	if after := d.sources.take(source, now); after > 0 {
		return nil, &LockedError{After: after}
	}
	// The name is cut so that a long one cannot fill the brake's memory. Where the user has logged in before he has
	// attempts of his own: who guesses elsewhere cannot lock him out.
	key := cut(username, 64)
	home := key + " " + source
	if d.homes.has(home) {
		key = home
	}
	if after := d.users.take(key, now); after > 0 {
		return nil, &LockedError{After: after}
	}
	user := d.Snapshot().ByName[username]
	hash := ""
	if user != nil {
		hash = user.PasswordHash
	}
	err := d.Passwords.Verify(ctx, hash, password)
	if err == nil && user != nil {
		d.sources.giveBack(source)
		d.users.forget(key)
		d.homes.add(home)
		return user, nil
	}
	if err == nil || errors.Is(err, secret.ErrPassword) {
		return nil, ErrCredentials
	}
	return nil, fmt.Errorf("checking a password: %w", err)
}

// Authenticate returns who holds the token of a session or an API token, and
// counts as a use of it. The error is ErrNoSession or one of the store.
func (d *Door) Authenticate(ctx context.Context, token string) (Identity, error) {
	if token == "" || len(token) > maxToken {
		return Identity{}, ErrNoSession
	}
	hash := secret.TokenHash(token)
	if strings.HasPrefix(token, tokenPrefix) {
		who, t, err := d.lookToken(ctx, hash)
		if err == nil && time.Since(t.Used) >= touchEvery {
			err = d.Sessions.TouchToken(ctx, t.ID)
		}
		return who, err
	}
	who, s, err := d.lookSession(ctx, hash)
	if err != nil {
		return Identity{}, err
	}
	if now := time.Now().UTC(); now.Sub(s.Seen) >= min(touchEvery, d.Idle/4) {
		idle := now.Add(d.Idle)
		if idle.After(s.Expires) {
			idle = s.Expires
		}
		if err := d.Sessions.TouchSession(ctx, s.TokenHash, idle); err != nil {
			return Identity{}, fmt.Errorf("keeping a session: %w", err)
		}
		who.IdleUntil = idle
	}
	return who, nil
}

// Recheck returns who the identity stands for now and does not count as a use.
// The error is ErrNoSession when the session has ended or the token is gone.
func (d *Door) Recheck(ctx context.Context, who Identity) (Identity, error) {
	if who.TokenID != "" {
		now, _, err := d.lookToken(ctx, who.TokenHash)
		return now, err
	}
	now, _, err := d.lookSession(ctx, who.TokenHash)
	return now, err
}

func (d *Door) lookSession(ctx context.Context, hash [32]byte) (Identity, Session, error) {
	s, err := d.Sessions.GetSession(ctx, hash)
	if err != nil {
		return Identity{}, Session{}, lookError(err)
	}
	now := time.Now()
	snap := d.Snapshot()
	user := snap.Users[s.UserID]
	if user == nil || !now.Before(s.IdleUntil) || !now.Before(s.Expires) {
		return Identity{}, Session{}, ErrNoSession
	}
	who, err := impersonated(snap, identity(snap, user, s), s)
	return who, s, err
}

func (d *Door) lookToken(ctx context.Context, hash [32]byte) (Identity, Token, error) {
	t, err := d.Sessions.GetToken(ctx, hash)
	if err != nil {
		return Identity{}, Token{}, lookError(err)
	}
	snap := d.Snapshot()
	user := snap.Users[t.UserID]
	if user == nil || !t.Expires.IsZero() && !time.Now().Before(t.Expires) {
		return Identity{}, Token{}, ErrNoSession
	}
	who := identity(snap, user, Session{TokenHash: hash, Expires: t.Expires, IdleUntil: t.Expires})
	who.TokenID, who.Scopes = t.ID, t.Scopes
	return who, t, nil
}

func lookError(err error) error {
	if errors.Is(err, ErrNoSession) {
		return ErrNoSession
	}
	return fmt.Errorf("looking for a session: %w", err)
}

// Logout ends the session.
func (d *Door) Logout(ctx context.Context, who Identity) error {
	if err := d.Sessions.DeleteSession(ctx, who.TokenHash); err != nil && !errors.Is(err, ErrNoSession) {
		return fmt.Errorf("ending a session: %w", err)
	}
	return nil
}

// IsAdmin says whether the user may do everything (SPEC A1).
func IsAdmin(snap *directory.Snapshot, u *directory.User) bool {
	return u.Username == Supervisor || snap.IsAdmin(u.ID)
}

func identity(snap *directory.Snapshot, u *directory.User, s Session) Identity {
	return Identity{
		UserID: u.ID, Username: u.Username, Admin: IsAdmin(snap, u), MustChangePassword: u.MustChangePassword,
		TokenHash: s.TokenHash, Expires: s.Expires, IdleUntil: s.IdleUntil,
	}
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
