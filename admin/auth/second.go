package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// ticketLife is how long a login waits for its second factor.
const ticketLife = 5 * time.Minute

// SecondFactorError says that the password was right and a second factor is needed.
type SecondFactorError struct {
	Ticket string   // for LoginSecond
	Kinds  []string // of factors that the user has
}

// Error says what is missing.
func (e *SecondFactorError) Error() string { return "a second factor is needed" }

// ticket is a login of which the password was right.
type ticket struct {
	userID string
	source string
}

// Proof is a second factor. One field is set.
type Proof struct {
	TOTP     string
	Recovery string
	// Passkey is the answer of a browser to the question that Question names.
	Passkey  []byte
	Question string
}

// afterPassword opens the session of a user whose password was right, or asks for the second factor.
func (d *Door) afterPassword(ctx context.Context, userID string, client Client) (token string, who Identity, err error) {
	have, err := d.Possession(ctx, userID)
	if err != nil {
		return "", Identity{}, err
	}
	if kinds := have.Kinds(); len(kinds) > 0 {
		return "", Identity{}, &SecondFactorError{Ticket: d.tickets.put(ticket{userID, client.source()}), Kinds: kinds}
	}
	return d.Open(ctx, userID, client)
}

// LoginSecond ends a login that a second factor was asked for. kind is that of the factor. Errors: ErrTicket, ErrFactor, *LockedError, those
// of the store.
func (d *Door) LoginSecond(ctx context.Context, site Site, ticketID string, proof Proof, client Client) (token string, who Identity, kind string, err error) {
	t, ok := d.tickets.get(ticketID)
	if !ok || t.source != client.source() {
		return "", Identity{}, "", ErrTicket
	}
	// Codes are short, so attempts come back slowly. They are counted by user, whatever the source: who has the password may
	// have many sources. Where the user has passed before he has attempts of his own.
	key, home := t.userID, t.userID+" "+t.source
	if d.passed.has(home) {
		key = home
	}
	if after := d.seconds.take(key, time.Now()); after > 0 {
		return "", Identity{}, "", &LockedError{After: after}
	}
	if kind, err = d.prove(ctx, site, t.userID, ticketID, proof); err != nil {
		return "", Identity{}, "", err
	}
	if _, ok := d.tickets.take(ticketID); !ok {
		return "", Identity{}, "", ErrTicket // used at the same time
	}
	d.seconds.forget(key)
	d.passed.add(home)
	token, who, err = d.Open(ctx, t.userID, client)
	return token, who, kind, err
}

func (d *Door) prove(ctx context.Context, site Site, userID, ticketID string, proof Proof) (kind string, err error) {
	list, err := d.Factors.ListFactors(ctx, userID)
	if err != nil {
		return "", err
	}
	switch {
	case proof.TOTP != "":
		return TOTP, d.proveTOTP(ctx, list, proof.TOTP)
	case proof.Recovery != "":
		return Recovery, d.proveRecovery(ctx, list, proof.Recovery)
	case len(proof.Passkey) > 0:
		return Passkey, d.provePasskey(ctx, site, userID, list, ticketID, proof)
	}
	return "", ErrFactor
}

func (d *Door) proveTOTP(ctx context.Context, list []Factor, code string) error {
	for _, f := range list {
		if f.Kind != TOTP || !f.Confirmed {
			continue
		}
		step := totpStep(string(f.Secret), code, time.Now())
		if step == 0 {
			return ErrFactor
		}
		return spent(d.Factors.UseFactor(ctx, f.ID, step, nil)) // a code that was seen on the way is worth nothing
	}
	return ErrFactor
}

func (d *Door) proveRecovery(ctx context.Context, list []Factor, code string) error {
	code = strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(code))
	hash := secret.TokenHash(code)
	id := ""
	for _, f := range list {
		if f.Kind == Recovery && subtle.ConstantTimeCompare(f.Secret, hash[:]) == 1 {
			id = f.ID
		}
	}
	if id == "" {
		return ErrFactor
	}
	return spent(d.Factors.SpendFactor(ctx, id))
}

// spent says of a factor that somebody else has used at the same time that it is wrong.
func spent(err error) error {
	if errors.Is(err, ErrNoFactor) {
		return ErrFactor
	}
	return err
}
