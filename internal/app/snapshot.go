package app

import (
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/auth"
)

// live is what the hot path reads: compiled from one directory.Snapshot, immutable.
type live struct {
	source   *directory.Snapshot
	table    *routing.Table
	accounts map[string]*auth.Account // by SIP user name
}

// snapshots holds the current live view and makes the next one. Readers load the
// pointer and never lock; the store's single writer calls compile and publish.
type snapshots struct {
	current  atomic.Pointer[live]
	realm    string
	settings routing.Settings
	// pending is the view that the last trial compile made, so that the commit that
	// follows need not make it again.
	pending *live
}

func newSnapshots(cfg config.Config) *snapshots {
	return &snapshots{realm: cfg.SIP.Domain, settings: routing.Settings{
		RingTimeout: time.Duration(cfg.SIP.RingSeconds) * time.Second, Outside: len(cfg.Trunks) > 0, Country: cfg.Site.Country,
	}}
}

// Account implements auth.Accounts.
func (s *snapshots) Account(username string) *auth.Account {
	return s.current.Load().accounts[username]
}

// Table is the current routing table.
func (s *snapshots) Table() *routing.Table { return s.current.Load().table }

// compile makes the view for next. After a change whose extent is known it
// recompiles only the users it touched.
func (s *snapshots) compile(next *directory.Snapshot, changed store.Changed) (*live, error) {
	prev := s.current.Load()
	v := &live{source: next}
	var err error
	if prev == nil || changed.Full {
		cfg := routing.Config{Features: features(next), Globals: *routingGlobals(next), Settings: s.settings}
		for id := range next.Users {
			cfg.Users = append(cfg.Users, routingUser(next, id))
		}
		if v.table, err = routing.Compile(cfg); err != nil {
			return nil, err
		}
		v.accounts = make(map[string]*auth.Account, len(next.Slots))
		for _, slot := range next.Slots {
			s.addAccount(v.accounts, slot)
		}
		return v, nil
	}
	users := make([]routing.User, 0, len(changed.Users))
	for id := range changed.Users {
		users = append(users, routingUser(next, id))
	}
	change := routing.Change{Users: users, Removed: changed.Removed, Features: changedFeatures(prev.source, next, changed), Rights: rights{next}}
	if changed.Globals || changed.Groups {
		change.Globals = routingGlobals(next)
	}
	if v.table, err = prev.table.With(change); err != nil {
		return nil, err
	}
	v.accounts = s.accountsWith(prev, next, changed)
	return v, nil
}

// validate is the store's trial compile. What it made is kept for commit.
func (s *snapshots) validate(prev, next *directory.Snapshot, changed store.Changed) error {
	v, err := s.compile(next, changed)
	if err != nil {
		return fmt.Errorf("the change does not compile: %w", err)
	}
	if err := testRules(v.table, prev, next, changed); err != nil {
		return err
	}
	s.pending = v
	return nil
}

// commit puts next in force and returns the slots whose account is gone or has a new secret.
func (s *snapshots) commit(next *directory.Snapshot, changed store.Changed) (stale []string, err error) {
	v := s.pending
	s.pending = nil
	if v == nil || v.source != next {
		if v, err = s.compile(next, changed); err != nil {
			return nil, fmt.Errorf("compiling revision %d: %w", next.Revision, err)
		}
	}
	prev := s.current.Swap(v)
	if prev == nil {
		return nil, nil
	}
	ids := changedUsers(prev.source, next, changed)
	for _, id := range ids {
		for _, slotID := range prev.source.Columns[id] {
			was, now := prev.source.Slots[slotID], next.Slots[slotID]
			if now == nil || now.SIPSecret != was.SIPSecret || now.SIPUsername != was.SIPUsername {
				stale = append(stale, slotID)
			}
		}
	}
	return stale, nil
}

// preview is the table in force with one user as next has it.
func (s *snapshots) preview(next *directory.Snapshot, userID string) (*routing.Table, error) {
	t, err := s.Table().With(routing.Change{Users: []routing.User{routingUser(next, userID)}})
	if err != nil {
		return nil, fmt.Errorf("compiling what would be: %w", err)
	}
	return t, nil
}

// changedUsers lists the users whom a change may have touched.
func changedUsers(prev, next *directory.Snapshot, changed store.Changed) []string {
	if changed.Full {
		return slices.Collect(maps.Keys(prev.Users))
	}
	return append(slices.Collect(maps.Keys(changed.Users)), changed.Removed...)
}

