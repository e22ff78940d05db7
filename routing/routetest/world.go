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
// user/name, users by their name; both serve as IDs.
type world struct {
	config   routing.Config
	compiled *routing.Table // of an earlier state of config, nil at first
	touched  map[string]bool
	before   *routing.Config // before the last change, for undo
	featured bool            // features have changed

	registered map[string]bool
	inCall     map[string]int
	numbers    map[string]int
}

func newWorld() *world {
	return &world{
		touched: map[string]bool{}, registered: map[string]bool{},
		inCall: map[string]int{}, numbers: map[string]int{},
	}
}

// clone makes a copy that shares nothing that changes.
func (w *world) clone() *world {
	c := *w
	c.config = cloneConfig(w.config)
	c.touched, c.registered = maps.Clone(w.touched), maps.Clone(w.registered)
	c.inCall, c.numbers = maps.Clone(w.inCall), maps.Clone(w.numbers)
	return &c
}

func cloneConfig(c routing.Config) routing.Config {
	c.Features = slices.Clone(c.Features)
	c.Users = slices.Clone(c.Users)
	for i := range c.Users {
		u := &c.Users[i]
		u.Slots, u.Numbers = slices.Clone(u.Slots), slices.Clone(u.Numbers)
		for k := range u.Numbers {
			u.Numbers[k].Ticked = slices.Clone(u.Numbers[k].Ticked)
		}
	}
	return c
}

// SlotCalls, NumberCalls and Registered make a world a routing.Live.
func (w *world) SlotCalls(slotID string) int { return w.inCall[slotID] }

// NumberCalls counts as the script said.
func (w *world) NumberCalls(number string) int { return w.numbers[number] }

// HuntTurn counts as the script said.
func (w *world) HuntTurn(string) int { return 0 }

// Registered answers as the script said.
func (w *world) Registered(slotID string) bool { return w.registered[slotID] }

// table compiles the configuration: the first time whole, then by the users that
// changed, as the daemon does.
func (w *world) table() (*routing.Table, error) {
	if w.compiled == nil {
		t, err := routing.Compile(w.config)
		if err != nil {
			return nil, err
		}
		w.compiled = t
	}
	if len(w.touched) > 0 || w.featured {
		var changed []routing.User
		var removed []string
		for id := range w.touched {
			if at := w.find(id); at >= 0 {
				changed = append(changed, w.config.Users[at])
			} else {
				removed = append(removed, id)
			}
		}
		var features []routing.Feature
		if w.featured {
			features = append([]routing.Feature{}, w.config.Features...)
		}
		t, err := w.compiled.With(routing.Change{Users: changed, Removed: removed, Features: features})
		if err != nil {
			return nil, err
		}
		w.compiled = t
	}
	w.touched, w.featured = map[string]bool{}, false
	w.before = nil
	return w.compiled, nil
}

// undo takes the changes since the last good table back.
func (w *world) undo() {
	if w.before != nil {
		w.config = *w.before
	}
	w.touched, w.featured, w.before = map[string]bool{}, false, nil
}

func (w *world) find(user string) int {
	return slices.IndexFunc(w.config.Users, func(u routing.User) bool { return u.ID == user })
}

// change notes that a user is about to change.
func (w *world) change(user string) {
	if w.before == nil {
		c := cloneConfig(w.config)
		w.before = &c
	}
	if user != "" {
		w.touched[user] = true
	}
}

func (w *world) slotOf(user, slot string) string {
	if strings.Contains(slot, "/") {
		return slot
	}
	return user + "/" + slot
}

func (w *world) line(words []string) error {
	rest := words[1:]
	switch words[0] {
	case "user":
		return w.user(rest)
	case "remove":
		return w.remove(rest)
	case "slot":
		return w.slot(rest)
	case "number":
		return w.number(rest)
	case "tick":
		return w.tick(rest, true)
	case "untick":
		return w.tick(rest, false)
	case "fax":
		if len(rest) != 2 {
			return errors.New("fax wants a number and a name")
		}
		w.change("")
		w.featured = true
		w.config.Features = append(w.config.Features, routing.Feature{Number: rest[0], OwnerType: routing.OwnerFaxLine, OwnerID: rest[1]})
		return nil
	case "registered", "unregistered":
		return w.register(rest, words[0] == "registered")
	case "in-call":
		for _, id := range rest {
			if _, _, err := w.findSlot(id); err != nil {
				return err
			}
			w.inCall[id]++
		}
		return nil
	case "running":
		if len(rest) != 2 {
			return errors.New("running wants a number and a count of calls")
		}
		n, err := strconv.Atoi(rest[1])
		w.numbers[rest[0]] = n
		return err
	}
	return fmt.Errorf("%q is not a word of routing scripts", words[0])
}

