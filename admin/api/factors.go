package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/version"
)

// Device proves logins besides the password.
type Device struct {
	ID      string    `json:"id"`
	Name    string    `json:"name,omitempty"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero" doc:"Missing when it has not been used"`
	Site    string    `json:"site,omitempty" doc:"Host name at which a passkey is good"`
}

// Factors are what proves a user's logins besides the password.
type Factors struct {
	TOTP         *Device  `json:"totp,omitempty" doc:"An app that shows codes; missing for none"`
	Passkeys     []Device `json:"passkeys" nullable:"false"`
	RecoveryLeft int      `json:"recovery_left" doc:"How many recovery codes have not been used"`
}

// RecoveryCodes are shown once.
type RecoveryCodes struct {
	Codes []string `json:"recovery_codes,omitempty" doc:"Shown in this answer only; each opens one session in place of another second factor. Missing when there were codes already"`
}

// NewTOTP is the key for an app.
type NewTOTP struct {
	Secret string `json:"secret" doc:"Key in base32, shown in this answer only"`
	URI    string `json:"uri" doc:"The same as an otpauth address, for a QR code"`
}

// PasskeyQuestion is what a passkey is to sign.
type PasskeyQuestion struct {
	ID        string          `json:"id" doc:"To be sent back with the answer"`
	PublicKey json.RawMessage `json:"publicKey" doc:"For navigator.credentials.create or .get, through parseCreationOptionsFromJSON or parseRequestOptionsFromJSON"`
}

// NewPasskey is a passkey that was added.
type NewPasskey struct {
	Device
	RecoveryCodes
}

// noStore is for answers that show something once.
type noStore[T any] struct {
	CacheControl string `header:"Cache-Control"`
	Body         T
}

func secretly[T any](v T) *noStore[T] { return &noStore[T]{"no-store", v} }

func deviceView(d auth.Device) Device {
	return Device{ID: d.ID, Name: d.Name, Created: d.Created, Used: d.Used, Site: d.Site}
}

func factorsView(p auth.Possession) Factors {
	v := Factors{Passkeys: []Device{}, RecoveryLeft: p.Recovery}
	if p.TOTP != nil {
		d := deviceView(*p.TOTP)
		v.TOTP = &d
	}
	for _, k := range p.Passkeys {
		v.Passkeys = append(v.Passkeys, deviceView(k))
	}
	return v
}

func (a *API) registerFactors() {
	const path = "/api/users/{username}/factors"
	own := operation{tag: "session", access: ownOnly, person: true, errors: []int{http.StatusNotFound, http.StatusConflict}}
	op := func(id, method, suffix, summary, doc string) operation {
		o := own
		o.id, o.method, o.path, o.summary, o.doc = id, method, path+suffix, summary, doc
		if method == http.MethodDelete {
			o.status = http.StatusNoContent
		}
		return o
	}
	const foreign = "Administrators may do it for others."
	register(a, op("list-factors", http.MethodGet, "", "List what proves a user's logins besides the password", ""), a.listFactors)
	register(a, op("start-totp", http.MethodPost, "/totp", "Begin with an app that shows codes", "Everybody for themselves. Counts for nothing until a code has been shown with PUT."), a.startTOTP)
	register(a, op("confirm-totp", http.MethodPut, "/totp", "Show the first code of an app", ""), a.confirmTOTP)
	register(a, op("delete-totp", http.MethodDelete, "/totp", "Remove the app that shows codes", foreign), a.deleteTOTP)
	register(a, op("ask-new-passkey", http.MethodPost, "/passkeys/options", "Begin with a passkey", "Everybody for themselves."), a.askNewPasskey)
	o := op("create-passkey", http.MethodPost, "/passkeys", "Add the passkey that the browser has made", "")
	o.status = http.StatusCreated
	register(a, o, a.createPasskey)
	register(a, op("delete-passkey", http.MethodDelete, "/passkeys/{id}", "Remove a passkey", foreign), a.deletePasskey)
	register(a, op("create-recovery-codes", http.MethodPost, "/recovery", "Make new recovery codes in place of those before", "Everybody for themselves."), a.createRecovery)
}

// by says in whose name a factor is changed.
func (a *API) by(ctx context.Context) auth.By { return auth.By(a.changeOf(ctx)) }

// self finds the user who asks, who changes what only he may.
func (a *API) self(ctx context.Context, username string) (*directory.User, error) {
	u, err := mayUser(who(ctx), a.deps.Store.Snapshot(), username)
	if err != nil {
		return nil, err
	}
	if u.ID != who(ctx).UserID {
		return nil, forbidden("everybody does this for themselves only")
	}
	return u, nil
}

func (a *API) listFactors(ctx context.Context, in *UserPath) (*struct{ Body Factors }, error) {
	u, err := mayUser(who(ctx), a.deps.Store.Snapshot(), in.Username)
	if err != nil {
		return nil, err
	}
	p, err := a.deps.Door.Possession(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Factors }{factorsView(p)}, nil
}

