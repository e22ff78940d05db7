package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/licence"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/routing"
)

// Errors that implementations of Store return, alone or wrapped.
var (
	// ErrNotFound says that the object does not exist.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the object has changed since the version given.
	ErrConflict = errors.New("has been changed in the meantime")
	// ErrUnavailable says that the database cannot be used at the moment.
	ErrUnavailable = errors.New("the database is not available")
)

// TakenError is what a Store returns for a number or name that has an owner
// already (SPEC M2).
type TakenError struct {
	Kind  string // "number", "username", or the kind of object whose name it is
	Value string
	// Owner names the first owner for people; empty where the name itself says it.
	Owner string
}

// Error names the first owner.
func (e *TakenError) Error() string {
	if e.Owner == "" {
		return e.Kind + " " + e.Value + " is taken"
	}
	return e.Kind + " " + e.Value + " belongs to " + e.Owner
}

// field is that of the body.
func (e *TakenError) field() string {
	switch e.Kind {
	case "number", "username":
		return e.Kind
	}
	return "name"
}

// Types of problems that a client may want to tell apart (RFC 9457 section 3.1.1).
const (
	problemPrefix        = "urn:koppelfeld:problem:"
	problemCredentials   = problemPrefix + "credentials"
	problemLocked        = problemPrefix + "locked"
	problemPassword      = problemPrefix + "password-change-needed"
	problemPrecondition  = problemPrefix + "changed-meanwhile"
	problemTaken         = problemPrefix + "taken"
	problemInvalid       = problemPrefix + "invalid"
	problemConfiguration = problemPrefix + "configuration"
	problemRuleTest      = problemPrefix + "rule-test"
	problemNeeded        = problemPrefix + "needed"
	problemRefused       = problemPrefix + "call-refused"
	problemImpersonating = problemPrefix + "impersonating"
	problemUnavailable   = problemPrefix + "unavailable"
	problemSecond        = problemPrefix + "second-factor"
	problemFactor        = problemPrefix + "second-factor-wrong"
	problemTicket        = problemPrefix + "login-expired"
	problemSite          = problemPrefix + "passkeys-not-here"
	problemRules         = problemPrefix + "password-rules"
	problemFile          = problemPrefix + "file:" // and a code
)

// fault makes a problem document. details are pairs of location and message.
func fault(status int, kind, detail string, details ...string) *huma.ErrorModel {
	p := &huma.ErrorModel{Type: kind, Title: http.StatusText(status), Status: status, Detail: detail}
	for i := 0; i+1 < len(details); i += 2 {
		p.Errors = append(p.Errors, &huma.ErrorDetail{Location: details[i], Message: details[i+1]})
	}
	return p
}

func problemDetail(location, message string) *huma.ErrorDetail {
	return &huma.ErrorDetail{Location: location, Message: message}
}

func notFound(what, id string) error {
	return fault(http.StatusNotFound, "", what+" "+id+" does not exist")
}

func forbidden(why string) error { return fault(http.StatusForbidden, "", why) }

func invalid(location, message string) error {
	return fault(http.StatusUnprocessableEntity, problemInvalid, "validation failed", location, message)
}

