package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/merge"
)

type MergesInput struct {
	Listing
	Certainty merge.Certainty `query:"certainty" enum:"certain,likely"`
	Sort      string          `query:"sort" enum:"kept,-kept,certainty,-certainty,accounts,-accounts" default:"kept"`
}

type MergePath struct {
	ID string `path:"id" maxLength:"64"`
}

// AsShown guards against accepting what nobody has seen.
type AsShown struct {
	IfMatch string `header:"If-Match" required:"true" maxLength:"256" doc:"ETag of the proposal as it was shown. When anything of it differs by now, nothing happens."`
}

type mergeInput struct {
	MergePath
	AsShown
	Body merge.Choice
}

// Merged says what has come of a proposal.
type Merged struct {
	ID    string `json:"id" doc:"Of the proposal"`
	Kept  string `json:"kept" doc:"User name of the account that stayed"`
	Audit string `json:"audit" doc:"Entry of the audit log, for POST /api/audit/{id}/undo; empty when nothing was merged"`
	Fault string `json:"fault,omitempty" doc:"Why it was not merged"`
}

// ShownProposal is a proposal as somebody has seen it.
type ShownProposal struct {
	ID          string `json:"id" maxLength:"64"`
	Fingerprint string `json:"fingerprint" maxLength:"64" doc:"As it was shown"`
}

type manyMergesInput struct {
	Body struct {
		Proposals []ShownProposal `json:"proposals" minItems:"1" maxItems:"200"`
	}
}

// RejectedMerge are accounts that are not proposed to be merged.
type RejectedMerge struct {
	Fingerprint string    `json:"fingerprint"`
	Users       []string  `json:"users" nullable:"false" doc:"User names"`
	Actor       string    `json:"actor" doc:"Who rejected it"`
	At          time.Time `json:"at"`
}

func (a *API) registerMerges() {
	register(a, operation{
		id: "list-merges", method: http.MethodGet, path: "/api/merges", tag: "merges", access: adminOnly,
		summary: "Accounts that seem to be one person's",
		doc: "Proposals to merge accounts, each with its reasons and all that would change. Up to 4.5 a user had one number and one device, so people were there " +
			"several times: name, name.d and name.m with 416, 4161 and 4162, joined by a parallel call. What was rejected is proposed again only when something changes of what it rests on.",
	}, a.listMerges)
	register(a, operation{
		id: "get-merge", method: http.MethodGet, path: "/api/merges/{id}", tag: "merges", access: adminOnly, summary: "One proposal", errors: []int{http.StatusNotFound},
	}, a.getMerge)
	register(a, operation{
		id: "preview-merge", method: http.MethodPost, path: "/api/merges/{id}/preview", tag: "merges", access: adminOnly, reads: true,
		summary: "What would a merge do?", errors: []int{http.StatusNotFound},
		doc: "Takes what is to be different from the proposal, tries it without any effect, and answers with the proposal as it would be carried out.",
	}, a.previewMerge)
	register(a, operation{
		id: "accept-merge", method: http.MethodPost, path: "/api/merges/{id}/accept", tag: "merges", access: adminOnly,
		summary: "Merge accounts",
		doc: "As proposed, or with another account that stays, without one of them, or with other ticks. Numbers, slots, profiles and call lists go over to the account that stays, SIP accounts " +
			"with them, so that phones stay registered; user names of the others become free, and their logins end. It is one change, which POST /api/audit/{id}/undo takes back.",
		errors: []int{http.StatusNotFound, http.StatusPreconditionFailed, http.StatusConflict},
	}, a.acceptMerge)
	register(a, operation{
		id: "reject-merge", method: http.MethodPost, path: "/api/merges/{id}/reject", tag: "merges", access: adminOnly, status: http.StatusNoContent,
		summary: "Reject a proposal", errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
		doc: "It is not made again until a name, an address, a number or a parallel call of the accounts changes.",
	}, a.rejectMerge)
	register(a, operation{
		id: "accept-merges", method: http.MethodPost, path: "/api/merges/accept", tag: "merges", access: adminOnly,
		summary: "Merge accounts of several proposals",
		doc:     "As proposed, each in a change of its own. A proposal that differs from what was shown, or cannot be carried out, is passed over and says why.",
	}, a.acceptMerges)
	register(a, operation{
		id: "list-rejected-merges", method: http.MethodGet, path: "/api/merges/rejected", tag: "merges", access: adminOnly, summary: "Rejected proposals",
	}, a.listRejectedMerges)
	register(a, operation{
		id: "forget-rejected-merge", method: http.MethodDelete, path: "/api/merges/rejected/{fingerprint}", tag: "merges", access: adminOnly, status: http.StatusNoContent,
		summary: "Propose again what was rejected", errors: []int{http.StatusNotFound},
	}, a.forgetRejectedMerge)
}

