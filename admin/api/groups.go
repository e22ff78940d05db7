package api

import (
	"context"
	"hash/fnv"
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
	Members  []string            `json:"members" nullable:"false" doc:"User names, slot IDs or names of lines, by type"`
	Groups   []string            `json:"groups" nullable:"false" doc:"Groups whose members are members too"`
	// Parameters is nil for groups that do not hold users.
	Parameters *directory.Parameters `json:"parameters,omitempty" doc:"What a group of users gives to members whose numbers, or who themselves, have nothing of their own. The nearest group counts: one that lists the user before one that holds that group, of equally near ones the first by name, then the group users"`
}

type GroupPath struct {
	Name string `path:"name" maxLength:"64" example:"admins"`
}

type MemberPath struct {
	GroupPath
	Member string `path:"member" maxLength:"128" doc:"User name, slot ID or name of a line, by the type of the group" example:"armin.artmann"`
}

type InnerPath struct {
	GroupPath
	Inner string `path:"inner" maxLength:"64" doc:"Name of the group inside" example:"sales"`
}

type createGroupInput struct {
	Body struct {
		Name  string              `json:"name" minLength:"1" maxLength:"64" example:"sales" doc:"Never changes"`
		Title string              `json:"title" minLength:"1" maxLength:"128" example:"Vertrieb"`
		Type  directory.GroupType `json:"type,omitempty" enum:"user,slot,queue,fax,phonebook" default:"user" doc:"Of the members; never changes"`
		// Parameters are for groups of users.
		Parameters directory.Parameters `json:"parameters,omitzero" doc:"What members are given who have nothing of their own; for groups of users"`
	}
}

type groupOutput = objectOutput[Group]

