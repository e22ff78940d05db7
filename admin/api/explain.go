package api

import (
	"context"
	"net/http"
	"time"

	"github.com/koppelfeld/koppelfeld/routing"
)

// Explanation says who would ring, and why (SPEC F8).
type Explanation struct {
	From        string           `json:"from"`
	Class       routing.Class    `json:"class" enum:"inside,outside"`
	To          string           `json:"to"`
	At          time.Time        `json:"at"`
	Outcome     routing.Outcome  `json:"outcome" doc:"ring, no_such_number, busy, not_registered, forbidden, no_route, unsupported, declined, no_answer, looped, too_many_hops or command"`
	Number      string           `json:"number,omitempty" doc:"The number that takes the call"`
	Owner       string           `json:"owner,omitempty" doc:"Who owns the number"`
	Targets     []Target         `json:"targets" nullable:"false" doc:"Slots that ring at once"`
	Shown       Shown            `json:"shown" doc:"What the callee sees of the caller"`
	ShownCalled Shown            `json:"shown_called" doc:"What the caller sees of the callee"`
	Reasons     []routing.Reason `json:"reasons" nullable:"false" doc:"The steps of the decision, in order"`
}

// Target is a slot that rings.
type Target struct {
	SlotID   string `json:"slot_id"`
	Username string `json:"username"`
	Type     string `json:"type"`
	Name     string `json:"name"`
	Number   string `json:"number"`
	Alert    string `json:"alert,omitempty" doc:"Alert-Info"`
	Outside  string `json:"outside,omitempty" doc:"Number that is dialled outside, also for a mobile slot"`
}

// Shown is a number with a name.
type Shown struct {
	Number string `json:"number"`
	Name   string `json:"name"`
}

type explainInput struct {
	Body struct {
		From string    `json:"from" maxLength:"64" doc:"Who calls: an outside number, an inside number, or the ID of a slot" example:"+4966112345"`
		To   string    `json:"to" minLength:"1" maxLength:"64" doc:"What is dialled" example:"416"`
		At   time.Time `json:"at,omitzero" doc:"When; now if left out"`
	}
}

func (a *API) registerExplain() {
	register(a, operation{
		id: "explain", method: http.MethodPost, path: "/api/explain", tag: "routing", access: adminOnly, reads: true,
		summary: "Who rings if somebody calls?",
		doc:     "Asks the code that routes calls, with the configuration in force and the calls and registrations of the moment. Nothing rings.",
	}, a.explain)
}

func (a *API) explain(_ context.Context, in *explainInput) (*struct{ Body Explanation }, error) {
	table, live := a.deps.Routing()
	at := in.Body.At
	if at.IsZero() {
		at = time.Now()
	}
	caller := table.CallerFrom(in.Body.From)
	if s, ok := table.Slot(in.Body.From); ok {
		caller = routing.Caller{Class: routing.Inside, SlotID: s.ID, UserID: s.UserID}
	}
	plan := table.Decide(routing.Request{Called: in.Body.To, Caller: caller, At: at}, live)
	v := Explanation{
		From: in.Body.From, Class: caller.Class, To: in.Body.To, At: at, Outcome: plan.Outcome, Number: plan.Number,
		Owner: plan.OwnerID, Targets: []Target{}, Shown: Shown(plan.Shown), ShownCalled: Shown(plan.ShownCalled),
		Reasons: notNil(plan.Explain()),
	}
	snap := a.deps.Store.Snapshot()
	if plan.OwnerType == routing.OwnerUser {
		v.Owner = username(snap, plan.OwnerID)
	}
	for _, t := range plan.Targets {
		slot, _ := table.Slot(t.SlotID)
		v.Targets = append(v.Targets, Target{
			SlotID: t.SlotID, Username: username(snap, t.UserID), Type: t.Type, Name: slot.Name,
			Number: t.Number, Alert: t.Alert, Outside: t.Outside,
		})
	}
	return &struct{ Body Explanation }{v}, nil
}