func (a *API) startTOTP(ctx context.Context, in *UserPath) (*noStore[NewTOTP], error) {
	u, err := a.self(ctx, in.Username)
	if err != nil {
		return nil, err
	}
	secret, uri, err := a.deps.Door.StartTOTP(ctx, a.by(ctx), u.ID, version.Name+" "+a.deps.Domain, u.Username)
	if err != nil {
		return nil, err
	}
	return secretly(NewTOTP{secret, uri}), nil
}

func (a *API) confirmTOTP(ctx context.Context, in *struct {
	UserPath
	Body struct {
		Code string `json:"code" minLength:"6" maxLength:"16"`
	}
},
) (*noStore[RecoveryCodes], error) {
	u, err := a.self(ctx, in.Username)
	if err != nil {
		return nil, err
	}
	codes, err := a.deps.Door.ConfirmTOTP(ctx, a.by(ctx), u.ID, in.Body.Code)
	if errors.Is(err, auth.ErrFactor) {
		return nil, fault(http.StatusUnprocessableEntity, problemFactor, "the code is wrong: are the clocks right?", "body.code", "is wrong")
	}
	if err != nil {
		return nil, err
	}
	return secretly(RecoveryCodes{codes}), nil
}

func (a *API) deleteTOTP(ctx context.Context, in *UserPath) (*struct{}, error) {
	u, err := mayUser(who(ctx), a.deps.Store.Snapshot(), in.Username)
	if err != nil {
		return nil, err
	}
	return nil, a.deps.Door.RemoveTOTP(ctx, a.by(ctx), u.ID)
}

func (a *API) askNewPasskey(ctx context.Context, in *struct {
	UserPath
	Conn
},
) (*noStore[PasskeyQuestion], error) {
	u, err := a.self(ctx, in.Username)
	if err != nil {
		return nil, err
	}
	options, id, err := a.deps.Door.StartPasskey(ctx, a.site(&in.Conn), u.ID)
	if err != nil {
		return nil, err
	}
	return questionView(options, id)
}

func questionView(options any, id string) (*noStore[PasskeyQuestion], error) {
	text, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	return secretly(PasskeyQuestion{id, text}), nil
}

func (a *API) createPasskey(ctx context.Context, in *struct {
	UserPath
	Conn
	Body struct {
		Question   string          `json:"question" maxLength:"64"`
		Name       string          `json:"name,omitempty" maxLength:"128" example:"Laptop"`
		Credential json.RawMessage `json:"credential" doc:"What navigator.credentials.create has given, as toJSON() has it"`
	}
},
) (*noStore[NewPasskey], error) {
	u, err := a.self(ctx, in.Username)
	if err != nil {
		return nil, err
	}
	made, codes, err := a.deps.Door.AddPasskey(ctx, a.by(ctx), a.site(&in.Conn), u.ID, in.Body.Question, in.Body.Name, in.Body.Credential)
	if errors.Is(err, auth.ErrFactor) || errors.Is(err, auth.ErrTicket) {
		return nil, fault(http.StatusUnprocessableEntity, problemFactor, "the passkey could not be taken: begin again", "body.credential", "does not answer the question")
	}
	if err != nil {
		return nil, err
	}
	return secretly(NewPasskey{deviceView(made), RecoveryCodes{codes}}), nil
}

func (a *API) deletePasskey(ctx context.Context, in *struct {
	UserPath
	ID string `path:"id" maxLength:"64"`
},
) (*struct{}, error) {
	u, err := mayUser(who(ctx), a.deps.Store.Snapshot(), in.Username)
	if err != nil {
		return nil, err
	}
	return nil, a.deps.Door.RemovePasskey(ctx, a.by(ctx), u.ID, in.ID)
}

func (a *API) createRecovery(ctx context.Context, in *UserPath) (*noStore[RecoveryCodes], error) {
	u, err := a.self(ctx, in.Username)
	if err != nil {
		return nil, err
	}
	have, err := a.deps.Door.Possession(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	if len(have.Kinds()) == 0 {
		return nil, fault(http.StatusConflict, "", "recovery codes stand in for an app or a passkey: add one first")
	}
	codes, err := a.deps.Door.MakeRecovery(ctx, a.by(ctx), u.ID)
	if err != nil {
		return nil, err
	}
	return secretly(RecoveryCodes{codes}), nil
}

// site is where the pages are at which the request was made.
func (a *API) site(c *Conn) auth.Site {
	if a.deps.Site == nil {
		return auth.Site{}
	}
	return a.deps.Site(c.host, c.tls)
}

// factorProblem tells errors of factors; nil for others.
func factorProblem(err error) *huma.ErrorModel {
	switch {
	case errors.Is(err, auth.ErrFactor):
		return fault(http.StatusUnauthorized, problemFactor, err.Error())
	case errors.Is(err, auth.ErrTicket):
		return fault(http.StatusUnauthorized, problemTicket, err.Error())
	case errors.Is(err, auth.ErrNoFactor):
		return fault(http.StatusNotFound, "", err.Error())
	case errors.Is(err, auth.ErrTooMany):
		return fault(http.StatusConflict, "", err.Error())
	case errors.Is(err, auth.ErrNoSite):
		return fault(http.StatusConflict, problemSite, err.Error())
	case errors.Is(err, auth.ErrNoSession):
		return fault(http.StatusNotFound, "", "there is no such session")
	}
	return nil
}
