package b2bua

import (
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// device is one phone of a slot, named by a GRUU (RFC 5627).
type device struct {
	slot, instance string
}

// deviceOf finds the device that a URI names.
func (u *UA) deviceOf(uri string) (device, bool) {
	devices, ok := u.cfg.Locator.(Devices)
	if !ok || !strings.Contains(uri, ";gr") {
		return device{}, false
	}
	parsed, err := message.ParseURI(uri)
	if err != nil {
		return device{}, false
	}
	slot, instance, ok := devices.Device(parsed)
	return device{slot, instance}, ok
}

// deviceFlow is an open flow to the device that a URI names, nil when there is none.
func (u *UA) deviceFlow(uri string) *transport.Flow {
	d, ok := u.deviceOf(uri)
	if !ok {
		return nil
	}
	var buf [8]Contact
	for _, at := range u.cfg.Locator.Contacts(buf[:0], d.slot) {
		if at.Instance != d.instance {
			continue
		}
		for _, at := range append([]Contact{at}, at.Others...) {
			if at.Flow != nil && !at.Flow.Closed() {
				return at.Flow
			}
		}
	}
	return nil
}

// dialled is what a request calls: a number, or, by GRUU, one device. That is routed like a number of its slot, so that
// nobody is reached who could not be called, and rings only there.
func (u *UA) dialled(req *message.Message) (called string, only device) {
	called = calledNumber(req)
	if u.cfg.SlotNumber == nil {
		return called, device{}
	}
	d, ok := u.deviceOf(req.URI())
	if !ok {
		return called, device{}
	}
	if number := u.cfg.SlotNumber(d.slot); number != "" {
		return number, d
	}
	return called, device{}
}

// leaves reports whether a contact of a slot is left out because the call is for another device.
func (c *call) leaves(slot, instance string) bool {
	if len(c.hops()) > 0 {
		return false // a forward leads away from it
	}
	return c.only.slot != "" && (c.only.slot != slot || c.only.instance != instance)
}
