package main

import (
	"context"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/testnet"
)

// scenarios are SIPp scenarios and Kamailio's configuration, with words in @ signs
// to be replaced.
//
//go:embed scenario
var scenarios embed.FS

// writeScenario writes a scenario to a file of its own in dir, with pairs of words replaced.
func writeScenario(dir, name string, replace ...string) (string, error) {
	text, err := scenarios.ReadFile("scenario/" + name)
	if err != nil {
		return "", fmt.Errorf("reading scenario: %w", err)
	}
	f, err := os.CreateTemp(dir, "*-"+name)
	if err != nil {
		return "", fmt.Errorf("writing scenario: %w", err)
	}
	_, err = f.WriteString(strings.NewReplacer(replace...).Replace(string(text)))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("writing scenario: %w", err)
	}
	return f.Name(), nil
}

// sippCounts is what SIPp counted in a run.
type sippCounts struct{ success, failed, retransmissions int }

// sippRun is one run of SIPp as the side that begins.
type sippRun struct {
	scenario string // file
	target   string // host:port
	port     int    // own port, 0 for any
	accounts string // file of fields, taken in turn
	count    int    // calls in all
	rate     int    // calls begun per second
}

const sippBuffer = "8388608" // bytes of socket buffer

// run runs SIPp to its end. It fails when a call failed; SIPp itself names the cause.
func (r sippRun) run(ctx context.Context, dir string) (sippCounts, error) {
	var c sippCounts
	media, err := testnet.Port()
	if err != nil {
		return c, err
	}
	if r.port == 0 {
		if r.port, err = testnet.Port(); err != nil {
			return c, err
		}
	}
	dir, err = os.MkdirTemp(dir, "sipp")
	if err != nil {
		return c, fmt.Errorf("running SIPp: %w", err)
	}
	stat, faults := filepath.Join(dir, "stat.csv"), filepath.Join(dir, "errors.log")
	limit := time.Duration(r.count)*time.Second/time.Duration(r.rate) + 15*time.Second
	p, err := startProcess("SIPp", dir, "sipp", r.target, "-sf", r.scenario, "-inf", r.accounts,
		"-i", "127.0.0.1", "-p", strconv.Itoa(r.port), "-mp", strconv.Itoa(media), "-auth_uri", domain,
		"-m", strconv.Itoa(r.count), "-r", strconv.Itoa(r.rate), "-l", "1000000", "-skip_rlimit", "-buff_size", sippBuffer,
		"-timeout", strconv.Itoa(int(limit.Seconds())), "-timeout_error", "-nostdin",
		"-trace_stat", "-stf", stat, "-fd", "1", "-trace_err", "-error_file", faults)
	if err != nil {
		return c, err
	}
	ended := p.wait(ctx, limit+5*time.Second)
	if ctx.Err() != nil {
		return c, ctx.Err()
	}
	if c, err = readCounts(stat); err != nil {
		return c, err
	}
	if ended != nil || c.failed > 0 || c.success != r.count {
		first, _ := os.ReadFile(faults)
		return c, fmt.Errorf("SIPp: %d of %d succeeded, %d failed: %.600s", c.success, r.count, c.failed, first)
	}
	return c, nil
}

// readCounts reads the cumulative counters in the last line of SIPp's statistics.
func readCounts(path string) (sippCounts, error) {
	var c sippCounts
	f, err := os.Open(path)
	if err != nil {
		return c, fmt.Errorf("reading SIPp's statistics: %w", err)
	}
	defer f.Close()
	in := csv.NewReader(f)
	in.Comma, in.FieldsPerRecord, in.LazyQuotes = ';', -1, true
	rows, err := in.ReadAll()
	if err != nil || len(rows) < 2 {
		return c, fmt.Errorf("reading SIPp's statistics: %d lines: %w", len(rows), err)
	}
	last := rows[len(rows)-1]
	for i, name := range rows[0] {
		if i >= len(last) {
			break
		}
		n, _ := strconv.Atoi(last[i])
		switch name {
		case "SuccessfulCall(C)":
			c.success = n
		case "FailedCall(C)":
			c.failed = n
		case "Retransmissions(C)":
			c.retransmissions = n
		}
	}
	return c, nil
}

// startCallee starts SIPp as the side that answers, on a port of 127.0.0.1.
func startCallee(dir string, port int) (*process, error) {
	scenario, err := writeScenario(dir, "uas.xml")
	if err != nil {
		return nil, err
	}
	media, err := testnet.Port()
	if err != nil {
		return nil, err
	}
	return startProcess("SIPp callee", dir, "sipp", "-sf", scenario, "-i", "127.0.0.1", "-p", strconv.Itoa(port),
		"-mp", strconv.Itoa(media), "-l", "1000000", "-buff_size", sippBuffer, "-nostdin", "-skip_rlimit")
}

// writeAccounts writes a file of fields for SIPp: account, credentials, and whom to call.
func writeAccounts(path string, accounts []account, call func(i int) string) error {
	var b strings.Builder
	b.WriteString("SEQUENTIAL\n")
	for i, a := range accounts {
		target := ""
		if call != nil {
			target = call(i)
		}
		fmt.Fprintf(&b, "%s;[authentication username=%s password=%s];%s\n", a.user, a.user, a.secret, target)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("writing accounts: %w", err)
	}
	return nil
}
