package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// station is a UDP socket that many phones of a soak share. Unlike agent it repeats what is lost, answers what is
// repeated, and behaves as its accounts say, so that every call that fails is the daemon's fault.
type station struct {
	conn   *net.UDPConn
	local  string
	server netip.AddrPort
	// behave says what the phone with a user name does when it is called.
	behave func(user string) behaviour
	serial atomic.Uint64
	wg     sync.WaitGroup
	stop   chan struct{}

	mu       sync.Mutex
	requests map[string]*request // under way, by branch and method
	dialogs  map[string]*dialogue
}

// behaviour is what a phone does when it is called.
type behaviour int

const (
	answers  behaviour = iota // rings for a moment and answers
	speaks                    // the same, with audio
	hangsUp                   // answers and hangs up after a moment
	isBusy                    // 486
	ringsOn                   // rings until it is cancelled
	declines                  // rings and answers 603
	behaviours
)

// request is one that waits for its final response.
type request struct {
	bytes       []byte
	next        time.Time
	interval    time.Duration
	provisional func(status int)
	final       chan *message.Message
	proceeding  bool
	invite      bool
}

// dialogue is one side of a call.
type dialogue struct {
	id, from, to, target string
	routes               []string
	tag                  string
	cseq                 int
	response             []byte // the last one to the INVITE that came
	repeat               time.Time
	interval             time.Duration
	until                time.Time // a 2xx is repeated until its ACK comes, or so long
	ack                  []byte    // for the 2xx to our INVITE
	ended                chan struct{}
	over                 bool
	sound                *sound
	born                 time.Time
}

func openStation(local, server string, behave func(string) behaviour) (*station, error) {
	to, err := netip.ParseAddrPort(server)
	if err != nil {
		return nil, fmt.Errorf("opening a station: %w", err)
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(local)})
	if err != nil {
		return nil, fmt.Errorf("opening a station: %w", err)
	}
	_ = conn.SetReadBuffer(8 << 20)
	s := &station{
		conn: conn, local: conn.LocalAddr().String(), server: to, behave: behave, stop: make(chan struct{}),
		requests: map[string]*request{}, dialogs: map[string]*dialogue{},
	}
	s.wg.Go(s.read)
	s.wg.Go(s.repeatLost)
	return s, nil
}

func (s *station) close() {
	close(s.stop)
	_ = s.conn.Close()
	s.wg.Wait()
}

func (s *station) send(b []byte) { _, _ = s.conn.WriteToUDPAddrPort(b, s.server) }

func (s *station) read() {
	buf := make([]byte, message.MaxSize)
	for {
		n, _, err := s.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // the daemon is being restarted
		}
		m, err := message.Parse(append([]byte(nil), buf[:n]...))
		if err != nil {
			continue
		}
		s.mu.Lock()
		if m.IsRequest() {
			s.answer(m)
		} else {
			s.response(m)
		}
		s.mu.Unlock()
	}
}

// repeatLost sends again what has not been answered (timers A and E, and the 2xx of RFC 3261 section 13.3.1.4), and forgets
// dialogues that nobody ended.
func (s *station) repeatLost() {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		now := time.Now()
		s.mu.Lock()
		for _, r := range s.requests {
			if now.After(r.next) && !(r.invite && r.proceeding) {
				r.interval = min(2*r.interval, 4*time.Second)
				r.next = now.Add(r.interval)
				s.send(r.bytes)
			}
		}
		for id, d := range s.dialogs {
			if !d.repeat.IsZero() && now.After(d.repeat) {
				d.interval = min(2*d.interval, 4*time.Second)
				d.repeat = now.Add(d.interval)
				if now.After(d.until) {
					d.repeat = time.Time{}
				}
				s.send(d.response)
			}
			if d.over && now.Sub(d.born) > time.Minute || now.Sub(d.born) > 3*time.Minute {
				d.finish()
				delete(s.dialogs, id)
			}
		}
		s.mu.Unlock()
	}
}

func branchOf(m *message.Message) string { return m.Branch() + " " + string(m.Method()) }

