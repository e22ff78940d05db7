package store

import (
	"fmt"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// refuseCircle refuses rules that send all calls for the numbers round in a
// circle. before are the rules that held for the numbers so far: a circle that
// they have made already, in old data, does not keep other things from being
// changed. The error names the field, or where it is empty the rule in the list path.
func (tx *Tx) refuseCircle(numbers []string, before, rules []directory.CaseRule, path, field string) error {
	for _, class := range []directory.Class{directory.FromInside, directory.FromOutside} {
		_, was := directory.AlwaysForward(before, class)
		i, target := directory.AlwaysForward(rules, class)
		if target == "" || target == was {
			continue
		}
		way := tx.draft.snap.ClosesLoop(numbers, target, class)
		if way == nil {
			continue
		}
		if field == "" {
			field = fmt.Sprintf("%s[%d].action.number", path, i)
		}
		return invalid(field, "calls from %s would go round in a circle: %s", class, strings.Join(way, " → "))
	}
	return nil
}

// numberCircle is refuseCircle for a number that comes in place of old.
func (tx *Tx) numberCircle(n, old *directory.Number) error {
	return tx.refuseCircle([]string{n.Number}, tx.alwaysRules(old), tx.alwaysRules(n), "", "forwarding_profile")
}

// alwaysRules is the table that holds for a number whatever the time is.
func (tx *Tx) alwaysRules(n *directory.Number) []directory.CaseRule {
	if p := tx.draft.snap.Profiles[n.ProfileID]; p != nil && n.Schedule == nil {
		return p.Table
	}
	return nil
}
