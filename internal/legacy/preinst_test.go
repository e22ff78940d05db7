package legacy_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/legacy"
)

// TestPreinstKnowsTheSame holds the script that looks before the program is there to what the program says afterwards.
func TestPreinstKnowsTheSame(t *testing.T) {
	text, err := os.ReadFile("../../packaging/debian/preinst")
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string) string {
		m := regexp.MustCompile(`(?m)^` + name + `="?([^"\n]*)"?$`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("preinst has no %s", name)
		}
		return string(m[1])
	}
	if makes := strings.Fields(value("makes")); !slices.Equal(makes, legacy.SupportedMakes()) {
		t.Errorf("preinst supports %q, the program %q", makes, legacy.SupportedMakes())
	}
	if oldest := value("oldest"); oldest != legacy.Oldest {
		t.Errorf("preinst upgrades from %s on, the program from %s on", oldest, legacy.Oldest)
	}
}
