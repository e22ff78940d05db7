package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// alphabet holds digits and letters that are not mistaken for one another when
// read from paper: no 0, 1, I, O, l, o. It has 56 characters.
const alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz"

const lower = "abcdefghijkmnpqrstuvwxyz23456789" // 32 characters: 5 bits each

// Token returns a new random token of 256 bits in 43 characters of base64url,
// for sessions and the API. Store its TokenHash only.
func Token() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

// TokenHash is the SHA-256 of a token, the form in which it is stored. A token
// has 256 random bits, so a slow hash would add nothing.
func TokenHash(token string) [32]byte { return sha256.Sum256([]byte(token)) }

// Password returns a random password of n characters of an alphabet without
// look-alikes, 5.8 bits each.
func Password(n int) string { return pick(alphabet, n) }

// Name returns a random name of n lower case letters and digits without
// look-alikes, 5 bits each. It begins with a letter.
func Name(n int) string {
	if n <= 0 {
		return ""
	}
	return pick(lower[:24], 1) + pick(lower, n-1)
}

// pick draws n characters evenly from set, which has at most 256.
func pick(set string, n int) string {
	out := make([]byte, 0, n)
	buf := make([]byte, n+n/4+1)
	limit := 256 - 256%len(set)
	for len(out) < n {
		rand.Read(buf)
		for _, b := range buf {
			if int(b) < limit && len(out) < n {
				out = append(out, set[int(b)%len(set)])
			}
		}
	}
	return string(out)
}

// Equal compares two secrets in time that depends on their lengths only.
func Equal(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// Redact returns what may be logged or audited in place of a secret: "***", or
// nothing when there is none.
func Redact(s string) string {
	if s == "" {
		return ""
	}
	return "***"
}
