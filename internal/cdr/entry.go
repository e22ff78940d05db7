package cdr

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
)

// kind says what a line of the journal means.
type kind string

const (
	started  kind = "s" // a call entered
	finished kind = "f" // a call has ended; the record is whole
	alive    kind = "a" // calls are up; only the time counts
	// committed: everything before segment Seq, byte Offset is in the database.
	committed kind = "c"
)

// entry is one line of the journal:
//
//	crc32c(8 hex digits) SP length-of-JSON(decimal) SP JSON LF
//
// The JSON holds no LF, so a reader that meets damage finds the next line again.
type entry struct {
	Kind   kind          `json:"k"`
	At     int64         `json:"at"` // Unix time in microseconds
	Record *calls.Record `json:"r,omitempty"`
	Seq    uint64        `json:"seq,omitempty"`
	Offset int64         `json:"off,omitempty"`
}

// maxLine bounds a line in bytes, on writing and on reading.
const maxLine = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// prefix is the length of what stands before the JSON of a line that encode makes.
const prefix = 8 + 1 + 7 + 1

// encode appends the line of an entry to dst. A record beyond maxLine loses its
// reasons and legs rather than the whole.
func (e entry) encode(dst []byte) ([]byte, error) {
	begin := len(dst)
	dst = e.appendJSON(append(dst, "00000000 0000000 "...))
	if e.Record != nil && len(dst)-begin >= maxLine {
		slim := *e.Record
		slim.Reasons, slim.Legs = nil, nil
		e.Record = &slim
		dst = e.appendJSON(dst[:begin+prefix])
	}
	line, body := dst[begin:], dst[begin+prefix:]
	if len(line) >= maxLine {
		return dst[:begin], errors.New("encoding journal entry: too long")
	}
	sum := crc32.Checksum(body, castagnoli)
	for i := 7; i >= 0; i-- {
		line[i] = "0123456789abcdef"[sum&15]
		sum >>= 4
	}
	for i, n := 15, len(body); n > 0; i-- {
		line[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, '\n'), nil
}

// appendJSON appends what json.Marshal would make of the entry.
func (e *entry) appendJSON(b []byte) []byte {
	b = append(append(append(b, `{"k":"`...), e.Kind...), `","at":`...)
	b = strconv.AppendInt(b, e.At, 10)
	if e.Record != nil {
		b = e.Record.AppendJSON(append(b, `,"r":`...))
	}
	if e.Kind == committed {
		b = strconv.AppendUint(append(b, `,"seq":`...), e.Seq, 10)
		b = strconv.AppendInt(append(b, `,"off":`...), e.Offset, 10)
	}
	return append(b, '}')
}

var errDamaged = errors.New("damaged journal line")

// decode reads one line with its LF.
func decode(line []byte) (entry, error) {
	crc, rest, ok1 := bytes.Cut(line, []byte{' '})
	size, body, ok2 := bytes.Cut(rest, []byte{' '})
	if !ok1 || !ok2 || len(crc) != 8 || !bytes.HasSuffix(body, []byte{'\n'}) {
		return entry{}, errDamaged
	}
	body = body[:len(body)-1]
	sum, err1 := strconv.ParseUint(string(crc), 16, 32)
	n, err2 := strconv.Atoi(string(size))
	if err1 != nil || err2 != nil || n != len(body) || uint32(sum) != crc32.Checksum(body, castagnoli) {
		return entry{}, errDamaged
	}
	var e entry
	if err := json.Unmarshal(body, &e); err != nil {
		return entry{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	switch e.Kind {
	case started, finished:
		if e.Record == nil || e.Record.ID == "" {
			return entry{}, errDamaged
		}
	case alive, committed:
	default:
		return entry{}, errDamaged
	}
	return e, nil
}

// scanner reads entries and steps over damage.
type scanner struct {
	r       *bufio.Reader
	offset  int64 // after the last line read
	damaged int   // lines stepped over
}

func newScanner(r io.Reader, offset int64) *scanner {
	return &scanner{r: bufio.NewReaderSize(r, 64<<10), offset: offset}
}

// next returns the next whole entry, or io.EOF. What stands after the last LF is
// a torn line: it counts as damaged and is not passed by offset.
func (s *scanner) next() (entry, error) {
	for {
		line, err := s.line()
		if err != nil {
			return entry{}, err
		}
		e, err := decode(line)
		if err == nil {
			return e, nil
		}
		s.damaged++
	}
}

// line returns a line with its LF; an overlong one comes back cut and so fails to
// decode.
func (s *scanner) line() ([]byte, error) {
	var long []byte
	var size int64
	for {
		part, err := s.r.ReadSlice('\n')
		size += int64(len(part))
		switch {
		case err == nil && long == nil:
			s.offset += size
			return part, nil
		case err == nil:
			s.offset += size
			return append(long, part...), nil
		case errors.Is(err, bufio.ErrBufferFull):
			if len(long) <= maxLine {
				long = append(long, part...)
			}
		case errors.Is(err, io.EOF):
			if size > 0 {
				s.damaged++
			}
			return nil, io.EOF
		default:
			return nil, fmt.Errorf("reading journal: %w", err)
		}
	}
}

func micros(t time.Time) int64 { return t.UnixMicro() }
