package directory

import (
	"fmt"
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
	for _, other := range s.Codes {
		if k.Enabled && other.Enabled && other.Action != k.Action && other.Code == k.Code {
			return &InvalidError{"code", fmt.Sprintf("%s is the code of %s already", k.Code, other.Action)}
		}
	}
	return nil
}
