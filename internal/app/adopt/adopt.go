// Package adopt puts a converted 4.5 system into an empty Koppelfeld 5, in one change, and counts what is there afterwards.
//
// It owns no goroutine. It joins internal/legacy and internal/store, which do not know each other.
package adopt

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/legacy"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// ErrInUse is returned for a database of 5 that holds more than a fresh one does.
var ErrInUse = errors.New("the database of 5 is in use already: it has users or numbers. The upgrade fills an empty one only")

// Fresh reports whether a snapshot holds nothing but what a new database is made with.
func Fresh(s *directory.Snapshot) bool {
	return len(s.Numbers)+len(s.Slots)+len(s.Profiles)+len(s.HuntGroups)+len(s.Calendars)+len(s.PickupGroups) == 0 &&
		(len(s.Users) == 0 || len(s.Users) == 1 && s.ByName[store.Supervisor] != nil)
}

// Into writes all of a conversion in one change, all or nothing, and returns its revision. The supervisor of 4.5 becomes the one
// that a new database has; where 4.5 has none, that one stays as it is. Errors: ErrInUse, and those of store.Update.
func Into(ctx context.Context, st *store.Store, c *legacy.Conversion, change store.Change) (revision int64, err error) {
	return st.Update(ctx, change, func(tx *store.Tx) error {
		if !Fresh(tx.Snapshot()) {
			return ErrInUse
		}
		a := &adoption{tx: tx, from: c, ids: make(map[string]string, len(c.Users)), calendars: map[string]string{}}
		return tx.Adopt(a.all)
	})
}

// adoption is the work of one change.
type adoption struct {
	tx        *store.Tx
	from      *legacy.Conversion
	ids       map[string]string // of users, by user name
	calendars map[string]string // IDs by name
}

