package b2bua

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

var anarchies = flag.Int("anarchies", 400, "how many calls TestRaceAnarchy plays")

// TestRaceAnarchy plays calls between two peers who send whatever they like whenever they
// like, and then fall silent. Whatever they did, one record has to come of it and nothing
// may be left.
func TestRaceAnarchy(t *testing.T) {
	n := *anarchies
	if testing.Short() {
		n = 60
	}
	for seed := range n {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { anarchy(t, uint64(seed)) })
	}
}

func anarchy(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		net := siptest.NewNetwork(t, seed)
		rec := &recorder{}
		l := newLine(t, seed%2 == 0, transport.Config{
			Network: net.Host(netip.MustParseAddr("10.0.0.1")), Listen: []string{"udp://10.0.0.1:5060"},
		})
		l.ua.cfg.Recorder = rec
		defer l.stop()
		synctest.Wait()
		p := &anarchist{line: l, rng: rand.New(rand.NewPCG(seed, 7)), cseq: [2]int{1, 100}, rel: seed%3 == 0}
		if seed%5 == 0 {
			l.ua.cfg.RingTimeout = 10 * time.Minute // so that timer C is set
		}
		p.invite = p.request(0, message.INVITE, "sip:416@test.example", "<sip:416@test.example>", p.body())
		l.receive(l.flowA, p.invite)
		if seed%4 == 1 {
			p.begin()
		}
		for range 40 {
			p.hear()
			p.act()
			if p.rng.IntN(3) == 0 {
				time.Sleep(time.Duration(p.rng.IntN(3000)) * time.Millisecond)
			}
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		p.check(rec)
		if t.Failed() {
			t.Log(strings.Join(p.log, "\n"))
		}
	})
}

type anarchist struct {
	*line
	rng    *rand.Rand
	invite []byte
	cseq   [2]int
	tag    string // ours towards the caller
	rseq   string // of our last reliable response
	rel    bool   // the caller requires reliable responses
	forked *message.Message
	heard  [2][]*message.Message // requests of ours, by side
	log    []string
}

// hear sorts what we sent.
func (p *anarchist) hear() {
	p.wire.mu.Lock()
	sent := p.wire.sent
	p.wire.sent = nil
	p.wire.mu.Unlock()
	for _, b := range sent {
		m, err := message.Parse(b)
		if err != nil {
			p.t.Fatalf("%v in\n%s", err, b)
		}
		to := 0
		if m.IsRequest() && (strings.HasPrefix(m.ToTag(), "t") && len(m.ToTag()) == 2 || m.Method() == message.INVITE && m.ToTag() == "" || m.Method() == message.CANCEL && m.ToTag() == "") {
			to = 1
		}
		switch {
		case !m.IsRequest():
			if m.CallID() == "call" && m.ToTag() != "" && m.Status() > 100 && m.Status() < 300 {
				p.tag = m.ToTag()
				if m.Has(message.HRSeq) {
					p.rseq = m.Header(message.HRSeq)
				}
			}
		case m.Method() == message.ACK:
		default:
			if to == 1 && m.ToTag() == "" && m.Method() == message.INVITE {
				p.forked = m
			}
			p.heard[to] = append(p.heard[to], m)
		}
		p.log = append(p.log, "we: "+strings.SplitN(string(b), "\r\n", 2)[0]+" "+m.Header(message.HCSeq))
	}
}

func (p *anarchist) pick(n int) int { return p.rng.IntN(n) }

// body is some description, or none.
func (p *anarchist) body() string {
	base := "v=0\r\no=a 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\n"
	switch p.pick(8) {
	case 0:
		return ""
	case 1:
		return base + "m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n"
	case 2:
		return base + "m=audio 4002 RTP/AVP 9\r\n"
	case 3:
		return base + "m=image 4000 udptl t38\r\n"
	case 4:
		return base + "m=audio 4000 RTP/AVP 8\r\nm=video 4004 RTP/AVP 99\r\n"
	case 5:
		return "nonsense"
	default:
		return base + "m=audio 4000 RTP/AVP 8 0\r\n"
	}
}

// request writes a request of side 0 (the caller) or 1.
func (p *anarchist) request(side int, m message.Method, uri, to, body string) []byte {
	p.cseq[side]++
	b := message.NewRequest(m, uri).
		Add("Via", fmt.Sprintf("SIP/2.0/UDP 10.0.1.%d:5060;branch=z9hG4bK%d%s%d", side+1, side, m, p.cseq[side])).Add("Max-Forwards", "70")
	if side == 0 {
		b.Add("From", "<sip:417@test.example>;tag=f").Add("To", to).Add("Call-ID", "call").Add("Authorization", "Digest none")
		if p.rel && m == message.INVITE {
			b.Add("Require", "100rel")
		}
		if m == message.PRACK {
			b.Add("RAck", []string{p.rseq, p.rseq, p.rseq, "1"}[p.pick(4)]+" 2 INVITE")
		}
	} else {
		b.Add("From", "<sip:416@test.example>;tag="+[]string{"t1", "t2", "t3", "t4"}[p.pick(4)]).
			Add("To", "<sip:417@test.example>;tag="+p.forked.FromTag()).Add("Call-ID", p.forked.CallID())
	}
	if p.cseq[0] > 2 && p.pick(3) == 0 {
		b.Add("Supported", "timer").Add("Session-Expires", []string{"100;refresher=uac", "1800", "20", "300;refresher=uas"}[p.pick(4)])
	}
	if p.pick(2) == 0 {
		b.Add("Allow", allow)
	}
	if m == message.REFER {
		b.Add("Refer-To", "<sip:418@test.example"+[]string{"", "", "", "?Replaces=call%3Bto-tag%3D" + p.tag + "%3Bfrom-tag%3Df", "?Replaces=x%3Bto-tag%3Dy%3Bfrom-tag%3Dz"}[p.pick(5)]+">")
	}
	return b.Add("CSeq", fmt.Sprintf("%d %s", p.cseq[side], m)).
		Add("Contact", fmt.Sprintf("<sip:x@10.0.1.%d:5060>", side+1)).Finish(contentSDP, []byte(body))
}

