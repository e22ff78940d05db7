package b2bua

import (
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// A call to a sips URI (RFC 3261 section 26.2.2, RFC 5630) goes over TLS on every hop: it reaches those phones only that have
// registered a sips contact, and whatever comes of it, by redirection, transfer or take-over, stays like that. A call to a sip
// URI reaches phones with a sips contact too, over their TLS connection, under the same URI with the scheme of the call.

// suits reports whether a contact may be rung for the call (RFC 5630 section 5.3).
func (c *call) suits(contact string) bool { return !c.sips || message.Secure(contact) }

// uri is the Request-URI for the contact: in a call to a sip URI never a sips one (RFC 5630 section 5.3).
func (f *fork) uri() string {
	if !f.c.sips && message.Secure(f.contact) {
		return "sip" + f.contact[len("sips"):]
	}
	return f.contact
}

// consistent reports whether an INVITE is as secure as it says: one to a sips URI has a sips Contact, and over an insecure flow,
// unless a proxy stays in the way, it has none.
func (c *call) consistent(req *message.Message) bool {
	contact, _ := req.Contact()
	if !message.Secure(contact.URI) {
		return !c.sips
	}
	return c.a.dlg.Flow.Secure() || req.Has(message.HRecordRoute)
}

// sipsNotAllowed is how a call to a sips URI ends that finds phones without a sips contact only.
func sipsNotAllowed() ending {
	return ending{
		result: calls.Unreachable, status: 480, by: bySystem, warning: `380 "SIPS Not Allowed"`,
		cause: "the call was to a sips address, and the phones are not registered with one",
	}
}

// sipsRequired is how a call ends that was to go on, less secure, with a party of a call to a sips URI.
func sipsRequired() ending {
	return ending{
		result: calls.Unreachable, status: 480, by: bySystem, warning: `381 "SIPS Required"`,
		cause: "the call that was to be taken over is to a sips address",
	}
}
