package media

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

// rtpPacket builds a minimal packet.
func rtpPacket(pt uint8, seq uint16, ts, ssrc uint32, payload ...byte) []byte {
	b := make([]byte, 12, 12+len(payload))
	b[0], b[1] = 0x80, pt
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], ts)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	return append(b, payload...)
}

func TestParseRTP(t *testing.T) {
	plain := rtpPacket(8, 7, 160, 0xabcd, 1, 2, 3, 4)
	with := func(change func([]byte) []byte) []byte { return change(append([]byte(nil), plain...)) }
	tests := []struct {
		name    string
		in      []byte
		ok      bool
		payload int
	}{
		{"plain", plain, true, 4},
		{"header only", plain[:12], true, 0},
		{"too short", plain[:11], false, 0},
		{"empty", nil, false, 0},
		{"version 1", with(func(b []byte) []byte { b[0] = 0x40; return b }), false, 0},
		{"one CSRC", with(func(b []byte) []byte { b[0] = 0x81; return b }), true, 0},
		{"two CSRCs do not fit", with(func(b []byte) []byte { b[0] = 0x82; return b }), false, 0},
		{"empty extension", with(func(b []byte) []byte { b[0] = 0x90; b[14], b[15] = 0, 0; return b }), true, 0},
		{"extension too long", with(func(b []byte) []byte { b[0] = 0x90; return b }), false, 0},
		{"extension header cut", with(func(b []byte) []byte { b[0] = 0x90; return b[:14] }), false, 0},
		{"padding", with(func(b []byte) []byte { b[0] = 0xa0; b[15] = 2; return b }), true, 2},
		{"padding 0", with(func(b []byte) []byte { b[0] = 0xa0; b[15] = 0; return b }), false, 0},
		{"padding into the header", with(func(b []byte) []byte { b[0] = 0xa0; b[15] = 5; return b }), false, 0},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			h, ok := parseRTP(tc.in)
			if ok != tc.ok {
				t.Fatalf("ok %v, want %v", ok, tc.ok)
			}
			if !ok {
				return
			}
			if h.payloadType != 8 || h.seq != 7 || h.timestamp != 160 || h.ssrc != 0xabcd || len(h.payload) != tc.payload {
				t.Errorf("got %+v, want payload of %d", h, tc.payload)
			}
		})
	}
}

func FuzzParseRTP(f *testing.F) {
	corpus.Add(f)
	f.Add(rtpPacket(0, 1, 2, 3, 4, 5))
	f.Add([]byte{0xbf, 0x80, 0, 0})
	f.Add([]byte{0x80, 200, 0, 1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var d dtmf
		h, ok := parseRTP(b)
		if ok {
			if len(h.payload) > len(b)-12 {
				t.Fatalf("payload of %d in %d bytes", len(h.payload), len(b))
			}
			d.packet(h, 0)
			d.expire(time.Hour)
		}
		if validRTCP(b) && len(b) < 8 {
			t.Fatal("too short for RTCP")
		}
		isMuxedRTCP(b)
	})
}

func TestRTCPPlausible(t *testing.T) {
	rr := []byte{0x80, 201, 0, 1, 0, 0, 0, 1}
	tests := []struct {
		name         string
		in           []byte
		valid, muxed bool
	}{
		{"receiver report", rr, true, true},
		{"reduced size feedback", []byte{0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2}, true, true},
		{"longer than the datagram", []byte{0x80, 201, 0, 2, 0, 0, 0, 1}, false, true},
		{"short", rr[:4], false, true},
		{"PCMA", rtpPacket(8, 1, 1, 1), false, false},
		{"PCMA with marker", rtpPacket(8|0x80, 1, 1, 1), false, false},
		{"dynamic type 96", rtpPacket(96, 1, 1, 1), false, false},
	}
	for _, tc := range tests {
		if got := validRTCP(tc.in); got != tc.valid {
			t.Errorf("%s: valid %v, want %v", tc.name, got, tc.valid)
		}
		if got := isMuxedRTCP(tc.in); got != tc.muxed {
			t.Errorf("%s: muxed %v, want %v", tc.name, got, tc.muxed)
		}
	}
}

func TestLost(t *testing.T) {
	type p struct {
		ssrc uint32
		seq  uint16
	}
	one := func(seqs ...uint16) (out []p) {
		for _, s := range seqs {
			out = append(out, p{1, s})
		}
		return out
	}
	tests := []struct {
		name string
		in   []p
		lost int64
	}{
		{"none", nil, 0},
		{"one", one(9), 0},
		{"in order", one(1, 2, 3), 0},
		{"one lost", one(1, 2, 4), 1},
		{"reordered", one(1, 3, 2, 4), 0},
		{"duplicate", one(1, 2, 2, 3), -1},
		{"wraps with loss", one(65534, 65535, 1, 2), 1},
		{"reordered over the wrap", one(65535, 1, 0, 2), 0},
		{"single stray number", one(1, 2, 30000, 3), 0},
		{"restart", one(1, 2, 4, 30000, 30001, 30003), 2},
		{"restart at the wrap", one(30000, 65535, 0, 1), 0},
		{"other SSRC adds up", append(one(1, 3), p{2, 700}, p{2, 703}), 1 + 2},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			var r reception
			for _, x := range tc.in {
				r.count(header{ssrc: x.ssrc, seq: x.seq}, 12, 0, 8000, false)
			}
			if got := r.lost(); got != tc.lost {
				t.Errorf("lost %d, want %d", got, tc.lost)
			}
			if r.packets != uint64(len(tc.in)) {
				t.Errorf("packets %d, want %d", r.packets, len(tc.in))
			}
		})
	}
}

