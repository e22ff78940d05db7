package event

import (
	"time"

	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// Package is what can be watched under one Event name. It tells Server.Changed when the state of a resource has
// changed. Its methods are called from shards and must not block.
type Package interface {
	// Traits are asked for once.
	Traits() Traits
	// Authorize finds the resource that the Request-URI of a SUBSCRIBE names. A status other than 0 refuses: 404 when
	// there is no such thing, 403 when this account may not watch it. It is asked again at every refresh.
	Authorize(who *auth.Account, uri message.URI) (resource string, status int)
	// State is the whole state of the resource now, as a body of type w.Accept. It is false when there is no
	// such resource any more: the subscription ends.
	State(w *Watch) (body []byte, ok bool)
}

// Traits are what is fixed about a package.
type Traits struct {
	Name   string   // of the Event header, lower case
	Accept []string // body types, the usual one first
	// Pace is the least time between two NOTIFYs of one subscription; news meanwhile waits, and only the newest
	// state is sent. A SUBSCRIBE is answered by a NOTIFY at once in any case.
	Pace time.Duration
	// Expires is granted when the subscriber names no time [1 h]; MinExpires and MaxExpires bound it [1 min, 2 h].
	Expires, MinExpires, MaxExpires time.Duration
}

func (t Traits) withDefaults() Traits {
	def := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&t.MinExpires, time.Minute)
	def(&t.MaxExpires, 2*time.Hour)
	t.MaxExpires = max(t.MaxExpires, t.MinExpires)
	def(&t.Expires, min(time.Hour, t.MaxExpires))
	return t
}

// Watch is a subscription as its package sees it.
type Watch struct {
	Account  *auth.Account
	Resource string
	Accept   string // one of the package's types
	// Version counts the bodies of this subscription before this one, from 0.
	Version uint32
	// Memory is the package's own; it lives as long as the subscription.
	Memory any
}

// grant negotiates the duration of a subscription (RFC 6665 section 4.2.1.1). tooBrief asks for 423; below an hour only
// may one be refused for that.
func (t *Traits) grant(seconds int, named bool) (d time.Duration, tooBrief bool) {
	if !named {
		return t.Expires, false
	}
	d = time.Duration(seconds) * time.Second
	if d > 0 && d < t.MinExpires && d < time.Hour {
		return 0, true
	}
	return min(d, t.MaxExpires), false
}

// acceptable picks the body type for a SUBSCRIBE; it is false when the subscriber takes none of them.
func (t *Traits) acceptable(req *message.Message) (string, bool) {
	if !req.Has(message.HAccept) {
		return t.Accept[0], true
	}
	n := 0
	for v := range req.Values(message.HAccept) {
		if n++; n > maxAccept {
			break
		}
		for _, have := range t.Accept {
			if matches(v, have) {
				return have, true
			}
		}
	}
	return "", false
}

// maxAccept bounds the Accept values looked at.
const maxAccept = 32
