package api

import (
	"context"
	"errors"
	"net/http"
	"time"
)

type auditInput struct {
	Page
	Actor      string `query:"actor" maxLength:"64" doc:"Who did it"`
	ObjectType string `query:"object_type" maxLength:"32" doc:"user, number, slot, group, call …"`
	ObjectID   string `query:"object_id" maxLength:"128"`
}

// State is the answer of the health checks.
type State struct {
	Status string `json:"status" example:"ok"`
}

func (a *API) registerAudit() {
	register(a, operation{
		id: "list-audit", method: http.MethodGet, path: "/api/audit", tag: "system", access: adminOnly,
		summary: "List who changed what, newest first", doc: "Secrets are shown as ***.",
	}, a.listAudit)
}

func (a *API) listAudit(ctx context.Context, in *auditInput) (*logOutput[AuditEntry], error) {
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	entries, next, err := a.deps.Store.ListAudit(ctx, AuditFilter{
		Limit: in.Limit, Cursor: key, Actor: in.Actor, ObjectType: in.ObjectType, ObjectID: in.ObjectID,
	})
	if err != nil {
		return nil, err
	}
	list := LogPage[AuditEntry]{Items: notNil(entries)}
	if next != "" {
		list.Next = cursor(next)
	}
	return &logOutput[AuditEntry]{list}, nil
}

// act notes what was done in the audit log. It has been done: a failure is
// logged only.
func (a *API) act(ctx context.Context, action, objectType, objectID, objectName string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := a.deps.Store.Act(ctx, a.changeOf(ctx), action, objectType, objectID, objectName, nil, nil); err != nil {
		a.log.WarnContext(ctx, "act is missing in the audit log", "action", action, "object_id", objectID, "err", err)
	}
}

func (a *API) registerHealth() {
	register(a, operation{
		id: "health", method: http.MethodGet, path: "/healthz", tag: "system", access: public,
		summary: "Is the daemon alive?",
	}, func(context.Context, *struct{}) (*struct{ Body State }, error) {
		return &struct{ Body State }{State{"ok"}}, nil
	})
	register(a, operation{
		id: "ready", method: http.MethodGet, path: "/readyz", tag: "system", access: public,
		summary: "Can it take calls?", errors: []int{http.StatusServiceUnavailable},
	}, func(ctx context.Context, _ *struct{}) (*struct{ Body State }, error) {
		if a.deps.Ready != nil {
			if err := a.deps.Ready(ctx); err != nil {
				return nil, fault(http.StatusServiceUnavailable, problemUnavailable, err.Error())
			}
		}
		return &struct{ Body State }{State{"ready"}}, nil
	})
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }
