package api

import (
	"context"
	"maps"
	"net/http"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// HuntGroup spreads calls to its number over its members.
type HuntGroup struct {
	ID            string               `json:"id"`
	Name          string               `json:"name"`
	Number        string               `json:"number"`
	Strategy      directory.Strategy   `json:"strategy" enum:"ring_all,linear,round_robin"`
	Members       []string             `json:"members" nullable:"false" doc:"Numbers of users, in order"`
	MemberSeconds int                  `json:"member_seconds" doc:"How long one member rings, for linear and round_robin"`
	Seconds       int                  `json:"seconds" doc:"How long the group rings in all"`
	Overflow      []directory.CaseRule `json:"overflow" nullable:"false" doc:"What comes when all are busy, nobody answers or none is registered, or always"`
}

// memberSeconds is how long one member rings where nothing else is said.
const memberSeconds = 20

type HuntGroupPath struct {
	ID string `path:"id" maxLength:"64"`
}

type createHuntGroupInput struct {
	Body struct {
		Name          string               `json:"name" minLength:"1" maxLength:"128" example:"Zentrale"`
		Number        string               `json:"number" pattern:"^[0-9]{1,15}$" patternDescription:"1 to 15 digits" example:"400"`
		Strategy      directory.Strategy   `json:"strategy,omitempty" enum:"ring_all,linear,round_robin" default:"ring_all"`
		Members       []string             `json:"members,omitempty" maxItems:"100" maxLength:"15"`
		MemberSeconds int                  `json:"member_seconds,omitempty" minimum:"0" maximum:"180" doc:"5 to 180; 20 if left out, where members ring one after the other"`
		Seconds       int                  `json:"seconds,omitempty" minimum:"5" maximum:"600" default:"60"`
		Overflow      []directory.CaseRule `json:"overflow,omitempty" maxItems:"8"`
	}
}

type patchHuntGroupInput struct {
	HuntGroupPath
	Precondition
	Body struct {
		Name          Field[string]               `json:"name,omitempty" minLength:"1" maxLength:"128"`
		Number        Field[string]               `json:"number,omitempty" pattern:"^[0-9]{1,15}$" patternDescription:"1 to 15 digits" doc:"The old one becomes free"`
		Strategy      Field[directory.Strategy]   `json:"strategy,omitempty" enum:"ring_all,linear,round_robin"`
		Members       Field[[]string]             `json:"members,omitempty" maxItems:"100" maxLength:"15" doc:"Replaces all"`
		MemberSeconds Field[int]                  `json:"member_seconds,omitempty" minimum:"0" maximum:"180"`
		Seconds       Field[int]                  `json:"seconds,omitempty" minimum:"5" maximum:"600"`
		Overflow      Field[[]directory.CaseRule] `json:"overflow,omitempty" maxItems:"8" doc:"Replaces all"`
	}
}

type huntGroupOutput = objectOutput[HuntGroup]

func huntGroupView(h *directory.HuntGroup) HuntGroup {
	return HuntGroup{
		ID: h.ID, Name: h.Name, Number: h.Number, Strategy: h.Strategy, Members: notNil(h.Members),
		MemberSeconds: h.MemberSeconds, Seconds: h.Seconds, Overflow: notNil(h.Overflow),
	}
}

func huntGroupAnswer(h *directory.HuntGroup) *huntGroupOutput {
	return &huntGroupOutput{ETag: etag(h.Version), Body: huntGroupView(h)}
}

func findHuntGroup(snap *directory.Snapshot, id string) (*directory.HuntGroup, error) {
	if h := snap.HuntGroups[id]; h != nil {
		return h, nil
	}
	return nil, notFound("hunt group", id)
}

func (a *API) registerHuntGroups() {
	const path, one = "/api/huntgroups", "/api/huntgroups/{id}"
	register(a, operation{
		id: "list-huntgroups", method: http.MethodGet, path: path, tag: "forwarding", access: adminOnly, summary: "List hunt groups",
	}, a.listHuntGroups)
	register(a, operation{
		id: "create-huntgroup", method: http.MethodPost, path: path, tag: "forwarding", access: adminOnly,
		summary: "Create a hunt group", doc: "It owns its number from then on.", status: http.StatusCreated, errors: []int{http.StatusConflict},
	}, a.createHuntGroup)
	register(a, operation{
		id: "get-huntgroup", method: http.MethodGet, path: one, tag: "forwarding", access: adminOnly,
		summary: "Show a hunt group", errors: []int{http.StatusNotFound},
	}, a.getHuntGroup)
	register(a, operation{
		id: "patch-huntgroup", method: http.MethodPatch, path: one, tag: "forwarding", access: adminOnly,
		summary: "Change a hunt group", errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, a.patchHuntGroup)
	register(a, operation{
		id: "delete-huntgroup", method: http.MethodDelete, path: one, tag: "forwarding", access: adminOnly,
		summary: "Delete a hunt group", doc: "Its number becomes free.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.deleteHuntGroup)
}

type HuntGroupsInput struct {
	Listing
	Sort string `query:"sort" enum:"name,-name,number,-number,strategy,-strategy,members,-members" default:"name"`
}

func foundHuntGroups(snap *directory.Snapshot, in *HuntGroupsInput) found[*directory.HuntGroup] {
	all := catalogue[*directory.HuntGroup]{
		id: func(h *directory.HuntGroup) string { return h.ID },
		text: func(h *directory.HuntGroup) string {
			return h.Name + "\n" + h.Number + "\n" + strings.Join(h.Members, "\n")
		},
		order: map[string]func(*directory.HuntGroup) string{
			"name":     func(h *directory.HuntGroup) string { return byText(h.Name) },
			"number":   func(h *directory.HuntGroup) string { return h.Number },
			"strategy": func(h *directory.HuntGroup) string { return string(h.Strategy) },
			"members":  func(h *directory.HuntGroup) string { return byCount(len(h.Members)) },
		},
	}
	return all.find(in.Filter, in.Sort, maps.Values(snap.HuntGroups))
}

func (a *API) listHuntGroups(_ context.Context, in *HuntGroupsInput) (*listOutput[HuntGroup], error) {
	return pageOf(foundHuntGroups(a.deps.Store.Snapshot(), in), &in.Listing, huntGroupView)
}

func (a *API) createHuntGroup(ctx context.Context, in *createHuntGroupInput) (*huntGroupOutput, error) {
	b := &in.Body
	group := directory.HuntGroup{
		Name: b.Name, Number: b.Number, Strategy: b.Strategy, Members: b.Members, MemberSeconds: b.MemberSeconds, Seconds: b.Seconds, Overflow: b.Overflow,
	}
	if group.MemberSeconds == 0 && group.Strategy != directory.RingAll {
		group.MemberSeconds = memberSeconds
	}
	var out *huntGroupOutput
	err := a.change(ctx, func(tx Tx) error {
		h, err := tx.CreateHuntGroup(group)
		if err != nil {
			return err
		}
		out = huntGroupAnswer(h)
		out.Location = "/api/huntgroups/" + h.ID
		return nil
	})
	return out, err
}

func (a *API) getHuntGroup(_ context.Context, in *struct {
	HuntGroupPath
	Conditional
},
) (*huntGroupOutput, error) {
	h, err := findHuntGroup(a.deps.Store.Snapshot(), in.ID)
	if err != nil {
		return nil, err
	}
	return huntGroupAnswer(h), in.fresh(etag(h.Version))
}

func (a *API) patchHuntGroup(ctx context.Context, in *patchHuntGroupInput) (*huntGroupOutput, error) {
	b := &in.Body
	var out *huntGroupOutput
	err := a.change(ctx, func(tx Tx) error {
		h, err := findHuntGroup(tx.Snapshot(), in.ID)
		if err != nil {
			return err
		}
		if err := in.check(etag(h.Version)); err != nil {
			return err
		}
		changed, err := tx.UpdateHuntGroup(h.ID, h.Version, func(h *directory.HuntGroup) {
			b.Name.apply(&h.Name, h.Name)
			b.Number.apply(&h.Number, h.Number)
			b.Strategy.apply(&h.Strategy, directory.RingAll)
			b.Members.apply(&h.Members, nil)
			b.MemberSeconds.apply(&h.MemberSeconds, memberSeconds)
			b.Seconds.apply(&h.Seconds, 60)
			b.Overflow.apply(&h.Overflow, nil)
			if h.MemberSeconds == 0 && h.Strategy != directory.RingAll && !b.MemberSeconds.Set {
				h.MemberSeconds = memberSeconds
			}
		})
		if err != nil {
			return err
		}
		out = huntGroupAnswer(changed)
		return nil
	})
	return out, err
}

func (a *API) deleteHuntGroup(ctx context.Context, in *struct {
	HuntGroupPath
	Precondition
},
) (*struct{}, error) {
	return nil, a.change(ctx, func(tx Tx) error {
		h, err := findHuntGroup(tx.Snapshot(), in.ID)
		if err != nil {
			return err
		}
		if err := in.check(etag(h.Version)); err != nil {
			return err
		}
		return tx.DeleteHuntGroup(h.ID, h.Version)
	})
}
