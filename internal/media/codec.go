package media

import "strings"

// Format is a payload type and what it stands for.
type Format struct {
	PayloadType int
	Name        string
	ClockRate   int // 0: 8000
}

// Formats is a list of formats; what is zero is none.
type Formats [8]Format

// codec is one that we speak.
type codec uint8

const (
	noCodec codec = iota
	pcmu
	pcma
	wide722
)

// codecOf is the codec of a format, noCodec when we do not speak it. The clock of G.722
// is 8000 although it carries 16 kHz (RFC 3551 section 4.5.2), so all of them have one
// byte for each unit of the timestamp.
func codecOf(f *Format) codec {
	if f.ClockRate != 8000 && f.ClockRate != 0 || f.PayloadType < 0 || f.PayloadType > 127 {
		return noCodec
	}
	switch {
	case strings.EqualFold(f.Name, "PCMU"):
		return pcmu
	case strings.EqualFold(f.Name, "PCMA"):
		return pcma
	case strings.EqualFold(f.Name, "G722"):
		return wide722
	}
	return noCodec
}

// perByte is the number of samples that a byte stands for.
func (c codec) perByte() int {
	if c == wide722 {
		return 2
	}
	return 1
}

// coder is one direction of a codec.
type coder struct {
	kind codec
	g722 g722
}

func newCoder(c codec) coder { return coder{kind: c, g722: newG722()} }

// decode writes perByte samples for each byte of src.
func (c *coder) decode(pcm []int16, src []byte) {
	switch c.kind {
	case pcmu:
		for i, b := range src {
			pcm[i] = decodeMu(b)
		}
	case pcma:
		for i, b := range src {
			pcm[i] = decodeA(b)
		}
	case wide722:
		c.g722.decode(pcm, src)
	}
}

// encode fills dst with what perByte samples for each of its bytes become.
func (c *coder) encode(dst []byte, pcm []int16) {
	switch c.kind {
	case pcmu:
		for i := range dst {
			dst[i] = encodeMu(pcm[i])
		}
	case pcma:
		for i := range dst {
			dst[i] = encodeA(pcm[i])
		}
	case wide722:
		c.g722.encode(dst, pcm)
	}
}
