// Package backup writes the whole of a system into one file, reads it back, looks whether it can be restored, and restores it: onto the same
// machine or a fresh one, into the same database engine or the other, into the same version or a later one.
//
// It owns no goroutine but that of Keeper.Run, which is the caller's. It may import leaves, internal/directory and internal/store; it knows no
// HTTP and no SIP. What a start of the daemon does with a configuration comes in as a function.
package backup

import (
	"errors"
	"fmt"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// Names in the archive. What is under dbFolder are the rows, dataFolder is the data directory, configFolder is what lies elsewhere.
const (
	headerName   = "koppelfeld-backup.json"
	manifestName = "manifest.json"
	dbFolder     = "db/"
	dataFolder   = "data/"
	configFolder = "config/"
)

const (
	format        = "koppelfeld-backup"
	formatVersion = 1
)

// Kind says why a backup was made.
type Kind string

// Kinds of backups. They are part of the file's name.
const (
	Manual        Kind = "manual"
	Scheduled     Kind = "scheduled"
	BeforeUpdate  Kind = "before-update"
	BeforeRestore Kind = "before-restore"
)

// Header is the first entry of the archive: whose it is, before anything else is read.
type Header struct {
	Format  string    `json:"format"`
	Version int       `json:"version"` // of the format
	Program string    `json:"program"` // version that wrote the backup
	Data    string    `json:"data,omitempty"`
	Schema  int64     `json:"schema"`
	Engine  string    `json:"engine"`
	Created time.Time `json:"created"`
	Kind    Kind      `json:"kind"`
	Host    string    `json:"host,omitempty"`
}

// Entry is an entry of the archive.
type Entry struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Table is a table and how many rows of it are there.
type Table struct {
	store.Table
	Rows int64 `json:"rows"`
}

// Manifest is the last entry of the archive: what must have come before it.
type Manifest struct {
	Header
	Entries []Entry `json:"entries"`
	Tables  []Table `json:"tables"`
	// LeftOut are files that could not be read, with the reason.
	LeftOut []LeftOut `json:"left_out,omitempty"`
	// Config says where the files under config/ lay.
	Config map[string]string `json:"config,omitempty"`
}

// LeftOut is a file that is not in the backup.
type LeftOut struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Rows is how many rows of a table there are.
func (m *Manifest) Rows(table string) int64 {
	for i := range m.Tables {
		if m.Tables[i].Name == table {
			return m.Tables[i].Rows
		}
	}
	return 0
}

// Validate is what a start of the daemon demands of a configuration, beside that it loads.
type Validate func(prev, next *directory.Snapshot, changed store.Changed) error

// RefusedError is a backup that is not taken, in a sentence for people.
type RefusedError struct {
	Reason string
	Err    error // what it comes from, may be nil
}

// Error is the sentence.
func (e *RefusedError) Error() string {
	if e.Err != nil {
		return e.Reason + ": " + e.Err.Error()
	}
	return e.Reason
}

// Unwrap is what it comes from.
func (e *RefusedError) Unwrap() error { return e.Err }

func refused(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &RefusedError{Reason: err.Error(), Err: nil}
}

// ErrBroken marks archives that are cut or changed.
var ErrBroken = errors.New("the backup is damaged or cut short")
