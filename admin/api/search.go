package api

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// Hit is something that a search has found.
type Hit struct {
	Type     string `json:"type" enum:"user,number,slot,group,huntgroup,pickupgroup,calendar,rule,code,profile"`
	ID       string `json:"id" doc:"As in the paths of the API"`
	Title    string `json:"title"`
	Subtitle string `json:"subtitle"`
	Username string `json:"username,omitempty" doc:"Whose number, slot or profile it is"`
	Link     string `json:"link" doc:"Path of the page that shows it, within the client" example:"/users/armin.artmann"`
}

// How well something fits, the best first.
const (
	fitsExactly = iota
	fitsBegin
	fitsWord
	fitsInside
	fitsElsewhere
	fitsNot
)

// kinds are the types of hits in the order in which equal ones stand.
func kinds() []string {
	return []string{"user", "number", "slot", "huntgroup", "group", "pickupgroup", "calendar", "rule", "profile", "code"}
}

type searchInput struct {
	Query string `query:"q" required:"true" minLength:"1" maxLength:"100" doc:"Words that must all occur. Case and accents do not count"`
	Limit int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
}

func (a *API) registerSearch() {
	register(a, operation{
		id: "search", method: http.MethodGet, path: "/api/search", tag: "system", access: ownOnly,
		summary: "Find whatever has a name", doc: "The best first: what is called so, what begins so, what holds it. Users find what is theirs.",
	}, a.search)
}

// sought is what a search looks for and has found.
type sought struct {
	text   string
	words  []string
	folded *people
	hits   []rankedHit
}

// may reports whether something can be a hit at all: it costs less than to say what it is called.
func (s *sought) may(parts ...string) bool {
	for _, w := range s.words {
		if !slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(fold(p), w) }) {
			return false
		}
	}
	return true
}

// whole returns an ID to who looks for just that, else "": parts of an ID, which is made of the time and of chance, mean nothing.
func (s *sought) whole(id string) string {
	if slices.Contains(s.words, fold(id)) {
		return id
	}
	return ""
}

// begun returns a SIP user name, most of which were drawn, to who looks for its beginning, else "".
func (s *sought) begun(name string) string {
	if slices.ContainsFunc(s.words, func(w string) bool { return strings.HasPrefix(fold(name), w) }) {
		return name
	}
	return ""
}

type rankedHit struct {
	Hit
	fit, kind int
	key       string
}

// add takes a hit if it fits. more is further text to be found by, which is not shown.
func (s *sought) add(h Hit, more ...string) {
	title := fold(h.Title)
	fit := s.fit(title)
	if fit == fitsNot {
		id := h.ID
		if !slices.Contains([]string{"user", "group", "number", "code"}, h.Type) { // whose IDs are names
			id = s.whole(id)
		}
		if !contains(title+"\n"+fold(h.Subtitle+"\n"+id+"\n"+h.Username+"\n"+strings.Join(more, "\n")), s.words) {
			return
		}
		fit = fitsElsewhere
		if slices.ContainsFunc(more, func(m string) bool { return fold(m) == s.text }) {
			fit = fitsExactly // its user name, say
		}
	}
	s.hits = append(s.hits, rankedHit{h, fit, slices.Index(kinds(), h.Type), title})
}

func (s *sought) fit(title string) int {
	switch {
	case title == s.text:
		return fitsExactly
	case strings.HasPrefix(title, s.text):
		return fitsBegin
	case !contains(title, s.words):
		return fitsNot
	case slices.ContainsFunc(strings.Fields(title), func(w string) bool { return strings.HasPrefix(w, s.words[0]) }):
		return fitsWord
	}
	return fitsInside
}

// best returns the hits, the best first.
func (s *sought) best(limit int) *listOutput[Hit] {
	slices.SortFunc(s.hits, func(x, y rankedHit) int {
		return cmp.Or(cmp.Compare(x.fit, y.fit), cmp.Compare(x.kind, y.kind), cmp.Compare(x.key, y.key), cmp.Compare(x.ID, y.ID))
	})
	out := whole([]Hit{})
	out.Body.Total = len(s.hits)
	for _, h := range s.hits[:min(limit, len(s.hits))] {
		out.Body.Items = append(out.Body.Items, h.Hit)
	}
	return out
}

