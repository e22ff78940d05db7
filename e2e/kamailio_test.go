//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// startKamailio runs a Kamailio with a configuration of testdata, in which words are replaced, until the test ends.
func startKamailio(t *testing.T, config string, replace ...string) (port int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", config))
	if err != nil {
		t.Fatal(err)
	}
	port = freePort(t)
	replace = append(replace, "127.0.0.1:PORT", fmt.Sprintf("127.0.0.1:%d", port))
	dir := t.TempDir()
	file := filepath.Join(dir, config)
	if err := os.WriteFile(file, []byte(strings.NewReplacer(replace...).Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &syncBuffer{}
	cmd := exec.Command("kamailio", "-f", file, "-DD", "-E", "-m", "64", "-M", "8", "-Y", dir, "-P", filepath.Join(dir, "pid"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting kamailio: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("kamailio:\n%s", tail(log.String(), 30))
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
	})
	c, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := make([]byte, 4096)
	eventually(t, 15*time.Second, "kamailio answers", func() bool {
		select {
		case err := <-done:
			done <- err
			t.Fatalf("kamailio ended: %v\n%s", err, log.String())
		default:
		}
		_, _ = fmt.Fprintf(c, "OPTIONS sip:ready@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s\r\nFrom: <sip:t@x>;tag=1\r\nTo: <sip:ready@127.0.0.1>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
			c.LocalAddr(), token(), token())
		_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		n, err := c.Read(b)
		return err == nil && strings.HasPrefix(string(b[:n]), "SIP/2.0 200")
	})
	return port
}

// TestPhonesBehindAnEdgeProxy: baresips register through a Kamailio that stays in the way by Path and Record-Route. Calls run
// through it in both directions, and what belongs to a call follows the recorded route.
func TestPhonesBehindAnEdgeProxy(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			d := newDaemon(t, "sqlite")
			d.start()
			armin, iris := d.slots("armin.artmann")["desk"], d.slots("iris.immsee")["desk"]
			d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin.ID}}, nil)
			edge := startKamailio(t, "kamailio-edge.cfg", "DAEMON_PORT", d.sip[strings.LastIndexByte(d.sip, ':')+1:], "DAEMON", d.sip)
			server := fmt.Sprintf("127.0.0.1:%d", edge)
			behind := startPhone(t, phoneOptions{name: "behind", account: armin, server: server, transport: transport, tone: toneArmin, answer: true})
			direct := startPhone(t, phoneOptions{name: "caller", account: iris, server: server, transport: transport, tone: toneIris})

			direct.command("dial", "sip:416@koppelfeld.example")
			direct.await("CALL_ESTABLISHED")
			behind.await("CALL_ESTABLISHED")
			route := "Record-Route: <sip:127.0.0.1:" + fmt.Sprint(edge)
			for _, p := range []*phone{behind, direct} {
				if !strings.Contains(p.log.String(), "Record-Route:") || !strings.Contains(p.log.String(), fmt.Sprintf("127.0.0.1:%d", edge)) {
					t.Errorf("%s saw no %s", p.name, route)
				}
			}
			heard := func(p *phone, hz float64) func() bool {
				return func() bool {
					share, blocks := p.purity(hz)
					return blocks >= 4 && share > 0.8
				}
			}
			d.eventually(15*time.Second, "the caller hears the callee", heard(direct, toneArmin))
			d.eventually(15*time.Second, "the callee hears the caller", heard(behind, toneIris))
			direct.command("hangup", "")
			behind.await("CALL_CLOSED")
			// The BYE came by the proxy: it stands in the topmost Via.
			bye := behind.log.String()
			bye = bye[strings.LastIndex(bye, "\nBYE sip:")+1:]
			via := bye[strings.Index(bye, "Via:"):]
			via, _, _ = strings.Cut(via, "\n")
			if !strings.Contains(via, fmt.Sprintf("127.0.0.1:%d", edge)) {
				t.Errorf("the BYE did not come through the proxy: %s", via)
			}
			rec := d.awaitRecords(1)
			if rec.Result != "answered" || rec.HangupBy != "caller" {
				t.Errorf("record %+v", rec)
			}

			// And the other way: the one who was called hangs up.
			behind.forget()
			direct.forget()
			direct.command("dial", "sip:416@koppelfeld.example")
			direct.await("CALL_ESTABLISHED")
			behind.await("CALL_ESTABLISHED")
			behind.command("hangup", "")
			direct.await("CALL_CLOSED")
			if rec := d.awaitRecords(2); rec.Result != "answered" || rec.HangupBy != "callee" {
				t.Errorf("record %+v", rec)
			}
			d.eventually(5*time.Second, "no call is left", func() bool { return d.activeCalls() == 0 })
		})
	}
}

// zone is a DNS server with fixed records.
func zone(t *testing.T, records ...string) (addr string) {
	t.Helper()
	known := map[string][]dns.RR{}
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		k := fmt.Sprint(rr.Header().Rrtype, rr.Header().Name)
		known[k] = append(known[k], rr)
	}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	s := &dns.Server{PacketConn: pc, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Answer = known[fmt.Sprint(q.Question[0].Qtype, strings.ToLower(q.Question[0].Name))]
		_ = w.WriteMsg(m)
	})}
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	wg.Go(func() { _ = s.ActivateAndServe() })
	<-started
	t.Cleanup(func() { _ = s.Shutdown() })
	return pc.LocalAddr().String()
}

