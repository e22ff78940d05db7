package adminjoin

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/internal/ladder"
	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/b2bua"
	"github.com/koppelfeld/koppelfeld/sip/registrar"
	"github.com/koppelfeld/koppelfeld/sip/trace"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// looked bounds how many things of one kind are looked at in a shard for one answer, since the shard waits.
const looked = 20_000

// Inside is an api.Debug.
type Inside struct {
	Stack  *sip.Stack
	Recent *trace.Recent // nil keeps nothing
	// Bindings lists where a slot is registered.
	Bindings func(slotID string) []registrar.Binding
}

// Ladder implements api.Debug.
func (i Inside) Ladder(ctx context.Context, callID string) (ladder.Call, bool, error) {
	return i.Stack.CallTrace(ctx, callID)
}

// view is what one shard has answered.
type view struct {
	calls        []api.SIPCall
	dialogs      []api.SIPDialog
	transactions []api.SIPTransaction
	trace        api.SIPShard
	truncated    bool
}

// SIP implements api.Debug.
func (i Inside) SIP(ctx context.Context, f api.DebugFilter) (api.SIPState, error) {
	stats := i.Stack.Stats()
	out := api.SIPState{At: time.Now().UTC()}
	err := sip.Survey(ctx, i.Stack, func(sh *sip.Shard) view { return look(sh, f) }, func(sh *sip.Shard, v view) {
		out.Truncated = out.Truncated || v.truncated
		out.Calls = append(out.Calls, v.calls...)
		out.Dialogs = append(out.Dialogs, v.dialogs...)
		out.Transactions = append(out.Transactions, v.transactions...)
		out.Shards = append(out.Shards, shardView(sh.Index(), stats.Shards[sh.Index()], v.trace))
	})
	if err != nil {
		return api.SIPState{}, err
	}
	slices.SortFunc(out.Calls, func(a, b api.SIPCall) int { return cmp.Compare(b.ID, a.ID) }) // newest first
	slices.SortFunc(out.Dialogs, func(a, b api.SIPDialog) int {
		return cmp.Or(cmp.Compare(b.Call, a.Call), cmp.Compare(a.CallID, b.CallID))
	})
	slices.SortFunc(out.Transactions, func(a, b api.SIPTransaction) int {
		return cmp.Or(cmp.Compare(b.Call, a.Call), cmp.Compare(a.Branch, b.Branch), cmp.Compare(a.Role, b.Role))
	})
	out.Flows, out.Truncated = i.flows(f, out.Truncated)
	if f.CallID == "" {
		var registers []trace.Answered
		if f.SlotID != "" {
			registers = i.Recent.Registers(f.SlotID)
		}
		out.Registers, out.Truncated = cut(answered(registers), f.Limit, out.Truncated)
		out.Refusals, out.Truncated = cut(answered(i.Recent.Refusals()), f.Limit, out.Truncated)
	}
	out.Calls, out.Truncated = cut(out.Calls, f.Limit, out.Truncated)
	out.Dialogs, out.Truncated = cut(out.Dialogs, f.Limit, out.Truncated)
	out.Transactions, out.Truncated = cut(out.Transactions, f.Limit, out.Truncated)
	return out, nil
}

func answered(list []trace.Answered) []api.SIPAnswered {
	out := make([]api.SIPAnswered, len(list))
	for n := range list {
		a := &list[n]
		out[n] = api.SIPAnswered{
			At: a.At.UTC(), Reason: a.Reason, Status: a.Status, Transport: a.Transport, Local: a.Local.String(), Remote: a.Remote.String(), Summary: a.Summary(), Text: a.Text,
		}
	}
	return out
}

func cut[T any](list []T, limit int, truncated bool) ([]T, bool) {
	if len(list) > limit {
		return list[:limit], true
	}
	return list, truncated
}

func shardView(index int, s sip.ShardStats, v api.SIPShard) api.SIPShard {
	v.Index, v.Queue, v.Panics = index, s.Queue, s.Panics
	v.LagMS, v.PeakLagMS = float64(s.Lag.Microseconds())/1000, float64(s.PeakLag.Microseconds())/1000
	v.Transactions, v.Dialogs, v.Timers = s.Transactions, s.Dialogs, s.Timers
	v.Retransmitted, v.Absorbed, v.TimedOut, v.StrayResponses = s.Counts.Retransmissions, s.Counts.Absorbed, s.Counts.Timeouts, s.Counts.Stray
	return v
}

