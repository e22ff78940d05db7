package routing_test

import (
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/routing/routetest"
)

func TestScripts(t *testing.T) { routetest.Run(t, "testdata/*.txt") }

func TestScriptShowsWhatDiffers(t *testing.T) {
	const script = `
user a "A"
slot a/desk desk
number 20 of a
tick 20 desk
test wrong
  call 20 from outside 30
    rings desk
    outcome busy
test no fault
  number 21 of a
  fault users[a].numbers[21].number
`
	results, err := routetest.Check("wrong.txt", script)
	if err != nil || len(results) != 2 {
		t.Fatalf("%v %v", results, err)
	}
	all := strings.Join(append(results[0].Differences, results[1].Differences...), "\n")
	for _, part := range []string{
		"wrong.txt:7: ", "rings: want a/desk, got nothing", "outcome: want busy, got not_registered",
		"the answer was:", "reason slot_not_registered", "wrong.txt:12: no fault",
	} {
		if !strings.Contains(all, part) {
			t.Errorf("report lacks %q:\n%s", part, all)
		}
	}
	for _, bad := range []string{
		"", "test x\nbogus", "rings desk", "test x\nrings desk", "include nowhere", "call 1 from outside",
		"test x\ncall 1", "user a \"A", "slot a/b desk", "number 2 of a", "include wrong.txt",
		"user a A\nnumber 110 of a\ntest x", "test x\nuser a A\nnumber 110 of a", "test", "test x\nfault", "tick 2 x", "registered x",
	} {
		if r, err := routetest.Check("bad.txt", bad); err == nil {
			t.Errorf("script %q passes: %v", bad, r)
		}
	}
}
