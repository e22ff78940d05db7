//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// TestFaultsAtTheStart is what an administrator gets wrong: each fault ends the start with exit code 1 and
// one line that names it.
func TestFaultsAtTheStart(t *testing.T) {
	running := newDaemon(t, "sqlite")
	running.start()
	text, err := os.ReadFile(running.config)
	if err != nil {
		t.Fatal(err)
	}
	port := func() string { return fmt.Sprintf("127.0.0.1:%d", freePort(t)) }
	for _, fault := range []struct {
		name    string
		spoil   func(dir string) string // changes the configuration of a daemon on free ports
		check   bool                    // the check command finds it, too
		message string
	}{
		{"second daemon on the same data", func(string) string { return "data_dir = \"" + filepath.Join(running.dir, "data") + "\"" }, false, "another daemon uses the data directory"},
		{"SIP port in use", func(string) string { return "listen = [\"udp://" + running.sip + "\"]" }, false, running.sip + ": bind: address already in use"},
		{"API port in use", func(string) string { return "[admin]\nlisten = \"" + running.admin + "\"" }, false, "admin.listen: listen tcp " + running.admin + ": bind: address already in use"},
		{"metrics port in use", func(string) string { return "[metrics]\nlisten = \"" + running.metrics + "\"" }, false, "metrics.listen: listen tcp " + running.metrics + ": bind: address already in use"},
		{"unknown key", func(string) string { return "colour = \"red\"" }, true, "colour: unknown key"},
		{"two faults", func(string) string { return "database = \"\"\nmedia.ports = \"5\"" }, true, "media.ports: must look like"},
		{"data directory is a file", func(dir string) string { return "data_dir = \"" + filepath.Join(dir, "koppelfeld.toml") + "\"" }, true, "not a directory"},
		{"data directory read-only", func(string) string { return "data_dir = \"/proc/self\"" }, true, "data_dir /proc/self is not writable"},
		{"no database", func(dir string) string {
			if err := os.WriteFile(filepath.Join(dir, "data", "koppelfeld.db"), []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
			return ""
		}, true, "koppelfeld.db: database is not available: file is not a database"},
		{"database server away", func(string) string { return "database = \"kf:hunter2@tcp(127.0.0.1:1)/kf\"" }, true, "connection refused"},
	} {
		t.Run(fault.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
				t.Fatal(err)
			}
			own := strings.NewReplacer(filepath.Join(running.dir, "data"), filepath.Join(dir, "data"), running.sip, port(), running.admin, port(), running.metrics, port()).Replace(string(text))
			config := filepath.Join(dir, "koppelfeld.toml")
			if err := os.WriteFile(config, []byte(override(own, fault.spoil(dir))), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, command := range []string{"serve", "check"} {
				if command == "check" && !fault.check {
					continue
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				out, err := exec.CommandContext(ctx, binary, command, "--config", config).CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), fault.message) {
					t.Errorf("%s: %v, want exit code 1 and %q:\n%s", command, err, fault.message, out)
				}
				if strings.Contains(string(out), "hunter2") || strings.Contains(string(out), "goroutine") {
					t.Errorf("%s says too much:\n%s", command, out)
				}
			}
		})
	}
}

// override puts keys into a configuration in place of those it has. "[table]" before a key names its table.
func override(config, keys string) string {
	var out strings.Builder
	lines := strings.Split(keys, "\n")
	table, at := "", ""
	if strings.HasPrefix(lines[0], "[") {
		table, lines = lines[0], lines[1:]
	} else if strings.HasPrefix(lines[0], "listen") {
		table = "[sip]"
	}
	if table == "" && keys != "" {
		out.WriteString(keys + "\n")
	}
	for line := range strings.Lines(config) {
		if strings.HasPrefix(line, "[") {
			at = strings.TrimSpace(line)
		}
		name, _, _ := strings.Cut(line, " ")
		replaced := false
		for _, l := range lines {
			if k, _, _ := strings.Cut(l, " "); l != "" && at == table && k == name || strings.TrimPrefix(at, "[") == "media]" && k == "media."+name {
				replaced = true
				if table != "" {
					out.WriteString(l + "\n")
				}
			}
		}
		if !replaced {
			out.WriteString(line)
		}
	}
	return out.String()
}

