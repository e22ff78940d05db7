package transport

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func TestSTUNAnswer(t *testing.T) {
	id := []byte{0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	req := func(kind byte, attrs ...byte) []byte {
		return append(append([]byte{0, kind, 0, byte(len(attrs))}, id...), attrs...)
	}
	for name, tc := range map[string]struct {
		req  []byte
		from string
		want string // attribute, in hex
	}{
		// 192.0.2.1:32853 as in RFC 5769 section 2.2.
		"IPv4":            {req(1), "192.0.2.1:32853", "002000080001a147e112a643"},
		"IPv4 in IPv6":    {req(1), "[::ffff:192.0.2.1]:32853", "002000080001a147e112a643"},
		"IPv6":            {req(1), "[2001:db8::1]:32853", "002000140002a1470113a9fa010203040506070809" + "0a0b0d"},
		"optional":        {req(1, 0x80, 0x22, 0, 3, 'a', 'b', 'c', 0), "192.0.2.1:32853", "002000080001a147e112a643"},
		"must understand": {req(1, 0, 6, 0, 4, 'u', 's', 'e', 'r'), "192.0.2.1:32853", ""},
		"cut short":       {req(1, 0x80, 0x22, 0, 9, 'a', 'b', 'c', 0), "192.0.2.1:32853", ""},
		"wrong length":    {append(req(1), 0, 0, 0, 0), "192.0.2.1:32853", ""},
		"a response":      {append([]byte{1, 1, 0, 0}, id...), "192.0.2.1:32853", ""},
		"an indication":   {append([]byte{0, 0x11, 0, 0}, id...), "192.0.2.1:32853", ""},
		"large":           {req(1, append([]byte{0x80, 0x22, 0, 120}, make([]byte, 120)...)...), "192.0.2.1:32853", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := stunAnswer(tc.req, netip.MustParseAddrPort(tc.from))
			if tc.want == "" {
				if got != nil {
					t.Errorf("answered with %x", got)
				}
				return
			}
			if len(got) < 20 || !bytes.Equal(got[4:20], id) || got[0] != 1 || got[1] != 1 || int(got[3]) != len(got)-20 || hex.EncodeToString(got[20:]) != tc.want {
				t.Errorf("answered with %x, want the attribute %s", got, tc.want)
			}
		})
	}
}

func FuzzSTUNAnswer(f *testing.F) {
	corpus.Add(f)
	f.Add(append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if !isSTUN(b) {
			return
		}
		if got := stunAnswer(b, netip.MustParseAddrPort("[2001:db8::1]:5060")); len(got) > len(b)+24 {
			t.Fatalf("%d bytes for %d", len(got), len(b))
		}
	})
}
