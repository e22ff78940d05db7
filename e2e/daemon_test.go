//go:build e2e

// Package e2e calls through the running daemon with real phones and tools: baresip,
// SIPp, the built-in self-call, MariaDB. Every test starts what it needs on free
// loopback ports and stops it by its process.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/testnet"
)

const binary = "../bin/koppelfeld"

// daemon is one running koppelfeld.
type daemon struct {
	t        testing.TB
	dir      string
	config   string
	cmd      *exec.Cmd
	log      *syncBuffer
	done     chan error
	sip      string            // host:port
	also     map[string]string // further listeners by scheme
	admin    string
	metrics  string
	token    string
	password string
	// launch makes the command that runs the daemon, when that is not the plain one.
	launch func(args ...string) *exec.Cmd
	// dial reaches the daemon when it is not on this network.
	dial   func(address string) (net.Conn, error)
	client *http.Client
}

// syncBuffer collects a process's output.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// freePort finds a port that is free for UDP and TCP on loopback.
func freePort(t testing.TB) int {
	t.Helper()
	port, err := testnet.Port()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// newDaemon prepares a daemon with an own data folder; database is "sqlite" or a DSN.
func newDaemon(t testing.TB, database string) *daemon {
	t.Helper()
	dir := t.TempDir()
	d := &daemon{
		t: t, dir: dir, also: map[string]string{}, config: filepath.Join(dir, "koppelfeld.toml"),
		sip:     fmt.Sprintf("127.0.0.1:%d", freePort(t)),
		admin:   fmt.Sprintf("127.0.0.1:%d", freePort(t)),
		metrics: fmt.Sprintf("127.0.0.1:%d", freePort(t)),
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`data_dir = %q
database = %q
[sip]
listen = ["udp://%s", "tcp://%s"]
domain = "koppelfeld.example"
ring_seconds = 20
[media]
address = "127.0.0.1"
ports = "30000-31999"
[admin]
listen = %q
[metrics]
listen = %q
[log]
level = "info"
`, filepath.Join(dir, "data"), database, d.sip, d.sip, d.admin, d.metrics)
	if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// listen adds an entry to sip.listen on a free port and returns its address; to be called before start.
func (d *daemon) listen(scheme string) string {
	d.t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", freePort(d.t))
	d.edit("listen = [", fmt.Sprintf("listen = [%q, ", scheme+"://"+addr))
	d.also[scheme] = addr
	return addr
}

// edit replaces text in the configuration file.
func (d *daemon) edit(old, text string) {
	d.t.Helper()
	b, err := os.ReadFile(d.config)
	if err != nil {
		d.t.Fatal(err)
	}
	if !strings.Contains(string(b), old) {
		d.t.Fatalf("%q is not in the configuration", old)
	}
	if err := os.WriteFile(d.config, []byte(strings.Replace(string(b), old, text, 1)), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// start runs the daemon with the example company and waits until it is ready.
func (d *daemon) start() {
	d.t.Helper()
	d.log = &syncBuffer{}
	args := []string{"serve", "--config", d.config, "--example"}
	if d.launch != nil {
		d.cmd = d.launch(args...)
	} else {
		d.cmd = exec.Command(binary, args...)
	}
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.done = make(chan error, 1)
	go func() { d.done <- d.cmd.Wait() }()
	d.t.Cleanup(func() {
		if d.t.Failed() {
			d.t.Logf("daemon log:\n%s", tail(withoutRequests(d.log.String()), 40))
		}
		d.stop()
		if strings.Contains(d.log.String(), "panic") {
			d.t.Errorf("the daemon's log mentions a panic:\n%s", tail(d.log.String(), 80))
		}
	})
	d.eventually(20*time.Second, "the daemon is ready", func() bool {
		select {
		case err := <-d.done:
			d.done <- err
			d.t.Fatalf("the daemon ended: %v\n%s", err, d.log.String())
		default:
		}
		res, err := d.web().Get("https://" + d.admin + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	d.login()
}

// login opens an administrator's session with a password set through the command line.
func (d *daemon) login() {
	d.t.Helper()
	if d.password == "" {
		d.password = "correct horse battery staple"
		before := d.metric("koppelfeld_config_revision")
		cmd := exec.Command(binary, "passwd", "supervisor", "--config", d.config)
		cmd.Stdin = strings.NewReader(d.password + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			d.t.Fatalf("passwd: %v\n%s", err, out)
		}
		// Guessing locks the login, so wait until the daemon knows the password.
		d.eventually(10*time.Second, "the daemon takes over the password", func() bool { return d.metric("koppelfeld_config_revision") != before })
	}
	var answer struct{ Token string }
	d.api("POST", "/api/session", map[string]string{"username": "supervisor", "password": d.password}, &answer)
	d.token = answer.Token
}

// metric reads the value of a metric without labels.
func (d *daemon) metric(name string) string {
	d.t.Helper()
	res, err := d.web().Get("http://" + d.metrics + "/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	d.t.Fatalf("no metric %s", name)
	return ""
}

// stop ends the daemon with SIGTERM and waits for it.
func (d *daemon) stop() {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(15 * time.Second):
		d.t.Error("the daemon did not end within 15 s of SIGTERM")
		_ = d.cmd.Process.Kill()
		<-d.done
	}
	d.cmd = nil
}

// kill ends the daemon with SIGKILL.
func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	<-d.done
	d.cmd = nil
}

type httpError struct {
	status int
	body   string
}

func (e *httpError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.status, e.body) }

// request calls the API with the session's token.
func (d *daemon) request(method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, "https://"+d.admin+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if d.token != "" {
		req.Header.Set("Authorization", "Bearer "+d.token)
	}
	res, err := d.web().Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return &httpError{res.StatusCode, string(text)}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// api is request that must work.
func (d *daemon) api(method, path string, in, out any) {
	d.t.Helper()
	if err := d.request(method, path, in, out); err != nil {
		d.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// eventually polls until cond holds.
func (d *daemon) eventually(limit time.Duration, what string, cond func() bool) {
	d.t.Helper()
	eventually(d.t, limit, what, cond)
}

func eventually(t testing.TB, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(limit)
	for {
		if cond() {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// withoutRequests leaves out the access log.
func withoutRequests(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "http request") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func tail(s string, lines int) string {
	all := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// account is what POST …/slots or …/secret shows once.
type account struct {
	ID  string `json:"id"`
	SIP struct {
		Username string `json:"username"`
		Password string `json:"password"`
		Domain   string `json:"domain"`
	} `json:"sip"`
}

// slots lists a user's slots by type, with a fresh secret each.
func (d *daemon) slots(user string) map[string]account {
	d.t.Helper()
	var u struct {
		Slots []struct {
			ID, Type string
		} `json:"slots"`
	}
	d.api("GET", "/api/users/"+user, nil, &u)
	out := map[string]account{}
	for _, s := range u.Slots {
		if s.Type == "mobile" {
			continue
		}
		var a account
		d.api("POST", "/api/slots/"+s.ID+"/secret", nil, &a)
		a.ID = s.ID
		out[s.Type] = a
	}
	return out
}

// record is a call record as the API shows it.
type record struct {
	ID          string          `json:"id"`
	From        string          `json:"from"`
	To          string          `json:"to"`
	AskedBy     string          `json:"asked_by"`
	Result      string          `json:"result"`
	SIPCallID   string          `json:"sip_call_id"`
	Status      int             `json:"status"`
	ToSlot      string          `json:"to_slot"`
	HangupBy    string          `json:"hangup_by"`
	Cause       string          `json:"cause"`
	MediaNote   string          `json:"media_note"`
	Reasons     json.RawMessage `json:"reasons"`
	End         time.Time       `json:"end"`
	Legs        []leg           `json:"legs"`
	MediaCaller *media          `json:"media_caller"`
	MediaCallee *media          `json:"media_callee"`
}

type leg struct {
	SlotID string `json:"slot_id"`
	Status int    `json:"status"`
	Result string `json:"result"`
}

type media struct {
	Packets     int64   `json:"packets"`
	Lost        int64   `json:"lost"`
	Source      string  `json:"source"`
	Codec       string  `json:"codec"`
	FirstMS     int64   `json:"first_ms"`
	Security    string  `json:"security"`
	Forged      int64   `json:"forged"`
	Replayed    int64   `json:"replayed"`
	MOS         float64 `json:"mos"`
	RoundTripMS float64 `json:"round_trip_ms"`
	ReportedMOS float64 `json:"reported_mos"`
}

// records lists finished call records, newest first.
func (d *daemon) records() []record {
	d.t.Helper()
	var list struct{ Items []record }
	d.api("GET", "/api/cdrs?limit=100", nil, &list)
	var out []record
	for _, r := range list.Items {
		if !r.End.IsZero() {
			out = append(out, r)
		}
	}
	return out
}

// awaitRecords waits until n finished records exist and returns the newest one, whole.
func (d *daemon) awaitRecords(n int) record {
	d.t.Helper()
	var newest record
	d.eventually(10*time.Second, fmt.Sprintf("%d call records are written", n), func() bool {
		rs := d.records()
		if len(rs) < n {
			return false
		}
		newest = rs[0]
		return true
	})
	d.api("GET", "/api/cdrs/"+newest.ID, nil, &newest)
	return newest
}

// activeCalls counts live calls.
func (d *daemon) activeCalls() int {
	d.t.Helper()
	var list struct{ Items []json.RawMessage }
	d.api("GET", "/api/calls", nil, &list)
	return len(list.Items)
}
