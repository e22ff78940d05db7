package api

import (
	"context"
	"net/http"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Number is an internal number (extension) with its settings.
type Number struct {
	Number      string              `json:"number"`
	OwnerType   directory.OwnerType `json:"owner_type" example:"user"`
	Owner       string              `json:"owner" doc:"User name, or name of the fax line or hunt group"`
	CallWaiting bool                `json:"call_waiting" doc:"Whether slots that are in a call ring for this number"`
	BusyOnAny   bool                `json:"busy_on_any" doc:"Whether further callers get busy while a call runs over this number"`
	MaxCalls    int                 `json:"max_calls" doc:"Calls at once over this number, 0 for no limit"`
	RingInside  string              `json:"ring_inside" doc:"Alert-Info for inside callers"`
	RingOutside string              `json:"ring_outside" doc:"Alert-Info for outside callers"`
	DisplayName string              `json:"display_name" doc:"Name shown to others, empty for the owner's"`
	// ForwardingProfile is nil when nothing was ever chosen.
	ForwardingProfile *string             `json:"forwarding_profile" doc:"ID of the profile that was chosen by hand, empty for none; null when nothing is chosen and the schedule holds alone. With a schedule a choice holds until its next change"`
	Schedule          *directory.Schedule `json:"schedule,omitempty" doc:"Which profile is active when"`
	ForwardingActive  *ForwardingActive   `json:"forwarding_active,omitempty" readOnly:"true" doc:"What is in force now; for numbers of users"`
	Inherited         Inherited           `json:"inherited,omitempty" readOnly:"true" doc:"Settings that are not the number's own, each with the group that gives it; for numbers of users"`
}

type NumberPath struct {
	Number string `path:"number" maxLength:"15" example:"416"`
}

type numberOutput struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     Number
}

type addNumberInput struct {
	UserPath
	Body struct {
		Number string `json:"number" pattern:"^[0-9]{1,15}$" patternDescription:"1 to 15 digits" example:"416"`
	}
}

type patchNumberInput struct {
	NumberPath
	Precondition
	Body struct {
		CallWaiting Field[bool]   `json:"call_waiting,omitempty"`
		BusyOnAny   Field[bool]   `json:"busy_on_any,omitempty"`
		MaxCalls    Field[int]    `json:"max_calls,omitempty" minimum:"0" maximum:"10000"`
		RingInside  Field[string] `json:"ring_inside,omitempty" pattern:"^(Bellcore-dr[1-8])?$" patternDescription:"empty or Bellcore-dr1 to Bellcore-dr8"`
		RingOutside Field[string] `json:"ring_outside,omitempty" pattern:"^(Bellcore-dr[1-8])?$" patternDescription:"empty or Bellcore-dr1 to Bellcore-dr8"`
		DisplayName Field[string] `json:"display_name,omitempty" maxLength:"128"`
		// ForwardingProfile chooses by hand; choosing the same again counts.
		ForwardingProfile Field[string]             `json:"forwarding_profile,omitempty" maxLength:"64" doc:"ID of a profile of the owner, empty for none, null to let the schedule hold at once"`
		Schedule          Field[directory.Schedule] `json:"schedule,omitempty" doc:"Replaces the whole schedule; null for none"`
	}
}

func (a *API) numberView(snap *directory.Snapshot, n *directory.Number) Number {
	owner := n.OwnerID
	if u := snap.Users[n.OwnerID]; n.OwnerType == directory.OwnerUser && u != nil {
		owner = u.Username
	}
	if h := snap.HuntGroups[n.OwnerID]; n.OwnerType == directory.OwnerHuntGroup && h != nil {
		owner = h.Name
	}
	v := Number{
		Number: n.Number, OwnerType: n.OwnerType, Owner: owner, CallWaiting: n.CallWaiting, BusyOnAny: n.BusyOnAny,
		MaxCalls: n.MaxCalls, RingInside: n.RingInside, RingOutside: n.RingOutside, DisplayName: n.DisplayName,
		Schedule: n.Schedule, ForwardingActive: a.active(snap, n, time.Now()),
	}
	if n.OwnerType == directory.OwnerUser {
		v.Inherited = inherited(snap, directory.NumberSettings, n.Own, n.From)
	}
	if !n.ProfileChosen.IsZero() {
		v.ForwardingProfile = &n.ProfileID
	}
	return v
}

// numberTag covers all that numberView shows: what is in force changes by itself too.
func numberTag(snap *directory.Snapshot, n *directory.Number, active *ForwardingActive) string {
	if n.ProfileID == "" && n.Schedule == nil || active == nil {
		return fromTag(snap, n.From, n.Version)
	}
	var profile, until int64
	if active.Profile != nil {
		if p := snap.Profiles[*active.Profile]; p != nil {
			profile = p.Version
		}
	}
	if !active.Until.IsZero() {
		until = active.Until.Unix()
	}
	return fromTag(snap, n.From, n.Version, profile, until)
}

func (a *API) numberAnswer(snap *directory.Snapshot, n *directory.Number) *numberOutput {
	v := a.numberView(snap, n)
	return &numberOutput{ETag: numberTag(snap, n, v.ForwardingActive), Body: v}
}

