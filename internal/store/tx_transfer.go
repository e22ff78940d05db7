package store

import (
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// What an import of a file needs besides the doors of tx_adopt.go: choices and SIP accounts of objects that are here.

// AdoptForwarding sets which profiles are in force for a number, as it was elsewhere: the choice by hand with the time when it was made, which
// decides until when it holds beside a schedule, and the schedule. A time in the future becomes that of the change. Errors: as UpdateNumber.
func (tx *Tx) AdoptForwarding(number, profileID string, chosen time.Time, schedule *directory.Schedule) (*directory.Number, error) {
	old, err := tx.number(number, 0)
	if err != nil {
		return nil, err
	}
	n := *old
	if chosen = chosen.UTC().Truncate(time.Microsecond); chosen.After(tx.now) {
		chosen = tx.now
	}
	if n.ProfileID, n.ProfileChosen = profileID, chosen; chosen.IsZero() {
		if n.ProfileChosen = (time.Time{}); profileID != "" {
			n.ProfileChosen = tx.now
		}
	}
	n.Schedule = schedule
	return tx.storeNumber(old, n)
}

// AdoptAccount gives a slot the SIP account that its device has. Errors: as AdoptSlot, ErrNotFound.
func (tx *Tx) AdoptAccount(slotID, sipUsername, sipSecret string) (*directory.Slot, error) {
	old, err := tx.slot(slotID, 0)
	if err != nil {
		return nil, err
	}
	s := *old
	s.SIPUsername, s.SIPSecret = sipUsername, sipSecret
	switch {
	case s == *old:
		return old, nil
	case sipSecret == "":
		return nil, invalid("sip_secret", "is missing")
	}
	if err := tx.checkAccount(&s, old.SIPUsername); err != nil {
		return nil, err
	}
	if err := tx.exec("UPDATE slots SET sip_username = ? WHERE id = ?", s.SIPUsername, s.ID); err != nil {
		return nil, err
	}
	if tx.sipNames != nil {
		delete(tx.sipNames, old.SIPUsername)
		tx.sipNames[s.SIPUsername] = struct{}{}
	}
	return tx.storeSlot(old, s, "reset_secret")
}

// check checks what sends calls elsewhere. Inside Adopt it may send them to numbers that are not here.
func (tx *Tx) check(o interface {
	Check(*directory.Snapshot) error
	CheckAdopted(*directory.Snapshot) error
},
) error {
	if tx.adopted != nil {
		return o.CheckAdopted(tx.draft.snap)
	}
	return o.Check(tx.draft.snap)
}