// user NAME "DISPLAY NAME" | user NAME dnd on|off.
func (w *world) user(rest []string) error {
	if len(rest) == 3 && rest[1] == "dnd" {
		at := w.find(rest[0])
		if at < 0 {
			return fmt.Errorf("there is no user %s", rest[0])
		}
		w.change(rest[0])
		return onOff(&w.config.Users[at].DND, rest[2])
	}
	if len(rest) != 2 {
		return errors.New(`user wants a name and a display name, or "dnd on"`)
	}
	w.change(rest[0])
	w.config.Users = append(w.config.Users, routing.User{ID: rest[0], Username: rest[0], DisplayName: rest[1]})
	return nil
}

func (w *world) remove(rest []string) error {
	if len(rest) != 1 || w.find(rest[0]) < 0 {
		return errors.New("remove wants a user")
	}
	w.change(rest[0])
	w.config.Users = slices.Delete(w.config.Users, w.find(rest[0]), w.find(rest[0])+1)
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

func (w *world) findSlot(id string) (u *routing.User, s *routing.Slot, err error) {
	user, _, _ := strings.Cut(id, "/")
	if at := w.find(user); at >= 0 {
		u = &w.config.Users[at]
		for i := range u.Slots {
			if u.Slots[i].ID == id {
				return u, &u.Slots[i], nil
			}
		}
	}
	return u, nil, fmt.Errorf("there is no slot %s", id)
}

// slot USER/NAME TYPE ["TITLE"] adds one;
// slot USER/NAME dnd on|off | default NUMBER|none | dials NUMBER changes it.
func (w *world) slot(rest []string) error {
	if len(rest) < 2 {
		return errors.New("slot wants user/name and a type or a setting")
	}
	id := rest[0]
	u, s, err := w.findSlot(id)
	if u == nil {
		return err
	}
	w.change(u.ID)
	if s == nil {
		add := routing.Slot{ID: id, Type: rest[1]}
		if len(rest) > 2 {
			add.Name = rest[2]
		}
		u.Slots = append(u.Slots, add)
		return nil
	}
	if len(rest) != 3 {
		return errors.New("want a setting and its value")
	}
	switch rest[1] {
	case "dnd":
		return onOff(&s.DND, rest[2])
	case "default":
		if s.DefaultNumber = rest[2]; rest[2] == "none" {
			s.DefaultNumber = ""
		}
	case "dials":
		s.Mobile = rest[2]
	default:
		return fmt.Errorf("a slot has no %q", rest[1])
	}
	return nil
}

func (w *world) findNumber(num string) (*routing.User, *routing.Number) {
	for i := range w.config.Users {
		u := &w.config.Users[i]
		for k := range u.Numbers {
			if u.Numbers[k].Number == num {
				return u, &u.Numbers[k]
			}
		}
	}
	return nil, nil
}

// number NUMBER of USER adds one, then, or for one that is there:
// call-waiting on|off, busy-on-any on|off, limit N, inside ALERT, outside ALERT,
// name "NAME", in any order.
func (w *world) number(rest []string) error {
	if len(rest) < 3 {
		return errors.New(`number wants "of USER" or settings with values`)
	}
	num, rest := rest[0], rest[1:]
	if rest[0] == "of" {
		at := w.find(rest[1])
		if at < 0 {
			return fmt.Errorf("there is no user %s", rest[1])
		}
		w.change(rest[1])
		u := &w.config.Users[at]
		u.Numbers = append(u.Numbers, routing.Number{Number: num})
		if len(rest) == 2 {
			return nil
		}
		rest = rest[2:]
	}
	u, n := w.findNumber(num)
	if n == nil || len(rest)%2 != 0 {
		return fmt.Errorf("number %s is not known, or a value is missing", num)
	}
	w.change(u.ID)
	for ; len(rest) > 0; rest = rest[2:] {
		if err := setNumber(n, rest[0], rest[1]); err != nil {
			return err
		}
	}
	return nil
}

func setNumber(n *routing.Number, setting, value string) (err error) {
	switch setting {
	case "call-waiting":
		err = onOff(&n.CallWaiting, value)
	case "busy-on-any":
		err = onOff(&n.BusyOnAny, value)
	case "limit":
		n.MaxCalls, err = strconv.Atoi(value)
	case "inside":
		n.RingInside = value
	case "outside":
		n.RingOutside = value
	case "name":
		n.DisplayName = value
	default:
		err = fmt.Errorf("a number has no %q", setting)
	}
	return err
}

// tick NUMBER SLOT… and untick NUMBER SLOT…|all; slots of the number's user may
// go without his name.
func (w *world) tick(rest []string, on bool) error {
	if len(rest) < 2 {
		return errors.New("want a number and slots")
	}
	u, n := w.findNumber(rest[0])
	if n == nil {
		return fmt.Errorf("no user has the number %s", rest[0])
	}
	w.change(u.ID)
	if !on && rest[1] == "all" {
		n.Ticked = nil
		return nil
	}
	for _, s := range rest[1:] {
		id := w.slotOf(u.ID, s)
		if on {
			n.Ticked = append(n.Ticked, id)
		} else {
			n.Ticked = slices.DeleteFunc(n.Ticked, func(t string) bool { return t == id })
		}
	}
	return nil
}

// registered SLOT…|all.
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
