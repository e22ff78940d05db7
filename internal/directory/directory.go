// Package directory holds the people of a telephone system and what belongs to
// them as plain domain types: users, groups, numbers (extensions, Nebenstellen),
// slots (places for one device each) and the ticks of the matrix that joins
// numbers to slots.
//
// The types are values. They carry no behaviour beyond validation, own no
// goroutine and know neither SQL nor SIP nor HTTP. internal/store keeps them,
// admin/api shows them, internal/app compiles them into routing.Table.
package directory

import "time"

// SlotType names what kind of device a slot is made for (SPEC M1).
type SlotType string

// The five slot types of SPEC M1. Every type but Mobile has a SIP account.
const (
	Desk      SlotType = "desk"      // desk phone (Tischtelefon)
	DECT      SlotType = "dect"      // DECT handset
	Mobile    SlotType = "mobile"    // mobile phone behind an outside number (Mobilgerät)
	Softphone SlotType = "softphone" // program on a computer
	UCC       SlotType = "ucc"       // browser client
)

// SlotTypes lists all slot types in the order in which they are shown.
var SlotTypes = []SlotType{Desk, DECT, Mobile, Softphone, UCC}

// User is a person with an account.
type User struct {
	ID        string // ULID
	Username  string // login name: lower case, [a-z0-9._-], 1 to 64 bytes, unique
	FirstName string
	LastName  string
	Email     string
	Language  string // "de" or "en"
	TimeZone  string // IANA name, empty means the server's zone
	DND       bool   // do not disturb for all slots of the user (SPEC M10)
	// PasswordHash is an argon2id hash in PHC string format, empty when the
	// user cannot log in. It is never shown and is redacted in the audit log.
	PasswordHash string
	// MustChangePassword is set for first passwords.
	MustChangePassword bool
	// PINHash is an argon2id hash of the PIN that the user keys in at telephones, empty when there is none. It is never shown.
	// internal/store seals it with the master key, since a PIN is guessed from its hash in no time.
	PINHash string
	// StatusPrivate hides from colleagues whether the user is free, talks or is away.
	StatusPrivate bool
	URL           string // address of a picture of the user, such as that of a camera; mostly empty
	// ShownInside and ShownOutside are numbers that the user may show beyond the ticked ones, to callees inside and outside
	// (SPEC M11): inside digits, outside "+" and digits as well.
	ShownInside, ShownOutside []string
	// HideInside and HideOutside suppress the number on all calls (CLIR), emergency calls excepted.
	HideInside, HideOutside bool
	Blocks                  []Block // numbers that must not be dialled (SPEC G13)
	// Own are the settings that are the user's own. The others follow the groups of the user: their fields hold what the groups in From give, or
	// what the system has. See Following.
	Own              Settings
	From             Sources
	Version          int64 // optimistic lock, counts from 1
	Created, Updated time.Time
}

// GroupType says what a group's members are (SPEC G1).
type GroupType string

// Group types of SPEC G1.
const (
	GroupUser      GroupType = "user"
	GroupSlot      GroupType = "slot"
	GroupQueue     GroupType = "queue"
	GroupFax       GroupType = "fax"
	GroupPhonebook GroupType = "phonebook"
)

// Group collects objects of one type. Name and Type never change.
type Group struct {
	ID      string
	Name    string // internal name, immutable, unique
	Title   string
	Type    GroupType
	BuiltIn bool // built-in groups cannot be removed
	// Parameters are what a group of users gives to its members as long as they have nothing of their own.
	Parameters Parameters
	Version    int64
}

// Names of the built-in groups. Membership of AllUsers, AllSlots, AllQueues and
// AllFaxes is computed; Admins and VisibleUsers have stored members.
const (
	Admins       = "admins"
	AllUsers     = "users"
	VisibleUsers = "visible_users"
	AllSlots     = "slots"
	AllQueues    = "queues"
	AllFaxes     = "faxes"
)

// Member is a stored membership: object ObjectID belongs to group GroupID.
type Member struct {
	GroupID  string
	ObjectID string
}

// OwnerType says who owns a number. A number has exactly one owner in the whole
// plan (SPEC M2).
type OwnerType string

