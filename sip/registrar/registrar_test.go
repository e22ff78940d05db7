package registrar_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/registrar"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

const (
	domain   = "koppelfeld.test"
	password = "geheim"
)

var (
	server = netip.MustParseAddrPort("10.0.0.1:5060")
	desk   = netip.MustParseAddrPort("10.0.0.2:5060")
	dect   = netip.MustParseAddrPort("10.0.0.3:5060")
)

// accounts are u1 … with the slots slot-u1 … and one password.
type accounts struct{}

func (accounts) Account(name string) *auth.Account {
	if !strings.HasPrefix(name, "u") {
		return nil
	}
	a := &auth.Account{SlotID: "slot-" + name, Username: strings.Clone(name)}
	a.HA1MD5, a.HA1SHA256 = auth.HA1(name, domain, password)
	return a
}

// pbx is a registrar on a real stack in memory.
type pbx struct {
	*registrar.Registrar
	stack *sip.Stack
	stop  func()

	mu    sync.Mutex
	notes []string
}

func start(t *testing.T, n *siptest.Network, change func(*registrar.Config)) *pbx {
	t.Helper()
	return startOn(t, n, transport.Config{Listen: []string{"udp://10.0.0.1:5060", "tcp://10.0.0.1:5060"}}, change)
}

// startOn is start with listeners.
func startOn(t *testing.T, n *siptest.Network, tc transport.Config, change func(*registrar.Config)) *pbx {
	t.Helper()
	p := &pbx{}
	var err error
	tc.Network = n.Host(server.Addr())
	p.stack, err = sip.New(sip.Config{
		Transport: tc,
		Shards:    2,
		Supported: []string{"path", "outbound", "gruu"},
	})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := auth.New(auth.Config{Realm: domain, Key: []byte("0123456789abcdef"), Accounts: accounts{}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := registrar.Config{Domain: domain, Auth: digest, Stack: p.stack, Notify: func(slot string, up bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.notes = append(p.notes, fmt.Sprint(slot, " ", up))
	}}
	if change != nil {
		change(&cfg)
	}
	if p.Registrar, err = registrar.New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{p.Run, p.stack.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	p.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(p.stop)
	return p
}

func (p *pbx) told() string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.notes, ", ")
}

func phone(t *testing.T, n *siptest.Network, user string, at netip.AddrPort, change func(*siptest.PhoneConfig)) *siptest.Phone {
	t.Helper()
	cfg := siptest.PhoneConfig{Name: user + "-" + at.String(), Addr: at, Server: server, User: user, Password: password, Domain: domain}
	if change != nil {
		change(&cfg)
	}
	return n.NewPhone(t, cfg)
}

// contacts are the contacts of a slot as URI and seconds left.
func (p *pbx) contacts(slot string) string {
	var out []string
	for _, b := range p.Bindings(slot) {
		out = append(out, fmt.Sprintf("%s %.0f", b.Contact, time.Until(b.Expires).Seconds()))
	}
	return strings.Join(out, ", ")
}

func check(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestRegister(t *testing.T) {
	for _, proto := range []transport.Proto{transport.UDP, transport.TCP} {
		t.Run(string(proto), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := siptest.NewNetwork(t, 1)
				p := start(t, n, nil)
				ph := phone(t, n, "u1", desk, func(c *siptest.PhoneConfig) { c.Proto = proto })
				res := ph.Register(t)
				contact, _ := res.Contact()
				if e, _ := contact.Param("expires"); contact.URI != ph.Contact() || e != "300" {
					t.Errorf("Contact of the 200: %+v", contact)
				}
				if res.Header(message.HDate) == "" {
					t.Error("no Date")
				}
				check(t, "bindings", p.contacts("slot-u1"), ph.Contact()+" 300")
				b := p.Bindings("slot-u1")[0]
				if b.Received != ph.Addr() || b.Flow.Remote() != ph.Addr() || b.Flow.Proto() != proto {
					t.Errorf("binding %+v", b)
				}
				time.Sleep(100 * time.Second)
				check(t, "later", p.contacts("slot-u1"), ph.Contact()+" 200")
				ph.Register(t)
				check(t, "refreshed", p.contacts("slot-u1"), ph.Contact()+" 300")
				ph.Unregister(t)
				check(t, "unregistered", p.contacts("slot-u1"), "")
				check(t, "told", p.told(), "slot-u1 true, slot-u1 false")
				ph.Register(t)
				time.Sleep(300 * time.Second)
				if p.Registered("slot-u1") {
					t.Error("registered beyond its time")
				}
				time.Sleep(2 * time.Second)
				if slots, contacts := p.Count(); slots != 0 || contacts != 0 {
					t.Errorf("%d slots, %d contacts kept", slots, contacts)
				}
			})
		})
	}
}

// The cases of RFC 3261 section 10.3, each on a slot with one binding of 300 s made by Call-ID c1, CSeq 5.
func TestRules(t *testing.T) {
	const own = "<sip:u1@10.0.0.2:5060>"
	for _, tc := range []struct {
		name   string
		r      siptest.Registration
		status int
		want   string // bindings after it
		header string // must be in the answer
	}{
		{"query", siptest.Registration{Contact: "-", CallID: "c1", CSeq: 7, Expires: -1}, 200, "sip:u1@10.0.0.2:5060 300", "Contact: <sip:u1@10.0.0.2:5060>;expires=300"},
		{"refresh", siptest.Registration{Contact: own, CallID: "c1", CSeq: 7, Expires: 600}, 200, "sip:u1@10.0.0.2:5060 600", ";expires=600"},
		{"same URI written otherwise", siptest.Registration{Contact: "<sip:%751@10.0.0.2:5060>", CallID: "c9", CSeq: 1, Expires: 600}, 200, "sip:%751@10.0.0.2:5060 600", ""},
		{"second contact", siptest.Registration{Contact: "<sip:u1@10.9.9.9>;expires=900;q=0.5", CallID: "c2", CSeq: 1}, 200, "sip:u1@10.0.0.2:5060 300, sip:u1@10.9.9.9 900", ";q=0.5"},
		{"two at once", siptest.Registration{Contact: "<sip:a@10.9.9.9>;q=0.1, <sip:b@10.9.9.9>;q=0.2;expires=60", CallID: "c2", CSeq: 1}, 200, "sip:u1@10.0.0.2:5060 300, sip:b@10.9.9.9 60, sip:a@10.9.9.9 300", ""},
		{"expires of the contact wins", siptest.Registration{Contact: own + ";expires=100", CallID: "c1", CSeq: 7, Expires: 600}, 200, "sip:u1@10.0.0.2:5060 100", ""},
		{"no expires", siptest.Registration{Contact: own, CallID: "c1", CSeq: 7, Expires: -1}, 200, "sip:u1@10.0.0.2:5060 300", ""},
		{"far too long", siptest.Registration{Contact: own, CallID: "c1", CSeq: 7, Expires: 99999999}, 200, "sip:u1@10.0.0.2:5060 3600", ""},
		{"too brief", siptest.Registration{Contact: own, CallID: "c1", CSeq: 7, Expires: 59}, 423, "sip:u1@10.0.0.2:5060 300", "Min-Expires: 60"},
		{"all or none", siptest.Registration{Contact: own + ";expires=0, <sip:b@10.9.9.9>;expires=5", CallID: "c1", CSeq: 7}, 423, "sip:u1@10.0.0.2:5060 300", ""},
		{"remove one", siptest.Registration{Contact: own + ";expires=0", CallID: "c1", CSeq: 7}, 200, "", ""},
		{"remove unknown", siptest.Registration{Contact: "<sip:x@10.9.9.9>", CallID: "c1", CSeq: 7, Expires: -2}, 200, "sip:u1@10.0.0.2:5060 300", ""},
		{"remove all", siptest.Registration{Contact: "*", CallID: "c1", CSeq: 7, Expires: -2}, 200, "", ""},
		{"remove all from elsewhere", siptest.Registration{Contact: "*", CallID: "c3", CSeq: 1, Expires: -2}, 200, "", ""},
		{"remove all with old CSeq", siptest.Registration{Contact: "*", CallID: "c1", CSeq: 4, Expires: -2}, 500, "sip:u1@10.0.0.2:5060 300", ""},
		{"star without expires", siptest.Registration{Contact: "*", CallID: "c1", CSeq: 7, Expires: -1}, 400, "sip:u1@10.0.0.2:5060 300", ""},
		{"star with expires", siptest.Registration{Contact: "*", CallID: "c1", CSeq: 7, Expires: 60}, 400, "sip:u1@10.0.0.2:5060 300", ""},
		{"star and another", siptest.Registration{Contact: "*, " + own, CallID: "c1", CSeq: 7, Expires: -2}, 400, "sip:u1@10.0.0.2:5060 300", ""},
		{"old CSeq", siptest.Registration{Contact: own, CallID: "c1", CSeq: 4, Expires: 900}, 500, "sip:u1@10.0.0.2:5060 300", ""},
		{"same CSeq", siptest.Registration{Contact: own, CallID: "c1", CSeq: 5, Expires: 900}, 200, "sip:u1@10.0.0.2:5060 300", ""},
		{"old CSeq of another call", siptest.Registration{Contact: own, CallID: "c4", CSeq: 1, Expires: 900}, 200, "sip:u1@10.0.0.2:5060 900", ""},
		{"somebody else's address", siptest.Registration{Contact: own, To: "u2"}, 403, "sip:u1@10.0.0.2:5060 300", ""},
		{"not a SIP contact", siptest.Registration{Contact: "<mailto:u1@x>"}, 400, "sip:u1@10.0.0.2:5060 300", ""},
		{"endless contact", siptest.Registration{Contact: "<sip:" + strings.Repeat("x", 600) + "@x>"}, 400, "sip:u1@10.0.0.2:5060 300", ""},
		{"broken contact", siptest.Registration{Contact: "<sip:u1@x"}, 400, "sip:u1@10.0.0.2:5060 300", ""},
		{"too many contacts", siptest.Registration{Contact: strings.Repeat("<sip:x@y>, ", 11) + own}, 403, "sip:u1@10.0.0.2:5060 300", ""},
		{"unknown extension", siptest.Registration{Contact: own, Headers: []string{"Require: path, fax"}}, 420, "sip:u1@10.0.0.2:5060 300", "Unsupported: fax"},
		{"path of a phone that knows nothing of it", siptest.Registration{Contact: own, CallID: "c7", Headers: []string{"Path: <sip:edge;lr>"}}, 200, "sip:u1@10.0.0.2:5060 300", "!Path:"},
		{"path", siptest.Registration{Contact: own, CallID: "c8", Headers: []string{"Path: <sip:edge;lr>", "Supported: path"}}, 200, "sip:u1@10.0.0.2:5060 300", "Path: <sip:edge;lr>"},
		{"endless path", siptest.Registration{Contact: own, CallID: "c8", Headers: []string{"Path: " + strings.Repeat("<sip:edge;lr>, ", 9) + "<sip:edge;lr>", "Supported: path"}}, 400, "sip:u1@10.0.0.2:5060 300", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := siptest.NewNetwork(t, 1)
				p := start(t, n, nil)
				ph := phone(t, n, "u1", desk, nil)
				ph.SendRegister(siptest.Registration{Contact: own, CallID: "c1", CSeq: 5}).Expect(t, 200)
				res := ph.SendRegister(tc.r).Expect(t, tc.status)
				check(t, "bindings", p.contacts("slot-u1"), tc.want)
				header, without := strings.CutPrefix(tc.header, "!")
				if strings.Contains(string(res.Raw()), header) == without {
					t.Errorf("no %q in\n%s", tc.header, res.Raw())
				}
			})
		})
	}
}

func TestPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		p := start(t, n, nil)
		phone(t, n, "u1", desk, nil).SendRegister(siptest.Registration{
			Contact: "<sip:u1@192.168.1.1>", Headers: []string{"Path: <sip:edge1;lr>, <sip:edge2;lr>", "Path: <sip:edge3;lr>", "Supported: path"},
		}).Expect(t, 200)
		if got := strings.Join(p.Bindings("slot-u1")[0].Path, " "); got != "<sip:edge1;lr> <sip:edge2;lr> <sip:edge3;lr>" {
			t.Errorf("path %s", got)
		}
	})
}

// A phone that restarts comes with a new port and Call-ID, but the same instance: it has one binding, not two.
func TestInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		p := start(t, n, nil)
		ph := phone(t, n, "u1", desk, nil)
		for i, tc := range []struct{ contact, want string }{
			{`<sip:u1@10.0.0.2:1001>;+sip.instance="<urn:uuid:1>"`, "sip:u1@10.0.0.2:1001 300"},
			{`<sip:u1@10.0.0.2:1002>;+sip.instance="<urn:uuid:1>"`, "sip:u1@10.0.0.2:1002 300"},
			{`<sip:u1@10.0.0.2:1003>;+sip.instance="<urn:uuid:1>";reg-id=1`, "sip:u1@10.0.0.2:1002 300, sip:u1@10.0.0.2:1003 300"},
			{`<sip:u1@10.0.0.2:1004>;+sip.instance="<urn:uuid:1>";reg-id=1`, "sip:u1@10.0.0.2:1002 300, sip:u1@10.0.0.2:1004 300"},
			{`<sip:u1@10.0.0.2:1005>;+sip.instance="<urn:uuid:2>";reg-id=1`, "sip:u1@10.0.0.2:1002 300, sip:u1@10.0.0.2:1004 300, sip:u1@10.0.0.2:1005 300"},
		} {
			res := ph.SendRegister(siptest.Registration{Contact: tc.contact, CallID: fmt.Sprint("boot", i)}).Expect(t, 200)
			check(t, tc.contact, p.contacts("slot-u1"), tc.want)
			if !strings.Contains(string(res.Raw()), `;+sip.instance="<urn:uuid:1>"`) {
				t.Errorf("instance not told: %s", res.Raw())
			}
		}
	})
}

