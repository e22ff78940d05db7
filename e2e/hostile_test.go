//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds on what an attack may cost, generous for slow machines.
const (
	maxGrowth   = 200 << 20 // bytes of memory over all attacks
	maxLogLines = 40        // per attack
	maxGap      = 600 * time.Millisecond
)

// TestAttacks plays the attacker while a call is up. During every attack the self-call, an
// independent SIP implementation, registers two phones and makes a new call; the call that is
// up loses no packet; memory and log stay bounded; what was dropped is counted with its reason.
func TestAttacks(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.listen("tls")
	r := newPairOn(t, d)
	callee, caller := r.phones(t, "UDP")
	up := r.connect(t, caller, callee, "")
	up.flows(t, 25)
	// A phone at an address from which attacks will come, registered before they do.
	neighbour := newPeer(t, r.daemon, r.caller, "UDP", "127.0.0.2:0")
	neighbour.register()
	// The phone that will run wild knows its password, and is known when others guess at it.
	wild := newPeer(t, r.daemon, r.caller, "TCP", "127.0.0.90:0")
	wild.register()
	r.selfcall(t) // makes its accounts and warms up
	memory := r.number("process_resident_memory_bytes")
	type attacks []func(t *testing.T, r *pair, done <-chan struct{})
	for _, attack := range []struct {
		name   string
		runs   attacks  // at once
		counts []string // metrics that must have grown
	}{
		{"garbage and huge messages", attacks{garbage, hugeMessages}, []string{`koppelfeld_sip_drops_total{layer="transport",reason="malformed"}`}},
		{"slow, half-open and deaf connections", attacks{slowConnections, deafClients}, []string{
			`koppelfeld_sip_drops_total{layer="transport",reason="source_limit"}`, `koppelfeld_sip_drops_total{layer="transport",reason="send_queue"}`,
		}},
		{"OPTIONS and INVITE without credentials", attacks{optionsFlood, inviteFlood}, []string{
			`koppelfeld_sip_requests_total{method="OPTIONS"}`, `koppelfeld_sip_requests_total{method="INVITE"}`,
		}},
		{"guessed passwords", attacks{badInviteFlood, func(t *testing.T, r *pair, done <-chan struct{}) { registerFlood(t, r, neighbour, done) }}, []string{
			`koppelfeld_sip_registers_total{result="challenged"}`, `koppelfeld_sip_wrong_credentials_total{verdict="wrong"}`,
			`koppelfeld_sip_wrong_credentials_total{verdict="unknown"}`, `koppelfeld_sip_drops_total{layer="credentials",reason="braked"}`,
		}},
		{"half-open, slow and false TLS", attacks{halfOpenTLS}, []string{
			`koppelfeld_sip_drops_total{layer="transport",reason="handshake"}`,
		}},
		{"more new calls and registrations than can be served", attacks{storm, func(t *testing.T, r *pair, done <-chan struct{}) { served(t, r, up, done) }}, []string{
			`koppelfeld_sip_requests_total{method="INVITE"}`, `koppelfeld_sip_requests_total{method="REGISTER"}`, "koppelfeld_sip_emergency_invites_total",
		}},
		{"requests with forged sources", attacks{forgedSources}, []string{
			`koppelfeld_sip_requests_total{method="REGISTER"}`, `koppelfeld_sip_requests_total{method="INVITE"}`,
		}},
		{"a phone that runs wild", attacks{func(t *testing.T, r *pair, done <-chan struct{}) { wildPhone(t, wild, done) }}, []string{`koppelfeld_sip_drops_total{layer="calls",reason="call_rate"}`}},
		{"forged requests of the call and strange RTP", attacks{func(t *testing.T, r *pair, done <-chan struct{}) { forged(t, r, up, done) }}, []string{
			`koppelfeld_sip_drops_total{layer="dispatch",reason="no_dialog"}`, `koppelfeld_media_dropped_total{reason="source"}`,
		}},
	} {
		t.Run(attack.name, func(t *testing.T) {
			log := r.log.String()
			before := r.numbers(attack.counts)
			done := make(chan struct{})
			var attackers sync.WaitGroup
			for _, run := range attack.runs {
				attackers.Go(func() { run(t, r, done) })
			}
			r.selfcall(t)
			close(done)
			attackers.Wait()
			for i, n := range r.numbers(attack.counts) {
				if n <= before[i] {
					t.Errorf("%s has not grown from %.0f", attack.counts[i], before[i])
				}
			}
			new := withoutRequests(strings.TrimPrefix(r.log.String(), log))
			if n := strings.Count(new, "\n"); n > maxLogLines {
				t.Errorf("%d lines of log, the last:\n%s", n, tail(new, 5))
			}
			for _, secret := range []string{r.callee.SIP.Password, r.caller.SIP.Password, "v=0", "response=", "INVITE sip"} {
				if strings.Contains(new, secret) {
					t.Errorf("the log shows %q", secret)
				}
			}
			up.flows(t, 5)
			t.Logf("memory %.0f MB", r.number("process_resident_memory_bytes")/1e6)
		})
	}
	if grown := r.number("process_resident_memory_bytes") - memory; grown > maxGrowth {
		t.Errorf("memory has grown by %.0f MB", grown/1e6)
	}
	for _, v := range []*voice{up.va, up.vb} {
		if f := v.figures(); f.missing != 0 || f.biggest > maxGap {
			t.Errorf("the call's audio has suffered: %+v", f)
		}
	}
	up.end(t)
	if got := r.record(t, up.a.callID); got.Result != "answered" || got.MediaNote != "" || got.MediaCaller.Lost != 0 || got.MediaCallee.Lost != 0 {
		t.Errorf("record %+v, media %+v %+v", got, got.MediaCaller, got.MediaCallee)
	}
	r.clean(t)
}

