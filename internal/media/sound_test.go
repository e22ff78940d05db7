package media

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/media/mediatest"
)

func mustClip(t testing.TB, rate int, samples []int16) *Clip {
	t.Helper()
	c, err := NewClip(rate, samples)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// received is what a phone got as RTP.
type received struct {
	sentPacket
	payloadType int
	payload     []byte
}

func (f *phone) packet() received {
	f.t.Helper()
	_ = f.rtp.SetReadDeadline(time.Now().Add(5 * time.Second))
	b := f.read(f.rtp)
	h, ok := parseRTP(b)
	if !ok {
		f.t.Fatalf("%x is not RTP", b)
	}
	return received{seenAs(b), int(h.payloadType), h.payload}
}

// follows checks that a packet goes on where the one before ended. On a busy machine beats are missed: then the time jumps,
// with a marker.
func (r received) follows(t testing.TB, before received, marker bool) {
	t.Helper()
	late := r.marker && r.ts-before.ts > 160
	if r.seq != before.seq+1 || r.ssrc != before.ssrc || r.marker != marker && !late || int32(r.ts-before.ts) < 160 {
		t.Fatalf("%+v follows %+v", r.sentPacket, before.sentPacket)
	}
}

// TestSourcesBehindOneAnswer plays what a caller hears: a phone's early media, ringback in the
// format of the caller, early media again, the winner of the call, music, the winner.
func TestSourcesBehindOneAnswer(t *testing.T) {
	p := startPlane(t, nil)
	a, b, fa, fb := call(t, p)
	r := fa.remote()
	r.Formats = Formats{{96, "opus", 48000}, {8, "PCMA", 8000}}
	a.SetRemote(r)
	relay := func(from *phone, ep *Endpoint, seq uint16, ssrc uint32) received {
		from.send(from.rtp, ep.Local(), rtpPacket(8, seq, uint32(seq)*160, ssrc, byte(seq)))
		return fa.packet()
	}
	last := relay(fb, b, 65535, 7)
	if last.ssrc != 7 || last.seq != 65535 {
		t.Fatalf("touched: %+v", last)
	}
	heard := func(clip *Clip, hz float64) {
		t.Helper()
		a.Play(clip, PlayOptions{Loop: true})
		var pcm []int16
		for i := range 13 {
			got := fa.packet()
			got.follows(t, last, i == 0)
			if got.payloadType != 8 || len(got.payload) != 160 {
				t.Fatalf("payload type %d, %d bytes", got.payloadType, len(got.payload))
			}
			if i > 0 && got.ts != last.ts+160 && !got.marker {
				t.Fatalf("timestamp %d after %d", got.ts, last.ts)
			}
			last = got
			frame := make([]int16, 160)
			mediatest.PCMA.Decode(frame, got.payload)
			pcm = append(pcm, frame...)
		}
		if hz > 0 && mediatest.Purity(pcm, hz) < 0.95 {
			t.Errorf("purity at %v Hz is %v", hz, mediatest.Purity(pcm, hz))
		}
		a.Stop()
	}
	// after lets fb speak until what it says is heard again.
	after := func(seq uint16, ssrc uint32) {
		t.Helper()
		got := relay(fb, b, seq, ssrc)
		for got.payload[0] != byte(seq) || len(got.payload) != 1 { // a last frame of the sound
			got.follows(t, last, false)
			last, got = got, fa.packet()
		}
		got.follows(t, last, true)
		last = got
	}
	heard(NewTone(Ringback), 425)
	after(1, 7)
	got := relay(fb, b, 2, 7)
	got.follows(t, last, false)
	last = got
	heard(NewTone(Ringback), 425)
	after(30000, 99) // another phone has won
	heard(NewMusic(), 0)
	after(30001, 99)
	if got := p.Totals().Made; got < 39 || got > 60 {
		t.Errorf("%d packets made", got)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.player != nil {
		t.Error("something plays")
	}
}

// TestPlayReplaces: what the other side sends meanwhile is counted and not heard.
func TestPlayReplaces(t *testing.T) {
	p := startPlane(t, nil)
	a, b, fa, fb := call(t, p)
	r := fa.remote()
	r.Formats = Formats{{0, "PCMU", 0}}
	a.SetRemote(r)
	a.Play(NewTone(DialTone), PlayOptions{Loop: true})
	last := fa.packet()
	for seq := range uint16(5) {
		fb.send(fb.rtp, b.Local(), rtpPacket(0, seq, 0, 7, 1))
		got := fa.packet()
		got.follows(t, last, false)
		last = got
	}
	eventually(t, "the drops", func() bool { return a.Stats().Dropped[DropReplaced] == 5 })
	fa.send(fa.rtp, a.Local(), rtpPacket(0, 1, 0, 8, 1)) // the other way nothing changes
	if got := fb.packet(); got.ssrc == 0 || got.payload[0] != 1 {
		t.Errorf("%+v", got)
	}
	// On hold it runs unheard.
	r.Send = false
	a.SetRemote(r)
	sent := a.Stats().Sent
	eventually(t, "the clip to run on", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return !a.player.going
	})
	if now := a.Stats().Sent; now > sent+1 {
		t.Errorf("%d packets to a side on hold", now-sent)
	}
}

// TestPlayback lets a clip end, without a bridge and in each codec.
func TestPlayback(t *testing.T) {
	for _, tc := range []struct {
		name string
		rate int
		clip float64 // Hz
		pt   int
	}{
		{"PCMU", 8000, 440, 0}, {"PCMA", 16000, 440, 8}, {"G722", 8000, 440, 9}, {"G722", 16000, 5000, 9},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := startPlane(t, nil)
			ended := make(chan Event, 10)
			f := newPhone(t, localhost)
			e := mustOpen(t, p, Options{Notify: func(ev Event) { ended <- ev }})
			r := f.remote()
			r.Formats = Formats{{tc.pt, tc.name, 8000}}
			e.SetRemote(r)
			clip := mustClip(t, tc.rate, sine(tc.rate/4+tc.rate/100, tc.rate, tc.clip, 0.5)) // 260 ms
			e.Play(clip, PlayOptions{Gain: 0.5})
			c := newCoder(codecOf(&r.Formats[0]))
			var pcm []int16
			for range 13 {
				got := f.packet()
				frame := make([]int16, 160*c.kind.perByte())
				c.decode(frame, got.payload)
				pcm = append(pcm, frame...)
			}
			if ev := <-ended; ev.Kind != PlaybackEnded || ev.Clip != clip || ev.Endpoint != e {
				t.Errorf("%+v", ev)
			}
			want := sine(len(pcm), 8000*c.kind.perByte(), tc.clip, 0.25)
			best := 0.0
			for delay := range 60 { // of codec and resampler
				best = max(best, decibels(want[1000:1800], pcm[1000+delay:]))
			}
			if best < 20 {
				t.Errorf("%.1f dB", best)
			}
			if st := e.Stats(); st.Sent != 13 {
				t.Errorf("%d packets", st.Sent)
			}
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.sounding {
				t.Error("the beat goes on")
			}
		})
	}
}

