package cdr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/internal/fault"
)

// fakeSink keeps records as a database would: by ID, the first one stays.
type fakeSink struct {
	mu      sync.Mutex
	records map[string]calls.Record
	order   []string
	batches int
	away    bool                    // refuse everything
	bad     map[string]bool         // refuse batches with these IDs
	after   error                   // fail after having stored
	hook    func(rs []calls.Record) // called without the lock
}

var errAway = errors.New("database is away")

func (s *fakeSink) InsertRecords(ctx context.Context, rs []calls.Record) error {
	if s.hook != nil {
		s.hook(rs)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return errAway
	}
	for _, r := range rs {
		if s.bad[r.ID] {
			return fmt.Errorf("record %s is bad", r.ID)
		}
	}
	s.batches++
	if s.records == nil {
		s.records = map[string]calls.Record{}
	}
	for _, r := range rs {
		if _, ok := s.records[r.ID]; !ok {
			s.records[r.ID] = r
			s.order = append(s.order, r.ID)
		}
	}
	return s.after
}

func (s *fakeSink) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *fakeSink) get(id string) (calls.Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[id]
	return r, ok
}

func (s *fakeSink) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.records)
}

var epoch = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func call(i int) calls.Record {
	return calls.Record{
		ID: fmt.Sprintf("01J%023d", i), Start: epoch.Add(time.Duration(i) * time.Second),
		Class: "inside", From: "417", To: "416", Number: "416",
	}
}

func ended(i int) calls.Record {
	r := call(i)
	r.AnswerAt, r.End = r.Start.Add(time.Second), r.Start.Add(3*time.Second)
	r.Result, r.Status, r.HangupBy = calls.Answered, 200, "caller"
	r.Legs = []calls.Leg{{SlotID: "desk", Contact: "sip:a@192.0.2.1", Start: r.Start, Status: 200, Result: "answered"}}
	return r
}

// start runs a writer and returns it with a function that stops it and waits.
func start(t *testing.T, cfg Config) (*Writer, func()) {
	t.Helper()
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w, run(t, w)
}

func run(t *testing.T, w *Writer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func segments(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, segmentPrefix+"*"+segmentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestRecordsReachTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &fakeSink{}
		dir := t.TempDir()
		w, stop := start(t, Config{Dir: dir, Sink: sink})
		w.Started(call(1))
		w.Started(call(2))
		want := ended(1)
		want.Reasons = json.RawMessage(`[{"c":"row"}]`)
		w.Finished(want)
		synctest.Wait()
		if w.Stats().Open != 1 {
			t.Errorf("open calls: %+v", w.Stats())
		}
		time.Sleep(time.Second)
		got, _ := sink.get(want.ID)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("record in the database (-want +got):\n%s", d)
		}
		w.Finished(ended(2))
		stop()
		if sink.len() != 2 {
			t.Errorf("%d records after stop, want 2", sink.len())
		}
		if left := segments(t, dir); len(left) != 0 {
			t.Errorf("segments left after a clean stop: %v", left)
		}
		s := w.Stats()
		if s.Written != 2 || s.Spooled != 0 || s.Open != 0 || s.Queued != 0 {
			t.Errorf("stats: %+v", s)
		}
	})
}

func TestDatabaseAwayAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &fakeSink{away: true}
		dir := t.TempDir()
		w, stop := start(t, Config{Dir: dir, Sink: sink, Segment: 2000, Batch: 7})
		for i := range 100 {
			w.Started(call(i))
			w.Finished(ended(i))
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		s := w.Stats()
		if s.Spooled != 100 || !s.DatabaseOff || s.SinkErrors == 0 || s.Segments < 5 {
			t.Errorf("while away: %+v", s)
		}
		if s.SinkErrors > 40 {
			t.Errorf("%d attempts in a minute: no back-off", s.SinkErrors)
		}
		sink.set(func() { sink.away = false })
		time.Sleep(time.Minute)
		s = w.Stats()
		if sink.len() != 100 || s.Spooled != 0 || s.Written != 100 || s.DatabaseOff || s.Segments != 1 {
			t.Errorf("after it came back: %d records, %+v", sink.len(), s)
		}
		if !slices.IsSorted(sink.order) {
			t.Errorf("order of ends is not kept: %v", sink.order)
		}
		stop()
	})
}

func TestStopWithoutDatabaseKeepsTheSpool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &fakeSink{away: true}
		dir := t.TempDir()
		w, stop := start(t, Config{Dir: dir, Sink: sink})
		w.Started(call(1))
		w.Finished(ended(1))
		began := time.Now()
		stop()
		if d := time.Since(began); d > 4*time.Second {
			t.Errorf("stop took %v", d)
		}
		w.Finished(ended(2)) // late, after Run
		sink.set(func() { sink.away = false })
		w, stop = start(t, Config{Dir: dir, Sink: sink})
		synctest.Wait()
		if s := w.Stats(); sink.len() != 2 || s.Written != 2 || s.Interrupted != 0 {
			t.Errorf("after the next start: %d records, %+v", sink.len(), s)
		}
		stop()
	})
}

