package testnet

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// Link is a line between two namespaces that treats packets badly: a TUN interface in each, and this process in between. A
// kernel may come without netem, and netem has no seed.
type Link struct {
	road *road
	ends [2]*os.File
	wg   sync.WaitGroup
}

// NewLink makes interfaces called device in namespaces a and b with the addresses "198.18.0.1/30" and so on.
func (n *Namespaces) NewLink(device, a, addressA, b, addressB string, impair Impair) (*Link, error) {
	l := &Link{road: newRoad(impair)}
	for i, end := range [2]struct{ ns, address string }{{a, addressA}, {b, addressB}} {
		f, err := n.openTun(end.ns, device)
		if err != nil {
			l.Close()
			return nil, err
		}
		l.ends[i] = f
		err = n.Script(end.ns, fmt.Sprintf("ip addr add %s dev %s\nip link set %s up", end.address, device, device))
		if err != nil {
			l.Close()
			return nil, err
		}
	}
	for i := range l.ends {
		l.wg.Go(func() { l.carry(l.ends[i], l.ends[1-i]) })
	}
	return l, nil
}

// Close ends the line.
func (l *Link) Close() {
	l.road.close()
	for _, f := range l.ends {
		if f != nil {
			_ = f.Close()
		}
	}
	l.wg.Wait()
}

// Passed returns the counts so far.
func (l *Link) Passed() Passed { return l.road.counts() }

func (l *Link) carry(from, to *os.File) {
	b := make([]byte, 65536)
	for faults := 0; faults < 100; { // an interface that is gone fails for ever
		n, err := from.Read(b)
		switch {
		case errors.Is(err, os.ErrClosed):
			return
		case err != nil:
			faults++
		default:
			l.road.pass(b[:n], func(b []byte) { _, _ = to.Write(b) })
		}
	}
}
