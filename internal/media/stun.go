package media

import (
	"crypto/hmac"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"net/netip"
)

// STUN (RFC 8489), as much of it as connectivity checks need.
const (
	stunHeader = 20
	stunCookie = 0x2112A442

	stunRequest    = 0x0001 // Binding
	stunIndication = 0x0011
	stunSuccess    = 0x0101
	stunError      = 0x0111

	attrUsername       = 0x0006
	attrIntegrity      = 0x0008
	attrErrorCode      = 0x0009
	attrUnknown        = 0x000A
	attrXORAddress     = 0x0020
	attrPriority       = 0x0024
	attrUseCandidate   = 0x0025
	attrFingerprint    = 0x8028
	attrControlled     = 0x8029
	attrControlling    = 0x802A
	fingerprintXOR     = 0x5354554E
	integritySize      = 20
	maxUnknown         = 8
	maxSTUN            = 1500 // bytes of a request that is looked at
	maxResponse        = 128  // bytes of any response of ours
	roleConflict       = 487
	unknownAttribute   = 420
	firstOptional      = 0x8000
	stunFamilyIPv4     = 1
	stunFamilyIPv6     = 2
	fingerprintAndHead = 8
)

// binding is what a Binding message says.
type binding struct {
	kind         uint16
	transaction  []byte // the cookie and the 96 bits behind it
	username     []byte
	integrity    []byte // the MAC
	covered      int    // how much of the message the MAC covers
	useCandidate bool
	controlled   bool // the peer takes itself for the controlled one
	unknown      [maxUnknown]uint16
	unknowns     int
}

// isSTUN tells STUN from what else comes to an RTP port (RFC 7983 section 7).
func isSTUN(b []byte) bool {
	return len(b) >= stunHeader && b[0] < 4 && binary.BigEndian.Uint32(b[4:]) == stunCookie
}

// parseBinding reads a Binding message that ends with a right FINGERPRINT.
func parseBinding(b []byte) (m binding, ok bool) {
	if !isSTUN(b) || len(b) > maxSTUN || len(b)%4 != 0 || int(binary.BigEndian.Uint16(b[2:]))+stunHeader != len(b) {
		return m, false
	}
	m.kind, m.transaction = binary.BigEndian.Uint16(b), b[4:stunHeader]
	for at := stunHeader; at < len(b); {
		if len(b)-at < 4 {
			return m, false
		}
		name, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		next := at + 4 + (size+3)&^3
		if next > len(b) {
			return m, false
		}
		value := b[at+4 : at+4+size]
		switch {
		case name == attrFingerprint:
			return m, next == len(b) && size == 4 &&
				binary.BigEndian.Uint32(value) == crc32.ChecksumIEEE(b[:at])^fingerprintXOR
		case m.integrity != nil: // what stands behind it is not to be believed
		default:
			if !m.attribute(name, value, at) {
				return m, false
			}
		}
		at = next
	}
	return m, false
}

// attribute takes one attribute, which stands at a place of the message.
func (m *binding) attribute(name uint16, value []byte, at int) bool {
	switch name {
	case attrUsername:
		m.username = value
	case attrIntegrity:
		m.integrity, m.covered = value, at
		return len(value) == integritySize
	case attrUseCandidate:
		m.useCandidate = true
	case attrControlled:
		m.controlled = true
	case attrPriority:
	default:
		if name < firstOptional && m.unknowns < maxUnknown {
			m.unknown[m.unknowns] = name
			m.unknowns++
		}
	}
	return true
}

// authentic reports whether the MAC of b, from which m was read, is that of mac's key
// (RFC 8489 section 14.5). It changes the length in b and puts it back.
func (m *binding) authentic(b []byte, mac hash.Hash) bool {
	if m.integrity == nil {
		return false
	}
	length := [2]byte(b[2:])
	binary.BigEndian.PutUint16(b[2:], uint16(m.covered+4+integritySize-stunHeader))
	mac.Reset()
	_, _ = mac.Write(b[:m.covered]) // never fails
	copy(b[2:], length[:])
	var sum [integritySize]byte
	return hmac.Equal(mac.Sum(sum[:0]), m.integrity)
}

// response builds answers to a binding request.
type response struct {
	b   []byte
	mac hash.Hash
}

func (m *binding) respond(dst []byte, kind uint16, mac hash.Hash) *response {
	r := &response{b: append(dst[:0], byte(kind>>8), byte(kind), 0, 0), mac: mac}
	r.b = append(r.b, m.transaction...)
	return r
}

func (r *response) add(name uint16, value ...byte) {
	r.b = append(r.b, byte(name>>8), byte(name), byte(len(value)>>8), byte(len(value)))
	r.b = append(r.b, value...)
	for len(r.b)%4 != 0 {
		r.b = append(r.b, 0)
	}
}

// mapped adds the address that the request came from (RFC 8489 section 14.2).
func (r *response) mapped(a netip.AddrPort) {
	var v [20]byte
	binary.BigEndian.PutUint16(v[2:], a.Port()^stunCookie>>16)
	n := 4
	if ip := a.Addr(); ip.Is4() {
		v[1] = stunFamilyIPv4
		ip4 := ip.As4()
		n += copy(v[4:], ip4[:])
	} else {
		v[1] = stunFamilyIPv6
		ip6 := ip.As16()
		n += copy(v[4:], ip6[:])
	}
	for i := 4; i < n; i++ {
		v[i] ^= r.b[i] // the cookie and the transaction stand at the same places
	}
	r.add(attrXORAddress, v[:n]...)
}

func (r *response) fault(code int) {
	r.add(attrErrorCode, 0, 0, byte(code/100), byte(code%100))
}

// finish adds MESSAGE-INTEGRITY and FINGERPRINT.
func (r *response) finish() []byte {
	binary.BigEndian.PutUint16(r.b[2:], uint16(len(r.b)+4+integritySize-stunHeader))
	r.mac.Reset()
	_, _ = r.mac.Write(r.b) // never fails
	var sum [integritySize]byte
	r.add(attrIntegrity, r.mac.Sum(sum[:0])...)
	binary.BigEndian.PutUint16(r.b[2:], uint16(len(r.b)+fingerprintAndHead-stunHeader))
	crc := crc32.ChecksumIEEE(r.b) ^ fingerprintXOR
	r.add(attrFingerprint, byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc))
	return r.b
}
