package transaction

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/trace"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// ServerUser hears what happens to an INVITE server transaction after its request.
type ServerUser interface {
	// Cancelled: a matching CANCEL came and was answered with 200. The user decides
	// and sends 487 itself if it has not answered before. It is called at most once, and only before a final response.
	Cancelled(s *Server, cancel *message.Message)
	// Unacknowledged: no ACK for a 3xx-6xx within 64*T1, or sending failed.
	Unacknowledged(s *Server, err error)
}

// Server is a server transaction. For an INVITE the user answers with any number
// of provisional responses and one final one; a second final response is refused.
type Server struct {
	timer    Timer
	layer    *Layer
	flow     *transport.Flow
	ring     *trace.Ring
	req      *message.Message // nil after the event in which the final response was sent
	user     ServerUser
	key      string
	tag      string
	bytes    []byte        // the last response
	deadline time.Duration // of H, on the wheel's clock
	interval time.Duration
	err      error // to be reported by the timer
	merge    uint64

	state     state
	invite    bool
	cancelled bool
	status    int16 // of the last response
}

// Request is the request that made the transaction. It is nil in later events once a final response was sent:
// a transaction that lingers keeps no more than it needs.
func (s *Server) Request() *message.Message { return s.req }

// Flow is the flow the request came on; responses leave on it.
func (s *Server) Flow() *transport.Flow { return s.flow }

// Answered reports whether a final response was sent.
func (s *Server) Answered() bool { return s.status >= 200 }

// Status is the status of the last response sent, 0 for none.
func (s *Server) Status() int { return int(s.status) }

// Cancelled reports whether a CANCEL has come before a final response.
func (s *Server) Cancelled() bool { return s.cancelled }

// SetUser sets who hears of CANCEL and failure of this INVITE transaction.
func (s *Server) SetUser(u ServerUser) { s.user = u }

// Trace notes the request, what was answered to it already, and all further messages of the transaction in ring.
func (s *Server) Trace(ring *trace.Ring) {
	if ring == nil || s.ring != nil {
		return
	}
	s.ring = ring
	if s.req != nil {
		ring.In(s.layer.wheel.now, s.flow, s.req)
	}
	if s.bytes != nil {
		ring.Out(s.layer.wheel.now, s.flow, s.bytes)
	}
}

// transmit sends b and notes it.
func (s *Server) transmit(b []byte) error {
	s.ring.Out(s.layer.wheel.now, s.flow, b)
	return s.flow.Send(b)
}

// Tag is the tag for the To header of the responses, minted at the first call. All responses
// that the layer makes for this transaction carry it.
func (s *Server) Tag() string {
	if s.tag == "" {
		s.tag = s.layer.newTag()
	}
	return s.tag
}

// tagInUse is the tag that the user's responses carry, which the answer to a CANCEL shares (RFC 3261 section 9.2).
func (s *Server) tagInUse() string {
	if s.tag == "" && s.status > 100 && s.bytes != nil {
		if m, err := message.Parse(bytes.Clone(s.bytes)); err == nil {
			s.tag = strings.Clone(m.ToTag())
		}
	}
	return s.Tag()
}

// Reply makes and sends a response without a body; extra holds further header lines ("Name: value").
func (s *Server) Reply(status int, phrase string, extra ...string) error {
	if s.Answered() {
		return ErrAnswered
	}
	tag := ""
	if status > 100 {
		tag = s.Tag()
	}
	return s.Respond(status, build(s.req, status, phrase, tag, extra))
}

// Respond sends a finished response (made with message.NewResponse) and stores it
// for retransmission; b must not be changed afterwards. It returns ErrAnswered when a final response was sent before.
// A 2xx to INVITE moves to Accepted (RFC 6026): repeated INVITEs are absorbed, and the
// user repeats the 2xx itself with Resend until its ACK comes. That sending failed is reported later by
// ServerUser.Unacknowledged.
func (s *Server) Respond(status int, b []byte) error {
	if s.Answered() || s.state == stateTerminated {
		return ErrAnswered
	}
	in := input{kind: serverSend1xx, status: status, bytes: b}
	switch {
	case status >= 300:
		in.kind = serverSend3xx
	case status >= 200:
		in.kind = serverSend2xx
	}
	s.handle(in)
	return nil
}

