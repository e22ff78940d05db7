package siptest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Timers of RFC 3261 section 17.
const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
)

// patience is how long the Expect functions wait. Longer than any transaction timer.
const patience = 40 * time.Second

// PhoneConfig describes a phone.
type PhoneConfig struct {
	Name     string          // in the ladder; also makes Call-IDs and tags
	Addr     netip.AddrPort  // where it sits; port 0 takes a free one
	Server   netip.AddrPort  // where it sends everything
	Proto    transport.Proto // UDP when empty; TLS trusts everybody
	User     string          // SIP user name
	Password string
	Domain   string
	// Private is the address it believes to have and shows in Via and Contact (a phone behind NAT); Addr when zero.
	Private netip.AddrPort
	// SIPS: it has a sips contact.
	SIPS bool
	// Manual: it answers nothing by itself (no 200 to OPTIONS, no ACK for failures, no 200 and
	// 487 for CANCEL, no credentials) and repeats nothing. Else it does all of these.
	Manual bool
	// Prack: it acknowledges reliable provisional responses by itself.
	Prack bool
}

// Phone is a scripted telephone.
type Phone struct {
	cfg  PhoneConfig
	net  *Network
	addr netip.AddrPort
	udp  transport.PacketConn
	tcp  net.Conn
	wg   sync.WaitGroup

	listener net.Listener // see TakeConnections
	accepted []net.Conn

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced when something came
	closed   bool
	serial   int
	polite   string // SDP of a phone that answers what comes in its dialogs, see Polite
	regCSeq  uint32
	inbox    []*message.Message  // manual mode: everything; else what nobody else took
	requests []*Request          // not yet expected
	servers  map[string]*Request // by branch, sent-by and method
	clients  map[string]*Client  // by branch and method
}

// NewPhone puts a phone on the network; it is closed when the test ends.
func (n *Network) NewPhone(t testing.TB, cfg PhoneConfig) *Phone {
	t.Helper()
	if cfg.Proto == "" {
		cfg.Proto = transport.UDP
	}
	p := &Phone{
		cfg: cfg, net: n, changed: make(chan struct{}),
		servers: map[string]*Request{}, clients: map[string]*Client{},
	}
	var err error
	host := n.Host(cfg.Addr.Addr())
	if cfg.Proto == transport.UDP {
		if p.udp, err = host.ListenPacket(cfg.Addr, 0); err == nil {
			p.addr = p.udp.LocalAddr()
		}
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if p.tcp, err = host.Dial(ctx, cfg.Addr.Addr(), cfg.Server); err == nil {
			p.addr = p.tcp.(*conn).local
			if cfg.Proto == transport.TLS {
				p.tcp = tls.Client(p.tcp, &tls.Config{InsecureSkipVerify: true}) // who the peer is, is not what these phones test
			}
		}
	}
	if err != nil {
		t.Fatalf("phone %s: %v", cfg.Name, err)
	}
	n.Name(p.addr, cfg.Name)
	n.Name(cfg.Server, "koppelfeld")
	p.wg.Go(p.read)
	t.Cleanup(p.Close)
	return p
}

// Close takes the phone off the network without a word.
func (p *Phone) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	for _, c := range p.clients {
		c.resend.stop()
	}
	for _, r := range p.servers {
		r.resend.stop()
	}
	p.mu.Unlock()
	p.dropConnections()
	if p.udp != nil {
		p.udp.Close()
	} else {
		p.tcp.Close()
	}
	p.wg.Wait()
}

// Addr is where the phone really sits.
func (p *Phone) Addr() netip.AddrPort { return p.addr }

// shown is the address the phone writes into its messages.
func (p *Phone) shown() netip.AddrPort {
	if p.cfg.Private.IsValid() {
		return p.cfg.Private
	}
	return p.addr
}

// Contact is the phone's contact URI.
func (p *Phone) Contact() string {
	if p.cfg.SIPS {
		return fmt.Sprintf("sips:%s@%s", p.cfg.User, p.shown())
	}
	uri := fmt.Sprintf("sip:%s@%s", p.cfg.User, p.shown())
	if p.cfg.Proto != transport.UDP {
		uri += ";transport=" + strings.ToLower(string(p.cfg.Proto))
	}
	return uri
}

