package dialog

import (
	"strconv"
	"strings"
	"time"
)

// Role names who refreshes a session, as written in the refresher parameter. It
// refers to the request that carried the negotiation, not to the call.
type Role uint8

// Roles.
const (
	NoRole Role = iota // no parameter
	UAC
	UAS
)

// String is the parameter's value.
func (r Role) String() string {
	switch r {
	case UAC:
		return "uac"
	case UAS:
		return "uas"
	}
	return ""
}

// MinInterval is the least session interval RFC 4028 allows, in seconds.
const MinInterval = 90

// maxInterval bounds what is believed, in seconds.
const maxInterval = 1 << 20

// SessionExpires is a Session-Expires value (RFC 4028 section 4). The zero value
// stands for none.
type SessionExpires struct {
	Seconds   int
	Refresher Role
}

// ParseSessionExpires reads a Session-Expires value. It reports false for what is
// none; such a header is to be treated as absent.
func ParseSessionExpires(s string) (SessionExpires, bool) {
	head, params, _ := strings.Cut(s, ";")
	n, ok := deltaSeconds(head)
	if !ok {
		return SessionExpires{}, false
	}
	se := SessionExpires{Seconds: n}
	for params != "" {
		var p string
		p, params, _ = strings.Cut(params, ";")
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "refresher") {
			continue
		}
		switch value = strings.TrimSpace(value); {
		case strings.EqualFold(value, "uac"):
			se.Refresher = UAC
		case strings.EqualFold(value, "uas"):
			se.Refresher = UAS
		}
	}
	return se, true
}

// ParseMinSE reads a Min-SE value; what is none counts as MinInterval.
func ParseMinSE(s string) int {
	head, _, _ := strings.Cut(s, ";")
	n, ok := deltaSeconds(head)
	if !ok {
		return MinInterval
	}
	return max(n, MinInterval)
}

func deltaSeconds(s string) (int, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 10 {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 {
		return 0, false
	}
	return int(min(n, maxInterval)), true
}

// String is the header value.
func (se SessionExpires) String() string {
	s := strconv.Itoa(se.Seconds)
	if se.Refresher != NoRole {
		s += ";refresher=" + se.Refresher.String()
	}
	return s
}

// Timers is our policy for session timers, in seconds. Zero fields mean 1800 and 90.
type Timers struct {
	Interval int // what we ask for
	Min      int // what we accept at least
}

// DefaultInterval is the session interval RFC 4028 recommends, in seconds.
const DefaultInterval = 1800

// WithDefaults fills in what is zero or below what the RFC allows.
func (t Timers) WithDefaults() Timers {
	t.Min = max(t.Min, MinInterval)
	if t.Interval <= 0 {
		t.Interval = DefaultInterval
	}
	t.Interval = max(t.Interval, t.Min)
	return t
}

// Session is a negotiated session timer. The zero value means that none runs.
type Session struct {
	Interval time.Duration
	// Ours says that we refresh.
	Ours bool
}

// RefreshAfter is when we are to refresh: half the interval (RFC 4028 section 7.2).
func (s Session) RefreshAfter() time.Duration { return s.Interval / 2 }

// ExpireAfter is when a session that the peer did not refresh is to be ended: the
// smaller of 32 s and a third before the interval is over (RFC 4028 section 10).
func (s Session) ExpireAfter() time.Duration {
	return s.Interval - min(32*time.Second, s.Interval/3)
}

// Answer negotiates as UAS (RFC 4028 section 9). offered is the request's
// Session-Expires, minSE its Min-SE or 0, supported whether the peer listed timer in
// Supported. tooSmall asks for a 422 with Min-SE of t.Min; otherwise se is what the
// 2xx is to carry, with Require: timer when require is set.
func (t Timers) Answer(offered SessionExpires, minSE int, supported bool) (se SessionExpires, s Session, require, tooSmall bool) {
	t = t.WithDefaults()
	if offered.Seconds != 0 && offered.Seconds < t.Min {
		if supported {
			return SessionExpires{}, Session{}, false, true
		}
		offered.Seconds = 0 // a proxy's wish; the peer could not follow a 422
	}
	se.Seconds = max(t.Interval, minSE)
	if offered.Seconds != 0 {
		// We may shorten what was asked for, never lengthen it.
		se.Seconds = max(min(offered.Seconds, t.Interval), minSE, t.Min)
	}
	se.Refresher = UAS
	if supported && offered.Refresher == UAC {
		se.Refresher = UAC
	}
	s = Session{Interval: seconds(se.Seconds), Ours: se.Refresher == UAS}
	return se, s, se.Refresher == UAC, false
}

// Accept reads the peer's 2xx to a request of ours that offered `offered` (RFC 4028
// section 7.2). accepted is its Session-Expires or the zero value: a peer that does
// not know timers still is refreshed by us.
func (t Timers) Accept(offered, accepted SessionExpires) Session {
	if accepted.Seconds == 0 {
		return Session{Interval: seconds(offered.Seconds), Ours: true}
	}
	// A peer may only shorten; what is absurdly short would make us flood it.
	n := max(min(accepted.Seconds, max(offered.Seconds, MinInterval)), MinInterval)
	return Session{Interval: seconds(n), Ours: accepted.Refresher != UAS}
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
