package b2bua

import (
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/budget"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// How often one phone may call emergency numbers above all limits.
const urgentPerSecond, urgentAtOnce = 1, 5

// attempts bounds how often a phone may call: one that runs wild, or whose password was stolen, must not fill the records nor
// take the time of the others.
type attempts struct{ calls, urgent *budget.Table }

func newAttempts(perSecond int) attempts {
	return attempts{budget.New(perSecond, 5*perSecond), budget.New(urgentPerSecond, urgentAtOnce)}
}

// Refused counts the calls that were refused because their phone calls too often.
func (u *UA) Refused() uint64 { return u.refused.Load() }

// mayCall counts a call of a slot. urgent says that it is an emergency call within its own budget, which no limit of calls
// stops. ok is false when the call has been refused, without a trace but in the counter.
func (u *UA) mayCall(slotID string, in transport.Inbound, now time.Time) (urgent, ok bool) {
	if Emergency(in.Msg.URI()) && u.attempts.urgent.Take(slotID, now) {
		return true, true
	}
	if u.attempts.calls.Take(slotID, now) {
		return false, true
	}
	u.refused.Add(1)
	_ = transaction.Reply(in.Flow, in.Msg, 503, "", "Retry-After: 5")
	return false, false
}

// maxUrgentURI is how far into a Request-URI its user is looked for.
const maxUrgentURI = 64

// Emergency reports whether a Request-URI calls an emergency number: as sip:, sips: or tel:, with or without the digit for an
// outside line, with what people put between digits. It is called for every INVITE and costs little for others.
func Emergency(uri string) bool {
	user := uri[:min(len(uri), maxUrgentURI)]
	if end := strings.IndexByte(user, '@'); end >= 0 {
		user = user[:end]
	} else if len(uri) > maxUrgentURI {
		return false
	}
	if strings.Count(user, "1") < 2 && strings.IndexByte(user, '%') < 0 {
		return false
	}
	u, err := message.ParseURI(uri)
	return err == nil && (u.Host != "" || u.Scheme == "tel") && routing.Emergency(userOf(u))
}
