//go:build e2e && pkg

package e2e

import (
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// TestUpgrade takes machines with a 4.5 at work to 5 with apt, in every way that is likely, and looks each time which of the two answers.
func TestUpgrade(t *testing.T) {
	lab := newUpgradeLab(t)
	for _, s := range []struct {
		name string
		run  func(t *testing.T, u *upgrading)
	}{
		{"a check on the running 4.5", checkBefore},
		{"refusals", refusals},
		{"life", life},
		{"taking the new configuration file", takeNew},
		{"at a terminal keeping the configuration file", atTerminal("N")},
		{"at a terminal taking the new configuration file", atTerminal("Y")},
		{"with nobody to answer", nobodyAnswers},
		{"with autoremove", withAutoremove},
		{"back and again", backAgain},
		{"purged with the way back", purgedUnfinished},
		{"killed at every step", killed},
		{"power lost", powerLost},
		{"full disk", fullDisk},
		{"MariaDB stops", databaseStops},
		{"dpkg killed while it unpacks", unpackingKilled},
		{"dpkg killed at the backup", killedAt("backup", "^dpkg --configure")},
		{"the script killed at the backup", killedAt("backup", "koppelfeld.postinst")},
		{"dpkg killed when 4.5 stops", killedAt("stop-old", "^dpkg --configure")},
		{"the script killed when 4.5 stops", killedAt("stop-old", "koppelfeld.postinst")},
		{"everything killed when 4.5 stops", killedAt("stop-old", "^dpkg --configure|koppelfeld.postinst|koppelfeld upgrade")},
		{"everything killed when 5 starts", killedAt("start-new", "^dpkg --configure|koppelfeld.postinst|koppelfeld upgrade")},
	} {
		t.Run(s.name, func(t *testing.T) { s.run(t, lab.machine(t)) })
	}
}

// upgradeReport is what the test reads of a report.
type upgradeReport struct {
	Ready    bool           `json:"ready"`
	Stops    []string       `json:"stops"`
	Migrated map[string]int `json:"migrated"`
	Items    struct {
		Groups []string `json:"groups"`
	} `json:"items"`
	NotMigrated []struct {
		Kind  string `json:"kind"`
		Owner string `json:"owner"`
		Count int    `json:"count"`
	} `json:"not_migrated"`
}

func (u *upgrading) report(path string) upgradeReport {
	u.t.Helper()
	var r upgradeReport
	if err := json.Unmarshal([]byte(u.read(path)), &r); err != nil {
		u.t.Fatal(err)
	}
	return r
}

// exitCode is that of a program that ran, 0 when it succeeded.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// checkBefore lets the new program, which nobody has installed yet, look at the running 4.5. Nothing changes by that.
func checkBefore(t *testing.T, u *upgrading) {
	u.registers45()
	check := func(want int, options ...string) {
		t.Helper()
		out, err := u.try(unpacked+"/usr/bin/koppelfeld", append([]string{
			"upgrade", "check", "--source", dsn45, "--from-version", "4.5.0.10", "--json", "/root/report.json", "--html", "/root/report.html",
		}, options...)...)
		if got := exitCode(err); got != want {
			t.Errorf("the check ends with %d, not %d:\n%s", got, want, out)
		}
	}
	check(2)
	if r := u.report("/root/report.json"); r.Ready || len(r.Stops) != 1 || !strings.Contains(r.Stops[0], "phones") || r.Migrated["users"] != 13 {
		t.Errorf("the report: %+v", r)
	}
	check(0, "--accept-unsupported-phones")
	if r := u.report("/root/report.json"); !r.Ready || len(r.Stops) != 0 {
		t.Errorf("the report with phones accepted: %+v", r)
	}
	if page := u.read("/root/report.html"); !strings.Contains(page, "armin.artmann") || !strings.Contains(page, "polycom-560") {
		t.Error("the page does not name users and phones")
	}
	u.untouched()
}
