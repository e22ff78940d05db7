package store

import (
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// What the audit log shows of forwarding, in the field names of the HTTP API.

type profileAudit struct {
	UserID   string                   `json:"user_id"`
	Name     string                   `json:"name"`
	Position int                      `json:"position"`
	Table    []directory.CaseRule     `json:"table"`
	Extended []directory.ExtendedRule `json:"extended"`
	Version  int64                    `json:"version"`
}

func profileView(p *directory.Profile) *profileAudit {
	return &profileAudit{p.UserID, p.Name, p.Position, p.Table, p.Extended, p.Version}
}

type ruleAudit struct {
	Name     string               `json:"name"`
	Position int                  `json:"position"`
	Enabled  bool                 `json:"enabled"`
	When     directory.Conditions `json:"when"`
	Action   directory.Action     `json:"action"`
	Tests    []directory.RuleTest `json:"tests"`
	Version  int64                `json:"version"`
}

func ruleView(r *directory.SystemRule) *ruleAudit {
	return &ruleAudit{r.Name, r.Position, r.Enabled, r.When, r.Action, r.Tests, r.Version}
}

type calendarAudit struct {
	Name string `json:"name"`
	calendar.Spec
	Version int64 `json:"version"`
}

func calendarView(c *directory.Calendar) *calendarAudit {
	return &calendarAudit{c.Name, c.Spec, c.Version}
}

type huntAudit struct {
	Name          string               `json:"name"`
	Number        string               `json:"number"`
	Strategy      directory.Strategy   `json:"strategy"`
	Members       []string             `json:"members"`
	MemberSeconds int                  `json:"member_seconds"`
	Seconds       int                  `json:"seconds"`
	Overflow      []directory.CaseRule `json:"overflow"`
	Version       int64                `json:"version"`
}

func huntView(h *directory.HuntGroup) *huntAudit {
	return &huntAudit{h.Name, h.Number, h.Strategy, h.Members, h.MemberSeconds, h.Seconds, h.Overflow, h.Version}
}

type pickupAudit struct {
	Name    string   `json:"name"`
	Users   []string `json:"users"` // user names
	Version int64    `json:"version"`
}

func (tx *Tx) pickupView(g *directory.PickupGroup) *pickupAudit {
	v := &pickupAudit{Name: g.Name, Version: g.Version}
	for _, id := range g.Users {
		v.Users = append(v.Users, tx.memberName(id))
	}
	return v
}

type grantAudit struct {
	Group      string               `json:"group"`
	Permission directory.Permission `json:"permission"`
	Objects    string               `json:"objects,omitempty"`
}

func grantView(g directory.Grant) grantAudit { return grantAudit(g) }

type codeAudit struct {
	Code    string `json:"code"`
	Enabled bool   `json:"enabled"`
	Version int64  `json:"version"`
}

func codeView(c *directory.Code) *codeAudit { return &codeAudit{c.Code, c.Enabled, c.Version} }

// forwardingAudit is the part of a number that is about forwarding.
type forwardingAudit struct {
	Profile  string              `json:"forwarding_profile,omitempty"`
	Chosen   time.Time           `json:"forwarding_chosen,omitzero"`
	Schedule *directory.Schedule `json:"schedule,omitempty"`
}

// callingAudit is the part of a user that is about what is shown and dialled.
type callingAudit struct {
	ShownInside  []string          `json:"shown_numbers_inside,omitempty"`
	ShownOutside []string          `json:"shown_numbers_outside,omitempty"`
	HideInside   *bool             `json:"hide_number_inside"`
	HideOutside  *bool             `json:"hide_number_outside"`
	Blocks       []directory.Block `json:"call_blocking,omitempty"`
}
