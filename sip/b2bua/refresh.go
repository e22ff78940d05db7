package b2bua

import (
	"math/rand/v2"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
)

// deal is what was negotiated about the session timer of a request of the peer.
type deal struct {
	answer  dialog.SessionExpires
	session dialog.Session
	require bool
}

// negotiate answers the session timer that a request asks for (RFC 4028 section 9). It is
// refused when the request has to be answered with 422.
func (u *UA) negotiate(req *message.Message) (d deal, refused bool) {
	var offered dialog.SessionExpires
	minSE := 0
	if v := req.Header(message.HSessionExpires); v != "" {
		offered, _ = dialog.ParseSessionExpires(v)
	}
	if v := req.Header(message.HMinSE); v != "" {
		minSE = dialog.ParseMinSE(v)
	}
	d.answer, d.session, d.require, refused = u.cfg.Timers.Answer(offered, minSE, req.HasToken(message.HSupported, "timer"))
	return d, refused
}

// addSession writes the deal into a 2xx.
func (l *leg) addSession(b *message.Builder) {
	b.Add("Session-Expires", l.deal.answer.String())
	if l.deal.require {
		b.Add("Require", "timer")
	}
	l.session = l.deal.session
}

// startSession takes the session timer from the 2xx to a request of ours.
func (l *leg) startSession(res *message.Message) {
	accepted, _ := dialog.ParseSessionExpires(res.Header(message.HSessionExpires))
	l.session = l.c.u.cfg.Timers.Accept(l.offered, accepted)
	l.armSession()
}

// interval is what we ask for in refreshes.
func (l *leg) interval() time.Duration {
	return max(l.session.Interval, time.Duration(l.minSE)*time.Second, dialog.MinInterval*time.Second)
}

// armSession starts the timer of the session anew.
func (l *leg) armSession() {
	l.timer.Stop()
	l.timer = nil
	if l.session.Interval == 0 {
		return
	}
	l.refreshed = l.c.sh.Now()
	if l.session.Ours {
		l.timer = l.c.after(l.session.RefreshAfter(), l.refresh)
		return
	}
	l.timer = l.c.after(l.session.ExpireAfter(), l.expire)
}

// expire ends a call whose peer has vanished.
func (l *leg) expire() {
	l.c.hangup(bySystem, "the "+l.side.String()+" is not there any more (session timer)", nil)
}

// again runs fn after d unless the leg has ended; a later call replaces an earlier one.
func (c *call) again(l *leg, d time.Duration, fn func()) {
	l.retry.Stop()
	l.retry = c.after(d, fn)
}

// refresh shows the peer that we are there, and learns whether it is.
func (l *leg) refresh() {
	if l.c.phase != up || l.phase != legUp {
		return
	}
	if !l.idle() || l.c.loan != nil {
		l.refreshLater(5 * time.Second)
		return
	}
	method := message.INVITE
	if l.allowUpdate {
		method = message.UPDATE
	}
	l.refreshing(method, l.refreshedBy)
}

// refreshedBy takes the outcome of a refresh. Success has restarted the timer.
func (l *leg) refreshedBy(res *message.Message, _ *sdp.Session) {
	switch {
	case l.c.phase != up:
	case lost(res):
		l.expire()
	case res.Status() < 300:
	case res.Status() == 422:
		l.minSE = max(l.minSE, dialog.ParseMinSE(res.Header(message.HMinSE)))
		l.refreshLater(10 * time.Millisecond)
	case res.Status() == 491:
		l.refreshLater(dialog.GlareWait(l.dlg.Owner, rand.IntN))
	case l.allowUpdate:
		l.allowUpdate = false // try it the other way
		l.refreshLater(10 * time.Millisecond)
	default:
		l.refreshLater(10 * time.Second)
	}
}

// refreshLater tries again until the session is over.
func (l *leg) refreshLater(d time.Duration) {
	if l.c.sh.Now().Sub(l.refreshed)+d > l.session.ExpireAfter() {
		l.expire()
		return
	}
	l.timer.Stop()
	l.timer = l.c.after(d, l.refresh)
}
