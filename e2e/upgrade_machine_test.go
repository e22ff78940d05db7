//go:build e2e && pkg

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/koppelfeld/koppelfeld/internal/testnet"
)

// upgradeLab has the file system of a machine with a 4.5 at work, from which scenarios start, and a repository with both suites.
type upgradeLab struct {
	base, repo string
}

// newUpgradeLab installs 4.5 on a Debian machine with MariaDB, as its administrator did once.
func newUpgradeLab(t *testing.T) *upgradeLab {
	t.Helper()
	m, ns := newMachine(t, fromMake(t, "KOPPELFELD_ROOT"))
	for _, deb := range glob(t, filepath.Join(fromMake(t, "KOPPELFELD_LEGACY"), "*.deb")) {
		m.publish("koppelfeld-4.5", deb)
	}
	m.publish("koppelfeld-5", fromMake(t, "KOPPELFELD_PACKAGE"))
	m.write("/usr/share/keyrings/koppelfeld.gpg", readHere(t, filepath.Join(m.repo, "koppelfeld.gpg")))
	m.write("/etc/apt/sources.list", "")
	m.write(aptSource, readHere(t, filepath.Join(m.repo, "koppelfeld-4.5.sources")))
	// Its log of 96 MB would be copied for each scenario.
	m.write("/etc/mysql/mariadb.conf.d/60-small.cnf", "[mariadbd]\ninnodb_log_file_size=8M\ninnodb_buffer_pool_size=32M\nperformance_schema=off\n")
	m.boot()
	m.run("apt-get", "update")
	m.run("apt-get", "-y", "install", "koppelfeld")
	u := &upgrading{machine: m, ns: ns}
	u.serves45()
	m.shutDown()
	m.here("dpkg-deb", "-x", fromMake(t, "KOPPELFELD_PACKAGE"), m.file(unpacked))
	ns.Close() // the scenarios' have the same names
	return &upgradeLab{base: m.root, repo: m.repo}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no file is like %s (%v)", pattern, err)
	}
	return files
}

const (
	aptSource   = "/etc/apt/sources.list.d/koppelfeld.sources"
	upgradeConf = "/etc/koppelfeld/upgrade.conf"
	unpacked    = "/root/koppelfeld-5" // 5 as somebody has it who has not installed it
	dsn45       = "root@unix(/run/mysqld/mysqld.sock)/asterisk"
)

// upgrading is a machine on its way from 4.5 to 5.
type upgrading struct {
	*machine
	ns   *testnet.Namespaces
	disk string // where what the machine writes is, as a file system of its own in memory
	// before is what must not have changed when nothing was to change.
	before state45
}

// state45 is what there is of 4.5.
type state45 struct {
	packages, database, config string
}

