package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// AuditEntry is one administrative act (SPEC A5).
type AuditEntry struct {
	ID       string    `json:"id"`       // ULID
	Revision int64     `json:"revision"` // 0 for acts that change no configuration
	At       time.Time `json:"at"`
	Actor    string    `json:"actor"`
	Source   string    `json:"source"`
	Reason   string    `json:"reason,omitempty"`
	// Action is create, update, delete, set_password, set_pin, reset_secret, set_matrix,
	// add_member, remove_member, add_grant, remove_grant, order, adopt, or what Act was told.
	Action     string `json:"action"`
	ObjectType string `json:"object_type"` // user, number, slot, group, profile, token, …
	ObjectID   string `json:"object_id"`
	ObjectName string `json:"object_name"` // as it was called at the time
	// Before and After are JSON objects, empty when there is none. Secrets and
	// password hashes are "***" in them.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// AuditLog reads and writes the audit log.
type AuditLog struct {
	eng *engine
	now func() time.Time
}

// auditRow is an entry on its way into the database.
type auditRow struct {
	action, objectType, objectID, objectName string
	before, after                            string
}

const (
	auditColumns = "id, revision, at, actor, source, reason, action, object_type, object_id, object_name, before_json, after_json"
	auditBatch   = 100
)

// record adds an act to the audit log of the change.
func (tx *Tx) record(action, objectType, objectID, objectName string, before, after any) error {
	row := auditRow{action: action, objectType: objectType, objectID: objectID, objectName: clip(objectName, 128)}
	var err error
	if row.before, row.after, err = marshalBoth(before, after); err != nil {
		return err
	}
	tx.acts++
	if action != "set_matrix" { // which writes ticks, and nothing of the user
		tx.draft.repaired(objectType, objectID)
	}
	if tx.covered(action, objectType, objectID, objectName, after) {
		return nil
	}
	return tx.enter(row)
}

// enter puts a row into the audit log of the change.
func (tx *Tx) enter(row auditRow) error {
	tx.audit = append(tx.audit, row)
	if len(tx.audit) < auditBatch {
		return nil
	}
	return tx.flushAudit()
}

func marshalBoth(before, after any) (b, a string, err error) {
	out := [2]string{}
	for i, v := range []any{before, after} {
		if v == nil {
			continue
		}
		text, err := json.Marshal(v)
		if err != nil {
			return "", "", fmt.Errorf("writing audit log: %w", err)
		}
		out[i] = string(text)
	}
	return out[0], out[1], nil
}

// flushAudit writes the acts that wait.
func (tx *Tx) flushAudit() error {
	if len(tx.audit) == 0 {
		return nil
	}
	args := make([]any, 0, 12*len(tx.audit))
	for _, r := range tx.audit {
		args = append(args, ulid.Make().String(), tx.revision, micros(tx.now), tx.change.Actor, tx.change.Source, tx.change.Reason,
			r.action, r.objectType, r.objectID, r.objectName, r.before, r.after)
	}
	err := tx.exec("INSERT INTO audit ("+auditColumns+") VALUES "+rowsOf(len(tx.audit), 12), args...)
	tx.audit = tx.audit[:0]
	return err
}

// Act notes an act that changes no configuration, such as a login, an ended call
// or a new token. before and after are marshalled to JSON; they must not hold
// secrets. Either may be nil.
func (l *AuditLog) Act(ctx context.Context, change Change, action, objectType, objectID, objectName string, before, after any) error {
	b, a, err := marshalBoth(before, after)
	if err != nil {
		return err
	}
	id := ulid.Make().String()
	err = l.eng.inTx(ctx, func(tx *sql.Tx) error {
		return insertAct(ctx, tx, id, l.now(), change, auditRow{action, objectType, objectID, objectName, b, a})
	})
	return dbError("writing audit log", ignoreDuplicate(err))
}

func insertAct(ctx context.Context, tx *sql.Tx, id string, at time.Time, change Change, r auditRow) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO audit ("+auditColumns+") VALUES "+rowsOf(1, 12), id, 0, micros(at),
		clip(change.Actor, 128), clip(change.Source, 128), clip(change.Reason, 500),
		clip(r.action, 32), clip(r.objectType, 32), clip(r.objectID, 128), clip(r.objectName, 128), r.before, r.after)
	return err
}

// The views are what the audit log shows of the domain types, in the field names
// of the HTTP API and without secrets.

type userAudit struct {
	Username           string  `json:"username"`
	FirstName          string  `json:"first_name"`
	LastName           string  `json:"last_name"`
	Email              string  `json:"email"`
	Language           *string `json:"language"` // null, as for time zone and hidden number: not the user's own
	TimeZone           *string `json:"time_zone"`
	DND                bool    `json:"dnd"`
	Password           string  `json:"password"`
	MustChangePassword bool    `json:"must_change_password"`
	PIN                string  `json:"pin,omitempty"`
	StatusPrivate      bool    `json:"status_private"`
	URL                string  `json:"url,omitempty"`
	callingAudit
	Version  int64               `json:"version"`
	Groups   []string            `json:"groups,omitempty"`
	Profiles []string            `json:"profiles,omitempty"`
	Matrix   map[string][]string `json:"matrix,omitempty"`
	Slots    []*slotAudit        `json:"slots,omitempty"`
}

