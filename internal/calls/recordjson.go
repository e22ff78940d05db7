package calls

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendJSON appends the record as JSON on one line, which means the same as what
// json.Marshal makes of it, at a tenth of the cost. Reasons must be valid JSON; it
// is taken as it is, because to read it again would cost more than all the rest.
func (r *Record) AppendJSON(b []byte) []byte {
	b = appendText(append(b, `{"id":`...), r.ID)
	b = appendTime(append(b, `,"start":`...), r.Start)
	b = optionalTime(b, `,"ring_at":`, r.RingAt)
	b = optionalTime(b, `,"answer_at":`, r.AnswerAt)
	b = optionalTime(b, `,"end":`, r.End)
	b = appendText(append(b, `,"class":`...), r.Class)
	b = appendText(append(b, `,"from":`...), r.From)
	b = optionalText(b, `,"from_name":`, r.FromName)
	b = optionalText(b, `,"from_user":`, r.FromUser)
	b = optionalText(b, `,"from_slot":`, r.FromSlot)
	if r.FromHidden {
		b = append(b, `,"from_hidden":true`...)
	}
	b = appendText(append(b, `,"to":`...), r.To)
	b = optionalText(b, `,"number":`, r.Number)
	b = optionalText(b, `,"to_user":`, r.ToUser)
	b = optionalText(b, `,"to_slot":`, r.ToSlot)
	b = appendText(append(b, `,"result":`...), string(r.Result))
	b = strconv.AppendInt(append(b, `,"status":`...), int64(r.Status), 10)
	b = optionalText(b, `,"asked_by":`, r.AskedBy)
	b = optionalText(b, `,"hangup_by":`, r.HangupBy)
	b = optionalText(b, `,"cause":`, r.Cause)
	b = optionalText(b, `,"sip_call_id":`, r.SIPCallID)
	b = appendReasons(b, r.Reasons)
	for i := range r.Forwards {
		b = append(b, forwardsBefore[min(i, 1)]...)
		b = r.Forwards[i].appendJSON(b)
	}
	if len(r.Forwards) > 0 {
		b = append(b, ']')
	}
	for i := range r.Legs {
		b = append(b, legsBefore[min(i, 1)]...)
		b = r.Legs[i].appendJSON(b)
	}
	if len(r.Legs) > 0 {
		b = append(b, ']')
	}
	b = r.MediaCaller.appendJSON(b, `,"media_caller":`)
	b = r.MediaCallee.appendJSON(b, `,"media_callee":`)
	b = optionalText(b, `,"media_note":`, r.MediaNote)
	return append(b, '}')
}

// legsBefore and forwardsBefore stand before the first of a list and before each of the others.
var (
	legsBefore     = [2]string{`,"legs":[`, `,`}
	forwardsBefore = [2]string{`,"forwards":[`, `,`}
)

func (f *Forward) appendJSON(b []byte) []byte {
	b = appendText(append(b, `{"from":`...), f.From)
	b = appendText(append(b, `,"to":`...), f.To)
	b = appendText(append(b, `,"why":`...), f.Why)
	return append(b, '}')
}

func (l *Leg) appendJSON(b []byte) []byte {
	b = appendText(append(b, `{"slot_id":`...), l.SlotID)
	b = optionalText(b, `,"number":`, l.Number)
	b = appendText(append(b, `,"contact":`...), l.Contact)
	b = appendTime(append(b, `,"start":`...), l.Start)
	b = optionalTime(b, `,"ring_at":`, l.RingAt)
	b = optionalTime(b, `,"end":`, l.End)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(l.Status), 10)
	b = appendText(append(b, `,"result":`...), l.Result)
	return append(b, '}')
}

func (m *Media) appendJSON(b []byte, key string) []byte {
	if m == nil {
		return b
	}
	b = append(append(b, key...), '{')
	if m.Codec != "" {
		b = append(appendText(append(b, `"codec":`...), m.Codec), ',')
	}
	b = strconv.AppendUint(append(b, `"packets":`...), m.Packets, 10)
	b = strconv.AppendUint(append(b, `,"bytes":`...), m.Bytes, 10)
	b = strconv.AppendInt(append(b, `,"lost":`...), m.Lost, 10)
	b = appendFloat(append(b, `,"jitter_ms":`...), m.JitterMS)
	b = strconv.AppendInt(append(b, `,"first_ms":`...), m.FirstMS, 10)
	b = optionalText(b, `,"source":`, m.Source)
	b = strconv.AppendUint(append(b, `,"dropped":`...), m.Dropped, 10)
	b = optionalFloat(b, `,"mos":`, m.MOS)
	b = optionalFloat(b, `,"round_trip_ms":`, m.RoundTripMS)
	if m.ReportedLost != 0 {
		b = strconv.AppendInt(append(b, `,"reported_lost":`...), m.ReportedLost, 10)
	}
	b = optionalFloat(b, `,"reported_jitter_ms":`, m.ReportedJitterMS)
	b = optionalFloat(b, `,"reported_mos":`, m.ReportedMOS)
	b = optionalText(b, `,"security":`, m.Security)
	b = optionalCount(b, `,"forged":`, m.Forged)
	b = optionalCount(b, `,"replayed":`, m.Replayed)
	return append(b, '}')
}

func optionalCount(b []byte, key string, n uint64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendUint(append(b, key...), n, 10)
}

func optionalFloat(b []byte, key string, f float64) []byte {
	if f == 0 {
		return b
	}
	return appendFloat(append(b, key...), f)
}

// appendFloat writes 0 for what JSON has no word for.
func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		f = 0
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

// appendReasons leaves reasons out that cannot stand on one line.
func appendReasons(b []byte, reasons json.RawMessage) []byte {
	if len(reasons) == 0 {
		return b
	}
	if bytes.IndexByte(reasons, '\n') >= 0 {
		var line bytes.Buffer
		if json.Compact(&line, reasons) != nil {
			return b
		}
		reasons = line.Bytes()
	}
	return append(append(b, `,"reasons":`...), reasons...)
}

func optionalTime(b []byte, key string, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return appendTime(append(b, key...), t)
}

// appendTime writes RFC 3339; a year that it cannot express becomes the zero time.
func appendTime(b []byte, t time.Time) []byte {
	if y := t.Year(); y < 0 || y > 9999 {
		t = time.Time{}
	}
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

func optionalText(b []byte, key, s string) []byte {
	if s == "" {
		return b
	}
	return appendText(append(b, key...), s)
}

// appendText writes a string as RFC 8259 section 7 wants it. Bytes that are no
// UTF-8 become U+FFFD, as with json.Marshal.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			i += size
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[from:i-1]...), `\ufffd`...)
				from = i
			}
			continue
		}
		i++
		switch {
		case c == '"' || c == '\\':
			b = append(append(b, s[from:i-1]...), '\\', c)
			from = i
		case c < ' ' || c == 0x7f:
			b = append(append(b, s[from:i-1]...), '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			from = i
		}
	}
	return append(append(b, s[from:]...), '"')
}
