package backup

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// ParseRecipients reads public keys of age ("age1…").
func ParseRecipients(keys []string) ([]age.Recipient, error) {
	var out []age.Recipient
	var faults []error
	for _, k := range keys {
		r, err := age.ParseX25519Recipient(strings.TrimSpace(k))
		if err != nil {
			faults = append(faults, fmt.Errorf("%q is no public key of age such as age1…", k)) // public keys are no secret
			continue
		}
		out = append(out, r)
	}
	return out, errors.Join(faults...)
}

// maxWork bounds what a passphrase costs that somebody else has set: one GiB of memory.
const maxWork = 20

// Passphrase opens what was encrypted with a passphrase.
func Passphrase(p string) (Keys, error) {
	id, err := age.NewScryptIdentity(p)
	if err != nil {
		return Keys{}, fmt.Errorf("using the passphrase: %w", err)
	}
	id.SetMaxWorkFactor(maxWork)
	return Keys{[]age.Identity{id}}, nil
}

// Identities reads a file of private keys as age-keygen writes it.
func Identities(file io.Reader) (Keys, error) {
	ids, err := age.ParseIdentities(file)
	if err != nil {
		return Keys{}, errors.New("the file of private keys is none: it must hold lines such as AGE-SECRET-KEY-1…") // the error may quote the key
	}
	return Keys{ids}, nil
}
