// Package routetest runs routing scripts: text files in which an administrator
// reads, or writes, a matrix, the state of the moment, a call, and what is to come
// of it. The grammar stands in routing/DESIGN.md; routing/testdata has examples.
//
// Run is for tests; Check runs a script without a test, for instance to try a
// configuration. The package owns no goroutine.
package routetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/routing"
)

// Run runs every script that matches the pattern, each test of a script as a
// subtest.
func Run(t *testing.T, pattern string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts at %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			results, err := Check(file, string(text))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				t.Run(r.Test, func(t *testing.T) {
					for _, d := range r.Differences {
						t.Error(d)
					}
				})
			}
		})
	}
}

// Result is what came of one test of a script.
type Result struct {
	Test        string
	Differences []string // each with file and line; empty when all is as expected
}

// Check runs a script. name is its path: it begins messages, and included files
// are looked for next to it. The error is about the script itself: a word that
// nobody knows, or a configuration that does not compile where none was expected.
func Check(name, text string) ([]Result, error) {
	r := &runner{dir: filepath.Dir(name), common: newWorld()}
	r.world = r.common
	if err := r.script(name, text); err != nil {
		return nil, err
	}
	if err := r.endTest(); err != nil {
		return nil, err
	}
	if len(r.results) == 0 {
		return nil, fmt.Errorf("%s: there is no test in this script", name)
	}
	return r.results, nil
}

// runner goes through a script. What stands before the first test is common to
// all tests; each test begins with a copy of it.
type runner struct {
	dir     string
	common  *world
	world   *world
	results []Result
	call    *question // the call whose expectations are being read
	depth   int       // of includes
}

// question is a call and its answer.
type question struct {
	where    string
	plan     routing.Plan
	reasons  []routing.Reason
	problems []string
}

func (r *runner) script(name, text string) error {
	if r.depth++; r.depth > 8 {
		return fmt.Errorf("%s: too many files include one another", name)
	}
	defer func() { r.depth-- }()
	for i, line := range strings.Split(text, "\n") {
		where := fmt.Sprintf("%s:%d", name, i+1)
		words, err := split(line)
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		if len(words) == 0 {
			continue
		}
		if err := r.line(where, words); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
	}
	return nil
}

func (r *runner) line(where string, words []string) error {
	word, rest := words[0], words[1:]
	switch word {
	case "include":
		return r.include(rest)
	case "test":
		return r.test(rest)
	case "call":
		return r.ask(where, rest)
	}
	if check, ok := checks[word]; ok {
		if r.call == nil {
			return fmt.Errorf("%q must stand below a call", word)
		}
		return check(r.call, r.world, rest)
	}
	r.endCall()
	if word == "fault" {
		return r.fault(where, rest)
	}
	return r.world.line(words)
}

func (r *runner) include(rest []string) error {
	if len(rest) != 1 {
		return errors.New("include wants a file")
	}
	name := filepath.Join(r.dir, rest[0])
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("including: %w", err)
	}
	return r.script(name, string(text))
}

func (r *runner) test(rest []string) error {
	if len(rest) == 0 {
		return errors.New("test wants a name")
	}
	if err := r.endTest(); err != nil {
		return err
	}
	if _, err := r.common.table(); err != nil {
		return fmt.Errorf("what stands before the first test: %w", err)
	}
	r.world = r.common.clone()
	r.results = append(r.results, Result{Test: strings.Join(rest, " ")})
	return nil
}

func (r *runner) report(where, format string, args ...any) {
	last := &r.results[len(r.results)-1]
	last.Differences = append(last.Differences, where+": "+fmt.Sprintf(format, args...))
}

func (r *runner) endTest() error {
	r.endCall()
	if len(r.results) > 0 {
		if _, err := r.world.table(); err != nil {
			return fmt.Errorf("test %q: %w", r.results[len(r.results)-1].Test, err)
		}
	}
	return nil
}

// endCall reports what differs, and with it the whole answer.
func (r *runner) endCall() {
	c := r.call
	if r.call = nil; c == nil || len(c.problems) == 0 {
		return
	}
	r.report(c.where, "%s\n\nthe answer was:\n%s", strings.Join(c.problems, "\n"), r.world.show(c))
}

// fault expects that the configuration, as it stands, is refused at a path, and
// takes the last change back.
func (r *runner) fault(where string, rest []string) error {
	if len(r.results) == 0 || len(rest) < 1 {
		return errors.New("fault wants a path and stands in a test")
	}
	_, err := r.world.table()
	var faults routing.Faults
	if !errors.As(err, &faults) {
		r.report(where, "no fault, want one at %s", rest[0])
		return nil
	}
	text := strings.Join(rest[1:], " ")
	if !slices.ContainsFunc(faults, func(f routing.Fault) bool {
		return f.Path == rest[0] && strings.Contains(f.Message, text)
	}) {
		r.report(where, "want a fault at %s saying %q, got\n%v", rest[0], text, err)
	}
	r.world.undo()
	return nil
}

// ask decides: call NUMBER from SLOT [showing NUMBER] | from outside [NUMBER [NAME]].
func (r *runner) ask(where string, w []string) error {
	r.endCall()
	if len(r.results) == 0 {
		return errors.New("a call must stand in a test")
	}
	if len(w) < 3 || w[1] != "from" {
		return errors.New(`a call reads: call 416 from armin.artmann/desk [showing 4161], or: call 416 from outside [+4940… "Name"]`)
	}
	request := routing.Request{Called: w[0]}
	c := &request.Caller
	switch {
	case w[2] == "outside":
		c.Class = routing.Outside
		if len(w) > 3 {
			c.Number = w[3]
		}
		if len(w) > 4 {
			c.Name = w[4]
		}
	case len(w) == 5 && w[3] == "showing":
		c.Wanted = w[4]
		fallthrough
	case len(w) == 3:
		c.Class, c.SlotID = routing.Inside, w[2]
	default:
		return fmt.Errorf("what is %q?", strings.Join(w[3:], " "))
	}
	table, err := r.world.table()
	if err != nil {
		return err
	}
	plan := table.Decide(request, r.world)
	r.call = &question{where: where, plan: plan, reasons: plan.Explain()}
	return nil
}

// split takes a line apart at blanks; "…" holds blanks together, # begins a comment.
func split(line string) ([]string, error) {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t\r")
		switch {
		case line == "" || line[0] == '#':
			return words, nil
		case line[0] == '"':
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, errors.New("a quotation mark is missing")
			}
			word, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", quoted, err)
			}
			words, line = append(words, word), line[len(quoted):]
		default:
			end := strings.IndexAny(line, " \t\r")
			if end < 0 {
				end = len(line)
			}
			words, line = append(words, line[:end]), line[end:]
		}
	}
}
