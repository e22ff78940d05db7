package b2bua

import (
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
)

// maxInfo bounds the body of an INFO that is carried across, in bytes.
const maxInfo = 1024

// maxInfos bounds the INFOs of one leg that wait for the other side's answer.
const maxInfos = 16

// peerInfo carries key presses across. What else INFO may hold is not for the other side.
func (l *leg) peerInfo(tx *transaction.Server) {
	c, req := l.c, tx.Request()
	body := req.Body()
	kind := mediaType(req)
	peer := c.other(l)
	switch {
	case len(body) == 0:
		c.u.respond(tx, 200)
		return
	case !isDTMF(kind):
		c.u.respond(tx, 415, "Accept", "application/dtmf-relay, application/dtmf")
		return
	case len(body) > maxInfo:
		c.u.respond(tx, 413)
		return
	case l.infos >= maxInfos:
		c.u.respond(tx, 503, "Retry-After", "1")
		return
	case c.treated != nil, c.desk != nil:
		c.u.respond(tx, 200)
		if c.treated != nil {
			c.treated.pin.pressed(pressedKey(kind, body)) // otherwise key presses mean nothing here, and do no harm
		}
		return
	case c.phase != up || peer == nil || peer.phase != legUp:
		c.u.respond(tx, 480)
		return
	}
	l.infos++
	peer.request(message.INFO, kind, body, &reply{c: c, done: func(res *message.Message) {
		l.infos--
		status := 408
		if res != nil {
			status = carriedInfo(res.Status())
		}
		c.u.respond(tx, status)
	}})
}

// carriedInfo is the status handed back for an INFO: challenges and lost dialogs of the
// other leg are none of this one's.
func carriedInfo(status int) int {
	switch status {
	case 401, 407, 481:
		return 500
	}
	return status
}
