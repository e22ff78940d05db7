package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// kind is a sort of call in a soak.
type kind struct {
	name   string
	share  int // of 100
	callee behaviour
	run    func(s *soak, ctx context.Context, acc account, target string) error
}

// kinds are the calls of a soak; the shares add up to 100.
func kinds() []kind {
	return []kind{
		{"answered", 45, answers, (*soak).plainCall},
		{"with audio and key presses", 10, speaks, (*soak).audioCall},
		{"held and resumed", 8, answers, (*soak).heldCall},
		{"ended by the callee", 10, hangsUp, (*soak).endedCall},
		{"cancelled", 12, ringsOn, (*soak).cancelledCall},
		{"busy", 6, isBusy, expect(486)},
		{"declined", 4, declines, expect(603)},
		{"no such number", 3, answers, (*soak).unknownCall},
		{"wrong password", 2, answers, (*soak).wrongCall},
	}
}

// statusError is a final response that was not expected.
type statusError struct {
	status int
	phrase string
}

func (e *statusError) Error() string { return fmt.Sprintf("answered %d %s", e.status, e.phrase) }

// dial sends an INVITE with credentials and returns the dialogue of its answer. after180, if not nil, gets the INVITE once it rings.
func (s *soak) dial(ctx context.Context, acc account, target, sdp string, after180 func(invite []byte)) (*dialogue, []byte, error) {
	return s.dialFrom(ctx, s.callers, acc, target, sdp, after180)
}

func (s *soak) dialFrom(ctx context.Context, st *station, acc account, target, sdp string, after180 func(invite []byte)) (*dialogue, []byte, error) {
	d := &dialogue{id: st.newID(), cseq: 0, ended: make(chan struct{}), born: time.Now()}
	uri := "sip:" + target + "@" + domain
	d.from, d.to, d.target = "<sip:"+acc.user+"@"+domain+">;tag="+d.id, "<"+uri+">", uri
	digest := auth.NewClient(acc.user, acc.secret)
	for {
		d.cseq++
		b := st.request(message.INVITE, uri, d.from, d.to, d.id, d.cseq).Add("Contact", "<sip:"+acc.user+"@"+st.local+">")
		authorize(b, digest, message.INVITE, uri)
		invite := b.Finish("application/sdp", []byte(sdp))
		rang := false
		res, err := st.do(ctx, invite, func(status int) {
			if status == 180 && after180 != nil && !rang {
				rang = true
				after180(invite)
			}
		})
		if err != nil {
			return nil, nil, err
		}
		switch status := res.Status(); {
		case status == 401:
			if err := digest.Challenged(res); err != nil {
				return nil, nil, &statusError{401, res.Phrase()}
			}
			continue
		case status >= 300:
			return nil, nil, &statusError{status, strings.Clone(res.Phrase())}
		}
		return d, res.Body(), s.confirm(d, res)
	}
}

// confirm acknowledges a 2xx and makes the dialogue known, so that it hears of BYE.
func (s *soak) confirm(d *dialogue, res *message.Message) error {
	st := s.callers
	contact, ok := res.Contact()
	if !ok {
		return errors.New("the answer has no Contact")
	}
	d.to, d.target = strings.Clone(res.Header(message.HTo)), strings.Clone(contact.URI)
	ack := st.within(d, message.ACK).Finish("", nil)
	st.mu.Lock()
	d.ack = ack
	st.dialogs[d.id] = d
	st.mu.Unlock()
	st.send(ack)
	return nil
}

