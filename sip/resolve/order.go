package resolve

import (
	"cmp"
	"slices"
)

// srv is an SRV record (RFC 2782); host is "" when the service is said not to exist.
type srv struct {
	priority, weight, port uint16
	host                   string
}

// naptr is a NAPTR record that leads to SRV records (RFC 3263 section 4.1).
type naptr struct {
	order, preference    uint16
	service, replacement string
}

// shuffle brings SRV records into the order in which they are to be tried: by priority, and within one by chance
// according to the weights (RFC 2782). The records come sorted by priority.
func (r *Resolver) shuffle(list []srv) []srv {
	if len(list) < 2 {
		return list
	}
	r.randMu.Lock()
	defer r.randMu.Unlock()
	return byWeight(list, r.rand.IntN)
}

// byWeight draws, for each priority, one record after the other; a record's chance is its share of the sum of the weights
// that are left. random(n) is in 0 to n-1.
func byWeight(list []srv, random func(int) int) []srv {
	out := slices.Clone(list)
	for begin := 0; begin < len(out); {
		end := begin + 1
		for end < len(out) && out[end].priority == out[begin].priority {
			end++
		}
		draw(out[begin:end], random)
		begin = end
	}
	return out
}

func draw(group []srv, random func(int) int) {
	// Those of weight 0 stand first, so that they have a small chance of being drawn before others.
	random0 := func(n int) int {
		if n <= 1 {
			return 0
		}
		return random(n)
	}
	for i := len(group) - 1; i > 0; i-- {
		j := random0(i + 1)
		group[i], group[j] = group[j], group[i]
	}
	slices.SortStableFunc(group, func(a, b srv) int { return cmp.Compare(min(a.weight, 1), min(b.weight, 1)) })
	for n := range group {
		sum := 0
		for _, s := range group[n:] {
			sum += int(s.weight)
		}
		pick := random0(sum + 1)
		for i := n; i < len(group); i++ {
			if pick -= int(group[i].weight); pick <= 0 {
				first := group[i]
				copy(group[n+1:i+1], group[n:i])
				group[n] = first
				break
			}
		}
	}
}

// sortSRV sorts by priority.
func sortSRV(list []srv) {
	slices.SortStableFunc(list, func(a, b srv) int { return cmp.Compare(a.priority, b.priority) })
}

// sortNAPTR sorts by order and preference.
func sortNAPTR(list []naptr) {
	slices.SortStableFunc(list, func(a, b naptr) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.preference, b.preference))
	})
}
