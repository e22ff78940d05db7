package b2bua

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
)

// A number that may be dialled with the PIN only (SPEC G13) is answered first. Three tones (two short, one long) ask for the PIN; its digits come as
// telephone events (RFC 4733) or INFO, "#" ends them and "*" begins again. A wrong PIN is told by the tones of failure, and asked for three
// times in all. With the right one the call is decided again, and is a call of its own with its own record from then on. The caller,
// who hears ringback, becomes its caller when somebody has answered:
//
//	caller ──INVITE 0900…──▶ us
//	       ◀──200, ACK──▶    ◀══ three tones ══
//	       ══ 4 7 1 1 # ══▶  PIN ──▶ Config.PINs
//	       ◀══ ringback ══        ──INVITE──▶ callee
//	       ◀──INVITE, callee's description   ◀──200──

// PINs checks the PINs of users. It is called off the shards and may block until ctx ends.
type PINs interface {
	// CheckPIN is nil for the right PIN, an error that is ErrPIN for a wrong one, and another one when no PIN is taken, as after too many wrong
	// ones.
	CheckPIN(ctx context.Context, userID, pin string) error
}

// ErrPIN is the error of PINs for a wrong PIN.
var ErrPIN = errors.New("wrong PIN")

var (
	errPINs   = errors.New("no PIN can be asked for here")
	errNoKeys = errors.New("no PIN was keyed in")
)

const (
	// pinTries is how often a PIN may be wrong in one call.
	pinTries = 3
	// pinDigits ends a PIN without "#".
	pinDigits = 12
	// firstKey and nextKey are how long a key is waited for.
	firstKey = 10 * time.Second
	nextKey  = 5 * time.Second
)

// pinDialogue asks the caller of a treatment for the PIN.
type pinDialogue struct {
	t       *treatment
	tries   int
	digits  []byte
	keys    atomic.Bool // pressed are looked at; read by the media plane
	pending bool        // the PIN is being checked
	last    bool        // what is heard now is the last
	timer   *transaction.Timer
	ring    *call // that goes on with the right PIN
}

// askPIN answers the call to ask for the PIN.
func (t *treatment) askPIN() {
	if t.c.u.cfg.PINs == nil || t.ep == nil {
		t.done(nil, errPINs)
		return
	}
	t.pin = &pinDialogue{t: t}
	t.told = "the caller said nothing"
	t.pin.keys.Store(true)
	t.answer(t.c.u.clips.keyIn())
}

// pressed takes a key. It may be called from any goroutine.
func (p *pinDialogue) pressed(key byte) {
	if p != nil && p.keys.Load() && (key >= '0' && key <= '9' || key == '*' || key == '#') {
		p.t.c.post(func() { p.key(key) })
	}
}

func (p *pinDialogue) key(key byte) {
	if p.t.c.phase != up || !p.keys.Load() {
		return
	}
	p.wait(nextKey)
	switch key {
	case '*':
		p.digits = p.digits[:0]
	case '#':
		p.check()
	default:
		if p.digits = append(p.digits, key); len(p.digits) >= pinDigits {
			p.check()
		}
	}
}

// wait bounds the silence of the caller.
func (p *pinDialogue) wait(d time.Duration) {
	p.timer.Stop()
	p.timer = p.t.c.after(d, p.check)
}

// asked goes on behind a tone: that of failure is followed by another question.
func (p *pinDialogue) asked() {
	switch {
	case p.pending || p.ring != nil:
	case p.keys.Load():
		if len(p.digits) == 0 {
			p.wait(firstKey)
		}
	default:
		p.keys.Store(true)
		p.hear(p.t.c.u.clips.keyIn())
	}
}

// hear lets the caller hear a clip; see treatment.over for what comes behind it.
func (p *pinDialogue) hear(clip *media.Clip) {
	t := p.t
	t.clip, t.started = clip, false
	t.play()
}

// check has the digits that were keyed in compared.
func (p *pinDialogue) check() {
	c := p.t.c
	if c.phase != up || p.pending || !p.keys.Load() {
		return
	}
	p.keys.Store(false)
	p.timer.Stop()
	pin := string(p.digits)
	clear(p.digits)
	p.digits = p.digits[:0]
	if pin == "" {
		p.wrong(errNoKeys)
		return
	}
	select {
	case c.u.orders <- struct{}{}:
	default:
		p.fail(errOrders)
		return
	}
	p.pending = true
	user := p.t.order.UserID
	p.t.work(func(ctx context.Context) func() {
		err := c.u.cfg.PINs.CheckPIN(ctx, user, pin)
		return func() { p.checked(err) }
	})
}

func (p *pinDialogue) checked(err error) {
	p.pending = false
	switch {
	case p.t.c.phase != up:
	case err == nil:
		p.goOn()
	case errors.Is(err, ErrPIN):
		p.wrong(err)
	default:
		p.fail(err)
	}
}

