package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// Deps is what the API needs of the rest of the house. All fields are needed
// unless their comment says otherwise.
type Deps struct {
	Store     Store
	Door      *auth.Door
	Passwords Hasher
	Calls     Calls
	// Bindings lists the contacts registered for a slot.
	Bindings func(slotID string) []Binding
	// Routing returns the table in force and the live state.
	Routing func() (*routing.Table, routing.Live)
	// Dial begins a call for a slot and returns its ID, or a *calls.Refusal; nil: none can be begun.
	Dial func(ctx context.Context, d calls.Dial) (id string, err error)
	// Preview compiles the routing table in force with what a configuration that is not in force says of one user.
	Preview func(next *directory.Snapshot, userID string) (*routing.Table, error)
	// Debug looks inside the SIP side.
	Debug Debug
	// System tells how the daemon and its machine are.
	System System
	// Backups are backups of the whole system.
	Backups Backups
	// Transfer writes and reads files with users, groups and what is theirs.
	Transfer Transfer
	// Licence judges how the system is licensed.
	Licence Licence
	// Bans tells whom the SIP side does not listen to.
	Bans SIPBans
	// Events carries what happens to those who listen.
	Events *calls.Bus
	// Ready returns nil when the daemon can take calls; nil means always ready.
	Ready func(context.Context) error
	// Domain is the SIP domain that phones register at.
	Domain string
	// Site tells whether passkeys can be used at a host that was asked for, over TLS or not: an empty Site says no. nil means nowhere.
	Site func(host string, tls bool) auth.Site
	Log  *slog.Logger
}

// Change says who changes the configuration, from where, and why.
type Change struct {
	Actor  string
	Source string
	Reason string
}

// Store is the configuration and what is kept besides. Its errors match
// ErrNotFound, ErrConflict, ErrUnavailable, *TakenError, *directory.InvalidError
// and routing.Faults where one of them fits.
type Store interface {
	// Snapshot returns the configuration in force.
	Snapshot() *directory.Snapshot
	// Update runs fn in one transaction, which may be repeated, and returns once
	// the change is in force.
	Update(ctx context.Context, c Change, fn func(Tx) error) (revision int64, err error)
	// Try runs fn as Update would and takes everything back. What the transaction's snapshot was at the end may be looked at afterwards.
	Try(ctx context.Context, fn func(Tx) error) error
	// Act notes an act that changes no configuration in the audit log.
	Act(ctx context.Context, c Change, action, objectType, objectID, objectName string, before, after any) error
	// ListRecords and ListAudit return a page, newest first if nothing else is wished, and the cursor of the
	// following one. A page may hold fewer than the limit and have a following one.
	ListRecords(ctx context.Context, f RecordFilter) (page []calls.Record, next string, err error)
	// CountRecords counts what ListRecords would list on all pages, when that costs little.
	CountRecords(ctx context.Context, f RecordFilter) (n int, known bool, err error)
	GetRecord(ctx context.Context, id string) (calls.Record, error)
	// ListLicences returns what was installed, the latest first.
	ListLicences(ctx context.Context) ([]directory.Licence, error)
	GetAudit(ctx context.Context, id string) (AuditEntry, error)
	ListAudit(ctx context.Context, f AuditFilter) (page []AuditEntry, next string, err error)
	// ListPersonCalls returns a page of a person's calls, newest first; UnseenCalls counts missed ones that SeeCalls has not noted as seen.
	ListPersonCalls(ctx context.Context, f PersonFilter) (page []StoredPersonCall, next string, err error)
	UnseenCalls(ctx context.Context, userID string) (int, error)
	SeeCalls(ctx context.Context, userID, recordID string) error
	// API tokens. Making and removing them is noted in the audit log.
	ListTokens(ctx context.Context, userID string) ([]auth.Token, error)
	CreateToken(ctx context.Context, c Change, t auth.Token) (auth.Token, error)
	DeleteToken(ctx context.Context, c Change, id string) error
}

// Tx is a transaction of Store.Update. A version of 0 matches any; another one
// that is not the current one is ErrConflict.
type Tx interface {
	// Snapshot shows the configuration with the changes made so far. What it
	// holds must not be changed.
	Snapshot() *directory.Snapshot
	CreateUser(u directory.User) (*directory.User, error)
	UpdateUser(id string, version int64, edit func(*directory.User)) (*directory.User, error)
	DeleteUser(id string, version int64) (directory.Belongings, error)
	// SetPassword and SetFirstPassword end all sessions of the user; the second
	// makes the user change it at the first login.
	SetPassword(username, hash string) error
	SetFirstPassword(username, hash string) error
	// SetPIN sets the hash of the user's PIN, "" for none.
	SetPIN(username, hash string) error
	AddNumber(n directory.Number) (*directory.Number, error)
	UpdateNumber(number string, version int64, edit func(*directory.Number)) (*directory.Number, error)
	RemoveNumber(number string, version int64) error
	// CreateSlot returns the slot with its SIP account, secret included.
	CreateSlot(s directory.Slot) (*directory.Slot, error)
	UpdateSlot(id string, version int64, edit func(*directory.Slot)) (*directory.Slot, error)
	ResetSlotSecret(id string, version int64) (*directory.Slot, error)
	DeleteSlot(id string, version int64) error
	// SetMatrix replaces all ticks of a user.
	SetMatrix(userID string, ticks map[string][]string, version int64) (int64, error)
	// OrderMatrix puts rows and columns in order, nil for those that stay as they are.
	OrderMatrix(userID string, numbers, slots []string, version int64) (int64, error)
	// MergeUsers makes one user of several and returns an ID for UnmergeUsers, which takes it back and returns ErrConflict once what was put
	// together has changed, ErrNotFound when it was too long ago.
	MergeUsers(m directory.Merge) (id string, err error)
	UnmergeUsers(id string) error
	// KeepApart notes that users are not to be proposed to be merged, ForgetApart takes that back.
	KeepApart(a directory.Apart) error
	ForgetApart(mark string) error
	ForwardingTx
	GroupsTx
	LicenceTx
}

