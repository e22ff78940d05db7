package routing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rounds is how many random companies a property is tried on.
func rounds(full int) int {
	if testing.Short() {
		return full / 10
	}
	return full
}

// mostAnswers bounds what one call can come to: eleven numbers, each of which rings and rings others as well, or a hunt group whose four members have a
// turn in each of the thirteen rounds of at least five seconds that fit into a minute.
const mostAnswers = (MaxHops + 1) * 4 * 13

// TestPlansHold goes through random calls to random companies, from the first plan to the last, and holds every plan to what must be true of it.
func TestPlansHold(t *testing.T) {
	r := rig{rand.New(rand.NewPCG(61, 12))}
	seen := map[string]int{}
	outcomes := map[Outcome]int{}
	for range rounds(2500) {
		m := model{r.company()}
		table := mustCompile(t, m.Config)
		for range 40 {
			q := r.call()
			live := moment(r.Uint64())
			p := table.Decide(q, live)
			now := q.At
			for n := 0; ; n++ {
				if n > mostAnswers {
					t.Fatalf("%+v: the call does not end", q)
				}
				if wrong := m.wrong(&q, &p, live); wrong != "" {
					t.Fatalf("%+v\n%s\nplan %+v\n%s", q, wrong, p, told(p))
				}
				outcomes[p.Outcome]++
				for _, reason := range p.Explain() {
					seen[reason.Code]++
				}
				now = now.Add(time.Duration(r.IntN(15)) * time.Second)
				live = moment(r.Uint64())
				next, more := p.Next(Case(r.pick("busy", "no_answer", "no_answer", "not_registered")), now, live)
				if !more {
					break
				}
				if next.CallerNumber != p.CallerNumber || next.Shown != p.Shown {
					t.Fatalf("%+v: the caller is shown in another way after a while: %+v, then %+v", q, p, next)
				}
				p = next
			}
		}
	}
	if testing.Short() {
		return
	}
	for c := cNone + 1; c < codes; c++ {
		if seen[c.words().name] == 0 {
			t.Errorf("the step %s never came up", c.words().name)
		}
	}
	for _, o := range []Outcome{Ring, NoSuchNumber, Busy, NotRegistered, Forbidden, NoRoute, Unsupported, Declined, Unanswered, Looped, TooManyHops, AskPIN, Command} {
		if outcomes[o] == 0 {
			t.Errorf("outcome %s never came up", o)
		}
	}
}

func told(p Plan) string {
	var b strings.Builder
	for _, r := range p.Explain() {
		fmt.Fprintf(&b, "  %s: %s\n", r.Code, r.En)
	}
	return b.String()
}

// wrong says what does not hold for a plan.
func (m model) wrong(q *Request, p *Plan, live Live) string {
	if (len(p.Targets) > 0) != (p.Outcome == Ring) || (p.Command != nil && !p.Command.Refused) != (p.Outcome == Command || p.Outcome == AskPIN) {
		return "the outcome does not fit"
	}
	for i := range p.Targets {
		t := &p.Targets[i]
		wrong := m.wrongOutside(q, p, t)
		if t.SlotID != "" {
			wrong = m.wrongSlot(q, t, live)
		}
		if wrong != "" {
			return fmt.Sprintf("target %+v: %s", *t, wrong)
		}
	}
	if wrong := m.wrongHops(q, p); wrong != "" {
		return wrong
	}
	return m.wrongWords(q, p)
}

// wrongSlot: no plan rings a slot that is not ticked for the number over which it rings, nor the caller's, nor one whose settings or state forbid it;
// the ring sound is that of the class at which the call entered.
func (m model) wrongSlot(q *Request, t *Target, live Live) string {
	u, s := m.slot(t.SlotID)
	owner, n := m.number(t.Number)
	switch {
	case s == nil || n == nil || owner != u || t.UserID != u.ID || t.Type != s.Type:
		return "no such slot or number, or of different users"
	case !slices.Contains(n.Ticked, s.ID):
		return "not ticked"
	case q.Caller.Class == Inside && q.Caller.SlotID == s.ID:
		return "it is the caller"
	case s.DND || u.DND:
		return "do not disturb"
	case live.SlotCalls(s.ID) > 0 && !n.CallWaiting:
		return "in a call, and call waiting is off"
	case n.BusyOnAny && live.NumberCalls(n.Number) > 0 || n.MaxCalls > 0 && live.NumberCalls(n.Number) >= n.MaxCalls:
		return "the number is busy"
	case s.Type == slotMobile && (!m.Settings.Outside || s.Mobile == "" || t.Outside != s.Mobile):
		return "a mobile slot that cannot be reached"
	case s.Type != slotMobile && (!live.Registered(s.ID) || t.Outside != ""):
		return "not registered, or outside"
	case q.Caller.Class == Inside && t.Alert != n.RingInside || q.Caller.Class != Inside && t.Alert != n.RingOutside:
		return "the ring sound of the other class"
	}
	return ""
}