// machine starts a machine on which 4.5 is at work. What it writes goes into memory, so that its disk can be made small.
func (l *upgradeLab) machine(t *testing.T) *upgrading {
	t.Helper()
	u := &upgrading{}
	u.machine, u.ns = newMachineOn(t, func(m *machine) {
		u.disk = filepath.Join(filepath.Dir(m.root), "disk")
		if err := os.Mkdir(u.disk, 0o755); err != nil {
			t.Fatal(err)
		}
		m.here("mount", "-t", "tmpfs", "-o", "size=3g,mode=755", "tmpfs", u.disk)
		t.Cleanup(func() { m.here("umount", u.disk) })
		for _, d := range []string{"upper", "work"} {
			if err := os.Mkdir(filepath.Join(u.disk, d), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		m.here("mount", "-t", "overlay", "-o", fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", l.base, u.disk, u.disk), "overlay", m.root)
		t.Cleanup(func() { m.here("umount", m.root) })
		m.here("cp", "-a", l.repo+"/.", m.repo)
		m.here("cp", "-a", l.repo+".work", m.repo+".work")
	})
	u.boot()
	u.serves45()
	u.before = u.state()
	return u
}

// state reads what there is of 4.5.
func (u *upgrading) state() state45 {
	u.t.Helper()
	return state45{
		packages: u.run("dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Abbrev}\n", "koppelfeld", "koppelfeld45-server"),
		database: u.database45(),
		config:   u.run("sh", "-ec", "sha256sum /etc/koppelfeld45/* /etc/koppelfeld/upgrade.conf"),
	}
}

// database45 tells one state of the database of 4.5 from another.
func (u *upgrading) database45() string {
	u.t.Helper()
	return u.run("sh", "-ec", "mariadb-dump --no-defaults --skip-dump-date --databases asterisk | sha256sum")
}

// askSIP sends an OPTIONS from the telephones' network and returns the first line and the Server of the answer, "" when there is none.
func (u *upgrading) askSIP() string {
	u.t.Helper()
	var conn net.Conn
	err := u.ns.Within("phone", func() (err error) {
		conn, err = net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.ParseIP(machineAddress), Port: 5060})
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK%d\r\nFrom: <sip:test@%s>;tag=1\r\nTo: <sip:%s>\r\nCall-ID: %d\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		machineAddress, conn.LocalAddr(), time.Now().UnixNano(), machineAddress, machineAddress, time.Now().UnixNano()); err != nil {
		return ""
	}
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		u.t.Fatal(err)
	}
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	if err != nil {
		return ""
	}
	first, rest, _ := strings.Cut(string(answer[:n]), "\r\n")
	for line := range strings.SplitSeq(rest, "\r\n") {
		if server, ok := strings.CutPrefix(line, "Server: "); ok {
			return first + ", " + server
		}
	}
	return first
}

// serves45 waits until 4.5 answers from its database, and starts by itself when the machine starts.
func (u *upgrading) serves45() {
	u.t.Helper()
	const want = "SIP/2.0 200 OK, Koppelfeld 4.5.0.10"
	var got string
	deadline := time.Now().Add(20 * time.Second)
	for got = u.askSIP(); got != want && time.Now().Before(deadline); got = u.askSIP() {
	}
	if got != want {
		u.t.Fatalf("4.5 does not answer: %q", got)
	}
	u.expectUnit("koppelfeld45", "active", "enabled")
}

// serves5 waits until 5 answers, and 4.5 is off for good.
func (u *upgrading) serves5() {
	u.t.Helper()
	eventually(u.t, 30*time.Second, "5 answers", func() bool {
		got := u.askSIP()
		return strings.HasPrefix(got, "SIP/2.0 200") && !strings.Contains(got, "4.5.0")
	})
	u.expectUnit("koppelfeld", "active", "enabled")
	if u.has("/usr/lib/systemd/system/koppelfeld45.service") {
		u.expectUnit("koppelfeld45", "inactive", "disabled")
	}
}

// expectUnit compares the states of a service.
func (u *upgrading) expectUnit(unit, active, enabled string) {
	u.t.Helper()
	a, _ := u.try("systemctl", "is-active", unit)
	e, _ := u.try("systemctl", "is-enabled", unit)
	if a, e := strings.TrimSpace(a), strings.TrimSpace(e); a != active || e != enabled {
		u.t.Errorf("%s.service is %s and %s, not %s and %s", unit, a, e, active, enabled)
	}
}

// registers45 lets a telephone register at 4.5 with its secret.
func (u *upgrading) registers45() {
	u.t.Helper()
	startPhone(u.t, phoneOptions{
		name: "old", account: oldPhone("416"), tone: toneArmin, server: machineAddress + ":5060", transport: "udp", lab: u.ns, netns: "phone", address: phoneAddress,
	}).stop()
}

// oldPhone is what stands in a telephone of the example company's 4.5.
func oldPhone(number string) account {
	var a account
	a.SIP.Username, a.SIP.Domain = number, "musterfirma.example"
	a.SIP.Password = "fixture-s3cr-" + number
	if len(number) == 4 {
		a.SIP.Password = "fixture-s3c-" + number
	}
	return a
}

// untouched finds 4.5 at work with nothing changed, and nothing of 5.
func (u *upgrading) untouched() {
	u.t.Helper()
	u.serves45()
	if now := u.state(); now != u.before {
		u.t.Errorf("4.5 is not what it was:\n%+v\nnot\n%+v", now, u.before)
	}
	for _, path := range []string{"/usr/bin/koppelfeld", "/var/lib/koppelfeld", "/etc/koppelfeld/koppelfeld.toml"} {
		if _, err := os.Stat(u.file(path)); err == nil {
			u.t.Errorf("there is %s", path)
		}
	}
}

// accept writes that telephones without support are known.
func (u *upgrading) accept() {
	u.t.Helper()
	text := u.read(upgradeConf)
	u.write(upgradeConf, strings.Replace(text, "accept_unsupported_phones=no", "accept_unsupported_phones=yes", 1))
	u.before = u.state()
}

// keepConf answers dpkg's question about changed configuration files beforehand: keep them.
var keepConf = []string{"-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"}

// changeSource makes apt look for 5.
func (u *upgrading) changeSource() {
	u.t.Helper()
	u.run("sed", "-i", "s/koppelfeld-4.5/koppelfeld-5/", aptSource)
	u.run("apt-get", "clean")
	u.run("apt-get", "update")
}

// fullUpgrade is apt-get full-upgrade, with more options; before the program may stand variables of its environment.
func (u *upgrading) fullUpgrade(env []string, options ...string) (string, error) {
	u.t.Helper()
	args := append(append([]string{}, env...), "apt-get", "-y")
	return u.try("env", append(append(args, options...), "full-upgrade")...)
}

// mustUpgrade is changeSource and fullUpgrade, which has to work.
func (u *upgrading) mustUpgrade(options ...string) string {
	u.t.Helper()
	u.changeSource()
	out, err := u.fullUpgrade(nil, options...)
	if err != nil {
		u.t.Fatalf("full-upgrade: %v\n%s", err, out)
	}
	u.serves5()
	return out
}

// has reports whether a file is there.
func (u *upgrading) has(path string) bool {
	u.t.Helper()
	_, err := os.Lstat(u.file(path))
	if err != nil && !os.IsNotExist(err) {
		u.t.Fatal(err)
	}
	return err == nil
}

// leaveFree makes the machine's disk so small that only so many bytes are left, and what is written meanwhile.
func (u *upgrading) leaveFree(bytes int64) {
	u.t.Helper()
	eventually(u.t, 10*time.Second, "the disk is made small", func() bool {
		var fs unix.Statfs_t
		if err := unix.Statfs(u.disk, &fs); err != nil {
			u.t.Fatal(err)
		}
		used := (int64(fs.Blocks) - int64(fs.Bfree)) * fs.Bsize
		return unix.Mount("tmpfs", u.disk, "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("size=%d", used+bytes)) == nil // refused when more is used by now
	})
}

// terminal runs a program at a terminal of the machine and types an answer whenever the question comes up, which is expected to end what is printed.
func (u *upgrading) terminal(question, answer, command string) (string, error) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := u.command(ctx, "env", "DEBIAN_FRONTEND=readline", "TERM=dumb", "PAGER=cat", "script", "--quiet", "--return", "--command", command, "/dev/null")
	in, err := cmd.StdinPipe()
	if err != nil {
		u.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		u.t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	var seen strings.Builder
	answered := 0
	for chunk := make([]byte, 4096); ; {
		n, err := out.Read(chunk)
		seen.Write(chunk[:n])
		if strings.HasSuffix(strings.TrimRight(seen.String(), " "), question) {
			answered++
			if _, err := io.WriteString(in, answer+"\n"); err != nil {
				u.t.Fatal(err)
			}
			seen.WriteString(" ")
		}
		if err != nil {
			break
		}
	}
	err = cmd.Wait() // closes what is typed into
	if answered == 0 {
		u.t.Errorf("%s was never asked:\n%s", question, seen.String())
	}
	return seen.String(), err
}
