package media

import (
	"math"
	"time"
)

// Tone is a signal of the German telephone network (ITU-T E.180 supplement 2).
type Tone uint8

// Tones. The first ones are at 425 Hz, and those behind them, but for Information, our own.
const (
	DialTone     Tone = iota // steady
	Ringback                 // 1 s on, 4 s off
	Busy                     // 480 ms on, 480 ms off
	Congestion               // 240 ms on, 240 ms off
	Confirmation             // three short ones, then silence
	Accepted                 // 600 and 900 Hz, rising: done
	Refused                  // 900, 600 and 400 Hz, falling: not done
	Prompt                   // 600 Hz, once: speak
	KeyIn                    // 800 Hz, two short ones and a long one: key in the PIN
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
	case Accepted:
		return []part{{0, 200 * ms}, {600, 500 * ms}, {0, 80 * ms}, {900, 500 * ms}, {0, 200 * ms}}
	case Refused:
		return []part{{0, 200 * ms}, {900, 500 * ms}, {0, 80 * ms}, {600, 500 * ms}, {0, 80 * ms}, {400, 500 * ms}, {0, 200 * ms}}
	case Prompt:
		return []part{{0, 200 * ms}, {600, 500 * ms}, {0, 100 * ms}}
	case KeyIn:
		return []part{{0, 200 * ms}, {800, 120 * ms}, {0, 80 * ms}, {800, 120 * ms}, {0, 80 * ms}, {800, 500 * ms}, {0, 100 * ms}}
	case Information:
		return []part{{950, 330 * ms}, {1400, 330 * ms}, {1800, 330 * ms}, {0, time.Second}}
	}
	return []part{{hz, time.Second}}
}

// NewTone makes the clip of a tone, to be played with Loop. Pieces begin and end softly over
// 5 ms, except where the tone is steady.
func NewTone(t Tone) *Clip { return render(t.parts()) }

// maxDigits bounds the digits of a number that is to be heard.
const maxDigits = 20

// NewDigits makes a number heard as beeps to be counted: as many as the digit says, ten for 0, with a pause behind each digit.
func NewDigits(number string) *Clip {
	const hz, ms = 800, time.Millisecond
	parts := []part{{0, 400 * ms}}
	for i := range min(len(number), maxDigits) {
		d := int(number[i]) - '0'
		if d < 0 || d > 9 {
			continue
		}
		if d == 0 {
			d = 10
		}
		for range d {
			parts = append(parts, part{hz, 120 * ms}, part{0, 120 * ms})
		}
		parts = append(parts, part{0, 800 * ms})
	}
	return render(parts)
}

// render makes a clip of pieces.
func render(parts []part) *Clip {
	const rate, ramp = 8000, 40
	var samples []int16
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