func (a *API) registerGroups() {
	const path, one = "/api/groups", "/api/groups/{name}"
	const member, inner = one + "/members/{member}", one + "/groups/{inner}"
	register(a, operation{
		id: "list-groups", method: http.MethodGet, path: path, tag: "groups", access: adminOnly,
		summary: "List groups",
	}, a.listGroups)
	register(a, operation{
		id: "create-group", method: http.MethodPost, path: path, tag: "groups", access: adminOnly,
		summary: "Create a group", status: http.StatusCreated, errors: []int{http.StatusConflict},
	}, a.createGroup)
	register(a, operation{
		id: "get-group", method: http.MethodGet, path: one, tag: "groups", access: adminOnly,
		summary: "Show a group", errors: []int{http.StatusNotFound},
	}, a.getGroup)
	register(a, operation{
		id: "patch-group", method: http.MethodPatch, path: one, tag: "groups", access: adminOnly,
		summary: "Change a group", doc: "Its title, and what it gives to its members: null for what it is to give no more. It is in force for the next call.",
		errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.patchGroup)
	register(a, operation{
		id: "delete-group", method: http.MethodDelete, path: one, tag: "groups", access: adminOnly,
		summary: "Delete a group", doc: "Its permissions and those on its members go with it. Built-in groups and those that rules name are kept.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, a.deleteGroup)
	register(a, operation{
		id: "add-member", method: http.MethodPut, path: member, tag: "groups", access: adminOnly,
		summary: "Put a member into a group", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, a.addMember)
	register(a, operation{
		id: "remove-member", method: http.MethodDelete, path: member, tag: "groups", access: adminOnly,
		summary: "Take a member out of a group", status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.removeMember)
	register(a, operation{
		id: "add-inner-group", method: http.MethodPut, path: inner, tag: "groups", access: adminOnly,
		summary: "Put a group into a group", doc: "Both have the same type, and no group contains itself.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, a.addInnerGroup)
	register(a, operation{
		id: "remove-inner-group", method: http.MethodDelete, path: inner, tag: "groups", access: adminOnly,
		summary: "Take a group out of a group", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, a.removeInnerGroup)
}

func groupView(snap *directory.Snapshot, g *directory.Group) Group {
	v := Group{
		Name: g.Name, Title: g.Title, Type: g.Type, BuiltIn: g.BuiltIn, Computed: directory.Computed(g.Name),
		Members: []string{}, Groups: []string{},
	}
	names := make(map[string]string, len(snap.Groups))
	for _, other := range snap.Groups {
		names[other.ID] = other.Name
	}
	for _, id := range snap.Members[g.Name] {
		if inner, ok := names[id]; ok {
			v.Groups = append(v.Groups, inner)
			continue
		}
		name := id
		if g.Type == directory.GroupUser {
			name = username(snap, id)
		}
		v.Members = append(v.Members, name)
	}
	slices.Sort(v.Members)
	slices.Sort(v.Groups)
	if g.Type == directory.GroupUser {
		v.Parameters = &g.Parameters
	}
	return v
}

// groupAnswer has a tag that covers the members, which come and go without the version of the group.
func groupAnswer(snap *directory.Snapshot, g *directory.Group) *groupOutput {
	v := groupView(snap, g)
	members := fnv.New32a()
	for _, list := range [][]string{v.Members, {""}, v.Groups} {
		for _, name := range list {
			members.Write([]byte(name + "\n"))
		}
	}
	return &groupOutput{ETag: etag(g.Version, int64(members.Sum32())), Body: v}
}

func findGroup(snap *directory.Snapshot, name string) (*directory.Group, error) {
	if g := snap.Groups[name]; g != nil {
		return g, nil
	}
	return nil, notFound("group", name)
}

// GroupItem is a group in a list, which counts the members.
type GroupItem struct {
	Name     string              `json:"name"`
	Title    string              `json:"title"`
	Type     directory.GroupType `json:"type" enum:"user,slot,queue,fax,phonebook"`
	BuiltIn  bool                `json:"built_in"`
	Computed bool                `json:"computed" doc:"The members follow from the directory"`
	Members  int                 `json:"member_count" doc:"Members of its own, those of the groups inside left out"`
	Groups   int                 `json:"group_count" doc:"Groups inside"`
	Grants   int                 `json:"permission_count" doc:"Permissions that its members have by it"`
}

type GroupsInput struct {
	Listing
	Type   directory.GroupType `query:"type" enum:"user,slot,queue,fax,phonebook"`
	Member string              `query:"member" maxLength:"128" doc:"User name or slot ID: only groups that it is in itself, not through groups inside" example:"armin.artmann"`
	Sort   string              `query:"sort" enum:"name,-name,title,-title,type,-type,member_count,-member_count" default:"name"`
}

func groupItem(snap *directory.Snapshot, g *directory.Group, inner map[string]bool) GroupItem {
	v := GroupItem{Name: g.Name, Title: g.Title, Type: g.Type, BuiltIn: g.BuiltIn, Computed: directory.Computed(g.Name)}
	for _, id := range snap.Members[g.Name] {
		if inner[id] {
			v.Groups++
		} else {
			v.Members++
		}
	}
	switch g.Name {
	case directory.AllUsers:
		v.Members = len(snap.Users)
	case directory.AllSlots:
		v.Members = len(snap.Slots)
	}
	for i := range snap.Grants {
		if snap.Grants[i].Group == g.Name {
			v.Grants++
		}
	}
	return v
}

// isMember tells whether a group has a user, by name, or a slot among its own members, computed or not.
func isMember(snap *directory.Snapshot, g *directory.Group, member string) bool {
	if g.Type == directory.GroupUser {
		u := snap.ByName[member]
		return u != nil && (g.Name == directory.AllUsers || slices.Contains(snap.Members[g.Name], u.ID))
	}
	return g.Name == directory.AllSlots && snap.Slots[member] != nil || slices.Contains(snap.Members[g.Name], member)
}

func foundGroups(snap *directory.Snapshot, in *GroupsInput) found[GroupItem] {
	inner := make(map[string]bool, len(snap.Groups))
	for _, g := range snap.Groups {
		inner[g.ID] = true
	}
	all := catalogue[GroupItem]{
		id:   func(g GroupItem) string { return g.Name },
		text: func(g GroupItem) string { return g.Name + "\n" + g.Title },
		order: map[string]func(GroupItem) string{
			"name":         func(g GroupItem) string { return g.Name },
			"title":        func(g GroupItem) string { return byText(g.Title) },
			"type":         func(g GroupItem) string { return string(g.Type) },
			"member_count": func(g GroupItem) string { return byCount(g.Members) },
		},
	}
	items := func(yield func(GroupItem) bool) {
		for _, g := range snap.Groups {
			if in.Type != "" && g.Type != in.Type || in.Member != "" && !isMember(snap, g, in.Member) {
				continue
			}
			if !yield(groupItem(snap, g, inner)) {
				return
			}
		}
	}
	return all.find(in.Filter, in.Sort, items)
}

func (a *API) listGroups(_ context.Context, in *GroupsInput) (*listOutput[GroupItem], error) {
	return pageOf(foundGroups(a.deps.Store.Snapshot(), in), &in.Listing, func(g GroupItem) GroupItem { return g })
}

func (a *API) createGroup(ctx context.Context, in *createGroupInput) (*groupOutput, error) {
	var out *groupOutput
	err := a.change(ctx, func(tx Tx) error {
		g, err := tx.CreateGroup(directory.Group{Name: in.Body.Name, Title: in.Body.Title, Type: in.Body.Type, Parameters: in.Body.Parameters})
		if err != nil {
			return err
		}
		out = groupAnswer(tx.Snapshot(), g)
		out.Location = "/api/groups/" + g.Name
		return nil
	})
	return out, err
}

func (a *API) getGroup(_ context.Context, in *struct {
	GroupPath
	Conditional
},
) (*groupOutput, error) {
	snap := a.deps.Store.Snapshot()
	g, err := findGroup(snap, in.Name)
	if err != nil {
		return nil, err
	}
	out := groupAnswer(snap, g)
	return out, in.fresh(out.ETag)
}

func groupToChange(tx Tx, name string, pre Precondition) (*directory.Group, error) {
	g, err := findGroup(tx.Snapshot(), name)
	if err != nil {
		return nil, err
	}
	return g, pre.check(groupAnswer(tx.Snapshot(), g).ETag)
}

func (a *API) patchGroup(ctx context.Context, in *struct {
	GroupPath
	Precondition
	Body struct {
		Title      Field[string]          `json:"title,omitempty" minLength:"1" maxLength:"128"`
		Parameters Field[parametersPatch] `json:"parameters,omitempty" doc:"Null for none; else what is named changes"`
	}
},
) (*groupOutput, error) {
	var out *groupOutput
	err := a.change(ctx, func(tx Tx) error {
		g, err := groupToChange(tx, in.Name, in.Precondition)
		if err != nil {
			return err
		}
		changed, err := tx.UpdateGroup(g.Name, g.Version, func(g *directory.Group) {
			in.Body.Title.apply(&g.Title, g.Title)
			if in.Body.Parameters.Null {
				g.Parameters = directory.Parameters{}
			}
			in.Body.Parameters.Value.apply(&g.Parameters)
		})
		if err != nil {
			return err
		}
		out = groupAnswer(tx.Snapshot(), changed)
		return nil
	})
	return out, err
}

func (a *API) deleteGroup(ctx context.Context, in *struct {
	GroupPath
	Precondition
},
) (*struct{}, error) {
	return nil, a.change(ctx, func(tx Tx) error {
		g, err := groupToChange(tx, in.Name, in.Precondition)
		if err != nil {
			return err
		}
		if g.BuiltIn {
			return fault(http.StatusConflict, "", g.Name+" is a built-in group and cannot be removed")
		}
		if refs := tx.Snapshot().ReferencesToGroup(g.Name); len(refs) > 0 {
			return needed("group "+g.Name, tx.Snapshot(), refs)
		}
		return tx.DeleteGroup(g.Name, g.Version)
	})
}

func (a *API) addMember(ctx context.Context, in *MemberPath) (*struct{}, error) {
	return nil, a.changeMember(ctx, in, Tx.AddMember)
}

func (a *API) removeMember(ctx context.Context, in *MemberPath) (*struct{}, error) {
	if in.Name == directory.Admins && in.Member == auth.Supervisor {
		return nil, fault(http.StatusConflict, "", "the user supervisor stays an administrator")
	}
	return nil, a.changeMember(ctx, in, Tx.RemoveMember)
}

func (a *API) changeMember(ctx context.Context, in *MemberPath, fn func(tx Tx, group, objectID string) error) error {
	return a.change(ctx, func(tx Tx) error {
		g, err := findGroup(tx.Snapshot(), in.Name)
		if err != nil {
			return err
		}
		id := in.Member
		switch {
		case g.Type == directory.GroupUser:
			u, err := mayUser(who(ctx), tx.Snapshot(), in.Member)
			if err != nil {
				return err
			}
			id = u.ID
		case isGroup(tx.Snapshot(), id): // by its ID
			return notFound(string(g.Type), id)
		}
		return inPath(fn(tx, g.Name, id), "path.member")
	})
}

// inPath says of what is wrong with a member where in the path it stands.
func inPath(err error, location string) error {
	if list := directory.Invalid(err); len(list) > 0 {
		return invalid(location, list[0].Problem)
	}
	return err
}

func isGroup(snap *directory.Snapshot, id string) bool {
	for _, g := range snap.Groups {
		if g.ID == id {
			return true
		}
	}
	return false
}

func (a *API) addInnerGroup(ctx context.Context, in *InnerPath) (*struct{}, error) {
	return nil, a.changeInner(ctx, in, Tx.AddMember)
}

func (a *API) removeInnerGroup(ctx context.Context, in *InnerPath) (*struct{}, error) {
	return nil, a.changeInner(ctx, in, Tx.RemoveMember)
}

func (a *API) changeInner(ctx context.Context, in *InnerPath, fn func(tx Tx, group, objectID string) error) error {
	return a.change(ctx, func(tx Tx) error {
		g, err := findGroup(tx.Snapshot(), in.Name)
		if err != nil {
			return err
		}
		inner, err := findGroup(tx.Snapshot(), in.Inner)
		if err != nil {
			return err
		}
		return inPath(fn(tx, g.Name, inner.ID), "path.inner")
	})
}
