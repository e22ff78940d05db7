package legacy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Refused says why a database cannot be upgraded, and what to do.
type Refused struct{ Reason string }

// Error returns the reason.
func (e *Refused) Error() string { return e.Reason }

func refuse(format string, args ...any) error { return &Refused{fmt.Sprintf(format, args...)} }

// table is one table that the information_schema tells of.
type table struct {
	name    string
	engine  string
	rows    int64 // as the engine estimates
	columns map[string]column
	order   []string
}

type column struct{ kind, charset string }

// Source is the database of a running 4.5, seen at one moment: all is read in one transaction that may not write.
type Source struct {
	db     *sql.DB
	tx     *sql.Tx
	name   string // user@address/database
	tables map[string]*table
}

// Name says which database it is, without the password.
func (s *Source) Name() string { return s.name }

// Open begins to read the database named by a DSN such as "root@unix(/run/mysqld/mysqld.sock)/asterisk". It fails with *Refused,
// which says what to do, for a database that is not one of 4.5. The caller calls Close.
func Open(ctx context.Context, dsn string) (*Source, error) {
	cfg, err := configure(dsn)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("reading the address of the 4.5 database: %w", err)
	}
	s := &Source{db: sql.OpenDB(connector), name: cfg.User + "@" + cfg.Addr + "/" + cfg.DBName}
	s.db.SetMaxOpenConns(1)
	s.tx, err = s.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err == nil {
		s.tables, err = readTables(ctx, s.tx)
	}
	if err == nil {
		err = recognise(s.tables, cfg.DBName)
	}
	if err != nil {
		return nil, errors.Join(explain(err, cfg), s.Close())
	}
	return s, nil
}

// Size is how much a database takes on its server, in bytes, roughly.
func Size(ctx context.Context, dsn string) (int64, error) {
	s, err := Open(ctx, dsn)
	if err != nil {
		return 0, err
	}
	var size int64
	err = s.tx.QueryRowContext(ctx, "SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()").Scan(&size)
	if err := errors.Join(err, s.Close()); err != nil {
		return 0, fmt.Errorf("measuring the database of 4.5: %w", err)
	}
	return size, nil
}

// Close ends the transaction and the connection.
func (s *Source) Close() error {
	if s.tx != nil {
		s.tx.Rollback() // nothing was written
	}
	return s.db.Close()
}

func configure(dsn string) (*mysql.Config, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, refuse(`the source is no MySQL address such as "root@unix(/run/mysqld/mysqld.sock)/asterisk": %v`, err)
	}
	if cfg.DBName == "" {
		return nil, refuse(`the source names no database: it must end in "/" and the name, which is "asterisk" on most systems`)
	}
	cfg.ParseTime, cfg.MultiStatements, cfg.InterpolateParams = false, false, true
	cfg.Logger = quiet{}
	for value, standard := range map[*time.Duration]time.Duration{&cfg.Timeout: 5 * time.Second, &cfg.ReadTimeout: 2 * time.Minute, &cfg.WriteTimeout: 30 * time.Second} {
		if *value == 0 {
			*value = standard
		}
	}
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	cfg.Params["character_set_results"] = "NULL" // bytes as they are stored
	return cfg, nil
}

// quiet drops what the driver has to say; errors are returned as well.
type quiet struct{}

func (quiet) Print(...any) {}

// Numbers of errors of the server.
const (
	errAccessDenied   = 1045
	errDBAccessDenied = 1044
	errUnknownDB      = 1049
	errSocketDenied   = 1698
)

// explain makes a sentence that helps of an error of the driver.
func explain(err error, cfg *mysql.Config) error {
	var refused *Refused
	if errors.As(err, &refused) {
		return err
	}
	var server *mysql.MySQLError
	if errors.As(err, &server) {
		switch server.Number {
		case errUnknownDB:
			return refuse("there is no database %q on %s. 4.5 calls it \"asterisk\" unless its configuration says otherwise: correct the end of the source", cfg.DBName, cfg.Addr)
		case errAccessDenied, errSocketDenied, errDBAccessDenied:
			return refuse("the database server does not let %q in: run the command as root with a source that begins with root@unix(/run/mysqld/mysqld.sock), or give user and password as in the configuration of 4.5 (%s)", cfg.User, server.Message)
		}
		return fmt.Errorf("reading the 4.5 database: %w", err)
	}
	if cfg.Net == "unix" {
		return refuse("nothing answers at the socket %s: start the database of 4.5 (systemctl start mariadb), or correct the path (%v)", cfg.Addr, err)
	}
	return refuse("nothing answers at %s: start the database of 4.5, or correct the address (%v)", cfg.Addr, err)
}

func readTables(ctx context.Context, tx *sql.Tx) (map[string]*table, error) {
	out := map[string]*table{}
	rows, err := tx.QueryContext(ctx, `SELECT TABLE_NAME, COALESCE(ENGINE, ''), COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES
		WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		t := &table{columns: map[string]column{}}
		if err := rows.Scan(&t.name, &t.engine, &t.rows); err != nil {
			return nil, err
		}
		out[t.name] = t
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	columns, err := tx.QueryContext(ctx, `SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COALESCE(CHARACTER_SET_NAME, '') FROM information_schema.COLUMNS
		WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION`)
	if err != nil {
		return nil, err
	}
	defer columns.Close()
	for columns.Next() {
		var name, col string
		var c column
		if err := columns.Scan(&name, &col, &c.kind, &c.charset); err != nil {
			return nil, err
		}
		if t := out[name]; t != nil {
			t.columns[col] = c
			t.order = append(t.order, col)
		}
	}
	return out, columns.Err()
}

// recognise refuses what is no database of 4.5.
func recognise(tables map[string]*table, name string) error {
	if len(tables) == 0 {
		return refuse("the database %q is empty: if 4.5 uses another one, correct the end of the source; if this is a fresh server, restore the backup of 4.5 first", name)
	}
	if tables["config_state"] != nil && tables["slots"] != nil {
		return refuse("%q is a database of Koppelfeld 5 already: the source is the database of 4.5", name)
	}
	var missing []string
	found := 0
	all := knownColumns()
	for t := range all {
		if tables[t] != nil {
			found++
		} else {
			missing = append(missing, t)
		}
	}
	slices.Sort(missing)
	var lacking []string
	for t, cols := range needed() {
		switch have := tables[t]; {
		case have == nil:
			lacking = append(lacking, "table "+t)
		default:
			for _, c := range cols {
				if _, ok := have.columns[c]; !ok {
					lacking = append(lacking, "column "+t+"."+c)
				}
			}
		}
	}
	slices.Sort(lacking)
	few := found*2 < len(all)
	switch {
	case len(lacking) > 0 && few:
		return refuse("%q is the database of another product: it has no %s, but tables such as %s. Correct the end of the source", name,
			strings.Join(lacking, ", "), strings.Join(some(slices.Sorted(maps.Keys(tables)), 4), ", "))
	case len(lacking) > 0:
		return refuse("%q looks like a database of 4.5, but lacks %s: a dump that was not restored wholly, or a damaged table. Restore the backup of 4.5 and try again", name, strings.Join(lacking, ", "))
	case few:
		return refuse("%q has only %d of the %d tables of 4.5 (no %s …): a dump that was not restored wholly. Restore the backup of 4.5 and try again", name,
			found, len(all), strings.Join(some(missing, 4), ", "))
	}
	return nil
}

func some(list []string, n int) []string { return list[:min(n, len(list))] }