// TestScannersFindNothing runs SIPVicious: it learns that something answers and nothing more.
func TestScannersFindNothing(t *testing.T) {
	r := newPair(t)
	_, port, _ := net.SplitHostPort(r.sip)
	scan := func(tool string, args ...string) string {
		within := 30 * time.Second
		if tool == "svcrack" {
			within = 4 * time.Second // silence makes it wait for ever
		}
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		args = append([]string{"-p", port, "-P", strconv.Itoa(freePort(t))}, args...)
		out, _ := exec.CommandContext(ctx, tool, append(args, "127.0.0.1")...).CombinedOutput()
		return string(out)
	}
	var scans sync.WaitGroup
	scans.Go(func() {
		if out := scan("svmap"); !strings.Contains(out, "unknown") || strings.Contains(strings.ToLower(out), "koppelfeld/") {
			t.Errorf("svmap:\n%s", out)
		}
	})
	for _, method := range []string{"REGISTER", "INVITE", "OPTIONS"} {
		scans.Go(func() {
			if out := scan("svwar", "-e", "400-430", "-m", method, "--force"); !strings.Contains(out, "found nothing") || strings.Contains(out, "Server:") {
				t.Errorf("svwar with %s:\n%s", method, out)
			}
		})
	}
	scans.Go(func() {
		if out := scan("svcrack", "-u", r.caller.SIP.Username, "-r", "100-400"); strings.Contains(out, "password") {
			t.Errorf("svcrack:\n%s", out)
		}
	})
	scans.Wait()
	n := r.numbers([]string{`koppelfeld_sip_wrong_credentials_total{verdict="wrong"}`, `koppelfeld_sip_drops_total{layer="credentials",reason="braked"}`})
	if n[0] == 0 || n[0] > 20 || n[1] < 100 {
		t.Errorf("%.0f guesses were looked at and %.0f were not", n[0], n[1])
	}
}

// selfcall makes a call between the two built-in test phones.
func (r *pair) selfcall(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, binary, "selfcall", "--config", r.config).CombinedOutput(); err != nil {
		t.Errorf("a new call fails: %v\n%s", err, out)
	}
}

