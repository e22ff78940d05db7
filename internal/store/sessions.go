package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"
)

// Sessions keeps logins and API tokens. Both are known by the SHA-256 of the
// token (secret.TokenHash), never by the token. They are no configuration: they
// have no revision. Users that are removed lose theirs; a new password ends the
// user's sessions, API tokens stay.
type Sessions struct {
	eng *engine
	now func() time.Time
}

// Session is one login. It ends at IdleUntil, which TouchSession moves, and at
// Expires at the latest.
type Session struct {
	TokenHash [32]byte
	UserID    string
	Created   time.Time
	Seen      time.Time
	IdleUntil time.Time
	Expires   time.Time
	Remote    string // address of the client, cut to 64 characters
	Agent     string // User-Agent of the client, cut to 255 characters
	// Impersonator is the ID of the user who acts in the name of UserID, empty as a rule.
	Impersonator string
}

// CreateSession stores a login. TokenHash, UserID, IdleUntil and Expires are
// needed; Created and Seen are set. An unknown user gives ErrNotFound.
func (s *Sessions) CreateSession(ctx context.Context, session Session) error {
	now := micros(s.now())
	err := s.eng.inTx(ctx, func(tx *sql.Tx) error {
		if err := userExists(ctx, tx, session.UserID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO sessions (token_hash, user_id, created_at, seen_at, idle_until, expires_at, remote, agent, impersonator)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, session.TokenHash[:], session.UserID, now, now,
			micros(session.IdleUntil), micros(session.Expires), clip(session.Remote, 64), clip(session.Agent, 255), session.Impersonator)
		return err
	})
	return dbError("creating session", ignoreDuplicate(err))
}

func userExists(ctx context.Context, tx *sql.Tx, id string) error {
	var count int
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM users WHERE id = ?", id).Scan(&count); err != nil {
		return err
	}
	if count == 0 {
		return &NotFoundError{Kind: "user", ID: clip(id, 32)}
	}
	return nil
}

// GetSession returns the session if it has not ended, else ErrNotFound.
func (s *Sessions) GetSession(ctx context.Context, tokenHash [32]byte) (Session, error) {
	out := Session{TokenHash: tokenHash}
	var created, seen, idle, expires int64
	err := s.eng.read.QueryRowContext(ctx, "SELECT user_id, created_at, seen_at, idle_until, expires_at, remote, agent, impersonator FROM sessions WHERE token_hash = ?", tokenHash[:]).
		Scan(&out.UserID, &created, &seen, &idle, &expires, &out.Remote, &out.Agent, &out.Impersonator)
	now := micros(s.now())
	if errors.Is(err, sql.ErrNoRows) || err == nil && (now >= idle || now >= expires) {
		return Session{}, &NotFoundError{Kind: "session"}
	}
	if err != nil {
		return Session{}, dbError("reading session", err)
	}
	out.Created, out.Seen, out.IdleUntil, out.Expires = fromMicros(created), fromMicros(seen), fromMicros(idle), fromMicros(expires)
	return out, nil
}

// maxListed bounds the sessions of one user that are listed.
const maxListed = 200

// ListSessions returns the sessions of a user that have not ended, the one in use last first, at most 200.
func (s *Sessions) ListSessions(ctx context.Context, userID string) ([]Session, error) {
	now := micros(s.now())
	rows, err := s.eng.read.QueryContext(ctx, `SELECT token_hash, user_id, created_at, seen_at, idle_until, expires_at, remote, agent FROM sessions
		WHERE user_id = ? AND idle_until > ? AND expires_at > ? ORDER BY seen_at DESC, token_hash LIMIT ?`, userID, now, now, maxListed)
	if err != nil {
		return nil, dbError("reading sessions", err)
	}
	defer rows.Close()
	var out []Session
	for rows.Next() {
		var v Session
		var hash []byte
		var created, seen, idle, expires int64
		if err := rows.Scan(&hash, &v.UserID, &created, &seen, &idle, &expires, &v.Remote, &v.Agent); err != nil {
			return nil, dbError("reading sessions", err)
		}
		copy(v.TokenHash[:], hash)
		v.Created, v.Seen, v.IdleUntil, v.Expires = fromMicros(created), fromMicros(seen), fromMicros(idle), fromMicros(expires)
		out = append(out, v)
	}
	return out, dbError("reading sessions", rows.Err())
}

// TouchSession notes that the session is in use and moves its idle limit. It
// never revives a session that has ended: that gives ErrNotFound. Callers need
// not touch on each request; once a minute is enough.
func (s *Sessions) TouchSession(ctx context.Context, tokenHash [32]byte, idleUntil time.Time) error {
	now := micros(s.now())
	return s.change(ctx, "session", "UPDATE sessions SET seen_at = ?, idle_until = ? WHERE token_hash = ? AND idle_until > ? AND expires_at > ?",
		now, micros(idleUntil), tokenHash[:], now, now)
}

// DeleteSession ends a session. One that does not exist gives ErrNotFound.
func (s *Sessions) DeleteSession(ctx context.Context, tokenHash [32]byte) error {
	return s.change(ctx, "session", "DELETE FROM sessions WHERE token_hash = ?", tokenHash[:])
}

// DeleteUserSessions ends all sessions of a user except one, the zero hash for none.
func (s *Sessions) DeleteUserSessions(ctx context.Context, userID string, except [32]byte) error {
	err := s.change(ctx, "session", "DELETE FROM sessions WHERE user_id = ? AND token_hash <> ?", userID, except[:])
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// deleteExpired removes the rows of sessions and API tokens that have ended.
func (s *Sessions) deleteExpired(ctx context.Context) error {
	now := micros(s.now())
	err := s.eng.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE idle_until <= ? OR expires_at <= ?", now, now); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM api_tokens WHERE expires_at <> 0 AND expires_at <= ?", now)
		return err
	})
	return dbError("removing ended sessions", err)
}

