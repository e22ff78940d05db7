package b2bua

import (
	"math/rand/v2"

	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
)

// peerInvite takes a re-INVITE.
func (l *leg) peerInvite(tx *transaction.Server) {
	c := l.c
	if !l.free(tx) {
		return
	}
	d, ok := l.opening(tx)
	if !ok {
		return
	}
	tx.SetUser(l)
	if d == nil {
		l.offerAll(tx)
		return
	}
	c.peerOffer(l, tx, d)
}

// peerUpdate takes an UPDATE (RFC 3311).
func (l *leg) peerUpdate(tx *transaction.Server) {
	c := l.c
	d, ok := l.opening(tx)
	if !ok {
		return
	}
	if d == nil {
		l.succeed(tx, nil, nil)
		return
	}
	if l.free(tx) {
		c.peerOffer(l, tx, d)
	}
}

// free reports whether the leg can take an offer of the peer now, and refuses tx when not
// (RFC 3261 section 14.2). An answer of ours that has not been acknowledged is no obstacle: who sends the next offer has
// heard it (RFC 5407 section 3.1.4). One that is an offer itself is (section 3.1.5), until the ACK brings the answer.
func (l *leg) free(tx *transaction.Server) bool {
	update := tx.Request().Method() == message.UPDATE
	switch {
	case l.out != nil && (l.out.answer == nil || !update), l.exchange == dialog.OfferSent, l.c.loan != nil:
		l.c.u.respond(tx, 491)
	case l.in != nil:
		l.c.u.busy(tx, 500)
	case l.phase == legUp && l.c.phase == up:
		if l.ok.tx != nil && !update { // an UPDATE may have crossed the answer
			l.ok.tx.Acknowledged()
			l.ok.stop()
		}
		return true
	case l.phase == legEarly && l.agreed && l.c.phase == ringing && update:
		return true
	default:
		l.c.u.busy(tx, 500)
	}
	return false
}

// opening reads what re-INVITE and UPDATE have in common, and refuses what does not fit.
func (l *leg) opening(tx *transaction.Server) (d *sdp.Session, ok bool) {
	c, req := l.c, tx.Request()
	d, status := describe(req)
	switch {
	case status == 415:
		c.u.respond(tx, 415, "Accept", contentSDP)
		return nil, false
	case status != 0:
		c.u.respond(tx, status)
		return nil, false
	}
	deal, refused := c.u.negotiate(req)
	if refused {
		c.u.respond(tx, 422, "Min-SE", itoa(c.u.cfg.Timers.Min))
		return nil, false
	}
	l.deal = deal
	if req.Has(message.HAllow) {
		l.allowUpdate = req.HasToken(message.HAllow, "UPDATE")
	}
	return d, true
}

// succeed answers a re-INVITE or UPDATE with 200; then is called with the answer in the
// ACK when body was an offer.
func (l *leg) succeed(tx *transaction.Server, body []byte, then func(*sdp.Session)) {
	c, req := l.c, tx.Request()
	l.dlg.Refresh(req)
	b := message.NewResponse(req, 200, "", "")
	b.Add("Contact", l.dlg.Contact)
	b.Add("Allow", allow)
	b.Add("Supported", supported)
	l.addSession(b)
	b.Add("Server", c.u.cfg.Software)
	if req.Method() == message.INVITE {
		l.accept(tx, b.Finish(contentSDP, body), then)
	} else {
		_ = tx.Respond(200, b.Finish(contentSDP, body)) // the peer repeats its request if this is lost
	}
	if l.phase == legUp {
		l.armSession()
	}
}

// reject refuses an offer of the peer.
func (l *leg) reject(tx *transaction.Server, status int) {
	l.exchange, _ = l.exchange.Next(dialog.Reject)
	l.c.u.respond(tx, status)
}

