package transfer

import (
	"errors"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Mode says what becomes of what is here and not in the file.
type Mode string

// Merge adds and updates and never removes. Replace makes the users and groups of the file exactly as they are in it: what the file lacks of
// theirs goes. Neither touches other users.
const (
	Merge   Mode = "merge"
	Replace Mode = "replace"
)

// How says how a file is imported.
type How struct {
	Mode Mode
	// SkipConflicts imports the rest when objects are in conflict; else nothing is.
	SkipConflicts bool
	// MayCreateUsers is asked once when new users are about to be made, with the count of those that there are and of those that come. Its error
	// ends the import. nil allows.
	MayCreateUsers func(have, more int) error
	// Refused tells errors of Tx that concern one object alone, besides *directory.InvalidError.
	Refused func(error) bool
}

// Tx is the transaction of an import; *store.Tx is one. Each method checks before it writes: an error that How.Refused knows leaves all as it was.
type Tx interface {
	Snapshot() *directory.Snapshot
	Adopt(fn func() error) error
	AdoptUser(u directory.User) (*directory.User, error)
	UpdateUser(id string, version int64, edit func(*directory.User)) (*directory.User, error)
	SetPassword(username, hash string) error
	SetFirstPassword(username, hash string) error
	SetPIN(username, hash string) error
	AddNumber(n directory.Number) (*directory.Number, error)
	UpdateNumber(number string, version int64, edit func(*directory.Number)) (*directory.Number, error)
	RemoveNumber(number string, version int64) error
	AdoptForwarding(number, profileID string, chosen time.Time, schedule *directory.Schedule) (*directory.Number, error)
	AdoptSlot(s directory.Slot) (*directory.Slot, error)
	AdoptAccount(slotID, sipUsername, sipSecret string) (*directory.Slot, error)
	UpdateSlot(id string, version int64, edit func(*directory.Slot)) (*directory.Slot, error)
	DeleteSlot(id string, version int64) error
	SetMatrix(userID string, ticks map[string][]string, version int64) (int64, error)
	OrderMatrix(userID string, numbers, slots []string, version int64) (int64, error)
	CreateProfile(p directory.Profile) (*directory.Profile, error)
	UpdateProfile(id string, version int64, edit func(*directory.Profile)) (*directory.Profile, error)
	DeleteProfile(id string, version int64) error
	OrderProfiles(userID string, ids []string) error
	CreateGroup(g directory.Group) (*directory.Group, error)
	UpdateGroup(name string, version int64, edit func(*directory.Group)) (*directory.Group, error)
	AddMember(group, objectID string) error
	RemoveMember(group, objectID string) error
	AddGrant(g directory.Grant) error
	RemoveGrant(g directory.Grant) error
	CreateHuntGroup(h directory.HuntGroup) (*directory.HuntGroup, error)
	UpdateHuntGroup(id string, version int64, edit func(*directory.HuntGroup)) (*directory.HuntGroup, error)
	CreatePickupGroup(g directory.PickupGroup) (*directory.PickupGroup, error)
	UpdatePickupGroup(id string, version int64, edit func(*directory.PickupGroup)) (*directory.PickupGroup, error)
	CreateCalendar(c directory.Calendar) (*directory.Calendar, error)
	UpdateCalendar(id string, version int64, edit func(*directory.Calendar)) (*directory.Calendar, error)
	CreateRule(r directory.SystemRule) (*directory.SystemRule, error)
	UpdateRule(id string, version int64, edit func(*directory.SystemRule)) (*directory.SystemRule, error)
	OrderRules(ids []string) error
	SetCodes(list []directory.Code) error
}

// Import puts the contents of a file into a transaction and says what has become of each object. It must be the first to change anything in
// the transaction, and may be run again in another one.
// Errors: *ConflictsError, that of MayCreateUsers, those of Tx that concern more than one object; the transaction must then be taken back.
func Import(tx Tx, c *Contents, how How) (*Result, error) {
	im := newImporter(tx, c, how)
	im.match()
	if how.MayCreateUsers != nil && len(im.fresh) > 0 {
		if err := how.MayCreateUsers(len(tx.Snapshot().Users), len(im.fresh)); err != nil {
			return nil, err
		}
	}
	if err := tx.Adopt(im.carry); err != nil {
		return nil, err
	}
	r := im.compare(tx.Snapshot())
	if r.Count("", Conflict) > 0 && !how.SkipConflicts {
		return r, &ConflictsError{r}
	}
	return r, nil
}

// importer is the work of one import.
type importer struct {
	tx     Tx
	file   *Contents
	how    How
	base   *directory.Snapshot // as it was before
	result Result

	fresh map[string]bool   // user names of the file that are new here
	users map[string]string // user name in the file to ID here; those in conflict are missing
	slots map[string]string // slot ID in the file to ID here
	// profiles, hunts, pickups, calendars, rules: ID here of an object of the file, by the place in the file.
	profiles  map[[2]int]string
	hunts     map[int]string
	pickups   map[int]string
	calendars map[int]string
	rules     map[int]string
	byName    map[string]string // calendar name in the file to ID here

	passwords map[string]*UserSecret // by user name
	accounts  map[string]string      // SIP secret by SIP user name
	problems  map[object][]Problem
	tasks     []task
}

// object is an object of the file by its place: that of the user, and of the number, slot or profile in it; or that in its list.
type object struct {
	kind  Kind
	outer int
	inner int
}

func newImporter(tx Tx, c *Contents, how How) *importer {
	base := *tx.Snapshot() // its maps are copied when they are first written
	im := &importer{
		tx: tx, file: c, how: how, base: &base,
		fresh: map[string]bool{}, users: map[string]string{}, slots: map[string]string{}, profiles: map[[2]int]string{}, hunts: map[int]string{},
		pickups: map[int]string{}, calendars: map[int]string{}, rules: map[int]string{}, byName: map[string]string{},
		passwords: map[string]*UserSecret{}, accounts: map[string]string{}, problems: map[object][]Problem{},
	}
	if c.secrets != nil {
		for i := range c.secrets.Users {
			im.passwords[c.secrets.Users[i].Username] = &c.secrets.Users[i]
		}
		for _, s := range c.secrets.Slots {
			im.accounts[s.SIPUsername] = s.SIPSecret
		}
	}
	return im
}

func (im *importer) exact() bool { return im.how.Mode == Replace }

// task is a change that may depend on others. One that is refused is tried again after the others.
type task struct {
	of  object
	run func() error
}

func (im *importer) later(of object, run func() error) { im.tasks = append(im.tasks, task{of, run}) }

// runTasks runs what is left to do, as often as that brings it on: a forward may lead to a hunt group that comes later, or close a circle that
// another change opens.
func (im *importer) runTasks() error {
	for {
		var left []task
		var refusals [][]Problem
		for _, t := range im.tasks {
			problems, err := im.refusal(t.run())
			if err != nil {
				return err
			}
			if len(problems) > 0 {
				left, refusals = append(left, t), append(refusals, problems)
			}
		}
		if len(left) == 0 || len(left) == len(im.tasks) {
			for i, t := range left {
				im.problems[t.of] = append(im.problems[t.of], refusals[i]...)
			}
			im.tasks = nil
			return nil
		}
		im.tasks = left
	}
}

// refusal tells what is wrong with one object from an error that ends the import.
func (im *importer) refusal(err error) ([]Problem, error) {
	if err == nil {
		return nil, nil
	}
	var p *problemError
	if errors.As(err, &p) {
		return []Problem{p.Problem}, nil
	}
	if list := directory.Invalid(err); len(list) > 0 {
		var out []Problem
		for _, e := range list {
			out = append(out, Problem{Code: "invalid", Field: e.Field, Message: e.Problem})
		}
		return out, nil
	}
	if im.how.Refused != nil && im.how.Refused(err) {
		return []Problem{{Code: "taken", Message: err.Error()}}, nil
	}
	return nil, err
}

// attempt runs a change of one object now, and notes a refusal.
func (im *importer) attempt(of object, run func() error) (ok bool, err error) {
	problems, err := im.refusal(run())
	im.problems[of] = append(im.problems[of], problems...)
	if len(im.problems[of]) == 0 {
		delete(im.problems, of)
	}
	return err == nil && len(problems) == 0, err
}

// problemError is a problem on its way out of a change.
type problemError struct{ Problem }

func (p *problemError) Error() string { return p.Message }

func problem(code, field, en, de string) *problemError {
	return &problemError{Problem{Code: code, Field: field, Message: en, De: de}}
}

// carry does all of it, in an order in which what is referred to mostly comes first.
func (im *importer) carry() error {
	for _, step := range []func() error{
		im.carryCalendars, im.makeGroups, im.carryUsers, im.freeNumbers, im.carryNumbers, im.carryFaxes, im.carrySlots, im.carryMatrices,
		im.carryForwarding, im.runTasks, im.orderProfiles, im.carryMembers, im.carrySystem, im.runTasks,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
