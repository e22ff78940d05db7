package api

import (
	"context"
	"net/http"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Slot is a place for one device of one user.
type Slot struct {
	ID            string             `json:"id"`
	Username      string             `json:"username" doc:"Whose slot it is"`
	Type          directory.SlotType `json:"type" enum:"desk,dect,mobile,softphone,ucc"`
	Name          string             `json:"name"`
	DND           bool               `json:"dnd" doc:"Do not disturb"`
	DefaultNumber string             `json:"default_number" doc:"Number shown on outgoing calls, empty for the first ticked one"`
	MobileNumber  string             `json:"mobile_number" doc:"Outside number of a mobile slot"`
	SIP           *SIPAccount        `json:"sip,omitempty" doc:"Account of the device; mobile slots have none"`
}

// SIPAccount is what a device registers with.
type SIPAccount struct {
	Username string `json:"username"`
	Password string `json:"password,omitempty" doc:"Shown once, when it is made"`
	Domain   string `json:"domain"`
}

type SlotPath struct {
	ID string `path:"id" maxLength:"64"`
}

type slotOutput struct {
	ETag         string `header:"ETag"`
	Location     string `header:"Location"`
	CacheControl string `header:"Cache-Control"`
	Body         Slot
}

type createSlotInput struct {
	UserPath
	Body struct {
		Type         directory.SlotType `json:"type" enum:"desk,dect,mobile,softphone,ucc"`
		Name         string             `json:"name,omitempty" maxLength:"128" doc:"Without one it is named after its type"`
		MobileNumber string             `json:"mobile_number,omitempty" maxLength:"16" doc:"Outside number, needed for type mobile" example:"+491701234567"`
	}
}

type patchSlotInput struct {
	SlotPath
	Precondition
	Body struct {
		Name          Field[string] `json:"name,omitempty" minLength:"1" maxLength:"128"`
		DND           Field[bool]   `json:"dnd,omitempty"`
		DefaultNumber Field[string] `json:"default_number,omitempty" maxLength:"15" doc:"Must be ticked for the slot"`
		MobileNumber  Field[string] `json:"mobile_number,omitempty" maxLength:"16"`
	}
}

func (a *API) slotView(snap *directory.Snapshot, s *directory.Slot) Slot {
	v := Slot{ID: s.ID, Type: s.Type, Name: s.Name, DND: s.DND, DefaultNumber: s.DefaultNumber, MobileNumber: s.MobileNumber}
	if u := snap.Users[s.UserID]; u != nil {
		v.Username = u.Username
	}
	if s.SIPUsername != "" {
		v.SIP = &SIPAccount{Username: s.SIPUsername, Domain: a.deps.Domain}
	}
	return v
}

func (a *API) slotAnswer(snap *directory.Snapshot, s *directory.Slot) *slotOutput {
	return &slotOutput{ETag: etag(s.Version), Body: a.slotView(snap, s)}
}

// slotSecretAnswer is slotAnswer with the secret, for the moment it is made.
func (a *API) slotSecretAnswer(snap *directory.Snapshot, s *directory.Slot) *slotOutput {
	out := a.slotAnswer(snap, s)
	if out.Body.SIP != nil {
		out.Body.SIP.Password = s.SIPSecret
	}
	out.CacheControl = "no-store"
	return out
}

func (a *API) registerSlots() {
	const one = "/api/slots/{id}"
	register(a, operation{
		id: "create-slot", method: http.MethodPost, path: "/api/users/{username}/slots", tag: "users", access: adminOnly,
		summary: "Add a slot to a user", doc: "It becomes the last column of the matrix, without a tick. Its SIP secret is shown in this answer only.",
		status: http.StatusCreated, errors: []int{http.StatusNotFound},
	}, a.createSlot)
	register(a, operation{
		id: "list-user-slots", method: http.MethodGet, path: "/api/users/{username}/slots", tag: "users", access: ownOnly,
		summary: "List the slots of a user in the order of the matrix", errors: []int{http.StatusNotFound},
	}, a.listUserSlots)
	register(a, operation{
		id: "list-slots", method: http.MethodGet, path: "/api/slots", tag: "users", access: ownOnly,
		summary: "List slots and what they do now", doc: "Users see their own.",
	}, a.listSlots)
	register(a, operation{
		id: "get-slot", method: http.MethodGet, path: one, tag: "users", access: ownOnly,
		summary: "Show a slot", errors: []int{http.StatusNotFound},
	}, a.getSlot)
	register(a, operation{
		id: "patch-slot", method: http.MethodPatch, path: one, tag: "users", access: ownOnly,
		summary: "Change a slot", doc: "The outside number of a mobile slot is for administrators.",
		errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.patchSlot)
	register(a, operation{
		id: "delete-slot", method: http.MethodDelete, path: one, tag: "users", access: adminOnly,
		summary: "Remove a slot", status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.deleteSlot)
	register(a, operation{
		id: "reset-slot-secret", method: http.MethodPost, path: one + "/secret", tag: "users", access: adminOnly,
		summary: "Make a new SIP secret", doc: "It is shown in this answer only. The old one is no longer good for new requests of the device.",
		errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.resetSecret)
	register(a, operation{
		id: "list-bindings", method: http.MethodGet, path: one + "/bindings", tag: "users", access: ownOnly,
		summary: "List the contacts registered for a slot", errors: []int{http.StatusNotFound},
	}, a.listBindings)
}

func (a *API) createSlot(ctx context.Context, in *createSlotInput) (*slotOutput, error) {
	var out *slotOutput
	err := a.change(ctx, func(tx Tx) error {
		u, err := mayUser(who(ctx), tx.Snapshot(), in.Username)
		if err != nil {
			return err
		}
		s, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: in.Body.Type, Name: in.Body.Name, MobileNumber: in.Body.MobileNumber})
		if err != nil {
			return err
		}
		out = a.slotSecretAnswer(tx.Snapshot(), s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Location = "/api/slots/" + out.Body.ID
	return out, nil
}

func (a *API) getSlot(ctx context.Context, in *struct {
	SlotPath
	Conditional
},
) (*slotOutput, error) {
	snap := a.deps.Store.Snapshot()
	s, err := maySlot(who(ctx), snap, in.ID)
	if err != nil {
		return nil, err
	}
	if err := in.fresh(etag(s.Version)); err != nil {
		return nil, err
	}
	return a.slotAnswer(snap, s), nil
}

func (a *API) patchSlot(ctx context.Context, in *patchSlotInput) (*slotOutput, error) {
	b := &in.Body
	if err := adminFields(who(ctx), map[string]bool{"mobile_number": b.MobileNumber.Set}); err != nil {
		return nil, err
	}
	return a.changeSlot(ctx, in.SlotPath, in.Precondition, func(tx Tx, s *directory.Slot) (*slotOutput, error) {
		changed, err := tx.UpdateSlot(s.ID, s.Version, in.edit)
		if err != nil {
			return nil, err
		}
		return a.slotAnswer(tx.Snapshot(), changed), nil
	})
}

// edit changes what the body names.
func (in *patchSlotInput) edit(s *directory.Slot) {
	b := &in.Body
	b.Name.apply(&s.Name, string(s.Type))
	b.DND.apply(&s.DND, false)
	b.DefaultNumber.apply(&s.DefaultNumber, "")
	b.MobileNumber.apply(&s.MobileNumber, "")
}

func (a *API) resetSecret(ctx context.Context, in *struct {
	SlotPath
	Precondition
},
) (*slotOutput, error) {
	return a.changeSlot(ctx, in.SlotPath, in.Precondition, func(tx Tx, s *directory.Slot) (*slotOutput, error) {
		changed, err := tx.ResetSlotSecret(s.ID, s.Version)
		if err != nil {
			return nil, err
		}
		return a.slotSecretAnswer(tx.Snapshot(), changed), nil
	})
}

func (a *API) deleteSlot(ctx context.Context, in *struct {
	SlotPath
	Precondition
},
) (*struct{}, error) {
	_, err := a.changeSlot(ctx, in.SlotPath, in.Precondition, func(tx Tx, s *directory.Slot) (*slotOutput, error) {
		return nil, tx.DeleteSlot(s.ID, s.Version)
	})
	return nil, err
}

// changeSlot runs fn for a slot that the client may change and knows the
// current version of.
func (a *API) changeSlot(ctx context.Context, path SlotPath, pre Precondition, fn func(Tx, *directory.Slot) (*slotOutput, error)) (*slotOutput, error) {
	var out *slotOutput
	err := a.change(ctx, func(tx Tx) error {
		s, err := maySlot(who(ctx), tx.Snapshot(), path.ID)
		if err != nil {
			return err
		}
		if err := pre.check(etag(s.Version)); err != nil {
			return err
		}
		out, err = fn(tx, s)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (a *API) listBindings(ctx context.Context, in *SlotPath) (*listOutput[Binding], error) {
	s, err := maySlot(who(ctx), a.deps.Store.Snapshot(), in.ID)
	if err != nil {
		return nil, err
	}
	return whole(a.deps.Bindings(s.ID)), nil
}
