package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// randomForwarding is the part of randomAct that is about forwarding.
func randomForwarding(tx *store.Tx, r *rand.Rand) error {
	snap := tx.Snapshot()
	user, number := pick(r, snap.Users), pick(r, snap.Numbers)
	profile := pick(r, snap.Profiles)
	switch r.IntN(18) {
	case 0, 16:
		_, err := tx.CreateProfile(directory.Profile{UserID: user, Name: fmt.Sprint(r.IntN(5)), Table: randomTable(snap, r), Extended: randomRules(snap, r)})
		return err
	case 1:
		_, err := tx.UpdateProfile(profile, 0, func(p *directory.Profile) { p.Name, p.Table = fmt.Sprint(r.IntN(5)), randomTable(snap, r) })
		return err
	case 2:
		return tx.DeleteProfile(profile, 0)
	case 3:
		ids := slices.Clone(snap.ProfilesOf[user])
		r.Shuffle(len(ids), func(i, k int) { ids[i], ids[k] = ids[k], ids[i] })
		return tx.OrderProfiles(user, ids)
	case 4, 5:
		_, err := tx.SetForwardingProfile(number, 0, randomProfile(snap, number, r))
		return err
	case 6:
		_, err := tx.UpdateNumber(number, 0, func(n *directory.Number) {
			if n.Schedule != nil && r.IntN(2) == 0 {
				n.Schedule = nil
				return
			}
			n.Schedule = &directory.Schedule{Calendar: workdays(2), Profiles: []string{randomProfile(snap, number, r), randomProfile(snap, number, r)}}
		})
		return err
	case 7:
		_, err := tx.CreateCalendar(directory.Calendar{Name: fmt.Sprint(r.IntN(5)), Spec: workdays(r.IntN(3))})
		return err
	case 8:
		return tx.DeleteCalendar(pick(r, snap.Calendars), 0)
	case 9:
		_, err := tx.CreateHuntGroup(directory.HuntGroup{
			Name: fmt.Sprint(r.IntN(5)), Number: fmt.Sprint(r.IntN(100)), Strategy: directory.RingAll, Seconds: 30, Members: []string{number}, Overflow: randomTable(snap, r),
		})
		return err
	case 10:
		_, err := tx.UpdateHuntGroup(pick(r, snap.HuntGroups), 0, func(h *directory.HuntGroup) {
			if h.Members = append(h.Members, number); r.IntN(2) == 0 {
				h.Number = fmt.Sprint(r.IntN(100))
			}
		})
		return err
	case 11:
		return tx.DeleteHuntGroup(pick(r, snap.HuntGroups), 0)
	case 12:
		return randomPickup(tx, r, user)
	case 13:
		return randomSystemRule(tx, r)
	case 14:
		g := directory.Grant{Group: pick(r, snap.Groups), Permission: directory.MayPickUp, Objects: pick(r, snap.Groups)}
		if r.IntN(3) == 0 {
			return tx.RemoveGrant(g)
		}
		return tx.AddGrant(g)
	default:
		_, err := tx.UpdateUser(user, 0, func(u *directory.User) {
			u.HideOutside, u.ShownInside = !u.HideOutside, []string{number}
			u.Blocks = append(u.Blocks, directory.Block{Match: directory.Match{Kind: directory.MatchExact, Value: "99"}})
		})
		return err
	}
}

func randomPickup(tx *store.Tx, r *rand.Rand, user string) error {
	id := pick(r, tx.Snapshot().PickupGroups)
	switch r.IntN(3) {
	case 0:
		_, err := tx.CreatePickupGroup(directory.PickupGroup{Name: fmt.Sprint(r.IntN(5)), Users: []string{user}})
		return err
	case 1:
		return tx.DeletePickupGroup(id, 0)
	}
	_, err := tx.UpdatePickupGroup(id, 0, func(g *directory.PickupGroup) { g.Users = append(g.Users, user) })
	return err
}

func randomSystemRule(tx *store.Tx, r *rand.Rand) error {
	var ids []string
	for _, rule := range tx.Snapshot().Rules {
		ids = append(ids, rule.ID)
	}
	id := "none"
	if len(ids) > 0 {
		id = ids[r.IntN(len(ids))]
	}
	switch r.IntN(4) {
	case 0:
		_, err := tx.UpdateRule(id, 0, func(rule *directory.SystemRule) { rule.Enabled = !rule.Enabled })
		return err
	case 1:
		return tx.DeleteRule(id, 0)
	case 2:
		r.Shuffle(len(ids), func(i, k int) { ids[i], ids[k] = ids[k], ids[i] })
		return tx.OrderRules(ids)
	}
	_, err := tx.CreateRule(directory.SystemRule{
		Name: "r", When: directory.Conditions{Called: &directory.Match{Kind: directory.MatchPrefix, Value: "1"}, Calendar: calendarOrNone(tx.Snapshot(), r)}, Action: directory.Action{Kind: directory.Reject},
	})
	return err
}

// randomTable forwards all calls, mostly to a number that exists.
func randomTable(snap *directory.Snapshot, r *rand.Rand) []directory.CaseRule {
	if r.IntN(4) == 0 {
		return []directory.CaseRule{}
	}
	return always(pick(r, snap.Numbers))[r.IntN(2):]
}

func randomRules(snap *directory.Snapshot, r *rand.Rand) []directory.ExtendedRule {
	rules := []directory.ExtendedRule{{When: directory.Conditions{Class: directory.FromOutside}, Action: directory.Action{Kind: directory.Reject}}}
	if c := calendarOrNone(snap, r); c != "" {
		rules = append(rules, directory.ExtendedRule{When: directory.Conditions{Calendar: c}, Action: directory.Action{Kind: directory.Allow}})
	}
	return rules
}

func calendarOrNone(snap *directory.Snapshot, r *rand.Rand) string {
	if len(snap.Calendars) == 0 || r.IntN(2) == 0 {
		return ""
	}
	return pick(r, snap.Calendars)
}

// randomProfile is a profile of the number's owner, mostly.
func randomProfile(snap *directory.Snapshot, number string, r *rand.Rand) string {
	n := snap.Numbers[number]
	if n == nil || len(snap.ProfilesOf[n.OwnerID]) == 0 || r.IntN(4) == 0 {
		return ""
	}
	ids := snap.ProfilesOf[n.OwnerID]
	return ids[r.IntN(len(ids))]
}
