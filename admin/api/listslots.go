package api

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// SlotItem is a slot in a list, with its user and what it does now.
type SlotItem struct {
	Slot
	FullName   string   `json:"full_name" doc:"Of the user"`
	Numbers    []string `json:"numbers" nullable:"false" doc:"Ticked numbers in the order of the rows"`
	Registered bool     `json:"registered" doc:"At least one contact is registered"`
	Contacts   int      `json:"contacts" doc:"How many are"`
	Agent      string   `json:"agent" doc:"User agent of the contact that was refreshed last"`
	Address    string   `json:"address" doc:"Address that its request came from"`
	Transport  string   `json:"transport" example:"udp"`
	InCall     bool     `json:"in_call"`
	Silent     bool     `json:"silent" doc:"Not rung, because it or its user does not want to be disturbed"`
}

type SlotsInput struct {
	Listing
	Username   string             `query:"username" maxLength:"64" doc:"Whose slots"`
	Type       directory.SlotType `query:"type" enum:"desk,dect,mobile,softphone,ucc"`
	Registered string             `query:"registered" enum:"true,false"`
	Sort       string             `query:"sort" enum:"user,-user,username,-username,name,-name,type,-type,number,-number,registered,-registered,in_call,-in_call,dnd,-dnd,agent,-agent,address,-address" default:"user" doc:"user is last name, first name; number is the first ticked one"`
}

// slotItem shows a slot. The contacts are looked up once for each slot.
func (a *API) slotItem(snap *directory.Snapshot, live routing.Live, s *directory.Slot, contacts []Binding) SlotItem {
	v := SlotItem{
		Slot: a.slotView(snap, s), Numbers: notNil(snap.TickedNumbers(s.ID)), Registered: len(contacts) > 0, Contacts: len(contacts),
		InCall: live.SlotCalls(s.ID) > 0, Silent: s.DND,
	}
	if u := snap.Users[s.UserID]; u != nil {
		v.FullName, v.Silent = u.FullName(), s.DND || u.DND
	}
	if b := latest(contacts); b != nil {
		v.Agent, v.Address, v.Transport = b.UserAgent, b.Received, b.Transport
	}
	return v
}

func latest(contacts []Binding) *Binding {
	var last *Binding
	for i := range contacts {
		if last == nil || contacts[i].Registered.After(last.Registered) {
			last = &contacts[i]
		}
	}
	return last
}

// slotWithContacts is a slot and where it is registered.
type slotWithContacts struct {
	*directory.Slot
	contacts []Binding
}

func (s *slotWithContacts) agent() string {
	if b := latest(s.contacts); b != nil {
		return b.UserAgent
	}
	return ""
}

func (s *slotWithContacts) address() string {
	if b := latest(s.contacts); b != nil {
		return b.Received
	}
	return ""
}

func slotCatalogue(snap *directory.Snapshot, live routing.Live, folded *people) *catalogue[slotWithContacts] {
	user := func(s slotWithContacts) *directory.User {
		if u := snap.Users[s.UserID]; u != nil {
			return u
		}
		return &directory.User{}
	}
	column := func(s slotWithContacts) string { return byCount(slices.Index(snap.Columns[s.UserID], s.ID)) }
	return &catalogue[slotWithContacts]{
		id: func(s slotWithContacts) string { return s.ID },
		text: func(s slotWithContacts) string {
			parts := [...]string{folded.by[s.UserID].text, s.Name, s.SIPUsername, s.MobileNumber, s.agent(), s.address(), string(s.Type)}
			return strings.Join(parts[:], "\n") + "\n" + strings.Join(snap.TickedNumbers(s.ID), "\n")
		},
		order: map[string]func(slotWithContacts) string{
			"user": func(s slotWithContacts) string {
				return folded.by[s.UserID].name + " " + user(s).Username + " " + column(s)
			},
			"username": func(s slotWithContacts) string {
				return user(s).Username + " " + column(s)
			},
			"name": func(s slotWithContacts) string { return byText(s.Name) },
			"type": func(s slotWithContacts) string { return string(s.Type) },
			"number": func(s slotWithContacts) string {
				if n := snap.TickedNumbers(s.ID); len(n) > 0 {
					return n[0]
				}
				return "~" // after all numbers
			},
			"registered": func(s slotWithContacts) string { return byFlag(len(s.contacts) > 0) },
			"in_call":    func(s slotWithContacts) string { return byFlag(live.SlotCalls(s.ID) > 0) },
			"dnd":        func(s slotWithContacts) string { return byFlag(s.DND || user(s).DND) },
			"agent":      func(s slotWithContacts) string { return byText(s.agent()) },
			"address":    func(s slotWithContacts) string { return byText(s.address()) },
		},
	}
}

// foundSlots are those that a list of slots shows, in its order.
func (a *API) foundSlots(ctx context.Context, snap *directory.Snapshot, in *SlotsInput) (found[slotWithContacts], error) {
	of := ""
	if id := who(ctx); in.Username != "" {
		u, err := mayUser(id, snap, in.Username)
		if err != nil {
			return found[slotWithContacts]{}, err
		}
		of = u.ID
	} else if !id.Admin {
		of = id.UserID
	}
	wanted := func(s *directory.Slot, contacts []Binding) bool {
		return (in.Type == "" || s.Type == in.Type) && (in.Registered == "" || (in.Registered == "true") == (len(contacts) > 0))
	}
	items := func(yield func(slotWithContacts) bool) {
		ids := maps.Keys(snap.Slots)
		if of != "" {
			ids = slices.Values(snap.Columns[of])
		}
		for id := range ids {
			if s, contacts := snap.Slots[id], a.deps.Bindings(id); wanted(s, contacts) && !yield(slotWithContacts{s, contacts}) {
				return
			}
		}
	}
	_, live := a.deps.Routing()
	return slotCatalogue(snap, live, a.people(snap)).find(in.Filter, in.Sort, items), nil
}

func (a *API) listSlots(ctx context.Context, in *SlotsInput) (*listOutput[SlotItem], error) {
	snap := a.deps.Store.Snapshot()
	slots, err := a.foundSlots(ctx, snap, in)
	if err != nil {
		return nil, err
	}
	_, live := a.deps.Routing()
	return pageOf(slots, &in.Listing, func(s slotWithContacts) SlotItem { return a.slotItem(snap, live, s.Slot, s.contacts) })
}

func (a *API) listUserSlots(ctx context.Context, in *UserPath) (*listOutput[SlotItem], error) {
	snap := a.deps.Store.Snapshot()
	u, err := mayUser(who(ctx), snap, in.Username)
	if err != nil {
		return nil, err
	}
	_, live := a.deps.Routing()
	var items []SlotItem
	for _, id := range snap.Columns[u.ID] {
		items = append(items, a.slotItem(snap, live, snap.Slots[id], a.deps.Bindings(id)))
	}
	return whole(items), nil
}
