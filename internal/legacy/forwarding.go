package legacy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// ringSeconds is how long a call rings before it counts as not answered where 4.5 does not say.
const ringSeconds = 20

// owner is the user of an account. For accounts of idle phones and such as do not exist it is nil; the latter are problems.
func (c *converter) owner(table, row, column string, account int64) *User {
	u := c.users[account]
	if u == nil && !c.idle[account] {
		c.problems.add(table, row, column, fmt.Sprintf("there is no account %d; the row was passed over", account))
	}
	return u
}

// numbersOfOthers enters into the number plan what is no user's, and keeps the numbers of fax lines.
func (c *converter) numbersOfOthers() {
	for _, h := range c.data.hunts {
		name := h.title
		if name == "" {
			name = h.number
		}
		if c.take("hunt_groups", key(h.id), "extension", h.number, "hunt group "+name, true) {
			c.out.Hunts = append(c.out.Hunts, directory.HuntGroup{ID: key(h.id), Name: name, Number: h.number})
		}
	}
	for _, f := range c.data.faxes {
		name := f.line()
		if c.take("fax_numbers", key(f.id), "extension", f.number, "fax line "+name, false) {
			c.out.Faxes = append(c.out.Faxes, directory.Number{Number: f.number, OwnerType: directory.OwnerFaxLine, OwnerID: name})
			if f.tsi != "" || f.headline != "" {
				c.out.FaxLines = append(c.out.FaxLines, FaxLine{Number: f.number, Name: name, TSI: f.tsi, Headline: f.headline})
			}
		}
	}
	for _, q := range c.data.queues {
		c.take("ast_queues", key(q.id), "name", q.number, "queue "+q.name, false)
	}
	for _, m := range c.data.menus {
		c.take("ivrs", key(m.id), "name", m.number, "voice menu "+m.name, false)
	}
	for _, r := range c.data.rooms {
		c.take("conferences", r.number, "ext", r.number, "conference room "+r.number, false)
	}
	c.hunts()
}

// strategies of hunt groups as 4.5 and the telephony core under it call them.
func strategy(old string) (directory.Strategy, bool) {
	switch strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(old)) {
	case "ringall", "all", "parallel", "":
		return directory.RingAll, true
	case "linear", "hunt", "sequential", "sequence", "ordered":
		return directory.Linear, true
	case "rrmemory", "roundrobin", "rrordered", "cyclic":
		return directory.RoundRobin, true
	}
	return directory.RingAll, false
}

func (c *converter) hunts() {
	known := map[int64]bool{}
	members := map[int64][]string{}
	for _, h := range c.data.hunts {
		known[h.id] = true
	}
	for _, m := range c.data.hunters {
		row := fmt.Sprintf("%d,%d", m.hunt, m.position)
		switch owner, there := c.numbers[m.number]; {
		case !known[m.hunt]:
			c.problems.add("hunt_group_members", row, "hunt_group_id", fmt.Sprintf("there is no hunt group %d", m.hunt))
		case !there || c.userOf(m.number) == nil:
			if !there {
				owner = "nobody"
			}
			c.problems.add("hunt_group_members", row, "extension", fmt.Sprintf("%s is the number of %s; members are numbers of users; left out", clip(m.number), owner))
		case slices.Contains(members[m.hunt], m.number):
			c.problems.add("hunt_group_members", row, "extension", m.number+" is a member twice; once is kept")
		case len(members[m.hunt]) == directory.MaxMembers:
			c.problems.add("hunt_group_members", row, "extension", fmt.Sprintf("is beyond %d members; left out", directory.MaxMembers))
		default:
			members[m.hunt] = append(members[m.hunt], m.number)
		}
	}
	names := map[string]bool{}
	for i := range c.out.Hunts {
		h := &c.out.Hunts[i]
		at := slices.IndexFunc(c.data.hunts, func(o hunt) bool { return key(o.id) == h.ID })
		var ok bool
		if h.Strategy, ok = strategy(c.data.hunts[at].strategy); !ok {
			c.problems.add("hunt_groups", h.ID, "strategy", clip(c.data.hunts[at].strategy)+" is not known; all members ring")
		}
		h.Seconds, h.Members = 60, members[c.data.hunts[at].id]
		if h.Strategy != directory.RingAll {
			h.MemberSeconds = ringSeconds
		}
		if names[strings.ToLower(h.Name)] {
			h.Name += " (" + h.Number + ")"
		}
		names[strings.ToLower(h.Name)] = true
		h.ID = ""
	}
}

