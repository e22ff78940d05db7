package b2bua

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

const (
	domain   = "test.example"
	password = "secret"
)

var server = netip.MustParseAddrPort("10.0.0.1:5060")

// rig is a stack with calls on it and phones around it, in virtual time.
type rig struct {
	t     *testing.T
	net   *siptest.Network
	stack *sip.Stack
	ua    *UA
	live  *calls.Live
	table *calls.Table
	bus   *calls.Bus
	rec   *recorder
	auth  *countingAuth
	media *fakeMedia
	loc   *locator
	router
	phones map[string]*siptest.Phone
	offer  []byte   // what the callee of the last connect was offered
	flows  sync.Map // of the phones, by address
	stop   func()
}

// router is a small plan maker: number to slots.
type router struct {
	mu      sync.Mutex
	numbers map[string][]string // number to slots
	busy    map[string]bool     // numbers that are busy while a call runs over them
	panics  bool
	timeout time.Duration
	change  func(*routing.Plan)
	ask     func(routing.Request)
}

func (r *router) Decide(q routing.Request, live routing.Live) routing.Plan {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.panics {
		panic("router fault")
	}
	if r.ask != nil {
		r.ask(q)
	}
	p := routing.Plan{
		Outcome: routing.Ring, Number: q.Called, OwnerType: "user", OwnerID: "u-" + q.Called,
		Shown: routing.Identity{Number: q.Caller.SlotID, Name: "Caller " + q.Caller.SlotID}, CallerNumber: q.Caller.SlotID,
		ShownCalled: routing.Identity{Number: q.Called, Name: "Called " + q.Called}, RingTimeout: r.timeout,
	}
	slots, ok := r.numbers[q.Called]
	switch {
	case !ok:
		p.Outcome = routing.NoSuchNumber
		return p
	case r.busy[q.Called] && live.NumberCalls(q.Called) > 0:
		p.Outcome = routing.Busy
		return p
	}
	for _, s := range slots {
		p.Targets = append(p.Targets, routing.Target{SlotID: s, UserID: "u-" + s, Type: "desk", Number: q.Called, Alert: "Bellcore-dr2"})
	}
	if r.change != nil {
		r.change(&p)
	}
	return p
}

// locator knows the phones.
type locator struct {
	mu       sync.Mutex
	contacts map[string][]Contact
}

func (l *locator) Registered(slot string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.contacts[slot]) > 0
}

func (l *locator) Contacts(buf []Contact, slot string) []Contact {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(buf, l.contacts[slot]...)
}

// recorder keeps what it is given.
type recorder struct {
	mu       sync.Mutex
	started  []calls.Record
	finished []calls.Record
}

func (r *recorder) Started(c calls.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.started = append(r.started, c)
}

func (r *recorder) Finished(c calls.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finished = append(r.finished, c)
}

func (r *recorder) all() []calls.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]calls.Record(nil), r.finished...)
}

// fakeMedia notes what the call wants of the media plane.
type fakeMedia struct {
	mu     sync.Mutex
	port   uint16
	open   map[*fakeEndpoint]bool
	bridge map[*fakeEndpoint]*fakeEndpoint
	full   bool
	opened int          // so far
	most   int          // that may be opened, 0: as many as you like
	places []netip.Addr // where there is more than one
}

type fakeEndpoint struct {
	m      *fakeMedia
	local  netip.AddrPort
	notify func(media.Event)
	remote media.Remote
	secure media.Security
	expect bool
	stats  media.Stats

	plays    *media.Clip
	played   []*media.Clip
	anchored bool
}

func (m *fakeMedia) Open(o media.Options, _ Endpoint) (Endpoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full || m.most > 0 && m.opened >= m.most {
		return nil, media.ErrNoPorts
	}
	m.port += 2
	addr := netip.MustParseAddr("10.0.0.9")
	if len(m.places) > 0 {
		addr = m.places[m.place(o.Interface, o.Remote)]
	}
	e := &fakeEndpoint{m: m, local: netip.AddrPortFrom(addr, 20000+m.port%10000), notify: o.Notify}
	m.opened++
	m.open[e] = true
	return e, nil
}

// place of a remote: by the interface's name, and by the family.
func (m *fakeMedia) place(iface string, remote netip.Addr) int {
	switch {
	case remote.Is6():
		return 2
	case iface != "":
		return 1
	}
	return 0
}

func (m *fakeMedia) Place(iface string, remote netip.Addr) int { return m.place(iface, remote) }

func (m *fakeMedia) Fingerprint() (sum [32]byte) {
	sum[0] = 0xf1
	return sum
}

func (m *fakeMedia) Bridge(a, b Endpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bridge[a.(*fakeEndpoint)] = b.(*fakeEndpoint) // a is the caller's
}