// peerOffer answers an offer on the leg itself if the other side need not know, or
// carries it across.
func (c *call) peerOffer(l *leg, tx *transaction.Server, d *sdp.Session) {
	next, verdict := l.exchange.Next(dialog.ReceiveOffer)
	switch verdict {
	case dialog.OK:
	case dialog.Glare:
		c.u.respond(tx, 491)
		return
	default:
		c.u.busy(tx, 500)
		return
	}
	l.exchange = next
	sh, ok := c.agree(l, d)
	if !ok {
		l.reject(tx, 488)
		return
	}
	if body, ok := c.answerHere(l, d, sh); ok {
		directed := sdp.Compare(l.remote, d)&sdp.ChangedDirection != 0
		l.remote, l.shield, l.weOffered = d, sh, false
		l.exchange, _ = l.exchange.Next(dialog.SendAnswer)
		c.plumb(l)
		l.succeed(tx, body, nil)
		if directed {
			c.wake(c.other(l), d)
		}
		return
	}
	if c.treated != nil {
		c.treated.reoffered(l, tx, d, sh)
		return
	}
	if c.desk != nil {
		l.reject(tx, 488) // what else it wants is for who will answer
		return
	}
	c.carry(l, tx, d, sh)
}

// answerHere makes the answer for hold, resume, refresh and a new address: whatever
// leaves the codec in use as it is.
func (c *call) answerHere(l *leg, d *sdp.Session, sh *shield) ([]byte, bool) {
	change := sdp.Compare(l.remote, d)
	if change&sdp.ChangedMedia != 0 || c.u.cfg.Media == nil && change != 0 {
		return nil, false
	}
	trial := l.sdp
	before := firstFormats(trial.Last())
	own := sdp.Edit{}
	if sh != nil || l.shield != nil {
		var edits [maxStreams]sdp.MediaEdit
		own.Media = edits[:min(len(d.Media), maxStreams)]
		c.dress(&own, sh, l.seat(), d)
		for i := range own.Media {
			if m := &d.Media[i]; m.IsRTP() {
				own.Media[i].Proto = m.Proto // what it was before means nothing now
			}
		}
	}
	body, err := trial.Answer(d, sdp.SendRecv, own)
	if err != nil || change&sdp.ChangedCodecs != 0 && firstFormats(body) != before {
		return nil, false
	}
	l.sdp = trial
	return body, true
}

// wake offers a leg what its other side describes now, if it was told of a hold that this ends: one that came with a new
// codec, or with the call itself. Most holds are answered here and never told.
func (c *call) wake(l *leg, d *sdp.Session) {
	if c.phase != up || c.u.cfg.Media == nil || l == nil || l.remote == nil {
		return
	}
	told, err := sdp.Parse(l.sdp.Last())
	if err != nil {
		return
	}
	for i := range min(len(told.Media), len(d.Media), len(l.remote.Media)) {
		may := sdp.SendRecv
		if !l.weOffered {
			may = l.remote.Media[i].Direction.Reverse()
		}
		want := d.Media[i].Direction
		if d.Media[i].Port != 0 && told.Media[i].Port != 0 && want&may&^told.Media[i].Direction != 0 {
			c.resync(l)
			return
		}
	}
}

// formats names the codec that each of the relayed sections prefers.
type formats [maxStreams]string

func firstFormats(body []byte) (f formats) {
	s, err := sdp.Parse(body)
	if err != nil {
		return f
	}
	return preferred(s)
}

func preferred(s *sdp.Session) (f formats) {
	for i := range s.Media {
		if i == len(f) {
			break
		}
		m := &s.Media[i]
		if m.Port == 0 {
			continue
		}
		if !m.IsRTP() {
			f[i] = m.Type + "/" + m.Proto
			continue
		}
		for codec := range m.Codecs() {
			f[i] = m.Type + "/" + codec.Name + "/" + itoa(codec.Clock)
			break
		}
	}
	return f
}

