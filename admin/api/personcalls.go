package api

import (
	"context"
	"net/http"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// PersonCall is a call as one person sees it.
type PersonCall struct {
	ID        string       `json:"id" doc:"That of the call record"`
	Direction string       `json:"direction" enum:"out,in,missed,forwarded,elsewhere" doc:"out: made; in: taken or declined; missed: nobody took it; forwarded: it went on to somebody else; elsewhere: it rang here and was taken by somebody else"`
	Unseen    bool         `json:"unseen" doc:"Missed, and not seen yet"`
	Start     time.Time    `json:"start"`
	AnswerAt  time.Time    `json:"answer_at,omitzero"`
	End       time.Time    `json:"end"`
	Seconds   int          `json:"seconds" doc:"How long the conversation lasted"`
	Class     string       `json:"class" enum:"inside,outside" doc:"Where the call entered"`
	Number    string       `json:"number,omitempty" doc:"The person's own number over which it went"`
	Party     Party        `json:"party" doc:"The other side; empty when it did not show its number"`
	Taker     *Party       `json:"taker,omitempty" doc:"Who took the call, when that was somebody else"`
	ForwardTo string       `json:"forwarded_to,omitempty" doc:"Where the person's number sent it"`
	Result    calls.Result `json:"result" doc:"As in the call record"`
}

// Party is one side of a call.
type Party struct {
	Number   string `json:"number,omitempty"`
	Name     string `json:"name,omitempty"`
	Username string `json:"username,omitempty" doc:"Of a colleague"`
	Hidden   bool   `json:"hidden,omitempty" doc:"It did not want to show its number"`
}

// PersonCalls is a page of a person's calls.
type PersonCalls struct {
	LogPage[PersonCall]
	Unseen int `json:"unseen" doc:"Missed calls that have not been seen, 1000 at most"`
}

type personCallsInput struct {
	UserPath
	Page
	Direction string `query:"direction" enum:"out,in,missed,forwarded,elsewhere"`
}

func (a *API) registerPersonCalls() {
	const path = "/api/users/{username}/calls"
	register(a, operation{
		id: "list-user-calls", method: http.MethodGet, path: path, tag: "calls", access: ownOnly,
		summary: "List the calls of a person, newest first",
		doc: "Also those that others took, and those that the person's numbers sent on. A call that was taken elsewhere is not missed. " +
			"A call is in the list about a second after it has ended.",
		errors: []int{http.StatusNotFound},
	}, a.listPersonCalls)
	register(a, operation{
		id: "see-user-calls", method: http.MethodPut, path: path + "/seen", tag: "calls", access: ownOnly,
		summary: "Note missed calls as seen", doc: "The one that is named and all before it.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, a.seePersonCalls)
}

func (a *API) listPersonCalls(ctx context.Context, in *personCallsInput) (*struct{ Body PersonCalls }, error) {
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	id, snap := who(ctx), a.deps.Store.Snapshot()
	u, err := mayUser(id, snap, in.Username)
	if err != nil {
		return nil, err
	}
	page, next, err := a.deps.Store.ListPersonCalls(ctx, PersonFilter{UserID: u.ID, Direction: in.Direction, Limit: in.Limit, Cursor: key})
	if err != nil {
		return nil, err
	}
	out := &struct{ Body PersonCalls }{}
	out.Body.Items = make([]PersonCall, 0, len(page))
	for i := range page {
		out.Body.Items = append(out.Body.Items, personView{id, snap, u.ID}.call(&page[i]))
	}
	if next != "" {
		out.Body.Next = cursor(next)
	}
	out.Body.Unseen, err = a.deps.Store.UnseenCalls(ctx, u.ID)
	return out, err
}

func (a *API) seePersonCalls(ctx context.Context, in *struct {
	UserPath
	Body struct {
		ID string `json:"id" maxLength:"64" doc:"The newest call that has been shown"`
	}
},
) (*struct{}, error) {
	u, err := mayUser(who(ctx), a.deps.Store.Snapshot(), in.Username)
	if err != nil {
		return nil, err
	}
	return nil, a.deps.Store.SeeCalls(ctx, u.ID, in.Body.ID)
}

// personView shows calls of a person to someone who may see them.
type personView struct {
	asks   auth.Identity
	snap   *directory.Snapshot
	userID string
}

func (v personView) call(p *StoredPersonCall) PersonCall {
	r := &p.Record
	c := PersonCall{
		ID: r.ID, Direction: p.Direction, Unseen: p.Unseen, Start: r.Start, AnswerAt: r.AnswerAt, End: r.End, Class: r.Class, Result: r.Result,
	}
	if !r.AnswerAt.IsZero() {
		c.Seconds = int(r.End.Sub(r.AnswerAt) / time.Second)
	}
	if p.Direction == "out" {
		c.Number = r.From
		c.Party = v.owner(r.To)
		return c
	}
	c.Number, c.ForwardTo = v.ownNumber(r)
	if c.Party = (Party{Number: r.From, Name: r.FromName, Username: v.username(r.FromUser)}); r.FromHidden && !v.asks.Admin {
		c.Party = Party{Hidden: true}
	}
	if took := v.snap.Users[r.ToUser]; took != nil && took.ID != v.userID && !r.AnswerAt.IsZero() {
		c.Taker = &Party{Name: took.FullName(), Username: took.Username}
		if n := v.snap.Numbers[r.Number]; n != nil && n.OwnerID == took.ID {
			c.Taker.Number = r.Number
		}
	}
	return c
}

// ownNumber is the person's number that was called, and where that sent the call on.
func (v personView) ownNumber(r *calls.Record) (number, to string) {
	for _, f := range r.Forwards {
		if v.owns(f.From) {
			return f.From, f.To
		}
	}
	if v.owns(r.Number) {
		return r.Number, ""
	}
	return r.To, ""
}

func (v personView) owns(number string) bool {
	n := v.snap.Numbers[number]
	return n != nil && n.OwnerType == directory.OwnerUser && n.OwnerID == v.userID
}

func (v personView) username(userID string) string {
	if u := v.snap.Users[userID]; u != nil {
		return u.Username
	}
	return ""
}

// owner is the side that a number dialled stands for.
func (v personView) owner(number string) Party {
	p := Party{Number: number}
	n := v.snap.Numbers[number]
	if n == nil {
		return p
	}
	if u := v.snap.Users[n.OwnerID]; n.OwnerType == directory.OwnerUser && u != nil {
		p.Name, p.Username = u.FullName(), u.Username
	} else {
		p.Name = v.snap.OwnerName(n)
	}
	if n.DisplayName != "" {
		p.Name = n.DisplayName
	}
	return p
}