// inside sends a request in a dialogue and wants a 2xx.
func (s *soak) inside(ctx context.Context, d *dialogue, method message.Method, contentType string, body []byte) (*message.Message, error) {
	res, err := s.callers.do(ctx, s.callers.within(d, method).Finish(contentType, body), nil)
	if err == nil && res.Status() >= 300 {
		err = &statusError{res.Status(), strings.Clone(res.Phrase())}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	return res, nil
}

func (s *soak) hangUp(ctx context.Context, d *dialogue) error {
	_, err := s.inside(ctx, d, message.BYE, "", nil)
	s.callers.mu.Lock()
	d.finish()
	s.callers.mu.Unlock()
	return err
}

// length is how long a call without audio lasts: 1 to 5 s.
func (s *soak) length() time.Duration {
	return time.Second + time.Duration(s.callers.serial.Load()*7919%4000)*time.Millisecond
}

func (s *soak) plainCall(ctx context.Context, acc account, target string) error {
	d, _, err := s.dial(ctx, acc, target, silence(), nil)
	if err != nil {
		return err
	}
	return errors.Join(pause(ctx, s.length()), s.hangUp(ctx, d))
}

func (s *soak) heldCall(ctx context.Context, acc account, target string) error {
	d, _, err := s.dial(ctx, acc, target, silence(), nil)
	if err != nil {
		return err
	}
	for _, direction := range []string{"a=sendonly\r\n", "a=sendrecv\r\n"} {
		if err := pause(ctx, 700*time.Millisecond); err != nil {
			return err
		}
		res, err := s.inside(ctx, d, message.INVITE, "application/sdp", []byte(silence()+direction))
		if err != nil {
			return errors.Join(err, s.hangUp(ctx, d))
		}
		if held := strings.Contains(string(res.Body()), "a=recvonly"); held != (direction == "a=sendonly\r\n") {
			return errors.Join(fmt.Errorf("%q was answered\n%s", direction, res.Body()), s.hangUp(ctx, d))
		}
		s.callers.mu.Lock()
		d.ack = nil
		s.callers.mu.Unlock()
		ack := s.callers.within(d, message.ACK).Finish("", nil)
		s.callers.mu.Lock()
		d.ack = ack
		s.callers.mu.Unlock()
		s.callers.send(ack)
	}
	return errors.Join(pause(ctx, 500*time.Millisecond), s.hangUp(ctx, d))
}

func (s *soak) endedCall(ctx context.Context, acc account, target string) error {
	d, _, err := s.dial(ctx, acc, target, silence(), nil)
	if err != nil {
		return err
	}
	select {
	case <-d.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Second):
		return errors.Join(errors.New("the callee's BYE did not come"), s.hangUp(ctx, d))
	}
}

func (s *soak) cancelledCall(ctx context.Context, acc account, target string) error {
	cancelled := make(chan error, 1)
	_, _, err := s.dial(ctx, acc, target, silence(), func(invite []byte) {
		go func() {
			if err := pause(ctx, 300*time.Millisecond); err != nil {
				cancelled <- err
				return
			}
			req, err := message.Parse(append([]byte(nil), invite...))
			if err != nil {
				cancelled <- err
				return
			}
			b := message.NewRequest(message.CANCEL, req.URI())
			b.Copy(req, message.HVia).Copy(req, message.HFrom).Copy(req, message.HTo).Copy(req, message.HCallID)
			b.Add("CSeq", fmt.Sprint(req.CSeq(), " CANCEL")).AddInt("Max-Forwards", 70)
			res, err := s.callers.do(ctx, b.Finish("", nil), nil)
			if err == nil && res.Status() != 200 {
				err = &statusError{res.Status(), strings.Clone(res.Phrase())}
			}
			cancelled <- err
		}()
	})
	var status *statusError
	if !errors.As(err, &status) || status.status != 487 {
		return fmt.Errorf("a cancelled call: %w", errors.Join(err, errors.New("want 487")))
	}
	if err := <-cancelled; err != nil {
		return fmt.Errorf("CANCEL: %w", err)
	}
	return nil
}

// expect is a call that ends with a status.
func expect(want int) func(*soak, context.Context, account, string) error {
	return func(s *soak, ctx context.Context, acc account, target string) error {
		d, _, err := s.dial(ctx, acc, target, silence(), nil)
		var status *statusError
		switch {
		case err == nil:
			return errors.Join(fmt.Errorf("answered, want %d", want), s.hangUp(ctx, d))
		case errors.As(err, &status) && status.status == want:
			return nil
		}
		return fmt.Errorf("want %d: %w", want, err)
	}
}

