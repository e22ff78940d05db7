package b2bua

import (
	"strconv"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/event"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
)

// Option tags of those who refer and do not want to hear what became of it (RFC 4488, RFC 7614).
const (
	noReferSub = "norefersub"
	noSub      = "nosub"
)

const contentFrag = "message/sipfrag;version=2.0"

// referral is a REFER of the peer (RFC 3515) and its implicit subscription, which lives in the call's dialog.
type referral struct {
	l     *leg
	event string // value of Event
	quiet bool   // nobody wants to hear
	until time.Time

	busy bool   // a NOTIFY is under way
	next int    // status to be told after it, 0 for none
	over bool   // the last one has been sent
	then func() // runs when the last one has been answered, or needs no answer
}

// referFor is how long a referral may take: longer than any ringing.
const referFor = 3 * time.Minute

// peerRefer takes a REFER inside the dialog.
func (l *leg) peerRefer(tx *transaction.Server) {
	c, req := l.c, tx.Request()
	to, status := parseReferTo(req)
	switch {
	case c.phase < up || c.desk != nil || l.phase != legUp || c.other(l) == nil:
		c.u.busy(tx, 500) // there is nobody to be transferred yet
	case c.transfer != nil || c.reserved != nil || c.loan != nil:
		c.u.respond(tx, 491) // one at a time
	case status != 0:
		c.u.respond(tx, status)
	case c.u.stopping.Load():
		c.u.respond(tx, 503, "Retry-After", "10")
	default:
		c.transferTo(l, tx, to)
	}
}

// accept answers the REFER. 202 says that it is being looked into; who wants no subscription gets 200 (RFC 7614 section 4.5).
func (r *referral) accept(tx *transaction.Server) {
	c, req := r.l.c, tx.Request()
	r.until = c.sh.Now().Add(referFor)
	r.event = "refer"
	if r.l.referred {
		r.event += ";id=" + strconv.FormatUint(uint64(req.CSeq()), 10)
	}
	r.l.referred = true
	explicit := req.HasToken(message.HRequire, noSub)
	r.quiet = explicit || req.Header(message.HReferSub) == "false"
	status := 202
	if explicit {
		status = 200
	}
	b := message.NewResponse(req, status, "", "")
	b.Add("Contact", r.l.dlg.Contact)
	b.Add("Supported", supportedInDialog)
	if r.quiet {
		b.Add("Refer-Sub", "false")
	}
	b.Add("Server", c.u.cfg.Software)
	_ = tx.Respond(status, b.Finish("", nil)) // the peer repeats its request if this is lost
	r.tell(100)
}

// tell sends the progress of the triggered call. Of what happens while a NOTIFY is under way the newest is sent.
func (r *referral) tell(status int) {
	switch {
	case r.over:
	case r.quiet || r.l.phase > legUp:
		if status >= 200 {
			r.over = true
			r.finished()
		}
	case r.busy:
		if status > r.next {
			r.next = status
		}
	default:
		r.send(status)
	}
}

func (r *referral) send(status int) {
	c := r.l.c
	progress := event.Progress{State: "active", Expires: max(int(r.until.Sub(c.sh.Now())/time.Second), 0), RetryAfter: -1}
	if status >= 200 {
		r.over = true
		progress = event.Progress{State: "terminated", Reason: event.NoResource, Expires: -1, RetryAfter: -1}
	}
	body := "SIP/2.0 " + strconv.Itoa(status) + " " + message.StatusText(status) + "\r\n"
	r.busy = true
	r.l.request(message.NOTIFY, contentFrag, []byte(body), &reply{c: c, done: r.told},
		"Contact", r.l.dlg.Contact, "Event", r.event, "Subscription-State", progress.String())
}

// told takes the answer to a NOTIFY. Who refuses one gets no more.
func (r *referral) told(res *message.Message) {
	r.busy = false
	next := r.next
	r.next = 0
	switch {
	case r.over:
		r.finished()
	case res == nil || res.Status() >= 300:
		r.quiet = true
		if next >= 200 {
			r.tell(next)
		}
	case next != 0:
		r.tell(next)
	}
}

// finished runs what has to wait for the end of the subscription, once.
func (r *referral) finished() {
	if then := r.then; then != nil && !r.busy {
		r.then = nil
		then()
	}
}

// peerSubscribe takes a SUBSCRIBE inside the dialog: only the subscription of a REFER lives there.
func (l *leg) peerSubscribe(tx *transaction.Server) {
	c, req := l.c, tx.Request()
	name, ok := event.ParseName(req.Header(message.HEvent))
	if !ok || name.Package != "refer" {
		c.u.respond(tx, 489, "Allow-Events", "refer")
		return
	}
	t := c.transfer
	if t == nil || t.l != l || t.r.over || t.r.quiet || t.r.event != name.String() {
		c.u.respond(tx, 481)
		return
	}
	seconds, named := req.Expires()
	if left := int(t.r.until.Sub(c.sh.Now()) / time.Second); !named || seconds > left {
		seconds = max(left, 0)
	}
	c.u.respond(tx, 200, "Expires", strconv.Itoa(seconds), "Contact", l.dlg.Contact)
	if seconds == 0 {
		t.r.quiet = true // the triggered call goes on
	}
}
