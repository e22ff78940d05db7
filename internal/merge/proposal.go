package merge

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Proposal says which accounts seem to be one person's, why, and what would become of them. Nothing is merged unasked.
type Proposal struct {
	ID string `json:"id" doc:"The same for the same accounts"`
	// Mark differs when anything does that the proposal shows.
	Mark        string           `json:"fingerprint" doc:"Differs when anything differs that the proposal shows or rests on: the ETag of the proposal"`
	Certainty   Certainty        `json:"certainty" enum:"certain,likely"`
	Kept        string           `json:"kept" doc:"User name of the account that stays"`
	Accounts    []Double         `json:"accounts" nullable:"false" doc:"The accounts, the one that stays first"`
	Numbers     []MergedNumber   `json:"numbers" nullable:"false" doc:"Numbers of the user then, in the order of the rows"`
	Slots       []MergedSlot     `json:"slots" nullable:"false" doc:"Slots of the user then, in the order of the columns"`
	Profiles    []MergedProfile  `json:"profiles" nullable:"false" doc:"Forwarding profiles of all accounts"`
	Groups      []string         `json:"groups" nullable:"false" doc:"Groups that the user comes into"`
	Permissions []Gain           `json:"permissions" nullable:"false" doc:"What the user may do then, and may not now"`
	Notes       []Note           `json:"notes" nullable:"false" doc:"What else will be different"`
	plan        *directory.Merge // what carries it out
}

// Double is one of the accounts.
type Double struct {
	UserID    string   `json:"user_id"`
	Username  string   `json:"username"`
	FirstName string   `json:"first_name"`
	LastName  string   `json:"last_name"`
	Email     string   `json:"email"`
	Numbers   []string `json:"numbers" nullable:"false"`
	Reasons   []Tie    `json:"reasons" nullable:"false" doc:"What speaks for it; none for the first"`
	Left      bool     `json:"left_out" doc:"It stays as it is"`
}

// MergedNumber is a number that the user has then.
type MergedNumber struct {
	Number string   `json:"number"`
	From   string   `json:"from" doc:"User name of the account that it comes from"`
	Before []string `json:"before" nullable:"false" doc:"IDs of slots that are ticked now"`
	Ticks  []string `json:"ticks" nullable:"false" doc:"IDs of slots that are ticked then"`
}

// MergedSlot is a slot that the user has then.
type MergedSlot struct {
	ID    string             `json:"id"`
	Type  directory.SlotType `json:"type"`
	Name  string             `json:"name"`
	From  string             `json:"from" doc:"User name of the account that it comes from"`
	Shows string             `json:"shows" doc:"Number that it shows on outgoing calls, as it does now"`
}

// MergedProfile is a forwarding profile with what becomes of it.
type MergedProfile struct {
	ID      string   `json:"id"`
	From    string   `json:"from" doc:"User name of the account that it comes from"`
	Name    string   `json:"name"`
	As      string   `json:"as" doc:"Name that it has then"`
	Dropped []string `json:"dropped" nullable:"false" doc:"Numbers of parallel calls that are needless, since the slots are ticked"`
	Gone    bool     `json:"gone" doc:"It had nothing else and is removed"`
}

// Gain is a permission that the user gains.
type Gain struct {
	Permission directory.Permission `json:"permission"`
	Objects    string               `json:"objects" doc:"Group whose members it concerns, empty for nobody in particular"`
	From       string               `json:"from" doc:"User name of the account that has it"`
}

// Note is something else that will be different.
type Note struct {
	Kind  string `json:"kind" enum:"login,pin,tokens,blocking,dnd,hide_number,shown_numbers,setting,profile,hunt_group,pickup_group,parallel_inside,parallel_outside,status_private,time_zone,language"`
	From  string `json:"from,omitempty" doc:"User name of the account concerned"`
	What  string `json:"what,omitempty" doc:"Number, name or count concerned"`
	Value string `json:"value,omitempty"`
}

