package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
)

const (
	oidcLife    = 10 * time.Minute // of a login elsewhere, from its start to the return
	oidcTimeout = 10 * time.Second // of one request to a provider
	maxOIDC     = 1 << 20          // bytes of an answer of a provider
	maxReturn   = 300              // bytes of the path to return to
	oidcSealed  = "login elsewhere"
)

// Errors of a login elsewhere.
var (
	ErrNoProvider = errors.New("there is no such place to log in")
	ErrProvider   = errors.New("the other place cannot be asked at the moment")
	ErrDenied     = errors.New("the login at the other place was not completed")
	ErrUnverified = errors.New("the other place does not vouch for the e-mail address")
	ErrUnknown    = errors.New("nobody here has that name or address")
)

// OIDCConfig says where people can log in instead of here (OpenID Connect).
type OIDCConfig struct {
	// URL is where browsers find us, without a path.
	URL       string
	Providers []Provider
	// Box seals what a browser carries from the start of a login to its end. Needed when there are providers.
	Box *secret.Box
	// Transport carries requests to providers; nil means http.DefaultTransport.
	Transport http.RoundTripper
}

// Provider is a place where people can log in. Nobody becomes a user by that: they are found by a claim.
type Provider struct {
	Name         string // in paths
	Title        string // for people
	Issuer       string
	ClientID     string
	ClientSecret string
	// Claim is "email", which is compared with the users' e-mail addresses and must be verified, or another one that holds the user name.
	Claim  string
	Scopes []string // besides openid
}

// provider is a Provider, and what it says about itself once it has been asked.
type provider struct {
	Provider
	client *http.Client

	mu    sync.Mutex
	found *oidc.Provider
	again time.Time // when it may be asked again after it could not be
}

func newProviders(c OIDCConfig) ([]*provider, error) {
	if len(c.Providers) > 0 && (c.Box == nil || c.URL == "") {
		return nil, errors.New("auth: OIDC needs Box and URL")
	}
	transport := c.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	var list []*provider
	for _, p := range c.Providers {
		list = append(list, &provider{Provider: p, client: &http.Client{Transport: bounded{transport}, Timeout: oidcTimeout}})
	}
	return list, nil
}

// bounded is a transport whose answers end after maxOIDC bytes.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxOIDC), res.Body}
	}
	return res, err
}

// Providers lists the places where people can log in instead.
func (d *Door) Providers() []Provider {
	var list []Provider
	for _, p := range d.providers {
		list = append(list, p.Provider)
	}
	return list
}

func (d *Door) provider(name string) *provider {
	if i := slices.IndexFunc(d.providers, func(p *provider) bool { return p.Name == name }); i >= 0 {
		return d.providers[i]
	}
	return nil
}

// ask finds out where a provider's pages and keys are (OpenID Connect Discovery), once. It is not done at the start: the
// provider may be away then.
func (p *provider) ask(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if time.Now().Before(p.again) {
		return nil, ErrProvider
	}
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.Issuer)
	if err != nil {
		p.again = time.Now().Add(5 * time.Second)
		return nil, fmt.Errorf("%w: %w", ErrProvider, err)
	}
	p.found = found
	return found, nil
}

func (d *Door) oauth(p *provider, found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: found.Endpoint(),
		RedirectURL: strings.TrimSuffix(d.OIDC.URL, "/") + "/api/oidc/" + p.Name + "/callback",
		Scopes:      append([]string{oidc.ScopeOpenID}, p.Scopes...),
	}
}

// journey is what a browser carries, sealed, from the start of a login elsewhere to its end.
type journey struct {
	Provider string    `json:"p"`
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"` // of PKCE (RFC 7636)
	To       string    `json:"t"` // path to return to
	Until    time.Time `json:"u"`
}

// StartOIDC begins a login at a provider: the browser is to go to location and to carry cookie. to is the path to return to.
func (d *Door) StartOIDC(ctx context.Context, name, to string, client Client) (location, cookie string, err error) {
	p := d.provider(name)
	if p == nil {
		return "", "", ErrNoProvider
	}
	if after := d.asked.take(client.source(), time.Now()); after > 0 {
		return "", "", &LockedError{After: after}
	}
	found, err := p.ask(ctx)
	if err != nil {
		return "", "", err
	}
	j := journey{Provider: name, State: secret.Token(), Nonce: secret.Token(), Verifier: oauth2.GenerateVerifier(), To: ReturnPath(to), Until: time.Now().Add(oidcLife)}
	text, err := json.Marshal(j)
	if err != nil {
		return "", "", fmt.Errorf("beginning a login elsewhere: %w", err)
	}
	location = d.oauth(p, found).AuthCodeURL(j.State, oidc.Nonce(j.Nonce), oauth2.S256ChallengeOption(j.Verifier))
	return location, base64.RawURLEncoding.EncodeToString(d.OIDC.Box.Seal(text, oidcSealed)), nil
}

