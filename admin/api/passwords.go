package api

import (
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/koppelfeld/koppelfeld/admin/auth"
)

// passwordRules is the problem document of a new password that breaks rules.
type passwordRules struct {
	*huma.ErrorModel
	Rules []auth.Rule `json:"rules"`
}

// checkPassword refuses a new password that breaks the rules.
func checkPassword(password string, names ...string) error {
	err := auth.CheckPassword(password, names...)
	var broken *auth.RulesError
	if !errors.As(err, &broken) {
		return err
	}
	p := fault(http.StatusUnprocessableEntity, problemRules, "the new password breaks the rules")
	for _, r := range broken.Rules {
		p.Errors = append(p.Errors, problemDetail("body.password", r.English))
	}
	return &passwordRules{p, broken.Rules}
}
