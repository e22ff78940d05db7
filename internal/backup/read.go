package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/klauspost/compress/zstd"
)

// Bounds of what is read, whoever wrote it.
const (
	maxLine     = 64 << 20           // a row
	maxPart     = partSize + maxLine // an entry of rows
	maxHeader   = 64 << 10
	maxManifest = 64 << 20
	maxEntries  = 2_000_000
	maxName     = 512
	maxDepth    = 12
	// What comes out of a backup may be this many times as long as the backup, and unpackedLeast in any case.
	maxRatio      = 1000
	unpackedLeast = 256 << 20
)

// Keys open an encrypted backup.
type Keys struct{ Identities []age.Identity }

// visitor gets what is in a backup, in order. The manifest comes when all of it was there and right.
type visitor struct {
	header func(Header) error
	rows   func(table string, lines []byte) error
	file   func(name string, size int64, content io.Reader) error // name begins with dataFolder or configFolder
}

const (
	ageMagic   = "age-encryption.org/"
	armorMagic = "-----BEGIN AGE"
	zstdMagic  = "\x28\xb5\x2f\xfd"
)

// Encrypted says whether a file that begins so is an encrypted backup, and refuses what is no backup.
func Encrypted(begin []byte) (bool, error) {
	switch {
	case bytes.HasPrefix(begin, []byte(ageMagic)), bytes.HasPrefix(begin, []byte(armorMagic)):
		return true, nil
	case bytes.HasPrefix(begin, []byte(zstdMagic)):
		return false, nil
	}
	return false, refused("the file is no backup of Koppelfeld")
}

// walk reads a backup of size bytes and hands its parts to v. It returns the manifest after everything in it was found to be right.
func walk(ctx context.Context, in io.Reader, size int64, keys Keys, v visitor) (*Manifest, error) {
	plain, err := open(in, keys)
	if err != nil {
		return nil, err
	}
	unpacked, err := zstd.NewReader(plain, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	defer unpacked.Close()
	limit := max(unpackedLeast, size*maxRatio)
	bounded := &bounded{in: unpacked, left: limit}
	r := &reader{ctx: ctx, tar: tar.NewReader(bounded), v: v, seen: map[string]bool{}, tables: map[string]int64{}}
	m, err := r.all()
	if err == nil {
		err = drained(bounded)
	}
	switch {
	case bounded.over:
		return nil, refused("the file unpacks to more than %d times its size and is refused", maxRatio)
	case err == nil:
		return m, nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, tar.ErrHeader), isDamage(err):
		return nil, &RefusedError{Reason: ErrBroken.Error(), Err: err}
	}
	return nil, err
}

// isDamage recognises what the layers under the archive say of bytes that are not as they were written.
func isDamage(err error) bool {
	for _, e := range []error{
		ErrBroken, zstd.ErrMagicMismatch, zstd.ErrCRCMismatch, zstd.ErrDecoderSizeExceeded, zstd.ErrWindowSizeExceeded, zstd.ErrReservedBlockType,
		zstd.ErrCompressedSizeTooBig, zstd.ErrBlockTooSmall, zstd.ErrUnexpectedBlockSize, zstd.ErrUnknownDictionary, zstd.ErrFrameSizeExceeded, zstd.ErrFrameSizeMismatch,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// drained looks that nothing follows the archive but its padding, and that the layers under it are whole to their ends.
func drained(r io.Reader) error {
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		if len(bytes.Trim(buf[:n], "\x00")) > 0 {
			return ErrBroken
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBroken, err)
		}
	}
}

// open takes the encryption off.
func open(in io.Reader, keys Keys) (io.Reader, error) {
	b := bufio.NewReaderSize(in, 64<<10)
	begin, err := b.Peek(32)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the backup: %w", err)
	}
	sealed, err := Encrypted(begin)
	if err != nil || !sealed {
		return b, err
	}
	if len(keys.Identities) == 0 {
		return nil, refused("the backup is encrypted: give the private key with --identity or the passphrase with --passphrase-file")
	}
	var armoured io.Reader = b
	if bytes.HasPrefix(begin, []byte(armorMagic)) {
		armoured = armor.NewReader(b)
	}
	plain, err := age.Decrypt(armoured, keys.Identities...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, refused("the backup cannot be opened with this key or passphrase")
	case err != nil:
		return nil, &RefusedError{Reason: "the encrypted backup cannot be opened", Err: err}
	}
	return sealedReader{plain}, nil
}

// sealedReader marks what age says of a file that was cut or changed.
type sealedReader struct{ in io.Reader }

func (s sealedReader) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return n, err
}

