package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/version"
)

// Ways are the ways to log in.
type Ways struct {
	Product  string     `json:"product"`
	Version  string     `json:"version"`
	OIDC     []OIDCWay  `json:"oidc" nullable:"false" doc:"Other places to log in at"`
	Passkey  bool       `json:"passkey" doc:"Passkeys work at this address"`
	HTTPS    bool       `json:"https" doc:"The request came over HTTPS"`
	Language string     `json:"language" enum:"de,en" doc:"Which of the two the browser would rather have"`
	Password PasswordIs `json:"password"`
}

// PasswordIs says what a new password must be like.
type PasswordIs struct {
	Min int `json:"min" doc:"Characters at least"`
}

// OIDCWay is another place to log in at.
type OIDCWay struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Start string `json:"start" doc:"Path to lead the browser to; ?to= is the path to return to"`
}

// secondFactorNeeded is the problem document of a login that needs more.
type secondFactorNeeded struct {
	*huma.ErrorModel
	Ticket  string   `json:"ticket"`
	Factors []string `json:"factors"`
}

type secondInput struct {
	Conn
	Body struct {
		Ticket   string          `json:"ticket" maxLength:"64" doc:"From the answer to the login"`
		TOTP     string          `json:"totp,omitempty" maxLength:"16"`
		Recovery string          `json:"recovery,omitempty" maxLength:"32"`
		Question string          `json:"question,omitempty" maxLength:"64" doc:"With a passkey: which question it answers"`
		Passkey  json.RawMessage `json:"passkey,omitempty" doc:"What navigator.credentials.get has given, as toJSON() has it"`
	}
}

func (a *API) registerLogin() {
	open := operation{tag: "session", access: public, errors: []int{http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusServiceUnavailable}}
	op := func(id, method, path, summary, doc string) operation {
		o := open
		o.id, o.method, o.path, o.summary, o.doc = id, method, path, summary, doc
		return o
	}
	register(a, op("login-ways", http.MethodGet, "/api/login", "Tell the ways to log in", ""), a.loginWays)
	register(a, op("login-second", http.MethodPost, "/api/session/second", "Show the second factor",
		"Ends a login that was answered with a problem of type "+problemSecond+". One of totp, recovery and passkey is needed."), a.loginSecond)
	register(a, op("ask-passkey", http.MethodPost, "/api/session/passkey/options", "Ask for a passkey", "With the ticket of a login as its second factor, without one in place of it."), a.askPasskey)
	register(a, op("login-passkey", http.MethodPost, "/api/session/passkey", "Log in with a passkey alone", ""), a.loginPasskey)
	start := op("oidc-start", http.MethodGet, "/api/oidc/{name}/start", "Go to log in at another place", "For browsers: answers with a redirect.")
	start.status = http.StatusSeeOther
	register(a, start, a.oidcStart)
	back := op("oidc-callback", http.MethodGet, "/api/oidc/{name}/callback", "Come back from another place",
		"For browsers: opens a session and leads to the path that start was told; with login_error there when it failed: denied, expired, unavailable, unknown_user, unverified or locked.")
	back.status, back.loose = http.StatusSeeOther, true
	register(a, back, a.oidcCallback)
}

func (a *API) loginWays(_ context.Context, in *struct {
	Conn
	Accept string `header:"Accept-Language" maxLength:"1000"`
},
) (*struct{ Body Ways }, error) {
	v := Ways{
		Product: version.Name, Version: version.Version, OIDC: []OIDCWay{}, HTTPS: in.tls, Language: preferred(in.Accept),
		Passkey: a.site(&in.Conn).ID != "", Password: PasswordIs{Min: auth.MinPassword},
	}
	for _, p := range a.deps.Door.Providers() {
		v.OIDC = append(v.OIDC, OIDCWay{p.Name, p.Title, "/api/oidc/" + p.Name + "/start"})
	}
	return &struct{ Body Ways }{v}, nil
}

// preferred is the first of our languages in Accept-Language; browsers list them in order.
func preferred(accept string) string {
	for part := range strings.SplitSeq(accept, ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base {
		case "de", "en":
			return base
		}
	}
	return "en"
}

// opened answers with a new session and notes it in the audit log.
func (a *API) opened(ctx context.Context, c *Conn, token string, id auth.Identity, action string) (*loginOutput, error) {
	a.act(context.WithValue(ctx, identityKey{}, id), action, "user", id.UserID, id.Username)
	view, err := a.sessionView(ctx, id)
	if err != nil {
		return nil, err
	}
	return &loginOutput{c.cookie(token), NewSession{token, view}}, nil
}

// loginProblem puts ticket and factors into the problem document.
func loginProblem(err error) error {
	var more *auth.SecondFactorError
	if errors.As(err, &more) {
		return &secondFactorNeeded{fault(http.StatusUnauthorized, problemSecond, more.Error()+": POST /api/session/second"), more.Ticket, more.Kinds}
	}
	return err
}

