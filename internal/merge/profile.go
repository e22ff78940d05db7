package merge

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

func lastRune(s string) (rune, int) { return utf8.DecodeLastRuneInString(s) }

// profiles says what becomes of the forwarding profiles: parallel calls between the accounts are needless where they ring at once, since the slots
// are ticked instead, and names that are there twice get a number in brackets.
func (b *builder) profiles() {
	names := map[string]bool{}
	for _, u := range b.users {
		for _, id := range b.snap.ProfilesOf[u.ID] {
			p := *b.snap.Profiles[id]
			from := numbersOf(b.snap, &p)
			dropped := b.dropParallel(&p, from)
			m := MergedProfile{ID: id, From: u.Username, Name: p.Name, Dropped: nonNil(dropped), Gone: len(dropped) > 0 && len(p.Table)+len(p.Extended) == 0}
			if m.Gone {
				m.As = p.Name
				b.p.Profiles = append(b.p.Profiles, m)
				continue
			}
			if u != b.kept {
				mark := u.Username
				if rows := b.snap.Rows[u.ID]; len(rows) > 0 {
					mark = rows[0]
				}
				p.Name = distinct(p.Name, mark, names)
			}
			names[strings.ToLower(p.Name)] = true
			m.As = p.Name
			b.p.Profiles = append(b.p.Profiles, m)
			b.p.plan.Profiles = append(b.p.plan.Profiles, p)
		}
	}
}

// dropParallel takes out of a profile what its parallel calls at once ring of the group, and notes it as ticks to come. p is a copy; its lists are
// replaced, not changed.
func (b *builder) dropParallel(p *directory.Profile, from []string) []string {
	var dropped []string
	// A number that no telephone of its own would ring for is forwarded where the rules say so; ticks would keep it from that.
	if len(from) == 0 || slices.ContainsFunc(from, func(number string) bool { return !b.alive(number) }) {
		return nil
	}
	ours := func(number string) bool { return slices.Contains(b.p.plan.Rows, number) }
	take := func(a directory.Action) (rest directory.Action, touched bool) {
		if a.Kind != directory.ToParallel || !slices.ContainsFunc(a.Numbers, ours) {
			return a, false
		}
		var others []string
		for _, n := range a.Numbers {
			if !ours(n) {
				others = append(others, n)
				continue
			}
			for _, number := range from {
				if number != n && !slices.Contains(b.parallel[number], n) {
					b.parallel[number] = append(b.parallel[number], n)
				}
			}
			if !slices.Contains(dropped, n) {
				dropped = append(dropped, n)
			}
		}
		a.Numbers = others
		return a, true
	}
	classes := map[directory.Class]bool{}
	var extended []directory.ExtendedRule
	for i, r := range p.Extended {
		if len(r.When.States) == 0 && free(&r.When) {
			var touched bool
			if r.Action, touched = take(r.Action); touched {
				classes[r.When.Class] = true
			}
			if touched && len(r.Action.Numbers) == 0 {
				if !laterAtOnce(p, i) {
					continue
				}
				// What comes after it did not hold for the call so far, and must not now.
				r.Action, r.Tests = directory.Action{Kind: directory.Allow}, nil
			}
		}
		extended = append(extended, r)
	}
	var table []directory.CaseRule
	for _, r := range p.Table {
		if r.Case == directory.Always {
			var touched bool
			if r.Action, touched = take(r.Action); touched {
				classes[r.Class] = true
			}
			if touched && len(r.Action.Numbers) == 0 {
				continue
			}
		}
		table = append(table, r)
	}
	if dropped == nil {
		return nil
	}
	p.Extended, p.Table = extended, table
	b.oneClass(p, classes)
	return dropped
}

// alive reports whether a telephone rings for a number, if it is registered and nobody talks.
func (b *builder) alive(number string) bool {
	owner := b.snap.Users[b.snap.Numbers[number].OwnerID]
	return !owner.DND && slices.ContainsFunc(b.snap.Ticks[number], func(id string) bool { return !b.snap.Slots[id].DND })
}

// oneClass notes that numbers ring for all callers now which a parallel call made ring for some.
func (b *builder) oneClass(p *directory.Profile, classes map[directory.Class]bool) {
	inside, outside := classes[directory.FromInside] || classes[""], classes[directory.FromOutside] || classes[""]
	if inside == outside {
		return
	}
	kind := "parallel_inside"
	if outside {
		kind = "parallel_outside"
	}
	b.note(kind, b.snap.Users[p.UserID], p.Name, "")
}

// free reports whether conditions ask for nothing but a class of callers.
func free(w *directory.Conditions) bool {
	return w.Caller == nil && w.Called == nil && w.Group == "" && w.Calendar == ""
}

// laterAtOnce reports whether a rule after the extended one of an index could apply at once.
func laterAtOnce(p *directory.Profile, index int) bool {
	for _, r := range p.Extended[index+1:] {
		if len(r.When.States) == 0 {
			return true
		}
	}
	return slices.ContainsFunc(p.Table, func(r directory.CaseRule) bool { return r.Case == directory.Always })
}
