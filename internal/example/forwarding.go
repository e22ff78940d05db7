package example

import (
	"encoding/json"
	"fmt"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

type hunt struct {
	Name     string             `toml:"name"`
	Number   string             `toml:"number"`
	Strategy directory.Strategy `toml:"strategy"`
	Members  []string           `toml:"members"`
	Seconds  int                `toml:"seconds"`
}

type pickup struct {
	Name  string   `toml:"name"`
	Users []string `toml:"users"` // login names
}

// loadForwarding makes the groups and calendars that do not exist yet, and the
// profiles of the people who were made just now. Numbers and people that an
// administrator has removed are left out of the groups.
func (c *company) loadForwarding(tx *store.Tx, made []person) error {
	for _, h := range c.Hunts {
		if err := h.load(tx); err != nil {
			return fmt.Errorf("hunt group %s: %w", h.Name, err)
		}
	}
	for _, p := range c.Pickups {
		if err := p.load(tx); err != nil {
			return fmt.Errorf("pickup group %s: %w", p.Name, err)
		}
	}
	for _, doc := range c.Calendars {
		if err := loadCalendar(tx, doc); err != nil {
			return fmt.Errorf("calendar %v: %w", doc["name"], err)
		}
	}
	for _, p := range made {
		for _, doc := range p.Profiles {
			profile := directory.Profile{UserID: tx.Snapshot().ByName[p.Username].ID}
			if err := fill(doc, &profile); err != nil {
				return err
			}
			if _, err := tx.CreateProfile(profile); err != nil {
				return fmt.Errorf("profile %s of %s: %w", profile.Name, p.Username, err)
			}
		}
	}
	return nil
}

func (h *hunt) load(tx *store.Tx) error {
	snap := tx.Snapshot()
	for _, there := range snap.HuntGroups {
		if there.Name == h.Name {
			return nil
		}
	}
	group := directory.HuntGroup{Name: h.Name, Number: h.Number, Strategy: h.Strategy, Seconds: h.Seconds}
	for _, m := range h.Members {
		if n := snap.Numbers[m]; n != nil && n.OwnerType == directory.OwnerUser {
			group.Members = append(group.Members, m)
		}
	}
	_, err := tx.CreateHuntGroup(group)
	return err
}

func (p *pickup) load(tx *store.Tx) error {
	snap := tx.Snapshot()
	for _, there := range snap.PickupGroups {
		if there.Name == p.Name {
			return nil
		}
	}
	group := directory.PickupGroup{Name: p.Name}
	for _, name := range p.Users {
		if u := snap.ByName[name]; u != nil {
			group.Users = append(group.Users, u.ID)
		}
	}
	_, err := tx.CreatePickupGroup(group)
	return err
}

func loadCalendar(tx *store.Tx, doc map[string]any) error {
	for _, there := range tx.Snapshot().Calendars {
		if there.Name == doc["name"] {
			return nil
		}
	}
	var c directory.Calendar
	if err := fill(doc, &c); err != nil {
		return err
	}
	if err := fill(doc, &c.Spec); err != nil {
		return err
	}
	_, err := tx.CreateCalendar(c)
	return err
}

// fill reads a table of the file into a type that is described for JSON.
func fill(doc map[string]any, to any) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}
