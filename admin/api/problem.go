package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/directory"
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
	Kind  string // "number" or "username": the field of the body
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
	problemUnavailable   = problemPrefix + "unavailable"
)

// fault makes a problem document. details are pairs of location and message.
func fault(status int, kind, detail string, details ...string) *huma.ErrorModel {
	p := &huma.ErrorModel{Type: kind, Title: http.StatusText(status), Status: status, Detail: detail}
	for i := 0; i+1 < len(details); i += 2 {
		p.Errors = append(p.Errors, &huma.ErrorDetail{Location: details[i], Message: details[i+1]})
	}
	return p
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
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &locked):
		p := fault(http.StatusTooManyRequests, problemLocked, locked.Error())
		seconds := int64(locked.After.Seconds()) + 1
		return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {strconv.FormatInt(seconds, 10)}})
	case errors.Is(err, auth.ErrCredentials):
		return fault(http.StatusUnauthorized, problemCredentials, err.Error())
	case errors.Is(err, secret.ErrPasswordLength):
		return invalid("body.password", secret.ErrPasswordLength.Error())
	case errors.As(err, &taken):
		return fault(http.StatusConflict, problemTaken, taken.Error(), "body."+taken.Kind, taken.Error())
	case errors.As(err, &faults):
		return compileProblem(faults)
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

// compileProblem tells why the routing table would not compile with the change.
func compileProblem(faults routing.Faults) error {
	status := http.StatusUnprocessableEntity
	p := fault(status, problemConfiguration, "the change would leave a configuration that cannot route calls")
	for _, f := range faults {
		if f.Code == routing.FaultNumberTaken {
			p.Status, p.Title, p.Type = http.StatusConflict, http.StatusText(http.StatusConflict), problemTaken
		}
		p.Errors = append(p.Errors, &huma.ErrorDetail{Location: f.Path, Message: f.Message})
	}
	return p
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
