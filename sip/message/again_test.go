package message

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

// TestParseAgain reads messages of all kinds into the same memory; each must be what it would have been alone.
func TestParseAgain(t *testing.T) {
	texts := map[string][]byte{"an INVITE": []byte(invite), "garbage": []byte("garbage\r\n\r\n"), "many lines": []byte(strings.Replace(invite, "\r\n\r\n", strings.Repeat("\r\nX: y", 40)+"\r\n\r\n", 1))}
	for name, raw := range torture(t) {
		texts[name] = raw
	}
	var spare *Message
	for round := range 3 {
		for name, raw := range texts {
			alone, wantErr := ParseCopy(raw)
			m, err := ParseAgain(spare, raw)
			if (m == nil) != (alone == nil) || (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
				t.Fatalf("%s, round %d: %v, %v, want %v, %v", name, round, m, err, alone, wantErr)
			}
			if m == nil {
				continue
			}
			for _, m := range [...]*Message{m, alone} {
				m.SetReceived(netip.MustParseAddr("192.0.2.77"), 4711)
			}
			if !bytes.Equal(m.Raw(), alone.Raw()) {
				t.Fatalf("%s, round %d: %q, want %q", name, round, m.Raw(), alone.Raw())
			}
			if err == nil {
				compare(t, alone, m)
			}
			spare = m
		}
	}
}

// TestNoAllocation: what is answered and forgotten costs no memory.
func TestNoAllocation(t *testing.T) {
	raw := []byte(invite)
	spare, err := ParseCopy(raw)
	if err != nil {
		t.Fatal(err)
	}
	to := forgetful{}
	n := testing.AllocsPerRun(100, func() {
		m, err := ParseAgain(spare, raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := NewResponse(m, 401, "", "tag").Add("X", "y").Send(to); err != nil {
			t.Fatal(err)
		}
		spare = m
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}

type forgetful struct{}

func (forgetful) Send([]byte) error { return nil }

// TestSpareIsNotTooLarge: a small message that is kept must not hold the memory of a large one.
func TestSpareIsNotTooLarge(t *testing.T) {
	large, err := ParseCopy([]byte(invite + strings.Repeat(" ", 4000)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseAgain(large, []byte(invite))
	if err != nil || m == large || cap(m.raw) > len(invite)+receivedRoom {
		t.Errorf("%v, %d bytes for %d", err, cap(m.raw), len(invite))
	}
}