func (s *station) response(res *message.Message) {
	r := s.requests[branchOf(res)]
	status := res.Status()
	if r == nil {
		if d := s.dialogs[res.CallID()]; d != nil && d.ack != nil && status/100 == 2 && res.Method() == message.INVITE {
			s.send(d.ack) // it was lost
		}
		return
	}
	if status < 200 {
		r.proceeding = true
		if r.provisional != nil {
			r.provisional(status)
		}
		return
	}
	if r.invite && status >= 300 {
		s.send(refusalAck(r.bytes, res))
	}
	delete(s.requests, branchOf(res))
	r.final <- res
}

// refusalAck acknowledges a final response that is no 2xx.
func refusalAck(invite []byte, res *message.Message) []byte {
	req, err := message.Parse(append([]byte(nil), invite...))
	if err != nil {
		return nil
	}
	b := message.NewRequest(message.ACK, req.URI())
	b.Copy(req, message.HVia).Copy(req, message.HFrom).Copy(res, message.HTo).Copy(req, message.HCallID)
	return b.Add("CSeq", strconv.Itoa(int(req.CSeq()))+" ACK").AddInt("Max-Forwards", 70).Finish("", nil)
}

// errSilent is a request that got no final response.
var errSilent = errors.New("no final response")

// do sends a request and waits for its final response, at most 64*T1.
func (s *station) do(ctx context.Context, b []byte, provisional func(int)) (*message.Message, error) {
	m, err := message.Parse(append([]byte(nil), b...))
	if err != nil {
		return nil, fmt.Errorf("a request of ours: %w", err)
	}
	r := &request{
		bytes: b, interval: 500 * time.Millisecond, next: time.Now().Add(500 * time.Millisecond), provisional: provisional,
		final: make(chan *message.Message, 1), invite: m.Method() == message.INVITE,
	}
	key := branchOf(m)
	s.mu.Lock()
	s.requests[key] = r
	s.mu.Unlock()
	s.send(b)
	timer := time.NewTimer(32 * time.Second)
	defer timer.Stop()
	defer func() {
		s.mu.Lock()
		delete(s.requests, key)
		s.mu.Unlock()
	}()
	select {
	case res := <-r.final:
		return res, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, fmt.Errorf("%s: %w", m.Method(), errSilent)
	}
}

// request begins a request with all that is not its own.
func (s *station) request(method message.Method, uri, from, to, id string, cseq int) *message.Builder {
	b := message.NewRequest(method, uri)
	b.Add("Via", "SIP/2.0/UDP "+s.local+";rport;branch=z9hG4bK"+strconv.FormatUint(s.serial.Add(1), 36)+"."+id)
	b.Add("From", from).Add("To", to).Add("Call-ID", id).Add("CSeq", strconv.Itoa(cseq)+" "+string(method))
	return b.AddInt("Max-Forwards", 70)
}

func (s *station) newID() string { return fmt.Sprintf("%d-%s", s.serial.Add(1), s.local) }

// within begins a request in a dialogue; s.mu is not held.
func (s *station) within(d *dialogue, method message.Method) *message.Builder {
	if method != message.ACK {
		d.cseq++
	}
	b := s.request(method, d.target, d.from, d.to, d.id, d.cseq)
	for _, r := range d.routes {
		b.Add("Route", r)
	}
	return b.Add("Contact", "<sip:soak@"+s.local+">")
}

func (d *dialogue) finish() {
	if d.over {
		return
	}
	d.over = true
	d.born = time.Now() // kept for a while, for what is repeated
	close(d.ended)
}

