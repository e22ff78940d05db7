package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/licence"
)

// problemLicence says that something is not licensed; code says why.
const problemLicence = problemPrefix + "licence"

// Licence judges how the system is licensed. Refusals are of type *licence.Fault.
type Licence interface {
	// Status is how it is now; StatusWith, how it would be with another licence, or without one.
	Status() licence.Status
	StatusWith(l *licence.Licence) licence.Status
	// Read reads a licence and verifies its signature.
	Read(file []byte) (licence.Licence, error)
	// CreateUsers says why so many more users must not be made where there are so many; nil lets it be.
	CreateUsers(have, more int) error
	// UserClient says why users must not use the user client; nil lets them.
	UserClient() error
}

// LicenceTx is the part of Tx about the licence.
type LicenceTx interface {
	InstallLicence(l directory.Licence) (*directory.Licence, error)
	RemoveLicence() error
}

// LicenceReason is why something is, or is not, for programs and for people.
type LicenceReason struct {
	Code licence.Code `json:"code" example:"expired"`
	De   string       `json:"de"`
	En   string       `json:"en"`
}

// LicenceStatus is how the system is licensed. Users are not told the details.
type LicenceStatus struct {
	State      licence.State   `json:"state" enum:"licensed,evaluation,unlicensed"`
	UserClient bool            `json:"user_client" doc:"Whether users may use the user client"`
	Reason     LicenceReason   `json:"reason" doc:"Why it is so, and what to do"`
	Details    *LicenceDetails `json:"details,omitempty" doc:"For administrators"`
}

// LicenceDetails are for administrators.
type LicenceDetails struct {
	Users    int                `json:"users" doc:"That there are"`
	MaxUsers int                `json:"max_users" doc:"That there may be, 0 when nothing is licensed. More may be there already: they go on"`
	DaysLeft int                `json:"days_left" doc:"Of the licence or of the evaluation, today included; 0 when neither is in force"`
	Licence  *LicenceView       `json:"licence,omitempty" doc:"The installed one, also when it is not in force"`
	Problem  *LicenceReason     `json:"problem,omitempty" doc:"Why the installed licence is not in force"`
	History  []InstalledLicence `json:"history" nullable:"false" doc:"What was installed, the latest first"`
}

// LicenceView is what a licence says.
type LicenceView struct {
	Company     string   `json:"company"`
	Users       int      `json:"users"`
	Issued      string   `json:"issued" format:"date"`
	ValidUntil  string   `json:"valid_until" format:"date" doc:"The last day on which it is good"`
	Serial      string   `json:"serial"`
	Features    []string `json:"features" nullable:"false"`
	Key         string   `json:"key" doc:"Which key of the publisher has signed it"`
	Development bool     `json:"development" doc:"Signed with the key of development builds"`
}

// InstalledLicence is a licence that was installed once.
type InstalledLicence struct {
	Company    string    `json:"company"`
	Users      int       `json:"users"`
	ValidUntil string    `json:"valid_until" format:"date"`
	Serial     string    `json:"serial"`
	Installed  time.Time `json:"installed"`
	By         string    `json:"by"`
	Ended      time.Time `json:"ended,omitzero" doc:"When another took its place or it was removed"`
	EndedBy    string    `json:"ended_by,omitempty"`
}

// licenceProblem is the problem document of what is not licensed.
type licenceProblem struct {
	*huma.ErrorModel
	LicenceReason
}

func licenceRefused(status int, f *licence.Fault) *licenceProblem {
	return &licenceProblem{fault(status, problemLicence, f.En), reason(f)}
}

func reason(f *licence.Fault) LicenceReason { return LicenceReason{f.Code, f.De, f.En} }

func (a *API) registerLicence() {
	const path = "/api/licence"
	register(a, operation{
		id: "get-licence", method: http.MethodGet, path: path, tag: "system", access: ownOnly, unlicensed: true,
		summary: "Show how the system is licensed", doc: "Users see whether they may use the user client, administrators everything.",
	}, a.getLicence)
	register(a, operation{
		id: "put-licence", method: http.MethodPut, path: path, tag: "system", access: adminOnly, raw: true,
		summary: "Install a licence",
		doc: "The body is the file as it was given out. One that cannot be in force today is refused with a problem of type " + problemLicence + ", whose code, de and en say why. " +
			"A licence for another company than the one before is refused with the code other_company unless confirm says that it is meant. With preview nothing is installed, and the answer is how it would be.",
		errors: []int{http.StatusConflict},
	}, a.putLicence)
	register(a, operation{
		id: "delete-licence", method: http.MethodDelete, path: path, tag: "system", access: adminOnly,
		summary: "Remove the licence", errors: []int{http.StatusNotFound},
	}, a.deleteLicence)
}