// ReturnPath is a path of our own pages, "/" for anything else: nobody is led elsewhere after a login.
func ReturnPath(to string) string {
	if len(to) > maxReturn || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}

// Return is what a browser brings back from a provider.
type Return struct{ Cookie, State, Code, Denied string }

// FinishOIDC ends a login at a provider. to is where the browser is to go then, also with an error.
func (d *Door) FinishOIDC(ctx context.Context, name string, r Return, client Client) (token string, who Identity, to string, err error) {
	p := d.provider(name)
	if p == nil {
		return "", Identity{}, "/", ErrNoProvider
	}
	j, ok := d.openJourney(name, r)
	if !ok {
		return "", Identity{}, "/", ErrTicket
	}
	if r.Denied != "" || r.Code == "" {
		return "", Identity{}, j.To, ErrDenied
	}
	if after := d.asked.take(client.source(), time.Now()); after > 0 {
		return "", Identity{}, j.To, &LockedError{After: after}
	}
	user, err := d.whoIs(ctx, p, j, r.Code)
	if err != nil {
		return "", Identity{}, j.To, err
	}
	token, who, err = d.Open(ctx, user.ID, client)
	return token, who, j.To, err
}

func (d *Door) openJourney(name string, r Return) (journey, bool) {
	var j journey
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(r.Cookie)
	if err != nil {
		return j, false
	}
	text, err := d.OIDC.Box.Open(sealed, oidcSealed)
	if err != nil || json.Unmarshal(text, &j) != nil {
		return j, false
	}
	return j, j.Provider == name && r.State != "" && secret.Equal(j.State, r.State) && time.Now().Before(j.Until)
}

// whoIs exchanges the code (RFC 6749 section 4.1.3), checks what the provider says and finds the user.
func (d *Door) whoIs(ctx context.Context, p *provider, j journey, code string) (*directory.User, error) {
	found, err := p.ask(ctx)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	tokens, err := d.oauth(p, found).Exchange(ctx, code, oauth2.VerifierOption(j.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) {
			return nil, fmt.Errorf("%w: %s", ErrDenied, cut(refused.ErrorCode, 64))
		}
		return nil, fmt.Errorf("%w: %w", ErrProvider, err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := found.Verifier(&oidc.Config{ClientID: p.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDenied, err)
	}
	if !secret.Equal(id.Nonce, j.Nonce) {
		return nil, fmt.Errorf("%w: another nonce", ErrDenied)
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDenied, err)
	}
	if _, ok := claims[p.Claim]; !ok { // some tell more when asked again
		if info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(tokens)); err == nil && info.Subject == id.Subject {
			_ = info.Claims(&claims)
		}
	}
	return claimed(d.Snapshot(), p.Claim, claims)
}

// claimed finds the user whom the claims are about.
func claimed(snap *directory.Snapshot, claim string, claims map[string]any) (*directory.User, error) {
	value, _ := claims[claim].(string)
	if value == "" {
		return nil, fmt.Errorf("%w: no claim %s", ErrUnknown, claim)
	}
	if claim != "email" {
		if u := snap.ByName[strings.ToLower(value)]; u != nil {
			return u, nil
		}
		return nil, ErrUnknown
	}
	if v := claims["email_verified"]; v != true && v != "true" {
		return nil, ErrUnverified
	}
	var user *directory.User
	for _, u := range snap.Users {
		if sameAddress(u.Email, value) {
			if user != nil {
				return nil, fmt.Errorf("%w: two have the address", ErrUnknown)
			}
			user = u
		}
	}
	if user == nil {
		return nil, ErrUnknown
	}
	return user, nil
}

// sameAddress compares e-mail addresses. Only letters of ASCII are the same in both cases: others may look alike and be two.
func sameAddress(a, b string) bool {
	if strings.ContainsFunc(a+b, func(r rune) bool { return r > 127 }) {
		return a == b
	}
	return strings.EqualFold(a, b)
}
