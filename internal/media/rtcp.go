package media

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	mathrand "math/rand/v2"
	"time"
)

// RTCP packet types (RFC 3550 section 12.1).
const (
	typeSR   = 200
	typeRR   = 201
	typeSDES = 202
	typeBYE  = 203
)

const (
	// rtcpInterval is the time between reports. RFC 3550 section 6.2 asks for the share of
	// 5 % of the bandwidth, but not less than this; with two members and 64 kbit/s a
	// report of 100 bytes is always far below the share.
	rtcpInterval = 5 * time.Second
	// compensation is e - 3/2, by which section 6.3.1 divides.
	compensation = 1.21828
	// rtcpSize bounds a compound made here: SR with one block, SDES with CNAME, BYE.
	rtcpSize = 28 + 24 + 4 + 24 + 8
	// keptReports is how many sender reports are remembered for the round trip.
	keptReports = 4
	// maxRoundTrip is what is believed, at most.
	maxRoundTrip = 30 * time.Second
)

// reports is the RTCP of one endpoint: what the remote reports, and what it is
// reported.
type reports struct {
	cname   string
	next    time.Duration // when the next one is due, 0 before the first
	sentAt  uint64        // packets sent when the last one was made
	expects uint64        // packets expected and received then (section A.3)
	had     uint64

	// The remote's latest sender report.
	heardSSRC uint32
	heardMid  uint32 // the middle of its NTP time, 0 before
	heardAt   time.Duration

	// Sender reports that went to the remote, the other side's or ours.
	toRemote [keptReports]struct {
		mid uint32
		at  time.Duration
	}
	slot int

	// What the remote says of the stream that it gets.
	blocks    uint64
	lost      int32
	fraction  uint8
	jitter    uint32
	roundTrip time.Duration
	measured  bool
}

// block is a report block (section 6.4.1).
type block struct {
	ssrc     uint32
	fraction uint8
	lost     int32
	jitter   uint32
	lsr      uint32
	dlsr     uint32
}

// rtcpReader walks over a compound packet.
type rtcpReader struct{ rest []byte }

// next returns the type, the count field and the body, behind the first word, of
// the next packet, and false at the end or where the length is wrong.
func (r *rtcpReader) next() (kind uint8, count int, body []byte, ok bool) {
	b := r.rest
	if len(b) < 4 || b[0]>>6 != 2 {
		return 0, 0, nil, false
	}
	size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
	if size > len(b) {
		return 0, 0, nil, false
	}
	r.rest = b[size:]
	return b[1], int(b[0] & 0x1f), b[4:size], true
}

// heard takes a compound of the remote, which was sent about, among others, a stream with our SSRC.
func (r *reports) heard(b []byte, ours uint32, now time.Duration) {
	for in := (rtcpReader{b}); ; {
		kind, count, body, ok := in.next()
		if !ok {
			return
		}
		switch kind {
		case typeSR:
			if len(body) < 24 {
				return
			}
			r.heardSSRC, r.heardAt = binary.BigEndian.Uint32(body), now
			r.heardMid = binary.BigEndian.Uint32(body[6:])
			body = body[24:]
		case typeRR:
			if len(body) < 4 {
				return
			}
			body = body[4:]
		default:
			continue
		}
		for ; count > 0 && len(body) >= 24; count-- {
			if k := readBlock(body); k.ssrc == ours {
				r.block(k, now)
			}
			body = body[24:]
		}
	}
}

func readBlock(b []byte) block {
	return block{
		ssrc: binary.BigEndian.Uint32(b), fraction: b[4], lost: int32(binary.BigEndian.Uint32(b[4:])<<8) >> 8,
		jitter: binary.BigEndian.Uint32(b[12:]), lsr: binary.BigEndian.Uint32(b[16:]), dlsr: binary.BigEndian.Uint32(b[20:]),
	}
}

// block takes what the remote says of our stream. The round trip needs no common
// clock: it counts from when the report that it answers was sent (section 6.4.1).
func (r *reports) block(k block, now time.Duration) {
	r.blocks++
	r.lost, r.fraction, r.jitter = k.lost, k.fraction, k.jitter
	if k.lsr == 0 {
		return
	}
	for _, s := range r.toRemote {
		if s.mid != k.lsr {
			continue
		}
		held := time.Duration(k.dlsr>>16)*time.Second + time.Duration(k.dlsr&0xffff)*time.Second>>16
		if trip := now - s.at - held; trip >= -time.Millisecond && trip <= maxRoundTrip {
			r.roundTrip, r.measured = max(trip, 0), true
		}
		return
	}
}

// passed notes the sender reports in a compound on its way to the remote.
func (r *reports) passed(b []byte, now time.Duration) {
	for in := (rtcpReader{b}); ; {
		kind, _, body, ok := in.next()
		if !ok {
			return
		}
		if kind == typeSR && len(body) >= 24 {
			r.keep(binary.BigEndian.Uint32(body[6:]), now)
		}
	}
}

