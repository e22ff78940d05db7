package directory

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// Limits of what belongs to forwarding.
const (
	MaxProfiles = 50  // of one user
	MaxRules    = 100 // extended rules of a profile
	MaxSystem   = 500 // system-wide rules
	MaxParallel = 10  // numbers that ring as well
	MaxTests    = 20  // of one rule
	MaxMembers  = 100 // of a hunt group
	MaxPattern  = 200 // bytes, as in routing
	MaxBlocks   = 100 // of one user
	MaxShown    = 50  // numbers in a list of shown ones
	MaxPickup   = 200 // users of a pickup group

	MaxCalendars    = 500 // of these there are no more in the whole system
	MaxHuntGroups   = 2000
	MaxPickupGroups = 2000
	MaxGrants       = 5000
)

// checker gathers the problems of one object; what it checks may refer to the rest of the configuration.
type checker struct {
	faults
	snap    *Snapshot
	missing bool // calls may be sent to numbers that are not there
}

// Check reports every wrong field of a profile as *InvalidError values joined by errors.Join, nil when all are right. It looks
// up in s what the rules refer to: numbers that exist, calendars, groups.
func (p *Profile) Check(s *Snapshot) error { return p.check(checker{snap: s}) }

// CheckAdopted is Check for a profile that comes from elsewhere: it may send calls to numbers that are not here, or not yet. Calls pass over them, as
// they do when a number is removed.
func (p *Profile) CheckAdopted(s *Snapshot) error { return p.check(checker{snap: s, missing: true}) }

func (p *Profile) check(c checker) error {
	s := c.snap
	if p.Name == "" {
		c.add("name", "is missing")
	}
	c.text("name", p.Name, MaxName)
	for _, id := range s.ProfilesOf[p.UserID] {
		if other := s.Profiles[id]; other != nil && other.ID != p.ID && strings.EqualFold(other.Name, p.Name) {
			c.add("name", "is the name of another profile of this user")
		}
	}
	c.table("table", p.Table, true)
	if len(p.Extended) > MaxRules {
		c.add("extended", "has more than %d rules", MaxRules)
		return errors.Join(c.faults...)
	}
	for i := range p.Extended {
		r := &p.Extended[i]
		path := fmt.Sprintf("extended[%d]", i)
		c.text(path+".name", r.Name, MaxName)
		c.conditions(path+".when", &r.When, false)
		c.action(path+".action", &r.Action, len(r.When.States) == 0)
		c.tests(path, r.Tests, &r.When)
		if r.When.empty() && r.Action.Kind != Allow {
			c.add(path+".when", `has no condition, so the rule would take every call; for that use the table with the case "always"`)
		}
	}
	return errors.Join(c.faults...)
}

// Check is to SystemRule what Profile.Check is to Profile.
func (r *SystemRule) Check(s *Snapshot) error { return r.check(checker{snap: s}) }

// CheckAdopted is to SystemRule what Profile.CheckAdopted is to Profile.
func (r *SystemRule) CheckAdopted(s *Snapshot) error { return r.check(checker{snap: s, missing: true}) }

func (r *SystemRule) check(c checker) error {
	if r.Name == "" {
		c.add("name", "is missing")
	}
	c.text("name", r.Name, MaxName)
	c.conditions("when", &r.When, true)
	c.action("action", &r.Action, true)
	if r.Action.Kind == ToParallel {
		c.add("action.kind", "cannot be parallel in a system-wide rule; add the numbers to a profile or a hunt group")
	}
	c.tests("", r.Tests, &r.When)
	if r.When.everything() && r.Action.Kind != Allow {
		c.add("when", "holds for every call to every number; name the called numbers, a class of callers or a calendar")
	}
	return errors.Join(c.faults...)
}

// Check is to HuntGroup what Profile.Check is to Profile.
func (h *HuntGroup) Check(s *Snapshot) error { return h.check(checker{snap: s}) }

// CheckAdopted is to HuntGroup what Profile.CheckAdopted is to Profile; members must be there.
func (h *HuntGroup) CheckAdopted(s *Snapshot) error { return h.check(checker{snap: s, missing: true}) }

