package calls

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestLiveCounts(t *testing.T) {
	l := NewLive()
	l.AddNumber("416")
	l.AddNumber("416")
	l.AddSlot("desk")
	l.AddSlot("")
	l.AddNumber("")
	if l.NumberCalls("416") != 2 || l.SlotCalls("desk") != 1 || l.SlotCalls("416") != 0 || l.NumberCalls("") != 0 {
		t.Error("wrong counts")
	}
	l.RemoveNumber("416")
	slots, numbers := l.Left()
	if len(slots) != 1 || numbers["416"] != 1 {
		t.Errorf("left: %v %v", slots, numbers)
	}
	l.RemoveNumber("416")
	l.RemoveSlot("desk")
	if slots, numbers = l.Left(); len(slots)+len(numbers) != 0 {
		t.Errorf("left: %v %v", slots, numbers)
	}
	l.RemoveSlot("desk")
	if slots, _ = l.Left(); slots["desk"] != -1 {
		t.Errorf("one Remove too many stays unseen: %v", slots)
	}
}

// TestReserve: of many callers who come at once, exactly one passes busy-on-any.
func TestReserve(t *testing.T) {
	l := NewLive()
	for range 100 {
		var passed atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				l.WithNumber("416", func() {
					if l.NumberCalls("416") == 0 {
						l.AddNumber("416")
						passed.Add(1)
					}
				})
			})
		}
		wg.Wait()
		if passed.Load() != 1 {
			t.Fatalf("%d callers passed", passed.Load())
		}
		l.RemoveNumber("416")
	}
}

func TestLiveIsSafe(t *testing.T) {
	l := NewLive()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				key := fmt.Sprint((i*7 + g) % 50)
				l.AddNumber(key)
				l.AddSlot(key)
				l.NumberCalls(key)
				l.RemoveSlot(key)
				l.RemoveNumber(key)
			}
		})
	}
	wg.Wait()
	if slots, numbers := l.Left(); len(slots)+len(numbers) != 0 {
		t.Errorf("left: %v %v", slots, numbers)
	}
}

type registered string

func (r registered) Registered(id string) bool { return id == string(r) }

func TestLiveState(t *testing.T) {
	s := LiveState{Live: NewLive(), Registrations: registered("desk")}
	s.AddSlot("desk")
	if !s.Registered("desk") || s.Registered("dect") || s.SlotCalls("desk") != 1 {
		t.Error("state does not join counts and registrations")
	}
}

func TestTable(t *testing.T) {
	table := NewTable()
	var hung []string
	for i := range 25 {
		c := Call{ID: fmt.Sprintf("01J%03d", i), State: Routing, Ringing: []string{"desk"}}
		table.Put(c, func(cause string) { hung = append(hung, c.ID+" "+cause) })
		c.Ringing[0] = "changed"
	}
	var ids []string
	cursor := ""
	for page := 0; ; page++ {
		calls, next := table.List(cursor, 10)
		for _, c := range calls {
			ids = append(ids, c.ID)
		}
		if next == "" {
			break
		}
		cursor = next
		if page == 0 { // the call at the cursor ends, another begins
			table.Remove(cursor)
			table.Put(Call{ID: "01J999"}, nil)
		}
	}
	if len(ids) != 25 || !slices.IsSortedFunc(ids, func(a, b string) int { return -compare(a, b) }) {
		t.Errorf("pages: %v", ids)
	}
	c, ok := table.Get("01J003")
	if !ok || c.Ringing[0] != "desk" {
		t.Errorf("%+v", c)
	}
	c.Ringing[0] = "x"
	c.State = Up
	table.Update(c)
	if c, _ = table.Get("01J003"); c.State != Up || c.Ringing[0] != "x" {
		t.Errorf("after update: %+v", c)
	}
	if !table.Hangup("01J003", "by admin") || table.Hangup("01J999", "") || table.Hangup("nobody", "") || !slices.Equal(hung, []string{"01J003 by admin"}) {
		t.Errorf("hung up: %v", hung)
	}
	if n := table.HangupAll("stop"); n != 24 || len(hung) != 25 {
		t.Errorf("HangupAll: %d, %d", n, len(hung))
	}
	table.Remove("01J003")
	table.Update(c)
	if _, ok := table.Get("01J003"); ok {
		t.Error("update brought a removed call back")
	}
	for _, id := range append(ids, "01J999") {
		table.Remove(id)
	}
	if left, _ := table.List("", 10); table.Len() != 0 || len(left) != 0 {
		t.Errorf("%d calls left: %v", table.Len(), left)
	}
}

