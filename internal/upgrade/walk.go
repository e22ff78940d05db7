package upgrade

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
)

// Step is a part of an upgrade. Do may be called again after a run that was ended in the middle of it.
type Step struct {
	Name string
	Does string // in words, for people
	Do   func(ctx context.Context) error
}

// HaltVariable is the variable of the environment by which tests make a run kill itself: the name of a step, with ":before" (its beginning stands
// in the journal, nothing has been done) or ":after" (it is done, and the journal does not know).
const HaltVariable = "KOPPELFELD_UPGRADE_HALT"

// Halt is where a run is to kill itself; the zero value is nowhere.
type Halt struct {
	Step  string
	After bool
}

// ParseHalt reads the value of HaltVariable.
func ParseHalt(text string, steps []Step) (Halt, error) {
	name, when, _ := strings.Cut(text, ":")
	switch {
	case text == "":
		return Halt{}, nil
	case when != "" && when != "before" && when != "after":
		return Halt{}, fmt.Errorf("%s: %q is neither before nor after", HaltVariable, when)
	case !slices.ContainsFunc(steps, func(s Step) bool { return s.Name == name }):
		return Halt{}, fmt.Errorf("%s: there is no step %q", HaltVariable, name)
	}
	return Halt{Step: name, After: when == "after"}, nil
}

func (h Halt) at(step string, after bool) {
	if h.Step == step && h.After == after {
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}

// Walk does the steps from the one called first on, "" for all, and writes to the journal before and after each. say is told what
// begins. It returns the error of the first that fails, with the name of the step.
func (j *Journal) Walk(ctx context.Context, steps []Step, first string, halt Halt, say func(Step)) error {
	at := max(0, slices.IndexFunc(steps, func(s Step) bool { return s.Name == first }))
	for _, s := range steps[at:] {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		j.State.Step = s.Name
		j.State.Steps = append(j.State.Steps, Mark{Name: s.Name, Began: j.now().UTC()})
		if err := j.Save(); err != nil {
			return err
		}
		halt.at(s.Name, false)
		say(s)
		if err := s.Do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		halt.at(s.Name, true)
		j.State.Steps[len(j.State.Steps)-1].Ended = j.now().UTC()
		if err := j.Save(); err != nil {
			return err
		}
	}
	return nil
}
