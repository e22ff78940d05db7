package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Rule forwards numbers system-wide. Rules are tried in order before anything else, for the number as it was dialled.
type Rule struct {
	ID       string               `json:"id"`
	Position int                  `json:"position" doc:"From 0"`
	Name     string               `json:"name"`
	Enabled  bool                 `json:"enabled"`
	When     directory.Conditions `json:"when"`
	Action   directory.Action     `json:"action"`
	Tests    []directory.RuleTest `json:"tests" nullable:"false"`
}

type RulePath struct {
	ID string `path:"id" maxLength:"64"`
}

type createRuleInput struct {
	Body struct {
		Name    string               `json:"name" minLength:"1" maxLength:"128" example:"Weihnachten"`
		Enabled Field[bool]          `json:"enabled,omitempty" doc:"True if left out"`
		When    directory.Conditions `json:"when"`
		Action  directory.Action     `json:"action"`
		Tests   []directory.RuleTest `json:"tests,omitempty" maxItems:"20"`
	}
}

type patchRuleInput struct {
	RulePath
	Precondition
	Body struct {
		Name    Field[string]               `json:"name,omitempty" minLength:"1" maxLength:"128"`
		Enabled Field[bool]                 `json:"enabled,omitempty"`
		When    Field[directory.Conditions] `json:"when,omitempty" doc:"Replaces all conditions"`
		Action  Field[directory.Action]     `json:"action,omitempty" doc:"Replaces the whole action"`
		Tests   Field[[]directory.RuleTest] `json:"tests,omitempty" maxItems:"20" doc:"Replaces all tests"`
	}
}

type ruleOutput = objectOutput[Rule]

func ruleView(r *directory.SystemRule) Rule {
	return Rule{ID: r.ID, Position: r.Position, Name: r.Name, Enabled: r.Enabled, When: r.When, Action: r.Action, Tests: notNil(r.Tests)}
}

func ruleAnswer(r *directory.SystemRule) *ruleOutput {
	return &ruleOutput{ETag: etag(r.Version), Body: ruleView(r)}
}

func findRule(snap *directory.Snapshot, id string) (*directory.SystemRule, error) {
	if i := slices.IndexFunc(snap.Rules, func(r *directory.SystemRule) bool { return r.ID == id }); i >= 0 {
		return snap.Rules[i], nil
	}
	return nil, notFound("rule", id)
}

