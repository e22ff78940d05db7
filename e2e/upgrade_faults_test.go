//go:build e2e && pkg

package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// steps are the names of the steps of an upgrade, in their order.
func (u *upgrading) steps() []string {
	u.t.Helper()
	var names []string
	for line := range strings.Lines(u.run(unpacked+"/usr/bin/koppelfeld", "upgrade", "status", "--steps")) {
		if f := strings.Fields(line); len(f) > 0 {
			names = append(names, f[0])
		}
	}
	if len(names) < 6 {
		u.t.Fatalf("an upgrade has the steps %q", names)
	}
	return names
}

// backTo45 finds 4.5 answering, or brings it back. It says whether that was needed.
func (u *upgrading) backTo45() bool {
	u.t.Helper()
	needed := !u.answers(func(got string) bool { return strings.HasSuffix(got, "Koppelfeld 4.5.0.10") })
	if needed {
		if out, err := u.try("koppelfeld", "upgrade", "rollback"); err != nil {
			u.t.Fatalf("the way back: %v\n%s", err, out)
		}
	}
	u.serves45()
	u.oldKept()
	return needed
}

// answers reports whether the answer to an OPTIONS becomes as wanted, with the time that a program takes to start.
func (u *upgrading) answers(wanted func(got string) bool) bool {
	u.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		got := u.askSIP()
		if wanted(got) {
			return true
		}
		if strings.HasPrefix(got, "SIP/2.0 200") {
			return false // the other one
		}
	}
	return false
}

// killed kills the upgrade before and after each of its steps, on one machine: each time 4.5 answers, and the next try comes as far as the
// next point.
func killed(t *testing.T, u *upgrading) {
	u.accept()
	u.changeSource()
	first := true
	for _, step := range u.steps() {
		for _, when := range []string{"before", "after"} {
			halt := "KOPPELFELD_UPGRADE_HALT=" + step + ":" + when
			var out string
			var err error
			if first {
				out, err = u.fullUpgrade([]string{halt}, keepConf...)
				first = false
			} else {
				out, err = u.try("env", halt, "dpkg", "--configure", "-a")
			}
			if err == nil {
				t.Fatalf("%s: the run has not been killed:\n%s", halt, out)
			}
			if u.backTo45() {
				t.Errorf("killed %s %s, 4.5 had to be brought back by hand", when, step)
			}
		}
	}
	u.run("dpkg", "--configure", "-a")
	u.serves5()
	u.calls5()
	u.oldKept()
}

// powerLost kills the upgrade at a step and, at the same moment, the whole machine. When that starts again one of the two answers and
// the other does not run, and the next try succeeds.
func powerLost(t *testing.T, u *upgrading) {
	u.accept()
	u.changeSource()
	u.stopBefore("checks")
	for _, at := range []string{"backup:after", "store:before", "selfcheck:after", "stop-old:after", "place:after", "start-new:after", "switch:before", "switch:after"} {
		// Not by dpkg: the script of the package would bring 4.5 back at once.
		if out, err := u.try("env", "KOPPELFELD_UPGRADE_HALT="+at, "koppelfeld", "upgrade", "run"); err == nil {
			t.Fatalf("%s: the run has not been killed:\n%s", at, out)
		}
		u.powerCut()
		u.boot()
		var got string
		eventually(t, 30*time.Second, at+": one of the two answers", func() bool {
			got = u.askSIP()
			return strings.HasPrefix(got, "SIP/2.0 200")
		})
		old, _ := u.try("systemctl", "is-active", "koppelfeld45")
		now, _ := u.try("systemctl", "is-active", "koppelfeld")
		if (strings.TrimSpace(old) == "active") == (strings.TrimSpace(now) == "active") {
			t.Errorf("%s: 4.5 is %s, 5 is %s", at, strings.TrimSpace(old), strings.TrimSpace(now))
		}
		t.Logf("power lost at %s: then answers %s", at, got)
		u.oldKept()
	}
	u.run("dpkg", "--configure", "-a", "--force-confdef", "--force-confold")
	u.serves5()
	u.calls5()
	u.reboot()
	u.serves5()
}

// powerCut ends the machine as a cut of its power does.
func (u *upgrading) powerCut() {
	u.t.Helper()
	if err := syscall.Kill(u.leader, syscall.SIGKILL); err != nil {
		u.t.Fatal(err)
	}
	select {
	case <-u.done:
	case <-time.After(30 * time.Second):
		u.t.Fatal("the machine outlives its first process")
	}
	u.leader = 0
}

// fullDisk lets the disk be full: from the beginning, and from some step on.
func fullDisk(t *testing.T, u *upgrading) {
	u.accept()
	u.changeSource()
	u.stopBefore("checks")
	for _, free := range []int64{0, 1 << 20, 32 << 20} {
		u.leaveFree(free)
		out, err := u.try("dpkg", "--configure", "-a")
		if err == nil {
			t.Fatalf("%d kB suffice:\n%s", free>>10, out)
		}
		t.Logf("%d kB: %s", free>>10, tail(strings.TrimSpace(out), 1))
		u.afterFullDisk()
	}
	u.leaveFree(1 << 30)
	for _, step := range []string{"backup", "store", "selfcheck", "stop-old", "start-new"} {
		out, err, reached := u.during(step, func() { u.leaveFree(0) })
		t.Logf("full from %s on (%v): %v:\n%s", step, reached, err, indented(tail(said(out), 8)))
		if err == nil { // it was faster
			u.leaveFree(1 << 30)
			u.serves5()
			u.run("koppelfeld", "upgrade", "rollback")
		}
		u.afterFullDisk()
		u.leaveFree(1 << 30)
	}
	again := u.again()
	u.run(again[0], again[1:]...)
	u.serves5()
	u.calls5()
	u.oldKept()
}

