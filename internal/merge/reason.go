package merge

import (
	"fmt"
	"slices"
	"strings"
)

// Certainty says how sure it is that accounts are one person's.
type Certainty string

// Certainties.
const (
	Certain Certainty = "certain" // the user name says so, and something else as well
	Likely  Certainty = "likely"
)

// TieKind is what speaks for two accounts being one person's.
type TieKind string

// Kinds of reasons.
const (
	BySuffix   TieKind = "suffix"   // Value is the suffix of the user name, with its dot
	ByPrefix   TieKind = "prefix"   // number Other is number Value and one digit
	ByPerson   TieKind = "person"   // Value is first and last name
	ByEmail    TieKind = "email"    // Value is the address
	ByParallel TieKind = "parallel" // Other rings as well when Value is called
)

// Tie is one of them.
type Tie struct {
	Kind  TieKind `json:"kind" enum:"suffix,prefix,person,email,parallel"`
	Value string  `json:"value" doc:"Suffix of the user name, number, name of the person or address"`
	Other string  `json:"other,omitempty" doc:"The other number: the one that begins with value, or that rings when value is called"`
}

// String is the reason in English.
func (r Tie) String() string {
	switch r.Kind {
	case BySuffix:
		return "name suffix " + r.Value
	case ByPrefix:
		return fmt.Sprintf("number %s begins with %s", r.Other, r.Value)
	case ByPerson:
		return "same person " + r.Value
	case ByEmail:
		return "same e-mail address " + r.Value
	}
	return fmt.Sprintf("parallel call from %s to %s", r.Value, r.Other)
}

// together says what speaks for two accounts being one person's, and whether that is beyond doubt; no reasons when it is not enough.
//
// Enough is the suffix of the name, or the same person or address together with numbers that begin alike or call each other, or person and address
// together. Not enough are the person alone, since there are namesakes; the address alone, since departments share one; numbers that begin alike, and
// parallel calls, which colleagues have as well. People of different names never belong together.
func together(a, b *candidate) (reasons []Tie, sure bool) {
	if strangers(a, b) {
		return nil, false
	}
	suffix := a.stem == b.stem && a.suffix != b.suffix
	if suffix {
		which := b
		if b.suffix == "" {
			which = a
		}
		reasons = append(reasons, Tie{Kind: BySuffix, Value: which.Username[len(which.stem):]})
	}
	short, long, prefix := prefixed(a, b)
	if prefix {
		reasons = append(reasons, Tie{Kind: ByPrefix, Value: short, Other: long})
	}
	person := a.who != "" && a.who == b.who
	if person {
		reasons = append(reasons, Tie{Kind: ByPerson, Value: strings.TrimSpace(a.FirstName + " " + a.LastName)})
	}
	email := a.email != "" && a.email == b.email
	if email {
		reasons = append(reasons, Tie{Kind: ByEmail, Value: a.Email})
	}
	calls := append(parallel(a, b), parallel(b, a)...)
	reasons = append(reasons, calls...)
	near := prefix || len(calls) > 0
	if !suffix && !((person || email) && near) && !(person && email) {
		return nil, false
	}
	return reasons, suffix && (person || email || near)
}

// prefixed finds a number of one account that is a number of the other and one digit.
func prefixed(a, b *candidate) (short, long string, found bool) {
	for _, x := range a.Numbers {
		for _, y := range b.Numbers {
			s, l := x, y
			if len(s) > len(l) {
				s, l = l, s
			}
			if len(s) >= 2 && len(l) == len(s)+1 && strings.HasPrefix(l, s) {
				return s, l, true
			}
		}
	}
	return "", "", false
}

// parallel lists numbers of b that ring as well when a is called.
func parallel(a, b *candidate) []Tie {
	var out []Tie
	for _, c := range a.Parallel {
		if slices.Contains(b.Numbers, c.To) {
			out = append(out, Tie{Kind: ByParallel, Value: c.From, Other: c.To})
		}
	}
	return out
}
