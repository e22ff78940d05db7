package b2bua

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestMatrix plays every event in every phase of both legs. The golden file shows what we send at once, where the call is then,
// and how it ends when both peers fall silent. After each run nothing of the call may be left.
func TestMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand calls")
	}
	var b strings.Builder
	for _, s := range []side{callerSide, calleeSide} {
		for _, ph := range phases {
			if ph.only == nil || *ph.only == s {
				fmt.Fprintf(&b, "%s: %s\n", s, ph.name)
				for _, ev := range events {
					if ev.only == nil || *ev.only == s {
						if outcome := play(t, s, ph, ev); outcome != "-" { // not possible then
							fmt.Fprintf(&b, "  %-22s %s\n", ev.name, outcome)
						}
					}
				}
			}
		}
	}
	golden(t, "matrix.txt", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, have := strings.Split(string(b), "\n"), strings.Split(got, "\n")
	head := ""
	for i := range max(len(want), len(have)) {
		w, g := "", ""
		if i < len(want) {
			w = want[i]
		}
		if i < len(have) {
			g = have[i]
		}
		if !strings.HasPrefix(g, " ") {
			head = g
		}
		if w != g {
			t.Errorf("line %d, %s\n got %s\nwant %s", i+1, head, g, w)
		}
	}
}

// play brings a call into a phase, lets one event happen to a side, and tells what came of it.
func play(t *testing.T, at side, ph phaseOf, ev eventOf) (outcome string) {
	t.Run(fmt.Sprintf("%s/%s/%s", at, ph.name, ev.name), func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, ev.stream)
			defer s.stop()
			ph.setup(s)
			before := len(s.sent().said)
			if !ev.do(s, at) {
				outcome = "-"
			}
			now := strings.Join(s.sent().said[before:], " ")
			if now == "" {
				now = "nothing"
			}
			if outcome == "" {
				outcome = fmt.Sprintf("%-34s %s", now, s.where())
			}
			time.Sleep(40 * time.Minute) // longer than a session without refresh
			synctest.Wait()
			s.check(s.rec)
			if all := s.rec.all(); outcome != "-" && len(all) == 1 {
				outcome += fmt.Sprintf("; in the end %s %d by %s", all[0].Result, all[0].Status, all[0].HangupBy)
			}
		})
	})
	return outcome
}

// stage is a call between two peers who do what the test says and nothing by themselves.
type stage struct {
	*anarchist
	rec     *recorder
	invites [2]string // the last INVITE that each side has sent
	seq     [2]int    // its CSeq
	ours    ours      // under the wire's lock
}

// ours is what we have sent.
type ours struct {
	said   []string
	heard  [2]*message.Message // the last request to each side but ACK, CANCEL and PRACK
	prov   *message.Message    // the last provisional response to the caller
	tag    string              // towards the caller
	forked *message.Message    // the INVITE to the callee
}

// sent is what we have sent so far.
func (s *stage) sent() ours {
	synctest.Wait()
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	return s.ours
}

func newStage(t *testing.T, stream bool) *stage {
	net := siptest.NewNetwork(t, 1)
	s := &stage{rec: &recorder{}}
	l := newLine(t, true, transport.Config{Network: net.Host(netip.MustParseAddr("10.0.0.1")), Listen: []string{"udp://10.0.0.1:5060"}})
	l.ua.cfg.Recorder = s.rec
	l.wire.tap, l.wire.stream = s.hear, stream
	s.anarchist = &anarchist{line: l}
	synctest.Wait()
	return s
}

// hear notes what we sent; the wire's lock is held.
func (s *stage) hear(b []byte, to netip.AddrPort) {
	o := &s.ours
	m, err := message.Parse(b)
	if err != nil {
		s.t.Errorf("%v in\n%s", err, b)
		return
	}
	at := callerSide
	if to == s.flowB.Remote() {
		at = calleeSide
	}
	word := string(m.Method())
	switch {
	case !m.IsRequest():
		word = fmt.Sprintf("%d(%s)", m.Status(), m.Method())
		if at == callerSide && m.ToTag() != "" && m.Status() > 100 && m.Status() < 300 && m.Method() == message.INVITE {
			o.tag = m.ToTag()
			if m.Status() < 200 {
				o.prov = m
			}
		}
	case m.Method() == message.ACK || m.Method() == message.CANCEL || m.Method() == message.PRACK:
	default:
		o.heard[at] = m
		if m.Method() == message.INVITE && m.ToTag() == "" {
			o.forked = m
		}
	}
	if len(m.Body()) > 0 && m.Method() != message.INFO {
		word += "+sdp"
	}
	o.said = append(o.said, [2]string{"a", "b"}[at]+":"+word)
}

