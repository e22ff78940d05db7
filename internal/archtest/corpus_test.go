package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var (
	fuzzTarget = regexp.MustCompile(`(?m)^func Fuzz\w+\(`)
	playsAgain = regexp.MustCompile(`(?m)^\tcorpus\.Add\(f\)$`)
)

// TestEveryFuzzTargetPlaysItsCorpus: what fuzzing has found is kept per target, and is of use only where the target adds it.
func TestEveryFuzzTargetPlaysItsCorpus(t *testing.T) {
	for _, f := range files(t) {
		if !f.test {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", "..", f.path))
		if err != nil {
			t.Fatal(err)
		}
		if targets, added := len(fuzzTarget.FindAll(text, -1)), len(playsAgain.FindAll(text, -1)); targets != added {
			t.Errorf("%s has %d fuzz targets, of which %d call corpus.Add(f)", f.path, targets, added)
		}
	}
}
