package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// questionLife is how long a passkey may take to answer.
const questionLife = 5 * time.Minute

// ErrNoSite is returned where passkeys cannot be used: at an address that is not a name, or over plain HTTP.
var ErrNoSite = errors.New("passkeys work only at a name with HTTPS")

// Site is where pages are: a passkey is good for one ID (Web Authentication section 5.4.2).
type Site struct {
	ID     string // host name
	Origin string // scheme, host and port
	Name   string // for people
}

// passkey is the Secret of a Factor of that kind.
type passkey struct {
	Site string              `json:"site"`
	Key  webauthn.Credential `json:"key"`
}

// question is what a passkey is to sign.
type question struct {
	session webauthn.SessionData
	userID  string // empty where the passkey says who it is
	ticket  string // of the login that this is the second factor of
	making  bool   // a new passkey
}

// bearer is a user as the library wants him.
type bearer struct {
	user *directory.User
	keys []webauthn.Credential
}

func (b bearer) WebAuthnID() []byte                         { return []byte(b.user.ID) }
func (b bearer) WebAuthnName() string                       { return b.user.Username }
func (b bearer) WebAuthnCredentials() []webauthn.Credential { return b.keys }

// WebAuthnDisplayName is shown by the device when it asks.
func (b bearer) WebAuthnDisplayName() string {
	if n := b.user.FullName(); n != "" {
		return n
	}
	return b.user.Username
}

func relyingParty(site Site) (*webauthn.WebAuthn, error) {
	if site.ID == "" {
		return nil, ErrNoSite
	}
	w, err := webauthn.New(&webauthn.Config{RPID: site.ID, RPDisplayName: site.Name, RPOrigins: []string{site.Origin}})
	if err != nil {
		return nil, fmt.Errorf("passkeys at %s: %w", site.ID, err)
	}
	return w, nil
}

// bearerAt is the user with his passkeys that are good at the site.
func (d *Door) bearerAt(site Site, userID string, list []Factor) (bearer, error) {
	u := d.Snapshot().Users[userID]
	if u == nil {
		return bearer{}, ErrNoSession
	}
	b := bearer{user: u}
	for _, f := range list {
		if f.Kind != Passkey {
			continue
		}
		var k passkey
		if err := json.Unmarshal(f.Secret, &k); err != nil {
			return bearer{}, fmt.Errorf("reading passkey %s: %w", f.ID, err)
		}
		if k.Site == site.ID {
			b.keys = append(b.keys, k.Key)
		}
	}
	return b, nil
}

// StartPasskey asks for a new passkey. options go to navigator.credentials.create.
func (d *Door) StartPasskey(ctx context.Context, site Site, userID string) (options any, questionID string, err error) {
	w, err := relyingParty(site)
	if err != nil {
		return nil, "", err
	}
	list, err := d.Factors.ListFactors(ctx, userID)
	if err != nil {
		return nil, "", err
	}
	if len(possession(list).Passkeys) >= maxPasskeys {
		return nil, "", ErrTooMany
	}
	b, err := d.bearerAt(site, userID, list)
	if err != nil {
		return nil, "", err
	}
	creation, session, err := w.BeginRegistration(b,
		webauthn.WithExclusions(webauthn.Credentials(b.keys).CredentialDescriptors()),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred}),
		webauthn.WithConveyancePreference(protocol.PreferNoAttestation))
	if err != nil {
		return nil, "", fmt.Errorf("asking for a passkey: %w", err)
	}
	return creation.Response, d.questions.put(question{session: *session, userID: userID, making: true}), nil
}

// AddPasskey keeps the passkey that a browser has made. Recovery codes are made and returned when there are none.
func (d *Door) AddPasskey(ctx context.Context, by By, site Site, userID, questionID, name string, answer []byte) (made Device, recovery []string, err error) {
	q, ok := d.questions.take(questionID)
	if !ok || !q.making || q.userID != userID {
		return Device{}, nil, ErrTicket
	}
	w, err := relyingParty(site)
	if err != nil {
		return Device{}, nil, err
	}
	list, err := d.Factors.ListFactors(ctx, userID)
	if err != nil {
		return Device{}, nil, err
	}
	b, err := d.bearerAt(site, userID, list)
	if err != nil {
		return Device{}, nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Device{}, nil, ErrFactor
	}
	key, err := w.CreateCredential(b, q.session, parsed)
	if err != nil {
		return Device{}, nil, ErrFactor
	}
	if slices.ContainsFunc(b.keys, func(k webauthn.Credential) bool { return bytes.Equal(k.ID, key.ID) }) {
		return Device{}, nil, ErrFactor
	}
	key.Attestation = webauthn.CredentialAttestation{} // none was asked for, and it is long
	text, err := json.Marshal(passkey{Site: site.ID, Key: *key})
	if err != nil {
		return Device{}, nil, fmt.Errorf("keeping a passkey: %w", err)
	}
	stored, err := d.Factors.AddFactors(ctx, by, Factor{UserID: userID, Kind: Passkey, Name: name, Secret: text, Confirmed: true})
	if err != nil {
		return Device{}, nil, err
	}
	recovery, err = d.firstRecovery(ctx, by, userID, possession(list))
	f := stored[0]
	return Device{ID: f.ID, Name: f.Name, Created: f.Created, Site: site.ID}, recovery, err
}