// wrongOutside: an outside caller reaches outside only over a number of ours; the owner of that number, or the caller, may dial what is dialled.
func (m model) wrongOutside(q *Request, p *Plan, t *Target) string {
	if t.SlotID != "" {
		return ""
	}
	if !m.Settings.Outside || t.Outside == "" {
		return "there is no way outside"
	}
	if t.Emergency {
		if q.Caller.Class != Inside || t.Outside != "110" && t.Outside != "112" {
			return "no emergency call"
		}
		return ""
	}
	if emergency(t.Outside) {
		return "an emergency call that does not say so"
	}
	if q.Caller.Class != Inside && !m.ours(t.Number) {
		return "from outside to outside"
	}
	by, _ := m.number(t.Number)
	if len(p.Hops) <= len(q.Diverted) {
		if u, _ := m.slot(q.Caller.SlotID); t.Number == "" {
			by = u
		}
	}
	system := len(p.Hops) > 0 && p.Hops[len(p.Hops)-1].Why == BySystem
	if by == nil || system {
		return ""
	}
	for _, b := range by.Blocks {
		if b.WithPIN && q.PIN && len(p.Hops) <= len(q.Diverted) && t.Number == "" {
			continue // the caller has keyed in his PIN for this very number
		}
		if x := compileMatch(b.Match); x != nil && x.holds(t.Outside) && !b.Not {
			return "its owner may not dial it: " + fmt.Sprint(b)
		}
	}
	return ""
}

// wrongHops: at most ten forwards, each from where the one before led, none from the same number twice, none by a number that owns none.
func (m model) wrongHops(q *Request, p *Plan) string {
	if len(p.Hops) > MaxHops {
		return "too many hops"
	}
	came := min(len(q.Diverted), len(p.Hops), MaxHops)
	from := map[string]bool{}
	for i, h := range p.Hops {
		if i > 0 && p.Hops[i-1].To != h.From {
			return fmt.Sprintf("hop %d does not begin where the one before ends", i)
		}
		if i < came {
			continue
		}
		if from[h.From] || h.From == h.To {
			return h.From + " forwards twice"
		}
		from[h.From] = true
		if u, _ := m.number(h.From); h.Why != BySystem && (u == nil) != (h.UserID == "") || u != nil && h.UserID != "" && h.UserID != u.ID {
			return fmt.Sprintf("hop %d is of the wrong user", i)
		}
	}
	return ""
}

// wrongWords: the explanation and the plan say the same. What rings is told, in order, and nothing else; every hop is told with its rule; each slot of each
// number that the call came to has a reason, and every setting that a reason points to exists.
func (m model) wrongWords(q *Request, p *Plan) string {
	reasons := p.Explain()
	if read, err := ReadTrace(p.Trace()); err != nil || !cmp.Equal(read, reasons) {
		return fmt.Sprintf("the stored trace tells something else (%v): %s", err, cmp.Diff(reasons, read))
	}
	var rings, want []string
	forwards := 0
	for i := range reasons {
		r := &reasons[i]
		if r.De == "" || r.En == "" || strings.ContainsAny(r.De+r.En, "{}\x00") {
			return fmt.Sprintf("words are missing: %+v", *r)
		}
		if r.Setting != nil && !m.has(r.Setting) {
			return fmt.Sprintf("%s points to a setting that does not exist: %+v", r.Code, *r.Setting)
		}
		if wrong := m.wrongRule(q, r); wrong != "" {
			return wrong
		}
		switch r.Code {
		case "rule_forward", "system_forward":
			forwards++
			rings = nil
		case "after_busy", "after_no_answer", "after_not_registered":
			rings = nil
		case "slot_rings", "slot_rings_waiting", "slot_mobile_rings":
			rings = append(rings, r.SlotID+" over "+r.Number)
		case "outside_rings", "emergency":
			rings = append(rings, "outside")
		}
	}
	for i := range p.Targets {
		if t := &p.Targets[i]; t.SlotID != "" {
			want = append(want, t.SlotID+" over "+t.Number)
		} else {
			want = append(want, "outside")
		}
	}
	if !slices.Equal(rings, want) {
		return fmt.Sprintf("%v are told to ring, and ring do %v", rings, want)
	}
	if made := max(0, len(p.Hops)-len(q.Diverted)); forwards != made {
		return fmt.Sprintf("%d forwards are told, and there are %d", forwards, made)
	}
	return m.untold(q, p, reasons)
}

