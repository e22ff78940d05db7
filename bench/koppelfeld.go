package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/example"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/testnet"
)

// domain is the realm of all accounts, on both sides of a comparison.
const domain = "koppelfeld.example"

const password = "a password for the benchmark"

// account is one slot's SIP account and, for a callee, a number that rings this slot alone.
type account struct {
	login, number, slot string
	user, secret        string
}

// prepare makes the database that all daemons of this run begin with, and reads its
// accounts: the first half of the users call, the second half is called.
func (b *bench) prepare(ctx context.Context) error {
	b.progress("making %d users with 3 numbers and 3 slots each", b.users)
	b.template = filepath.Join(b.dir, "template")
	if err := os.Mkdir(b.template, 0o700); err != nil {
		return fmt.Errorf("making the database: %w", err)
	}
	box, err := secret.OpenBox(b.template)
	if err != nil {
		return err
	}
	st, err := store.Open(ctx, store.Config{Database: "sqlite", DataDir: b.template, Secrets: box})
	if err != nil {
		return err
	}
	defer st.Close()
	if err := example.Generate(ctx, st, b.users); err != nil {
		return err
	}
	hash, err := secret.NewPasswords(1).Hash(ctx, password)
	if err != nil {
		return err
	}
	change := store.Change{Actor: "system", Source: "bench", Reason: "first password"}
	if _, err := st.Update(ctx, change, func(tx *store.Tx) error { return tx.SetPassword(store.Supervisor, hash) }); err != nil {
		return err
	}
	snap := st.Snapshot()
	for i := range b.users {
		all := example.Accounts(snap, example.Username(i))
		if len(all) != 3 {
			return fmt.Errorf("user %s has %d accounts, want 3", example.Username(i), len(all))
		}
		a := all[0]
		number := example.Number(i, 0)
		if i >= b.users/2 { // the last number rings the last slot alone
			a, number = all[2], example.Number(i, 2)
		}
		acc := account{login: a.Username, number: number, slot: a.SlotID, user: a.SIPUsername, secret: a.SIPSecret}
		if i < b.users/2 {
			b.callers = append(b.callers, acc)
		} else {
			b.callees = append(b.callees, acc)
		}
	}
	return nil
}

// accounts are those of callers and callees.
func (b *bench) accounts() []account {
	return append(append([]account(nil), b.callers...), b.callees...)
}

// server is a running koppelfeld or Kamailio.
type server struct {
	*process
	name      string
	sip       string // host:port
	tls, wss  string // host:port; Kamailio has the first if asked for
	challenge string // status with which INVITE is challenged
	target    func(callee account) string

	admin, metrics, token string // koppelfeld only
	api                   string // admin with its scheme
	started               time.Duration
}

// startKoppelfeld starts the daemon on a copy of the prepared database, with more
// environment if there is any.
func (b *bench) startKoppelfeld(ctx context.Context, relay bool, env ...string) (*server, error) {
	dir, err := os.MkdirTemp(b.dir, "koppelfeld")
	if err != nil {
		return nil, fmt.Errorf("starting koppelfeld: %w", err)
	}
	data := filepath.Join(dir, "data")
	if err := copyFolder(data, b.template); err != nil {
		return nil, fmt.Errorf("copying the database: %w", err)
	}
	var ports [5]int
	for i := range ports {
		if ports[i], err = testnet.Port(); err != nil {
			return nil, err
		}
	}
	s := &server{
		name: "koppelfeld", challenge: "401", target: func(c account) string { return c.number },
		sip: fmt.Sprintf("127.0.0.1:%d", ports[0]), admin: fmt.Sprintf("127.0.0.1:%d", ports[1]), metrics: fmt.Sprintf("127.0.0.1:%d", ports[2]),
	}
	s.tls, s.wss = fmt.Sprintf("127.0.0.1:%d", ports[3]), fmt.Sprintf("127.0.0.1:%d", ports[4])
	text := fmt.Sprintf("data_dir = %q\ndatabase = \"sqlite\"\n[sip]\nlisten = [\"udp://%s\", \"tcp://%s\", \"tls://%s\", \"wss://%s\"]\ndomain = %q\n"+
		"[media]\naddress = \"127.0.0.1\"\nports = \"40000-49999\"\nrelay = %v\n[admin]\nlisten = %q\n[metrics]\nlisten = %q\n[log]\nlevel = \"error\"\n",
		data, s.sip, s.sip, s.tls, s.wss, domain, relay, s.admin, s.metrics)
	config := filepath.Join(dir, "koppelfeld.toml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	begin := time.Now()
	args := []string{"serve", "--config", config}
	if b.cpuProfile != "" {
		args = append(args, "--cpu-profile", b.cpuProfile)
	}
	if s.process, err = startWith(env, "koppelfeld", dir, b.bin, args...); err != nil {
		return nil, err
	}
	if err := s.until(ctx, 30*time.Second, func() bool { return s.up(ctx) }); err != nil {
		s.stop()
		return nil, err
	}
	s.started = time.Since(begin)
	return s, nil
}

// copyFolder copies the files of a folder, for nobody else's eyes: the master key is one of them.
func copyFolder(to, from string) error {
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// up tells whether the daemon is ready. Builds from before the API had TLS speak plain HTTP.
func (s *server) up(ctx context.Context) bool {
	for _, scheme := range []string{"https", "http"} {
		s.api = scheme + "://" + s.admin
		if s.request(ctx, http.MethodGet, "/readyz", nil, nil) == nil {
			return true
		}
	}
	return false
}

// web speaks to daemons on this machine that were started a moment ago: whose certificate it is needs no proof.
var web = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

// login opens a session of the supervisor.
func (s *server) login(ctx context.Context) error {
	var answer struct{ Token string }
	if err := s.request(ctx, http.MethodPost, "/api/session", map[string]string{"username": store.Supervisor, "password": password}, &answer); err != nil {
		return err
	}
	s.token = answer.Token
	return nil
}

// request calls the API. out may be nil.
func (s *server) request(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("calling the API: %w", err)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.api+path, body)
	if err != nil {
		return fmt.Errorf("calling the API: %w", err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := web.Do(req)
	if err != nil {
		return fmt.Errorf("calling the API: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("calling the API: %w", err)
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: HTTP %d: %.300s", method, path, res.StatusCode, text)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// counters reads metrics of the daemon that have no labels.
func (s *server) counters(ctx context.Context, names ...string) ([]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.metrics+"/metrics", nil)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	found := make([]float64, len(names))
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if i := slices.Index(names, name); i >= 0 {
			if found[i], err = strconv.ParseFloat(value, 64); err != nil {
				return nil, fmt.Errorf("reading metrics: %w", err)
			}
		}
	}
	return found, nil
}
