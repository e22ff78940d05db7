package media

import (
	"encoding/binary"
	"time"
)

// dtmfSilence ends an event whose end packets were all lost.
const dtmfSilence = 200 * time.Millisecond

// dtmfDigits maps the events 0 to 16 of RFC 4733 section 3.2; '!' is the hook flash.
const dtmfDigits = "0123456789*#ABCD!"

// dtmf follows the telephone events of one side (RFC 4733).
type dtmf struct {
	open      bool // an event runs and has not been reported
	known     bool // timestamp is that of an event seen
	code      uint8
	timestamp uint32
	units     uint32 // duration so far
	earlier   uint32 // duration of earlier segments of the same long event
	last      time.Duration
}

// digit is a finished event: its character and its duration in timestamp units.
type digit struct {
	char  byte
	units uint32
}

// packet takes one telephone-event payload and returns the digit that ended
// with it, if one did: by its end bit (sent three times, reported once), or
// because another event began.
func (d *dtmf) packet(h header, now time.Duration) (digit, bool) {
	if len(h.payload) < 4 || int(h.payload[0]) >= len(dtmfDigits) {
		return digit{}, false
	}
	code, end := h.payload[0], h.payload[1]&0x80 != 0
	units := uint32(binary.BigEndian.Uint16(h.payload[2:]))
	var out digit
	var done bool
	switch {
	case d.known && h.timestamp == d.timestamp:
		if !d.open || code != d.code {
			return digit{}, false // a repeated end
		}
	case d.known && int32(h.timestamp-d.timestamp) < 0:
		return digit{}, false // late
	case d.open && code == d.code && h.timestamp-d.timestamp == 0xffff:
		// The next segment of a long event, section 2.5.1.3.
		d.earlier += 0xffff
		d.timestamp, d.units = h.timestamp, 0
	default:
		out, done = d.finish()
		*d = dtmf{open: true, known: true, code: code, timestamp: h.timestamp}
	}
	d.last = now
	d.units = max(d.units, units)
	if end && !done {
		return d.finish()
	}
	return out, done
}

// expire ends an event of which nothing has come for a while.
func (d *dtmf) expire(now time.Duration) (digit, bool) {
	if !d.open || now-d.last < dtmfSilence {
		return digit{}, false
	}
	return d.finish()
}

func (d *dtmf) finish() (digit, bool) {
	if !d.open {
		return digit{}, false
	}
	d.open = false
	return digit{char: dtmfDigits[d.code], units: d.earlier + d.units}, true
}