// at finds the endpoint of a port in a description of ours.
func (m *fakeMedia) at(t *testing.T, body []byte) *fakeEndpoint {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for e := range m.open {
		if strings.Contains(string(body), "m=audio "+itoa(int(e.local.Port()))+" ") {
			return e
		}
	}
	t.Fatalf("no endpoint for\n%s", body)
	return nil
}

func (e *fakeEndpoint) Local() netip.AddrPort { return e.local }
func (e *fakeEndpoint) SetRemote(r media.Remote) {
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	e.remote = r
}

func (e *fakeEndpoint) Secure(s media.Security) error {
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	e.secure = s
	return nil
}

func (e *fakeEndpoint) Expect(on bool) {
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	e.expect = on
}

func (e *fakeEndpoint) state() (media.Remote, bool) {
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	return e.remote, e.expect
}

func (e *fakeEndpoint) Play(c *media.Clip, _ media.PlayOptions) {
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	e.plays, e.played = c, append(e.played, c)
}

func (e *fakeEndpoint) Stop() {
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	e.plays = nil
}

func (e *fakeEndpoint) Anchor() {
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	e.anchored = true
}

func (e *fakeEndpoint) Stats() media.Stats {
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	return e.stats
}

func (e *fakeEndpoint) Close() {
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	delete(e.m.open, e)
	delete(e.m.bridge, e)
}

// accounts has one account for each phone; slot and user are named like it.
type accounts struct{}

func (accounts) Account(username string) *auth.Account {
	name := strings.Clone(username)
	a := &auth.Account{SlotID: name, UserID: "u-" + strings.TrimSuffix(name, "2"), Username: name}
	a.HA1MD5, a.HA1SHA256 = auth.HA1(name, domain, password)
	return a
}

// countingAuth counts who got in.
type countingAuth struct {
	*auth.Digest
	ok atomic.Int64
}

func (a *countingAuth) Check(req *message.Message) (*auth.Account, auth.Verdict) {
	account, verdict := a.Digest.Check(req)
	if verdict == auth.OK {
		a.ok.Add(1)
	}
	return account, verdict
}

// run builds a rig in a bubble, runs fn, and checks that nothing is left behind.
func run(t *testing.T, change func(*Config), fn func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, change)
		fn(t, r)
		r.finish()
	})
}

func newRig(t *testing.T, seed uint64, change func(*Config)) *rig {
	t.Helper()
	return newRigOn(t, seed, []netip.Addr{server.Addr()}, transport.Config{Listen: []string{"udp://10.0.0.1:5060", "tcp://10.0.0.1:5060"}}, change)
}