// wrong lets the caller try again, some times.
func (p *pinDialogue) wrong(err error) {
	if p.tries++; p.tries >= pinTries {
		p.fail(err)
		return
	}
	p.t.told = clipped(err.Error())
	p.hear(p.t.c.u.clips.refused())
}

// fail ends the call behind the tones of failure.
func (p *pinDialogue) fail(err error) {
	p.last = true
	p.t.told = clipped("failed: " + err.Error())
	p.keys.Store(false)
	p.timer.Stop()
	p.hear(p.t.c.u.clips.refused())
}

// goOn makes the call that the caller has dialled.
func (p *pinDialogue) goOn() {
	c := p.t.c
	who := c.party(callerSide)
	n := c.u.newCallFor(c.sh, &who, c.called)
	p.ring, n.front = n, p
	p.t.told = "right, it goes on as call " + n.id
	defer n.guard()
	n.sips, n.wanted, n.path, n.forward, n.offer = c.sips, c.wanted, c.path, c.forward, c.a.remote
	n.a.dlg = dialog.Dialog{Flow: c.a.dlg.Flow, CallID: c.a.dlg.CallID}
	n.decideWithPIN()
	if n.plan.Outcome != routing.Ring {
		n.refuse(planned(n.plan.Outcome))
		return
	}
	if err := n.openStreams(n.offer, nil); err != nil {
		n.noMedia(err)
		n.refuse(ending{result: calls.Failed, status: 503, by: bySystem, cause: "no media port is free"})
		return
	}
	n.enter()
	n.prepare(nil)
	n.ringAll()
}

// decideWithPIN asks the routing table again, for a caller who has keyed in the PIN.
func (c *call) decideWithPIN() {
	r := routing.Request{
		Called: c.called, At: c.sh.Now(), PIN: true,
		Caller: routing.Caller{Class: routing.Inside, SlotID: c.account.SlotID, UserID: c.account.UserID, Wanted: c.wanted},
	}
	number, _ := routing.Dialled(c.called)
	c.plan = c.reserve(number, func() routing.Plan { return c.u.cfg.Router.Decide(r, c.u.live) }, func(p *routing.Plan) {
		c.runsOver(p)
		c.callsAs(p.CallerNumber, c.account.SlotID)
		c.u.cfg.Live.TakeTurn(p.Turn)
	})
	c.showFrom(c.plan.Shown, c.plan.CallerNumber)
	c.follow()
}

// progressed implements front.
func (p *pinDialogue) progressed(status int) {
	if t := p.t; status >= 180 && t.c.phase == up && t.clip != t.c.u.clips.ringback() {
		t.timer.Stop()
		t.clip = t.c.u.clips.ringback()
		t.ep.Play(t.clip, media.PlayOptions{Loop: true})
	}
}

// answered implements front: the caller is connected with who has answered.
func (p *pinDialogue) answered(l *leg, d *sdp.Session) {
	n, c := p.ring, p.t.c
	n.phase = up
	n.early, n.anchor = nil, nil
	l.remote = d
	n.plumb(l)
	c.whenIdle(&c.a, busyTries, func(idle bool) {
		switch {
		case n.phase != up: // it has hung up again, see over
		case !idle || c.phase != up:
			n.hangup(bySystem, "the caller is not there any more", nil)
		default:
			p.connect()
		}
	})
}

// connect moves the caller into the call that was answered.
func (p *pinDialogue) connect() {
	n, c := p.ring, p.t.c
	moved := c.a.detach()
	p.ring, n.front = nil, nil
	c.end(ending{result: calls.Answered, status: 200, by: bySystem})
	n.attach(moved, callerSide)
	n.a.reached = n.reached
	n.connect(&n.a, func() {
		n.expect()
		if preferred(n.a.remote) != preferred(n.b.remote) {
			n.resync(n.b)
		}
	})
}

// over implements front: the caller hears that nobody could be reached.
func (p *pinDialogue) over(e ending) {
	p.ring = nil
	if p.t.c.phase == up {
		p.t.told += ", which has failed: " + clipped(e.cause)
		p.last = true
		p.hear(p.t.c.u.clips.refused())
	}
}

// end gives up what is under way when the caller has gone.
func (p *pinDialogue) end() {
	if p == nil {
		return
	}
	p.keys.Store(false)
	p.timer.Stop()
	clear(p.digits)
	if n := p.ring; n != nil {
		p.ring, n.front = nil, nil
		n.hangup(byCaller, "the caller hung up", nil)
	}
}

// pressedKey is the key in the body of an INFO, 0 for none.
func pressedKey(kind string, body []byte) byte {
	text := string(bytes.TrimSpace(body))
	if strings.EqualFold(kind, "application/dtmf-relay") {
		text = ""
		for line := range strings.Lines(string(body)) {
			if name, value, ok := strings.Cut(line, "="); ok && strings.EqualFold(strings.TrimSpace(name), "signal") {
				text = strings.TrimSpace(value)
			}
		}
	}
	if len(text) != 1 {
		return 0
	}
	return text[0]
}