func compare(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func TestBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Bus
		if b.Active() || b.Queues() != nil {
			t.Error("a bus without readers is active")
		}
		b.Publish(Event{Type: CallStarted})
		fast, slow := b.Subscribe("fast", 10), b.Subscribe("slow", 2)
		for i := range 5 {
			b.Publish(Event{Type: CallStarted, Revision: int64(i)})
		}
		slow.Cancel()
		slow.Cancel()
		b.Publish(Event{Type: CallEnded, Revision: 5})
		var got []int64
		for e := range slow.C {
			got = append(got, e.Revision)
		}
		if !slices.Equal(got, []int64{0, 1}) || slow.Dropped() != 3 {
			t.Errorf("slow reader: %v, %d lost", got, slow.Dropped())
		}
		if q := b.Queues(); len(q) != 1 || q[0] != (Queue{Name: "fast", Len: 6, Cap: 10}) {
			t.Errorf("queues: %+v", q)
		}
		var n int
		go func() {
			for range fast.C {
				n++
			}
		}()
		synctest.Wait()
		fast.Cancel()
		synctest.Wait()
		if n != 6 || fast.Dropped() != 0 || b.Active() {
			t.Errorf("fast reader: %d events", n)
		}
	})
}

func TestBusIsSafe(t *testing.T) {
	var b Bus
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 2000 {
				b.Publish(Event{Type: CallStarted})
			}
		})
		wg.Go(func() {
			for range 100 {
				s := b.Subscribe("r", 1)
				s.Cancel()
				for range s.C {
				}
			}
		})
	}
	wg.Wait()
}

func TestPublishDoesNotAllocate(t *testing.T) {
	var b Bus
	e := Event{Type: CallStarted}
	if n := testing.AllocsPerRun(100, func() { b.Publish(e) }); n != 0 {
		t.Errorf("%v allocations without a reader", n)
	}
	b.Subscribe("full", 1)
	if n := testing.AllocsPerRun(100, func() { b.Publish(e) }); n > 1 {
		t.Errorf("%v allocations with a reader", n)
	}
}

