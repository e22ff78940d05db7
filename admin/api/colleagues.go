package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Colleague is a user whom others see, with what he does now.
type Colleague struct {
	Username  string   `json:"username"`
	Name      string   `json:"name"`
	FirstName string   `json:"first_name"`
	LastName  string   `json:"last_name"`
	Numbers   []string `json:"numbers" nullable:"false" doc:"In the order of the matrix"`
	State     Presence `json:"state" enum:"free,ringing,in_call,dnd,offline,private" doc:"private: the colleague does not show it"`
}

// ColleagueState is the data of the event colleague.state.
type ColleagueState struct {
	Username string   `json:"username"`
	State    Presence `json:"state" enum:"free,ringing,in_call,dnd,offline,private"`
}

type colleaguesInput struct {
	Listing
	Sort string `query:"sort" enum:"name,-name,number,-number,state,-state" default:"name" doc:"name is last name, first name"`
}

func (a *API) registerColleagues() {
	register(a, operation{
		id: "list-colleagues", method: http.MethodGet, path: "/api/colleagues", tag: "users", access: ownOnly,
		summary: "List colleagues with what they do now",
		doc: "Those in the group visible_users, without oneself. The event colleague.state tells each change to those who listen; " +
			"colleagues who keep their state private have none.",
	}, a.listColleagues)
}

// visible reports whether others see a user.
func visible(snap *directory.Snapshot, userID string) bool {
	return snap.InGroup(directory.VisibleUsers, userID)
}

func (a *API) listColleagues(ctx context.Context, in *colleaguesInput) (*listOutput[Colleague], error) {
	snap := a.deps.Store.Snapshot()
	_, live := a.deps.Routing()
	parts := a.presencesNow(snap)
	items := func(yield func(Colleague) bool) {
		for id, u := range snap.Users {
			if id == who(ctx).UserID || !visible(snap, id) {
				continue
			}
			c := Colleague{Username: u.Username, Name: u.FullName(), FirstName: u.FirstName, LastName: u.LastName, Numbers: notNil(slices.Clone(snap.Rows[id]))}
			inCall, rings := parts.of(id)
			if c.State = presence(snap, live, u, inCall, rings); !yield(c) {
				return
			}
		}
	}
	all := catalogue[Colleague]{
		id:   func(c Colleague) string { return c.Username },
		text: func(c Colleague) string { return c.Name + "\n" + c.Username + "\n" + strings.Join(c.Numbers, "\n") },
		order: map[string]func(Colleague) string{
			"name":  func(c Colleague) string { return byText(c.LastName + ", " + c.FirstName) },
			"state": func(c Colleague) string { return string(c.State) },
			"number": func(c Colleague) string {
				if len(c.Numbers) > 0 {
					return c.Numbers[0]
				}
				return "~" // after all numbers
			},
		},
	}
	return pageOf(all.find(in.Filter, in.Sort, items), &in.Listing, func(c Colleague) Colleague { return c })
}

// watched is what a stream knows and has told of colleagues.
type watched struct {
	snap  *directory.Snapshot
	parts *presences
	told  map[string]Presence // by user ID
}

// watch begins to follow colleagues, of whom nothing has been told.
func (s *stream) watch() {
	snap := s.api.deps.Store.Snapshot()
	s.seen = watched{snap: snap, parts: s.api.presencesNow(snap), told: map[string]Presence{}}
}

// colleagues tells of those colleagues whom an event may have changed.
func (s *stream) colleagues(snap *directory.Snapshot, e *calls.Event) error {
	var users []string
	switch {
	case e.Call != nil:
		users = s.api.lookPresence(s.seen.parts, snap, e.Call.ID, e.Type == calls.CallEnded)
	case e.SlotID != "":
		if slot := snap.Slots[e.SlotID]; slot != nil {
			users = []string{slot.UserID}
		}
	case e.Type == calls.ConfigChanged:
		users = s.seen.changed(snap)
	}
	_, live := s.api.deps.Routing()
	for _, id := range users {
		u := snap.Users[id]
		if u == nil || id == s.id.UserID || !visible(snap, id) {
			continue
		}
		inCall, rings := s.seen.parts.of(id)
		state := presence(snap, live, u, inCall, rings)
		if s.seen.told[id] == state {
			continue
		}
		s.seen.told[id] = state
		if err := s.sendJSON("colleague.state", ColleagueState{u.Username, state}); err != nil {
			return err
		}
	}
	return nil
}

// changed lists the users whose own settings or slots differ from those of the configuration before.
func (w *watched) changed(snap *directory.Snapshot) []string {
	was := w.snap
	w.snap = snap
	var users []string
	for id, u := range snap.Users {
		differs := was.Users[id] != u || len(was.Columns[id]) != len(snap.Columns[id])
		for _, slot := range snap.Columns[id] {
			differs = differs || was.Slots[slot] != snap.Slots[slot]
		}
		if differs {
			users = append(users, id)
		}
	}
	return users
}
