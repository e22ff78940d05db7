package media

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

// wavFile builds a file; change gets the format chunk's body.
func wavFile(rate, channels int, data []int16, change func(format []byte) []byte) []byte {
	le := binary.LittleEndian
	f := le.AppendUint16(nil, 1)
	f = le.AppendUint16(f, uint16(channels))
	f = le.AppendUint32(f, uint32(rate))
	f = le.AppendUint32(f, uint32(2*channels*rate))
	f = le.AppendUint16(f, uint16(2*channels))
	f = le.AppendUint16(f, 16)
	if change != nil {
		f = change(f)
	}
	b := append([]byte("RIFF\x00\x00\x00\x00WAVELIST\x03\x00\x00\x00abc\x00fmt "), 0, 0, 0, 0)
	le.PutUint32(b[len(b)-4:], uint32(len(f)))
	b = append(append(b, f...), "data"...)
	b = le.AppendUint32(b, uint32(2*len(data)))
	for _, s := range data {
		b = le.AppendUint16(b, uint16(s))
	}
	return b
}

func TestParseWAV(t *testing.T) {
	mono := []int16{1, -2, 32767, -32768}
	good := wavFile(8000, 1, mono, nil)
	tests := []struct {
		name string
		in   []byte
		want []int16 // nil: an error
	}{
		{"mono", good, mono},
		{"wideband", wavFile(16000, 1, mono, nil), mono},
		{"stereo is mixed", wavFile(8000, 2, []int16{100, 300, -5, 5, 7, 7}, nil), []int16{200, 0, 7}},
		{"with extension", wavFile(8000, 1, mono, func(f []byte) []byte {
			f[0], f[1] = 0xfe, 0xff
			return append(f, 22, 0, 16, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 16, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71)
		}), mono},
		{"writer interrupted", good[:len(good)-3], mono[:2]},
		{"other rate", wavFile(44100, 1, mono, nil), nil},
		{"eight bits", wavFile(8000, 1, mono, func(f []byte) []byte { f[14] = 8; return f }), nil},
		{"A-law", wavFile(8000, 1, mono, func(f []byte) []byte { f[0] = 6; return f }), nil},
		{"no channel", wavFile(8000, 0, mono, nil), nil},
		{"short format", wavFile(8000, 1, mono, func(f []byte) []byte { return f[:14] }), nil},
		{"no samples", wavFile(8000, 1, nil, nil), nil},
		{"no data", good[:40], nil},
		{"no format", append([]byte("RIFF\x00\x00\x00\x00WAVEdata\x04\x00\x00\x00"), 1, 2, 3, 4), nil},
		{"something else", []byte("OggS...................."), nil},
		{"empty", nil, nil},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c, err := ParseWAV(tc.in)
			if tc.want == nil {
				if !errors.Is(err, ErrClip) {
					t.Fatalf("%v, %v", c, err)
				}
				return
			}
			if err != nil || !slices.Equal(c.samples, tc.want) {
				t.Fatalf("%v, %v; want %v", c, err, tc.want)
			}
		})
	}
	if c, _ := ParseWAV(wavFile(16000, 1, make([]int16, 8000), nil)); c.Duration() != time.Second/2 {
		t.Errorf("it is %v long", c.Duration())
	}
}

func FuzzWAV(f *testing.F) {
	corpus.Add(f)
	f.Add(wavFile(8000, 1, []int16{1, 2}, nil))
	f.Add(wavFile(16000, 2, []int16{1, 2, 3, 4}, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseWAV(b)
		if err == nil && (len(c.samples) == 0 || len(c.samples) > len(b) || c.rate != 8000 && c.rate != 16000) {
			t.Errorf("%d samples at %d out of %d bytes", len(c.samples), c.rate, len(b))
		}
		if err != nil && !errors.Is(err, ErrClip) {
			t.Error(err)
		}
	})
}
