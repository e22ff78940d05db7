package legacy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// How sure a proposal is.
const (
	Certain = "certain" // the name says so, and something else as well
	Likely  = "likely"  // one of them says so
)

// Proposal says which accounts seem to be one person's, why, and what would become of them (SPEC U5). Nothing is merged unasked.
type Proposal struct {
	Kept      string              `json:"kept"` // user name
	Certainty string              `json:"certainty"`
	Accounts  []Double            `json:"accounts"`
	Numbers   []string            `json:"numbers"`
	Slots     []MergedSlot        `json:"slots"`
	Ticks     map[string][]string `json:"ticks"` // number to IDs of slots in this proposal
	Profiles  []MergedProfile     `json:"profiles,omitempty"`
	// Dropped are numbers of parallel calls that are needless, since the slots are the user's own.
	Dropped []string `json:"dropped_parallel_calls,omitempty"`
}

// Double is one of the accounts of a proposal, with what speaks for it.
type Double struct {
	User    string   `json:"user"`
	Number  string   `json:"number,omitempty"`
	Reasons []string `json:"reasons,omitempty"` // none for the one that is kept
}

// MergedSlot is a slot of the user that is kept.
type MergedSlot struct {
	ID   string             `json:"id"` // its type, with a number where there are several
	Type directory.SlotType `json:"type"`
	Name string             `json:"name"`
	From string             `json:"from"` // the account it comes from
}

// MergedProfile is a profile with the name that it gets.
type MergedProfile struct {
	From string `json:"from"` // the account it comes from
	Name string `json:"name"`
	As   string `json:"as"`
}

// stem splits a user name into the name of the person and the suffix of a double, "" for none.
func stem(username string) (name, suffix string) {
	for _, s := range []string{"d", "m"} {
		if rest, ok := strings.CutSuffix(username, "."+s); ok && rest != "" {
			return rest, s
		}
	}
	return username, ""
}

// maxNamesakes is how many accounts of one name are compared with each other; more are no person's doubles.
const maxNamesakes = 12

// Proposals finds the accounts that belong together. Accounts whose people have different names never do.
func (c *Conversion) Proposals() []Proposal {
	byStem := map[string][]*User{}
	byPerson := map[string][]*User{}
	for _, u := range c.Users {
		s, _ := stem(u.Username)
		byStem[s] = append(byStem[s], u)
		if p := person(u); p != "" {
			byPerson[p] = append(byPerson[p], u)
		}
	}
	joined := map[*User]*User{} // to the one that stands for the group
	find := func(u *User) *User {
		for joined[u] != nil {
			u = joined[u]
		}
		return u
	}
	for _, lists := range []map[string][]*User{byStem, byPerson} {
		for _, list := range lists {
			if len(list) < 2 || len(list) > maxNamesakes {
				continue
			}
			for i, a := range list {
				for _, b := range list[i+1:] {
					if reasons, _ := together(a, b); len(reasons) > 0 && find(a) != find(b) {
						joined[find(b)] = find(a)
					}
				}
			}
		}
	}
	groups := map[*User][]*User{}
	for _, u := range c.Users {
		groups[find(u)] = append(groups[find(u)], u)
	}
	var out []Proposal
	for _, g := range groups {
		if len(g) > 1 {
			out = append(out, propose(g))
		}
	}
	slices.SortFunc(out, func(a, b Proposal) int { return strings.Compare(a.Kept, b.Kept) })
	return out
}

// person is first and last name, "" where one is missing.
func person(u *User) string {
	if u.FirstName == "" || u.LastName == "" {
		return ""
	}
	return strings.ToLower(u.FirstName + "\x00" + u.LastName)
}

func number(u *User) string {
	if u.Number == nil {
		return ""
	}
	return u.Number.Number
}

