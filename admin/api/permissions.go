package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Permission is something that members of a user group may do.
type Permission struct {
	Permission directory.Permission `json:"permission" example:"pickup"`
	Objects    directory.GroupType  `json:"objects" doc:"Type of the group whose members it concerns, empty when it concerns nobody in particular"`
	De         string               `json:"de"`
	En         string               `json:"en"`
}

// Grant is a triple: members of a user group have a permission on the members of a group of objects.
type Grant struct {
	Group      string               `json:"group"`
	Permission directory.Permission `json:"permission"`
	Objects    string               `json:"objects" doc:"Name of a group, empty where the permission concerns nobody in particular"`
}

// Verdict says whether a user may do something, and why.
type Verdict struct {
	User       string               `json:"user"`
	Permission directory.Permission `json:"permission"`
	Object     string               `json:"object"`
	Allowed    bool                 `json:"allowed"`
	Grant      *Grant               `json:"grant,omitempty" doc:"The triple that allows it; left out for administrators, who need none for admin"`
	Through    []string             `json:"through" nullable:"false" doc:"Groups from the one that lists the user to the one that has the permission"`
	De         string               `json:"de"`
	En         string               `json:"en"`
}

type GrantPath struct {
	GroupPath
	Permission directory.Permission `path:"permission" maxLength:"32" example:"pickup"`
	Objects    string               `query:"objects" maxLength:"64" doc:"Name of the group of objects, where the permission has one" example:"sales"`
}

// permissionList is the order in which permissions are shown.
func permissionList() []directory.Permission {
	return []directory.Permission{
		directory.MayAdmin, directory.MayPickUp, directory.MayIntercom, directory.MayImpersonate, directory.MayOverrideForwarding, directory.MayDial,
		directory.MayDialOutTemporarily, directory.MayApproveDialOut, directory.MayFax, directory.MayBeQueueMember, directory.MayConfigureQueue,
		directory.MaySuperviseQueue, directory.MayViewPhonebook, directory.MayEditPhonebook,
	}
}

// permissionWords say what a permission allows.
func permissionWords(p directory.Permission) (de, en string) {
	switch p {
	case directory.MayAdmin:
		return "Alles verwalten", "Administer everything"
	case directory.MayFax:
		return "Über diese Faxleitungen senden und empfangen", "Send and receive over these fax lines"
	case directory.MayBeQueueMember:
		return "Mitglied dieser Warteschlangen sein", "Be a member of these queues"
	case directory.MayConfigureQueue:
		return "Diese Warteschlangen einstellen", "Configure these queues"
	case directory.MaySuperviseQueue:
		return "Diese Warteschlangen beaufsichtigen", "Supervise these queues"
	case directory.MayPickUp:
		return "Anrufe heranholen, die bei diesen Benutzern klingeln", "Take calls that ring for these users"
	case directory.MayViewPhonebook:
		return "Diese Telefonbücher lesen", "Read these phone books"
	case directory.MayEditPhonebook:
		return "Diese Telefonbücher ändern", "Change these phone books"
	case directory.MayImpersonate:
		return "Als diese Benutzer handeln", "Act as these users"
	case directory.MayDial:
		return "Kostenpflichtige Ziele wählen", "Dial numbers that cost money"
	case directory.MayIntercom:
		return "Diese Benutzer durchsagen: ihr Telefon hebt von selbst ab", "Speak to these users directly: their phone answers by itself"
	case directory.MayOverrideForwarding:
		return "Diese Benutzer trotz Umleitung erreichen", "Reach these users in spite of their forwarding"
	case directory.MayDialOutTemporarily:
		return "Sich an einem fremden Telefon zeitweise anmelden, um hinauszuwählen", "Use another phone for a while to dial out"
	case directory.MayApproveDialOut:
		return "Diesen Benutzern zeitweises Hinauswählen erlauben", "Approve temporary dialling out for these users"
	}
	return string(p), string(p)
}