// doubles are the proposals of one configuration, found once.
type doubles struct {
	of     *directory.Snapshot
	finder *merge.Finder
	groups []merge.Group
}

// foundDoubles returns those of the configuration in force.
func (a *API) foundDoubles() *doubles {
	snap := a.deps.Store.Snapshot()
	if d := a.doubled.Load(); d != nil && d.of == snap {
		return d
	}
	d := &doubles{of: snap, finder: merge.New(snap)}
	d.groups = d.finder.Find()
	a.doubled.Store(d)
	return d
}

// group finds the group of an ID.
func (d *doubles) group(id string) (*merge.Group, error) {
	if g := merge.Get(d.groups, id); g != nil {
		return g, nil
	}
	return nil, notFound("proposal", id)
}

// proposed makes the proposal of a group out of what a transaction has before its first act. The snapshot is copied: the transaction goes on in its own.
func proposed(tx Tx, g *merge.Group, c merge.Choice) (*merge.Group, *merge.Proposal, error) {
	snap := *tx.Snapshot()
	finder := merge.New(&snap)
	now := finder.Among(g.IDs())
	if now == nil {
		return nil, nil, notFound("proposal", g.ID())
	}
	p, err := finder.Propose(now, c)
	return now, p, err
}

func mergeTag(p *merge.Proposal) string { return `"` + p.Mark + `"` }

func (a *API) listMerges(_ context.Context, in *MergesInput) (*listOutput[merge.Proposal], error) {
	d := a.foundDoubles()
	c := catalogue[*merge.Group]{
		id: func(g *merge.Group) string { return g.ID() },
		text: func(g *merge.Group) string {
			var words []string
			for _, m := range g.Members {
				words = append(append(words, m.Username, m.FirstName, m.LastName, m.Email), m.Numbers...)
			}
			return strings.Join(words, "\n")
		},
		order: map[string]func(*merge.Group) string{
			"kept":      func(g *merge.Group) string { return g.Members[0].Username },
			"certainty": func(g *merge.Group) string { return string(g.Certainty) + g.Members[0].Username },
			"accounts":  func(g *merge.Group) string { return byCount(len(g.Members)) },
		},
	}
	found := c.find(in.Filter, in.Sort, func(yield func(*merge.Group) bool) {
		for i := range d.groups {
			if (in.Certainty == "" || d.groups[i].Certainty == in.Certainty) && !yield(&d.groups[i]) {
				return
			}
		}
	})
	var fault error
	out, err := pageOf(found, &in.Listing, func(g *merge.Group) merge.Proposal {
		p, err := d.finder.Propose(g, merge.Choice{})
		if err != nil {
			fault = err
			return merge.Proposal{}
		}
		return *p
	})
	return out, errors.Join(err, fault)
}

func (a *API) getMerge(_ context.Context, in *MergePath) (*objectOutput[*merge.Proposal], error) {
	d := a.foundDoubles()
	g, err := d.group(in.ID)
	if err != nil {
		return nil, err
	}
	p, err := d.finder.Propose(g, merge.Choice{})
	if err != nil {
		return nil, err
	}
	return &objectOutput[*merge.Proposal]{ETag: mergeTag(p), Body: p}, nil
}

