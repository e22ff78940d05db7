package routing

import (
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"
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
	switch in.Do.Kind {
	case Forward, Parallel, Voicemail, Announcement, Reject, Allow:
	default:
		r.broken = true
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
		// Alone first: "a)|(?:b" would be right inside the brackets, and no longer bound to the whole number.
		if _, err := syntax.Parse(m.Value, syntax.Perl); err != nil {
			return nil
		}
		re, err := regexp.Compile(`\A(?:` + m.Value + `)\z`)
		if err != nil {
			return nil
		}
		out.pattern = re
	default:
		return nil
	}
	return out
}

func (m *matcher) holds(number string) bool { return m.matches(number) != m.not }

// holdsEither is holds for a number that has two forms: as dialled and international.
func (m *matcher) holdsEither(number, other string) bool {
	return (m.matches(number) || other != number && m.matches(other)) != m.not
}

func (m *matcher) matches(number string) bool {
	switch m.kind {
	case MatchExact:
		return number == m.value
	case MatchPrefix:
		return strings.HasPrefix(number, m.value)
	case MatchHidden:
		return number == ""
	case MatchPattern:
		return number != "" && m.pattern.MatchString(number)
	}
	return false
}

// asked is what conditions are held against. It is fixed where the call enters (SPEC F1).
type asked struct {
	at     time.Time
	class  Class
	caller string // number shown to the system: an inside caller's own, though hidden from others
	userID string // of an inside caller
	called string // for system-wide rules
	alias  string // called in international form, or the same
	// diverted counts the hops that the call had behind it when it came.
	diverted int
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
	case r.called != nil && !r.called.holdsEither(q.called, q.alias):
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
	q := asked{at: test.At, class: Outside, caller: asNumber(test.From), called: asNumber(test.Called)}
	q.alias = t.international(q.called)
	if n, ok := t.numbers.get(q.caller); ok && n.user != nil {
		q.class, q.userID = Inside, n.user.id
	}
	return r.cases&bitOf(test.State) != 0 && t.holds(r, &q)
}

// asNumber is what people type as a number, else the text itself.
func asNumber(text string) string {
	if n, ok := Dialled(text); ok {
		return n
	}
	return text
}
