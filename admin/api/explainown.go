package api

import (
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// own leaves of an explanation what a user may know: what happens at the user's own numbers, and to whom the call goes from there. What
// others have set, their slots and their numbers outside are not told.
type own struct {
	snap   *directory.Snapshot
	userID string
}

func (o own) explanation(v *Explanation) {
	v.Slots = slices.DeleteFunc(v.Slots, func(s SlotWhy) bool { return !o.slot(s.SlotID) })
	for i := range v.Slots {
		v.Slots[i].Reasons = slices.DeleteFunc(v.Slots[i].Reasons, o.hides)
	}
	number := v.Number
	if o.stage(&v.Stage); v.Number != number {
		v.ShownCalled = Shown{Number: v.Number}
	}
}

func (o own) stage(v *Stage) {
	v.Reasons = slices.DeleteFunc(v.Reasons, o.hides)
	for i, h := range v.Hops {
		if h.Why != routing.BySystem && !o.number(h.From) { // from here on it is others' forwarding
			v.Number, v.Owner, v.Hops, v.Targets = h.From, "", v.Hops[:i], []Target{}
			break
		}
	}
	for i := range v.Targets {
		if t := &v.Targets[i]; t.Username != username(o.snap, o.userID) {
			*t = Target{Username: t.Username, Number: t.Number}
		}
	}
	if !o.number(v.Number) {
		v.Then = nil
		return
	}
	for _, f := range v.Then {
		o.stage(&f.Stage)
	}
}

func (o own) slot(id string) bool {
	s := o.snap.Slots[id]
	return s != nil && s.UserID == o.userID
}

func (o own) number(number string) bool {
	n := o.snap.Numbers[number]
	return n != nil && n.OwnerType == directory.OwnerUser && n.OwnerID == o.userID
}

// hides reports whether a step is about somebody else.
func (o own) hides(r routing.Reason) bool {
	if r.SlotID != "" && !o.slot(r.SlotID) || r.Number != "" && !o.number(r.Number) {
		return true
	}
	if s := r.Setting; s != nil && (s.Type == "user" || s.Type == "matrix") {
		return s.ID != username(o.snap, o.userID)
	}
	return false
}