func (a *API) search(ctx context.Context, in *searchInput) (*listOutput[Hit], error) {
	s := &sought{text: strings.TrimSpace(fold(in.Query))}
	if s.words = strings.Fields(s.text); len(s.words) == 0 {
		return whole([]Hit{}), nil
	}
	id, snap := who(ctx), a.deps.Store.Snapshot()
	s.folded = a.people(snap)
	if id.Admin {
		s.people(snap)
		s.groups(snap)
	}
	s.numbers(id, snap)
	s.slots(id, snap)
	s.profiles(id, snap)
	for _, c := range snap.Calendars {
		s.add(Hit{Type: "calendar", ID: c.ID, Title: c.Name, Subtitle: c.Spec.Zone, Link: link("calendars", c.ID)})
	}
	for _, c := range snap.Codes {
		de, en := routing.CodeMeaning(string(c.Action))
		if u := snap.Users[id.UserID]; u != nil && u.Language == "en" {
			de, en = en, de
		}
		s.add(Hit{Type: "code", ID: string(c.Action), Title: c.Code, Subtitle: de, Link: link("codes", string(c.Action))}, en)
	}
	return s.best(in.Limit), nil
}

func link(list, id string) string { return "/" + list + "/" + url.PathEscape(id) }

func (s *sought) people(snap *directory.Snapshot) {
	for _, u := range snap.Users {
		if !s.may(append([]string{s.folded.by[u.ID].text}, snap.Rows[u.ID]...)...) {
			continue
		}
		subtitle := u.Username
		if rows := snap.Rows[u.ID]; len(rows) > 0 {
			subtitle += " · " + strings.Join(rows, ", ")
		}
		s.add(Hit{Type: "user", ID: u.Username, Title: u.FullName(), Subtitle: subtitle, Username: u.Username, Link: link("users", u.Username)},
			u.Username, u.Email, u.LastName+" "+u.FirstName)
	}
}

func (s *sought) groups(snap *directory.Snapshot) {
	for _, g := range snap.Groups {
		s.add(Hit{Type: "group", ID: g.Name, Title: g.Title, Subtitle: g.Name, Link: link("groups", g.Name)}, g.Name)
	}
	for _, h := range snap.HuntGroups {
		s.add(Hit{Type: "huntgroup", ID: h.ID, Title: h.Name, Subtitle: h.Number, Link: link("huntgroups", h.ID)}, h.Number)
	}
	for _, g := range snap.PickupGroups {
		s.add(Hit{Type: "pickupgroup", ID: g.ID, Title: g.Name, Link: link("pickupgroups", g.ID)})
	}
	for _, r := range snap.Rules {
		s.add(Hit{Type: "rule", ID: r.ID, Title: r.Name, Link: link("rules", r.ID)})
	}
}

func (s *sought) numbers(id auth.Identity, snap *directory.Snapshot) {
	for _, n := range snap.Numbers {
		own := n.OwnerType == directory.OwnerUser && n.OwnerID == id.UserID
		if !id.Admin && !own {
			continue
		}
		if n.OwnerType == directory.OwnerUser && !s.may(n.Number, n.DisplayName, s.folded.by[n.OwnerID].text) {
			continue
		}
		h := Hit{Type: "number", ID: n.Number, Title: n.Number, Subtitle: ownerFullName(snap, n), Link: link("numbers", n.Number)}
		if n.OwnerType == directory.OwnerUser {
			h.Username = username(snap, n.OwnerID)
		}
		s.add(h, n.DisplayName)
	}
}

func (s *sought) slots(id auth.Identity, snap *directory.Snapshot) {
	for _, slot := range snap.Slots {
		u := snap.Users[slot.UserID]
		if u == nil || !id.Admin && slot.UserID != id.UserID || !s.may(slot.Name, s.begun(slot.SIPUsername), slot.MobileNumber, string(slot.Type), s.whole(slot.ID), s.folded.by[u.ID].text) {
			continue
		}
		s.add(Hit{Type: "slot", ID: slot.ID, Title: slot.Name, Subtitle: u.FullName(), Username: u.Username, Link: link("slots", slot.ID)},
			s.begun(slot.SIPUsername), slot.MobileNumber, string(slot.Type))
	}
}

func (s *sought) profiles(id auth.Identity, snap *directory.Snapshot) {
	for _, p := range snap.Profiles {
		u := snap.Users[p.UserID]
		if u == nil || !id.Admin && p.UserID != id.UserID {
			continue
		}
		s.add(Hit{Type: "profile", ID: p.ID, Title: p.Name, Subtitle: u.FullName(), Username: u.Username, Link: link("users", u.Username) + "/profiles/" + url.PathEscape(p.ID)})
	}
}
