package transaction

import (
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// tryingAfter is when an INVITE to which nothing was said is answered with 100 (RFC 3261 section 17.2.1). Phones that ring sooner cost
// no 100, and the caller repeats its INVITE after 500 ms only.
const tryingAfter = 200 * time.Millisecond

// inviteProceeding is "Proceeding" of RFC 3261 section 17.2.1 (with RFC 6026 section 7.1): no final response yet.
func (s *Server) inviteProceeding(in input) {
	switch in.kind {
	case serverTimer:
		s.trying()
	case serverRequest:
		if s.bytes == nil {
			s.trying()
			return
		}
		s.repeat()
	case serverCancel:
		if s.cancelled {
			return
		}
		s.cancelled = true
		if s.user != nil {
			s.user.Cancelled(s, in.msg)
		}
	case serverSend1xx:
		s.timer.Stop()
		s.send(in)
	case serverSend2xx:
		s.state = stateAccepted
		s.answered()
		if !s.send(in) {
			s.linger(stateAccepted, Lifetime) // timer L
		}
	case serverSend3xx:
		s.state = stateCompleted
		s.answered()
		s.unmerge()
		s.interval, s.deadline = T1, s.layer.wheel.elapsed()+Lifetime
		if !s.send(in) {
			s.armCompleted()
		}
	}
}

// trying sends the 100, if nothing was sent yet.
func (s *Server) trying() {
	if s.bytes != nil {
		return
	}
	s.handle(input{kind: serverSend1xx, status: 100, bytes: message.NewResponse(s.req, 100, "", "").Finish("", nil)})
}

// inviteCompleted is "Completed" of RFC 3261 section 17.2.1: a 3xx-6xx waits for its ACK.
func (s *Server) inviteCompleted(in input) {
	switch in.kind {
	case serverRequest:
		s.repeat()
	case serverTimer: // H ends, G repeats
		if s.layer.wheel.elapsed() >= s.deadline {
			s.fail(ErrTimeout)
			return
		}
		if !s.reliable() {
			s.repeat()
			s.interval = min(2*s.interval, T2)
		}
		s.armCompleted()
	case serverAck:
		s.bytes, s.user = nil, nil
		s.linger(stateConfirmed, wait(s.reliable(), T4)) // timer I
	case serverSendFail:
		s.fail(in.err)
	}
}

// armCompleted sets the timer to G or H, whichever is first.
func (s *Server) armCompleted() {
	d := s.deadline - s.layer.wheel.elapsed()
	if !s.reliable() {
		d = min(d, s.interval)
	}
	s.layer.wheel.arm(&s.timer, d, s)
}

// inviteConfirmed is "Confirmed" of RFC 3261 section 17.2.1: further ACKs and late INVITEs are absorbed.
func (s *Server) inviteConfirmed(in input) {
	if in.kind == serverTimer {
		s.terminate()
	}
}

// inviteAccepted is "Accepted" of RFC 6026 section 7.1: INVITEs are absorbed, the user repeats the 2xx.
func (s *Server) inviteAccepted(in input) {
	switch in.kind {
	case serverTimer:
		s.terminate()
	case serverSendFail:
		s.fail(in.err)
	}
}
