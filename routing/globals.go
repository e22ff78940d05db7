package routing

import (
	"slices"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// globals are the compiled Globals.
type globals struct {
	hunts     []*hunt
	system    *ruleset
	calendars map[string]*calendar.Calendar
	pickups   map[string][]*pickup // by ID of a user in them
	codes     []codeEntry          // the longest first
	rights    Rights
}

// hunt is a compiled hunt group.
type hunt struct {
	id         string
	strategy   string
	number     *number
	members    []string
	memberTime time.Duration
	ringTime   time.Duration
	overflow   *ruleset
}

// pickup is a compiled pickup group. As a ruleset without rules it can stand in a step.
type pickup struct {
	ruleset
	users []string
}

func (b *build) addGlobals(in *Globals) {
	g := globals{
		system:    compileRules(&ruleset{kind: "forwarding_rule"}, in.Rules),
		calendars: make(map[string]*calendar.Calendar, len(in.Calendars)),
		pickups:   map[string][]*pickup{},
		rights:    in.Rights,
	}
	for i := range in.Calendars {
		if c, problems := b.calendars.Compile(in.Calendars[i].Spec); len(problems) == 0 {
			g.calendars[in.Calendars[i].ID] = c
		}
	}
	for i := range in.Hunts {
		if h := b.addHunt(&in.Hunts[i]); h != nil {
			g.hunts = append(g.hunts, h)
		}
	}
	for _, p := range in.Pickups {
		compiled := &pickup{ruleset: ruleset{kind: "pickup_group", id: p.ID, name: p.Name}, users: slices.Clone(p.Users)}
		for _, u := range p.Users {
			g.pickups[u] = append(g.pickups[u], compiled)
		}
	}
	for _, c := range in.Codes {
		g.codes = append(g.codes, codeEntry{action: c.Action, code: c.Code, argument: TakesArgument(c.Action)})
	}
	slices.SortFunc(g.codes, func(a, b codeEntry) int {
		if len(a.code) != len(b.code) {
			return len(b.code) - len(a.code)
		}
		return strings.Compare(a.code, b.code)
	})
	b.globals = g
}

func (b *build) addHunt(in *Hunt) *hunt {
	h := &hunt{
		id: in.ID, strategy: in.Strategy, members: slices.Clone(in.Members), memberTime: in.MemberTime, ringTime: in.RingTime,
		overflow: compileRules(&ruleset{kind: OwnerHunt, id: in.ID, name: in.Name}, in.Overflow),
	}
	h.number = &number{number: in.Number, ownerType: OwnerHunt, ownerID: in.ID, display: in.Name, hunt: h}
	if !b.claim("huntgroups["+in.Name+"]", h.number) {
		return nil
	}
	return h
}
