package authtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// What Elsewhere knows its client by.
const (
	ClientID     = "koppelfeld"
	ClientSecret = "hush"
)

// Elsewhere is a provider (OpenID Connect Core) that vouches for whoever asks. Browsers see a page at which the login is carried on or given up.
type Elsewhere struct {
	*httptest.Server
	t    testing.TB
	key  *rsa.PrivateKey
	back string

	mu sync.Mutex
	// Claims are in the ID token besides what has to be; More is told when asked again. Spoil changes what is signed.
	Claims, More map[string]any
	Spoil        func(claims map[string]any)
	// Challenge and Nonce are those of the login that has begun.
	Challenge, Nonce string
}

// NewElsewhere starts a provider that leads back to that address and to no other.
func NewElsewhere(t testing.TB, back string) *Elsewhere {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e := &Elsewhere{t: t, key: key, back: back}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", e.describe)
	mux.HandleFunc("GET /authorize", e.authorize)
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		e.answer(w, map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, _ *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.answer(w, e.More)
	})
	mux.HandleFunc("POST /token", e.exchange)
	e.Server = httptest.NewServer(mux)
	t.Cleanup(e.Close)
	return e
}

// Vouch sets who logs in from now on.
func (e *Elsewhere) Vouch(claims map[string]any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Claims = claims
}

func (e *Elsewhere) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		e.t.Error(err)
	}
}

func (e *Elsewhere) describe(w http.ResponseWriter, _ *http.Request) {
	e.answer(w, map[string]any{
		"issuer": e.URL, "authorization_endpoint": e.URL + "/authorize", "token_endpoint": e.URL + "/token", "jwks_uri": e.URL + "/keys", "userinfo_endpoint": e.URL + "/me",
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

// authorize is the page for browsers (OpenID Connect Core section 3.1.2).
func (e *Elsewhere) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != ClientID || q.Get("redirect_uri") != e.back || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "asked wrongly", http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	e.Challenge, e.Nonce = q.Get("code_challenge"), q.Get("nonce")
	e.mu.Unlock()
	link := func(key, value string) string {
		return html.EscapeString(e.back + "?" + url.Values{key: {value}, "state": {q.Get("state")}}.Encode())
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `<!doctype html><title>Elsewhere</title><a href="%s">Log in</a> <a href="%s">Give up</a>`, link("code", "good"), link("error", "access_denied"))
}

// exchange gives an ID token for a code (section 3.1.3).
func (e *Elsewhere) exchange(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	id, word, _ := r.BasicAuth()
	if r.FormValue("code") != "good" || encode(sum[:]) != e.Challenge || id != ClientID || word != ClientSecret || r.FormValue("redirect_uri") != e.back {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		e.answer(w, map[string]string{"error": "invalid_grant"})
		return
	}
	e.answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": e.token()})
}

// token signs what is said about the user.
func (e *Elsewhere) token() string {
	claims := map[string]any{"iss": e.URL, "aud": ClientID, "sub": "4711", "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(), "nonce": e.Nonce}
	maps.Copy(claims, e.Claims)
	if e.Spoil != nil {
		e.Spoil(claims)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		e.t.Fatal(err)
	}
	text := encode([]byte(`{"alg":"RS256","kid":"1"}`)) + "." + encode(body)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, e.key, crypto.SHA256, sum[:])
	if err != nil {
		e.t.Fatal(err)
	}
	return text + "." + encode(sig)
}
