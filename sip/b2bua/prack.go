package b2bua

import (
	"math/rand/v2"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
)

// Reliable provisional responses (RFC 3262) run on each leg for itself: a callee's is acknowledged at once, whether
// the caller knows such things or not, and ours to the caller do not wait for a callee's.

// extensions lists what a contact may use; 199 tells proxies that they may report the end of one early dialog among
// several (RFC 6228). Where the caller gave no offer a reliable response would have to hold the
// callee's, which nobody could answer before the caller's ACK.
func (f *fork) extensions() string {
	if f.listed != "" {
		return f.listed
	}
	if f.c.offerBody == nil {
		return supportedInDialog
	}
	return supported + ", 199"
}

// maxPracks bounds the reliable responses of one dialog.
const maxPracks = 64

// order tells which reliable response of a transaction is the next one.
type order struct {
	last  uint32 // RSeq
	taken uint8
}

// next reports whether a reliable response is the next one. One that came before needs nothing, for
// its PRACK repeats itself; one behind a gap comes again (RFC 3262 section 4).
func (o *order) next(res *message.Message) bool {
	n := dialog.ParseRSeq(res.Header(message.HRSeq))
	if n == 0 || o.last != 0 && n != o.last+1 || o.taken >= maxPracks {
		return false
	}
	o.last = n
	o.taken++
	return true
}

// prack acknowledges a reliable response.
func (l *leg) prack(res *message.Message) {
	ack := dialog.RAck{RSeq: dialog.ParseRSeq(res.Header(message.HRSeq)), CSeq: res.CSeq(), Method: string(message.INVITE)}
	l.request(message.PRACK, "", nil, nil, "RAck", ack.String())
}

// reliable sends the caller provisional responses that it has to acknowledge, one at a time (RFC 3262 section 3).
type reliable struct {
	c         *call
	rseq      uint32 // of the last one
	cseq      uint32 // of the INVITE
	sent      []byte // the last one while its PRACK has not come
	status    int
	described bool         // it holds the answer
	answer    []byte       // the answer that a reliable response has carried
	own       *sdp.Session // our offer, where the caller makes none, see offerFirst
	backoff   dialog.Backoff
	timer     *transaction.Timer
	next      []int  // status of further ones
	then      func() // the final answer, which has to wait
}

// maxNext bounds the provisional responses that wait for the PRACK of another.
const maxNext = 4

// wantsReliable reports whether a caller has to be sent provisional responses reliably. One that merely could take
// them gets them as before: most who say so gain nothing by it.
func (u *UA) wantsReliable(req *message.Message) bool {
	return req.HasToken(message.HRequire, reliably) || u.reliableWherePossible && req.HasToken(message.HSupported, reliably)
}

func (c *call) newReliable(req *message.Message) *reliable {
	return &reliable{c: c, rseq: dialog.FirstRSeq(rand.IntN) - 1, cseq: req.CSeq()}
}

// send sends a response, or lets it wait its turn.
func (r *reliable) send(status int, body []byte) {
	c := r.c
	if r.sent != nil {
		if n := len(r.next); n == 0 || n < maxNext && r.next[n-1] != status {
			r.next = append(r.next, status)
		}
		return
	}
	r.described = r.answer == nil && body != nil
	if r.described {
		r.answer = body
	} else {
		body = nil
	}
	r.rseq++
	b := c.response(status)
	b.Add("Require", reliably)
	b.AddInt("RSeq", int(r.rseq))
	r.status, r.sent = status, b.Finish(contentSDP, body)
	r.backoff = dialog.Backoff{}
	_ = c.tx.Respond(status, r.sent) // a loss is mended by the repetition
	r.repeatLater()
}

func (r *reliable) repeatLater() {
	wait, more := r.backoff.Next()
	r.timer = r.c.after(wait, func() {
		if !more {
			r.c.giveUpCaller()
			return
		}
		_ = r.c.tx.Respond(r.status, r.sent)
		r.repeatLater()
	})
}

// stop ends the repetition: a final response has been given. A PRACK that is on its way is answered yet.
func (r *reliable) stop() {
	if r == nil {
		return
	}
	r.timer.Stop()
	r.timer, r.next, r.then = nil, nil, nil
}

// giveUpCaller refuses the call of a caller that acknowledges nothing.
func (c *call) giveUpCaller() {
	e := ending{result: calls.Failed, status: 504, by: bySystem, cause: "the caller did not acknowledge a provisional response"}
	if c.phase == holding {
		c.b.leave()
	}
	c.refuse(e)
}

// unconfirmed reports whether the final answer has to wait for the PRACK of the response that holds the description.
func (c *call) unconfirmed() bool { return c.rel != nil && c.rel.sent != nil && c.rel.described }

// awaits reports whether a PRACK acknowledges the response that waits for it.
func (l *leg) awaits(req *message.Message) bool {
	r := l.c.rel
	if r == nil || l.side != callerSide || r.sent == nil {
		return false
	}
	ack, ok := dialog.ParseRAck(req.Header(message.HRAck))
	return ok && ack == dialog.RAck{RSeq: r.rseq, CSeq: r.cseq, Method: string(message.INVITE)}
}

// peerPrack takes a PRACK.
func (l *leg) peerPrack(tx *transaction.Server) {
	c, r := l.c, l.c.rel
	if !l.awaits(tx.Request()) {
		c.u.respond(tx, 481)
		return
	}
	d, status := describe(tx.Request())
	switch {
	case status == 415:
		c.u.respond(tx, 415, "Accept", contentSDP)
		return
	case status != 0:
		c.u.respond(tx, status)
		return
	}
	r.timer.Stop()
	r.sent = nil
	ours := r.described && r.own != nil
	if ours {
		r.described = false
	}
	if r.described {
		r.described, l.agreed = false, true
		l.exchange, _ = l.exchange.Next(dialog.SendAnswer)
	}
	var body []byte
	if d != nil && !ours {
		if body = l.answerInPrack(d); body == nil {
			c.u.respond(tx, 488)
		}
	}
	if !tx.Answered() {
		b := message.NewResponse(tx.Request(), 200, "", "")
		b.Add("Server", c.u.cfg.Software)
		_ = tx.Respond(200, b.Finish(contentSDP, body))
	}
	switch then := r.then; {
	case ours:
		r.answered(d)
	case then != nil:
		r.then = nil
		then()
	case len(r.next) > 0 && c.phase == ringing:
		status := r.next[0]
		r.next = r.next[1:]
		var body []byte
		if c.early != nil {
			body = c.a.sdp.Last()
		}
		r.send(status, body)
	}
}

// answerInPrack answers an offer in a PRACK, which may follow a reliable answer (RFC 3262 section 5); nil refuses it.
// Carrying it across would keep the PRACK waiting.
func (l *leg) answerInPrack(d *sdp.Session) []byte {
	next, verdict := l.exchange.Next(dialog.ReceiveOffer)
	if verdict != dialog.OK || !l.agreed || l.remote == nil {
		return nil
	}
	sh, ok := l.c.agree(l, d)
	if !ok {
		return nil
	}
	body, ok := l.c.answerHere(l, d, sh)
	if !ok {
		return nil
	}
	l.remote, l.shield, l.weOffered = d, sh, false
	l.exchange, _ = next.Next(dialog.SendAnswer)
	l.c.plumb(l)
	return body
}
