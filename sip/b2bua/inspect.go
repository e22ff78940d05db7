package b2bua

import (
	"time"

	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// CallInfo describes a call for people who look inside.
type CallInfo struct {
	ID      string
	Phase   string // ringing, answering, up or ended
	Start   time.Time
	From    string // number shown
	To      string // as dialled
	Pending int    // forks and legs with something under way
	Streams int    // relayed media sections
	Legs    []LegInfo
}

// LegInfo describes a dialog of a call, or a contact that is rung.
type LegInfo struct {
	Side      string // caller or callee
	Phase     string
	SlotID    string
	Contact   string // of a contact that is rung
	CallID    string
	LocalTag  string
	RemoteTag string
	Flow      *transport.Flow
	LocalSeq  uint32
	RemoteSeq uint32
	Exchange  string        // of offer and answer: stable, offer sent, offer received
	Session   time.Duration // interval of the session timer, 0 for none
}

var (
	phaseNames    = [...]string{ringing: "ringing", holding: "holding", answering: "answering", up: "up", ended: "ended"}
	legNames      = [...]string{legEarly: "early", legUp: "up", legLeaving: "leaving", legBye: "bye", legGone: "gone"}
	forkNames     = [...]string{forkCalling: "calling", forkRinging: "ringing", forkCancelling: "cancelling", forkDone: "done", forkWon: "won"}
	exchangeNames = [...]string{dialog.Stable: "stable", dialog.OfferSent: "offer sent", dialog.OfferReceived: "offer received"}
)

func nameOf[T ~uint8](names []string, v T) string {
	if int(v) < len(names) {
		return names[v]
	}
	return "other"
}

// CallOf names the call that a dialog belongs to; it is "" when the dialog is no call's. Call it in the dialog's shard only.
func CallOf(u sip.DialogUser) string {
	if c := callOf(u); c != nil {
		return c.id
	}
	return ""
}

// callOf is the call of a dialog of the caller, or of one or more of a contact.
func callOf(u sip.DialogUser) *call {
	switch u := u.(type) {
	case *leg:
		return u.c
	case *fork:
		return u.c
	}
	return nil
}

// Inspect describes the call that a dialog belongs to. Call it in the dialog's shard only.
func Inspect(u sip.DialogUser) (CallInfo, bool) {
	c := callOf(u)
	if c == nil {
		return CallInfo{}, false
	}
	info := CallInfo{
		ID: c.id, Phase: nameOf(phaseNames[:], c.phase), Start: c.rec.Start, From: c.rec.From, To: c.called,
		Pending: c.pending, Streams: len(c.streams),
	}
	a := c.a.inspect()
	if c.account != nil {
		a.SlotID = c.account.SlotID
	}
	info.Legs = append(info.Legs, a)
	for _, f := range c.forks {
		if f != c.won || c.b == &f.leg {
			info.Legs = append(info.Legs, f.inspect(&f.leg))
		}
		for _, l := range f.siblings {
			info.Legs = append(info.Legs, f.inspect(l))
		}
	}
	return info, true
}

// inspect describes one of the dialogs of a contact.
func (f *fork) inspect(l *leg) LegInfo {
	b := l.inspect()
	b.Side = byCallee
	if f.state != forkWon {
		b.Phase = nameOf(forkNames[:], f.state)
	}
	b.SlotID, b.Contact = f.target.SlotID, f.contact
	return b
}

func (l *leg) inspect() LegInfo {
	d := &l.dlg
	return LegInfo{
		Side: l.side.String(), Phase: nameOf(legNames[:], l.phase), CallID: d.CallID, LocalTag: d.LocalTag, RemoteTag: d.RemoteTag, Flow: d.Flow,
		LocalSeq: d.LocalSeq, RemoteSeq: d.RemoteSeq, Exchange: nameOf(exchangeNames[:], l.exchange), Session: l.session.Interval,
	}
}
