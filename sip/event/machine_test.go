package event

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

var (
	stateNames     = [numStates]string{"quiet", "paused", "paused+news", "sending", "sending+news", "sending+ask", "sending+end", "ending", "gone"}
	happeningNames = [numHappenings]string{"news", "asked", "finish", "accepted", "later", "refused", "time up", "lost"}
	actionNames    = []string{"stop timer", "notify", "notify end", "pause", "pause long", "forget"}
)

func (a action) String() string {
	var names []string
	for i, n := range actionNames {
		if a&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}

// TestMatrix shows every event in every state.
func TestMatrix(t *testing.T) {
	var b strings.Builder
	for s := range numStates {
		for h := range numHappenings {
			to, todo := next(s, h)
			fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprintf("%-13s + %-9s = %-13s %s", stateNames[s], happeningNames[h], stateNames[to], todo)))
		}
	}
	path := filepath.Join("testdata", "matrix.txt")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(want) {
		t.Errorf("the machine differs from testdata/matrix.txt:\n%s", got)
	}
}

// TestLaws checks for every pair what holds for all subscriptions.
func TestLaws(t *testing.T) {
	underWay := func(s state) bool { return s >= sending && s <= ending }
	for s := range numStates {
		for h := range numHappenings {
			to, todo := next(s, h)
			name := stateNames[s] + " + " + happeningNames[h]
			sends := todo&(notify|notifyEnd) != 0
			if sends && underWay(s) && h != accepted && h != later {
				t.Errorf("%s: a second NOTIFY while one is under way", name)
			}
			if sends && !underWay(to) {
				t.Errorf("%s: sends, and does not know it", name)
			}
			if (to == gone) != (todo&forget != 0) && s != gone {
				t.Errorf("%s: gone without letting go, or the other way round", name)
			}
			if s == gone && (to != gone || todo != 0) {
				t.Errorf("%s: comes back to life", name)
			}
			if !s.open() && to.open() {
				t.Errorf("%s: an ended subscription is open again", name)
			}
			if h == finish && to.open() {
				t.Errorf("%s: goes on after its end", name)
			}
			waits := to == paused || to == pausedNews
			if waits && !(s == paused || s == pausedNews) && todo&(pause|pauseLong) == 0 {
				t.Errorf("%s: waits without a timer", name)
			}
		}
	}
}

// TestNewsIsNeverLost: whatever happens in between, news that came ends in a NOTIFY sent after it, or in the end of
// the subscription.
func TestNewsIsNeverLost(t *testing.T) {
	for s := range numStates {
		to, todo := next(s, news)
		if !s.open() || todo&notify != 0 {
			continue
		}
		// Nothing but answers and timers follows.
		for range 4 {
			switch to {
			case sending, sendingNews, sendingAsk:
				to, todo = next(to, accepted)
			case paused, pausedNews:
				to, todo = next(to, timeUp)
			}
			if todo&notify != 0 {
				break
			}
		}
		if todo&notify == 0 {
			t.Errorf("%s: news is forgotten", stateNames[s])
		}
	}
}
