package mediatest

import "math"

// Rate is the sample rate of everything in this package, in Hz.
const Rate = 8000

// FrameSamples is the number of samples in a packet of 20 ms.
const FrameSamples = Rate / 50

// Codec is a G.711 codec; its value is its static RTP payload type (RFC 3551).
type Codec uint8

// Codecs.
const (
	PCMU Codec = 0
	PCMA Codec = 8
)

// Tone is a sine generator.
type Tone struct {
	step, phase, amplitude float64
}

// NewTone makes a sine of hz with a peak of amplitude, 0 to 1.
func NewTone(hz, amplitude float64) *Tone {
	return &Tone{step: 2 * math.Pi * hz / Rate, amplitude: amplitude * math.MaxInt16}
}

// Fill writes the next samples.
func (t *Tone) Fill(samples []int16) {
	for i := range samples {
		samples[i] = int16(t.amplitude * math.Sin(t.phase))
		t.phase = math.Mod(t.phase+t.step, 2*math.Pi)
	}
}

// Purity returns the share of the samples' energy that is at hz, 0 to 1, by the
// Goertzel algorithm. A clean tone has more than 0.8 over blocks of 250 ms;
// silence has 0.
func Purity(samples []int16, hz float64) float64 {
	k := 2 * math.Cos(2*math.Pi*hz/Rate)
	var s1, s2, energy float64
	for _, x := range samples {
		v := float64(x)
		energy += v * v
		s1, s2 = v+k*s1-s2, s1
	}
	if energy == 0 {
		return 0
	}
	power := s1*s1 + s2*s2 - k*s1*s2
	// 2P / (N² · mean square), where N · mean square is the energy.
	return 2 * power / (float64(len(samples)) * energy)
}

// Encode writes one byte per sample into dst, which must be as long.
func (c Codec) Encode(dst []byte, samples []int16) {
	encode := encodeMu
	if c == PCMA {
		encode = encodeA
	}
	for i, s := range samples {
		dst[i] = encode(s)
	}
}

// Decode writes one sample per byte of src into dst, which must be as long.
func (c Codec) Decode(dst []int16, src []byte) {
	decode := decodeMu
	if c == PCMA {
		decode = decodeA
	}
	for i, b := range src {
		dst[i] = decode(b)
	}
}

// encodeMu and the others follow ITU-T G.711 (μ-law with 14, A-law with 13 bits).
func encodeMu(s int16) byte {
	const bias, clip = 0x84, 32635
	v, sign := int(s), byte(0)
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, clip) + bias
	exp := 7
	for mask := 0x4000; exp > 0 && v&mask == 0; mask >>= 1 {
		exp--
	}
	return ^(sign | byte(exp)<<4 | byte(v>>(exp+3))&0x0f)
}

func decodeMu(b byte) int16 {
	b = ^b
	v := (int(b&0x0f)<<3+0x84)<<(b>>4&7) - 0x84
	if b&0x80 != 0 {
		v = -v
	}
	return int16(v)
}

func encodeA(s int16) byte {
	v, sign := int(s)>>3, byte(0x80)
	if v < 0 {
		v, sign = -v-1, 0
	}
	v <<= 3
	exp := 7
	for mask := 0x4000; exp > 0 && v&mask == 0; mask >>= 1 {
		exp--
	}
	shift := 4
	if exp > 0 {
		shift = exp + 3
	}
	return (sign | byte(exp)<<4 | byte(v>>shift)&0x0f) ^ 0x55
}

func decodeA(b byte) int16 {
	b ^= 0x55
	v := int(b&0x0f)<<4 + 8
	if exp := b >> 4 & 7; exp > 0 {
		v = (v + 0x100) << (exp - 1)
	}
	if b&0x80 == 0 {
		v = -v
	}
	return int16(v)
}
