package media

import (
	"encoding/binary"
	"testing"
	"time"
)

// sentPacket is what the remote sees of a packet.
type sentPacket struct {
	marker bool
	seq    uint16
	ts     uint32
	ssrc   uint32
}

func seenAs(b []byte) sentPacket {
	return sentPacket{b[1]&0x80 != 0, binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])}
}

// TestStreamIsContinuous switches sources in every way, and computes by hand what
// the remote has to see.
func TestStreamIsContinuous(t *testing.T) {
	const ms = time.Millisecond
	a, b := &Endpoint{}, &Endpoint{}
	var s stream
	pass := func(from *Endpoint, at time.Duration, seq uint16, ts, ssrc uint32) sentPacket {
		p := rtpPacket(8, seq, ts, ssrc)
		s.pass(from, p, at, 8000)
		return seenAs(p)
	}
	made := func(at time.Duration, marker bool, ts uint32) sentPacket {
		p := make([]byte, 12)
		s.head(p, 8, marker, ts, at)
		return seenAs(p)
	}
	check := func(name string, got, want sentPacket) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	check("untouched", pass(a, 0, 65534, 1000, 7), sentPacket{false, 65534, 1000, 7})
	check("untouched, next", pass(a, 20*ms, 65535, 1160, 7), sentPacket{false, 65535, 1160, 7})
	s.anchor(a)
	check("the same source once anchored", pass(a, 40*ms, 0, 1320, 7), sentPacket{false, 0, 1320, 7})
	check("what came late", pass(a, 41*ms, 65535, 1160, 7), sentPacket{false, 65535, 1160, 7})
	// Nothing for 100 ms, then music: 100 ms are 800 units.
	ts := s.resume(140*ms, 8000)
	check("music", made(140*ms, true, ts), sentPacket{true, 1, 2120, 7})
	check("music, next", made(160*ms, false, ts+160), sentPacket{false, 2, 2280, 7})
	// The other side again, at once: not before the end of the last packet.
	check("after music", pass(a, 161*ms, 40, 2300, 7), sentPacket{true, 3, 2440, 7})
	check("after music, a gap", pass(a, 201*ms, 42, 2620, 7), sentPacket{false, 5, 2760, 7})
	check("after music, what came late", pass(a, 202*ms, 41, 2460, 7), sentPacket{false, 4, 2600, 7})
	check("another side", pass(b, 301*ms, 900, 500000, 99), sentPacket{true, 6, 3560, 7})
	check("another SSRC of that side", pass(b, 341*ms, 1, 1, 100), sentPacket{true, 7, 3880, 7})
	check("an hour later", pass(a, time.Hour+341*ms, 1, 1, 100), sentPacket{true, 8, 3880 + 3600*8000, 7})
	if !s.anchored {
		t.Error("not anchored")
	}
}

// TestEventsKeepTime has an event, whose packets all carry the time of its start,
// before a change of the source.
func TestEventsKeepTime(t *testing.T) {
	var s stream
	for i := range uint16(10) {
		p := rtpPacket(101, i, 1000, 7)
		s.pass(nil, p, time.Duration(i)*20*time.Millisecond, 8000)
	}
	if got := s.resume(200*time.Millisecond, 8000); got != 2600 {
		t.Errorf("goes on at %d, want 2600", got)
	}
	if s.seq != 9 {
		t.Errorf("number %d, want 9", s.seq)
	}
}
