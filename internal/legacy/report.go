package legacy

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// ReportFormat is the version of the form of a report.
const ReportFormat = 1

// Report says what an upgrade does, or did: what comes along, what stays, and what is wrong.
type Report struct {
	Format  int       `json:"format"`
	Source  string    `json:"source"`  // user@address/database
	Version string    `json:"version"` // of this program
	Made    time.Time `json:"made"`
	// Ready is set when nothing stands in the way; Stops says in words what does.
	Ready       bool `json:"ready"`
	stopsDE     []string
	Stops       []string         `json:"stops"`
	Migrated    map[string]int64 `json:"migrated"` // counts by kind
	Items       Items            `json:"items"`
	NotMigrated []Left           `json:"not_migrated"`
	Phones      []Phone          `json:"phones"`
	Problems    []Problem        `json:"problems"`
	// Omitted counts problems that are not in the list, which is bounded.
	Omitted   int        `json:"problems_omitted,omitempty"`
	Unknown   []Unknown  `json:"unknown"`
	Absent    []string   `json:"absent_tables"` // tables of 4.5 that this one lacks; what is in them cannot be migrated
	Proposals []Proposal `json:"merge_proposals"`
	Seconds   Seconds    `json:"seconds"`
	// FaxLines have what 5 has no place for yet.
	FaxLines []FaxLine `json:"fax_lines,omitempty"`
	// Settings are those of 4.5's files and what becomes of them.
	Settings []Carried `json:"settings,omitempty"`
	// Done is set in the report of an upgrade that was made; Stored counts what was then found in the new database.
	Done   bool             `json:"done,omitempty"`
	Ended  time.Time        `json:"ended,omitzero"`
	Stored map[string]int64 `json:"stored,omitempty"`
}

// FaxLine is a fax line with what 4.5 sends by it.
type FaxLine struct {
	Number   string `json:"number"`
	Name     string `json:"name"`
	TSI      string `json:"tsi,omitempty"`
	Headline string `json:"headline,omitempty"`
}

// Seconds is how long the upgrade will take, roughly, and how long what was done has taken.
type Seconds struct {
	Estimate float64 `json:"estimate"`
	Actual   float64 `json:"actual"`
}

// Items names everything that is migrated.
type Items struct {
	Users     []UserItem `json:"users"`
	Groups    []string   `json:"groups"`
	Pickups   []string   `json:"pickup_groups"`
	Hunts     []string   `json:"hunt_groups"`
	Calendars []string   `json:"calendars"`
	Faxes     []string   `json:"fax_numbers"`
}

// UserItem is a user and what is his. It holds no secret.
type UserItem struct {
	Username string             `json:"username"`
	FullName string             `json:"full_name"`
	Email    string             `json:"email,omitempty"`
	Language string             `json:"language"`
	Number   string             `json:"number,omitempty"`
	Slot     directory.SlotType `json:"slot,omitempty"`
	PIN      bool               `json:"pin"`
	Profiles []string           `json:"profiles,omitempty"`
	Blocks   int                `json:"call_blocks,omitempty"`
}

// NewReport reports on a conversion that began at a time and whose making has taken so long.
func NewReport(c *Conversion, source, version string, made time.Time, took time.Duration) *Report {
	r := &Report{
		Format: ReportFormat, Source: source, Version: version, Made: made.UTC().Truncate(time.Second),
		Ready: len(c.Stops) == 0, Stops: orEmpty(c.Stops), NotMigrated: orEmpty(c.Left), Phones: orEmpty(c.Phones), Problems: orEmpty(c.Problems),
		Omitted: c.Omitted, Unknown: orEmpty(c.Unknown), Absent: orEmpty(c.Absent), Proposals: orEmpty(c.Proposals()),
		Seconds: Seconds{Estimate: estimate(c), Actual: float64(took.Milliseconds()) / 1000},
	}
	r.stopsDE, r.FaxLines = c.stopsDE, c.FaxLines
	r.count(c)
	r.name(c)
	return r
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (r *Report) count(c *Conversion) {
	m := map[string]int64{
		"users": int64(len(c.Users)), "groups": int64(len(c.Groups)), "permissions": int64(len(c.Grants)), "pickup_groups": int64(len(c.Pickups)),
		"hunt_groups": int64(len(c.Hunts)), "calendars": int64(len(c.Calendars)), "fax_numbers": int64(len(c.Faxes)),
		"numbers": int64(len(c.Hunts) + len(c.Faxes)),
		"slots":   0, "ticks": 0, "profiles": 0, "profile_rules": 0, "call_blocks": 0, "pins": 0, "sip_accounts": 0, "group_members": 0,
	}
	for _, u := range c.Users {
		if u.Number != nil {
			m["numbers"]++
		}
		if u.Slot != nil {
			m["slots"]++
			m["slots_"+string(u.Slot.Type)]++
			if u.Number != nil {
				m["ticks"]++
			}
			if u.Slot.SIPUsername != "" && u.Slot.SIPSecret != "" {
				m["sip_accounts"]++
			}
		}
		if u.PIN != "" {
			m["pins"]++
		}
		m["profiles"] += int64(len(u.Profiles))
		for _, p := range u.Profiles {
			m["profile_rules"] += int64(len(p.Table) + len(p.Extended))
		}
		m["call_blocks"] += int64(len(u.Blocks))
	}
	for _, g := range c.Groups {
		m["group_members"] += int64(len(g.Members) + len(g.Includes))
	}
	r.Migrated = m
}

func (r *Report) name(c *Conversion) {
	r.Items = Items{Users: []UserItem{}, Groups: []string{}, Pickups: []string{}, Hunts: []string{}, Calendars: []string{}, Faxes: []string{}}
	for _, u := range c.Users {
		item := UserItem{Username: u.Username, FullName: u.FullName(), Email: u.Email, Language: u.Language, Number: number(u), PIN: u.PIN != "", Blocks: len(u.Blocks)}
		if u.Slot != nil {
			item.Slot = u.Slot.Type
		}
		for _, p := range u.Profiles {
			item.Profiles = append(item.Profiles, p.Name)
		}
		r.Items.Users = append(r.Items.Users, item)
	}
	for _, g := range c.Groups {
		r.Items.Groups = append(r.Items.Groups, g.Name)
	}
	for _, p := range c.Pickups {
		r.Items.Pickups = append(r.Items.Pickups, p.Name)
	}
	for _, h := range c.Hunts {
		r.Items.Hunts = append(r.Items.Hunts, h.Number+" "+h.Name)
	}
	for _, k := range c.Calendars {
		r.Items.Calendars = append(r.Items.Calendars, k.Name)
	}
	for _, f := range c.Faxes {
		r.Items.Faxes = append(r.Items.Faxes, f.Number+" "+f.OwnerID)
	}
}

// What an upgrade costs on a machine that has other things to do (BENCHMARKS.md): backup, self-check and start, and an account with all that belongs
// to it, the more expensive way into a database on a server.
const (
	secondsAlways = 15
	secondsUser   = 0.006
)

// estimate is how long the upgrade will take, in seconds.
func estimate(c *Conversion) float64 {
	s := secondsAlways + secondsUser*float64(len(c.Users))
	return float64(int(s*10)) / 10
}

// WriteJSON writes the report as one JSON document.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