// Owner types in use. More come with queues, hunt groups, menus and pagers.
const (
	OwnerUser      OwnerType = "user"
	OwnerFaxLine   OwnerType = "fax_line" // OwnerID is the name of the line
	OwnerHuntGroup OwnerType = "hunt_group"
)

// Number is an internal number (extension), digits only, with the settings that
// apply to calls for it.
type Number struct {
	Number      string // 1 to 15 digits
	OwnerType   OwnerType
	OwnerID     string // user ID for OwnerUser
	Position    int    // row of the matrix, counts from 0
	CallWaiting bool   // Anklopfen (SPEC M6)
	BusyOnAny   bool   // Sammelbesetzt (SPEC M7)
	MaxCalls    int    // calls at once over this number, 0 means no limit (SPEC M8)
	RingInside  string // Alert-Info for inside callers: "" or "Bellcore-dr1" to "Bellcore-dr8" (SPEC M9)
	RingOutside string // the same for outside callers
	DisplayName string // name shown to the callee; empty means the owner's name
	// ProfileID is the forwarding profile chosen by hand at ProfileChosen, "" for none; a zero ProfileChosen means that
	// nothing was ever chosen. With a Schedule the choice holds until the schedule's next change (SPEC F2, F3).
	ProfileID     string
	ProfileChosen time.Time
	Schedule      *Schedule
	// Own are the settings that are the number's own. The others follow the groups of its user, as those of a user do.
	Own     Settings
	From    Sources
	Version int64
}

// Slot is a place for one device of one user, with a SIP account of its own
// unless its type is Mobile.
type Slot struct {
	ID       string // ULID
	UserID   string
	Type     SlotType
	Name     string // shown in the matrix
	Position int    // column of the matrix, counts from 0
	DND      bool
	// DefaultNumber is shown on outgoing calls. It must be ticked for the slot;
	// empty means the first ticked number in the order of the rows (SPEC M5).
	DefaultNumber string
	MobileNumber  string // outside number of a Mobile slot, E.164 with "+"
	// SIPUsername is random and never the extension; empty for Mobile slots.
	SIPUsername string
	// SIPSecret is the SIP password. internal/store seals it with the master key
	// before it reaches the database. It is shown once, when it is made.
	SIPSecret string
	Version   int64
}

// Tick joins a number and a slot of the same user: calls to the number ring the
// slot, and the slot may show the number (SPEC M3).
type Tick struct {
	Number string
	SlotID string
}

// Snapshot is the whole configuration at one revision. A Snapshot is immutable
// once published; readers never lock.
type Snapshot struct {
	Revision int64
	Users    map[string]*User    // by ID
	ByName   map[string]*User    // by Username
	Numbers  map[string]*Number  // by Number
	Slots    map[string]*Slot    // by ID
	Groups   map[string]*Group   // by Name
	Members  map[string][]string // group name to object IDs, stored members only
	// MemberOf is Members the other way round: object ID to the names of the groups that list it, sorted. See IndexMembers.
	MemberOf map[string][]string
	// Rows and Columns order the matrix: a user's numbers and slots by ID of the
	// user. Ticks holds, for each number, the IDs of its ticked slots in the order
	// of the columns.
	Rows    map[string][]string
	Columns map[string][]string
	Ticks   map[string][]string
	// MatrixVersions counts the changes of each user's matrix (rows, columns and
	// ticks) from 1, by ID of the user. It is the ETag of the matrix.
	MatrixVersions map[string]int64
	Profiles       map[string]*Profile     // by ID
	ProfilesOf     map[string][]string     // IDs in the order of position, by ID of the user
	Calendars      map[string]*Calendar    // by ID
	HuntGroups     map[string]*HuntGroup   // by ID
	PickupGroups   map[string]*PickupGroup // by ID
	Rules          []*SystemRule           // in order
	Grants         []Grant                 // sorted by group, permission, objects
	Codes          map[CodeAction]*Code
	Apart          map[string]*Apart // by Mark
	// Licence is the installed one, nil when there is none.
	Licence *Licence
	// Damaged are the parts of objects that could not be read from the database. Each has been made safe as its Damage says, until the
	// object is saved again.
	Damaged []Damage
}
