package routing

import (
	"fmt"
	"slices"
	"time"

	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// Table is the compiled configuration. It is immutable: a change makes a new
// Table that shares what did not change.
type Table struct {
	numbers  index[*number]
	slots    index[*slot]
	users    index[*user]
	features []string // numbers of features
	settings Settings
	globals
}

// user, slot and number are compiled and never change after With returned. A
// number of a feature has no user.
type user struct {
	id, username, display string
	dnd                   bool
	numbers               []*number
	slots                 []*slot
	profiles              []*ruleset
	shownInside           []string
	shownOutside          []string
	hideInside            bool
	hideOutside           bool
	blocks                []block
	hasPIN                bool
	from                  *Givers // nil when no group gives anything
}

// block is a compiled Block.
type block struct {
	*matcher
	withPIN bool
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
	// Forwarding: the profile chosen by hand, and what the schedule says when that no longer holds.
	chosen      *ruleset
	everChosen  bool
	chosenUntil time.Time
	schedule    *schedule
	hunt        *hunt   // of a hunt group
	from        *Givers // nil when no group gives anything
}

// Compile builds a table. The error is of type Faults and holds everything that
// is wrong. What is wrong inside rules, schedules and calendars is no fault here: it is refused when it is saved, and a rule in old data that
// cannot be understood never applies.
func Compile(c Config) (*Table, error) {
	t := &Table{settings: c.Settings}
	b := newBuild(t)
	if c.Settings.RingTimeout < 0 {
		b.faults.add("settings.ring_timeout", FaultRingTimeout, "must not be negative")
	}
	return b.finish(&Change{Users: c.Users, Features: c.Features, Globals: &c.Globals})
}

// Change says what a new table has that the one before had not.
type Change struct {
	Users    []User    // replace those of the same ID, or are new
	Removed  []string  // IDs of users who are gone
	Features []Feature // replace all features, unless nil
	Globals  *Globals  // replace the former ones, unless nil
	Rights   Rights    // replace the former ones, unless nil
}

// With returns a changed table. Its cost depends on the users named and, if they change, on the globals, not on the size of the
// table. Faults are those of Compile; t stays valid in any case.
func (t *Table) With(c Change) (*Table, error) {
	b := newBuild(t)
	for i := range c.Users {
		b.drop(c.Users[i].ID)
	}
	for _, id := range c.Removed {
		b.drop(id)
	}
	if c.Features != nil {
		for _, n := range t.features {
			b.numbers.remove(n)
		}
		b.features = nil
	}
	if c.Globals != nil {
		for _, h := range t.hunts {
			b.numbers.remove(h.number.number)
		}
	}
	return b.finish(&c)
}

// build is a table in the making.
type build struct {
	settings Settings
	features []string
	numbers  *edit[*number]
	slots    *edit[*slot]
	users    *edit[*user]
	globals  globals
	faults   faultList
	// calendars are compiled by one compiler, so that each time zone is looked up once.
	calendars calendar.Compiler
}

func newBuild(from *Table) *build {
	return &build{
		settings: from.settings,
		features: from.features,
		numbers:  newEdit(from.numbers),
		slots:    newEdit(from.slots),
		users:    newEdit(from.users),
		globals:  from.globals,
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

// finish adds what is new and returns the table. All slots come before
// the first number, so that a tick for a slot of another user can be named; codes come last, since they must not hide a number.
func (b *build) finish(c *Change) (*Table, error) {
	compiled := make([]*user, len(c.Users))
	for i := range c.Users {
		compiled[i] = b.addUser(&c.Users[i])
	}
	for i := range c.Users {
		if compiled[i] != nil {
			b.addNumbers(compiled[i], &c.Users[i])
		}
	}
	for i := range c.Features {
		b.addFeature(i, c.Features[i])
	}
	if c.Globals != nil {
		b.addGlobals(c.Globals)
	}
	if c.Rights != nil {
		b.globals.rights = c.Rights
	}
	b.checkCodes(c)
	if err := b.faults.err(); err != nil {
		return nil, err
	}
	return &Table{
		numbers: b.numbers.index, slots: b.slots.index, users: b.users.index,
		features: b.features, settings: b.settings, globals: b.globals,
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
	u := &user{
		id: in.ID, username: in.Username, display: in.DisplayName, dnd: in.DND,
		shownInside: slices.Clone(in.ShownInside), shownOutside: slices.Clone(in.ShownOutside),
		hideInside: in.HideInside, hideOutside: in.HideOutside, hasPIN: in.HasPIN, from: in.From.compiled(),
	}
	if u.username == "" {
		u.username = in.ID
	}
	if u.display == "" {
		u.display = u.username
	}
	for _, m := range in.Blocks {
		if blocked := compileMatch(m.Match); blocked != nil {
			u.blocks = append(u.blocks, block{blocked, m.WithPIN})
		}
	}
	for i := range in.Profiles {
		p := &in.Profiles[i]
		u.profiles = append(u.profiles, compileRules(&ruleset{kind: "profile", id: p.ID, name: p.Name, owner: u}, p.Rules))
	}
	b.users.set(u.id, u)
	for i := range in.Slots {
		b.addSlot(u, path, &in.Slots[i])
	}
	return u
}

// compiled is a copy for the table.
func (g Givers) compiled() *Givers {
	if g == (Givers{}) {
		return nil
	}
	return &g
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
		ticked: make([]bool, len(u.slots)), from: in.From.compiled(),
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
	b.schedule(n, in)
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
	switch n.ownerType {
	case OwnerFaxLine:
		return "fax line " + n.ownerID
	case OwnerHunt:
		return "hunt group " + n.display
	}
	return n.ownerType + " " + n.ownerID
}
