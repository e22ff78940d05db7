package event

import (
	"strconv"
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// maxHeader bounds Event and Subscription-State, in bytes.
const maxHeader = 256

// Name is the value of an Event header (RFC 6665 section 8.2.1): the package with its templates, and the id that tells
// several subscriptions of one dialog apart.
type Name struct {
	Package string // lower case
	ID      string
}

// ParseName reads an Event header. Parameters other than id are left to the package and not kept.
func ParseName(s string) (Name, bool) {
	if len(s) > maxHeader {
		return Name{}, false
	}
	kind, params, _ := strings.Cut(s, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if !isToken(kind) {
		return Name{}, false
	}
	id, _ := message.Param(params, "id")
	if id != "" && !isToken(id) {
		return Name{}, false
	}
	return Name{Package: strings.Clone(kind), ID: strings.Clone(id)}, true
}

// String writes the header's value.
func (n Name) String() string {
	if n.ID == "" {
		return n.Package
	}
	return n.Package + ";id=" + n.ID
}

// Reason says why a subscription ended (RFC 6665 section 4.2.2).
type Reason string

// Reasons.
const (
	Deactivated Reason = "deactivated" // subscribe again at once
	Probation   Reason = "probation"   // subscribe again later
	Rejected    Reason = "rejected"    // not allowed any more
	Timeout     Reason = "timeout"     // it was not refreshed, or was ended by the subscriber
	GiveUp      Reason = "giveup"      // no authorization in time
	NoResource  Reason = "noresource"  // there is nothing to be watched any more
	Invariant   Reason = "invariant"   // it will never change again
)

// Progress is the value of a Subscription-State header.
type Progress struct {
	State      string // "active", "pending" or "terminated", lower case; others are to be taken as active
	Reason     Reason
	Expires    int // seconds, -1 when absent
	RetryAfter int // seconds, -1 when absent
}

// Over reports whether the subscription has ended.
func (p Progress) Over() bool { return p.State == "terminated" }

// ParseProgress reads a Subscription-State header.
func ParseProgress(s string) (Progress, bool) {
	if len(s) > maxHeader {
		return Progress{}, false
	}
	kind, params, _ := strings.Cut(s, ";")
	p := Progress{State: strings.ToLower(strings.TrimSpace(kind)), Expires: -1, RetryAfter: -1}
	if !isToken(p.State) {
		return Progress{}, false
	}
	if v, ok := message.Param(params, "reason"); ok {
		p.Reason = Reason(strings.ToLower(v))
	}
	if v, ok := message.Param(params, "expires"); ok {
		p.Expires = message.ParseSeconds(v)
	}
	if v, ok := message.Param(params, "retry-after"); ok {
		p.RetryAfter = message.ParseSeconds(v)
	}
	return p, true
}

// String writes the header's value.
func (p Progress) String() string {
	b := append(make([]byte, 0, 64), p.State...)
	if p.Reason != "" {
		b = append(append(b, ";reason="...), p.Reason...)
	}
	if p.Expires >= 0 {
		b = strconv.AppendInt(append(b, ";expires="...), int64(p.Expires), 10)
	}
	if p.RetryAfter >= 0 {
		b = strconv.AppendInt(append(b, ";retry-after="...), int64(p.RetryAfter), 10)
	}
	return string(b)
}

// isToken reports whether s is a token of RFC 3261 section 25.1.
func isToken(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'z', strings.IndexByte("-.!%*_+`'~", c) >= 0:
		default:
			return false
		}
	}
	return true
}
