package api

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// StaleProblem is the answer to a change of what somebody else has changed in the meantime. It shows what is there
// now, so that a page can put both changes together.
type StaleProblem struct {
	huma.ErrorModel
	Current any `json:"current" doc:"The object as it is now; its entity tag is in the header ETag"`
}

// checkShowing is check with the current object in the answer.
func (p Precondition) checkShowing(tag string, current any) error {
	if p.IfMatch == "" || listed(p.IfMatch, tag) {
		return nil
	}
	e := &StaleProblem{ErrorModel: *staleModel(tag), Current: current}
	return huma.ErrorWithHeaders(e, http.Header{"Etag": {tag}})
}

func staleModel(tag string) *huma.ErrorModel {
	return fault(http.StatusPreconditionFailed, problemPrecondition, "the object has been changed in the meantime: read it again", "header.If-Match", "is not "+tag)
}

// staleResponse describes a 412 that shows an object like the one given.
func (a *API) staleResponse(current any) map[string]*huma.Response {
	schemas := a.huma.OpenAPI().Components.Schemas
	problem := schemas.Schema(reflect.TypeFor[huma.ErrorModel](), true, "ErrorModel")
	return map[string]*huma.Response{"412": {
		Description: http.StatusText(http.StatusPreconditionFailed),
		Headers:     map[string]*huma.Param{"ETag": {Schema: &huma.Schema{Type: huma.TypeString}}},
		Content: map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{AllOf: []*huma.Schema{problem, {
			Type: huma.TypeObject, Required: []string{"current"},
			Properties: map[string]*huma.Schema{"current": schemas.Schema(reflect.TypeOf(current), true, "")},
		}}}}},
	}}
}
