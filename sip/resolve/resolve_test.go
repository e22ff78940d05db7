package resolve

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// TestProcedure follows RFC 3263 section 4 for every form of URI.
func TestProcedure(t *testing.T) {
	z := newZone(t,
		"all.test. 60 NAPTR 20 10 \"s\" \"SIP+D2T\" \"\" _sip._tcp.all.test.",
		"all.test. 60 NAPTR 10 20 \"S\" \"sip+d2u\" \"\" _sip._udp.all.test.",
		"all.test. 60 NAPTR 10 10 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.all.test.",
		"all.test. 60 NAPTR 5 10 \"s\" \"SIP+D2S\" \"\" _sip._sctp.all.test.",
		"all.test. 60 NAPTR 5 10 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .",
		"_sip._udp.all.test. 60 SRV 20 0 5070 b.all.test.",
		"_sip._udp.all.test. 60 SRV 10 0 5060 a.all.test.",
		"_sip._tcp.all.test. 60 SRV 10 0 5080 a.all.test.",
		"_sips._tcp.all.test. 60 SRV 10 0 5443 a.all.test.",
		"a.all.test. 60 A 192.0.2.1", "a.all.test. 60 A 192.0.2.2", "a.all.test. 60 AAAA 2001:db8::1", "b.all.test. 60 A 192.0.2.3",
		"all.test. 60 A 192.0.2.9",
		"_sip._tcp.srv.test. 60 SRV 1 1 5090 srv.test.", "srv.test. 60 A 192.0.2.4",
		"plain.test. 60 A 192.0.2.5", "plain.test. 60 AAAA 2001:db8::5",
		"none.test. 60 A 192.0.2.6", "_sip._udp.none.test. 60 SRV 0 0 0 .", "_sip._tcp.none.test. 60 SRV 0 0 0 .", "_sips._tcp.none.test. 60 SRV 0 0 0 .",
		"foreign.test. 60 NAPTR 5 10 \"s\" \"SIP+D2S\" \"\" _sip._sctp.foreign.test.", "foreign.test. 60 A 192.0.2.7",
		"www.alias.test. 60 CNAME alias.test.", "alias.test. 60 CNAME plain.test.",
		"odd.test. 60 A 0.0.0.0", "odd.test. 60 A 224.0.0.1", "odd.test. 60 A 255.255.255.255", "odd.test. 60 A 192.0.2.8",
	)
	r, _ := newResolver(t, []string{z.addr}, nil)
	for _, c := range []struct {
		uri, want string
		err       error
	}{
		{"sip:x@192.0.2.77", "UDP 192.0.2.77:5060", nil},
		{"sip:x@192.0.2.77:5099;transport=tcp", "TCP 192.0.2.77:5099", nil},
		{"sip:x@[2001:db8::7]", "UDP [2001:db8::7]:5060", nil},
		{"sips:x@192.0.2.77", "TLS 192.0.2.77:5061", nil},
		{"sips:x@192.0.2.77;transport=tcp", "TLS 192.0.2.77:5061", nil},
		{"sip:x@192.0.2.77;transport=tls", "TLS 192.0.2.77:5061", nil},
		{"sips:x@192.0.2.77;transport=udp", "", ErrUnreachable},
		{"sip:x@192.0.2.77;transport=ws", "", ErrUnreachable},
		{"sip:x@0.0.0.0", "", ErrUnreachable},
		{"sip:x@224.0.0.1", "", ErrUnreachable},
		{"sip:x@plain.test;maddr=192.0.2.78", "UDP 192.0.2.78:5060", nil},
		{"tel:+4989", "", ErrURI},
		{"sip:x@a..b", "", ErrName},

		{"sip:x@all.test", "TLS [2001:db8::1]:5443, TLS 192.0.2.1:5443, TLS 192.0.2.2:5443, UDP [2001:db8::1]:5060, UDP 192.0.2.1:5060, UDP 192.0.2.2:5060, " +
			"UDP 192.0.2.3:5070, TCP [2001:db8::1]:5080, TCP 192.0.2.1:5080, TCP 192.0.2.2:5080", nil},
		{"sips:x@all.test", "TLS [2001:db8::1]:5443, TLS 192.0.2.1:5443, TLS 192.0.2.2:5443", nil},
		{"sip:x@all.test;transport=udp", "UDP [2001:db8::1]:5060, UDP 192.0.2.1:5060, UDP 192.0.2.2:5060, UDP 192.0.2.3:5070", nil},
		{"sip:x@all.test:5062", "UDP 192.0.2.9:5062", nil},
		{"sip:x@ALL.test.:5062;transport=TCP", "TCP 192.0.2.9:5062", nil},
		{"sip:x@srv.test", "TCP 192.0.2.4:5090", nil},
		{"sip:x@srv.test;transport=udp", "UDP 192.0.2.4:5060", nil},
		{"sip:x@plain.test", "UDP [2001:db8::5]:5060, UDP 192.0.2.5:5060", nil},
		{"sips:x@plain.test", "TLS [2001:db8::5]:5061, TLS 192.0.2.5:5061", nil},
		{"sip:x@www.alias.test:5060", "UDP [2001:db8::5]:5060, UDP 192.0.2.5:5060", nil},
		{"sip:x@none.test", "", ErrNoTarget},
		{"sip:x@foreign.test", "", ErrNoTarget},
		{"sip:x@missing.test", "", ErrNoTarget},
		{"sip:x@odd.test", "UDP 192.0.2.8:5060", nil},
	} {
		t.Run(c.uri, func(t *testing.T) {
			res, _ := resolved(t, r, c.uri)
			if got := text(res.Targets); got != c.want || !errors.Is(res.Err, c.err) {
				t.Errorf("got %s, %v\nwant %s, %v", got, res.Err, c.want, c.err)
			}
			again, atOnce := resolved(t, r, c.uri)
			if got := text(again.Targets); !atOnce || got != c.want || !errors.Is(again.Err, c.err) {
				t.Errorf("again, at once %v: got %s, %v", atOnce, got, again.Err)
			}
		})
	}
}

