package routing

import (
	"fmt"
	"slices"
)

// Table is the compiled configuration. It is immutable: a change makes a new
// Table that shares what did not change.
type Table struct {
	numbers  index[*number]
	slots    index[*slot]
	users    index[*user]
	features []string // numbers of features
	settings Settings
}

// user, slot and number are compiled and never change after With returned. A
// number of a feature has no user.
type user struct {
	id, username, display string
	dnd                   bool
	numbers               []*number
	slots                 []*slot
}

type slot struct {
	id, typ, name string
	mobile        string
	dnd           bool
	user          *user
	shown         []*number // ticked numbers in the order of the rows
	def           *number   // shown when nothing else is wanted, nil without a tick
	defChosen     bool      // def was set and does not merely follow from the order
}

type number struct {
	number             string
	ownerType, ownerID string
	user               *user
	display            string // resolved: the user's where the number has none
	inside, outside    string
	maxCalls           int
	waiting, busyOnAny bool
	ticked             []bool // by index of user.slots
	ticks              int
}

// Compile builds a table. The error is of type Faults and holds everything that
// is wrong.
func Compile(c Config) (*Table, error) {
	t := &Table{settings: c.Settings}
	b := newBuild(t)
	if c.Settings.RingTimeout < 0 {
		b.faults.add("settings.ring_timeout", FaultRingTimeout, "must not be negative")
	}
	return b.finish(c.Users, c.Features)
}

// With returns a table in which the changed users replace those of the same ID
// (or are new), the removed users are gone, and features, unless nil, replace
// all features. Its cost depends on the users named, not on the size of the
// table. Faults are those of Compile; t stays valid in any case.
func (t *Table) With(changed []User, removed []string, features []Feature) (*Table, error) {
	b := newBuild(t)
	for i := range changed {
		b.drop(changed[i].ID)
	}
	for _, id := range removed {
		b.drop(id)
	}
	if features == nil {
		return b.finish(changed, nil)
	}
	for _, n := range t.features {
		b.numbers.remove(n)
	}
	b.features = nil
	return b.finish(changed, features)
}

// build is a table in the making.
type build struct {
	settings Settings
	features []string
	numbers  *edit[*number]
	slots    *edit[*slot]
	users    *edit[*user]
	faults   faultList
}

func newBuild(from *Table) *build {
	return &build{
		settings: from.settings,
		features: from.features,
		numbers:  newEdit(from.numbers),
		slots:    newEdit(from.slots),
		users:    newEdit(from.users),
	}
}

// drop removes a user with all numbers and slots.
func (b *build) drop(id string) {
	u, ok := b.users.get(id)
	if !ok {
		return
	}
	for _, n := range u.numbers {
		b.numbers.remove(n.number)
	}
	for _, s := range u.slots {
		b.slots.remove(s.id)
	}
	b.users.remove(id)
}

// finish adds users and features and returns the table. All slots come before
// the first number, so that a tick for a slot of another user can be named.
func (b *build) finish(users []User, features []Feature) (*Table, error) {
	compiled := make([]*user, len(users))
	for i := range users {
		compiled[i] = b.addUser(&users[i])
	}
	for i := range users {
		if compiled[i] != nil {
			b.addNumbers(compiled[i], &users[i])
		}
	}
	for i := range features {
		b.addFeature(i, features[i])
	}
	if err := b.faults.err(); err != nil {
		return nil, err
	}
	return &Table{
		numbers: b.numbers.index, slots: b.slots.index, users: b.users.index,
		features: b.features, settings: b.settings,
	}, nil
}

func userPath(u *User) string {
	if u.Username == "" {
		return "users[" + u.ID + "]"
	}
	return "users[" + u.Username + "]"
}

// addUser adds a user with its slots; numbers follow. It returns nil when the
// user cannot be added at all.
func (b *build) addUser(in *User) *user {
	path := userPath(in)
	if in.ID == "" {
		b.faults.add(path+".id", FaultUserID, "must not be empty")
		return nil
	}
	if first, ok := b.users.get(in.ID); ok {
		b.faults.add(path+".id", FaultUserTaken, "ID %s belongs to user %s already", in.ID, first.username)
		return nil
	}
	u := &user{id: in.ID, username: in.Username, display: in.DisplayName, dnd: in.DND}
	if u.username == "" {
		u.username = in.ID
	}
	if u.display == "" {
		u.display = u.username
	}
	b.users.set(u.id, u)
	for i := range in.Slots {
		b.addSlot(u, path, &in.Slots[i])
	}
	return u
}

