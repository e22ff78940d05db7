//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// crowd opens connections and says nothing on them, until as many are open or no more are to be had.
func crowd(t *testing.T, addr string, n int) (conns []net.Conn) {
	t.Helper()
	t.Cleanup(func() { disperse(conns) })
	for range n {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			break
		}
		conns = append(conns, c)
	}
	return conns
}

func disperse(conns []net.Conn) {
	for _, c := range conns {
		_ = c.Close()
	}
}

// open counts the daemon's descriptors.
func (d *daemon) open() int {
	d.t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.cmd.Process.Pid))
	if err != nil {
		d.t.Fatal(err)
	}
	return len(list)
}

// heard is how much a phone has recorded of what it hears, in bytes.
func (p *phone) heard() (n int64) {
	files, _ := filepath.Glob(filepath.Join(p.dir, "dump-*-dec.wav"))
	for _, f := range files {
		if s, err := os.Stat(f); err == nil {
			n += s.Size()
		}
	}
	return n
}

// TestNoDescriptors: the daemon has none left. The call that is up goes on, with audio and to its end, and when descriptors are
// free again phones that were not let in are served.
func TestNoDescriptors(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	armin, iris := d.slots("armin.artmann"), d.slots("iris.immsee")["desk"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin["desk"].ID}, "4161": {}, "4162": {}}, nil)
	callee := startPhone(t, phoneOptions{name: "armin", account: armin["desk"], server: d.sip, transport: "tcp", tone: toneArmin, answer: true})
	caller := startPhone(t, phoneOptions{name: "iris", account: iris, server: d.sip, transport: "tcp", tone: toneIris})
	caller.command("dial", "sip:416@koppelfeld.example")
	caller.await("CALL_ESTABLISHED")

	var before unix.Rlimit
	few := unix.Rlimit{Cur: uint64(d.open() + 5)}
	pid := d.cmd.Process.Pid
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		t.Fatal(err)
	}
	few.Max = before.Max
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &few, nil); err != nil {
		t.Fatal(err)
	}
	conns := crowd(t, d.sip, 100) // the kernel takes them, the daemon cannot
	eventually(t, 5*time.Second, "the daemon is out of descriptors", func() bool { return d.open() >= int(few.Cur) })
	for _, p := range []*phone{caller, callee} { // they go on hearing one another
		before := p.heard()
		eventually(t, 10*time.Second, p.name+" hears audio", func() bool { return p.heard() >= before+40000 })
	}
	caller.command("hangup", "")
	callee.await("CALL_CLOSED")

	disperse(conns)
	late := startPhone(t, phoneOptions{name: "late", account: armin["softphone"], server: d.sip, transport: "tcp", tone: toneArmin})
	if !late.saw("REGISTER_OK") {
		late.await("REGISTER_OK")
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil); err != nil {
		t.Fatal(err)
	}
	if r := d.awaitRecords(1); r.Result != "answered" || r.HangupBy != "caller" {
		t.Errorf("record %+v", r)
	}
	if n := strings.Count(d.log.String(), "sip accept failed"); n == 0 || n > 20 {
		t.Errorf("the log says %d times that accepting failed", n)
	}
}