func (h *HuntGroup) check(c checker) error {
	s := c.snap
	if h.Name == "" {
		c.add("name", "is missing")
	}
	c.text("name", h.Name, MaxName)
	if !ValidNumber(h.Number) {
		c.add("number", "must be 1 to 15 digits")
	}
	switch h.Strategy {
	case RingAll, Linear, RoundRobin:
	default:
		c.add("strategy", "must be ring_all, linear or round_robin")
	}
	if (h.Strategy != RingAll || h.MemberSeconds != 0) && (h.MemberSeconds < 5 || h.MemberSeconds > 180) {
		c.add("member_seconds", "must be 5 to 180")
	}
	if h.Seconds < 5 || h.Seconds > 600 {
		c.add("seconds", "must be 5 to 600")
	}
	if len(h.Members) > MaxMembers {
		c.add("members", "are more than %d", MaxMembers)
	}
	for i, m := range h.Members[:min(len(h.Members), MaxMembers)] {
		path := fmt.Sprintf("members[%d]", i)
		switch n := s.Numbers[m]; {
		case n == nil:
			c.add(path, "there is no number %s", m)
		case n.OwnerType != OwnerUser:
			c.add(path, "%s belongs to %s; members are numbers of users", m, s.OwnerName(n))
		case slices.Contains(h.Members[:i], m):
			c.add(path, "%s is a member already", m)
		}
	}
	c.table("overflow", h.Overflow, false)
	return errors.Join(c.faults...)
}

// Check is to PickupGroup what Profile.Check is to Profile.
func (g *PickupGroup) Check(s *Snapshot) error {
	c := checker{snap: s}
	if g.Name == "" {
		c.add("name", "is missing")
	}
	c.text("name", g.Name, MaxName)
	if len(g.Users) > MaxPickup {
		c.add("users", "are more than %d", MaxPickup)
		return errors.Join(c.faults...)
	}
	for i, id := range g.Users {
		switch {
		case s.Users[id] == nil:
			c.add(fmt.Sprintf("users[%d]", i), "there is no such user")
		case slices.Contains(g.Users[:i], id):
			c.add(fmt.Sprintf("users[%d]", i), "is in the group already")
		}
	}
	return errors.Join(c.faults...)
}

// Check is to Calendar what Profile.Check is to Profile.
func (k *Calendar) Check(*Snapshot) error {
	var f faults
	if k.Name == "" {
		f.add("name", "is missing")
	}
	f.text("name", k.Name, MaxName)
	for _, p := range k.Spec.Check() {
		f.add(p.Field, "%s", p.Message)
	}
	return errors.Join(f...)
}

// CheckForwarding reports what is wrong with the profile and the schedule of a number.
func (n *Number) CheckForwarding(s *Snapshot) error {
	var f faults
	if n.OwnerType != OwnerUser {
		if n.ProfileID != "" {
			f.add("forwarding_profile", "belongs to numbers of users")
		}
		if n.Schedule != nil {
			f.add("schedule", "belongs to numbers of users")
		}
		return errors.Join(f...)
	}
	own := func(id string) bool { p := s.Profiles[id]; return id == "" || p != nil && p.UserID == n.OwnerID }
	if !own(n.ProfileID) {
		f.add("forwarding_profile", "the owner has no such profile")
	}
	if n.Schedule != nil {
		for _, p := range n.Schedule.Calendar.Check() {
			f.add("schedule.calendar."+p.Field, "%s", p.Message)
		}
		if len(n.Schedule.Profiles) != len(n.Schedule.Calendar.Entries) {
			f.add("schedule.profiles", "must name a profile, or none, for each entry")
		}
		for i, id := range n.Schedule.Profiles {
			if !own(id) {
				f.add(fmt.Sprintf("schedule.profiles[%d]", i), "the owner has no such profile")
			}
		}
	}
	return errors.Join(f...)
}

// maxTable is the count of the cases times that of the classes.
const maxTable = 8