// answer takes a request; s.mu is held.
func (s *station) answer(req *message.Message) {
	d := s.dialogs[req.CallID()]
	switch req.Method() {
	case message.INVITE:
		switch {
		case d == nil && req.ToTag() == "":
			s.ring(req)
		case d == nil:
			s.send(message.NewResponse(req, 481, "", "").Finish("", nil))
		case req.ToTag() == "":
			s.send(d.response)
		default:
			s.accept(d, req)
		}
	case message.ACK:
		if d != nil {
			d.repeat = time.Time{}
		}
	case message.CANCEL:
		s.send(message.NewResponse(req, 200, "", "soak").Finish("", nil))
		if d != nil && !d.over && bytes.HasPrefix(d.response, []byte(ringing)) {
			s.refuse(d, append([]byte("SIP/2.0 487 Request Terminated"), d.response[len(ringing):]...))
		}
	case message.BYE:
		s.send(message.NewResponse(req, 200, "", "").Finish("", nil))
		if d != nil {
			d.finish()
		}
	default:
		s.send(message.NewResponse(req, 200, "", "").Finish("", nil))
	}
}

const ringing = "SIP/2.0 180 Ringing"

// refuse sends a final response that is no 2xx until its ACK comes, and ends the dialogue.
func (s *station) refuse(d *dialogue, b []byte) {
	d.finish()
	s.untilAck(d, b)
}

// untilAck sends a final response until its ACK comes.
func (s *station) untilAck(d *dialogue, b []byte) {
	d.response, d.interval = b, 500*time.Millisecond
	d.repeat, d.until = time.Now().Add(d.interval), time.Now().Add(32*time.Second)
	s.send(b)
}

// accept answers an INVITE with 200 until its ACK comes.
func (s *station) accept(d *dialogue, req *message.Message) {
	addr := "127.0.0.1:9"
	if d.sound != nil {
		addr = d.sound.addr()
	}
	b := message.NewResponse(req, 200, "", d.tag).Copy(req, message.HRecordRoute).Add("Contact", "<sip:soak@"+s.local+">")
	b.Add("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE")
	s.untilAck(d, b.Finish("application/sdp", []byte(answerTo(req.Body(), sessionAt(addr)))))
}

// answerTo gives our description the direction that fits the offer.
func answerTo(offer []byte, sdp string) string {
	if strings.Contains(string(offer), "a=sendonly") {
		return sdp + "a=recvonly\r\n"
	}
	return sdp
}

// ring takes a new call; s.mu is held.
func (s *station) ring(req *message.Message) {
	uri, _ := message.ParseURI(req.URI())
	how := s.behave(strings.Clone(uri.User))
	d := &dialogue{
		id: strings.Clone(req.CallID()), tag: strconv.FormatUint(s.serial.Add(1), 36), to: strings.Clone(req.Header(message.HFrom)),
		cseq: 100, ended: make(chan struct{}), born: time.Now(),
	}
	d.from = strings.Clone(req.Header(message.HTo)) + ";tag=" + d.tag
	if c, ok := req.Contact(); ok {
		d.target = strings.Clone(c.URI)
	}
	s.dialogs[d.id] = d
	response := func(status int) []byte {
		return message.NewResponse(req, status, "", d.tag).Add("Contact", "<sip:soak@"+s.local+">").Finish("", nil)
	}
	if how == isBusy {
		s.refuse(d, response(486))
		return
	}
	d.response = response(180)
	s.send(d.response)
	later := func(after time.Duration, fn func()) {
		time.AfterFunc(after, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !d.over {
				fn()
			}
		})
	}
	pick := time.Duration(50+s.serial.Load()%400) * time.Millisecond
	switch how {
	case declines:
		later(pick, func() { s.refuse(d, response(603)) })
	case answers, hangsUp, speaks:
		later(pick, func() {
			if how == speaks {
				d.sound = startSound(mediaIn(req.Body()))
				context.AfterFunc(closing(d.ended), d.sound.close)
			}
			s.accept(d, req)
		})
	}
	if how == hangsUp {
		later(pick+time.Second, func() {
			go func() { // ends with its request, long before the program
				if _, err := s.do(context.Background(), s.within(d, message.BYE).Finish("", nil), nil); err == nil {
					s.mu.Lock()
					d.finish()
					s.mu.Unlock()
				}
			}()
		})
	}
}

// closing is a context that ends with ch.
func closing(ch <-chan struct{}) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-ch; cancel() }()
	return ctx
}
