package resolve

// Lookups in flight, and those who wait for them, are shared among all sources, so that a phone with a list of slow names costs
// the others nothing. A source may go on as long as it has less than a part of what is free: a single one gets a fifth of
// all, eight together two thirds, and there is always something left for one more. Those who have nothing under way get a place as
// long as there is any.

// partOfFree is the part of what is free that one source may have, as a divisor.
const partOfFree = 4

// load is what one source has under way.
type load struct {
	flights int // lookups that it has begun
	waiting int // callbacks
}

// full reports whether a source that has own of all, which have a limit, has to stop.
func full(own, all, limit int) bool {
	return all >= limit || own > 0 && own*partOfFree >= limit-all
}

// charge counts what a source has begun; r.mu is held.
func (r *Resolver) charge(source string, flights, waiting int) {
	l := r.loads[source]
	l.flights += flights
	l.waiting += waiting
	if l == (load{}) {
		delete(r.loads, source)
		return
	}
	r.loads[source] = l
}
