package message

import (
	"bytes"
	"errors"
)

// Errors of Frame and Framer. After any of them the stream's position is lost and the
// connection must be closed.
var (
	ErrTooLarge      = errors.New("message too large for stream")
	ErrContentLength = errors.New("no usable Content-Length in stream")
)

// Frame finds the first whole message in a stream's buffer (RFC 3261 section 18.3).
// It returns its length, 0 if more bytes are needed, or an error when the stream
// cannot be trusted any more (no Content-Length, too large). skip counts leading
// CRLF (keep-alives) to be dropped first; the message is buf[skip:skip+n].
//
// It reads buf from its start; use Framer where a message may come in many pieces.
func Frame(buf []byte, maxSize int) (n, skip int, err error) {
	for skip < len(buf) && isLineEnd(buf[skip]) {
		skip++
	}
	buf = buf[skip:]
	head := headEnd(buf, 0)
	if head < 0 {
		if len(buf) > maxSize {
			err = ErrTooLarge
		}
		return 0, skip, err
	}
	n, err = frameLen(buf[:head], maxSize)
	if err != nil || n > len(buf) {
		return 0, skip, err
	}
	return n, skip, nil
}

func isLineEnd(c byte) bool { return c == '\r' || c == '\n' }

// headEnd returns the offset behind the blank line that ends the header, searching line
// ends from offset from, or -1.
func headEnd(b []byte, from int) int {
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return -1
		}
		from += i + 1
		if from < len(b) && b[from] == '\n' {
			return from + 1
		}
		if from+1 < len(b) && b[from] == '\r' && b[from+1] == '\n' {
			return from + 2
		}
	}
}

// frameLen is the length of a message whose header, blank line included, is head.
func frameLen(head []byte, maxSize int) (int, error) {
	length := -1
	for rest := head; len(rest) > 0; {
		var l []byte
		l, rest, _ = bytes.Cut(rest, []byte{'\n'})
		colon := bytes.IndexByte(l, ':')
		if colon < 1 || l[0] == ' ' || l[0] == '\t' {
			continue
		}
		name := view(bytes.TrimRight(l[:colon], " \t"))
		if len(name) != 1 && len(name) != len("Content-Length") || Lookup(name) != HContentLength {
			continue
		}
		value := bytes.Trim(l[colon+1:], " \t\r")
		for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') { // folded
			if l, rest, _ = bytes.Cut(rest, []byte{'\n'}); len(value) > 20 {
				return 0, ErrContentLength
			}
			value = append(value[:len(value):len(value)], bytes.Trim(l, " \t\r")...)
		}
		n, ok := number(view(value), MaxSize)
		if !ok || length >= 0 {
			return 0, ErrContentLength
		}
		length = int(n)
	}
	if length < 0 {
		return 0, ErrContentLength
	}
	if len(head)+length > maxSize {
		return 0, ErrTooLarge
	}
	return len(head) + length, nil
}

// Framer cuts a stream into messages. Every byte is looked at a bounded number of times,
// however the stream is cut into segments. The zero value is ready. It belongs to one
// goroutine.
type Framer struct {
	MaxSize int // bytes of the largest message accepted; the package's MaxSize when 0

	buf     []byte
	start   int // of the bytes not yet handed out
	scanned int // of the bytes from start: those in which no end of header begins
	need    int // length of the first message once its header is complete, else 0
	ends    int // line ends since the last message
	err     error
}

// Write appends bytes that arrived; it never fails. Call Next until it returns nil after
// each Write, else the buffer grows.
func (f *Framer) Write(p []byte) (int, error) {
	switch rest := len(f.buf) - f.start; {
	case rest == 0 && cap(f.buf) > 16384:
		f.buf = nil // a large message does not keep its room
	case f.start > 0:
		copy(f.buf, f.buf[f.start:])
		f.buf = f.buf[:rest]
	}
	f.start = 0
	f.buf = append(f.buf, p...)
	return len(p), nil
}

// Buffered is how many bytes wait for the rest of their message.
func (f *Framer) Buffered() int { return len(f.buf) - f.start }

// Next returns the next whole message in bytes of its own, or nil if more bytes are needed.
// pings counts the CRLFCRLF keep-alives (RFC 5626 section 3.5.1) that came before it,
// each of which the server side answers with one CRLF. Errors are final; with the first one comes the header of the message that
// cannot be cut out, if it is complete, so that its sender can be told.
func (f *Framer) Next() (msg []byte, pings int, err error) {
	if f.err != nil {
		return nil, 0, f.err
	}
	limit := f.MaxSize
	if limit <= 0 {
		limit = MaxSize
	}
	if f.need == 0 {
		pings = f.skipLineEnds()
		rest := f.buf[f.start:]
		head := headEnd(rest, f.scanned)
		if head < 0 {
			f.scanned = max(0, len(rest)-2)
			if len(rest) > limit {
				f.err = ErrTooLarge
			}
			return nil, pings, f.err
		}
		if f.need, f.err = frameLen(rest[:head], limit); f.err != nil {
			return bytes.Clone(rest[:head]), pings, f.err
		}
	}
	if f.Buffered() < f.need {
		return nil, pings, nil
	}
	msg = bytes.Clone(f.buf[f.start : f.start+f.need])
	f.start += f.need
	f.need, f.scanned, f.ends = 0, 0, 0
	return msg, pings, nil
}

// skipLineEnds drops line ends before a message and counts the pings in them.
func (f *Framer) skipLineEnds() (pings int) {
	for ; f.start < len(f.buf) && isLineEnd(f.buf[f.start]); f.start++ {
		f.scanned = 0
		if f.buf[f.start] != '\n' {
			continue
		}
		if f.ends++; f.ends%2 == 0 {
			pings++
		}
	}
	return pings
}
