package media

import (
	"math"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/internal/media/mediatest"
)

func TestG711(t *testing.T) {
	for _, tc := range []struct {
		pcm    int16
		mu, a  byte
		dm, da int16 // decoded again
	}{
		{0, 0xff, 0xd5, 0, 8},
		{-1, 0x7f, 0x55, 0, -8},
		{1000, 0xce, 0xfa, 988, 1008},
		{-1000, 0x4e, 0x7a, -988, -1008},
		{32767, 0x80, 0xaa, 32124, 32256},
		{-32768, 0x00, 0x2a, -32124, -32256},
	} {
		if mu, a := encodeMu(tc.pcm), encodeA(tc.pcm); mu != tc.mu || a != tc.a || decodeMu(mu) != tc.dm || decodeA(a) != tc.da {
			t.Errorf("%d: μ %#x decoded %d, A %#x decoded %d; want %#x %d, %#x %d", tc.pcm, mu, decodeMu(mu), a, decodeA(a), tc.mu, tc.dm, tc.a, tc.da)
		}
	}
	// Against another way to compute it, for every sample there is.
	for s := math.MinInt16; s <= math.MaxInt16; s++ {
		in := []int16{int16(s)}
		var mu, a [1]byte
		mediatest.PCMU.Encode(mu[:], in)
		mediatest.PCMA.Encode(a[:], in)
		if encodeMu(in[0]) != mu[0] || encodeA(in[0]) != a[0] {
			t.Fatalf("%d: %#x %#x, want %#x %#x", s, encodeMu(in[0]), encodeA(in[0]), mu[0], a[0])
		}
	}
	for b := range 256 {
		if encodeA(decodeA(byte(b))) != byte(b) {
			t.Errorf("A-law %#x does not come back", b)
		}
		if got := encodeMu(decodeMu(byte(b))); got != byte(b) && b != 0x7f { // μ-law has two zeros
			t.Errorf("μ-law %#x comes back as %#x", b, got)
		}
	}
}

// sine is a tone at a rate, peak 0 to 1.
func sine(n, rate int, hz, peak float64) []int16 {
	s := make([]int16, n)
	for i := range s {
		s[i] = int16(math.Round(peak * 32767 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return s
}

// decibels is the ratio of the energy of want to that of its difference from got.
func decibels(want, got []int16) float64 {
	var signal, noise float64
	for i, w := range want {
		signal += float64(w) * float64(w)
		d := float64(w) - float64(got[i])
		noise += d * d
	}
	return 10 * math.Log10(signal/max(noise, 1))
}

// The delay of encoder and decoder together, in samples: that of both mirror filters.
const g722Delay = 22

func TestG722(t *testing.T) {
	for _, tc := range []struct {
		hz, peak, least float64
	}{
		{300, 0.3, 30}, {1000, 0.3, 30}, {1000, 0.9, 30}, {1000, 0.01, 20}, {3000, 0.3, 25}, {6000, 0.3, 12},
	} {
		in := sine(16000, 16000, tc.hz, tc.peak)
		bytes, out := make([]byte, 8000), make([]int16, 16000)
		e, d := newG722(), newG722()
		for at := 0; at < 8000; at += 160 { // in frames, as in life
			e.encode(bytes[at:at+160], in[2*at:2*at+320])
			d.decode(out[2*at:], bytes[at:at+160])
		}
		if snr := decibels(in[2000:15000], out[2000+g722Delay:]); snr < tc.least {
			t.Errorf("%v Hz at %v: %.1f dB, want %v", tc.hz, tc.peak, snr, tc.least)
		}
	}
}

// TestG722Silence: the code for silence is known, and noise in makes no more than noise out.
func TestG722Extremes(t *testing.T) {
	e, d := newG722(), newG722()
	in := make([]int16, 320)
	bytes, out := make([]byte, 160), make([]int16, 320)
	for range 50 {
		e.encode(bytes, in)
		d.decode(out, bytes)
	}
	for i, s := range out {
		if s > 8 || s < -8 {
			t.Fatalf("silence became %d at %d", s, i)
		}
	}
	for k := range 500 { // full scale, changing its sign at all rates
		for i := range in {
			in[i] = math.MaxInt16
			if (i/(1+k%7))%2 == 0 {
				in[i] = math.MinInt16
			}
		}
		e.encode(bytes, in)
		d.decode(out, bytes)
	}
}

func FuzzG722Decode(f *testing.F) {
	corpus.Add(f)
	f.Add([]byte{0, 0xff, 0x7f, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := newG722()
		out := make([]int16, 2*len(b))
		d.decode(out, b)
		if d.low.det <= 0 || d.high.det <= 0 || d.low.nb > 18432 || d.high.nb > 22528 {
			t.Errorf("steps %d %d", d.low.det, d.high.det)
		}
	})
}

func TestResample(t *testing.T) {
	frames := func(r *resampler, in []int16, up bool) []int16 {
		var out []int16
		for len(in) > 0 {
			if up {
				b := make([]int16, 320)
				r.up(b, in[:160])
				out, in = append(out, b...), in[160:]
			} else {
				b := make([]int16, 160)
				r.down(b, in[:320])
				out, in = append(out, b...), in[320:]
			}
		}
		return out
	}
	for _, hz := range []float64{300, 1000, 3000, 3400} {
		low, high := sine(8000, 8000, hz, 0.5), sine(16000, 16000, hz, 0.5)
		got := frames(&resampler{}, low, true)
		if snr := decibels(high[1000:15000], got[1000+reach+1:]); snr < 35 {
			t.Errorf("%v Hz up: %.1f dB", hz, snr)
		}
		// The middle of the filter lies between two samples of the slower rate: compare with
		// the faster signal that much earlier.
		got = frames(&resampler{}, high, false)
		want := make([]int16, 8000)
		for i := range want {
			want[i] = high[max(0, 2*i-reach)]
		}
		if snr := decibels(want[500:], got[500:]); snr < 35 {
			t.Errorf("%v Hz down: %.1f dB", hz, snr)
		}
	}
	// What the slower rate cannot carry is gone, and does not come back folded.
	for _, s := range frames(&resampler{}, sine(16000, 16000, 6000, 0.5), false)[500:] {
		if s > 20 || s < -20 {
			t.Fatalf("6000 Hz left %d", s)
		}
	}
	loud := make([]int16, 320)
	for i := range loud {
		loud[i] = math.MinInt16 + int16(i%2)*math.MaxInt16
	}
	frames(&resampler{}, loud, false)
	frames(&resampler{}, loud, true)
}

func BenchmarkCodecs(b *testing.B) {
	pcm, bytes := sine(320, 16000, 440, 0.3), make([]byte, 160)
	for _, c := range []struct {
		name string
		kind codec
	}{{"PCMA", pcma}, {"PCMU", pcmu}, {"G722", wide722}} {
		b.Run(c.name, func(b *testing.B) {
			e, d := newCoder(c.kind), newCoder(c.kind)
			out := make([]int16, 320)
			for b.Loop() {
				e.encode(bytes, pcm)
				d.decode(out, bytes)
			}
		})
	}
}
