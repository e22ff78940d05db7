package api

import (
	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Rights. Administrators do everything. Everybody else sees and changes what is
// theirs: their matrix, the settings of their numbers and slots, their calls and
// records. For what is not theirs they get the same answer whether it exists or
// not.

// mayUser finds a user by name for someone who asks.
func mayUser(id auth.Identity, snap *directory.Snapshot, username string) (*directory.User, error) {
	u := snap.ByName[username]
	if !id.Admin && (u == nil || u.ID != id.UserID) {
		return nil, forbidden("you may see and change your own account only")
	}
	if u == nil {
		return nil, notFound("user", username)
	}
	return u, nil
}

// mayNumber finds a number for someone who asks.
func mayNumber(id auth.Identity, snap *directory.Snapshot, number string) (*directory.Number, error) {
	n := snap.Numbers[number]
	if !id.Admin && (n == nil || n.OwnerType != directory.OwnerUser || n.OwnerID != id.UserID) {
		return nil, forbidden("you may see and change your own numbers only")
	}
	if n == nil {
		return nil, notFound("number", number)
	}
	return n, nil
}

// mayProfile finds a forwarding profile of a user for someone who asks.
func mayProfile(id auth.Identity, snap *directory.Snapshot, username, profileID string) (*directory.Profile, error) {
	u, err := mayUser(id, snap, username)
	if err != nil {
		return nil, err
	}
	p := snap.Profiles[profileID]
	if p == nil || p.UserID != u.ID {
		return nil, notFound("profile", profileID)
	}
	return p, nil
}

// maySlot finds a slot for someone who asks.
func maySlot(id auth.Identity, snap *directory.Snapshot, slotID string) (*directory.Slot, error) {
	s := snap.Slots[slotID]
	if !id.Admin && (s == nil || s.UserID != id.UserID) {
		return nil, forbidden("you may see and change your own slots only")
	}
	if s == nil {
		return nil, notFound("slot", slotID)
	}
	return s, nil
}

// mayCall says whether someone takes part in a call.
func mayCall(id auth.Identity, c *calls.Call) bool {
	return id.Admin || c.FromUser == id.UserID || c.ToUser == id.UserID
}

// mayRecord says whether someone took part in a recorded call.
func mayRecord(id auth.Identity, r *calls.Record) bool {
	return id.Admin || r.FromUser == id.UserID || r.ToUser == id.UserID
}

// mayEvent says whether someone is told of an event.
func mayEvent(id auth.Identity, snap *directory.Snapshot, e *calls.Event) bool {
	switch {
	case id.Admin:
		return true
	case e.Call != nil:
		return mayCall(id, e.Call)
	case e.SlotID != "":
		s := snap.Slots[e.SlotID]
		return s != nil && s.UserID == id.UserID
	}
	return e.Type == calls.ConfigChanged
}

// adminFields refuses a change of fields that are for administrators. named
// holds the fields that the body names.
func adminFields(id auth.Identity, named map[string]bool) error {
	if id.Admin {
		return nil
	}
	for _, field := range sortedKeys(named) {
		if named[field] {
			return fault(403, "", "only administrators may change "+field, "body."+field, "may be changed by administrators only")
		}
	}
	return nil
}
