package b2bua

import (
	"net/netip"

	"github.com/koppelfeld/koppelfeld/internal/media"
)

// Relay makes Media of the media plane.
func Relay(p *media.Plane) Media { return relay{p} }

type relay struct{ plane *media.Plane }

func (r relay) Open(o media.Options, near Endpoint) (Endpoint, error) {
	o.Near, _ = near.(*media.Endpoint)
	e, err := r.plane.Open(o)
	if err != nil {
		return nil, err
	}
	return e, nil
}

func (r relay) Place(iface string, remote netip.Addr) int { return r.plane.Place(iface, remote) }

func (r relay) Fingerprint() [32]byte { return r.plane.Fingerprint() }

func (r relay) Bridge(a, b Endpoint) {
	x, okX := a.(*media.Endpoint)
	y, okY := b.(*media.Endpoint)
	if okX && okY {
		media.Bridge(x, y)
	}
}
