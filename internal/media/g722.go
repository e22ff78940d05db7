package media

// G.722 at 64 kbit/s (ITU-T G.722, mode 1): two samples at 16 kHz become one byte. A
// quadrature mirror filter splits the signal into two bands at 8 kHz, each of which is
// coded by adaptive differential PCM: six bits for the lower, two for the upper. Names of
// steps are those of the recommendation's section 6.

// qmf are the coefficients of the quadrature mirror filter, table 11; the other half mirrors them.
var qmf = [12]int{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}

// Tables of the lower band: decision levels (q6) with the codes above (il) for negative
// and positive differences, inverse quantizers of 6 and 4 bits, and the
// logarithmic step sizes (wl) with their antilogarithm (ilb).
var (
	q6 = [31]int{
		0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714,
		786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919, 1 << 30,
	}
	ilNegative = [31]byte{
		0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19,
		18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
	}
	ilPositive = [31]byte{
		0, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47,
		46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32,
	}
	inverse6 = [64]int{
		-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
	}
	inverse4 = [16]int{
		0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
	}
	inverse2 = [4]int{-7408, -1616, 7408, 1616}
	// Step sizes by the code of 4 bits, and by that of 2 bits.
	wl  = [16]int{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}
	wh  = [4]int{798, -214, 798, -214}
	ilb = [32]int{
		2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
		2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
	}
)

// band is the predictor and the quantizer's step of one band.
type band struct {
	s, sz  int // predicted signal, and its part by the zeros
	r      [2]int
	p      [2]int
	a      [2]int
	b      [6]int
	d      [6]int
	nb     int // logarithm of the step
	det    int // the step
	shifts int // of the antilogarithm: 8 in the lower band, 10 in the upper
	top    int // of nb
}

func saturate(v int) int { return max(-32768, min(32767, v)) }

// adapt is LOGSC and SCALE: the next step from the weight of the code.
func (n *band) adapt(weight int) {
	n.nb = max(0, min(n.top, n.nb*127>>7+weight))
	v := ilb[n.nb>>6&31]
	if shift := n.shifts - n.nb>>11; shift >= 0 {
		n.det = v >> shift << 2
	} else {
		n.det = v << -shift << 2
	}
}

// predict is block 4: it takes the quantized difference d and predicts the next sample.
func (n *band) predict(d int) {
	r := saturate(n.s + d)
	p := saturate(n.sz + d)
	// UPPOL2, UPPOL1
	same1, same2 := p < 0 == (n.p[0] < 0), p < 0 == (n.p[1] < 0)
	w := saturate(n.a[0] << 2)
	if same1 {
		w = min(-w, 32767)
	}
	step := -128
	if same2 {
		step = 128
	}
	a2 := max(-12288, min(12288, step+w>>7+n.a[1]*32512>>15))
	step = -192
	if same1 {
		step = 192
	}
	limit := saturate(15360 - a2)
	a1 := max(-limit, min(limit, saturate(step+n.a[0]*32640>>15)))
	// UPZERO
	step = 128
	if d == 0 {
		step = 0
	}
	for i := range n.b {
		w := step
		if n.d[i] < 0 != (d < 0) {
			w = -step
		}
		n.b[i] = saturate(w + n.b[i]*32640>>15)
	}
	// DELAYA
	copy(n.d[1:], n.d[:5])
	n.d[0] = d
	n.r[1], n.r[0] = n.r[0], r
	n.p[1], n.p[0] = n.p[0], p
	n.a = [2]int{a1, a2}
	// FILTEP, FILTEZ, PREDIC
	sp := saturate(a1*saturate(2*n.r[0])>>15 + a2*saturate(2*n.r[1])>>15)
	sz := 0
	for i := range n.b {
		sz += n.b[i] * saturate(2*n.d[i]) >> 15
	}
	n.sz = saturate(sz)
	n.s = saturate(sp + n.sz)
}

// lower updates the lower band with a code, of which its four upper bits count here.
func (n *band) lower(code byte) {
	code >>= 2
	d := n.det * inverse4[code] >> 15
	n.adapt(wl[code])
	n.predict(d)
}

// upper updates the upper band with a code and returns the quantized difference.
func (n *band) upper(code byte) int {
	d := n.det * inverse2[code] >> 15
	n.adapt(wh[code])
	n.predict(d)
	return d
}

// g722 is the state of an encoder or a decoder.
type g722 struct {
	low, high band
	x         [24]int // of the mirror filter
}

func newG722() g722 {
	return g722{low: band{det: 32, shifts: 8, top: 18432}, high: band{det: 8, shifts: 10, top: 22528}}
}

// filter puts two values into the mirror filter and returns what it makes of both phases.
func (g *g722) filter(first, second int) (even, odd int) {
	copy(g.x[:22], g.x[2:])
	g.x[22], g.x[23] = first, second
	for i, c := range qmf {
		even += g.x[2*i] * c
		odd += g.x[2*i+1] * qmf[11-i]
	}
	return even, odd
}

// encode writes one byte for every two samples at 16 kHz.
func (g *g722) encode(dst []byte, pcm []int16) {
	for i := range dst {
		even, odd := g.filter(int(pcm[2*i]), int(pcm[2*i+1]))
		xl, xh := (odd+even)>>14, (odd-even)>>14

		el := saturate(xl - g.low.s)
		w := el
		if el < 0 {
			w = ^el
		}
		level := 1
		for w >= q6[level]*g.low.det>>12 {
			level++
		}
		code := ilPositive[level]
		if el < 0 {
			code = ilNegative[level]
		}
		g.low.lower(code)

		eh := saturate(xh - g.high.s)
		if w = eh; eh < 0 {
			w = ^eh
		}
		high := byte(3)
		if w >= 564*g.high.det>>12 {
			high = 2
		}
		if eh < 0 {
			high -= 2
		}
		g.high.upper(high)
		dst[i] = high<<6 | code
	}
}

// decode writes two samples at 16 kHz for every byte.
func (g *g722) decode(pcm []int16, src []byte) {
	for i, b := range src {
		code := b & 0x3f
		rl := max(-16384, min(16383, g.low.s+g.low.det*inverse6[code]>>15))
		g.low.lower(code)
		s := g.high.s
		rh := max(-16384, min(16383, s+g.high.upper(b>>6)))
		even, odd := g.filter(rl+rh, rl-rh)
		pcm[2*i], pcm[2*i+1] = int16(saturate(odd>>11)), int16(saturate(even>>11))
	}
}
