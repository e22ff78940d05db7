package b2bua

import (
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
)

// A function code (SPEC G10) is a call that the system answers itself. It has one leg, that of the caller, and nobody rings. What it wants
// is done first, off the shard, while the caller hears it ring; then it is answered, hears whether that was done, and is hung up:
//
//	caller ──INVITE *26──▶ us         order ──▶ Config.Commands
//	       ◀──180───────              done  ◀──
//	       ◀──200, our SDP
//	       ──ACK──▶      ◀══ two rising tones ══   ◀──BYE──
type treatment struct {
	c     *call
	order routing.Order
	own   *sdp.Session // what the caller is told: its own offer, as far as sounds can be made for it
	at    int          // the section of its audio
	ep    Endpoint     // nil without the relay

	told    string      // how it went, for the record
	clip    *media.Clip // to be heard
	acked   bool        // the caller has heard of the answer
	talked  bool        // and something has come from it
	started bool        // the sound
	echoing bool
	timer   *transaction.Timer
	ends    func() // what comes after the ACK in place of the sound, see pickup.go
	claim   *claim
	pin     *pinDialogue // the caller is asked for a PIN, see treat_pin.go
}

const (
	// soundAfter is how long the sound waits for a first packet of the caller, which opens the way through a NAT and shows that keys
	// are agreed on.
	soundAfter = time.Second
	// soundBy is when it starts in any case: the ACK may be lost.
	soundBy = 3 * time.Second
	// soundOver is added to the length of a sound for what is on its way.
	soundOver = 300 * time.Millisecond
	// echoFor bounds the test call.
	echoFor = time.Minute
	// maxTold bounds what the record says about a failure, in bytes.
	maxTold = 300
)

// treat carries out a function code.
func (c *call) treat() {
	t := &treatment{c: c, order: *c.plan.Command, told: "under way"}
	c.treated = t
	c.callsAs(t.order.Number, c.account.SlotID)
	c.rec.From = t.order.Number
	if e := t.open(); e.status != 0 {
		c.reject(e)
		return
	}
	c.sh.BindDialog(c.a.dlg.CallID, c.a.dlg.LocalTag, &c.a)
	c.a.bound = true
	c.enter()
	t.begin()
}

// open finds the audio of the caller and opens its endpoint.
func (t *treatment) open() ending {
	c := t.c
	if c.u.cfg.Media == nil {
		return ending{}
	}
	if c.offer == nil {
		t.own, _ = sdp.Parse([]byte(ownCodecs)) // a constant
	} else if t.own, t.at = spoken(c.offer, c.a.shield); t.own == nil {
		return ending{result: calls.Failed, status: 488, by: bySystem, cause: "the phone offers no codec in which sounds are made"}
	}
	c.streams = make([]stream, t.at+1)
	o := c.mediaOptions(callerSide, c.a.dlg.Flow)
	silent := o.Notify
	o.Notify = func(e media.Event) {
		switch e.Kind {
		case media.FirstPacket:
			c.post(t.hears)
		case media.DTMF:
			t.pin.pressed(e.Digit)
		case media.PlaybackEnded:
			c.post(func() { t.over(e.Clip) })
		default:
			silent(e)
		}
	}
	ep, err := c.u.cfg.Media.Open(o, nil)
	if err != nil {
		c.streams = nil
		c.noMedia(err)
		return ending{result: calls.Failed, status: 503, by: bySystem, cause: "no media port is free"}
	}
	t.ep = ep
	c.streams[t.at].ep[callerSide] = ep
	return ending{}
}

// spoken is an offer as we answer it: one section of audio, with the codecs in which sounds are made and with key presses. It is nil
// when there is none.
func spoken(offer *sdp.Session, sh *shield) (own *sdp.Session, at int) {
	e := sdp.Edit{Media: make([]sdp.MediaEdit, len(offer.Media))}
	at = -1
	for i := range offer.Media {
		m, formats := &offer.Media[i], ""
		if at < 0 && i < maxStreams && m.Type == "audio" && m.Port != 0 && m.IsRTP() && !sh.at(i).refuse {
			formats = spokenFormats(m)
		}
		if formats == "" {
			e.Media[i].Port = sdp.Refuse
			continue
		}
		at = i
		e.Media[i] = sdp.MediaEdit{Formats: formats, Direction: sdp.AnswerDirection(m.Direction, sdp.SendRecv)}
		if e.Media[i].Direction == 0 {
			e.Media[i].Direction = sdp.Inactive
		}
	}
	if at < 0 {
		return nil, 0
	}
	own, err := sdp.Parse(offer.Marshal(&e))
	if err != nil {
		return nil, 0
	}
	return own, at
}

func spokenFormats(m *sdp.Media) string {
	var list []string
	audio := false
	for c := range m.Codecs() {
		switch {
		case c.Recodable():
			audio = true
		case strings.EqualFold(c.Name, sdp.TelephoneEvent) && c.Clock == 8000:
		default:
			continue
		}
		list = append(list, itoa(c.PT))
	}
	if !audio {
		return ""
	}
	return strings.Join(list, " ")
}

// facing is what a leg is described: the other side, or what we make ourselves. It is nil while there is neither.
func (c *call) facing(l *leg) *sdp.Session {
	if c.treated != nil {
		return c.treated.own
	}
	if c.desk != nil {
		return c.desk.own
	}
	if peer := c.other(l); peer != nil {
		return peer.remote
	}
	return nil
}

