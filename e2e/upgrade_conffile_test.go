//go:build e2e && pkg

package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// The administrator has changed upgrade.conf, as he must where telephones are to be accepted, and 5 has a newer one: dpkg asks. What was
// accepted when the upgrade began holds, whatever the answer is.

// unattended has the answer given beforehand: keep.
func unattended(t *testing.T, u *upgrading) {
	u.accept()
	mine := u.read(upgradeConf)
	t.Logf("%s", indented(said(u.mustUpgrade(keepConf...))))
	if u.read(upgradeConf) != mine {
		t.Error("the administrator's upgrade.conf is gone")
	}
	if !u.has(upgradeConf + ".dpkg-dist") {
		t.Error("the new upgrade.conf does not lie beside the old one")
	}
}

// takeNew has the answer given beforehand: take the new one.
func takeNew(t *testing.T, u *upgrading) {
	u.accept()
	mine := u.read(upgradeConf)
	u.mustUpgrade("-o", "Dpkg::Options::=--force-confnew")
	if !u.has(upgradeConf+".dpkg-old") || u.read(upgradeConf+".dpkg-old") != mine {
		t.Error("the administrator's upgrade.conf is not kept beside the new one")
	}
	if strings.Contains(u.read(upgradeConf), "accept_unsupported_phones=yes") {
		t.Error("upgrade.conf is not the new one")
	}
}

// atTerminal answers the question itself.
func atTerminal(answer string) func(t *testing.T, u *upgrading) {
	return func(t *testing.T, u *upgrading) {
		u.accept()
		u.changeSource()
		out, err := u.terminal("[default=N] ?", answer, "apt full-upgrade -y")
		if err != nil {
			t.Fatalf("full-upgrade: %v\n%s", err, out)
		}
		if !regexp.MustCompile(`Configuration file '/etc/koppelfeld/upgrade.conf'`).MatchString(out) {
			t.Errorf("the question is another one:\n%s", out)
		}
		u.serves5()
		if kept := strings.Contains(u.read(upgradeConf), "accept_unsupported_phones=yes"); kept != (answer == "N") {
			t.Errorf("after %s upgrade.conf is kept: %v", answer, kept)
		}
	}
}

// nobodyAnswers has nobody at the keyboard, and no answer beforehand: dpkg stops, and 4.5 goes on.
func nobodyAnswers(t *testing.T, u *upgrading) {
	u.accept()
	u.changeSource()
	out, err := u.fullUpgrade(nil)
	if err == nil || !strings.Contains(out, "conffile prompt") {
		t.Fatalf("dpkg has not stopped at its question: %v\n%s", err, out)
	}
	u.serves45()
	u.registers45()
	u.reboot()
	u.serves45()
	u.run("dpkg", "--configure", "-a", "--force-confdef", "--force-confold")
	u.serves5()
}
