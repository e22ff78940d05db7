package api

import (
	"context"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Call is a live call.
type Call struct {
	ID         string      `json:"id"`
	State      calls.State `json:"state" enum:"routing,ringing,up,ended"`
	Class      string      `json:"class" enum:"inside,outside"`
	From       string      `json:"from" doc:"Number shown"`
	FromName   string      `json:"from_name,omitempty"`
	FromUser   string      `json:"from_user,omitempty" doc:"User name of an inside caller"`
	FromSlot   string      `json:"from_slot,omitempty"`
	FromHidden bool        `json:"from_hidden,omitempty" doc:"The callee is not shown who calls"`
	To         string      `json:"to" doc:"What was dialled"`
	Number     string      `json:"number,omitempty" doc:"The number that takes the call"`
	ToUser     string      `json:"to_user,omitempty" doc:"User name of the number's owner"`
	ToSlot     string      `json:"to_slot,omitempty" doc:"The slot that answered"`
	Ringing    []string    `json:"ringing,omitempty" nullable:"false" doc:"Slots that ring now"`
	Start      time.Time   `json:"start"`
	AnswerAt   time.Time   `json:"answer_at,omitzero"`
}

type callPath struct {
	ID string `path:"id" maxLength:"64"`
}

// username names a user for people; one who is gone keeps the ID.
func username(snap *directory.Snapshot, userID string) string {
	if u := snap.Users[userID]; u != nil {
		return u.Username
	}
	return userID
}

// callView shows a call to someone who takes part: the other side's slots are
// left out for all but administrators.
func callView(id auth.Identity, snap *directory.Snapshot, c *calls.Call) Call {
	v := Call{
		ID: c.ID, State: c.State, Class: c.Class, From: c.From, FromName: c.FromName,
		FromUser: username(snap, c.FromUser), FromSlot: c.FromSlot, FromHidden: c.FromHidden, To: c.To, Number: c.Number,
		ToUser: username(snap, c.ToUser), ToSlot: c.ToSlot, Ringing: c.Ringing, Start: c.Start, AnswerAt: c.AnswerAt,
	}
	if !id.Admin && c.FromUser != id.UserID {
		if v.FromSlot = ""; c.FromHidden {
			v.From, v.FromName, v.FromUser = "", "", ""
		}
	}
	if !id.Admin && c.ToUser != id.UserID {
		v.ToSlot, v.Ringing = "", nil
	}
	return v
}

func (a *API) registerCalls() {
	const path, one = "/api/calls", "/api/calls/{id}"
	register(a, operation{
		id: "list-calls", method: http.MethodGet, path: path, tag: "calls", access: ownOnly,
		summary: "List live calls", doc: "Users see the calls that they take part in.",
	}, a.listCalls)
	register(a, operation{
		id: "start-call", method: http.MethodPost, path: path, tag: "calls", access: ownOnly,
		summary: "Begin a call for a slot",
		doc: "The phones of the slot ring, and when one has answered the number is called in its name, through routing like any call of that slot. " +
			"Users may do so for their own slots. What becomes of it is told by the events of the call and by its record; DELETE ends it at any time.",
		status: http.StatusAccepted, errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.startCall)
	register(a, operation{
		id: "get-call", method: http.MethodGet, path: one, tag: "calls", access: ownOnly,
		summary: "Show a live call", errors: []int{http.StatusNotFound},
	}, a.getCall)
	register(a, operation{
		id: "hang-up", method: http.MethodDelete, path: one, tag: "calls", access: ownOnly,
		summary: "End a call", doc: "The call ends a moment after the answer.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, a.hangUp)
}

// allCalls is a limit that none reaches: theirs have to be found among all.
const allCalls = math.MaxInt

type listCallsInput struct {
	Listing
	State calls.State `query:"state" enum:"routing,ringing,up"`
	Sort  string      `query:"sort" enum:"start,-start,from,-from,to,-to,state,-state,answer_at,-answer_at" default:"-start"`
}

func (a *API) listCalls(ctx context.Context, in *listCallsInput) (*listOutput[Call], error) {
	id, snap := who(ctx), a.deps.Store.Snapshot()
	live, _ := a.deps.Calls.List("", allCalls)
	items := func(yield func(Call) bool) {
		for i := range live {
			if mayCall(id, &live[i]) && (in.State == "" || live[i].State == in.State) && !yield(callView(id, snap, &live[i])) {
				return
			}
		}
	}
	all := catalogue[Call]{
		id: func(c Call) string { return c.ID },
		text: func(c Call) string {
			return strings.Join([]string{c.From, c.FromName, c.FromUser, c.To, c.Number, c.ToUser}, "\n")
		},
		order: map[string]func(Call) string{
			"start":     func(c Call) string { return c.ID }, // in which the time comes first
			"from":      func(c Call) string { return byText(c.From) },
			"to":        func(c Call) string { return byText(c.To) },
			"state":     func(c Call) string { return string(c.State) },
			"answer_at": func(c Call) string { return byTime(c.AnswerAt) },
		},
	}
	return pageOf(all.find(in.Filter, in.Sort, items), &in.Listing, func(c Call) Call { return c })
}

func (a *API) call(ctx context.Context, callID string) (calls.Call, error) {
	c, ok := a.deps.Calls.Get(callID)
	switch {
	case ok && mayCall(who(ctx), &c):
		return c, nil
	case who(ctx).Admin:
		return calls.Call{}, notFound("call", callID)
	}
	return calls.Call{}, forbidden("you may see and end your own calls only")
}

func (a *API) getCall(ctx context.Context, in *callPath) (*struct{ Body Call }, error) {
	c, err := a.call(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Call }{callView(who(ctx), a.deps.Store.Snapshot(), &c)}, nil
}

func (a *API) hangUp(ctx context.Context, in *callPath) (*struct{}, error) {
	c, err := a.call(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if !a.deps.Calls.Hangup(c.ID, "ended by "+who(ctx).Username) {
		return nil, notFound("call", in.ID)
	}
	a.act(ctx, "hang_up", "call", c.ID, c.From+" → "+c.To)
	return nil, nil
}
