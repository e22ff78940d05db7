package media

import (
	"math"
	"time"
)

// Tone is a signal of the German telephone network (ITU-T E.180 supplement 2).
type Tone uint8

// Tones. All but Information are at 425 Hz.
const (
	DialTone     Tone = iota // steady
	Ringback                 // 1 s on, 4 s off
	Busy                     // 480 ms on, 480 ms off
	Congestion               // 240 ms on, 240 ms off
	Confirmation             // three short ones, then silence
	Information              // 950, 1400 and 1800 Hz for 330 ms each, 1 s off: the number is not in use
)

// toneLevel is the peak of a tone: -16 dBm0, where full scale is +3.14 dBm0.
const toneLevel = 3618

// part is a piece of a tone; hz 0 is silence.
type part struct {
	hz     float64
	length time.Duration
}

func (t Tone) parts() []part {
	const hz, ms = 425, time.Millisecond
	switch t {
	case Ringback:
		return []part{{hz, time.Second}, {0, 4 * time.Second}}
	case Busy:
		return []part{{hz, 480 * ms}, {0, 480 * ms}}
	case Congestion:
		return []part{{hz, 240 * ms}, {0, 240 * ms}}
	case Confirmation:
		return []part{{hz, 100 * ms}, {0, 100 * ms}, {hz, 100 * ms}, {0, 100 * ms}, {hz, 100 * ms}, {0, 4500 * ms}}
	case Information:
		return []part{{950, 330 * ms}, {1400, 330 * ms}, {1800, 330 * ms}, {0, time.Second}}
	}
	return []part{{hz, time.Second}}
}

// NewTone makes the clip of a tone, to be played with Loop. Pieces begin and end softly over
// 5 ms, except where the tone is steady.
func NewTone(t Tone) *Clip {
	const rate, ramp = 8000, 40
	var samples []int16
	parts := t.parts()
	for _, p := range parts {
		n := int(p.length * rate / time.Second)
		for i := range n {
			v := toneLevel * math.Sin(2*math.Pi*p.hz*float64(i)/rate)
			if edge := min(i, n-1-i); len(parts) > 1 && edge < ramp {
				v *= float64(edge) / ramp
			}
			samples = append(samples, int16(math.Round(v)))
		}
	}
	return &Clip{rate: rate, samples: samples}
}
