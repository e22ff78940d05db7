package transaction

import (
	"strconv"
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// inviteCalling is "Calling" of RFC 3261 section 17.1.1.2: no response yet.
func (c *Client) inviteCalling(in input) {
	switch in.kind {
	case clientTimer:
		c.retransmit(false)
	case clientCancel:
		c.cancelled = true // held back until the first provisional (section 9.1)
	case client1xx:
		c.state = stateProceeding
		c.timer.Stop()
		if c.cancelled {
			c.sendCancel()
		}
		c.report(in.msg)
	default:
		c.inviteFinal(in)
	}
}

// inviteProceeding is "Proceeding" of RFC 3261 section 17.1.1.2. It has no timer of its own
// (how long a phone may ring is the user's matter) unless the INVITE was cancelled.
func (c *Client) inviteProceeding(in input) {
	switch in.kind {
	case clientTimer: // no final response to a cancelled INVITE: RFC 3261 section 9.1
		c.fail(ErrTimeout)
	case clientCancel:
		c.cancelled = true
		c.sendCancel()
	case client1xx:
		c.report(in.msg)
	default:
		c.inviteFinal(in)
	}
}

// inviteFinal leaves Calling or Proceeding.
func (c *Client) inviteFinal(in input) {
	switch in.kind {
	case client2xx: // RFC 6026 section 7.2
		c.bytes = nil
		c.linger(stateAccepted, Lifetime)
		c.report(in.msg)
	case client3xx:
		c.bytes = buildAck(c.bytes, in.msg)
		u := c.user
		// An ACK that cannot be sent is like a lost one.
		if c.bytes != nil {
			_ = c.send(c.bytes)
		}
		c.linger(stateCompleted, wait(c.reliable(), timerD))
		c.status = int16(in.msg.Status())
		if u != nil {
			u.Response(c, in.msg)
		}
	case clientTransport:
		c.fail(in.err)
	}
}

// inviteCompleted is "Completed" of RFC 3261 section 17.1.1.2: each repeated final response is
// acknowledged again. A 2xx that crosses it (another fork answered) still goes to the user, who has to end that call.
func (c *Client) inviteCompleted(in input) {
	switch in.kind {
	case clientTimer, clientTransport:
		c.terminate()
	case client3xx:
		if c.bytes != nil {
			_ = c.send(c.bytes)
		}
	case client2xx:
		c.report(in.msg)
	}
}

// inviteAccepted is "Accepted" of RFC 6026 section 7.2: every 2xx goes to the user until timer M.
func (c *Client) inviteAccepted(in input) {
	switch in.kind {
	case clientTimer:
		c.terminate()
	case clientTransport: // the user hears of a dead flow by its own requests
	case client2xx:
		c.report(in.msg)
	}
}

// retransmit repeats the request (timers A and E) or gives up (B and F).
func (c *Client) retransmit(capped bool) {
	if c.layer.wheel.elapsed() >= c.deadline {
		c.fail(ErrTimeout)
		return
	}
	if c.reliable() {
		c.armTrying()
		return
	}
	c.layer.counts.Retransmissions++
	if err := c.transmit(c.bytes); err != nil {
		c.fail(err)
		return
	}
	c.interval *= 2
	if capped {
		c.interval = min(c.interval, T2)
	}
	c.armTrying()
}

// Cancel sends CANCEL for an INVITE client transaction: at once when a provisional
// response has come, else as soon as the first comes (RFC 3261 section 9.1). extra holds
// further header lines such as "Reason: SIP;cause=200". Repeated calls have no effect. When no final
// response follows within 64*T1 the user hears Failed(ErrTimeout).
func (c *Client) Cancel(extra ...string) {
	if !c.invite() || c.cancelled || c.err != nil {
		return
	}
	if c.state <= stateProceeding {
		c.cancel = extra
	}
	c.handle(input{kind: clientCancel})
}

// Cancelled reports whether Cancel was called in time.
func (c *Client) Cancelled() bool { return c.cancelled }

// sendCancel starts the CANCEL's own transaction, whose outcome says nothing, and the wait for the INVITE's end.
func (c *Client) sendCancel() {
	if b := buildCancel(c.bytes, c.cancel); b != nil {
		c.layer.start(c.flow, message.CANCEL, c.key.branch, b, nil, c.ring)
	}
	c.layer.wheel.arm(&c.timer, Lifetime, c)
}

// buildAck makes the ACK for a 3xx-6xx from the INVITE and the response (RFC 3261 section 17.1.1.3).
func buildAck(invite []byte, res *message.Message) []byte {
	req, err := message.Parse(invite)
	if err != nil {
		return nil
	}
	b := hopRequest(req, message.ACK, res)
	return b.Finish("", nil)
}

// buildCancel makes the CANCEL for an INVITE (RFC 3261 section 9.1).
func buildCancel(invite []byte, extra []string) []byte {
	req, err := message.Parse(invite)
	if err != nil {
		return nil
	}
	b := hopRequest(req, message.CANCEL, req)
	for _, line := range extra {
		if name, value, ok := strings.Cut(line, ":"); ok {
			b.Add(name, strings.TrimSpace(value))
		}
	}
	return b.Finish("", nil)
}

// hopRequest begins a request that goes the way of req: same Request-URI, topmost Via, Route, From, Call-ID and
// sequence number. To is that of to.
func hopRequest(req *message.Message, m message.Method, to *message.Message) *message.Builder {
	b := message.NewRequest(m, req.URI())
	for v := range req.Values(message.HVia) {
		b.Add("Via", v)
		break
	}
	b.AddInt("Max-Forwards", 70).Copy(req, message.HRoute)
	b.Copy(req, message.HFrom).Copy(to, message.HTo).Copy(req, message.HCallID)
	return b.Add("CSeq", strconv.FormatUint(uint64(req.CSeq()), 10)+" "+string(m))
}
