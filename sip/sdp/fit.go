package sdp

import (
	"errors"
	"strings"
)

// ErrUnfit says that an answer does not belong to its offer.
var ErrUnfit = errors.New("answer does not match the offer")

// Fit makes an answer match the sections of its offer, which have to be the same in number and order (RFC 3264 section
// 6): sections that the answerer has left out at the end are refused, further ones are dropped. It returns the answer itself
// when there is nothing to do, and ErrUnfit when it has no section or one of another type.
func Fit(answer, offer *Session) (*Session, error) {
	have, want := len(answer.Media), len(offer.Media)
	if have == 0 && want > 0 {
		return nil, ErrUnfit
	}
	for i := range min(have, want) {
		if !strings.EqualFold(answer.Media[i].Type, offer.Media[i].Type) {
			return nil, ErrUnfit
		}
	}
	if have == want {
		return answer, nil
	}
	text := answer.text
	if have > want {
		text = text[:answer.lines[answer.Media[want].first].off]
	}
	b := append(make([]byte, 0, len(text)+64), text...)
	if len(b) > 0 && b[len(b)-1] != '\n' {
		b = append(b, "\r\n"...)
	}
	for i := have; i < want; i++ {
		m := &offer.Media[i]
		b = appendMedia(b, m.Type, 0, m.Proto, m.Formats)
	}
	return Parse(b)
}
