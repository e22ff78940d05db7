package store

import (
	"maps"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// The doors for data that comes from elsewhere, with what it had there: SIP accounts that telephones know, PINs, memberships. The upgrade from
// 4.5 and the import of files use them.

// Adopt runs fn, and notes each user whom fn makes in one row of the audit log (action "adopt") with all that is the user's then: settings,
// matrix, slots, groups, names of profiles. The acts by which fn makes that have no rows of their own: ten thousand accounts would make seventy
// thousand. All other acts of fn are noted as ever. It must not be called inside fn.
func (tx *Tx) Adopt(fn func() error) error {
	tx.adopted = map[string]struct{}{}
	err := fn()
	ids := slices.Sorted(maps.Keys(tx.adopted))
	tx.adopted = nil
	if err != nil {
		return err
	}
	snap := tx.draft.snap
	for _, id := range ids {
		u := snap.Users[id]
		if u == nil {
			continue // gone again
		}
		if err := tx.record("adopt", "user", id, u.Username, nil, belongingsView(u, snap, snap.Belongings(id))); err != nil {
			return err
		}
	}
	return nil
}

// covered reports whether an act needs no row of its own, because the row that Adopt writes for a new user shows what has come of it.
func (tx *Tx) covered(action, objectType, objectID, objectName string, after any) bool {
	if tx.adopted == nil {
		return false
	}
	user := ""
	switch snap := tx.draft.snap; objectType {
	case "user":
		if action == "create" {
			tx.adopted[objectID] = struct{}{}
		}
		user = objectID
	case "number":
		if n := snap.Numbers[objectID]; n != nil && n.OwnerType == directory.OwnerUser {
			user = n.OwnerID
		}
	case "slot":
		if s := snap.Slots[objectID]; s != nil {
			user = s.UserID
		}
	case "profile":
		if p := snap.Profiles[objectID]; p != nil {
			user = p.UserID
		}
	case "group":
		if member, ok := after.(map[string]string); ok && action == "add_member" {
			if u := snap.ByName[member["member"]]; u != nil {
				user = u.ID
			}
		}
	}
	if action != "create" && action != "set_matrix" && action != "add_member" {
		return false
	}
	_, adopted := tx.adopted[user]
	return adopted
}

// AdoptUser is CreateUser for a user who has been one elsewhere: what groups the user is in is for the caller to say, VisibleUsers too.
// PINHash is taken as it is, as PasswordHash is, and so is the ID, if there is one and no other user has it.
func (tx *Tx) AdoptUser(u directory.User) (*directory.User, error) { return tx.createUser(u, false) }

// AdoptSlot is CreateSlot for a device that has a SIP account already: SIPUsername and SIPSecret are kept, and made as ever where they are
// empty; so is the ID. Errors: as CreateSlot, *InvalidError for an account that SIP cannot carry, *TakenError for a SIP user name that another slot has.
func (tx *Tx) AdoptSlot(s directory.Slot) (*directory.Slot, error) {
	if err := tx.checkAccount(&s, ""); err != nil {
		return nil, err
	}
	made, err := tx.createSlot(s)
	if err == nil && tx.sipNames != nil {
		tx.sipNames[made.SIPUsername] = struct{}{}
	}
	return made, err
}

// checkAccount checks a SIP account that a slot is to have; old is the SIP user name that it has had.
func (tx *Tx) checkAccount(s *directory.Slot, old string) error {
	if s.Type == directory.Mobile && s.SIPUsername+s.SIPSecret != "" {
		return invalid("sip_username", "does not belong to a mobile slot")
	}
	if !directory.ValidSIPUsername(s.SIPUsername) {
		return invalid("sip_username", "must be 1 to %d letters, digits and any of -_.!~*+", directory.MaxSIPUsername)
	}
	if !directory.ValidSIPSecret(s.SIPSecret) {
		return invalid("sip_secret", "must be at most %d characters of ASCII", directory.MaxSIPSecret)
	}
	if s.SIPUsername == "" || s.SIPUsername == old {
		return nil
	}
	if tx.sipNames == nil {
		tx.sipNames = make(map[string]struct{}, len(tx.draft.snap.Slots))
		for _, other := range tx.draft.snap.Slots {
			tx.sipNames[other.SIPUsername] = struct{}{}
		}
	}
	if _, taken := tx.sipNames[s.SIPUsername]; taken {
		return &TakenError{Kind: "SIP user name", Value: s.SIPUsername}
	}
	return nil
}
