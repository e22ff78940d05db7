package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/routing"
)

// codes carries out what function codes want changed (SPEC G10), through the same door as every change: all of an order is done, or
// nothing, and it is audited in the name of the user.
type codes struct{ store *store.Store }

// phoneProfiles are the names of the profile that forwarding by code makes, by the user's language.
var phoneProfiles = map[string]string{"de": "Telefon", "en": "Phone"}

// Errors that end up in the record of the call.
var (
	errUserGone = errors.New("the user of the phone is gone")
	errNotOwn   = errors.New("the number that the phone shows is not one of its user's own")
	errNeverSet = errors.New("no forwarding has been set by code yet")
	errPosition = errors.New("the user has no profile of that position")
	errNothing  = errors.New("there is nothing to be changed by this code")
)

// Command implements b2bua.Commands.
func (k codes) Command(ctx context.Context, o routing.Order) error {
	u := k.store.Snapshot().Users[o.UserID]
	if u == nil {
		return errUserGone
	}
	change := store.Change{Actor: u.Username, Source: "code", Reason: o.Action}
	_, err := k.store.Update(ctx, change, func(tx *store.Tx) error { return carryOut(tx, &o) })
	if err != nil {
		return fmt.Errorf("changing the settings: %w", err)
	}
	return nil
}

// carryOut is one order as a change of the configuration.
func carryOut(tx *store.Tx, o *routing.Order) error {
	switch directory.CodeAction(o.Action) {
	case directory.CodeDNDOn, directory.CodeDNDOff:
		_, err := tx.UpdateSlot(o.SlotID, 0, func(s *directory.Slot) { s.DND = o.Action == routing.CodeDNDOn })
		return err
	case directory.CodeHideNumbersOn, directory.CodeHideNumbersOff:
		_, err := tx.UpdateUser(o.UserID, 0, func(u *directory.User) {
			u.HideOutside = o.Action == routing.CodeHideNumbersOn
			u.Own |= directory.SettingHideOutside // even if a group gives just that
		})
		return err
	}
	n := tx.Snapshot().Numbers[o.Number]
	if n == nil || n.OwnerType != directory.OwnerUser || n.OwnerID != o.UserID {
		return errNotOwn
	}
	switch directory.CodeAction(o.Action) {
	case directory.CodeWaitingOn, directory.CodeWaitingOff:
		_, err := tx.UpdateNumber(o.Number, 0, func(n *directory.Number) {
			n.CallWaiting = o.Action == routing.CodeWaitingOn
			n.Own |= directory.SettingCallWaiting
		})
		return err
	case directory.CodeForwardOff:
		return choose(tx, o, "")
	case directory.CodeProfile:
		return chooseAt(tx, o)
	case directory.CodeForwardOn:
		p := phoneProfile(tx, o.UserID)
		if p == nil {
			return errNeverSet
		}
		return choose(tx, o, p.ID)
	case directory.CodeForwardTo:
		return forwardTo(tx, o)
	}
	return errNothing
}

func choose(tx *store.Tx, o *routing.Order, profileID string) error {
	_, err := tx.SetForwardingProfile(o.Number, 0, profileID)
	return err
}

// chooseAt chooses a profile by its position in the user's list, from 1; 0 chooses none.
func chooseAt(tx *store.Tx, o *routing.Order) error {
	position, err := strconv.Atoi(o.Argument)
	if err != nil {
		return errPosition
	}
	if position == 0 {
		return choose(tx, o, "")
	}
	mine := tx.Snapshot().ProfilesOf[o.UserID]
	if position < 0 || position > len(mine) {
		return errPosition
	}
	return choose(tx, o, mine[position-1])
}

// phoneProfile is the profile of the user that forwarding by code has made, nil when there is none. A profile of the user's own is
// never taken for it, whatever its name is.
func phoneProfile(tx *store.Tx, userID string) *directory.Profile {
	s := tx.Snapshot()
	for _, id := range s.ProfilesOf[userID] {
		if p := s.Profiles[id]; p.ByCode {
			return p
		}
	}
	return nil
}

// freeName is a name for the profile that no other of the user's has: "Telefon", "Telefon 2".
func freeName(tx *store.Tx, userID string) string {
	s := tx.Snapshot()
	base := phoneProfiles[s.Users[userID].Language]
	if base == "" {
		base = phoneProfiles["en"]
	}
	name := base
	for n := 2; slices.ContainsFunc(s.ProfilesOf[userID], func(id string) bool { return strings.EqualFold(s.Profiles[id].Name, name) }); n++ {
		name = base + " " + strconv.Itoa(n)
	}
	return name
}

// forwardTo lets all calls go to the number that was dialled behind the code.
func forwardTo(tx *store.Tx, o *routing.Order) error {
	to := directory.Action{Kind: directory.ToNumber, Number: o.Argument}
	table := []directory.CaseRule{
		{Case: directory.Always, Class: directory.FromInside, Action: to},
		{Case: directory.Always, Class: directory.FromOutside, Action: to},
	}
	p := phoneProfile(tx, o.UserID)
	var err error
	if p == nil {
		p, err = tx.CreateProfile(directory.Profile{UserID: o.UserID, Name: freeName(tx, o.UserID), Table: table, ByCode: true})
	} else {
		p, err = tx.UpdateProfile(p.ID, 0, func(p *directory.Profile) { p.Table, p.Extended = table, nil })
	}
	if err != nil {
		return err
	}
	return choose(tx, o, p.ID)
}
