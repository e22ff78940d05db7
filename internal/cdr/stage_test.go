package cdr

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/koppelfeld/koppelfeld/internal/calls"
)

// memory returns a directory on tmpfs that goes with the test.
func memory(t *testing.T) string {
	t.Helper()
	var info unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &info); err != nil || info.Type != unix.TMPFS_MAGIC {
		t.Skip("/dev/shm is not in memory here")
	}
	dir, err := os.MkdirTemp("/dev/shm", "cdr-test")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// abandon lets go of a writer as the death of the process does, without a word to
// the disk.
func abandon(w *Writer) { w.lock.Close() }

// restart loads what an abandoned writer has left and hands it in.
func restart(t *testing.T, cfg Config) (*fakeSink, Stats) {
	t.Helper()
	sink := &fakeSink{}
	cfg.Sink = sink
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	run(t, w)()
	return sink, w.Stats()
}

// TestStageOutlivesTheProcess: nothing has been written to the journal, and still
// nothing is lost.
func TestStageOutlivesTheProcess(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), Stage: memory(t), Sink: &fakeSink{}}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		w.Started(call(i))
	}
	told := ended(1)
	told.Reasons = json.RawMessage(`[{"c":"row"}]`)
	w.Finished(told)
	refused := call(7) // at once: it has no start
	refused.End, refused.Result, refused.Status = refused.Start, calls.Rejected, 403
	w.Finished(refused)
	abandon(w)
	if left := segments(t, cfg.Dir); len(left) != 0 {
		t.Fatalf("already in the journal: %v", left)
	}
	sink, stats := restart(t, cfg)
	want := map[string]calls.Result{
		call(0).ID: calls.Interrupted, call(1).ID: calls.Answered, call(2).ID: calls.Interrupted, call(7).ID: calls.Rejected,
	}
	for id, result := range want {
		if got, ok := sink.get(id); !ok || got.Result != result {
			t.Errorf("%s: %v %q, want %q", id, ok, got.Result, result)
		}
	}
	if got, _ := sink.get(told.ID); string(got.Reasons) != string(told.Reasons) {
		t.Errorf("reasons %s, want %s", got.Reasons, told.Reasons)
	}
	if sink.len() != len(want) || stats.Interrupted != 2 || stats.Damaged != 0 {
		t.Errorf("%d records, %+v", sink.len(), stats)
	}
	if left := files(t, cfg.Stage); len(left) != 0 {
		t.Errorf("left in memory after a clean stop: %v", left)
	}
	if sink, _ := restart(t, cfg); sink.len() != 0 {
		t.Errorf("%d records came again", sink.len())
	}
}

// TestStageAndJournal: the process dies when some lines are in the journal, some on
// the stage, and some on both.
func TestStageAndJournal(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), Stage: memory(t), Sink: &fakeSink{}}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Started(call(1))
	w.Started(call(2))
	w.Started(call(3))
	staged := bytes.Clone(w.stage.mem)
	w.drain()
	w.Finished(ended(1))
	copy(staged[stageArea:], w.stage.mem[stageArea:])
	w.drain()
	copy(w.stage.mem, staged)
	w.stage.size = bytes.IndexByte(staged, 0)
	w.Finished(ended(3))
	abandon(w)
	sink, stats := restart(t, cfg)
	one, _ := sink.get(call(1).ID)
	two, _ := sink.get(call(2).ID)
	three, _ := sink.get(call(3).ID)
	if sink.len() != 3 || one.Result != calls.Answered || two.Result != calls.Interrupted || three.Result != calls.Answered || stats.Interrupted != 1 {
		t.Errorf("%d records, %q, %q, %q, %+v", sink.len(), one.Result, two.Result, three.Result, stats)
	}
}

// TestStageTorn: the process dies in the middle of a line.
func TestStageTorn(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), Stage: memory(t), Sink: &fakeSink{}}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Started(call(1))
	whole := w.stage.size
	w.Started(call(2))
	clear(w.stage.mem[whole+50:])
	abandon(w)
	if sink, stats := restart(t, cfg); sink.len() != 1 || stats.Damaged != 0 {
		t.Errorf("%d records, %+v", sink.len(), stats)
	}
}

