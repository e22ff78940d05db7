package api

import (
	"context"
	"net/http"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Number is an internal number (extension) with its settings.
type Number struct {
	Number      string              `json:"number"`
	OwnerType   directory.OwnerType `json:"owner_type" example:"user"`
	Owner       string              `json:"owner" doc:"User name, or name of the fax line"`
	CallWaiting bool                `json:"call_waiting" doc:"Whether slots that are in a call ring for this number"`
	BusyOnAny   bool                `json:"busy_on_any" doc:"Whether further callers get busy while a call runs over this number"`
	MaxCalls    int                 `json:"max_calls" doc:"Calls at once over this number, 0 for no limit"`
	RingInside  string              `json:"ring_inside" doc:"Alert-Info for inside callers"`
	RingOutside string              `json:"ring_outside" doc:"Alert-Info for outside callers"`
	DisplayName string              `json:"display_name" doc:"Name shown to others, empty for the owner's"`
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
	}
}

func numberView(snap *directory.Snapshot, n *directory.Number) Number {
	owner := n.OwnerID
	if u := snap.Users[n.OwnerID]; n.OwnerType == directory.OwnerUser && u != nil {
		owner = u.Username
	}
	return Number{
		Number: n.Number, OwnerType: n.OwnerType, Owner: owner, CallWaiting: n.CallWaiting, BusyOnAny: n.BusyOnAny,
		MaxCalls: n.MaxCalls, RingInside: n.RingInside, RingOutside: n.RingOutside, DisplayName: n.DisplayName,
	}
}

func numberAnswer(snap *directory.Snapshot, n *directory.Number) *numberOutput {
	return &numberOutput{ETag: etag(n.Version), Body: numberView(snap, n)}
}

func (a *API) registerNumbers() {
	const path, one = "/api/numbers", "/api/numbers/{number}"
	register(a, operation{
		id: "add-number", method: http.MethodPost, path: "/api/users/{username}/numbers", tag: "users", access: adminOnly,
		summary: "Give a number to a user", doc: "It becomes the last row of the matrix, without a tick.",
		status: http.StatusCreated, errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.addNumber)
	register(a, operation{
		id: "list-numbers", method: http.MethodGet, path: path, tag: "users", access: adminOnly,
		summary: "List the numbers of the whole plan",
	}, a.listNumbers)
	register(a, operation{
		id: "get-number", method: http.MethodGet, path: one, tag: "users", access: ownOnly,
		summary: "Show a number", errors: []int{http.StatusNotFound},
	}, a.getNumber)
	register(a, operation{
		id: "patch-number", method: http.MethodPatch, path: one, tag: "users", access: ownOnly,
		summary: "Change the settings of a number", doc: "The display name is for administrators.",
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
		out = numberAnswer(tx.Snapshot(), n)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Location = "/api/numbers/" + out.Body.Number
	return out, nil
}

func (a *API) listNumbers(_ context.Context, in *Page) (*listOutput[Number], error) {
	after, err := in.key()
	if err != nil {
		return nil, err
	}
	snap := a.deps.Store.Snapshot()
	var page []Number
	for _, number := range sortedKeys(snap.Numbers) {
		if number <= after {
			continue
		}
		page = append(page, numberView(snap, snap.Numbers[number]))
		if len(page) > in.Limit {
			break
		}
	}
	return &listOutput[Number]{cutPage(page, in.Limit, func(n Number) string { return n.Number })}, nil
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
	if err := in.fresh(etag(n.Version)); err != nil {
		return nil, err
	}
	return numberAnswer(snap, n), nil
}

func (a *API) patchNumber(ctx context.Context, in *patchNumberInput) (*numberOutput, error) {
	b := &in.Body
	if err := adminFields(who(ctx), map[string]bool{"display_name": b.DisplayName.Set}); err != nil {
		return nil, err
	}
	var out *numberOutput
	err := a.change(ctx, func(tx Tx) error {
		n, err := mayNumber(who(ctx), tx.Snapshot(), in.Number)
		if err != nil {
			return err
		}
		if err := in.check(etag(n.Version)); err != nil {
			return err
		}
		changed, err := tx.UpdateNumber(n.Number, n.Version, func(n *directory.Number) {
			b.CallWaiting.apply(&n.CallWaiting, false)
			b.BusyOnAny.apply(&n.BusyOnAny, false)
			b.MaxCalls.apply(&n.MaxCalls, 0)
			b.RingInside.apply(&n.RingInside, "")
			b.RingOutside.apply(&n.RingOutside, "")
			b.DisplayName.apply(&n.DisplayName, "")
		})
		if err != nil {
			return err
		}
		out = numberAnswer(tx.Snapshot(), changed)
		return nil
	})
	return out, err
}

func (a *API) deleteNumber(ctx context.Context, in *struct {
	NumberPath
	Precondition
},
) (*struct{}, error) {
	return nil, a.change(ctx, func(tx Tx) error {
		n, err := mayNumber(who(ctx), tx.Snapshot(), in.Number)
		if err != nil {
			return err
		}
		if err := in.check(etag(n.Version)); err != nil {
			return err
		}
		return tx.RemoveNumber(n.Number, n.Version)
	})
}
