package api

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// State is the answer of the health checks.
type State struct {
	Status string `json:"status" example:"ok"`
}

func (a *API) registerAudit() {
	register(a, operation{
		id: "list-audit", method: http.MethodGet, path: "/api/audit", tag: "system", access: adminOnly,
		summary: "List who changed what", doc: "Secrets are shown as ***. A page may hold fewer than its limit, or none, and have a following one.",
	}, a.listAudit)
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
	a.registerFaults()
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