// One more contact than a slot may have takes the place of the one that would expire first.
func TestMaxContacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		p := start(t, n, func(c *registrar.Config) { c.MaxContacts = 3 })
		ph := phone(t, n, "u1", desk, nil)
		for i := range 5 {
			ph.SendRegister(siptest.Registration{Contact: fmt.Sprintf("<sip:u1@10.0.0.2:%d>", 1001+i), Expires: 300 + i}).Expect(t, 200)
		}
		check(t, "bindings", p.contacts("slot-u1"), "sip:u1@10.0.0.2:1005 304, sip:u1@10.0.0.2:1004 303, sip:u1@10.0.0.2:1003 302")
		if slots, contacts := p.Count(); slots != 1 || contacts != 3 {
			t.Errorf("%d slots, %d contacts", slots, contacts)
		}
	})
}

func TestMaxBindings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		start(t, n, func(c *registrar.Config) { c.MaxBindings = 2 })
		phone(t, n, "u1", desk, nil).Register(t)
		two := phone(t, n, "u2", dect, nil)
		two.Register(t)
		ph := phone(t, n, "u3", netip.MustParseAddrPort("10.0.0.4:5060"), nil)
		if res := ph.SendRegister(siptest.Registration{}).Expect(t, 503); res.Header(message.HRetryAfter) == "" {
			t.Error("no Retry-After")
		}
		two.Register(t)
		two.Unregister(t)
		ph.Register(t)
	})
}

// Two slots with the same contact do not touch each other, and Remove takes one away.
// TestRate lets an account register too often: it is refused before anything is kept, others are not, and its budget comes back.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		p := start(t, n, func(c *registrar.Config) { c.Rate = 1 })
		wild := phone(t, n, "u1", desk, nil)
		for range 10 {
			wild.Register(t)
		}
		before := p.contacts("slot-u1")
		if res := wild.SendRegister(siptest.Registration{}).Expect(t, 503); res.Header(message.HRetryAfter) == "" {
			t.Error("nothing says when to try again")
		}
		check(t, "contacts", p.contacts("slot-u1"), before)
		phone(t, n, "u2", dect, nil).Register(t) // has a budget of its own
		time.Sleep(2 * time.Second)
		wild.Register(t)
		if got := p.Stats().TooOften; got != 1 {
			t.Errorf("%d counted", got)
		}
	})
}

func TestRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		p := start(t, n, nil)
		one, two := phone(t, n, "u1", desk, nil), phone(t, n, "u2", dect, nil)
		one.SendRegister(siptest.Registration{Contact: "<sip:same@10.0.0.2>"}).Expect(t, 200)
		two.SendRegister(siptest.Registration{Contact: "<sip:same@10.0.0.2>"}).Expect(t, 200)
		p.told() // both
		p.Remove("slot-u1")
		p.Remove("slot-unknown")
		check(t, "removed", p.contacts("slot-u1"), "")
		check(t, "the other", p.contacts("slot-u2"), "sip:same@10.0.0.2 300")
		check(t, "told", p.told(), "slot-u1 true, slot-u2 true, slot-u1 false")
	})
}

