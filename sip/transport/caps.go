package transport

import (
	"container/list"
	"errors"
	"net/netip"
)

// errGaveWay is why a stranger's connection ended.
var errGaveWay = errors.New("connection gave way to a new one")

// caps counts the connections. A stranger is an accepted connection whose peer has not shown that it knows a
// password (Flow.Prove): at a cap the oldest stranger gives way, so that idle connections keep no phone out. The
// lists hold proved ones until they come up. It is guarded by Layer.mu.
type caps struct {
	all       map[*streamConn]struct{}
	strangers list.List
	sources   map[netip.Addr]*sourceCap
}

// sourceCap are the accepted connections of one source.
type sourceCap struct {
	n         int
	strangers list.List
}

// place is a connection's place in the lists.
type place struct{ all, source *list.Element }

func newCaps() caps {
	return caps{all: map[*streamConn]struct{}{}, sources: map[netip.Addr]*sourceCap{}}
}

// addDialled counts a connection that we open.
func (k *caps) addDialled(c *streamConn) { k.all[c] = struct{}{} }

// addAccepted counts a connection that came in.
func (k *caps) addAccepted(c *streamConn) {
	s := k.sources[c.source]
	if s == nil {
		s = &sourceCap{}
		k.sources[c.source] = s
	}
	s.n++
	k.all[c] = struct{}{}
	c.place = place{k.strangers.PushBack(c), s.strangers.PushBack(c)}
}

// count is how many a source has.
func (k *caps) count(source netip.Addr) int {
	if s := k.sources[source]; s != nil {
		return s.n
	}
	return 0
}

// remove forgets a connection; it may be called again.
func (k *caps) remove(c *streamConn) {
	if _, ok := k.all[c]; !ok {
		return
	}
	delete(k.all, c)
	if !c.accepted {
		return
	}
	s := k.sources[c.source]
	k.unlist(c)
	if s.n--; s.n == 0 {
		delete(k.sources, c.source)
	}
}

func (k *caps) unlist(c *streamConn) {
	if c.place.all == nil {
		return
	}
	k.strangers.Remove(c.place.all)
	k.sources[c.source].strangers.Remove(c.place.source)
	c.place = place{}
}

// evict ends the oldest stranger of a source, or of all when source is the zero Addr. It is false when there is none.
func (k *caps) evict(source netip.Addr) bool {
	l := &k.strangers
	if source.IsValid() {
		l = &k.sources[source].strangers
	}
	for e := l.Front(); e != nil; e = l.Front() {
		c := e.Value.(*streamConn)
		if c.proved.Load() {
			k.unlist(c)
			continue
		}
		k.remove(c)
		c.close(errGaveWay)
		return true
	}
	return false
}