// where is the phase of the call and of its legs.
func (s *stage) where() string {
	list, _ := s.table.List("", 2)
	if len(list) == 0 {
		return "ended"
	}
	return string(list[0].State)
}

func (s *stage) flow(at side) *transport.Flow {
	return [2]*transport.Flow{s.flowA, s.flowB}[at]
}

// sdp is a side's description; what 0 is its usual one.
func (s *stage) sdp(at side, formats string, lines ...string) string {
	host := fmt.Sprintf("10.0.1.%d", at+1)
	return "v=0\r\no=x 1 1 IN IP4 " + host + "\r\ns=-\r\nc=IN IP4 " + host + "\r\nt=0 0\r\nm=audio 4000 RTP/AVP " + formats + "\r\n" +
		strings.Join(append(lines, ""), "\r\n")
}

// write is a request of a side with the next CSeq, or that of its last INVITE.
func (s *stage) write(at side, m message.Method, body string, lines ...string) string {
	o, seq := s.sent(), s.seq[at]
	if m != message.ACK {
		s.cseq[at]++
		seq = s.cseq[at]
	}
	uri := "sip:koppelfeld@10.0.0.1:5060"
	if o.tag == "" && at == callerSide {
		uri = "sip:416@test.example"
	}
	b := message.NewRequest(m, uri).
		Add("Via", fmt.Sprintf("SIP/2.0/%s 10.0.1.%d:5060;branch=z9hG4bK%d%s%d", s.flow(at).Proto(), at+1, at, m, seq)).Add("Max-Forwards", "70")
	if at == callerSide {
		to := "<sip:416@test.example>"
		if o.tag != "" {
			to += ";tag=" + o.tag
		}
		b.Add("From", "<sip:417@test.example>;tag=f").Add("To", to).Add("Call-ID", "call").Add("Authorization", "Digest none")
	} else {
		b.Add("From", "<sip:416@test.example>;tag=t").Add("To", "<sip:417@test.example>;tag="+o.forked.FromTag()).Add("Call-ID", o.forked.CallID())
	}
	b.Add("CSeq", fmt.Sprintf("%d %s", seq, m)).Add("Contact", fmt.Sprintf("<sip:x@10.0.1.%d:5060>", at+1)).Add("Allow", allow)
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		b.Add(name, value)
	}
	kind := contentSDP
	if m == message.INFO {
		kind = "application/dtmf"
	}
	raw := string(b.Finish(kind, []byte(body)))
	if m == message.INVITE {
		s.invites[at], s.seq[at] = raw, seq
	}
	return raw
}

func (s *stage) send(at side, m message.Method, body string, lines ...string) {
	s.receive(s.flow(at), []byte(s.write(at, m, body, lines...)))
	synctest.Wait()
}

// respond answers our last request to a side.
func (s *stage) respond(at side, status int, body string, lines ...string) bool {
	req := s.sent().heard[at]
	if req == nil {
		return false
	}
	tag := ""
	if req.ToTag() == "" {
		tag = "t"
	}
	b := message.NewResponse(req, status, "", tag).Add("Contact", fmt.Sprintf("<sip:x@10.0.1.%d:5060>", at+1)).Add("Allow", allow)
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		b.Add(name, value)
	}
	s.receive(s.flow(at), b.Finish(contentSDP, []byte(body)))
	synctest.Wait()
	return true
}

func (s *stage) prack() {
	s.send(callerSide, message.PRACK, "", fmt.Sprintf("RAck: %s %d INVITE", s.sent().prov.Header(message.HRSeq), s.seq[callerSide]))
}

// toConfirm reports whether the caller has got a reliable response.
func (s *stage) toConfirm() bool {
	m := s.sent().prov
	return m != nil && m.Has(message.HRSeq)
}

// up connects the call.
func (s *stage) up() {
	s.send(callerSide, message.INVITE, s.sdp(callerSide, "8 0"))
	s.respond(calleeSide, 180, "")
	s.respond(calleeSide, 200, s.sdp(calleeSide, "8"))
	s.send(callerSide, message.ACK, "")
}

// early rings with 100rel and an answer on both sides; the caller has not confirmed it.
func (s *stage) early() {
	s.send(callerSide, message.INVITE, s.sdp(callerSide, "8 0"), require100rel)
	s.respond(calleeSide, 183, s.sdp(calleeSide, "8"), require100rel, "RSeq: 1")
}

