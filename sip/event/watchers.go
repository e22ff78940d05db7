package event

import (
	"sync"
	"sync/atomic"

	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// watcherStripes is a power of two.
const watcherStripes = 64

// resource is what is watched.
type resource struct{ pkg, name string }

// watchers finds subscriptions by what they watch, by account and by connection. Its locks are held for a few
// instructions; nothing is called under them.
type watchers struct {
	total   atomic.Int64
	stripes [watcherStripes]struct {
		sync.Mutex
		subs map[resource][]*subscription
	}

	mu       sync.Mutex
	accounts map[string]int // by slot
	flows    map[*transport.Flow]map[*subscription]struct{}
}

func (w *watchers) init() {
	for i := range w.stripes {
		w.stripes[i].subs = map[resource][]*subscription{}
	}
	w.accounts = map[string]int{}
	w.flows = map[*transport.Flow]map[*subscription]struct{}{}
}

// stripe is FNV-1a.
func (r resource) stripe() int {
	h := uint32(2166136261)
	for i := range len(r.name) {
		h = (h ^ uint32(r.name[i])) * 16777619
	}
	return int((h ^ h>>16) & (watcherStripes - 1))
}

// claim counts a subscription of an account, and is false when it has too many or there are too many at all.
func (w *watchers) claim(slotID string, perAccount, total int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.accounts[slotID] >= perAccount || int(w.total.Load()) >= total {
		return false
	}
	w.accounts[slotID]++
	w.total.Add(1)
	return true
}

// add enters a claimed subscription.
func (w *watchers) add(sub *subscription) {
	r := sub.resource()
	st := &w.stripes[r.stripe()]
	st.Lock()
	st.subs[r] = append(st.subs[r], sub)
	st.Unlock()
	w.bind(sub, sub.dlg.Flow)
}

// remove takes a subscription out and gives back its claim.
func (w *watchers) remove(sub *subscription) {
	r := sub.resource()
	st := &w.stripes[r.stripe()]
	st.Lock()
	list := st.subs[r]
	for i := range list {
		if list[i] == sub {
			list[i] = list[len(list)-1]
			list[len(list)-1] = nil
			list = list[:len(list)-1]
			break
		}
	}
	if len(list) == 0 {
		delete(st.subs, r)
	} else {
		st.subs[r] = list
	}
	st.Unlock()
	w.unbind(sub, sub.dlg.Flow)
	w.unclaim(sub.watch.Account.SlotID)
}

// unclaim takes back one claim.
func (w *watchers) unclaim(slotID string) {
	w.mu.Lock()
	if w.accounts[slotID]--; w.accounts[slotID] <= 0 {
		delete(w.accounts, slotID)
	}
	w.mu.Unlock()
	w.total.Add(-1)
}

// bind notes the connection of a subscription, so that both end together.
func (w *watchers) bind(sub *subscription, f *transport.Flow) {
	if !f.Proto().Reliable() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.flows[f] == nil {
		w.flows[f] = map[*subscription]struct{}{}
	}
	w.flows[f][sub] = struct{}{}
}

func (w *watchers) unbind(sub *subscription, f *transport.Flow) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.flows[f], sub)
	if len(w.flows[f]) == 0 {
		delete(w.flows, f)
	}
}

// flowClosed ends the subscriptions of a connection.
func (w *watchers) flowClosed(f *transport.Flow, _ error) {
	w.mu.Lock()
	subs := make([]*subscription, 0, len(w.flows[f]))
	for sub := range w.flows[f] {
		subs = append(subs, sub)
	}
	w.mu.Unlock()
	for _, sub := range subs {
		sub.post(func() { sub.closed(f) })
	}
}

// changed pokes those who watch a resource, each once until it has looked.
func (w *watchers) changed(pkg, name string) {
	if w.total.Load() == 0 || name == "" {
		return
	}
	r := resource{pkg, name}
	st := &w.stripes[r.stripe()]
	st.Lock()
	defer st.Unlock()
	for _, sub := range st.subs[r] {
		sub.poke()
	}
}

// all lists every subscription.
func (w *watchers) all() []*subscription {
	var list []*subscription
	for i := range w.stripes {
		st := &w.stripes[i]
		st.Lock()
		for _, subs := range st.subs {
			list = append(list, subs...)
		}
		st.Unlock()
	}
	return list
}
