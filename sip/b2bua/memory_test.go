package b2bua

import (
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// TestMemoryOfACall bounds what a call costs on the SIP side while it is up, and while
// its transactions linger after its end.
func TestMemoryOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := siptest.NewNetwork(t, 1)
		l := newLine(t, true, transport.Config{
			Network: net.Host(netip.MustParseAddr("10.0.0.1")), Listen: []string{"udp://10.0.0.1:5060"},
		})
		defer l.stop()
		synctest.Wait()
		heap := func() int {
			var m runtime.MemStats
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc)
		}
		const n = 1000
		for i := range n {
			l.call(i, true)
		}
		fresh := heap()
		time.Sleep(70 * time.Second)
		synctest.Wait()
		gone := heap()
		for i := range n {
			l.call(n+i, false)
		}
		time.Sleep(70 * time.Second)
		synctest.Wait()
		held := heap()
		if l.ua.Active() != n {
			t.Errorf("%d calls are up", l.ua.Active())
		}
		t.Logf("%d bytes linger after a call, %d bytes for a held one", (fresh-gone)/n, (held-gone)/n)
		if linger := (fresh - gone) / n; linger > 16<<10 {
			t.Errorf("%d bytes linger after a call", linger)
		}
		if each := (held - gone) / n; each > 16<<10 {
			t.Errorf("%d bytes for a held call", each)
		}
		l.table.HangupAll("enough")
		time.Sleep(70 * time.Second)
		synctest.Wait()
	})
}