type phaseOf struct {
	name  string
	only  *side
	setup func(s *stage)
}

type eventOf struct {
	name   string
	only   *side
	stream bool // needs connections
	do     func(s *stage, at side) bool
}

var (
	ofCaller = new(side)
	ofCallee = new(calleeSide)
)

var phases = []phaseOf{
	{"calling", nil, func(s *stage) { s.send(callerSide, message.INVITE, s.sdp(callerSide, "8 0")) }},
	{"ringing", nil, func(s *stage) {
		s.send(callerSide, message.INVITE, s.sdp(callerSide, "8 0"))
		s.respond(calleeSide, 180, "")
	}},
	{"early media, not reliable", nil, func(s *stage) {
		s.send(callerSide, message.INVITE, s.sdp(callerSide, "8 0"))
		s.respond(calleeSide, 183, s.sdp(calleeSide, "8"))
	}},
	{"early media, caller to confirm", nil, (*stage).early},
	{"early media, agreed", nil, func(s *stage) { s.early(); s.prack() }},
	{"early, caller's UPDATE carried", nil, func(s *stage) {
		s.early()
		s.prack()
		s.send(callerSide, message.UPDATE, s.sdp(callerSide, "9", g722))
	}},
	{"early, callee's UPDATE carried", nil, func(s *stage) {
		s.early()
		s.prack()
		s.send(calleeSide, message.UPDATE, s.sdp(calleeSide, "9", g722))
	}},
	{"answered, caller to confirm", nil, func(s *stage) { s.early(); s.respond(calleeSide, 200, "") }},
	{"answered, ACK outstanding", nil, func(s *stage) {
		s.send(callerSide, message.INVITE, s.sdp(callerSide, "8 0"))
		s.respond(calleeSide, 200, s.sdp(calleeSide, "8"))
	}},
	{"late offer, ringing", nil, func(s *stage) {
		s.send(callerSide, message.INVITE, "")
		s.respond(calleeSide, 180, "")
	}},
	{"late offer, ACK outstanding", nil, func(s *stage) {
		s.send(callerSide, message.INVITE, "")
		s.respond(calleeSide, 200, s.sdp(calleeSide, "8"))
	}},
	{"up", nil, (*stage).up},
	{"up, caller's re-INVITE carried", nil, func(s *stage) {
		s.up()
		s.send(callerSide, message.INVITE, s.sdp(callerSide, "9", g722))
	}},
	{"up, callee's re-INVITE carried", nil, func(s *stage) {
		s.up()
		s.send(calleeSide, message.INVITE, s.sdp(calleeSide, "9", g722))
	}},
	{"up, caller's UPDATE carried", nil, func(s *stage) {
		s.up()
		s.send(callerSide, message.UPDATE, s.sdp(callerSide, "9", g722))
	}},
	{"up, hold of the caller to ACK", nil, func(s *stage) {
		s.up()
		s.send(callerSide, message.INVITE, s.sdp(callerSide, "8 0", "a=sendonly"))
	}},
	{"up, offer to the callee to ACK", nil, func(s *stage) {
		s.up()
		s.send(calleeSide, message.INVITE, "")
	}},
	{"up, refresh of ours", nil, func(s *stage) {
		s.up()
		time.Sleep(901 * time.Second)
	}},
	{"callee hung up before the ACK", ofCaller, func(s *stage) {
		s.send(callerSide, message.INVITE, s.sdp(callerSide, "8 0"))
		s.respond(calleeSide, 200, s.sdp(calleeSide, "8"))
		s.send(calleeSide, message.BYE, "")
	}},
	{"ended by us", nil, func(s *stage) { s.up(); s.table.HangupAll("enough") }},
	{"cancelled", nil, func(s *stage) {
		s.send(callerSide, message.INVITE, s.sdp(callerSide, "8 0"))
		s.respond(calleeSide, 180, "")
		s.cancel(callerSide)
	}},
	{"cancelled before a response", nil, func(s *stage) {
		s.send(callerSide, message.INVITE, s.sdp(callerSide, "8 0"))
		s.cancel(callerSide)
	}},
	{"gone", nil, func(s *stage) {
		s.up()
		s.send(callerSide, message.BYE, "")
		s.respond(calleeSide, 200, "")
	}},
}

