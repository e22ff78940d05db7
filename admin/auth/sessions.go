package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
)

// ID names a session to people. It tells nothing about the token, whose hash it is the beginning of.
func (s Session) ID() string { return hex.EncodeToString(s.TokenHash[:16]) }

// List returns the sessions of a user, the one in use last first.
func (d *Door) List(ctx context.Context, userID string) ([]Session, error) {
	list, err := d.Sessions.ListSessions(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	return list, nil
}

// End ends one session of a user. One that is not there is ErrNoSession.
func (d *Door) End(ctx context.Context, userID, id string) error {
	list, err := d.List(ctx, userID)
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.ID() != id {
			continue
		}
		if err := d.Sessions.DeleteSession(ctx, s.TokenHash); err != nil && !errors.Is(err, ErrNoSession) {
			return fmt.Errorf("ending a session: %w", err)
		}
		return nil
	}
	return ErrNoSession
}

// EndAll ends all sessions of a user but that of who asks.
func (d *Door) EndAll(ctx context.Context, userID string, who Identity) error {
	var except [32]byte
	if who.UserID == userID && who.TokenID == "" {
		except = who.TokenHash
	}
	if err := d.Sessions.DeleteUserSessions(ctx, userID, except); err != nil {
		return fmt.Errorf("ending sessions: %w", err)
	}
	return nil
}
