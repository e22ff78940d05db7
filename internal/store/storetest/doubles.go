package storetest

import (
	"fmt"
	"math/rand/v2"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// RandomDoubles makes people who are there more than once, as after an upgrade from 4.5 and some work since: name, name.d and name.m with numbers, slots,
// ticks, profiles with parallel calls among other rules, schedules, groups with permissions and settings, pickup groups, hunt groups, blocked and shown numbers, PINs
// and do not disturb.
func RandomDoubles(tx *store.Tx, r *rand.Rand) error {
	d := doubles{tx: tx, r: r}
	for _, step := range []func() error{d.groups, d.people, d.profiles, d.choose, d.halls} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

type doubles struct {
	tx      *store.Tx
	r       *rand.Rand
	persons [][]string // IDs of the accounts of each person
	numbers []string
}

func (d *doubles) maybe() bool { return d.r.IntN(2) == 0 }

func (d *doubles) groups() error {
	for i := range 3 {
		g := directory.Group{Name: fmt.Sprintf("dg%d", i), Title: "Gruppe", Type: directory.GroupUser}
		if d.maybe() {
			g.Parameters.CallWaiting = perhaps(d.r, true)
			g.Parameters.MaxCalls = perhaps(d.r, d.r.IntN(4))
			g.Parameters.Language = perhaps(d.r, "en")
		}
		if _, err := d.tx.CreateGroup(g); err != nil {
			return err
		}
		if d.maybe() {
			if err := d.tx.AddGrant(directory.Grant{Group: g.Name, Permission: directory.MayPickUp, Objects: directory.AllUsers}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *doubles) people() error {
	for i := range 1 + d.r.IntN(3) {
		var ids []string
		for j, suffix := range []string{"", ".d", ".m", ".handy"}[:1+d.r.IntN(4)] {
			id, err := d.account(fmt.Sprintf("person%d%s", i, suffix), fmt.Sprintf("Person%d", i), fmt.Sprint(500+10*i+j))
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		d.persons = append(d.persons, ids)
	}
	return nil
}

func (d *doubles) account(name, last, number string) (string, error) {
	u := directory.User{
		Username: name, FirstName: "Anna", LastName: last, DND: d.r.IntN(6) == 0, HideOutside: d.r.IntN(4) == 0, StatusPrivate: d.maybe(),
		PasswordHash: []string{"", "$argon2id$" + name}[d.r.IntN(2)], MustChangePassword: d.maybe(),
	}
	for i := range d.r.IntN(3) {
		u.ShownOutside = append(u.ShownOutside, fmt.Sprintf("+49661000%d", d.r.IntN(3)+10*i))
		u.Blocks = append(u.Blocks, directory.Block{Match: directory.Match{Kind: directory.MatchPrefix, Value: fmt.Sprint("090", d.r.IntN(2))}, WithPIN: d.maybe(), Note: fmt.Sprint(i)})
	}
	made, err := d.tx.CreateUser(u)
	if err != nil {
		return "", err
	}
	if d.maybe() {
		if err := d.tx.SetPIN(name, "$argon2id$pin"); err != nil {
			return "", err
		}
	}
	for i := range 3 {
		if d.r.IntN(3) == 0 {
			if err := d.tx.AddMember(fmt.Sprintf("dg%d", i), made.ID); err != nil {
				return "", err
			}
		}
	}
	matrix := map[string][]string{}
	var slots []string
	for range 1 + d.r.IntN(2) {
		s := directory.Slot{UserID: made.ID, Type: directory.SlotTypes[d.r.IntN(2)], DND: d.r.IntN(6) == 0}
		slot, err := d.tx.CreateSlot(s)
		if err != nil {
			return "", err
		}
		slots = append(slots, slot.ID)
	}
	for i := range 1 + d.r.IntN(2) {
		n := directory.Number{Number: number, OwnerType: directory.OwnerUser, OwnerID: made.ID, CallWaiting: d.maybe(), BusyOnAny: d.r.IntN(4) == 0}
		if i > 0 {
			n.Number += "9"
		}
		if _, err := d.tx.AddNumber(n); err != nil {
			return "", err
		}
		d.numbers = append(d.numbers, n.Number)
		for _, id := range slots {
			if d.r.IntN(4) > 0 {
				matrix[n.Number] = append(matrix[n.Number], id)
			}
		}
	}
	if _, err := d.tx.SetMatrix(made.ID, matrix, 0); err != nil {
		return "", err
	}
	for number, ids := range matrix {
		if d.maybe() {
			if _, err := d.tx.UpdateSlot(ids[0], 0, func(s *directory.Slot) { s.DefaultNumber = number }); err != nil {
				return "", err
			}
		}
	}
	return made.ID, nil
}

// target is a number of anybody.
func (d *doubles) target() string { return d.numbers[d.r.IntN(len(d.numbers))] }

func (d *doubles) action(atOnce, extended bool) directory.Action {
	switch k := d.r.IntN(8); {
	case k < 4:
		numbers := []string{d.target()}
		if more := d.target(); more != numbers[0] {
			numbers = append(numbers, more)
		}
		return directory.Action{Kind: directory.ToParallel, Numbers: numbers}
	case k == 4 && !atOnce:
		return directory.Action{Kind: directory.ToNumber, Number: d.target()}
	case k == 5 && extended:
		return directory.Action{Kind: directory.Allow}
	case k == 6:
		return directory.Action{Kind: directory.Reject}
	}
	return directory.Action{Kind: directory.ToVoicemail}
}

func (d *doubles) profiles() error {
	for _, ids := range d.persons {
		for _, id := range ids {
			for i := range d.r.IntN(3) {
				p := directory.Profile{UserID: id, Name: []string{"Urlaub", "Büro", "Messe"}[(i+d.r.IntN(2)*i)%3]}
				for _, class := range []directory.Class{directory.FromInside, directory.FromOutside} {
					for _, c := range []directory.Case{directory.Always, directory.WhenBusy, directory.NotRegistered} {
						if d.r.IntN(2) == 0 {
							p.Table = append(p.Table, directory.CaseRule{Case: c, Class: class, Action: d.action(c == directory.Always, false)})
						}
					}
				}
				if d.r.IntN(3) == 0 {
					p.Extended = append(p.Extended, directory.ExtendedRule{When: directory.Conditions{Class: directory.FromInside}, Name: fmt.Sprint(i), Action: d.action(true, true)})
				}
				if d.r.IntN(3) == 0 {
					when := directory.Conditions{Class: directory.FromInside, Caller: &directory.Match{Kind: directory.MatchExact, Value: d.target()}}
					p.Extended = append(p.Extended, directory.ExtendedRule{When: when, Action: d.action(true, true)})
				}
				if _, err := d.tx.CreateProfile(p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// choose makes some profiles active, by hand or by a schedule.
func (d *doubles) choose() error {
	snap := d.tx.Snapshot()
	for _, number := range d.numbers {
		owner := snap.Numbers[number].OwnerID
		profiles := snap.ProfilesOf[owner]
		if len(profiles) == 0 || d.r.IntN(3) == 0 {
			continue
		}
		id := profiles[d.r.IntN(len(profiles))]
		_, err := d.tx.UpdateNumber(number, 0, func(n *directory.Number) {
			if d.r.IntN(3) == 0 {
				n.Schedule = &directory.Schedule{Calendar: workdays(1), Profiles: []string{id}}
			}
			if n.Schedule == nil || d.maybe() {
				n.ProfileID = id
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// halls are pickup groups and hunt groups.
func (d *doubles) halls() error {
	for i := range 2 {
		g := directory.PickupGroup{Name: fmt.Sprint("Halle ", i)}
		for _, ids := range d.persons {
			for _, id := range ids {
				if d.maybe() {
					g.Users = append(g.Users, id)
				}
			}
		}
		if _, err := d.tx.CreatePickupGroup(g); err != nil {
			return err
		}
		h := directory.HuntGroup{Name: fmt.Sprint("Ring ", i), Number: fmt.Sprint(700 + i), Strategy: directory.RingAll, Seconds: 30, MemberSeconds: 10}
		for _, n := range d.numbers {
			if d.r.IntN(3) == 0 {
				h.Members = append(h.Members, n)
			}
		}
		if _, err := d.tx.CreateHuntGroup(h); err != nil {
			return err
		}
	}
	return nil
}