// Resend sends the stored final response again (2xx to INVITE only).
func (s *Server) Resend() error {
	if s.state != stateAccepted || s.bytes == nil {
		return transport.ErrFlowClosed
	}
	s.layer.counts.Retransmissions++
	return s.transmit(s.bytes)
}

// Acknowledged tells an accepted INVITE transaction that the ACK for its 2xx has come. The stored
// response is dropped, and repetitions of the INVITE, which cannot be many after the ACK, are absorbed for T4 only.
func (s *Server) Acknowledged() {
	if s.state != stateAccepted || s.bytes == nil {
		return
	}
	s.bytes, s.user = nil, nil
	s.linger(stateAccepted, wait(s.reliable(), T4))
}

// Events of a server transaction.
const (
	serverTimer    = iota
	serverRequest  // the request again
	serverAck      // ACK for the final response
	serverCancel   // CANCEL for the INVITE
	serverSend1xx  // the user responds
	serverSend2xx  //
	serverSend3xx  //
	serverSendFail // a final response could not be sent
	numServerEvents
)

func (s *Server) expired() {
	if s.err != nil {
		s.handle(input{kind: serverSendFail, err: s.err})
		return
	}
	s.handle(input{kind: serverTimer})
}

func (s *Server) handle(in input) {
	if in.msg != nil && in.kind != serverCancel { // that one is noted before its answer
		s.ring.In(s.layer.wheel.now, s.flow, in.msg)
	}
	if s.invite {
		switch s.state {
		case stateProceeding:
			s.inviteProceeding(in)
		case stateCompleted:
			s.inviteCompleted(in)
		case stateConfirmed:
			s.inviteConfirmed(in)
		case stateAccepted:
			s.inviteAccepted(in)
		}
		return
	}
	switch s.state {
	case stateTrying, stateProceeding:
		s.otherProceeding(in)
	case stateCompleted:
		s.otherCompleted(in)
	}
}

func (s *Server) reliable() bool { return s.flow.Proto().Reliable() }

// send stores and sends a response. A failure of a final one is reported by the timer, so that no
// callback runs inside Respond; on an unreliable transport only a closed socket is a failure.
func (s *Server) send(in input) (failed bool) {
	s.bytes, s.status = in.bytes, int16(in.status)
	err := s.transmit(in.bytes)
	if err == nil || in.status < 200 || !s.reliable() && !errors.Is(err, transport.ErrFlowClosed) {
		return false
	}
	s.err = err
	s.layer.wheel.arm(&s.timer, 0, s)
	return true
}

// repeat sends the stored response again; a failure is like a lost packet.
func (s *Server) repeat() {
	if s.bytes != nil {
		s.layer.counts.Retransmissions++
		_ = s.transmit(s.bytes)
	}
}

// linger arms the timer that ends a transaction whose work is done.
func (s *Server) linger(st state, d time.Duration) {
	s.state = st
	if d == 0 {
		s.terminate()
		return
	}
	s.layer.wheel.arm(&s.timer, d, s)
}

// fail ends the transaction and tells the user why.
func (s *Server) fail(err error) {
	u := s.user
	s.terminate()
	if errors.Is(err, ErrTimeout) {
		s.layer.counts.Timeouts++
	}
	if u != nil {
		u.Unacknowledged(s, err)
	}
}

func (s *Server) terminate() {
	if s.state == stateTerminated && s.layer.servers[s.key] != s {
		return
	}
	s.state = stateTerminated
	s.timer.Stop()
	s.bytes, s.user = nil, nil
	if !s.Answered() {
		s.layer.spent = append(s.layer.spent, s)
	}
	if s.layer.servers[s.key] == s {
		delete(s.layer.servers, s.key)
	}
	s.unmerge()
}

// unmerge takes the request out of the index of merged requests.
func (s *Server) unmerge() {
	if s.merge != 0 {
		delete(s.layer.merges, s.merge)
		s.merge = 0
	}
}

// answered notes that the request is not needed after this event.
func (s *Server) answered() { s.layer.spent = append(s.layer.spent, s) }
