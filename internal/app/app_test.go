package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/certs"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/testnet"
)

func testConfig(t *testing.T) config.Config {
	t.Helper()
	c := config.Default()
	c.DataDir = filepath.Join(t.TempDir(), "data")
	sip, err := testnet.Port()
	if err != nil {
		t.Fatal(err)
	}
	c.SIP.Listen = []string{fmt.Sprintf("udp://127.0.0.1:%d", sip), fmt.Sprintf("tcp://127.0.0.1:%d", sip)}
	c.Media.Ports = "32000-32199"
	c.Admin.Listen, c.Metrics.Listen = "127.0.0.1:0", "127.0.0.1:0"
	c.Log.Level = "error"
	return c
}

// started is a daemon that runs in the test.
type started struct {
	*App
	out  *bytes.Buffer
	stop func() error
}

func start(t *testing.T, cfg config.Config) *started {
	t.Helper()
	var out bytes.Buffer
	a, err := New(t.Context(), cfg, Options{Example: true, Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	stopped := false
	s := &started{App: a, out: &out, stop: func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}}
	t.Cleanup(func() { _ = s.stop() })
	s.get(t, "/healthz")
	return s
}

// web trusts the certificate that the daemon has made for itself.
func (s *started) web(t *testing.T) *http.Client {
	t.Helper()
	text, err := os.ReadFile(certs.SelfMade(s.cfg.DataDir))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// get asks the API without a login.
func (s *started) get(t *testing.T, path string) string {
	t.Helper()
	res, err := s.web(t).Get(s.adminURL() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v\n%s", path, res.Status, err, b)
	}
	return string(b)
}

func TestSelfcallThroughTheRunningDaemon(t *testing.T) {
	cfg := testConfig(t)
	s := start(t, cfg)
	for _, transport := range []string{"udp", "tcp"} {
		var out bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		err := Selfcall(ctx, cfg, &out, transport)
		cancel()
		if err != nil {
			t.Fatalf("over %s: %v\n%s", transport, err, out.String())
		}
	}
	if s.store.Refresh(t.Context()) != nil || s.store.Snapshot().ByName[selfcallUser] != nil {
		t.Error("the self-call has left its user behind")
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	slots, numbers := s.live.Left()
	if len(slots)+len(numbers)+s.table.Len()+s.calls.Open() != 0 {
		t.Errorf("left behind: slots %v, numbers %v, %d calls, %d open", slots, numbers, s.table.Len(), s.calls.Open())
	}
	for i, sh := range s.stack.Shards() {
		if sh.Dialogs() != 0 {
			t.Errorf("shard %d has %d dialogs left", i, sh.Dialogs())
		}
	}
	if p := s.plane.Ports(); p.Used != 0 {
		t.Errorf("%d media ports left in use", p.Used)
	}
	st, err := openStore(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	records, _, err := st.ListRecords(t.Context(), store.RecordFilter{})
	if err != nil || len(records) != 2 {
		t.Fatalf("%d records, %v; want 2", len(records), err)
	}
	for _, r := range records {
		if r.Result != "answered" || r.MediaNote != "" || !json.Valid(r.Reasons) || r.MediaCaller == nil || r.MediaCaller.Packets == 0 {
			t.Errorf("unexpected record %+v", r)
		}
	}
}

func TestExampleIsPrintedAndStaysOverARestart(t *testing.T) {
	cfg := testConfig(t)
	s := start(t, cfg)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	first := s.out.String()
	for _, want := range []string{"armin.artmann", "416 4161", "iris.immsee", "supervisor, first password", "openapi.json"} {
		if !strings.Contains(first, want) {
			t.Errorf("the start does not print %q:\n%s", want, first)
		}
	}
	again := start(t, cfg)
	if err := again.stop(); err != nil {
		t.Fatal(err)
	}
	tail := func(s string) string { return s[strings.Index(s, "user "):] }
	if tail(again.out.String()) != tail(first) {
		t.Errorf("another start prints other accounts:\n%s\n%s", first, again.out.String())
	}
}

func TestCommandsBesideTheRunningDaemon(t *testing.T) {
	cfg := testConfig(t)
	if err := Check(t.Context(), cfg); err == nil {
		t.Error("check accepts a missing data directory")
	}
	s := start(t, cfg)
	if err := Check(t.Context(), cfg); err != nil {
		t.Errorf("check: %v", err)
	}
	if err := Passwd(t.Context(), cfg, "armin.artmann", "short"); err == nil {
		t.Error("a short password is accepted")
	}
	if err := Passwd(t.Context(), cfg, "nobody", "correct horse battery"); err == nil {
		t.Error("a password for nobody is accepted")
	}
	before := s.store.Snapshot().Revision
	if err := Passwd(t.Context(), cfg, "armin.artmann", "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	if err := s.store.Refresh(t.Context()); err != nil || s.store.Snapshot().Revision != before+1 {
		t.Errorf("the daemon has not taken over the change: %v", err)
	}
	var en, de bytes.Buffer
	for _, q := range []struct {
		out    *bytes.Buffer
		german bool
	}{{&en, false}, {&de, true}} {
		if err := Explain(t.Context(), cfg, q.out, Question{From: "417", To: "416", At: time.Now(), German: q.german}); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(en.String(), "416") || !strings.Contains(en.String(), "=> not_registered") || en.String() == de.String() {
		t.Errorf("explain says\n%s\n%s", en.String(), de.String())
	}
	if _, err := New(t.Context(), cfg, Options{Out: io.Discard}); err == nil {
		t.Error("a second daemon on the same data directory starts")
	}
}

func TestAPortInUseIsNamed(t *testing.T) {
	cfg := testConfig(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for key, set := range map[string]func(*config.Config){
		"admin.listen":   func(c *config.Config) { c.Admin.Listen = l.Addr().String() },
		"metrics.listen": func(c *config.Config) { c.Metrics.Listen = l.Addr().String() },
		"tcp://":         func(c *config.Config) { c.SIP.Listen = []string{"tcp://" + l.Addr().String()} },
	} {
		broken := cfg
		set(&broken)
		if _, err := New(t.Context(), broken, Options{Out: io.Discard}); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("error %v does not name %s", err, key)
		}
	}
}

func TestFirstPasswordIsKeptUntilItIsChanged(t *testing.T) {
	cfg := testConfig(t)
	path := filepath.Join(cfg.DataDir, firstPasswordFile)
	a, err := New(t.Context(), cfg, Options{Out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if u := a.store.Snapshot().ByName[store.Supervisor]; !u.MustChangePassword || a.firstPassword == "" {
		t.Errorf("the first password need not be changed: %+v", u)
	}
	a.close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := Passwd(t.Context(), cfg, store.Supervisor, "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	if a, err = New(t.Context(), cfg, Options{Out: io.Discard}); err != nil {
		t.Fatal(err)
	}
	defer a.close()
	if _, err := os.Stat(path); !os.IsNotExist(err) || a.firstPassword != "" {
		t.Errorf("the first password lies about after it was changed: %v", err)
	}
}
