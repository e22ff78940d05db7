package legacy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/merge"
)

// Options says how the place of the old system is understood.
type Options struct {
	Country string // code for national numbers, digits: "49"
	Zone    string // IANA name of the time zone of time rules
	Version string // of the old system, "" to take what the database says
	// AcceptUnsupported lets the upgrade go on although phones in use are not supported by 5.
	AcceptUnsupported bool
}

// User is an account of 4.5 as a user of 5: one number, one slot, and the tick where they meet.
type User struct {
	directory.User
	Account  int64             // its ID in 4.5
	PIN      string            // to be stored hashed
	Number   *directory.Number // nil when the account had none
	Slot     *directory.Slot   // nil when the account had none
	Profiles []directory.Profile
	parallel []string // numbers of the list of 4.5, cleaned
}

// Group is a group with its members by user name and the groups inside it by name.
type Group struct {
	directory.Group
	Members, Includes []string
}

// Phone is a phone that 4.5 knew.
type Phone struct {
	MAC       string `json:"mac"`
	Model     string `json:"model"`
	User      string `json:"user,omitempty"`
	Place     string `json:"place,omitempty"` // the provisioning groups it is in, outermost first
	Supported bool   `json:"supported"`
	Reason    string `json:"reason,omitempty"`
}

// Left is something that is not migrated.
type Left struct {
	Kind   string `json:"kind"`
	Owner  string `json:"owner,omitempty"` // user name, "" for the whole system
	Count  int64  `json:"count"`
	Reason string `json:"reason"`
}

// Conversion is a 4.5 system as 5 holds it. It refers to users by user name and to calendars and groups by name, since IDs
// are made when it is stored.
type Conversion struct {
	Users     []*User
	Groups    []Group
	Grants    []directory.Grant
	Pickups   []directory.PickupGroup // Users are user names
	Hunts     []directory.HuntGroup
	Calendars []directory.Calendar
	Faxes     []directory.Number
	Phones    []Phone
	FaxLines  []FaxLine // those that have an identifier or a headline
	Left      []Left
	Problems  []Problem
	Omitted   int // problems beyond the list
	Unknown   []Unknown
	Absent    []string // tables that this 4.5 does not have
	Stops     []string // what stands in the way, in words
	stopsDE   []string // the same in German
}

// converter is the work of one conversion.
type converter struct {
	opt      Options
	data     *Data
	out      *Conversion
	problems problems
	users    map[int64]*User    // by account
	idle     map[int64]bool     // accounts of idle phones
	names    map[string]int64   // user name to account
	numbers  map[string]string  // number to its owner, for people
	callable map[string]bool    // numbers that 5 can ring
	outside  map[int64][]string // outside numbers by account
	models   map[int64]string   // model of the phone by account
	groups   map[int64]*Group
	sipNames map[string]string // SIP user name to user name
	left     map[[2]string]int64
	order    [][2]string // of left
	calendar map[string]string
}

// Convert makes of what was read what 5 has for it. It neither reads nor writes.
func Convert(d *Data, opt Options) *Conversion {
	c := &converter{
		opt: opt, data: d, out: &Conversion{Unknown: d.unknown, Absent: d.absent}, users: map[int64]*User{}, idle: map[int64]bool{},
		names: map[string]int64{}, numbers: map[string]string{}, callable: map[string]bool{}, outside: map[int64][]string{},
		models: map[int64]string{}, groups: map[int64]*Group{}, sipNames: map[string]string{}, left: map[[2]string]int64{}, calendar: map[string]string{},
	}
	c.problems = problems{list: slices.Clone(d.problems.list), omitted: d.problems.omitted}
	for _, n := range d.external {
		c.outside[n.account] = append(c.outside[n.account], n.number)
	}
	c.phones()
	c.accounts()
	c.slots()
	c.settings()
	c.numbersOfOthers()
	c.forwarding()
	c.blocking()
	c.groupsAndRights()
	c.pickups()
	c.patterns()
	c.leave()
	c.out.Problems, c.out.Omitted = c.problems.list, c.problems.omitted
	c.stops()
	return c.out
}

// stay notes that something of a user, or of the system for "", is not migrated.
func (c *converter) stay(kind, owner string, count int64) {
	if count <= 0 {
		return
	}
	key := [2]string{kind, owner}
	if _, again := c.left[key]; !again {
		c.order = append(c.order, key)
	}
	c.left[key] += count
}

func key(id int64) string { return strconv.FormatInt(id, 10) }