func (a *API) registerNumbers() {
	const path, one = "/api/numbers", "/api/numbers/{number}"
	register(a, operation{
		id: "add-number", method: http.MethodPost, path: "/api/users/{username}/numbers", tag: "users", access: adminOnly,
		summary: "Give a number to a user", doc: "It becomes the last row of the matrix, without a tick.",
		status: http.StatusCreated, errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.addNumber)
	register(a, operation{
		id: "list-numbers", method: http.MethodGet, path: path, tag: "users", access: ownOnly,
		summary: "List the numbers of the whole plan", doc: "Users see their own.",
	}, a.listNumbers)
	register(a, operation{
		id: "get-number", method: http.MethodGet, path: one, tag: "users", access: ownOnly,
		summary: "Show a number", errors: []int{http.StatusNotFound},
	}, a.getNumber)
	register(a, operation{
		id: "patch-number", method: http.MethodPatch, path: one, tag: "users", access: ownOnly,
		summary: "Change the settings of a number", doc: "The display name is for administrators. Null lets a setting follow the groups of the user. Forwarding is in force for the next call.",
		errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.patchNumber)
	register(a, operation{
		id: "delete-number", method: http.MethodDelete, path: one, tag: "users", access: adminOnly,
		summary: "Free a number", status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.deleteNumber)
}

func (a *API) addNumber(ctx context.Context, in *addNumberInput) (*numberOutput, error) {
	var out *numberOutput
	err := a.change(ctx, func(tx Tx) error {
		u, err := mayUser(who(ctx), tx.Snapshot(), in.Username)
		if err != nil {
			return err
		}
		n, err := tx.AddNumber(directory.Number{Number: in.Body.Number, OwnerType: directory.OwnerUser, OwnerID: u.ID})
		if err != nil {
			return err
		}
		out = a.numberAnswer(tx.Snapshot(), n)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Location = "/api/numbers/" + out.Body.Number
	return out, nil
}

func (a *API) getNumber(ctx context.Context, in *struct {
	NumberPath
	Conditional
},
) (*numberOutput, error) {
	snap := a.deps.Store.Snapshot()
	n, err := mayNumber(who(ctx), snap, in.Number)
	if err != nil {
		return nil, err
	}
	out := a.numberAnswer(snap, n)
	return out, in.fresh(out.ETag)
}

func (a *API) patchNumber(ctx context.Context, in *patchNumberInput) (*numberOutput, error) {
	b := &in.Body
	if err := adminFields(who(ctx), map[string]bool{"display_name": b.DisplayName.Set}); err != nil {
		return nil, err
	}
	var changed *directory.Number
	err := a.change(ctx, func(tx Tx) error {
		n, err := a.numberToChange(ctx, tx, in.Number, in.Precondition)
		if err != nil {
			return err
		}
		changed, err = in.change(tx, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.numberAnswer(a.deps.Store.Snapshot(), changed), nil // what is in force is known after the commit
}

// change does to a number what the body names.
func (in *patchNumberInput) change(tx Tx, n *directory.Number) (*directory.Number, error) {
	changed, err := tx.UpdateNumber(n.Number, n.Version, in.edit)
	if p := in.Body.ForwardingProfile; err == nil && p.Set && !p.Null {
		return tx.SetForwardingProfile(n.Number, changed.Version, p.Value)
	}
	return changed, err
}

// edit changes what the body names, but for a profile that is chosen.
func (in *patchNumberInput) edit(n *directory.Number) {
	b := &in.Body
	b.CallWaiting.applyOwn(&n.CallWaiting, &n.Own, directory.SettingCallWaiting)
	b.BusyOnAny.applyOwn(&n.BusyOnAny, &n.Own, directory.SettingBusyOnAny)
	b.MaxCalls.applyOwn(&n.MaxCalls, &n.Own, directory.SettingMaxCalls)
	b.RingInside.applyOwn(&n.RingInside, &n.Own, directory.SettingRingInside)
	b.RingOutside.applyOwn(&n.RingOutside, &n.Own, directory.SettingRingOutside)
	b.DisplayName.apply(&n.DisplayName, "")
	switch {
	case b.Schedule.Null:
		n.Schedule = nil
	case b.Schedule.Set:
		schedule := b.Schedule.Value
		n.Schedule = &schedule
	}
	if b.ForwardingProfile.Null {
		n.ProfileChosen = time.Time{} // takes the choice back
	}
}

func (a *API) numberToChange(ctx context.Context, tx Tx, number string, pre Precondition) (*directory.Number, error) {
	n, err := mayNumber(who(ctx), tx.Snapshot(), number)
	if err != nil {
		return nil, err
	}
	return n, pre.check(numberTag(tx.Snapshot(), n, a.active(tx.Snapshot(), n, time.Now())))
}

func (a *API) deleteNumber(ctx context.Context, in *struct {
	NumberPath
	Precondition
},
) (*struct{}, error) {
	return nil, a.change(ctx, func(tx Tx) error {
		n, err := a.numberToChange(ctx, tx, in.Number, in.Precondition)
		if err != nil {
			return err
		}
		return tx.RemoveNumber(n.Number, n.Version)
	})
}