func userView(u *directory.User) *userAudit {
	return &userAudit{
		Username: u.Username, FirstName: u.FirstName, LastName: u.LastName, Email: u.Email,
		Language: ownSetting(u.Own&directory.SettingLanguage, u.Language), TimeZone: ownSetting(u.Own&directory.SettingTimeZone, u.TimeZone),
		DND: u.DND, Password: secret.Redact(u.PasswordHash), MustChangePassword: u.MustChangePassword, Version: u.Version,
		PIN: secret.Redact(u.PINHash), StatusPrivate: u.StatusPrivate, URL: u.URL,
		callingAudit: callingAudit{
			u.ShownInside, u.ShownOutside,
			ownSetting(u.Own&directory.SettingHideInside, u.HideInside), ownSetting(u.Own&directory.SettingHideOutside, u.HideOutside), u.Blocks,
		},
	}
}

// belongingsView shows a user with all that is removed with it.
func belongingsView(u *directory.User, snap *directory.Snapshot, gone directory.Belongings) *userAudit {
	v := userView(u)
	v.Groups, v.Matrix = gone.Groups, snap.Matrix(u.ID)
	for _, s := range gone.Slots {
		v.Slots = append(v.Slots, slotView(s))
	}
	for _, p := range gone.Profiles {
		v.Profiles = append(v.Profiles, p.Name)
	}
	return v
}

type numberAudit struct {
	Number    string `json:"number"`
	OwnerType string `json:"owner_type"`
	OwnerID   string `json:"owner_id"`
	// Null is what is not the number's own.
	CallWaiting *bool   `json:"call_waiting"`
	BusyOnAny   *bool   `json:"busy_on_any"`
	MaxCalls    *int    `json:"max_calls"`
	RingInside  *string `json:"ring_inside"`
	RingOutside *string `json:"ring_outside"`
	DisplayName string  `json:"display_name"`
	forwardingAudit
	Version int64    `json:"version"`
	Ticks   []string `json:"ticks,omitempty"`
}

func numberView(n *directory.Number) *numberAudit {
	return &numberAudit{
		Number: n.Number, OwnerType: string(n.OwnerType), OwnerID: n.OwnerID, DisplayName: n.DisplayName, Version: n.Version,
		CallWaiting: ownSetting(n.Own&directory.SettingCallWaiting, n.CallWaiting), BusyOnAny: ownSetting(n.Own&directory.SettingBusyOnAny, n.BusyOnAny),
		MaxCalls: ownSetting(n.Own&directory.SettingMaxCalls, n.MaxCalls), RingInside: ownSetting(n.Own&directory.SettingRingInside, n.RingInside),
		RingOutside:     ownSetting(n.Own&directory.SettingRingOutside, n.RingOutside),
		forwardingAudit: forwardingAudit{n.ProfileID, n.ProfileChosen, n.Schedule},
	}
}

// ownSetting shows a setting that is the object's own; what groups give shows in them.
func ownSetting[T any](own directory.Settings, value T) *T {
	if own == 0 {
		return nil
	}
	return &value
}

type slotAudit struct {
	ID            string   `json:"id"`
	UserID        string   `json:"user_id"`
	Type          string   `json:"type"`
	Name          string   `json:"name"`
	DND           bool     `json:"dnd"`
	DefaultNumber string   `json:"default_number"`
	MobileNumber  string   `json:"mobile_number"`
	SIPUsername   string   `json:"sip_username"`
	SIPSecret     string   `json:"sip_secret"`
	Version       int64    `json:"version"`
	Ticks         []string `json:"ticks,omitempty"`
}

func slotView(s *directory.Slot) *slotAudit {
	return &slotAudit{
		ID: s.ID, UserID: s.UserID, Type: string(s.Type), Name: s.Name, DND: s.DND, DefaultNumber: s.DefaultNumber,
		MobileNumber: s.MobileNumber, SIPUsername: s.SIPUsername, SIPSecret: secret.Redact(s.SIPSecret), Version: s.Version,
	}
}

type groupAudit struct {
	Name       string                `json:"name"`
	Title      string                `json:"title"`
	Type       string                `json:"type"`
	BuiltIn    bool                  `json:"built_in"`
	Version    int64                 `json:"version"`
	Members    []string              `json:"members,omitempty"`
	Parameters *directory.Parameters `json:"parameters,omitempty"`
}

func groupView(g *directory.Group) *groupAudit {
	v := &groupAudit{Name: g.Name, Title: g.Title, Type: string(g.Type), BuiltIn: g.BuiltIn, Version: g.Version}
	if g.Parameters != (directory.Parameters{}) {
		v.Parameters = &g.Parameters
	}
	return v
}

// where collects the conditions of a query.
type where struct {
	conditions []string
	args       []any
}

func (w *where) add(when bool, condition string, args ...any) {
	if when {
		w.conditions = append(w.conditions, condition)
		w.args = append(w.args, args...)
	}
}

// with returns a copy of w that has one more condition.
func (w *where) with(condition string, args ...any) where {
	more := where{slices.Clone(w.conditions), slices.Clone(w.args)}
	more.add(true, condition, args...)
	return more
}

func (w *where) sql() string {
	text := ""
	for i, c := range w.conditions {
		if i == 0 {
			text += " WHERE "
		} else {
			text += " AND "
		}
		text += c
	}
	return text
}

// pageSize holds a limit within bounds.
func pageSize(limit int) int {
	const standard, highest = 100, 1000
	if limit <= 0 {
		return standard
	}
	return min(limit, highest)
}
