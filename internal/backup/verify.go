package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// VerifyOptions are how a backup is looked at.
type VerifyOptions struct {
	// Dir is where the database of the trial is made and removed again; empty stands for the system's folder of temporary files.
	Dir string
	// Validate judges the configuration.
	Validate Validate
	// Pace is called between small pieces of work; nil goes on.
	Pace func(context.Context) error
}

// Verify reads a backup of size bytes, compares all its checksums, and restores it on trial: rows into an SQLite database of its own, schema
// to the newest, configuration loaded and judged as at a start. A backup that is not good gives a *RefusedError, or what the trial says.
func Verify(ctx context.Context, in io.Reader, size int64, keys Keys, opt VerifyOptions) (*Manifest, error) {
	dir, err := os.MkdirTemp(opt.Dir, ".trial-*") // mode 0700
	if err != nil {
		return nil, fmt.Errorf("making room for the trial: %w", err)
	}
	defer os.RemoveAll(dir)
	l := &loading{ctx: ctx, database: store.Config{DataDir: dir}, pace: opt.Pace, file: func(name string, _ int64, content io.Reader) error {
		if name != dataFolder+secret.KeyFile {
			return nil
		}
		return writeNew(filepath.Join(dir, secret.KeyFile), content)
	}}
	m, err := walk(ctx, in, size, keys, l.visitor())
	if err == nil {
		err = l.finish(opt.Validate, nil)
	}
	return m, errors.Join(err, l.close())
}

// loading puts the rows of a backup into a database.
type loading struct {
	ctx      context.Context
	database store.Config
	pace     func(context.Context) error
	file     func(name string, size int64, content io.Reader) error
	schema   int64
	filling  *store.Filling
}

func (l *loading) visitor() visitor {
	return visitor{header: l.begin, rows: l.rows, file: l.file}
}

func (l *loading) begin(h Header) error {
	err := store.KnowsSchema(h.Schema)
	switch {
	case errors.Is(err, store.ErrNewerSchema):
		return refused("the backup was written by a later version of Koppelfeld (%.40s): restore it with that version or a later one", h.Program)
	case err != nil:
		return refused("the backup has schema %d, which no version of Koppelfeld has", h.Schema)
	}
	l.schema = h.Schema
	l.filling, err = store.OpenFilling(l.ctx, l.database, h.Schema)
	return err
}

// rowsPiece is after how many bytes of rows the pace is asked.
const rowsPiece = 64 << 10

func (l *loading) rows(table string, lines []byte) error {
	for len(lines) > 0 {
		n := len(lines)
		if l.pace != nil {
			n = min(n, rowsPiece)
			for n < len(lines) && lines[n-1] != '\n' {
				n++
			}
		}
		if _, err := l.filling.Add(l.ctx, table, lines[:n]); err != nil {
			return err
		}
		lines = lines[n:]
		if l.pace != nil {
			if err := l.pace(l.ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish makes the database one that is opened, with the master key that lies beside it.
func (l *loading) finish(validate Validate, whole func() error) error {
	box, err := secret.ReadBox(l.database.DataDir)
	if err != nil {
		return &RefusedError{Reason: "the backup holds no master key", Err: err}
	}
	return l.filling.Finish(l.ctx, box, validate, whole)
}

func (l *loading) close() error {
	if l.filling == nil {
		return nil
	}
	return l.filling.Close()
}

// writeNew writes a file that is not there yet, for its owner alone.
func writeNew(path string, content io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Sync(), f.Close())
}