// bounded ends a stream that is longer than anybody would have written.
type bounded struct {
	in   io.Reader
	left int64
	over bool
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		b.over = true
		return 0, errors.New("too much")
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

type reader struct {
	ctx     context.Context
	tar     *tar.Reader
	v       visitor
	header  Header
	seen    map[string]bool
	entries []Entry
	tables  map[string]int64 // rows by table
}

func (r *reader) all() (*Manifest, error) {
	for {
		h, err := r.tar.Next()
		if err != nil {
			return nil, err
		}
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		if err := r.check(h); err != nil {
			return nil, err
		}
		if h.Name == manifestName {
			return r.manifest()
		}
		sum := sha256.New()
		content := io.TeeReader(r.tar, sum)
		if err := r.entry(h, content); err != nil {
			return nil, err
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return nil, err
		}
		r.entries = append(r.entries, Entry{h.Name, h.Size, hex.EncodeToString(sum.Sum(nil))})
	}
}

var partName = regexp.MustCompile(`^db/([a-z][a-z0-9_]{0,63})/([0-9]{6,9})\.jsonl$`)

// check refuses entries that no backup has: links, devices, paths that lead elsewhere.
func (r *reader) check(h *tar.Header) error {
	bad := func(why string) error { return refused("the backup holds %.100q, which %s", h.Name, why) }
	switch {
	case len(r.entries) == 0 && h.Name != headerName:
		return refused("the file is no backup of Koppelfeld")
	case h.Typeflag != tar.TypeReg:
		return bad("is no plain file")
	case len(h.Name) > maxName || strings.Count(h.Name, "/") > maxDepth || path.Clean(h.Name) != h.Name || path.IsAbs(h.Name) || strings.HasPrefix(h.Name, "../") || h.Name == ".." || strings.ContainsAny(h.Name, "\\\x00"):
		return bad("is a path that leads elsewhere")
	case r.seen[h.Name]:
		return bad("comes twice")
	case len(r.entries) >= maxEntries:
		return refused("the backup holds more than %d files", maxEntries)
	case h.Size < 0 || h.Name == headerName && h.Size > maxHeader || h.Name == manifestName && h.Size > maxManifest || strings.HasPrefix(h.Name, dbFolder) && h.Size > maxPart || h.Size > maxFile:
		return bad("is too long")
	}
	r.seen[h.Name] = true
	return nil
}

func (r *reader) entry(h *tar.Header, content io.Reader) error {
	switch {
	case h.Name == headerName:
		return r.first(content)
	case strings.HasPrefix(h.Name, dbFolder):
		return r.part(h, content)
	case strings.HasPrefix(h.Name, dataFolder), strings.HasPrefix(h.Name, configFolder):
		if name, ok := strings.CutPrefix(h.Name, dataFolder); ok && !isState(name, false) {
			return refused("the backup holds %.100q, which is no part of a backup", h.Name)
		}
		if r.v.file == nil {
			return nil
		}
		return r.v.file(h.Name, h.Size, content)
	}
	return refused("the backup holds %.100q, which is no part of a backup", h.Name)
}

func (r *reader) first(content io.Reader) error {
	if err := json.NewDecoder(content).Decode(&r.header); err != nil || r.header.Format != format {
		return refused("the file is no backup of Koppelfeld")
	}
	if r.header.Version > formatVersion {
		return refused("the backup was written by a later version of Koppelfeld (%.40s): restore it with that version or a later one", r.header.Program)
	}
	if r.v.header == nil {
		return nil
	}
	return r.v.header(r.header)
}

// part is some rows of a table.
func (r *reader) part(h *tar.Header, content io.Reader) error {
	m := partName.FindStringSubmatch(h.Name)
	if m == nil {
		return refused("the backup holds %.100q, which is no part of a backup", h.Name)
	}
	lines := make([]byte, 0, min(h.Size, maxPart))
	buf := bytes.NewBuffer(lines)
	if _, err := io.Copy(buf, content); err != nil {
		return err
	}
	lines = buf.Bytes()
	if len(lines) > 0 && lines[len(lines)-1] != '\n' {
		return fmt.Errorf("%w: %s ends within a row", ErrBroken, h.Name)
	}
	r.tables[m[1]] += int64(bytes.Count(lines, []byte("\n")))
	if r.v.rows == nil {
		return nil
	}
	return r.v.rows(m[1], lines)
}

// manifest compares what there was with what there should have been.
func (r *reader) manifest() (*Manifest, error) {
	var m Manifest
	if err := json.NewDecoder(r.tar).Decode(&m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if _, err := io.Copy(io.Discard, r.tar); err != nil {
		return nil, err
	}
	if len(m.Entries) != len(r.entries) {
		return nil, fmt.Errorf("%w: %d files of %d are there", ErrBroken, len(r.entries), len(m.Entries))
	}
	for i, e := range m.Entries {
		if e != r.entries[i] {
			return nil, fmt.Errorf("%w: %.100s is not as it was written", ErrBroken, e.Name)
		}
	}
	for i := range m.Tables {
		t := &m.Tables[i]
		if r.tables[t.Name] != t.Rows {
			return nil, fmt.Errorf("%w: table %.64s has %d rows of %d", ErrBroken, t.Name, r.tables[t.Name], t.Rows)
		}
		delete(r.tables, t.Name)
	}
	if len(r.tables) > 0 || m.Header != r.header {
		return nil, fmt.Errorf("%w: its list of contents is another's", ErrBroken)
	}
	if next, err := r.tar.Next(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = fmt.Errorf("%.100s follows its end", next.Name)
		}
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return &m, nil
}
