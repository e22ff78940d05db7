package api

import (
	"context"
	"net/http"
	"time"
)

// SessionEntry is one of a user's sessions.
type SessionEntry struct {
	ID        string    `json:"id"`
	Current   bool      `json:"current" doc:"The session that asks"`
	Agent     string    `json:"agent" doc:"What the browser or program said it is"`
	Address   string    `json:"address" doc:"Where the login came from"`
	Created   time.Time `json:"since"`
	Seen      time.Time `json:"seen" doc:"Last use, to the minute"`
	IdleUntil time.Time `json:"idle_until"`
	Expires   time.Time `json:"expires"`
}

func (a *API) registerSessions() {
	const path = "/api/users/{username}/sessions"
	register(a, operation{
		id: "list-sessions", method: http.MethodGet, path: path, tag: "session", access: ownOnly,
		summary: "List a user's sessions", errors: []int{http.StatusNotFound},
	}, a.listSessions)
	register(a, operation{
		id: "delete-sessions", method: http.MethodDelete, path: path, tag: "session", access: ownOnly, person: true,
		summary: "End all sessions of a user", doc: "But the one that asks.", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, a.deleteSessions)
	register(a, operation{
		id: "delete-session", method: http.MethodDelete, path: path + "/{id}", tag: "session", access: ownOnly, person: true,
		summary: "End a session", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, a.deleteSession)
}

func (a *API) listSessions(ctx context.Context, in *UserPath) (*listOutput[SessionEntry], error) {
	id := who(ctx)
	u, err := mayUser(id, a.deps.Store.Snapshot(), in.Username)
	if err != nil {
		return nil, err
	}
	sessions, err := a.deps.Door.List(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	list := List[SessionEntry]{Items: []SessionEntry{}, Total: len(sessions)}
	for _, s := range sessions {
		list.Items = append(list.Items, SessionEntry{
			ID: s.ID(), Current: s.TokenHash == id.TokenHash, Agent: s.Agent, Address: s.Remote, Created: s.Created, Seen: s.Seen, IdleUntil: s.IdleUntil, Expires: s.Expires,
		})
	}
	return &listOutput[SessionEntry]{list}, nil
}

func (a *API) deleteSessions(ctx context.Context, in *UserPath) (*struct{}, error) {
	u, err := mayUser(who(ctx), a.deps.Store.Snapshot(), in.Username)
	if err != nil {
		return nil, err
	}
	if err := a.deps.Door.EndAll(ctx, u.ID, who(ctx)); err != nil {
		return nil, err
	}
	a.act(ctx, "end_sessions", "user", u.ID, u.Username)
	return nil, nil
}

func (a *API) deleteSession(ctx context.Context, in *struct {
	UserPath
	ID string `path:"id" maxLength:"64"`
},
) (*struct{}, error) {
	u, err := mayUser(who(ctx), a.deps.Store.Snapshot(), in.Username)
	if err != nil {
		return nil, err
	}
	if err := a.deps.Door.End(ctx, u.ID, in.ID); err != nil {
		return nil, err
	}
	a.act(ctx, "end_session", "user", u.ID, u.Username)
	return nil, nil
}
