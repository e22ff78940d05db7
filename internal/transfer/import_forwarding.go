package transfer

import (
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

func (im *importer) carryCalendars() error {
	for i := range im.file.Calendars {
		k := &im.file.Calendars[i]
		id := im.tx.Snapshot().Calendars[k.ID]
		if id == nil {
			for _, other := range im.tx.Snapshot().Calendars {
				if strings.EqualFold(other.Name, k.Name) {
					id = other
				}
			}
		}
		ok, err := im.attempt(object{KindCalendar, i, 0}, func() error {
			var err error
			if id == nil {
				id, err = im.tx.CreateCalendar(directory.Calendar{ID: k.ID, Name: k.Name, Spec: k.Spec})
				return err
			}
			id, err = im.tx.UpdateCalendar(id.ID, 0, func(have *directory.Calendar) { have.Name, have.Spec = k.Name, k.Spec })
			return err
		})
		if err != nil {
			return err
		}
		if ok {
			im.calendars[i], im.byName[k.Name] = id.ID, id.ID
		}
	}
	return nil
}

// conditions put the ID of the calendar here in place of its name. A calendar that is not in the file may be here.
func (im *importer) conditions(w directory.Conditions) (directory.Conditions, error) {
	if w.Calendar == "" {
		return w, nil
	}
	id := im.byName[w.Calendar]
	if id == "" {
		for _, k := range im.tx.Snapshot().Calendars {
			if strings.EqualFold(k.Name, w.Calendar) {
				id = k.ID
			}
		}
	}
	if id == "" {
		return w, problem("missing", "calendar", "there is no calendar "+clipped(w.Calendar)+" here", "den Kalender "+clipped(w.Calendar)+" gibt es hier nicht")
	}
	w.Calendar = id
	return w, nil
}

// carryForwarding leaves to be done what sends calls elsewhere: each of it may need what another has made.
func (im *importer) carryForwarding() error {
	if err := im.dropProfiles(); err != nil {
		return err
	}
	for i := range im.file.HuntGroups {
		im.later(object{KindHunt, i, 0}, func() error { return im.carryHunt(i, false) })
	}
	for i := range im.file.Users {
		u := &im.file.Users[i]
		id := im.users[u.Username]
		if id == "" {
			continue
		}
		for k := range u.Profiles {
			im.later(object{KindProfile, i, k}, func() error { return im.carryProfile(id, i, k) })
		}
	}
	for i := range im.file.HuntGroups {
		im.later(object{KindHunt, i, 0}, func() error { return im.carryHunt(i, true) })
	}
	for i := range im.file.Users {
		id := im.users[im.file.Users[i].Username]
		if id == "" {
			continue
		}
		for k := range im.file.Users[i].Numbers {
			if of := (object{KindNumber, i, k}); len(im.problems[of]) == 0 {
				im.later(of, func() error { return im.carryChoice(id, i, k) })
			}
		}
	}
	return nil
}

// dropProfiles removes profiles that the users of the file do not have in it, when it replaces.
func (im *importer) dropProfiles() error {
	for i := range im.file.Users {
		u := &im.file.Users[i]
		id := im.users[u.Username]
		if id == "" {
			continue
		}
		snap := im.tx.Snapshot()
		for k := range u.Profiles {
			p := &u.Profiles[k]
			if have := snap.Profiles[p.ID]; have != nil && have.UserID == id {
				im.profiles[[2]int{i, k}] = have.ID
			}
		}
		for k := range u.Profiles {
			if im.profiles[[2]int{i, k}] != "" {
				continue
			}
			for _, other := range snap.ProfilesOf[id] {
				if strings.EqualFold(snap.Profiles[other].Name, u.Profiles[k].Name) && !im.claimed(i, len(u.Profiles), other) {
					im.profiles[[2]int{i, k}] = other
				}
			}
		}
		if !im.exact() {
			continue
		}
		for _, other := range slices.Clone(snap.ProfilesOf[id]) {
			if im.claimed(i, len(u.Profiles), other) {
				continue
			}
			if err := im.tx.DeleteProfile(other, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

func (im *importer) claimed(user, count int, profileID string) bool {
	for k := range count {
		if im.profiles[[2]int{user, k}] == profileID {
			return true
		}
	}
	return false
}

func (im *importer) carryProfile(userID string, i, k int) error {
	p := &im.file.Users[i].Profiles[k]
	var extended []directory.ExtendedRule
	for _, r := range p.Extended {
		var err error
		if r.When, err = im.conditions(r.When); err != nil {
			return err
		}
		extended = append(extended, r)
	}
	if id := im.profiles[[2]int{i, k}]; id != "" {
		_, err := im.tx.UpdateProfile(id, 0, func(have *directory.Profile) { have.Name, have.Table, have.Extended = p.Name, p.Table, extended })
		return err
	}
	made, err := im.tx.CreateProfile(directory.Profile{
		ID: free(im.tx.Snapshot().Profiles, p.ID), UserID: userID, Name: p.Name, Table: p.Table, Extended: extended, ByCode: p.ByCode,
	})
	if err == nil {
		im.profiles[[2]int{i, k}] = made.ID
	}
	return err
}

// carryChoice sets which profiles are in force for a number. Merging leaves a schedule and a choice that the file lacks.
func (im *importer) carryChoice(userID string, i, k int) error {
	n := &im.file.Users[i].Numbers[k]
	have := im.tx.Snapshot().Numbers[n.Number]
	profileID, chosen, schedule := have.ProfileID, have.ProfileChosen, have.Schedule
	var err error
	if !n.Chosen.IsZero() || im.exact() {
		if profileID, err = im.profileID(userID, n.Profile); err != nil {
			return err
		}
		chosen = n.Chosen
	}
	if n.Schedule != nil {
		s := &directory.Schedule{Calendar: n.Schedule.Calendar, Profiles: make([]string, len(n.Schedule.Profiles))}
		for x, name := range n.Schedule.Profiles {
			if s.Profiles[x], err = im.profileID(userID, name); err != nil {
				return err
			}
		}
		schedule = s
	} else if im.exact() {
		schedule = nil
	}
	_, err = im.tx.AdoptForwarding(n.Number, profileID, chosen, schedule)
	return err
}

func (im *importer) profileID(userID, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	snap := im.tx.Snapshot()
	for _, id := range snap.ProfilesOf[userID] {
		if snap.Profiles[id].Name == name {
			return id, nil
		}
	}
	return "", problem("missing", "forwarding_profile", "the profile "+clipped(name)+" could not be made", "das Profil "+clipped(name)+" konnte nicht angelegt werden")
}

// orderProfiles puts the profiles of the users of the file in its order, when it replaces.
func (im *importer) orderProfiles() error {
	if !im.exact() {
		return nil
	}
	for i := range im.file.Users {
		u := &im.file.Users[i]
		id := im.users[u.Username]
		if id == "" || len(u.Profiles) < 2 {
			continue
		}
		var want []string
		for k := range u.Profiles {
			want = append(want, im.profiles[[2]int{i, k}])
		}
		if err := im.tx.OrderProfiles(id, inOrder(im.tx.Snapshot().ProfilesOf[id], want)); err != nil {
			return err
		}
	}
	return nil
}

// carryHunt makes or changes a hunt group, first without what comes when nobody answers: that may lead to another one.
func (im *importer) carryHunt(i int, overflow bool) error {
	h := &im.file.HuntGroups[i]
	if _, found := im.hunts[i]; !found {
		im.hunts[i] = ""
		if have := im.tx.Snapshot().HuntGroups[h.ID]; have != nil {
			im.hunts[i] = have.ID
		} else {
			for _, have := range im.tx.Snapshot().HuntGroups {
				if strings.EqualFold(have.Name, h.Name) {
					im.hunts[i] = have.ID
				}
			}
		}
	}
	if im.hunts[i] == "" {
		if overflow {
			return nil // refused before
		}
		made, err := im.tx.CreateHuntGroup(directory.HuntGroup{
			ID: h.ID, Name: h.Name, Number: h.Number, Strategy: h.Strategy, Members: h.Members, MemberSeconds: h.MemberSeconds, Seconds: h.Seconds,
		})
		if err != nil {
			return err
		}
		im.hunts[i] = made.ID
		return nil
	}
	if have := im.tx.Snapshot().HuntGroups[im.hunts[i]]; !im.exact() && !h.Partial && have.ID != h.ID && have.Number != h.Number {
		return problem("other_group", "number", "the hunt group "+h.Name+" has the number "+have.Number+" here and "+clipped(h.Number)+" in the file: rename one of them, or give both the same number",
			"der Sammelanschluss "+h.Name+" hat hier die Nummer "+have.Number+" und in der Datei "+clipped(h.Number)+": benennen Sie einen von beiden um, oder geben Sie beiden dieselbe Nummer")
	}
	if !overflow {
		return nil
	}
	made, err := im.tx.UpdateHuntGroup(im.hunts[i], 0, func(have *directory.HuntGroup) {
		members := have.Members
		if im.exact() && !h.Partial {
			members = nil
		}
		for _, m := range h.Members {
			if !slices.Contains(members, m) {
				members = append(members, m)
			}
		}
		have.Members = members
		if h.Partial && im.base.HuntGroups[have.ID] != nil {
			return // only the members are the file's
		}
		have.Name, have.Number, have.Strategy = h.Name, h.Number, h.Strategy
		have.MemberSeconds, have.Seconds, have.Overflow = h.MemberSeconds, h.Seconds, h.Overflow
	})
	if err != nil || h.Partial && im.base.HuntGroups[made.ID] != nil {
		return err
	}
	_, err = im.tx.UpdateNumber(h.Number, 0, func(n *directory.Number) {
		n.DisplayName = h.DisplayName
		giveNumber(n, &h.Settings, im.exact())
	})
	return err
}

// carrySystem leaves to be done what belongs to nobody.
func (im *importer) carrySystem() error {
	for i := range im.file.Rules {
		im.later(object{KindRule, i, 0}, func() error { return im.carryRule(i) })
	}
	if im.exact() && len(im.file.Rules) > 1 {
		im.later(object{KindRule, 0, 0}, im.orderRules)
	}
	return im.carryCodes()
}

func (im *importer) carryRule(i int) error {
	r := &im.file.Rules[i]
	when, err := im.conditions(r.When)
	if err != nil {
		return err
	}
	if _, found := im.rules[i]; !found {
		im.rules[i] = im.matchRule(i)
	}
	if im.rules[i] != "" {
		_, err := im.tx.UpdateRule(im.rules[i], 0, func(have *directory.SystemRule) {
			have.Name, have.Enabled, have.When, have.Action, have.Tests = r.Name, r.Enabled, when, r.Action, r.Tests
		})
		return err
	}
	made, err := im.tx.CreateRule(directory.SystemRule{ID: r.ID, Name: r.Name, Enabled: r.Enabled, When: when, Action: r.Action, Tests: r.Tests})
	if err == nil {
		im.rules[i] = made.ID
	}
	return err
}

// matchRule finds a rule by its ID, else by its name among those that no rule of the file has by ID.
func (im *importer) matchRule(i int) string {
	ids := map[string]bool{}
	for k := range im.file.Rules {
		ids[im.file.Rules[k].ID] = true
	}
	for k := range im.rules {
		ids[im.rules[k]] = true
	}
	byName := ""
	for _, have := range im.tx.Snapshot().Rules {
		switch {
		case have.ID == im.file.Rules[i].ID:
			return have.ID
		case byName == "" && have.Name == im.file.Rules[i].Name && !ids[have.ID]:
			byName = have.ID
		}
	}
	return byName
}

// orderRules puts the rules of the file among one another in its order, at the places that they have together.
func (im *importer) orderRules() error {
	var ours []string
	for i := range im.file.Rules {
		if im.rules[i] != "" {
			ours = append(ours, im.rules[i])
		}
	}
	next := 0
	var order []string
	for _, r := range im.tx.Snapshot().Rules {
		id := r.ID
		if slices.Contains(ours, id) {
			id = ours[next]
			next++
		}
		order = append(order, id)
	}
	return im.tx.OrderRules(order)
}

// carryCodes sets all function codes in one step, so that two can change places; when that is refused, one by one, so that it shows which.
func (im *importer) carryCodes() error {
	var list []directory.Code
	for _, c := range im.file.Codes {
		list = append(list, directory.Code{Action: c.Action, Code: c.Code, Enabled: c.Enabled})
	}
	problems, err := im.refusal(im.tx.SetCodes(list))
	if err != nil || len(problems) == 0 {
		return err
	}
	for i := range list {
		if _, err := im.attempt(object{KindCode, i, 0}, func() error { return im.tx.SetCodes(list[i : i+1]) }); err != nil {
			return err
		}
	}
	return nil
}
