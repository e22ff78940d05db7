package media

import (
	"encoding/binary"
	"fmt"
)

// ParseWAV reads a WAVE file: linear samples of 16 bits at 8000 or 16000 Hz, one
// channel, or two that are mixed. Errors wrap ErrClip.
func ParseWAV(b []byte) (*Clip, error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, fmt.Errorf("%w: not a WAVE file", ErrClip)
	}
	channels, rate := 0, 0
	for rest := b[12:]; len(rest) >= 8; {
		name, size := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:]))
		rest = rest[8:]
		body := rest[:min(size, int64(len(rest)))]
		switch name {
		case "fmt ":
			var err error
			if channels, rate, err = wavFormat(body); err != nil {
				return nil, err
			}
		case "data":
			if channels == 0 {
				return nil, fmt.Errorf("%w: samples before their format", ErrClip)
			}
			// A length that is too long is that of a file whose writer was interrupted.
			return wavSamples(body, channels, rate)
		}
		rest = rest[min(size+size&1, int64(len(rest))):]
	}
	return nil, fmt.Errorf("%w: no samples", ErrClip)
}

// wavFormat reads the format: PCM, also in the form with an extension.
func wavFormat(b []byte) (channels, rate int, err error) {
	const pcm, extensible = 1, 0xfffe
	if len(b) < 16 {
		return 0, 0, fmt.Errorf("%w: format too short", ErrClip)
	}
	kind := binary.LittleEndian.Uint16(b)
	if kind == extensible && len(b) >= 26 {
		kind = binary.LittleEndian.Uint16(b[24:])
	}
	channels, rate = int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint32(b[4:]))
	if bits := binary.LittleEndian.Uint16(b[14:]); kind != pcm || bits != 16 || channels < 1 || channels > 2 || rate != 8000 && rate != 16000 {
		return 0, 0, fmt.Errorf("%w: format %d, %d bits, %d channels, %d Hz; it has to be PCM of 16 bits with one or two channels at 8000 or 16000 Hz",
			ErrClip, kind, bits, channels, rate)
	}
	return channels, rate, nil
}

func wavSamples(b []byte, channels, rate int) (*Clip, error) {
	n := len(b) / 2 / channels
	if n == 0 || n > maxClip {
		return nil, fmt.Errorf("%w: empty or longer than an hour", ErrClip)
	}
	samples := make([]int16, n)
	for i := range samples {
		sum := 0
		for c := range channels {
			sum += int(int16(binary.LittleEndian.Uint16(b[2*(i*channels+c):])))
		}
		samples[i] = int16(sum / channels)
	}
	return &Clip{rate: rate, samples: samples}, nil
}