// accounts makes a user of every account that is no idle phone's.
func (c *converter) accounts() {
	for _, a := range c.data.accounts {
		if a.idle {
			c.idle[a.id] = true
			continue
		}
		if c.users[a.id] != nil {
			c.problems.stop("users", key(a.id), "id", "is there twice")
			continue
		}
		name, changed := username(a.user)
		if name == "" {
			name = "user-" + key(a.id)
			c.problems.add("users", key(a.id), "user", "is empty; the user is called "+name)
		} else if changed {
			c.problems.add("users", key(a.id), "user", fmt.Sprintf("%s has characters that 5 does not allow; the user is called %s", clip(a.user), name))
		}
		if first, taken := c.names[name]; taken {
			again := name + "-" + key(a.id)
			c.problems.stop("users", key(a.id), "user", fmt.Sprintf("%s is the name of account %d already; rename one of them in 4.5", name, first))
			name = again
		}
		c.names[name] = a.id
		u := &User{Account: a.id, User: directory.User{Username: name, FirstName: c.name("firstname", a.id, a.first), LastName: c.name("lastname", a.id, a.last), Language: "de"}}
		c.email(u, a)
		c.pin(u, a)
		c.users[a.id] = u
		c.out.Users = append(c.out.Users, u)
		if a.honorific != "" {
			c.stay(kindHonorific, name, 1)
		}
		if a.note != "" {
			c.stay(kindComment, name, 1)
		}
	}
	c.stay(kindIdle, "", int64(len(c.idle)))
}

// name cuts a name to what 5 holds.
func (c *converter) name(column string, id int64, text string) string {
	if len(text) <= directory.MaxName {
		return text
	}
	c.problems.add("users", key(id), column, "is too long and was cut")
	return strings.TrimSpace(strings.ToValidUTF8(text[:directory.MaxName], ""))
}

func (c *converter) email(u *User, a account) {
	u.Email = a.email
	for _, e := range directory.Invalid(u.User.Validate()) {
		if e.Field == "email" {
			c.problems.add("users", key(a.id), "email", clip(a.email)+" "+e.Problem+"; left empty")
			u.Email = ""
		}
	}
}

func (c *converter) pin(u *User, a account) {
	if a.pin == "" {
		return
	}
	number := ""
	for _, f := range c.data.friendsOf(a.id) {
		number = f.number
	}
	snap := &directory.Snapshot{Rows: map[string][]string{"": {number}}}
	for _, e := range directory.Invalid(snap.CheckPIN("", a.pin)) {
		if strings.HasPrefix(e.Problem, "must be") {
			c.problems.add("users", key(a.id), "pin", "a PIN "+e.Problem+"; the user has none")
			return
		}
		c.problems.add("users", key(a.id), "pin", "is easily guessed: it "+e.Problem+"; it is kept and should be changed")
	}
	u.PIN = a.pin
}

// friendsOf are the SIP accounts of an account; friends are sorted by account.
func (d *Data) friendsOf(account int64) []friend {
	at, _ := slices.BinarySearchFunc(d.friends, account, func(f friend, id int64) int { return int(f.account - id) })
	end := at
	for end < len(d.friends) && d.friends[end].account == account {
		end++
	}
	return d.friends[at:end]
}

// username makes a user name of 5 of one of 4.5; changed says that more than letters of the other case had to be changed.
func username(old string) (name string, changed bool) {
	var b strings.Builder
	for _, r := range strings.ToLower(old) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-':
			b.WriteRune(r)
		case r == 'ä':
			b.WriteString("ae")
			changed = true
		case r == 'ö':
			b.WriteString("oe")
			changed = true
		case r == 'ü':
			b.WriteString("ue")
			changed = true
		case r == 'ß':
			b.WriteString("ss")
			changed = true
		default:
			b.WriteByte('-')
			changed = true
		}
	}
	name = b.String()
	if trimmed := strings.TrimLeft(name, "._-"); trimmed != name {
		name, changed = trimmed, true
	}
	if len(name) > 64 {
		name, changed = name[:64], true
	}
	return name, changed
}

// take gives a number of the plan to an owner. A second owner is a problem that stops the upgrade: who of the two is to be
// reached is not for a program to say.
func (c *converter) take(table, id, column, number, owner string, callable bool) bool {
	if !directory.ValidNumber(number) {
		c.problems.add(table, id, column, clip(number)+" is no number of 1 to 15 digits; left out")
		return false
	}
	if first, taken := c.numbers[number]; taken {
		c.problems.stop(table, id, column, fmt.Sprintf("%s is the number of %s and of %s; give one of them another number in 4.5", number, first, owner))
		return false
	}
	c.numbers[number] = owner
	c.callable[number] = callable
	return true
}