// begin behaves until the call is up, so that what follows happens to one that is.
func (p *anarchist) begin() {
	if p.hear(); p.forked == nil {
		return
	}
	body := []byte("v=0\r\no=a 1 1 IN IP4 10.0.1.2\r\ns=-\r\nc=IN IP4 10.0.1.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n")
	p.receive(p.flowB, message.NewResponse(p.forked, 200, "", "t1").Add("Contact", "<sip:x@10.0.1.2:5060>").Add("Allow", allow).Finish(contentSDP, body))
	p.hear()
	ack := string(p.request(0, message.ACK, "sip:koppelfeld@10.0.0.1:5060", "<sip:416@test.example>;tag="+p.tag, string(body)))
	p.cseq[0]--
	p.receive(p.flowA, []byte(strings.Replace(ack, fmt.Sprintf("CSeq: %d ACK", p.cseq[0]+1), fmt.Sprintf("CSeq: %d ACK", p.cseq[0]), 1)))
}

// act does one thing.
func (p *anarchist) act() {
	side := p.pick(2)
	flow := []*transport.Flow{p.flowA, p.flowB}[side]
	send := func(b []byte) {
		p.log = append(p.log, fmt.Sprintf("%d: %s", side, strings.SplitN(string(b), "\r\n", 2)[0]))
		p.receive(flow, b)
	}
	if n := len(p.heard[side]); n > 0 && p.pick(3) > 0 {
		m := p.heard[side][p.pick(n)]
		status := []int{100, 180, 183, 183, 183, 182, 199, 200, 200, 200, 302, 401, 408, 422, 481, 486, 487, 491, 500, 503, 603}[p.pick(21)]
		tag := ""
		if m.ToTag() == "" {
			tag = []string{"t1", "t1", "t1", "t2", "t3", "t4"}[p.pick(6)]
		}
		b := message.NewResponse(m, status, "", tag).Add("Contact", fmt.Sprintf("<sip:x@10.0.1.%d:5060>", side+1))
		if p.pick(3) == 0 {
			b.Add("Session-Expires", "200;refresher=uas").Add("Min-SE", "2000").Add("Allow", allow)
		}
		if status > 100 && status < 200 && p.pick(2) == 0 {
			b.Add("Require", "100rel").Add("RSeq", itoa(1+p.pick(4)))
		}
		send(b.Finish(contentSDP, []byte(p.body())))
		return
	}
	methods := []message.Method{
		message.INVITE, message.INVITE, message.UPDATE, message.BYE, message.INFO, message.OPTIONS, message.ACK, message.CANCEL, message.PRACK, message.PRACK, message.UPDATE,
		message.REFER, message.REFER,
	}
	m := methods[p.pick(len(methods))]
	switch {
	case side == 1 && p.forked == nil:
	case side == 1:
		if m != message.ACK && m != message.CANCEL {
			send(p.request(1, m, "sip:koppelfeld@10.0.0.1:5060", "", p.body()))
		}
	case m == message.CANCEL:
		send([]byte(strings.NewReplacer("INVITE sip", "CANCEL sip", " INVITE\r\n", " CANCEL\r\n").Replace(string(p.invite))))
	case m == message.ACK:
		ack := p.request(0, message.ACK, "sip:koppelfeld@10.0.0.1:5060", "<sip:416@test.example>;tag="+p.tag, p.body())
		p.cseq[0]--
		of := p.cseq[0] - p.pick(2)
		send([]byte(strings.Replace(string(ack), fmt.Sprintf("CSeq: %d ACK", p.cseq[0]+1), fmt.Sprintf("CSeq: %d ACK", max(of, 1)), 1)))
	case p.pick(5) == 0:
		send(p.invite)
	case p.tag != "":
		send(p.request(0, m, "sip:koppelfeld@10.0.0.1:5060", "<sip:416@test.example>;tag="+p.tag, p.body()))
	}
}

func (p *anarchist) check(rec *recorder) {
	t := p.t
	if p.ua.Active() != 0 || p.ua.Open() != 0 || p.ua.Panics() != 0 || p.table.Len() != 0 {
		t.Errorf("active %d, open %d, panics %d, listed %d", p.ua.Active(), p.ua.Open(), p.ua.Panics(), p.table.Len())
	}
	if slots, numbers := p.ua.cfg.Live.Left(); len(slots)+len(numbers) > 0 {
		t.Errorf("live counts left: %v %v", slots, numbers)
	}
	if m, ok := p.ua.cfg.Media.(*fakeMedia); ok && len(m.open) > 0 {
		t.Errorf("%d endpoints left", len(m.open))
	}
	sh := p.stack.Shards()[0]
	if sh.Transactions() != 0 || sh.Dialogs() != 0 || sh.Timers() != 0 {
		t.Errorf("%d transactions, %d dialogs, %d timers left", sh.Transactions(), sh.Dialogs(), sh.Timers())
	}
	finished := map[string]int{}
	for _, r := range rec.all() {
		finished[r.ID]++
		if finished[r.ID] > 1 || r.Result == "" || r.End.IsZero() {
			t.Errorf("record %+v", r)
		}
	}
	if len(finished) == 0 {
		t.Error("no record")
	}
	for _, r := range rec.started {
		if finished[r.ID] == 0 {
			t.Errorf("record %s never finished", r.ID)
		}
	}
}
