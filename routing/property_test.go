package routing

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

// rig makes random configurations, live states and requests. Number and slot IDs
// come from small sets, so that clashes happen.
type rig struct{ *rand.Rand }

func (r rig) pick(of ...string) string { return of[r.IntN(len(of))] }

func (r rig) number() string { return fmt.Sprint(20 + r.IntN(40)) }

func (r rig) user(id int, sloppy bool) User {
	u := User{ID: fmt.Sprint("u", id), Username: fmt.Sprint("user", id), DND: r.IntN(8) == 0}
	for s := range r.IntN(5) {
		u.Slots = append(u.Slots, Slot{
			ID: fmt.Sprintf("u%d/%d", id, s), DND: r.IntN(6) == 0,
			Type: r.pick("desk", "dect", "mobile", "softphone", "ucc"),
		})
	}
	used := map[string]bool{}
	for k := range r.IntN(5) {
		n := Number{
			Number: fmt.Sprint(20 + id*5 + k), CallWaiting: r.IntN(2) == 0, BusyOnAny: r.IntN(3) == 0,
			MaxCalls: r.IntN(3), RingInside: r.pick("", "Bellcore-dr1"), RingOutside: r.pick("", "Bellcore-dr8"),
		}
		if sloppy && r.IntN(10) == 0 {
			n.Number = r.pick(r.number(), "110", "x", "")
		}
		if used[n.Number] {
			continue
		}
		used[n.Number] = true
		for i := range u.Slots {
			if r.IntN(2) == 0 {
				n.Ticked = append(n.Ticked, u.Slots[i].ID)
				if r.IntN(6) == 0 {
					u.Slots[i].DefaultNumber = n.Number
				}
			}
		}
		if sloppy && r.IntN(20) == 0 {
			n.Ticked = append(n.Ticked, r.pick("u0/0", "u1/1", "gone"))
		}
		u.Numbers = append(u.Numbers, n)
	}
	return u
}

type randomLive struct{ rig }

func (l randomLive) SlotCalls(string) int   { return l.IntN(3) / 2 }
func (l randomLive) HuntTurn(string) int    { return l.IntN(100) }
func (l randomLive) NumberCalls(string) int { return l.IntN(3) }
func (l randomLive) Registered(string) bool { return l.IntN(4) > 0 }

func (r rig) request() Request {
	q := Request{Called: r.pick(r.number(), r.number(), r.number(), r.number(), "110", "", "+49 40", "x", "401", "\x00\xff"), PIN: r.IntN(2) == 0}
	q.Caller.Class = Class(r.pick("inside", "inside", "outside", ""))
	q.Caller.SlotID = r.pick(fmt.Sprintf("u%d/%d", r.IntN(8), r.IntN(5)), "gone", "")
	q.Caller.Wanted = r.pick("", r.number(), r.number(), "name")
	q.Caller.Number = r.pick("", "+4966112345")
	return q
}

func ticked(users []User, num, slot string) bool {
	for _, u := range users {
		for _, n := range u.Numbers {
			if n.Number == num {
				return slices.Contains(n.Ticked, slot)
			}
		}
	}
	return false
}

