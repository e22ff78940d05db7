package resolve

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// rrs reads records from text.
func rrs(t testing.TB, list ...string) (out []dns.RR) {
	t.Helper()
	for _, s := range list {
		rr, err := dns.NewRR(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rr)
	}
	return out
}

// TestHostileAnswers: whatever a server says costs a bounded amount and leads nowhere it should not.
func TestHostileAnswers(t *testing.T) {
	reply := func(change func(m *dns.Msg)) func(*dns.Msg) *dns.Msg {
		return func(req *dns.Msg) *dns.Msg {
			m := new(dns.Msg).SetReply(req)
			change(m)
			return m
		}
	}
	pack := func(m *dns.Msg) []byte {
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	right := func(req *dns.Msg) []byte {
		m := new(dns.Msg).SetReply(req)
		m.Answer = rrs(t, "a.test. 60 A 192.0.2.1")
		return pack(m)
	}
	loop := func(from, to string) func(*dns.Msg) *dns.Msg {
		return reply(func(m *dns.Msg) { m.Answer = rrs(t, from+" 60 CNAME "+to) })
	}
	for _, c := range []struct {
		name   string
		answer func(*dns.Msg) *dns.Msg
		raw    func(*dns.Msg) [][]byte
		more   map[string]func(*dns.Msg) *dns.Msg
		want   string
	}{
		{name: "records of another name", answer: reply(func(m *dns.Msg) { m.Answer = rrs(t, "evil.test. 60 A 192.0.2.66") })},
		{name: "record of another type", answer: reply(func(m *dns.Msg) { m.Answer = rrs(t, "a.test. 60 TXT \"192.0.2.66\"") })},
		{name: "record of another class", answer: reply(func(m *dns.Msg) {
			m.Answer = rrs(t, "a.test. 60 A 192.0.2.66")
			m.Answer[0].Header().Class = dns.ClassCHAOS
		})},
		{name: "records in the wrong section", answer: reply(func(m *dns.Msg) {
			m.Ns, m.Extra = rrs(t, "a.test. 60 A 192.0.2.66"), rrs(t, "a.test. 60 A 192.0.2.66")
		})},
		{name: "right and foreign records", want: "UDP 192.0.2.1:5060", answer: reply(func(m *dns.Msg) {
			m.Answer = rrs(t, "evil.test. 60 A 192.0.2.66", "A.TEST. 60 A 192.0.2.1")
		})},
		{name: "alias to itself", answer: loop("a.test.", "a.test.")},
		{name: "aliases in a circle", answer: loop("a.test.", "b.test."), more: map[string]func(*dns.Msg) *dns.Msg{"A b.test.": loop("b.test.", "a.test.")}},
		{name: "circle within an answer", answer: reply(func(m *dns.Msg) {
			m.Answer = rrs(t, "a.test. 60 CNAME b.test.", "b.test. 60 CNAME a.test.")
		})},
		{name: "alias without end", answer: reply(func(m *dns.Msg) {
			m.Answer = rrs(t, "a.test. 60 CNAME x0.test.")
			for i := range 100 {
				m.Answer = append(m.Answer, rrs(t, fmt.Sprintf("x%d.test. 60 CNAME x%d.test.", i, i+1))...)
			}
		})},
		{name: "alias to no host name", answer: loop("a.test.", `a\000b\.c.test.`)},
		{name: "wrong ID, then right", want: "UDP 192.0.2.1:5060", raw: func(req *dns.Msg) [][]byte {
			m := new(dns.Msg).SetReply(req)
			m.Id++
			m.Answer = rrs(t, "a.test. 60 A 192.0.2.66")
			return [][]byte{pack(m), right(req)}
		}},
		{name: "wrong question, then right", want: "UDP 192.0.2.1:5060", raw: func(req *dns.Msg) [][]byte {
			m := new(dns.Msg).SetReply(req)
			m.Question[0].Name = "evil.test."
			m.Answer = rrs(t, "a.test. 60 A 192.0.2.66")
			return [][]byte{pack(m), right(req)}
		}},
		{name: "two questions, then right", want: "UDP 192.0.2.1:5060", raw: func(req *dns.Msg) [][]byte {
			m := new(dns.Msg).SetReply(req)
			m.Question = append(m.Question, m.Question[0])
			m.Answer = rrs(t, "a.test. 60 A 192.0.2.66")
			return [][]byte{pack(m), right(req)}
		}},
		{name: "our own question, then right", want: "UDP 192.0.2.1:5060", raw: func(req *dns.Msg) [][]byte { return [][]byte{pack(req), right(req)} }},
		{name: "garbage, then right", want: "UDP 192.0.2.1:5060", raw: func(req *dns.Msg) [][]byte {
			b := right(req)
			return [][]byte{{}, {1}, []byte(strings.Repeat("\xff", 600)), b[:len(b)-3], b[:12], b}
		}},
		{name: "compression in a circle, then right", want: "UDP 192.0.2.1:5060", raw: func(req *dns.Msg) [][]byte {
			b := pack(new(dns.Msg).SetReply(req))
			b[7] = 1 // one answer
			return [][]byte{append(b, 0xc0, byte(len(b)), 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4), right(req)}
		}},
		{name: "nothing but garbage", raw: func(*dns.Msg) (out [][]byte) {
			for range 2 * maxStray {
				out = append(out, []byte("garbage that is no answer at all"))
			}
			return out
		}},
		{name: "cut within a record, whole over TCP", want: "UDP 192.0.2.1:5060", raw: func(req *dns.Msg) [][]byte {
			b := right(req)
			b[2] |= 2 // TC
			return [][]byte{b[:len(b)-2]}
		}},
		{name: "too many addresses", want: "many", answer: reply(func(m *dns.Msg) {
			for i := range 1000 {
				m.Answer = append(m.Answer, rrs(t, fmt.Sprintf("a.test. 60 A 192.0.%d.%d", i/250, i%250+1))...)
			}
		})},
		{name: "addresses that are none", answer: reply(func(m *dns.Msg) {
			m.Answer = rrs(t, "a.test. 60 A 0.0.0.0", "a.test. 60 A 239.1.2.3", "a.test. 60 A 255.255.255.255")
		})},
	} {
		t.Run(c.name, func(t *testing.T) {
			z := newZone(t, "a.test. 60 A 192.0.2.1")
			if c.answer != nil {
				z.tell("A a.test.", c.answer)
			}
			if c.raw != nil {
				z.send("A a.test.", c.raw)
			}
			for k, fn := range c.more {
				z.tell(k, fn)
			}
			r, _ := newResolver(t, []string{z.addr}, func(c *Config) { c.Ways = []Way{{transport.UDP, true, false}} })
			began := time.Now()
			res, _ := resolved(t, r, "sip:a.test:5060")
			switch {
			case c.want == "many":
				if len(res.Targets) != maxTargets {
					t.Errorf("%d targets", len(res.Targets))
				}
			case text(res.Targets) != c.want || (res.Err == nil) != (c.want != ""):
				t.Errorf("got %s, %v, want %s", text(res.Targets), res.Err, c.want)
			}
			if n := z.questions(""); n > 2*(maxAliases+2) {
				t.Errorf("%d questions", n)
			}
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// TestHostileServices: SRV and NAPTR records that lead nowhere or everywhere.
func TestHostileServices(t *testing.T) {
	z := newZone(t)
	for i := range 500 {
		z.add(fmt.Sprintf("many.test. 60 NAPTR %d 1 \"s\" \"SIP+D2U\" \"\" _sip._udp.n%d.test.", i, i))
		z.add(fmt.Sprintf("_sip._udp.n%d.test. 60 SRV 1 1 5060 h%d.test.", i, i))
		z.add(fmt.Sprintf("h%d.test. 60 A 192.0.2.1", i))
	}
	z.add("_sip._udp.zero.test. 60 SRV 1 1 0 a.test.", "_sip._udp.self.test. 60 SRV 1 1 5060 _sip._udp.self.test.", "_sip._udp.esc.test. 60 SRV 1 1 5060 a\\009b.test.")
	z.add("a.test. 60 A 192.0.2.1", "zero.test. 60 A 192.0.2.2", "esc.test. 60 A 192.0.2.3")
	r, _ := newResolver(t, []string{z.addr}, func(c *Config) { c.Ways = []Way{{transport.UDP, true, false}} })
	if res, _ := resolved(t, r, "sip:many.test"); len(res.Targets) != 1 {
		t.Errorf("%s %v", text(res.Targets), res.Err)
	}
	if n := z.questions(""); n > 2+maxServices+maxPlaces {
		t.Errorf("%d questions for one name", n)
	}
	for uri, want := range map[string]string{
		"sip:zero.test;transport=udp": "UDP 192.0.2.2:5060", // unusable records are none
		"sip:esc.test;transport=udp":  "UDP 192.0.2.3:5060",
		"sip:self.test;transport=udp": "",
	} {
		if res, _ := resolved(t, r, uri); text(res.Targets) != want {
			t.Errorf("%s: %s %v", uri, text(res.Targets), res.Err)
		}
	}
}

func FuzzQueryOf(f *testing.F) {
	corpus.Add(f)
	for _, s := range []string{"sip:a@b.example:5060;transport=tcp", "sips:[2001:db8::1]", "sip:x@y;maddr=[::1]", "sip:x@a.-b.c", "tel:1", "sip:x@h;transport=\"tls\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		q, err := QueryOf(uri)
		if err != nil {
			return
		}
		if _, ok := q.Numeric(); !ok {
			if _, ok := dns.IsDomainName(q.Host); !ok || q.Host != strings.ToLower(q.Host) {
				t.Errorf("%q gives the host %q", uri, q.Host)
			}
		}
		if again, err := hostName(q.Host); err != nil || again != q.Host {
			t.Errorf("host %q is not stable: %q %v", q.Host, again, err)
		}
		if q.Port < 0 || q.Port > 65535 {
			t.Errorf("port %d", q.Port)
		}
	})
}

// FuzzRead feeds any bytes as a server's answer.
func FuzzRead(f *testing.F) {
	corpus.Add(f)
	for kind, records := range map[uint16][]string{
		dns.TypeA:     {"a.test. 60 CNAME b.test.", "b.test. 60 A 192.0.2.1"},
		dns.TypeSRV:   {"a.test. 60 SRV 1 2 5060 b.test."},
		dns.TypeNAPTR: {"a.test. 60 NAPTR 1 2 \"s\" \"SIP+D2U\" \"\" b.test."},
	} {
		m := new(dns.Msg).SetQuestion("a.test.", kind)
		m.Response = true
		m.Answer = rrs(f, records...)
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, kind)
	}
	f.Fuzz(func(t *testing.T, b []byte, kind uint16) {
		m := new(dns.Msg)
		_ = m.Unpack(b) // what was read before a fault is looked at as well
		a, err := read(m, "a.test.", kind)
		if err != nil {
			return
		}
		if len(a.srv) > maxRecords || len(a.naptr) > maxRecords || len(a.addrs) > maxRecords {
			t.Errorf("too many records: %d %d %d", len(a.srv), len(a.naptr), len(a.addrs))
		}
		for _, s := range a.srv {
			if _, err := hostName(s.host); err != nil && s.host != "" {
				t.Errorf("host %q", s.host)
			}
		}
		for _, at := range a.addrs {
			if !at.IsValid() || at == (netip.Addr{}) {
				t.Errorf("address %v", at)
			}
		}
	})
}