// userOf is the user whose number it is.
func (c *converter) userOf(number string) *User {
	id, ok := c.names[c.numbers[number]]
	if !ok {
		return nil
	}
	if u := c.users[id]; u != nil && u.Number != nil && u.Number.Number == number {
		return u
	}
	return nil
}

// profileName is the name of the profile that holds what forwarding did; the second is of what was switched off and still had numbers.
func profileName(language string, off bool) string {
	switch {
	case language == "en" && off:
		return "Forwarding of 4.5 (was off)"
	case language == "en":
		return "Forwarding of 4.5"
	case off:
		return "Umleitung aus 4.5 (war aus)"
	}
	return "Umleitung aus 4.5"
}

// forwarding makes the profiles of the users. None of them is active.
func (c *converter) forwarding() {
	for _, n := range c.data.parallel {
		u := c.owner("cf_parallelcall", key(n.key), "_user_id", n.account)
		if u == nil {
			continue
		}
		number, problem := c.target(n.number)
		switch {
		case problem != "":
			c.problems.add("cf_parallelcall", key(n.key), "number", problem)
			c.stay(kindForward, u.Username, 1)
		case u.Number != nil && number == u.Number.Number, slices.Contains(u.parallel, number):
		case len(u.parallel) == directory.MaxParallel:
			c.problems.add("cf_parallelcall", key(n.key), "number", fmt.Sprintf("is beyond %d numbers that ring as well; left out", directory.MaxParallel))
			c.stay(kindForward, u.Username, 1)
		default:
			u.parallel = append(u.parallel, number)
		}
	}
	byUser := map[*User][]forward{}
	for _, f := range c.data.forwards {
		if u := c.owner("callforwards", forwardKey(f), "user_id", f.account); u != nil {
			byUser[u] = append(byUser[u], f)
		}
	}
	rules := map[*User][]timeRule{}
	for _, r := range c.data.timeRules {
		if u := c.owner("cf_timerules", key(r.id), "_user_id", r.account); u != nil {
			rules[u] = append(rules[u], r)
		}
	}
	for _, u := range c.out.Users {
		c.profiles(u, byUser[u], rules[u])
	}
}

func forwardKey(f forward) string { return fmt.Sprintf("%d,%s,%s", f.account, f.source, f.kase) }

func (c *converter) profiles(u *User, list []forward, rules []timeRule) {
	on := directory.Profile{Name: profileName(u.Language, false)}
	off := directory.Profile{Name: profileName(u.Language, true)}
	slices.SortFunc(list, func(a, b forward) int { return order(a) - order(b) })
	for _, f := range list {
		rule := directory.CaseRule{Case: caseOf(f.kase), Class: classOf(f.source)}
		if rule.Case == "" || rule.Class == "" {
			c.problems.add("callforwards", forwardKey(f), "case", "is no case or class of callers that is known; the rule was passed over")
			continue
		}
		if rule.Case == directory.NoAnswer {
			rule.After = ringTime(f.seconds)
		}
		switch f.active {
		case "trl":
			c.timed(u, &on, rule, rules)
		case "", "no":
			c.tabulate(u, &off, rule, f)
		default:
			c.tabulate(u, &on, rule, f)
		}
	}
	for _, p := range []directory.Profile{on, off} {
		if len(p.Table)+len(p.Extended) > 0 {
			p.Position = len(u.Profiles)
			u.Profiles = append(u.Profiles, p)
		}
	}
}

func ringTime(seconds int64) int {
	if seconds == 0 {
		return ringSeconds
	}
	return int(min(max(seconds, 5), 180))
}

// order is that of the table: by case, then by class.
func order(f forward) int {
	at := slices.Index([]string{"always", "busy", "unavail", "offline"}, f.kase) * 2
	if f.source == "external" {
		at++
	}
	return at
}

func caseOf(old string) directory.Case {
	return map[string]directory.Case{"always": directory.Always, "busy": directory.WhenBusy, "unavail": directory.NoAnswer, "offline": directory.NotRegistered}[old]
}

