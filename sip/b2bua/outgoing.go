package b2bua

import (
	"time"

	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/trace"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
)

// outgoing is a re-INVITE or UPDATE of ours. A leg has one at a time.
type outgoing struct {
	l      *leg
	method message.Method
	tx     *transaction.Client
	before sdp.Leg            // what we described before this offer
	offer  *sdp.Session       // what it was made of, nil for a refresh
	timer  *transaction.Timer // for a re-INVITE that rings on and on
	timed  bool               // it asks for a session timer
	done   func(res *message.Message, answer *sdp.Session)

	reliable order        // of its provisional responses
	answer   *sdp.Session // that a reliable one has carried

	withdrawn bool
}

// patience is how long a peer may take over a re-INVITE.
const patience = 40 * time.Second

// offer sends the leg what the other side described. done hears the final response, nil
// when none came, and the answer if it was a 2xx with one; the leg has taken it then.
func (l *leg) offer(m message.Method, d *sdp.Session, done func(*message.Message, *sdp.Session)) {
	o := &outgoing{l: l, method: m, before: l.sdp, offer: d, done: done}
	body := l.write(d, 0)
	o.send(body)
}

// refreshing sends the leg what we described before once more, or an UPDATE without description.
func (l *leg) refreshing(m message.Method, done func(*message.Message, *sdp.Session)) {
	o := &outgoing{l: l, method: m, before: l.sdp, done: done}
	if m == message.UPDATE {
		o.send(nil)
		return
	}
	o.send(l.sdp.Last())
}

func (o *outgoing) send(body []byte) {
	l := o.l
	l.out = o
	if body != nil {
		l.exchange, _ = l.exchange.Next(dialog.SendOffer)
	}
	if l.phase == legEarly { // an UPDATE: the session has no timer yet
		l.request(o.method, contentSDP, body, o, "Contact", l.dlg.Contact, "Allow", allow, "Supported", supportedInDialog)
		return
	}
	l.offered = dialog.SessionExpires{Seconds: int(l.interval() / time.Second), Refresher: dialog.UAC}
	extensions := supportedInDialog
	if o.method == message.INVITE {
		extensions = supportedAgain
	}
	headers := []string{
		"Contact", l.dlg.Contact, "Allow", allow, "Supported", extensions,
		"Session-Expires", l.offered.String(),
	}
	if l.reached != "" {
		headers = append(headers, "P-Asserted-Identity", l.reached)
	}
	o.timed = true
	if l.minSE > dialog.MinInterval {
		headers = append(headers, "Min-SE", itoa(l.minSE))
	}
	l.request(o.method, contentSDP, body, o, headers...)
	if o.method == message.INVITE {
		o.timer = l.c.after(patience, o.withdraw)
	}
}

// Trace says where the transaction notes its messages.
func (o *outgoing) Trace() *trace.Ring { return o.l.c.kept }

// Response implements transaction.ClientUser.
func (o *outgoing) Response(_ *transaction.Client, res *message.Message) {
	defer o.l.c.guard()
	status := res.Status()
	if status < 200 {
		o.provisional(res)
		return
	}
	if o.method == message.INVITE && status < 300 {
		if o.l.ack.seq == res.CSeq() {
			o.l.repeatAck(res.CSeq())
		} else {
			o.l.dlg.Refresh(res)
			o.l.sendAck(nil)
		}
	}
	o.finish(res)
}

// provisional acknowledges a reliable response to a re-INVITE (RFC 3262). What it answers holds from then on, before the final response
// has come, so that the peer may send an UPDATE; its Contact, too (RFC 6141 section 4.6).
func (o *outgoing) provisional(res *message.Message) {
	l := o.l
	if o.method != message.INVITE || o.done == nil || !res.HasToken(message.HRequire, reliably) || !o.reliable.next(res) {
		return
	}
	l.dlg.Refresh(res)
	l.prack(res)
	if l.exchange != dialog.OfferSent {
		return
	}
	if answer, sh := o.read(res); answer != nil {
		o.answer = answer
		o.take(answer, sh)
	}
}

// read is the usable answer in a response, with how it protects the media.
func (o *outgoing) read(res *message.Message) (*sdp.Session, *shield) {
	answer, _ := describe(res)
	answer = fitted(answer, o.offer)
	sh, err := o.l.shield.settle(answer)
	if err != nil {
		return nil, nil
	}
	return answer, sh
}

// take lets an answer hold.
func (o *outgoing) take(answer *sdp.Session, sh *shield) {
	l := o.l
	l.exchange, _ = l.exchange.Next(dialog.ReceiveAnswer)
	l.remote, l.shield, l.weOffered = answer, sh, true
	l.c.plumb(l)
}

// Failed implements transaction.ClientUser.
func (o *outgoing) Failed(*transaction.Client, error) {
	defer o.l.c.guard()
	o.finish(nil)
}

func (o *outgoing) finish(res *message.Message) {
	l, done := o.l, o.done
	if done == nil {
		return
	}
	o.done, l.out = nil, nil
	o.timer.Stop()
	var answer *sdp.Session
	var sh *shield
	if res != nil && res.Status() < 300 {
		l.dlg.Refresh(res)
		if res.Has(message.HAllow) {
			l.allowUpdate = res.HasToken(message.HAllow, "UPDATE")
		}
		if answer, sh = o.read(res); o.answer != nil {
			answer = l.remote // as it is by now; what the 2xx says is to be ignored
		}
		if l.phase == legUp && o.timed {
			l.startSession(res)
		}
	}
	if l.exchange == dialog.OfferSent {
		if answer != nil {
			o.take(answer, sh)
		} else {
			l.exchange, _ = l.exchange.Next(dialog.Reject)
			version := l.sdp.Origin.Version
			l.sdp = o.before
			l.sdp.Origin.Version = version
		}
	}
	done(res, answer)
	if o.answer != nil && answer == nil {
		l.c.resync(l) // it has refused what it had agreed to: what still holds is told again (RFC 6141 section 3.4)
	}
}

// withdraw cancels a re-INVITE of which nobody wants to know any more.
func (o *outgoing) withdraw() {
	o.withdrawn = true
	if o.method == message.INVITE && o.tx != nil {
		o.tx.Cancel()
	}
}

// sent implements sender.
func (o *outgoing) sent(tx *transaction.Client) {
	if o.tx = tx; o.withdrawn {
		o.withdraw()
	}
}

// forget ends the reports. A 2xx is acknowledged even so.
func (o *outgoing) forget() {
	o.done = nil
	o.timer.Stop()
	o.withdraw()
}
