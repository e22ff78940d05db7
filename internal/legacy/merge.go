package legacy

import (
	"fmt"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/merge"
)

// Proposal says which accounts seem to be one person's, why, and what would become of them (SPEC U5). Nothing is merged unasked.
type Proposal struct {
	Kept      string              `json:"kept"` // user name
	Certainty merge.Certainty     `json:"certainty"`
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

// Proposals finds the accounts that belong together, as the running 5 would.
func (c *Conversion) Proposals() []Proposal {
	snap := c.snapshot()
	accounts := merge.Accounts(snap)
	parallel := make(map[string][]merge.Call, len(c.Users))
	for _, u := range c.Users {
		for _, n := range u.parallel { // also where no rule of 4.5 used the list
			if u.Number != nil {
				parallel[u.Username] = append(parallel[u.Username], merge.Call{From: u.Number.Number, To: n})
			}
		}
	}
	for i := range accounts {
		accounts[i].Parallel = parallel[accounts[i].Username]
	}
	var out []Proposal
	finder := merge.New(snap)
	for _, g := range merge.Groups(accounts) {
		if p, err := finder.Propose(&g, merge.Choice{}); err == nil { // only a choice could be wrong
			out = append(out, shortened(p))
		}
	}
	return out
}

// snapshot is what the proposals need of the configuration that comes of the conversion. IDs are those of now, in the order of the accounts.
func (c *Conversion) snapshot() *directory.Snapshot {
	snap := directory.NewSnapshot()
	for _, u := range c.Users {
		id := fmt.Sprintf("%020d", u.Account)
		user := u.User
		user.ID = id
		snap.Users[id], snap.ByName[u.Username] = &user, &user
		if u.Number != nil {
			n := *u.Number
			n.OwnerID = id
			snap.Numbers[n.Number], snap.Rows[id] = &n, []string{n.Number}
		}
		if u.Slot != nil {
			s := *u.Slot
			s.ID, s.UserID = id, id
			snap.Slots[id], snap.Columns[id] = &s, []string{id}
			if u.Number != nil {
				snap.Ticks[u.Number.Number] = []string{id}
			}
		}
		for i := range u.Profiles {
			p := u.Profiles[i]
			p.ID, p.UserID = fmt.Sprintf("%s-%d", id, i), id
			snap.Profiles[p.ID] = &p
			snap.ProfilesOf[id] = append(snap.ProfilesOf[id], p.ID)
		}
	}
	return snap
}

// shortened is a proposal as the report shows it.
func shortened(p *merge.Proposal) Proposal {
	out := Proposal{Kept: p.Kept, Certainty: p.Certainty, Ticks: map[string][]string{}}
	for _, a := range p.Accounts {
		d := Double{User: a.Username}
		if len(a.Numbers) > 0 {
			d.Number = a.Numbers[0]
		}
		for _, r := range a.Reasons {
			d.Reasons = append(d.Reasons, r.String())
		}
		out.Accounts = append(out.Accounts, d)
	}
	names, counts := map[string]string{}, map[directory.SlotType]int{}
	for _, s := range p.Slots {
		id := string(s.Type)
		if counts[s.Type]++; counts[s.Type] > 1 {
			id = fmt.Sprintf("%s-%d", id, counts[s.Type])
		}
		names[s.ID] = id
		out.Slots = append(out.Slots, MergedSlot{ID: id, Type: s.Type, Name: s.Name, From: s.From})
	}
	for _, n := range p.Numbers {
		out.Numbers = append(out.Numbers, n.Number)
		for _, id := range n.Ticks {
			out.Ticks[n.Number] = append(out.Ticks[n.Number], names[id])
		}
	}
	for _, m := range p.Profiles {
		if out.Dropped = append(out.Dropped, m.Dropped...); !m.Gone {
			out.Profiles = append(out.Profiles, MergedProfile{From: m.From, Name: m.Name, As: m.As})
		}
	}
	return out
}

func number(u *User) string {
	if u.Number == nil {
		return ""
	}
	return u.Number.Number
}