// afterFullDisk finds one of the two answering while the disk is still as good as full, and brings 4.5 back when that was 5: dpkg can fail
// after the upgrade is through.
func (u *upgrading) afterFullDisk() {
	u.t.Helper()
	u.leaveFree(64 << 10)
	if !u.answers(func(got string) bool { return strings.HasPrefix(got, "SIP/2.0 200") }) {
		u.t.Error("with a full disk neither of the two answers")
	}
	u.backTo45()
}

// again is the command that tries the upgrade again: as dpkg does it, or by hand where dpkg believes that all is well.
func (u *upgrading) again() []string {
	u.t.Helper()
	if strings.HasPrefix(u.run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", "koppelfeld"), "ii") {
		return []string{"koppelfeld", "upgrade", "run"}
	}
	return []string{"dpkg", "--configure", "-a", "--force-confdef", "--force-confold"}
}

// during tries the upgrade again and does something when it has come to a step. It returns what was printed, how it ended, and
// whether the step was seen.
func (u *upgrading) during(step string, do func()) (string, error, bool) {
	u.t.Helper()
	type result struct {
		out string
		err error
	}
	before, again := u.readState(), u.again()
	done := make(chan result, 1)
	go func() {
		out, err := u.try(again[0], again[1:]...)
		done <- result{out, err}
	}()
	reached := false
	for !reached && len(done) == 0 {
		now := u.readState()
		reached = now.ID != before.ID && now.Step == step
	}
	do()
	r := <-done
	return r.out, r.err, reached
}

// stopBefore begins the upgrade and ends it before a step.
func (u *upgrading) stopBefore(step string) {
	u.t.Helper()
	if out, err := u.fullUpgrade([]string{"KOPPELFELD_UPGRADE_HALT=" + step + ":before"}, keepConf...); err == nil {
		u.t.Fatalf("the run has not been killed:\n%s", out)
	}
	u.backTo45()
}

// databaseStops stops MariaDB while the upgrade is at a step, for each step that needs it.
func databaseStops(t *testing.T, u *upgrading) {
	u.accept()
	u.changeSource()
	u.stopBefore("checks")
	u.run("systemctl", "stop", "mariadb")
	out, err := u.try("dpkg", "--configure", "-a")
	if err == nil {
		t.Fatalf("without MariaDB the upgrade works:\n%s", out)
	}
	t.Logf("without MariaDB:\n%s", indented(said(out)))
	u.run("systemctl", "start", "mariadb")
	u.backTo45()
	for _, step := range []string{"backup", "convert", "selfcheck", "stop-old"} {
		out, err, reached := u.during(step, func() { u.run("systemctl", "kill", "-s", "KILL", "mariadb") })
		t.Logf("MariaDB killed at %s (%v): %v: %s", step, reached, err, tail(strings.TrimSpace(out), 1))
		u.run("systemctl", "start", "mariadb")
		if err == nil { // 5 is served from its own file
			u.serves5()
			u.run("koppelfeld", "upgrade", "rollback")
		}
		if u.backTo45() {
			t.Error("4.5 had to be brought back by hand")
		}
	}
	again := u.again()
	u.run(again[0], again[1:]...)
	u.serves5()
	u.calls5()
}

// stateNow is what the journal of the upgrade says.
type stateNow struct{ ID, Step, Phase string }

func (u *upgrading) readState() (s stateNow) {
	text, err := os.ReadFile(u.file(upgradeDir + "/state.json"))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil { // not there, or just being replaced
		return stateNow{}
	}
	return s
}

// unpackingKilled kills dpkg while it unpacks 5.
func unpackingKilled(t *testing.T, u *upgrading) {
	u.accept()
	u.changeSource()
	done := make(chan error, 1)
	go func() {
		_, err := u.fullUpgrade(nil, keepConf...)
		done <- err
	}()
	eventually(t, time.Minute, "dpkg runs", func() bool {
		_, err := u.try("pgrep", "-f", "^/usr/bin/dpkg .*--unpack")
		return err == nil || len(done) > 0
	})
	_, _ = u.try("pkill", "-KILL", "-f", "^/usr/bin/dpkg .*--unpack") // it may have ended
	<-done
	u.serves45()
	u.oldKept()
	u.run("apt-get", append(append([]string{"-y", "-f"}, keepConf...), "install")...)
	if out, err := u.fullUpgrade(nil, keepConf...); err != nil {
		t.Fatalf("the second try: %v\n%s", err, out)
	}
	u.serves5()
	u.calls5()
}

// killedAt kills whoever is at work, by the words of its command, when the upgrade has come to a step. What goes on by itself comes to its end;
// where nothing is left that could, 4.5 is brought back.
func killedAt(step, pattern string) func(t *testing.T, u *upgrading) {
	return func(t *testing.T, u *upgrading) {
		u.accept()
		u.changeSource()
		u.stopBefore("checks")
		out, err, reached := u.during(step, func() { _, _ = u.try("pkill", "-KILL", "-f", pattern) }) // it may have ended
		eventually(t, time.Minute, "nothing of the upgrade runs any more", func() bool {
			_, err := u.try("pgrep", "-f", "koppelfeld upgrade|koppelfeld.postinst")
			return err != nil
		})
		one := u.answers(func(got string) bool { return strings.HasPrefix(got, "SIP/2.0 200") })
		t.Logf("reached: %v; %v: %s; then answers %q", reached, err, tail(strings.TrimSpace(out), 1), u.askSIP())
		if !one {
			u.backTo45()
		}
		u.oldKept()
		u.run("dpkg", "--configure", "-a", "--force-confdef", "--force-confold")
		u.serves5()
		u.calls5()
	}
}
