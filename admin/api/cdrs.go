package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// Record is a call record (CDR).
type Record struct {
	ID          string          `json:"id"`
	Start       time.Time       `json:"start"`
	RingAt      time.Time       `json:"ring_at,omitzero"`
	AnswerAt    time.Time       `json:"answer_at,omitzero"`
	End         time.Time       `json:"end,omitzero" doc:"Missing while the call runs"`
	Class       string          `json:"class" enum:"inside,outside"`
	From        string          `json:"from" doc:"Number shown"`
	FromName    string          `json:"from_name,omitempty"`
	FromUser    string          `json:"from_user,omitempty" doc:"User name of an inside caller"`
	FromSlot    string          `json:"from_slot,omitempty"`
	FromHidden  bool            `json:"from_hidden,omitempty" doc:"The callee was not shown who calls; only administrators and the caller are told"`
	To          string          `json:"to" doc:"What was dialled"`
	Number      string          `json:"number,omitempty" doc:"The number that took the call"`
	ToUser      string          `json:"to_user,omitempty" doc:"User name of the number's owner"`
	ToSlot      string          `json:"to_slot,omitempty" doc:"The slot that answered"`
	Result      calls.Result    `json:"result" doc:"Empty while the call runs; else answered, cancelled, busy, no_answer, declined, unreachable, rejected, failed or interrupted"`
	Status      int             `json:"status" doc:"Final SIP status sent to the caller, 0 if none was"`
	AskedBy     string          `json:"asked_by,omitempty" doc:"User name of who had the system begin the call (POST /api/calls)"`
	HangupBy    string          `json:"hangup_by,omitempty" doc:"caller, callee or system"`
	Cause       string          `json:"cause,omitempty"`
	SIPCallID   string          `json:"sip_call_id,omitempty"`
	Forwards    []RecordForward `json:"forwards,omitempty" nullable:"false" doc:"Numbers that passed the call on, in order; for the callee and administrators"`
	Legs        []RecordLeg     `json:"legs,omitempty" nullable:"false" doc:"Every contact that was rung"`
	MediaCaller *RecordMedia    `json:"media_caller,omitempty" doc:"What the caller sent"`
	MediaCallee *RecordMedia    `json:"media_callee,omitempty" doc:"What the callee sent"`
	MediaNote   string          `json:"media_note,omitempty" doc:"What was wrong with the audio"`
}

// RecordDetail is a record with the steps of its routing decision.
type RecordDetail struct {
	Record
	Reasons []routing.Reason `json:"reasons" nullable:"false" doc:"Why it rang where it rang, in order"`
}

// RecordForward is one number that passed a call on.
type RecordForward = calls.Forward

// RecordLeg is a contact that was rung.
type RecordLeg = calls.Leg

// RecordMedia are the figures of what one side sent.
type RecordMedia = calls.Media

func (a *API) registerRecords() {
	register(a, operation{
		id: "list-cdrs", method: http.MethodGet, path: "/api/cdrs", tag: "calls", access: ownOnly,
		summary: "List call records", doc: "Users see the records of calls that they took part in. A page may hold fewer than its limit, or none, and have a following one.",
	}, a.listRecords)
	register(a, operation{
		id: "get-cdr", method: http.MethodGet, path: "/api/cdrs/{id}", tag: "calls", access: ownOnly,
		summary: "Show a call record with its reasons", doc: "The reasons are for the callee and for administrators; those of a call whose number was hidden are for administrators.",
		errors: []int{http.StatusNotFound},
	}, a.getRecord)
}

// recordView shows a record to someone who took part: the other side's slots and
// addresses are left out for all but administrators.
func recordView(id auth.Identity, snap *directory.Snapshot, r *calls.Record) Record {
	v := Record{
		ID: r.ID, Start: r.Start, RingAt: r.RingAt, AnswerAt: r.AnswerAt, End: r.End, Class: r.Class,
		From: r.From, FromName: r.FromName, FromUser: username(snap, r.FromUser), FromSlot: r.FromSlot,
		To: r.To, Number: r.Number, ToUser: username(snap, r.ToUser), ToSlot: r.ToSlot,
		Result: r.Result, Status: r.Status, AskedBy: username(snap, r.AskedBy), HangupBy: r.HangupBy, Cause: r.Cause, SIPCallID: r.SIPCallID,
		FromHidden: r.FromHidden, Forwards: r.Forwards, Legs: r.Legs, MediaCaller: r.MediaCaller, MediaCallee: r.MediaCallee, MediaNote: r.MediaNote,
	}
	if id.Admin {
		return v
	}
	v.SIPCallID, v.MediaCaller, v.MediaCallee = "", withoutSource(v.MediaCaller), withoutSource(v.MediaCallee)
	if r.FromUser != id.UserID {
		v.FromSlot = ""
	}
	if r.FromUser != id.UserID && r.FromHidden {
		v.From, v.FromName, v.FromUser = "", "", ""
	}
	if r.ToUser != id.UserID {
		v.ToSlot, v.Legs, v.Forwards = "", nil, nil
		if len(r.Forwards) > 0 && snap.Numbers[r.Number] == nil { // a number outside is nobody's business but of who forwards there
			v.Number = ""
		}
	}
	return v
}

func withoutSource(m *calls.Media) *calls.Media {
	if m == nil {
		return nil
	}
	c := *m
	c.Source = ""
	return &c
}

func (a *API) getRecord(ctx context.Context, in *callPath) (*struct{ Body RecordDetail }, error) {
	id := who(ctx)
	r, err := a.deps.Store.GetRecord(ctx, in.ID)
	switch {
	case err != nil && (id.Admin || !isNotFound(err)):
		return nil, err
	case err != nil || !mayRecord(id, &r):
		return nil, forbidden("you may see records of your own calls only")
	}
	v := RecordDetail{Record: recordView(id, a.deps.Store.Snapshot(), &r), Reasons: []routing.Reason{}}
	if len(r.Reasons) > 0 && (id.Admin || r.ToUser == id.UserID && !r.FromHidden) { // they name the caller
		if v.Reasons, err = routing.ReadTrace(r.Reasons); err != nil {
			return nil, fmt.Errorf("record %s: %w", r.ID, err)
		}
	}
	return &struct{ Body RecordDetail }{v}, nil
}
