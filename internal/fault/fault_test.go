package fault

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestGuard(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fn    func()
		after int
		n     uint64
	}{
		{"nothing happens", func() {}, 0, 0},
		{"an error", func() { panic(errors.New("boom")) }, 1, 1},
		{"an index", func() { var s []int; _ = s[len(s)] }, 1, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, after := New(nil), 0
			l.Guard("here", tc.fn, func() { after++ })()
			if after != tc.after || l.Counts()["here"] != tc.n {
				t.Errorf("%d afterwards, counted %v", after, l.Counts())
			}
		})
	}
	t.Run("what follows fails too", func(t *testing.T) {
		l, last := New(nil), false
		l.Guard("here", func() { panic(1) }, func() { panic(2) }, func() { last = true })()
		if !last || l.Counts()["here"] != 2 {
			t.Errorf("last %v, counted %v", last, l.Counts())
		}
	})
}

func TestMend(t *testing.T) {
	l := New(nil)
	func() {
		defer l.Mend("there")
		panic("boom")
	}()
	if l.Counts()["there"] != 1 {
		t.Error(l.Counts())
	}
}

// TestKeep starts a service that fails again and again, in virtual time.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, runs, mends := New(nil), 0, 0
		began := time.Now()
		l.Keep(t.Context(), "service", func() {
			if runs++; runs <= 10 {
				panic("boom")
			}
		}, func() { mends++ })()
		if runs != 11 || mends != 10 || l.Counts()["service"] != 10 {
			t.Errorf("%d runs, %d mends, counted %v", runs, mends, l.Counts())
		}
		// 10, 20, 40 … 640 ms, then a second each.
		if took := time.Since(began); took < 4*time.Second || took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestKeepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		runs := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			New(nil).Keep(ctx, "service", func() { runs++; panic("boom") })()
		}()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		before := runs
		cancel()
		<-done
		if before < 9 || runs > before+1 {
			t.Errorf("%d runs, %d after the end", before, runs)
		}
	})
}

// TestLinesAreBounded lets a peer cause faults at will, in two places.
func TestLinesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := New(slog.New(slog.NewTextHandler(&out, nil)))
		for range 100 {
			l.Guard("one", func() { panic(strings.Repeat("x", 1<<20)) })()
			l.Guard("two", func() { panic("y") })()
			time.Sleep(25 * time.Millisecond)
		}
		if n := strings.Count(out.String(), "place=one"); n != 3 {
			t.Errorf("%d lines in 2.5 s", n)
		}
		if n := strings.Count(out.String(), "place=two"); n != 3 {
			t.Errorf("%d lines of the other place", n)
		}
		if out.Len() > 64<<10 {
			t.Errorf("%d bytes", out.Len())
		}
		if c := l.Counts(); c["one"] != 100 || c["two"] != 100 {
			t.Errorf("counted %v", c)
		}
	})
}