// TestDecideProperties: no plan rings, and no plan shows, what is not ticked; an
// outcome fits its targets; every slot of the owner has exactly one reason.
func TestDecideProperties(t *testing.T) {
	r := rig{rand.New(rand.NewPCG(1, 2))}
	outcomes := map[Outcome]int{}
	for range 300 {
		var c Config
		for i := range 8 {
			c.Users = append(c.Users, r.user(i, false))
		}
		c.Features = []Feature{{Number: "401", OwnerType: OwnerFaxLine, OwnerID: "Fax"}}
		table := mustCompile(t, c)
		for range 100 {
			q := r.request()
			p := table.Decide(q, randomLive{r})
			outcomes[p.Outcome]++
			if (len(p.Targets) > 0) != (p.Outcome == Ring) {
				t.Fatalf("%+v: outcome %s with %d targets", q, p.Outcome, len(p.Targets))
			}
			for _, target := range p.Targets {
				if !ticked(c.Users, p.Number, target.SlotID) {
					t.Fatalf("%+v: rings %s, which is not ticked for %s", q, target.SlotID, p.Number)
				}
				if q.Caller.Class == Inside && target.SlotID == q.Caller.SlotID {
					t.Fatalf("%+v: rings the caller", q)
				}
			}
			if p.CallerNumber != "" && !ticked(c.Users, p.CallerNumber, q.Caller.SlotID) {
				t.Fatalf("%+v: shows %s, which is not ticked for the slot", q, p.CallerNumber)
			}
			checkReasons(t, table, q, p)
		}
	}
	for _, o := range []Outcome{Ring, NoSuchNumber, Busy, NotRegistered, Forbidden, NoRoute, Unsupported} {
		if outcomes[o] == 0 {
			t.Errorf("outcome %s never came up", o)
		}
	}
}

func checkReasons(t *testing.T, table *Table, q Request, p Plan) {
	t.Helper()
	reasons := p.Explain()
	if read, err := ReadTrace(p.Trace()); err != nil || !cmp.Equal(read, reasons) {
		t.Fatalf("the stored trace tells something else (%v): %s", err, cmp.Diff(reasons, read))
	}
	perSlot := map[string]int{}
	for _, reason := range reasons {
		if reason.Code == "" || reason.De == "" || reason.En == "" || strings.ContainsAny(reason.De+reason.En, "{}\x00") {
			t.Fatalf("%+v: reason %+v", q, reason)
		}
		if strings.HasPrefix(reason.Code, "slot_") || reason.Code == "mobile_no_trunk" {
			perSlot[reason.SlotID]++
		}
	}
	if len(reasons) == 0 {
		t.Fatalf("%+v: no reasons", q)
	}
	n, ok := table.numbers.get(p.Number)
	if !ok || n.user == nil || p.Outcome == NoRoute {
		return
	}
	for _, s := range n.user.slots {
		if perSlot[s.id] != 1 {
			t.Fatalf("%+v: slot %s has %d reasons: %+v", q, s.id, perSlot[s.id], reasons)
		}
	}
}

// TestWithEqualsCompile changes a table at random, also into faults, and compares
// it with one compiled from scratch.
func TestWithEqualsCompile(t *testing.T) {
	r := rig{rand.New(rand.NewPCG(3, 4))}
	refused := 0
	for range 100 {
		users := map[int]User{}
		var features []Feature
		table := mustCompile(t, Config{})
		for range 40 {
			next := map[int]User{}
			for i, u := range users {
				next[i] = u
			}
			var changed []User
			var removed []string
			for _, i := range r.Perm(8)[:1+r.IntN(2)] {
				if r.IntN(5) == 0 {
					removed = append(removed, fmt.Sprint("u", i))
					delete(next, i)
					continue
				}
				u := r.user(i, true)
				changed, next[i] = append(changed, u), u
			}
			nextFeatures := features
			var given []Feature
			if r.IntN(4) == 0 {
				given = []Feature{}
				for range r.IntN(3) {
					given = append(given, Feature{Number: r.number(), OwnerType: OwnerFaxLine, OwnerID: "Fax"})
				}
				nextFeatures = given
			}
			whole := Config{Features: nextFeatures}
			for i := range 8 {
				if u, ok := next[i]; ok {
					whole.Users = append(whole.Users, u)
				}
			}
			want, wantErr := Compile(whole)
			got, err := table.With(Change{Users: changed, Removed: removed, Features: given})
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("With: %v\nCompile: %v", err, wantErr)
			}
			if err != nil {
				refused++
				continue
			}
			compare(t, want, got)
			table, users, features = got, next, nextFeatures
		}
	}
	if refused < 100 {
		t.Errorf("only %d changes were refused", refused)
	}
}

