package api

import (
	"context"
	"net/http"
)

// Fault is a part of the configuration that could not be read from the database.
type Fault struct {
	Type    string `json:"type" example:"profile" doc:"Of the object, as in the audit log"`
	ID      string `json:"id"`
	Name    string `json:"name"`
	Field   string `json:"field" example:"table"`
	Problem string `json:"problem"`
}

func (a *API) registerFaults() {
	register(a, operation{
		id: "list-faults", method: http.MethodGet, path: "/api/faults", tag: "system", access: adminOnly,
		summary: "List what is damaged in the stored configuration",
		doc: "Normally nothing. A part that cannot be read has been made safe (a rule is switched off, a profile has no rules, of unreadable call blocking all " +
			"numbers outside are blocked); saving the object again mends it.",
	}, a.listFaults)
}

func (a *API) listFaults(context.Context, *struct{}) (*listOutput[Fault], error) {
	damaged := a.deps.Store.Snapshot().Damaged
	out := make([]Fault, len(damaged))
	for i, d := range damaged {
		out[i] = Fault(d)
	}
	return whole(out), nil
}
