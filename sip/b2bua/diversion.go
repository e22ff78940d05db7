package b2bua

import (
	"slices"
	"strconv"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// Who is rung by a forward is told who was called before: in Diversion (RFC 5806), the last forward first, and in History-Info
// (RFC 7044), from the beginning, with the causes of RFC 4458. The same is read from what comes in, so that its hops count (SPEC F5).

// maxHistory bounds the entries of an INVITE that are looked at.
const maxHistory = 2 * routing.MaxHops

// diversionReason and historyCause name why a number has forwarded (RFC 5806 section 4.1, RFC 4458 section 2, RFC 7544 section 4).
func diversionReason(c routing.Case) string {
	switch c {
	case routing.OnBusy:
		return "user-busy"
	case routing.OnNoAnswer:
		return "no-answer"
	case routing.OnUnregistered:
		return "unavailable"
	}
	return "unconditional"
}

func historyCause(c routing.Case) string {
	switch c {
	case routing.OnBusy:
		return "486"
	case routing.OnNoAnswer:
		return "408"
	case routing.OnUnregistered:
		return "503"
	}
	return "302"
}

// hops are the forwards of this call that are passed on and recorded. Those that a phone has claimed count, since they may show
// a circle, but nobody is told of them: a phone could claim anything.
func (c *call) hops() []routing.Hop {
	if c.claimed >= len(c.plan.Hops) {
		return nil
	}
	return c.plan.Hops[c.claimed:]
}

// forwards are the hops as the record has them.
func (c *call) forwards() []calls.Forward {
	hops := c.hops()
	if len(hops) == 0 {
		return nil
	}
	out := make([]calls.Forward, len(hops))
	for i, h := range hops {
		out[i] = calls.Forward{From: h.From, To: h.To, Why: string(h.Why)}
	}
	return out
}

// addForwards tells a target who was called before.
func (c *call) addForwards(b *message.Builder) {
	hops := c.hops()
	if len(hops) == 0 {
		return
	}
	uri := func(number string) string { return "<sip:" + message.EscapeUser(number) + "@" + c.u.cfg.Domain }
	for _, h := range slices.Backward(hops) {
		b.Add("Diversion", uri(h.From)+">;reason="+diversionReason(h.Why)+";counter=1")
	}
	index := "1"
	b.Add("History-Info", uri(hops[0].From)+">;index=1")
	for _, h := range hops {
		from := index
		index += ".1"
		b.Add("History-Info", uri(h.To)+";cause="+historyCause(h.Why)+">;index="+index+";mp="+from)
	}
}

// diverted reads who forwarded a call before it came here, the last one first. Where there are both headers the longer history
// counts: each may have been dropped by somebody on the way.
func diverted(req *message.Message) []string {
	if !req.Has(message.HDiversion) && !req.Has(message.HHistoryInfo) {
		return nil
	}
	diversion, history := fromDiversion(req), fromHistory(req)
	if len(history) > len(diversion) {
		return history
	}
	return diversion
}

// fromDiversion reads Diversion. What is no number, as when it is withheld, is left out.
func fromDiversion(req *message.Message) (numbers []string) {
	looked := 0
	for v := range req.Values(message.HDiversion) {
		if looked++; looked > maxHistory || len(numbers) >= routing.MaxHops {
			break
		}
		if number, _ := historyEntry(v); number != "" {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// fromHistory reads History-Info: who stands before an entry that somebody was forwarded to has forwarded.
func fromHistory(req *message.Message) (numbers []string) {
	looked, before := 0, ""
	for v := range req.Values(message.HHistoryInfo) {
		if looked++; looked > maxHistory {
			break
		}
		number, forwarded := historyEntry(v)
		if forwarded && before != "" && before != number {
			numbers = append(numbers, before)
		}
		before = number
	}
	slices.Reverse(numbers)
	return numbers[:min(len(numbers), routing.MaxHops)]
}

// historyEntry reads one entry of either header: the number, and whether the call was forwarded to it.
func historyEntry(v string) (number string, forwarded bool) {
	a, err := message.ParseAddr(v)
	if err != nil {
		return "", false
	}
	u, err := message.ParseURI(a.URI)
	if err != nil {
		return "", false
	}
	number, _ = routing.Dialled(userOf(u))
	_, mapped := a.Param("mp")
	cause, _ := u.Param("cause")
	n, err := strconv.Atoi(cause)
	return strings.Clone(number), mapped || err == nil && n >= 300 && n < 700
}