// changedFeatures returns the numbers that belong to no user, or nil when none of them changed.
func changedFeatures(prev, next *directory.Snapshot, changed store.Changed) []routing.Feature {
	for n := range changed.Numbers {
		for _, s := range []*directory.Snapshot{prev, next} {
			if num := s.Numbers[n]; num != nil && feature(num) {
				return features(next)
			}
		}
	}
	return nil
}

// accountsWith returns prev's accounts with those of the changed and removed users replaced.
// The map is copied only when an account differs.
func (s *snapshots) accountsWith(prev *live, next *directory.Snapshot, changed store.Changed) map[string]*auth.Account {
	drop, add := map[string]bool{}, map[string]*auth.Account{}
	for _, id := range changedUsers(prev.source, next, changed) {
		for _, slotID := range prev.source.Columns[id] {
			drop[prev.source.Slots[slotID].SIPUsername] = true
		}
		for _, slotID := range next.Columns[id] {
			s.addAccount(add, next.Slots[slotID])
		}
	}
	delete(drop, "")
	same := len(drop) == len(add)
	for name, a := range add {
		old := prev.accounts[name]
		same = same && old != nil && *old == *a
	}
	if same {
		return prev.accounts
	}
	out := maps.Clone(prev.accounts)
	for name := range drop {
		delete(out, name)
	}
	maps.Copy(out, add)
	return out
}

func (s *snapshots) addAccount(to map[string]*auth.Account, slot *directory.Slot) {
	if slot.SIPUsername == "" {
		return
	}
	md5, sha256 := auth.HA1(slot.SIPUsername, s.realm, slot.SIPSecret)
	to[slot.SIPUsername] = &auth.Account{SlotID: slot.ID, UserID: slot.UserID, Username: slot.SIPUsername, HA1MD5: md5, HA1SHA256: sha256}
}

// routingUser is one user's matrix as routing wants it.
func routingUser(s *directory.Snapshot, id string) routing.User {
	u := s.Users[id]
	out := routing.User{
		ID: u.ID, Username: u.Username, DisplayName: u.FullName(), DND: u.DND, Profiles: routingProfiles(s, id),
		ShownInside: u.ShownInside, ShownOutside: u.ShownOutside, HideInside: u.HideInside, HideOutside: u.HideOutside, HasPIN: u.PINHash != "",
		From: givers(s, u.From),
	}
	for i := range u.Blocks {
		out.Blocks = append(out.Blocks, routing.Block{Match: *routingMatch(&u.Blocks[i].Match), WithPIN: u.Blocks[i].WithPIN})
	}
	for _, n := range s.Rows[id] {
		num := s.Numbers[n]
		out.Numbers = append(out.Numbers, routing.Number{
			Number: num.Number, DisplayName: num.DisplayName, CallWaiting: num.CallWaiting, BusyOnAny: num.BusyOnAny,
			MaxCalls: num.MaxCalls, RingInside: num.RingInside, RingOutside: num.RingOutside, Ticked: s.Ticks[n],
			Profile: num.ProfileID, Chosen: num.ProfileChosen, Schedule: routingSchedule(num.Schedule),
			From: givers(s, num.From),
		})
	}
	for _, slotID := range s.Columns[id] {
		slot := s.Slots[slotID]
		out.Slots = append(out.Slots, routing.Slot{
			ID: slot.ID, Type: string(slot.Type), Name: slot.Name, DND: slot.DND,
			DefaultNumber: slot.DefaultNumber, Mobile: slot.MobileNumber,
		})
	}
	return out
}

// givers are the groups that give settings to a number or user, as far as routing tells of those settings.
func givers(s *directory.Snapshot, from directory.Sources) routing.Givers {
	of := func(setting directory.Settings) routing.Giver {
		if g := s.Groups[from.Of(setting)]; g != nil {
			return routing.Giver{Name: g.Name, Title: g.Title}
		}
		return routing.Giver{}
	}
	if len(from) == 0 {
		return routing.Givers{}
	}
	return routing.Givers{
		CallWaiting: of(directory.SettingCallWaiting), BusyOnAny: of(directory.SettingBusyOnAny), MaxCalls: of(directory.SettingMaxCalls),
		HideInside: of(directory.SettingHideInside), HideOutside: of(directory.SettingHideOutside),
	}
}

// feature reports whether a number belongs to something that cannot take calls yet.
func feature(n *directory.Number) bool {
	return n.OwnerType != directory.OwnerUser && n.OwnerType != directory.OwnerHuntGroup
}

// features are those numbers.
func features(s *directory.Snapshot) []routing.Feature {
	out := []routing.Feature{}
	for _, n := range s.Numbers {
		if feature(n) {
			out = append(out, routing.Feature{Number: n.Number, OwnerType: string(n.OwnerType), OwnerID: n.OwnerID})
		}
	}
	return out
}
