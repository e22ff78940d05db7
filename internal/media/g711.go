package media

import "math/bits"

// The two laws of ITU-T G.711 by their segments: sign, three bits of segment, four of
// position. Computing them costs no more than a look into tables that have left the cache.

const (
	muBias = 0x84
	muClip = 32635
)

// encodeMu is μ-law (PCMU), all bits inverted as on the wire.
func encodeMu(s int16) byte {
	v, sign := int(s), byte(0)
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, muClip) + muBias
	segment := bits.Len(uint(v)) - 8
	return ^(sign | byte(segment<<4) | byte(v>>(segment+3))&0x0f)
}

func decodeMu(b byte) int16 {
	b = ^b
	v := (int(b&0x0f)<<3+muBias)<<(b>>4&7) - muBias
	if b&0x80 != 0 {
		v = -v
	}
	return int16(v)
}

// encodeA is A-law (PCMA), every second bit inverted as on the wire.
func encodeA(s int16) byte {
	v, sign := int(s)>>3, byte(0x80)
	if v < 0 {
		v, sign = ^v, 0
	}
	segment := 0
	if v >= 32 {
		segment = bits.Len(uint(v)) - 5
		v >>= segment
	} else {
		v >>= 1
	}
	return (sign | byte(segment<<4) | byte(v)&0x0f) ^ 0x55
}

func decodeA(b byte) int16 {
	b ^= 0x55
	v, segment := int(b&0x0f)<<4+8, int(b>>4&7)
	if segment > 0 {
		v = (v + 0x100) << (segment - 1)
	}
	if b&0x80 == 0 {
		v = -v
	}
	return int16(v)
}
