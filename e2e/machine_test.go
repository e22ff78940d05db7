//go:build e2e && pkg

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/testnet"
)

// machine is a Debian system of its own: systemd boots in a container whose network is a namespace of the test.
type machine struct {
	t      *testing.T
	root   string // its file system
	repo   string // the repository that it sees as /srv/koppelfeld
	netns  string
	nspawn *exec.Cmd
	done   chan error
	boots  *syncBuffer
	leader int // its process 1, seen from here
}

// newMachine unpacks a file system from the archive and makes a network of the namespaces "srv" and "phone" for it.
func newMachine(t *testing.T, archive string) (*machine, *testnet.Namespaces) {
	t.Helper()
	return newMachineOn(t, func(m *machine) { m.here("tar", "--zstd", "-xf", archive, "-C", m.root, "--exclude=./dev/*") })
}

// newMachineOn is newMachine with a file system that fill puts into the machine's root.
func newMachineOn(t *testing.T, fill func(m *machine)) (*machine, *testnet.Namespaces) {
	t.Helper()
	ns, err := testnet.NewNamespaces("srv", "phone")
	if errors.Is(err, testnet.ErrNotPermitted) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ns.Close)
	if err := ns.Script("srv", fmt.Sprintf("ip link add eth0 type veth peer name eth0 netns %s\nip addr add %s/24 dev eth0\nip link set eth0 up", ns.Name("phone"), machineAddress)); err != nil {
		t.Fatal(err)
	}
	if err := ns.Script("phone", fmt.Sprintf("ip addr add %s/24 dev eth0\nip link set eth0 up", phoneAddress)); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m := &machine{t: t, root: filepath.Join(dir, "root"), repo: filepath.Join(dir, "repo"), netns: "/run/netns/" + ns.Name("srv"), boots: &syncBuffer{}}
	for _, d := range []string{m.root, m.repo} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	fill(m)
	t.Cleanup(func() {
		if t.Failed() && m.leader != 0 {
			out, _ := m.try("journalctl", "--no-pager", "-n", "60")
			t.Logf("journal:\n%s", out)
		}
		m.shutDown()
	})
	return m, ns
}

const (
	machineAddress = "10.78.1.1"
	phoneAddress   = "10.78.1.2"
)

// here runs a program outside of the machine and returns what it printed.
func (m *machine) here(program string, args ...string) string {
	m.t.Helper()
	cmd := exec.Command(program, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// boot starts the machine and waits until systemd has nothing more to do.
func (m *machine) boot() {
	m.t.Helper()
	m.nspawn = exec.Command("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--directory="+m.root,
		"--network-namespace-path="+m.netns, "--bind-ro="+m.repo+":/srv/koppelfeld", "--hostname=pbx",
		// For its systemd: newer ones would not boot where the kernel has the control groups of old.
		"SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1")
	m.nspawn.Stdout, m.nspawn.Stderr = m.boots, m.boots
	if err := m.nspawn.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.done = make(chan error, 1)
	nspawn := m.nspawn
	go func() { m.done <- nspawn.Wait() }()
	eventually(m.t, time.Minute, "the machine is up", func() bool {
		select {
		case err := <-m.done:
			m.done <- err
			m.t.Fatalf("the machine ended: %v\n%s", err, tail(m.boots.String(), 40))
		default:
		}
		// At first it is a helper that prepares the container.
		if m.leader = childOf(nspawn.Process.Pid); m.leader == 0 {
			return false
		}
		out, _ := m.try("systemctl", "is-system-running")
		return strings.HasPrefix(out, "running") || strings.HasPrefix(out, "degraded")
	})
}

// childOf is the only child of a process, 0 while there is none.
func childOf(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return child
}

// reboot restarts the machine.
func (m *machine) reboot() {
	m.t.Helper()
	m.shutDown()
	m.boot()
}

// shutDown turns the machine off.
func (m *machine) shutDown() {
	if m.leader == 0 {
		return
	}
	_, _ = m.try("systemctl", "poweroff") // says nothing when it works, and is cut off
	select {
	case <-m.done:
	case <-time.After(time.Minute):
		m.t.Error("the machine does not shut down within a minute")
		_ = m.nspawn.Process.Signal(syscall.SIGKILL)
		<-m.done
	}
	m.leader = 0
}

// try runs a program as root in the machine.
func (m *machine) try(program string, args ...string) (string, error) {
	return m.tryWith("", program, args...)
}

// tryWith is try with something on standard input.
func (m *machine) tryWith(stdin, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := m.command(ctx, program, args...)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &out
	err := cmd.Run()
	return out.String(), err
}

// command prepares a program that is run as root in the machine.
func (m *machine) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	enter := []string{
		"-t", strconv.Itoa(m.leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--",
		"/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", program,
	}
	return exec.CommandContext(ctx, "nsenter", append(enter, args...)...)
}

// run is try that must work.
func (m *machine) run(program string, args ...string) string {
	m.t.Helper()
	out, err := m.try(program, args...)
	if err != nil {
		m.t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return out
}

// file is where a file of the machine is, seen from here.
func (m *machine) file(path string) string { return filepath.Join(m.root, path) }

// read is what stands in a file of the machine.
func (m *machine) read(path string) string {
	m.t.Helper()
	text, err := os.ReadFile(m.file(path))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

// write replaces a file of the machine, as its administrator would.
func (m *machine) write(path, text string) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.file(path)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(m.file(path), []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// publish puts a package into the machine's repository.
func (m *machine) publish(suite, deb string) {
	m.t.Helper()
	m.here("../packaging/apt-repo.sh", m.repo, suite, deb)
}
