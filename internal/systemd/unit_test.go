package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// analyze runs systemd-analyze, or skips the test where that is missing or too old.
func analyze(t *testing.T, args ...string) string {
	t.Helper()
	if out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--help").CombinedOutput(); err != nil {
		t.Skipf("systemd-analyze: %v %s", err, out)
	}
	out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestUnit holds the service's unit to what the daemon needs and what it must not have.
func TestUnit(t *testing.T) {
	const unit = "../../packaging/systemd/koppelfeld.service"
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]bool{
		`Type=notify`: true, `WatchdogSec=\d+s`: true, `Restart=always`: true, `User=koppelfeld`: true, `StateDirectory=koppelfeld`: true,
		`CapabilityBoundingSet=CAP_NET_BIND_SERVICE`: true, `AmbientCapabilities=CAP_NET_BIND_SERVICE`: true, `NoNewPrivileges=yes`: true,
		// They would take the call records in /dev/shm, and the machine's figures in /proc.
		`RemoveIPC=yes`: false, `DynamicUser=.*`: false, `ProcSubset=pid`: false,
	} {
		if got := regexp.MustCompile(`(?m)^` + pattern + `$`).Match(text); got != want {
			t.Errorf("%s: found %v", pattern, got)
		}
	}
	t.Run("exposure", func(t *testing.T) { analyze(t, "security", "--no-pager", "--offline=true", "--threshold=20", unit) })
	t.Run("verify", func(t *testing.T) {
		// Where it is checked neither program nor user need be installed.
		here := filepath.Join(t.TempDir(), "koppelfeld.service")
		changed := regexp.MustCompile(`(?m)^ExecStart=.*$`).ReplaceAll(text, []byte("ExecStart=/bin/sh -c true"))
		if err := os.WriteFile(here, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		if out := analyze(t, "verify", "--man=no", here); out != "" {
			t.Errorf("the unit: %s", out)
		}
	})
}
