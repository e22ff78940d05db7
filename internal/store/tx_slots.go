package store

import (
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// Lengths of what CreateSlot makes: 60 and 139 random bits.
const (
	sipNameLength   = 12
	sipSecretLength = 24
)

// MaxSlots is the highest count of slots of one user.
const MaxSlots = 100

// CreateSlot adds a slot to s.UserID as the last column of the matrix, with no
// tick. For every type but Mobile it makes a random SIP user name and secret;
// the returned slot holds both. An empty Name becomes the type's. ID, Position,
// Version, DefaultNumber and SIP fields of s are ignored. Errors: *InvalidError,
// ErrNotFound for the user.
func (tx *Tx) CreateSlot(s directory.Slot) (*directory.Slot, error) {
	s.ID, s.SIPUsername, s.SIPSecret = "", "", ""
	return tx.createSlot(s)
}

// createSlot makes a SIP account where s brings none.
func (tx *Tx) createSlot(s directory.Slot) (*directory.Slot, error) {
	if _, err := tx.user(s.UserID); err != nil {
		return nil, err
	}
	if s.Name == "" {
		s.Name = string(s.Type)
	}
	var err error
	if s.ID, s.Version, err = identity("slot", s.ID, 0, tx.draft.snap.Slots[s.ID] != nil); err != nil {
		return nil, err
	}
	s.Position = 0
	s.DefaultNumber = ""
	if err := s.Validate(); err != nil {
		return nil, err
	}
	columns := tx.draft.snap.Columns[s.UserID]
	if len(columns) >= MaxSlots {
		return nil, invalid("type", "user has %d slots already", MaxSlots)
	}
	if len(columns) > 0 {
		s.Position = tx.draft.snap.Slots[columns[len(columns)-1]].Position + 1
	}
	var name any // NULL for mobile slots
	if s.Type != directory.Mobile {
		if s.SIPUsername == "" {
			s.SIPUsername = secret.Name(sipNameLength)
		}
		if s.SIPSecret == "" {
			s.SIPSecret = secret.Password(sipSecretLength)
		}
		name = s.SIPUsername
	}
	err = tx.exec(`INSERT INTO slots (id, user_id, type, name, position, dnd, default_number, mobile_number,
		sip_username, sip_secret, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		s.ID, s.UserID, s.Type, s.Name, s.Position, s.DND, s.DefaultNumber, s.MobileNumber, name, tx.seal(&s), s.Version)
	if err != nil {
		return nil, err
	}
	tx.draft.putSlot(&s)
	if err := tx.bumpMatrix(s.UserID); err != nil {
		return nil, err
	}
	return &s, tx.record("create", "slot", s.ID, s.Name, nil, slotView(&s))
}

// seal returns the sealed SIP secret of a slot, empty for mobile slots.
func (tx *Tx) seal(s *directory.Slot) []byte {
	if s.SIPSecret == "" {
		return []byte{}
	}
	return tx.box.Seal([]byte(s.SIPSecret), slotPurpose(s.ID))
}

func (tx *Tx) slot(id string, version int64) (*directory.Slot, error) {
	s := tx.draft.snap.Slots[id]
	if s == nil {
		return nil, &NotFoundError{Kind: "slot", ID: id}
	}
	return s, checkVersion("slot", id, s.Version, version)
}

// UpdateSlot lets edit change a copy of the slot and stores it. version is as in
// UpdateUser. Name, DND, DefaultNumber and MobileNumber can be changed; all else
// keeps its value whatever edit does. A default number must be ticked for the
// slot. Errors: ErrNotFound, ErrConflict, *InvalidError.
func (tx *Tx) UpdateSlot(id string, version int64, edit func(*directory.Slot)) (*directory.Slot, error) {
	old, err := tx.slot(id, version)
	if err != nil {
		return nil, err
	}
	edited := *old
	edit(&edited)
	s := *old
	s.Name, s.DND, s.DefaultNumber, s.MobileNumber = edited.Name, edited.DND, edited.DefaultNumber, edited.MobileNumber
	if s == *old {
		return old, nil
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.DefaultNumber != "" && !tx.draft.snap.Ticked(s.DefaultNumber, s.ID) {
		return nil, invalid("default_number", "%s is not ticked for this slot", s.DefaultNumber)
	}
	return tx.storeSlot(old, s, "update")
}

// ResetSlotSecret gives the slot a new SIP secret, which the returned slot
// holds; the user name stays. version is as in UpdateUser. Errors: ErrNotFound,
// ErrConflict, *InvalidError for a mobile slot.
func (tx *Tx) ResetSlotSecret(id string, version int64) (*directory.Slot, error) {
	old, err := tx.slot(id, version)
	if err != nil {
		return nil, err
	}
	if old.Type == directory.Mobile {
		return nil, invalid("type", "a mobile slot has no SIP account")
	}
	s := *old
	s.SIPSecret = secret.Password(sipSecretLength)
	return tx.storeSlot(old, s, "reset_secret")
}

// storeSlot writes s in place of old as its next version.
func (tx *Tx) storeSlot(old *directory.Slot, s directory.Slot, action string) (*directory.Slot, error) {
	s.Version = old.Version + 1
	err := tx.exec("UPDATE slots SET name = ?, dnd = ?, default_number = ?, mobile_number = ?, version = ? WHERE id = ?",
		s.Name, s.DND, s.DefaultNumber, s.MobileNumber, s.Version, s.ID)
	if err == nil && s.SIPSecret != old.SIPSecret {
		err = tx.exec("UPDATE slots SET sip_secret = ? WHERE id = ?", tx.seal(&s), s.ID)
	}
	if err != nil {
		return nil, err
	}
	tx.draft.putSlot(&s)
	return &s, tx.record(action, "slot", s.ID, s.Name, slotView(old), slotView(&s))
}

// DeleteSlot removes a slot and its ticks. version is as in UpdateUser. Errors:
// ErrNotFound, ErrConflict.
func (tx *Tx) DeleteSlot(id string, version int64) error {
	s, err := tx.slot(id, version)
	if err != nil {
		return err
	}
	before := slotView(s)
	before.Ticks = tx.draft.snap.TickedNumbers(id)
	for name, members := range tx.draft.snap.Members {
		if g := tx.draft.snap.Groups[name]; g.Type == directory.GroupSlot && slices.Contains(members, id) {
			if err := tx.deleteMember(g, id); err != nil {
				return err
			}
		}
	}
	if err := tx.deleteSlot(s); err != nil {
		return err
	}
	if err := tx.bumpMatrix(s.UserID); err != nil {
		return err
	}
	return tx.record("delete", "slot", s.ID, s.Name, before, nil)
}

// deleteSlot deletes the rows of a slot and its ticks.
func (tx *Tx) deleteSlot(s *directory.Slot) error {
	if err := tx.exec("DELETE FROM ticks WHERE slot_id = ?", s.ID); err != nil {
		return err
	}
	if err := tx.exec("DELETE FROM slots WHERE id = ?", s.ID); err != nil {
		return err
	}
	tx.draft.dropSlot(s)
	delete(tx.sipNames, s.SIPUsername)
	return nil
}
