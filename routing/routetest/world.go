package routetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/koppelfeld/koppelfeld/routing"
)

// world is a configuration and the live state around it. Slots are known as
// user/name, profiles as user/name, users, hunt groups and calendars by their name; all these serve as IDs.
type world struct {
	config   routing.Config
	rights   rights
	compiled *routing.Table // of an earlier state of config, nil at first
	before   *saved         // before the last change, for undo

	// What has changed since compiled was made.
	touched  map[string]bool // users
	featured bool            // features
	shared   bool            // globals
	whole    bool            // settings

	registered map[string]bool
	inCall     map[string]int
	numbers    map[string]int
	turns      map[string]int
}

// saved is what undo brings back.
type saved struct {
	config routing.Config
	rights rights
}

func newWorld() *world {
	return &world{
		touched: map[string]bool{}, registered: map[string]bool{}, inCall: map[string]int{}, numbers: map[string]int{}, turns: map[string]int{},
	}
}

// clone makes a copy that shares nothing that changes.
func (w *world) clone() *world {
	c := *w
	c.config, c.rights = cloneConfig(w.config), w.rights.clone()
	c.touched, c.registered = maps.Clone(w.touched), maps.Clone(w.registered)
	c.inCall, c.numbers, c.turns = maps.Clone(w.inCall), maps.Clone(w.numbers), maps.Clone(w.turns)
	return &c
}

func cloneConfig(c routing.Config) routing.Config {
	c.Features = slices.Clone(c.Features)
	c.Users = slices.Clone(c.Users)
	for i := range c.Users {
		u := &c.Users[i]
		u.Slots, u.Numbers, u.Profiles, u.Blocks = slices.Clone(u.Slots), slices.Clone(u.Numbers), slices.Clone(u.Profiles), slices.Clone(u.Blocks)
		for k := range u.Numbers {
			n := &u.Numbers[k]
			n.Ticked = slices.Clone(n.Ticked)
			if n.Schedule != nil {
				s := *n.Schedule
				s.Calendar.Entries, s.Calendar.Own, s.Profiles = slices.Clone(s.Calendar.Entries), slices.Clone(s.Calendar.Own), slices.Clone(s.Profiles)
				n.Schedule = &s
			}
		}
		for k := range u.Profiles {
			u.Profiles[k].Rules = slices.Clone(u.Profiles[k].Rules)
		}
	}
	g := &c.Globals
	g.Hunts, g.Rules, g.Calendars, g.Pickups, g.Codes = slices.Clone(g.Hunts), slices.Clone(g.Rules), slices.Clone(g.Calendars), slices.Clone(g.Pickups), slices.Clone(g.Codes)
	for i := range g.Hunts {
		g.Hunts[i].Overflow = slices.Clone(g.Hunts[i].Overflow)
	}
	for i := range g.Calendars {
		s := &g.Calendars[i].Spec
		s.Entries, s.Own = slices.Clone(s.Entries), slices.Clone(s.Own)
	}
	return c
}

// SlotCalls, NumberCalls, HuntTurn and Registered make a world a routing.Live.
func (w *world) SlotCalls(slotID string) int { return w.inCall[slotID] }

// NumberCalls counts as the script said.
func (w *world) NumberCalls(number string) int { return w.numbers[number] }

// HuntTurn counts as the script said.
func (w *world) HuntTurn(huntID string) int { return w.turns[huntID] }

// Registered answers as the script said.
func (w *world) Registered(slotID string) bool { return w.registered[slotID] }

// table compiles the configuration: the first time whole, then by what has
// changed, as the daemon does.
func (w *world) table() (*routing.Table, error) {
	w.config.Globals.Rights = w.rights.clone()
	t := w.compiled
	var err error
	switch {
	case t == nil || w.whole:
		t, err = routing.Compile(w.config)
	case len(w.touched) > 0 || w.featured || w.shared:
		t, err = t.With(w.changed())
	}
	if err != nil {
		return nil, err
	}
	w.compiled = t
	w.settle()
	return t, nil
}

