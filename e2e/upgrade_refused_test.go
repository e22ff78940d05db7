//go:build e2e && pkg

package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// refusals go through everything for which the upgrade must not begin. Each time apt fails with a sentence that helps, and nothing has changed;
// in the end, with nothing in the way, it works.
func refusals(t *testing.T, u *upgrading) {
	u.changeSource()
	conf := u.read(upgradeConf)
	accepted := strings.Replace(conf, "accept_unsupported_phones=no", "accept_unsupported_phones=yes", 1)
	old := func(version string) {
		u.here("../packaging/legacy45/build.sh", filepath.Join(u.repo, version), version)
		u.run("sh", "-ec", fmt.Sprintf("dpkg -i /srv/koppelfeld/%s/*.deb", version))
	}
	for _, c := range []struct {
		name string
		conf string // upgrade.conf
		make func()
		undo func()
		want string // what is said
	}{
		{name: "phones that 5 does not support", conf: conf, want: `accept_unsupported_phones=yes`},
		{
			name: "MariaDB is stopped", conf: accepted, want: `systemctl start mariadb`,
			make: func() { u.run("systemctl", "stop", "mariadb") }, undo: func() { u.run("systemctl", "start", "mariadb") },
		},
		{
			name: "a .my.cnf with another user", conf: accepted, want: `/root/\.my\.cnf`,
			make: func() { u.write("/root/.my.cnf", "[client]\nuser=backup\npassword=secret\n") }, undo: func() { u.run("rm", "/root/.my.cnf") },
		},
		{
			name: "calls in progress", conf: accepted, want: `calls?`,
			make: func() { u.run("sh", "-c", "echo 2 > /run/koppelfeld45/calls") }, undo: func() { u.run("rm", "/run/koppelfeld45/calls") },
		},
		{name: "another product's database", conf: strings.Replace(accepted, "/asterisk", "/mysql", 1), want: `4\.5`},
		{name: "a database that is not there", conf: strings.Replace(accepted, "/asterisk", "/asterix", 1), want: `asterix`},
		{name: "a word that is neither yes nor no", conf: strings.Replace(conf, "phones=no", "phones=maybe", 1), want: `accept_unsupported_phones`},
		{name: "a key that nobody knows", conf: accepted + "acept_unsupported_phones=yes\n", want: `acept_unsupported_phones`},
		{name: "a value that a shell would run", conf: strings.Replace(accepted, "source=root@", "source=$(touch /root/owned)root@", 1), want: `source`},
		{
			name: "a disk that is nearly full", conf: accepted, want: `(?i)space|MB|disk`,
			make: func() { u.leaveFree(8 << 20) }, undo: func() { u.leaveFree(2 << 30) },
		},
		{
			name: "a 4.5 that is too old", conf: accepted, want: `4\.5\.0\.10`,
			make: func() { old("4.5.0.9") }, undo: func() { old("4.5.0.10") },
		},
	} {
		u.write(upgradeConf, c.conf)
		u.before = u.state()
		if c.make != nil {
			c.make()
		}
		out, err := u.fullUpgrade(nil, keepConf...)
		if c.undo != nil {
			c.undo()
		}
		if err == nil {
			t.Fatalf("%s: the upgrade is made all the same:\n%s", c.name, out)
		}
		t.Logf("%s:\n%s", c.name, indented(said(out)))
		if !regexp.MustCompile(c.want).MatchString(said(out)) {
			t.Errorf("%s: nothing said is like %q:\n%s", c.name, c.want, out)
		}
		u.untouched()
		if t.Failed() {
			t.Fatalf("%s: see above", c.name)
		}
	}
	if u.has("/root/owned") {
		t.Error("what stands in the configuration file is run")
	}

	u.write(upgradeConf, accepted)
	if out, err := u.fullUpgrade(nil, keepConf...); err != nil {
		t.Fatalf("with nothing in the way: %v\n%s", err, out)
	}
	u.serves5()
}

// said is what the scripts of the package have printed, without what apt and dpkg say.
func said(out string) string {
	var lines []string
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "koppelfeld: ") || strings.HasPrefix(line, "  ") && line != "  koppelfeld\n" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}