func classOf(old string) directory.Class {
	return map[string]directory.Class{"internal": directory.FromInside, "external": directory.FromOutside}[old]
}

// tabulate puts one rule into the table of a profile.
func (c *converter) tabulate(u *User, p *directory.Profile, rule directory.CaseRule, f forward) {
	column, number := "", ""
	switch f.active {
	case "std":
		column, number = "number_std", f.std
	case "var":
		column, number = "number_var", f.vary
	case "vml":
		rule.Action = directory.Action{Kind: directory.ToVoicemail}
	case "par":
		if len(u.parallel) == 0 {
			c.problems.add("callforwards", forwardKey(f), "active", "rings more numbers, and there are none; the rule was left out")
			c.stay(kindForward, u.Username, 1)
			return
		}
		rule.Action = directory.Action{Kind: directory.ToParallel, Numbers: slices.Clone(u.parallel)}
	case "", "no": // what it would do if it were switched on
		column, number = "number_std", f.std
		if number == "" {
			column, number = "number_var", f.vary
		}
		if number == "" {
			return
		}
	default:
		c.problems.add("callforwards", forwardKey(f), "active", clip(f.active)+" is not known; the rule was left out")
		c.stay(kindForward, u.Username, 1)
		return
	}
	if column != "" {
		action, problem := c.action(number)
		if problem != "" {
			c.problems.add("callforwards", forwardKey(f), column, problem)
			c.stay(kindForward, u.Username, 1)
			return
		}
		rule.Action = action
	}
	if slices.ContainsFunc(p.Table, func(r directory.CaseRule) bool { return r.Case == rule.Case && r.Class == rule.Class }) {
		c.problems.add("callforwards", forwardKey(f), "case", "is there twice; the first one is kept")
		return
	}
	p.Table = append(p.Table, rule)
}

// action is what forwards a call to a number, or to the voicemail where the number says so.
func (c *converter) action(number string) (directory.Action, string) {
	if strings.HasPrefix(strings.ToLower(number), "vm") {
		return directory.Action{Kind: directory.ToVoicemail}, ""
	}
	n, problem := c.target(number)
	return directory.Action{Kind: directory.ToNumber, Number: n}, problem
}

// target is a number that calls can go to, as 5 writes it.
func (c *converter) target(old string) (number, problem string) {
	n := dialled(old)
	owner, there := c.numbers[n]
	switch {
	case n == "":
		return "", "is empty; the rule was left out"
	case n == "110" || n == "112" || n == "0110" || n == "0112":
		return "", n + " is an emergency number, to which calls are not forwarded; the rule was left out"
	case there && !c.callable[n]:
		return "", fmt.Sprintf("%s is the number of %s, which cannot take calls in 5 yet; the rule was left out", n, owner)
	case there:
		return n, ""
	case strings.HasPrefix(n, "+"):
		if e := international(n, ""); e != "" {
			return e, ""
		}
		return "", clip(old) + " is no number; the rule was left out"
	case !directory.ValidNumber(n):
		return "", clip(old) + " is no number; the rule was left out"
	case n[0] == '0':
		return n, ""
	}
	return "", fmt.Sprintf("there is no number %s; the rule was left out", n)
}

// timed adds rules that hold at times, each with a calendar.
func (c *converter) timed(u *User, p *directory.Profile, rule directory.CaseRule, rules []timeRule) {
	for _, r := range rules {
		action, problem := c.action(r.target)
		if problem != "" {
			c.problems.add("cf_timerules", key(r.id), "target", problem)
			c.stay(kindForward, u.Username, 1)
			continue
		}
		name, problem := c.calendarOf(r)
		if problem != "" {
			c.problems.add("cf_timerules", key(r.id), "h_from", problem)
			c.stay(kindForward, u.Username, 1)
			continue
		}
		when := directory.Conditions{Class: rule.Class, Calendar: name, After: rule.After}
		if rule.Case != directory.Always {
			when.States = []directory.Case{rule.Case}
		}
		if len(p.Extended) == directory.MaxRules {
			c.problems.add("cf_timerules", key(r.id), "id", fmt.Sprintf("is beyond %d rules; left out", directory.MaxRules))
			c.stay(kindForward, u.Username, 1)
			continue
		}
		p.Extended = append(p.Extended, directory.ExtendedRule{When: when, Action: action})
	}
	if len(rules) == 0 {
		c.problems.add("callforwards", fmt.Sprintf("%d,%s", u.Account, rule.Class), "active", "goes by times, and there are none; the rule was left out")
		c.stay(kindForward, u.Username, 1)
	}
}

