package trace

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/ladder"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

type link struct{ proto transport.Proto }

func (l link) Proto() transport.Proto            { return l.proto }
func (link) Local() netip.AddrPort               { return netip.MustParseAddrPort("192.0.2.1:5060") }
func (link) SendTo([]byte, netip.AddrPort) error { return nil }
func (link) Closed() bool                        { return false }
func flow(p transport.Proto, to string) *transport.Flow {
	return transport.NewFlow(link{p}, netip.MustParseAddrPort(to))
}

var start = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func text(i, size int) []byte {
	b := fmt.Appendf(nil, "INFO sip:a SIP/2.0\r\nCSeq: %d INFO\r\n\r\n", i)
	return append(b, strings.Repeat("x", max(size-len(b), 0))...)
}

// numbers are the CSeq numbers of what was kept.
func numbers(c ladder.Call) (out []int) {
	for _, m := range c.Messages {
		var n int
		if _, err := fmt.Sscanf(m.Text, "INFO sip:a SIP/2.0\r\nCSeq: %d", &n); err == nil {
			out = append(out, n)
		}
	}
	return out
}

func TestARingKeepsTheBeginningAndTheNewest(t *testing.T) {
	for _, tc := range []struct {
		name   string
		limits Limits
		n      int
		size   int
	}{
		{"by number", Limits{Messages: 40}, 500, 50},
		{"by bytes", Limits{Bytes: 8 << 10}, 500, 150},
		{"all", Limits{}, 100, 50},
	} {
		for _, packed := range []bool{false, true} {
			t.Run(fmt.Sprint(tc.name, " packed=", packed), func(t *testing.T) {
				b := New(tc.limits)
				r := b.Open("1", start)
				f := flow(transport.UDP, "198.51.100.1:5060")
				for i := range tc.n {
					now := start.Add(time.Duration(i) * time.Minute)
					r.Out(now, f, text(i, tc.size))
					if packed {
						b.Pack(now.Add(packAfter))
					}
				}
				c := b.Find("1").Copy().Call()
				got := numbers(c)
				if len(got)+c.Skipped != tc.n || len(got) != len(c.Messages) {
					t.Errorf("%d kept, %d skipped of %d", len(got), c.Skipped, tc.n)
				}
				for i := range min(beginning, len(got)) {
					if got[i] != i {
						t.Fatalf("message %d of the beginning is %d", i, got[i])
					}
				}
				for i := 1; i < len(got)-beginning; i++ {
					if got[len(got)-i] != tc.n-i {
						t.Fatalf("the newest are %v", got[beginning:])
					}
				}
				if n := b.limits.Messages; len(got) > n {
					t.Errorf("%d messages kept, allowed %d", len(got), n)
				}
				if s := b.Stats(); s.Bytes > b.limits.Bytes || s.Bytes != r.bytes || s.Skipped != uint64(c.Skipped) {
					t.Errorf("%+v, ring %d bytes, allowed %d", s, r.bytes, b.limits.Bytes)
				}
			})
		}
	}
}

func TestABookIsBounded(t *testing.T) {
	b := New(Limits{Bytes: 4 << 10, Ended: 10 << 10, Total: 20 << 10})
	f := flow(transport.UDP, "198.51.100.1:5060")
	for i := range 100 { // each 1 KiB, ended
		r := b.Open(fmt.Sprint("ended", i), start)
		r.Out(start, f, text(i, 1<<10-overhead))
		r.Close(start)
	}
	if s := b.Stats(); s.Ended != 10 || s.Bytes != 10<<10 {
		t.Fatalf("%+v after calls that ended", s)
	}
	if b.Find("ended99") == nil || b.Find("ended89") != nil {
		t.Error("not the newest were kept")
	}
	gone := b.Find("ended90")
	for i := range 100 { // running
		b.Open(fmt.Sprint("running", i), start).Out(start, f, text(i, 1<<10-overhead))
	}
	s := b.Stats()
	if s.Ended != 0 || s.Bytes != 20<<10 || s.Running != 100 || s.Skipped != 80 {
		t.Errorf("%+v with many running", s)
	}
	gone.Out(start, f, text(1, 100)) // a late message of a call that was dropped
	if b.Stats().Bytes != s.Bytes || len(gone.entries) != 0 {
		t.Error("a dropped call goes on to keep messages")
	}
	for i := range 100 {
		b.Find(fmt.Sprint("running", i)).Close(start)
	}
	b.Expire(start.Add(2 * time.Hour))
	if s := b.Stats(); s.Bytes != 0 || s.Ended != 0 || s.Running != 0 || b.rest != 0 {
		t.Errorf("%+v after all", s)
	}
}

func TestMessagesOfCallsAreShownMasked(t *testing.T) {
	raw := "INVITE sip:416@koppelfeld.example SIP/2.0\r\nVia: SIP/2.0/TCP 198.51.100.1:5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n" +
		"From: <sip:417@koppelfeld.example>;tag=1\r\nTo: <sip:416@koppelfeld.example>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n" +
		"Authorization: Digest username=\"iris\", response=\"0123456789abcdef\"\r\nContent-Type: application/sdp\r\nContent-Length: 70\r\n\r\n" +
		"v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0c2VjcmV0c2VjcmV0\r\n"
	m, err := message.Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	b := New(Limits{})
	r := b.Open("1", start)
	r.In(start, flow(transport.TCP, "198.51.100.1:5060"), m)
	c := r.Copy().Call()
	if len(c.Messages) != 1 || c.Messages[0].Out || c.Messages[0].Transport != "TCP" || c.Messages[0].Remote.String() != "198.51.100.1:5060" {
		t.Fatalf("%+v", c)
	}
	for _, secret := range []string{"0123456789abcdef", "c2VjcmV0"} {
		if strings.Contains(c.Messages[0].Text, secret) {
			t.Errorf("%q is shown in %q", secret, c.Messages[0].Text)
		}
	}
	if !strings.HasPrefix(c.Messages[0].Text, "INVITE sip:416@") {
		t.Errorf("%q", c.Messages[0].Text)
	}
}

func TestPackingIsNotSeen(t *testing.T) {
	b := New(Limits{})
	r := b.Open("1", start)
	f := flow(transport.UDP, "198.51.100.1:5060")
	for i := range 10 {
		r.Out(start, f, text(i, 900))
	}
	before, size := fmt.Sprint(r.Copy().Call()), b.Stats().Bytes
	if more, again := b.Pack(start.Add(packAfter - 1)); more || !again || r.packed != nil {
		t.Fatal("packed too early")
	}
	if more, again := b.Pack(start.Add(packAfter)); more || again || r.packed == nil {
		t.Fatal("not packed")
	}
	if got := b.Stats().Bytes; got >= size/3 || got != r.bytes {
		t.Errorf("%d bytes of %d are left", got, size)
	}
	if after := fmt.Sprint(r.Copy().Call()); after != before {
		t.Error("packing changed what is shown")
	}
	r.Out(start, f, text(10, 900)) // and goes on
	if got := numbers(r.Copy().Call()); len(got) != 11 || got[10] != 10 {
		t.Errorf("%v", got)
	}
}

func TestNothingIsKeptWhenSwitchedOff(t *testing.T) {
	var b *Book
	r := b.Open("1", start)
	r.Out(start, flow(transport.UDP, "198.51.100.1:5060"), text(1, 100))
	r.Close(start)
	if b.Find("1") != nil || r.ID() != "" {
		t.Error("something is kept")
	}
}
