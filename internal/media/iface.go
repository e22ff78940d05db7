package media

import "net/netip"

// choose finds the interface for an endpoint, nil when there is none of that name.
func (p *Plane) choose(name string, remote netip.Addr) *Interface {
	var found *Interface
	several := false
	for i := range p.cfg.Interfaces {
		n := &p.cfg.Interfaces[i]
		several = several || n.Name != p.cfg.Interfaces[0].Name
		if n.Name != name {
			continue
		}
		if found == nil || remote.IsValid() && n.Address.Is4() == remote.Unmap().Is4() && found.Address.Is4() != n.Address.Is4() {
			found = n
		}
	}
	if first := p.cfg.Interfaces[0].Name; found == nil && (name == "" || !several) && name != first {
		return p.choose(first, remote)
	}
	return found
}

// Place numbers the addresses among which Open chooses: what it opens for the same interface, and a remote of the same family, has
// the same one. It is -1 where Open would return ErrInterface.
func (p *Plane) Place(name string, remote netip.Addr) int {
	n := p.choose(name, remote)
	for i := range p.cfg.Interfaces {
		if n == &p.cfg.Interfaces[i] {
			return i
		}
	}
	return -1
}

// plausible reports whether a can be the source or the target of a remote's
// media at this interface: never multicast, broadcast or unspecified, loopback
// only where the interface itself is on loopback, and of its family.
func (n *Interface) plausible(a netip.AddrPort) bool {
	ip := a.Addr()
	return a.Port() != 0 && ip.IsValid() && !ip.IsUnspecified() && !ip.IsMulticast() &&
		ip != netip.AddrFrom4([4]byte{255, 255, 255, 255}) &&
		(!ip.IsLoopback() || n.Address.IsLoopback() || n.Advertise.IsLoopback()) &&
		ip.Is4() == n.Address.Is4()
}

// own reports whether a is in the plane's own range of ports, at any interface.
func (p *Plane) own(a netip.AddrPort) bool {
	if int(a.Port()) < p.base || int(a.Port()) >= p.base+2*len(p.table) {
		return false
	}
	for i := range p.cfg.Interfaces {
		if n := &p.cfg.Interfaces[i]; a.Addr() == n.Address || a.Addr() == n.Advertise {
			return true
		}
	}
	return false
}