// wrongRule: a rule is carried out only for callers of its class, which is that at entry however far the call has come since.
func (m model) wrongRule(q *Request, r *Reason) string {
	if r.Setting == nil {
		return ""
	}
	class := q.Caller.Class
	if class != Inside {
		class = Outside
	}
	if rule := m.rule(r.Setting); rule != nil && rule.When.Class != "" && rule.When.Class != class {
		return fmt.Sprintf("%s is of class %s", r.Code, rule.When.Class)
	}
	return ""
}

// untold is the first slot of a number that the call came to of which the reasons do not tell why it rings or not.
func (m model) untold(q *Request, p *Plan, reasons []Reason) string {
	numbers := []string{p.Number}
	for _, h := range p.Hops[min(len(q.Diverted), len(p.Hops), MaxHops):] {
		numbers = append(numbers, h.From)
	}
	for _, num := range numbers {
		u, _ := m.number(num)
		if u == nil {
			continue
		}
		for _, s := range u.Slots {
			if !slices.ContainsFunc(reasons, func(r Reason) bool {
				return r.SlotID == s.ID && r.Number == num && (strings.HasPrefix(r.Code, "slot_") || r.Code == "mobile_no_trunk")
			}) {
				return "nothing is told of slot " + s.ID + " for " + num
			}
		}
	}
	return ""
}

// has says whether a setting exists.
func (m model) has(s *Setting) bool {
	switch s.Type {
	case "number":
		u, _ := m.number(s.ID)
		return u != nil && slices.Contains([]string{"call_waiting", "busy_on_any", "max_calls", "forwarding_profile", "schedule"}, s.Field)
	case "slot":
		u, _ := m.slot(s.ID)
		return u != nil && slices.Contains([]string{"dnd", "default_number", "mobile_number"}, s.Field)
	case "user":
		return slices.ContainsFunc(m.Users, func(u User) bool { return u.Username == s.ID }) &&
			slices.Contains([]string{"dnd", "shown_numbers_inside", "shown_numbers_outside", "hide_number_inside", "hide_number_outside", "call_blocking", "pin"}, s.Field)
	case "group":
		return m.gives(s)
	case "matrix":
		byNumber, _ := m.number(s.Field)
		bySlot, _ := m.slot(s.Field)
		return byNumber != nil && byNumber.Username == s.ID || bySlot != nil && bySlot.Username == s.ID
	case "profile", "forwarding_rule":
		return m.rule(s) != nil
	case "hunt_group":
		return s.Field == "members" && slices.ContainsFunc(m.Globals.Hunts, func(h Hunt) bool { return h.ID == s.ID }) || m.rule(s) != nil
	case "pickup_group":
		return slices.ContainsFunc(m.Globals.Pickups, func(p PickupGroup) bool { return p.ID == s.ID }) && s.Field == "users"
	case "code":
		return slices.ContainsFunc(m.Globals.Codes, func(c Code) bool { return c.Action == s.ID }) && s.Field == "code"
	}
	return false
}

// gives says whether a group gives the setting to somebody.
func (m model) gives(s *Setting) bool {
	for i := range m.Users {
		u := &m.Users[i].From
		if s.Field == "parameters.hide_number_inside" && u.HideInside.Name == s.ID || s.Field == "parameters.hide_number_outside" && u.HideOutside.Name == s.ID {
			return true
		}
		for k := range m.Users[i].Numbers {
			n := &m.Users[i].Numbers[k].From
			if s.Field == "parameters.call_waiting" && n.CallWaiting.Name == s.ID || s.Field == "parameters.busy_on_any" && n.BusyOnAny.Name == s.ID || s.Field == "parameters.max_calls" && n.MaxCalls.Name == s.ID {
				return true
			}
		}
	}
	return false
}

