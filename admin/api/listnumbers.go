package api

import (
	"context"
	"maps"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// NumberState says what a number does now, in one word.
type NumberState string

// The states, the first that holds.
const (
	numberInCall       NumberState = "in_call"        // a call rings or is up over it
	numberUnticked     NumberState = "unticked"       // it rings nowhere
	numberUnregistered NumberState = "not_registered" // none of its slots has a contact
	numberSilent       NumberState = "dnd"            // none of its slots is rung
	numberFree         NumberState = "free"
)

// NumberItem is a number in a list, with its owner and what it does now.
type NumberItem struct {
	Number
	OwnerName string      `json:"owner_name" doc:"Full name of the user, name of the hunt group"`
	Slots     int         `json:"slots" doc:"Ticked ones"`
	State     NumberState `json:"state" enum:"in_call,unticked,not_registered,dnd,free" doc:"in_call while a call rings or is up over it; unticked when it rings nowhere. Numbers that are not of users are in_call or free"`
}

type NumbersInput struct {
	Listing
	OwnerType directory.OwnerType `query:"owner_type" enum:"user,fax_line,hunt_group"`
	Username  string              `query:"username" maxLength:"64" doc:"Whose numbers"`
	Sort      string              `query:"sort" enum:"number,-number,owner,-owner,owner_type,-owner_type,display_name,-display_name,slots,-slots,state,-state,forwarding,-forwarding" default:"number" doc:"forwarding is the name of the active profile"`
}

func numberState(snap *directory.Snapshot, live routing.Live, n *directory.Number) NumberState {
	if live.NumberCalls(n.Number) > 0 {
		return numberInCall
	}
	if n.OwnerType != directory.OwnerUser {
		return numberFree
	}
	ticked := snap.Ticks[n.Number]
	if len(ticked) == 0 {
		return numberUnticked
	}
	u := snap.Users[n.OwnerID]
	reachable, loud := false, false
	for _, id := range ticked {
		s := snap.Slots[id]
		if s == nil || s.Type != directory.Mobile && !live.Registered(id) {
			continue
		}
		reachable = true
		loud = loud || !s.DND && (u == nil || !u.DND)
	}
	switch {
	case !reachable:
		return numberUnregistered
	case !loud:
		return numberSilent
	}
	return numberFree
}

// ownerFullName names the owner of a number as people do.
func ownerFullName(snap *directory.Snapshot, n *directory.Number) string {
	if u := snap.Users[n.OwnerID]; u != nil && n.OwnerType == directory.OwnerUser {
		return u.FullName()
	}
	return snap.OwnerName(n)
}

// profileName names the profile that is in force for a number.
func (a *API) profileName(snap *directory.Snapshot, n *directory.Number, now time.Time) string {
	if n.ProfileID == "" && n.Schedule == nil {
		return ""
	}
	if active := a.active(snap, n, now); active != nil {
		return active.Name
	}
	return ""
}

func (a *API) numberCatalogue(snap *directory.Snapshot, live routing.Live, now time.Time) *catalogue[*directory.Number] {
	folded := a.people(snap)
	owner := func(n *directory.Number) string {
		if p, ok := folded.by[n.OwnerID]; ok && n.OwnerType == directory.OwnerUser {
			return p.text
		}
		return snap.OwnerName(n)
	}
	return &catalogue[*directory.Number]{
		id: func(n *directory.Number) string { return n.Number },
		text: func(n *directory.Number) string {
			return n.Number + "\n" + owner(n) + "\n" + n.DisplayName + "\n" + a.profileName(snap, n, now)
		},
		order: map[string]func(*directory.Number) string{
			"number":       func(n *directory.Number) string { return n.Number },
			"owner":        func(n *directory.Number) string { return byText(ownerFullName(snap, n)) },
			"owner_type":   func(n *directory.Number) string { return string(n.OwnerType) },
			"display_name": func(n *directory.Number) string { return byText(n.DisplayName) },
			"slots":        func(n *directory.Number) string { return byCount(len(snap.Ticks[n.Number])) },
			"state":        func(n *directory.Number) string { return string(numberState(snap, live, n)) },
			"forwarding":   func(n *directory.Number) string { return byText(a.profileName(snap, n, now)) },
		},
	}
}

// foundNumbers are those that a list of numbers shows, in its order.
func (a *API) foundNumbers(ctx context.Context, snap *directory.Snapshot, in *NumbersInput) (found[*directory.Number], error) {
	of := ""
	if id := who(ctx); in.Username != "" {
		u, err := mayUser(id, snap, in.Username)
		if err != nil {
			return found[*directory.Number]{}, err
		}
		of = u.ID
	} else if !id.Admin {
		of = id.UserID
	}
	items := func(yield func(*directory.Number) bool) {
		for n := range maps.Values(snap.Numbers) {
			if of != "" && (n.OwnerType != directory.OwnerUser || n.OwnerID != of) || in.OwnerType != "" && n.OwnerType != in.OwnerType {
				continue
			}
			if !yield(n) {
				return
			}
		}
	}
	_, live := a.deps.Routing()
	return a.numberCatalogue(snap, live, time.Now()).find(in.Filter, in.Sort, items), nil
}

func (a *API) listNumbers(ctx context.Context, in *NumbersInput) (*listOutput[NumberItem], error) {
	snap := a.deps.Store.Snapshot()
	numbers, err := a.foundNumbers(ctx, snap, in)
	if err != nil {
		return nil, err
	}
	_, live := a.deps.Routing()
	return pageOf(numbers, &in.Listing, func(n *directory.Number) NumberItem {
		return NumberItem{
			Number: a.numberView(snap, n), OwnerName: ownerFullName(snap, n), Slots: len(snap.Ticks[n.Number]), State: numberState(snap, live, n),
		}
	})
}
