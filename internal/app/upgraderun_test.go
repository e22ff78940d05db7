package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/app/adopt"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/legacy"
	"github.com/koppelfeld/koppelfeld/internal/legacy/legacytest"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
	"github.com/koppelfeld/koppelfeld/internal/upgrade"
)

// services is a service manager that keeps in a folder what runs and what is enabled, so that it outlives the process.
type services struct{ dir string }

func (s services) is(unit, what string) (bool, error) {
	_, err := os.Stat(filepath.Join(s.dir, unit+"."+what))
	return err == nil, nil
}

func (s services) set(unit, what string, on bool) error {
	path := filepath.Join(s.dir, unit+"."+what)
	if on {
		return os.WriteFile(path, nil, 0o600)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (s services) Active(_ context.Context, unit string) (bool, error) { return s.is(unit, "active") }

func (s services) Enabled(_ context.Context, unit string) (bool, error) {
	return s.is(unit, "enabled")
}

func (s services) Start(_ context.Context, unit string) error {
	if broken, _ := s.is(unit, "broken"); broken {
		return errors.New("it does not start")
	}
	return s.set(unit, "active", true)
}

func (s services) Stop(_ context.Context, unit string) error { return s.set(unit, "active", false) }

func (s services) Enable(_ context.Context, unit string) error { return s.set(unit, "enabled", true) }

func (s services) Disable(_ context.Context, unit string) error { return s.set(unit, "enabled", false) }

// site is a machine with a 4.5 on it.
type site struct {
	t        testing.TB
	dir      string
	services services
	opt      RunOptions
	out      bytes.Buffer
}

// newSite makes a machine whose 4.5 is in the database source, and whose 5 keeps its data in database.
func newSite(t testing.TB, source, database string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	s.services = services{filepath.Join(s.dir, "services")}
	data, etc, old := filepath.Join(s.dir, "data"), filepath.Join(s.dir, "etc"), filepath.Join(s.dir, "koppelfeld45")
	for _, d := range []string{s.services.dir, data, etc, old} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.write(filepath.Join(old, "koppelfeld45.conf"), "sip_address=127.0.0.1\nsip_port=5060\nsip_domain=musterfirma.example\nrtp_first=10000\nrtp_last=10999\ncountry=49\narea=40\nzone=Europe/Berlin\nweb_port=80\n")
	s.write(filepath.Join(old, "gateways.conf"), "gw_1_provider  alaw\n")
	s.write(filepath.Join(etc, "upgrade.conf"), "source="+source+"\naccept_unsupported_phones=yes\n")
	s.write(filepath.Join(etc, "koppelfeld.toml"), fmt.Sprintf("base = [%q]\ndata_dir = %q\ndatabase = %q\n[media]\nports = \"20000-20999\"\n", filepath.Join(data, carriedFile), data, database))
	for _, what := range []string{"active", "enabled"} {
		if err := s.services.set(upgrade.OldUnit, what, true); err != nil {
			t.Fatal(err)
		}
	}
	s.opt = RunOptions{Config: filepath.Join(etc, "koppelfeld.toml"), Old: old, Allowed: filepath.Join(etc, "upgrade.conf"), Services: s.services, Answers: func(context.Context, config.Config) error { return nil }}
	return s
}

func (s *site) write(path, text string) {
	s.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) run() error {
	s.out.Reset()
	return UpgradeRun(s.t.Context(), s.opt, &s.out)
}

func (s *site) mustRun() {
	s.t.Helper()
	if err := s.run(); err != nil {
		s.t.Fatalf("upgrade: %v\n%s", err, &s.out)
	}
}

func (s *site) state() upgrade.State {
	s.t.Helper()
	st, err := upgrade.Read(filepath.Join(s.dir, "data", upgradeFolder))
	if err != nil {
		s.t.Fatal(err)
	}
	return st
}

// serves checks which of the two runs and is enabled.
func (s *site) serves(unit string) {
	s.t.Helper()
	for _, u := range []string{upgrade.OldUnit, upgrade.NewUnit} {
		for _, what := range []string{"active", "enabled"} {
			if is, _ := s.services.is(u, what); is != (u == unit) {
				s.t.Errorf("%s %s: %t", u, what, is)
			}
		}
	}
}

// snapshot is what 5 will serve.
func (s *site) snapshot() *directory.Snapshot {
	s.t.Helper()
	cfg, err := config.Load(s.opt.Config)
	if err != nil {
		s.t.Fatal(err)
	}
	box, err := secret.ReadBox(cfg.DataDir)
	if err != nil {
		s.t.Fatal(err)
	}
	snap, err := store.Peek(s.t.Context(), store.Config{Database: cfg.Database, DataDir: cfg.DataDir, Secrets: box})
	if err != nil {
		s.t.Fatal(err)
	}
	return snap
}

// upgraded checks that 5 serves with all that was in 4.5.
func (s *site) upgraded() {
	s.t.Helper()
	s.serves(upgrade.NewUnit)
	if st := s.state(); st.Phase != upgrade.Done {
		s.t.Errorf("phase %q (%s)", st.Phase, st.Reason)
	}
	snap := s.snapshot()
	if snap == nil || snap.ByName["armin.artmann"] == nil {
		s.t.Fatal("armin.artmann is not in the new database")
	}
	text, err := os.ReadFile(filepath.Join(s.state().Facts.Report, "report.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	var r legacy.Report
	if err := json.Unmarshal(text, &r); err != nil {
		s.t.Fatal(err)
	}
	if d := adopt.Differences(r.Migrated, r.Stored); d != "" || !r.Done || len(r.Settings) == 0 || r.Migrated["users"] != 13 {
		s.t.Errorf("report: done %t, %d settings, %d users, differences %q", r.Done, len(r.Settings), r.Migrated["users"], d)
	}
	if r.Stored["users"] != int64(len(snap.Users)) {
		s.t.Errorf("the report tells of %d users, there are %d", r.Stored["users"], len(snap.Users))
	}
}

// old45 makes a 4.5 with the example company on a server of its own.
func old45(t testing.TB) (server *storetest.Server, dsn string) {
	t.Helper()
	server = storetest.ServerFor(t)
	dsn, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	legacytest.Load(t, dsn)
	return server, dsn
}

func TestUpgrade(t *testing.T) {
	server, source := old45(t)
	mysql, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, database := range []string{"sqlite", mysql} {
		name, _, _ := strings.Cut(database, "@")
		t.Run(name, func(t *testing.T) {
			s := newSite(t, source, database)
			s.mustRun()
			s.upgraded()
			s.carried()
			s.backedUp()
			s.mustRun() // once more changes nothing
			s.upgraded()
			s.change("made.in.five")
			s.back()
			s.mustRun()
			s.upgraded()
			if s.snapshot().ByName["made.in.five"] != nil {
				t.Error("what was made in 5 before the way back is in the new 5")
			}
			s.finish()
		})
	}
}

// carried looks at the settings that were taken over.
func (s *site) carried() {
	s.t.Helper()
	cfg, err := config.Load(s.opt.Config)
	if err != nil {
		s.t.Fatal(err)
	}
	if cfg.SIP.Domain != "musterfirma.example" || cfg.Site.Country != "49" || cfg.Media.Ports != "20000-20999" || cfg.SIP.Listen[0] != "udp://127.0.0.1:5060" {
		s.t.Errorf("configuration: got %+v", cfg)
	}
}

// backedUp verifies the backup.
func (s *site) backedUp() {
	s.t.Helper()
	dir := s.state().Facts.Backup
	check := exec.Command("sha256sum", "-c", "SHA256SUMS")
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil {
		s.t.Errorf("backup: %v: %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "koppelfeld45", "gateways.conf")); err != nil {
		s.t.Error(err)
	}
	out, err := exec.Command("zgrep", "-c", "armin.artmann", filepath.Join(dir, "database.sql.gz")).Output()
	if err != nil || string(bytes.TrimSpace(out)) == "0" {
		s.t.Errorf("backup of the database: %v %s", err, out)
	}
}

// change makes a user in 5.
func (s *site) change(name string) {
	s.t.Helper()
	cfg, err := config.Load(s.opt.Config)
	if err != nil {
		s.t.Fatal(err)
	}
	st, err := openStore(s.t.Context(), cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = st.Update(s.t.Context(), store.Change{Actor: "test", Source: "test"}, func(tx *store.Tx) error {
		_, err := tx.CreateUser(directory.User{Username: name})
		return err
	})
	if err := errors.Join(err, st.Close()); err != nil {
		s.t.Fatal(err)
	}
}

// back goes back to 4.5 and finds what was made in 5.
func (s *site) back() {
	s.t.Helper()
	s.out.Reset()
	if err := UpgradeRollback(s.t.Context(), s.opt, &s.out); err != nil {
		s.t.Fatalf("%v\n%s", err, &s.out)
	}
	s.serves(upgrade.OldUnit)
	st := s.state()
	if st.Phase != upgrade.RolledBack || len(st.Facts.Aside) == 0 {
		s.t.Fatalf("got %+v", st)
	}
	kept := false
	for _, dir := range st.Facts.Aside {
		if !strings.Contains(s.out.String(), dir) {
			s.t.Errorf("the folder %s is not named in:\n%s", dir, &s.out)
		}
		for _, name := range []string{"koppelfeld.db", "koppelfeld.sql.gz"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				kept = true
			}
		}
		if _, err := os.Stat(filepath.Join(dir, secret.KeyFile)); err != nil {
			s.t.Error(err)
		}
	}
	if !kept {
		s.t.Error("the data of 5 is not kept")
	}
	if err := UpgradeRollback(s.t.Context(), s.opt, io.Discard); err != nil {
		s.t.Errorf("rolling back twice: %v", err)
	}
}

func (s *site) finish() {
	s.t.Helper()
	if err := UpgradeFinish(s.t.Context(), s.opt, io.Discard); err != nil {
		s.t.Fatal(err)
	}
	if err := UpgradeRollback(s.t.Context(), s.opt, io.Discard); err == nil {
		s.t.Error("the way back was gone after it was given up")
	}
	s.serves(upgrade.NewUnit)
	s.out.Reset()
	if err := UpgradeStatus(s.opt.Config, false, true, &s.out); err != nil || !strings.Contains(s.out.String(), "aufgegeben") {
		s.t.Errorf("status: %v\n%s", err, &s.out)
	}
}

// childVariable makes a process of the tests the child of TestUpgradeKilled.
const childVariable = "KOPPELFELD_TEST_UPGRADE"

// TestUpgradeChild is the process that kills itself; alone it does nothing.
func TestUpgradeChild(t *testing.T) {
	dir := os.Getenv(childVariable)
	if dir == "" {
		t.Skip("the child of another test")
	}
	debug.SetMemoryLimit(160 << 20) // as the command does
	opt := RunOptions{
		Config: filepath.Join(dir, "etc", "koppelfeld.toml"), Old: filepath.Join(dir, "koppelfeld45"), Allowed: filepath.Join(dir, "etc", "upgrade.conf"),
		Services: services{filepath.Join(dir, "services")}, Answers: func(context.Context, config.Config) error { return nil }, Halt: os.Getenv(UpgradeHalt),
	}
	fmt.Println("ended:", UpgradeRun(t.Context(), opt, os.Stdout))
}

// killed runs an upgrade in a process that kills itself at a point.
func (s *site) killed(at string) {
	s.t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestUpgradeChild$", "-test.count=1")
	cmd.Env = append(os.Environ(), childVariable+"="+s.dir, UpgradeHalt+"="+at)
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() != -1 {
		s.t.Fatalf("the upgrade was not killed at %s: %v\n%s", at, err, out)
	}
}

// TestUpgradeKilled kills an upgrade before and after every step. Then the next run upgrades, or the way back leads to 4.5 and a second
// upgrade works.
func TestUpgradeKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	server, source := old45(t)
	var steps []string
	for _, s := range (&run{}).steps() {
		steps = append(steps, s.Name+":before", s.Name+":after")
	}
	for i, at := range steps {
		t.Run(at, func(t *testing.T) {
			database := "sqlite"
			if i%4 >= 2 || at == stepStore+":after" {
				var err error
				if database, err = server.NewDatabase(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			s := newSite(t, source, database)
			s.killed(at)
			st := s.state()
			if old, _ := s.services.is(upgrade.OldUnit, "active"); !old && !st.Facts.Stopped {
				t.Fatal("4.5 does not run, and the journal does not know")
			}
			if i%2 == 0 {
				s.killed(at) // and once more at the same point
				s.mustRun()
				s.upgraded()
				return
			}
			if err := UpgradeRollback(t.Context(), s.opt, &s.out); err != nil {
				t.Fatal(err)
			}
			s.serves(upgrade.OldUnit)
			s.mustRun()
			s.upgraded()
		})
	}
}

// BenchmarkUpgradeTenThousand upgrades a 4.5 with 10,000 accounts, in a process of its own, and tells the most memory that it had.
func BenchmarkUpgradeTenThousand(b *testing.B) {
	server, source := old45(b)
	legacytest.Generate(b, source, 10_000)
	for _, database := range []string{"sqlite", "mysql"} {
		b.Run(database, func(b *testing.B) {
			for b.Loop() {
				target := database
				if target == "mysql" {
					var err error
					if target, err = server.NewDatabase(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				s := newSite(b, source, target)
				cmd := exec.Command(os.Args[0], "-test.run=^TestUpgradeChild$", "-test.count=1", "-test.timeout=10m")
				cmd.Env = append(os.Environ(), childVariable+"="+s.dir)
				out, err := cmd.CombinedOutput()
				if err != nil || s.state().Phase != upgrade.Done {
					b.Fatalf("%v\n%s", err, out)
				}
				for _, m := range s.state().Steps {
					b.ReportMetric(m.Ended.Sub(m.Began).Seconds(), m.Name+"-s")
				}
				b.ReportMetric((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), "CPU-s")
				b.ReportMetric(float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024, "MiB-peak")
			}
		})
	}
}
