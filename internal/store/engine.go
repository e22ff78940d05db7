package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// FileName is the name of the SQLite database in the data directory.
const FileName = "koppelfeld.db"

// Attempts at one transaction, the pauses between them, and the time after which
// no further attempt is made.
const (
	maxAttempts = 8
	maxTrying   = 5 * time.Second
	firstPause  = 10 * time.Millisecond
	maxPause    = 500 * time.Millisecond
)

// engine is an open database of either kind. write and read are the same pool
// on MySQL; on SQLite write is the only connection that may write.
type engine struct {
	kind  string // "sqlite" or "mysql"
	name  string // for messages: the path of the file, or user@address/database
	write *sql.DB
	read  *sql.DB
}

// openEngine opens the database and reaches it once. With mustExist it does not
// create an SQLite file.
func openEngine(ctx context.Context, cfg *Config, mustExist bool) (*engine, error) {
	var e *engine
	var err error
	if !cfg.onServer() {
		e, err = openSQLite(cfg.DataDir, mustExist)
	} else {
		e, err = openMySQL(cfg)
	}
	if err != nil {
		return nil, err
	}
	for _, db := range []*sql.DB{e.write, e.read} {
		if err := db.PingContext(ctx); err != nil {
			e.close()
			return nil, fmt.Errorf("opening database %s: %w", e.name, classify(err))
		}
	}
	return e, nil
}

func openSQLite(dataDir string, mustExist bool) (*engine, error) {
	path, err := filepath.Abs(filepath.Join(dataDir, FileName))
	if err != nil {
		return nil, fmt.Errorf("opening database: %w", err)
	}
	if mustExist {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("opening database: %w", err)
		}
	}
	// SQLite gives its -wal and -shm files the mode of the database file.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("opening database: %w", err)
	}
	dsn := func(txlock string, pragmas ...string) string {
		q := url.Values{"_txlock": {txlock}, "_pragma": append([]string{
			"busy_timeout(2000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "cache_size(-16000)",
		}, pragmas...)}
		return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
	}
	e := &engine{kind: "sqlite", name: path}
	if e.write, err = sql.Open("sqlite", dsn("immediate")); err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	if e.read, err = sql.Open("sqlite", dsn("deferred", "query_only(1)")); err != nil {
		return nil, errors.Join(fmt.Errorf("opening database %s: %w", path, err), e.write.Close())
	}
	e.write.SetMaxOpenConns(1)
	e.read.SetMaxOpenConns(4)
	e.read.SetMaxIdleConns(4)
	return e, nil
}

func openMySQL(settings *Config) (*engine, error) {
	cfg, err := mysql.ParseDSN(settings.Database)
	if err != nil {
		return nil, fmt.Errorf(`database setting is neither "sqlite" nor a MySQL address such as "user:password@unix(/run/mysqld/mysqld.sock)/koppelfeld": %w`, err)
	}
	if cfg.DBName == "" {
		return nil, errors.New(`database setting names no database: the address must end in "/" and its name`)
	}
	cfg.ClientFoundRows = true
	cfg.ParseTime = false
	cfg.MultiStatements = false
	cfg.InterpolateParams = true // one round trip for each statement
	cfg.Collation = "utf8mb4_bin"
	cfg.Logger, cfg.DialFunc = mysqlLogger{settings.Log}, settings.Dial
	for value, standard := range map[*time.Duration]time.Duration{&cfg.Timeout: 5 * time.Second, &cfg.ReadTimeout: 30 * time.Second, &cfg.WriteTimeout: 30 * time.Second} {
		if *value == 0 {
			*value = standard
		}
	}
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	cfg.Params["sql_mode"] = "'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'"
	cfg.Params["time_zone"] = "'+00:00'"
	cfg.Params["innodb_lock_wait_timeout"] = "5"
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("database setting: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	db.SetConnMaxLifetime(5 * time.Minute)
	return &engine{kind: "mysql", name: cfg.User + "@" + cfg.Addr + "/" + cfg.DBName, write: db, read: db}, nil
}

// mysqlLogger passes what the driver has to say to slog. It never logs statements.
type mysqlLogger struct{ log *slog.Logger }

func (l mysqlLogger) Print(v ...any) { l.log.Debug("mysql driver", "message", fmt.Sprint(v...)) }

func (e *engine) close() error {
	if e.read == e.write {
		return e.write.Close()
	}
	return errors.Join(e.read.Close(), e.write.Close())
}

// inTx runs fn in one write transaction and retries the whole of it while the
// database is busy or the connection breaks. fn must have no effect but through
// its transaction, and must do no harm when an earlier run was in fact committed.
func (e *engine) inTx(ctx context.Context, fn func(*sql.Tx) error) error {
	return retry(ctx, func() error {
		tx, err := e.write.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // no effect after Commit
		if err := fn(tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// retry runs op until it works, fails for good, or has been tried long enough.
func retry(ctx context.Context, op func() error) error {
	begin := time.Now()
	for attempt := 1; ; attempt++ {
		err := classify(op())
		if err == nil || !retryable(err) || enough(attempt, begin) {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

func enough(attempt int, begin time.Time) bool {
	return attempt >= maxAttempts || time.Since(begin) > maxTrying
}

// pause waits before the next attempt, longer each time and not evenly, so that
// two nodes do not collide again.
func pause(ctx context.Context, attempt int) error {
	d := min(firstPause<<attempt, maxPause)
	t := time.NewTimer(d/2 + rand.N(d/2))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// micros and fromMicros convert between time and its form in the database.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// CheckDataDir says what is wrong with a data directory: it must exist and be writable.
func CheckDataDir(dir string) error {
	if dir == "" {
		return errors.New("data_dir is not set")
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("data_dir %s does not exist: %w", dir, fs.ErrNotExist)
	case err != nil:
		return fmt.Errorf("data_dir: %w", err)
	case !info.IsDir():
		return fmt.Errorf("data_dir %s is not a directory", dir)
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("data_dir %s is not writable: %w", dir, err)
	}
	return nil
}
