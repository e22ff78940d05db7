package event

import (
	"hash/maphash"
	"strconv"

	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// screen answers, before anything is kept for it, a SUBSCRIBE that cannot become a subscription: one without
// credentials, one for a package that we do not have, and every one while we stop.
func (s *Server) screen(in transport.Inbound) bool {
	req := in.Msg
	name, ok := ParseName(req.Header(message.HEvent))
	switch {
	case s.stopping.Load():
		s.refuse(in, 503, "", "Retry-After: 10")
	case !ok:
		s.refuse(in, 400, "Missing or Malformed Event")
	case s.find(name.Package) == nil:
		s.refuse(in, 489, "", "Allow-Events: "+s.allow)
	case !req.Has(message.HAuthorization) && !req.Has(message.HProxyAuthorization):
		s.challenge(in, false)
	case s.cfg.Brake != nil && !s.cfg.Brake.Admit(req, in.Flow.Remote().Addr()):
		// Without a word, like a REGISTER.
	default:
		return false
	}
	return true
}

// refuse answers statelessly.
func (s *Server) refuse(in transport.Inbound, status int, phrase string, extra ...string) {
	s.count.refused.Add(1)
	_ = transaction.Reply(in.Flow, in.Msg, status, phrase, extra...) // a loss is mended by the repeated request
}

// authenticate finds out who sent a SUBSCRIBE, or refuses it, both without keeping anything.
func (s *Server) authenticate(in transport.Inbound) *auth.Account {
	req := in.Msg
	account, verdict := s.cfg.Auth.Check(req)
	if s.cfg.Brake != nil {
		s.cfg.Brake.Judge(req, in.Flow.Remote().Addr(), verdict)
	}
	switch {
	case verdict == auth.OK && account != nil && account.SlotID != "":
		in.Flow.Prove()
		return account
	case verdict == auth.Malformed:
		s.refuse(in, 400, "Malformed Credentials")
	case verdict == auth.OK:
		s.refuse(in, 403, "")
	default:
		s.challenge(in, verdict.IsStale())
	}
	return nil
}

// challenge answers 401. The tag is the same for a repeated request.
func (s *Server) challenge(in transport.Inbound, stale bool) {
	s.count.challenged.Add(1)
	var h maphash.Hash
	h.SetSeed(s.seed)
	_, _ = h.WriteString(in.Msg.CallID()) // never fails
	_, _ = h.WriteString(in.Msg.Branch())
	b := message.NewResponse(in.Msg, 401, "", strconv.FormatUint(h.Sum64(), 36))
	s.cfg.Auth.Challenge(b, false, stale)
	_ = b.Send(in.Flow)
}
