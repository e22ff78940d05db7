package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Change says who changes the configuration, from where, and why. It is kept
// with the revision and with every audit row.
type Change struct {
	Actor  string // user name, or "system"; needed
	Source string // "api", "passwd", "example", …
	Reason string // free text, may be empty
}

// Changed says what differs between two snapshots, so that derived tables need
// not be built anew as a whole.
type Changed struct {
	// Full says that anything may differ; the other fields are then empty.
	Full bool
	// Users holds the IDs of users of whom something differs: the user itself,
	// numbers, slots or ticks. New users are in it, removed ones are not.
	Users map[string]struct{}
	// Removed holds the IDs of users who are gone.
	Removed []string
	// Numbers holds all numbers that were added, changed or removed.
	Numbers map[string]struct{}
	// Groups says that groups, their stored members or permissions differ.
	Groups bool
	// Globals says that hunt groups, pickup groups, system-wide rules, calendars or function codes differ.
	Globals bool
	// Profiles holds the IDs of profiles that are new or differ, Rules those of system-wide rules.
	Profiles, Rules map[string]struct{}
}

// Update is the one door for changes of the configuration. It runs fn, and
// writes the rows, an audit row for each act and the next revision in one
// transaction, after Config.Validate has accepted the result. After the commit
// it puts the new snapshot in force and calls the subscribers; only then it
// returns, with the new revision. If fn returns an error, that error is returned
// and nothing has happened. If fn changes nothing, the revision stays.
//
// fn may run more than once: when another process has written in the meantime
// (it then sees that process's changes), or when the database is busy. It must
// have no effect but through tx and variables that it sets anew on each run, and
// it must not call Update. Changes run one after the other.
func (s *Store) Update(ctx context.Context, change Change, fn func(tx *Tx) error) (revision int64, err error) {
	if change.Actor == "" {
		return 0, invalid("actor", "is missing")
	}
	return s.update(ctx, change, fn, false)
}

// Try runs fn as Update would, trial compile included, and takes everything back:
// nothing has happened afterwards. What fn has seen of its transaction is what a
// change would lead to; the snapshot that tx showed stays valid and must not be
// changed. Errors: as Update.
func (s *Store) Try(ctx context.Context, fn func(tx *Tx) error) error {
	_, err := s.update(ctx, Change{Actor: "system", Source: "try"}, fn, true)
	return err
}

func (s *Store) update(ctx context.Context, change Change, fn func(tx *Tx) error, dry bool) (revision int64, err error) {
	change = Change{clip(change.Actor, 128), clip(change.Source, 128), clip(change.Reason, 500)}
	if err := s.closeDoor(ctx); err != nil {
		return 0, err
	}
	defer s.openDoor()
	defer func() { s.health.wrote(err) }()
	begin := time.Now()
	for attempt := 1; ; attempt++ {
		revision, err = s.tryUpdate(ctx, change, fn, dry)
		again := retryable(err)
		if errors.Is(err, errStale) {
			again = true
			if err := s.catchUp(ctx); err != nil {
				return 0, fmt.Errorf("changing configuration: %w", err)
			}
		}
		if err == nil || !again || enough(attempt, begin) {
			return revision, err
		}
		if err := pause(ctx, attempt); err != nil {
			return 0, fmt.Errorf("changing configuration: %w", err)
		}
	}
}

// catchUp loads what another process has written. The writer is held.
func (s *Store) catchUp(ctx context.Context) error {
	revision, err := s.eng.revision(ctx)
	if err != nil {
		return err
	}
	return s.reload(ctx, revision)
}