func (a *API) registerRules() {
	const path, one = "/api/forwarding/rules", "/api/forwarding/rules/{id}"
	register(a, operation{
		id: "list-rules", method: http.MethodGet, path: path, tag: "forwarding", access: adminOnly,
		summary: "List the system-wide forwarding rules in their order",
	}, a.listRules)
	register(a, operation{
		id: "create-rule", method: http.MethodPost, path: path, tag: "forwarding", access: adminOnly,
		summary: "Create a system-wide forwarding rule", doc: "It becomes the last one. The first rule that applies to a call is carried out, and no later one.",
		status: http.StatusCreated,
	}, a.createRule)
	register(a, operation{
		id: "get-rule", method: http.MethodGet, path: one, tag: "forwarding", access: adminOnly,
		summary: "Show a system-wide forwarding rule", errors: []int{http.StatusNotFound},
	}, a.getRule)
	register(a, operation{
		id: "patch-rule", method: http.MethodPatch, path: one, tag: "forwarding", access: adminOnly,
		summary: "Change a system-wide forwarding rule",
		doc: "It is refused when a test that is attached to the rule does not come out as expected. Tests ask whether the rule's conditions hold, so they are tried " +
			"for a rule that is switched off as if it were on; but switching one off is never refused.",
		errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.patchRule)
	register(a, operation{
		id: "delete-rule", method: http.MethodDelete, path: one, tag: "forwarding", access: adminOnly,
		summary: "Delete a system-wide forwarding rule", status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.deleteRule)
	register(a, operation{
		id: "order-rules", method: http.MethodPut, path: path + "/order", tag: "forwarding", access: adminOnly,
		summary: "Put the system-wide forwarding rules in order", doc: "If-Match takes the entity tag of the list.",
		status: http.StatusNoContent, errors: []int{http.StatusPreconditionFailed},
	}, a.orderRules)
}

type listRulesInput struct {
	Listing
	Sort string `query:"sort" enum:"position,-position,name,-name,enabled,-enabled" default:"position"`
}

func (a *API) listRules(_ context.Context, in *listRulesInput) (*taggedList[Rule], error) {
	all := catalogue[*directory.SystemRule]{
		id: func(r *directory.SystemRule) string { return r.ID },
		text: func(r *directory.SystemRule) string {
			text := r.Name + "\n" + r.Action.Number
			if r.When.Called != nil {
				text += "\n" + r.When.Called.Value
			}
			if r.When.Caller != nil {
				text += "\n" + r.When.Caller.Value
			}
			return text
		},
		order: map[string]func(*directory.SystemRule) string{
			"position": func(r *directory.SystemRule) string { return byCount(r.Position) },
			"name":     func(r *directory.SystemRule) string { return byText(r.Name) },
			"enabled":  func(r *directory.SystemRule) string { return byFlag(r.Enabled) + byCount(r.Position) },
		},
	}
	snap := a.deps.Store.Snapshot()
	page, err := pageOf(all.find(in.Filter, in.Sort, slices.Values(snap.Rules)), &in.Listing, ruleView)
	if err != nil {
		return nil, err
	}
	return tagged(page, rulesTag(snap)), nil
}

// rulesTag covers all rules, whatever of them is shown.
func rulesTag(snap *directory.Snapshot) string {
	return listTag(snap.Rules, func(r *directory.SystemRule) (id, tag string) { return r.ID, etag(r.Version) })
}

func (a *API) createRule(ctx context.Context, in *createRuleInput) (*ruleOutput, error) {
	b := &in.Body
	rule := directory.SystemRule{Name: b.Name, Enabled: true, When: b.When, Action: b.Action, Tests: b.Tests}
	b.Enabled.apply(&rule.Enabled, true)
	var out *ruleOutput
	err := a.change(ctx, func(tx Tx) error {
		r, err := tx.CreateRule(rule)
		if err != nil {
			return err
		}
		out = ruleAnswer(r)
		out.Location = "/api/forwarding/rules/" + r.ID
		return nil
	})
	return out, err
}

func (a *API) getRule(_ context.Context, in *struct {
	RulePath
	Conditional
},
) (*ruleOutput, error) {
	r, err := findRule(a.deps.Store.Snapshot(), in.ID)
	if err != nil {
		return nil, err
	}
	return ruleAnswer(r), in.fresh(etag(r.Version))
}

func (a *API) patchRule(ctx context.Context, in *patchRuleInput) (*ruleOutput, error) {
	b := &in.Body
	if b.Action.Null {
		return nil, invalid("body.action", "cannot be null: every rule does something")
	}
	var out *ruleOutput
	err := a.change(ctx, func(tx Tx) error {
		r, err := findRule(tx.Snapshot(), in.ID)
		if err != nil {
			return err
		}
		if err := in.check(etag(r.Version)); err != nil {
			return err
		}
		changed, err := tx.UpdateRule(r.ID, r.Version, func(r *directory.SystemRule) {
			b.Name.apply(&r.Name, r.Name)
			b.Enabled.apply(&r.Enabled, true)
			b.When.apply(&r.When, directory.Conditions{})
			b.Action.apply(&r.Action, r.Action)
			b.Tests.apply(&r.Tests, nil)
		})
		if err != nil {
			return err
		}
		out = ruleAnswer(changed)
		return nil
	})
	return out, err
}

func (a *API) deleteRule(ctx context.Context, in *struct {
	RulePath
	Precondition
},
) (*struct{}, error) {
	return nil, a.change(ctx, func(tx Tx) error {
		r, err := findRule(tx.Snapshot(), in.ID)
		if err != nil {
			return err
		}
		if err := in.check(etag(r.Version)); err != nil {
			return err
		}
		return tx.DeleteRule(r.ID, r.Version)
	})
}

func (a *API) orderRules(ctx context.Context, in *struct {
	Precondition
	Body struct {
		Rules []string `json:"rules" maxItems:"500" maxLength:"64" nullable:"false" doc:"All IDs in the new order, each once"`
	}
},
) (*struct{}, error) {
	return nil, a.change(ctx, func(tx Tx) error {
		if err := in.check(rulesTag(tx.Snapshot())); err != nil {
			return err
		}
		return tx.OrderRules(in.Body.Rules)
	})
}
