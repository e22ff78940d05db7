package routetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/koppelfeld/koppelfeld/routing"
)

func (w *world) find(user string) int {
	return slices.IndexFunc(w.config.Users, func(u routing.User) bool { return u.ID == user })
}

// person is a user who is about to change.
func (w *world) person(name string) (*routing.User, error) {
	at := w.find(name)
	if at < 0 {
		return nil, fmt.Errorf("there is no user %s", name)
	}
	w.change(name)
	return &w.config.Users[at], nil
}

func (w *world) slotOf(user, slot string) string {
	if strings.Contains(slot, "/") {
		return slot
	}
	return user + "/" + slot
}

// user NAME "DISPLAY NAME" adds one; user NAME dnd on|off, hides inside|outside on|off, shows inside|outside NUMBER… changes it.
func (w *world) user(rest []string) error {
	if len(rest) < 2 {
		return errors.New(`user wants a name and a display name, or a setting`)
	}
	if len(rest) == 2 {
		w.change(rest[0])
		w.config.Users = append(w.config.Users, routing.User{ID: rest[0], Username: rest[0], DisplayName: rest[1]})
		return nil
	}
	u, err := w.person(rest[0])
	if err != nil {
		return err
	}
	switch t := (taker{rest[1:]}); t.next() {
	case "dnd":
		return onOff(&u.DND, t.next())
	case "hides":
		if t.take("inside") {
			return onOff(&u.HideInside, t.next())
		}
		if t.take("outside") {
			return onOff(&u.HideOutside, t.next())
		}
	case "pin":
		return onOff(&u.HasPIN, t.next())
	case "shows":
		if t.take("inside") {
			u.ShownInside = t.words
			return nil
		}
		if t.take("outside") {
			u.ShownOutside = t.words
			return nil
		}
	}
	return fmt.Errorf("a user has no %q", strings.Join(rest[1:], " "))
}

// block USER [with-pin] MATCH: numbers that he must not dial.
func (w *world) block(rest []string) error {
	if len(rest) < 2 {
		return errors.New("want block, a user and a match")
	}
	u, err := w.person(rest[0])
	if err != nil {
		return err
	}
	t := taker{rest[1:]}
	withPIN := t.take("with-pin")
	m, err := t.match()
	if err != nil {
		return err
	}
	u.Blocks = append(u.Blocks, routing.Block{Match: *m, WithPIN: withPIN})
	return t.done()
}

// remove USER | number NUMBER | profile PROFILE | calendar NAME | hunt NAME | system NAME.
func (w *world) remove(rest []string) error {
	if len(rest) == 1 && w.find(rest[0]) >= 0 {
		w.change(rest[0])
		w.config.Users = slices.Delete(w.config.Users, w.find(rest[0]), w.find(rest[0])+1)
		return nil
	}
	if len(rest) != 2 {
		return errors.New("remove wants a user, or a kind and a name")
	}
	kind, name := rest[0], rest[1]
	g := &w.config.Globals
	var was, left int
	switch kind {
	case "number":
		u, _, err := w.extension(name)
		if err != nil {
			return err
		}
		was, left = drop(&u.Numbers, func(n routing.Number) bool { return n.Number == name })
	case "profile":
		owner, _, _ := strings.Cut(name, "/")
		u, err := w.person(owner)
		if err != nil {
			return err
		}
		was, left = drop(&u.Profiles, func(p routing.Profile) bool { return p.ID == name })
	case "calendar":
		w.share()
		was, left = drop(&g.Calendars, func(c routing.Calendar) bool { return c.ID == name })
	case "hunt":
		w.share()
		was, left = drop(&g.Hunts, func(h routing.Hunt) bool { return h.ID == name })
	case "system":
		w.share()
		was, left = drop(&g.Rules, func(r routing.Rule) bool { return r.ID == name })
	}
	if was == left {
		return fmt.Errorf("there is no %s %s", kind, name)
	}
	return nil
}

// drop removes what matches and returns the lengths before and after.
func drop[T any](list *[]T, gone func(T) bool) (was, left int) {
	was = len(*list)
	*list = slices.DeleteFunc(slices.Clone(*list), gone)
	return was, len(*list)
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

// extension is a number of a user that is about to change.
func (w *world) extension(num string) (*routing.User, *routing.Number, error) {
	u, n := w.findNumber(num)
	if n == nil {
		return nil, nil, fmt.Errorf("no user has the number %s", num)
	}
	w.change(u.ID)
	u, n = w.findNumber(num)
	return u, n, nil
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
		u, err := w.person(rest[1])
		if err != nil {
			return err
		}
		u.Numbers = append(u.Numbers, routing.Number{Number: num})
		if len(rest) == 2 {
			return nil
		}
		rest = rest[2:]
	}
	_, n, err := w.extension(num)
	if err != nil {
		return err
	}
	if len(rest)%2 != 0 {
		return errors.New("a value is missing")
	}
	for ; len(rest) > 0; rest = rest[2:] {
		if err := setNumber(n, rest[0], rest[1]); err != nil {
			return err
		}
	}
	return nil
}

func setNumber(n *routing.Number, setting, value string) (err error) {
	if from := givenBy(n, setting); from != nil {
		*from = routing.Giver{} // what is set here is the number's own
	}
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

// gives GROUP "TITLE" SETTING VALUE NUMBER…|USER…: what a group of users gives to numbers and users that have nothing of their own.
func (w *world) gives(rest []string) error {
	if len(rest) < 5 {
		return errors.New(`want GROUP "TITLE" SETTING VALUE and numbers or users`)
	}
	g := routing.Giver{Name: rest[0], Title: rest[1]}
	setting, value := rest[2], rest[3]
	for _, name := range rest[4:] {
		if setting == "hides-inside" || setting == "hides-outside" {
			u, err := w.person(name)
			if err != nil {
				return err
			}
			field, from := &u.HideInside, &u.From.HideInside
			if setting == "hides-outside" {
				field, from = &u.HideOutside, &u.From.HideOutside
			}
			if err := onOff(field, value); err != nil {
				return err
			}
			*from = g
			continue
		}
		_, n, err := w.extension(name)
		if err != nil {
			return err
		}
		if err := setNumber(n, setting, value); err != nil {
			return err
		}
		if from := givenBy(n, setting); from != nil {
			*from = g
		}
	}
	return nil
}

// givenBy is where a number notes the group that gives a setting, nil for settings of which nothing is told.
func givenBy(n *routing.Number, setting string) *routing.Giver {
	switch setting {
	case "call-waiting":
		return &n.From.CallWaiting
	case "busy-on-any":
		return &n.From.BusyOnAny
	case "limit":
		return &n.From.MaxCalls
	}
	return nil
}

// tick NUMBER SLOT… and untick NUMBER SLOT…|all; slots of the number's user may
// go without his name.
func (w *world) tick(rest []string, on bool) error {
	if len(rest) < 2 {
		return errors.New("want a number and slots")
	}
	u, n, err := w.extension(rest[0])
	if err != nil {
		return err
	}
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
