package media

import (
	"math"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/internal/media/mediatest"
)

var events101 = Format{101, "telephone-event", 8000}

// differ is a call between a phone that speaks one codec and one that speaks another, with
// different payload types for keys.
func differ(t testing.TB, p *Plane, x, y Format, notify func(Event)) (a, b *Endpoint, fa, fb *phone) {
	t.Helper()
	fa, fb = newPhone(t, localhost), newPhone(t, localhost)
	a = mustOpen(t, p, Options{})
	b = mustOpen(t, p, Options{Near: a, Notify: notify})
	Bridge(a, b)
	ra, rb := fa.remote(), fb.remote()
	ra.Formats, ra.Sends = Formats{x, events101}, Formats{x, events101}
	rb.Formats = Formats{y, {PayloadType: 96, Name: "TELEPHONE-EVENT"}} // it takes keys as 96
	rb.Sends = Formats{y, events101}                                    // and sends them as we have offered
	a.SetRemote(ra)
	b.SetRemote(rb)
	return a, b, fa, fb
}

func TestTranscode(t *testing.T) {
	mu, a, g := Format{0, "PCMU", 8000}, Format{8, "PCMA", 8000}, Format{9, "G722", 8000}
	for _, tc := range []struct {
		name  string
		x, y  Format
		bytes int // of a payload: 10 to 60 ms
	}{
		{"PCMU and G722", mu, g, 160}, {"PCMA and G722, 10 ms", a, g, 80}, {"G722 and PCMU, 60 ms", g, mu, 480}, {"PCMA and PCMU", a, mu, 240},
	} {
		t.Run(tc.name, func(t *testing.T) {
			digits := make(chan Event, 10)
			ea, eb, fa, fb := differ(t, startPlane(t, nil), tc.x, tc.y, func(ev Event) {
				if ev.Kind == DTMF {
					digits <- ev
				}
			})
			for _, way := range []struct {
				in, out  *Endpoint
				from, to *phone
				x, y     Format
				hz       float64
				events   int
			}{{ea, eb, fa, fb, tc.x, tc.y, 440, 96}, {eb, ea, fb, fa, tc.y, tc.x, 1000, 101}} {
				enc, dec := newCoder(codecOf(&way.x)), newCoder(codecOf(&way.y))
				rate := 8000 * enc.kind.perByte()
				perPacket := tc.bytes * enc.kind.perByte()
				packets := 4000 / tc.bytes // half a second
				tone := sine(packets*perPacket, rate, way.hz, 0.4)
				var heard []int16
				for i := range packets {
					payload := make([]byte, tc.bytes)
					enc.encode(payload, tone[i*perPacket:])
					ts := uint32(7000 + i*tc.bytes)
					way.from.send(way.from.rtp, way.in.Local(), rtpPacket(uint8(way.x.PayloadType), uint16(i), ts, 77, payload...))
					got := way.to.packet()
					if got.payloadType != way.y.PayloadType || len(got.payload) != tc.bytes {
						t.Fatalf("payload type %d with %d bytes", got.payloadType, len(got.payload))
					}
					pcm := make([]int16, tc.bytes*dec.kind.perByte())
					dec.decode(pcm, got.payload)
					if dec.kind == wide722 { // the measuring stick is at 8 kHz
						for k := range tc.bytes {
							pcm[k] = pcm[2*k]
						}
						pcm = pcm[:tc.bytes]
					}
					heard = append(heard, pcm...)
				}
				if p := mediatest.Purity(heard[800:], way.hz); p < 0.99 {
					t.Errorf("purity at %v Hz is %v", way.hz, p)
				}
				if level := rms(heard[800:]) / (0.4 * 32767 / math.Sqrt2); level < 0.95 || level > 1.05 {
					t.Errorf("level changed by %v", level)
				}
				// A key arrives as the other side wants it.
				for i, end := range []byte{0, 0x80, 0x80, 0x80} {
					way.from.send(way.from.rtp, way.in.Local(), rtpPacket(101, uint16(packets+i), 20000, 77, 7, end|10, 2, 128))
					if got := way.to.packet(); got.payloadType != way.events || got.payload[0] != 7 || got.payload[1] != end|10 {
						t.Errorf("key: %+v", got)
					}
				}
				way.from.send(way.from.rtp, way.in.Local(), rtpPacket(13, 100, 0, 77, 1)) // comfort noise was not agreed on
				eventually(t, "the drop", func() bool { return way.out.Stats().Dropped[DropCodec] == 1 })
			}
			if d := <-digits; d.Digit != '7' {
				t.Errorf("%c was heard", d.Digit)
			}
		})
	}
}