// each calls f for all entries in no order.
func (x *index[V]) each(f func(key string, v V)) {
	for _, m := range x.shards {
		for k, v := range m {
			f(k, v)
		}
	}
}

func compare(t *testing.T, want, got *Table) {
	t.Helper()
	wu, wn, ws := want.Size()
	if gu, gn, gs := got.Size(); gu != wu || gn != wn || gs != ws || len(want.features) != len(got.features) {
		t.Fatalf("sizes: want %d %d %d, got %d %d %d", wu, wn, ws, gu, gn, gs)
	}
	numbers := 0
	want.numbers.each(func(num string, _ *number) {
		numbers++
		w, _ := want.Number(num)
		if g, ok := got.Number(num); !ok || !cmp.Equal(w, g) {
			t.Fatalf("number %s: %s", num, cmp.Diff(w, g))
		}
		for _, class := range []Class{Inside, Outside} {
			q := Request{Called: num, Caller: Caller{Class: class, SlotID: "u1/0"}}
			w, g := want.Decide(q, allFree{}), got.Decide(q, allFree{})
			if !cmp.Equal(w.Explain(), g.Explain()) || !cmp.Equal(w.Targets, g.Targets) || w.Shown != g.Shown {
				t.Fatalf("%+v decides differently", q)
			}
		}
	})
	want.slots.each(func(id string, _ *slot) {
		w, _ := want.Slot(id)
		if g, ok := got.Slot(id); !ok || !cmp.Equal(w, g) {
			t.Fatalf("slot %s: %s", id, cmp.Diff(w, g))
		}
	})
	if numbers != wn {
		t.Fatalf("size %d, but %d numbers", wn, numbers)
	}
}