func (b *build) addSlot(u *user, path string, in *Slot) {
	path += ".slots[" + in.ID + "]"
	s := &slot{id: in.ID, typ: in.Type, name: in.Name, mobile: in.Mobile, dnd: in.DND, user: u}
	if !knownSlotType(in.Type) {
		b.faults.add(path+".type", FaultSlotType, "%q is no slot type", in.Type)
	}
	if in.Mobile != "" && (in.Mobile[0] != '+' || len(in.Mobile) > 16 || !digits(in.Mobile[1:])) {
		b.faults.add(path+".mobile_number", FaultMobile, "%q is not an international number such as +491711234567", in.Mobile)
	}
	if in.ID == "" {
		b.faults.add(path+".id", FaultSlotID, "must not be empty")
		return
	}
	if first, ok := b.slots.get(in.ID); ok {
		b.faults.add(path+".id", FaultSlotTaken, "ID %s belongs to a slot of user %s already", in.ID, first.user.username)
		return
	}
	u.slots = append(u.slots, s)
	b.slots.set(s.id, s)
}

func (b *build) addNumbers(u *user, in *User) {
	path := userPath(in)
	for i := range in.Numbers {
		b.addNumber(u, path, &in.Numbers[i])
	}
	for i := range in.Slots {
		want := in.Slots[i].DefaultNumber
		s, ok := b.slots.get(in.Slots[i].ID)
		if !ok || s.user != u {
			continue // reported by addSlot
		}
		if len(s.shown) > 0 {
			s.def = s.shown[0]
		}
		if want == "" {
			continue
		}
		at := slices.IndexFunc(s.shown, func(n *number) bool { return n.number == want })
		if at < 0 {
			b.faults.add(path+".slots["+s.id+"].default_number", FaultDefault, "%s is not ticked for this slot", want)
			continue
		}
		s.def, s.defChosen = s.shown[at], true
	}
}

func (b *build) addNumber(u *user, path string, in *Number) {
	path += ".numbers[" + in.Number + "]"
	n := &number{
		number: in.Number, ownerType: OwnerUser, ownerID: u.id, user: u, display: in.DisplayName,
		inside: in.RingInside, outside: in.RingOutside,
		maxCalls: in.MaxCalls, waiting: in.CallWaiting, busyOnAny: in.BusyOnAny,
		ticked: make([]bool, len(u.slots)),
	}
	if n.display == "" {
		n.display = u.display
	}
	if in.MaxCalls < 0 {
		b.faults.add(path+".max_calls", FaultMaxCalls, "must not be negative")
	}
	if !knownAlert(in.RingInside) {
		b.faults.add(path+".ring_inside", FaultAlert, "%q is none of Bellcore-dr1 to Bellcore-dr8", in.RingInside)
	}
	if !knownAlert(in.RingOutside) {
		b.faults.add(path+".ring_outside", FaultAlert, "%q is none of Bellcore-dr1 to Bellcore-dr8", in.RingOutside)
	}
	if !b.claim(path, n) {
		return
	}
	u.numbers = append(u.numbers, n)
	for i, id := range in.Ticked {
		at := fmt.Sprintf("%s.ticked[%d]", path, i)
		s, ok := b.slots.get(id)
		if !ok {
			b.faults.add(at, FaultTickUnknown, "there is no slot %s", id)
			continue
		}
		if s.user != u {
			b.faults.add(at, FaultTickForeign, "slot %s belongs to user %s", id, s.user.username)
			continue
		}
		column := slices.Index(u.slots, s)
		if n.ticked[column] {
			b.faults.add(at, FaultTickTwice, "slot %s is ticked twice", id)
			continue
		}
		n.ticked[column] = true
		n.ticks++
		s.shown = append(s.shown, n)
	}
}

func (b *build) addFeature(i int, in Feature) {
	path := fmt.Sprintf("features[%d]", i)
	if digits(in.Number) {
		path = "features[" + in.Number + "]"
	}
	if in.OwnerType == "" {
		b.faults.add(path+".owner_type", FaultOwnerType, "must not be empty")
	}
	if b.claim(path, &number{number: in.Number, ownerType: in.OwnerType, ownerID: in.OwnerID, display: in.OwnerID}) {
		b.features = append(slices.Clip(b.features), in.Number)
	}
}

// claim enters a number into the plan. It is refused, and the first owner named,
// when the number has an owner (SPEC M2).
func (b *build) claim(path string, n *number) bool {
	if code, message := checkNumber(n.number); code != "" {
		b.faults.add(path+".number", code, "%s", message)
		return false
	}
	if first, ok := b.numbers.get(n.number); ok {
		b.faults.add(path+".number", FaultNumberTaken, "%s belongs to %s already", n.number, first.owner())
		return false
	}
	b.numbers.set(n.number, n)
	return true
}

// owner names the owner in an English sentence.
func (n *number) owner() string {
	if n.user != nil {
		return "user " + n.user.username
	}
	if n.ownerType == OwnerFaxLine {
		return "fax line " + n.ownerID
	}
	return n.ownerType + " " + n.ownerID
}
