package api

import (
	"math"
	"slices"
	"sync"

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

// presences knows who takes part in which live call. It is kept while somebody listens to events: each event of a call makes it look that
// call up anew, so that events may come late, twice, or to several listeners.
type presences struct {
	mu        sync.Mutex
	listeners int
	calls     map[string][]part          // by call
	byUser    map[string]map[string]bool // user → call → whether it rings there only
}

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

// enter begins to keep the table for one more listener.
func (a *API) enterPresence() {
	p := &a.presences
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listeners++; p.listeners == 1 {
		a.fillPresence()
	}
}

func (a *API) leavePresence() {
	p := &a.presences
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listeners--; p.listeners == 0 {
		p.calls, p.byUser = nil, nil
	}
}

// refillPresence reads all calls anew, after events have been lost.
func (a *API) refillPresence() {
	a.presences.mu.Lock()
	defer a.presences.mu.Unlock()
	a.fillPresence()
}

// fillPresence reads all live calls. The lock is held.
func (a *API) fillPresence() {
	p := &a.presences
	p.calls, p.byUser = map[string][]part{}, map[string]map[string]bool{}
	snap := a.deps.Store.Snapshot()
	live, _ := a.deps.Calls.List("", math.MaxInt)
	for i := range live {
		p.set(live[i].ID, partsOf(snap, &live[i]))
	}
}

// lookPresence looks up a call anew after an event and lists the users who take part in it now or did before. A call that has ended may
// be in the table for a moment yet.
func (a *API) lookPresence(snap *directory.Snapshot, callID string, ended bool) []string {
	p := &a.presences
	p.mu.Lock()
	defer p.mu.Unlock()
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
		if delete(p.byUser[u.userID], callID); len(p.byUser[u.userID]) == 0 {
			delete(p.byUser, u.userID)
		}
	}
	if delete(p.calls, callID); len(now) > 0 {
		p.calls[callID] = now
	}
	for _, u := range now {
		if p.byUser[u.userID] == nil {
			p.byUser[u.userID] = map[string]bool{}
		}
		p.byUser[u.userID][callID] = u.rings
	}
	return before
}

// of says whether a user is in a call, and whether one rings there.
func (p *presences) of(userID string) (inCall, rings bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ringing := range p.byUser[userID] {
		rings = rings || ringing
		inCall = inCall || !ringing
	}
	return inCall, rings
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
