package cdr

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
)

// disk is a file system with a given room left, which may be set at any time.
type disk struct{ room atomic.Int64 }

type diskFile struct {
	file
	disk *disk
}

func (d *disk) create(name string) (file, error) {
	if d.room.Load() <= 0 {
		return nil, syscall.ENOSPC
	}
	f, err := createFile(name)
	return &diskFile{file: f, disk: d}, err
}

// Write stores as much as there is room for, as a real file system does.
func (f *diskFile) Write(b []byte) (int, error) {
	room := max(f.disk.room.Load(), 0)
	if int64(len(b)) <= room {
		f.disk.room.Add(-int64(len(b)))
		return f.file.Write(b)
	}
	n, _ := f.file.Write(b[:room])
	f.disk.room.Add(-int64(n))
	return n, syscall.ENOSPC
}

func TestFullDisk(t *testing.T) {
	for _, tt := range []struct {
		name string
		away bool // the database too
	}{{"database reachable", false}, {"database away", true}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				sink := &fakeSink{away: tt.away}
				var d disk
				d.room.Store(5000)
				w, err := newWriter(Config{Dir: dir, Sink: sink, Segment: 2000}, d.create)
				if err != nil {
					t.Fatal(err)
				}
				stop := run(t, w)
				for i := range 50 {
					w.Started(call(i))
					w.Finished(ended(i))
					synctest.Wait()
				}
				time.Sleep(10 * time.Second)
				s := w.Stats()
				if s.DiskErrors == 0 || s.Lost != 0 {
					t.Errorf("with a full disk: %+v", s)
				}
				if want := map[bool]int{false: 50, true: 0}[tt.away]; sink.len() != want {
					t.Errorf("with a full disk: %d records in the database, want %d", sink.len(), want)
				}
				d.room.Store(1 << 20)
				sink.set(func() { sink.away = false })
				time.Sleep(time.Minute)
				s = w.Stats()
				if sink.len() != 50 || s.Backlog != 0 || s.Spooled != 0 || s.Open != 0 {
					t.Errorf("with room again: %d records, %+v", sink.len(), s)
				}
				stop()
				if left := segments(t, dir); len(left) != 0 {
					t.Errorf("segments left: %v", left)
				}
			})
		})
	}
}

// TestFullDiskAndMemory: the oldest go, and are counted.
func TestFullDiskAndMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &fakeSink{away: true}
		w, err := newWriter(Config{Dir: t.TempDir(), Sink: sink, Backlog: 4000}, new(disk).create)
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, w)
		for i := range 50 {
			w.Finished(ended(i))
		}
		synctest.Wait()
		sink.set(func() { sink.away = false })
		time.Sleep(time.Minute)
		if s := w.Stats(); s.Lost == 0 || int(s.Lost)+sink.len() != 50 {
			t.Errorf("%d records, %+v", sink.len(), s)
		}
		stop()
	})
}

// TestManyOpenCalls: that the starts of many long calls outlive their segments does
// not cost more writing than the calls that come and go.
func TestManyOpenCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const room = 1 << 40
		var d disk
		d.room.Store(room)
		w, err := newWriter(Config{Dir: t.TempDir(), Sink: &fakeSink{}, Segment: 10_000}, d.create)
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, w)
		const long, short = 1000, 5000
		for i := range long {
			w.Started(call(i))
		}
		synctest.Wait()
		starts := room - d.room.Load()
		for i := range short {
			w.Started(call(long + i))
			w.Finished(ended(long + i))
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		s, written := w.Stats(), room-d.room.Load()
		traffic := written - starts
		if s.Open != long || s.SpoolBytes > 6*starts {
			t.Errorf("%d bytes of starts, %+v", starts, s)
		}
		if least := int64(short * 600); traffic > 2*least {
			t.Errorf("%d bytes written for about %d of traffic", traffic, least)
		}
		for i := range long {
			w.Finished(ended(i))
		}
		stop()
		if s := w.Stats(); s.Written != long+short || s.Segments != 0 {
			t.Errorf("at the end: %+v", s)
		}
	})
}