// calendarOf is the name of the calendar of a time rule. Rules of the same times share one.
func (c *converter) calendarOf(r timeRule) (name, problem string) {
	spec, name, overnight := times(r, c.opt.Zone)
	if len(spec.Entries) == 0 {
		return "", "the rule never holds: it has no day, or no time; left out"
	}
	if overnight {
		c.problems.add("cf_timerules", key(r.id), "h_to", "lies before h_from; understood as until the next morning")
	}
	if _, there := c.calendar[name]; !there {
		if len(c.calendar) == directory.MaxCalendars {
			return "", fmt.Sprintf("its times would be the calendar after the %dth; the rule was left out", directory.MaxCalendars)
		}
		c.calendar[name] = name
		c.out.Calendars = append(c.out.Calendars, directory.Calendar{Name: name, Spec: spec})
	}
	return name, ""
}

// times are the times of a rule as a calendar, with a name that says them.
func times(r timeRule, zone string) (spec calendar.Spec, name string, overnight bool) {
	spec.Zone = zone
	var days, next []time.Weekday
	var shown []string
	for _, d := range []time.Weekday{1, 2, 3, 4, 5, 6, 0} {
		if r.days[d] {
			days, next = append(days, d), append(next, (d+1)%7)
			shown = append(shown, []string{"So", "Mo", "Di", "Mi", "Do", "Fr", "Sa"}[d])
		}
	}
	from, to := calendar.Minute(r.from), calendar.Minute(r.to)
	name = fmt.Sprintf("4.5: %s %02d:%02d-%02d:%02d", strings.Join(shown, " "), from/60, from%60, to/60, to%60)
	whole := from == 0 && (to == 0 || to == 1440)
	switch {
	case len(days) == 0 || from == to && !whole || from == 1440:
	case whole:
		spec.Entries = []calendar.Entry{{Days: calendar.DaysOf(days...)}}
	case to == 0:
		spec.Entries = []calendar.Entry{{Days: calendar.DaysOf(days...), From: from, To: 1440}}
	case to < from:
		overnight = true
		spec.Entries = []calendar.Entry{{Days: calendar.DaysOf(days...), From: from, To: 1440}, {Days: calendar.DaysOf(next...), To: to}}
	default:
		spec.Entries = []calendar.Entry{{Days: calendar.DaysOf(days...), From: from, To: to}}
	}
	return spec, name, overnight
}

// blocking makes the numbers that a user must not dial.
func (c *converter) blocking() {
	for _, b := range c.data.blocks {
		u := c.owner("callblocking", key(b.id), "user_id", b.account)
		if u == nil {
			continue
		}
		m, problem := match(b.pattern)
		switch {
		case b.pattern == "":
			c.problems.add("callblocking", key(b.id), "regexp", "is empty, and blocks nothing; left out")
			continue
		case problem != "":
			c.problems.add("callblocking", key(b.id), "regexp", fmt.Sprintf("%s: %s. These numbers are not blocked for %s until the pattern is written anew", clip(b.pattern), problem, u.Username))
			c.stay("call_blocks", u.Username, 1)
			continue
		case len(u.Blocks) == directory.MaxBlocks:
			c.problems.add("callblocking", key(b.id), "regexp", fmt.Sprintf("is beyond %d; left out", directory.MaxBlocks))
			c.stay("call_blocks", u.Username, 1)
			continue
		}
		u.Blocks = append(u.Blocks, directory.Block{Match: m, WithPIN: b.pin != ""})
		if b.pin != "" {
			c.stay(kindBlockPIN, u.Username, 1)
		}
	}
}

// patterns reports rules whose patterns 5 understands differently.
func (c *converter) patterns() {
	for _, p := range c.data.patterns {
		if problem := directory.PatternProblem(p.text); problem != "" {
			c.problems.add(p.table, p.key, p.column, fmt.Sprintf("%s: %s. To be written anew when the rule is entered", clip(p.text), problem))
		}
	}
}