// URI is the phone's address of record.
func (p *Phone) URI() string { return "sip:" + p.cfg.User + "@" + p.cfg.Domain }

// Send sends bytes as they are.
func (p *Phone) Send(b []byte) {
	if c := p.connectionFor(b); c != nil {
		_, _ = c.Write(b)
		return
	}
	if p.udp != nil {
		_ = p.udp.WriteTo(b, p.cfg.Server) // a closed socket is the script's own doing
		return
	}
	_, _ = p.tcp.Write(b)
}

// Recv waits for a message that nothing else has taken: in manual mode any message, else
// responses that belong to no request of the phone, and stray ACKs.
func (p *Phone) Recv(t testing.TB) *message.Message {
	t.Helper()
	var m *message.Message
	p.await(t, "a message", func() bool {
		if len(p.inbox) == 0 {
			return false
		}
		m, p.inbox = p.inbox[0], p.inbox[1:]
		return true
	})
	return m
}

// await waits until cond, called under the lock, says true.
func (p *Phone) await(t testing.TB, what string, cond func() bool) {
	t.Helper()
	if !p.until(time.Now().Add(patience), cond) {
		t.Fatalf("%s: waited %v for %s", p.cfg.Name, patience, what)
	}
}

func (p *Phone) until(deadline time.Time, cond func() bool) bool {
	for {
		p.mu.Lock()
		ok, changed := cond(), p.changed
		p.mu.Unlock()
		if ok {
			return true
		}
		d := time.Until(deadline)
		if d <= 0 {
			return false
		}
		waitFor(changed, d, true)
	}
}

// signal wakes waiters; p.mu is held.
func (p *Phone) signal() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// mint makes a name that is unique in the test; p.mu is held.
func (p *Phone) mint(prefix string) string {
	p.serial++
	return fmt.Sprintf("%s%s-%d", prefix, p.cfg.Name, p.serial)
}

func (p *Phone) read() {
	if p.udp != nil {
		dgs := []transport.Datagram{{Buf: make([]byte, 65535)}}
		for {
			if _, err := p.udp.ReadBatch(dgs); err != nil {
				return
			}
			p.take(append([]byte(nil), dgs[0].Buf[:dgs[0].N]...))
		}
	}
	p.stream(p.tcp)
}

// take sorts one message to where it belongs.
func (p *Phone) take(b []byte) {
	m, err := message.Parse(b)
	if err != nil {
		return // keep-alives; a malformed message shows in the ladder and as one that never came
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.signal()
	switch {
	case p.closed:
	case p.cfg.Manual:
		p.inbox = append(p.inbox, m)
		if m.IsRequest() && m.Method() != message.ACK {
			p.request(m)
		} else if c := p.clients[m.Via().Branch()+string(m.Method())]; c != nil && !m.IsRequest() {
			c.responses = append(c.responses, m)
		}
	case !m.IsRequest():
		p.response(m)
	case m.Method() == message.ACK:
		p.ack(m)
	default:
		p.request(m)
	}
}

// repeater sends bytes again and again, as UDP asks for.
type repeater struct {
	p     *Phone
	b     []byte
	gap   time.Duration
	most  time.Duration
	until time.Time
	timer *time.Timer
}

// repeat starts sending b after T1, 2*T1 … until stop; p.mu is held. Over TCP only always ones.
func (p *Phone) repeat(b []byte, most time.Duration, always bool) *repeater {
	if p.cfg.Manual || p.cfg.Proto != transport.UDP && !always {
		return nil
	}
	r := &repeater{p: p, b: b, gap: t1, most: most, until: time.Now().Add(64 * t1)}
	r.timer = time.AfterFunc(r.gap, r.fire)
	return r
}

func (r *repeater) fire() {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	if r.p.closed || r.timer == nil || !time.Now().Before(r.until) {
		return
	}
	r.p.Send(r.b)
	r.gap = min(2*r.gap, r.most)
	r.timer.Reset(r.gap)
}

func (r *repeater) stop() {
	if r != nil && r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}
