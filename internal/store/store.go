// Package store keeps the state of Koppelfeld in SQLite or MySQL/MariaDB. It
// holds the only SQL of the project.
//
// Configuration is read from Snapshot, an immutable picture in memory, and
// changed through Update, the one door for writes. Call records, the audit log,
// sessions and API tokens are rows that are read when asked for.
//
// The package owns no goroutine; the caller runs Run. It may import leaves and
// domain packages (internal/secret, internal/directory, internal/calls) and
// must not import sip, admin or internal/app.
package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/fault"
	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// Supervisor is the user name of the first administrator, made on an empty
// database without a password.
const Supervisor = "supervisor"

// Config tells Open what to open. Database, DataDir and Secrets are needed.
type Config struct {
	// Database is "sqlite" (also when empty) for DataDir/koppelfeld.db, or the
	// address of a MySQL or MariaDB database: "user:password@unix(/path)/name".
	Database string
	DataDir  string      // must exist
	Secrets  *secret.Box // seals SIP passwords
	Log      *slog.Logger
	Faults   *fault.Log // counts faults of the program; a new one when nil
	// Daemon takes the lock of the data directory, so that a second daemon is
	// refused with ErrRunning. Commands that work beside the daemon leave it false.
	Daemon bool
	// Current refuses a database of an earlier version with ErrOlderSchema in place of migrating it: Renew does that. An empty one is made.
	Current bool
	// Validate is the trial compile: it is called before each commit with the
	// snapshot in force and the one to come, which it must not change, and refuses
	// the change by returning an error. nil accepts everything.
	Validate func(prev, next *directory.Snapshot, changed Changed) error
	// Now is the clock, nil for time.Now.
	Now func() time.Time
	// Dial makes the connections to a database server, nil for the usual way: a server that asks the socket who is there has to be told by
	// whoever acts for another user.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// onServer reports whether the database is one of MySQL or MariaDB.
func (c *Config) onServer() bool { return c.Database != "" && c.Database != "sqlite" }

// Store is an open database. All methods are safe for concurrent use.
type Store struct {
	*Records
	*Sessions
	*Factors
	*AuditLog
	*Licences

	cfg    Config
	eng    *engine
	lock   *dirLock
	health *health
	beaten atomic.Int64 // when Run has last looked at the database, unix nanoseconds

	snap   atomic.Pointer[directory.Snapshot]
	writer chan struct{} // held while the snapshot is changed

	mu          sync.Mutex
	subscribers []func(prev, next *directory.Snapshot, changed Changed)
}

// Open opens the database, brings its schema up to date, makes the built-in
// groups and, on an empty database, the user Supervisor, and loads the snapshot.
// Its errors name the cause and match ErrRunning, ErrNewerSchema, ErrWrongKey,
// ErrBusy, ErrFull, ErrUnavailable or fs.ErrNotExist where one of them fits.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Faults == nil {
		cfg.Faults = fault.New(cfg.Log)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := CheckDataDir(cfg.DataDir); err != nil {
		return nil, err
	}
	if cfg.Secrets == nil {
		return nil, errors.New("opening store: no master key given")
	}
	s := &Store{cfg: cfg, health: &health{}, writer: make(chan struct{}, 1)}
	if cfg.Daemon {
		lock, err := lockDir(cfg.DataDir)
		if err != nil {
			return nil, err
		}
		s.lock = lock
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	s.beaten.Store(time.Now().UnixNano())
	var err error
	if s.eng, err = openEngine(ctx, &s.cfg, false); err != nil {
		return err
	}
	s.Records = &Records{eng: s.eng, health: s.health, snapshot: s.Snapshot}
	s.Sessions = &Sessions{eng: s.eng, now: s.cfg.Now}
	s.Factors = &Factors{eng: s.eng, box: s.cfg.Secrets, now: s.cfg.Now}
	s.AuditLog = &AuditLog{eng: s.eng, now: s.cfg.Now}
	s.Licences = &Licences{eng: s.eng, now: s.cfg.Now}
	if s.cfg.Current {
		if err := s.eng.refuseOlder(ctx); err != nil {
			return err
		}
	}
	if err := s.eng.migrate(ctx, s.cfg.Log); err != nil {
		return err
	}
	if err := s.eng.checkKey(ctx, s.cfg.Secrets); err != nil {
		return err
	}
	snap, err := s.eng.load(ctx, s.cfg.Secrets)
	if err != nil {
		return err
	}
	s.snap.Store(snap)
	s.tellDamage(snap)
	return s.seed(ctx)
}

// Check says what would keep Open from working, without changing anything: data
// directory, master key, reachability, schema version, and whether the
// configuration loads and passes cfg.Validate. A database that does not exist
// yet is no fault of SQLite's. cfg.Secrets may be nil when there is no master
// key file yet.
func Check(ctx context.Context, cfg Config) error {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := CheckDataDir(cfg.DataDir); err != nil {
		return err
	}
	return checkDatabase(ctx, cfg)
}

// Close closes the database and gives the data directory free. The Store must
// not be used afterwards, but Close may be called again.
func (s *Store) Close() error {
	var err error
	if s.eng != nil {
		err = s.eng.close()
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.release())
	}
	return err
}

