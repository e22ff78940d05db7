package b2bua

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// bomb goes off at the n-th thing that a call asks of others.
type bomb struct {
	at, n int
	where string
}

func (b *bomb) step(where string) {
	if b.n++; b.n == b.at {
		b.where = where
		panic("fault in " + where)
	}
}

// mined wraps everything that calls ask.
type mined struct {
	*bomb
	Config
}

func (m mined) Decide(r routing.Request, l routing.Live) routing.Plan {
	m.step("Decide")
	return m.Router.Decide(r, l)
}

func (m mined) Registered(slot string) bool { return m.Locator.Registered(slot) }
func (m mined) Contacts(buf []Contact, slot string) []Contact {
	m.step("Contacts")
	return m.Locator.Contacts(buf, slot)
}

func (m mined) Check(req *message.Message) (*auth.Account, auth.Verdict) {
	m.step("Check")
	return m.Auth.Check(req)
}

func (m mined) Challenge(b *message.Builder, proxy, stale bool) { m.Auth.Challenge(b, proxy, stale) }

func (m mined) Admit(*message.Message, netip.Addr) bool {
	m.step("Admit")
	return true
}

func (m mined) Judge(*message.Message, netip.Addr, auth.Verdict) { m.step("Judge") }

func (m mined) Started(r calls.Record) {
	m.step("Started")
	m.Recorder.Started(r)
}

func (m mined) Finished(r calls.Record) {
	m.Recorder.Finished(r) // whose panic would cost the record in any case
	m.step("Finished")
}

func (m mined) Open(o media.Options, near Endpoint) (Endpoint, error) {
	m.step("Open")
	notify := o.Notify
	o.Notify = func(e media.Event) {
		m.step("Notify")
		notify(e)
	}
	e, err := m.Media.Open(o, unmined(near))
	if err != nil {
		return nil, err
	}
	return minedEndpoint{m.bomb, e}, nil
}

func (m mined) Place(iface string, remote netip.Addr) int { return m.Media.Place(iface, remote) }

func (m mined) Fingerprint() [32]byte { return m.Media.Fingerprint() }

func (m mined) Bridge(a, b Endpoint) {
	m.step("Bridge")
	m.Media.Bridge(unmined(a), unmined(b))
}

func unmined(e Endpoint) Endpoint {
	if m, ok := e.(minedEndpoint); ok {
		return m.Endpoint
	}
	return e
}

type minedEndpoint struct {
	*bomb
	Endpoint
}

func (e minedEndpoint) SetRemote(r media.Remote) {
	e.step("SetRemote")
	e.Endpoint.SetRemote(r)
}

func (e minedEndpoint) Secure(s media.Security) error {
	e.step("Secure")
	return e.Endpoint.Secure(s)
}

func (e minedEndpoint) Play(c *media.Clip, o media.PlayOptions) {
	e.step("Play")
	e.Endpoint.Play(c, o)
}

func (e minedEndpoint) Stop() {
	e.step("Stop")
	e.Endpoint.Stop()
}

func (e minedEndpoint) Anchor() {
	e.step("Anchor")
	e.Endpoint.Anchor()
}

func (e minedEndpoint) Expect(on bool) {
	e.step("Expect")
	e.Endpoint.Expect(on)
}

func (e minedEndpoint) Stats() media.Stats {
	e.step("Stats")
	return e.Endpoint.Stats()
}

func (e minedEndpoint) Close() {
	e.Endpoint.Close() // what panics before it has closed cannot be helped
	e.step("Close")
}

// TestFaultAnywhere lets each thing that a call asks of others panic in turn: in the call's beginning, middle and end. That call
// ends and leaves nothing; another one that is up goes on.
func TestFaultAnywhere(t *testing.T) {
	places := map[string]int{}
	at := 1
	for ; ; at++ {
		where := faultAt(t, at)
		if where == "" || t.Failed() {
			break
		}
		places[where]++
	}
	t.Logf("%d faults: %v", at-1, places)
	for _, want := range []string{"Admit", "Check", "Judge", "Decide", "Contacts", "Open", "Started", "SetRemote", "Expect", "Bridge", "Stats", "Close", "Finished"} {
		if places[want] == 0 && !t.Failed() {
			t.Errorf("no fault in %s", want)
		}
	}
}