func (r *reports) keep(mid uint32, now time.Duration) {
	r.toRemote[r.slot].mid, r.toRemote[r.slot].at = mid, now
	r.slot = (r.slot + 1) % keptReports
}

// due reports whether it is time for a report, and plans the next one: between a half and
// one and a half of the interval, the first after half of that (section 6.2).
func (r *reports) due(now time.Duration) bool {
	switch {
	case r.next == 0:
		r.next = now + spread(rtcpInterval/2)
		return false
	case now < r.next:
		return false
	}
	r.next = now + spread(rtcpInterval)
	return true
}

func spread(d time.Duration) time.Duration {
	return time.Duration((0.5 + mathrand.Float64()) * float64(d) / compensation)
}

// newCNAME makes a short-term persistent name that says nothing of us (RFC 7022 section 4.2).
func newCNAME() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// ntp is a time of the plane as an NTP timestamp, RFC 3550 section 4.
func (p *Plane) ntp(now time.Duration) (seconds, fraction uint32) {
	const since1900 = 2208988800
	t := p.epoch.Add(now)
	return uint32(t.Unix() + since1900), uint32(uint64(t.Nanosecond()) << 32 / uint64(time.Second))
}

// report makes our compound: a sender report, or a receiver report when nothing was
// sent since the last one, with the name, and BYE at the end. The caller holds e.mu.
func (e *Endpoint) report(b []byte, now time.Duration, bye bool) []byte {
	r, rx := &e.reports, &e.rx
	if r.cname == "" {
		r.cname = newCNAME()
	}
	b = b[:0]
	blocks := 0
	if rx.running {
		blocks = 1
	}
	if e.sent != r.sentAt {
		r.sentAt = e.sent
		seconds, fraction := e.plane.ntp(now)
		r.keep(seconds<<16|fraction>>16, now)
		b = appendHead(b, typeSR, blocks, 6+6*blocks)
		b = binary.BigEndian.AppendUint32(b, e.stream.ssrc)
		b = binary.BigEndian.AppendUint32(b, seconds)
		b = binary.BigEndian.AppendUint32(b, fraction)
		b = binary.BigEndian.AppendUint32(b, e.stream.ts+units(now-e.stream.at, e.remote.ClockRate))
		b = binary.BigEndian.AppendUint32(b, uint32(e.sent))
		b = binary.BigEndian.AppendUint32(b, uint32(e.sentBytes-12*e.sent))
	} else {
		b = appendHead(b, typeRR, blocks, 1+6*blocks)
		b = binary.BigEndian.AppendUint32(b, e.stream.ssrc)
	}
	if blocks > 0 {
		b = r.appendBlock(b, rx, now)
	}
	b = appendHead(b, typeSDES, 1, 1+(2+len(r.cname)+4)/4)
	b = binary.BigEndian.AppendUint32(b, e.stream.ssrc)
	b = append(b, 1, byte(len(r.cname)))
	b = append(b, r.cname...)
	for range 4 - (2+len(r.cname))%4 { // ends with a null octet, then pads
		b = append(b, 0)
	}
	if bye {
		b = appendHead(b, typeBYE, 1, 1)
		b = binary.BigEndian.AppendUint32(b, e.stream.ssrc)
	}
	return b
}

// appendHead writes the first word; words is the length behind it.
func appendHead(b []byte, kind uint8, count, words int) []byte {
	b = append(b, 2<<6|byte(count), kind)
	return binary.BigEndian.AppendUint16(b, uint16(words))
}

// appendBlock reports what came from the remote, RFC 3550 section A.3.
func (r *reports) appendBlock(b []byte, rx *reception, now time.Duration) []byte {
	highest := rx.cycles + uint32(rx.maxSeq)
	expects := uint64(int64(rx.packets) + rx.lost())
	fraction := uint8(0)
	if expected, had := int64(expects-r.expects), int64(rx.packets-r.had); expected > 0 && had < expected {
		fraction = uint8(min(255, (expected-had)<<8/expected))
	}
	r.expects, r.had = expects, rx.packets
	lost := max(-0x800000, min(0x7fffff, rx.lost()))
	lsr, dlsr := uint32(0), uint32(0)
	if r.heardMid != 0 {
		lsr = r.heardMid
		dlsr = uint32((now - r.heardAt) << 16 / time.Second)
	}
	b = binary.BigEndian.AppendUint32(b, rx.ssrc)
	b = binary.BigEndian.AppendUint32(b, uint32(fraction)<<24|uint32(lost)&0xffffff)
	b = binary.BigEndian.AppendUint32(b, highest)
	b = binary.BigEndian.AppendUint32(b, uint32(rx.jitter))
	b = binary.BigEndian.AppendUint32(b, lsr)
	return binary.BigEndian.AppendUint32(b, dlsr)
}