// AskPasskey asks a passkey to sign: with a ticket one of the user whose login waits, else any that knows its user. options go to
// navigator.credentials.get.
func (d *Door) AskPasskey(ctx context.Context, site Site, ticketID string, client Client) (options any, questionID string, err error) {
	w, err := relyingParty(site)
	if err != nil {
		return nil, "", err
	}
	if after := d.asked.take(client.source(), time.Now()); after > 0 {
		return nil, "", &LockedError{After: after}
	}
	if ticketID == "" {
		// The passkey alone opens the session, so it must have made sure of its user, by PIN or finger.
		ask, session, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
		if err != nil {
			return nil, "", fmt.Errorf("asking a passkey: %w", err)
		}
		return ask.Response, d.questions.put(question{session: *session}), nil
	}
	t, ok := d.tickets.get(ticketID)
	if !ok || t.source != client.source() {
		return nil, "", ErrTicket
	}
	list, err := d.Factors.ListFactors(ctx, t.userID)
	if err != nil {
		return nil, "", err
	}
	b, err := d.bearerAt(site, t.userID, list)
	if err != nil {
		return nil, "", err
	}
	if len(b.keys) == 0 {
		return nil, "", ErrNoFactor
	}
	ask, session, err := w.BeginLogin(b, webauthn.WithUserVerification(protocol.VerificationPreferred))
	if err != nil {
		return nil, "", fmt.Errorf("asking a passkey: %w", err)
	}
	return ask.Response, d.questions.put(question{session: *session, userID: t.userID, ticket: ticketID}), nil
}

// LoginPasskey opens a session by a passkey alone. Errors: ErrTicket, ErrFactor, those of the store.
func (d *Door) LoginPasskey(ctx context.Context, site Site, questionID string, answer []byte, client Client) (token string, who Identity, err error) {
	q, ok := d.questions.take(questionID)
	if !ok || q.making || q.ticket != "" {
		return "", Identity{}, ErrTicket
	}
	w, err := relyingParty(site)
	if err != nil {
		return "", Identity{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return "", Identity{}, ErrFactor
	}
	var list []Factor
	var broken error // of the store
	found := func(_, handle []byte) (webauthn.User, error) {
		if d.Snapshot().Users[string(handle)] == nil {
			return nil, ErrNoSession
		}
		if list, broken = d.Factors.ListFactors(ctx, string(handle)); broken != nil {
			return nil, broken
		}
		return d.bearerAt(site, string(handle), list)
	}
	user, key, err := w.ValidatePasskeyLogin(found, q.session, parsed)
	switch {
	case broken != nil:
		return "", Identity{}, broken
	case err != nil:
		return "", Identity{}, ErrFactor
	}
	if err := d.usedPasskey(ctx, site, list, key); err != nil {
		return "", Identity{}, err
	}
	return d.Open(ctx, string(user.WebAuthnID()), client)
}

func (d *Door) provePasskey(ctx context.Context, site Site, userID string, list []Factor, ticketID string, proof Proof) error {
	q, ok := d.questions.take(proof.Question)
	if !ok || q.making || q.ticket != ticketID || q.userID != userID {
		return ErrFactor
	}
	w, err := relyingParty(site)
	if err != nil {
		return err
	}
	b, err := d.bearerAt(site, userID, list)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(proof.Passkey)
	if err != nil {
		return ErrFactor
	}
	key, err := w.ValidateLogin(b, q.session, parsed)
	if err != nil {
		return ErrFactor
	}
	return d.usedPasskey(ctx, site, list, key)
}

// usedPasskey keeps the counter of a passkey. One that went back is that of a copy (Web Authentication section 6.1.1).
func (d *Door) usedPasskey(ctx context.Context, site Site, list []Factor, key *webauthn.Credential) error {
	if key.Authenticator.CloneWarning {
		return ErrFactor
	}
	for _, f := range list {
		var k passkey
		if f.Kind != Passkey || json.Unmarshal(f.Secret, &k) != nil || k.Site != site.ID || !bytes.Equal(k.Key.ID, key.ID) {
			continue
		}
		text, err := json.Marshal(passkey{Site: site.ID, Key: *key})
		if err != nil {
			return fmt.Errorf("keeping a passkey: %w", err)
		}
		return spent(d.Factors.UseFactor(ctx, f.ID, 0, text))
	}
	return ErrFactor
}