func TestOnlyWhatWeHaveListenersFor(t *testing.T) {
	z := newZone(t,
		"all.test. 60 NAPTR 10 10 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.all.test.", "all.test. 60 NAPTR 20 20 \"s\" \"SIP+D2U\" \"\" _sip._udp.all.test.",
		"_sip._udp.all.test. 60 SRV 10 0 5060 a.all.test.", "_sips._tcp.all.test. 60 SRV 10 0 5443 a.all.test.",
		"a.all.test. 60 A 192.0.2.1", "a.all.test. 60 AAAA 2001:db8::1",
	)
	r, _ := newResolver(t, []string{z.addr}, func(c *Config) { c.Ways = []Way{{transport.UDP, true, false}} })
	for uri, want := range map[string]string{
		"sip:all.test": "UDP 192.0.2.1:5060", "sips:all.test": "", "sip:a.all.test;transport=tcp": "", "sip:[2001:db8::1]": "", "sip:a.all.test:5060;transport=tls": "",
	} {
		res, _ := resolved(t, r, uri)
		if got := text(res.Targets); got != want || (res.Err != nil) != (want == "") {
			t.Errorf("%s: %s, %v", uri, got, res.Err)
		}
	}
	if n := z.questions("AAAA a.all.test."); n != 0 {
		t.Errorf("asked for IPv6 %d times without a listener for it", n)
	}
}

// TestTheNameForTLS: the certificate has to name what the URI names, not what the DNS says (RFC 5922 section 4).
func TestTheNameForTLS(t *testing.T) {
	z := newZone(t, "_sips._tcp.all.test. 60 SRV 10 0 5443 a.other.test.", "a.other.test. 60 A 192.0.2.1")
	r, _ := newResolver(t, []string{z.addr}, nil)
	res, _ := resolved(t, r, "sips:x@All.Test")
	if len(res.Targets) != 1 || res.Targets[0].Name != "all.test" {
		t.Errorf("%+v", res)
	}
}