// TestNoFormat has a remote that takes nothing that we speak, and ends the clip in time all the same.
func TestNoFormat(t *testing.T) {
	p := startPlane(t, nil)
	ended := make(chan Event, 10)
	f := newPhone(t, localhost)
	e := mustOpen(t, p, Options{Notify: func(ev Event) { ended <- ev }})
	r := f.remote()
	r.Formats = Formats{{18, "G729", 8000}, {9, "PCMU", 16000}, {200, "PCMU", 8000}}
	e.SetRemote(r)
	e.Play(mustClip(t, 8000, make([]int16, 400)), PlayOptions{})
	<-ended
	if st := e.Stats(); st.Sent != 0 {
		t.Errorf("%d packets", st.Sent)
	}
	e.Close()
	e.Play(NewTone(Busy), PlayOptions{})
	e.Stop()
}

func TestTones(t *testing.T) {
	for _, tc := range []struct {
		tone   Tone
		length time.Duration
		on     []time.Duration // begin and end of what is not silent, in turn
		hz     []float64
	}{
		{DialTone, time.Second, []time.Duration{0, 1000}, []float64{425}},
		{Ringback, 5 * time.Second, []time.Duration{0, 1000}, []float64{425}},
		{Busy, 960 * time.Millisecond, []time.Duration{0, 480}, []float64{425}},
		{Congestion, 480 * time.Millisecond, []time.Duration{0, 240}, []float64{425}},
		{Confirmation, 5 * time.Second, []time.Duration{0, 100, 200, 300, 400, 500}, []float64{425, 425, 425}},
		{Accepted, 1480 * time.Millisecond, []time.Duration{200, 700, 780, 1280}, []float64{600, 900}},
		{Refused, 2060 * time.Millisecond, []time.Duration{200, 700, 780, 1280, 1360, 1860}, []float64{900, 600, 400}},
		{Prompt, 800 * time.Millisecond, []time.Duration{200, 700}, []float64{600}},
		{Information, 1990 * time.Millisecond, []time.Duration{0, 330, 330, 660, 660, 990}, []float64{950, 1400, 1800}},
	} {
		c := NewTone(tc.tone)
		if c.Duration() != tc.length {
			t.Errorf("tone %d is %v long, want %v", tc.tone, c.Duration(), tc.length)
		}
		on := 0
		for i, hz := range tc.hz {
			piece := c.samples[tc.on[2*i]*8 : tc.on[2*i+1]*8]
			on += len(piece)
			if p := mediatest.Purity(piece, hz); p < 0.9 {
				t.Errorf("tone %d, piece %d: purity at %v Hz is %v", tc.tone, i, hz, p)
			}
			if peak := slices.Max(piece); peak < 3500 || peak > 3700 {
				t.Errorf("tone %d, piece %d: peak %d", tc.tone, i, peak)
			}
		}
		silent := 0
		for _, s := range c.samples {
			if s == 0 {
				silent++
			}
		}
		if silent < len(c.samples)-on {
			t.Errorf("tone %d: %d samples of silence, want %d", tc.tone, silent, len(c.samples)-on)
		}
	}
	// Where a loop begins again there is no click.
	for name, c := range map[string]*Clip{"music": NewMusic(), "dial tone": NewTone(DialTone)} {
		if d := int(c.samples[0]) - int(c.samples[len(c.samples)-1]); d > 1300 || d < -1300 {
			t.Errorf("%s: a step of %d", name, d)
		}
	}
	if m := NewMusic(); m.Duration() != 16*time.Second || slices.Max(m.samples) > 5200 || slices.Max(m.samples) < 4000 {
		t.Errorf("music: %v, peak %d", m.Duration(), slices.Max(m.samples))
	}
}

