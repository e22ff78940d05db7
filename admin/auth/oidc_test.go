package auth_test

import (
	"bytes"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/admin/auth/authtest"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
)

func elsewhere(t *testing.T) *authtest.Elsewhere {
	t.Helper()
	return authtest.NewElsewhere(t, "https://pbx.example/api/oidc/firm/callback")
}

// doorTo is a door with a provider.
func doorTo(t *testing.T, e *authtest.Elsewhere, claim string) *auth.Door {
	t.Helper()
	box, err := secret.NewBox(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	snap := directoryOf("armin", "adele", "adam")
	snap.ByName["armin"].Email = "Armin@firm.example"
	snap.ByName["adele"].Email, snap.ByName["adam"].Email = "both@firm.example", "both@firm.example"
	d, err := auth.New(auth.Config{
		Sessions: &memory{sessions: map[[32]byte]auth.Session{}}, Factors: &devices{}, Passwords: &plain{}, Snapshot: func() *directory.Snapshot { return snap },
		OIDC: auth.OIDCConfig{URL: "https://pbx.example", Box: box, Providers: []auth.Provider{
			{Name: "firm", Title: "Firm", Issuer: e.URL, ClientID: authtest.ClientID, ClientSecret: authtest.ClientSecret, Claim: claim, Scopes: []string{"profile", "email"}},
			{Name: "away", Issuer: "http://127.0.0.1:1", ClientID: "x", Claim: claim},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// changed has another first letter than s.
func changed(s string) string {
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}

func TestLoginElsewhere(t *testing.T) {
	here := from("192.0.2.1")
	for _, c := range []struct {
		name   string
		claim  string
		claims map[string]any
		more   map[string]any
		spoil  func(map[string]any)
		back   func(*auth.Return)
		want   error
	}{
		{name: "user name", claim: "preferred_username", claims: map[string]any{"preferred_username": "Armin"}},
		{name: "told when asked again", claim: "preferred_username", more: map[string]any{"sub": "4711", "preferred_username": "armin"}},
		{name: "told about somebody else", claim: "preferred_username", more: map[string]any{"sub": "4712", "preferred_username": "armin"}, want: auth.ErrUnknown},
		{name: "address", claim: "email", claims: map[string]any{"email": "armin@firm.example", "email_verified": true}},
		{name: "address not verified", claim: "email", claims: map[string]any{"email": "armin@firm.example"}, want: auth.ErrUnverified},
		{name: "address that looks alike", claim: "email", claims: map[string]any{"email": "armin@\u017firm.example", "email_verified": true}, want: auth.ErrUnknown},
		{name: "address of two", claim: "email", claims: map[string]any{"email": "both@firm.example", "email_verified": true}, want: auth.ErrUnknown},
		{name: "unknown", claim: "preferred_username", claims: map[string]any{"preferred_username": "nobody"}, want: auth.ErrUnknown},
		{name: "no claim", claim: "preferred_username", want: auth.ErrUnknown},
		{name: "another nonce", claim: "preferred_username", claims: map[string]any{"preferred_username": "armin"}, spoil: func(m map[string]any) { m["nonce"] = "x" }, want: auth.ErrDenied},
		{name: "for somebody else", claim: "preferred_username", claims: map[string]any{"preferred_username": "armin"}, spoil: func(m map[string]any) { m["aud"] = "other" }, want: auth.ErrDenied},
		{name: "of somebody else", claim: "preferred_username", claims: map[string]any{"preferred_username": "armin"}, spoil: func(m map[string]any) { m["iss"] = "https://evil.example" }, want: auth.ErrDenied},
		{name: "too old", claim: "preferred_username", claims: map[string]any{"preferred_username": "armin"}, spoil: func(m map[string]any) { m["exp"] = time.Now().Add(-time.Hour).Unix() }, want: auth.ErrDenied},
		{name: "wrong code", claim: "preferred_username", back: func(r *auth.Return) { r.Code = "bad" }, want: auth.ErrDenied},
		{name: "no code", claim: "preferred_username", back: func(r *auth.Return) { r.Code = "" }, want: auth.ErrDenied},
		{name: "refused", claim: "preferred_username", back: func(r *auth.Return) { r.Denied = "access_denied" }, want: auth.ErrDenied},
		{name: "another state", claim: "preferred_username", back: func(r *auth.Return) { r.State = "x" }, want: auth.ErrTicket},
		{name: "no cookie", claim: "preferred_username", back: func(r *auth.Return) { r.Cookie = "" }, want: auth.ErrTicket},
		{name: "changed cookie", claim: "preferred_username", back: func(r *auth.Return) { r.Cookie = changed(r.Cookie) }, want: auth.ErrTicket},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := elsewhere(t)
			e.Claims, e.More, e.Spoil = c.claims, c.more, c.spoil
			d := doorTo(t, e, c.claim)
			location, cookie, err := d.StartOIDC(t.Context(), "firm", "/admin/users", here)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(location)
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			e.Challenge, e.Nonce = q.Get("code_challenge"), q.Get("nonce")
			if q.Get("code_challenge_method") != "S256" || q.Get("scope") != "openid profile email" || q.Get("state") == "" || e.Nonce == "" || u.Path != "/authorize" {
				t.Errorf("led to %s", location)
			}
			r := auth.Return{Cookie: cookie, State: q.Get("state"), Code: "good"}
			if c.back != nil {
				c.back(&r)
			}
			token, who, to, err := d.FinishOIDC(t.Context(), "firm", r, here)
			if !errors.Is(err, c.want) || (err == nil) != (token != "") {
				t.Errorf("%v, want %v", err, c.want)
			}
			if err == nil && (who.Username != "armin" || to != "/admin/users") {
				t.Errorf("%s led to %s", who.Username, to)
			}
		})
	}
}

func TestElsewhereIsAway(t *testing.T) {
	d := doorTo(t, elsewhere(t), "email")
	if _, _, err := d.StartOIDC(t.Context(), "away", "/", from("192.0.2.1")); !errors.Is(err, auth.ErrProvider) {
		t.Errorf("a provider that is away: %v", err)
	}
	if _, _, err := d.StartOIDC(t.Context(), "none", "/", from("192.0.2.1")); !errors.Is(err, auth.ErrNoProvider) {
		t.Errorf("no provider: %v", err)
	}
	_, cookie, err := d.StartOIDC(t.Context(), "firm", "/", from("192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := d.FinishOIDC(t.Context(), "away", auth.Return{Cookie: cookie, State: "x", Code: "good"}, from("192.0.2.1")); !errors.Is(err, auth.ErrTicket) {
		t.Errorf("begun at one and ended at another: %v", err)
	}
}

func TestReturnPath(t *testing.T) {
	for to, want := range map[string]string{
		"/admin/users?x=1": "/admin/users?x=1", "": "/", "https://evil.example": "/", "//evil.example": "/", "/\\evil.example": "/", "/a\r\nb": "/",
	} {
		if got := auth.ReturnPath(to); got != want {
			t.Errorf("%q leads to %q, want %q", to, got, want)
		}
	}
}