// TestProviderByName: a contact names a provider by its domain. Its first SRV target is dead, the second is a Kamailio with
// what takes the call behind it.
func TestProviderByName(t *testing.T) {
	d := newDaemon(t, "sqlite")
	inside, dead := freePort(t), freePort(t)
	border := startKamailio(t, "kamailio-provider.cfg", "INSIDE", fmt.Sprintf("127.0.0.1:%d", inside))
	names := zone(t,
		fmt.Sprintf("_sip._udp.provider.example. 60 SRV 10 0 %d dead.provider.example.", dead),
		fmt.Sprintf("_sip._udp.provider.example. 60 SRV 20 0 %d border.provider.example.", border),
		"dead.provider.example. 60 A 127.0.0.1", "border.provider.example. 60 A 127.0.0.1",
		`provider.example. 60 NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.provider.example.`,
	)
	config, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.config, append(config, []byte(fmt.Sprintf("[dns]\nservers = [%q]\n", names))...), 0o600); err != nil {
		t.Fatal(err)
	}
	d.start()
	armin, iris := d.slots("armin.artmann")["desk"], d.slots("iris.immsee")["desk"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin.ID}}, nil)

	agent := newPeer(t, d, armin, "UDP", "127.0.0.1:0")
	if res := agent.registering().do("<sip:line@provider.example>", "Expires: 600\n"); res.kind() != "200 REGISTER" {
		t.Fatalf("registering: %s", res)
	}
	route := "[last_Record-Route:]\n"
	s := newScenario("behind the provider").recv(`request="INVITE" rrs="true"`).send("", sippResponse("180 Ringing", route, "")).
		send(`retrans="500"`, sippResponse("200 OK", route, sdpBody)).recv(`request="ACK" rrs="true"`).recv(`request="BYE"`).send("", sippResponse("200 OK", "", ""))
	wait := sipp(t, d, armin, inside, s.file(t))

	caller := newPeer(t, d, iris, "UDP", "127.0.0.1:0")
	began := time.Now()
	k := caller.dial("sip:416@"+domain, "", plainSDP(caller.local))
	eventually(t, 12*time.Second, "the call is answered", func() bool { return caller.count("200 INVITE") > 0 })
	if took := time.Since(began); took < 3*time.Second || took > 8*time.Second {
		t.Errorf("answered after %v: was the dead target tried?", took)
	}
	k.answered("")
	k.send("BYE", "", "")
	caller.await("200 BYE")
	wait()
	if rec := d.awaitRecords(1); rec.Result != "answered" || len(rec.Legs) != 1 {
		t.Errorf("record %+v", rec)
	}
	if n := agent.count("INVITE"); n != 0 {
		t.Errorf("what has registered got %d INVITEs", n)
	}
	// The dead target is known as such: the next call goes to the second at once.
	wait = sipp(t, d, armin, inside, s.file(t))
	began = time.Now()
	k = caller.dial("sip:416@"+domain, "", plainSDP(caller.local))
	eventually(t, 12*time.Second, "the second call is answered", func() bool { return caller.count("200 INVITE") > 1 })
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the second call was answered after %v", took)
	}
	k.answered("")
	k.send("BYE", "", "")
	caller.await("200 BYE")
	wait()
}

func plainSDP(local string) string {
	host, _, _ := net.SplitHostPort(local)
	return "v=0\r\no=- 1 1 IN IP4 " + host + "\r\ns=-\r\nc=IN IP4 " + host + "\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
}

// TestLargeInviteTakesTCP: an INVITE that does not fit a datagram goes to a baresip over TCP, where it listens too, and to a SIPp, which
// does not, over UDP.
func TestLargeInviteTakesTCP(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	armin, iris := d.slots("armin.artmann"), d.slots("iris.immsee")["desk"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin["desk"].ID}, "4161": {armin["dect"].ID}}, nil)
	tcp := startPhone(t, phoneOptions{name: "tcp", account: armin["desk"], server: d.sip, transport: "udp", tone: toneArmin, answer: true})
	port := freePort(t)
	sippRegister(t, d, armin["dect"], port)
	s := newScenario("over UDP").recv(`request="INVITE"`).send("", sippResponse("180 Ringing", "", "")).
		send(`retrans="500"`, sippResponse("200 OK", "", sdpBody)).recv(`request="ACK"`).recv(`request="BYE"`).send("", sippResponse("200 OK", "", ""))
	wait := sipp(t, d, armin["dect"], port, s.file(t))

	caller := newPeer(t, d, iris, "TCP", "127.0.0.1:0")
	body := plainSDP(caller.local)
	for i := range 30 {
		body += fmt.Sprintf("a=x-line-%d:%s\r\n", i, strings.Repeat("x", 40))
	}
	for _, number := range []string{"416", "4161"} {
		k := caller.dial("sip:"+number+"@"+domain, "", body)
		k.answered("")
		k.send("BYE", "", "")
		caller.await("200 BYE")
	}
	wait()
	tcp.await("CALL_CLOSED")
	log := tcp.log.String()
	invite := log[strings.LastIndex(log, "\nINVITE sip:")+1:]
	if via := invite[strings.Index(invite, "Via:"):]; !strings.HasPrefix(via, "Via: SIP/2.0/TCP ") {
		t.Errorf("the INVITE came by %.60s", via)
	}
}
