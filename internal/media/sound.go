package media

import (
	"errors"
	"math"
	"slices"
	"time"
)

// ErrClip is returned, wrapped with the reason, for sound that cannot be played.
var ErrClip = errors.New("media: unusable sound")

// maxClip bounds a clip: an hour at 16 kHz.
const maxClip = 3600 * 16000

// Clip is sound to be played: one channel of linear samples. It never changes, so that
// any number of endpoints may play it at once.
type Clip struct {
	rate    int
	samples []int16
}

// NewClip makes a clip of samples at 8000 or 16000 Hz, which it copies.
func NewClip(rate int, samples []int16) (*Clip, error) {
	switch {
	case rate != 8000 && rate != 16000:
		return nil, errors.Join(ErrClip, errors.New("the rate is neither 8000 nor 16000 Hz"))
	case len(samples) == 0 || len(samples) > maxClip:
		return nil, errors.Join(ErrClip, errors.New("it is empty or longer than an hour"))
	}
	return &Clip{rate: rate, samples: slices.Clone(samples)}, nil
}

// Duration is how long the clip is.
func (c *Clip) Duration() time.Duration {
	return time.Duration(len(c.samples)) * time.Second / time.Duration(c.rate)
}

// PlayOptions say how a clip is played.
type PlayOptions struct {
	// Loop begins again when the end is reached, without a gap.
	Loop bool
	// Gain multiplies the samples, 0 to 16; 0 means 1.
	Gain float64
}

const maxGain = 16

// player plays one clip at one endpoint.
type player struct {
	clip *Clip
	loop bool
	gain int // in 1/4096
	pos  int // in the clip

	going  bool // the packet before was the player's
	ts     uint32
	format Format
	coder  coder
	fir    *resampler // where clip and codec differ in rate
	pcm    [frameSamples]int16
	other  [frameSamples]int16 // at the codec's rate
}

const (
	frameUnits   = 160 // timestamp units of a frame at 8000 Hz, and bytes of its payload
	frameSamples = 320 // samples of a frame at 16 kHz
)

// Play lets the remote hear a clip in place of what the other side of the bridge
// sends, until Stop, the next Play or, without Loop, its end, which is an event.
// From then on the stream is anchored. It is sent in the first format of Remote.Formats
// that we speak; where there is none, or the remote is not to be sent to, it runs unheard.
func (e *Endpoint) Play(c *Clip, o PlayOptions) {
	e.Anchor()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	gain := o.Gain
	if !(gain > 0) {
		gain = 1
	}
	e.player = &player{clip: c, loop: o.Loop, gain: int(4096 * math.Min(gain, maxGain))}
	e.stir()
}

// Stop ends what Play began; the other side of the bridge is heard again.
func (e *Endpoint) Stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.player = nil
}

// stir has the loop call sound from its next beat on. The caller holds e.mu.
func (e *Endpoint) stir() {
	if !e.sounding {
		e.sounding = true
		e.loop.stir(e)
	}
}

// busy reports whether what is made here replaces what the other side sends.
func (e *Endpoint) busy() bool { return e.player != nil || e.keys.pressed }

// sound makes what is to be sent in n frames, in b, and reports whether there is more to come. late
// says that time has been lost before.
func (e *Endpoint) sound(b []byte, n int, late bool, now time.Duration, out *outbox) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for range n {
		if e.closed {
			break
		}
		pressed := e.keys.step(e, b, now)
		p := e.player
		if p == nil {
			continue
		}
		if late || pressed {
			p.going = false
		}
		if !p.read() {
			out.add(Event{Kind: PlaybackEnded, Endpoint: e, Clip: p.clip})
			e.player = nil
			continue
		}
		if !pressed {
			e.speak(p, b, now)
		}
	}
	e.sounding = !e.closed && (e.player != nil || e.keys.any())
	return e.sounding
}

// speak sends the frame that the player has read.
func (e *Endpoint) speak(p *player, b []byte, now time.Duration) {
	if e.ready(rtpSocket) != relayed || !p.tune(&e.remote.Formats) {
		p.going = false
		return
	}
	fresh := !p.going
	if p.ts += frameUnits; fresh {
		p.ts, p.going = e.stream.resume(now, 8000), true
	}
	e.stream.head(b, p.format.PayloadType, fresh, p.ts, now)
	b = b[:12+frameUnits]
	p.encode(b[12:])
	if e.emit(rtpSocket, b) == relayed {
		e.loop.made.Add(1)
	}
}

// read takes the next frame out of the clip, and reports false at its end.
func (p *player) read() bool {
	if p.pos >= len(p.clip.samples) {
		return false
	}
	frame := p.pcm[:p.clip.rate/50]
	for n := 0; n < len(frame); {
		if p.pos >= len(p.clip.samples) {
			if !p.loop {
				clear(frame[n:])
				break
			}
			p.pos = 0
		}
		c := copy(frame[n:], p.clip.samples[p.pos:])
		n, p.pos = n+c, p.pos+c
	}
	if p.loop && p.pos >= len(p.clip.samples) {
		p.pos = 0
	}
	if p.gain != 4096 {
		for i, s := range frame {
			frame[i] = int16(saturate(int(s) * p.gain >> 12))
		}
	}
	return true
}

// tune chooses the format.
func (p *player) tune(formats *Formats) bool {
	for i := range formats {
		c := codecOf(&formats[i])
		if c == noCodec {
			continue
		}
		if c != p.coder.kind {
			p.coder, p.fir = newCoder(c), nil
			if c.perByte()*8000 != p.clip.rate {
				p.fir = &resampler{}
			}
		}
		p.format = formats[i]
		return true
	}
	return false
}

// encode writes the frame as a payload.
func (p *player) encode(dst []byte) {
	pcm := p.pcm[:p.clip.rate/50]
	if p.fir != nil {
		other := p.other[:frameUnits*p.coder.kind.perByte()]
		if len(other) > len(pcm) {
			p.fir.up(other, pcm)
		} else {
			p.fir.down(other, pcm)
		}
		pcm = other
	}
	p.coder.encode(dst, pcm)
}
