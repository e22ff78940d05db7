package merge

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// Group are accounts that seem to be one person's.
type Group struct {
	Members   []Member // the one that is to stay comes first
	Certainty Certainty
}

// Member is one of them with what ties it to the others; the first has no reasons.
type Member struct {
	Account
	Reasons []Tie
}

// maxNamesakes is how many accounts that share a name or an address are compared with each other; more are no person's doubles.
const maxNamesakes = 12

// pair is two accounts that belong together.
type pair struct {
	a, b *candidate
	sure bool
}

// Groups finds the accounts that belong together, in the order of the names of those that stay.
func Groups(accounts []Account) []Group {
	all := make([]*candidate, len(accounts))
	for i, a := range accounts {
		all[i] = newCandidate(a)
	}
	slices.SortFunc(all, inOrder)
	heap := map[*candidate]*[]*candidate{} // the group that an account is in so far
	for _, p := range pairs(all) {
		join(heap, p)
	}
	var out []Group
	for _, c := range all { // the first of a group comes first
		if list := heap[c]; list != nil && len(*list) > 1 {
			slices.SortFunc(*list, inOrder)
			out = append(out, newGroup(*list))
			for _, m := range *list {
				delete(heap, m)
			}
		}
	}
	slices.SortFunc(out, func(x, y Group) int { return strings.Compare(x.Members[0].Username, y.Members[0].Username) })
	return out
}

// inOrder puts first what is to stay: a name without a suffix, then the shortest number, then the older account.
func inOrder(a, b *candidate) int {
	if (a.suffix == "") != (b.suffix == "") {
		return strings.Compare(a.suffix, b.suffix)
	}
	x, y := a.mainNumber(), b.mainNumber()
	if (x == "") != (y == "") {
		return len(y) - len(x)
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y), strings.Compare(a.ID, b.ID))
}

func (c *candidate) mainNumber() string {
	if len(c.Numbers) == 0 {
		return ""
	}
	return c.Numbers[0]
}

// pairs finds all that belong together, what is sure first.
func pairs(all []*candidate) []pair {
	byWhat := make(map[string][]*candidate, 2*len(all))
	for i, c := range all {
		c.index = i
		for _, k := range c.keys {
			byWhat[k] = append(byWhat[k], c)
		}
	}
	var out []pair
	var seen []*candidate
	for _, c := range all {
		seen = seen[:0]
		for _, k := range c.keys {
			list := byWhat[k]
			if len(list) < 2 || len(list) > maxNamesakes {
				continue
			}
			for _, other := range list {
				if other.index <= c.index || slices.Contains(seen, other) {
					continue
				}
				seen = append(seen, other)
				if reasons, sure := together(c, other); len(reasons) > 0 {
					out = append(out, pair{c, other, sure})
				}
			}
		}
	}
	slices.SortStableFunc(out, func(x, y pair) int {
		switch {
		case x.sure == y.sure:
			return 0
		case x.sure:
			return -1
		}
		return 1
	})
	return out
}

// join puts the groups of two accounts together unless that would bring people of different names into one, by way of an account that has no name.
func join(heap map[*candidate]*[]*candidate, p pair) {
	group := func(c *candidate) *[]*candidate {
		if heap[c] == nil {
			heap[c] = &[]*candidate{c}
		}
		return heap[c]
	}
	x, y := group(p.a), group(p.b)
	if x == y || len(*x)+len(*y) > maxNamesakes {
		return
	}
	for _, a := range *x {
		for _, b := range *y {
			if strangers(a, b) {
				return
			}
		}
	}
	*x = append(*x, *y...)
	for _, c := range *y {
		heap[c] = x
	}
}

// newGroup says what ties each of the accounts to the first, or if nothing does to another one.
func newGroup(list []*candidate) Group {
	g := Group{Certainty: Certain, Members: []Member{{Account: list[0].Account}}}
	for i, c := range list[1:] {
		var reasons []Tie
		sure := false
		for _, other := range append(slices.Clone(list[:i+1]), list[i+2:]...) {
			if reasons, sure = together(other, c); len(reasons) > 0 {
				break
			}
		}
		if !sure {
			g.Certainty = Likely
		}
		g.Members = append(g.Members, Member{c.Account, reasons})
	}
	return g
}

// IDs of the users, the one that stays first.
func (g *Group) IDs() []string {
	var out []string
	for i := range g.Members {
		out = append(out, g.Members[i].ID)
	}
	return out
}

// ID is the same for the same users, whatever else becomes of them.
func (g *Group) ID() string {
	ids := g.IDs()
	slices.Sort(ids)
	sum := sha256.Sum256([]byte(strings.Join(ids, "\n")))
	return hex.EncodeToString(sum[:8])
}

// Mark differs when anything does that a proposal rests on. What was rejected is proposed again only under another mark.
func (g *Group) Mark() string {
	list := make([]Account, 0, len(g.Members))
	for _, m := range g.Members {
		list = append(list, m.Account)
	}
	slices.SortFunc(list, func(a, b Account) int { return strings.Compare(a.ID, b.ID) })
	return digest(list)
}

// digest of something that can be JSON.
func digest(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic("merge: " + err.Error()) // plain data
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}
