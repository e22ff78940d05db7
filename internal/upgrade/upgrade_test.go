package upgrade

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestJournalOutlivesItsProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "upgrade")
	j, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrBusy) {
		t.Errorf("a second one: got %v, want ErrBusy", err)
	}
	j.State.Phase, j.State.Facts.Stopped, j.State.Facts.Aside = Running, true, []string{"/x"}
	if err := errors.Join(j.Save(), j.Close()); err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.State.Phase != Running || !again.State.Facts.Stopped || !slices.Equal(again.State.Facts.Aside, []string{"/x"}) {
		t.Errorf("got %+v", again.State)
	}
	info, err := os.Stat(filepath.Join(dir, stateFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".new-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestJournalThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"broken":     {"{", "reading the journal"},
		"newer":      {`{"format": 99}`, "newer version"},
		"other type": {`{"facts": 1}`, "reading the journal"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, stateFile), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := Read(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: got %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(link); err == nil {
		t.Error("a link was taken for the folder")
	}
}

func TestWalk(t *testing.T) {
	var did []string
	broken := errors.New("broken")
	fail := ""
	step := func(name string) Step {
		return Step{Name: name, Do: func(context.Context) error {
			did = append(did, name)
			if name == fail {
				return broken
			}
			return nil
		}}
	}
	steps := []Step{step("a"), step("b"), step("c")}
	for _, c := range []struct {
		name, first, fail string
		did               []string
		step              string
	}{
		{"all", "", "", []string{"a", "b", "c"}, "c"},
		{"from the middle", "b", "", []string{"b", "c"}, "c"},
		{"failing", "", "b", []string{"a", "b"}, "b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			did, fail = nil, c.fail
			dir := t.TempDir()
			j, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			err = j.Walk(t.Context(), steps, c.first, Halt{}, func(Step) {})
			if (c.fail != "") != errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
			if c.fail != "" && !strings.HasPrefix(err.Error(), c.fail+": ") {
				t.Errorf("the error does not name the step: %v", err)
			}
			st, err := Read(dir)
			if err != nil || !slices.Equal(did, c.did) || st.Step != c.step || len(st.Steps) != len(c.did) {
				t.Errorf("did %q, journal %+v, %v", did, st, err)
			}
			for i, m := range st.Steps {
				if m.Ended.IsZero() != (i == len(st.Steps)-1 && c.fail != "") {
					t.Errorf("step %s: ended %v", m.Name, m.Ended)
				}
			}
		})
	}
}

func TestParseHalt(t *testing.T) {
	steps := []Step{{Name: "a"}}
	for text, want := range map[string]Halt{"": {}, "a": {Step: "a"}, "a:before": {Step: "a"}, "a:after": {Step: "a", After: true}} {
		if got, err := ParseHalt(text, steps); err != nil || got != want {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
	for _, wrong := range []string{"b", "a:when", ":after"} {
		if _, err := ParseHalt(wrong, steps); err == nil {
			t.Errorf("%q: no error", wrong)
		}
	}
}
