// Package api is the HTTP API of Koppelfeld (SPEC A6): its operations, one file
// for each resource, their rights and their description in OpenAPI 3.1.
//
// It changes the configuration through Store.Update only and reads snapshots. It
// starts no goroutine. It may import leaves and domain packages; what it needs of
// the store, of registrations and of live calls comes through the interfaces in
// Deps, and it knows neither SQL nor SIP.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/licence"
	"github.com/koppelfeld/koppelfeld/internal/version"
)

const (
	// SpecPath is where the description of the API is.
	SpecPath = "/api/openapi.json"
	// MaxBody bounds the body of a request in bytes.
	MaxBody = 1 << 20

	bodyTimeout = 10 * time.Second
)

// API is an http.Handler for /api/, /healthz and /readyz.
type API struct {
	deps Deps
	log  *slog.Logger
	mux  *http.ServeMux
	huma huma.API
	spec []byte

	folded      atomic.Pointer[people] // those of the configuration that was searched last
	doubled     atomic.Pointer[doubles]
	streams     streams
	transfers   transfers
	closing     chan struct{}
	closingOnce sync.Once
}

// New returns the API.
func New(d Deps) (*API, error) {
	if d.Store == nil || d.Door == nil || d.Passwords == nil || d.Calls == nil || d.Bindings == nil || d.Routing == nil || d.Preview == nil || d.Events == nil || d.Debug == nil || d.System == nil || d.Transfer == nil || d.Backups == nil || d.Bans == nil || d.Licence == nil {
		return nil, errors.New("api: Store, Door, Passwords, Calls, Bindings, Routing, Preview, Events, Debug, System, Transfer, Backups, Bans and Licence are needed")
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	return build(d)
}

// Spec returns the OpenAPI 3.1 document without a running server.
func Spec() ([]byte, error) {
	a, err := build(Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	return a.spec, nil
}

func build(d Deps) (*API, error) {
	a := &API{deps: d, log: d.Log, mux: http.NewServeMux(), closing: make(chan struct{})}
	c := huma.DefaultConfig(version.Name, version.Version)
	c.Info.Description = "Users, numbers, slots and the matrix that joins them; calls, call records and what the system decides.\n\n" +
		"Log in with POST /api/session. Browsers use the cookie it sets; programs send its token, or an API token, as `Authorization: Bearer <token>`."
	c.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil // no links to schemas in bodies
	c.Formats = map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}
	c.RejectUnknownQueryParameters = true
	c.Transformers = []huma.Transformer{tidy}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "The token that POST /api/session answers, or an API token"},
		"cookie": {Type: "apiKey", In: "cookie", Name: cookieName},
	}
	c.Tags = tags()
	describeTypes(c.Components.Schemas)
	a.huma = humago.New(a.mux, c)
	a.huma.UseMiddleware(a.describe, a.authorise)
	a.registerAll()
	spec, err := json.MarshalIndent(a.huma.OpenAPI(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("describing the API: %w", err)
	}
	a.spec = append(spec, '\n')
	a.mux.HandleFunc("GET "+SpecPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		w.Write(a.spec)
	})
	return a, nil
}

func tags() []*huma.Tag {
	return []*huma.Tag{
		{Name: "session", Description: "Who speaks"},
		{Name: "users", Description: "People, their numbers and slots"},
		{Name: "groups", Description: "Groups, and what their members may do"},
		{Name: "matrix", Description: "Which numbers are live on which slots"},
		{Name: "forwarding", Description: "Who rings next: profiles, schedules, calendars, groups of numbers, function codes"},
		{Name: "calls", Description: "Live calls and call records"},
		{Name: "routing", Description: "Who would ring, and why"},
		{Name: "system", Description: "State of the daemon"},
	}
}

func (a *API) registerAll() {
	a.registerSession()
	a.registerLogin()
	a.registerSessions()
	a.registerFactors()
	a.registerTokens()
	a.registerUsers()
	a.registerNumbers()
	a.registerForwarding()
	a.registerProfiles()
	a.registerRules()
	a.registerCalendars()
	a.registerHuntGroups()
	a.registerPickupGroups()
	a.registerCodes()
	a.registerSlots()
	a.registerMatrix()
	a.registerMerges()
	a.registerGroups()
	a.registerPermissions()
	a.registerCalls()
	a.registerDebug()
	a.registerRecords()
	a.registerExplain()
	a.registerEvents()
	a.registerStatus()
	a.registerSearch()
	a.registerExport()
	a.registerBans()
	a.registerAudit()
	a.registerHealth()
	a.registerActs()
	a.registerLicence()
}

