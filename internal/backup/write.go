package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/koppelfeld/koppelfeld/internal/store"
)

var errTooLong = errors.New("is too long")

// Source is what is backed up.
type Source struct {
	Database store.Config // Database, DataDir and Log count
	// ConfigFile is the configuration file, and Files are those that it names; what lies in the data directory is taken anyway.
	ConfigFile string
	Files      []string
	Program    string // version of the program
	Data       string // version of the program that wrote the data, where it is another
	Host       string
	Kind       Kind
}

// Progress is how far a backup is.
type Progress struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"` // of all tables so far
	Bytes int64  `json:"bytes"`
}

// Options are how a backup is written.
type Options struct {
	// Recipients can read the backup; without any it is not encrypted.
	Recipients []age.Recipient
	// Pace is called between small pieces of work and may wait; nil goes on.
	Pace func(context.Context) error
	// Progress is called now and then; nil is not.
	Progress func(Progress)
	// Now is the clock, nil for time.Now.
	Now func() time.Time
}

// partSize is how much of a table is one entry of the archive: what is in memory at once.
const partSize = 1 << 20

// paceEvery is after how many bytes of rows Pace is asked.
const paceEvery = 32 << 10

// writer writes the archive.
type writer struct {
	tar      *tar.Writer
	opt      Options
	manifest Manifest
	progress Progress
}

// Write writes a backup to w. The database is read in one consistent picture; files follow the moment in which they are read.
func Write(ctx context.Context, w io.Writer, src Source, opt Options) (Manifest, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	dump, err := store.OpenDump(ctx, src.Database)
	if err != nil {
		return Manifest{}, err
	}
	defer dump.Close()
	closers := []func() error{}
	if len(opt.Recipients) > 0 {
		sealed, err := age.Encrypt(w, opt.Recipients...)
		if err != nil {
			return Manifest{}, fmt.Errorf("encrypting the backup: %w", err)
		}
		w, closers = sealed, append(closers, sealed.Close)
	}
	// One goroutine and a small window: it gives way to calls.
	packed, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(true))
	if err != nil {
		return Manifest{}, err
	}
	closers = append(closers, packed.Close)
	b := &writer{tar: tar.NewWriter(packed), opt: opt, manifest: Manifest{Header: Header{
		Format: format, Version: formatVersion, Program: src.Program, Data: src.Data, Schema: dump.Schema, Engine: dump.Engine,
		Created: opt.Now().UTC().Truncate(time.Second), Kind: src.Kind, Host: src.Host,
	}}}
	closers = append(closers, b.tar.Close)
	if err := b.all(ctx, src, dump); err != nil {
		return Manifest{}, err
	}
	for i := len(closers) - 1; i >= 0; i-- {
		if err := closers[i](); err != nil {
			return Manifest{}, fmt.Errorf("writing the backup: %w", err)
		}
	}
	return b.manifest, nil
}