// TestLockedDatabase has another program hold the database locked: changes are refused with 503, reading and
// calls go on, and the records come later.
func TestLockedDatabase(t *testing.T) {
	r := newPair(t)
	callee, caller := r.phones(t, "UDP")
	up := r.connect(t, caller, callee, "")
	release := storetest.LockSQLite(t, filepath.Join(r.dir, "data"))
	up.flows(t, 10)
	up.end(t)
	again := r.connect(t, caller, callee, "") // a new call
	again.flows(t, 10)
	again.end(t)
	wantUnavailable(t, r.request("PATCH", "/api/numbers/416", map[string]any{"call_waiting": false}, nil))
	if err := r.request("GET", "/api/users", nil, nil); err != nil {
		t.Errorf("reading while the database is locked: %v", err)
	}
	eventually(t, 5*time.Second, "the records wait on disk", func() bool { return r.number("koppelfeld_records_spooled") == 2 })
	if r.number("koppelfeld_database_up") != 0 {
		t.Error("the metrics say that the database is fine")
	}
	release()
	for _, c := range []*connected{up, again} {
		if got := r.record(t, c.a.callID); got.Result != "answered" {
			t.Errorf("record %+v", got)
		}
	}
	r.api("PATCH", "/api/numbers/416", map[string]any{"call_waiting": true}, nil)
}

// wantUnavailable checks that a request was refused with a problem document.
func wantUnavailable(t *testing.T, err error) {
	t.Helper()
	var refused *httpError
	if !errors.As(err, &refused) || refused.status != http.StatusServiceUnavailable || !strings.Contains(refused.body, `"status":503`) {
		t.Errorf("a change is answered %v, want 503 with a problem document", err)
	}
}

// TestFullDisk fills the disk under the daemon: calls go on, changes are refused, and the records arrive
// when there is room again. It needs a file system of its own, in a mount namespace.
func TestFullDisk(t *testing.T) {
	if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("no mount namespace to be had: %v %s", err, out)
	}
	r := newPair(t)
	r.stop()
	data, seed := filepath.Join(r.dir, "data"), filepath.Join(r.dir, "seed")
	if err := os.Rename(data, seed); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	// The certificate will be where only the daemon sees it.
	certificate, err := os.ReadFile(filepath.Join(seed, "tls", "self.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "cert.pem"), certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	r.launch = func(args ...string) *exec.Cmd {
		script := `mount -t tmpfs -o size=8m,mode=700 tmpfs "$0" && cp -a "$1/." "$0" && shift && exec "$@"`
		return exec.Command("unshare", append([]string{"--mount", "--propagation", "private", "sh", "-c", script, data, seed, binary}, args...)...)
	}
	r.start()
	callee, caller := r.phones(t, "UDP")
	first := r.connect(t, caller, callee, "")
	filler := fmt.Sprintf("/proc/%d/root%s/filler", r.cmd.Process.Pid, data)
	if err := fill(filler); err != nil {
		t.Fatal(err)
	}
	first.flows(t, 10)
	first.end(t)
	calls := []*connected{first}
	for range 3 {
		c := r.connect(t, caller, callee, "")
		c.flows(t, 5)
		c.end(t)
		calls = append(calls, c)
	}
	eventually(t, 10*time.Second, "a change is refused", func() bool {
		_ = fill(filler) // what the daemon has freed meanwhile
		err := r.request("PATCH", "/api/users/armin.artmann", map[string]any{"first_name": strings.Repeat("A", 50)}, nil)
		if err != nil {
			wantUnavailable(t, err)
		}
		return err != nil
	})
	eventually(t, 5*time.Second, "failed writes are counted", func() bool {
		n := r.numbers([]string{"koppelfeld_records_disk_errors_total", "koppelfeld_records_database_errors_total", "koppelfeld_records_lost_total"})
		return n[0]+n[1] > 0 && n[2] == 0
	})
	if n := strings.Count(withoutRequests(r.log.String()), "\n"); n > 150 {
		t.Errorf("%d lines of log:\n%s", n, tail(withoutRequests(r.log.String()), 10))
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	for _, c := range calls {
		eventually(t, 20*time.Second, "the record arrives", func() bool { return r.request("GET", "/api/cdrs", nil, nil) == nil })
		if got := r.record(t, c.a.callID); got.Result != "answered" {
			t.Errorf("record %+v", got)
		}
	}
	r.api("PATCH", "/api/users/armin.artmann", map[string]any{"first_name": "Armin"}, nil)
	r.stop()

	// With a full disk the daemon does not start, and says why.
	script := `mount -t tmpfs -o size=1m,mode=700 tmpfs "$0" && cp -a "$1/." "$0" && (cat /dev/zero >"$0/filler" || true) 2>/dev/null && shift && exec "$@"`
	out, err := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", script, data, seed, binary, "serve", "--config", r.config).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no space left") {
		t.Errorf("a start on a full disk: %v\n%s", err, out)
	}
}

