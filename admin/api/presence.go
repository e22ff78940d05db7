package api

import (
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// Presence is what a colleague does now.
type Presence string

// Presences, from the strongest on: who talks and is called a second time is in a call.
const (
	PresenceInCall  Presence = "in_call"
	PresenceRinging Presence = "ringing"
	PresenceDND     Presence = "dnd"
	PresenceOffline Presence = "offline"
	PresenceFree    Presence = "free"
	PresencePrivate Presence = "private"
)

// presences knows who takes part in which live call. Each who listens to events keeps his own, so that he learns of those who have left a
// call no matter when others hear of it; each event makes the call be looked up anew, so that late and doubled events do no harm.
type presences struct {
	calls  map[string][]part // by call
	byUser map[string]busy
}

// busy counts the calls of a user.
type busy struct{ up, rings int }

// part is one user in a call.
type part struct {
	userID string
	rings  bool // rings there and is not answered
}

// partsOf lists who takes part in a call, each user once.
func partsOf(snap *directory.Snapshot, c *calls.Call) []part {
	var out []part
	add := func(userID string, rings bool) {
		if userID == "" {
			return
		}
		i := slices.IndexFunc(out, func(p part) bool { return p.userID == userID })
		if i < 0 {
			out = append(out, part{userID, rings})
			return
		}
		out[i].rings = out[i].rings && rings
	}
	if c.State == calls.Ended {
		return nil
	}
	add(c.FromUser, false)
	if c.State == calls.Up && c.ToSlot != "" {
		add(c.ToUser, false)
	}
	for _, id := range c.Ringing {
		if s := snap.Slots[id]; s != nil {
			add(s.UserID, true)
		}
	}
	return out
}

// presencesNow reads all live calls.
func (a *API) presencesNow(snap *directory.Snapshot) *presences {
	p := &presences{calls: map[string][]part{}, byUser: map[string]busy{}}
	live, _ := a.deps.Calls.List("", allCalls)
	for i := range live {
		p.set(live[i].ID, partsOf(snap, &live[i]))
	}
	return p
}

// lookPresence looks up a call anew after an event and lists the users who take part in it now or did before. A call that has ended may
// be in the table for a moment yet.
func (a *API) lookPresence(p *presences, snap *directory.Snapshot, callID string, ended bool) []string {
	var now []part
	if c, ok := a.deps.Calls.Get(callID); ok && !ended {
		now = partsOf(snap, &c)
	}
	before := p.set(callID, now)
	var users []string
	for _, list := range [][]part{before, now} {
		for _, u := range list {
			if !slices.Contains(users, u.userID) {
				users = append(users, u.userID)
			}
		}
	}
	return users
}

// set notes who takes part in a call and returns who did.
func (p *presences) set(callID string, now []part) (before []part) {
	before = p.calls[callID]
	for _, u := range before {
		p.count(u, -1)
	}
	for _, u := range now {
		p.count(u, 1)
	}
	if delete(p.calls, callID); len(now) > 0 {
		p.calls[callID] = now
	}
	return before
}

func (p *presences) count(u part, by int) {
	b := p.byUser[u.userID]
	if u.rings {
		b.rings += by
	} else {
		b.up += by
	}
	if p.byUser[u.userID] = b; b == (busy{}) {
		delete(p.byUser, u.userID)
	}
}

// of says whether a user is in a call, and whether one rings there.
func (p *presences) of(userID string) (inCall, rings bool) {
	b := p.byUser[userID]
	return b.up > 0, b.rings > 0
}

// presence puts together what a user does.
func presence(snap *directory.Snapshot, live routing.Live, u *directory.User, inCall, rings bool) Presence {
	switch {
	case u.StatusPrivate:
		return PresencePrivate
	case inCall:
		return PresenceInCall
	case rings:
		return PresenceRinging
	case u.DND:
		return PresenceDND
	}
	reachable, open := false, false
	for _, id := range snap.Columns[u.ID] {
		s := snap.Slots[id]
		there := s.Type == directory.Mobile || live.Registered(id)
		reachable = reachable || there
		open = open || there && !s.DND
	}
	switch {
	case !reachable:
		return PresenceOffline
	case !open:
		return PresenceDND
	}
	return PresenceFree
}
