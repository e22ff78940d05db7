package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrKeys is returned by SendDTMF, wrapped with the reason.
var ErrKeys = errors.New("media: keys cannot be sent")

const (
	maxKeys     = 64
	defaultKey  = 100 * time.Millisecond
	defaultGap  = 80 * time.Millisecond
	minKey      = 40 * time.Millisecond // shorter ones are not to be recognised (ITU-T Q.24)
	maxKey      = 5 * time.Second
	keyVolume   = 10 // -10 dBm0, RFC 4733 section 2.3.3
	keyEndings  = 3  // packets that say that the event has ended, section 2.5.1.4
	eventLength = 4
)

// keys are events to be sent to a remote (RFC 4733).
type keys struct {
	queue []press
	pause int // frames until the next one

	pressed bool
	code    byte
	gap     int // frames of pause behind it
	ts      uint32
	units   uint32 // so far
	total   uint32
	endings int
}

type press struct {
	code  byte
	units uint32
	gap   int
}

func (k *keys) any() bool { return k.pressed || len(k.queue) > 0 || k.pause > 0 }

// SendDTMF lets the remote hear keys (0-9 * # A-D, '!' for flash) as telephone
// events, each duration long (40 ms to 5 s, 0 means 100 ms) and followed by gap (0 means
// 80 ms). During a key nothing else is sent. The stream is anchored. It fails when
// the remote takes no events or too many keys wait.
func (e *Endpoint) SendDTMF(digits string, duration, gap time.Duration) error {
	if duration == 0 {
		duration = defaultKey
	}
	if gap <= 0 {
		gap = defaultGap
	}
	if duration < minKey || duration > maxKey || gap > maxKey {
		return fmt.Errorf("%w: a length of %s with a gap of %s", ErrKeys, duration, gap)
	}
	e.Anchor()
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return fmt.Errorf("%w: the endpoint is closed", ErrKeys)
	case !e.takesEvents():
		return fmt.Errorf("%w: the remote takes no telephone events", ErrKeys)
	case len(digits)+len(e.keys.queue) > maxKeys:
		return fmt.Errorf("%w: too many", ErrKeys)
	}
	presses := make([]press, 0, len(digits))
	for _, d := range strings.ToUpper(digits) {
		code := strings.IndexRune(dtmfDigits, d)
		if code < 0 {
			return fmt.Errorf("%w: %q is not a key", ErrKeys, d)
		}
		presses = append(presses, press{byte(code), units(duration, e.remote.ClockRate), int((gap + frame - 1) / frame)})
	}
	e.keys.queue = append(e.keys.queue, presses...)
	if len(presses) > 0 {
		e.stir()
	}
	return nil
}

func (e *Endpoint) takesEvents() bool {
	pt := e.remote.DTMFPayloadType
	return pt >= 96 && pt <= 127
}

// step sends one frame of a key and reports whether one is pressed. The caller holds e.mu.
func (k *keys) step(e *Endpoint, b []byte, now time.Duration) bool {
	if !k.pressed {
		if k.pause > 0 {
			k.pause--
			return false
		}
		if len(k.queue) == 0 {
			return false
		}
		p := k.queue[0]
		k.queue = k.queue[:copy(k.queue, k.queue[1:])]
		k.pressed, k.code, k.gap, k.total = true, p.code, p.gap, p.units
		k.ts, k.units, k.endings = e.stream.resume(now, e.remote.ClockRate), 0, 0
	}
	first := k.units == 0
	k.units = min(k.units+units(frame, e.remote.ClockRate), k.total)
	end := k.units == k.total
	if end {
		k.endings++
	}
	if e.ready(rtpSocket) == relayed && e.takesEvents() {
		e.stream.head(b, e.remote.DTMFPayloadType, first, k.ts, now)
		b = b[:12+eventLength]
		b[12], b[13] = k.code, keyVolume
		if end {
			b[13] |= 0x80
		}
		binary.BigEndian.PutUint16(b[14:], uint16(k.units))
		if e.emit(rtpSocket, b) == relayed {
			e.loop.made.Add(1)
		}
	}
	if k.endings == keyEndings {
		k.pressed, k.pause = false, k.gap
	}
	return true
}