// recorder notes what was asked of the live state and answered: with the request and the configuration all that a decision comes from.
type recorder struct {
	Live
	answers map[string]int
	missing bool // an answer was asked for that was not noted
}

func (l *recorder) ask(key string, answer func() int) int {
	v, ok := l.answers[key]
	if !ok && l.Live == nil {
		l.missing = true
		return 0
	}
	if !ok {
		v = answer()
		l.answers[key] = v
	}
	return v
}

func (l *recorder) SlotCalls(id string) int {
	return l.ask("slot "+id, func() int { return l.Live.SlotCalls(id) })
}

func (l *recorder) NumberCalls(n string) int {
	return l.ask("number "+n, func() int { return l.Live.NumberCalls(n) })
}

func (l *recorder) HuntTurn(id string) int {
	return l.ask("hunt "+id, func() int { return l.Live.HuntTurn(id) })
}

func (l *recorder) Registered(id string) bool {
	return l.ask("registered "+id, func() int {
		if l.Live.Registered(id) {
			return 1
		}
		return 0
	}) == 1
}

// TestPlansCanBeRecomputed: from the request, the configuration and the answers of the live state that it was made from, a plan comes out again, whole, from a
// table compiled anew and with the users in another order; and asking for it changed nothing.
func TestPlansCanBeRecomputed(t *testing.T) {
	r := rig{rand.New(rand.NewPCG(13, 14))}
	for range rounds(150) {
		c := r.company()
		table := mustCompile(t, c)
		r.Shuffle(len(c.Users), func(i, k int) { c.Users[i], c.Users[k] = c.Users[k], c.Users[i] })
		again := mustCompile(t, c)
		for range 40 {
			q := r.call()
			asked := &recorder{Live: moment(r.Uint64()), answers: map[string]int{}}
			p := table.Decide(q, asked)
			replay := &recorder{answers: asked.answers}
			if got := again.Decide(q, replay); replay.missing || !samePlan(p, got) {
				t.Fatalf("%+v\nfirst\n%s\nthen\n%s", q, told(p), told(got))
			}
			end, at, live := Case(r.pick("busy", "no_answer", "not_registered")), q.At.Add(7*time.Second), moment(r.Uint64())
			next, more := p.Next(end, at, live)
			if got, andMore := p.Next(end, at, live); more != andMore || !samePlan(next, got) {
				t.Fatalf("%+v: Next says this\n%s\nand then that\n%s", q, told(next), told(got))
			}
		}
	}
}

// samePlan compares all that a plan shows.
func samePlan(a, b Plan) bool {
	same := cmp.Equal(a.Explain(), b.Explain())
	a.steps, b.steps, a.more, b.more = nil, nil, nil, nil
	return same && cmp.Equal(a, b, cmp.AllowUnexported(Plan{}))
}

// TestOneUserChangesNobodyElse: whatever becomes of user 7, whom no rule and no group names, calls among the others stay as they are.
func TestOneUserChangesNobodyElse(t *testing.T) {
	r := rig{rand.New(rand.NewPCG(15, 16))}
	for range rounds(150) {
		c := r.company()
		before := mustCompile(t, c)
		change := Change{Users: []User{r.person(7)}}
		if r.IntN(5) == 0 {
			change = Change{Removed: []string{"u7"}}
		}
		after, err := before.With(change)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			q := r.call()
			if strings.HasPrefix(q.Caller.SlotID, "u7/") || len(q.Called) == 2 && q.Called >= "55" || strings.HasPrefix(q.Called, "*") {
				continue // he takes part: calls, is called, or is in a pickup group
			}
			live := moment(r.Uint64())
			p, got := before.Decide(q, live), after.Decide(q, live)
			for more := true; more; {
				if !samePlan(p, got) {
					t.Fatalf("%+v\nbefore\n%s\nafter\n%s", q, told(p), told(got))
				}
				end := Case(r.pick("busy", "no_answer", "not_registered"))
				q.At = q.At.Add(10 * time.Second)
				p, more = p.Next(end, q.At, live)
				if got, _ = got.Next(end, q.At, live); !more && got.Outcome != "" {
					t.Fatal("more comes after a change of somebody else")
				}
			}
		}
	}
}