// slots gives every user his number, slot and tick.
func (c *converter) slots() {
	for _, f := range c.data.friends {
		u := c.users[f.account]
		switch {
		case c.idle[f.account]:
			continue
		case u == nil:
			c.problems.add("ast_sipfriends", f.number, "_user_id", fmt.Sprintf("there is no account %d; the SIP account was passed over", f.account))
			continue
		case u.Number != nil || u.Slot != nil:
			c.problems.stop("ast_sipfriends", f.number, "_user_id", fmt.Sprintf("%s has a second SIP account; remove one of them in 4.5", u.Username))
			continue
		}
		if strings.HasPrefix(f.language, "en") {
			u.Language = "en"
		}
		if c.take("ast_sipfriends", f.number, "name", f.number, u.Username, true) {
			u.Number = &directory.Number{Number: f.number, OwnerType: directory.OwnerUser, DisplayName: c.display(u, f)}
		}
		c.slot(u, f)
	}
	for _, u := range c.out.Users {
		if len(c.data.friendsOf(u.Account)) == 0 {
			c.problems.add("users", key(u.Account), "id", u.Username+" has no SIP account: the user has neither number nor slot")
		}
	}
}

// display is the name shown to callees where it is not the user's.
func (c *converter) display(u *User, f friend) string {
	name, _, _ := strings.Cut(f.callerID, "<")
	name = strings.Trim(strings.TrimSpace(name), `"`)
	if name == strings.TrimSpace(u.FirstName+" "+u.LastName) || name == f.number || len(name) > directory.MaxName {
		return ""
	}
	return name
}

func (c *converter) slot(u *User, f friend) {
	s := &directory.Slot{Type: c.slotType(u), SIPUsername: f.number, SIPSecret: f.secret}
	if s.Type == directory.Mobile {
		s.MobileNumber = c.mobileNumber(u)
		if s.MobileNumber == "" {
			c.problems.add("users", key(u.Account), "user", u.Username+" looks like a mobile phone, but has no outside number that can be dialled: the slot becomes a softphone until one is entered")
			s.Type = directory.Softphone
		} else {
			s.SIPUsername, s.SIPSecret = "", ""
			c.stay(kindSIPAccount, u.Username, 1)
		}
	}
	if s.Type != directory.Mobile {
		c.sipAccount(u, s)
	}
	s.Name = slotName(s.Type, u.Language)
	u.Slot = s
}

// sipAccount checks whether the SIP account can go on as it is.
func (c *converter) sipAccount(u *User, s *directory.Slot) {
	name := s.SIPUsername
	switch {
	case s.SIPSecret == "":
		c.problems.add("ast_sipfriends", name, "secret", "is empty: the slot gets a password of its own, which the phone has to be given")
	case !directory.ValidSIPSecret(s.SIPSecret):
		c.problems.add("ast_sipfriends", name, "secret", "holds characters that SIP cannot carry: the slot gets a password of its own, which the phone has to be given")
		s.SIPSecret = ""
	}
	if name == "" || !directory.ValidSIPUsername(name) {
		c.problems.add("ast_sipfriends", name, "name", clip(name)+" cannot be a SIP user name: the slot gets one of its own, which the phone has to be given")
		s.SIPUsername = ""
		return
	}
	if first, taken := c.sipNames[name]; taken {
		c.problems.stop("ast_sipfriends", name, "name", fmt.Sprintf("%s is the SIP account of %s and of %s; rename one of them in 4.5", clip(name), first, u.Username))
		s.SIPUsername = ""
		return
	}
	c.sipNames[name] = u.Username
}

// slotType is told by the suffix of the user name, then by the phone.
func (c *converter) slotType(u *User) directory.SlotType {
	switch _, suffix := merge.Stem(u.Username); suffix {
	case "d":
		return directory.DECT
	case "m":
		return directory.Mobile
	}
	if model, there := c.models[u.Account]; there {
		return phoneType(model)
	}
	return directory.Desk
}

// mobileNumber is the first outside number of the account in international format.
func (c *converter) mobileNumber(u *User) string {
	for _, n := range c.outside[u.Account] {
		if e := international(n, c.opt.Country); e != "" {
			return e
		}
		c.problems.add("users_external_numbers", key(u.Account), "number", clip(n)+" is no outside number")
	}
	return ""
}