func (s *soak) unknownCall(ctx context.Context, acc account, _ string) error {
	return expect(404)(s, ctx, acc, "99999999")
}

// wrongCall mistypes a password, from an address of its own: whoever guesses too often is not answered any more.
func (s *soak) wrongCall(ctx context.Context, acc account, target string) error {
	acc.secret += "x"
	_, _, err := s.dialFrom(ctx, s.strangers, acc, target, silence(), nil)
	var status *statusError
	if errors.Is(err, errSilent) || errors.As(err, &status) && status.status == 401 {
		return nil
	}
	return fmt.Errorf("a call with a wrong password: %w", errors.Join(err, errors.New("want 401 or nothing")))
}

// audioCall talks for some seconds with key presses, and wants to have heard the other side.
func (s *soak) audioCall(ctx context.Context, acc account, target string) error {
	snd, err := openSound()
	if err != nil {
		return err
	}
	defer snd.close()
	d, body, err := s.dial(ctx, acc, target, sessionAt(snd.addr()), nil)
	if err != nil {
		return err
	}
	to, err := mediaIn(body)
	if err != nil {
		return errors.Join(err, s.hangUp(ctx, d))
	}
	snd.speak(to)
	err = pause(ctx, 3*time.Second)
	if err == nil {
		snd.press.Store(8) // packets of a key press
		_, err = s.inside(ctx, d, message.INFO, "application/dtmf-relay", []byte("Signal=5\r\nDuration=160\r\n"))
	}
	err = errors.Join(err, pause(ctx, 3*time.Second), s.hangUp(ctx, d))
	sent, heard := snd.sent.Load(), snd.heard.Load()
	s.sent.Add(sent)
	s.heard.Add(heard)
	if err == nil && heard < sent*3/4 {
		err = fmt.Errorf("%d packets sent, %d heard", sent, heard)
	}
	return err
}

// sound is an RTP socket.
type sound struct {
	conn  *net.UDPConn
	sent  atomic.Uint64
	heard atomic.Uint64
	press atomic.Int32
	stop  chan struct{}
	once  sync.Once
	wg    sync.WaitGroup
}

func openSound() (*sound, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("opening a socket for audio: %w", err)
	}
	s := &sound{conn: conn, stop: make(chan struct{})}
	s.wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, err := conn.Read(b)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil && n >= 12 {
				s.heard.Add(1)
			}
		}
	})
	return s, nil
}

// startSound opens one and speaks at once; it is a silent one when that fails.
func startSound(to netip.AddrPort, err error) *sound {
	s, openErr := openSound()
	if openErr != nil {
		return &sound{stop: make(chan struct{})}
	}
	if err == nil {
		s.speak(to)
	}
	return s
}

func (s *sound) addr() string {
	if s.conn == nil {
		return "127.0.0.1:9"
	}
	return s.conn.LocalAddr().String()
}

// speak sends G.711 every 20 ms until close.
func (s *sound) speak(to netip.AddrPort) {
	s.wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		p := make([]byte, 172)
		event := make([]byte, 16)
		p[0], p[1], event[0], event[1] = 0x80, 8, 0x80, 101
		for seq := uint16(1); ; seq++ {
			select {
			case <-s.stop:
				return
			case <-tick.C:
			}
			b := p
			if n := s.press.Load(); n > 0 {
				b = event
				b[12], b[13] = 5, 10
				if n <= 3 {
					b[13] |= 0x80 // the end, three times
				}
				s.press.Store(n - 1)
			}
			binary.BigEndian.PutUint16(b[2:], seq)
			binary.BigEndian.PutUint32(b[4:], uint32(seq)*160)
			binary.BigEndian.PutUint32(b[8:], 0x50414b)
			if _, err := s.conn.WriteToUDPAddrPort(b, to); err == nil {
				s.sent.Add(1)
			}
		}
	})
}

func (s *sound) close() {
	s.once.Do(func() {
		close(s.stop)
		if s.conn != nil {
			_ = s.conn.Close()
		}
	})
}