func TestCacheKeepsToTheTTL(t *testing.T) {
	z := newZone(t, "a.test. 120 A 192.0.2.1", "long.test. 864000 A 192.0.2.2", "zero.test. 0 A 192.0.2.3")
	soa, _ := dns.NewRR("test. 3600 SOA ns.test. x.test. 1 2 3 4 60")
	z.deny(soa)
	r, clk := newResolver(t, []string{z.addr}, func(c *Config) { c.Ways = []Way{{transport.UDP, true, false}} })
	for _, c := range []struct {
		host, want string
		keeps      time.Duration
	}{
		{"a.test", "UDP 192.0.2.1:5060", 120 * time.Second},
		{"long.test", "UDP 192.0.2.2:5060", time.Hour},
		{"zero.test", "UDP 192.0.2.3:5060", 10 * time.Second},
		{"missing.test", "", 60 * time.Second},
	} {
		t.Run(c.host, func(t *testing.T) {
			uri := "sip:" + c.host + ":5060"
			res, atOnce := resolved(t, r, uri)
			if text(res.Targets) != c.want || atOnce {
				t.Fatalf("%s %v %v", text(res.Targets), res.Err, atOnce)
			}
			clk.forward(c.keeps - time.Second)
			if _, atOnce := resolved(t, r, uri); !atOnce {
				t.Error("forgotten too early")
			}
			clk.forward(2 * time.Second)
			if _, atOnce := resolved(t, r, uri); atOnce {
				t.Error("kept too long")
			}
			if n := z.questions("A " + c.host + "."); n != 2 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestOneQuestionForAllWhoAsk(t *testing.T) {
	z := newZone(t)
	release := make(chan struct{})
	z.tell("A a.test.", func(req *dns.Msg) *dns.Msg {
		<-release
		m := new(dns.Msg).SetReply(req)
		rr, _ := dns.NewRR("a.test. 60 A 192.0.2.1")
		m.Answer = []dns.RR{rr}
		return m
	})
	r, _ := newResolver(t, []string{z.addr}, func(c *Config) {
		c.Ways, c.Timeout, c.MaxLookups = []Way{{transport.UDP, true, false}}, 10*time.Second, 1
	})
	q, _ := QueryOf("sip:a.test:5060")
	done := make(chan Result, maxWaiting)
	for i := range maxWaiting { // of as many sources: each has its share
		if _, atOnce := r.Lookup(q, fmt.Sprint(i), func(res Result) { done <- res }); atOnce {
			t.Fatal("answered at once")
		}
	}
	if res, atOnce := r.Lookup(q, "", nil); !atOnce || !errors.Is(res.Err, ErrBusy) {
		t.Errorf("one too many who wait: %v %v", res.Err, atOnce)
	}
	other, _ := QueryOf("sip:b.test:5060")
	if res, atOnce := r.Lookup(other, "", nil); !atOnce || !errors.Is(res.Err, ErrBusy) {
		t.Errorf("one lookup too many: %v %v", res.Err, atOnce)
	}
	close(release)
	for range maxWaiting {
		if res := <-done; text(res.Targets) != "UDP 192.0.2.1:5060" {
			t.Errorf("%+v", res)
		}
	}
	if n := z.questions("A a.test."); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestServersThatDoNotAnswer(t *testing.T) {
	silent := newZone(t)
	silent.tell("A a.test.", nobody)
	silent.tell("A b.test.", nobody)
	failing := newZone(t)
	for _, k := range []string{"A a.test.", "A b.test."} {
		failing.tell(k, func(req *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(req, dns.RcodeServerFailure) })
	}
	good := newZone(t, "a.test. 60 A 192.0.2.1", "b.test. 60 A 192.0.2.2")
	r, clk := newResolver(t, []string{silent.addr, failing.addr, good.addr}, func(c *Config) { c.Ways = []Way{{transport.UDP, true, false}} })
	if res, _ := resolved(t, r, "sip:a.test:5060"); text(res.Targets) != "UDP 192.0.2.1:5060" {
		t.Errorf("%+v", res)
	}
	if res, _ := resolved(t, r, "sip:b.test:5060"); text(res.Targets) != "UDP 192.0.2.2:5060" {
		t.Errorf("%+v", res)
	}
	if n := silent.questions("A b.test."); n != 0 {
		t.Error("the silent server was asked again first")
	}
	// All servers gone: what was known stands in, for an hour.
	good.tell("A a.test.", nobody)
	clk.forward(30 * time.Minute)
	if res, _ := resolved(t, r, "sip:a.test:5060"); text(res.Targets) != "UDP 192.0.2.1:5060" {
		t.Errorf("no answer stands in: %+v", res)
	}
	clk.forward(time.Hour)
	if res, _ := resolved(t, r, "sip:a.test:5060"); !errors.Is(res.Err, ErrServers) {
		t.Errorf("%+v", res)
	}
	if res, atOnce := resolved(t, r, "sip:a.test:5060"); !errors.Is(res.Err, ErrServers) || !atOnce {
		t.Errorf("servers that do not answer are asked again at once: %+v", res)
	}
}

func TestLargeAnswerOverTCP(t *testing.T) {
	z := newZone(t)
	for i := range 200 {
		z.add(fmt.Sprintf("_sip._udp.big.test. 60 SRV %d 0 5060 host-with-a-long-name-%03d.big.test.", i, i))
		z.add(fmt.Sprintf("host-with-a-long-name-%03d.big.test. 60 A 192.0.2.%d", i, i))
	}
	r, _ := newResolver(t, []string{z.addr}, func(c *Config) { c.Ways = []Way{{transport.UDP, true, false}} })
	res, _ := resolved(t, r, "sip:big.test;transport=udp")
	if len(res.Targets) != maxPlaces || res.Targets[0].Addr.String() != "192.0.2.0:5060" || r.Stats().TCP == 0 {
		t.Errorf("%s %v, %+v", text(res.Targets), res.Err, r.Stats())
	}
	if n := z.questions(""); n > 2+maxPlaces {
		t.Errorf("%d questions", n)
	}
}

func TestFormatErrorFromOldServers(t *testing.T) {
	z := newZone(t, "a.test. 60 A 192.0.2.1")
	z.tell("A a.test.", func(req *dns.Msg) *dns.Msg {
		m := new(dns.Msg).SetReply(req)
		if req.IsEdns0() != nil {
			m.Rcode, m.Question = dns.RcodeFormatError, nil
			return m
		}
		m.Answer = z.records["A a.test."]
		return m
	})
	r, _ := newResolver(t, []string{z.addr}, func(c *Config) { c.Ways = []Way{{transport.UDP, true, false}} })
	if res, _ := resolved(t, r, "sip:a.test:5060"); text(res.Targets) != "UDP 192.0.2.1:5060" {
		t.Errorf("%+v", res)
	}
}

func TestDeadTargetsComeLast(t *testing.T) {
	z := newZone(t, "_sip._udp.d.test. 600 SRV 1 0 5060 a.d.test.", "_sip._udp.d.test. 600 SRV 2 0 5060 b.d.test.",
		"a.d.test. 3600 A 192.0.2.1", "b.d.test. 3600 A 192.0.2.2")
	r, clk := newResolver(t, []string{z.addr}, func(c *Config) { c.Ways = []Way{{transport.UDP, true, false}} })
	const alive, swapped = "UDP 192.0.2.1:5060, UDP 192.0.2.2:5060", "UDP 192.0.2.2:5060, UDP 192.0.2.1:5060"
	expect := func(what, want string) {
		t.Helper()
		if res, _ := resolved(t, r, "sip:d.test;transport=udp"); text(res.Targets) != want {
			t.Errorf("%s: %s %v", what, text(res.Targets), res.Err)
		}
	}
	expect("fresh", alive)
	res, _ := resolved(t, r, "sip:d.test;transport=udp")
	first, second := res.Targets[0], res.Targets[1]
	r.Failed(first)
	r.Failed(first) // another call at the same time
	expect("the first is dead", swapped)
	clk.forward(deadFirst + time.Second)
	expect("half a minute later", alive)
	r.Failed(first)
	clk.forward(deadFirst + time.Second)
	expect("it failed again: longer", swapped)
	r.Answered(first)
	expect("it answered", alive)
	r.Failed(first)
	r.Failed(second)
	expect("all dead: as if none were", alive)
	clk.forward(time.Hour)
	if n := r.Stats().Dead; n != 0 {
		t.Errorf("%d dead after an hour", n)
	}
}

func TestDeadTargetsAreBounded(t *testing.T) {
	var d dead
	d.init()
	now := time.Unix(1, 0)
	for i := range maxDead * 2 {
		target, _ := ServerAddr(fmt.Sprintf("10.%d.%d.1:5060", i/250, i%250))
		d.mark(transport.Target{Proto: transport.UDP, Addr: target}, now)
	}
	if n := d.len(now); n > maxDead || n < maxDead/2 {
		t.Errorf("%d", n)
	}
}

func TestCacheIsBounded(t *testing.T) {
	var c cache
	c.init(Config{MaxEntries: 100}.withDefaults())
	for i := range 1000 {
		c.put(question{fmt.Sprint(i), dns.TypeA}, answer{}, nil, time.Unix(int64(i), 0))
	}
	if n := c.len(); n > 100 || n < 50 {
		t.Errorf("%d", n)
	}
}

// TestSRVWeights draws many times: the share of each record as the first of its priority is that of its weight (RFC 2782).
func TestSRVWeights(t *testing.T) {
	rng := rand.New(rand.NewPCG(42, 1))
	list := []srv{
		{1, 10, 1, "a"}, {1, 30, 1, "b"}, {1, 60, 1, "c"}, {1, 0, 1, "d"}, {2, 1, 1, "e"}, {2, 1, 1, "f"},
	}
	const runs = 100_000
	first, second := map[string]int{}, map[string]int{}
	for range runs {
		got := byWeight(list, rng.IntN)
		seen := map[string]bool{}
		for i, s := range got {
			seen[s.host] = true
			if i > 0 && s.priority < got[i-1].priority {
				t.Fatal("not in order of priority")
			}
		}
		if len(seen) != len(list) || len(got) != len(list) {
			t.Fatalf("lost records: %v", got)
		}
		first[got[0].host]++
		second[got[4].host]++
	}
	for host, want := range map[string]float64{"a": 0.10, "b": 0.30, "c": 0.60, "d": 0.01} {
		if share := float64(first[host]) / runs; share < want-0.012 || share > want+0.012 {
			t.Errorf("%s is first in %.4f of all runs, want about %.2f", host, share, want)
		}
	}
	if first["d"] == 0 {
		t.Error("a record of weight 0 is never first")
	}
	for host, n := range second {
		if share := float64(n) / runs; share < 0.48 || share > 0.52 {
			t.Errorf("%s is first of two equals in %.4f of all runs", host, share)
		}
	}
}

func TestAllOfWeightZeroAreDrawnEvenly(t *testing.T) {
	rng := rand.New(rand.NewPCG(42, 2))
	first := map[string]int{}
	for range 30_000 {
		first[byWeight([]srv{{1, 0, 1, "a"}, {1, 0, 1, "b"}, {1, 0, 1, "c"}}, rng.IntN)[0].host]++
	}
	for host, n := range first {
		if n < 9500 || n > 10500 {
			t.Errorf("%s %d times", host, n)
		}
	}
}

func TestServersOfTheSystem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	write := func(text string, at int64) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Unix(at, 0), time.Unix(at, 0)); err != nil {
			t.Fatal(err)
		}
	}
	var s servers
	s.init(Config{ResolvConf: file})
	now := time.Unix(1000, 0)
	if got := s.list(now); len(got) != 0 {
		t.Errorf("without a file: %v", got)
	}
	write("search x.test\nnameserver 127.0.0.53\nnameserver ::1\nnameserver nonsense\nnameserver 127.0.0.53\n", 1)
	now = now.Add(recheck)
	if got := fmt.Sprint(s.list(now)); got != "[127.0.0.53:53 [::1]:53]" {
		t.Errorf("%v", got)
	}
	write("garbage", 2)
	now = now.Add(recheck)
	if got := fmt.Sprint(s.list(now)); got != "[127.0.0.53:53 [::1]:53]" {
		t.Errorf("a file without servers: %v", got)
	}
	write("nameserver 192.0.2.53\n", 3)
	now = now.Add(recheck)
	if got := fmt.Sprint(s.list(now)); got != "[192.0.2.53:53]" {
		t.Errorf("after a change: %v", got)
	}
}

func TestLookupsOfAStoppedResolver(t *testing.T) {
	r, err := New(Config{Ways: allWays, Servers: []string{"127.0.0.1:9"}})
	if err != nil {
		t.Fatal(err)
	}
	q, _ := QueryOf("sip:a.test")
	if res, atOnce := r.Lookup(q, "", nil); !atOnce || !errors.Is(res.Err, ErrStopped) {
		t.Errorf("%+v %v", res, atOnce)
	}
}

func TestConfigNamesItsFaults(t *testing.T) {
	_, err := New(Config{Servers: []string{"192.0.2.1", "[2001:db8::1]:53", "ns.example.org", "192.0.2.1:0", "0.0.0.0"}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"Ways", "server 2", "server 3", "server 4"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "server 0") || strings.Contains(err.Error(), "server 1") {
		t.Errorf("%v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	z := newZone(t)
	for i := range 20 {
		z.add(fmt.Sprintf("h%d.test. 60 A 192.0.2.%d", i, i+1))
	}
	r, _ := newResolver(t, []string{z.addr}, nil)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if res, _ := resolved(t, r, fmt.Sprintf("sip:h%d.test:5060", i%20)); len(res.Targets) != 1 {
				t.Errorf("%+v", res)
			}
		})
	}
	wg.Wait()
}

// TestShares: a source whose names are all slow takes its share and no more, and the others go on.
func TestShares(t *testing.T) {
	z := newZone(t, "good.test. 60 A 192.0.2.1")
	slow := newSilence(t)
	for _, c := range []struct {
		name  string
		greed []string // sources that look for as many slow names as they can
		most  int      // lookups that they get, all together
	}{
		{"one", []string{"a"}, 52},
		{"eight", []string{"a", "b", "c", "d", "e", "f", "g", "h"}, 180},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _ := newResolver(t, []string{slow, z.addr}, func(c *Config) { c.Timeout = 700 * time.Millisecond })
			got, outcome := 0, make(chan Result, 256)
			for i := range 256 {
				for _, source := range c.greed {
					q, err := QueryOf(fmt.Sprintf("sip:%s%d.slow.test:5060", source, i))
					if err != nil {
						t.Fatal(err)
					}
					if res, now := r.Lookup(q, source, func(res Result) { outcome <- res }); !now {
						got++
					} else if !errors.Is(res.Err, ErrBusy) {
						t.Fatalf("%+v", res)
					}
				}
			}
			if got > c.most || got < c.most/2 {
				t.Errorf("the greedy got %d lookups, want up to %d", got, c.most)
			}
			q, _ := QueryOf("sip:good.test:5060")
			good := make(chan Result, 1)
			if res, now := r.Lookup(q, "modest", func(res Result) { good <- res }); now {
				t.Errorf("the modest source got %+v", res)
			} else if res := <-good; len(res.Targets) != 1 {
				t.Errorf("the modest source got %+v", res)
			}
			for range got {
				<-outcome
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			if len(r.loads) != 0 {
				t.Errorf("loads left: %v", r.loads)
			}
		})
	}
}

// newSilence is a DNS server that never answers.
func newSilence(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.LocalAddr().String()
}
