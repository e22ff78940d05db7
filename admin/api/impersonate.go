package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/koppelfeld/koppelfeld/admin/auth"
)

type impersonateInput struct {
	Conn
	Body struct {
		Username string `json:"username" minLength:"1" maxLength:"64" doc:"Whom to act as"`
	}
}

func (a *API) registerImpersonation() {
	const path = "/api/session/impersonate"
	register(a, operation{
		id: "impersonate", method: http.MethodPost, path: path, tag: "session", access: ownOnly, person: true, asOther: true,
		summary: "Act as another user",
		doc: "For administrators, and by the permission impersonate, which does not reach administrators. The caller's session ends and one in the name " +
			"of the other takes its place; it has the rights of the other, but cannot touch passwords, PIN, factors and tokens. " +
			"What is done is noted in the audit log with both names.",
		errors: []int{http.StatusConflict},
	}, a.impersonate)
	register(a, operation{
		id: "end-impersonation", method: http.MethodDelete, path: path, tag: "session", access: session, person: true, asOther: true,
		summary: "Act as oneself again", doc: "A session of one's own takes the place of the one in the name of the other.", errors: []int{http.StatusConflict},
	}, a.endImpersonation)
}

func (a *API) impersonate(ctx context.Context, in *impersonateInput) (*loginOutput, error) {
	token, id, err := a.deps.Door.Impersonate(ctx, who(ctx), in.Body.Username, client(ctx))
	if err != nil {
		return nil, impersonationProblem(err)
	}
	a.act(ctx, "impersonate", "user", id.UserID, id.Username)
	return a.newSession(ctx, &in.Conn, token, id)
}

func (a *API) endImpersonation(ctx context.Context, in *Conn) (*loginOutput, error) {
	was := who(ctx)
	token, id, err := a.deps.Door.Return(ctx, was, client(ctx))
	if err != nil {
		return nil, impersonationProblem(err)
	}
	a.act(ctx, "end_impersonation", "user", was.UserID, was.Username)
	return a.newSession(ctx, in, token, id)
}

// newSession answers a session that takes the place of another.
func (a *API) newSession(ctx context.Context, conn *Conn, token string, id auth.Identity) (*loginOutput, error) {
	view, err := a.sessionView(ctx, id)
	if err != nil {
		return nil, err
	}
	return &loginOutput{conn.cookie(token), NewSession{token, view}}, nil
}

func impersonationProblem(err error) error {
	switch {
	case errors.Is(err, auth.ErrMayNotAct):
		return forbidden(err.Error())
	case errors.Is(err, auth.ErrImpersonating), errors.Is(err, auth.ErrNotImpersonating):
		return fault(http.StatusConflict, "", err.Error())
	}
	return err
}