// A phone behind NAT is kept alive by OPTIONS; when it does not answer any more its binding goes.
func TestKeepAliveBehindNAT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		p := start(t, n, func(c *registrar.Config) { c.DefaultExpires = 3600 })
		nat := phone(t, n, "u1", desk, func(c *siptest.PhoneConfig) { c.Private = netip.MustParseAddrPort("192.168.1.7:5060") })
		nat.SendRegister(siptest.Registration{Expires: 3600}).Expect(t, 200)
		open := phone(t, n, "u2", dect, nil)
		open.SendRegister(siptest.Registration{Expires: 3600}).Expect(t, 200)
		b := p.Bindings("slot-u1")[0]
		if b.Contact != "sip:u1@192.168.1.7:5060" || b.Flow.Remote() != desk {
			t.Errorf("binding %+v", b)
		}
		for range 10 {
			time.Sleep(45 * time.Second)
			if req := nat.Expect(t, message.OPTIONS); req.URI() != b.Contact {
				t.Errorf("OPTIONS %s", req.URI())
			}
		}
		open.ExpectNone(t, message.OPTIONS, time.Minute)
		if !p.Registered("slot-u1") {
			t.Fatal("gone although it answers")
		}
		nat.Close()
		open.Close()
		time.Sleep(4 * time.Minute)
		if p.Registered("slot-u1") {
			t.Error("still registered although it does not answer")
		}
		if !p.Registered("slot-u2") {
			t.Error("a phone without NAT was removed")
		}
		if s := p.Stats(); s.Lost != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// When a connection ends, a contact that can only be reached over it goes; one that can be dialled stays, without
// a flow.
func TestConnectionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		p := start(t, n, nil)
		tcp := func(c *siptest.PhoneConfig) { c.Proto = transport.TCP }
		open := phone(t, n, "u1", desk, tcp)
		open.SendRegister(siptest.Registration{Contact: "<sip:u1@10.0.0.2:5060;transport=tcp>"}).Expect(t, 200)
		nat := phone(t, n, "u2", dect, tcp)
		nat.SendRegister(siptest.Registration{Contact: "<sip:u2@192.168.1.7:5060;transport=tcp>"}).Expect(t, 200)
		n.Cut(desk.Addr(), server.Addr())
		n.Cut(dect.Addr(), server.Addr())
		synctest.Wait()
		check(t, "without NAT", p.contacts("slot-u1"), "sip:u1@10.0.0.2:5060;transport=tcp 300")
		if b := p.Bindings("slot-u1")[0]; b.Flow != nil {
			t.Error("a flow that has ended is still given")
		}
		check(t, "behind NAT", p.contacts("slot-u2"), "")
		again := phone(t, n, "u1", desk, tcp)
		again.SendRegister(siptest.Registration{Contact: "<sip:u1@10.0.0.2:5060;transport=tcp>"}).Expect(t, 200)
		if b := p.Bindings("slot-u1"); len(b) != 1 || b[0].Flow == nil || b[0].Flow.Closed() {
			t.Errorf("after it came back: %+v", b)
		}
	})
}