// Choice is how somebody wants a proposal changed. The zero Choice takes it as it is.
type Choice struct {
	Kept    string              `json:"kept,omitempty" maxLength:"64" doc:"User name of the account that is to stay, if it is another one"`
	Without []string            `json:"without,omitempty" maxItems:"12" doc:"User names of accounts that are to stay as they are"`
	Ticks   map[string][]string `json:"ticks,omitempty" doc:"IDs of the slots that are to be ticked, by number; a number that is missing has those proposed"`
}

// Propose says what becomes of a group of accounts. Errors: *directory.InvalidError for a choice that does not fit.
func (f *Finder) Propose(g *Group, c Choice) (*Proposal, error) {
	snap := f.snap
	p := &Proposal{ID: g.ID(), Mark: f.state(g), Certainty: g.Certainty, Groups: []string{}, Permissions: []Gain{}, Notes: []Note{}, Profiles: []MergedProfile{}}
	b := &builder{Finder: f, snap: snap, p: p, choice: c, parallel: map[string][]string{}}
	if err := b.accounts(g); err != nil {
		return nil, err
	}
	b.matrix()
	b.profiles()
	if err := b.ticks(); err != nil {
		return nil, err
	}
	b.rights()
	b.settings()
	return p, nil
}

// Plan is what carries the proposal out.
func (p *Proposal) Plan() directory.Merge { return *p.plan }

// builder makes one proposal.
type builder struct {
	*Finder
	snap     *directory.Snapshot
	p        *Proposal
	choice   Choice
	kept     *directory.User
	users    []*directory.User   // those who become one, kept first
	parallel map[string][]string // numbers of the group that a parallel call makes ring at once, by number called
}

// accounts settles who stays and who takes part.
func (b *builder) accounts(g *Group) error {
	members := slices.Clone(g.Members)
	if b.choice.Kept != "" {
		at := slices.IndexFunc(members, func(m Member) bool { return m.Username == b.choice.Kept })
		if at < 0 {
			return wrong("kept", "%s is none of the accounts", b.choice.Kept)
		}
		first := members[at]
		members = slices.Insert(slices.Delete(members, at, at+1), 0, first)
	}
	for _, name := range b.choice.Without {
		if !slices.ContainsFunc(members, func(m Member) bool { return m.Username == name }) {
			return wrong("without", "%s is none of the accounts", name)
		}
	}
	for _, m := range members {
		left := slices.Contains(b.choice.Without, m.Username)
		d := Double{
			UserID: m.ID, Username: m.Username, FirstName: m.FirstName, LastName: m.LastName, Email: m.Email,
			Numbers: nonNil(m.Numbers), Reasons: nonNil(m.Reasons), Left: left,
		}
		b.p.Accounts = append(b.p.Accounts, d)
		if !left {
			b.users = append(b.users, b.snap.Users[m.ID])
		}
	}
	switch {
	case b.p.Accounts[0].Left:
		return wrong("without", "the account that stays cannot be left out")
	case len(b.users) < 2:
		return wrong("without", "leaves nothing to merge")
	}
	b.kept = b.users[0]
	b.p.Kept = b.kept.Username
	b.p.plan = &directory.Merge{Kept: b.kept.ID, Ticks: map[string][]string{}, Defaults: map[string]string{}, SlotNames: map[string]string{}}
	for _, u := range b.users[1:] {
		b.p.plan.Gone = append(b.p.plan.Gone, u.ID)
	}
	return nil
}