// all goes from what stands alone to what refers to it: profiles forward to numbers, of hunt groups too, and name calendars.
func (a *adoption) all() error {
	for _, step := range []func() error{a.groups, a.users, a.faxes, a.hunts, a.times, a.profiles, a.members, a.pickups, a.grants} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// groups makes those that 5 does not have by itself; those it has get the title that people know.
func (a *adoption) groups() error {
	for i := range a.from.Groups {
		g := &a.from.Groups[i]
		var err error
		if a.tx.Snapshot().Groups[g.Name] != nil {
			_, err = a.tx.UpdateGroup(g.Name, 0, func(have *directory.Group) { have.Title = g.Title })
		} else {
			_, err = a.tx.CreateGroup(g.Group)
		}
		if err != nil {
			return fmt.Errorf("group %s: %w", g.Name, err)
		}
	}
	return nil
}

func (a *adoption) users() error {
	for _, u := range a.from.Users {
		if err := a.user(u); err != nil {
			return fmt.Errorf("user %s: %w", u.Username, err)
		}
	}
	return nil
}

func (a *adoption) user(u *legacy.User) error {
	hash := ""
	if u.PIN != "" {
		var err error
		if hash, err = secret.HashManyPINs(u.PIN); err != nil {
			return err
		}
	}
	id, err := a.person(u, hash)
	if err != nil {
		return err
	}
	a.ids[u.Username] = id
	if u.Number != nil {
		n := *u.Number
		n.OwnerType, n.OwnerID = directory.OwnerUser, id
		if _, err := a.tx.AddNumber(n); err != nil {
			return fmt.Errorf("number %s: %w", n.Number, err)
		}
	}
	if u.Slot == nil {
		return nil
	}
	s := *u.Slot
	s.UserID = id
	slot, err := a.tx.AdoptSlot(s)
	if err != nil || u.Number == nil {
		return err
	}
	_, err = a.tx.SetMatrix(id, map[string][]string{u.Number.Number: {slot.ID}}, 0)
	return err
}

// person makes the user, or makes of the supervisor of a new database the one of 4.5.
func (a *adoption) person(u *legacy.User, pinHash string) (id string, err error) {
	have := a.tx.Snapshot().ByName[u.Username]
	if have == nil || u.Username != store.Supervisor {
		one := u.User
		one.PINHash = pinHash
		made, err := a.tx.AdoptUser(one)
		if err != nil {
			return "", err
		}
		return made.ID, nil
	}
	_, err = a.tx.UpdateUser(have.ID, 0, func(s *directory.User) {
		s.FirstName, s.LastName, s.Email, s.Language = u.FirstName, u.LastName, u.Email, u.Language
		s.DND, s.HideInside, s.HideOutside, s.Blocks = u.DND, u.HideInside, u.HideOutside, u.Blocks
	})
	if err != nil {
		return "", err
	}
	return have.ID, a.tx.SetPIN(u.Username, pinHash)
}

func (a *adoption) faxes() error {
	for _, f := range a.from.Faxes {
		if _, err := a.tx.AddNumber(f); err != nil {
			return fmt.Errorf("fax line %s: %w", f.OwnerID, err)
		}
	}
	return nil
}

func (a *adoption) hunts() error {
	for _, h := range a.from.Hunts {
		if _, err := a.tx.CreateHuntGroup(h); err != nil {
			return fmt.Errorf("hunt group %s: %w", h.Name, err)
		}
	}
	return nil
}

func (a *adoption) times() error {
	for _, c := range a.from.Calendars {
		made, err := a.tx.CreateCalendar(c)
		if err != nil {
			return fmt.Errorf("calendar %s: %w", c.Name, err)
		}
		a.calendars[c.Name] = made.ID
	}
	return nil
}

func (a *adoption) profiles() error {
	for _, u := range a.from.Users {
		for _, p := range u.Profiles {
			p.UserID = a.ids[u.Username]
			p.Extended = slices.Clone(p.Extended)
			for i := range p.Extended {
				if name := p.Extended[i].When.Calendar; name != "" {
					p.Extended[i].When.Calendar = a.calendars[name]
				}
			}
			if _, err := a.tx.CreateProfile(p); err != nil {
				return fmt.Errorf("profile %s of %s: %w", p.Name, u.Username, err)
			}
		}
	}
	return nil
}

// members fills the groups. Who is visible is as it was in 4.5; where it had no such group, all are.
func (a *adoption) members() error {
	visible := false
	for i := range a.from.Groups {
		g := &a.from.Groups[i]
		visible = visible || g.Name == directory.VisibleUsers
		if err := a.fill(g); err != nil {
			return fmt.Errorf("group %s: %w", g.Name, err)
		}
	}
	if !visible {
		for _, u := range a.from.Users {
			if err := a.tx.AddMember(directory.VisibleUsers, a.ids[u.Username]); err != nil {
				return fmt.Errorf("group %s: %w", directory.VisibleUsers, err)
			}
		}
	}
	return nil
}

func (a *adoption) fill(g *legacy.Group) error {
	if id := a.ids[store.Supervisor]; id != "" && g.Name == directory.VisibleUsers && !slices.Contains(g.Members, store.Supervisor) {
		if err := a.tx.RemoveMember(g.Name, id); err != nil {
			return err
		}
	}
	for _, m := range g.Members {
		if id := a.ids[m]; id != "" && g.Type == directory.GroupUser {
			m = id // of other types the members are names
		}
		if err := a.tx.AddMember(g.Name, m); err != nil {
			return err
		}
	}
	for _, inner := range g.Includes {
		if err := a.tx.AddMember(g.Name, a.tx.Snapshot().Groups[inner].ID); err != nil {
			return err
		}
	}
	return nil
}

func (a *adoption) pickups() error {
	for _, p := range a.from.Pickups {
		users := make([]string, len(p.Users))
		for i, name := range p.Users {
			users[i] = a.ids[name]
		}
		p.Users = users
		if _, err := a.tx.CreatePickupGroup(p); err != nil {
			return fmt.Errorf("pickup group %s: %w", p.Name, err)
		}
	}
	return nil
}

func (a *adoption) grants() error {
	for _, g := range a.from.Grants {
		if err := a.tx.AddGrant(g); err != nil {
			return fmt.Errorf("permission %s of %s: %w", g.Permission, g.Group, err)
		}
	}
	return nil
}