// ServeHTTP answers a request. Unknown paths and methods get problem documents.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := a.mux.Handler(r); pattern != "" {
		a.mux.ServeHTTP(w, r)
		return
	}
	// The multiplexer knows whether the path or the method is wrong.
	probe := &statusOnly{header: make(http.Header)}
	a.mux.ServeHTTP(probe, r)
	if allow := probe.header.Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		WriteProblem(w, http.StatusMethodNotAllowed, "this path does not take "+r.Method)
		return
	}
	WriteProblem(w, http.StatusNotFound, "there is nothing at this path; "+SpecPath+" lists what there is")
}

// EndStreams ends all event streams, so that a server can stop.
func (a *API) EndStreams() { a.closingOnce.Do(func() { close(a.closing) }) }

// statusOnly is a ResponseWriter that keeps the header only.
type statusOnly struct{ header http.Header }

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (s *statusOnly) WriteHeader(int)             {}

// WriteProblem answers with a problem document (RFC 9457).
func WriteProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(fault(status, "", detail))
}

// Who is filled in while a request is answered, for the access log.
type Who struct {
	Username  string
	Operation string
}

type (
	whoKey       struct{}
	identityKey  struct{}
	operationKey struct{}
	clientKey    struct{}
)

// WithWho returns a context that carries a Who to be filled in.
func WithWho(ctx context.Context) (context.Context, *Who) {
	w := &Who{}
	return context.WithValue(ctx, whoKey{}, w), w
}

func who(ctx context.Context) auth.Identity {
	id, _ := ctx.Value(identityKey{}).(auth.Identity)
	return id
}

func operationID(ctx context.Context) string {
	op, _ := ctx.Value(operationKey{}).(*huma.Operation)
	if op == nil {
		return ""
	}
	return op.OperationID
}

func client(ctx context.Context) auth.Client {
	c, _ := ctx.Value(clientKey{}).(auth.Client)
	return c
}

// describe puts operation and client into the context.
func (a *API) describe(ctx huma.Context, next func(huma.Context)) {
	c := auth.Client{Agent: ctx.Header("User-Agent")}
	if ap, err := netip.ParseAddrPort(ctx.RemoteAddr()); err == nil {
		c.Address = ap.Addr()
	}
	inner := context.WithValue(ctx.Context(), operationKey{}, ctx.Operation())
	inner = context.WithValue(inner, clientKey{}, c)
	if w, ok := inner.Value(whoKey{}).(*Who); ok {
		w.Operation = ctx.Operation().OperationID
	}
	next(huma.WithContext(ctx, inner))
}

// access says who may use an operation at all. What a user may do with which
// object is decided in may.go.
type access int

const (
	public    access = iota // anyone, without a session
	ownOnly                 // any user for what is theirs, administrators for all
	adminOnly               // administrators
	session                 // any session, also one that must change its password first
)

const operationMeta = "operation"