// Snapshot returns the configuration in force. It is never nil, immutable, and
// costs one atomic load.
func (s *Store) Snapshot() *directory.Snapshot { return s.snap.Load() }

// OnCommit adds a subscriber that is called after every change, in the order of
// the revisions and of subscription, with the snapshot that was in force, the
// one that now is, and what differs. It runs while the door is closed: it must
// not call Update or Refresh, and Update returns only after it.
func (s *Store) OnCommit(fn func(prev, next *directory.Snapshot, changed Changed)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribers = append(s.subscribers, fn)
}

// publish puts next in force and tells the subscribers. The writer is held.
func (s *Store) publish(next *directory.Snapshot, changed Changed) {
	prev := s.snap.Swap(next)
	s.mu.Lock()
	subscribers := s.subscribers
	s.mu.Unlock()
	for _, fn := range subscribers {
		s.cfg.Faults.Guard("store", func() { fn(prev, next, changed) })() // the change is in, whatever becomes of those who hear of it
	}
}

// Refresh compares the revision in the database with the snapshot's. When they
// differ, because another process or node has written, it loads everything and
// tells the subscribers with Changed.Full.
func (s *Store) Refresh(ctx context.Context) error {
	revision, err := s.eng.revision(ctx)
	if err != nil {
		return err
	}
	if revision == s.Snapshot().Revision {
		return nil
	}
	if err := s.closeDoor(ctx); err != nil {
		return err
	}
	defer s.openDoor()
	return s.reload(ctx, revision)
}

// reload loads everything unless the snapshot has the revision. The writer is held.
func (s *Store) reload(ctx context.Context, revision int64) error {
	if revision == s.Snapshot().Revision {
		return nil
	}
	next, err := s.eng.load(ctx, s.cfg.Secrets)
	if err != nil {
		return err
	}
	s.tellDamage(next)
	s.publish(next, Changed{Full: true})
	return nil
}

// tellDamage logs what could not be read.
func (s *Store) tellDamage(snap *directory.Snapshot) {
	for _, d := range snap.Damaged {
		s.cfg.Log.Error("a part of the configuration is damaged and has been made safe; save the object again", "type", d.Type, "id", d.ID, "name", d.Name, "field", d.Field, "err", d.Problem)
	}
}

// closeDoor makes the caller the only one who changes the snapshot.
func (s *Store) closeDoor(ctx context.Context) error {
	select {
	case s.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for another change: %w", ctx.Err())
	}
}

func (s *Store) openDoor() { <-s.writer }