// carry hands an offer to the other leg and its answer back. Both legs are busy meanwhile.
func (c *call) carry(l *leg, tx *transaction.Server, d *sdp.Session, sh *shield) {
	peer := c.other(l)
	if !peer.idle() {
		l.reject(tx, 491)
		return
	}
	if peer.phase == legEarly && (!peer.allowUpdate || c.ringingForks() > 1) {
		l.reject(tx, 488) // what several phones have been offered cannot be changed for one of them
		return
	}
	if err := c.openStreams(d, nil); err != nil {
		c.noMedia(err)
		l.reject(tx, 500)
		return
	}
	method := message.INVITE
	if peer.phase == legEarly || tx.Request().Method() == message.UPDATE && peer.allowUpdate {
		method = message.UPDATE
	}
	l.in = tx
	peer.offer(method, d, func(res *message.Message, answer *sdp.Session) {
		wanted := l.in == tx
		if wanted {
			l.in = nil
		}
		switch {
		case c.phase == ended:
		case answer != nil && wanted:
			l.remote, l.shield, l.weOffered = d, sh, false
			l.exchange, _ = l.exchange.Next(dialog.SendAnswer)
			body := l.write(answer, 0)
			c.plumb(l)
			l.succeed(tx, body, nil)
		case wanted:
			l.reject(tx, carriedStatus(res))
			if lost(res) && c.phase == up {
				c.hangup(peer.side.String(), "the "+peer.side.String()+" does not know the call any more", nil)
			}
		case answer != nil:
			// Withdrawn, but too late: the peer has to hear what still holds.
			c.resync(peer)
		}
	})
}

// idle reports whether the leg has no offer and no INVITE under way.
func (l *leg) idle() bool {
	return l != nil && (l.phase == legUp || l.phase == legEarly && l.agreed) && l.in == nil && l.out == nil && l.ok.tx == nil && l.exchange == dialog.Stable
}

// carriedStatus is the status with which a refusal is handed back.
func carriedStatus(res *message.Message) int {
	if res == nil {
		return 408
	}
	switch status := res.Status(); {
	case status < 300 || status < 400: // no answer in it, or a redirection
		return 488
	case status == 401 || status == 407 || status == 422:
		return 488
	case status == 481:
		return 500 // it is the other dialog that is lost; this one is ended by BYE if need be
	default:
		return status
	}
}

// lost reports whether a failure means that the peer has lost the dialog.
func lost(res *message.Message) bool {
	return res == nil || res.Status() == 481 || res.Status() == 408
}

// offerAll answers a re-INVITE without offer with all that the other side can do.
func (l *leg) offerAll(tx *transaction.Server) {
	c := l.c
	peer := c.other(l)
	next, verdict := l.exchange.Next(dialog.SendOffer)
	offer := c.facing(l)
	if verdict != dialog.OK || offer == nil {
		c.u.busy(tx, 500)
		return
	}
	l.exchange = next
	body := l.write(offer, sdp.SendRecv)
	l.succeed(tx, body, func(answer *sdp.Session) {
		answer = fitted(answer, offer)
		sh, err := l.shield.settle(answer)
		if answer == nil || err != nil {
			l.exchange, _ = l.exchange.Next(dialog.Reject)
			return
		}
		l.exchange, _ = l.exchange.Next(dialog.ReceiveAnswer)
		before := l.remote
		l.remote, l.shield, l.weOffered = answer, sh, true
		c.plumb(l)
		if preferred(before) != preferred(answer) || c.u.cfg.Media == nil && sdp.Compare(before, answer) != 0 {
			c.resync(peer)
		}
	})
}

// resync offers a leg what its other side described last, until it takes it.
func (c *call) resync(l *leg) {
	if c.phase != up || l == nil || l.phase != legUp || c.facing(l) == nil {
		return
	}
	from := c.facing(l)
	if !l.idle() {
		c.again(l, dialog.GlareWait(l.dlg.Owner, rand.IntN), func() { c.resync(l) })
		return
	}
	l.offer(message.INVITE, from, func(res *message.Message, answer *sdp.Session) {
		switch {
		case c.phase != up || answer != nil:
		case lost(res):
			c.hangup(l.side.String(), "the "+l.side.String()+" does not know the call any more", nil)
		case res.Status() == 491:
			c.again(l, dialog.GlareWait(l.dlg.Owner, rand.IntN), func() { c.resync(l) })
		}
	})
}
