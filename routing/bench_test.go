package routing

import (
	"fmt"
	"runtime"
	"testing"
)

// company is a made-up configuration of n users with three numbers and three slots.
func company(n int) Config {
	var c Config
	for i := range n {
		c.Users = append(c.Users, member(i))
	}
	return c
}

func member(i int) User {
	id := fmt.Sprintf("01JUSER%019d", i)
	u := User{ID: id, Username: fmt.Sprintf("user.%d", i), DisplayName: fmt.Sprintf("User %d", i)}
	for s, typ := range []string{"desk", "dect", "softphone"} {
		u.Slots = append(u.Slots, Slot{ID: fmt.Sprintf("01JSLOT%018d%d", i, s), Type: typ, Name: typ})
	}
	for k := range 3 {
		u.Numbers = append(u.Numbers, Number{
			Number: fmt.Sprintf("2%05d%d", i, k), BusyOnAny: k == 1, CallWaiting: k == 2,
			Ticked: []string{u.Slots[0].ID, u.Slots[1+k%2].ID},
		})
	}
	return u
}

type allFree struct{}

func (allFree) SlotCalls(string) int   { return 0 }
func (allFree) NumberCalls(string) int { return 0 }
func (allFree) HuntTurn(string) int    { return 0 }
func (allFree) Registered(string) bool { return true }

func mustCompile(tb testing.TB, c Config) *Table {
	tb.Helper()
	t, err := Compile(c)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func BenchmarkDecide(b *testing.B) {
	t := mustCompile(b, company(10_000))
	r := Request{Called: "2050002", Caller: Caller{Class: Inside, SlotID: member(77).Slots[0].ID}}
	if p := t.Decide(r, allFree{}); p.Outcome != Ring || len(p.Targets) != 2 {
		b.Fatalf("%+v", p)
	}
	b.Run("decide", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			t.Decide(r, allFree{})
		}
	})
	b.Run("explain", func(b *testing.B) {
		b.ReportAllocs()
		p := t.Decide(r, allFree{})
		for b.Loop() {
			p.Explain()
		}
	})
}

func BenchmarkCompile10000(b *testing.B) {
	c := company(10_000)
	b.ReportAllocs()
	for b.Loop() {
		mustCompile(b, c)
	}
}

func BenchmarkWith10000(b *testing.B) {
	t := mustCompile(b, company(10_000))
	changed := []User{member(4711)}
	runtime.GC()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		changed[0].DND = i%2 == 0
		var err error
		if t, err = t.With(Change{Users: changed}); err != nil {
			b.Fatal(err)
		}
	}
}
