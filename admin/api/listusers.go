package api

import (
	"context"
	"maps"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// UserItem is a user in a list, with what the slots do now.
type UserItem struct {
	User
	Registered bool `json:"registered" doc:"A slot has a registered contact"`
	InCall     bool `json:"in_call" doc:"A slot is in a call"`
}

type UsersInput struct {
	Listing
	Group string `query:"group" maxLength:"64" doc:"Name of a group whose members are wanted, itself or through groups inside"`
	Sort  string `query:"sort" enum:"username,-username,name,-name,first_name,-first_name,last_name,-last_name,email,-email,numbers,-numbers,slots,-slots,language,-language,admin,-admin,dnd,-dnd,registered,-registered,in_call,-in_call,created,-created,updated,-updated" default:"username" doc:"name is last name, first name; numbers is the first number"`
}

// userState is what the slots of a user do now.
func userState(snap *directory.Snapshot, live routing.Live, userID string) (isRegistered, inCall bool) {
	for _, id := range snap.Columns[userID] {
		isRegistered = isRegistered || live.Registered(id)
		inCall = inCall || live.SlotCalls(id) > 0
	}
	return isRegistered, inCall
}

func userCatalogue(snap *directory.Snapshot, live routing.Live, folded *people) *catalogue[*directory.User] {
	return &catalogue[*directory.User]{
		id: func(u *directory.User) string { return u.Username },
		text: func(u *directory.User) string {
			return folded.by[u.ID].text + "\n" + strings.Join(snap.Rows[u.ID], "\n")
		},
		order: map[string]func(*directory.User) string{
			"username":   func(u *directory.User) string { return u.Username },
			"name":       func(u *directory.User) string { return folded.by[u.ID].name },
			"first_name": func(u *directory.User) string { return byText(u.FirstName) },
			"last_name":  func(u *directory.User) string { return byText(u.LastName) },
			"email":      func(u *directory.User) string { return byText(u.Email) },
			"numbers": func(u *directory.User) string {
				if rows := snap.Rows[u.ID]; len(rows) > 0 {
					return rows[0]
				}
				return "~" // after all numbers
			},
			"slots":    func(u *directory.User) string { return byCount(len(snap.Columns[u.ID])) },
			"language": func(u *directory.User) string { return u.Language },
			"admin":    func(u *directory.User) string { return byFlag(snap.IsAdmin(u.ID)) },
			"dnd":      func(u *directory.User) string { return byFlag(u.DND) },
			"registered": func(u *directory.User) string {
				is, _ := userState(snap, live, u.ID)
				return byFlag(is)
			},
			"in_call": func(u *directory.User) string {
				_, is := userState(snap, live, u.ID)
				return byFlag(is)
			},
			"created": func(u *directory.User) string { return byTime(u.Created) },
			"updated": func(u *directory.User) string { return byTime(u.Updated) },
		},
	}
}

// foundUsers are those that a list of users shows, in its order.
func (a *API) foundUsers(snap *directory.Snapshot, in *UsersInput) (found[*directory.User], error) {
	items := maps.Values(snap.Users)
	if in.Group != "" {
		if _, err := findGroup(snap, in.Group); err != nil {
			return found[*directory.User]{}, err
		}
		items = func(yield func(*directory.User) bool) {
			for id, u := range snap.Users {
				if snap.InGroup(in.Group, id) && !yield(u) {
					return
				}
			}
		}
	}
	_, live := a.deps.Routing()
	return userCatalogue(snap, live, a.people(snap)).find(in.Filter, in.Sort, items), nil
}

func (a *API) listUsers(_ context.Context, in *UsersInput) (*listOutput[UserItem], error) {
	snap := a.deps.Store.Snapshot()
	users, err := a.foundUsers(snap, in)
	if err != nil {
		return nil, err
	}
	_, live := a.deps.Routing()
	return pageOf(users, &in.Listing, func(u *directory.User) UserItem {
		v := UserItem{User: userView(snap, u)}
		v.Registered, v.InCall = userState(snap, live, u.ID)
		return v
	})
}
