package directory

import "slices"

// ForwardLoop finds a circle of forwards that apply always and without a condition, as the profiles chosen by hand and the hunt groups
// stand, beginning at a number: 416 to 417 to 416. It returns the numbers on the way, nil when there is none. Circles that depend on
// schedules or conditions are found when a call runs into them.
func (s *Snapshot) ForwardLoop(number string, class Class) []string {
	way := []string{number}
	for {
		next := s.forwardedTo(way[len(way)-1], class)
		if next == "" {
			return nil
		}
		if slices.Contains(way, next) {
			return append(way, next)
		}
		way = append(way, next)
	}
}

// ClosesLoop finds the circle that comes into being when all calls of a class for the numbers go to target: 416 to 417 to 416. It returns
// the numbers on the way, nil when there is none. Circles that are there already and do not lead through the numbers do not count.
func (s *Snapshot) ClosesLoop(numbers []string, target string, class Class) []string {
	var way []string
	for next := target; next != "" && !slices.Contains(way, next); next = s.forwardedTo(next, class) {
		way = append(way, next)
		if slices.Contains(numbers, next) {
			return append([]string{next}, way...)
		}
	}
	return nil
}

// forwardedTo is where all calls of a class for a number go, "" when that depends.
func (s *Snapshot) forwardedTo(number string, class Class) string {
	n := s.Numbers[number]
	switch {
	case n == nil:
	case n.OwnerType == OwnerHuntGroup:
		if h := s.HuntGroups[n.OwnerID]; h != nil {
			_, target := AlwaysForward(h.Overflow, class)
			return target
		}
	case n.ProfileID != "" && n.Schedule == nil:
		if p := s.Profiles[n.ProfileID]; p != nil {
			_, target := AlwaysForward(p.Table, class)
			return target
		}
	}
	return ""
}

// AlwaysForward finds the rule that forwards all calls of a class to a number: its index and the number, or -1 and "".
func AlwaysForward(rules []CaseRule, class Class) (index int, target string) {
	for i := range rules {
		if r := &rules[i]; r.Case == Always && r.Class == class && r.Action.Kind == ToNumber {
			return i, r.Action.Number
		}
	}
	return -1, ""
}