func rms(s []int16) float64 {
	sum := 0.0
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(s)))
}

// TestCommonFormatsPass: where both sides have a format the payload stays, though its number may change; what
// is broken or too long is dropped.
func TestCommonFormatsPass(t *testing.T) {
	r := newRecoder(&Formats{{96, "opus", 48000}, {8, "PCMA", 0}, {0, "PCMU", 8000}, {110, "", 0}, {-1, "PCMA", 8000}, {300, "PCMA", 8000}},
		&Formats{{111, "OPUS", 48000}, {0, "PCMU", 8000}})
	for _, tc := range []struct {
		name   string
		packet []byte
		pt     int // -1: dropped
	}{
		{"other number", rtpPacket(96, 1, 1, 1, 1, 2, 3), 111},
		{"same number", rtpPacket(0, 1, 1, 1, 1, 2, 3), 0},
		{"recoded", rtpPacket(8, 1, 1, 1, 0x2a, 0xd5), 0},
		{"recoded, empty", rtpPacket(8, 1, 1, 1), 0},
		{"too long", rtpPacket(8, 1, 1, 1, make([]byte, maxPayload+1)...), -1},
		{"not agreed on", rtpPacket(9, 1, 1, 1, 1), -1},
		{"without a name", rtpPacket(110, 1, 1, 1, 1), -1},
		{"broken", make([]byte, 12), -1},
	} {
		before := append([]byte(nil), tc.packet...)
		tc.packet[1] |= 0x80 * byte(len(before)&1)
		marker := tc.packet[1] & 0x80
		drop := r.recode(tc.packet)
		switch {
		case tc.pt < 0:
			if drop == relayed {
				t.Errorf("%s: passed", tc.name)
			}
		case drop != relayed || tc.packet[1] != marker|byte(tc.pt):
			t.Errorf("%s: %s, payload type %#x", tc.name, drop, tc.packet[1])
		case tc.name == "recoded" && (tc.packet[12] != 0x00 || tc.packet[13] != 0xfe):
			t.Errorf("%s: %x", tc.name, tc.packet[12:])
		}
	}
	if newRecoder(&Formats{}, &Formats{{8, "PCMA", 0}}) != nil {
		t.Error("made without need")
	}
}

func TestTranscodeAllocatesNothing(t *testing.T) {
	r := newRecoder(&Formats{{0, "PCMU", 8000}}, &Formats{{9, "G722", 8000}})
	pkt := rtpPacket(0, 0, 0, 1, make([]byte, 160)...)
	if n := testing.AllocsPerRun(1000, func() {
		pkt[1] = 0
		if d := r.recode(pkt); d != relayed {
			t.Fatal(d)
		}
	}); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

func BenchmarkTranscode(b *testing.B) {
	r := newRecoder(&Formats{{0, "PCMU", 8000}}, &Formats{{9, "G722", 8000}})
	pkt := rtpPacket(0, 0, 0, 1, make([]byte, 160)...)
	for b.Loop() {
		pkt[1] = 0
		if d := r.recode(pkt); d != relayed {
			b.Fatal(d)
		}
	}
}

func FuzzRecode(f *testing.F) {
	corpus.Add(f)
	f.Add(rtpPacket(0, 1, 1, 1, make([]byte, 160)...))
	f.Add(rtpPacket(9, 1, 1, 1, make([]byte, 80)...))
	r := newRecoder(&Formats{{0, "PCMU", 8000}, {9, "G722", 8000}, {96, "opus", 48000}}, &Formats{{8, "PCMA", 8000}, {97, "opus", 48000}})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := len(b)
		b = append(b[:n:n], 0)[:n]
		if r.recode(b) == relayed {
			if h, ok := parseRTP(b); !ok || h.payloadType != 8 && h.payloadType != 97 {
				t.Errorf("%x", b)
			}
		}
	})
}