func (b *writer) all(ctx context.Context, src Source, dump *store.Dump) error {
	if err := b.json(headerName, b.manifest.Header); err != nil {
		return err
	}
	files, err := dataFiles(src.Database.DataDir)
	if err != nil {
		return fmt.Errorf("reading the data directory: %w", err)
	}
	for _, name := range files {
		if err := b.file(ctx, dataFolder+name, filepath.Join(src.Database.DataDir, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	if err := b.config(ctx, src); err != nil {
		return err
	}
	for _, t := range dump.Tables {
		if err := b.table(ctx, dump, t); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(&b.manifest, "", "  ")
	if err != nil {
		return err
	}
	return b.write(manifestName, text, nil)
}

// config takes the configuration file, and what it names outside of the data directory.
func (b *writer) config(ctx context.Context, src Source) error {
	if src.ConfigFile == "" {
		return nil
	}
	b.manifest.Config = map[string]string{"koppelfeld.toml": src.ConfigFile}
	if err := b.file(ctx, configFolder+"koppelfeld.toml", src.ConfigFile); err != nil {
		return err
	}
	for i, p := range src.Files {
		if rel, err := filepath.Rel(src.Database.DataDir, p); err == nil && filepath.IsLocal(rel) {
			continue
		}
		name := strconv.Itoa(i+1) + "-" + filepath.Base(p)
		b.manifest.Config[name] = p
		if err := b.file(ctx, configFolder+name, p); err != nil {
			return err
		}
	}
	return nil
}

// file takes one file. One that cannot be read, or is gone by now, is named in the manifest.
func (b *writer) file(ctx context.Context, name, from string) error {
	for attempt := 1; ; attempt++ {
		f, size, err := readable(from)
		if errors.Is(err, fs.ErrNotExist) && attempt == 1 && name[:len(dataFolder)] == dataFolder {
			return nil
		}
		if err != nil {
			b.manifest.LeftOut = append(b.manifest.LeftOut, LeftOut{from, err.Error()})
			return nil
		}
		if size > partSize {
			return errors.Join(b.stream(ctx, name, f, size), f.Close())
		}
		text := make([]byte, size)
		_, err = io.ReadFull(f, text)
		f.Close()
		switch {
		case err == nil:
			return b.write(name, text, nil)
		case attempt == 3: // it has become shorter each time
			return fmt.Errorf("reading %s: %w", from, err)
		}
	}
}

// stream writes a long file. It fails when the file becomes shorter meanwhile.
func (b *writer) stream(ctx context.Context, name string, f *os.File, size int64) error {
	sum := sha256.New()
	if err := b.tar.WriteHeader(b.header(name, size)); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	buf := make([]byte, partSize)
	for left := size; left > 0; {
		n, err := f.Read(buf[:min(left, partSize)])
		if n == 0 {
			return fmt.Errorf("reading %s: %w", f.Name(), errors.Join(err, io.ErrUnexpectedEOF))
		}
		if err := b.piece(sum, buf[:n]); err != nil {
			return err
		}
		left -= int64(n)
		if err := b.pace(ctx); err != nil {
			return err
		}
	}
	b.noted(name, size, sum)
	return nil
}

func (b *writer) header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: size, ModTime: b.manifest.Created, Format: tar.FormatPAX}
}

func (b *writer) piece(sum hash.Hash, text []byte) error {
	sum.Write(text) // never fails
	if _, err := b.tar.Write(text); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	b.progress.Bytes += int64(len(text))
	return nil
}

func (b *writer) noted(name string, size int64, sum hash.Hash) {
	b.manifest.Entries = append(b.manifest.Entries, Entry{name, size, hex.EncodeToString(sum.Sum(nil))})
}

func (b *writer) json(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return b.write(name, append(text, '\n'), nil)
}

// write writes one entry; pace is called between pieces.
func (b *writer) write(name string, text []byte, pace func() error) error {
	if err := b.tar.WriteHeader(b.header(name, int64(len(text)))); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	sum, size := sha256.New(), int64(len(text))
	for len(text) > 0 {
		n := min(len(text), paceEvery)
		if err := b.piece(sum, text[:n]); err != nil {
			return err
		}
		text = text[n:]
		if pace != nil {
			if err := pace(); err != nil {
				return err
			}
		}
	}
	b.noted(name, size, sum)
	return nil
}

func (b *writer) pace(ctx context.Context) error {
	if b.opt.Progress != nil {
		b.opt.Progress(b.progress)
	}
	if b.opt.Pace != nil {
		return b.opt.Pace(ctx)
	}
	return ctx.Err()
}

// table writes the rows of a table, in parts.
func (b *writer) table(ctx context.Context, dump *store.Dump, t store.Table) error {
	var part []byte
	parts, since := 0, 0
	var rows int64
	flush := func() error {
		if len(part) == 0 {
			return nil
		}
		parts++
		err := b.write(fmt.Sprintf("%s%s/%06d.jsonl", dbFolder, t.Name, parts), part, func() error { return b.pace(ctx) })
		part = part[:0]
		return err
	}
	b.progress.Table = t.Name
	err := dump.Rows(ctx, t, func(line []byte) error {
		if len(line) > maxLine {
			return fmt.Errorf("table %s: a row has %d bytes, and %d is the most", t.Name, len(line), maxLine)
		}
		part = append(append(part, line...), '\n')
		rows, since = rows+1, since+len(line)
		b.progress.Rows++
		if since > paceEvery {
			since = 0
			if err := b.pace(ctx); err != nil {
				return err
			}
		}
		if len(part) >= partSize {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	b.manifest.Tables = append(b.manifest.Tables, Table{t, rows})
	return err
}
