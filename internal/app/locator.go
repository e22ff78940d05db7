package app

import (
	"github.com/koppelfeld/koppelfeld/sip/b2bua"
	"github.com/koppelfeld/koppelfeld/sip/registrar"
)

// locator shows the registrar to the call side.
type locator struct{ *registrar.Registrar }

// Contacts implements b2bua.Locator.
func (l locator) Contacts(buf []b2bua.Contact, slotID string) []b2bua.Contact {
	for _, b := range l.Bindings(slotID) {
		buf = append(buf, b2bua.Contact{URI: b.Contact, Flow: b.Flow, Path: b.Path})
	}
	return buf
}