// ForwardingTx is the part of Tx about who rings next.
type ForwardingTx interface {
	// SetForwardingProfile chooses a profile by hand, "" for none; choosing the same again counts.
	SetForwardingProfile(number string, version int64, profileID string) (*directory.Number, error)
	CreateProfile(p directory.Profile) (*directory.Profile, error)
	UpdateProfile(id string, version int64, edit func(*directory.Profile)) (*directory.Profile, error)
	DeleteProfile(id string, version int64) error
	OrderProfiles(userID string, ids []string) error
	CreateRule(r directory.SystemRule) (*directory.SystemRule, error)
	UpdateRule(id string, version int64, edit func(*directory.SystemRule)) (*directory.SystemRule, error)
	DeleteRule(id string, version int64) error
	OrderRules(ids []string) error
	CreateCalendar(c directory.Calendar) (*directory.Calendar, error)
	UpdateCalendar(id string, version int64, edit func(*directory.Calendar)) (*directory.Calendar, error)
	DeleteCalendar(id string, version int64) error
	CreateHuntGroup(h directory.HuntGroup) (*directory.HuntGroup, error)
	UpdateHuntGroup(id string, version int64, edit func(*directory.HuntGroup)) (*directory.HuntGroup, error)
	DeleteHuntGroup(id string, version int64) error
	CreatePickupGroup(g directory.PickupGroup) (*directory.PickupGroup, error)
	UpdatePickupGroup(id string, version int64, edit func(*directory.PickupGroup)) (*directory.PickupGroup, error)
	DeletePickupGroup(id string, version int64) error
	// SetCodes stores several codes in one step. An error that is a CodeFault says which it is about.
	SetCodes(list []directory.Code) error
	UpdateCode(action directory.CodeAction, version int64, edit func(*directory.Code)) (*directory.Code, error)
}

// GroupsTx is the part of Tx about groups and what their members may do.
type GroupsTx interface {
	CreateGroup(g directory.Group) (*directory.Group, error)
	UpdateGroup(name string, version int64, edit func(*directory.Group)) (*directory.Group, error)
	DeleteGroup(name string, version int64) error
	AddMember(group, objectID string) error
	RemoveMember(group, objectID string) error
	AddGrant(g directory.Grant) error
	RemoveGrant(g directory.Grant) error
}

// RecordFilter says which call records to list. Empty fields select all.
type RecordFilter struct {
	Limit      int
	Cursor     string // next of the page before
	Ascending  bool   // the oldest first
	UserID     string // caller or callee
	Number     string // shown, dialled or taken
	Class      string
	Result     calls.Result
	Begin, End time.Time // calls that began at Begin or later and before End
	// Keep is asked about each record that the other fields select; nil keeps all.
	Keep func(*calls.Record) bool
}

// PersonFilter says which calls of a person to list. Without a direction it is all.
type PersonFilter struct {
	UserID    string
	Direction string
	Limit     int
	Cursor    string // next of the page before
}

// StoredPersonCall is a call with what it was to a person.
type StoredPersonCall struct {
	Direction string // out, in, missed, forwarded, elsewhere
	Unseen    bool
	Record    calls.Record
}

// AuditFilter says which entries of the audit log to list. Empty fields select all.
type AuditFilter struct {
	Limit      int
	Cursor     string // next of the page before
	Ascending  bool   // the oldest first
	Actor      string
	Action     string
	ObjectType string
	ObjectID   string
	Begin, End time.Time // acts at Begin or later and before End
	// Keep is asked about each entry that the other fields select; nil keeps all.
	Keep func(*AuditEntry) bool
}

// AuditEntry is one act in the audit log. Secrets in Before and After are redacted.
type AuditEntry struct {
	ID         string          `json:"id"`
	Revision   int64           `json:"revision" doc:"Revision of the configuration that the act made, 0 for acts that change none"`
	At         time.Time       `json:"at"`
	Actor      string          `json:"actor"`
	Source     string          `json:"source"`
	Reason     string          `json:"reason,omitempty"`
	Action     string          `json:"action"`
	ObjectType string          `json:"object_type"`
	ObjectID   string          `json:"object_id"`
	ObjectName string          `json:"object_name"`
	Before     json.RawMessage `json:"before,omitempty"`
	After      json.RawMessage `json:"after,omitempty"`
}

// Hasher hashes new passwords.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
	HashPIN(ctx context.Context, pin string) (string, error)
}

// Calls are the live calls; *calls.Table is one.
type Calls interface {
	List(cursor string, limit int) (page []calls.Call, next string)
	Get(id string) (calls.Call, bool)
	Hangup(id, cause string) bool
}

// Binding is a contact registered for a slot.
type Binding struct {
	Contact    string    `json:"contact" doc:"Address that the device registered"`
	Received   string    `json:"received" doc:"Address and port that the request came from"`
	Transport  string    `json:"transport" example:"udp"`
	UserAgent  string    `json:"user_agent"`
	Registered time.Time `json:"registered" doc:"When it was last refreshed"`
	Expires    time.Time `json:"expires"`
}