// TestTornWriteIsNotFollowed: when a torn line cannot be cut off, what follows
// goes to another segment and all whole lines are found.
func TestTornWriteIsNotFollowed(t *testing.T) {
	dir := t.TempDir()
	var d disk
	d.room.Store(700)
	w, err := newWriter(Config{Dir: dir, Sink: &fakeSink{}}, func(name string) (file, error) {
		f, err := d.create(name)
		return noTruncate{f}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		w.Finished(ended(i))
		w.drain()
	}
	d.room.Store(1 << 20)
	w.journal.retry()
	w.lock.Close()
	sink := &fakeSink{}
	if w, err = New(Config{Dir: dir, Sink: sink}); err != nil {
		t.Fatal(err)
	}
	defer w.lock.Close()
	if !(&flusher{Writer: w}).last(t.Context()) || len(sink.records) != 4 || w.Stats().Damaged == 0 {
		t.Errorf("%d records, %+v", len(sink.records), w.Stats())
	}
}

type noTruncate struct{ file }

func (noTruncate) Truncate(int64) error { return syscall.EIO }

// TestKill kills a process that writes records and checks that every record it
// had told us to be in the journal comes out of it.
func TestKill(t *testing.T) {
	if dir := os.Getenv("CDR_TEST_DIR"); dir != "" {
		writeForever(dir)
		return
	}
	for round := range 3 {
		dir := t.TempDir()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "CDR_TEST_DIR="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		last := -1
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if _, err := fmt.Sscanf(lines.Text(), "spooled %d", &last); err == nil && last > 200+100*round {
				break
			}
		}
		if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("child ended by itself: %v", err)
		}
		sink := &fakeSink{}
		w, err := New(Config{Dir: dir, Sink: sink})
		if err != nil {
			t.Fatal(err)
		}
		if !(&flusher{Writer: w}).last(t.Context()) {
			t.Fatal("not all handed in")
		}
		w.lock.Close()
		interrupted := 0
		for i := range last + 1 {
			r, ok := sink.records[call(i).ID]
			switch {
			case !ok:
				t.Fatalf("round %d: record %d of %d is lost", round, i, last)
			case r.Result == calls.Interrupted:
				interrupted++
			}
		}
		if interrupted != 0 {
			t.Errorf("round %d: %d ended calls came out as interrupted", round, interrupted)
		}
		if len(sink.order) != len(sink.records) {
			t.Errorf("round %d: %d inserts for %d records", round, len(sink.order), len(sink.records))
		}
	}
}

// writeForever writes records, their database being away, and prints the number
// of the last one in the journal.
func writeForever(dir string) {
	w, err := New(Config{Dir: dir, Sink: &fakeSink{away: true}, Segment: 10000, SyncEvery: 50 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go func() { _ = w.Run(context.Background()) }()
	for i := range 1 << 20 {
		w.Started(call(i))
		w.Finished(ended(i))
		if i%10 == 0 {
			w.drain()
			fmt.Println("spooled", i)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	w, err := New(Config{Dir: b.TempDir(), Sink: &fakeSink{}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	s, e := call(1), ended(1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.ID = fmt.Sprint(i)
		e.ID = s.ID
		w.Started(s)
		w.Finished(e)
	}
	b.ReportMetric(float64(w.Stats().Overflows), "overflows")
	cancel()
	<-done
}

// BenchmarkShard measures what a call costs the shard.
func BenchmarkShard(b *testing.B) {
	w, err := New(Config{Dir: b.TempDir(), Sink: &fakeSink{}, Queue: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer w.lock.Close()
	s, e := call(1), ended(1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%4000 == 0 {
			b.StopTimer()
			w.drain()
			b.StartTimer()
		}
		w.Started(s)
		w.Finished(e)
	}
}