// numbers reads metrics, 0 for those that do not exist.
func (d *daemon) numbers(names []string) []float64 {
	d.t.Helper()
	res, err := d.web().Get("http://" + d.metrics + "/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	out := make([]float64, len(names))
	for line := range strings.Lines(string(text)) {
		for i, name := range names {
			if v, ok := strings.CutPrefix(line, name+" "); ok {
				if out[i], err = strconv.ParseFloat(strings.TrimSpace(v), 64); err != nil {
					d.t.Fatal(err)
				}
			}
		}
	}
	return out
}

func (d *daemon) number(name string) float64 { return d.numbers([]string{name})[0] }

// flood sends datagrams from addresses until done, perMS each millisecond, at most limit.
func flood(t *testing.T, r *pair, sources []string, perMS, limit int, done <-chan struct{}, next func(i int) []byte) (sent int) {
	var conns []net.Conn
	for _, s := range sources {
		dialer := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(mustAddr(t, s+":0"))}
		c, err := dialer.Dial("udp", r.sip)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer c.Close()
		conns = append(conns, c)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for sent < limit {
		select {
		case <-done:
			return sent
		case <-tick.C:
		}
		for range perMS {
			_, _ = conns[sent%len(conns)].Write(next(sent)) // what the kernel refuses is no matter
			sent++
		}
	}
	return sent
}

func loopback(first, last int) (out []string) {
	for i := first; i <= last; i++ {
		out = append(out, fmt.Sprintf("127.0.0.%d", i))
	}
	return out
}

func garbage(t *testing.T, r *pair, done <-chan struct{}) {
	rnd := rand.New(rand.NewPCG(1, 2))
	whole := []byte(wire("OPTIONS sip:x@y SIP/2.0\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKx\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>\nCall-ID: x\nCSeq: 1 OPTIONS\nMax-Forwards: 70\n", ""))
	flood(t, r, loopback(2, 9), 10, 40000, done, func(i int) []byte {
		switch i % 5 {
		case 0: // noise
			b := make([]byte, rnd.IntN(1400))
			for j := range b {
				b[j] = byte(rnd.Uint32())
			}
			return b
		case 1: // cut short
			return whole[:rnd.IntN(len(whole))]
		case 2: // damaged
			b := append([]byte(nil), whole...)
			b[rnd.IntN(len(b))] ^= byte(1 + rnd.IntN(255))
			return b
		case 3:
			return make([]byte, rnd.IntN(64))
		default:
			return []byte("SIP/2.0 200 OK\r\n\r\n")
		}
	})
}

func hugeMessages(t *testing.T, r *pair, done <-chan struct{}) {
	base := "INVITE sip:416@" + domain + " SIP/2.0\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKx;rport%s\nFrom: <sip:a@b>;tag=1%s\nTo: <sip:a@b>\nCall-ID: x%d\nCSeq: 1 INVITE\nMax-Forwards: 70\n%s"
	params := strings.Repeat(";a=b", 10000)
	many := strings.Repeat("X: y\n", 10000)
	long := "Subject: " + strings.Repeat("x", 60000) + "\n"
	commas := "Contact: " + strings.Repeat("<sip:a@b>,", 6000) + "<sip:a@b>\n"
	creds := "Authorization: Digest " + strings.Repeat("a=b,", 14000) + "realm=\"" + domain + "\"\n"
	flood(t, r, loopback(2, 5), 1, 3000, done, func(i int) []byte {
		args := [3]string{"", "", ""}
		switch i % 6 {
		case 0:
			args[0] = params
		case 1:
			args[1] = params
		case 2:
			args[2] = many
		case 3:
			args[2] = long
		case 4:
			args[2] = commas
		case 5:
			args[2] = creds
		}
		return []byte(wire(fmt.Sprintf(base, args[0], args[1], i, args[2]), ""))
	})
}

// slowConnections opens more connections than one address may have: a third says nothing, a third one
// byte at a time, a third begins a message with a large body.
func slowConnections(t *testing.T, r *pair, done <-chan struct{}) {
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	head := wire("OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/TCP 1.2.3.4;branch=z9hG4bKx\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>\nCall-ID: x\nCSeq: 1 OPTIONS\nMax-Forwards: 70\n", "")
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}, Timeout: time.Second}
	for i := range 650 {
		c, err := dialer.Dial("tcp", r.sip)
		if err != nil {
			continue
		}
		conns = append(conns, c)
		if i%3 == 2 {
			_, _ = io.WriteString(c, strings.Replace(head, "Length: 0", "Length: 60000", 1)+strings.Repeat("x", 30000))
		}
	}
	// An honest phone at the same address still gets in.
	p := newPeer(t, r.daemon, r.caller, "TCP", "127.0.0.9:0")
	p.register()
	for i := 0; ; i++ {
		select {
		case <-done:
			p.unregister()
			return
		case <-time.After(100 * time.Millisecond):
		}
		for j, c := range conns {
			if j%3 == 1 {
				_, _ = c.Write([]byte{head[i%len(head)]})
			}
		}
	}
}

// deafClients ask without end over TCP and never read the answers.
func deafClients(t *testing.T, r *pair, done <-chan struct{}) {
	var wg sync.WaitGroup
	defer wg.Wait()
	many := []byte(strings.Repeat(wire("OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/TCP 1.2.3.4;branch=z9hG4bKx\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>\nCall-ID: x\nCSeq: 1 OPTIONS\nMax-Forwards: 70\n", ""), 100))
	for _, source := range loopback(10, 13) {
		dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(mustAddr(t, source+":0"))}
		c, err := dialer.Dial("tcp", r.sip)
		if err != nil {
			t.Error(err)
			return
		}
		stop := make(chan struct{})
		wg.Go(func() {
			select {
			case <-done:
			case <-stop:
			}
			c.Close()
		})
		wg.Go(func() {
			defer close(stop)
			for range 500 {
				if _, err := c.Write(many); err != nil {
					return
				}
			}
		})
	}
}

