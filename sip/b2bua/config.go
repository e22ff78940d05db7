package b2bua

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/fault"
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Router decides who rings. It is asked from shards and must not block.
type Router interface {
	Decide(r routing.Request, live routing.Live) routing.Plan
}

// Locator knows where slots can be reached. It is asked from shards and must not block.
type Locator interface {
	Registered(slotID string) bool
	// Contacts appends the contacts registered for the slot to buf.
	Contacts(buf []Contact, slotID string) []Contact
}

// Contact is one place where a slot can be rung.
type Contact struct {
	URI  string          // as registered; the Request-URI
	Flow *transport.Flow // nil or closed: URI names where to send
	Path []string        // Route values to be sent (RFC 3327)
	// Instance names the device (+sip.instance), "" when it is not known.
	Instance string
	// Others are further flows to the same device, to be tried in turn (RFC 5626 section 7). SeveralFlows says that there
	// may be some, which is for who fills them in.
	Others       []Contact
	SeveralFlows bool
}

// Devices is what a Locator may be too: it knows the devices that GRUUs name (RFC 5627).
type Devices interface {
	// Device is the slot and the device of a GRUU of ours; false for any other URI.
	Device(uri message.URI) (slotID, instance string, ok bool)
}

// Authenticator says who sent a request; *auth.Digest is one. Both methods are called
// from readers and shards and must not block.
type Authenticator interface {
	Check(req *message.Message) (*auth.Account, auth.Verdict)
	Challenge(b *message.Builder, proxy, stale bool)
}

// Brake bounds the guessing of passwords; *registrar.Registrar is one, so that INVITE and
// REGISTER share a budget. Both methods are called from readers and shards and must not block.
type Brake interface {
	// Admit is false when the credentials of a request are not to be looked at.
	Admit(req *message.Message, from netip.Addr) bool
	// Judge counts a verdict.
	Judge(req *message.Message, from netip.Addr, v auth.Verdict)
}

// Recorder keeps call records. Both methods are called from shards and must not
// block.
type Recorder interface {
	Started(r calls.Record)
	Finished(r calls.Record)
}

// Media opens relay endpoints.
type Media interface {
	Open(o media.Options, near Endpoint) (Endpoint, error)
	Bridge(a, b Endpoint)
	// Place tells apart where Open would put endpoints of an interface for a remote.
	Place(iface string, remote netip.Addr) int
	// Fingerprint is the SHA-256 of the certificate that endpoints show in DTLS.
	Fingerprint() [32]byte
}

// Endpoint is one side of a relayed stream; *media.Endpoint is one.
type Endpoint interface {
	Local() netip.AddrPort
	SetRemote(media.Remote)
	Secure(media.Security) error
	Expect(bool)
	// Play lets the remote hear a clip in place of the other side, until Stop.
	Play(*media.Clip, media.PlayOptions)
	Stop()
	// Anchor makes what the remote hears one stream, whatever its sources.
	Anchor()
	Stats() media.Stats
	Close()
}

// Limits bound the calls. Zero means the default.
type Limits struct {
	Total     int // calls at once, default 10000
	PerSlot   int // calls at once in which one slot takes part when it calls, default 8
	PerSource int // calls at once from one address, default 1000
	Contacts  int // contacts rung for one call, default 32
	Attempts  int // calls per second of one slot, five times as many at once, default 10
}

