// Package dialoginfo is the event package "dialog" (RFC 4235): lamps that show whether a number is free, rings or is
// in a call. It reads the table of live calls at the moment in which it writes a document and keeps no calls of its own, so
// that no lamp can be lit without a call.
//
// Every document is full state. It names no parties: who calls whom is for those who have a right to know it. A document is
// kept so small that its NOTIFY fits into one datagram; of more calls than that the most important are shown, which is
// all that a lamp needs.
package dialoginfo

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/event"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// Name is the name of the event package.
const Name = "dialog"

// contentType is the type of its documents.
const contentType = "application/dialog-info+xml"

// Bounds of a document.
const (
	maxCalls  = 64 // looked at for one number
	maxShown  = 4  // live dialogs in one document
	maxEnded  = 2  // ended ones
	usualSize = 900
)

// Table is the table of live calls; *calls.Table is one.
type Table interface {
	Over(buf []calls.Over, number string, limit int) []calls.Over
}

// Package implements event.Package.
type Package struct {
	// Table says which calls run over a number.
	Table Table
	// Known reports whether a number exists. Every number that does may be watched by every account of the system.
	Known func(number string) bool
	// Domain is the host part of the entities shown.
	Domain string
}

// Traits implements event.Package. The pace is half of what RFC 4235 section 3.10 recommends as the least, since a lamp
// that lags behind is what people complain about.
func (p *Package) Traits() event.Traits {
	return event.Traits{Name: Name, Accept: []string{contentType}, Pace: 500 * time.Millisecond}
}

// Authorize implements event.Package.
func (p *Package) Authorize(_ *auth.Account, uri message.URI) (string, int) {
	number, ok := routing.Dialled(message.Unescape(uri.User))
	if !ok || !p.Known(number) {
		return "", 404
	}
	return number, 0
}

// shown is a dialog in a document.
type shown struct {
	id        string
	recipient bool
	state     state
}

// state is a dialog's state (RFC 4235 section 3.7.1); the greater says more about a lamp.
type state uint8

const (
	terminated state = iota
	trying
	early
	confirmed
)

var stateNames = [...]string{"terminated", "trying", "early", "confirmed"}

// stateOf is the dialog's state of a call.
func stateOf(s calls.State) state {
	switch s {
	case calls.Routing:
		return trying
	case calls.Ringing:
		return early
	case calls.Up:
		return confirmed
	}
	return terminated
}

// memory is what a subscriber was shown as living in the last document.
type memory struct{ ids []string }

// State implements event.Package.
func (p *Package) State(w *event.Watch) ([]byte, bool) {
	if !p.Known(w.Resource) {
		return nil, false
	}
	m, _ := w.Memory.(*memory)
	if m == nil {
		m = &memory{}
		w.Memory = m
	}
	return document(w, p.Domain, m.dialogs(p.Table.Over(nil, w.Resource, maxCalls))), true
}

// dialogs picks what to show, and remembers it.
func (m *memory) dialogs(over []calls.Over) []shown {
	live := make([]shown, 0, len(over))
	for i := range over {
		o := &over[i]
		if s := stateOf(o.Call.State); s != terminated {
			live = append(live, shown{dialogID(o), o.Side == calls.CalleeSide, s})
		}
	}
	var ended []shown
	for _, id := range m.ids {
		if len(ended) < maxEnded && !slices.ContainsFunc(live, func(d shown) bool { return d.id == id }) {
			ended = append(ended, shown{id: id, recipient: id[len(id)-1] == 'b'})
		}
	}
	slices.SortFunc(live, func(a, b shown) int {
		return cmp.Or(cmp.Compare(b.state, a.state), cmp.Compare(b.id, a.id))
	})
	live = live[:min(len(live), maxShown)]
	m.ids = m.ids[:0]
	for i := range live {
		m.ids = append(m.ids, live[i].id)
	}
	return append(live, ended...)
}

// dialogID names one side of a call.
func dialogID(o *calls.Over) string {
	if o.Side == calls.CalleeSide {
		return o.Call.ID + "-b"
	}
	return o.Call.ID + "-a"
}

// document writes a full state document. Where there is nothing to show it holds one dialog that has ended: the RFC
// asks for none, but phones exist that leave the lamp as it is when they find none.
func document(w *event.Watch, domain string, dialogs []shown) []byte {
	b := make([]byte, 0, usualSize)
	b = append(b, `<?xml version="1.0"?>`+"\n"+`<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="`...)
	b = strconv.AppendUint(b, uint64(w.Version), 10)
	b = append(b, `" state="full" entity="sip:`...)
	b = append(append(append(b, w.Resource...), '@'), domain...) // digits, and a domain that the configuration has checked
	b = append(b, `">`...)
	if len(dialogs) == 0 {
		b = append(b, `<dialog id="none"><state>terminated</state></dialog>`...)
	}
	for i := range dialogs {
		d := &dialogs[i]
		b = append(append(b, `<dialog id="`...), d.id...)
		if d.recipient {
			b = append(b, `" direction="recipient"><state>`...)
		} else {
			b = append(b, `" direction="initiator"><state>`...)
		}
		b = append(append(b, stateNames[d.state]...), `</state></dialog>`...)
	}
	return append(b, "</dialog-info>\n"...)
}
