package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Errors of the state of the database. They are matched with errors.Is; the
// error around them says in words what to do.
var (
	// ErrNotFound matches every *NotFoundError.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the object has changed since the version the caller
	// knows (If-Match, RFC 9110 section 13.1.1).
	ErrConflict = errors.New("has been changed in the meantime")
	// ErrTaken matches every *TakenError.
	ErrTaken = errors.New("is taken")
	// ErrBusy says that the database stayed locked by another program.
	ErrBusy = errors.New("database is locked")
	// ErrUnavailable says that the database cannot be reached or read.
	ErrUnavailable = errors.New("database is not available")
	// ErrFull says that the disk or the quota under the database is full.
	ErrFull = errors.New("no space left for the database")
	// ErrNewerSchema says that a later version of Koppelfeld has written the database.
	ErrNewerSchema = errors.New("database was written by a later version")
	// ErrRunning says that another daemon uses the data directory.
	ErrRunning = errors.New("another daemon uses the data directory")
	// ErrWrongKey says that the master key is not the one the database was written with.
	ErrWrongKey = errors.New("master key does not belong to this database")
	// ErrUnknownOutcome says that the connection broke during a commit and that
	// the database could not be asked whether the change is in. Refresh finds out.
	ErrUnknownOutcome = errors.New("connection lost while committing, the outcome is unknown")

	errDuplicate = errors.New("duplicate key")
	errStale     = errors.New("snapshot is older than the database")
)

// InvalidError names a wrong field; see directory.InvalidError.
type InvalidError = directory.InvalidError

// NotFoundError says which object does not exist. It matches ErrNotFound.
type NotFoundError struct {
	Kind string // "user", "number", "slot", "group", "profile", "hunt group", "record", "session", "token", …
	ID   string // as given by the caller
}

// Error returns "user armin not found".
func (e *NotFoundError) Error() string { return e.Kind + " " + e.ID + " not found" }

// Is makes errors.Is(err, ErrNotFound) true.
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

// TakenError says that a number or a name already has an owner (SPEC M2). It
// matches ErrTaken.
type TakenError struct {
	Kind  string // "number", "username", "group", "calendar", "hunt group" or "pickup group"
	Value string // the number or name
	// OwnerType and OwnerID identify the first owner, OwnerName names it for people.
	OwnerType directory.OwnerType
	OwnerID   string
	OwnerName string
}

// Error names the first owner: "number 416 belongs to user armin.artmann (Armin Artmann)".
func (e *TakenError) Error() string {
	if e.Kind != "number" {
		return e.Kind + " " + e.Value + " is taken"
	}
	owner := "user "
	switch e.OwnerType {
	case directory.OwnerFaxLine:
		owner = "fax line "
	case directory.OwnerHuntGroup:
		owner = "hunt group "
	}
	return "number " + e.Value + " belongs to " + owner + e.OwnerName
}

// Is makes errors.Is(err, ErrTaken) true.
func (e *TakenError) Is(target error) bool { return target == ErrTaken }

func conflict(kind, id string, have, want int64) error {
	return fmt.Errorf("%s %s %w: it has version %d, not %d", kind, id, ErrConflict, have, want)
}

func invalid(field, format string, args ...any) error {
	return &InvalidError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// classify puts one of the sentinels above before a driver's error. Errors that
// are no driver's come back as they are.
func classify(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	for _, known := range []error{ErrBusy, ErrUnavailable, ErrFull, errDuplicate} {
		if errors.Is(err, known) {
			return err
		}
	}
	if kind := kindOf(err); kind != nil {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

func kindOf(err error) error {
	var lite *sqlite.Error
	var my *mysql.MySQLError
	var network net.Error
	switch {
	case errors.As(err, &lite):
		return liteKind(lite.Code())
	case errors.As(err, &my):
		return mysqlKind(my.Number)
	case errors.As(err, &network), errors.Is(err, driver.ErrBadConn), errors.Is(err, mysql.ErrInvalidConn),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, sql.ErrConnDone),
		errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.EPIPE):
		return ErrUnavailable
	}
	return nil
}

// liteKind maps SQLite's result codes, https://sqlite.org/rescode.html.
func liteKind(code int) error {
	switch code {
	case 1555, 2067: // CONSTRAINT_PRIMARYKEY, CONSTRAINT_UNIQUE
		return errDuplicate
	case 4874: // IOERR_SHMSIZE: no room for the index of the WAL
		return ErrFull
	}
	switch code & 0xff {
	case 5, 6: // BUSY, LOCKED
		return ErrBusy
	case 13: // FULL
		return ErrFull
	case 8, 10, 11, 14, 23, 26: // READONLY, IOERR, CORRUPT, CANTOPEN, AUTH, NOTADB
		return ErrUnavailable
	}
	return nil
}

// mysqlKind maps the error numbers of MySQL and MariaDB.
func mysqlKind(number uint16) error {
	switch number {
	case 1062, 1586: // duplicate entry
		return errDuplicate
	case 1213, 1205, 1020, 3572: // deadlock, lock wait timeout, row changed since it was read, NOWAIT
		return ErrBusy
	case 1021, 1114: // disk full, table full
		return ErrFull
	case 1047, 1053, 1040, 1203, 1044, 1045, 1049, 1129, 1130, 1290, 1698, 1836, 1927, 3169:
		// not prepared for queries (Galera), shutdown in progress, too many
		// connections, access denied, unknown database, host blocked or not allowed,
		// read-only, access denied (socket), read-only, connection killed
		return ErrUnavailable
	}
	return nil
}

// ignoreDuplicate takes a duplicate key for success: the key was made for this
// row alone, so an attempt whose answer was lost has written it.
func ignoreDuplicate(err error) error {
	if errors.Is(err, errDuplicate) {
		return nil
	}
	return err
}

// retryable reports whether the same transaction may work in a moment.
func retryable(err error) bool {
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		switch my.Number {
		case 1044, 1045, 1049, 1129, 1130, 1698: // will not mend by itself
			return false
		}
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) && !errors.Is(err, ErrBusy) {
		return false
	}
	return errors.Is(err, ErrBusy) || errors.Is(err, ErrUnavailable) || errors.Is(err, errDuplicate)
}