// change runs one statement that must meet a row.
func (s *Sessions) change(ctx context.Context, kind, query string, args ...any) error {
	err := s.eng.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return &NotFoundError{Kind: kind}
		}
		return nil
	})
	return dbError("changing "+kind, err)
}

// Token is an API token, without the token itself.
type Token struct {
	ID        string // ULID, set by CreateToken
	TokenHash [32]byte
	UserID    string
	Name      string   // 1 to 128 characters, for people
	Scopes    []string // what the token may be used for, as admin/auth defines it
	Created   time.Time
	Expires   time.Time // zero: never
	Used      time.Time // zero: never
}

// CreateToken stores a token and notes it in the audit log in the same
// transaction. ID and Created are set in the returned token. An unknown user
// gives ErrNotFound.
func (s *Sessions) CreateToken(ctx context.Context, change Change, t Token) (Token, error) {
	scopes, err := json.Marshal(t.Scopes)
	if err != nil {
		return Token{}, fmt.Errorf("creating token: %w", err)
	}
	switch {
	case t.Name == "" || clip(t.Name, 128) != t.Name:
		return Token{}, invalid("name", "must have 1 to 128 characters")
	case len(scopes) > 1000:
		return Token{}, invalid("scopes", "are longer than 1000 bytes")
	}
	t.ID, t.Created = ulid.Make().String(), s.now().UTC().Truncate(time.Microsecond)
	_, after, err := marshalBoth(nil, map[string]any{"name": t.Name, "scopes": t.Scopes, "expires": t.Expires})
	if err != nil {
		return Token{}, err
	}
	act := ulid.Make().String()
	err = s.eng.inTx(ctx, func(tx *sql.Tx) error {
		if err := userExists(ctx, tx, t.UserID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO api_tokens (id, token_hash, user_id, name, scopes, created_at, expires_at, used_at) VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
			t.ID, t.TokenHash[:], t.UserID, t.Name, string(scopes), micros(t.Created), micros(t.Expires))
		if err != nil {
			return err
		}
		return insertAct(ctx, tx, act, t.Created, change, auditRow{"create", "token", t.ID, t.Name, "", after})
	})
	if err := ignoreDuplicate(err); err != nil {
		return Token{}, dbError("creating token", err)
	}
	return t, nil
}

const tokenColumns = "id, token_hash, user_id, name, scopes, created_at, expires_at, used_at"

// GetToken returns the token with the hash if it has not expired, else ErrNotFound.
func (s *Sessions) GetToken(ctx context.Context, tokenHash [32]byte) (Token, error) {
	tokens, err := s.tokens(ctx, "SELECT "+tokenColumns+" FROM api_tokens WHERE token_hash = ?", tokenHash[:])
	if err != nil {
		return Token{}, err
	}
	if len(tokens) == 0 || !tokens[0].Expires.IsZero() && !s.now().Before(tokens[0].Expires) {
		return Token{}, &NotFoundError{Kind: "token"}
	}
	return tokens[0], nil
}

// ListTokens returns the tokens of a user, newest first.
func (s *Sessions) ListTokens(ctx context.Context, userID string) ([]Token, error) {
	return s.tokens(ctx, "SELECT "+tokenColumns+" FROM api_tokens WHERE user_id = ? ORDER BY id DESC", userID)
}

func (s *Sessions) tokens(ctx context.Context, query string, args ...any) ([]Token, error) {
	rows, err := s.eng.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, dbError("reading tokens", err)
	}
	defer rows.Close()
	var tokens []Token
	for rows.Next() {
		var t Token
		var hash, scopes []byte
		var created, expires, used int64
		if err := rows.Scan(&t.ID, &hash, &t.UserID, &t.Name, &scopes, &created, &expires, &used); err != nil {
			return nil, dbError("reading tokens", err)
		}
		copy(t.TokenHash[:], hash)
		if err := json.Unmarshal(scopes, &t.Scopes); err != nil {
			return nil, fmt.Errorf("reading token %s: %w", t.ID, err)
		}
		t.Created, t.Expires, t.Used = fromMicros(created), fromMicros(expires), fromMicros(used)
		tokens = append(tokens, t)
	}
	return tokens, dbError("reading tokens", rows.Err())
}

// TouchToken notes that the token is in use. Once a minute is enough.
func (s *Sessions) TouchToken(ctx context.Context, id string) error {
	return s.change(ctx, "token", "UPDATE api_tokens SET used_at = ? WHERE id = ?", micros(s.now()), id)
}

// DeleteToken removes a token and notes it in the audit log in the same
// transaction. One that does not exist gives ErrNotFound.
func (s *Sessions) DeleteToken(ctx context.Context, change Change, id string) error {
	act, at := ulid.Make().String(), s.now()
	err := s.eng.inTx(ctx, func(tx *sql.Tx) error {
		var name string
		err := tx.QueryRowContext(ctx, "SELECT name FROM api_tokens WHERE id = ?", id).Scan(&name)
		if errors.Is(err, sql.ErrNoRows) {
			return &NotFoundError{Kind: "token", ID: clip(id, 32)}
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM api_tokens WHERE id = ?", id); err != nil {
			return err
		}
		return insertAct(ctx, tx, act, at, change, auditRow{"delete", "token", id, name, "", ""})
	})
	return dbError("removing token", err)
}