func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		file := filepath.Join(t.TempDir(), "locations")
		with := func(c *registrar.Config) { c.File = file }
		p := start(t, n, with)
		udp := phone(t, n, "u1", desk, func(c *siptest.PhoneConfig) { c.Private = netip.MustParseAddrPort("192.168.1.7:5060") })
		udp.SendRegister(siptest.Registration{Expires: 600, Headers: []string{"User-Agent: Snom D785"}}).Expect(t, 200)
		open := phone(t, n, "u2", dect, func(c *siptest.PhoneConfig) { c.Proto = transport.TCP })
		open.SendRegister(siptest.Registration{Contact: "<sip:u2@10.0.0.3:5060;transport=tcp>;+sip.instance=\"<urn:uuid:1>\";reg-id=2;q=0.3"}).Expect(t, 200)
		nat := phone(t, n, "u3", dect, func(c *siptest.PhoneConfig) { c.Proto = transport.TCP })
		nat.SendRegister(siptest.Registration{Contact: "<sip:u3@192.168.1.8:5060;transport=tcp>"}).Expect(t, 200)
		phone(t, n, "u4", netip.MustParseAddrPort("10.0.0.4:5060"), nil).SendRegister(siptest.Registration{Expires: 60}).Expect(t, 200)

		time.Sleep(2 * time.Second)
		if _, err := os.Stat(file); err != nil {
			t.Errorf("not written within 2 s: %v", err)
		}
		p.stop()
		time.Sleep(98 * time.Second)
		p = start(t, n, with)
		check(t, "UDP", p.contacts("slot-u1"), "sip:u1@192.168.1.7:5060 500")
		b := p.Bindings("slot-u1")[0]
		if b.UserAgent != "Snom D785" || b.Received != desk || b.Flow.Remote() != desk || b.Flow.Local() != server {
			t.Errorf("binding %+v", b)
		}
		check(t, "TCP that can be dialled", p.contacts("slot-u2"), "sip:u2@10.0.0.3:5060;transport=tcp 200")
		if b := p.Bindings("slot-u2")[0]; b.Flow != nil || b.Instance != "<urn:uuid:1>" || b.RegID != "2" || b.Q != 0.3 {
			t.Errorf("binding %+v", b)
		}
		check(t, "TCP behind NAT", p.contacts("slot-u3"), "")
		check(t, "expired meanwhile", p.contacts("slot-u4"), "")
		p.told()
		slices.Sort(p.notes) // the order of the file is that of a hash
		check(t, "told", p.told(), "slot-u1 true, slot-u2 true")
		udp.Expect(t, message.OPTIONS) // the NAT is kept open again
		udp.Register(t)
		check(t, "refreshed", p.contacts("slot-u1"), "sip:u1@192.168.1.7:5060 300")
	})
}

func TestBadFile(t *testing.T) {
	good := `{"slot":"s","contact":"sip:x@10.0.0.2","proto":"UDP","local":"10.0.0.1:5060","received":"10.0.0.2:5060","expires":99999999999,"call_id":"c","cseq":1,"q":1}` + "\n"
	head := `{"format":"koppelfeld-locations","version":1,"written":"2026-11-23T00:00:00Z"}` + "\n"
	for name, tc := range map[string]struct {
		text string
		want int
		bad  bool
	}{
		"good":        {head + good + `{"end":1}` + "\n", 1, false},
		"empty":       {"", 0, true},
		"cut short":   {head + good, 0, true},
		"cut in line": {head + good[:50], 0, true},
		"wrong count": {head + good + `{"end":2}` + "\n", 0, true},
		"newer":       {strings.Replace(head, `:1,`, `:2,`, 1) + `{"end":0}` + "\n", 0, true},
		"garbage":     {"\x00\x01\x02", 0, true},
		"long line":   {head + strings.Repeat("x", 100000), 0, true},
		"bad contact": {head + strings.Replace(good, "sip:x@", "sip:x>\\r\\n@", 1) + `{"end":1}` + "\n", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "locations")
				if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
					t.Fatal(err)
				}
				p := start(t, siptest.NewNetwork(t, 1), func(c *registrar.Config) { c.File = file })
				if _, contacts := p.Count(); contacts != tc.want {
					t.Errorf("%d contacts, want %d", contacts, tc.want)
				}
				if _, err := os.Stat(file + ".bad"); (err == nil) != tc.bad {
					t.Errorf("set aside: %v", err)
				}
			})
		})
	}
}

