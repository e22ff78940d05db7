package event

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// subscription is one subscriber's dialog. All of it but poked belongs to its shard.
type subscription struct {
	s     *Server
	sh    *sip.Shard
	pkg   *registered
	event string // of its SUBSCRIBE, with the id
	dlg   dialog.Dialog
	watch Watch

	state   state
	reason  Reason    // why it ended
	until   time.Time // when it ends unless it is refreshed
	expires *transaction.Timer
	timer   *transaction.Timer // pace
	told    time.Time          // when the last NOTIFY was sent
	wait    time.Duration      // what the subscriber has asked for with Retry-After
	sent    *transaction.Client
	poked   atomic.Bool // news that the shard has not looked at
}

func (sub *subscription) resource() resource { return resource{sub.pkg.Name, sub.watch.Resource} }

// poke tells from any goroutine that there is news.
func (sub *subscription) poke() {
	if sub.poked.CompareAndSwap(false, true) {
		sub.post(func() {
			sub.poked.Store(false)
			sub.apply(news)
		})
	}
}

// post runs fn in the subscription's shard.
func (sub *subscription) post(fn func()) {
	sub.sh.Post(func() {
		sub.sh.Own(sub)
		fn()
	})
}

func (sub *subscription) after(d time.Duration, fn func()) *transaction.Timer {
	return sub.sh.After(d, func() {
		sub.sh.Own(sub)
		fn()
	})
}

// Panicked implements sip.Owner: a fault of ours costs this subscription, whose subscriber will find out
// at its next refresh.
func (sub *subscription) Panicked(any) {
	sub.s.count.faults.Add(1)
	sub.apply(lost)
}

// end ends the subscription with a last NOTIFY.
func (sub *subscription) end(why Reason) {
	if sub.reason == "" {
		sub.reason = why
	}
	sub.expires.Stop()
	sub.apply(finish)
}

// closed is told when a connection has ended.
func (sub *subscription) closed(f *transport.Flow) {
	if sub.dlg.Flow.Same(f) && sub.state != gone {
		sub.s.count.flowLost.Add(1)
		sub.apply(lost)
	}
}

// authorize asks the package once more.
func (sub *subscription) authorize(requestURI string) int {
	uri, err := message.ParseURI(requestURI)
	if err != nil {
		return 400
	}
	if uri.User == contactUser { // a refresh goes to our Contact
		uri.User = message.EscapeUser(sub.watch.Resource)
	}
	_, status := sub.pkg.Authorize(sub.watch.Account, uri)
	return status
}

// recheck ends the subscription when it may not be any more.
func (sub *subscription) recheck() {
	switch sub.authorize("sip:" + contactUser + "@localhost") {
	case 0:
	case 404:
		sub.end(NoResource)
	default:
		sub.end(Rejected)
	}
}

// apply moves the state machine and does what it asks for.
func (sub *subscription) apply(h happening) {
	var todo action
	sub.state, todo = next(sub.state, h)
	if todo&stopTimer != 0 {
		sub.timer.Stop()
	}
	if todo&pause != 0 {
		sub.timer.Stop()
		sub.timer = sub.after(max(sub.told.Add(sub.pkg.Pace).Sub(sub.sh.Now()), 0), func() { sub.apply(timeUp) })
	}
	if todo&pauseLong != 0 {
		sub.timer.Stop()
		sub.timer = sub.after(sub.wait, func() { sub.apply(timeUp) })
	}
	if todo&(notify|notifyEnd) != 0 {
		sub.notify(todo&notifyEnd != 0)
	}
	if todo&forget != 0 {
		sub.forget()
	}
}

// forget lets go of everything. It runs once.
func (sub *subscription) forget() {
	sub.timer.Stop()
	sub.expires.Stop()
	if sub.sent != nil {
		sub.sent.Forget()
		sub.sent = nil
	}
	sub.sh.UnbindDialog(sub.dlg.CallID, sub.dlg.LocalTag)
	sub.pkg.active.Add(-1)
	sub.s.watchers.remove(sub)
}

// notify sends the state as it is now, or the last word.
func (sub *subscription) notify(last bool) {
	if sub.dlg.Flow.Closed() {
		sub.s.count.flowLost.Add(1)
		sub.apply(lost)
		return
	}
	progress := Progress{State: "active", Expires: int(sub.until.Sub(sub.sh.Now()) / time.Second), RetryAfter: -1}
	if last {
		progress = Progress{State: "terminated", Reason: sub.reason, Expires: -1, RetryAfter: -1}
		if sub.reason == Probation {
			progress.RetryAfter = 5 + rand.IntN(10)
		}
	}
	var body []byte
	if !last || sub.reason == Timeout { // who fetches or leaves gets the state once more
		var ok bool
		if body, ok = sub.pkg.State(&sub.watch); !ok && !last {
			progress = Progress{State: "terminated", Reason: NoResource, Expires: -1, RetryAfter: -1}
			sub.state, sub.reason = ending, NoResource
			sub.expires.Stop()
		}
		sub.watch.Version++
	}
	branch := sub.sh.NewBranch()
	b := sub.dlg.Request(message.NOTIFY, branch)
	b.Add("Contact", sub.dlg.Contact)
	b.Add("Event", sub.event)
	b.Add("Subscription-State", progress.String())
	b.Add("Allow-Events", sub.s.allow)
	b.Add("User-Agent", sub.s.cfg.Software)
	sub.told = sub.sh.Now()
	sub.pkg.notifies.Add(1)
	sub.sent = sub.sh.Tx().Send(sub.dlg.Flow, message.NOTIFY, branch, b.Finish(sub.watch.Accept, body), sub)
}

// maxRetryAfter bounds how long a subscriber may put us off.
const maxRetryAfter = 10 * time.Minute

// Response implements transaction.ClientUser: what became of a NOTIFY (RFC 6665 section 4.2.2).
func (sub *subscription) Response(tx *transaction.Client, res *message.Message) {
	if res.Status() < 200 || tx != sub.sent {
		return
	}
	sub.sh.Own(sub)
	sub.sent = nil
	status := res.Status()
	switch {
	case status < 300:
		sub.apply(accepted)
	case res.Has(message.HRetryAfter) && status != 481 && status != 489:
		sub.wait = min(max(time.Duration(message.ParseSeconds(res.Header(message.HRetryAfter)))*time.Second, time.Second), maxRetryAfter)
		sub.apply(later)
	default:
		if sub.state != ending {
			sub.s.count.notifyRefused.Add(1)
		}
		sub.apply(refused)
	}
}

// Failed implements transaction.ClientUser: a subscriber that does not answer has gone.
func (sub *subscription) Failed(tx *transaction.Client, err error) {
	if tx != sub.sent {
		return
	}
	sub.sh.Own(sub)
	sub.sent = nil
	if errors.Is(err, transaction.ErrTimeout) {
		sub.s.count.timeouts.Add(1)
	} else {
		sub.s.count.flowLost.Add(1)
	}
	sub.apply(refused)
}

var (
	_ sip.DialogUser         = (*subscription)(nil)
	_ transaction.ClientUser = (*subscription)(nil)
	_ sip.Owner              = (*subscription)(nil)
)