// halfOpenTLS opens more TLS connections than one address may have: a third says nothing, a third begins a handshake one byte at a time, a
// third speaks SIP where a handshake is due. A phone at another address still gets through its handshake.
func halfOpenTLS(t *testing.T, r *pair, done <-chan struct{}) {
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	hello := []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("x", 500))
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 14)}, Timeout: time.Second}
	for i := range 650 {
		c, err := dialer.Dial("tcp", r.also["tls"])
		if err != nil {
			continue
		}
		conns = append(conns, c)
		if i%3 == 2 {
			_, _ = c.Write(request("OPTIONS", i, ""))
		}
	}
	shake := tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: &tls.Config{InsecureSkipVerify: true}}
	c, err := shake.DialContext(t.Context(), "tcp", r.also["tls"])
	if err != nil {
		t.Errorf("an honest handshake fails: %v", err)
	} else {
		c.Close()
	}
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		case <-time.After(100 * time.Millisecond):
		}
		for j, c := range conns {
			if j%3 == 1 {
				_, _ = c.Write(hello[i%len(hello) : i%len(hello)+1])
			}
		}
	}
}

// storm offers new work from many addresses as fast as this machine can.
func storm(t *testing.T, r *pair, done <-chan struct{}) {
	flood(t, r, loopback(20, 80), 40, 150000, done, func(i int) []byte {
		return request([]string{"INVITE", "REGISTER", "OPTIONS", "SUBSCRIBE"}[i%4], i, "")
	})
}

// forgedSources offers new work, each request from another of 65,000 addresses, as fast as this machine can: no source has a budget to exceed.
func forgedSources(t *testing.T, r *pair, done <-chan struct{}) {
	to := mustAddr(t, r.sip)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{}); err != nil {
		t.Error(err)
		return
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for sent := 0; sent < 150000; {
		select {
		case <-done:
			t.Logf("%d requests", sent)
			return
		case <-tick.C:
		}
		for range 40 {
			sent++
			// All of 127/8 is this machine, so the kernel lets each datagram choose its source (ip(7), IP_PKTINFO).
			source := unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte{127, 1 + byte(sent>>16), byte(sent >> 8), byte(sent)}})
			_ = unix.Sendmsg(fd, request([]string{"INVITE", "REGISTER", "OPTIONS", "SUBSCRIBE"}[sent%4], sent, ""), source, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}, unix.MSG_DONTWAIT)
		}
	}
}

// served checks that meanwhile the call that is up is heard, and that an emergency call is, both soon.
func served(t *testing.T, r *pair, up *connected, done <-chan struct{}) {
	help := newPeer(t, r.daemon, r.caller, "TCP", "127.0.0.1:0")
	var worst time.Duration
	for n := 0; ; n++ {
		select {
		case <-done:
			t.Logf("%d requests of the call and emergency calls were answered, the slowest after %v", 2*n, worst)
			if n == 0 {
				t.Error("the storm was over too soon")
			}
			return
		default:
		}
		for _, ask := range []func(){
			func() {
				text := up.a.send("OPTIONS", "", "")
				up.a.p.awaitAgain(text, "200 OPTIONS")
			},
			func() {
				k := help.dial("sip:112@"+domain, "", description("127.0.0.1", 40000, 1, "", pcmu...))
				k.ackFailure(help.await("404 INVITE")) // there is no way out yet
			},
		} {
			begun := time.Now()
			ask()
			if took := time.Since(begun); took > worst {
				worst = took
			}
		}
		if worst > 3*time.Second {
			t.Errorf("answered after %v", worst)
		}
		select {
		case <-done:
		case <-time.After(300 * time.Millisecond): // emergency calls have a budget
		}
	}
}

// awaitAgain sends a request again and again, as phones do over UDP, until its answer comes.
func (p *peer) awaitAgain(text, kind string) {
	p.t.Helper()
	for range 10 {
		again := time.After(500 * time.Millisecond)
		for waiting := true; waiting; {
			select {
			case m := <-p.in:
				if m.kind() == kind {
					return
				}
			case <-again:
				waiting = false
			}
		}
		p.send(text)
	}
	p.t.Errorf("%s %s did not get %s", p.proto, p.local, kind)
}

// wildPhone knows a password and calls without end.
func wildPhone(t *testing.T, wild *peer, done <-chan struct{}) {
	refused := 0
	for range 100 {
		k := wild.dial("sip:499@"+domain, "", description("127.0.0.1", 40000, 1, "", pcmu...))
		res := wild.await("404 INVITE", "503 INVITE")
		k.ackFailure(res)
		if res.kind() == "503 INVITE" {
			refused++
		}
	}
	if refused < 10 {
		t.Errorf("%d of 100 calls were refused", refused)
	}
	<-done
}

