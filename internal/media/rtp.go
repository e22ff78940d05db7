package media

import (
	"encoding/binary"
	"time"
)

// header is what the plane reads of an RTP packet (RFC 3550 section 5.1).
type header struct {
	payloadType uint8
	seq         uint16
	timestamp   uint32
	ssrc        uint32
	payload     []byte // without CSRCs, extension and padding
}

// parseRTP reads the header of b and reports whether b can be RTP: version 2,
// and CSRC list, extension and padding lie within the datagram.
func parseRTP(b []byte) (header, bool) {
	if len(b) < 12 || b[0]>>6 != 2 {
		return header{}, false
	}
	at := 12 + 4*int(b[0]&0x0f)
	end := len(b)
	if b[0]&0x10 != 0 {
		if end < at+4 {
			return header{}, false
		}
		at += 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
	}
	if at > end {
		return header{}, false
	}
	if b[0]&0x20 != 0 {
		pad := int(b[end-1])
		if pad == 0 || at+pad > end {
			return header{}, false
		}
		end -= pad
	}
	return header{
		payloadType: b[1] & 0x7f,
		seq:         binary.BigEndian.Uint16(b[2:]),
		timestamp:   binary.BigEndian.Uint32(b[4:]),
		ssrc:        binary.BigEndian.Uint32(b[8:]),
		payload:     b[at:end],
	}, true
}

// isMuxedRTCP reports whether a datagram on an RTP port is RTCP by its payload
// type (RFC 5761 section 4).
func isMuxedRTCP(b []byte) bool {
	return len(b) >= 2 && b[1]&0x7f >= 64 && b[1]&0x7f <= 95
}

// validRTCP reports whether b can be RTCP: version 2, a type of the RTCP range
// (RFC 5761 section 4) and a first packet that lies within b. Reduced-size
// packets (RFC 5506) and an SRTCP trailer are fine.
func validRTCP(b []byte) bool {
	return len(b) >= 8 && b[0]>>6 == 2 && b[1] >= 192 && b[1] <= 223 &&
		4*(int(binary.BigEndian.Uint16(b[2:]))+1) <= len(b)
}

// Limits of the sequence number check, RFC 3550 section A.1.
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// reception holds the figures of the RTP received from one side, over all SSRCs.
type reception struct {
	packets, bytes uint64
	lostBefore     int64 // by earlier SSRCs and restarts
	ssrc           uint32
	payloadType    int8

	running  bool
	base     uint32 // extended sequence number of the first packet
	cycles   uint32
	maxSeq   uint16
	received uint64 // since base
	badSeq   uint32 // the number after a great jump, 1<<16 when there was none

	transitKnown bool
	transit      uint32  // in timestamp units
	jitter       float64 // in timestamp units
}

// count takes one packet of size bytes into the figures. Packets of events
// carry the timestamp of the event's start, so that they say nothing on jitter.
func (r *reception) count(h header, size int, now time.Duration, rate int, event bool) {
	r.packets++
	r.bytes += uint64(size)
	r.payloadType = int8(h.payloadType)
	if !r.running || h.ssrc != r.ssrc {
		r.restart(h)
	} else {
		r.sequence(h)
	}
	if !event {
		r.timing(h, now, rate)
	}
}

// restart begins a new run of sequence numbers.
func (r *reception) restart(h header) {
	if r.running {
		r.lostBefore += r.lostRun()
	}
	r.running, r.transitKnown = true, false
	r.ssrc, r.base, r.cycles, r.maxSeq = h.ssrc, uint32(h.seq), 0, h.seq
	r.received, r.badSeq = 1, 1<<16
}

// sequence is update_seq of RFC 3550 section A.1.
func (r *reception) sequence(h header) {
	delta := h.seq - r.maxSeq
	switch {
	case delta < maxDropout:
		if h.seq < r.maxSeq {
			r.cycles += 1 << 16
		}
		r.maxSeq = h.seq
	case delta <= 0xffff-maxMisorder:
		// A great jump: the next packet in sequence says that the source restarted.
		if uint32(h.seq) != r.badSeq {
			r.badSeq = uint32(h.seq + 1)
			return
		}
		r.restart(h) // and the packet before belongs to the new run
		r.base, r.received = uint32(h.seq)-1, 2
		if h.seq == 0 {
			r.base, r.cycles = 0xffff, 1<<16
		}
		return
	}
	r.received++
}

// lostRun is the number of packets lost since base, RFC 3550 section A.3. It is
// negative when there were duplicates.
func (r *reception) lostRun() int64 {
	if !r.running {
		return 0
	}
	return int64(r.cycles) + int64(r.maxSeq) - int64(r.base) + 1 - int64(r.received)
}

func (r *reception) lost() int64 { return r.lostBefore + r.lostRun() }

// timing keeps the interarrival jitter, RFC 3550 section A.8.
func (r *reception) timing(h header, now time.Duration, rate int) {
	arrival := uint32(int64(now/time.Second)*int64(rate)) +
		uint32(int64(now%time.Second)*int64(rate)/int64(time.Second))
	transit := arrival - h.timestamp
	d := int32(transit - r.transit)
	known := r.transitKnown
	r.transit, r.transitKnown = transit, true
	if d < 0 {
		d = -d
	}
	// More than ten seconds is a new timestamp base, not jitter.
	if !known || d < 0 || int64(d) > 10*int64(rate) {
		return
	}
	r.jitter += (float64(d) - r.jitter) / 16
}