// A disk that cannot be written to costs no registration, and the table is written once it can.
func TestDiskFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		dir := filepath.Join(t.TempDir(), "gone")
		file := filepath.Join(dir, "locations")
		p := start(t, n, func(c *registrar.Config) { c.File = file })
		phone(t, n, "u1", desk, nil).Register(t)
		time.Sleep(30 * time.Second)
		if !p.Registered("slot-u1") {
			t.Error("not registered")
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(12 * time.Second)
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(file + "*"); len(left) != 1 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// Guessing passwords is slowed down, but a good phone at the same address is not locked out.
func TestBrake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		p := start(t, n, func(c *registrar.Config) { c.Brake = registrar.BrakeConfig{PerSource: 5, PerAccount: 1000} })
		good := phone(t, n, "u1", desk, nil)
		good.Register(t)
		next := uint16(7000)
		guess := func(user, password string) *siptest.Client {
			next++
			ph := phone(t, n, user, netip.AddrPortFrom(desk.Addr(), next), func(c *siptest.PhoneConfig) { c.Password = password })
			return ph.SendRegister(siptest.Registration{})
		}
		for range 6 {
			guess("u2", "falsch").Expect(t, 401)
		}
		for range 50 { // challenges are free, credentials are not looked at
			guess("u3", "falsch")
		}
		synctest.Wait()
		if s := p.Stats(); s.Braked != 50 {
			t.Errorf("%d left without answer, want 50", s.Braked)
		}
		good.Register(t)
		for range 10 {
			guess("nobody", "falsch")
			time.Sleep(500 * time.Millisecond)
		}
		before := p.Stats().Challenged
		time.Sleep(5 * time.Minute) // all repetitions have ended
		guess("u5", password).Expect(t, 200)
		if before > 200 {
			t.Errorf("%d challenges", before)
		}
	})
}

// Lost, doubled, late: a phone that repeats its requests registers in the end, and has one binding.
func TestAwfulLink(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			n := siptest.NewNetwork(t, seed)
			n.SetDefault(siptest.Link{Delay: 30 * time.Millisecond, Loss: 0.3, Duplicate: 0.3, Reorder: 0.3})
			p := start(t, n, nil)
			ph := phone(t, n, "u1", desk, nil)
			registered := false
			for range 10 {
				if ph.SendRegister(siptest.Registration{}).Final(t).Status() == 200 {
					registered = true
					break
				}
			}
			if !registered || len(p.Bindings("slot-u1")) != 1 {
				t.Errorf("registered %v, bindings %q", registered, p.contacts("slot-u1"))
			}
		})
	}
}

func FuzzRegister(f *testing.F) {
	corpus.Add(f)
	f.Add("<sip:u1@10.0.0.2>;expires=60;q=0.5", "<sip:edge;lr>", "path")
	f.Add("*", "", "")
	f.Add(`"x" <sip:a@b>;+sip.instance="<urn:uuid:1>";reg-id=1, <sips:b@c>`, "", "outbound")
	f.Fuzz(func(t *testing.T, contact, path, supported string) {
		digest, err := auth.New(auth.Config{Realm: domain, Key: []byte("0123456789abcdef"), Accounts: accounts{}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := registrar.New(registrar.Config{Domain: domain, Auth: digest})
		if err != nil {
			t.Fatal(err)
		}
		link := &sink{}
		flow := transport.NewFlow(link, desk)
		for cseq := 1; cseq <= 3; cseq++ {
			b := message.NewRequest(message.REGISTER, "sip:"+domain).Add("Via", "SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKx").
				Add("From", "<sip:u1@x>;tag=1").Add("To", "<sip:u1@x>").Add("Call-ID", "c").Add("CSeq", fmt.Sprint(cseq, " REGISTER")).
				Add("Max-Forwards", "70").Add("Contact", contact).Add("Path", path).Add("Supported", supported)
			if link.challenge != "" {
				b.Add("Authorization", siptest.Digest(link.challenge, message.REGISTER, "sip:"+domain, "u1", password, cseq))
			}
			m, err := message.Parse(b.Finish("", nil))
			if err != nil {
				return
			}
			r.Receive(transport.Inbound{Msg: m, Flow: flow})
			res, err := message.Parse(link.last)
			if err != nil {
				t.Fatalf("answer %q: %v", link.last, err)
			}
			if res.Status() == 401 {
				link.challenge = res.Header(message.HWWWAuthenticate)
			}
			n := 0
			for v := range res.Values(message.HContact) {
				if _, err := message.ParseAddr(v); err != nil {
					t.Fatalf("Contact %q in the answer", v)
				}
				n++
			}
			if _, contacts := r.Count(); n > contacts || contacts > 10 {
				t.Fatalf("%d told, %d bound", n, contacts)
			}
		}
	})
}

// sink is a Link that keeps the last message.
type sink struct {
	last      []byte
	challenge string
}

func (s *sink) Proto() transport.Proto { return transport.UDP }
func (s *sink) Local() netip.AddrPort  { return server }
func (s *sink) Closed() bool           { return false }
func (s *sink) SendTo(b []byte, _ netip.AddrPort) error {
	s.last = append([]byte(nil), b...)
	return nil
}