func (a *API) previewMerge(ctx context.Context, in *struct {
	MergePath
	Body merge.Choice
},
) (*objectOutput[*merge.Proposal], error) {
	g, err := a.foundDoubles().group(in.ID)
	if err != nil {
		return nil, err
	}
	var p *merge.Proposal
	err = a.deps.Store.Try(ctx, func(tx Tx) error {
		var err error
		if _, p, err = proposed(tx, g, in.Body); err != nil {
			return err
		}
		_, err = tx.MergeUsers(p.Plan())
		return err
	})
	if err != nil {
		return nil, err
	}
	return &objectOutput[*merge.Proposal]{ETag: mergeTag(p), Body: p}, nil
}

func (a *API) acceptMerge(ctx context.Context, in *mergeInput) (*struct{ Body Merged }, error) {
	g, err := a.foundDoubles().group(in.ID)
	if err != nil {
		return nil, err
	}
	v, err := a.accept(ctx, g, in.IfMatch, in.Body)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Merged }{*v}, nil
}

// accept merges the accounts of a proposal, if it is still the one that was shown.
func (a *API) accept(ctx context.Context, g *merge.Group, shown string, c merge.Choice) (*Merged, error) {
	v := &Merged{ID: g.ID()}
	var kept string
	err := a.change(ctx, func(tx Tx) error {
		_, p, err := proposed(tx, g, c)
		if err != nil {
			return err
		}
		if err := (Precondition{IfMatch: shown}).check(mergeTag(p)); err != nil {
			return err
		}
		v.Kept, kept = p.Kept, p.Plan().Kept
		_, err = tx.MergeUsers(p.Plan())
		return err
	})
	if err != nil {
		return nil, err
	}
	acts, _, err := a.deps.Store.ListAudit(ctx, AuditFilter{Limit: 1, ObjectType: "user", ObjectID: kept, Action: "merge"})
	if err != nil {
		return nil, err
	}
	if len(acts) > 0 {
		v.Audit = acts[0].ID
	}
	return v, nil
}

func (a *API) acceptMerges(ctx context.Context, in *manyMergesInput) (*listOutput[Merged], error) {
	var out []Merged
	d := a.foundDoubles()
	for _, p := range in.Body.Proposals {
		g, err := d.group(p.ID)
		var v *Merged
		if err == nil {
			v, err = a.accept(ctx, g, `"`+p.Fingerprint+`"`, merge.Choice{})
		}
		switch {
		case err == nil:
			out = append(out, *v)
		case errors.Is(err, ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
			return nil, err
		default:
			out = append(out, Merged{ID: p.ID, Fault: a.problem(ctx, err).Error()})
		}
	}
	return whole(out), nil
}

func (a *API) rejectMerge(ctx context.Context, in *struct {
	MergePath
	AsShown
},
) (*struct{}, error) {
	g, err := a.foundDoubles().group(in.ID)
	if err != nil {
		return nil, err
	}
	return nil, a.change(ctx, func(tx Tx) error {
		now, p, err := proposed(tx, g, merge.Choice{})
		if err != nil {
			return err
		}
		if err := (Precondition{IfMatch: in.IfMatch}).check(mergeTag(p)); err != nil {
			return err
		}
		return tx.KeepApart(now.Reject())
	})
}

func (a *API) listRejectedMerges(context.Context, *struct{}) (*listOutput[RejectedMerge], error) {
	snap := a.deps.Store.Snapshot()
	out := []RejectedMerge{}
	for _, r := range snap.Apart {
		if slices.ContainsFunc(r.Users, func(id string) bool { return snap.Users[id] == nil }) {
			continue // of users who are gone
		}
		v := RejectedMerge{Fingerprint: r.Mark, Actor: r.Actor, At: r.At}
		for _, id := range r.Users {
			v.Users = append(v.Users, snap.Users[id].Username)
		}
		slices.Sort(v.Users)
		out = append(out, v)
	}
	slices.SortFunc(out, func(x, y RejectedMerge) int { return strings.Compare(x.Users[0], y.Users[0]) })
	return whole(out), nil
}

func (a *API) forgetRejectedMerge(ctx context.Context, in *struct {
	Fingerprint string `path:"fingerprint" maxLength:"64"`
},
) (*struct{}, error) {
	return nil, a.change(ctx, func(tx Tx) error { return tx.ForgetApart(in.Fingerprint) })
}
