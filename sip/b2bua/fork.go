package b2bua

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// forkPhase is where the ringing of one contact is.
type forkPhase uint8

const (
	forkCalling    forkPhase = iota // no response but 100
	forkRinging                     // 18x
	forkCancelling                  // we gave up, its final response is outstanding
	forkDone                        // failed, or lost and ended
	forkWon
)

// fork is one contact that is rung, with an INVITE of its own. The one that wins
// becomes the callee's leg.
type fork struct {
	leg             // the first of its dialogs, and the only one unless something behind the contact has forked
	siblings []*leg // further ones, see meet
	target   *routing.Target
	contact  string
	path     []string // Route values that the INVITE carries
	state    forkPhase
	tx       *transaction.Client
	timers   dialog.Timers
	tries    int
	kept     bool     // it is reached over a flow that the phone keeps open
	hadOffer bool     // the INVITE carried an offer
	offer    sdp.Leg  // what it described, where that is its own
	asked    *shield  // how it was asked to protect its media
	kind     sdp.Kind // and of which kind that is
	wide     bool     // it has no codec of the caller's and is offered what can be made of them
	exposed  bool     // it does not protect its media and is asked without
	strays   []stray
	limit    *transaction.Timer // of its ringing, see wait
	ways     ways               // where the contact can be tried

	start, ringAt, endAt time.Time
	status               int
	result               string
	retry                int       // Retry-After of the final response
	spare                []Contact // further ways to a number outside
	listed               string    // extensions listed in place of the usual ones, see with
}

// stray is a dialog that came too late and was ended; its ACK is repeated with its 2xx.
type stray struct {
	tag string
	ack []byte
}

// ringAll rings every contact of every target.
func (c *call) ringAll() {
	c.ringTargets()
	c.checkForks()
}

// ringTargets rings every contact of every target of the plan.
func (c *call) ringTargets() {
	var buf [8]Contact
	rung := 0
	c.calling = true
	for i := range c.plan.Targets {
		t := &c.plan.Targets[i]
		contacts := c.contactsOf(buf[:0], t)
		if len(contacts) == 0 {
			c.miss(t, "", 480)
			continue
		}
		if t.Outside != "" {
			if rung < c.u.cfg.Limits.Contacts || t.Emergency {
				rung++
				c.ringOutside(t, contacts)
			}
			continue
		}
		for j := range contacts {
			if c.leaves(t.SlotID, contacts[j].Instance) {
				continue
			}
			if rung >= c.u.cfg.Limits.Contacts {
				break
			}
			rung++
			c.fork(t, &contacts[j])
		}
	}
	c.calling = false
	c.silentAt()
}

// miss notes a target that cannot be rung at all.
func (c *call) miss(t *routing.Target, contact string, status int) {
	now := c.sh.Now()
	f := &fork{target: t, contact: contact, state: forkDone, start: now, endAt: now, status: status, result: "error"}
	c.forks = append(c.forks, f)
	c.better(noWay(t))
}

// fork rings one contact. It may be called while others ring. Of further ways to a number outside the next one is tried when it fails.
func (c *call) fork(t *routing.Target, at *Contact, spare ...Contact) {
	f := &fork{target: t, contact: at.URI, path: at.Path, start: c.sh.Now(), timers: c.u.cfg.Timers, spare: spare}
	if !c.suits(at.URI) {
		c.miss(t, at.URI, 480)
		c.better(sipsNotAllowed())
		f.another(0)
		return
	}
	f.leg = leg{c: c, side: calleeSide}
	flow, later := f.reach(at)
	if flow == nil && !later {
		c.miss(t, at.URI, 503) // RFC 3261 section 8.1.3.1
		f.another(0)
		return
	}
	c.forks = append(c.forks, f)
	c.pending++
	f.wait()
	if flow != nil {
		f.begin(flow)
	}
}

// begin sends the first INVITE.
func (f *fork) begin(flow *transport.Flow) {
	c := f.c
	if !c.u.canMeet(c.offer, flow) {
		c.better(ending{result: calls.Failed, status: 488, by: bySystem, cause: "a browser and a phone cannot meet without the relay of audio"})
		f.fail(488)
		return
	}
	if c.sips && !flow.Secure() {
		c.better(sipsNotAllowed())
		f.fail(480)
		return
	}
	f.dlg.Flow = flow
	if err := f.sit(); err != nil {
		c.noMedia(err)
		c.better(ending{result: calls.Failed, status: 503, by: bySystem, cause: "no media port is free"})
		f.fail(503)
		return
	}
	f.bound = true
	from, _ := f.caller()
	f.dlg = dialog.NewUAC(flow, c.sh.NewCallID(), c.sh.NewTag(), from, f.addressee(), f.uri(), contactUser, f.path)
	f.dlg.Kept = f.kept
	c.sh.BindDialog(f.dlg.CallID, f.dlg.LocalTag, f)
	f.send()
}

