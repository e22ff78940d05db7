package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// Click to dial: a call is begun for a slot. Its phones ring first; the number is called when one of them has answered.

// startCallInput is POST /api/calls.
type startCallInput struct {
	Body struct {
		SlotID     string `json:"slot_id" minLength:"1" maxLength:"64" doc:"The slot whose phones ring first, and which calls"`
		To         string `json:"to" minLength:"1" maxLength:"64" doc:"The number to be called, as a phone would dial it" example:"416"`
		Show       string `json:"show,omitempty" maxLength:"32" doc:"The number to be shown; the slot's own if left out" example:"4161"`
		AutoAnswer bool   `json:"auto_answer,omitempty" doc:"Ask the phone to answer by itself (Call-Info, Alert-Info); many do so only where that is set up"`
	}
}

// StartedCall is a call that has begun.
type StartedCall struct {
	ID string `json:"id" doc:"ID of the live call, and later of its record"`
}

type startCallOutput struct {
	Location string `header:"Location"`
	Body     StartedCall
}

func (a *API) startCall(ctx context.Context, in *startCallInput) (*startCallOutput, error) {
	id, b := who(ctx), &in.Body
	snap := a.deps.Store.Snapshot()
	slot, err := maySlot(id, snap, b.SlotID)
	if err != nil {
		return nil, err
	}
	if a.deps.Dial == nil {
		return nil, fault(http.StatusServiceUnavailable, problemUnavailable, "no calls can be begun here")
	}
	callID, err := a.deps.Dial(ctx, calls.Dial{
		SlotID: slot.ID, UserID: slot.UserID, To: b.To, Show: b.Show, AutoAnswer: b.AutoAnswer, By: id.UserID,
	})
	var refused *calls.Refusal
	switch {
	case errors.As(err, &refused):
		return nil, refusedCall(id, snap, refused)
	case err != nil:
		return nil, fault(http.StatusServiceUnavailable, problemUnavailable, err.Error())
	}
	a.act(ctx, "start_call", "call", callID, slot.Name+" → "+b.To)
	return &startCallOutput{Location: "/api/calls/" + callID, Body: StartedCall{ID: callID}}, nil
}

// refusedCall says why a call was not begun, with the reasons of the routing that the caller may know.
func refusedCall(id auth.Identity, snap *directory.Snapshot, r *calls.Refusal) error {
	details := []string{"result", string(r.Result)}
	if reasons, err := routing.ReadTrace(r.Reasons); err == nil {
		if !id.Admin {
			reasons = slices.DeleteFunc(reasons, own{snap, id.UserID}.hides)
		}
		for i := range reasons {
			details = append(details, "reasons["+strconv.Itoa(i)+"]", reasons[i].En)
		}
	}
	return fault(http.StatusConflict, problemRefused, r.Cause, details...)
}
