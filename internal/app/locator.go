package app

import (
	"github.com/koppelfeld/koppelfeld/sip/b2bua"
	"github.com/koppelfeld/koppelfeld/sip/registrar"
)

// locator shows the registrar to the call side.
type locator struct{ *registrar.Registrar }

// Contacts implements b2bua.Locator. Several flows to one device are one contact, rung over the freshest of them.
func (l locator) Contacts(buf []b2bua.Contact, slotID string) []b2bua.Contact {
	list := l.Bindings(slotID)
	first := len(buf)
	for i := range list {
		b := &list[i]
		at := b2bua.Contact{URI: b.Contact, Flow: b.Flow, Path: b.Path, Instance: b.Instance}
		if b.Elsewhere() { // where it registered from is the last resort
			at.Others, at.Flow = []b2bua.Contact{at}, nil
		}
		if !b.Outbound {
			buf = append(buf, at)
			continue
		}
		known := false
		for j := range buf[first:] {
			if c := &buf[first+j]; c.Instance == b.Instance && c.SeveralFlows {
				c.Others, known = append(c.Others, at), true
				break
			}
		}
		if !known {
			at.SeveralFlows = true
			buf = append(buf, at)
		}
	}
	return buf
}