func (a *API) loginSecond(ctx context.Context, in *secondInput) (*loginOutput, error) {
	b := &in.Body
	given := 0
	for _, is := range []bool{b.TOTP != "", b.Recovery != "", len(b.Passkey) > 0} {
		if is {
			given++
		}
	}
	if given != 1 {
		return nil, invalid("body", "needs one of totp, recovery and passkey")
	}
	token, id, kind, err := a.deps.Door.LoginSecond(ctx, a.site(&in.Conn), b.Ticket,
		auth.Proof{TOTP: b.TOTP, Recovery: b.Recovery, Passkey: b.Passkey, Question: b.Question}, client(ctx))
	if err != nil {
		return nil, err
	}
	return a.opened(ctx, &in.Conn, token, id, "login_"+kind)
}

func (a *API) askPasskey(ctx context.Context, in *struct {
	Conn
	Body struct {
		Ticket string `json:"ticket,omitempty" maxLength:"64" doc:"Of a login that waits for its second factor"`
	}
},
) (*noStore[PasskeyQuestion], error) {
	options, id, err := a.deps.Door.AskPasskey(ctx, a.site(&in.Conn), in.Body.Ticket, client(ctx))
	if err != nil {
		return nil, err
	}
	return questionView(options, id)
}

func (a *API) loginPasskey(ctx context.Context, in *struct {
	Conn
	Body struct {
		Question   string          `json:"question" maxLength:"64"`
		Credential json.RawMessage `json:"credential" doc:"What navigator.credentials.get has given, as toJSON() has it"`
	}
},
) (*loginOutput, error) {
	token, id, err := a.deps.Door.LoginPasskey(ctx, a.site(&in.Conn), in.Body.Question, in.Body.Credential, client(ctx))
	if err != nil {
		return nil, err
	}
	return a.opened(ctx, &in.Conn, token, id, "login_passkey")
}

// Names of the cookie that goes with a browser to another place and back.
const (
	oidcCookie       = "koppelfeld_oidc"
	secureOIDCCookie = "__Host-" + oidcCookie
)

// elsewhere is the cookie for the way to another place and back. It is sent on the way back, which begins at the other place.
func (c *Conn) elsewhere(value string) http.Cookie {
	cookie := http.Cookie{Name: oidcCookie, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: 600}
	if c.tls {
		cookie.Name, cookie.Secure = secureOIDCCookie, true
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	return cookie
}

type redirect struct {
	Status    int
	Location  string        `header:"Location"`
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

func (a *API) oidcStart(ctx context.Context, in *struct {
	Conn
	Name string `path:"name" maxLength:"64"`
	To   string `query:"to" maxLength:"300"`
},
) (*redirect, error) {
	location, cookie, err := a.deps.Door.StartOIDC(ctx, in.Name, in.To, client(ctx))
	if errors.Is(err, auth.ErrNoProvider) {
		return nil, notFound("place to log in", in.Name)
	}
	if err != nil {
		return a.oidcFailed(ctx, &in.Conn, auth.ReturnPath(in.To), err), nil
	}
	return &redirect{http.StatusSeeOther, location, []http.Cookie{in.elsewhere(cookie)}}, nil
}

func (a *API) oidcCallback(ctx context.Context, in *struct {
	Conn
	Name   string `path:"name" maxLength:"64"`
	Code   string `query:"code"`
	State  string `query:"state"`
	Error  string `query:"error"`
	Cookie string `cookie:"koppelfeld_oidc"`
	Secure string `cookie:"__Host-koppelfeld_oidc"`
},
) (*redirect, error) {
	r := auth.Return{Cookie: in.Cookie, State: in.State, Code: in.Code, Denied: in.Error}
	if in.tls {
		r.Cookie = in.Secure
	}
	token, id, to, err := a.deps.Door.FinishOIDC(ctx, in.Name, r, client(ctx))
	if errors.Is(err, auth.ErrNoProvider) {
		return nil, notFound("place to log in", in.Name)
	}
	if err != nil {
		return a.oidcFailed(ctx, &in.Conn, to, err), nil
	}
	a.act(context.WithValue(ctx, identityKey{}, id), "login_oidc", "user", id.UserID, id.Username)
	return &redirect{http.StatusSeeOther, to, []http.Cookie{in.cookie(token), in.elsewhere("")}}, nil
}

// oidcFailed leads a browser back to the pages, which say what happened.
func (a *API) oidcFailed(ctx context.Context, c *Conn, to string, err error) *redirect {
	code := "unavailable"
	var locked *auth.LockedError
	switch {
	case errors.Is(err, auth.ErrDenied):
		code = "denied"
	case errors.Is(err, auth.ErrTicket):
		code = "expired"
	case errors.Is(err, auth.ErrUnknown):
		code = "unknown_user"
	case errors.Is(err, auth.ErrUnverified):
		code = "unverified"
	case errors.As(err, &locked):
		code = "locked"
	}
	a.log.WarnContext(ctx, "login at another place failed", "reason", code, "err", err, "remote", client(ctx).Address)
	if u, err := url.Parse(to); err == nil {
		q := u.Query()
		q.Set("login_error", code)
		u.RawQuery = q.Encode()
		to = u.String()
	}
	return &redirect{http.StatusSeeOther, to, []http.Cookie{c.elsewhere("")}}
}