// problem turns an error of a handler into a problem document. What it does not
// know is logged and told as 500 without details.
func (a *API) problem(ctx context.Context, err error) error {
	var known huma.StatusError
	var locked *auth.LockedError
	var taken *TakenError
	var faults routing.Faults
	var unlicensed *licence.Fault
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &unlicensed):
		if operationID(ctx) == "put-licence" {
			return licenceRefused(http.StatusUnprocessableEntity, unlicensed)
		}
		return licenceRefused(http.StatusForbidden, unlicensed)
	case errors.As(err, &locked):
		p := fault(http.StatusTooManyRequests, problemLocked, locked.Error())
		seconds := int64(locked.After.Seconds()) + 1
		return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {strconv.FormatInt(seconds, 10)}})
	case errors.Is(err, auth.ErrCredentials):
		return fault(http.StatusUnauthorized, problemCredentials, err.Error())
	case errors.Is(err, secret.ErrPasswordLength):
		return invalid("body.password", secret.ErrPasswordLength.Error())
	case errors.As(err, &taken):
		return fault(http.StatusConflict, problemTaken, taken.Error(), "body."+taken.field(), taken.Error())
	case errors.As(err, &faults):
		return compileProblem(operationID(ctx), faults)
	case errors.Is(err, ErrNotFound):
		return fault(http.StatusNotFound, "", "it does not exist (any more)")
	case errors.Is(err, ErrConflict):
		return fault(http.StatusConflict, problemPrecondition, "it has been changed in the meantime: read it again")
	case errors.Is(err, ErrUnavailable):
		a.log.WarnContext(ctx, "database not available", "operation", operationID(ctx), "err", err)
		p := fault(http.StatusServiceUnavailable, problemUnavailable, "the database is not available at the moment")
		return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {"5"}})
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault(http.StatusServiceUnavailable, problemUnavailable, "the request was given up before it was done")
	}
	if p := factorProblem(err); p != nil {
		return p
	}
	if list := directory.Invalid(err); len(list) > 0 {
		p := fault(http.StatusUnprocessableEntity, problemInvalid, "validation failed")
		for _, e := range list {
			p.Errors = append(p.Errors, &huma.ErrorDetail{Location: "body." + e.Field, Message: e.Problem})
		}
		return p
	}
	a.log.ErrorContext(ctx, "operation failed", "operation", operationID(ctx), "err", err)
	return fault(http.StatusInternalServerError, "", "something went wrong inside; the log says what")
}

// compileProblem tells why the routing table would not compile with the change, or which test of a rule fails.
func compileProblem(op string, faults routing.Faults) error {
	p := fault(http.StatusUnprocessableEntity, problemConfiguration, "the change would leave a configuration that cannot route calls")
	faults = slices.Clone(faults)
	slices.SortStableFunc(faults, func(x, y routing.Fault) int {
		return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Message, y.Message))
	})
	for _, f := range faults {
		if op == "patch-code" && !strings.HasPrefix(f.Path, "codes[") {
			continue // the same, said of the number that would be hidden
		}
		switch f.Code {
		case routing.FaultNumberTaken:
			p.Status, p.Title, p.Type = http.StatusConflict, http.StatusText(http.StatusConflict), problemTaken
		case routing.FaultRuleTest:
			p.Type, p.Detail = problemRuleTest, "a test that is attached to a rule does not come out as expected"
		}
		p.Errors = append(p.Errors, &huma.ErrorDetail{Location: faultLocation(op, f), Message: f.Message})
	}
	return p
}

// faultLocation puts the path of a fault into that of the body where the object of the operation is at fault; else it stays
// that of the setting.
func faultLocation(op string, f routing.Fault) string {
	switch op {
	case "patch-code":
		if f.Code == routing.FaultCode {
			return "body.code"
		}
	case "create-huntgroup", "patch-huntgroup":
		switch f.Code {
		case routing.FaultCode, routing.FaultNumberTaken, routing.FaultNumberInvalid, routing.FaultEmergency:
			return "body.number"
		}
	}
	if f.Code == routing.FaultRuleTest {
		return "body." + f.Path
	}
	return f.Path
}

// tidy gives the problems that huma finds the same form as ours, and keeps
// problem documents from echoing what was sent: it may be a password, and it may
// be long.
func tidy(_ huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*huma.ErrorModel); ok {
		if p.Type == "" && p.Status == http.StatusUnprocessableEntity {
			p.Type = problemInvalid
		}
		for _, e := range p.Errors {
			if e != nil {
				e.Value = nil
			}
		}
		const most = 50
		if len(p.Errors) > most {
			p.Errors = p.Errors[:most]
		}
	}
	return v, nil
}

// oldPasswordProblem tells that the old password is wrong without saying that
// the session has ended, which 401 would.
func oldPasswordProblem(err error) error {
	if errors.Is(err, auth.ErrCredentials) {
		return fault(http.StatusForbidden, problemCredentials, "the old password is wrong", "body.old_password", "is wrong")
	}
	return err
}
