package b2bua

import (
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// maxTries bounds how often a contact is asked again because of what it supports or wants.
const maxTries = 2

// with tries again when a contact wants an extension that we have and did not list (421, RFC 3261 section 21.4.16).
func (f *fork) with(res *message.Message) bool {
	have := append(Extensions(), "199")
	list := f.list()
	grown := len(list)
	for tag := range res.Values(message.HRequire) {
		tag = strings.ToLower(tag)
		switch {
		case slices.Contains(list, tag):
		case !slices.Contains(have, tag), tag == reliably && f.c.offerBody == nil: // see extensions
			return false
		default:
			list = append(list, tag)
		}
	}
	return len(list) > grown && f.relist(list)
}

// without tries again when a contact cannot bear an extension that we have listed (420, RFC 3261 section 8.1.3.5). We
// require none, but not everybody tells the one from the other.
func (f *fork) without(res *message.Message) bool {
	list := f.list()
	before := len(list)
	for tag := range res.Values(message.HUnsupported) {
		tag = strings.ToLower(tag)
		list = slices.DeleteFunc(list, func(s string) bool { return s == tag })
	}
	return len(list) < before && f.relist(list)
}

// list is what the last INVITE has listed.
func (f *fork) list() []string { return strings.Split(f.extensions(), ", ") }

// relist sends the INVITE with other extensions listed.
func (f *fork) relist(list []string) bool {
	if f.state == forkCancelling || f.c.phase != ringing || f.tries >= maxTries {
		return false
	}
	f.tries++
	if f.listed = strings.Join(list, ", "); f.listed == "" {
		f.listed = supportedInDialog
	}
	f.restart()
	f.send()
	return true
}
