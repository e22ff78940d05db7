package message

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestFrame(t *testing.T) {
	head := "OPTIONS sip:a SIP/2.0\r\nCall-ID: x\r\n"
	for _, c := range []struct {
		name, in string
		n, skip  int
		err      error
	}{
		{"empty", "", 0, 0, nil},
		{"ping", "\r\n\r\n", 0, 4, nil},
		{"half a line", "OPTIONS", 0, 0, nil},
		{"no blank line yet", head + "l: 0\r\n", 0, 0, nil},
		{"half a blank line", head + "l: 0\r\n\r", 0, 0, nil},
		{"no body", head + "l: 0\r\n\r\n", 43, 0, nil},
		{"pings before", "\r\n\r\n\r\n" + head + "l: 0\r\n\r\n", 43, 6, nil},
		{"body missing", head + "l: 3\r\n\r\nab", 0, 0, nil},
		{"body", head + "l: 3\r\n\r\nabcOPT", 46, 0, nil},
		{"long name", head + "content-LENGTH  :\t3 \r\n\r\nabc", 62, 0, nil},
		{"folded", head + "l:\r\n 3\r\n\r\nabc", 48, 0, nil},
		{"bare LF", "A sip:a SIP/2.0\nl: 1\n\nx", 23, 0, nil},
		{"in a folded line", head + "X: y\r\n l: 7\r\nl: 0\r\n\r\n", 56, 0, nil},
		{"no length", head + "\r\n", 0, 0, ErrContentLength},
		{"two lengths", head + "l: 0\r\nContent-Length: 0\r\n\r\n", 0, 0, ErrContentLength},
		{"negative", head + "l: -1\r\n\r\n", 0, 0, ErrContentLength},
		{"empty length", head + "l:\r\n\r\n", 0, 0, ErrContentLength},
		{"overflow", head + "l: 18446744073709551617\r\n\r\n", 0, 0, ErrContentLength},
		{"too large", head + "l: 9999\r\n\r\n", 0, 0, ErrTooLarge},
		{"endless header", strings.Repeat("a", 2001), 0, 0, ErrTooLarge},
		{"endless folding", head + "l:" + strings.Repeat("\r\n 1", 100) + "\r\n\r\n", 0, 0, ErrContentLength},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, skip, err := Frame([]byte(c.in), 2000)
			if n != c.n || skip != c.skip || !errors.Is(err, c.err) {
				t.Errorf("got %d, %d, %v, want %d, %d, %v", n, skip, err, c.n, c.skip, c.err)
			}
		})
	}
}

// frames feeds a stream in pieces of the given size and returns what comes out.
func frames(stream []byte, size int) (msgs []string, pings int, err error) {
	f := Framer{MaxSize: 4096}
	for len(stream) > 0 {
		n := min(size, len(stream))
		_, _ = f.Write(stream[:n])
		stream = stream[n:]
		for {
			msg, p, err := f.Next()
			pings += p
			if err != nil {
				return msgs, pings, err
			}
			if msg == nil {
				break
			}
			msgs = append(msgs, string(msg))
		}
	}
	return msgs, pings, nil
}

func TestFramer(t *testing.T) {
	other := "SIP/2.0 200 OK\nl: 2\n\n\r\n"
	stream := []byte("\r\n\r\n" + invite + "\r\n" + other + "\r\n\r\n\r\n\r\n" + invite)
	for size := 1; size <= len(stream); size++ {
		msgs, pings, err := frames(stream, size)
		if err != nil || len(msgs) != 3 || msgs[0] != invite || msgs[1] != other || msgs[2] != invite || pings != 3 {
			t.Fatalf("pieces of %d: %d messages, %d pings, %v", size, len(msgs), pings, err)
		}
	}
}

func TestFramerFails(t *testing.T) {
	var f Framer
	_, _ = f.Write([]byte("OPTIONS sip:a SIP/2.0\r\n\r\n"))
	for range 2 {
		if _, _, err := f.Next(); !errors.Is(err, ErrContentLength) {
			t.Fatal(err)
		}
	}
	f = Framer{MaxSize: 100}
	_, _ = f.Write(bytes.Repeat([]byte("a"), 101))
	if _, _, err := f.Next(); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
}

// BenchmarkFramerBytes is the slow-drip attack: the largest message in segments of one byte.
func BenchmarkFramerBytes(b *testing.B) {
	stream := []byte("OPTIONS sip:a SIP/2.0\r\n" + strings.Repeat("X: y\r\n", 10000) + "l: 0\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		var f Framer
		for i := range stream {
			_, _ = f.Write(stream[i : i+1])
			if msg, _, err := f.Next(); err != nil || (msg != nil) != (i == len(stream)-1) {
				b.Fatal(i, err)
			}
		}
	}
}
