package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Group collects objects of one type.
type Group struct {
	Name     string              `json:"name"`
	Title    string              `json:"title"`
	Type     directory.GroupType `json:"type" enum:"user,slot,queue,fax,phonebook"`
	BuiltIn  bool                `json:"built_in"`
	Computed bool                `json:"computed" doc:"The members follow from the directory and are not listed"`
	Members  []string            `json:"members" nullable:"false" doc:"User names, slot IDs, names of lines or of groups, by type"`
}

type groupPath struct {
	Name   string `path:"name" maxLength:"64" example:"admins"`
	Member string `path:"username" maxLength:"64"`
}

func (a *API) registerGroups() {
	const member = "/api/groups/{name}/members/{username}"
	register(a, operation{
		id: "list-groups", method: http.MethodGet, path: "/api/groups", tag: "users", access: adminOnly,
		summary: "List groups with their stored members",
	}, a.listGroups)
	register(a, operation{
		id: "add-member", method: http.MethodPut, path: member, tag: "users", access: adminOnly,
		summary: "Put a user into a group", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, a.addMember)
	register(a, operation{
		id: "remove-member", method: http.MethodDelete, path: member, tag: "users", access: adminOnly,
		summary: "Take a user out of a group", status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.removeMember)
}

func groupView(snap *directory.Snapshot, g *directory.Group) Group {
	v := Group{Name: g.Name, Title: g.Title, Type: g.Type, BuiltIn: g.BuiltIn, Computed: directory.Computed(g.Name), Members: []string{}}
	names := make(map[string]string, len(snap.Groups))
	for _, other := range snap.Groups {
		names[other.ID] = other.Name
	}
	for _, id := range snap.Members[g.Name] {
		name := id
		if u := snap.Users[id]; u != nil {
			name = u.Username
		} else if inner, ok := names[id]; ok {
			name = inner
		}
		v.Members = append(v.Members, name)
	}
	slices.Sort(v.Members)
	return v
}

func (a *API) listGroups(_ context.Context, in *Page) (*listOutput[Group], error) {
	after, err := in.key()
	if err != nil {
		return nil, err
	}
	snap := a.deps.Store.Snapshot()
	var page []Group
	for _, name := range sortedKeys(snap.Groups) {
		if name > after && len(page) <= in.Limit {
			page = append(page, groupView(snap, snap.Groups[name]))
		}
	}
	return &listOutput[Group]{cutPage(page, in.Limit, func(g Group) string { return g.Name })}, nil
}

func (a *API) addMember(ctx context.Context, in *groupPath) (*struct{}, error) {
	return nil, a.changeMember(ctx, in, func(tx Tx, userID string) error { return tx.AddMember(in.Name, userID) })
}

func (a *API) removeMember(ctx context.Context, in *groupPath) (*struct{}, error) {
	if in.Name == directory.Admins && in.Member == auth.Supervisor {
		return nil, fault(http.StatusConflict, "", "the user supervisor stays an administrator")
	}
	return nil, a.changeMember(ctx, in, func(tx Tx, userID string) error { return tx.RemoveMember(in.Name, userID) })
}

func (a *API) changeMember(ctx context.Context, in *groupPath, fn func(tx Tx, userID string) error) error {
	return a.change(ctx, func(tx Tx) error {
		u, err := mayUser(who(ctx), tx.Snapshot(), in.Member)
		if err != nil {
			return err
		}
		if tx.Snapshot().Groups[in.Name] == nil {
			return notFound("group", in.Name)
		}
		return fn(tx, u.ID)
	})
}