// cancel cancels a side's last INVITE.
func (s *stage) cancel(at side) bool {
	if s.invites[at] == "" {
		return false
	}
	s.receive(s.flow(at), []byte(strings.NewReplacer("INVITE sip", "CANCEL sip", " INVITE\r\n", " CANCEL\r\n").Replace(s.invites[at])))
	synctest.Wait()
	return true
}

func requests(m message.Method, body func(s *stage, at side) string, lines ...string) func(*stage, side) bool {
	return func(s *stage, at side) bool {
		text := ""
		if body != nil {
			text = body(s, at)
		}
		s.send(at, m, text, lines...)
		return true
	}
}

func responds(status int, body func(s *stage, at side) string, lines ...string) func(*stage, side) bool {
	return func(s *stage, at side) bool {
		text := ""
		if body != nil {
			text = body(s, at)
		}
		return s.respond(at, status, text, lines...)
	}
}

func usual(s *stage, at side) string { return s.sdp(at, [2]string{"8 0", "8"}[at]) }
func onHold(s *stage, at side) string {
	return s.sdp(at, [2]string{"8 0", "8"}[at], "a=sendonly")
}
func other(s *stage, at side) string { return s.sdp(at, "9", g722) }

var events = []eventOf{
	{"INVITE hold", nil, false, requests(message.INVITE, onHold)},
	{"INVITE other codec", nil, false, requests(message.INVITE, other)},
	{"INVITE no offer", nil, false, requests(message.INVITE, nil)},
	{"UPDATE hold", nil, false, requests(message.UPDATE, onHold)},
	{"UPDATE other codec", nil, false, requests(message.UPDATE, other)},
	{"UPDATE no offer", nil, false, requests(message.UPDATE, nil)},
	{"PRACK", ofCaller, false, func(s *stage, _ side) bool {
		if !s.toConfirm() {
			return false
		}
		s.prack()
		return true
	}},
	{"PRACK hold", ofCaller, false, func(s *stage, at side) bool {
		if !s.toConfirm() {
			return false
		}
		s.send(at, message.PRACK, onHold(s, at), fmt.Sprintf("RAck: %s %d INVITE", s.sent().prov.Header(message.HRSeq), s.seq[at]))
		return true
	}},
	{"PRACK wrong", nil, false, requests(message.PRACK, nil, "RAck: 77 1 INVITE")},
	{"BYE", nil, false, requests(message.BYE, nil)},
	{"CANCEL", nil, false, (*stage).cancel},
	{"ACK", nil, false, requests(message.ACK, nil)},
	{"ACK with description", nil, false, requests(message.ACK, usual)},
	{"INFO", nil, false, requests(message.INFO, func(*stage, side) string { return "5" })},
	{"OPTIONS", nil, false, requests(message.OPTIONS, nil)},
	{"SUBSCRIBE", nil, false, requests(message.SUBSCRIBE, nil)},
	{"MESSAGE", nil, false, requests(message.MESSAGE, nil)},
	{"100", nil, false, responds(100, nil)},
	{"180", nil, false, responds(180, nil)},
	{"183 with description", nil, false, responds(183, usual)},
	{"183 reliable", nil, false, responds(183, usual, require100rel, "RSeq: 2")},
	{"199", nil, false, responds(199, nil)},
	{"200 with description", nil, false, responds(200, usual)},
	{"200 bare", nil, false, responds(200, nil)},
	{"200 of another phone", ofCallee, false, func(s *stage, at side) bool {
		s.receive(s.flowB, message.NewResponse(s.sent().forked, 200, "", "u").Add("Contact", "<sip:y@10.0.1.2:5060>").Finish(contentSDP, []byte(usual(s, at))))
		return true
	}},
	{"302", nil, false, responds(302, nil)},
	{"401", nil, false, responds(401, nil)},
	{"422", nil, false, responds(422, nil, "Min-SE: 2000")},
	{"481", nil, false, responds(481, nil)},
	{"486", nil, false, responds(486, nil)},
	{"487", nil, false, responds(487, nil)},
	{"491", nil, false, responds(491, nil)},
	{"503", nil, false, responds(503, nil)},
	{"603", nil, false, responds(603, nil)},
	{"flow closed", nil, true, func(s *stage, at side) bool {
		s.wire.closed.Store(true)
		s.stack.FlowClosed(s.flow(at), transport.ErrFlowClosed)
		return true
	}},
	{"hangup from outside", nil, false, func(s *stage, _ side) bool { s.table.HangupAll("enough"); return true }},
}
