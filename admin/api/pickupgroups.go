package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// PickupGroup lets its users take each other's ringing calls.
type PickupGroup struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Users []string `json:"users" nullable:"false" doc:"User names"`
}

type PickupGroupPath struct {
	ID string `path:"id" maxLength:"64"`
}

type createPickupGroupInput struct {
	Body struct {
		Name  string   `json:"name" minLength:"1" maxLength:"128" example:"Vertrieb"`
		Users []string `json:"users,omitempty" maxItems:"200" maxLength:"64" doc:"User names"`
	}
}

type patchPickupGroupInput struct {
	PickupGroupPath
	Precondition
	Body struct {
		Name  Field[string]   `json:"name,omitempty" minLength:"1" maxLength:"128"`
		Users Field[[]string] `json:"users,omitempty" maxItems:"200" maxLength:"64" doc:"Replaces all"`
	}
}

type pickupGroupOutput = objectOutput[PickupGroup]

func pickupGroupView(snap *directory.Snapshot, g *directory.PickupGroup) PickupGroup {
	v := PickupGroup{ID: g.ID, Name: g.Name, Users: make([]string, len(g.Users))}
	for i, id := range g.Users {
		v.Users[i] = username(snap, id)
	}
	return v
}

// pickupGroupTag covers all that pickupGroupView shows.
func pickupGroupTag(snap *directory.Snapshot, g *directory.PickupGroup) string {
	var users int64
	for _, id := range g.Users {
		if u := snap.Users[id]; u != nil {
			users += u.Version
		}
	}
	return etag(g.Version, users)
}

func pickupGroupAnswer(snap *directory.Snapshot, g *directory.PickupGroup) *pickupGroupOutput {
	return &pickupGroupOutput{ETag: pickupGroupTag(snap, g), Body: pickupGroupView(snap, g)}
}

func findPickupGroup(snap *directory.Snapshot, id string) (*directory.PickupGroup, error) {
	if g := snap.PickupGroups[id]; g != nil {
		return g, nil
	}
	return nil, notFound("pickup group", id)
}

// userIDs finds users by name.
func userIDs(snap *directory.Snapshot, field string, usernames []string) ([]string, error) {
	var ids []string
	p := fault(http.StatusUnprocessableEntity, problemInvalid, "validation failed")
	for i, name := range usernames {
		if u := snap.ByName[name]; u != nil {
			ids = append(ids, u.ID)
			continue
		}
		p.Errors = append(p.Errors, problemDetail(fmt.Sprintf("%s[%d]", field, i), "there is no such user"))
	}
	if len(p.Errors) > 0 {
		return nil, p
	}
	return ids, nil
}

