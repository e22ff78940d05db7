package b2bua

import (
	"net/netip"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/trace"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// side tells the two legs of a call apart.
type side uint8

const (
	callerSide side = iota
	calleeSide
)

func (s side) String() string {
	if s == callerSide {
		return byCaller
	}
	return byCallee
}

// legPhase is where a leg's dialog is.
type legPhase uint8

const (
	legEarly   legPhase = iota // the INVITE has no 2xx
	legUp                      // confirmed
	legLeaving                 // to be ended, but the caller's ACK has to come first
	legBye                     // our BYE is under way
	legGone
)

// leg is the call's dialog with one side.
type leg struct {
	c       *call
	side    side
	at      uint8 // its place, see seat
	phase   legPhase
	bound   bool
	dlg     dialog.Dialog
	plain   *transport.Flow // the UDP flow that a large request has left for a connection
	settled bool            // the way to the first proxy of the route set is known, see settle
	routed  bool            // and it is not that of the messages that come from there

	exchange    dialog.Exchange
	remote      *sdp.Session // what the peer described last
	sdp         sdp.Leg      // what we described
	weOffered   bool         // the last offer on the leg was ours
	shield      *shield      // how its media is protected, nil: not at all
	allowUpdate bool
	agreed      bool  // while early: offer and answer of the INVITE are through, reliably (RFC 3311 section 5.1)
	reliable    order // of the provisional responses to the INVITE
	passed      int   // last status of its early media that the caller heard

	in  *transaction.Server // the peer's re-INVITE while it waits for our final response
	out *outgoing           // our re-INVITE or UPDATE while it waits for its outcome
	ok  accepted            // our 2xx to an INVITE until its ACK comes
	ack acked               // the ACK for the last 2xx to our INVITE

	session   dialog.Session
	deal      deal                  // for our next 2xx
	offered   dialog.SessionExpires // what our last request asked for
	minSE     int                   // what the peer wants at least, in seconds
	refreshed time.Time
	timer     *transaction.Timer // refresh or expiry
	retry     *transaction.Timer // after 491
	infos     int                // carried across and not answered
	referred  bool               // the peer has sent a REFER
	fresh     bool               // it was answered just now, by us or for us, see renew
	moved     bool               // it came from another call, and maybe from another shard
	reached   string             // who the other side is now, to be shown in our requests; "" when that has not changed
}

// acked is an ACK kept for repeated 2xx.
type acked struct {
	seq   uint32
	bytes []byte
}

// Request takes a request of the peer inside the dialog.
func (l *leg) Request(tx *transaction.Server) {
	c := l.c
	defer c.guard()
	req := tx.Request()
	tx.Trace(c.kept)
	switch {
	case !l.dlg.Matches(req):
		c.u.respond(tx, 481)
		return
	case l.dlg.Secure && !tx.Flow().Secure():
		c.u.respond(tx, 403)
		return
	case !l.dlg.InOrder(req) && (req.Method() != message.PRACK || l.phase > legUp || !l.awaits(req)):
		c.u.respond(tx, 500)
		return
	}
	if f := tx.Flow(); f != l.dlg.Flow && (l.dlg.Flow.Closed() || !l.routed && !f.Same(l.dlg.Flow)) {
		l.dlg.Flow = f
	}
	if req.Method() == message.BYE {
		l.peerBye(tx)
		return
	}
	if l.phase > legUp {
		c.u.respond(tx, 481)
		return
	}
	switch req.Method() {
	case message.INVITE:
		l.peerInvite(tx)
	case message.UPDATE:
		l.peerUpdate(tx)
	case message.PRACK:
		l.peerPrack(tx)
	case message.INFO:
		l.peerInfo(tx)
	case message.OPTIONS:
		c.u.respond(tx, 200, "Allow", allow, "Accept", contentSDP, "Supported", supported)
	case message.REFER:
		l.peerRefer(tx)
	case message.SUBSCRIBE:
		l.peerSubscribe(tx)
	case message.NOTIFY:
		c.u.respond(tx, 489)
	default:
		c.u.respond(tx, 405, "Allow", allow)
	}
}

// supported lists the extensions we support. Within a dialog we send no provisional response that could be reliable, but
// take those that answer a re-INVITE.
const (
	supported         = "timer, " + reliably + ", " + replaces + ", " + noReferSub
	supportedInDialog = "timer"
	supportedAgain    = supportedInDialog + ", " + reliably
	reliably          = "100rel"
)

// Ack takes the ACK for our 2xx.
func (l *leg) Ack(ack *message.Message) {
	defer l.c.guard()
	l.c.kept.In(l.c.sh.Now(), l.dlg.Flow, ack)
	if l.ok.tx == nil || l.ok.seq != ack.CSeq() || !l.dlg.Matches(ack) {
		return
	}
	l.acknowledged(ack)
}

// request sends a request inside the dialog; u hears what comes of it. It is sent later when the flow has ended and the DNS
// has to be asked for another, or when it is too large for UDP and a connection has to be tried.
func (l *leg) request(m message.Method, contentType string, body []byte, u transaction.ClientUser, headers ...string) {
	if l.astray() && l.reroute(func() { l.deferred(m, contentType, body, u, headers) }) {
		return
	}
	seq, inviteSeq, flow := l.dlg.LocalSeq, l.dlg.InviteSeq, l.dlg.Flow
	branch, b := l.build(m, contentType, body, headers)
	if len(b) > maxDatagram {
		later := l.grow(len(b), transport.Target{}, func() { l.deferred(m, contentType, body, u, headers) })
		if later || l.dlg.Flow != flow {
			l.dlg.LocalSeq, l.dlg.InviteSeq = seq, inviteSeq
		}
		if later {
			return
		}
		if l.dlg.Flow != flow {
			branch, b = l.build(m, contentType, body, headers)
		}
	}
	l.transmit(m, branch, b, u)
}

// deferred sends a request that had to wait, unless the dialog has ended meanwhile.
func (l *leg) deferred(m message.Method, contentType string, body []byte, u transaction.ClientUser, headers []string) {
	if l.phase > legUp && m != message.BYE {
		if u != nil {
			u.Failed(nil, transport.ErrFlowClosed)
		}
		return
	}
	branch, b := l.build(m, contentType, body, headers)
	l.transmit(m, branch, b, u)
}

// build writes a request. headers are pairs of name and value; a Contact is always that of the flow.
func (l *leg) build(m message.Method, contentType string, body []byte, headers []string) (branch string, b []byte) {
	branch = l.c.sh.NewBranch()
	req := l.dlg.Request(m, branch)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Contact" {
			headers[i+1] = l.dlg.Contact
		}
		req.Add(headers[i], headers[i+1])
	}
	req.Add("User-Agent", l.c.u.cfg.Software)
	return branch, req.Finish(contentType, body)
}