func TestJitter(t *testing.T) {
	// Arrival in ms of packets sent every 20 ms (160 units at 8 kHz). By hand, in
	// units, with J += (|D|-J)/16: D is 0, 40 (5 ms late), 80 (10 ms early again,
	// 5 ms before its time), 40.
	arrivals := []int{0, 20, 45, 55, 80}
	var want float64
	for _, d := range []float64{0, 40, 80, 40} {
		want += (d - want) / 16
	}
	var r reception
	const start = 60 * time.Hour // beyond what nanoseconds times rate hold in 64 bits
	for i, ms := range arrivals {
		ts := uint32(math.MaxUint32 - 200 + 160*i) // wraps
		r.count(header{seq: uint16(i), timestamp: ts}, 12, start+time.Duration(ms)*time.Millisecond, 8000, false)
	}
	if math.Abs(r.jitter-want) > 1e-9 {
		t.Errorf("jitter %v units, want %v", r.jitter, want)
	}
	// Events repeat the timestamp of their start, a new timestamp base is no jitter.
	r.count(header{seq: 5, timestamp: 0}, 16, start+time.Second, 8000, true)
	r.count(header{seq: 6, timestamp: 1 << 30}, 12, start+time.Second, 8000, false)
	if math.Abs(r.jitter-want) > 1e-9 {
		t.Errorf("jitter %v units after an event and a jump, want %v", r.jitter, want)
	}
}

// event builds a telephone-event payload.
func event(code byte, end bool, units uint16) []byte {
	b := []byte{code, 10, byte(units >> 8), byte(units)}
	if end {
		b[1] |= 0x80
	}
	return b
}

func TestDTMF(t *testing.T) {
	type p struct {
		ts      uint32
		payload []byte
	}
	tests := []struct {
		name   string
		in     []p
		expire bool
		want   []digit
	}{
		{"digit with three ends", []p{{100, event(5, false, 160)}, {100, event(5, false, 320)}, {100, event(5, true, 480)}, {100, event(5, true, 480)}, {100, event(5, true, 480)}}, true, []digit{{'5', 480}}},
		{"only the last end came", []p{{100, event(11, true, 800)}}, true, []digit{{'#', 800}}},
		{"same digit twice", []p{{100, event(1, true, 400)}, {900, event(1, true, 400)}}, true, []digit{{'1', 400}, {'1', 400}}},
		{"ends lost, next begins", []p{{100, event(1, false, 400)}, {900, event(2, false, 160)}, {900, event(2, true, 320)}}, true, []digit{{'1', 400}, {'2', 320}}},
		{"ends lost, silence", []p{{100, event(15, false, 400)}}, true, []digit{{'D', 400}}},
		{"still pressed", []p{{100, event(15, false, 400)}}, false, nil},
		{"late packet of the digit before", []p{{100, event(1, true, 400)}, {900, event(2, true, 400)}, {100, event(1, true, 400)}}, true, []digit{{'1', 400}, {'2', 400}}},
		{"timestamp wraps", []p{{math.MaxUint32 - 10, event(1, true, 400)}, {700, event(2, true, 400)}}, true, []digit{{'1', 400}, {'2', 400}}},
		{"long event in two segments", []p{{100, event(3, false, 0xffff)}, {100 + 0xffff, event(3, false, 800)}, {100 + 0xffff, event(3, true, 1600)}}, true, []digit{{'3', 0xffff + 1600}}},
		{"modem tone is no digit", []p{{100, event(32, true, 400)}}, true, nil},
		{"short payload", []p{{100, []byte{1, 0x80, 0}}}, true, nil},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			var d dtmf
			var got []digit
			now := time.Second
			for _, x := range tc.in {
				now += 20 * time.Millisecond
				if x, ok := d.packet(header{timestamp: x.ts, payload: x.payload}, now); ok {
					got = append(got, x)
				}
			}
			if tc.expire {
				now += dtmfSilence
			}
			if x, ok := d.expire(now); ok {
				got = append(got, x)
			}
			if len(got) != len(tc.want) {
				t.Fatalf("got %v, want %v", got, tc.want)
			}
			for i := range got {
				if got[i] != tc.want[i] {
					t.Errorf("digit %d: %v, want %v", i, got[i], tc.want[i])
				}
			}
		})
	}
}
