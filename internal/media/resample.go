package media

// halfBand are the coefficients of a low-pass of 47 taps with its edge at a quarter of
// 16 kHz, in 1/32768: a sinc under a Kaiser window (beta 7). The one in the middle is 16384, every second
// one beside it is 0, the others lie symmetrically. Up to 3.4 kHz it takes less than
// 0.1 dB, from 5 kHz on more than 75 dB.
var halfBand = [12]int{10373, -3305, 1810, -1125, 724, -463, 288, -171, 94, -47, 20, -6}

const (
	// maxPayload bounds the payload that is recoded: 120 ms at 64 kbit/s.
	maxPayload = 960
	maxSamples = 2 * maxPayload
	reach      = 2*len(halfBand) - 1 // taps beside the middle one
)

// resampler changes between 8 and 16 kHz. It remembers what came before, so that the
// parts of a stream fit together. A new one is needed to change the direction.
type resampler struct {
	work [2*reach + maxSamples]int16
}

// up writes two samples for every one of src.
func (r *resampler) up(dst, src []int16) {
	const before = reach
	copy(r.work[before:], src)
	for i := range src {
		sum := 0
		for k, c := range halfBand {
			sum += c * (int(r.work[i+11-k]) + int(r.work[i+12+k]))
		}
		dst[2*i], dst[2*i+1] = r.work[i+11], int16(saturate((sum+1<<13)>>14))
	}
	copy(r.work[:before], r.work[len(src):])
}

// down writes one sample for every two of src.
func (r *resampler) down(dst, src []int16) {
	const before = 2 * reach
	copy(r.work[before:], src)
	for i := range dst {
		x := r.work[2*i : 2*i+2*reach+1]
		sum := int(x[reach]) << 14
		for k, c := range halfBand {
			sum += c * (int(x[reach-1-2*k]) + int(x[reach+1+2*k]))
		}
		dst[i] = int16(saturate((sum + 1<<14) >> 15))
	}
	copy(r.work[:before], r.work[len(src):])
}