// TestCommittedTwice: a commit whose answer was lost comes again and changes nothing.
func TestCommittedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &fakeSink{after: errors.New("connection lost")}
		w, stop := start(t, Config{Dir: t.TempDir(), Sink: sink})
		w.Finished(ended(1))
		time.Sleep(time.Second)
		sink.set(func() { sink.after = nil })
		time.Sleep(time.Minute)
		if s := w.Stats(); sink.len() != 1 || s.Spooled != 0 || s.Written != 1 {
			t.Errorf("%d records, %+v", sink.len(), s)
		}
		stop()
	})
}

func TestInterruptedCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		sink := &fakeSink{}
		w, _ := New(Config{Dir: dir, Sink: sink})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		r := call(1)
		r.Start = time.Now()
		w.Started(r)
		time.Sleep(50 * time.Second) // heartbeats at 15, 30, 45
		copied := t.TempDir()
		copyDir(t, dir, copied) // what a kill -9 leaves
		cancel()
		<-done

		for range 2 { // a second crash before the database took it gives the same
			again := t.TempDir()
			copyDir(t, copied, again)
			sink := &fakeSink{}
			w, stop := start(t, Config{Dir: again, Sink: sink})
			synctest.Wait()
			got, ok := sink.get(r.ID)
			if !ok || got.Result != calls.Interrupted || got.End.Sub(r.Start) != 45*time.Second || got.HangupBy != "system" {
				t.Errorf("interrupted record: %v %+v", ok, got)
			}
			if w.Stats().Interrupted != 1 || w.Stats().Open != 0 {
				t.Errorf("stats: %+v", w.Stats())
			}
			stop()
		}
	})
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range segments(t, from) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(name)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCutAnywhere cuts the journal at every byte: whatever was whole comes out
// once, whatever had only begun is interrupted, and nothing else comes out.
func TestCutAnywhere(t *testing.T) {
	dir := t.TempDir()
	w, err := New(Config{Dir: dir, Sink: &fakeSink{}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		w.Started(call(i))
	}
	for i := range 2 {
		w.Finished(ended(i))
	}
	w.drain()
	w.lock.Close()
	names := segments(t, dir)
	if len(names) != 1 {
		t.Fatalf("segments: %v", names)
	}
	whole, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	sub := t.TempDir()
	for cut := range len(whole) + 1 {
		for _, name := range segments(t, sub) {
			_ = os.Remove(name)
		}
		began, over := map[string]bool{}, map[string]bool{}
		for line := range strings.Lines(string(whole[:cut])) {
			if e, err := decode([]byte(line)); err == nil {
				began[e.Record.ID] = true
				over[e.Record.ID] = e.Kind == finished || over[e.Record.ID]
			}
		}
		if err := os.WriteFile(filepath.Join(sub, filepath.Base(names[0])), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		sink := &fakeSink{}
		w, err := New(Config{Dir: sub, Sink: sink})
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		f := &flusher{Writer: w}
		if !f.last(t.Context()) {
			t.Fatalf("cut at %d: not all handed in", cut)
		}
		w.lock.Close()
		if len(sink.records) != len(began) || len(sink.order) != len(began) {
			t.Fatalf("cut at %d: %d records, want %d", cut, len(sink.records), len(began))
		}
		for id := range began {
			r := sink.records[id]
			if over[id] != (r.Result == calls.Answered) || !over[id] != (r.Result == calls.Interrupted) {
				t.Fatalf("cut at %d: %s has result %s, ended %v", cut, id, r.Result, over[id])
			}
		}
	}
}

func TestDamageInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	w, err := New(Config{Dir: dir, Sink: &fakeSink{}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		w.Finished(ended(i))
	}
	w.drain()
	w.lock.Close()
	name := segments(t, dir)[0]
	b, _ := os.ReadFile(name)
	b[len(b)/2] ^= 0x20
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	sink := &fakeSink{}
	w, err = New(Config{Dir: dir, Sink: sink})
	if err != nil {
		t.Fatal(err)
	}
	defer w.lock.Close()
	if !(&flusher{Writer: w}).last(t.Context()) || len(sink.records) != 2 || w.Stats().Damaged != 1 {
		t.Errorf("%d records, %+v", len(sink.records), w.Stats())
	}
}

// TestOpenCallsOutliveSegments: a long call's start is carried over, so that old
// segments go, and it is still interrupted properly.
func TestOpenCallsOutliveSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		w, stop := start(t, Config{Dir: dir, Sink: &fakeSink{}, Segment: 3000})
		w.Started(call(0))
		for i := 1; i < 200; i++ {
			w.Started(call(i))
			w.Finished(ended(i))
			time.Sleep(200 * time.Millisecond)
		}
		if s := w.Stats(); s.Segments > 2 || s.Open != 1 || s.Spooled != 0 {
			t.Errorf("stats: %+v", s)
		}
		copied := t.TempDir()
		copyDir(t, dir, copied)
		w.Finished(ended(0))
		stop()
		if left := segments(t, dir); len(left) != 0 {
			t.Errorf("segments left: %v", left)
		}
		sink := &fakeSink{}
		_, stop = start(t, Config{Dir: copied, Sink: sink})
		synctest.Wait()
		if r, _ := sink.get(call(0).ID); r.Result != calls.Interrupted {
			t.Errorf("long call: %+v", r)
		}
		// What had been committed is not handed in again.
		if sink.len() > 1 {
			t.Errorf("%d records came again", sink.len()-1)
		}
		stop()
	})
}

func TestBadRecordIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		sink := &fakeSink{bad: map[string]bool{call(3).ID: true}}
		w, stop := start(t, Config{Dir: dir, Sink: sink})
		for i := range 10 {
			w.Finished(ended(i))
		}
		time.Sleep(time.Minute)
		s := w.Stats()
		if sink.len() != 9 || s.SetAside != 1 || s.Spooled != 0 {
			t.Errorf("%d records, %+v", sink.len(), s)
		}
		b, err := os.ReadFile(filepath.Join(dir, "refused.log"))
		if err != nil || !strings.Contains(string(b), call(3).ID) {
			t.Errorf("refused.log: %q %v", b, err)
		}
		stop()
	})
}

// TestFaultsOfTheSink lets what takes the records panic: once it is tried again, for one record it is set aside.
func TestFaultsOfTheSink(t *testing.T) {
	for _, tc := range []struct {
		name     string
		fails    func(calls int, rs []calls.Record) bool
		want     int
		setAside uint64
	}{
		{"twice", func(n int, _ []calls.Record) bool { return n <= 2 }, 5, 0},
		{"with one record", func(_ int, rs []calls.Record) bool {
			return slices.ContainsFunc(rs, func(r calls.Record) bool { return r.ID == call(3).ID })
		}, 4, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				sink := &fakeSink{hook: func(rs []calls.Record) {
					if n++; tc.fails(n, rs) {
						panic("fault of ours")
					}
				}}
				faults := fault.New(nil)
				w, stop := start(t, Config{Dir: t.TempDir(), Sink: sink, Faults: faults})
				for i := range 5 {
					w.Started(call(i))
					w.Finished(ended(i))
				}
				time.Sleep(time.Minute)
				if s := w.Stats(); sink.len() != tc.want || s.SetAside != tc.setAside || s.Spooled != 0 {
					t.Errorf("%d records, %+v", sink.len(), s)
				}
				if faults.Counts()["records"] == 0 {
					t.Error("no fault was counted")
				}
				stop()
			})
		})
	}
}

// TestFullQueue: shards that outrun the writer write themselves; order and count hold.
func TestFullQueue(t *testing.T) {
	dir := t.TempDir()
	w, err := New(Config{Dir: dir, Sink: &fakeSink{}, Queue: 8})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for shard := range 4 {
		wg.Go(func() {
			for i := range 250 {
				w.Started(call(shard*1000 + i))
				w.Finished(ended(shard*1000 + i))
			}
		})
	}
	wg.Wait()
	if w.Stats().Overflows == 0 {
		t.Error("queue never overflowed")
	}
	sink := &fakeSink{}
	w.cfg.Sink = sink
	stop := run(t, w)
	stop()
	if s := w.Stats(); len(sink.records) != 1000 || s.Open != 0 || s.Lost != 0 {
		t.Errorf("%d records, %+v", len(sink.records), s)
	}
}

func TestSecondWriterIsRefused(t *testing.T) {
	dir := t.TempDir()
	w, err := New(Config{Dir: dir, Sink: &fakeSink{}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.lock.Close()
	if _, err := New(Config{Dir: dir, Sink: &fakeSink{}}); !errors.Is(err, ErrInUse) {
		t.Errorf("second writer: %v", err)
	}
	if _, err := New(Config{}); err == nil {
		t.Error("empty configuration accepted")
	}
}

func FuzzDecode(f *testing.F) {
	corpus.Add(f)
	r := ended(1)
	line, err := entry{Kind: finished, At: 1, Record: &r}.encode(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte("00000000 0 \n"))
	f.Add([]byte("zz"))
	f.Fuzz(func(t *testing.T, b []byte) {
		scan := newScanner(strings.NewReader(string(b)), 0)
		for {
			e, err := scan.next()
			if err != nil {
				break
			}
			again, err := e.encode(nil)
			if err != nil {
				t.Fatalf("entry %+v cannot be encoded: %v", e, err)
			}
			if _, err := decode(again); err != nil {
				t.Fatalf("%q does not decode: %v", again, err)
			}
		}
		if scan.offset > int64(len(b)) {
			t.Fatalf("offset %d beyond %d bytes", scan.offset, len(b))
		}
	})
}
