package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"filippo.io/age"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Bounds of passphrases. The work of deriving the key takes 64 MiB when a file is written; a file that asks for more than 256 MiB is refused, so
// that nobody can make the server work for hours.
const (
	MinPassphrase = 12  // characters
	MaxPassphrase = 256 // bytes
	workFactor    = 16
	maxWorkFactor = 18
)

// CheckPassphrase says, as *Refusal, why a passphrase cannot lock a file, nil when it can.
func CheckPassphrase(passphrase string) error {
	switch {
	case utf8.RuneCountInString(passphrase) < MinPassphrase:
		return refusef("passphrase_weak", "the passphrase is shorter than %d characters: choose a longer one, such as four words", "Die Passphrase ist kürzer als %d Zeichen. Wählen Sie eine längere, zum Beispiel vier Wörter.", MinPassphrase)
	case len(passphrase) > MaxPassphrase, !utf8.ValidString(passphrase):
		return refusef("passphrase_weak", "the passphrase must be text of at most %d bytes", "Die Passphrase muss Text von höchstens %d Bytes sein.", MaxPassphrase)
	}
	return nil
}

// secretsOf gathers the secrets of what is in the file.
func secretsOf(snap *directory.Snapshot, c *Contents) *secretsPart {
	out := &secretsPart{Users: []UserSecret{}, Slots: []SlotSecret{}}
	for i := range c.Users {
		u := snap.Users[c.Users[i].ID]
		if u.PasswordHash != "" || u.PINHash != "" {
			out.Users = append(out.Users, UserSecret{u.Username, u.PasswordHash, u.MustChangePassword, u.PINHash})
		}
	}
	for i := range c.Slots {
		if s := snap.Slots[c.Slots[i].ID]; s.SIPSecret != "" {
			out.Slots = append(out.Slots, SlotSecret{s.SIPUsername, s.SIPSecret})
		}
	}
	return out
}

// lock encrypts the secrets (age, scrypt).
func (s *secretsPart) lock(passphrase string) ([]byte, error) {
	if err := CheckPassphrase(passphrase); err != nil {
		return nil, err
	}
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("locking secrets: %w", err)
	}
	to.SetWorkFactor(workFactor)
	plain, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("locking secrets: %w", err)
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, fmt.Errorf("locking secrets: %w", err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("locking secrets: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("locking secrets: %w", err)
	}
	return out.Bytes(), nil
}

// unlock decrypts what lock has made. Errors: *Refusal.
func unlock(sealed []byte, passphrase string) (*secretsPart, error) {
	broken := func() error {
		return refuse("secrets", "the secrets in the file are damaged: export it again, or import it without a passphrase", "Die Geheimnisse in der Datei sind beschädigt. Exportieren Sie sie erneut, oder importieren Sie sie ohne Passphrase.")
	}
	if passphrase == "" || len(passphrase) > MaxPassphrase {
		return nil, wrongPassphrase()
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, wrongPassphrase()
	}
	id.SetMaxWorkFactor(maxWorkFactor)
	r, err := age.Decrypt(bytes.NewReader(sealed), id)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none) && len(none.Errors) == 1 && errors.Is(none.Errors[0], age.ErrIncorrectIdentity):
		return nil, wrongPassphrase()
	case err != nil:
		return nil, broken()
	}
	var out secretsPart
	if err := decodeStrict(io.LimitReader(r, maxPart), &out); err != nil {
		return nil, broken()
	}
	return &out, nil
}

func wrongPassphrase() error {
	return refuse("passphrase", "the passphrase is not the one with which the file was locked: try again, or import it without the secrets", "Die Passphrase ist nicht die, mit der die Datei verschlossen wurde. Versuchen Sie es erneut, oder importieren Sie sie ohne die Geheimnisse.")
}
