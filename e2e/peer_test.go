//go:build e2e

package e2e

import (
	"bufio"
	"crypto/md5"
	"crypto/rand"
	bigendian "encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// packet is a SIP message as it came, read without the daemon's own parser.
type packet struct {
	first string   // start line
	head  []string // "Name: value", folded lines joined
	body  string
}

func parsePacket(text string) *packet {
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	head = strings.NewReplacer("\r\n ", " ", "\r\n\t", " ").Replace(head)
	lines := strings.Split(head, "\r\n")
	return &packet{first: lines[0], head: lines[1:], body: body}
}

func (p *packet) String() string {
	return p.first + "\n" + strings.Join(p.head, "\n") + "\n\n" + p.body
}

// all are the values of a header.
func (p *packet) all(name string) (out []string) {
	for _, line := range p.head {
		if n, v, _ := strings.Cut(line, ":"); strings.EqualFold(strings.TrimSpace(n), name) {
			out = append(out, strings.TrimSpace(v))
		}
	}
	return out
}

// get is the first value of a header, or "".
func (p *packet) get(name string) string {
	if v := p.all(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// kind is "INVITE" for a request and "180 INVITE" for a response.
func (p *packet) kind() string {
	method := strings.Fields(p.get("CSeq") + " - -")[1]
	if status, ok := strings.CutPrefix(p.first, "SIP/2.0 "); ok {
		return status[:min(3, len(status))] + " " + method
	}
	return strings.Fields(p.first)[0]
}

// uri is what stands between the angle brackets of a header.
func (p *packet) uri(name string) string {
	_, v, _ := strings.Cut(p.get(name), "<")
	v, _, _ = strings.Cut(v, ">")
	return v
}

func mustAddr(t *testing.T, s string) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// token makes text that nobody else has.
func token() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// peer is a phone made of a socket and a script: it says exactly what a test wants said.
type peer struct {
	t     *testing.T
	d     *daemon
	proto string // UDP, TCP, TLS, WS or WSS
	local string
	acc   account
	udp   *net.UDPConn
	tcp   net.Conn
	in    chan *packet

	mu   sync.Mutex
	seen []string // kinds of all that came
}

// newPeer opens a phone's socket at an address ("127.0.0.1:0").
func newPeer(t *testing.T, d *daemon, a account, proto, local string) *peer {
	t.Helper()
	p := &peer{t: t, d: d, proto: proto, acc: a, in: make(chan *packet, 1024)}
	var err error
	if proto == "UDP" {
		at := net.UDPAddrFromAddrPort(mustAddr(t, local))
		if p.udp, err = net.ListenUDP("udp", at); err == nil {
			p.local = p.udp.LocalAddr().String()
			go p.readUDP(p.udp)
			t.Cleanup(func() { p.udp.Close() })
		}
	} else if proto != "TCP" {
		p.open(d.also[strings.ToLower(proto)])
	} else {
		dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(mustAddr(t, local))}
		if p.tcp, err = dialer.Dial("tcp", d.sip); err == nil {
			p.local = p.tcp.LocalAddr().String()
			go p.readTCP(p.tcp)
			t.Cleanup(func() { p.tcp.Close() })
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *peer) readUDP(c *net.UDPConn) {
	b := make([]byte, 65536)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		p.take(string(b[:n]))
	}
}

func (p *peer) readTCP(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		var b strings.Builder
		size := 0
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if b.Len() == 0 && strings.TrimSpace(line) == "" {
				p.note("keep-alive")
				continue
			}
			b.WriteString(line)
			if n, v, _ := strings.Cut(line, ":"); strings.EqualFold(n, "Content-Length") {
				size, _ = strconv.Atoi(strings.TrimSpace(v))
			}
			if line == "\r\n" {
				break
			}
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		p.take(b.String() + string(body))
	}
}

func (p *peer) take(text string) {
	m := parsePacket(text)
	p.note(m.kind())
	select {
	case p.in <- m:
	default:
	}
}

func (p *peer) note(kind string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, kind)
}

// count is how many messages of a kind have come.
func (p *peer) count(kind string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.seen {
		if k == kind {
			n++
		}
	}
	return n
}

// send sends bytes as they are.
func (p *peer) send(text string) {
	p.t.Helper()
	var err error
	if p.udp != nil {
		_, err = p.udp.WriteToUDPAddrPort([]byte(text), mustAddr(p.t, p.d.sip))
	} else {
		_, err = p.tcp.Write([]byte(text))
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// wire gives a message its line ends and Content-Length.
func wire(text, body string) string {
	text = strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\r\n")
	return fmt.Sprintf("%s\r\nContent-Length: %d\r\n\r\n%s", text, len(body), body)
}

// await takes the next message of a kind and forgets those before it. It fails the test after 5 s.
func (p *peer) await(kinds ...string) *packet {
	p.t.Helper()
	timeout := time.After(5 * time.Second)
	for {
		select {
		case m := <-p.in:
			for _, kind := range kinds {
				if m.kind() == kind {
					return m
				}
			}
		case <-timeout:
			p.mu.Lock()
			defer p.mu.Unlock()
			p.t.Fatalf("%s %s did not get %v; it got %v", p.proto, p.local, kinds, p.seen)
		}
	}
}

// quiet fails the test if a message of the kind comes within d.
func (p *peer) quiet(kind string, d time.Duration) {
	p.t.Helper()
	timeout := time.After(d)
	for {
		select {
		case m := <-p.in:
			if m.kind() == kind {
				p.t.Fatalf("%s got a %s that was not to come:\n%s", p.local, kind, m)
			}
		case <-timeout:
			return
		}
	}
}

var digestParam = regexp.MustCompile(`(\w+)="?([^",]*)"?`)

// credentials answers the challenge in res with MD5.
func (a account) credentials(res *packet, method, uri string) string {
	p := map[string]string{}
	for _, m := range digestParam.FindAllStringSubmatch(res.get("WWW-Authenticate"), -1) {
		p[m[1]] = m[2]
	}
	h := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	cnonce := token()
	response := h(h(a.SIP.Username+":"+p["realm"]+":"+a.SIP.Password) + ":" + p["nonce"] + ":00000001:" + cnonce + ":auth:" + h(method+":"+uri))
	return fmt.Sprintf(`Authorization: Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=MD5, qop=auth, nc=00000001, cnonce="%s"`,
		a.SIP.Username, p["realm"], p["nonce"], uri, response, cnonce)
}

func (p *peer) via() string {
	return fmt.Sprintf("Via: SIP/2.0/%s %s;branch=z9hG4bK%s;rport\n", p.proto, p.local, token())
}

func (p *peer) contact() string {
	c := "sip:" + p.acc.SIP.Username + "@" + p.local
	switch p.proto {
	case "UDP":
	case "WSS":
		c += ";transport=ws"
	default:
		c += ";transport=" + strings.ToLower(p.proto)
	}
	return c
}

const domain = "koppelfeld.example"

func (p *peer) aor() string { return "sip:" + p.acc.SIP.Username + "@" + domain }

// registering is a binding of the phone, kept with one Call-ID.
type registering struct {
	p      *peer
	callID string
	seq    int
}

func (p *peer) registering() *registering { return &registering{p: p, callID: token()} }

// text is a REGISTER without Content-Length.
func (r *registering) text(contact, extra string) string {
	r.seq++
	return fmt.Sprintf("REGISTER sip:%s SIP/2.0\n%sFrom: <%s>;tag=%s\nTo: <%s>\nCall-ID: %s\nCSeq: %d REGISTER\nMax-Forwards: 70\nContact: %s\n%s",
		domain, r.p.via(), r.p.aor(), token(), r.p.aor(), r.callID, r.seq, contact, extra)
}

// do registers with digest and returns the final answer.
func (r *registering) do(contact, extra string) *packet {
	r.p.t.Helper()
	r.p.send(wire(r.text(contact, extra), ""))
	res := r.p.await("401 REGISTER", "200 REGISTER")
	if res.kind() == "200 REGISTER" {
		return res
	}
	auth := r.p.acc.credentials(res, "REGISTER", "sip:"+domain)
	r.p.send(wire(r.text(contact, extra+auth+"\n"), ""))
	return r.p.await("200 REGISTER", "401 REGISTER", "403 REGISTER")
}

// register registers the phone at its own address.
func (p *peer) register() *packet {
	p.t.Helper()
	res := p.registering().do("<"+p.contact()+">", "Expires: 120\n")
	if res.kind() != "200 REGISTER" {
		p.t.Fatalf("registering: %s", res)
	}
	return res
}

// talk is one dialog of a peer.
type talk struct {
	p            *peer
	callID       string
	local, other string // our and the other's name-addr with tag
	target       string
	route        []string
	seq          int
	inviteVia    string
	invite       *packet // that came in
}

// dial sends an INVITE with credentials and returns after the challenge was answered.
func (p *peer) dial(uri, extra, body string) *talk {
	p.t.Helper()
	k := &talk{p: p, callID: token(), local: fmt.Sprintf("<%s>;tag=%s", p.aor(), token()), other: "<" + uri + ">", target: uri}
	k.send("INVITE", extra, body)
	res := p.await("401 INVITE")
	k.ackFailure(res)
	k.send("INVITE", extra+p.acc.credentials(res, "INVITE", uri)+"\n", body)
	return k
}

// text is a request in the dialog without Content-Length.
func (k *talk) text(method, via, extra string) string {
	routes := ""
	for _, r := range k.route {
		routes += "Route: " + r + "\n"
	}
	return fmt.Sprintf("%s %s SIP/2.0\n%sFrom: %s\nTo: %s\nCall-ID: %s\nCSeq: %d %s\nMax-Forwards: 70\nContact: <%s>\n%s%s",
		method, k.target, via, k.local, k.other, k.callID, k.seq, method, k.p.contact(), routes, extra)
}

// send sends a new request in the dialog; extra holds whole lines.
func (k *talk) send(method, extra, body string) string {
	k.p.t.Helper()
	via := k.p.via()
	switch method {
	case "ACK":
	case "CANCEL":
		via = k.inviteVia
	default:
		k.seq++
	}
	if method == "INVITE" {
		k.inviteVia = via
	}
	if body != "" && !strings.Contains(extra, "Content-Type:") {
		extra += "Content-Type: application/sdp\n"
	}
	text := wire(k.text(method, via, extra), body)
	k.p.send(text)
	return text
}

// ackFailure acknowledges a refused INVITE.
func (k *talk) ackFailure(res *packet) {
	other := k.other
	k.other = res.get("To")
	k.p.send(wire(k.text("ACK", k.inviteVia, ""), ""))
	k.other = other
}

// answered takes the 200 to the INVITE and acknowledges it.
func (k *talk) answered(ackBody string) *packet {
	k.p.t.Helper()
	res := k.p.await("200 INVITE")
	k.other, k.target = res.get("To"), res.uri("Contact")
	k.send("ACK", "", ackBody)
	return res
}

// reply answers a request; headers are whole lines.
func (p *peer) reply(req *packet, status, headers, body string) {
	p.t.Helper()
	p.send(wire(response(req, status, "")+headers, body))
}

// response is an answer up to its own headers. A To without a tag gets one.
func response(req *packet, status, tag string) string {
	b := "SIP/2.0 " + status + "\n"
	for _, v := range req.all("Via") {
		b += "Via: " + v + "\n"
	}
	to := req.get("To")
	if !strings.Contains(to, ";tag=") && tag != "" {
		to += ";tag=" + tag
	}
	return b + "From: " + req.get("From") + "\nTo: " + to + "\nCall-ID: " + req.get("Call-ID") + "\nCSeq: " + req.get("CSeq") + "\n"
}

// ring takes an INVITE and answers 180.
func (p *peer) ring() *talk {
	p.t.Helper()
	req := p.await("INVITE")
	k := &talk{
		p: p, invite: req, callID: req.get("Call-ID"), local: req.get("To") + ";tag=" + token(), other: req.get("From"),
		target: req.uri("Contact"), route: req.all("Record-Route"), seq: 100,
	}
	k.status("180 Ringing", "", "")
	return k
}

// status answers the INVITE that came.
func (k *talk) status(status, headers, body string) {
	k.p.t.Helper()
	_, tag, _ := strings.Cut(k.local, ";tag=")
	if body != "" {
		headers += "Content-Type: application/sdp\n"
	}
	k.p.send(wire(response(k.invite, status, tag)+"Contact: <"+k.p.contact()+">\n"+headers, body))
}

// pickUp answers 200 and waits for the ACK.
func (k *talk) pickUp(body string) *packet {
	k.p.t.Helper()
	k.status("200 OK", "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE\n", body)
	return k.p.await("ACK")
}

// description is an SDP with one audio section; codecs are "0 PCMU/8000", "101 telephone-event/8000".
func description(addr string, port, version int, direction string, codecs ...string) string {
	list, maps := "", ""
	for _, c := range codecs {
		pt, name, _ := strings.Cut(c, " ")
		list += " " + pt
		maps += "a=rtpmap:" + pt + " " + name + "\r\n"
	}
	if direction != "" {
		direction = "a=" + direction + "\r\n"
	}
	return fmt.Sprintf("v=0\r\no=phone 77 %d IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP%s\r\n%s%s", version, addr, port, list, maps, direction)
}

// mediaOf is where an SDP wants its audio.
func mediaOf(t *testing.T, body string) string {
	t.Helper()
	c := regexp.MustCompile(`(?m)^c=IN IP4 (\S+)`).FindStringSubmatch(body)
	m := regexp.MustCompile(`(?m)^m=audio (\d+)`).FindStringSubmatch(body)
	if c == nil || m == nil {
		t.Fatalf("no audio in %q", body)
	}
	return c[1] + ":" + m[1]
}

// voice is a phone's RTP socket: it sends a packet every 20 ms and counts what it gets.
type voice struct {
	conn *net.UDPConn
	port int
	stop chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex
	sent     int
	received int
	payload  map[byte]int // packets by payload type
	missing  int          // by sequence number
	last     uint16
	biggest  time.Duration // gap between two packets
	lastAt   time.Time
}

func newVoice(t *testing.T) *voice {
	t.Helper()
	for range 50 {
		first, _ := rtpRange()
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: first})
		if err != nil {
			continue
		}
		v := &voice{conn: c, port: first, stop: make(chan struct{}), payload: map[byte]int{}}
		v.done.Go(v.read)
		t.Cleanup(v.close)
		return v
	}
	t.Fatal("no RTP port")
	return nil
}

func (v *voice) close() {
	select {
	case <-v.stop:
	default:
		close(v.stop)
	}
	v.conn.Close()
	v.done.Wait()
}

// speak sends 20 ms packets of the payload type until close or hush.
func (v *voice) speak(t *testing.T, to string, payload byte) (hush func()) {
	t.Helper()
	at := net.UDPAddrFromAddrPort(mustAddr(t, to))
	quit := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		ssrc := uint32(v.port)
		for seq := uint16(1); ; seq++ {
			select {
			case <-quit:
				return
			case <-v.stop:
				return
			case <-tick.C:
			}
			_, _ = v.conn.WriteToUDP(rtpPacket(payload, seq, uint32(seq)*160, ssrc, make([]byte, 160)), at)
			v.mu.Lock()
			v.sent++
			v.mu.Unlock()
		}
	}()
	return sync.OnceFunc(func() { close(quit); <-ended })
}

