package registrar

import (
	"context"
	"sync"
)

// notes collects what Notify is to hear, so that the table never waits for it.
type notes struct {
	mu      sync.Mutex
	pending map[string]bool
	order   []string
	wake    chan struct{}
}

func (n *notes) init() { n.pending, n.wake = map[string]bool{}, make(chan struct{}, 1) }

// add notes a change. One that takes back a change not yet told cancels it.
func (n *notes) add(slotID string, registered bool) {
	n.mu.Lock()
	if was, ok := n.pending[slotID]; ok && was != registered {
		delete(n.pending, slotID)
	} else if !ok {
		n.pending[slotID] = registered
		n.order = append(n.order, slotID)
	}
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// run tells fn until ctx ends.
func (n *notes) run(ctx context.Context, fn func(string, bool)) {
	for {
		n.mu.Lock()
		pending, order := n.pending, n.order
		n.pending, n.order = map[string]bool{}, nil
		n.mu.Unlock()
		for _, id := range order {
			if registered, ok := pending[id]; ok && fn != nil {
				delete(pending, id) // it may stand in order twice
				fn(id, registered)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
		}
	}
}