// send sends the INVITE, again with another session interval after a 422. One that is too large for UDP may have to wait.
func (f *fork) send() {
	seq, flow := f.dlg.LocalSeq, f.dlg.Flow
	branch, b := f.invite()
	if later := f.grow(len(b), f.ways.now, f.resume); later || f.dlg.Flow != flow {
		f.dlg.LocalSeq = seq
		if f.tx = nil; later {
			return
		}
		branch, b = f.invite()
	}
	f.launch(branch, b)
}

func (f *fork) launch(branch string, b []byte) {
	f.tx = f.c.sh.Tx().Send(f.dlg.Flow, message.INVITE, branch, b, f)
	f.hurry()
}

// invite writes the INVITE.
func (f *fork) invite() (branch string, invite []byte) {
	c := f.c
	branch = c.sh.NewBranch()
	f.offered = dialog.SessionExpires{Seconds: f.timers.Interval, Refresher: dialog.UAC}
	b := f.dlg.First(branch, c.forward)
	b.Add("Contact", f.dlg.Contact)
	b.Add("Allow", allow)
	b.Add("Supported", f.extensions())
	b.Add("Session-Expires", f.offered.String())
	if f.timers.Min > dialog.MinInterval {
		b.AddInt("Min-SE", f.timers.Min)
	}
	if from, hidden := f.caller(); !hidden {
		b.Add("P-Asserted-Identity", from)
	} else {
		b.Add("Privacy", "id") // RFC 3323, RFC 3325 section 9.3
	}
	c.addForwards(b)
	switch {
	case c.desk != nil && c.desk.order.AutoAnswer:
		b.Add("Call-Info", "<sip:"+c.u.cfg.Domain+">;answer-after=0")
		b.Add("Alert-Info", alertInfo("alert-autoanswer"))
	case f.target.Alert != "" && f.target.Outside == "":
		b.Add("Alert-Info", alertInfo(f.target.Alert))
	}
	b.Add(pathHeader, c.path)
	b.Add("User-Agent", c.u.cfg.Software)
	f.hadOffer = c.offerBody != nil
	return branch, b.Finish(contentSDP, f.describe())
}

// alertInfo is the value in the form phones know (RFC 3261 section 20.4).
func alertInfo(ring string) string { return "<http://127.0.0.1/" + ring + ">;info=" + ring }

// Response implements transaction.ClientUser.
func (f *fork) Response(tx *transaction.Client, res *message.Message) {
	defer f.c.guard()
	switch status := res.Status(); {
	case tx != f.tx:
		// An attempt that we have given up (422) is answered all the same.
		if status >= 200 && status < 300 {
			f.stray(tx, res)
		}
	case (status == 503 || status == 430) && f.elsewhere(status): // 430: the edge proxy has lost the flow (RFC 5626)
	case status == 100:
		f.ways.heard(f.c.u, status)
	case status < 200:
		f.provisional(res)
	case status < 300:
		f.success(res)
	case f.over():
	case status == 422 && f.longer(res):
	case status < 400 && f.redirected(res):
	case status == 488 && f.expose():
	case (status == 415 || status == 488 || status == 606) && f.widen():
	case status == 420 && f.without(res):
	case status == 421 && f.with(res):
	default:
		f.retry = retryAfter(res)
		f.fail(status)
	}
}

// Failed implements transaction.ClientUser.
func (f *fork) Failed(tx *transaction.Client, err error) {
	defer f.c.guard()
	if tx != f.tx || f.over() || f.shrink(errors.Is(err, transaction.ErrTimeout)) || f.elsewhere(0) {
		return
	}
	f.fail(0)
}

func (f *fork) over() bool { return f.state >= forkDone }

// longer tries again with the interval that the phone wants (RFC 4028 section 7.3).
func (f *fork) longer(res *message.Message) bool {
	least := dialog.ParseMinSE(res.Header(message.HMinSE))
	if f.state == forkCancelling || f.tries >= maxTries || least <= f.timers.Interval {
		return false
	}
	f.tries++
	f.timers = dialog.Timers{Interval: least, Min: least}
	f.restart()
	f.send()
	return true
}

// restart drops what the INVITE has led to, for another one.
func (f *fork) restart() {
	f.forget(nil)
	f.leg = leg{c: f.c, side: calleeSide, at: f.at, bound: true, dlg: f.dlg}
	f.dlg.RemoteTag, f.dlg.To, f.dlg.Target, f.dlg.Routes = "", f.addressee(), f.uri(), f.path
}