func rtpPacket(payload byte, seq uint16, ts, ssrc uint32, data []byte) []byte {
	b := make([]byte, 12, 12+len(data))
	b[0], b[1] = 0x80, payload
	bigendian.BigEndian.PutUint16(b[2:], seq)
	bigendian.BigEndian.PutUint32(b[4:], ts)
	bigendian.BigEndian.PutUint32(b[8:], ssrc)
	return append(b, data...)
}

func (v *voice) read() {
	b := make([]byte, 2048)
	for {
		n, err := v.conn.Read(b)
		if err != nil {
			return
		}
		if n < 12 {
			continue
		}
		now, seq := time.Now(), bigendian.BigEndian.Uint16(b[2:])
		v.mu.Lock()
		if v.received > 0 {
			if gap := int(int16(seq - v.last)); gap > 1 {
				v.missing += gap - 1
			}
			v.biggest = max(v.biggest, now.Sub(v.lastAt))
		}
		v.last, v.lastAt = seq, now
		v.received++
		v.payload[b[1]&0x7f]++
		v.mu.Unlock()
	}
}

type heard struct {
	sent, received, missing int
	biggest                 time.Duration
}

func (v *voice) figures() heard {
	v.mu.Lock()
	defer v.mu.Unlock()
	return heard{v.sent, v.received, v.missing, v.biggest}
}

// got is how many packets of a payload type came.
func (v *voice) got(payload byte) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.payload[payload]
}
