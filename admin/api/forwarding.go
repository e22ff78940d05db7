package api

import (
	"context"
	"net/http"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// How a number's profile became active.
const (
	byChoice   = "choice"
	bySchedule = "schedule"
)

// ForwardingActive says which forwarding profile is in force for a number, and until when.
type ForwardingActive struct {
	Profile *string   `json:"profile" doc:"ID, null for none"`
	Name    string    `json:"name" doc:"Name of the profile"`
	By      string    `json:"by" enum:"choice,schedule" doc:"Whether it was chosen by hand or follows from the schedule"`
	Until   time.Time `json:"until,omitzero" doc:"When the schedule changes next; left out when no change is to come within two years"`
}

// ForwardingChange is a time during which the active profile of a number stays the same.
type ForwardingChange struct {
	From time.Time `json:"from"`
	ForwardingActive
}

// ForwardingAhead lists what will be active for a number.
type ForwardingAhead struct {
	Number    string             `json:"number"`
	Items     []ForwardingChange `json:"items" nullable:"false" doc:"The first one holds at the time asked for"`
	Truncated bool               `json:"truncated" doc:"There are more changes than are listed"`
}

// Bounds of a look ahead.
const (
	maxAhead  = 200
	firstYear = 1970
	lastYear  = 2999
)

// inTime refuses times for which nobody plans, and which could not be written down.
func inTime(location string, at time.Time) error {
	if year := at.Year(); year < firstYear || year > lastYear {
		return invalid(location, "must lie between the years 1970 and 2999")
	}
	return nil
}

func (a *API) registerForwarding() {
	register(a, operation{
		id: "list-forwarding", method: http.MethodGet, path: "/api/numbers/{number}/forwarding", tag: "forwarding", access: ownOnly,
		summary: "List which forwarding profile will be active for a number when",
		doc:     "By the choice and the schedule of now, and bounded to 200 changes.",
		errors:  []int{http.StatusNotFound},
	}, a.listForwarding)
}

// active is what is in force for a user's number at a time, nil for others.
func (a *API) active(snap *directory.Snapshot, n *directory.Number, at time.Time) *ForwardingActive {
	if n.OwnerType != directory.OwnerUser {
		return nil
	}
	table, _ := a.deps.Routing()
	return activeAt(table, snap, n.Number, at)
}

func activeAt(table *routing.Table, snap *directory.Snapshot, number string, at time.Time) *ForwardingActive {
	id, scheduled, until := table.ActiveProfile(number, at)
	v := &ForwardingActive{By: byChoice, Until: until}
	if scheduled {
		v.By = bySchedule
	}
	if id != "" {
		v.Profile = &id
		if p := snap.Profiles[id]; p != nil {
			v.Name = p.Name
		}
	}
	return v
}

func (f *ForwardingActive) same(g *ForwardingActive) bool {
	return f.By == g.By && (f.Profile == nil) == (g.Profile == nil) && (f.Profile == nil || *f.Profile == *g.Profile)
}

func (a *API) listForwarding(ctx context.Context, in *struct {
	NumberPath
	At   time.Time `query:"at" doc:"From when on; now if left out"`
	Days int       `query:"days" minimum:"1" maximum:"366" default:"14"`
},
) (*struct{ Body ForwardingAhead }, error) {
	snap := a.deps.Store.Snapshot()
	n, err := mayNumber(who(ctx), snap, in.Number)
	if err != nil {
		return nil, err
	}
	at := in.At
	if at.IsZero() {
		at = time.Now()
	}
	if err := inTime("query.at", at); err != nil {
		return nil, err
	}
	out := &struct{ Body ForwardingAhead }{ForwardingAhead{Number: n.Number, Items: []ForwardingChange{}}}
	if n.OwnerType != directory.OwnerUser {
		return out, nil
	}
	table, _ := a.deps.Routing()
	list := &out.Body
	for end := at.AddDate(0, 0, in.Days); ; {
		now := activeAt(table, snap, n.Number, at)
		if !now.Until.IsZero() {
			at = at.In(now.Until.Location())
		}
		last := len(list.Items) - 1
		switch {
		case last >= 0 && list.Items[last].same(now): // another entry with the same profile
			list.Items[last].Until = now.Until
		case len(list.Items) == maxAhead:
			list.Truncated = true
			return out, nil
		default:
			list.Items = append(list.Items, ForwardingChange{From: at, ForwardingActive: *now})
		}
		if now.Until.IsZero() || !now.Until.Before(end) {
			return out, nil
		}
		at = now.Until
	}
}
