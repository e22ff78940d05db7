package b2bua

import (
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// replaced names a dialog as the header Replaces (RFC 3891 section 6.1) or Join (RFC 3911 section 7.1) does, from the point of
// view of the one who is to act on it: toTag is that of our side.
type replaced struct {
	callID, toTag, fromTag string
	earlyOnly              bool
}

// Bounds of what a REFER and an INVITE may name, in bytes.
const (
	maxReferTo  = 2048
	maxReplaces = 512
)

// parseReplaces reads a Replaces or Join header. Everything kept is copied.
func parseReplaces(s string) (r replaced, ok bool) {
	if len(s) > maxReplaces {
		return replaced{}, false
	}
	id, params, _ := strings.Cut(s, ";")
	r.callID = strings.TrimSpace(id)
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		var to *string
		switch {
		case strings.EqualFold(name, "to-tag"):
			to = &r.toTag
		case strings.EqualFold(name, "from-tag"):
			to = &r.fromTag
		case strings.EqualFold(name, "early-only"):
			r.earlyOnly = true
			continue
		default:
			continue
		}
		if *to != "" || value == "" {
			return replaced{}, false
		}
		*to = strings.Clone(value)
	}
	if !isWord(r.callID) || !isWord(r.toTag) || !isWord(r.fromTag) {
		return replaced{}, false
	}
	r.callID = strings.Clone(r.callID)
	return r, true
}

// isWord reports whether s may stand in a header as it is: visible ASCII without separators of parameters and lists.
func isWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == ';' || c == ',' {
			return false
		}
	}
	return s != ""
}

// referTo is where a REFER points.
type referTo struct {
	number   string    // as dialled
	secure   bool      // it is a sips URI
	replaces *replaced // nil for a blind transfer
}

// parseReferTo reads the target of a REFER (RFC 3515 section 2.1). status is not 0 when it is to be refused with it.
// Of the headers that the URI may hold only Replaces means anything to us.
func parseReferTo(req *message.Message) (t referTo, status int) {
	var value string
	n := 0
	for v := range req.Values(message.HReferTo) {
		value = v
		n++
	}
	if n != 1 || len(value) > maxReferTo {
		return t, 400
	}
	a, err := message.ParseAddr(value)
	if err != nil {
		return t, 400
	}
	u, err := message.ParseURI(a.URI)
	if err != nil {
		return t, 400
	}
	switch u.Scheme {
	case "sip", "sips", "tel":
	default:
		return t, 416
	}
	if m, ok := u.Param("method"); ok && !strings.EqualFold(m, string(message.INVITE)) {
		return t, 603 // calls are all that we make for others
	}
	t.secure = u.Scheme == "sips"
	if t.number = printable(userOf(u)); t.number == "" {
		return t, 400
	}
	for h := range strings.SplitSeq(u.Headers, "&") {
		name, value, _ := strings.Cut(h, "=")
		if !strings.EqualFold(message.Unescape(name), "Replaces") {
			continue
		}
		r, ok := parseReplaces(message.Unescape(value))
		if !ok || t.replaces != nil {
			return t, 400
		}
		t.replaces = &r
	}
	return t, 0
}
