package routing

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// caseSet is a set of cases as bits.
type caseSet uint8

const (
	atOnce caseSet = 1 << iota
	onBusy
	onNoAnswer
	onUnregistered
)

func bitOf(c Case) caseSet {
	switch c {
	case Always, "":
		return atOnce
	case OnBusy:
		return onBusy
	case OnNoAnswer:
		return onNoAnswer
	case OnUnregistered:
		return onUnregistered
	}
	return 0
}

// rule is a compiled rule with the place it stands in. A rule that cannot be understood, which old data may hold, never applies.
type rule struct {
	in     *ruleset
	id     string
	name   string
	field  string
	cases  caseSet
	class  Class
	caller *matcher
	called *matcher
	group  string

	calendar string
	outside  bool // of the calendar
	broken   bool

	do    Action
	after time.Duration
}

// ruleset is a profile, the overflow of a hunt group, or the system-wide rules.
type ruleset struct {
	kind  string // as in Setting.Type
	id    string
	name  string
	owner *user // of a profile
	rules []*rule
}

func compileRules(set *ruleset, rules []Rule) *ruleset {
	set.rules = make([]*rule, len(rules))
	for i := range rules {
		set.rules[i] = compileRule(set, &rules[i])
	}
	return set
}

func compileRule(set *ruleset, in *Rule) *rule {
	r := &rule{
		in: set, id: in.ID, name: in.Name, field: in.Field, class: in.When.Class, group: in.When.Group,
		calendar: in.When.Calendar, outside: in.When.OutsideCalendar, do: in.Do, after: in.After,
	}
	for _, c := range in.When.Cases {
		bit := bitOf(c)
		r.cases |= bit
		r.broken = r.broken || bit == 0
	}
	if r.cases == 0 {
		r.cases = atOnce
	}
	for _, m := range []struct {
		in *Match
		to **matcher
	}{{in.When.Caller, &r.caller}, {in.When.Called, &r.called}} {
		if m.in == nil {
			continue
		}
		if *m.to = compileMatch(*m.in); *m.to == nil {
			r.broken = true
		}
	}
	return r
}

// matcher compares one number.
type matcher struct {
	kind    MatchKind
	value   string
	not     bool
	pattern *regexp.Regexp
}

// MaxPattern bounds a pattern, in bytes. RE2 is linear in the number, and numbers are short; the bound keeps its size down.
const MaxPattern = 200

// compileMatch is nil for a match that cannot be understood.
func compileMatch(m Match) *matcher {
	out := &matcher{kind: m.Kind, value: m.Value, not: m.Not}
	switch m.Kind {
	case MatchExact, MatchPrefix:
		if m.Value == "" {
			return nil
		}
	case MatchHidden:
	case MatchPattern:
		if m.Value == "" || len(m.Value) > MaxPattern {
			return nil
		}
		re, err := regexp.Compile("^(?:" + m.Value + ")$")
		if err != nil {
			return nil
		}
		out.pattern = re
	default:
		return nil
	}
	return out
}

func (m *matcher) holds(number string) bool {
	yes := false
	switch m.kind {
	case MatchExact:
		yes = number == m.value
	case MatchPrefix:
		yes = strings.HasPrefix(number, m.value)
	case MatchHidden:
		yes = number == ""
	case MatchPattern:
		yes = number != "" && m.pattern.MatchString(number)
	}
	return yes != m.not
}

// asked is what conditions are held against. It is fixed where the call enters (SPEC F1).
type asked struct {
	at     time.Time
	class  Class
	caller string // number shown to the system: an inside caller's own, though hidden from others
	userID string // of an inside caller
	called string // for system-wide rules
}

// holds says whether all conditions of the rule but its cases hold.
func (t *Table) holds(r *rule, q *asked) bool {
	switch {
	case r.broken:
		return false
	case r.class != "" && r.class != q.class:
		return false
	case r.caller != nil && !r.caller.holds(q.caller):
		return false
	case r.called != nil && !r.called.holds(q.called):
		return false
	case r.group != "" && (q.userID == "" || t.rights == nil || !t.rights.InGroup(r.group, q.userID)):
		return false
	}
	if r.calendar == "" {
		return true
	}
	c := t.calendars[r.calendar]
	return c != nil && (c.At(q.at) >= 0) != r.outside
}

// RunTests tries the tests that administrators have attached to rules and reports those that do not come out as expected. The path of a
// fault is that of the rule and the test: "extended[0].tests[1]", or "tests[1]" for a system-wide rule.
func (t *Table) RunTests(rules []Rule) Faults {
	var faults faultList
	set := compileRules(&ruleset{}, rules)
	for i, r := range set.rules {
		path := rules[i].Field + "."
		if rules[i].ID != "" { // a system-wide rule is saved alone
			path = ""
		}
		for k, test := range rules[i].Tests {
			if got := t.applies(r, &test); got != test.Applies {
				want, is := "to apply", "does not"
				if got {
					want, is = "not to apply", "does"
				}
				faults.add(path+"tests["+strconv.Itoa(k)+"]", FaultRuleTest, "the test expects the rule %s, but it %s", want, is)
			}
		}
	}
	return faults.list
}

func (t *Table) applies(r *rule, test *RuleTest) bool {
	q := asked{at: test.At, class: Outside, caller: test.From, called: test.Called}
	if n, ok := t.numbers.get(test.From); ok && n.user != nil {
		q.class, q.userID = Inside, n.user.id
	}
	return r.cases&bitOf(test.State) != 0 && t.holds(r, &q)
}

// active is the profile that is in force for a number at a time, why, and until when: a zero time means that it is not known to change.
func (n *number) active(at time.Time) (set *ruleset, c code) {
	s := n.schedule
	if s == nil {
		return n.chosen, cProfileChosen
	}
	if n.everChosen && at.Before(n.chosenUntil) {
		return n.chosen, cProfileChosenUntil
	}
	if i := s.calendar.At(at); i >= 0 && i < len(s.profiles) {
		return s.profiles[i], cProfileScheduled
	}
	return nil, cProfileScheduled
}

// schedule is a compiled Schedule.
type schedule struct {
	calendar *calendar.Calendar
	profiles []*ruleset
}

// never is later than any call.
var never = time.Unix(1<<40, 0)

// ActiveProfile says which profile is in force for a number at a time ("" for none), whether by schedule, and until when at least it
// stays so: zero when no change is to come.
func (t *Table) ActiveProfile(num string, at time.Time) (profileID string, scheduled bool, until time.Time) {
	n, ok := t.numbers.get(num)
	if !ok || n.user == nil {
		return "", false, time.Time{}
	}
	set, c := n.active(at)
	if set != nil {
		profileID = set.id
	}
	if n.schedule == nil {
		return profileID, false, time.Time{}
	}
	until, _ = n.schedule.calendar.Next(at)
	return profileID, c == cProfileScheduled, until
}
