package api

import (
	"context"
	"net/http"
)

// The PIN authenticates its user at telephones: for calls to numbers that are blocked without one (SPEC G13).

type pinInput struct {
	UserPath
	Body struct {
		PIN string `json:"pin" minLength:"4" maxLength:"12" pattern:"^[0-9]*$" patternDescription:"digits" writeOnly:"true" doc:"4 to 12 digits; neither a number of the user, nor one digit over and over, nor counting up or down"`
	}
}

func (a *API) registerPIN() {
	const path = "/api/users/{username}/pin"
	register(a, operation{
		id: "set-pin", method: http.MethodPut, path: path, tag: "users", access: ownOnly, person: true,
		summary: "Set a user's PIN", doc: "The PIN is for telephones and is never shown. Users set their own; administrators everybody's.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, a.setPIN)
	register(a, operation{
		id: "delete-pin", method: http.MethodDelete, path: path, tag: "users", access: ownOnly, person: true,
		summary: "Remove a user's PIN", doc: "Numbers that may be dialled with the PIN only cannot be dialled any more.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, a.deletePIN)
}

func (a *API) setPIN(ctx context.Context, in *pinInput) (*struct{}, error) {
	snap := a.deps.Store.Snapshot()
	u, err := mayUser(who(ctx), snap, in.Username)
	if err != nil {
		return nil, err
	}
	if err := snap.CheckPIN(u.ID, in.Body.PIN); err != nil {
		return nil, err
	}
	hash, err := a.deps.Passwords.HashPIN(ctx, in.Body.PIN)
	if err != nil {
		return nil, err
	}
	return nil, a.changePIN(ctx, in.Username, hash)
}

func (a *API) deletePIN(ctx context.Context, in *UserPath) (*struct{}, error) {
	return nil, a.changePIN(ctx, in.Username, "")
}

func (a *API) changePIN(ctx context.Context, username, hash string) error {
	return a.change(ctx, func(tx Tx) error {
		u, err := mayUser(who(ctx), tx.Snapshot(), username)
		if err != nil {
			return err
		}
		return tx.SetPIN(u.Username, hash)
	})
}
