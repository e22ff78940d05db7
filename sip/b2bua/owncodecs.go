package b2bua

import (
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
)

// A caller that makes no offer and requires reliable provisional responses can be sent none without an offer in it (RFC 3262
// section 5), and no phone has made one yet. So the offer is ours: what the relay can make of one another. Its answer comes with
// the PRACK, and stands for the offer that the INVITE should have had; only then the phones ring:
//
//	caller ──INVITE──▶ us            us ──INVITE with the caller's codecs──▶ phone
//	       ◀──183, our offer──
//	       ──PRACK, answer──▶

// ownCodecs is our offer; addresses, ports and protection are written as for any other.
const ownCodecs = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n" +
	"m=audio 9 RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n" +
	"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"

// offerless reports whether the first provisional response has to make the offer.
func (c *call) offerless() bool { return c.offer == nil && c.rel != nil }

// offerFirst sends the caller our offer.
func (c *call) offerFirst() {
	own, err := sdp.Parse([]byte(ownCodecs))
	if err == nil {
		err = c.openStreams(own, nil)
	}
	if err != nil {
		c.noMedia(err)
		c.refuse(ending{result: calls.Failed, status: 503, by: bySystem, cause: "no media port is free"})
		return
	}
	a := &c.a
	a.shield = c.propose(c.u.ask(a.dlg.Flow), own)
	a.exchange, _ = a.exchange.Next(dialog.SendOffer)
	c.rel.own = own
	c.rel.send(183, a.write(own, 0))
}

// answered takes the answer to our offer, and lets the phones ring.
func (r *reliable) answered(d *sdp.Session) {
	c := r.c
	a := &c.a
	answer := fitted(d, r.own)
	sh, err := a.shield.settle(answer)
	if answer == nil || err != nil || answer.First("audio") == nil {
		c.refuse(ending{result: calls.Failed, status: 488, by: bySystem, cause: "the caller gave no answer to the offer that it had asked for"})
		return
	}
	a.exchange, _ = a.exchange.Next(dialog.ReceiveAnswer)
	a.remote, a.shield, a.weOffered, a.agreed = answer, sh, true, true
	c.offer, c.anchor = answer, answer
	c.prepare(c.tx.Request())
	c.ringAll()
}

// promised reports whether the caller was promised all that we can recode: then it hears whoever answers, and needs no other description.
func (c *call) promised() bool { return c.rel != nil && c.rel.own != nil }

// single lets the caller use the codec that the callee has chosen, if it may prefer another one.
func (c *call) single(d *sdp.Session) {
	if !c.recoded && preferred(c.a.remote) != preferred(d) {
		c.resync(&c.a)
	}
}

// unwilling is why the INVITE of a caller that requires reliable responses cannot be taken: without the relay we have nothing to
// offer (RFC 3262 section 3).
func (c *call) unwilling() bool {
	if !c.offerless() || c.u.cfg.Media != nil {
		return false
	}
	if !c.tx.Request().HasToken(message.HRequire, reliably) {
		c.rel = nil
		return false
	}
	return true
}