// table checks the rules of a profile's table or of a hunt group's overflow.
func (c *checker) table(path string, rules []CaseRule, ofProfile bool) {
	if len(rules) > maxTable {
		c.add(path, "has more than %d rules", maxTable)
		return
	}
	seen := map[[2]string]bool{}
	for i := range rules {
		r := &rules[i]
		at := fmt.Sprintf("%s[%d]", path, i)
		switch r.Case {
		case Always, WhenBusy, NoAnswer, NotRegistered:
		default:
			c.add(at+".case", "must be always, busy, no_answer or not_registered")
		}
		if r.Class != FromInside && r.Class != FromOutside {
			c.add(at+".class", "must be inside or outside")
		}
		key := [2]string{string(r.Case), string(r.Class)}
		if seen[key] {
			c.add(at, "there is a rule for this case and class already")
		}
		seen[key] = true
		if ofProfile {
			c.after(at+".after", r.After, r.Case == NoAnswer)
		}
		if r.Action.Kind == Allow {
			c.add(at+".action.kind", "must be number, parallel, voicemail, announcement or reject")
			continue
		}
		c.action(at+".action", &r.Action, r.Case == Always)
	}
}

func (c *checker) after(path string, seconds int, noAnswer bool) {
	switch {
	case noAnswer && (seconds < 5 || seconds > 180):
		c.add(path, "must be 5 to 180 seconds")
	case !noAnswer && seconds != 0:
		c.add(path, "belongs to the case no_answer alone")
	}
}

func (c *checker) action(path string, a *Action, atOnce bool) {
	switch a.Kind {
	case ToNumber:
		c.target(path+".number", a.Number)
	case ToParallel:
		if len(a.Numbers) == 0 || len(a.Numbers) > MaxParallel {
			c.add(path+".numbers", "must be 1 to %d numbers", MaxParallel)
		}
		for i, n := range a.Numbers[:min(len(a.Numbers), MaxParallel)] {
			c.target(fmt.Sprintf("%s.numbers[%d]", path, i), n)
		}
	case ToVoicemail, ToAnnouncement:
		c.text(path+".id", a.ID, 64)
		if a.Kind == ToAnnouncement && a.ID == "" {
			c.add(path+".id", "is missing")
		}
	case Reject:
	case Allow:
		if !atOnce {
			c.add(path+".kind", "can be allow only in rules that apply at once")
		}
	default:
		c.add(path+".kind", "must be number, parallel, voicemail, announcement, reject or allow")
	}
	if a.Kind != ToNumber && a.Number != "" {
		c.add(path+".number", "belongs to the kind number")
	}
	if a.Kind != ToParallel && len(a.Numbers) > 0 {
		c.add(path+".numbers", "belongs to the kind parallel")
	}
	if a.Kind != ToVoicemail && a.Kind != ToAnnouncement && a.ID != "" {
		c.add(path+".id", "belongs to the kinds voicemail and announcement")
	}
}

// target checks a number that calls are to go to.
func (c *checker) target(path, number string) {
	switch {
	case number == "110" || number == "112" || number == "0110" || number == "0112":
		c.add(path, "is an emergency number; calls are not forwarded there")
	case e164Pattern.MatchString(number):
	case !ValidNumber(number):
		c.add(path, "must be an inside number of 1 to 15 digits, or an outside one that begins with + and the country code")
	default:
		n := c.snap.Numbers[number]
		if n == nil && number[0] != '0' && !c.missing {
			c.add(path, "there is no number %s; a number outside begins with + and the country code", number)
		}
		if n != nil && n.OwnerType != OwnerUser && n.OwnerType != OwnerHuntGroup {
			c.add(path, "%s belongs to %s, which cannot take calls yet", number, c.snap.OwnerName(n))
		}
	}
}

func (c *checker) conditions(path string, w *Conditions, system bool) {
	switch w.Class {
	case "", FromInside, FromOutside:
	default:
		c.add(path+".class", "must be inside, outside or empty")
	}
	if w.Caller != nil {
		c.match(path+".caller", w.Caller)
	}
	switch {
	case w.Called != nil && !system:
		c.add(path+".called", "belongs to system-wide rules")
	case w.Called != nil:
		c.match(path+".called", w.Called)
	}
	if w.Group != "" {
		switch g := c.snap.Groups[w.Group]; {
		case g == nil:
			c.add(path+".group", "there is no group %s", clipped(w.Group))
		case g.Type != GroupUser:
			c.add(path+".group", "%s is a group of type %s; callers are users", g.Name, g.Type)
		}
	}
	if w.Calendar != "" && c.snap.Calendars[w.Calendar] == nil {
		c.add(path+".calendar", "there is no such calendar")
	}
	if w.Outside && w.Calendar == "" {
		c.add(path+".outside_calendar", "needs a calendar")
	}
	if system && len(w.States) > 0 {
		c.add(path+".states", "belong to profiles; system-wide rules apply at once")
	}
	noAnswer := false
	if len(w.States) > 3 {
		c.add(path+".states", "are more than 3")
		return
	}
	for i, s := range w.States {
		switch s {
		case WhenBusy, NotRegistered:
		case NoAnswer:
			noAnswer = true
		default:
			c.add(fmt.Sprintf("%s.states[%d]", path, i), "must be busy, no_answer or not_registered")
		}
	}
	c.after(path+".after", w.After, noAnswer)
}