// response starts a response to the caller's INVITE that makes or confirms the dialog.
func (c *call) response(status int) *message.Builder {
	b := message.NewResponse(c.tx.Request(), status, "", c.a.dlg.LocalTag)
	b.Copy(c.tx.Request(), message.HRecordRoute)
	b.Add("Contact", c.a.dlg.Contact)
	b.Add("Allow", allow)
	if c.reached != "" {
		b.Add("P-Asserted-Identity", c.reached)
	}
	b.Add("Server", c.u.cfg.Software)
	return b
}

// cancel gives up on a contact that has not answered. reason is a header line or "",
// result goes into the record.
func (f *fork) cancel(reason, result string) {
	if f.state >= forkCancelling {
		return
	}
	f.state = forkCancelling
	f.result = result
	f.endAt = f.c.sh.Now()
	f.limit.Stop()
	f.forget(nil)
	switch {
	case f.tx == nil: // nothing was sent yet
		f.done()
	case reason == "":
		f.tx.Cancel()
	default:
		f.tx.Cancel(reason)
	}
}

// fail takes the end of a fork without an answer. status 0 means that none came.
func (f *fork) fail(status int) {
	c := f.c
	if f.over() {
		return
	}
	cancelled := f.state == forkCancelling
	f.done()
	if cancelled || c.phase != ringing {
		return
	}
	c.better(f.failed(status))
	f.another(status)
	if status >= 600 {
		f.declined()
	}
	c.silentAt()
	c.checkForks()
}

// failed notes with what status a fork has failed, and says what that means for the call.
func (f *fork) failed(status int) ending {
	e, result := failure(status, !f.ringAt.IsZero())
	f.status, f.result, f.endAt = cmp.Or(status, 408), result, f.c.sh.Now() // no answer counts as that (RFC 3261 section 8.1.3.1)
	e.retry = f.retry
	return e
}

// giveUp ends the ringing of one contact as if it had answered with status; the others ring on.
func (f *fork) giveUp(status int) {
	c := f.c
	if f.state >= forkCancelling || c.phase != ringing {
		return
	}
	c.better(f.failed(status))
	f.cancel("", f.result)
	c.silentAt()
	c.checkForks()
}

// done notes that the final response of a fork has come, or never will.
func (f *fork) done() {
	if f.over() {
		return
	}
	f.state = forkDone
	f.limit.Stop()
	f.forget(nil)
	f.unbind()
	f.c.pending--
	f.c.settle()
}

// better keeps the most telling of the failures.
func (c *call) better(e ending) {
	switch {
	case c.best.status == 0 || rank(e) > rank(c.best):
		c.best = e
	case rank(e) == rank(c.best) && e.warning != "":
		c.best.warning, c.best.cause = e.warning, e.cause
	case rank(e) == rank(c.best) && e.retry != 0 && (c.best.retry == 0 || e.retry < c.best.retry):
		c.best.retry = e.retry // the first one that may be there again
	}
}

// checkForks goes on elsewhere or ends the call when no contact is left that could answer.
func (c *call) checkForks() {
	for c.phase == ringing && !c.calling && c.ringingForks() == 0 {
		if c.best.status == 0 {
			c.best = ending{result: calls.Unreachable, status: 480, by: bySystem, cause: "no phone can be reached"}
		}
		if e := c.best; !c.goOn(e) {
			c.refuse(e)
		}
	}
}

// stray acknowledges and ends an answer that nobody wants any more.
func (f *fork) stray(tx *transaction.Client, res *message.Message) {
	c := f.c
	for i := range f.strays {
		if f.strays[i].tag == res.ToTag() {
			f.sendOn(tx.Flow(), f.strays[i].ack)
			return
		}
	}
	if len(f.strays) >= 16 {
		return
	}
	d := f.dlg
	d.Flow = tx.Flow()
	d.Establish(res)
	d.InviteSeq = res.CSeq()
	var body []byte
	if offer, _ := describe(res); offer != nil && !f.hadOffer {
		body = refusal(offer, d.Flow.Local().Addr(), c.sh.Now().Unix())
	}
	ack := d.Ack(c.sh.NewBranch()).Finish(contentSDP, body)
	f.sendOn(d.Flow, ack)
	f.strays = append(f.strays, stray{strings.Clone(res.ToTag()), ack})
	branch := c.sh.NewBranch()
	b := d.Request(message.BYE, branch)
	b.Add("User-Agent", c.u.cfg.Software)
	c.pending++
	c.sh.Tx().Send(d.Flow, message.BYE, branch, b.Finish("", nil), &reply{c: c, done: func(*message.Message) {
		c.pending--
		c.settle()
	}})
}
