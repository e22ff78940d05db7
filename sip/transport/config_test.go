package transport

import (
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func FuzzParseListen(f *testing.F) {
	corpus.Add(f)
	for _, s := range []string{"udp://127.0.0.1:5060", "tcp://[::1]:0", "udp://:5060", "tls://1.2.3.4:5061", "udp://0.0.0.0:65535", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		proto, ap, err := parseListen(s)
		if err != nil {
			return
		}
		if !proto.Known() {
			t.Fatalf("protocol %q", proto)
		}
		if ap.Addr().Is4In6() {
			t.Fatalf("address %v is not unmapped", ap)
		}
	})
}