// together says what speaks for two accounts being one person's; none when that is not enough. The name of a person alone is not,
// nor is a parallel call, which colleagues have as well.
func together(a, b *User) (reasons []string, sure bool) {
	pa, pb := person(a), person(b)
	if pa != "" && pb != "" && pa != pb {
		return nil, false
	}
	stemA, sufA := stem(a.Username)
	stemB, sufB := stem(b.Username)
	same := pa != "" && pa == pb
	suffix := stemA == stemB && sufA != sufB
	if suffix {
		s := sufB
		if s == "" {
			s = sufA
		}
		reasons = append(reasons, "name suffix ."+s)
	}
	na, nb := number(a), number(b)
	if len(na) > len(nb) {
		na, nb = nb, na
	}
	prefix := len(na) >= 2 && len(nb) == len(na)+1 && strings.HasPrefix(nb, na)
	if prefix {
		reasons = append(reasons, fmt.Sprintf("number %s begins with %s", nb, na))
	}
	if same {
		reasons = append(reasons, fmt.Sprintf("same person %s %s", a.FirstName, a.LastName))
	}
	parallel := false
	for _, d := range [][2]*User{{a, b}, {b, a}} {
		if n := number(d[1]); n != "" && slices.Contains(d[0].parallel, n) {
			parallel = true
			reasons = append(reasons, fmt.Sprintf("parallel call from %s to %s", number(d[0]), n))
		}
	}
	if !suffix && !(same && (prefix || parallel)) {
		return nil, false
	}
	return reasons, suffix && (same || prefix || parallel)
}

// propose says what becomes of accounts that belong together. Every number goes on ringing where it rang.
func propose(list []*User) Proposal {
	slices.SortFunc(list, func(a, b *User) int {
		_, sa := stem(a.Username)
		_, sb := stem(b.Username)
		switch {
		case (sa == "") != (sb == ""):
			return strings.Compare(sa, sb)
		case len(number(a)) != len(number(b)) && number(a) != "" && number(b) != "":
			return len(number(a)) - len(number(b))
		}
		return int(a.Account - b.Account)
	})
	kept := list[0]
	p := Proposal{Kept: kept.Username, Certainty: Certain, Ticks: map[string][]string{}}
	slotOf := map[string]string{} // number to ID of its slot
	counts := map[directory.SlotType]int{}
	for _, u := range list {
		d := Double{User: u.Username, Number: number(u)}
		if u != kept {
			reasons, sure := together(kept, u)
			for _, other := range list {
				if other != u && len(reasons) == 0 {
					reasons, sure = together(other, u)
				}
			}
			if d.Reasons = reasons; !sure {
				p.Certainty = Likely
			}
		}
		p.Accounts = append(p.Accounts, d)
		if d.Number != "" {
			p.Numbers = append(p.Numbers, d.Number)
		}
		if u.Slot != nil {
			counts[u.Slot.Type]++
			id := string(u.Slot.Type)
			if n := counts[u.Slot.Type]; n > 1 {
				id = fmt.Sprintf("%s-%d", id, n)
			}
			p.Slots = append(p.Slots, MergedSlot{ID: id, Type: u.Slot.Type, Name: u.Slot.Name, From: u.Username})
			if d.Number != "" {
				slotOf[d.Number] = id
				p.Ticks[d.Number] = []string{id}
			}
		}
		for _, pr := range u.Profiles {
			as := pr.Name
			if u != kept {
				as = fmt.Sprintf("%s (%s)", pr.Name, cmp.Or(d.Number, u.Username))
			}
			p.Profiles = append(p.Profiles, MergedProfile{From: u.Username, Name: pr.Name, As: as})
		}
	}
	for _, u := range list {
		for _, n := range u.parallel {
			id := slotOf[n]
			if id == "" || number(u) == "" {
				continue
			}
			p.Dropped = append(p.Dropped, n)
			if !slices.Contains(p.Ticks[number(u)], id) {
				p.Ticks[number(u)] = append(p.Ticks[number(u)], id)
			}
		}
	}
	return p
}