// TestEmergencyCallsAlwaysGoOut: from every slot, known or not, whatever is set, as long as there is a trunk.
func TestEmergencyCallsAlwaysGoOut(t *testing.T) {
	r := rig{rand.New(rand.NewPCG(17, 18))}
	for range rounds(300) {
		c := r.company()
		c.Settings.Outside = true
		table := mustCompile(t, c)
		for range 20 {
			q := r.call()
			q.Caller.Class = Inside
			q.Called = r.pick("110", "112", "0110", "0112", "1 1 2", "0-112")
			p := table.Decide(q, moment(r.Uint64()))
			if p.Outcome != Ring || len(p.Targets) != 1 || !p.Targets[0].Emergency || len(p.Targets[0].Outside) != 3 || len(p.Hops) > 0 {
				t.Fatalf("%+v: %+v", q, p)
			}
			if s, ok := table.slots.get(q.Caller.SlotID); ok && s.def != nil && p.Shown.Number != s.def.number {
				t.Fatalf("%+v shows %+v", q, p.Shown)
			}
		}
	}
}

// TestWithEqualsCompileForAll changes users and all that belongs to no single user, and compares with a table compiled from scratch.
func TestWithEqualsCompileForAll(t *testing.T) {
	r := rig{rand.New(rand.NewPCG(19, 20))}
	for range rounds(60) {
		c := r.company()
		table := mustCompile(t, c)
		for range 10 {
			var change Change
			for _, i := range r.Perm(8)[:r.IntN(3)] {
				u := r.person(i)
				change.Users = append(change.Users, u)
				c.Users[i] = u
			}
			switch r.IntN(3) {
			case 0:
				c.Globals = r.globals()
				g := c.Globals
				change.Globals = &g
			case 1:
				if rights := r.rights(); rights != nil {
					c.Globals.Rights, change.Rights = rights, rights
				}
			}
			var err error
			if table, err = table.With(change); err != nil {
				t.Fatal(err)
			}
			want := mustCompile(t, c)
			for range 20 {
				q, live := r.call(), moment(r.Uint64())
				p, got := want.Decide(q, live), table.Decide(q, live)
				if !samePlan(p, got) {
					t.Fatalf("%+v\ncompiled\n%s\nchanged\n%s", q, told(p), told(got))
				}
			}
			for num := 20; num < 60; num++ {
				at := r.time()
				wantID, wantScheduled, wantUntil := want.ActiveProfile(fmt.Sprint(num), at)
				if id, scheduled, until := table.ActiveProfile(fmt.Sprint(num), at); id != wantID || scheduled != wantScheduled || !until.Equal(wantUntil) {
					t.Fatalf("%d at %s: %q %t until %s, want %q %t %s", num, at, id, scheduled, until, wantID, wantScheduled, wantUntil)
				}
			}
		}
	}
}

// TestActiveProfileHoldsUntil: between an instant and the change that is told for it nothing changes, and the decision follows the same profile.
func TestActiveProfileHoldsUntil(t *testing.T) {
	r := rig{rand.New(rand.NewPCG(21, 22))}
	changes := 0
	for range rounds(300) {
		c := r.company()
		table := mustCompile(t, c)
		for num := 20; num < 60; num++ {
			n := fmt.Sprint(num)
			at := r.time()
			id, scheduled, until := table.ActiveProfile(n, at)
			end := until
			if until.IsZero() {
				end = at.Add(400 * 24 * time.Hour)
			}
			between := at.Add(time.Duration(r.Int64N(max(1, int64(end.Sub(at))))))
			if now, _, _ := table.ActiveProfile(n, between); now != id {
				t.Fatalf("%s: %q at %s is to hold until %s, but at %s it is %q", n, id, at, until, between, now)
			}
			if !until.IsZero() && scheduled {
				changes++
				if now, _, _ := table.ActiveProfile(n, until); now == id {
					t.Fatalf("%s: %q at %s changes at %s to the same", n, id, at, until)
				}
			}
		}
	}
	if changes == 0 {
		t.Error("no schedule changed")
	}
}
