package cdr_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/cdr"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// reasons is a routing trace of usual length.
const reasons = `[{"c":"caller_first","s":"01JSLOT0000000000000000770","l":"desk","u":"User 77 (user.77)","w":"user.77","n":"2000770"},` +
	`{"c":"row","w":"user.50","n":"2000502","o":"User 50 (user.50)","x":[{"l":"desk"},{"l":"dect"}]},` +
	`{"c":"slot_rings","s":"01JSLOT0000000000000000500","l":"desk","w":"user.50","n":"2000502"}]`

// entered is the record of call i, which is one of 1000 callers' to one of 1000 callees.
func entered(i int, now time.Time) calls.Record {
	caller, callee := i*37%1000, i*91%1000
	return calls.Record{
		ID: fmt.Sprintf("01K%013d%010d", now.UnixMilli(), i), Start: now, Class: "inside",
		From: fmt.Sprintf("200%04d", caller), FromName: fmt.Sprintf("User %d", caller),
		FromUser: fmt.Sprintf("01JUSER%019d", caller), FromSlot: fmt.Sprintf("01JSLOT%019d", caller),
		To: fmt.Sprintf("200%04d", callee), Number: fmt.Sprintf("200%04d", callee), ToUser: fmt.Sprintf("01JUSER%019d", callee),
		SIPCallID: fmt.Sprintf("%d-4711@127.0.0.1", i),
	}
}

func over(r calls.Record, now time.Time) calls.Record {
	r.RingAt, r.AnswerAt, r.End = r.Start.Add(time.Millisecond), r.Start.Add(2*time.Millisecond), now
	r.ToSlot, r.Result, r.Status, r.HangupBy, r.Cause = "01JSLOT0000000000000000500", calls.Answered, 200, "caller", "hung up"
	r.Legs = []calls.Leg{{
		SlotID: r.ToSlot, Contact: "sip:callee@127.0.0.1:5070;transport=udp", Start: r.Start, RingAt: r.RingAt,
		End: r.AnswerAt, Status: 200, Result: "answered",
	}}
	r.Reasons = json.RawMessage(reasons)
	return r
}

// taker is what the shards see of a Writer.
type taker interface {
	Started(r calls.Record)
	Finished(r calls.Record)
}

// nobody takes records and forgets them: what remains is the cost of the benchmark.
type nobody struct{}

func (nobody) Started(calls.Record) {}

func (nobody) Finished(calls.Record) {}

// rate is the number of calls per second in BenchmarkCost.
const rate = 400

// feed makes n calls of 21 ms, evenly in real time, and returns the run time of the
// process meanwhile. A start and an end never come at the same time.
func feed(w taker, n int) time.Duration {
	const up = rate * 20 / 1000
	before := processTime()
	tick := time.NewTicker(time.Second / (2 * rate))
	defer tick.Stop()
	recent := make([]calls.Record, up)
	for i := range n + up {
		now := (<-tick.C).UTC()
		if i >= up {
			w.Finished(over(recent[i%up], now))
		}
		now = (<-tick.C).UTC()
		if i < n {
			recent[i%up] = entered(i, now)
			w.Started(recent[i%up])
		}
	}
	return processTime() - before
}

func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// forgetful is a sink that keeps nothing.
type forgetful struct{}

func (forgetful) InsertRecords(context.Context, []calls.Record) error { return nil }

// BenchmarkCost measures what the record of a call costs in run time (user and system),
// from the shard to the journal alone and to SQLite, at 400 calls per second in real time:
//
//	go test -run '^$' -bench Cost -benchtime 1200x ./internal/cdr
func BenchmarkCost(b *testing.B) {
	b.Run("journal", func(b *testing.B) { benchCost(b, forgetful{}) })
	b.Run("sqlite", func(b *testing.B) { benchCost(b, storetest.Open(b, storetest.Config(b, "sqlite"))) })
}

func benchCost(b *testing.B, sink cdr.Sink) {
	w, err := cdr.New(cdr.Config{Dir: filepath.Join(b.TempDir(), "spool"), Sink: sink, Stage: "/dev/shm"})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	base := feed(nobody{}, b.N)
	begin := processTime()
	feed(w, b.N)
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	cost := processTime() - begin - base
	if n := w.Stats().Written; n != uint64(b.N) {
		b.Fatalf("%d records written of %d", n, b.N)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(cost.Microseconds())/float64(b.N), "µs-cpu/call")
	b.ReportMetric(float64(base.Microseconds())/float64(b.N), "µs-cpu-feeder/call")
}
