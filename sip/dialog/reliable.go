package dialog

import (
	"strconv"
	"strings"
	"time"
)

// ParseRSeq reads an RSeq value (RFC 3262 section 7.1). Zero, which it may not be, stands for none.
func ParseRSeq(s string) uint32 {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// RAck names the reliable provisional response that a PRACK acknowledges (RFC 3262 section 7.2).
type RAck struct {
	RSeq, CSeq uint32
	Method     string
}

// ParseRAck reads a RAck value.
func ParseRAck(s string) (r RAck, ok bool) {
	var word [3]string
	n := 0
	for s = strings.TrimLeft(s, " \t"); s != ""; n++ {
		if n == len(word) {
			return RAck{}, false
		}
		i := strings.IndexAny(s, " \t")
		if i < 0 {
			i = len(s)
		}
		word[n], s = s[:i], strings.TrimLeft(s[i:], " \t")
	}
	if n != len(word) {
		return RAck{}, false
	}
	rseq, err1 := strconv.ParseUint(word[0], 10, 32)
	cseq, err2 := strconv.ParseUint(word[1], 10, 32)
	if err1 != nil || err2 != nil || rseq == 0 {
		return RAck{}, false
	}
	return RAck{uint32(rseq), uint32(cseq), word[2]}, true
}

// String is the header value.
func (r RAck) String() string {
	var buf [64]byte
	b := strconv.AppendUint(buf[:0], uint64(r.RSeq), 10)
	b = append(b, ' ')
	b = strconv.AppendUint(b, uint64(r.CSeq), 10)
	b = append(b, ' ')
	return string(append(b, r.Method...))
}

// FirstRSeq draws the RSeq of the first reliable provisional response to a request: from the lower half of
// the numbers, so that they never wrap (RFC 3262 section 3).
func FirstRSeq(random func(n int) int) uint32 { return uint32(random(1<<31-1)) + 1 }

// Backoff paces the repetition of a reliable provisional response until its PRACK comes (RFC 3262 section 3): after
// T1, then at doubled intervals without bound, on every transport, until 64*T1 have passed. The zero value is at the start.
type Backoff struct {
	interval time.Duration
	elapsed  time.Duration
}

// Next returns the wait before the next repetition; more is false when the wait ends at 64*T1 and the request is to be
// refused instead.
func (b *Backoff) Next() (wait time.Duration, more bool) {
	b.interval = max(t1, 2*b.interval)
	if rest := 64*t1 - b.elapsed; b.interval >= rest {
		b.elapsed = 64 * t1
		return rest, false
	}
	b.elapsed += b.interval
	return b.interval, true
}

// RetryAfter is the wait in seconds that a peer is asked for whose request comes at a bad moment: 0 to 10, drawn at
// random (RFC 3261 section 14.2, RFC 3311 section 5.2).
func RetryAfter(random func(n int) int) int { return random(11) }
