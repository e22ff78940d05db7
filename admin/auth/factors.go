package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// Kinds of factors that prove a login besides the password.
const (
	TOTP     = "totp"     // codes of an app (RFC 6238)
	Passkey  = "passkey"  // a key in a device (W3C Web Authentication)
	Recovery = "recovery" // codes on paper, each good for one login
)

const (
	totpPeriod = 30 // seconds
	// totpSkew is how many periods a clock may be off.
	totpSkew      = 1
	recoveryCodes = 10
	recoveryLen   = 10 // characters of 5 bits
	maxPasskeys   = 20
)

var (
	// ErrNoFactor is returned for a factor that is not there.
	ErrNoFactor = errors.New("there is no such factor")
	// ErrFactor is returned for a code or signature that does not prove anything.
	ErrFactor = errors.New("the second factor is wrong")
	// ErrTicket is returned when the beginning that this would end is not known, or was too long ago.
	ErrTicket = errors.New("this took too long: begin again")
	// ErrTooMany is returned when a user has as many passkeys as there may be.
	ErrTooMany = errors.New("there are too many passkeys: remove one first")
)

// Factor is what proves a login besides the password, as it is stored. Secret is the key of TOTP, the SHA-256 of a
// recovery code, or a passkey's public key with what belongs to it.
type Factor struct {
	ID        string
	UserID    string
	Kind      string
	Name      string
	Secret    []byte
	Confirmed bool
	Step      int64 // of the last code of TOTP that was taken
	Created   time.Time
	Used      time.Time
}

// By says in whose name something is changed, for the audit log.
type By struct{ Actor, Source, Reason string }

// Factors stores factors, sealed. What is not there is ErrNoFactor.
type Factors interface {
	ListFactors(ctx context.Context, userID string) ([]Factor, error)
	// AddFactors drops those of the same kind that were never confirmed; recovery codes replace all before.
	AddFactors(ctx context.Context, by By, list ...Factor) ([]Factor, error)
	// ConfirmFactor drops all others of the kind.
	ConfirmFactor(ctx context.Context, by By, id string, step int64) error
	// UseFactor takes no step that is not later than the last one. A secret that is not nil replaces the one before.
	UseFactor(ctx context.Context, id string, step int64, secret []byte) error
	// SpendFactor removes a factor and succeeds once.
	SpendFactor(ctx context.Context, id string) error
	DeleteFactors(ctx context.Context, by By, userID string, ids, kinds []string) error
}

// Device is a factor as its user sees it.
type Device struct {
	ID            string
	Name          string
	Created, Used time.Time
	Site          string // where a passkey is good
}

// Possession is what a user has to prove logins with.
type Possession struct {
	TOTP     *Device // nil for none
	Passkeys []Device
	Recovery int // codes left
}

// Kinds lists the kinds that may be asked for at a login; empty when the password is enough.
func (p Possession) Kinds() []string {
	var kinds []string
	if p.TOTP != nil {
		kinds = append(kinds, TOTP)
	}
	if len(p.Passkeys) > 0 {
		kinds = append(kinds, Passkey)
	}
	if len(kinds) > 0 && p.Recovery > 0 {
		kinds = append(kinds, Recovery)
	}
	return kinds
}

// Possession returns what a user has to prove logins with.
func (d *Door) Possession(ctx context.Context, userID string) (Possession, error) {
	list, err := d.Factors.ListFactors(ctx, userID)
	if err != nil {
		return Possession{}, fmt.Errorf("reading factors: %w", err)
	}
	return possession(list), nil
}

func possession(list []Factor) Possession {
	var p Possession
	for _, f := range list {
		dev := Device{ID: f.ID, Name: f.Name, Created: f.Created, Used: f.Used}
		switch {
		case !f.Confirmed:
		case f.Kind == TOTP:
			p.TOTP = &dev
		case f.Kind == Passkey:
			var k passkey
			if json.Unmarshal(f.Secret, &k) == nil {
				dev.Site = k.Site
			}
			p.Passkeys = append(p.Passkeys, dev)
		case f.Kind == Recovery:
			p.Recovery++
		}
	}
	return p
}

