package media

import (
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// frame is the length of what one packet made here covers.
const frame = 20 * time.Millisecond

// stream is the RTP that an endpoint sends, as its remote sees it.
//
// At first it is what the other side sends, byte for byte. From anchor on it is
// ours: one SSRC, one run of sequence numbers and a timestamp that goes with the
// time, whatever the packets are made of (RFC 3550 section 5.1).
type stream struct {
	anchored bool
	begun    bool // something was sent; what follows is that of the latest packet
	ssrc     uint32
	seq      uint16
	ts       uint32
	at       time.Duration // when a packet with ts was first sent

	// The part of another stream that is being sent, once anchored.
	spliced bool // there is one
	from    *Endpoint
	source  uint32 // its SSRC
	seqAdd  uint16 // from its numbers to ours
	tsAdd   uint32
}

// anchor makes the stream ours, going on with what was sent of from.
func (s *stream) anchor(from *Endpoint) {
	if s.anchored {
		return
	}
	s.anchored = true
	if !s.begun {
		s.ssrc, s.seq, s.ts = rand.Uint32(), uint16(rand.Uint32()), rand.Uint32()
		return
	}
	s.spliced, s.from, s.source = true, from, s.ssrc
}

// cut ends the part of another stream: what comes next begins a new one.
func (s *stream) cut() { s.spliced, s.from = false, nil }

// units is d in timestamp units.
func units(d time.Duration, rate int) uint32 {
	return uint32(int64(d) * int64(rate) / int64(time.Second))
}

// resume is the timestamp of something new that begins now: as far behind the
// latest packet as the time that has passed, and behind its end.
func (s *stream) resume(now time.Duration, rate int) uint32 {
	if !s.begun {
		return s.ts
	}
	return s.ts + max(units(now-s.at, rate), units(frame, rate))
}

// sent notes a packet that leaves.
func (s *stream) sent(seq uint16, ts uint32, now time.Duration) {
	if !s.begun || int16(seq-s.seq) > 0 {
		s.seq = seq
	}
	if !s.begun || int32(ts-s.ts) > 0 {
		s.ts, s.at = ts, now
	}
	s.begun = true
}

// pass takes a packet of another stream on its way to the remote. Once anchored
// it is rewritten in place.
func (s *stream) pass(from *Endpoint, b []byte, now time.Duration, rate int) {
	seq, ts, ssrc := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	if !s.anchored {
		if ssrc != s.ssrc {
			s.begun, s.ssrc = false, ssrc
		}
		s.sent(seq, ts, now)
		return
	}
	if !s.spliced || s.from != from || s.source != ssrc {
		s.spliced, s.from, s.source = true, from, ssrc
		s.seqAdd, s.tsAdd = s.seq+1-seq, s.resume(now, rate)-ts
		b[1] |= 0x80 // a new talk spurt (RFC 3551 section 4.1)
	}
	seq, ts = seq+s.seqAdd, ts+s.tsAdd
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], ts)
	binary.BigEndian.PutUint32(b[8:], s.ssrc)
	s.sent(seq, ts, now)
}

// head writes the header of a packet made here.
func (s *stream) head(b []byte, payloadType int, marker bool, ts uint32, now time.Duration) {
	s.cut()
	b[0], b[1] = 2<<6, byte(payloadType)
	if marker {
		b[1] |= 0x80
	}
	seq := s.seq + 1
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], ts)
	binary.BigEndian.PutUint32(b[8:], s.ssrc)
	s.sent(seq, ts, now)
}
