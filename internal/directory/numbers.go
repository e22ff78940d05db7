package directory

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// shown checks a list of numbers that a user may show (SPEC M11).
func (f *faults) shown(field string, numbers []string, outside bool) {
	if len(numbers) > MaxShown {
		f.add(field, "are more than %d", MaxShown)
		return
	}
	for i, n := range numbers {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case slices.Contains(numbers[:i], n):
			f.add(at, "%s is in the list already", clipped(n))
		case ValidNumber(n) || outside && e164Pattern.MatchString(n):
		case outside:
			f.add(at, "must be 1 to 15 digits, or + and a number with its country code")
		default:
			f.add(at, "must be 1 to 15 digits")
		}
	}
}

// blocks checks numbers that must not be dialled (SPEC G13).
func (f *faults) blocks(blocks []Block) {
	if len(blocks) > MaxBlocks {
		f.add("call_blocking", "are more than %d", MaxBlocks)
		return
	}
	c := checker{}
	for i := range blocks {
		at := fmt.Sprintf("call_blocking[%d]", i)
		c.match(at+".match", &blocks[i].Match)
		if blocks[i].Match.Kind == MatchHidden {
			c.add(at+".match.kind", "must be exact, prefix or pattern: a call without a number goes nowhere")
		}
		c.text(at+".note", blocks[i].Note, MaxName)
	}
	*f = append(*f, c.faults...)
}

// Check reports what is wrong with a function code, as Profile.Check does.
func (k *Code) Check(s *Snapshot) error {
	if len(k.Code) < 2 || len(k.Code) > 8 || strings.Trim(k.Code, "0123456789*#") != "" {
		return &InvalidError{"code", "must be 2 to 8 of the keys 0 to 9, * and #"}
	}
	if !k.Enabled {
		return nil
	}
	for _, action := range slices.Sorted(maps.Keys(s.Codes)) {
		other := s.Codes[action]
		if !other.Enabled || other.Action == k.Action {
			continue
		}
		if other.Code == k.Code {
			return &InvalidError{"code", fmt.Sprintf("%s is the code of %s already", k.Code, other.Action)}
		}
		short, long := k, other
		if len(short.Code) > len(long.Code) {
			short, long = other, k
		}
		if rest, begins := strings.CutPrefix(long.Code, short.Code); begins && short.Action.TakesArgument() && rest[0] >= '0' && rest[0] <= '9' {
			return &InvalidError{"code", fmt.Sprintf("%s (%s) is followed by a number, so %s (%s) could be either: who dials %s and a number that begins with %s would get the other one. Let the shorter one end with *",
				short.Code, short.Action, long.Code, long.Action, short.Code, rest)}
		}
	}
	return nil
}

// TakesArgument says whether something has to be dialled after the code of the action.
func (a CodeAction) TakesArgument() bool {
	switch a {
	case CodeForwardTo, CodeProfile, CodePickupNumber, CodeShowNumber, CodeHideNumber:
		return true
	}
	return false
}
