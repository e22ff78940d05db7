package api

import "github.com/koppelfeld/koppelfeld/internal/directory"

// people are the users of a snapshot as they are searched and sorted, made once for each configuration: a list of slots or numbers asks for
// the same user again and again.
type people struct {
	snap *directory.Snapshot
	by   map[string]person // by ID of the user
}

// person is a user in the form of fold.
type person struct {
	name string // last name, first name, as a sort key
	text string // what people search users by, numbers left out
}

// people returns those of a snapshot.
func (a *API) people(snap *directory.Snapshot) *people {
	if p := a.folded.Load(); p != nil && p.snap == snap {
		return p
	}
	p := &people{snap, make(map[string]person, len(snap.Users))}
	for id, u := range snap.Users {
		p.by[id] = person{byText(u.LastName + ", " + u.FirstName), fold(u.Username + "\n" + u.FirstName + " " + u.LastName + " " + u.FirstName + "\n" + u.Email)}
	}
	a.folded.Store(p)
	return p
}