// look takes from one shard what the filter wants. It runs in the shard.
func look(sh *sip.Shard, f api.DebugFilter) view {
	var v view
	t := sh.TraceStats()
	v.trace = api.SIPShard{TracedCalls: t.Running, TracedEnded: t.Ended, TraceBytes: t.Bytes}
	wanted := map[string]bool{} // calls, and whether they are shown
	n := 0
	for key, u := range sh.BoundDialogs() {
		if n++; n > looked {
			v.truncated = true
			break
		}
		id := b2bua.CallOf(u)
		show, known := wanted[id]
		if id != "" && !known {
			c, ok := b2bua.Inspect(u)
			show = ok && matches(&c, f)
			wanted[id] = show
			if show && len(v.calls) <= f.Limit {
				v.calls = append(v.calls, callView(sh.Index(), &c))
			}
		}
		if (show || id == "" && matchesNone(f)) && len(v.dialogs) <= f.Limit {
			v.dialogs = append(v.dialogs, api.SIPDialog{Shard: sh.Index(), CallID: key[0], LocalTag: key[1], Call: id})
		}
	}
	n = 0
	for t := range sh.Tx().Each() {
		if n++; n > looked {
			v.truncated = true
			break
		}
		if !matchesNone(f) && !wanted[t.Call] && (t.Call == "" || t.Call != f.CallID) {
			continue
		}
		if len(v.transactions) > f.Limit {
			break
		}
		v.transactions = append(v.transactions, transactionView(sh.Index(), &t))
	}
	return v
}

// matchesNone reports whether the filter selects all.
func matchesNone(f api.DebugFilter) bool { return f.CallID == "" && f.SlotID == "" }

func matches(c *b2bua.CallInfo, f api.DebugFilter) bool {
	call, slot := f.CallID == "" || f.CallID == c.ID, f.SlotID == ""
	for i := range c.Legs {
		call = call || c.Legs[i].CallID == f.CallID
		slot = slot || c.Legs[i].SlotID == f.SlotID
	}
	return call && slot
}

func callView(shard int, c *b2bua.CallInfo) api.SIPCall {
	v := api.SIPCall{
		ID: c.ID, Shard: shard, Phase: c.Phase, Start: c.Start, From: c.From, To: c.To, Pending: c.Pending, Streams: c.Streams,
		Legs: make([]api.SIPLeg, len(c.Legs)),
	}
	for i := range c.Legs {
		l := &c.Legs[i]
		v.Legs[i] = api.SIPLeg{
			Side: l.Side, Phase: l.Phase, Slot: l.SlotID, Contact: l.Contact, CallID: l.CallID, LocalTag: l.LocalTag, RemoteTag: l.RemoteTag,
			Flow: flowView(l.Flow), LocalSeq: l.LocalSeq, RemoteSeq: l.RemoteSeq, Exchange: l.Exchange, SessionS: int(l.Session / time.Second),
		}
	}
	return v
}

func transactionView(shard int, t *transaction.Info) api.SIPTransaction {
	v := api.SIPTransaction{
		Shard: shard, Role: "server", Method: string(t.Method), State: t.State, Status: t.Status, Branch: t.Branch, Call: t.Call, Flow: flowView(t.Flow),
	}
	if t.Client {
		v.Role = "client"
	}
	return v
}

func flowView(f *transport.Flow) *api.SIPFlow {
	if f == nil {
		return nil
	}
	return &api.SIPFlow{Transport: string(f.Proto()), Local: f.Local().String(), Remote: f.Remote().String(), Closed: f.Closed()}
}

// flows lists connections, and where a slot is registered.
func (i Inside) flows(f api.DebugFilter, truncated bool) ([]api.SIPFlow, bool) {
	if f.CallID != "" {
		return nil, truncated // they stand with the legs
	}
	if f.SlotID == "" {
		conns, all := i.Stack.Connections(f.Limit)
		out := make([]api.SIPFlow, len(conns))
		for n, c := range conns {
			out[n] = connectionView(c)
		}
		return out, truncated || all > f.Limit
	}
	var out []api.SIPFlow
	for _, b := range i.Bindings(f.SlotID) {
		if v := flowView(b.Flow); v != nil {
			out = append(out, *v)
			continue
		}
		out = append(out, api.SIPFlow{Remote: known(b.Received), Closed: true})
	}
	return out, truncated
}

func known(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func connectionView(c transport.Connection) api.SIPFlow {
	return api.SIPFlow{
		Transport: string(c.Proto), Local: c.Local.String(), Remote: c.Remote.String(), Accepted: c.Accepted, Proved: c.Proved, Waiting: c.Waiting,
	}
}