func (a *API) registerPermissions() {
	const path, one = "/api/groups/{name}/permissions", "/api/groups/{name}/permissions/{permission}"
	register(a, operation{
		id: "list-permissions", method: http.MethodGet, path: "/api/permissions", tag: "groups", access: adminOnly,
		summary: "List the permissions that there are", doc: "Not all of them are used yet: what they are about may still be to come.",
	}, a.listPermissions)
	register(a, operation{
		id: "list-grants", method: http.MethodGet, path: path, tag: "groups", access: adminOnly,
		summary: "List the permissions of a group, and those on its members", errors: []int{http.StatusNotFound},
	}, a.listGrants)
	register(a, operation{
		id: "add-grant", method: http.MethodPut, path: one, tag: "groups", access: adminOnly,
		summary: "Give the members of a group a permission", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, a.addGrant)
	register(a, operation{
		id: "remove-grant", method: http.MethodDelete, path: one, tag: "groups", access: adminOnly,
		summary: "Take a permission from the members of a group", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, a.removeGrant)
	register(a, operation{
		id: "may", method: http.MethodGet, path: "/api/may", tag: "groups", access: ownOnly,
		summary: "May a user do something, and why?", doc: "Users may ask about themselves.", errors: []int{http.StatusNotFound},
	}, a.may)
}

func (a *API) listPermissions(context.Context, *struct{}) (*listOutput[Permission], error) {
	var out []Permission
	for _, p := range permissionList() {
		de, en := permissionWords(p)
		out = append(out, Permission{p, directory.Permissions[p], de, en})
	}
	return whole(out), nil
}

func (a *API) listGrants(_ context.Context, in *struct {
	GroupPath
	Page
},
) (*listOutput[Grant], error) {
	snap := a.deps.Store.Snapshot()
	if _, err := findGroup(snap, in.Name); err != nil {
		return nil, err
	}
	mine := func(yield func(directory.Grant) bool) {
		for _, g := range snap.Grants {
			if (g.Group == in.Name || g.Objects == in.Name) && !yield(g) {
				return
			}
		}
	}
	all := catalogue[directory.Grant]{id: func(g directory.Grant) string { return g.Group + " " + string(g.Permission) + " " + g.Objects }}
	return pageOf(all.find("", "", mine), &Listing{Page: in.Page}, func(g directory.Grant) Grant { return Grant(g) })
}

func (a *API) addGrant(ctx context.Context, in *GrantPath) (*struct{}, error) {
	return nil, a.changeGrant(ctx, in, Tx.AddGrant)
}

func (a *API) removeGrant(ctx context.Context, in *GrantPath) (*struct{}, error) {
	return nil, a.changeGrant(ctx, in, Tx.RemoveGrant)
}

func (a *API) changeGrant(ctx context.Context, in *GrantPath, fn func(Tx, directory.Grant) error) error {
	return a.change(ctx, func(tx Tx) error {
		if _, err := findGroup(tx.Snapshot(), in.Name); err != nil {
			return err
		}
		grant := directory.Grant{Group: in.Name, Permission: in.Permission, Objects: in.Objects}
		if list := directory.Invalid(grant.Check(tx.Snapshot())); len(list) > 0 {
			p := fault(http.StatusUnprocessableEntity, problemInvalid, "validation failed")
			for _, e := range list {
				p.Errors = append(p.Errors, problemDetail(grantLocation(e.Field), e.Problem))
			}
			return p
		}
		return fn(tx, grant)
	})
}

// grantLocation says where in the request a field of a grant stands.
func grantLocation(field string) string {
	switch field {
	case "group":
		return "path.name"
	case "objects":
		return "query.objects"
	}
	return "path." + field
}

func (a *API) may(ctx context.Context, in *struct {
	User       string               `query:"user" required:"true" maxLength:"64" doc:"User name" example:"armin.artmann"`
	Permission directory.Permission `query:"permission" required:"true" maxLength:"32" example:"pickup"`
	Object     string               `query:"object" maxLength:"128" doc:"User name, or name of a line, by permission" example:"iris.immsee"`
},
) (*struct{ Body Verdict }, error) {
	snap := a.deps.Store.Snapshot()
	u, err := mayUser(who(ctx), snap, in.User)
	if err != nil {
		return nil, err
	}
	typ, known := directory.Permissions[in.Permission]
	if !known {
		return nil, invalid("query.permission", "is not known; GET /api/permissions lists them")
	}
	object := in.Object
	switch {
	case typ == "" && object != "":
		return nil, invalid("query.object", "must be empty: this permission concerns nobody in particular")
	case typ != "" && object == "":
		return nil, invalid("query.object", "is needed: this permission concerns a "+string(typ))
	case typ == directory.GroupUser:
		if object = ""; snap.ByName[in.Object] != nil {
			object = snap.ByName[in.Object].ID
		}
	}
	v := snap.May(u.ID, in.Permission, object)
	out := Verdict{User: u.Username, Permission: in.Permission, Object: in.Object, Allowed: v.Allowed, Through: notNil(v.Through)}
	if v.Grant != nil {
		g := Grant(*v.Grant)
		out.Grant = &g
	}
	out.De, out.En = out.words()
	return &struct{ Body Verdict }{out}, nil
}

// words say why.
func (v *Verdict) words() (de, en string) {
	on, auf := "", ""
	if v.Object != "" {
		on, auf = " on "+v.Object, " für "+v.Object
	}
	way := strings.Join(v.Through, " → ")
	switch {
	case !v.Allowed:
		return "Keine Gruppe von " + v.User + " hat die Berechtigung " + string(v.Permission) + auf + ".",
			"No group of " + v.User + " has the permission " + string(v.Permission) + on + "."
	case v.Grant == nil:
		return v.User + " gehört zur Verwaltung: " + way + ".", v.User + " is an administrator: " + way + "."
	case v.Grant.Objects == "":
		return v.User + " gehört zu " + way + "; diese Gruppe hat die Berechtigung " + string(v.Permission) + ".",
			v.User + " belongs to " + way + ", which has the permission " + string(v.Permission) + "."
	}
	return v.User + " gehört zu " + way + "; diese Gruppe hat die Berechtigung " + string(v.Permission) + " für die Mitglieder von " + v.Grant.Objects + ".",
		v.User + " belongs to " + way + ", which has the permission " + string(v.Permission) + " on the members of " + v.Grant.Objects + "."
}
