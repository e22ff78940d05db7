package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/licence"
)

// Names of the session cookie without and with TLS. The prefix binds the second
// to this host over TLS (RFC 6265bis section 4.1.3.2).
const (
	cookieName       = "koppelfeld_session"
	secureCookieName = "__Host-" + cookieName
)

// Session tells who a session belongs to.
type Session struct {
	Username           string         `json:"username"`
	Admin              bool           `json:"admin"`
	MustChangePassword bool           `json:"must_change_password" doc:"The session may do nothing else before the first password has been changed"`
	Expires            time.Time      `json:"expires,omitzero" doc:"When the session ends at the latest; missing for API tokens that do not expire"`
	IdleUntil          time.Time      `json:"idle_until,omitzero" doc:"When the session ends if it is not used"`
	Factors            []string       `json:"factors" nullable:"false" enum:"totp,passkey,recovery" doc:"What is asked for at the user's logins besides the password"`
	Impersonator       string         `json:"impersonator,omitempty" doc:"User name of who acts in the name of this user"`
	Unlicensed         *LicenceReason `json:"unlicensed,omitempty" doc:"Why the user client must not be used, where it is not licensed"`
}

// NewSession is the answer to a login.
type NewSession struct {
	Token string `json:"token" doc:"To be sent as Authorization: Bearer"`
	Session
}

type loginInput struct {
	Conn
	Body struct {
		Username string `json:"username" minLength:"1" maxLength:"64"`
		Password string `json:"password" minLength:"1" maxLength:"1024"`
	}
}

// Conn is the part of an input that notes whether the request came over TLS, and the host that was asked for.
type Conn struct {
	tls  bool
	host string
}

// Resolve is called by huma before the handler.
func (c *Conn) Resolve(ctx huma.Context) []error {
	c.tls, c.host = ctx.TLS() != nil, ctx.Host()
	return nil
}

func (c *Conn) cookie(value string) http.Cookie {
	cookie := http.Cookie{Name: cookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if c.tls {
		cookie.Name, cookie.Secure = secureCookieName, true
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	return cookie
}

type loginOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      NewSession
}

type sessionOutput struct{ Body Session }

type logoutOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (a *API) sessionView(ctx context.Context, id auth.Identity) (Session, error) {
	have, err := a.deps.Door.Possession(ctx, id.UserID)
	if err != nil {
		return Session{}, err
	}
	v := Session{
		Username: id.Username, Admin: id.Admin, MustChangePassword: id.MustChangePassword,
		Expires: id.Expires, IdleUntil: id.IdleUntil, Factors: notNil(have.Kinds()), Impersonator: id.Impersonator,
	}
	var f *licence.Fault
	if errors.As(a.deps.Licence.UserClient(), &f) {
		why := reason(f)
		v.Unlicensed = &why
	}
	return v, nil
}

func (a *API) registerSession() {
	const path = "/api/session"
	register(a, operation{
		id: "login", method: http.MethodPost, path: path, tag: "session", access: public,
		summary: "Log in", doc: "Opens a session, sets its cookie and answers its token. Where the user has a second factor the answer is 401 with a problem of type " +
			problemSecond + ", whose ticket and factors are for POST /api/session/second.",
		errors: []int{http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *loginInput) (*loginOutput, error) {
		token, id, err := a.deps.Door.Login(ctx, in.Body.Username, in.Body.Password, client(ctx))
		if err != nil {
			return nil, loginProblem(err)
		}
		return a.opened(ctx, &in.Conn, token, id, "login")
	})
	register(a, operation{
		id: "get-session", method: http.MethodGet, path: path, tag: "session", access: session,
		summary: "Tell who is logged in",
	}, func(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
		view, err := a.sessionView(ctx, who(ctx))
		if err != nil {
			return nil, err
		}
		return &sessionOutput{view}, nil
	})
	register(a, operation{
		id: "logout", method: http.MethodDelete, path: path, tag: "session", access: session, person: true, asOther: true,
		summary: "Log out", status: http.StatusNoContent,
	}, func(ctx context.Context, in *Conn) (*logoutOutput, error) {
		if err := a.deps.Door.Logout(ctx, who(ctx)); err != nil {
			return nil, err
		}
		return &logoutOutput{in.cookie("")}, nil
	})
}