// TestWithLeavesTheOldTable: a table that is in use does not change.
func TestWithLeavesTheOldTable(t *testing.T) {
	old := mustCompile(t, company(50))
	u := member(7)
	u.Numbers = u.Numbers[:1]
	u.Slots[0].DND = true
	changed, err := old.With(Change{
		Users: []User{u}, Removed: []string{member(8).ID}, Features: []Feature{{Number: "999", OwnerType: OwnerFaxLine, OwnerID: "x"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, mustCompile(t, company(50)), old)
	if _, ok := changed.Number(member(8).Numbers[0].Number); ok {
		t.Error("removed user still has a number")
	}
	if _, ok := old.Number("999"); ok {
		t.Error("old table has a new feature")
	}
	both, err := changed.With(Change{Features: []Feature{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := both.Number("999"); ok {
		t.Error("feature was not removed")
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := Compile(Config{
		Settings: Settings{RingTimeout: -1},
		Users: []User{
			{ID: "1", Username: "a", Slots: []Slot{
				{ID: "s", Type: "desk", DefaultNumber: "21"},
				{ID: "s", Type: "fridge"},
				{Type: "dect"},
				{ID: "m", Type: "mobile", Mobile: "0171"},
			}, Numbers: []Number{
				{Number: "20", Ticked: []string{"s", "s", "x", "t"}, MaxCalls: -1, RingInside: "loud", RingOutside: "Bellcore-dr0"},
				{Number: "112"},
				{Number: "2 0"},
			}},
			{ID: "2", Slots: []Slot{{ID: "t", Type: "dect"}}, Numbers: []Number{{Number: "20"}}},
			{ID: "2", Username: "c"},
			{Username: "d"},
		},
		Features: []Feature{{Number: "20", OwnerType: OwnerFaxLine}, {Number: ""}},
	})
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("error %v", err)
	}
	var got []string
	for _, f := range faults {
		got = append(got, f.Path+" "+f.Code)
	}
	want := []string{
		"settings.ring_timeout ring_timeout",
		"users[a].slots[s].type slot_type", "users[a].slots[s].id slot_taken",
		"users[a].slots[].id slot_id", "users[a].slots[m].mobile_number mobile",
		"users[c].id user_taken", "users[d].id user_id",
		"users[a].numbers[20].max_calls max_calls", "users[a].numbers[20].ring_inside alert", "users[a].numbers[20].ring_outside alert",
		"users[a].numbers[20].ticked[1] tick_twice", "users[a].numbers[20].ticked[2] tick_unknown", "users[a].numbers[20].ticked[3] tick_foreign",
		"users[a].numbers[112].number emergency", "users[a].numbers[2 0].number number_invalid",
		"users[a].slots[s].default_number default_number",
		"users[2].numbers[20].number number_taken",
		"features[20].number number_taken", "features[1].owner_type owner_type", "features[1].number number_invalid",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("faults (-want +got):\n%s", d)
	}
}

func TestLookup(t *testing.T) {
	table := mustCompile(t, Config{Users: []User{{
		ID: "1", Username: "a", DisplayName: "A", Slots: []Slot{{ID: "s", Type: "desk"}, {ID: "t", Type: "dect"}},
		Numbers: []Number{{Number: "20", Ticked: []string{"t", "s"}}, {Number: "21", Ticked: []string{"t"}}, {Number: "22"}},
	}}, Features: []Feature{{Number: "40", OwnerType: OwnerFaxLine, OwnerID: "f"}}})
	for from, want := range map[string]Caller{
		"20":     {Class: Inside, UserID: "1", SlotID: "s", Wanted: "20"},
		"2-1":    {Class: Inside, UserID: "1", SlotID: "t", Wanted: "21"},
		"22":     {Class: Inside, UserID: "1", Wanted: "22"},
		"40":     {Class: Outside, Number: "40"},
		"+49401": {Class: Outside, Number: "+49401"},
	} {
		if got := table.CallerFrom(from); got != want {
			t.Errorf("CallerFrom(%s): %+v", from, got)
		}
	}
	s, _ := table.Slot("t")
	if d := cmp.Diff(SlotInfo{ID: "t", Type: "dect", UserID: "1", Username: "a", Numbers: []string{"20", "21"}, Default: "20"}, s); d != "" {
		t.Error(d)
	}
	n, _ := table.Number("20")
	if d := cmp.Diff(NumberInfo{Number: "20", OwnerType: "user", OwnerID: "1", DisplayName: "A", Ticked: []string{"s", "t"}}, n); d != "" {
		t.Error(d)
	}
	if _, ok := table.Slot("x"); ok {
		t.Error("unknown slot found")
	}
}

// countingLive fails when it is asked more than the Live contract allows.
type countingLive struct {
	numbers int
	slots   map[string]int
}

func (l *countingLive) SlotCalls(id string) int { l.slots["c"+id]++; return 0 }
func (l *countingLive) HuntTurn(string) int     { return 0 }
func (l *countingLive) NumberCalls(string) int  { l.numbers++; return 0 }
func (l *countingLive) Registered(id string) bool {
	l.slots["r"+id]++
	return true
}

func TestLiveIsAskedOnce(t *testing.T) {
	u := member(1)
	u.Numbers[1].MaxCalls = 5
	table := mustCompile(t, Config{Users: []User{u}})
	l := &countingLive{slots: map[string]int{}}
	table.Decide(Request{Called: u.Numbers[1].Number}, l)
	if l.numbers != 1 {
		t.Errorf("NumberCalls was asked %d times", l.numbers)
	}
	for k, n := range l.slots {
		if n != 1 {
			t.Errorf("%s was asked %d times", k, n)
		}
	}
}

func FuzzDialled(f *testing.F) {
	corpus.Add(f)
	for _, s := range []string{"416", "+49 (40) 669-401", "x", "", "+", "4+1", strings.Repeat("1", 33)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := Dialled(s)
		if !ok && n != "" {
			t.Errorf("%q: %q with false", s, n)
		}
		if !ok {
			return
		}
		if len(n) > maxDialled || !digits(strings.TrimPrefix(n, "+")) {
			t.Errorf("%q gives %q", s, n)
		}
		if again, ok := Dialled(n); !ok || again != n {
			t.Errorf("%q is not stable: %q", n, again)
		}
	})
}