// Config is what a UA needs. Router, Locator, Auth, Live, Table and Recorder must be set.
type Config struct {
	Router   Router
	Locator  Locator
	Auth     Authenticator
	Brake    Brake   // nil: none
	Outside  Outside // nil: no number outside can be rung
	Trunks   Trunks  // nil: nobody calls from outside
	Live     *calls.Live
	Table    *calls.Table
	Bus      *calls.Bus // nil: no events
	Recorder Recorder
	Media    Media    // nil: SDP is passed through and media flows between the phones
	Commands Commands // carries out function codes; nil: those that change something fail
	PINs     PINs     // checks PINs; nil: numbers that need one cannot be called
	// SRTP says whether media is protected; empty means ProtectAuto.
	SRTP Protection
	// Interfaces says that there is more than one address for media, so that it matters where a phone is.
	Interfaces bool
	// FlowTo finds a way to a contact whose flow is gone (sip.Stack.FlowTo).
	FlowTo func(transport.Target) (*transport.Flow, error)
	// Connect opens a connection to a target, for requests too large for UDP (sip.Stack.Connect). done is called within the
	// given time, from any goroutine, unless there is an error at once. Nil: they stay on UDP.
	Connect func(t transport.Target, within time.Duration, done func(*transport.Flow, error)) error
	// Resolver finds the targets of contacts, routes and remote targets that name a host. Nil: only
	// those that name an address are reached.
	Resolver Resolver
	// FailoverAfter is how long a target may say nothing when there is another to be tried, default 4 s.
	FailoverAfter time.Duration
	// SlotNumber is a number that rings a slot, "" for none: a call to one of its devices (by GRUU) is routed like one to
	// that number. Nil: there are no such calls.
	SlotNumber func(slotID string) string
	// MayTransfer says whether a slot may transfer a call to a number; that it may call it is asked in any case. It is called
	// from shards and must not block. Nil: every slot may.
	MayTransfer func(slotID, number string) bool
	// SlotName names a slot for people, as in "iris.immsee desk". It is called from shards, and
	// only where audio went wrong. Nil: the ID stands for it.
	SlotName func(slotID string) string
	// Domain is the host part of the identities we show.
	Domain string
	Limits Limits
	// RingTimeout ends ringing when the plan says nothing, default 60 s.
	RingTimeout time.Duration
	// MediaTimeout ends a call when nothing is heard for so long from a side that is
	// not on hold; default 120 s, negative means never.
	MediaTimeout time.Duration
	Timers       dialog.Timers
	Software     string // Server and User-Agent
	Log          *slog.Logger
	// Faults counts faults of the program outside of the shards; nil means a new one.
	Faults *fault.Log
}

// Validate reports every fault with its field.
func (c *Config) Validate() error {
	var errs []error
	for _, f := range []struct {
		missing bool
		name    string
	}{
		{c.Router == nil, "Router"},
		{c.Locator == nil, "Locator"},
		{c.Auth == nil, "Auth"},
		{c.Live == nil, "Live"},
		{c.Table == nil, "Table"},
		{c.Recorder == nil, "Recorder"},
		{c.FlowTo == nil, "FlowTo"},
		{c.Domain == "", "Domain"},
	} {
		if f.missing {
			errs = append(errs, errors.New(f.name+": missing"))
		}
	}
	if !c.SRTP.valid() {
		errs = append(errs, fmt.Errorf("SRTP: %q is none of auto, off, required", c.SRTP))
	}
	return errors.Join(errs...)
}

func (c *Config) defaults() {
	positive(&c.Limits.Total, 10000)
	positive(&c.Limits.PerSlot, 8)
	positive(&c.Limits.PerSource, 1000)
	positive(&c.Limits.Contacts, 32)
	positive(&c.Limits.Attempts, 10)
	positive(&c.RingTimeout, time.Minute)
	positive(&c.FailoverAfter, 4*time.Second)
	if c.MediaTimeout == 0 {
		c.MediaTimeout = 2 * time.Minute
	}
	c.MediaTimeout = max(c.MediaTimeout, 0)
	c.Timers = c.Timers.WithDefaults()
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Faults == nil {
		c.Faults = fault.New(c.Log)
	}
	if c.Bus == nil {
		c.Bus = &calls.Bus{}
	}
	if c.SlotName == nil {
		c.SlotName = func(id string) string { return "slot " + id }
	}
	if c.Software == "" {
		c.Software = "Koppelfeld"
	}
}

func positive[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
