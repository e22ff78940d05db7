package transfer

import (
	"os"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/example"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// TestWriteFixture writes the fixture of the format in force, which is done once for each version, with KOPPELFELD_FIXTURE=1.
func TestWriteFixture(t *testing.T) {
	if os.Getenv("KOPPELFELD_FIXTURE") == "" {
		t.Skip("fixtures are written once")
	}
	st := storetest.New(t)
	if _, err := example.Load(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("testdata/format1.zip", exported(t, st, Choice{}, passphrase), 0o644); err != nil {
		t.Fatal(err)
	}
}
