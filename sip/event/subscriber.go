package event

import (
	"time"

	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Request is what a Subscriber asks for. From and To are name-addrs without tags.
type Request struct {
	Flow     *transport.Flow
	URI      string // Request-URI
	From, To string
	Routes   []string
	Event    Name
	Accept   string // body types
	Expires  time.Duration
	Software string // User-Agent
	// Notified hears every NOTIFY that is in order; Ended is called once, when the subscription is over for whatever
	// reason: retry is how long to wait before another, negative for never. Both are called in the shard.
	Notified func(n *message.Message, p Progress)
	Ended    func(why Reason, retry time.Duration)
}

// Subscriber is the subscribing side of one subscription (RFC 6665 section 4.1). All of it belongs to its shard. A
// notifier that does not answer, or sends no NOTIFY, ends it; credentials are not sent.
type Subscriber struct {
	sh      *sip.Shard
	req     Request
	dlg     dialog.Dialog
	asking  *transaction.Client
	leaving bool // we have asked for the end
	over    bool
	until   time.Time
	refresh *transaction.Timer
	expires *transaction.Timer
	waiting *transaction.Timer // timer N: no NOTIFY has come since the SUBSCRIBE
}

// Subscribe sends a SUBSCRIBE. Call it in the shard, and the other methods as well.
func Subscribe(sh *sip.Shard, r Request) *Subscriber {
	s := &Subscriber{sh: sh, req: r}
	s.dlg = dialog.NewUAC(r.Flow, sh.NewCallID(), sh.NewTag(), r.From, r.To, r.URI, contactUser, r.Routes)
	sh.BindDialog(s.dlg.CallID, s.dlg.LocalTag, s)
	s.ask(r.Expires)
	return s
}

// Close ends the subscription: the notifier is asked to, and its last NOTIFY is waited for.
func (s *Subscriber) Close() {
	if s.over || s.leaving {
		return
	}
	s.leaving = true
	s.refresh.Stop()
	if s.asking == nil {
		s.ask(0)
	}
}

// ask sends a SUBSCRIBE for d.
func (s *Subscriber) ask(d time.Duration) {
	branch := s.sh.NewBranch()
	b := s.dlg.Request(message.SUBSCRIBE, branch)
	b.Add("Contact", s.dlg.Contact)
	b.Add("Event", s.req.Event.String())
	b.Add("Expires", seconds(d))
	if s.req.Accept != "" {
		b.Add("Accept", s.req.Accept)
	}
	b.Add("User-Agent", s.req.Software)
	s.asking = s.sh.Tx().Send(s.dlg.Flow, message.SUBSCRIBE, branch, b.Finish("", nil), s)
	s.waiting.Stop()
	s.waiting = s.sh.After(transaction.Lifetime, func() { s.end("", time.Minute) })
}

// Response implements transaction.ClientUser.
func (s *Subscriber) Response(tx *transaction.Client, res *message.Message) {
	status := res.Status()
	if status < 200 || tx != s.asking || s.over {
		return
	}
	s.asking = nil
	switch {
	case status < 300:
		s.establish(res.ToTag(), res)
		if d, ok := res.Expires(); ok && !s.leaving {
			s.lasts(time.Duration(d) * time.Second)
		}
		if s.leaving && !s.until.IsZero() {
			s.until = time.Time{}
			s.ask(0) // what Close could not do before
		}
	case status == 423 && s.req.Expires < maxAsked:
		s.req.Expires = min(max(time.Duration(message.ParseSeconds(res.Header(message.HMinExpires)))*time.Second, 2*s.req.Expires), maxAsked)
		s.ask(s.req.Expires)
	case status == 481 || s.dlg.RemoteTag == "": // the notifier knows nothing of it
		s.end("", retryAfter(res))
	case s.leaving:
		s.end("", -1)
	default: // a refresh that was refused leaves what there is (RFC 6665 section 4.1.2.2)
		s.waiting.Stop()
	}
}

// maxAsked bounds what a 423 can make us ask for.
const maxAsked = 24 * time.Hour

// retryAfter is when to try again after a refusal.
func retryAfter(res *message.Message) time.Duration {
	if res.Has(message.HRetryAfter) {
		return time.Duration(message.ParseSeconds(res.Header(message.HRetryAfter))) * time.Second
	}
	if res.Status() == 481 {
		return 0
	}
	return -1
}

// Failed implements transaction.ClientUser.
func (s *Subscriber) Failed(tx *transaction.Client, _ error) {
	if tx == s.asking && !s.over {
		s.asking = nil
		s.end("", time.Minute)
	}
}

// establish takes the dialog from what comes first, the 200 or a NOTIFY (RFC 6665 section 4.4.1).
func (s *Subscriber) establish(tag string, res *message.Message) {
	if s.dlg.RemoteTag != "" || tag == "" {
		return
	}
	s.dlg.Establish(res)
}

// lasts notes until when the subscription goes, and refreshes it before.
func (s *Subscriber) lasts(d time.Duration) {
	s.until = s.sh.Now().Add(d)
	s.refresh.Stop()
	s.expires.Stop()
	s.expires = s.sh.After(d, func() { s.end(Timeout, 0) })
	s.refresh = s.sh.After(d-min(d/4, 30*time.Second), func() {
		if s.asking == nil {
			s.ask(s.req.Expires)
		}
	})
}

// Request implements sip.DialogUser.
func (s *Subscriber) Request(tx *transaction.Server) {
	req := tx.Request()
	name, ok := ParseName(req.Header(message.HEvent))
	p, good := ParseProgress(req.Header(message.HSubscriptionState))
	switch {
	case req.Method() != message.NOTIFY:
		_ = tx.Reply(405, "", "Allow: NOTIFY")
	case s.over || s.dlg.RemoteTag != "" && !s.dlg.Matches(req):
		_ = tx.Reply(481, "")
	case !ok || name != s.req.Event:
		_ = tx.Reply(489, "", "Allow-Events: "+s.req.Event.Package)
	case !good:
		_ = tx.Reply(400, "Missing or Malformed Subscription-State")
	case s.dlg.RemoteTag != "" && !s.dlg.InOrder(req):
		_ = tx.Reply(500, "", "Retry-After: 1")
	default:
		_ = tx.Reply(200, "")
		s.notified(req, p)
	}
}

func (s *Subscriber) notified(req *message.Message, p Progress) {
	if s.dlg.RemoteTag == "" { // it has overtaken the 200
		flow, owner := s.dlg.Flow, dialog.NewUAS(s.dlg.Flow, req, s.dlg.LocalTag, contactUser)
		s.dlg.RemoteTag, s.dlg.To, s.dlg.Routes, s.dlg.Target = owner.RemoteTag, owner.To, owner.Routes, owner.Target
		s.dlg.RemoteSeq, s.dlg.Flow = req.CSeq(), flow
	}
	s.dlg.Refresh(req)
	s.waiting.Stop()
	if s.req.Notified != nil {
		s.req.Notified(req, p)
	}
	if p.Over() {
		retry := time.Duration(0)
		switch {
		case s.leaving || p.Reason == Rejected || p.Reason == NoResource || p.Reason == Invariant:
			retry = -1
		case p.RetryAfter > 0:
			retry = time.Duration(p.RetryAfter) * time.Second
		}
		s.end(p.Reason, retry)
		return
	}
	if p.Expires >= 0 && !s.leaving && s.sh.Now().Add(time.Duration(p.Expires)*time.Second).Before(s.until) {
		s.lasts(time.Duration(p.Expires) * time.Second) // the notifier may shorten it
	}
}

// Ack implements sip.DialogUser.
func (s *Subscriber) Ack(*message.Message) {}

// end lets go of everything, once.
func (s *Subscriber) end(why Reason, retry time.Duration) {
	if s.over {
		return
	}
	s.over = true
	s.refresh.Stop()
	s.expires.Stop()
	s.waiting.Stop()
	if s.asking != nil {
		s.asking.Forget()
	}
	s.sh.UnbindDialog(s.dlg.CallID, s.dlg.LocalTag)
	if s.req.Ended != nil {
		s.req.Ended(why, retry)
	}
}

var (
	_ sip.DialogUser         = (*Subscriber)(nil)
	_ transaction.ClientUser = (*Subscriber)(nil)
)
