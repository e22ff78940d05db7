// Package example holds the example company that a new installation can be
// filled with, and makes large synthetic companies for measurements.
//
// It starts no goroutine. internal/app and tests import it; it must not import
// sip, admin or routing.
package example

import (
	"context"
	_ "embed"
	"fmt"
	"slices"

	"github.com/BurntSushi/toml"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

//go:embed example.toml
var data string

// Account is what a phone needs to register as one slot.
type Account struct {
	Username    string             `json:"username"` // login name of the user
	FullName    string             `json:"full_name"`
	SlotID      string             `json:"slot_id"`
	SlotType    directory.SlotType `json:"slot_type"`
	SlotName    string             `json:"slot_name"`
	Numbers     []string           `json:"numbers"` // ticked, the default number first
	SIPUsername string             `json:"sip_username"`
	SIPSecret   string             `json:"sip_secret"`
}

type company struct {
	Users     []person         `toml:"user"`
	Faxes     []fax            `toml:"fax"`
	Calendars []map[string]any `toml:"calendar"`
	Hunts     []hunt           `toml:"hunt_group"`
	Pickups   []pickup         `toml:"pickup_group"`
}

type person struct {
	Username  string              `toml:"username"`
	FirstName string              `toml:"first_name"`
	LastName  string              `toml:"last_name"`
	Email     string              `toml:"email"`
	Numbers   []string            `toml:"numbers"`
	Slots     []slot              `toml:"slots"`
	Ticks     map[string][]string `toml:"ticks"` // number to slot types
	Profiles  []map[string]any    `toml:"profiles"`
}

type slot struct {
	Type         directory.SlotType `toml:"type"`
	Name         string             `toml:"name"`
	MobileNumber string             `toml:"mobile_number"`
}

type fax struct {
	Name   string `toml:"name"`
	Number string `toml:"number"`
}

// Load makes the people, groups, calendars and fax lines of the example company
// that do not exist yet, in one change, and returns the SIP accounts of all its people in the order
// of the file, with their secrets. What an administrator has changed about people
// who exist is left alone. It fails with *store.TakenError, and changes nothing,
// when one of the numbers belongs to somebody else.
func Load(ctx context.Context, st *store.Store) ([]Account, error) {
	var c company
	if _, err := toml.Decode(data, &c); err != nil {
		return nil, fmt.Errorf("reading example company: %w", err)
	}
	_, err := st.Update(ctx, store.Change{Actor: "system", Source: "example", Reason: "example company"}, c.load)
	if err != nil {
		return nil, fmt.Errorf("making example company: %w", err)
	}
	var accounts []Account
	for _, p := range c.Users {
		accounts = append(accounts, Accounts(st.Snapshot(), p.Username)...)
	}
	return accounts, nil
}

func (c *company) load(tx *store.Tx) error {
	var made []person
	for _, p := range c.Users {
		isNew, err := p.load(tx)
		if err != nil {
			return fmt.Errorf("user %s: %w", p.Username, err)
		}
		if isNew {
			made = append(made, p)
		}
	}
	if err := c.loadForwarding(tx, made); err != nil {
		return err
	}
	for _, f := range c.Faxes {
		if n := tx.Snapshot().Numbers[f.Number]; n != nil && n.OwnerType == directory.OwnerFaxLine && n.OwnerID == f.Name {
			continue
		}
		if _, err := tx.AddNumber(directory.Number{Number: f.Number, OwnerType: directory.OwnerFaxLine, OwnerID: f.Name}); err != nil {
			return fmt.Errorf("fax line %s: %w", f.Name, err)
		}
	}
	return nil
}

// load makes one person, or completes a supervisor who has nothing yet. It says
// whether it did.
func (p *person) load(tx *store.Tx) (made bool, err error) {
	user := tx.Snapshot().ByName[p.Username]
	switch {
	case user == nil:
		user, err = tx.CreateUser(directory.User{Username: p.Username, FirstName: p.FirstName, LastName: p.LastName, Email: p.Email, Language: "de"})
		if err != nil {
			return false, err
		}
	case p.Username != store.Supervisor || len(tx.Snapshot().Rows[user.ID])+len(tx.Snapshot().Columns[user.ID]) > 0:
		return false, nil
	default:
		_, err := tx.UpdateUser(user.ID, 0, func(u *directory.User) { u.FirstName, u.LastName, u.Email = p.FirstName, p.LastName, p.Email })
		if err != nil {
			return false, err
		}
	}
	for _, n := range p.Numbers {
		if _, err := tx.AddNumber(directory.Number{Number: n, OwnerType: directory.OwnerUser, OwnerID: user.ID}); err != nil {
			return false, err
		}
	}
	ids := map[string]string{}
	for _, s := range p.Slots {
		made, err := tx.CreateSlot(directory.Slot{UserID: user.ID, Type: s.Type, Name: s.Name, MobileNumber: s.MobileNumber})
		if err != nil {
			return false, err
		}
		ids[string(s.Type)] = made.ID
	}
	ticks := map[string][]string{}
	for number, types := range p.Ticks {
		for _, slotType := range types {
			ticks[number] = append(ticks[number], ids[slotType])
		}
	}
	_, err = tx.SetMatrix(user.ID, ticks, 0)
	return true, err
}

// Accounts lists the SIP accounts of a user in the order of the columns; slots
// without one are left out.
func Accounts(snap *directory.Snapshot, username string) []Account {
	u := snap.ByName[username]
	if u == nil {
		return nil
	}
	var accounts []Account
	for _, id := range snap.Columns[u.ID] {
		s := snap.Slots[id]
		if s.SIPUsername == "" {
			continue
		}
		numbers := snap.TickedNumbers(id)
		if first := snap.DefaultNumber(id); first != "" {
			i := slices.Index(numbers, first)
			numbers = slices.Insert(slices.Delete(numbers, i, i+1), 0, first)
		}
		accounts = append(accounts, Account{
			Username: username, FullName: u.FullName(), SlotID: id, SlotType: s.Type, SlotName: s.Name,
			Numbers: numbers, SIPUsername: s.SIPUsername, SIPSecret: s.SIPSecret,
		})
	}
	return accounts
}
