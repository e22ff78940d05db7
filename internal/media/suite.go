package media

import (
	"crypto/rand"
	"crypto/subtle"

	"github.com/pion/srtp/v3"
)

// Suite is a way to encrypt and authenticate RTP and RTCP (RFC 3711, RFC 7714). The
// zero value is none.
type Suite uint8

// Suites, in the names of RFC 4568 section 6.2 and RFC 7714 section 14.2.
const (
	AESCM80   Suite = iota + 1 // AES_CM_128_HMAC_SHA1_80
	AESCM32                    // AES_CM_128_HMAC_SHA1_32
	AESGCM128                  // AEAD_AES_128_GCM
	AESGCM256                  // AEAD_AES_256_GCM
	suites
)

// suite is what a Suite consists of; lengths are in bytes.
type suite struct {
	name      string
	profile   srtp.ProtectionProfile
	key, salt int
	tag       int // that RTP ends with
}

func (s Suite) info() suite {
	return [...]suite{
		{},
		{"AES_CM_128_HMAC_SHA1_80", srtp.ProtectionProfileAes128CmHmacSha1_80, 16, 14, 10},
		{"AES_CM_128_HMAC_SHA1_32", srtp.ProtectionProfileAes128CmHmacSha1_32, 16, 14, 4},
		{"AEAD_AES_128_GCM", srtp.ProtectionProfileAeadAes128Gcm, 16, 12, 16},
		{"AEAD_AES_256_GCM", srtp.ProtectionProfileAeadAes256Gcm, 32, 12, 16},
	}[s%suites]
}

// String is the suite's name as it stands in a=crypto, "" for none.
func (s Suite) String() string { return s.info().name }

// Size is the length of the master key and the master salt together, in bytes.
func (s Suite) Size() int { return s.info().key + s.info().salt }

// SuiteNamed finds a suite by its name in a=crypto; false when we do not have it.
func SuiteNamed(name string) (Suite, bool) {
	for s := AESCM80; s < suites; s++ {
		if s.info().name == name {
			return s, true
		}
	}
	return 0, false
}

// Keys are what one direction is protected with. Secret: not to be logged.
type Keys struct {
	Suite Suite
	// Secret is the master key and the master salt behind one another, Suite.Size bytes.
	Secret []byte
}

// NewKeys makes random keys.
func NewKeys(s Suite) Keys {
	k := Keys{Suite: s, Secret: make([]byte, s.Size())}
	_, _ = rand.Read(k.Secret) // never fails
	return k
}

// String hides the secret.
func (k Keys) String() string { return k.Suite.String() + " ***" }

// GoString hides the secret.
func (k Keys) GoString() string { return k.String() }

// valid reports whether the lengths fit.
func (k Keys) valid() bool { return k.Suite > 0 && k.Suite < suites && len(k.Secret) == k.Suite.Size() }

func (k Keys) equal(o Keys) bool {
	return k.Suite == o.Suite && subtle.ConstantTimeCompare(k.Secret, o.Secret) == 1
}
