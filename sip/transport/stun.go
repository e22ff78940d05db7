package transport

import (
	"encoding/binary"
	"net/netip"
)

const (
	stunHeader     = 20
	stunMagic      = 0x2112a442
	stunBinding    = 0x0001
	stunSuccess    = 0x0101
	stunXORMapped  = 0x0020
	stunMaxRequest = 128 // keep-alives carry next to nothing
	stunRequired   = 0x8000
)

// stunAnswer is the answer to a STUN Binding request, which phones send over UDP to keep their way through a NAT open
// (RFC 5626 section 3.5.2, RFC 8489): the address that it came from. It is nil when there is none to be given. An answer is at
// most 24 bytes longer than its request, and how many are given is bounded by the caller.
func stunAnswer(req []byte, from netip.AddrPort) []byte {
	if len(req) > stunMaxRequest || len(req)%4 != 0 || binary.BigEndian.Uint16(req) != stunBinding ||
		int(binary.BigEndian.Uint16(req[2:])) != len(req)-stunHeader {
		return nil
	}
	for rest := req[stunHeader:]; len(rest) > 0; {
		size := 4
		if len(rest) >= 4 {
			size += (int(binary.BigEndian.Uint16(rest[2:])) + 3) &^ 3
		}
		// Attributes below 0x8000 must be understood; we know none, and a request with credentials is none for us.
		if len(rest) < size || binary.BigEndian.Uint16(rest)&stunRequired == 0 {
			return nil
		}
		rest = rest[size:]
	}
	ip := from.Addr().Unmap()
	addr, family := ip.AsSlice(), byte(1)
	if !ip.Is4() {
		family = 2
	}
	b := make([]byte, 0, stunHeader+24)
	b = binary.BigEndian.AppendUint16(b, stunSuccess)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(addr)))
	b = append(b, req[4:stunHeader]...) // magic cookie and transaction
	b = binary.BigEndian.AppendUint16(b, stunXORMapped)
	b = binary.BigEndian.AppendUint16(b, uint16(4+len(addr)))
	b = append(b, 0, family)
	b = binary.BigEndian.AppendUint16(b, from.Port()^(stunMagic>>16))
	for i, c := range addr {
		b = append(b, c^req[4+i])
	}
	return b
}
