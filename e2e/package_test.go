//go:build e2e && pkg

package e2e

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/testnet"
)

// fromMake is what the Makefile says in an environment variable.
func fromMake(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: run make e2e-package", name)
	}
	return v
}

// TestPackage takes a machine through the life of the package: installed from a signed repository, in use, rebooted, upgraded,
// removed, installed again, purged.
func TestPackage(t *testing.T) {
	m, ns := newMachine(t, fromMake(t, "KOPPELFELD_ROOT"))
	deb := fromMake(t, "KOPPELFELD_PACKAGE")
	m.publish("koppelfeld-5", deb)
	m.write("/usr/share/keyrings/koppelfeld.gpg", readHere(t, filepath.Join(m.repo, "koppelfeld.gpg")))
	m.write("/etc/apt/sources.list", "")
	m.write("/etc/apt/sources.list.d/koppelfeld.sources", readHere(t, filepath.Join(m.repo, "koppelfeld-5.sources")))
	m.boot()
	before := m.files()

	m.run("apt-get", "update")
	out := m.run("apt-get", "-y", "install", "koppelfeld")
	if !strings.Contains(out, "/var/lib/koppelfeld/first-password") {
		t.Errorf("the installation does not say where the first password is:\n%s", out)
	}
	p := &packaged{m: m, t: t, ns: ns}
	p.inService()
	p.hardened()
	p.logIn()
	p.company()
	p.call()
	p.m.run("systemctl", "reload", "koppelfeld")
	eventually(t, 10*time.Second, "the service reloads", func() bool {
		return strings.Contains(m.run("journalctl", "-u", "koppelfeld", "--no-pager", "-o", "cat"), "msg=reloaded")
	})
	p.survivesFaults()

	t.Log("reboot")
	m.reboot()
	p.inService()
	p.call()

	t.Log("upgrade")
	const mine = "\n# A note of the administrator.\n"
	m.write("/etc/koppelfeld/koppelfeld.toml", m.read("/etc/koppelfeld/koppelfeld.toml")+mine)
	m.publish("koppelfeld-5", p.next(deb))
	m.run("apt-get", "update")
	started := p.since()
	m.run("apt-get", "-y", "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold", "full-upgrade")
	p.inService()
	if v := m.run("dpkg-query", "-W", "-f", "${Version} ${db:Status-Abbrev}", "koppelfeld"); v != "5.1.0 ii " {
		t.Errorf("after the upgrade there is %q", v)
	}
	if p.since() == started {
		t.Error("the upgrade has not restarted the service")
	}
	if !strings.HasSuffix(m.read("/etc/koppelfeld/koppelfeld.toml"), mine) || !strings.Contains(m.read("/etc/koppelfeld/koppelfeld.toml.dpkg-dist"), "new in 5.1") {
		t.Error("the administrator's configuration is not kept beside the new one")
	}
	p.call()

	t.Log("remove")
	m.run("apt-get", "-y", "remove", "koppelfeld")
	if state, _ := m.try("systemctl", "is-active", "koppelfeld"); strings.TrimSpace(state) != "inactive" {
		t.Errorf("removed, the service is %q", state)
	}
	for _, kept := range []string{"/var/lib/koppelfeld/koppelfeld.db", "/etc/koppelfeld/koppelfeld.toml"} {
		if _, err := os.Stat(m.file(kept)); err != nil {
			t.Errorf("a removal takes data: %v", err)
		}
	}
	m.run("apt-get", "-y", "install", "koppelfeld")
	p.inService()
	p.call()

	t.Log("purge")
	m.run("apt-get", "-y", "purge", "koppelfeld")
	if left := without(m.files(), before); len(left) > 0 {
		t.Errorf("a purge leaves:\n%s", strings.Join(left, "\n"))
	}
	if out, err := m.try("getent", "passwd", "koppelfeld"); err == nil {
		t.Errorf("a purge leaves the user: %s", out)
	}
	if out := m.run("find", "/dev/shm", "-name", "koppelfeld*"); out != "" {
		t.Errorf("a purge leaves call records in memory: %s", out)
	}
}