// TestSendDTMF checks the packets of two keys against RFC 4733, then what our own detector makes of them.
func TestSendDTMF(t *testing.T) {
	p := startPlane(t, nil)
	digits := make(chan Event, 10)
	a, b, fa, fb := call(t, p)
	fc := newPhone(t, localhost)
	c := mustOpen(t, p, Options{Notify: func(ev Event) {
		if ev.Kind == DTMF {
			digits <- ev
		}
	}})
	c.SetRemote(fc.remote())
	fb.send(fb.rtp, b.Local(), rtpPacket(8, 100, 5000, 7, 1))
	last := fa.packet()
	if err := a.SendDTMF("5#", 60*time.Millisecond, 40*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	starts := map[byte]uint32{}
	for i, want := range []struct {
		code     byte
		units    uint16
		end, new bool
	}{
		{5, 160, false, true},
		{5, 320, false, false},
		{5, 480, true, false},
		{5, 480, true, false},
		{5, 480, true, false},
		{11, 160, false, true},
		{11, 320, false, false},
		{11, 480, true, false},
		{11, 480, true, false},
		{11, 480, true, false},
	} {
		got := fa.packet()
		if want.new {
			starts[want.code] = got.ts
		}
		if got.payloadType != 101 || got.seq != last.seq+1 || got.ssrc != 7 || got.marker != want.new || got.ts != starts[want.code] ||
			got.payload[0] != want.code || got.payload[1]&0x80 != 0 != want.end || got.payload[1]&0x7f != 10 || binary.BigEndian.Uint16(got.payload[2:]) != want.units {
			t.Fatalf("packet %d: %+v, want %+v", i, got, want)
		}
		last = got
		fc.send(fc.rtp, c.Local(), rtpPacket(101, got.seq, got.ts, 9, got.payload...))
	}
	if starts[11]-starts[5] < 6*160 {
		t.Errorf("keys %d apart", starts[11]-starts[5])
	}
	for _, want := range "5#" {
		if d := <-digits; d.Digit != byte(want) || d.Duration != 60*time.Millisecond {
			t.Errorf("%c for %v, want %c", d.Digit, d.Duration, want)
		}
	}
	r := fa.remote()
	r.DTMFPayloadType = 0
	for name, err := range map[string]error{
		"not a key": a.SendDTMF("5x", 0, 0), "too short": a.SendDTMF("5", time.Millisecond, 0), "too long": a.SendDTMF("5", time.Minute, 0),
		"too many":  a.SendDTMF(string(make([]byte, 65)), 0, 0),
		"no events": func() error { a.SetRemote(r); return a.SendDTMF("5", 0, 0) }(),
		"closed":    func() error { a.Close(); return a.SendDTMF("5", 0, 0) }(),
	} {
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestSoundAllocatesNothing plays at an endpoint whose loop does not run.
func TestSoundAllocatesNothing(t *testing.T) {
	for _, f := range []Format{{8, "PCMA", 8000}, {9, "G722", 8000}} {
		p, err := New(Config{Address: localhost, PortMin: 61000, PortMax: 65000, Loops: 1})
		if err != nil {
			t.Fatal(err)
		}
		sink := newPhone(t, localhost)
		e := mustOpen(t, p, Options{})
		r := sink.remote()
		r.RTP = netip.AddrPortFrom(localhost, addrOf(sink.rtp).Port())
		r.Formats = Formats{f}
		e.SetRemote(r)
		e.Play(NewMusic(), PlayOptions{Loop: true, Gain: 0.7})
		l := p.loops[0]
		if n := testing.AllocsPerRun(1000, func() { e.sound(l.work[:], 1, false, p.now(), &l.out) }); n != 0 {
			t.Errorf("%s: %v allocations per packet", f.Name, n)
		}
		if s := e.Stats().Sent; s < 1000 {
			t.Errorf("%d sent", s)
		}
		e.Close()
		p.release()
	}
}

// TestDigits: a number is heard as beeps to be counted, ten for 0.
func TestDigits(t *testing.T) {
	for number, want := range map[string][]int{"416": {4, 1, 6}, "+4 0": {4, 10}, "": {}, "110220330440550660770880990": {1, 1, 10, 2, 2, 10, 3, 3, 10, 4, 4, 10, 5, 5, 10, 6, 6, 10, 7, 7}} {
		var got []int
		quiet, beeping := 8000, false
		for _, s := range NewDigits(number).samples {
			if s != 0 {
				switch {
				case quiet >= 4000:
					got, beeping = append(got, 1), true
				case quiet >= 400 && beeping:
					got[len(got)-1]++
				}
				quiet = 0
				continue
			}
			quiet++
		}
		if !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%q is heard as %v, want %v", number, got, want)
		}
	}
}
