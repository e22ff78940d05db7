package resolve

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// zone is a DNS server on loopback that says what the test wants.
type zone struct {
	t    *testing.T
	addr string

	mu      sync.Mutex
	records map[string][]dns.RR // by "type name"
	soa     dns.RR              // in answers without records
	asked   []string            // "type name", in order
	// answer replaces the usual one for a question; nil from it means silence.
	answer map[string]func(req *dns.Msg) *dns.Msg
	raw    map[string]func(req *dns.Msg) [][]byte // datagrams, as they are
}

func newZone(t *testing.T, records ...string) *zone {
	t.Helper()
	z := &zone{t: t, records: map[string][]dns.RR{}, answer: map[string]func(*dns.Msg) *dns.Msg{}, raw: map[string]func(*dns.Msg) [][]byte{}}
	z.add(records...)
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z.addr = pc.LocalAddr().String()
	ln, err := net.Listen("tcp", z.addr)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	for _, s := range []*dns.Server{{PacketConn: pc, Handler: z}, {Listener: ln, Handler: z}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		wg.Go(func() { _ = s.ActivateAndServe() })
		<-started
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	return z
}

func (z *zone) add(records ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			z.t.Fatal(err)
		}
		k := dns.TypeToString[rr.Header().Rrtype] + " " + strings.ToLower(rr.Header().Name)
		z.records[k] = append(z.records[k], rr)
	}
}

// tell makes answer the one for a question, also while the server runs; send does the same with datagrams, and deny with the SOA of answers
// without records.
func (z *zone) tell(k string, answer func(*dns.Msg) *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.answer[k] = answer
}

func (z *zone) send(k string, raw func(*dns.Msg) [][]byte) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.raw[k] = raw
}

func (z *zone) deny(soa dns.RR) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.soa = soa
}

// nobody says nothing.
func nobody(*dns.Msg) *dns.Msg { return nil }

// questions counts how often a question came.
func (z *zone) questions(k string) (n int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, a := range z.asked {
		if k == "" || a == k {
			n++
		}
	}
	return n
}

func (z *zone) ServeDNS(w dns.ResponseWriter, req *dns.Msg) {
	q := req.Question[0]
	k := dns.TypeToString[q.Qtype] + " " + strings.ToLower(q.Name)
	z.mu.Lock()
	z.asked = append(z.asked, k)
	special, raw := z.answer[k], z.raw[k]
	m := new(dns.Msg).SetReply(req)
	m.Answer = append(m.Answer, z.records[k]...)
	if alias := z.records["CNAME "+strings.ToLower(q.Name)]; len(m.Answer) == 0 && len(alias) > 0 {
		m.Answer = append(m.Answer, alias...)
	}
	if len(m.Answer) == 0 && z.soa != nil {
		m.Rcode = dns.RcodeNameError
		m.Ns = append(m.Ns, z.soa)
	}
	z.mu.Unlock()
	_, tcp := w.RemoteAddr().(*net.TCPAddr)
	switch {
	case raw != nil && !tcp:
		for _, b := range raw(req) {
			_, _ = w.Write(b)
		}
		return
	case special != nil:
		if m = special(req); m == nil {
			return
		}
	}
	if !tcp {
		m.Truncate(udpSize)
	}
	_ = w.WriteMsg(m)
}

var allWays = []Way{{transport.UDP, true, true}, {transport.TCP, true, true}, {tls, true, true}}

// clock is a time that the test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newResolver runs a Resolver that asks the zone.
func newResolver(t *testing.T, servers []string, change func(*Config)) (*Resolver, *clock) {
	t.Helper()
	clk := &clock{now: time.Unix(1_800_000_000, 0)}
	cfg := Config{Ways: allWays, Servers: servers, Timeout: 300 * time.Millisecond, Seed: 7, Now: clk.Now}
	if change != nil {
		change(&cfg)
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := r.Stats().Flights; n != 0 {
			t.Errorf("%d lookups left", n)
		}
		if n := r.Stats().Faults; n != 0 {
			t.Errorf("%d faults", n)
		}
	})
	for r.running() == nil { // Run has begun
		select {
		case err := <-ended:
			t.Fatal(err)
		default:
		}
	}
	return r, clk
}

func (r *Resolver) running() context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ctx
}

// resolved waits for the outcome of a lookup.
func resolved(t *testing.T, r *Resolver, uri string) (Result, bool) {
	t.Helper()
	q, err := QueryOf(uri)
	if err != nil {
		return Result{Err: err}, true
	}
	done := make(chan Result, 1)
	res, ok := r.Lookup(q, "", func(res Result) { done <- res })
	if ok {
		return res, true
	}
	select {
	case res := <-done:
		return res, false
	case <-time.After(20 * time.Second):
		t.Fatal("no outcome")
		return Result{}, false
	}
}

// text writes targets as "UDP 192.0.2.1:5060 example.org".
func text(list []transport.Target) string {
	var out []string
	for _, t := range list {
		out = append(out, string(t.Proto)+" "+t.Addr.String())
	}
	return strings.Join(out, ", ")
}