// changed is what routing is told of the changes.
func (w *world) changed() routing.Change {
	var c routing.Change
	for _, id := range slices.Sorted(maps.Keys(w.touched)) {
		if at := w.find(id); at >= 0 {
			c.Users = append(c.Users, w.config.Users[at])
		} else {
			c.Removed = append(c.Removed, id)
		}
	}
	if w.featured {
		c.Features = append([]routing.Feature{}, w.config.Features...)
	}
	if w.shared {
		c.Globals = &w.config.Globals
	}
	return c
}

// settle forgets what has changed.
func (w *world) settle() {
	w.touched, w.featured, w.shared, w.whole, w.before = map[string]bool{}, false, false, false, nil
}

// undo takes the changes since the last good table back.
func (w *world) undo() {
	if w.before != nil {
		w.config, w.rights = w.before.config, w.before.rights
	}
	w.settle()
}

// save notes that something is about to change.
func (w *world) save() {
	if w.before == nil {
		w.before = &saved{cloneConfig(w.config), w.rights.clone()}
	}
}

// change notes that a user is about to change.
func (w *world) change(user string) {
	w.save()
	w.touched[user] = true
}

// share notes that something that belongs to no single user is about to change.
func (w *world) share() {
	w.save()
	w.shared = true
}

// statements are the words that change the configuration or the state of the moment.
var statements = map[string]func(*world, []string) error{
	"outside":           (*world).outside,
	"country":           (*world).country,
	"default-ring-time": (*world).ringTime,
	"user":              (*world).user,
	"remove":            (*world).remove,
	"slot":              (*world).slot,
	"number":            (*world).number,
	"tick":              func(w *world, rest []string) error { return w.tick(rest, true) },
	"gives":             func(w *world, rest []string) error { return w.gives(rest) },
	"untick":            func(w *world, rest []string) error { return w.tick(rest, false) },
	"fax":               (*world).fax,
	"block":             (*world).block,
	"profile":           (*world).profile,
	"rule":              (*world).rule,
	"extended":          (*world).extended,
	"choose":            (*world).choose,
	"schedule":          (*world).schedule,
	"calendar":          (*world).calendar,
	"system":            (*world).system,
	"hunt":              (*world).hunt,
	"overflow":          (*world).overflow,
	"pickup":            (*world).pickup,
	"group":             (*world).group,
	"may":               (*world).may,
	"code":              (*world).code,
	"registered":        func(w *world, rest []string) error { return w.register(rest, true) },
	"unregistered":      func(w *world, rest []string) error { return w.register(rest, false) },
	"in-call":           (*world).calling,
	"running":           func(w *world, rest []string) error { return count(w.numbers, rest) },
	"turn":              func(w *world, rest []string) error { return count(w.turns, rest) },
}

func (w *world) line(words []string) error {
	statement, ok := statements[words[0]]
	if !ok {
		return fmt.Errorf("%q is not a word of routing scripts", words[0])
	}
	return statement(w, words[1:])
}

// outside on|off: there is a trunk, or none.
func (w *world) outside(rest []string) error {
	if len(rest) != 1 {
		return errors.New("want outside on, or off")
	}
	w.save()
	w.whole = true
	return onOff(&w.config.Settings.Outside, rest[0])
}

// country CODE.
func (w *world) country(rest []string) error {
	if len(rest) != 1 {
		return errors.New("want a country code, such as country 49")
	}
	w.save()
	w.whole = true
	w.config.Settings.Country = rest[0]
	return nil
}

// default-ring-time SECONDS: the system's.
func (w *world) ringTime(rest []string) error {
	if len(rest) != 1 {
		return errors.New("want default-ring-time and seconds")
	}
	w.save()
	w.whole = true
	var err error
	w.config.Settings.RingTimeout, err = seconds(rest[0])
	return err
}

// fax NUMBER NAME.
func (w *world) fax(rest []string) error {
	if len(rest) != 2 {
		return errors.New("fax wants a number and a name")
	}
	w.save()
	w.featured = true
	w.config.Features = append(w.config.Features, routing.Feature{Number: rest[0], OwnerType: routing.OwnerFaxLine, OwnerID: rest[1]})
	return nil
}

// registered SLOT…|all, and unregistered.
func (w *world) register(rest []string, on bool) error {
	for _, id := range rest {
		if id != "all" {
			if _, _, err := w.findSlot(id); err != nil {
				return err
			}
			w.registered[id] = on
			continue
		}
		for i := range w.config.Users {
			for _, s := range w.config.Users[i].Slots {
				w.registered[s.ID] = on
			}
		}
	}
	return nil
}