// match checks a comparison of numbers. A pattern that RE2 lacks, such as the lookahead or the backreference of PCRE, is reported with its
// place.
func (c *checker) match(path string, m *Match) {
	c.text(path+".value", m.Value, MaxPattern)
	switch m.Kind {
	case MatchExact, MatchPrefix:
		if m.Value == "" || strings.Trim(strings.TrimPrefix(m.Value, "+"), "0123456789*#") != "" {
			c.add(path+".value", "must be a number, or how one begins")
		}
	case MatchHidden:
		if m.Value != "" {
			c.add(path+".value", "must be empty: there is no number to compare")
		}
	case MatchPattern:
		if m.Value == "" {
			c.add(path+".value", "is missing")
			return
		}
		if problem := PatternProblem(m.Value); problem != "" {
			c.add(path+".value", "%s", problem)
		}
	default:
		c.add(path+".kind", "must be exact, prefix, pattern or hidden")
	}
}

// PatternProblem says what is wrong with a pattern, and where, "" when it can be used. Patterns are those of RE2.
func PatternProblem(pattern string) string {
	if len(pattern) > MaxPattern {
		return fmt.Sprintf("is longer than %d bytes", MaxPattern)
	}
	// Alone, as "a)|(?:b" would be right in brackets and no longer bound to the whole number.
	_, err := regexp.Compile(pattern)
	if err == nil {
		_, err = regexp.Compile(`\A(?:` + pattern + `)\z`)
	}
	var wrong *syntax.Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &wrong):
		return err.Error()
	}
	at := strings.Index(pattern, wrong.Expr)
	what := strings.TrimSpace(string(wrong.Code))
	switch {
	case strings.HasPrefix(wrong.Expr, "(?"):
		what = "lookahead, lookbehind and conditions are not supported"
	case wrong.Code == syntax.ErrInvalidEscape:
		what = "backreferences and this escape are not supported"
	}
	if at < 0 {
		return what
	}
	return fmt.Sprintf("%s, at character %d: %s", what, len([]rune(pattern[:at]))+1, wrong.Expr)
}

func (c *checker) tests(path string, tests []RuleTest, w *Conditions) {
	if path != "" {
		path += "."
	}
	if len(tests) > MaxTests {
		c.add(path+"tests", "are more than %d", MaxTests)
		return
	}
	for i := range tests {
		t := &tests[i]
		at := fmt.Sprintf("%stests[%d]", path, i)
		c.text(at+".from", t.From, 64)
		c.text(at+".called", t.Called, 64)
		switch t.State {
		case "", Always, WhenBusy, NoAnswer, NotRegistered:
		default:
			c.add(at+".state", "must be busy, no_answer, not_registered or empty")
		}
		if w.Calendar != "" && t.At.IsZero() {
			c.add(at+".at", "is needed, since the rule names a calendar")
		}
	}
}

// empty reports whether nothing is asked.
func (w *Conditions) empty() bool {
	return w.Class == "" && w.Caller == nil && w.Called == nil && w.Group == "" && len(w.States) == 0 && w.Calendar == ""
}

// everything reports whether a system-wide rule holds for all calls: it asks nothing, or its only condition is a pattern of the called
// number that all numbers match.
func (w *Conditions) everything() bool {
	rest := *w
	rest.Called = nil
	if !rest.empty() || w.Called == nil {
		return rest.empty()
	}
	if w.Called.Kind != MatchPattern || w.Called.Not {
		return false
	}
	re, err := regexp.Compile("^(?:" + w.Called.Value + ")$")
	if err != nil {
		return false
	}
	return !slices.ContainsFunc([]string{"1", "20", "416", "0611", "004912345", "+4966112345", "999999999999999"}, func(n string) bool {
		return !re.MatchString(n)
	})
}

func clipped(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}
