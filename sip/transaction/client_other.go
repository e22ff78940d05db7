package transaction

// otherTrying is "Trying" of RFC 3261 section 17.1.2.2.
func (c *Client) otherTrying(in input) {
	switch in.kind {
	case clientTimer: // E doubles up to T2, F ends
		c.retransmit(true)
	case client1xx:
		c.state = stateProceeding
		c.interval = T2
		c.armTrying()
		c.report(in.msg)
	default:
		c.otherFinal(in)
	}
}

// otherProceeding is "Proceeding" of RFC 3261 section 17.1.2.2.
func (c *Client) otherProceeding(in input) {
	switch in.kind {
	case clientTimer: // E is T2 here
		c.retransmit(true)
	case client1xx:
		c.report(in.msg)
	default:
		c.otherFinal(in)
	}
}

// otherFinal leaves Trying or Proceeding. Nothing but the key is kept for the wait.
func (c *Client) otherFinal(in input) {
	switch in.kind {
	case client2xx, client3xx:
		u := c.user
		c.user, c.bytes = nil, nil
		c.status = int16(in.msg.Status())
		c.linger(stateCompleted, wait(c.reliable(), T4)) // timer K
		if u != nil {
			u.Response(c, in.msg)
		}
	case clientTransport:
		c.fail(in.err)
	}
}

// otherCompleted is "Completed" of RFC 3261 section 17.1.2.2: repeated final responses are absorbed.
func (c *Client) otherCompleted(in input) {
	switch in.kind {
	case clientTimer, clientTransport:
		c.terminate()
	}
}