type licenceOutput struct{ Body LicenceStatus }

func (a *API) getLicence(ctx context.Context, _ *struct{}) (*licenceOutput, error) {
	return a.licenceAnswer(ctx, a.deps.Licence.Status())
}

func (a *API) licenceAnswer(ctx context.Context, s licence.Status) (*licenceOutput, error) {
	v := LicenceStatus{State: s.State, UserClient: true, Reason: LicenceReason{s.Code, s.De, s.En}}
	refusal := s.UserClient()
	v.UserClient = refusal == nil
	if !who(ctx).Admin {
		v.Reason = LicenceReason{}
		if refusal != nil {
			v.Reason = reason(refusal)
		}
		return &licenceOutput{v}, nil
	}
	d := &LicenceDetails{Users: s.Users, MaxUsers: s.MaxUsers, DaysLeft: s.DaysLeft, History: []InstalledLicence{}}
	if s.Problem != nil {
		p := reason(s.Problem)
		d.Problem = &p
	}
	if l := s.Licence; l != nil {
		d.Licence = &LicenceView{
			Company: l.Company, Users: l.Users, Issued: l.Issued.Format(time.DateOnly), ValidUntil: l.ValidUntil.Format(time.DateOnly), Serial: l.Serial,
			Features: notNil(l.Features), Key: l.Key, Development: l.Development,
		}
	}
	list, err := a.deps.Store.ListLicences(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		d.History = append(d.History, InstalledLicence{l.Company, l.Users, l.ValidUntil, l.Serial, l.Installed, l.By, l.Ended, l.EndedBy})
	}
	v.Details = d
	return &licenceOutput{v}, nil
}

type licenceInput struct {
	Preview bool   `query:"preview" doc:"Only tell how it would be"`
	Confirm bool   `query:"confirm" doc:"It is meant that the licence is for another company than the one before"`
	RawBody []byte `contentType:"application/json"`
}

func (a *API) putLicence(ctx context.Context, in *licenceInput) (*licenceOutput, error) {
	l, err := a.deps.Licence.Read(in.RawBody)
	if err != nil {
		return nil, err
	}
	next := a.deps.Licence.StatusWith(&l)
	if next.Problem != nil {
		return nil, next.Problem
	}
	if in.Preview {
		return a.licenceAnswer(ctx, next)
	}
	err = a.change(ctx, func(tx Tx) error {
		if old := tx.Snapshot().Licence; old != nil && old.Company != l.Company && !in.Confirm {
			return licenceRefused(http.StatusConflict, licence.FaultOtherCompany(old.Company, l.Company))
		}
		_, err := tx.InstallLicence(directory.Licence{
			Document: string(in.RawBody), Company: l.Company, Users: l.Users, ValidUntil: l.ValidUntil.Format(time.DateOnly), Serial: l.Serial,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.licenceAnswer(ctx, a.deps.Licence.Status())
}

func (a *API) deleteLicence(ctx context.Context, _ *struct{}) (*licenceOutput, error) {
	if err := a.change(ctx, func(tx Tx) error { return tx.RemoveLicence() }); err != nil {
		if errors.Is(err, ErrNotFound) {
			return nil, fault(http.StatusNotFound, "", "there is no licence")
		}
		return nil, err
	}
	return a.licenceAnswer(ctx, a.deps.Licence.Status())
}

// mayCreateUsers refuses to make users that are not licensed.
func (a *API) mayCreateUsers(tx Tx, more int) error {
	var f *licence.Fault
	if err := a.deps.Licence.CreateUsers(len(tx.Snapshot().Users), more); errors.As(err, &f) {
		return licenceRefused(http.StatusForbidden, f)
	} else if err != nil {
		return err
	}
	return nil
}
