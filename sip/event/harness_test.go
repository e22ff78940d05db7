package event

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

const (
	domain   = "test.example"
	password = "secret"
)

var server = netip.MustParseAddrPort("10.0.0.1:5060")

// weather is a package to test with: its resources have a text as state.
type weather struct {
	mu     sync.Mutex
	now    map[string]string
	banned map[string]bool // accounts
	panics bool
}

func (w *weather) Traits() Traits {
	return Traits{Name: "weather", Accept: []string{"text/plain", "text/weather"}, Pace: time.Second}
}

func (w *weather) Authorize(who *auth.Account, uri message.URI) (string, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch _, ok := w.now[uri.User]; {
	case w.banned[who.SlotID]:
		return "", 403
	case !ok:
		return "", 404
	}
	return uri.User, 0
}

func (w *weather) State(watch *Watch) ([]byte, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.panics {
		panic("weather fault")
	}
	s, ok := w.now[watch.Resource]
	return fmt.Appendf(nil, "%d %s", watch.Version, s), ok
}

// accounts has one account for each phone, named like it; "ghost" has no slot.
type accounts struct{}

func (accounts) Account(username string) *auth.Account {
	name := strings.Clone(username)
	a := &auth.Account{SlotID: name, UserID: "u-" + name, Username: name}
	if name == "ghost" {
		a.SlotID = ""
	}
	a.HA1MD5, a.HA1SHA256 = auth.HA1(name, domain, password)
	return a
}

// rig is a stack with a notifier and phones around it, in virtual time.
type rig struct {
	t     *testing.T
	net   *siptest.Network
	stack *sip.Stack
	s     *Server
	*weather
	phones int
	stop   func()
}

// run builds a rig in a bubble, runs fn, and checks that nothing is left behind.
func run(t *testing.T, change func(*Config), fn func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, change)
		fn(t, r)
		time.Sleep(3 * time.Hour) // virtual: every subscription has run out
		synctest.Wait()
		r.clean()
		r.stop()
	})
}

func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, net: siptest.NewNetwork(t, 1), weather: &weather{now: map[string]string{"fulda": "sun"}, banned: map[string]bool{}}}
	var err error
	r.stack, err = sip.New(sip.Config{
		Transport: transport.Config{Network: r.net.Host(server.Addr()), Listen: []string{"udp://10.0.0.1:5060", "tcp://10.0.0.1:5060"}},
		Shards:    2,
	})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := auth.New(auth.Config{Realm: domain, Accounts: accounts{}, Key: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Auth: digest, Software: "test"}
	if change != nil {
		change(&cfg)
	}
	if r.s, err = New(cfg, r.weather); err != nil {
		t.Fatal(err)
	}
	r.s.Register(r.stack)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.stack.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stack: %v", err)
		}
	})
	t.Cleanup(r.stop)
	synctest.Wait()
	return r
}

// set changes the weather and tells of it.
func (r *rig) set(where, what string) {
	r.mu.Lock()
	r.now[where] = what
	if what == "" {
		delete(r.now, where)
	}
	r.mu.Unlock()
	r.s.Changed("weather", where)
}

func (r *rig) phone(name string, change ...func(*siptest.PhoneConfig)) *siptest.Phone {
	r.t.Helper()
	r.phones++
	cfg := siptest.PhoneConfig{
		Name: name, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(r.phones)}), 5060),
		Server: server, User: name, Password: password, Domain: domain,
	}
	for _, c := range change {
		c(&cfg)
	}
	return r.net.NewPhone(r.t, cfg)
}

func tcp(c *siptest.PhoneConfig) { c.Proto = transport.TCP }

// watch subscribes and answers the first NOTIFY.
func (r *rig) watch(p *siptest.Phone) *siptest.Call {
	r.t.Helper()
	sub := p.Subscribe("fulda", "weather", 600)
	sub.Expect(r.t, 200)
	expectNotify(r.t, sub, "active", "")
	return sub
}

// expectNotify waits for a NOTIFY, answers it and checks state and body.
func expectNotify(t *testing.T, sub *siptest.Call, state, body string) *siptest.Request {
	t.Helper()
	n := sub.ExpectRequest(t, message.NOTIFY)
	n.OK()
	got := n.Header(message.HSubscriptionState)
	if !strings.HasPrefix(got, state) || body != "" && string(n.Body()) != body {
		t.Errorf("NOTIFY %q %q, want %q %q", got, n.Body(), state, body)
	}
	return n
}

// clean checks that nothing is left of any subscription.
func (r *rig) clean() {
	r.t.Helper()
	w := &r.s.watchers
	if n := w.total.Load(); n != 0 || len(w.accounts) != 0 || len(w.flows) != 0 || len(w.all()) != 0 {
		r.t.Errorf("%d subscriptions left, accounts %v, %d flows, %d watched", n, w.accounts, len(w.flows), len(w.all()))
	}
	for i := range w.stripes {
		if len(w.stripes[i].subs) != 0 {
			r.t.Errorf("stripe %d: %v", i, w.stripes[i].subs)
		}
	}
	if n := r.s.Stats().Active["weather"]; n != 0 {
		r.t.Errorf("%d active", n)
	}
	for i, sh := range r.stack.Shards() {
		done := make(chan struct{})
		sh.Post(func() { close(done) })
		<-done
		synctest.Wait()
		if sh.Transactions() != 0 || sh.Dialogs() != 0 || sh.Timers() != 0 {
			r.t.Errorf("shard %d: %d transactions, %d dialogs, %d timers left", i, sh.Transactions(), sh.Dialogs(), sh.Timers())
		}
	}
}