// tryUpdate is one attempt; a dry one ends before the commit.
func (s *Store) tryUpdate(ctx context.Context, change Change, fn func(tx *Tx) error, dry bool) (int64, error) {
	base := s.Snapshot()
	sqlTx, err := s.eng.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, dbError("changing configuration", err)
	}
	defer sqlTx.Rollback() // no effect after Commit
	next := base.Revision + 1
	// The first statement locks the row, so that two nodes go one after the other.
	res, err := sqlTx.ExecContext(ctx, "UPDATE config_state SET revision = ? WHERE id = 1 AND revision = ?", next, base.Revision)
	if err != nil {
		return 0, dbError("changing configuration", err)
	}
	if n, err := res.RowsAffected(); err != nil {
		return 0, dbError("changing configuration", err)
	} else if n == 0 {
		return 0, errStale
	}
	tx := &Tx{
		ctx: ctx, sql: newStatements(ctx, sqlTx), box: s.cfg.Secrets, now: s.cfg.Now().UTC().Truncate(time.Microsecond),
		draft: newDraft(base, next), change: change, revision: next,
	}
	defer tx.end()
	if err := fn(tx); err != nil {
		return 0, err
	}
	if tx.failed != nil {
		return 0, tx.failed
	}
	if tx.acts == 0 {
		return base.Revision, nil
	}
	if s.cfg.Validate != nil {
		if err := s.cfg.Validate(base, tx.draft.snap, tx.draft.changed); err != nil {
			return 0, err
		}
	}
	if dry {
		return base.Revision, nil
	}
	if err := s.commit(ctx, sqlTx, tx); err != nil {
		return 0, err
	}
	s.publish(tx.draft.snap, tx.draft.changed)
	return next, nil
}

// commit writes what is left and commits. When the connection breaks while
// committing it asks the database whether the change is in.
func (s *Store) commit(ctx context.Context, sqlTx *sql.Tx, tx *Tx) error {
	if err := tx.flushAudit(); err != nil {
		return err
	}
	token := ulid.Make().String()
	_, err := sqlTx.ExecContext(ctx, "INSERT INTO revisions (revision, token, at, actor, source, reason) VALUES (?, ?, ?, ?, ?, ?)",
		tx.revision, token, micros(tx.now), tx.change.Actor, tx.change.Source, tx.change.Reason)
	if err != nil {
		return dbError("writing revision", err)
	}
	tx.sql.close()
	err = dbError("committing", sqlTx.Commit())
	if err == nil || errors.Is(err, ErrBusy) || errors.Is(err, ErrFull) {
		return err
	}
	// The answer may have been lost after the database did its work.
	ask, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var count int
	asked := retry(ask, func() error {
		return s.eng.write.QueryRowContext(ask, "SELECT COUNT(*) FROM revisions WHERE revision = ? AND token = ?", tx.revision, token).Scan(&count)
	})
	switch {
	case asked != nil:
		return fmt.Errorf("%w (%v): %v", ErrUnknownOutcome, asked, err)
	case count == 1:
		return nil
	}
	return err
}

// dbError classifies an error of the database and says what was being done.
func dbError(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, classify(err))
}

// clip shortens s to at most limit characters and drops control characters and
// invalid UTF-8, for texts that are only kept for people.
func clip(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if r := []rune(s); len(r) > limit {
		return string(r[:limit])
	}
	return s
}

// seed makes the built-in groups and function codes that do not exist yet, and the
// supervisor on an empty database.
func (s *Store) seed(ctx context.Context) error {
	builtIn := []directory.Group{
		{Name: directory.Admins, Title: "Admins", Type: directory.GroupUser},
		{Name: directory.AllUsers, Title: "All Users", Type: directory.GroupUser},
		{Name: directory.VisibleUsers, Title: "All visible users", Type: directory.GroupUser},
		{Name: directory.AllSlots, Title: "All Slots", Type: directory.GroupSlot},
		{Name: directory.AllQueues, Title: "All Queues", Type: directory.GroupQueue},
		{Name: directory.AllFaxes, Title: "All faxes", Type: directory.GroupFax},
	}
	_, err := s.Update(ctx, Change{Actor: "system", Source: "setup", Reason: "built-in objects"}, func(tx *Tx) error {
		empty := tx.Snapshot().Revision == 1
		for _, g := range builtIn {
			if tx.Snapshot().Groups[g.Name] != nil {
				continue
			}
			g.BuiltIn = true
			if _, err := tx.createGroup(g); err != nil {
				return err
			}
		}
		if err := tx.seedCodes(); err != nil || !empty {
			return err
		}
		u, err := tx.CreateUser(directory.User{Username: Supervisor, LastName: "Supervisor", Language: "de"})
		if err != nil {
			return err
		}
		return tx.AddMember(directory.Admins, u.ID)
	})
	if err != nil {
		return fmt.Errorf("making built-in objects: %w", err)
	}
	return nil
}