// fill writes a file until the disk is full.
func fill(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		_, err := f.Write(make([]byte, size))
		switch {
		case errors.Is(err, syscall.ENOSPC):
			size /= 2
		case err != nil:
			return err
		}
	}
	return nil
}

// TestFewDescriptors lets strangers open more connections than the process may have descriptors: calls, records
// and the API have theirs.
func TestFewDescriptors(t *testing.T) {
	r := newPair(t)
	r.stop()
	r.launch = func(args ...string) *exec.Cmd {
		return exec.Command("prlimit", append([]string{"--nofile=256:256", binary}, args...)...)
	}
	r.start()
	callee, caller := r.phones(t, "UDP")
	for _, to := range []string{r.sip, r.admin} {
		for i := range 300 {
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%50))}, Timeout: time.Second}
			if c, err := dialer.Dial("tcp", to); err == nil {
				defer c.Close()
			}
		}
	}
	var calls []*connected
	for range 5 {
		calls = append(calls, r.connect(t, caller, callee, ""))
	}
	for _, c := range calls {
		c.flows(t, 5)
		c.end(t)
	}
	for _, c := range calls {
		if got := r.record(t, c.a.callID); got.Result != "answered" || got.MediaNote != "" {
			t.Errorf("record %+v", got)
		}
	}
}

// TestNoMediaPorts has ports for one call: the next ones are refused with a reason, the first is not concerned, and
// its ports serve again when it has ended.
func TestNoMediaPorts(t *testing.T) {
	r := newPair(t)
	r.stop()
	text, err := os.ReadFile(r.config)
	if err != nil {
		t.Fatal(err)
	}
	first := freePort(t) &^ 1
	few := fmt.Sprintf("ports = \"%d-%d\"", first, first+3)
	if err := os.WriteFile(r.config, []byte(strings.Replace(string(text), `ports = "30000-31999"`, few, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	r.start()
	callee, caller := r.phones(t, "UDP")
	up := r.connect(t, caller, callee, "")
	log := strings.Count(withoutRequests(r.log.String()), "\n")
	var refused *talk
	for range 20 {
		refused = caller.dial("sip:416@"+domain, "", description("127.0.0.1", 41000, 1, "", pcmu...))
		refused.ackFailure(caller.await("503 INVITE"))
	}
	if n := strings.Count(withoutRequests(r.log.String()), "\n") - log; n == 0 || n > 5 {
		t.Errorf("%d lines of log for 20 calls that lack a port", n)
	}
	if got := r.record(t, refused.callID); got.Result != "failed" || got.Cause != "no media port is free" {
		t.Errorf("record %+v", got)
	}
	if n := r.number(`koppelfeld_media_ports{state="free"}`); n != 0 {
		t.Errorf("%.0f ports are said to be free", n)
	}
	up.flows(t, 10)
	up.end(t)
	eventually(t, 10*time.Second, "the ports serve another call", func() bool {
		k := caller.dial("sip:416@"+domain, "", description("127.0.0.1", 41000, 1, "", pcmu...))
		m := caller.await("503 INVITE", "180 INVITE", "100 INVITE")
		for m.kind() == "100 INVITE" {
			select {
			case req := <-callee.in:
				if req.kind() == "INVITE" {
					callee.send(wire(response(req, "486 Busy Here", "busy"), ""))
				}
			case m = <-caller.in:
			}
		}
		k.ackFailure(m)
		return m.kind() == "486 INVITE"
	})
}

// TestBrokenLocations starts over a table of registrations that cannot be read.
func TestBrokenLocations(t *testing.T) {
	r := newPair(t)
	callee := newPeer(t, r.daemon, r.callee, "UDP", "127.0.0.1:0")
	callee.register()
	r.stop()
	file := filepath.Join(r.dir, "data", "locations")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(whole[:len(whole)/2], make([]byte, 5000)...), 0o600); err != nil {
		t.Fatal(err)
	}
	r.start()
	if !strings.Contains(r.log.String(), "location table not readable") {
		t.Error("the log does not mention it")
	}
	if kept, err := os.ReadFile(file + ".bad"); err != nil || len(kept) == 0 {
		t.Errorf("the broken file is not kept: %v", err)
	}
	callee.register()
	caller := newPeer(t, r.daemon, r.caller, "UDP", "127.0.0.1:0")
	c := r.connect(t, caller, callee, "")
	c.flows(t, 5)
	c.end(t)
}