func BenchmarkLive(b *testing.B) {
	l := NewLive()
	b.ReportAllocs()
	for b.Loop() {
		l.WithNumber("416", func() {
			if l.NumberCalls("416") == 0 {
				l.AddNumber("416")
			}
		})
		l.AddSlot("01J0000000000000000000DESK")
		l.RemoveSlot("01J0000000000000000000DESK")
		l.RemoveNumber("416")
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, readers := range []int{0, 3} {
		b.Run(fmt.Sprint(readers), func(b *testing.B) {
			var bus Bus
			for range readers {
				s := bus.Subscribe("r", 1024)
				go func() {
					for range s.C {
					}
				}()
				b.Cleanup(s.Cancel)
			}
			b.ReportAllocs()
			for b.Loop() {
				bus.Publish(Event{Type: CallStarted})
			}
		})
	}
}

func TestOver(t *testing.T) {
	table := NewTable()
	show := func(number string) (got string) {
		for _, o := range table.Over(nil, number, 10) {
			got += fmt.Sprintf("%s/%d/%s ", o.Call.ID, o.Side, o.Call.State)
		}
		return got
	}
	var told []string
	table.OnNumber(func(n string) { told = append(told, n) })
	table.Put(Call{ID: "1", State: Routing, CallerNumber: "417", Number: "416"}, nil)
	table.Put(Call{ID: "2", State: Ringing, CallerNumber: "416", Number: "416"}, nil)
	table.Put(Call{ID: "3", State: Up}, nil)
	if got := show("416"); got != "2/1/ringing 2/0/ringing 1/1/routing " {
		t.Errorf("over 416: %q", got)
	}
	table.Update(Call{ID: "1", State: Up, CallerNumber: "418", Number: "416"})
	if got := show("417") + "|" + show("418"); got != "|1/0/up " {
		t.Errorf("after the caller has changed: %q", got)
	}
	table.Put(Call{ID: "2", State: Up, Number: "419"}, nil)
	if got := show("416") + "|" + show("419"); got != "1/1/up |2/1/up " {
		t.Errorf("after a call was replaced: %q", got)
	}
	table.Remove("1")
	table.Remove("2")
	table.Remove("2")
	if got := show("416") + show("418") + show("419"); got != "" || len(table.numbers.stripes[stripe("416")].first) != 0 {
		t.Errorf("left: %q", got)
	}
	want := []string{"416", "417", "416", "416", "417", "416", "418", "416", "419", "416", "418", "419"}
	if !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
	table.OnNumber(nil)
	if got := table.Over(nil, "416", 0); got != nil {
		t.Errorf("%v", got)
	}
}

// TestOverFurtherNumbers: a call is found at all numbers at which it rings, and told of exactly to those.
func TestOverFurtherNumbers(t *testing.T) {
	steps := []struct {
		name string
		call Call
		over string // numbers at which it is found as called
		told string
	}{
		{"a hunt group rings", Call{Number: "500", Also: []string{"416", "417"}}, "416 417 500", "416 417 500"},
		{"a member has declined", Call{Number: "500", Also: []string{"417"}}, "417 500", "416 417 500"},
		{"the next turn", Call{Number: "500", Also: []string{"417", "418", "418", "500"}}, "417 418 500", "417 418 500"},
		{"a member answers", Call{Number: "500", Also: []string{"418"}}, "418 500", "417 418 500"},
		{"picked up by one of them", Call{Number: "418"}, "418", "418 500"},
		{"its number rings as well now", Call{Number: "419", Also: []string{"418", "420"}}, "418 419 420", "418 419 420"},
		{"and goes", Call{Number: "420"}, "420", "418 419 420"},
	}
	table := NewTable()
	told := map[string]bool{}
	table.OnNumber(func(n string) { told[n] = true })
	found := func() string {
		var over []string
		for _, n := range []string{"416", "417", "418", "419", "420", "500"} {
			if o := table.Over(nil, n, 10); len(o) == 1 && o[0].Side == CalleeSide {
				over = append(over, n)
			} else if len(o) != 0 {
				t.Errorf("over %s: %v", n, o)
			}
		}
		return strings.Join(over, " ")
	}
	for i, s := range steps {
		clear(told)
		if s.call.ID = "1"; i == 0 {
			table.Put(s.call, nil)
		} else {
			table.Update(s.call)
		}
		if got := found(); got != s.over {
			t.Errorf("%s: over %s, want %s", s.name, got, s.over)
		}
		if got := strings.Join(slices.Sorted(maps.Keys(told)), " "); got != s.told {
			t.Errorf("%s: told %s, want %s", s.name, got, s.told)
		}
	}
	table.Update(Call{ID: "1", Number: "500", Also: []string{"416"}})
	table.Remove("1")
	if got := found(); got != "" {
		t.Errorf("left at %s", got)
	}
}

// TestOverIsSafe: shards write while lamps read.
func TestOverIsSafe(t *testing.T) {
	table := NewTable()
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			for range 1000 {
				c := Call{ID: fmt.Sprint(i), State: Routing, Number: "500", Also: []string{"416"}, CallerNumber: "417", Ringing: []string{"desk"}}
				table.Put(c, nil)
				c.State, c.CallerNumber = Up, "418"
				table.Update(c)
				c.Number, c.Also = "416", nil
				table.Update(c)
				table.Remove(c.ID)
			}
		})
		wg.Go(func() {
			for range 1000 {
				for _, o := range table.Over(nil, "416", 10) {
					if o.Side != CalleeSide || len(o.Call.Ringing) != 1 {
						t.Errorf("%+v", o)
					}
				}
			}
		})
	}
	wg.Wait()
}
