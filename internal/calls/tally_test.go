package calls

import (
	"sync"
	"testing"
	"time"
)

func TestTally(t *testing.T) {
	var tally Tally
	now := time.Date(2026, 11, 27, 12, 7, 0, 0, time.UTC)
	for _, c := range []struct {
		ago    time.Duration
		result Result
	}{
		{0, Answered},
		{time.Minute, NoAnswer},
		{time.Minute, Busy},
		{8 * time.Minute, Failed}, // the step before
		{24 * time.Hour, Cancelled},
		{25 * time.Hour, Answered}, // too long ago: its place is taken by the step of an hour later, or is not asked for
	} {
		tally.Add(now.Add(-c.ago), c.result)
	}
	tally.Add(time.Time{}, Answered)
	got := tally.Last(now)
	if len(got) != 97 {
		t.Fatalf("%d steps", len(got))
	}
	at := func(hour, minute, day int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, time.UTC) }
	want := map[int]Count{
		96: {at(12, 0, 27), 1, 2, 0},
		95: {at(11, 45, 27), 0, 0, 1},
		0:  {at(12, 0, 26), 0, 1, 0},
	}
	for i, c := range got {
		if w, ok := want[i]; ok && c != w {
			t.Errorf("step %d: got %+v, want %+v", i, c, w)
		} else if !ok && (c.Answered != 0 || c.Missed != 0 || c.Failed != 0) {
			t.Errorf("step %d: got %+v, want none", i, c)
		}
	}
	for _, c := range tally.Last(now.Add(48 * time.Hour)) {
		if c.Answered != 0 || c.Missed != 0 || c.Failed != 0 {
			t.Errorf("two days later: %+v", c)
		}
	}
}

func TestTallyAtOnce(t *testing.T) {
	var tally Tally
	begin := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 2000 {
				tally.Add(begin.Add(time.Duration(i)*time.Second), Answered)
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, c := range tally.Last(begin.Add(2000 * time.Second)) {
		sum += c.Answered
	}
	if sum != 16000 {
		t.Errorf("%d calls counted, want 16000", sum)
	}
}
