package registrar

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
)

// maxMissed is how many OPTIONS in a row may stay without answer.
const maxMissed = 3

// pulse is the keep-alive of one contact behind NAT. It goes along when its binding is refreshed and is made
// anew with a new flow. A nil pulse is that of a contact that needs none.
type pulse struct {
	next   atomic.Int64 // Unix nanoseconds
	missed atomic.Int32
	asking atomic.Bool
}

// newPulse spreads the first keep-alives over the period.
func newPulse(now time.Time, every time.Duration) *pulse {
	p := new(pulse)
	p.next.Store(now.Add(rand.N(every)).UnixNano())
	return p
}

func (p *pulse) due(now time.Time) bool {
	return p != nil && p.next.Load() <= now.UnixNano() && !p.asking.Load()
}

// alive notes a sign of life.
func (p *pulse) alive() {
	if p != nil {
		p.missed.Store(0)
	}
}

// ping sends an OPTIONS to a contact, which keeps its NAT open and shows whether it is there.
func (r *Registrar) ping(b *Binding, now time.Time) {
	every := r.cfg.KeepAlive
	b.pulse.next.Store(now.Add(every - every/8 + rand.N(every/4)).UnixNano())
	if r.cfg.Stack == nil || b.Flow == nil || b.Flow.Closed() {
		return
	}
	b.pulse.asking.Store(true)
	shards := r.cfg.Stack.Shards()
	sh := shards[rand.IntN(len(shards))]
	q := &question{r: r, slotID: b.SlotID, pulse: b.pulse}
	flow, contact := b.Flow, b.Contact
	sh.Post(func() {
		branch := sh.NewBranch()
		sh.Tx().Send(flow, message.OPTIONS, branch, r.options(sh, contact, branch, flow.Local().String(), string(flow.Proto())), q)
	})
}

func (r *Registrar) options(sh *sip.Shard, contact, branch, local, proto string) []byte {
	us := "<sip:" + r.cfg.Domain + ">"
	return message.NewRequest(message.OPTIONS, contact).
		Add("Via", "SIP/2.0/"+proto+" "+local+";rport;branch="+branch).
		Add("Max-Forwards", "70").
		Add("From", us+";tag="+sh.NewTag()).
		Add("To", "<"+contact+">").
		Add("Call-ID", sh.NewCallID()).
		Add("CSeq", "1 OPTIONS").
		Add("Contact", "<sip:"+local+";transport="+strings.ToLower(proto)+">").
		Add("Accept", "application/sdp").
		Finish("", nil)
}

// question is an OPTIONS on its way; it is a transaction.ClientUser.
type question struct {
	r      *Registrar
	slotID string
	pulse  *pulse
}

// Response: any final answer is a sign of life, a refusal too.
func (q *question) Response(_ *transaction.Client, res *message.Message) {
	if res.Status() >= 200 {
		q.pulse.alive()
		q.pulse.asking.Store(false)
	}
}

// Failed: the contact did not answer.
func (q *question) Failed(*transaction.Client, error) {
	q.pulse.asking.Store(false)
	if q.pulse.missed.Add(1) >= maxMissed {
		q.r.cfg.Log.Info("contact does not answer, removed", "slot", q.slotID)
		q.r.unreachable(q.slotID, q.pulse)
	}
}
