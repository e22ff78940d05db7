package calendar_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

func BenchmarkAt(b *testing.B) {
	c := compile(b, office)
	for _, bench := range []struct{ what, at string }{
		{"plain", "2026-11-30T13:00:00+01:00"},
		{"near Easter", "2026-04-14T13:00:00+02:00"},
		{"near a clock change", "2026-10-25T02:30:00+01:00"},
		{"far away", "2070-10-15T13:00:00+01:00"},
	} {
		b.Run(bench.what, func(b *testing.B) {
			at := instant(b, bench.at)
			b.ReportAllocs()
			for b.Loop() {
				c.At(at)
			}
		})
	}
}

func TestAtDoesNotAllocate(t *testing.T) {
	c := compile(t, office)
	for _, text := range []string{"2026-11-30T13:00:00+01:00", "2026-10-25T02:30:00+01:00", "2070-10-26T02:30:00+01:00"} {
		at := instant(t, text)
		if n := testing.AllocsPerRun(100, func() { c.At(at); c.Next(at); c.Holiday(at) }); n != 0 {
			t.Errorf("at %s there are %g allocations", text, n)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	run := func(what string, c *calendar.Calendar, at time.Time) {
		b.Run(what, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Next(at)
			}
		})
	}
	run("over the weekend", compile(b, office), instant(b, "2026-11-27T13:00:00+01:00"))
	run("over a clock change", compile(b, office), instant(b, "2026-10-23T13:00:00+02:00"))
	never := calendar.Spec{Zone: "Europe/Berlin", State: "BY", Own: []calendar.Holiday{{Date: calendar.Date{Year: 1999, Month: 1, Day: 1}}}}
	for range 200 {
		never.Entries = append(never.Entries, calendar.Entry{Last: &calendar.Date{Year: 2000, Month: 1, Day: 1}, Holidays: "not", From: 480, To: 1020})
	}
	few := never
	few.Entries = never.Entries[:6]
	for what, s := range map[string]calendar.Spec{"never, 6 entries": few, "never, 200 entries": never} {
		c, ps := calendar.Compile(s)
		if ps != nil {
			b.Fatal(ps)
		}
		run(what, c, instant(b, "2026-11-27T13:00:00+01:00"))
	}
}

func BenchmarkCompile(b *testing.B) {
	var s calendar.Spec
	if err := json.Unmarshal([]byte(office), &s); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		calendar.Compile(s)
	}
}
