package resolve

import (
	"sync"
	"time"
)

// question is what a server is asked.
type question struct {
	name string // without the final dot, lower case
	kind uint16
}

// failureTTL is how long a question that no server answered is not asked again (RFC 2308 section 7).
const failureTTL = 5 * time.Second

// staleTTL is how long an answer that has run out is used again before servers are asked anew (RFC 8767).
const staleTTL = 30 * time.Second

// cache keeps answers, also those that there is nothing.
type cache struct {
	least, most, spare time.Duration
	max                int

	mu      sync.RWMutex
	entries map[question]entry
}

type entry struct {
	answer  answer
	err     error
	until   time.Time // good until then
	dropped time.Time // may stand in until then
}

func (c *cache) init(cfg Config) {
	c.least, c.most, c.spare, c.max = cfg.MinTTL, cfg.MaxTTL, max(cfg.Stale, 0), cfg.MaxEntries
	c.entries = map[question]entry{}
}

func (c *cache) len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.entries)
}

// get finds a good answer.
func (c *cache) get(q question, now time.Time) (answer, error, bool) {
	c.mu.RLock()
	e, ok := c.entries[q]
	c.mu.RUnlock()
	if !ok || !e.until.After(now) {
		return answer{}, nil, false
	}
	return e.answer, e.err, true
}

// put keeps an answer or a failure. A failure leaves an older answer that may still stand in.
func (c *cache) put(q question, a answer, err error, now time.Time) {
	ttl := failureTTL
	switch {
	case err != nil:
	case a.empty():
		ttl = min(max(a.ttl, c.least), max(c.most/12, c.least))
	default:
		ttl = min(max(a.ttl, c.least), c.most)
	}
	e := entry{answer: a, err: err, until: now.Add(ttl)}
	e.dropped = e.until
	if err == nil {
		e.dropped = e.until.Add(c.spare)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[q]; !ok && len(c.entries) >= c.max {
		c.evict(now)
	}
	c.entries[q] = e
}

// stale finds an answer that has run out but may stand in, and makes it good for a while.
func (c *cache) stale(q question, now time.Time) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[q]
	if !ok || e.err != nil || !e.dropped.After(now) {
		return answer{}, false
	}
	e.until = now.Add(staleTTL)
	c.entries[q] = e
	return e.answer, true
}

// evict makes room: all that has run out goes, and if that is not enough an eighth of the rest, whichever comes.
// c.mu is held.
func (c *cache) evict(now time.Time) {
	for q, e := range c.entries {
		if !e.dropped.After(now) {
			delete(c.entries, q)
		}
	}
	for q := range c.entries {
		if len(c.entries) <= c.max-max(c.max/8, 1) {
			break
		}
		delete(c.entries, q)
	}
}
