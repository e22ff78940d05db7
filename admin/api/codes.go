package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// Code is a function code that phones dial.
type Code struct {
	Action   directory.CodeAction `json:"action" example:"forward_to"`
	Code     string               `json:"code" example:"*21*"`
	Enabled  bool                 `json:"enabled"`
	Argument bool                 `json:"argument" doc:"Whether something has to be dialled after it"`
	De       string               `json:"de" doc:"What it does, in German"`
	En       string               `json:"en" doc:"What it does, in English"`
}

type CodePath struct {
	Action string `path:"action" maxLength:"32" example:"forward_to"`
}

type codeOutput = objectOutput[Code]

func codeView(c *directory.Code) Code {
	de, en := routing.CodeMeaning(string(c.Action))
	return Code{Action: c.Action, Code: c.Code, Enabled: c.Enabled, Argument: routing.TakesArgument(string(c.Action)), De: de, En: en}
}

func codeAnswer(c *directory.Code) *codeOutput {
	return &codeOutput{ETag: etag(c.Version), Body: codeView(c)}
}

func findCode(snap *directory.Snapshot, action string) (*directory.Code, error) {
	if c := snap.Codes[directory.CodeAction(action)]; c != nil {
		return c, nil
	}
	return nil, notFound("code", action)
}

func (a *API) registerCodes() {
	const path, one = "/api/codes", "/api/codes/{action}"
	register(a, operation{
		id: "list-codes", method: http.MethodGet, path: path, tag: "forwarding", access: ownOnly, summary: "List function codes",
	}, a.listCodes)
	register(a, operation{
		id: "get-code", method: http.MethodGet, path: one, tag: "forwarding", access: ownOnly,
		summary: "Show a function code", errors: []int{http.StatusNotFound},
	}, a.getCode)
	register(a, operation{
		id: "set-codes", method: http.MethodPut, path: path, tag: "forwarding", access: adminOnly,
		summary: "Change several function codes in one step", doc: "Two codes can change places this way. All are changed, or none. What would hide a number, another code or an emergency number is refused. " +
			"If-Match takes the entity tag of the list.",
		errors: []int{http.StatusPreconditionFailed},
	}, a.setCodes)
	register(a, operation{
		id: "patch-code", method: http.MethodPatch, path: one, tag: "forwarding", access: adminOnly,
		summary: "Change a function code", doc: "A code that would hide a number, another code or an emergency number is refused.",
		errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.patchCode)
}

type listCodesInput struct {
	Listing
	Sort string `query:"sort" enum:"action,-action,code,-code,enabled,-enabled" default:"action"`
}

// CodeFault is an error of Tx.SetCodes about the code at an index of the list.
type CodeFault interface {
	error
	At() int
}

type setCodesInput struct {
	Precondition
	Body struct {
		Codes []struct {
			Action  directory.CodeAction `json:"action" maxLength:"32" example:"forward_to"`
			Code    string               `json:"code" pattern:"^[0-9*#]{2,8}$" patternDescription:"2 to 8 of the keys 0 to 9, * and #"`
			Enabled bool                 `json:"enabled"`
		} `json:"codes" minItems:"1" maxItems:"100" doc:"Actions that are left out stay as they are"`
	}
}

func (a *API) setCodes(ctx context.Context, in *setCodesInput) (*taggedList[Code], error) {
	list := make([]directory.Code, len(in.Body.Codes))
	for i, c := range in.Body.Codes {
		for _, before := range list[:i] {
			if before.Action == c.Action {
				return nil, invalid(fmt.Sprintf("body.codes[%d].action", i), "stands in the list twice")
			}
		}
		list[i] = directory.Code{Action: c.Action, Code: c.Code, Enabled: c.Enabled}
	}
	var out *taggedList[Code]
	err := a.change(ctx, func(tx Tx) error {
		if err := in.check(codesTag(tx.Snapshot())); err != nil {
			return err
		}
		err := tx.SetCodes(list)
		var at CodeFault
		switch problems := directory.Invalid(err); {
		case errors.As(err, &at) && len(problems) > 0:
			return invalid(fmt.Sprintf("body.codes[%d].%s", at.At(), problems[0].Field), problems[0].Problem)
		case errors.As(err, &at):
			return invalid(fmt.Sprintf("body.codes[%d].action", at.At()), "there is no such action")
		case err != nil:
			return err
		}
		snap := tx.Snapshot()
		all := make([]Code, 0, len(snap.Codes))
		for _, action := range sortedKeys(snap.Codes) {
			all = append(all, codeView(snap.Codes[action]))
		}
		out = tagged(whole(all), codesTag(snap))
		return nil
	})
	return out, err
}

// codesTag covers all codes, whatever of them is shown.
func codesTag(snap *directory.Snapshot) string {
	return listTag(sortedKeys(snap.Codes), func(a directory.CodeAction) (id, tag string) { return string(a), etag(snap.Codes[a].Version) })
}

func (a *API) listCodes(_ context.Context, in *listCodesInput) (*taggedList[Code], error) {
	all := catalogue[*directory.Code]{
		id: func(c *directory.Code) string { return string(c.Action) },
		text: func(c *directory.Code) string {
			de, en := routing.CodeMeaning(string(c.Action))
			return string(c.Action) + "\n" + c.Code + "\n" + de + "\n" + en
		},
		order: map[string]func(*directory.Code) string{
			"action":  func(c *directory.Code) string { return string(c.Action) },
			"code":    func(c *directory.Code) string { return c.Code },
			"enabled": func(c *directory.Code) string { return byFlag(c.Enabled) },
		},
	}
	snap := a.deps.Store.Snapshot()
	page, err := pageOf(all.find(in.Filter, in.Sort, maps.Values(snap.Codes)), &in.Listing, codeView)
	if err != nil {
		return nil, err
	}
	return tagged(page, codesTag(snap)), nil
}

func (a *API) getCode(_ context.Context, in *struct {
	CodePath
	Conditional
},
) (*codeOutput, error) {
	c, err := findCode(a.deps.Store.Snapshot(), in.Action)
	if err != nil {
		return nil, err
	}
	return codeAnswer(c), in.fresh(etag(c.Version))
}

func (a *API) patchCode(ctx context.Context, in *struct {
	CodePath
	Precondition
	Body struct {
		Code    Field[string] `json:"code,omitempty" pattern:"^[0-9*#]{2,8}$" patternDescription:"2 to 8 of the keys 0 to 9, * and #"`
		Enabled Field[bool]   `json:"enabled,omitempty"`
	}
},
) (*codeOutput, error) {
	var out *codeOutput
	err := a.change(ctx, func(tx Tx) error {
		c, err := findCode(tx.Snapshot(), in.Action)
		if err != nil {
			return err
		}
		if err := in.check(etag(c.Version)); err != nil {
			return err
		}
		changed, err := tx.UpdateCode(c.Action, c.Version, func(c *directory.Code) {
			in.Body.Code.apply(&c.Code, c.Code)
			in.Body.Enabled.apply(&c.Enabled, true)
		})
		if err != nil {
			return err
		}
		out = codeAnswer(changed)
		return nil
	})
	return out, err
}
