package adopt

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/legacy"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// Counted counts in a snapshot what a report counts in a conversion, without what a new database is made with.
func Counted(s *directory.Snapshot, c *legacy.Conversion) map[string]int64 {
	m := map[string]int64{
		"users": int64(len(s.Users)), "numbers": int64(len(s.Numbers)), "slots": int64(len(s.Slots)), "profiles": int64(len(s.Profiles)),
		"pickup_groups": int64(len(s.PickupGroups)), "hunt_groups": int64(len(s.HuntGroups)), "calendars": int64(len(s.Calendars)), "permissions": int64(len(s.Grants)),
		"ticks": 0, "profile_rules": 0, "call_blocks": 0, "pins": 0, "sip_accounts": 0, "groups": 0, "group_members": 0, "fax_numbers": 0,
	}
	theirs := slices.ContainsFunc(c.Users, func(u *legacy.User) bool { return u.Username == store.Supervisor })
	if s.ByName[store.Supervisor] != nil && !theirs {
		m["users"]--
	}
	for _, slots := range s.Ticks {
		m["ticks"] += int64(len(slots))
	}
	for _, n := range s.Numbers {
		if n.OwnerType == directory.OwnerFaxLine {
			m["fax_numbers"]++
		}
	}
	for _, slot := range s.Slots {
		m["slots_"+string(slot.Type)]++
	}
	m["sip_accounts"] = accountsKept(s, c)
	for _, u := range s.Users {
		m["call_blocks"] += int64(len(u.Blocks))
		if u.PINHash != "" {
			m["pins"]++
		}
	}
	for _, p := range s.Profiles {
		m["profile_rules"] += int64(len(p.Table) + len(p.Extended))
	}
	countGroups(m, s, c)
	return m
}

// accountsKept counts the SIP accounts of 4.5 that are in the store with their name and password.
func accountsKept(s *directory.Snapshot, c *legacy.Conversion) (n int64) {
	secrets := make(map[string]string, len(s.Slots))
	for _, slot := range s.Slots {
		secrets[slot.SIPUsername] = slot.SIPSecret
	}
	for _, u := range c.Users {
		if u.Slot != nil && u.Slot.SIPUsername != "" && u.Slot.SIPSecret != "" && secrets[u.Slot.SIPUsername] == u.Slot.SIPSecret {
			n++
		}
	}
	return n
}

// countGroups counts the groups that are of 4.5. The supervisor of a new database is an administrator whatever 4.5 says.
func countGroups(m map[string]int64, s *directory.Snapshot, c *legacy.Conversion) {
	for i := range c.Groups {
		g := &c.Groups[i]
		if s.Groups[g.Name] == nil {
			continue
		}
		m["groups"]++
		m["group_members"] += int64(len(s.Members[g.Name]))
		u := s.ByName[store.Supervisor]
		if u != nil && slices.Contains(s.Members[g.Name], u.ID) && !slices.Contains(g.Members, store.Supervisor) {
			m["group_members"]--
		}
	}
	for _, g := range s.Groups {
		if !g.BuiltIn && !slices.ContainsFunc(c.Groups, func(o legacy.Group) bool { return o.Name == g.Name }) {
			m["groups"]++
		}
	}
}

// Differences says where the store holds something else than the report promises, "" when it holds just that.
func Differences(promised, stored map[string]int64) string {
	kinds := maps.Clone(promised)
	maps.Copy(kinds, stored)
	var list []string
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		if promised[k] != stored[k] {
			list = append(list, fmt.Sprintf("%s: %d read, %d stored", k, promised[k], stored[k]))
		}
	}
	return strings.Join(list, "; ")
}