// StartTOTP makes a key for an app. It counts for nothing until ConfirmTOTP has seen a code of it, and an older one holds until then.
func (d *Door) StartTOTP(ctx context.Context, by By, userID, issuer, account string) (key, uri string, err error) {
	made, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: account, Period: totpPeriod, SecretSize: 20})
	if err != nil {
		return "", "", fmt.Errorf("making a key: %w", err)
	}
	_, err = d.Factors.AddFactors(ctx, by, Factor{UserID: userID, Kind: TOTP, Secret: []byte(made.Secret())})
	if err != nil {
		return "", "", err
	}
	return made.Secret(), made.URL(), nil
}

// ConfirmTOTP puts the key that was made last in force. Recovery codes are made and returned when there are none.
func (d *Door) ConfirmTOTP(ctx context.Context, by By, userID, code string) (recovery []string, err error) {
	if after := d.seconds.take(userID, time.Now()); after > 0 {
		return nil, &LockedError{After: after}
	}
	list, err := d.Factors.ListFactors(ctx, userID)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(f Factor) bool { return f.Kind == TOTP && !f.Confirmed })
	if i < 0 {
		return nil, ErrNoFactor
	}
	step := totpStep(string(list[i].Secret), code, time.Now())
	if step == 0 {
		return nil, ErrFactor
	}
	if err := d.Factors.ConfirmFactor(ctx, by, list[i].ID, step); err != nil {
		return nil, err
	}
	d.seconds.forget(userID)
	return d.firstRecovery(ctx, by, userID, possession(list))
}

// totpStep returns the period to which a code belongs, 0 for a wrong code.
func totpStep(key, code string, now time.Time) int64 {
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	var found int64
	for off := -totpSkew; off <= totpSkew; off++ {
		at := now.Add(time.Duration(off*totpPeriod) * time.Second)
		want, err := totp.GenerateCodeCustom(key, at, totp.ValidateOpts{Period: totpPeriod, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && secret.Equal(want, code) {
			found = at.Unix() / totpPeriod
		}
	}
	return found
}

// firstRecovery makes recovery codes for a user who has none.
func (d *Door) firstRecovery(ctx context.Context, by By, userID string, before Possession) ([]string, error) {
	if before.Recovery > 0 {
		return nil, nil
	}
	return d.MakeRecovery(ctx, by, userID)
}

// MakeRecovery makes new recovery codes in place of all before. They are shown once.
func (d *Door) MakeRecovery(ctx context.Context, by By, userID string) ([]string, error) {
	var codes []string
	var list []Factor
	for range recoveryCodes {
		code := secret.Name(recoveryLen)
		hash := secret.TokenHash(code)
		codes = append(codes, code[:recoveryLen/2]+"-"+code[recoveryLen/2:])
		list = append(list, Factor{UserID: userID, Kind: Recovery, Secret: hash[:], Confirmed: true})
	}
	if _, err := d.Factors.AddFactors(ctx, by, list...); err != nil {
		return nil, err
	}
	return codes, nil
}

// RemoveTOTP removes the app, confirmed or not.
func (d *Door) RemoveTOTP(ctx context.Context, by By, userID string) error {
	return d.removeFactors(ctx, by, userID, nil, []string{TOTP})
}

// RemovePasskey removes one passkey.
func (d *Door) RemovePasskey(ctx context.Context, by By, userID, id string) error {
	return d.removeFactors(ctx, by, userID, []string{id}, nil)
}

// removeFactors removes the recovery codes with the last factor that they would stand in for.
func (d *Door) removeFactors(ctx context.Context, by By, userID string, ids, kinds []string) error {
	list, err := d.Factors.ListFactors(ctx, userID)
	if err != nil {
		return err
	}
	goes := func(f Factor) bool {
		return slices.Contains(kinds, f.Kind) || f.Kind == Passkey && slices.Contains(ids, f.ID)
	}
	if !slices.ContainsFunc(list, goes) {
		return ErrNoFactor
	}
	if len(possession(slices.DeleteFunc(list, goes)).Kinds()) == 0 {
		kinds = append(slices.Clone(kinds), Recovery)
	}
	return d.Factors.DeleteFactors(ctx, by, userID, ids, kinds)
}
