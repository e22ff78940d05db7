package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// Errors of Impersonate.
var (
	ErrImpersonating    = errors.New("you act as somebody else already: return first")
	ErrMayNotAct        = errors.New("you may not act as this user")
	ErrNotImpersonating = errors.New("you act as nobody else")
)

// mayImpersonate says whether one user may act as another (SPEC A5): administrators as anybody, others by permission, but never as an
// administrator.
func mayImpersonate(snap *directory.Snapshot, actor, other *directory.User) bool {
	if actor.ID == other.ID {
		return false
	}
	if IsAdmin(snap, actor) {
		return true
	}
	return !IsAdmin(snap, other) && snap.May(actor.ID, directory.MayImpersonate, other.ID).Allowed
}

// Impersonate opens a session in the name of another user, which ends no later than the one it takes the place of.
func (d *Door) Impersonate(ctx context.Context, who Identity, username string, client Client) (token string, as Identity, err error) {
	if who.Impersonator != "" {
		return "", Identity{}, ErrImpersonating
	}
	snap := d.Snapshot()
	actor, other := snap.Users[who.UserID], snap.ByName[username]
	if actor == nil || other == nil || !mayImpersonate(snap, actor, other) {
		return "", Identity{}, ErrMayNotAct
	}
	return d.exchange(ctx, who, Session{UserID: other.ID, Impersonator: actor.ID}, client)
}

// Return ends a session in the name of another and opens one of one's own in its place.
func (d *Door) Return(ctx context.Context, who Identity, client Client) (token string, as Identity, err error) {
	if who.Impersonator == "" {
		return "", Identity{}, ErrNotImpersonating
	}
	return d.exchange(ctx, who, Session{UserID: who.ImpersonatorID}, client)
}

// exchange puts one session in the place of another.
func (d *Door) exchange(ctx context.Context, who Identity, s Session, client Client) (string, Identity, error) {
	now := time.Now().UTC()
	token := secret.Token()
	s.TokenHash, s.Created, s.Seen, s.Expires = secret.TokenHash(token), now, now, who.Expires
	s.IdleUntil = now.Add(d.Idle)
	if s.IdleUntil.After(s.Expires) {
		s.IdleUntil = s.Expires
	}
	s.Remote, s.Agent = client.Address.Unmap().String(), cut(client.Agent, maxAgent)
	if err := d.Sessions.CreateSession(ctx, s); err != nil {
		return "", Identity{}, fmt.Errorf("opening a session: %w", err)
	}
	if err := d.Logout(ctx, who); err != nil {
		return "", Identity{}, err
	}
	as, _, err := d.lookSession(ctx, s.TokenHash)
	return token, as, err
}

// impersonated adds to an identity who is behind it. It fails when that user is gone or may no longer act as the other.
func impersonated(snap *directory.Snapshot, who Identity, s Session) (Identity, error) {
	if s.Impersonator == "" {
		return who, nil
	}
	actor := snap.Users[s.Impersonator]
	if actor == nil || !mayImpersonate(snap, actor, snap.Users[s.UserID]) {
		return Identity{}, ErrNoSession
	}
	who.ImpersonatorID, who.Impersonator = actor.ID, actor.Username
	who.MustChangePassword = false // that is for the user himself
	return who, nil
}