// Run calls Refresh every second, removes sessions that have ended every ten
// minutes, and keeps Healthy up to date, until ctx ends. Failures are logged
// when they begin and when they end.
func (s *Store) Run(ctx context.Context) error {
	const every, sweep = time.Second, 10 * time.Minute
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for beats := 0; ; beats++ {
		s.cfg.Faults.Guard("store", func() { s.beat(ctx) })()
		s.beaten.Store(time.Now().UnixNano())
		if beats%int(sweep/every) == 0 {
			s.cfg.Faults.Guard("store", func() { s.sweep(ctx) })()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// LastBeat is when Run has last finished looking at the database, whatever came of it; when it was opened before Run begins.
func (s *Store) LastBeat() time.Time { return time.Unix(0, s.beaten.Load()) }

// sweep removes ended sessions.
func (s *Store) sweep(ctx context.Context) {
	if err := s.deleteExpired(ctx); err != nil && ctx.Err() == nil {
		s.cfg.Log.Warn("removing ended sessions", "err", err)
	}
}

// beat refreshes and probes once.
func (s *Store) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := s.Refresh(ctx)
	if err == nil && s.health.writeFailed() {
		err = s.eng.probeWrite(ctx)
	}
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	switch before := s.health.set(err); {
	case err != nil && before == nil:
		s.cfg.Log.Error("database is not usable, calls go on from the last snapshot", "database", s.eng.name, "err", err)
	case err == nil && before != nil:
		s.cfg.Log.Info("database is usable again", "database", s.eng.name)
	}
}

// Healthy returns nil while the database can be read and written, else why not,
// as of the last second or the last failed write.
func (s *Store) Healthy() error { return s.health.get() }

// health holds the last known fault of the database.
type health struct {
	mu    sync.Mutex
	err   error
	write bool // err comes from a write
}

func (h *health) get() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// set notes the outcome of a probe and returns the one before.
func (h *health) set(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.err
	h.err, h.write = err, h.write && err != nil
	return before
}

// wrote notes the outcome of a write; faults of the change itself do not count.
func (h *health) wrote(err error) {
	if err != nil && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrFull) && !errors.Is(err, ErrBusy) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil && !h.write {
		return // a probe that failed clears itself
	}
	h.err, h.write = err, err != nil
}

func (h *health) writeFailed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.write
}

// revision reads the revision of the database.
func (e *engine) revision(ctx context.Context) (int64, error) {
	var revision int64
	err := e.read.QueryRowContext(ctx, "SELECT revision FROM config_state WHERE id = 1").Scan(&revision)
	if err != nil {
		return 0, fmt.Errorf("reading revision: %w", classify(err))
	}
	return revision, nil
}

// probeWrite writes without changing anything.
func (e *engine) probeWrite(ctx context.Context) error {
	_, err := e.write.ExecContext(ctx, "UPDATE config_state SET revision = revision WHERE id = 1")
	if err != nil {
		return fmt.Errorf("writing: %w", classify(err))
	}
	return nil
}

const keyCheckPurpose = "koppelfeld:key-check"

// checkKey compares the master key with the one the database was made with, and
// writes the first row of a new database.
func (e *engine) checkKey(ctx context.Context, box *secret.Box) error {
	sum := sha256.Sum256([]byte(keyCheckPurpose))
	err := e.inTx(ctx, func(tx *sql.Tx) error {
		var sealed []byte
		rows, err := tx.QueryContext(ctx, "SELECT key_check FROM config_state WHERE id = 1")
		if err != nil {
			return err
		}
		defer rows.Close()
		if rows.Next() {
			if err := rows.Scan(&sealed); err != nil {
				return err
			}
			return e.openKeyCheck(sealed, box)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO config_state (id, revision, key_check) VALUES (1, 0, ?)", box.Seal(sum[:], keyCheckPurpose))
		return err
	})
	if err != nil {
		return fmt.Errorf("checking master key: %w", err)
	}
	return nil
}

func (e *engine) openKeyCheck(sealed []byte, box *secret.Box) error {
	if _, err := box.Open(sealed, keyCheckPurpose); err != nil {
		return fmt.Errorf("%w: %s was written with another %s; put the right one back", ErrWrongKey, e.name, secret.KeyFile)
	}
	return nil
}