// authorise lets through whom the operation is for.
func (a *API) authorise(ctx huma.Context, next func(huma.Context)) {
	o, _ := ctx.Operation().Metadata[operationMeta].(operation)
	if o.access == public {
		next(ctx)
		return
	}
	id, err := a.deps.Door.Authenticate(ctx.Context(), bearer(ctx))
	switch {
	case errors.Is(err, auth.ErrNoSession):
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="`+version.Name+`"`)
		a.refuse(ctx, fault(http.StatusUnauthorized, "", "log in first: "+err.Error()))
		return
	case err != nil:
		a.log.WarnContext(ctx.Context(), "checking a session", "err", err)
		a.refuse(ctx, fault(http.StatusServiceUnavailable, problemUnavailable, "sessions cannot be checked at the moment"))
		return
	}
	if w, ok := ctx.Context().Value(whoKey{}).(*Who); ok {
		w.Username = id.Username
	}
	scope := auth.ScopeWrite
	if o.reads || o.method == http.MethodGet {
		scope = auth.ScopeRead
	}
	switch {
	case o.access != session && id.MustChangePassword:
		a.refuse(ctx, fault(http.StatusForbidden, problemPassword, "the first password has to be changed before anything else: PUT /api/users/"+id.Username+"/password"))
	case o.access == adminOnly && !id.Admin:
		a.refuse(ctx, fault(http.StatusForbidden, "", "only administrators may do this"))
	case !id.Scoped(scope):
		a.refuse(ctx, fault(http.StatusForbidden, "", "the token does not have the scope "+scope))
	case o.person && id.TokenID != "":
		a.refuse(ctx, fault(http.StatusForbidden, "", "this needs a session: API tokens cannot do it"))
	case (o.person && !o.asOther || o.self) && id.Impersonator != "":
		a.refuse(ctx, fault(http.StatusForbidden, problemImpersonating, "this cannot be done in the name of another"))
	default:
		if err := a.unlicensed(&o, id); err != nil {
			a.refuse(ctx, err)
			return
		}
		next(huma.WithValue(ctx, identityKey{}, id))
	}
}

// unlicensed refuses what users do in their client when that is not licensed (SPEC A8). Administrators are never refused, and nobody
// what goes with a session: passwords, logging out.
func (a *API) unlicensed(o *operation, id auth.Identity) huma.StatusError {
	if id.Admin || o.access != ownOnly || o.unlicensed {
		return nil
	}
	var f *licence.Fault
	if errors.As(a.deps.Licence.UserClient(), &f) {
		return licenceRefused(http.StatusForbidden, f)
	}
	return nil
}

// bearer returns the token of the request: that of the Authorization header if
// there is one, else that of the cookie.
func bearer(ctx huma.Context) string {
	if h := ctx.Header("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		if strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(token)
		}
		return ""
	}
	name := cookieName
	if ctx.TLS() != nil {
		name = secureCookieName
	}
	if c, err := huma.ReadCookie(ctx, name); err == nil {
		return c.Value
	}
	return ""
}

func (a *API) refuse(ctx huma.Context, p huma.StatusError) {
	ctx.SetHeader("Content-Type", "application/problem+json")
	ctx.SetStatus(p.GetStatus())
	if err := json.NewEncoder(ctx.BodyWriter()).Encode(p); err != nil {
		a.log.DebugContext(ctx.Context(), "answering", "err", err)
	}
}

// operation describes one operation.
type operation struct {
	id      string // operationId
	method  string
	path    string
	tag     string
	summary string
	doc     string
	access  access
	reads   bool // changes nothing in spite of its method
	person  bool // not for API tokens, and not in the name of another unless asOther
	asOther bool // a person may do it in the name of another
	self    bool // not in the name of another, but by API tokens
	loose   bool // query parameters that are not known are passed over
	raw     bool // the handler reads the body itself, whatever type it is said to be of
	// unlicensed says that users may do it although the user client is not licensed.
	unlicensed bool
	status     int   // of success, 0 for 200
	errors     []int // besides those that follow from access
	// current is an example of what a 412 shows of the object as it is now, nil when it shows none.
	current any
}

func (o operation) huma() huma.Operation {
	op := huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Tags: []string{o.tag},
		Summary: o.summary, Description: o.doc, DefaultStatus: o.status,
		MaxBodyBytes: MaxBody, BodyReadTimeout: bodyTimeout,
		Metadata: map[string]any{operationMeta: o},
		Errors:   o.errors, SkipValidateParams: o.loose, SkipValidateBody: o.raw,
	}
	if o.status == 0 {
		op.DefaultStatus = http.StatusOK
	}
	if o.access == public {
		op.Security = []map[string][]string{}
		return op
	}
	op.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
	op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable)
	return op
}

// register adds an operation. Errors of the handler become problem documents.
func register[I, O any](a *API, o operation, handler func(context.Context, *I) (*O, error)) {
	op := o.huma()
	if o.current != nil {
		op.Responses = a.staleResponse(o.current)
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
}

// change runs fn in a transaction in the name of whoever sent the request.
func (a *API) change(ctx context.Context, fn func(Tx) error) error {
	_, err := a.deps.Store.Update(ctx, a.changeOf(ctx), fn)
	return err
}

func (a *API) changeOf(ctx context.Context) Change {
	c := Change{Actor: who(ctx).Username, Source: "api"}
	if op, ok := ctx.Value(operationKey{}).(*huma.Operation); ok {
		c.Reason = op.Summary
	}
	if addr := client(ctx).Address; addr.IsValid() {
		c.Source = "api " + addr.Unmap().String()
	}
	if id := who(ctx); id.Impersonator != "" { // who did it comes first
		c.Actor, c.Source = id.Impersonator, c.Source+" as "+id.Username
	}
	return c
}
