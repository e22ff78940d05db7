package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// Tx is a change in progress. Its methods write to the transaction and to a
// draft of the snapshot at once; each checks before it writes, so an error that
// it returns leaves the change as it was, except for errors of the database
// itself, after which Update fails whatever fn returns.
//
// Objects are given and returned by value or as pointers into the draft, which
// must not be changed. A Tx must not be used after fn has returned, nor by two
// goroutines at once.
type Tx struct {
	ctx      context.Context
	sql      *statements
	box      *secret.Box
	now      time.Time
	draft    *draft
	change   Change
	revision int64
	acts     int
	audit    []auditRow
	failed   error // first error of the database
	// adopted are the users whom an Adopt that runs has made, nil outside of one; see covered.
	adopted map[string]struct{}
	// sipNames are the SIP user names of all slots, nil as long as nobody has asked.
	sipNames map[string]struct{}
}

var errEnded = errors.New("change has ended")

func (tx *Tx) end() {
	tx.sql.close()
	tx.failed = errEnded
}

// Snapshot returns the configuration as changed so far. It is valid until fn
// returns and must not be changed.
func (tx *Tx) Snapshot() *directory.Snapshot { return tx.draft.snap }

// exec runs one statement and notes its failure.
func (tx *Tx) exec(query string, args ...any) error {
	if tx.failed != nil {
		return tx.failed
	}
	if err := tx.sql.exec(query, args...); err != nil {
		tx.failed = dbError("writing configuration", err)
	}
	return tx.failed
}

func (tx *Tx) user(id string) (*directory.User, error) {
	if u := tx.draft.snap.Users[id]; u != nil {
		return u, nil
	}
	return nil, &NotFoundError{Kind: "user", ID: id}
}

// checkVersion compares an If-Match version; 0 matches any.
func checkVersion(kind, id string, have, want int64) error {
	if want != 0 && have != want {
		return conflict(kind, id, have, want)
	}
	return nil
}

// bumpMatrix counts a change of the user's matrix.
func (tx *Tx) bumpMatrix(userID string) error {
	version := tx.draft.snap.MatrixVersions[userID] + 1
	if err := tx.exec("UPDATE users SET matrix_version = ? WHERE id = ?", version, userID); err != nil {
		return err
	}
	tx.draft.setVersion(userID, version)
	return nil
}

// statements runs statements in a transaction and prepares those that come again.
type statements struct {
	ctx      context.Context
	tx       *sql.Tx
	seen     map[string]int
	prepared map[string]*sql.Stmt
}

// prepareAt is the use of a statement from which on it is prepared.
const prepareAt = 3

func newStatements(ctx context.Context, tx *sql.Tx) *statements {
	return &statements{ctx: ctx, tx: tx, seen: map[string]int{}, prepared: map[string]*sql.Stmt{}}
}

func (s *statements) exec(query string, args ...any) error {
	if stmt := s.prepared[query]; stmt != nil {
		_, err := stmt.ExecContext(s.ctx, args...)
		return err
	}
	if s.seen[query]++; s.seen[query] < prepareAt {
		_, err := s.tx.ExecContext(s.ctx, query, args...)
		return err
	}
	stmt, err := s.tx.PrepareContext(s.ctx, query)
	if err != nil {
		return err
	}
	s.prepared[query] = stmt
	_, err = stmt.ExecContext(s.ctx, args...)
	return err
}

func (s *statements) close() {
	for _, stmt := range s.prepared {
		stmt.Close() // a failure shows in the next statement or the commit
	}
	clear(s.prepared)
}

// rowsOf returns "(?, ?), (?, ?)" for count rows of width values.
func rowsOf(count, width int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", width), ", ") + ")"
	return strings.TrimSuffix(strings.Repeat(row+", ", count), ", ")
}