func faultAt(t *testing.T, at int) (where string) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		l := newLine(t, true, transport.Config{Listen: []string{"udp://10.0.0.1:5060"}, Network: siptest.NewNetwork(t, 1).Host(netip.MustParseAddr("10.0.0.1"))})
		l.ua.cfg.Recorder = rec
		defer l.stop()
		synctest.Wait()
		to := l.call(1000, false) // is up all the time
		plain := l.ua.cfg
		b := &bomb{at: at}
		m := mined{b, plain}
		cfg := &l.ua.cfg
		cfg.Router, cfg.Locator, cfg.Auth, cfg.Brake, cfg.Recorder, cfg.Media = m, m, m, m, m, m
		l.loose(at)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		*cfg = plain
		where = b.where
		if n := l.ua.Active(); n != 1 || l.ua.Open() != 1 || l.table.Len() != 1 {
			t.Errorf("fault %d, in %s: %d calls are active, %d open, %d listed; there should be one that went on", at, where, n, l.ua.Open(), l.table.Len())
		}
		if faults := l.ua.Panics() + int(l.stack.Stats().Panics+l.stack.Stats().Shards[0].Panics); where != "" && faults == 0 {
			t.Errorf("fault %d, in %s, was not counted", at, where)
		}
		l.bye(1000, to)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if n := l.ua.Active(); n != 0 || l.ua.Open() != 0 || l.table.Len() != 0 {
			t.Errorf("fault %d, in %s: %d calls are active, %d open, %d listed at the end", at, where, n, l.ua.Open(), l.table.Len())
		}
		if open := plain.Media.(*fakeMedia).open; len(open) != 0 {
			t.Errorf("fault %d, in %s: %d endpoints left", at, where, len(open))
		}
		if slots, numbers := plain.Live.Left(); len(slots)+len(numbers) > 0 {
			t.Errorf("fault %d, in %s: live counts left: %v %v", at, where, slots, numbers)
		}
		sh := l.stack.Shards()[0]
		if sh.Transactions() != 0 || sh.Dialogs() != 0 || sh.Timers() != 0 {
			t.Errorf("fault %d, in %s: %d transactions, %d dialogs, %d timers left", at, where, sh.Transactions(), sh.Dialogs(), sh.Timers())
		}
	})
	return where
}

// loose plays a call whose peers answer whatever comes and mind nothing: hold and resume, then BYE.
func (l *line) loose(at int) {
	const body = "v=0\r\no=a 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
	id := fmt.Sprint("loose", at)
	to, seq, up := "<sip:416@test.example>", 0, false
	send := func(m message.Method, body string) {
		if seq++; m == message.ACK {
			seq--
		}
		target := "sip:416@test.example"
		if strings.Contains(to, "tag=") {
			target = "sip:koppelfeld@10.0.0.1:5060"
		}
		l.receive(l.flowA, message.NewRequest(m, target).
			Add("Via", fmt.Sprintf("SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bK%s%d%s", id, seq, m)).Add("Max-Forwards", "70").
			Add("From", "<sip:417@test.example>;tag=f").Add("To", to).Add("Call-ID", id).Add("CSeq", fmt.Sprintf("%d %s", seq, m)).
			Add("Contact", "<sip:a@10.0.1.1:5060>").Add("Authorization", "Digest none").Add("Allow", allow).Finish(contentSDP, []byte(body)))
	}
	hear := func() {
		l.wire.mu.Lock()
		sent := l.wire.sent
		l.wire.sent = nil
		l.wire.mu.Unlock()
		for _, raw := range sent {
			m, err := message.Parse(raw)
			if err != nil {
				l.t.Fatal(err)
			}
			switch {
			case !m.IsRequest():
				if m.Method() == message.INVITE && m.Status() >= 200 && m.CallID() == id {
					if m.Status() < 300 {
						up, to = true, m.Header(message.HTo)
					}
					send(message.ACK, "")
				}
			case m.Method() == message.INVITE:
				l.receive(l.flowB, message.NewResponse(m, 180, "", "b").Add("Contact", "<sip:b@10.0.1.2:5060>").Finish("", nil))
				l.receive(l.flowB, message.NewResponse(m, 200, "", "b").Add("Contact", "<sip:b@10.0.1.2:5060>").Finish(contentSDP, []byte(body)))
			case m.Method() != message.ACK:
				flow := l.flowA
				if m.CallID() != id {
					flow = l.flowB
				}
				l.receive(flow, message.NewResponse(m, 200, "", "").Finish("", nil))
			}
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
	}
	send(message.INVITE, body)
	for range 5 {
		hear()
	}
	if up {
		send(message.INVITE, body+"a=sendonly\r\n")
		hear()
		hear()
		send(message.BYE, "")
	}
	for range 5 {
		hear()
	}
}

// bye ends the i-th call.
func (l *line) bye(i int, to string) {
	n := fmt.Sprint(i)
	l.receive(l.flowA, message.NewRequest(message.BYE, "sip:koppelfeld@10.0.0.1:5060").
		Add("Via", "SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKbye"+n+";rport").Add("Max-Forwards", "70").
		Add("From", "<sip:417@test.example>;tag=f"+n).Add("To", to).Add("Call-ID", "call-"+n).Add("CSeq", "2 BYE").Finish("", nil))
	l.receive(l.flowB, message.NewResponse(l.wire.take(l.t, "BYE"), 200, "", "").Finish("", nil))
}