// TestStageFull: what finds no room goes to the journal at once.
func TestStageFull(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), Stage: memory(t), Sink: &fakeSink{}, Queue: 1 << 20}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	const count = 4000
	for i := range count {
		w.Started(call(i))
		w.Finished(ended(i))
	}
	if size := w.stage.size; size > stageArea || !w.woken {
		t.Errorf("%d bytes on the stage, writer woken: %v", size, w.woken)
	}
	w.drain()
	for i := range 10 { // the other area is in use now
		w.Started(call(count + i))
	}
	abandon(w)
	sink, stats := restart(t, cfg)
	if sink.len() != count+10 || stats.Interrupted != 10 || stats.Damaged != 0 {
		t.Errorf("%d records, %+v", sink.len(), stats)
	}
}

// TestLinger: one wake serves all that comes within a moment.
func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stop := start(t, Config{Dir: t.TempDir(), Stage: memory(t), Sink: &fakeSink{}})
		synctest.Wait()
		w.Started(call(1))
		time.Sleep(199 * time.Millisecond)
		w.Started(call(2))
		synctest.Wait()
		if s := w.Stats(); s.Queued != 2 || s.Open != 0 {
			t.Errorf("before: %+v", s)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if s := w.Stats(); s.Queued != 0 || s.Open != 2 {
			t.Errorf("after: %+v", s)
		}
		w.Finished(ended(1))
		w.Finished(ended(2))
		stop()
	})
}

// TestNoStage: without a place in memory, or with one that another has made, the
// writer does without.
func TestNoStage(t *testing.T) {
	dir := t.TempDir()
	for _, stage := range []string{"/proc", filepath.Join(dir, "none")} {
		w, err := New(Config{Dir: dir, Stage: stage, Sink: &fakeSink{}})
		if err != nil {
			t.Fatal(err)
		}
		if w.stage != nil {
			t.Errorf("stage in %s", stage)
		}
		abandon(w)
	}
	line, err := newWaiting(entry{Kind: started, Record: &calls.Record{ID: "forged"}})
	if err != nil {
		t.Fatal(err)
	}
	mem := memory(t)
	real, link := filepath.Join(mem, "real"), filepath.Join(mem, "koppelfeld-link")
	if err := os.WriteFile(real, line.line, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{real, link, "", mem, "/etc/passwd"} {
		if err := os.WriteFile(filepath.Join(dir, stageName), []byte(path), 0o600); err != nil {
			t.Fatal(err)
		}
		if sink, stats := restart(t, Config{Dir: dir, Stage: mem}); sink.len() != 0 || stats.Damaged != 0 {
			t.Errorf("%s was taken for a stage: %+v", path, stats)
		}
		if _, err := os.Stat(real); err != nil {
			t.Error(err)
		}
	}
}

// TestKillWithStage kills a process that hands in records; all that it had handed in
// come out, although it has never written one to the journal.
func TestKillWithStage(t *testing.T) {
	if dir := os.Getenv("CDR_TEST_STAGE_DIR"); dir != "" {
		stageForever(dir, os.Getenv("CDR_TEST_STAGE"))
		return
	}
	cfg := Config{Dir: t.TempDir(), Stage: memory(t)}
	for range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKillWithStage$")
		cmd.Env = append(os.Environ(), "CDR_TEST_STAGE_DIR="+cfg.Dir, "CDR_TEST_STAGE="+cfg.Stage)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		begun, over := -1, -1
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Sscanf(lines.Text(), "started %d", &begun)
			fmt.Sscanf(lines.Text(), "finished %d", &over)
			if over == 300 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("child ended by itself: %v", err)
		}
		sink, stats := restart(t, cfg)
		for i := range begun + 1 {
			if r, ok := sink.get(call(i).ID); !ok || i <= over && r.Result != calls.Answered {
				t.Fatalf("record %d of %d: %v %q", i, over, ok, r.Result)
			}
		}
		if len(sink.order) != len(sink.records) || stats.Damaged != 0 {
			t.Errorf("%d inserts for %d records, %+v", len(sink.order), len(sink.records), stats)
		}
	}
	if left := files(t, cfg.Stage); len(left) != 0 {
		t.Errorf("left in memory: %v", left)
	}
}

// stageForever hands in records and says so, as long as they fit on the stage.
func stageForever(dir, stage string) {
	w, err := New(Config{Dir: dir, Stage: stage, Sink: &fakeSink{}, Linger: time.Hour})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go func() { _ = w.Run(context.Background()) }()
	for i := range 400 {
		w.Started(call(i))
		fmt.Println("started", i)
		w.Finished(ended(i))
		fmt.Println("finished", i)
	}
	select {}
}
