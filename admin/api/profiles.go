package api

import (
	"context"
	"net/http"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Profile is a named set of forwarding rules of a user. Extended rules come before the table.
type Profile struct {
	ID       string                   `json:"id"`
	Username string                   `json:"username"`
	Name     string                   `json:"name"`
	Position int                      `json:"position" doc:"Place in the user's list, from 0; function codes choose by it, counted from 1"`
	Table    []directory.CaseRule     `json:"table" nullable:"false" doc:"What happens in a case for callers of a class"`
	Extended []directory.ExtendedRule `json:"extended" nullable:"false" doc:"Rules with conditions; they are tried in order, before the table"`
	Numbers  []string                 `json:"numbers" nullable:"false" doc:"Numbers for which the profile is chosen by hand"`
}

type ProfilePath struct {
	UserPath
	ID string `path:"id" maxLength:"64"`
}

type createProfileInput struct {
	UserPath
	Body struct {
		Name     string                   `json:"name" minLength:"1" maxLength:"128" example:"Urlaub"`
		Table    []directory.CaseRule     `json:"table,omitempty" maxItems:"8"`
		Extended []directory.ExtendedRule `json:"extended,omitempty" maxItems:"100"`
	}
}

type patchProfileInput struct {
	ProfilePath
	Precondition
	Body struct {
		Name     Field[string]                   `json:"name,omitempty" minLength:"1" maxLength:"128"`
		Table    Field[[]directory.CaseRule]     `json:"table,omitempty" maxItems:"8" doc:"Replaces the whole table"`
		Extended Field[[]directory.ExtendedRule] `json:"extended,omitempty" maxItems:"100" doc:"Replaces all extended rules"`
	}
}

type profileOutput = objectOutput[Profile]

func profileView(snap *directory.Snapshot, p *directory.Profile) Profile {
	v := Profile{
		ID: p.ID, Username: username(snap, p.UserID), Name: p.Name, Position: p.Position,
		Table: notNil(p.Table), Extended: notNil(p.Extended), Numbers: []string{},
	}
	for _, number := range snap.Rows[p.UserID] {
		if snap.Numbers[number].ProfileID == p.ID {
			v.Numbers = append(v.Numbers, number)
		}
	}
	return v
}

// profileTag covers all that profileView shows.
func profileTag(snap *directory.Snapshot, p *directory.Profile) string {
	var numbers int64
	for _, number := range snap.Rows[p.UserID] {
		numbers += snap.Numbers[number].Version
	}
	return etag(p.Version, numbers, snap.MatrixVersions[p.UserID])
}

func profileAnswer(snap *directory.Snapshot, p *directory.Profile) *profileOutput {
	return &profileOutput{ETag: profileTag(snap, p), Body: profileView(snap, p)}
}

func (a *API) registerProfiles() {
	const path, one = "/api/users/{username}/profiles", "/api/users/{username}/profiles/{id}"
	register(a, operation{
		id: "list-profiles", method: http.MethodGet, path: path, tag: "forwarding", access: ownOnly,
		summary: "List the forwarding profiles of a user in their order", errors: []int{http.StatusNotFound},
	}, a.listProfiles)
	register(a, operation{
		id: "create-profile", method: http.MethodPost, path: path, tag: "forwarding", access: ownOnly,
		summary: "Create a forwarding profile", doc: "It becomes the last one, and is active for no number.",
		status: http.StatusCreated, errors: []int{http.StatusNotFound},
	}, a.createProfile)
	register(a, operation{
		id: "get-profile", method: http.MethodGet, path: one, tag: "forwarding", access: ownOnly,
		summary: "Show a forwarding profile", errors: []int{http.StatusNotFound},
	}, a.getProfile)
	register(a, operation{
		id: "patch-profile", method: http.MethodPatch, path: one, tag: "forwarding", access: ownOnly,
		summary: "Change a forwarding profile",
		doc:     "The change is in force for the next call. It is refused when a test that is attached to one of the rules does not come out as expected.",
		errors:  []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.patchProfile)
	register(a, operation{
		id: "delete-profile", method: http.MethodDelete, path: one, tag: "forwarding", access: ownOnly,
		summary: "Delete a forwarding profile", doc: "Numbers for which it is chosen or in whose schedule it stands lose it.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.deleteProfile)
	register(a, operation{
		id: "order-profiles", method: http.MethodPut, path: path + "/order", tag: "forwarding", access: ownOnly,
		summary: "Put the forwarding profiles of a user in order", doc: "If-Match takes the entity tag of the list.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.orderProfiles)
}

func (a *API) listProfiles(ctx context.Context, in *UserPath) (*taggedList[Profile], error) {
	snap := a.deps.Store.Snapshot()
	u, err := mayUser(who(ctx), snap, in.Username)
	if err != nil {
		return nil, err
	}
	var out []Profile
	for _, id := range snap.ProfilesOf[u.ID] {
		out = append(out, profileView(snap, snap.Profiles[id]))
	}
	return tagged(whole(out), profilesTag(snap, u.ID)), nil
}

// profilesTag covers the profiles of a user, and the numbers that they show.
func profilesTag(snap *directory.Snapshot, userID string) string {
	return listTag(snap.ProfilesOf[userID], func(id string) (_, tag string) { return id, profileTag(snap, snap.Profiles[id]) })
}

func (a *API) createProfile(ctx context.Context, in *createProfileInput) (*profileOutput, error) {
	var out *profileOutput
	err := a.change(ctx, func(tx Tx) error {
		u, err := mayUser(who(ctx), tx.Snapshot(), in.Username)
		if err != nil {
			return err
		}
		p, err := tx.CreateProfile(directory.Profile{UserID: u.ID, Name: in.Body.Name, Table: in.Body.Table, Extended: in.Body.Extended})
		if err != nil {
			return err
		}
		out = profileAnswer(tx.Snapshot(), p)
		out.Location = "/api/users/" + u.Username + "/profiles/" + p.ID
		return nil
	})
	return out, err
}

func (a *API) getProfile(ctx context.Context, in *struct {
	ProfilePath
	Conditional
},
) (*profileOutput, error) {
	snap := a.deps.Store.Snapshot()
	p, err := mayProfile(who(ctx), snap, in.Username, in.ID)
	if err != nil {
		return nil, err
	}
	if err := in.fresh(profileTag(snap, p)); err != nil {
		return nil, err
	}
	return profileAnswer(snap, p), nil
}

func (a *API) patchProfile(ctx context.Context, in *patchProfileInput) (*profileOutput, error) {
	b := &in.Body
	var out *profileOutput
	err := a.change(ctx, func(tx Tx) error {
		p, err := a.profileToChange(ctx, tx, &in.ProfilePath, in.Precondition)
		if err != nil {
			return err
		}
		changed, err := tx.UpdateProfile(p.ID, p.Version, func(p *directory.Profile) {
			b.Name.apply(&p.Name, p.Name)
			b.Table.apply(&p.Table, nil)
			b.Extended.apply(&p.Extended, nil)
		})
		if err != nil {
			return err
		}
		out = profileAnswer(tx.Snapshot(), changed)
		return nil
	})
	return out, err
}

func (a *API) deleteProfile(ctx context.Context, in *struct {
	ProfilePath
	Precondition
},
) (*struct{}, error) {
	return nil, a.change(ctx, func(tx Tx) error {
		p, err := a.profileToChange(ctx, tx, &in.ProfilePath, in.Precondition)
		if err != nil {
			return err
		}
		return tx.DeleteProfile(p.ID, p.Version)
	})
}

func (a *API) profileToChange(ctx context.Context, tx Tx, path *ProfilePath, pre Precondition) (*directory.Profile, error) {
	p, err := mayProfile(who(ctx), tx.Snapshot(), path.Username, path.ID)
	if err != nil {
		return nil, err
	}
	return p, pre.check(profileTag(tx.Snapshot(), p))
}

func (a *API) orderProfiles(ctx context.Context, in *struct {
	UserPath
	Precondition
	Body struct {
		Profiles []string `json:"profiles" maxItems:"50" maxLength:"64" nullable:"false" doc:"All IDs in the new order, each once"`
	}
},
) (*struct{}, error) {
	return nil, a.change(ctx, func(tx Tx) error {
		u, err := mayUser(who(ctx), tx.Snapshot(), in.Username)
		if err != nil {
			return err
		}
		if err := in.check(profilesTag(tx.Snapshot(), u.ID)); err != nil {
			return err
		}
		return tx.OrderProfiles(u.ID, in.Body.Profiles)
	})
}