func (l *leg) transmit(m message.Method, branch string, b []byte, u transaction.ClientUser) {
	tx := l.c.sh.Tx().Send(l.dlg.Flow, m, branch, b, u)
	if s, ok := u.(sender); ok {
		s.sent(tx)
	}
}

// Trace says where a transaction of the leg notes its messages.
func (l *leg) Trace() *trace.Ring { return l.c.kept }

// sendOn sends what belongs to no transaction, the ACK for a 2xx, and notes it. A loss is mended by a repeated 2xx.
func (l *leg) sendOn(flow *transport.Flow, b []byte) {
	l.c.kept.Out(l.c.sh.Now(), flow, b)
	_ = flow.Send(b)
}

// reply hears the outcome of a request that needs no more than that.
type reply struct {
	c    *call
	done func(res *message.Message) // nil for a failure
	over bool
}

// Trace says where the transaction notes its messages.
func (r *reply) Trace() *trace.Ring { return r.c.kept }

// Response implements transaction.ClientUser.
func (r *reply) Response(_ *transaction.Client, res *message.Message) {
	if res.Status() >= 200 {
		r.finish(res)
	}
}

// Failed implements transaction.ClientUser.
func (r *reply) Failed(*transaction.Client, error) { r.finish(nil) }

func (r *reply) finish(res *message.Message) {
	if r.over {
		return
	}
	r.over = true
	defer r.c.guard()
	r.done(res)
}

// close lets go of the dialog without a word to the peer.
func (l *leg) close() {
	if l.phase == legGone {
		return
	}
	waiting := l.phase == legLeaving || l.phase == legBye
	l.drop()
	if l.bound {
		l.c.sh.UnbindDialog(l.dlg.CallID, l.dlg.LocalTag)
		l.bound = false
	}
	if l.moved {
		l.c.sh.Release(l.dlg.CallID)
	}
	if waiting {
		l.c.pending--
		l.c.settle()
	}
}

// drop ends the dialog as far as its timers and its media go.
func (l *leg) drop() {
	if l.in != nil {
		l.c.u.respond(l.in, 500)
		l.in = nil
	}
	l.phase = legGone
	l.stopTimers()
	l.remote, l.sdp, l.shield = nil, sdp.Leg{}, nil
}

func (l *leg) stopTimers() {
	l.ok.stop()
	l.timer.Stop()
	l.retry.Stop()
	l.timer, l.retry = nil, nil
	if l.out != nil {
		l.out.forget()
		l.out = nil
	}
}

// localAddr is our address towards the peer, none while it is not known who that is.
func (l *leg) localAddr() (a netip.Addr) {
	if l.dlg.Flow == nil {
		return a
	}
	return l.dlg.Flow.Local().Addr()
}

// isDTMF reports whether an INFO carries a key press.
func isDTMF(kind string) bool {
	return strings.EqualFold(kind, "application/dtmf-relay") || strings.EqualFold(kind, "application/dtmf")
}
