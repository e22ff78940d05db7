// Package merge finds accounts that are one person's, says why, and what one user of them all would look like (SPEC U5).
//
//	Accounts ─▶ Groups ─▶ Propose ─▶ Proposal ─▶ Plan ─▶ directory.Merge, which internal/store carries out
//
// It is pure: a snapshot comes in, proposals go out; nothing is read, written or asked for. internal/legacy uses the same rules for the
// report of a 4.5 system.
package merge

import (
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Account is what is looked at when doubles are sought.
type Account struct {
	ID                  string // of the user
	Username            string
	FirstName, LastName string
	Email               string
	Numbers             []string // in the order of the rows
	Parallel            []Call   // numbers that ring as well
}

// Call says that To rings as well when From is called.
type Call struct{ From, To string }

// Accounts are those of a configuration, in no order.
func Accounts(snap *directory.Snapshot) []Account {
	out := make([]Account, 0, len(snap.Users))
	for id := range snap.Users {
		out = append(out, account(snap, id))
	}
	return out
}

func account(snap *directory.Snapshot, id string) Account {
	u := snap.Users[id]
	a := Account{ID: id, Username: u.Username, FirstName: u.FirstName, LastName: u.LastName, Email: u.Email, Numbers: snap.Rows[id]}
	for _, profile := range snap.ProfilesOf[id] {
		a.Parallel = appendCalls(a.Parallel, snap, snap.Profiles[profile])
	}
	return a
}

// appendCalls adds the parallel calls of a profile, in whatever case it makes them.
func appendCalls(calls []Call, snap *directory.Snapshot, p *directory.Profile) []Call {
	var from []string
	for _, a := range actions(p) {
		if a.Kind != directory.ToParallel {
			continue
		}
		if from == nil {
			from = numbersOf(snap, p)
		}
		for _, number := range from {
			for _, to := range a.Numbers {
				if c := (Call{number, to}); to != number && !slices.Contains(calls, c) {
					calls = append(calls, c)
				}
			}
		}
	}
	return calls
}

func actions(p *directory.Profile) []*directory.Action {
	var out []*directory.Action
	for i := range p.Extended {
		out = append(out, &p.Extended[i].Action)
	}
	for i := range p.Table {
		out = append(out, &p.Table[i].Action)
	}
	return out
}

// numbersOf lists the numbers that a profile is meant for: those that have chosen it or scheduled it. A profile that is chosen nowhere, as all
// are that came from a 4.5 system, is meant for the first number of its user.
func numbersOf(snap *directory.Snapshot, p *directory.Profile) []string {
	rows := snap.Rows[p.UserID]
	var out []string
	for _, number := range rows {
		n := snap.Numbers[number]
		if n.ProfileID == p.ID || n.Schedule != nil && slices.Contains(n.Schedule.Profiles, p.ID) {
			out = append(out, number)
		}
	}
	if out == nil && len(rows) > 0 {
		out = rows[:1]
	}
	return out
}

// suffixes end the names of doubles. The first two are those of the source documents.
var suffixes = []string{"d", "m", "dect", "mobil", "mobile", "handy", "soft", "softphone", "home", "homeoffice"}

// Stem splits a user name into the name of the person and the suffix of a double, "" for none.
func Stem(username string) (name, suffix string) {
	at := strings.LastIndexAny(username, ".-_")
	if at <= 0 || !slices.Contains(suffixes, username[at+1:]) {
		return username, ""
	}
	if username[at] != '.' && at+2 == len(username) { // one letter after a hyphen is no habit that anybody has
		return username, ""
	}
	return username[:at], username[at+1:]
}

// devices are words that administrators put after the name of a person, to tell the phones of one apart.
var devices = []string{"dect", "mobil", "mobile", "handy", "softphone", "homeoffice", "tischtelefon", "mobiltelefon", "desk"}

// plain is a name as names are compared: "Artmann (DECT)" is "artmann", and "Müller" is "mueller".
func plain(name string) string {
	name = strings.ToLower(name)
	if at := strings.IndexByte(name, '('); at > 0 && strings.HasSuffix(strings.TrimSpace(name), ")") {
		name = name[:at]
	}
	if strings.ContainsAny(name, "äöüß") {
		name = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss").Replace(name)
	}
	words := strings.Fields(name)
	for len(words) > 1 && slices.Contains(devices, strings.Trim(words[len(words)-1], "-,;/")) {
		words = words[:len(words)-1]
	}
	return strings.TrimRight(strings.Join(words, " "), " -,;/")
}

// candidate is an account with what is compared of it.
type candidate struct {
	Account
	stem, suffix string
	first, last  string
	email        string
	who          string   // first and last name, "" where one is missing
	keys         []string // those who share one are compared with each other
	index        int
}

func newCandidate(a Account) *candidate {
	c := &candidate{Account: a, first: plain(a.FirstName), last: plain(a.LastName), email: strings.ToLower(a.Email)}
	c.stem, c.suffix = Stem(a.Username)
	c.keys = append(c.keys, "s"+c.stem)
	if c.first != "" && c.last != "" {
		c.who = "p" + c.first + "\x00" + c.last
		c.keys = append(c.keys, c.who)
	}
	if c.email != "" {
		c.keys = append(c.keys, "e"+c.email)
	}
	return c
}

// strangers reports whether two accounts are of people with different names. What has no name can be anybody's.
func strangers(a, b *candidate) bool {
	return a.first != "" && b.first != "" && a.first != b.first || a.last != "" && b.last != "" && a.last != b.last
}