// matrix lines up numbers and slots: those of the user who stays first, then account by account. Slots that would bear the same name get
// a number in brackets.
func (b *builder) matrix() {
	plan := b.p.plan
	names := map[string]bool{}
	for _, u := range b.users {
		for _, number := range b.snap.Rows[u.ID] {
			plan.Rows = append(plan.Rows, number)
			plan.Ticks[number] = slices.Clone(b.snap.Ticks[number])
			b.p.Numbers = append(b.p.Numbers, MergedNumber{Number: number, From: u.Username, Before: nonNil(b.snap.Ticks[number])})
		}
		for _, id := range b.snap.Columns[u.ID] {
			s := b.snap.Slots[id]
			shows := b.snap.DefaultNumber(id)
			name := s.Name
			if u != b.kept {
				mark := shows
				if mark == "" {
					mark = u.Username
				}
				if name = distinct(name, mark, names); name != s.Name {
					plan.SlotNames[id] = name
				}
			}
			names[strings.ToLower(name)] = true
			plan.Columns = append(plan.Columns, id)
			b.p.Slots = append(b.p.Slots, MergedSlot{ID: id, Type: s.Type, Name: name, From: u.Username, Shows: shows})
		}
	}
	if b.p.Numbers == nil {
		b.p.Numbers = []MergedNumber{}
	}
	if b.p.Slots == nil {
		b.p.Slots = []MergedSlot{}
	}
}

// distinct is a name that is not among names: itself, or "Urlaub (4161)".
func distinct(name, mark string, names map[string]bool) string {
	out := name
	for i := 1; names[strings.ToLower(out)]; i++ {
		tail := " (" + mark + ")"
		if i > 1 {
			tail = fmt.Sprintf(" (%s-%d)", mark, i)
		}
		head := name
		for len(head)+len(tail) > directory.MaxName {
			_, size := lastRune(head)
			head = head[:len(head)-size]
		}
		out = strings.TrimSpace(head) + tail
	}
	return out
}

// ticks adds those that stand for parallel calls, or takes those that were chosen.
func (b *builder) ticks() error {
	plan := b.p.plan
	for _, number := range slices.Sorted(maps.Keys(b.choice.Ticks)) {
		if !slices.Contains(plan.Rows, number) {
			return wrong("ticks", "%s is no number of these accounts", number)
		}
		for _, id := range b.choice.Ticks[number] {
			if !slices.Contains(plan.Columns, id) {
				return wrong("ticks", "%s is no slot of these accounts", id)
			}
		}
	}
	extra := map[string][]string{}
	for from, list := range b.parallel {
		for _, to := range list {
			extra[from] = append(extra[from], plan.Ticks[to]...)
		}
	}
	for i := range b.p.Numbers {
		n := &b.p.Numbers[i]
		want, chosen := b.choice.Ticks[n.Number]
		if !chosen {
			want = append(slices.Clone(plan.Ticks[n.Number]), extra[n.Number]...)
		}
		n.Ticks = []string{}
		for _, id := range plan.Columns {
			if slices.Contains(want, id) {
				n.Ticks = append(n.Ticks, id)
			}
		}
	}
	for _, n := range b.p.Numbers {
		plan.Ticks[n.Number] = n.Ticks
	}
	b.defaults()
	return nil
}

// defaults lets every slot show the number that it shows now, whatever stands above it in the matrix then.
func (b *builder) defaults() {
	for i := range b.p.Slots {
		s := &b.p.Slots[i]
		first := ""
		for _, n := range b.p.Numbers {
			if slices.Contains(n.Ticks, s.ID) {
				if first == "" {
					first = n.Number
				}
				if n.Number == s.Shows {
					first = n.Number
					break
				}
			}
		}
		now := b.snap.Slots[s.ID].DefaultNumber
		want := now
		switch {
		case first != s.Shows: // it is not ticked any more
			want = ""
			s.Shows = first
		case s.Shows != "" && b.topNumber(s.ID) != s.Shows:
			want = s.Shows
		}
		if want != now {
			b.p.plan.Defaults[s.ID] = want
		}
	}
}

// topNumber is the first number that is ticked for a slot then.
func (b *builder) topNumber(slotID string) string {
	for _, n := range b.p.Numbers {
		if slices.Contains(n.Ticks, slotID) {
			return n.Number
		}
	}
	return ""
}

func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// wrong is a choice that does not fit.
func wrong(field, format string, args ...any) error {
	return &directory.InvalidError{Field: field, Problem: fmt.Sprintf(format, args...)}
}
