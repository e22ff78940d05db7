package b2bua

import (
	"context"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// UA is the call side of the stack: it takes INVITEs and makes calls of them. Its
// methods may be called from any goroutine.
type UA struct {
	cfg  Config
	live calls.LiveState
	// marker names this process in the loop marker header.
	marker string
	seed   maphash.Seed

	// reliableWherePossible makes provisional responses reliable also for callers that only support it.
	reliableWherePossible bool
	// protoOf is the protocol of a flow; tests, whose network has no TLS, say something else.
	protoOf func(*transport.Flow) transport.Proto

	stack    atomic.Pointer[sip.Stack]
	stopping atomic.Bool
	active   atomic.Int64 // calls that have not ended
	open     atomic.Int64 // calls that have not gone, see call.settle
	panics   atomic.Int64
	refused  atomic.Uint64 // calls of phones that call too often
	attempts attempts
	// mediaLogged is the second in which a lack of media was logged last.
	mediaLogged atomic.Int64
	sources     sources
	streams     streams
	clips       clips
	orders      chan struct{} // of function codes, those under way
}

// New checks the configuration and returns a UA that waits for Register.
func New(cfg Config) (*UA, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configuring calls: %w", err)
	}
	cfg.defaults()
	u := &UA{cfg: cfg, live: calls.LiveState{Live: cfg.Live, Registrations: cfg.Locator}}
	u.marker = strings.ToLower(ulid.MustNew(ulid.Now(), entropy{}).String()[10:])
	u.seed = maphash.MakeSeed()
	u.protoOf = (*transport.Flow).Proto
	u.streams.init()
	u.clips = newClips()
	u.orders = make(chan struct{}, maxOrders)
	u.sources.calls = make(map[netip.Addr]int)
	u.attempts = newAttempts(cfg.Limits.Attempts)
	return u, nil
}

// Register makes the stack hand over what belongs to calls. The stack's Config should list
// Methods in InDialog and Extensions in Supported.
func (u *UA) Register(s *sip.Stack) {
	u.stack.Store(s)
	s.HandleStateless(message.INVITE, u.screen)
	s.HandleInbound(message.INVITE, u.invite)
}

// Methods lists what we take inside of calls, for sip.Config.InDialog.
func Methods() []message.Method {
	return []message.Method{
		message.INVITE, message.ACK, message.CANCEL, message.BYE, message.OPTIONS, message.INFO, message.UPDATE,
		message.PRACK, message.REFER,
	}
}

// Extensions lists the option tags we support, for sip.Config.Supported.
func Extensions() []string { return []string{"timer", reliably, replaces, noReferSub, noSub} }

// Active counts the calls that ring or are up.
func (u *UA) Active() int { return int(u.active.Load()) }

// Open counts the calls of which anything is left: the active ones, and ended ones whose
// BYE or CANCEL is still under way.
func (u *UA) Open() int { return int(u.open.Load()) }

// Panics counts the faults of ours that ended a call.
func (u *UA) Panics() int { return int(u.panics.Load()) }

// Stop refuses new calls, ends all others with BYE, CANCEL or 487, and waits until
// every peer has answered or ctx has ended; then it returns ctx's error.
func (u *UA) Stop(ctx context.Context, cause string) error {
	u.stopping.Store(true)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		u.cfg.Table.HangupAll(cause)
		if u.Open() == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("ending all calls: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// sources counts calls by the address they come from.
type sources struct {
	mu    sync.Mutex
	calls map[netip.Addr]int
}

// add counts a call and is false when the limit is reached.
func (s *sources) add(a netip.Addr, limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[a] >= limit {
		return false
	}
	s.calls[a]++
	return true
}

func (s *sources) remove(a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[a]--; s.calls[a] <= 0 {
		delete(s.calls, a)
	}
}

// entropy feeds ULIDs. Record IDs need to be unique, not secret.
type entropy struct{}

func (entropy) Read(p []byte) (int, error) {
	for i := 0; i < len(p); {
		for v, n := rand.Uint64(), 0; n < 8 && i < len(p); n++ {
			p[i] = byte(v)
			v >>= 8
			i++
		}
	}
	return len(p), nil
}

func newID(now time.Time) string {
	id, err := ulid.New(ulid.Timestamp(now), entropy{})
	if err != nil { // a clock beyond the year 10889
		id = ulid.Make()
	}
	return id.String()
}

// caught counts and logs a fault of ours. It is called with what recover returned.
func (u *UA) caught(sh *sip.Shard, fault any, callID string) {
	u.panics.Add(1)
	sh.LogPanic("fault in a call", fault, "call_id", callID)
}

// allow lists what we take inside and outside of calls.
const allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER"

// busy refuses a request that comes at a bad moment and may come again.
func (u *UA) busy(tx *transaction.Server, status int) {
	u.respond(tx, status, "Retry-After", itoa(dialog.RetryAfter(rand.IntN)))
}

// respond builds and sends a final response without a body, unless there was one. extra
// are pairs of name and value.
func (u *UA) respond(tx *transaction.Server, status int, extra ...string) {
	req := tx.Request()
	if req == nil || tx.Answered() {
		return
	}
	tag := ""
	if req.ToTag() == "" {
		tag = tx.Tag()
	}
	b := message.NewResponse(req, status, "", tag)
	for i := 0; i+1 < len(extra); i += 2 {
		b.Add(extra[i], extra[i+1])
	}
	b.Add("Server", u.cfg.Software)
	_ = tx.Respond(status, b.Finish("", nil)) // a failure ends the transaction, which the peer repeats
}