func readHere(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// packaged is the installed daemon of a machine.
type packaged struct {
	t      *testing.T
	m      *machine
	ns     *testnet.Namespaces
	d      *daemon
	phones map[string]account
}

// inService waits until the service is up and answers.
func (p *packaged) inService() {
	p.t.Helper()
	eventually(p.t, 30*time.Second, "the service is active", func() bool {
		out, _ := p.m.try("systemctl", "is-active", "koppelfeld")
		return strings.TrimSpace(out) == "active"
	})
	p.m.run("koppelfeld", "check")
	if p.d == nil {
		return
	}
	p.d.client = nil
	p.d.api("POST", "/api/session", map[string]string{"username": "supervisor", "password": p.d.password}, nil)
}

// hardened looks at what the service may do.
func (p *packaged) hardened() {
	p.t.Helper()
	if out := p.m.run("systemd-analyze", "verify", "--man=no", "koppelfeld.service"); out != "" {
		p.t.Errorf("the unit: %s", out)
	}
	p.t.Log(tail(p.m.run("systemd-analyze", "security", "--no-pager", "--threshold=20", "koppelfeld.service"), 1))
	pid := strings.TrimSpace(p.m.run("systemctl", "show", "-P", "MainPID", "koppelfeld"))
	status := p.m.run("cat", "/proc/"+pid+"/status")
	for _, want := range []string{`CapEff:\s0000000000000400`, `CapBnd:\s0000000000000400`, `NoNewPrivs:\s1`, `Seccomp:\s2`} {
		if !regexp.MustCompile(want).MatchString(status) {
			p.t.Errorf("the process has not %s:\n%s", want, status)
		}
	}
	if regexp.MustCompile(`Uid:\s0\s`).MatchString(status) {
		p.t.Error("the daemon runs as root")
	}
	for path, want := range map[string]string{
		"/etc/koppelfeld": "750 root koppelfeld", "/etc/koppelfeld/koppelfeld.toml": "640 root koppelfeld", "/var/lib/koppelfeld": "700 koppelfeld koppelfeld",
	} {
		if got := strings.TrimSpace(p.m.run("stat", "-c", "%a %U %G", path)); got != want {
			p.t.Errorf("%s is %s, not %s", path, got, want)
		}
	}
	if out := p.m.run("journalctl", "-u", "koppelfeld", "-p", "warning", "--no-pager", "-o", "cat"); strings.Contains(out, "level=ERROR") {
		p.t.Errorf("the journal has errors:\n%s", out)
	}
	if out := p.m.run("journalctl", "-u", "koppelfeld", "-p", "info", "--no-pager", "-o", "cat"); !strings.Contains(out, "level=INFO msg=ready") {
		p.t.Errorf("the journal does not say that the daemon is ready:\n%s", out)
	}
}

// logIn sets the supervisor's password on the command line and opens a session from the network.
func (p *packaged) logIn() {
	p.t.Helper()
	first := strings.TrimSpace(p.m.run("cat", "/var/lib/koppelfeld/first-password"))
	d := &daemon{t: p.t, dir: p.t.TempDir(), admin: machineAddress + ":443", sip: machineAddress + ":5060", password: first, also: map[string]string{}}
	d.dial = func(address string) (net.Conn, error) { return p.ns.Dial("phone", address) }
	if err := os.WriteFile(filepath.Join(d.dir, "cert.pem"), []byte(p.m.read("/var/lib/koppelfeld/tls/self.pem")), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.d = d
	d.api("POST", "/api/session", map[string]string{"username": "supervisor", "password": first}, nil)
	d.password = "correct horse battery staple"
	if out, err := p.m.tryWith(d.password+"\n", "koppelfeld", "passwd", "supervisor"); err != nil {
		p.t.Fatalf("passwd: %v\n%s", err, out)
	}
	if out := p.m.run("find", "/var/lib/koppelfeld", "-path", "*/upgrade", "-prune", "-o", "!", "-user", "koppelfeld", "-print"); out != "" {
		p.t.Errorf("root's command leaves files that the daemon does not own: %s", out)
	}
	var answer struct{ Token string }
	var next time.Time
	d.eventually(20*time.Second, "the daemon takes over the password", func() bool {
		if time.Now().Before(next) {
			return false
		}
		next = time.Now().Add(2 * time.Second) // who is wrong too often has to wait
		return d.request("POST", "/api/session", map[string]string{"username": "supervisor", "password": d.password}, &answer) == nil
	})
	d.token = answer.Token
}

// company makes two people with a number and a telephone each.
func (p *packaged) company() {
	p.t.Helper()
	p.phones = map[string]account{}
	for user, number := range map[string]string{"anna": "410", "bert": "420"} {
		p.d.api("POST", "/api/users", map[string]string{"username": user, "first_name": user}, nil)
		p.d.api("POST", "/api/users/"+user+"/numbers", map[string]string{"number": number}, nil)
		p.d.api("POST", "/api/users/"+user+"/slots", map[string]string{"type": "desk"}, nil)
		slot := p.d.slots(user)["desk"]
		p.d.api("PUT", "/api/users/"+user+"/matrix", map[string][]string{number: {slot.ID}}, nil)
		p.phones[user] = slot
	}
}

// call lets both telephones register anew, one call the other, and both hear each other.
func (p *packaged) call() {
	p.t.Helper()
	callInMachine(p.t, p.ns, p.phones["anna"], p.phones["bert"], "420")
}

// callInMachine lets two telephones in the network of a machine register there, the first call the number of the second, and both hear each other.
func callInMachine(t *testing.T, ns *testnet.Namespaces, from, to account, number string) {
	t.Helper()
	o := phoneOptions{server: machineAddress + ":5060", transport: "udp", lab: ns, netns: "phone", address: phoneAddress}
	o.name, o.account, o.tone = "anna", from, toneArmin
	anna := startPhone(t, o)
	o.name, o.account, o.tone = "bert", to, toneIris
	bert := startPhone(t, o)
	anna.command("dial", number)
	bert.await("CALL_INCOMING")
	bert.command("accept", "")
	anna.await("CALL_ESTABLISHED")
	heardFor(t, 2*time.Second, anna, bert)
	anna.command("hangup", "")
	bert.await("CALL_CLOSED")
	for _, c := range []struct {
		phone *phone
		hz    float64
	}{{anna, toneIris}, {bert, toneArmin}} {
		if share, blocks := c.phone.purity(c.hz); blocks < 4 || share < 0.75 {
			t.Errorf("%s heard %v Hz in %.0f %% of %d blocks", c.phone.name, c.hz, share*100, blocks)
		}
	}
	anna.stop()
	bert.stop()
}

// survivesFaults kills the daemon, and stops it without killing it: it is up again each time.
func (p *packaged) survivesFaults() {
	p.t.Helper()
	restarts := func() string { return strings.TrimSpace(p.m.run("systemctl", "show", "-P", "NRestarts", "koppelfeld")) }
	p.m.run("systemctl", "kill", "-s", "KILL", "koppelfeld")
	eventually(p.t, 30*time.Second, "the service is started again after a kill", func() bool { return restarts() == "1" })
	p.inService()
	// With a short patience: fed for a while, then not.
	p.m.write("/etc/systemd/system/koppelfeld.service.d/test.conf", "[Service]\nWatchdogSec=3s\n")
	p.m.run("systemctl", "daemon-reload")
	p.m.run("systemctl", "restart", "koppelfeld")
	p.inService()
	p.call() // takes longer than the patience
	if n := restarts(); n != "0" {
		p.t.Errorf("the watchdog ends a daemon that is well: %s restarts", n)
	}
	p.m.run("systemctl", "kill", "-s", "STOP", "--kill-who=main", "koppelfeld")
	eventually(p.t, 60*time.Second, "the service is started again when it hangs", func() bool { return restarts() == "1" })
	if err := os.RemoveAll(p.m.file("/etc/systemd/system/koppelfeld.service.d")); err != nil {
		p.t.Fatal(err)
	}
	p.m.run("systemctl", "daemon-reload")
	p.m.run("systemctl", "restart", "koppelfeld")
	p.inService()
}

// since is when the service was started.
func (p *packaged) since() string {
	return p.m.run("systemctl", "show", "-P", "ActiveEnterTimestampMonotonic", "koppelfeld")
}

// next makes a package 5.1.0 of the other one, whose configuration file has changed.
func (p *packaged) next(deb string) string {
	p.t.Helper()
	dir := p.t.TempDir()
	tree := filepath.Join(dir, "tree")
	p.m.here("dpkg-deb", "-R", deb, tree)
	for path, change := range map[string]func(string) string{
		"DEBIAN/control": func(s string) string {
			return regexp.MustCompile(`(?m)^Version: .*$`).ReplaceAllString(s, "Version: 5.1.0")
		},
		"etc/koppelfeld/koppelfeld.toml": func(s string) string { return s + "# A note that is new in 5.1.\n" },
	} {
		text := readHere(p.t, filepath.Join(tree, path))
		if err := os.WriteFile(filepath.Join(tree, path), []byte(change(text)), 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
	made := filepath.Join(dir, "koppelfeld_5.1.0.deb")
	p.m.here("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", tree, made)
	return made
}

// comesAndGoes are places that the machine itself writes to.
var comesAndGoes = regexp.MustCompile(`^/(dev|proc|sys|run|tmp|srv)(/|$)|^/var/(log|cache|tmp)/|^/var/lib/(apt|dpkg|systemd|dbus)/|^/etc/(passwd|group|shadow|gshadow)-$|^/etc/\.|^/etc/(machine-id|mtab|resolv\.conf)$|^/root/`)

// files are the paths in the machine, without those that the machine itself writes.
func (m *machine) files() []string {
	m.t.Helper()
	var out []string
	err := filepath.WalkDir(m.root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // gone meanwhile
		}
		rel := strings.TrimPrefix(path, m.root)
		if comesAndGoes.MatchString(rel) {
			if e.IsDir() && !strings.HasPrefix(rel, "/var") {
				return filepath.SkipDir
			}
			return nil
		}
		out = append(out, rel)
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

func without(all, some []string) []string {
	known := map[string]bool{}
	for _, s := range some {
		known[s] = true
	}
	return slices.DeleteFunc(all, func(s string) bool { return known[s] })
}
