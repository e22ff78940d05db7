package media

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // prescribed by RFC 8489
	"crypto/subtle"
	"hash"
	"net/netip"
	"slices"
	"time"
)

// ICE says how the remote proves where its media comes from (RFC 8445). We are a lite
// agent: we answer checks and make none.
type ICE struct {
	// Ufrag and Password are ours, as announced to the remote; see NewICE.
	Ufrag, Password string
	// RemoteUfrag is the remote's.
	RemoteUfrag string
}

// NewICE makes credentials to be announced to a remote.
func NewICE() ICE { return ICE{Ufrag: rand.Text()[:8], Password: rand.Text()} }

// String hides the password.
func (i ICE) String() string { return i.Ufrag + ":" + i.RemoteUfrag + " ***" }

// GoString hides the password.
func (i ICE) GoString() string { return i.String() }

const (
	maxChecks = 100 // checks per second that are looked at
	maxPairs  = 8   // sources that have proved themselves
)

// agent answers the connectivity checks of one endpoint. Endpoint.mu guards it.
type agent struct {
	ice       ICE
	username  []byte // of the remote's checks: ours, then its own
	mac       hash.Hash
	valid     []netip.AddrPort // sources of authentic checks, at most maxPairs
	nominated netip.AddrPort
	second    time.Duration
	checks    int // in this second
	answer    [maxResponse]byte
}

func newAgent(i ICE) *agent {
	return &agent{ice: i, username: []byte(i.Ufrag + ":" + i.RemoteUfrag), mac: hmac.New(sha1.New, []byte(i.Password))}
}

// restart is the agent with new credentials. Media goes on where it went until a new pair is
// nominated (RFC 8445 section 9).
func (a *agent) restart(i ICE) *agent {
	n := newAgent(i)
	n.valid, n.nominated = a.valid, a.nominated
	return n
}

// target is where to send: the nominated source, else the first that has proved itself.
func (a *agent) target() netip.AddrPort {
	if !a.nominated.IsValid() && len(a.valid) > 0 {
		return a.valid[0]
	}
	return a.nominated
}

// admits reports whether media of src is the remote's.
func (a *agent) admits(src netip.AddrPort) bool { return slices.Contains(a.valid, src) }

// check takes a STUN message from src. It returns the response to send, nil for none, and
// whether the target has changed.
func (a *agent) check(b []byte, src netip.AddrPort, now time.Duration) (answer []byte, changed bool, drop Drop) {
	if now-a.second >= time.Second {
		a.second, a.checks = now, 0
	}
	if a.checks++; a.checks > maxChecks {
		return nil, false, DropRate
	}
	m, ok := parseBinding(b)
	switch {
	case !ok || m.kind != stunRequest && m.kind != stunIndication:
		return nil, false, DropMalformed
	case m.kind == stunIndication:
		return nil, false, relayed // keep-alive
	case subtle.ConstantTimeCompare(m.username, a.username) != 1 || !m.authentic(b, a.mac):
		return nil, false, DropAuth // without an answer: it would go to whoever is named as the source
	case m.unknowns > 0:
		r := m.respond(a.answer[:], stunError, a.mac)
		r.fault(unknownAttribute)
		var list [2 * maxUnknown]byte
		for i, u := range m.unknown[:m.unknowns] {
			list[2*i], list[2*i+1] = byte(u>>8), byte(u)
		}
		r.add(attrUnknown, list[:2*m.unknowns]...)
		return r.finish(), false, relayed
	case m.controlled:
		// A lite agent is always the controlled one (RFC 8445 section 6.1.1).
		r := m.respond(a.answer[:], stunError, a.mac)
		r.fault(roleConflict)
		return r.finish(), false, relayed
	}
	before := a.target()
	if !a.admits(src) {
		if len(a.valid) == maxPairs {
			a.forget()
		}
		a.valid = append(a.valid, src)
	}
	if m.useCandidate {
		a.nominated = src
	}
	r := m.respond(a.answer[:], stunSuccess, a.mac)
	r.mapped(src)
	return r.finish(), a.target() != before, relayed
}

// forget drops the oldest source that is not nominated.
func (a *agent) forget() {
	i := 0
	if a.valid[0] == a.nominated {
		i = 1
	}
	a.valid = slices.Delete(a.valid, i, i+1)
}