// in-call SLOT…, or nobody.
func (w *world) calling(rest []string) error {
	if len(rest) == 1 && rest[0] == "nobody" {
		clear(w.inCall)
		return nil
	}
	for _, id := range rest {
		if _, _, err := w.findSlot(id); err != nil {
			return err
		}
		w.inCall[id]++
	}
	return nil
}

// count sets a counter: running NUMBER CALLS, turn HUNTGROUP CALLS.
func count(of map[string]int, rest []string) error {
	if len(rest) != 2 {
		return errors.New("want a name or number, and a count of calls")
	}
	n, err := strconv.Atoi(rest[1])
	of[rest[0]] = n
	return err
}

// rights are groups of users and the permissions of SPEC G2 that routing asks for.
type rights struct {
	groups map[string][]string
	grants [][3]string // group, permission, objects
}

func (r rights) clone() rights {
	return rights{maps.Clone(r.groups), slices.Clone(r.grants)}
}

// InGroup makes rights a routing.Rights.
func (r rights) InGroup(group, userID string) bool { return slices.Contains(r.groups[group], userID) }

// MayPickUp says whether a permission to pick up was given.
func (r rights) MayPickUp(userID, ownerID string) bool {
	return slices.ContainsFunc(r.grants, func(g [3]string) bool {
		return g[1] == "pickup" && r.InGroup(g[0], userID) && r.InGroup(g[2], ownerID)
	})
}

// group NAME USER…: the members of a group.
func (w *world) group(rest []string) error {
	if len(rest) == 0 {
		return errors.New("want group, its name and users")
	}
	for _, u := range rest[1:] {
		if w.find(u) < 0 {
			return fmt.Errorf("there is no user %s", u)
		}
	}
	w.share()
	if w.rights.groups = maps.Clone(w.rights.groups); w.rights.groups == nil {
		w.rights.groups = map[string][]string{}
	}
	w.rights.groups[rest[0]] = rest[1:]
	return nil
}

// may GROUP pickup GROUP: a permission.
func (w *world) may(rest []string) error {
	if len(rest) != 3 || rest[1] != "pickup" {
		return errors.New("want may, a group, pickup and another group")
	}
	w.share()
	w.rights.grants = append(w.rights.grants, [3]string(rest))
	return nil
}

// pickup NAME USER…: a pickup group.
func (w *world) pickup(rest []string) error {
	if len(rest) == 0 {
		return errors.New("want pickup, a name and users")
	}
	w.share()
	p := routing.PickupGroup{ID: rest[0], Name: rest[0], Users: rest[1:]}
	g := &w.config.Globals
	if at := slices.IndexFunc(g.Pickups, func(p routing.PickupGroup) bool { return p.ID == rest[0] }); at >= 0 {
		g.Pickups[at] = p
	} else {
		g.Pickups = append(g.Pickups, p)
	}
	return nil
}

// code ACTION CODE: a function code.
func (w *world) code(rest []string) error {
	if len(rest) != 2 {
		return errors.New("want code, an action and the keys")
	}
	w.share()
	w.config.Globals.Codes = append(w.config.Globals.Codes, routing.Code{Action: rest[0], Code: rest[1]})
	return nil
}

func onOff(v *bool, word string) error {
	switch word {
	case "on":
		*v = true
	case "off":
		*v = false
	default:
		return fmt.Errorf("want on or off, not %q", word)
	}
	return nil
}

// taker reads words one after the other.
type taker struct{ words []string }

// take returns the next word if it is the one given.
func (t *taker) take(word string) bool {
	if len(t.words) > 0 && t.words[0] == word {
		t.words = t.words[1:]
		return true
	}
	return false
}

// ahead says whether the next word is the one given.
func (t *taker) ahead(word string) bool { return len(t.words) > 0 && t.words[0] == word }

// next returns the next word, "" when there is none.
func (t *taker) next() string {
	if len(t.words) == 0 {
		return ""
	}
	word := t.words[0]
	t.words = t.words[1:]
	return word
}

// done is an error when words are left.
func (t *taker) done() error {
	if len(t.words) > 0 {
		return fmt.Errorf("what is %q?", strings.Join(t.words, " "))
	}
	return nil
}