// request is one of a flood, from nobody in particular.
func request(method string, i int, extra string) []byte {
	return []byte(wire(fmt.Sprintf("%s sip:%d@%s SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKf%d;rport\nFrom: <sip:%d@%s>;tag=f%d\nTo: <sip:%d@%s>\nCall-ID: f%d-%s\nCSeq: 1 %s\nMax-Forwards: 70\nContact: <sip:x@127.0.0.1:9>\n%s",
		method, i%1000, domain, i, i%1000, domain, i, i%1000, domain, i, method, method, extra), ""))
}

func optionsFlood(t *testing.T, r *pair, done <-chan struct{}) {
	flood(t, r, loopback(2, 20), 10, 40000, done, func(i int) []byte { return request("OPTIONS", i, "") })
}

func inviteFlood(t *testing.T, r *pair, done <-chan struct{}) {
	flood(t, r, loopback(2, 20), 10, 40000, done, func(i int) []byte { return request("INVITE", i, "") })
	if n := r.transactions(); n > 5000 {
		t.Errorf("%.0f transactions are kept for INVITEs without credentials", n)
	}
}

func (r *pair) transactions() (sum float64) {
	for i := range 64 {
		sum += r.number(fmt.Sprintf(`koppelfeld_sip_transactions{shard="%d"}`, i))
	}
	return sum
}

// badCredentials guess passwords of a real account, of none, or are nonsense.
func badCredentials(t *testing.T, r *pair) func(method string, i int) string {
	p := newPeer(t, r.daemon, r.caller, "UDP", "127.0.0.1:0")
	p.send(string(request("INVITE", 0, "")))
	challenge := p.await("401 INVITE")
	return func(method string, i int) string {
		a := r.caller
		a.SIP.Password = strconv.Itoa(i)
		switch i % 4 {
		case 1:
			a.SIP.Username = strconv.Itoa(i)
		case 2:
			return "Authorization: Digest nonsense\n"
		case 3:
			return "Authorization: Digest username=\"x\", realm=\"elsewhere\", nonce=\"x\", uri=\"x\", response=\"x\"\n"
		}
		return a.credentials(challenge, method, "sip:"+domain) + "\n"
	}
}

func badInviteFlood(t *testing.T, r *pair, done <-chan struct{}) {
	creds := badCredentials(t, r)
	flood(t, r, loopback(2, 20), 10, 40000, done, func(i int) []byte { return request("INVITE", i, creds("INVITE", i)) })
	if n := r.transactions(); n > 5000 {
		t.Errorf("%.0f transactions are kept for INVITEs with bad credentials", n)
	}
}

// registerFlood guesses from the very address of a phone with a healthy registration.
func registerFlood(t *testing.T, r *pair, healthy *peer, done <-chan struct{}) {
	creds := badCredentials(t, r)
	var sent atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		flood(t, r, loopback(2, 20), 10, 40000, done, func(i int) []byte {
			sent.Add(1)
			return request("REGISTER", i, creds("REGISTER", i))
		})
	})
	eventually(t, 5*time.Second, "the flood is under way", func() bool { return sent.Load() > 5000 })
	healthy.register()
	k := healthy.dial("sip:499@"+domain, "", description("127.0.0.1", 40000, 1, "", pcmu...))
	k.ackFailure(healthy.await("404 INVITE"))
	healthy.unregister()
	wg.Wait()
}

// forged tries to end or take over a call that is up, without knowing its tags, and talks into it.
func forged(t *testing.T, r *pair, up *connected, done <-chan struct{}) {
	p := newPeer(t, r.daemon, r.caller, "UDP", "127.0.0.3:0")
	for _, method := range []string{"BYE", "INVITE", "UPDATE", "INFO"} {
		for _, tag := range []string{"guess", strings.SplitAfter(up.a.other, ";tag=")[1]} {
			k := &talk{p: p, callID: up.a.callID, local: "<sip:x@y>;tag=wrong", other: "<sip:416@" + domain + ">;tag=" + tag, target: up.a.target, seq: 50}
			k.send(method, "", "")
			p.await("481 " + method)
		}
	}
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 3)})
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := uint16(0); ; i++ {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		for _, to := range []string{up.toA, up.toB} {
			_, _ = c.WriteToUDPAddrPort(rtpPacket(0, i, uint32(i)*160, 666, make([]byte, 160)), mustAddr(t, to))
			_, _ = c.WriteToUDPAddrPort([]byte("noise"), mustAddr(t, to))
		}
	}
}
