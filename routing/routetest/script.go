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
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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
	at       time.Time
	plan     routing.Plan
	over     bool // nothing came next
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
	case "then":
		return r.then(where, rest)
	}
	if check, ok := checks[word]; ok {
		if r.call == nil {
			return fmt.Errorf("%q must stand below a call", word)
		}
		return check(r.call, r.world, rest)
	}
	r.endCall()
	if check, ok := tableChecks[word]; ok {
		return r.check(where, check, rest)
	}
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

// ask decides: call NUMBER from SLOT [showing NUMBER] [with-pin] | from outside [NUMBER ["NAME"]], then, if you like, at "TIME" and diverted NUMBER….
func (r *runner) ask(where string, words []string) error {
	r.endCall()
	if len(r.results) == 0 {
		return errors.New("a call must stand in a test")
	}
	request, err := readCall(words)
	if err != nil {
		return err
	}
	table, err := r.world.table()
	if err != nil {
		return err
	}
	plan := table.Decide(request, r.world)
	r.call = &question{where: where, at: request.At, plan: plan, reasons: plan.Explain()}
	whole, err := routing.Compile(r.world.config)
	if err != nil {
		return err
	}
	if again := whole.Decide(request, r.world).Explain(); !reflect.DeepEqual(r.call.reasons, again) {
		r.call.differ("a table compiled from scratch explains the call in another way: %+v", again)
	}
	r.call.consistent()
	return nil
}

func readCall(words []string) (routing.Request, error) {
	t := taker{words}
	q := routing.Request{Called: t.next(), At: begin}
	c := &q.Caller
	if len(words) < 3 || !t.take("from") {
		return q, errors.New(`a call reads: call 416 from armin.artmann/desk [showing 4161], or: call 416 from outside [+4940… "Name"]`)
	}
	if t.take("outside") {
		c.Class = routing.Outside
		if !t.ahead("at") && !t.ahead("diverted") {
			c.Number = t.next()
		}
		if !t.ahead("at") && !t.ahead("diverted") {
			c.Name = t.next()
		}
	} else {
		c.Class, c.SlotID = routing.Inside, t.next()
		if t.take("showing") {
			c.Wanted = t.next()
		}
		q.PIN = t.take("with-pin")
	}
	if t.take("at") {
		var err error
		if q.At, err = instant(t.next()); err != nil {
			return q, err
		}
	}
	if t.take("diverted") {
		q.Diverted, t.words = t.words, nil
	}
	return q, t.done()
}

// then asks what comes next: then busy|no_answer|not_registered [after SECONDS]. Without seconds a call that nobody answers has rung as long as the
// plan says, and others have ended at once. What stands below it is about that answer.
func (r *runner) then(where string, words []string) error {
	if r.call == nil || r.call.over || len(words) == 0 {
		return errors.New("then stands below a call, with a case")
	}
	before := r.call
	r.endCall()
	t := taker{words}
	end := routing.Case(t.next())
	passed := time.Duration(0)
	if end == routing.OnNoAnswer {
		passed = before.plan.RingTimeout
	}
	var err error
	if t.take("after") {
		if passed, err = seconds(t.next()); err != nil {
			return err
		}
	}
	next := &question{where: where, at: before.at.Add(passed)}
	plan, more := before.plan.Next(end, next.at, r.world)
	next.plan, next.over = plan, !more
	next.reasons = plan.Explain()
	next.consistent()
	r.call = next
	return t.done()
}

// consistent checks what holds for every answer: what is stored of it tells the same, and somebody rings if and only if the outcome says so.
func (q *question) consistent() {
	if read, err := routing.ReadTrace(q.plan.Trace()); !q.over && (err != nil || !reflect.DeepEqual(read, q.reasons)) {
		q.differ("the stored trace tells something else (%v): %+v", err, read)
	}
	if (len(q.plan.Targets) > 0) != (q.plan.Outcome == routing.Ring) {
		q.differ("outcome is %s with %d targets ringing", q.plan.Outcome, len(q.plan.Targets))
	}
}

// check looks at the table without a call.
func (r *runner) check(where string, check func(*world, *routing.Table, []string) (string, error), words []string) error {
	if len(r.results) == 0 {
		return errors.New("this must stand in a test")
	}
	table, err := r.world.table()
	if err != nil {
		return err
	}
	problem, err := check(r.world, table, words)
	if problem != "" {
		r.report(where, "%s", problem)
	}
	return err
}

// split takes a line apart at blanks; "…" holds blanks together, # before a blank begins a comment.
func split(line string) ([]string, error) {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t\r")
		switch {
		case line == "" || line == "#" || strings.HasPrefix(line, "# ") || strings.HasPrefix(line, "#\t"):
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
