// Package alarm keeps what is wrong now: checks are asked again and again, and each that finds something makes an alarm, which lasts
// until the check finds nothing any more.
//
// Run asks the checks on the goroutine that calls it. The package imports internal/fault only.
package alarm

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/fault"
)

// Severity says how bad an alarm is.
type Severity string

// The severities, from bad to worse.
const (
	Info    Severity = "info"    // somebody should know
	Warning Severity = "warning" // calls will suffer if nobody acts
	Error   Severity = "error"   // calls, records or changes suffer
)

func (s Severity) rank() int { return slices.Index([]Severity{Error, Warning, Info}, s) }

// Finding is what a check has found, in words for people.
type Finding struct {
	Severity Severity
	// Code names the kind of finding and stays the same; Subject is what it is about where there may be several, such as a trunk.
	Code, Subject string
	De, En        string
}

// Alarm is a finding that holds since a time.
type Alarm struct {
	Finding
	Since time.Time
}

// Check looks for something that is wrong and returns at once. It may find several things.
type Check func(now time.Time) []Finding

// Every is how often the checks are asked.
const Every = 10 * time.Second

// Keeper keeps the alarms. Use New; all methods are safe for concurrent use.
type Keeper struct {
	checks []Check
	log    *slog.Logger
	faults *fault.Log

	asking sync.Mutex // one round at a time
	mu     sync.Mutex
	alarms map[[2]string]Alarm
}

// New makes a keeper of the alarms that checks find.
func New(log *slog.Logger, faults *fault.Log, checks ...Check) *Keeper {
	return &Keeper{checks: checks, log: log, faults: faults, alarms: map[[2]string]Alarm{}}
}

// Run asks the checks until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		k.Ask(time.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Ask asks all checks now. A check that fails by a fault of the program finds nothing; the others are asked all the same.
func (k *Keeper) Ask(now time.Time) {
	k.asking.Lock()
	defer k.asking.Unlock()
	var found []Finding
	for _, check := range k.checks {
		k.faults.Guard("alarms", func() { found = append(found, check(now)...) })()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	next := make(map[[2]string]Alarm, len(found))
	for _, f := range found {
		key := [2]string{f.Code, f.Subject}
		a, known := k.alarms[key]
		if !known {
			a.Since = now
			k.log.Warn("alarm", "code", f.Code, "subject", f.Subject, "severity", string(f.Severity), "text", f.En)
		}
		a.Finding = f
		next[key] = a
	}
	for key, a := range k.alarms {
		if _, still := next[key]; !still {
			k.log.Info("alarm is over", "code", a.Code, "subject", a.Subject, "after", now.Sub(a.Since).Round(time.Second))
		}
	}
	k.alarms = next
}

// Alarms lists what is wrong, the worst first, and of those the latest.
func (k *Keeper) Alarms() []Alarm {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := make([]Alarm, 0, len(k.alarms))
	for _, a := range k.alarms {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b Alarm) int {
		return cmp.Or(cmp.Compare(a.Severity.rank(), b.Severity.rank()), b.Since.Compare(a.Since), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Subject, b.Subject))
	})
	return out
}
