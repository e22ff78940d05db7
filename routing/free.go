package routing

import "slices"

// Free reports whether a number could be given to somebody: it has no owner, overlaps no emergency number, and no function code of
// digits hides it. Numbers that begin with 0 lead outside and are not counted as free.
func (t *Table) Free(num string) bool {
	if code, _ := checkNumber(num); code != "" || outside(num) {
		return false
	}
	if _, owned := t.numbers.get(num); owned {
		return false
	}
	return !slices.ContainsFunc(t.codes, func(e codeEntry) bool { return digits(e.code) && e.hides(num) })
}
