package config

import (
	"fmt"
	"net/netip"
)

// Interface is a place to listen besides that of SIP.Listen and Media.Address, such as the side of a provider.
type Interface struct {
	Name string `toml:"name"`
	// Listen holds addresses as SIP.Listen does.
	Listen []string `toml:"listen"`
	// Advertise is shown in SIP in place of the listeners' addresses, when set.
	Advertise string `toml:"advertise"`
	// Media is the local address for RTP, MediaAdvertise what SDP shows in its place when set.
	Media          string `toml:"media"`
	MediaAdvertise string `toml:"media_advertise"`
	// Media6 and Media6Advertise are the same for the other address family, for phones that speak that.
	Media6          string `toml:"media6"`
	Media6Advertise string `toml:"media6_advertise"`
}

// Listeners are the listeners of all interfaces.
func (c *Config) Listeners() []string {
	list := append([]string(nil), c.SIP.Listen...)
	for _, n := range c.Interfaces {
		list = append(list, n.Listen...)
	}
	return list
}

func (c *Config) validateInterfaces(fault func(key, format string, args ...any)) {
	address := func(key, s string, must, own bool) {
		if s == "" && !must {
			return
		}
		if a, err := netip.ParseAddr(s); err != nil || a.IsUnspecified() || own && a.IsMulticast() {
			fault(key, "must be an IP address, is %q", s)
		}
	}
	names, taken := map[string]bool{"": true}, map[string]bool{}
	for _, l := range c.SIP.Listen {
		taken[l] = true
	}
	for i, n := range c.Interfaces {
		key := fmt.Sprintf("interface[%d]", i)
		if names[n.Name] {
			fault(key+".name", "must be a name of its own, is %q", n.Name)
		}
		names[n.Name] = true
		if len(n.Listen) == 0 {
			fault(key+".listen", "needs at least one address")
		}
		for _, l := range n.Listen {
			if taken[l] {
				fault(key+".listen", "%q is given twice", l)
			}
			taken[l] = true
		}
		c.validateListen(key+".listen", n.Listen, fault)
		address(key+".advertise", n.Advertise, false, false)
		address(key+".media", n.Media, c.Media.RelayOn(), true)
		address(key+".media_advertise", n.MediaAdvertise, false, false)
		address(key+".media6", n.Media6, false, true)
		address(key+".media6_advertise", n.Media6Advertise, false, false)
	}
}
