package transfer

import (
	"maps"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// slotsOf lists the places of the slots of each user of the file.
func (im *importer) slotsOf() map[string][]int {
	out := map[string][]int{}
	for i := range im.file.Slots {
		out[im.file.Slots[i].User] = append(out[im.file.Slots[i].User], i)
	}
	return out
}

func (im *importer) carrySlots() error {
	if !has(im.file.Manifest.What, WhatPhones) {
		return nil
	}
	of := im.slotsOf()
	for _, username := range slices.Sorted(maps.Keys(im.users)) {
		id, places := im.users[username], of[username]
		var slots []*Slot
		for _, i := range places {
			slots = append(slots, &im.file.Slots[i])
		}
		im.matchSlots(id, slots)
		if im.exact() {
			if err := im.dropSlots(id, slots); err != nil {
				return err
			}
		}
		for _, i := range places {
			if _, err := im.attempt(object{KindSlot, i, 0}, func() error { return im.carrySlot(id, &im.file.Slots[i]) }); err != nil {
				return err
			}
		}
	}
	if has(im.file.Manifest.What, WhatUsers) {
		return nil
	}
	for i := range im.file.Slots {
		if s := &im.file.Slots[i]; im.users[s.User] == "" {
			im.problems[object{KindSlot, i, 0}] = []Problem{problem("missing", "user", "there is no user "+clipped(s.User)+" here: export users as well, or create the user first",
				"den Benutzer "+clipped(s.User)+" gibt es hier nicht: exportieren Sie auch die Benutzer, oder legen Sie ihn zuerst an").Problem}
		}
	}
	return nil
}

// dropSlots removes slots of a user that the file does not have.
func (im *importer) dropSlots(userID string, keep []*Slot) error {
	for _, id := range slices.Clone(im.tx.Snapshot().Columns[userID]) {
		if slices.ContainsFunc(keep, func(s *Slot) bool { return im.slots[s.ID] == id }) {
			continue
		}
		if err := im.tx.DeleteSlot(id, 0); err != nil {
			return err
		}
	}
	return nil
}

// carrySlot makes a slot, or gives one that is here the SIP account of the file. The rest comes with the matrix.
func (im *importer) carrySlot(userID string, s *Slot) error {
	secret := im.accounts[s.SIPUsername]
	if here := im.slots[s.ID]; here != "" {
		if have := im.tx.Snapshot().Slots[here]; secret == "" || have.SIPUsername == s.SIPUsername && have.SIPSecret == secret {
			return nil
		}
		_, err := im.tx.AdoptAccount(here, s.SIPUsername, secret)
		return err
	}
	made, err := im.tx.AdoptSlot(directory.Slot{
		ID: free(im.tx.Snapshot().Slots, s.ID), UserID: userID, Type: s.Type, Name: s.Name, DND: s.DND, MobileNumber: s.MobileNumber,
		SIPUsername: s.SIPUsername, SIPSecret: secret,
	})
	if err != nil {
		return err
	}
	im.slots[s.ID] = made.ID
	if made.SIPUsername != "" && secret == "" {
		im.result.NewSecrets++
	}
	return nil
}

// carryMatrices sets ticks, default numbers and order of the users of the file.
func (im *importer) carryMatrices() error {
	of := im.slotsOf()
	for i := range im.file.Users {
		u := &im.file.Users[i]
		id := im.users[u.Username]
		if id == "" {
			continue
		}
		var numbers []string
		for k := range u.Numbers {
			numbers = append(numbers, u.Numbers[k].Number)
		}
		if _, err := im.attempt(object{KindUser, i, 0}, func() error { return im.orderMatrix(id, numbers, of[u.Username]) }); err != nil {
			return err
		}
	}
	if !has(im.file.Manifest.What, WhatPhones) {
		return nil
	}
	for _, username := range slices.Sorted(maps.Keys(im.users)) {
		if err := im.carryTicks(im.users[username], of[username]); err != nil {
			return err
		}
	}
	return nil
}

// orderMatrix puts rows and columns in the order of the file, when it replaces.
func (im *importer) orderMatrix(userID string, numbers []string, places []int) error {
	if !im.exact() {
		return nil
	}
	snap := im.tx.Snapshot()
	var columns []string
	for _, i := range places {
		columns = append(columns, im.slots[im.file.Slots[i].ID])
	}
	_, err := im.tx.OrderMatrix(userID, inOrder(snap.Rows[userID], numbers), inOrder(snap.Columns[userID], columns), 0)
	return err
}

// inOrder puts have into the order of want; what want lacks comes last.
func inOrder(have, want []string) []string {
	out := make([]string, 0, len(have))
	for _, s := range want {
		if slices.Contains(have, s) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, s := range have {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// carryTicks sets the ticks of one user, and then what can only be said of a slot that has them.
func (im *importer) carryTicks(userID string, places []int) error {
	snap := im.tx.Snapshot()
	matrix := snap.Matrix(userID)
	for _, i := range places {
		s := &im.file.Slots[i]
		id := im.slots[s.ID]
		if id == "" || snap.Slots[id] == nil {
			continue // in conflict
		}
		for _, number := range snap.Rows[userID] {
			want, have := slices.Contains(s.Numbers, number), slices.Contains(matrix[number], id)
			switch {
			case want && !have:
				matrix[number] = append(matrix[number], id)
			case !want && have && im.exact():
				matrix[number] = slices.DeleteFunc(matrix[number], func(x string) bool { return x == id })
			}
		}
	}
	if _, err := im.tx.SetMatrix(userID, matrix, 0); err != nil {
		return err
	}
	for _, i := range places {
		s, of := &im.file.Slots[i], object{KindSlot, i, 0}
		id := im.slots[s.ID]
		if id == "" || len(im.problems[of]) > 0 {
			continue
		}
		if _, err := im.attempt(of, func() error { return im.updateSlot(id, s) }); err != nil {
			return err
		}
	}
	return nil
}

func (im *importer) updateSlot(id string, s *Slot) error {
	_, err := im.tx.UpdateSlot(id, 0, func(have *directory.Slot) {
		have.Name, have.DND, have.MobileNumber = s.Name, s.DND, s.MobileNumber
		if s.DefaultNumber != "" || im.exact() {
			have.DefaultNumber = s.DefaultNumber
		}
	})
	return err
}
