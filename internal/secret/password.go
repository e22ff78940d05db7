package secret

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// Parameters of new hashes: argon2id with 19 MiB, two passes, one lane (the
// OWASP recommendation for interactive logins).
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16
	argonKey     = 32
)

// Bounds on the parameters of stored hashes, so that a changed row cannot make
// a login eat the machine.
const (
	maxArgonMemory = 256 * 1024 // KiB
	maxArgonTime   = 10
)

// MaxPassword is the longest password in bytes.
const MaxPassword = 1024

// MinPassword is the shortest new password in characters (NIST SP 800-63B
// section 5.1.1.2).
const MinPassword = 8

// MinPIN and MaxPIN bound a PIN, in digits.
const (
	MinPIN = 4
	MaxPIN = 12
)

var (
	// ErrPassword is returned for a wrong password and for an account without one.
	ErrPassword = errors.New("wrong password")
	// ErrHash is returned for a stored hash that is not one of ours.
	ErrHash = errors.New("stored password hash is not a valid argon2id hash")
	// ErrPINLength is returned by HashPIN for a PIN too short or too long.
	ErrPINLength = fmt.Errorf("PIN must have %d to %d digits", MinPIN, MaxPIN)
	// ErrPasswordLength is returned by Hash for a password too short or too long.
	ErrPasswordLength = fmt.Errorf("password must have at least %d characters and at most %d bytes", MinPassword, MaxPassword)
)

// Passwords hashes and verifies passwords with argon2id (RFC 9106). A hash
// costs 19 MiB and some 20 ms; since logins meet the network, at most a fixed
// count run at once and the others wait. It is safe for concurrent use.
type Passwords struct {
	running chan struct{}
	dummy   string
}

// NewPasswords returns a Passwords that runs at most atOnce hashes at once;
// values below 1 count as 1.
func NewPasswords(atOnce int) *Passwords {
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	return &Passwords{
		running: make(chan struct{}, max(1, atOnce)),
		dummy:   encode(argonMemory, argonTime, argonThreads, salt, make([]byte, argonKey)),
	}
}

// Hash returns the hash of a new password in PHC string format. It fails with
// ErrPasswordLength or when ctx ends while it waits for its turn.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if utf8.RuneCountInString(password) < MinPassword || len(password) > MaxPassword {
		return "", ErrPasswordLength
	}
	return p.hash(ctx, password)
}

// HashPIN is Hash for a PIN of MinPIN to MaxPIN digits. Whoever has the hash tries all PINs in seconds: it is to be kept sealed.
func (p *Passwords) HashPIN(ctx context.Context, pin string) (string, error) {
	if len(pin) < MinPIN || len(pin) > MaxPIN {
		return "", ErrPINLength
	}
	return p.hash(ctx, pin)
}

// manyMemory and manyTime are what a hash of HashManyPINs costs: a tenth of a millisecond.
const (
	manyMemory = 256 // KiB
	manyTime   = 1
)

// HashManyPINs is HashPIN at a price that can be paid ten thousand times while somebody waits. It gives away little: of a hash that lies
// open all PINs are tried soon at any price, so what guards them is the seal.
func HashManyPINs(pin string) (string, error) {
	if len(pin) < MinPIN || len(pin) > MaxPIN {
		return "", ErrPINLength
	}
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails, see crypto/rand
	return encode(manyMemory, manyTime, argonThreads, salt, argon2.IDKey([]byte(pin), salt, manyTime, manyMemory, argonThreads, argonKey)), nil
}

func (p *Passwords) hash(ctx context.Context, password string) (string, error) {
	if err := p.acquire(ctx); err != nil {
		return "", err
	}
	defer p.release()
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails, see crypto/rand
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
	return encode(argonMemory, argonTime, argonThreads, salt, key), nil
}

// Verify returns nil if the password belongs to the hash and ErrPassword if
// not. An empty hash (no such user, or no password set) takes as long as any
// and never matches. It fails with ErrHash for a damaged hash, and with the
// error of ctx when ctx ends while it waits for its turn.
func (p *Passwords) Verify(ctx context.Context, hash, password string) error {
	if len(password) > MaxPassword {
		return ErrPassword
	}
	none := hash == ""
	if none {
		hash = p.dummy
	}
	h, err := decode(hash)
	if err != nil {
		return err
	}
	if err := p.acquire(ctx); err != nil {
		return err
	}
	defer p.release()
	key := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	if subtle.ConstantTimeCompare(key, h.key) != 1 || none {
		return ErrPassword
	}
	return nil
}

func (p *Passwords) acquire(ctx context.Context) error {
	select {
	case p.running <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting to hash a password: %w", ctx.Err())
	}
}

func (p *Passwords) release() { <-p.running }

type argonHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

func encode(memory, time uint32, threads uint8, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, time, threads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// decode reads a PHC string and holds its parameters against the bounds.
// CheckHash returns ErrHash for what Verify could not use: something else than a hash, or one that takes more memory or time than is allowed.
func CheckHash(hash string) error {
	_, err := decode(hash)
	return err
}

func decode(s string) (argonHash, error) {
	var h argonHash
	parts := strings.Split(s, "$")
	if len(s) > 255 || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, ErrHash
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil || n != 3 {
		return h, ErrHash
	}
	if parts[3] != fmt.Sprintf("m=%d,t=%d,p=%d", h.memory, h.time, h.threads) ||
		h.memory < 8 || h.memory > maxArgonMemory || h.time < 1 || h.time > maxArgonTime || h.threads < 1 || h.threads > 16 {
		return h, ErrHash
	}
	var errSalt, errKey error
	h.salt, errSalt = base64.RawStdEncoding.DecodeString(parts[4])
	h.key, errKey = base64.RawStdEncoding.DecodeString(parts[5])
	if errSalt != nil || errKey != nil || len(h.salt) < 8 || len(h.key) < 16 {
		return h, ErrHash
	}
	return h, nil
}
