package api

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// company is a Store that has a snapshot and nothing else.
type company struct {
	Store
	snap *directory.Snapshot
}

func (c company) Snapshot() *directory.Snapshot { return c.snap }

// quiet is a moment without calls, in which every other slot is registered.
type quiet struct{}

func (quiet) SlotCalls(string) int        { return 0 }
func (quiet) NumberCalls(string) int      { return 0 }
func (quiet) HuntTurn(string) int         { return 0 }
func (quiet) Registered(slot string) bool { return slot[len(slot)-1]%2 == 0 }

// crowd is the API of a company with many users, each with two numbers and three slots.
func crowd(users int) *API {
	snap := directory.NewSnapshot()
	first, last := []string{"Änne", "Jürgen", "Zoë", "Anna", "Peter"}, []string{"Müller", "Schmidt", "Groß", "Öztürk", "Meier", "Weiß", "Schäfer"}
	for i := range users {
		u := &directory.User{
			ID: fmt.Sprintf("u%d", i), Username: fmt.Sprintf("user.%05d", i), FirstName: first[i%len(first)], LastName: last[i%len(last)],
			Email: fmt.Sprintf("user.%05d@koppelfeld.example", i), Language: "de",
		}
		snap.Users[u.ID], snap.ByName[u.Username] = u, u
		for k := range 2 {
			n := &directory.Number{Number: fmt.Sprint(10000 + i + k*users), OwnerType: directory.OwnerUser, OwnerID: u.ID}
			snap.Numbers[n.Number] = n
			snap.Rows[u.ID] = append(snap.Rows[u.ID], n.Number)
		}
		for k, typ := range slotTypes()[:3] {
			s := &directory.Slot{ID: fmt.Sprintf("s%d.%d", i, k), UserID: u.ID, Type: typ, Name: string(typ), SIPUsername: fmt.Sprintf("sip%d%d", i, k)}
			snap.Slots[s.ID] = s
			snap.Columns[u.ID] = append(snap.Columns[u.ID], s.ID)
			snap.Ticks[snap.Rows[u.ID][0]] = append(snap.Ticks[snap.Rows[u.ID][0]], s.ID)
		}
	}
	table, err := routing.Compile(routing.Config{})
	if err != nil {
		panic(err)
	}
	return &API{deps: Deps{
		Store: company{snap: snap}, Routing: func() (*routing.Table, routing.Live) { return table, quiet{} }, Bindings: func(string) []Binding { return nil },
	}}
}

// BenchmarkLists asks for pages of a company with 10,000 users, JSON included.
func BenchmarkLists(b *testing.B) {
	a := crowd(10_000)
	admin := withAdmin(b.Context())
	listing := func(filter string) Listing { return Listing{Page: Page{Limit: 100}, Filter: filter} }
	for _, c := range []struct {
		name string
		ask  func() (any, int, error)
	}{
		{"users", func() (any, int, error) {
			return body(a.listUsers(admin, &UsersInput{Listing: listing(""), Sort: "username"}))
		}},
		{"users filtered by name", func() (any, int, error) {
			return body(a.listUsers(admin, &UsersInput{Listing: listing("muller zoe"), Sort: "name"}))
		}},
		{"users by what is registered", func() (any, int, error) {
			return body(a.listUsers(admin, &UsersInput{Listing: listing(""), Sort: "-registered"}))
		}},
		{"slots filtered", func() (any, int, error) {
			return body(a.listSlots(admin, &SlotsInput{Listing: listing("groß desk"), Sort: "user"}))
		}},
		{"numbers filtered", func() (any, int, error) {
			return body(a.listNumbers(admin, &NumbersInput{Listing: listing("mull"), Sort: "owner"}))
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v, total, err := c.ask()
				if err != nil || total == 0 {
					b.Fatal(total, err)
				}
				if _, err := json.Marshal(v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("search", func(b *testing.B) {
		for b.Loop() {
			if out, err := a.search(admin, &searchInput{Query: "muller", Limit: 20}); err != nil || out.Body.Total == 0 {
				b.Fatal(err)
			}
		}
	})
	b.Run("dashboard counts", func(b *testing.B) {
		for b.Loop() {
			if len(a.slotCounts(a.deps.Store.Snapshot())) != 5 {
				b.Fatal("types are missing")
			}
		}
	})
}

func body[T any](out *listOutput[T], err error) (any, int, error) {
	if err != nil {
		return nil, 0, err
	}
	return out.Body, out.Body.Total, nil
}

func withAdmin(ctx context.Context) context.Context {
	return context.WithValue(ctx, identityKey{}, auth.Identity{UserID: "u0", Admin: true})
}