func (a *API) registerPickupGroups() {
	const path, one = "/api/pickupgroups", "/api/pickupgroups/{id}"
	register(a, operation{
		id: "list-pickupgroups", method: http.MethodGet, path: path, tag: "forwarding", access: adminOnly, summary: "List pickup groups",
	}, a.listPickupGroups)
	register(a, operation{
		id: "create-pickupgroup", method: http.MethodPost, path: path, tag: "forwarding", access: adminOnly,
		summary: "Create a pickup group", status: http.StatusCreated, errors: []int{http.StatusConflict},
	}, a.createPickupGroup)
	register(a, operation{
		id: "get-pickupgroup", method: http.MethodGet, path: one, tag: "forwarding", access: adminOnly,
		summary: "Show a pickup group", errors: []int{http.StatusNotFound},
	}, a.getPickupGroup)
	register(a, operation{
		id: "patch-pickupgroup", method: http.MethodPatch, path: one, tag: "forwarding", access: adminOnly,
		summary: "Change a pickup group", errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, a.patchPickupGroup)
	register(a, operation{
		id: "delete-pickupgroup", method: http.MethodDelete, path: one, tag: "forwarding", access: adminOnly,
		summary: "Delete a pickup group", status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.deletePickupGroup)
}

type PickupGroupsInput struct {
	Listing
	Sort string `query:"sort" enum:"name,-name,users,-users" default:"name"`
}

func foundPickupGroups(snap *directory.Snapshot, in *PickupGroupsInput) found[*directory.PickupGroup] {
	all := catalogue[*directory.PickupGroup]{
		id: func(g *directory.PickupGroup) string { return g.ID },
		text: func(g *directory.PickupGroup) string {
			text := g.Name
			for _, id := range g.Users {
				if u := snap.Users[id]; u != nil {
					text += "\n" + u.Username + "\n" + u.FullName()
				}
			}
			return text
		},
		order: map[string]func(*directory.PickupGroup) string{
			"name":  func(g *directory.PickupGroup) string { return byText(g.Name) },
			"users": func(g *directory.PickupGroup) string { return byCount(len(g.Users)) },
		},
	}
	return all.find(in.Filter, in.Sort, maps.Values(snap.PickupGroups))
}

func (a *API) listPickupGroups(_ context.Context, in *PickupGroupsInput) (*listOutput[PickupGroup], error) {
	snap := a.deps.Store.Snapshot()
	return pageOf(foundPickupGroups(snap, in), &in.Listing, func(g *directory.PickupGroup) PickupGroup { return pickupGroupView(snap, g) })
}

func (a *API) createPickupGroup(ctx context.Context, in *createPickupGroupInput) (*pickupGroupOutput, error) {
	var out *pickupGroupOutput
	err := a.change(ctx, func(tx Tx) error {
		ids, err := userIDs(tx.Snapshot(), "body.users", in.Body.Users)
		if err != nil {
			return err
		}
		g, err := tx.CreatePickupGroup(directory.PickupGroup{Name: in.Body.Name, Users: ids})
		if err != nil {
			return err
		}
		out = pickupGroupAnswer(tx.Snapshot(), g)
		out.Location = "/api/pickupgroups/" + g.ID
		return nil
	})
	return out, err
}

func (a *API) getPickupGroup(_ context.Context, in *struct {
	PickupGroupPath
	Conditional
},
) (*pickupGroupOutput, error) {
	snap := a.deps.Store.Snapshot()
	g, err := findPickupGroup(snap, in.ID)
	if err != nil {
		return nil, err
	}
	return pickupGroupAnswer(snap, g), in.fresh(pickupGroupTag(snap, g))
}

func (a *API) patchPickupGroup(ctx context.Context, in *patchPickupGroupInput) (*pickupGroupOutput, error) {
	b := &in.Body
	var out *pickupGroupOutput
	err := a.change(ctx, func(tx Tx) error {
		g, err := findPickupGroup(tx.Snapshot(), in.ID)
		if err != nil {
			return err
		}
		if err := in.check(pickupGroupTag(tx.Snapshot(), g)); err != nil {
			return err
		}
		ids, err := userIDs(tx.Snapshot(), "body.users", b.Users.Value)
		if err != nil {
			return err
		}
		changed, err := tx.UpdatePickupGroup(g.ID, g.Version, func(g *directory.PickupGroup) {
			b.Name.apply(&g.Name, g.Name)
			if b.Users.Set {
				g.Users = ids
			}
		})
		if err != nil {
			return err
		}
		out = pickupGroupAnswer(tx.Snapshot(), changed)
		return nil
	})
	return out, err
}

func (a *API) deletePickupGroup(ctx context.Context, in *struct {
	PickupGroupPath
	Precondition
},
) (*struct{}, error) {
	return nil, a.change(ctx, func(tx Tx) error {
		g, err := findPickupGroup(tx.Snapshot(), in.ID)
		if err != nil {
			return err
		}
		if err := in.check(pickupGroupTag(tx.Snapshot(), g)); err != nil {
			return err
		}
		return tx.DeletePickupGroup(g.ID, g.Version)
	})
}
