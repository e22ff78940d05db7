package media

import (
	"strings"
	"time"
)

// mos estimates how good the sound is, 1 to 4.5, by the E-model of ITU-T G.107 in
// the simplified form that monitoring uses: all settings at their defaults, which
// leaves R = 93.2 - Id - Ie,eff.
//
// Id is the loss by delay, after Cole and Rosenbluth: 0.024 d + 0.11 (d - 177.3)
// above 177.3 ms. The one-way delay d is half of the round trip, a packet of
// 20 ms, and a jitter buffer of twice the jitter. Ie,eff is the loss by codec and
// lost packets, random ones (G.107 section 7.4, G.113 appendix I). Wideband codecs are taken for
// narrowband ones, so that their figure is on the low side.
func mos(codec string, loss float64, jitter, roundTrip time.Duration) float64 {
	const base = 93.2
	d := (roundTrip/2 + frame + 2*jitter).Seconds() * 1000
	id := 0.024 * d
	if d > 177.3 {
		id += 0.11 * (d - 177.3)
	}
	ie, robust := impairment(codec)
	percent := 100 * max(0, min(1, loss))
	r := base - id - (ie + (95-ie)*percent/(percent+robust))
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1, 1+0.035*r+7e-6*r*(r-60)*(100-r))
}

// impairment is Ie and Bpl of a codec, with the concealment that phones have (G.113 appendix I).
func impairment(codec string) (ie, robust float64) {
	switch strings.ToUpper(codec) {
	case "G729":
		return 11, 19
	case "G723":
		return 15, 16.1
	case "GSM":
		return 20, 10
	case "OPUS":
		return 0, 30
	}
	return 0, 25.1 // G.711 with concealment
}