// answer takes the call, for the caller to hear a sound.
func (t *treatment) answer(clip *media.Clip) {
	c, a := t.c, &t.c.a
	if c.phase != ringing {
		return
	}
	t.clip = clip
	if t.ep == nil {
		t.answerMute()
		return
	}
	c.rec.AnswerAt = c.sh.Now()
	if c.offer == nil {
		c.phase = answering
		a.shield = c.propose(c.u.ask(a.dlg.Flow), t.own)
		body := a.write(t.own, 0)
		a.exchange, _ = a.exchange.Next(dialog.SendOffer)
		c.acceptCaller(body, t.answered)
	} else {
		c.phase = up
		body := a.write(t.own, 0)
		a.exchange, _ = a.exchange.Next(dialog.SendAnswer)
		c.plumb(a)
		c.acceptCaller(body, func(*sdp.Session) { t.acknowledged() })
	}
	t.timer = c.after(soundBy, t.play)
	c.publish(calls.CallAnswered)
}

// answerMute says in a refusal what there is no audio for.
func (t *treatment) answerMute() {
	c := t.c
	c.u.respond(c.tx, 480, "Warning", `399 `+c.u.cfg.Domain+` "function code `+t.order.Action+`: `+quotable(t.told)+`"`)
	c.refuse(ending{result: calls.Rejected, status: 480, by: bySystem, cause: "there is no relay of audio to say so"})
}

// quotable is a text that may stand in a quoted string.
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '"' || r == '\\' || r < ' ' {
			return ' '
		}
		return r
	}, s)
}

// answered takes the caller's answer to our offer.
func (t *treatment) answered(answer *sdp.Session) {
	c, a := t.c, &t.c.a
	if c.phase != answering {
		return
	}
	answer = fitted(answer, t.own)
	sh, err := a.shield.settle(answer)
	if answer == nil || err != nil {
		c.hangup(bySystem, "the caller acknowledged without a usable answer to the offer", nil)
		return
	}
	c.phase = up
	a.remote, a.shield, a.weOffered = answer, sh, true
	a.exchange, _ = a.exchange.Next(dialog.ReceiveAnswer)
	c.plumb(a)
	t.acknowledged()
}

// reoffered answers a re-INVITE or UPDATE that changes more than can be answered by what was said before.
func (t *treatment) reoffered(l *leg, tx *transaction.Server, d *sdp.Session, sh *shield) {
	own, at := spoken(d, sh)
	if own == nil || at != t.at {
		l.reject(tx, 488)
		return
	}
	t.own = own
	l.remote, l.shield, l.weOffered = d, sh, false
	l.exchange, _ = l.exchange.Next(dialog.SendAnswer)
	body := l.write(own, 0)
	t.c.plumb(l)
	l.succeed(tx, body, nil)
}

// acknowledged notes that the caller has heard of the answer.
func (t *treatment) acknowledged() {
	if t.acked = true; t.ends != nil {
		t.timer.Stop()
		t.ends()
		return
	}
	t.soon()
}

// hears notes that something comes from the caller.
func (t *treatment) hears() {
	t.talked = true
	t.soon()
}

// soon starts the sound when the caller can hear it.
func (t *treatment) soon() {
	c := t.c
	if t.started || !t.acked || t.ends != nil || c.phase != up {
		return
	}
	if t.talked {
		t.play()
		return
	}
	t.timer.Stop()
	t.timer = c.after(soundAfter, t.play)
}

// play lets the caller hear the sound.
func (t *treatment) play() {
	c := t.c
	switch {
	case t.started || c.phase != up:
		return
	case t.ends != nil && c.a.idle(): // its ACK has come unseen, see leg.free
		t.ends()
		return
	case t.clip == nil:
		return
	}
	t.started = true
	c.heard[callerSide] = sign
	c.plumb(&c.a) // with the formats
	t.ep.Play(t.clip, media.PlayOptions{})
	clip := t.clip
	t.timer.Stop()
	t.timer = c.after(clip.Duration()+time.Second, func() { t.over(clip) })
}

// over goes on behind the sound.
func (t *treatment) over(clip *media.Clip) {
	c := t.c
	if c.phase != up || !t.started || clip != t.clip {
		return
	}
	t.timer.Stop()
	if t.pin != nil && !t.pin.last {
		t.pin.asked()
		return
	}
	if t.order.Action != routing.CodeEcho || t.echoing {
		t.timer = c.after(soundOver, t.hangup)
		return
	}
	t.echoing = true
	c.heard[callerSide] = noTune
	t.ep.Stop()
	c.u.cfg.Media.Bridge(t.ep, t.ep)
	c.plumb(&c.a)
	t.timer = c.after(echoFor, t.hangup)
}

func (t *treatment) hangup() { t.c.hangup(bySystem, "", nil) }

// end notes in the record how it went, and gives up what is under way.
func (t *treatment) end(e *ending) {
	if t == nil {
		return
	}
	t.timer.Stop()
	t.claim.free()
	t.claim = nil
	t.pin.end()
	cause := "function code " + t.order.Action + ": " + t.told
	if t.pin != nil {
		cause = "asked for the PIN: " + t.told
	}
	if e.cause != "" {
		cause += "; " + e.cause
	}
	e.cause = cause
	if c := t.c; t.ep != nil && !c.rec.AnswerAt.IsZero() {
		st := t.ep.Stats()
		c.rec.MediaCaller = figures(&st)
		c.rec.MediaCaller.Security = c.a.security(&st)
	}
}

// clipped bounds a text for the record.
func clipped(s string) string {
	if len(s) > maxTold {
		s = strings.ToValidUTF8(s[:maxTold], "") + "…"
	}
	return s
}
