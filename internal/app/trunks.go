package app

import (
	"net/netip"

	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/sip/trunk"
)

// openTrunks makes the ways outside that the configuration names. It was validated when it was loaded.
func openTrunks(cfg config.Config) (*trunk.Trunks, error) {
	list := make([]trunk.Trunk, len(cfg.Trunks))
	for i, t := range cfg.Trunks {
		list[i] = trunk.Trunk{Name: t.Name, Proxy: t.Proxy, Base: t.Base}
		for _, f := range t.From {
			p, err := netip.ParsePrefix(f)
			if a, notPrefix := netip.ParseAddr(f); err != nil && notPrefix == nil {
				p = netip.PrefixFrom(a, a.BitLen())
			}
			list[i].From = append(list[i].From, p)
		}
	}
	return trunk.New(list, cfg.Site.Country)
}