// newRigOn is newRig for a host with these addresses.
func newRigOn(t *testing.T, seed uint64, host []netip.Addr, tc transport.Config, change func(*Config)) *rig {
	t.Helper()
	r := &rig{
		t: t, net: siptest.NewNetwork(t, seed), live: calls.NewLive(), table: calls.NewTable(), bus: &calls.Bus{},
		rec: &recorder{}, loc: &locator{contacts: map[string][]Contact{}}, phones: map[string]*siptest.Phone{},
		media: &fakeMedia{open: map[*fakeEndpoint]bool{}, bridge: map[*fakeEndpoint]*fakeEndpoint{}},
	}
	r.numbers = map[string][]string{}
	r.busy = map[string]bool{}
	var err error
	tc.Network = r.net.Host(host...)
	r.stack, err = sip.New(sip.Config{
		Transport: tc, Shards: 2, Supported: Extensions(), InDialog: Methods(),
	})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := auth.New(auth.Config{Realm: domain, Accounts: accounts{}, Key: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	r.auth = &countingAuth{Digest: digest}
	cfg := Config{
		Router: &r.router, Locator: r.loc, Auth: r.auth, Live: r.live, Table: r.table, Bus: r.bus, Recorder: r.rec,
		Media: r.media, FlowTo: r.stack.FlowTo, Connect: r.stack.Connect, Domain: domain, Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	if r.ua, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	r.ua.Register(r.stack)
	r.stack.Handle(message.OPTIONS, func(_ *sip.Shard, tx *transaction.Server) {
		r.flows.Store(tx.Flow().Remote(), tx.Flow())
		_ = tx.Reply(200, "")
	})
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

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// phone puts a phone on the network and makes it reachable as a slot of its name.
func (r *rig) phone(name string, change ...func(*siptest.PhoneConfig)) *siptest.Phone {
	r.t.Helper()
	addr := netip.AddrFrom4([4]byte{10, 0, 1, byte(len(r.phones) + 1)})
	cfg := siptest.PhoneConfig{
		Name: name, Addr: netip.AddrPortFrom(addr, 5060), Server: server, User: name, Password: password, Domain: domain,
	}
	for _, c := range change {
		c(&cfg)
	}
	p := r.net.NewPhone(r.t, cfg)
	r.phones[name] = p
	p.Options().Expect(r.t, 200)
	flow, ok := r.flows.Load(p.Addr())
	if !ok {
		r.t.Fatalf("no flow from %s", name)
	}
	c := Contact{URI: p.Contact(), Flow: flow.(*transport.Flow)}
	r.loc.mu.Lock()
	r.loc.contacts[name] = append(r.loc.contacts[name], c)
	r.loc.mu.Unlock()
	r.router.mu.Lock()
	r.numbers["4"+name] = []string{name}
	r.router.mu.Unlock()
	return p
}

// finish waits until all timers of the past have run, and checks for leaks.
func (r *rig) finish() {
	r.t.Helper()
	time.Sleep(70 * time.Second) // virtual: 64*T1 for what lingers, twice
	synctest.Wait()
	r.clean()
	for _, p := range r.phones {
		p.Close()
	}
	r.stop()
	synctest.Wait()
}

// clean checks that nothing of any call is left.
func (r *rig) clean() {
	r.t.Helper()
	if n := r.ua.Active(); n != 0 {
		r.t.Errorf("%d calls active", n)
	}
	if n := r.ua.Open(); n != 0 {
		r.t.Errorf("%d calls open", n)
	}
	if n := r.ua.Panics(); n != 0 && !r.router.panics {
		r.t.Errorf("%d panics", n)
	}
	if slots, numbers := r.live.Left(); len(slots)+len(numbers) != 0 {
		r.t.Errorf("live counts left: %v %v", slots, numbers)
	}
	if n := r.table.Len(); n != 0 {
		r.t.Errorf("%d calls in the table", n)
	}
	if n := len(r.media.open); n != 0 {
		r.t.Errorf("%d endpoints open", n)
	}
	if n := len(r.ua.sources.calls); n != 0 {
		r.t.Errorf("%d sources counted", n)
	}
	r.rec.mu.Lock()
	defer r.rec.mu.Unlock()
	seen := map[string]int{}
	for _, c := range r.rec.finished {
		seen[c.ID]++
	}
	for id, n := range seen {
		if n != 1 {
			r.t.Errorf("record %s finished %d times", id, n)
		}
	}
	for _, c := range r.rec.started {
		if seen[c.ID] == 0 {
			r.t.Errorf("record %s never finished", c.ID)
		}
	}
	r.stackClean()
}

// last is the only finished record, or the newest.
func (r *rig) last() calls.Record {
	r.t.Helper()
	synctest.Wait()
	all := r.rec.all()
	if len(all) == 0 {
		r.t.Fatal("no record")
	}
	return all[len(all)-1]
}

// expectRecord checks the newest record.
func (r *rig) expectRecord(result calls.Result, status int, by string) calls.Record {
	r.t.Helper()
	c := r.last()
	if c.Result != result || c.Status != status || c.HangupBy != by {
		r.t.Errorf("record: %s %d by %q (%s), want %s %d by %q", c.Result, c.Status, c.HangupBy, c.Cause, result, status, by)
	}
	return c
}

// sdpFor is a phone's description: audio at its address with these formats.
func sdpFor(p *siptest.Phone, formats string, lines ...string) string {
	s := "v=0\r\no=- 1 1 IN IP4 " + p.Addr().Addr().String() + "\r\ns=-\r\nc=IN IP4 " + p.Addr().Addr().String() +
		"\r\nt=0 0\r\nm=audio 4000 RTP/AVP " + formats + "\r\n"
	for _, l := range lines {
		s += l + "\r\n"
	}
	return s
}

// connect makes a call from a to b's number and answers it.
func (r *rig) connect(a, b *siptest.Phone, number string) (caller, callee *siptest.Call) {
	r.t.Helper()
	caller = a.Invite(number, sdpFor(a, "8 0"))
	in := b.Expect(r.t, message.INVITE)
	r.offer = in.Body()
	in.Ring()
	caller.Expect(r.t, 180)
	callee = in.Answer(sdpFor(b, "8"))
	established(r.t, caller, callee)
	return caller, callee
}

// stackClean checks that the stack keeps nothing of any call.
func (r *rig) stackClean() {
	r.t.Helper()
	for i, sh := range r.stack.Shards() {
		done := make(chan struct{})
		sh.Post(func() { close(done) })
		<-done
		synctest.Wait()
		if n := sh.Transactions(); n != 0 {
			r.t.Errorf("shard %d: %d transactions left", i, n)
		}
		if n := sh.Dialogs(); n != 0 {
			r.t.Errorf("shard %d: %d dialogs left", i, n)
		}
		if n := sh.Timers(); n != 0 {
			r.t.Errorf("shard %d: %d timers left", i, n)
		}
	}
}
