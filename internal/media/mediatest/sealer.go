package mediatest

import (
	"encoding/base64"
	"fmt"

	"github.com/pion/srtp/v3"
)

// sealerSecret is the length of master key and salt together (RFC 3711 section 8.2).
const sealerSecret = 30

// Sealer protects the packets of one sender with AES_CM_128_HMAC_SHA1_80 (RFC 3711). It is not safe for
// several goroutines.
type Sealer struct {
	secret [sealerSecret]byte
	ctx    *srtp.Context
}

// NewSealer makes a sealer whose keys are no secret: they follow from n.
func NewSealer(n int) (*Sealer, error) {
	s := &Sealer{}
	copy(s.secret[:], fmt.Sprintf("test keys %020d", n))
	ctx, err := srtp.CreateContext(s.secret[:16], s.secret[16:], srtp.ProtectionProfileAes128CmHmacSha1_80)
	if err != nil {
		return nil, fmt.Errorf("making SRTP keys: %w", err)
	}
	s.ctx = ctx
	return s, nil
}

// Crypto is the value of a=crypto that tells the receiver the keys (RFC 4568).
func (s *Sealer) Crypto() string {
	return "1 AES_CM_128_HMAC_SHA1_80 inline:" + base64.StdEncoding.EncodeToString(s.secret[:])
}

// Seal appends the protected packet to dst.
func (s *Sealer) Seal(dst, packet []byte) ([]byte, error) {
	return s.ctx.EncryptRTP(dst, packet, nil)
}
