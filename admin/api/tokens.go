package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/auth"
)

// maxTokens bounds the API tokens of one user.
const maxTokens = 50

// Token is an API token, for programs. It may do no more than its user and its
// scopes.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Scopes  []string  `json:"scopes" nullable:"false"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero" doc:"Missing when it does not expire"`
	Used    time.Time `json:"used,omitzero" doc:"Last use, to the minute; missing when it has not been used"`
}

// NewToken is the answer that shows a token once.
type NewToken struct {
	Token
	Secret string `json:"token" doc:"Shown in this answer only"`
}

type createTokenInput struct {
	UserPath
	Body struct {
		Name    string    `json:"name" minLength:"1" maxLength:"128" example:"Wallboard"`
		Scopes  []string  `json:"scopes" minItems:"1" maxItems:"2" uniqueItems:"true" enum:"read,write" nullable:"false" doc:"read: see; write: see and change"`
		Expires time.Time `json:"expires,omitzero"`
	}
}

func tokenView(t auth.Token) Token {
	return Token{ID: t.ID, Name: t.Name, Scopes: notNil(t.Scopes), Created: t.Created, Expires: t.Expires, Used: t.Used}
}

func (a *API) registerTokens() {
	const path, one = "/api/users/{username}/tokens", "/api/users/{username}/tokens/{id}"
	register(a, operation{
		id: "list-tokens", method: http.MethodGet, path: path, tag: "session", access: ownOnly,
		summary: "List a user's API tokens", errors: []int{http.StatusNotFound},
	}, a.listTokens)
	register(a, operation{
		id: "create-token", method: http.MethodPost, path: path, tag: "session", access: ownOnly, person: true,
		summary: "Make an API token", doc: "Everybody makes tokens for themselves only. The token is shown in this answer only.",
		status: http.StatusCreated, errors: []int{http.StatusConflict},
	}, a.createToken)
	register(a, operation{
		id: "delete-token", method: http.MethodDelete, path: one, tag: "session", access: ownOnly, self: true,
		summary: "Remove an API token", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, a.deleteToken)
}

// tokens lists the tokens of a user for someone who asks.
func (a *API) tokens(ctx context.Context, username string) ([]auth.Token, error) {
	u, err := mayUser(who(ctx), a.deps.Store.Snapshot(), username)
	if err != nil {
		return nil, err
	}
	return a.deps.Store.ListTokens(ctx, u.ID)
}

func (a *API) listTokens(ctx context.Context, in *UserPath) (*listOutput[Token], error) {
	tokens, err := a.tokens(ctx, in.Username)
	if err != nil {
		return nil, err
	}
	var list []Token
	for _, t := range tokens {
		list = append(list, tokenView(t))
	}
	return whole(list), nil
}

func (a *API) createToken(ctx context.Context, in *createTokenInput) (*struct {
	CacheControl string `header:"Cache-Control"`
	Body         NewToken
}, error,
) {
	if in.Username != who(ctx).Username {
		return nil, forbidden("everybody makes tokens for themselves only")
	}
	b := &in.Body
	if !b.Expires.IsZero() && !b.Expires.After(time.Now()) {
		return nil, invalid("body.expires", "is in the past")
	}
	tokens, err := a.tokens(ctx, in.Username)
	if err != nil {
		return nil, err
	}
	if len(tokens) >= maxTokens {
		return nil, fault(http.StatusConflict, "", "there are too many tokens: remove one first")
	}
	secret, hash := auth.NewToken()
	t, err := a.deps.Store.CreateToken(ctx, a.changeOf(ctx), auth.Token{
		TokenHash: hash, UserID: who(ctx).UserID, Name: b.Name, Scopes: b.Scopes, Expires: b.Expires.UTC(),
	})
	if err != nil {
		return nil, err
	}
	return &struct {
		CacheControl string `header:"Cache-Control"`
		Body         NewToken
	}{"no-store", NewToken{tokenView(t), secret}}, nil
}

func (a *API) deleteToken(ctx context.Context, in *struct {
	UserPath
	ID string `path:"id" maxLength:"64"`
},
) (*struct{}, error) {
	tokens, err := a.tokens(ctx, in.Username)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(tokens, func(t auth.Token) bool { return t.ID == in.ID }) {
		return nil, notFound("token", in.ID)
	}
	return nil, a.deps.Store.DeleteToken(ctx, a.changeOf(ctx), in.ID)
}
