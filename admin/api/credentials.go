package api

import (
	"context"
	"net/http"
	"net/url"
)

// Credentials are what a device registers with.
type Credentials struct {
	SIPAccount
	URI string `json:"uri" doc:"All of it in one line, for a QR code" example:"sip:kq26gn6hgsib:T4SxCtcybeS2EUuE2BsvVnAL@koppelfeld.example"`
}

type credentialsOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         Credentials
}

func (a *API) registerCredentials() {
	register(a, operation{
		id: "get-slot-credentials", method: http.MethodGet, path: "/api/slots/{id}/credentials", tag: "users", access: ownOnly, person: true,
		summary: "Show the SIP account of a slot with its secret", doc: "For the slot's user and administrators. Each look is noted in the audit log.",
		errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.slotCredentials)
}

func (a *API) slotCredentials(ctx context.Context, in *SlotPath) (*credentialsOutput, error) {
	snap := a.deps.Store.Snapshot()
	s, err := maySlot(who(ctx), snap, in.ID)
	if err != nil {
		return nil, err
	}
	if s.SIPUsername == "" {
		return nil, fault(http.StatusConflict, "", "a mobile slot has no SIP account")
	}
	owner := ""
	if u := snap.Users[s.UserID]; u != nil {
		owner = u.Username
	}
	// Before the secret is shown, so that nobody has seen it without a trace.
	if err := a.deps.Store.Act(ctx, a.changeOf(ctx), "show_secret", "slot", s.ID, s.Name+" ("+owner+")", nil, nil); err != nil {
		return nil, err
	}
	uri := url.URL{Scheme: "sip", Opaque: url.UserPassword(s.SIPUsername, s.SIPSecret).String() + "@" + a.deps.Domain}
	return &credentialsOutput{"no-store", Credentials{
		SIPAccount: SIPAccount{Username: s.SIPUsername, Password: s.SIPSecret, Domain: a.deps.Domain}, URI: uri.String(),
	}}, nil
}
