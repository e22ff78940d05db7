package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Lock is held by one process of all that use a database. It ends with Release, and by itself when the process or its connection ends.
type Lock struct{ conn *sql.Conn }

// serverLock is a MySQL lock for one database: their names hold for the whole server.
const serverLock = "CONCAT('koppelfeld_keeper_', LEFT(SHA2(DATABASE(), 256), 16))"

// lockAll takes the lock that the daemon who keeps backups of a MySQL database holds as long as it runs.
func (e *engine) lockAll(ctx context.Context) (*Lock, error) {
	conn, err := e.write.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("locking database %s: %w", e.name, classify(err))
	}
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK("+serverLock+", 0)").Scan(&got); err != nil {
		return nil, errors.Join(fmt.Errorf("locking database %s: %w", e.name, classify(err)), conn.Close())
	}
	if got.Int64 != 1 {
		return nil, errors.Join(fmt.Errorf("%w: database %s is in use", ErrRunning, e.name), conn.Close())
	}
	return &Lock{conn}, nil
}

// Held reports whether the lock is still held, and keeps its connection alive.
func (l *Lock) Held(ctx context.Context) bool {
	if l == nil {
		return false
	}
	if l.conn == nil {
		return true
	}
	var mine sql.NullBool
	err := l.conn.QueryRowContext(ctx, "SELECT IS_USED_LOCK("+serverLock+") = CONNECTION_ID()").Scan(&mine)
	return err == nil && mine.Bool
}

// Release gives the lock back.
func (l *Lock) Release() error {
	if l == nil || l.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var released sql.NullInt64
	_ = l.conn.QueryRowContext(ctx, "SELECT RELEASE_LOCK("+serverLock+")").Scan(&released) // else it ends with the connection
	return l.conn.Close()
}

// Lead makes this process the one that does for a database what only one may do, if no other is it: on SQLite always, on MySQL as long as
// its connection stands. nil, and no error, is that another is it.
func (s *Store) Lead(ctx context.Context) (*Lock, error) {
	if s.eng.kind != "mysql" {
		return &Lock{}, nil
	}
	lock, err := s.eng.lockAll(ctx)
	if errors.Is(err, ErrRunning) {
		return nil, nil
	}
	return lock, err
}
