package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// personCalls checks to whom calls belong, and what they were to them.
func personCalls(t *testing.T, database string) {
	f := newFixture(t, database)
	var bert, carla string
	var bertSlots, carlaSlots []string
	f.update(func(tx *store.Tx) (err error) {
		if bert, bertSlots, err = person(tx, "bert", []string{"21"}, directory.Desk); err == nil {
			carla, carlaSlots, err = person(tx, "carla", []string{"31"}, directory.Desk)
		}
		return err
	})
	leg := func(slots []string, result string) calls.Leg { return calls.Leg{SlotID: slots[0], Result: result} }
	who := map[string]string{f.anna: "anna", bert: "bert", carla: "carla"}
	tests := []struct {
		name string
		edit func(*calls.Record)
		want []string // "person direction"
	}{
		{"answered", func(c *calls.Record) { c.FromUser, c.ToUser, c.Result = f.anna, bert, calls.Answered }, []string{"anna out", "bert in"}},
		{"from outside, nobody there", func(c *calls.Record) {
			c.FromUser, c.ToUser, c.Result, c.AnswerAt = "", bert, calls.NoAnswer, time.Time{}
		}, []string{"bert missed"}},
		{"answered elsewhere", func(c *calls.Record) {
			c.FromUser, c.ToUser, c.Legs = "", carla, []calls.Leg{leg(f.slots, "elsewhere"), leg(carlaSlots, "answered")}
		}, []string{"anna elsewhere", "carla in"}},
		{"forwarded after no answer and taken", func(c *calls.Record) {
			c.FromUser, c.ToUser, c.Forwards = f.anna, carla, []calls.Forward{{From: "21", To: "31", Why: "no_answer"}}
			c.Legs = []calls.Leg{leg(bertSlots, "cancelled"), leg(carlaSlots, "answered")}
		}, []string{"anna out", "bert forwarded", "carla in"}},
		{"forwarded after no answer, and nobody there either", func(c *calls.Record) {
			c.FromUser, c.ToUser, c.Result, c.AnswerAt = "", carla, calls.NoAnswer, time.Time{}
			c.Forwards = []calls.Forward{{From: "21", To: "31", Why: "no_answer"}}
			c.Legs = []calls.Leg{leg(bertSlots, "cancelled"), leg(carlaSlots, "cancelled")}
		}, []string{"bert missed", "carla missed"}},
		{"sent on at once, nobody there", func(c *calls.Record) {
			c.FromUser, c.ToUser, c.Result, c.AnswerAt = "", carla, calls.NoAnswer, time.Time{}
			c.Forwards = []calls.Forward{{From: "21", To: "31", Why: "always"}}
		}, []string{"bert forwarded", "carla missed"}},
		{"forwarded outside", func(c *calls.Record) {
			c.FromUser, c.ToUser, c.Forwards = f.anna, bert, []calls.Forward{{From: "21", To: "+4930123", Why: "busy"}}
		}, []string{"anna out", "bert in"}},
		{"declined", func(c *calls.Record) {
			c.FromUser, c.ToUser, c.Result, c.AnswerAt = "", bert, calls.Declined, time.Time{}
			c.Legs = []calls.Leg{leg(bertSlots, "declined"), leg(carlaSlots, "cancelled")}
		}, []string{"bert in", "carla missed"}},
		{"refused before it rang", func(c *calls.Record) {
			c.FromUser, c.ToUser, c.Result, c.AnswerAt = f.anna, bert, calls.Rejected, time.Time{}
		}, []string{"anna out"}},
		{"hunt group, nobody there", func(c *calls.Record) {
			c.FromUser, c.ToUser, c.Result, c.AnswerAt = "", "", calls.NoAnswer, time.Time{}
			c.Legs = []calls.Leg{leg(bertSlots, "timeout"), leg(carlaSlots, "timeout"), leg(bertSlots, "timeout")}
		}, []string{"bert missed", "carla missed"}},
		{"oneself", func(c *calls.Record) { c.FromUser, c.ToUser = f.anna, f.anna }, []string{"anna out"}},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := Record(i)
			c.AnswerAt, c.Result, c.Forwards, c.Legs = c.Start.Add(time.Second), calls.Answered, nil, nil
			test.edit(&c)
			insert(t, f.st, begun(c))
			insert(t, f.st, c)
			insert(t, f.st, c)
			var got []string
			for id, name := range who {
				page, _, err := f.st.ListPersonCalls(t.Context(), store.PersonFilter{UserID: id})
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range page {
					if p.Record.ID == c.ID {
						got = append(got, name+" "+string(p.Direction))
					}
				}
			}
			if slices.Sort(got); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// personPages checks pages, the directions asked for, and what has been seen.
func personPages(t *testing.T, database string) {
	f := newFixture(t, database)
	var all []calls.Record
	for i := range 250 {
		c := Record(i)
		c.FromUser, c.ToUser, c.Forwards, c.Legs = "", f.anna, nil, nil
		if c.AnswerAt, c.Result = c.Start, calls.Answered; i%5 == 0 {
			c.AnswerAt, c.Result = time.Time{}, calls.NoAnswer
		}
		all = append(all, c)
	}
	insert(t, f.st, all...)
	walk := func(filter store.PersonFilter) (got []store.PersonCall) {
		t.Helper()
		for filter.UserID, filter.Limit = f.anna, 70; ; {
			page, next, err := f.st.ListPersonCalls(t.Context(), filter)
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, page...); next == "" {
				return got
			}
			filter.Cursor = next
		}
	}
	if got := walk(store.PersonFilter{}); len(got) != 250 || got[0].Record.ID != all[249].ID || got[249].Record.ID != all[0].ID {
		t.Errorf("got %d calls, want 250, newest first", len(got))
	}
	missed := walk(store.PersonFilter{Direction: store.CallMissed})
	if len(missed) != 50 || !missed[0].Unseen || missed[0].Record.ID != all[245].ID {
		t.Errorf("got %d missed calls, want 50 unseen ones", len(missed))
	}
	unseen := func(want int) {
		t.Helper()
		if got, err := f.st.UnseenCalls(t.Context(), f.anna); err != nil || got != want {
			t.Errorf("unseen: got %d, %v, want %d", got, err, want)
		}
	}
	unseen(50)
	for _, id := range []string{all[200].ID, all[100].ID} { // the second takes nothing back
		if err := f.st.SeeCalls(t.Context(), f.anna, id); err != nil {
			t.Fatal(err)
		}
		unseen(9)
	}
	if got := walk(store.PersonFilter{Direction: store.CallMissed}); !got[8].Unseen || got[9].Unseen {
		t.Errorf("the ninth missed call has been seen, or the tenth has not: %v", got[8:10])
	}
	if err := f.st.SeeCalls(t.Context(), f.anna, "none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a record that does not exist: %v", err)
	}
	if _, _, err := f.st.ListPersonCalls(t.Context(), store.PersonFilter{UserID: f.anna, Cursor: "x"}); err == nil {
		t.Error("a wrong cursor is accepted")
	}
	f.update(func(tx *store.Tx) error { _, err := tx.DeleteUser(f.anna, 0); return err })
	if got := walk(store.PersonFilter{}); len(got) != 0 {
		t.Errorf("the list of a user who is gone holds %d calls", len(got))
	}
	if got, err := f.st.GetRecord(t.Context(), all[0].ID); err != nil || got.ToUser != f.anna {
		t.Errorf("the record went with the user: %s %v", fmt.Sprint(got.ID), err)
	}
}
