package transport

import (
	"container/list"
	"errors"
	"net/netip"
)

// errFault is why a connection ended of which we have lost track.
var errFault = errors.New("fault of the program")

// errGaveWay is why a stranger's connection ended.
var errGaveWay = errors.New("connection gave way to a new one")

// caps counts the connections. A stranger is an accepted connection whose peer has not shown that it knows a
// password (Flow.Prove): at a cap the oldest stranger gives way, so that idle connections keep no phone out. The
// lists hold proved ones until they come up. Connections whose handshake is not finished are counted apart, so that
// they cost nobody a place; at their caps the oldest gives way. It is guarded by Layer.mu.
type caps struct {
	all         map[*streamConn]struct{} // with handshakes
	established int
	byProto     map[Proto]int // established ones
	strangers   list.List
	handshakes  list.List
	sources     map[netip.Addr]*sourceCap
}

// sourceCap are the accepted connections of one source.
type sourceCap struct {
	n          int // established
	strangers  list.List
	handshakes list.List
}

// place is a connection's place in the lists.
type place struct{ all, source *list.Element }

func newCaps() caps {
	return caps{all: map[*streamConn]struct{}{}, byProto: map[Proto]int{}, sources: map[netip.Addr]*sourceCap{}}
}

func (k *caps) source(a netip.Addr) *sourceCap {
	s := k.sources[a]
	if s == nil {
		s = &sourceCap{}
		k.sources[a] = s
	}
	return s
}

func (k *caps) establish(c *streamConn) {
	k.all[c] = struct{}{}
	c.counted = true
	k.established++
	k.byProto[c.proto]++
}

// addDialled counts a connection that we open.
func (k *caps) addDialled(c *streamConn) { k.establish(c) }

// addHandshake counts a connection that came in and has its handshake before it.
func (k *caps) addHandshake(c *streamConn) {
	k.all[c] = struct{}{}
	s := k.source(c.source)
	c.place = place{k.handshakes.PushBack(c), s.handshakes.PushBack(c)}
}

// addAccepted counts a connection that came in, now or when its handshake is over.
func (k *caps) addAccepted(c *streamConn) {
	k.unlist(c)
	k.establish(c)
	s := k.source(c.source)
	s.n++
	c.place = place{k.strangers.PushBack(c), s.strangers.PushBack(c)}
}

// count is how many established ones a source has.
func (k *caps) count(source netip.Addr) int {
	if s := k.sources[source]; s != nil {
		return s.n
	}
	return 0
}

// handshaking is how many unfinished handshakes a source has.
func (k *caps) handshaking(source netip.Addr) int {
	if s := k.sources[source]; s != nil {
		return s.handshakes.Len()
	}
	return 0
}

// remove forgets a connection; it may be called again.
func (k *caps) remove(c *streamConn) {
	if _, ok := k.all[c]; !ok {
		return
	}
	delete(k.all, c)
	if c.counted {
		k.established--
		if k.byProto[c.proto]--; k.byProto[c.proto] == 0 {
			delete(k.byProto, c.proto)
		}
	}
	if !c.accepted {
		return
	}
	k.unlist(c)
	s := k.sources[c.source]
	if c.counted {
		s.n--
	}
	if s.n == 0 && s.handshakes.Len() == 0 {
		delete(k.sources, c.source)
	}
}

// unlist takes a connection out of the lists that it stands in.
func (k *caps) unlist(c *streamConn) {
	if c.place.all == nil {
		return
	}
	s := k.sources[c.source]
	if c.counted {
		k.strangers.Remove(c.place.all)
		s.strangers.Remove(c.place.source)
	} else {
		k.handshakes.Remove(c.place.all)
		s.handshakes.Remove(c.place.source)
	}
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

// evictHandshake ends the oldest unfinished handshake of a source, or of all.
func (k *caps) evictHandshake(source netip.Addr) {
	l := &k.handshakes
	if source.IsValid() {
		l = &k.sources[source].handshakes
	}
	if e := l.Front(); e != nil {
		c := e.Value.(*streamConn)
		k.remove(c)
		c.close(errGaveWay)
	}
}
