package transaction

// otherProceeding is "Trying" and "Proceeding" of RFC 3261 section 17.2.2. The stored provisional
// response, if any, is the only difference between the two.
func (s *Server) otherProceeding(in input) {
	switch in.kind {
	case serverRequest:
		s.repeat()
	case serverTimer: // the user forgot it; the client has given up by now (timer F)
		s.layer.counts.Unanswered++
		s.terminate()
	case serverSend1xx:
		s.state = stateProceeding
		s.send(in)
	case serverSend2xx, serverSend3xx:
		s.state = stateCompleted
		s.answered()
		if in.kind == serverSend3xx { // who was refused may try another way
			s.unmerge()
		}
		s.user = nil
		s.send(in)
		if s.err = nil; !s.timerJ() {
			s.terminate()
		}
	}
}

// timerJ arms timer J, which is zero on a reliable transport.
func (s *Server) timerJ() bool {
	d := wait(s.reliable(), Lifetime)
	if d > 0 {
		s.layer.wheel.arm(&s.timer, d, s)
	}
	return d > 0
}

// otherCompleted is "Completed" of RFC 3261 section 17.2.2.
func (s *Server) otherCompleted(in input) {
	switch in.kind {
	case serverRequest:
		s.repeat()
	case serverTimer:
		s.terminate()
	}
}