func slotName(t directory.SlotType, language string) string {
	names := map[directory.SlotType][2]string{
		directory.Desk: {"Tischtelefon", "Desk phone"}, directory.DECT: {"DECT-Telefon", "DECT phone"},
		directory.Mobile: {"Mobilgerät", "Mobile phone"}, directory.Softphone: {"Softphone", "Softphone"},
	}[t]
	if language == "en" {
		return names[1]
	}
	return names[0]
}

// settings carries over what belongs to number and user.
func (c *converter) settings() {
	for _, id := range slices.Sorted(maps.Keys(c.data.settings)) {
		if c.users[id] != nil || c.idle[id] {
			continue
		}
		for _, table := range c.data.settings[id].from {
			column := "user_id"
			if table == "dnd" {
				column = "_user_id"
			}
			c.owner(table, key(id), column, id)
		}
	}
	for _, u := range c.out.Users {
		s := c.data.settings[u.Account]
		if s == nil {
			continue
		}
		u.DND = s.dnd
		u.HideInside, u.HideOutside = s.hideInside == "yes", s.hideOutside == "yes"
		for _, v := range []string{s.hideInside, s.hideOutside} {
			if v == "once" {
				c.stay(kindOnce, u.Username, 1)
			}
		}
		if u.Number == nil {
			continue
		}
		u.Number.CallWaiting = s.waiting
		u.Number.RingInside = c.ring(u, "internal", s.ringInside, s.fileInside)
		u.Number.RingOutside = c.ring(u, "external", s.ringOutside, s.fileOutside)
	}
}

func (c *converter) ring(u *User, src string, bellcore int64, file string) string {
	if file != "" {
		c.stay(kindRingFile, u.Username, 1)
	}
	if bellcore == 0 {
		return ""
	}
	if bellcore < 0 || bellcore > 8 {
		c.problems.add("ringtones", key(u.Account)+","+src, "bellcore", fmt.Sprintf("%d is none of 1 to 8; the standard sound rings", bellcore))
		return ""
	}
	return "Bellcore-dr" + key(bellcore)
}

// stops says in words what stands in the way of an upgrade.
func (c *converter) stops() {
	stop := func(en, de string) {
		c.out.Stops, c.out.stopsDE = append(c.out.Stops, en), append(c.out.stopsDE, de)
	}
	words := newDictionary()
	for _, p := range c.out.Problems {
		if p.Stops {
			at := fmt.Sprintf("%s %s, %s: ", p.Table, p.Key, p.Column)
			stop(at+p.Message, at+words.german(p.Message))
		}
	}
	if old := cmp.Or(c.opt.Version, c.data.version); TooOld(old) {
		stop(fmt.Sprintf("this is version %s: update 4.5 to %s first (apt update, apt upgrade with the packages of 4.5), then upgrade to 5", old, Oldest),
			fmt.Sprintf("dies ist Version %s: bitte zuerst 4.5 auf %s aktualisieren (apt update, apt upgrade mit den Paketen von 4.5), dann auf 5", old, Oldest))
	}
	unsupported := 0
	for _, p := range c.out.Phones {
		if !p.Supported {
			unsupported++
		}
	}
	if unsupported > 0 && !c.opt.AcceptUnsupported {
		stop(fmt.Sprintf("phones of makes that 5 does not support: %d. Replace them, or accept that (--accept-unsupported-phones)", unsupported),
			fmt.Sprintf("Telefone, deren Hersteller 5 nicht unterstützt: %d. Bitte ersetzen oder hinnehmen (--accept-unsupported-phones)", unsupported))
	}
}

// Oldest is the oldest version of 4.5 that can be upgraded.
const Oldest = "4.5.0.10"

// TooOld reports whether a version, as a package manager writes it, is older than Oldest. What is no version is not.
func TooOld(version string) bool {
	version = strings.TrimSpace(version)
	if i := strings.IndexAny(version, "-~+ "); i >= 0 {
		version = version[:i]
	}
	have, want := strings.Split(version, "."), strings.Split(Oldest, ".")
	for i := range want {
		h := 0
		if i < len(have) {
			n, err := strconv.Atoi(have[i])
			if err != nil {
				return false
			}
			h = n
		}
		if w, _ := strconv.Atoi(want[i]); h != w {
			return h < w
		}
	}
	return false
}
