package media

import "math"

// NewMusic makes the music for those who are on hold, sixteen seconds to be played with Loop: a
// slow run over four chords, on something between a harp and a music box. It is computed, so
// that it belongs to nobody.
func NewMusic() *Clip {
	const (
		rate  = 8000
		beat  = rate / 2 // half a second per note
		tail  = 3 * beat
		peak  = 5200 // about -16 dB below full scale
		decay = 0.45 // seconds to 1/e
	)
	// Semitones above middle C: C, A minor, F, G with their sixths and ninths.
	melody := [32]int{
		0, 4, 7, 12, 16, 12, 7, 4, -3, 0, 4, 9, 12, 9, 4, 0,
		-7, 0, 5, 9, 12, 9, 7, 5, -5, 2, 7, 11, 14, 11, 7, 2,
	}
	mix := make([]float64, len(melody)*beat)
	loudest := 0.0
	for k, semitone := range melody {
		hz := 261.626 * math.Pow(2, float64(semitone)/12)
		for i := range tail {
			t := float64(i) / rate
			v := math.Exp(-t/decay) * min(1, float64(i)/40) * min(1, float64(tail-i)/400)
			v *= math.Sin(2*math.Pi*hz*t) + 0.25*math.Exp(-2*t/decay)*math.Sin(4*math.Pi*hz*t)
			at := (k*beat + i) % len(mix) // the last notes ring on into the first
			mix[at] += v
			loudest = max(loudest, math.Abs(mix[at]))
		}
	}
	samples := make([]int16, len(mix))
	for i, v := range mix {
		samples[i] = int16(peak * v / loudest)
	}
	return &Clip{rate: rate, samples: samples}
}
