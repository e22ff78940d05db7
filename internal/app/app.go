package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/koppelfeld/koppelfeld/admin"
	"github.com/koppelfeld/koppelfeld/internal/alarm"
	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/cdr"
	"github.com/koppelfeld/koppelfeld/internal/certs"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/fault"
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/systemd"
	"github.com/koppelfeld/koppelfeld/internal/version"
	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/b2bua"
	"github.com/koppelfeld/koppelfeld/sip/event"
	"github.com/koppelfeld/koppelfeld/sip/hep"
	"github.com/koppelfeld/koppelfeld/sip/registrar"
	"github.com/koppelfeld/koppelfeld/sip/resolve"
	"github.com/koppelfeld/koppelfeld/sip/trace"
	"github.com/koppelfeld/koppelfeld/sip/trunk"
)

// Options are the choices of the serve command.
type Options struct {
	// Example fills the database with the example company and prints its accounts.
	Example bool
	// ConfigFile is the file that the configuration was read from; backups take it along.
	ConfigFile string
	// Out takes what the person who started the daemon should read.
	Out io.Writer
}

// App is the assembled daemon.
type App struct {
	cfg     config.Config
	opts    Options
	log     *slog.Logger
	level   *slog.LevelVar
	store   *store.Store
	snaps   *snapshots
	live    *calls.Live
	table   *calls.Table
	bus     *calls.Bus
	records *cdr.Writer
	backups *backup.Keeper
	tally   calls.Tally
	trunks  *trunk.Trunks
	alarms  *alarm.Keeper
	started time.Time
	// recordsBefore stands behind the last call record of before this start.
	recordsBefore int64
	faults        *fault.Log
	plane         *media.Plane
	stack         *sip.Stack
	recent        *trace.Recent // nil when nothing is kept
	hep           *hep.Exporter // nil when there is no collector
	resolver      *resolve.Resolver
	locs          *registrar.Registrar
	calls         *b2bua.UA
	events        *event.Server
	admin         *admin.Server
	adminLn       net.Listener
	metrics       *metrics
	metricLn      net.Listener
	limits        limits
	certs         *certs.Store // nil when nobody listens with TLS
	// adminCerts is what the API has for itself, nil when it shares certs or speaks plain HTTP.
	adminCerts *certs.Store
	cleanups   []func()
	ran        bool
	manager    systemd.Manager
	// firstPassword is the supervisor's, when it was made by this start.
	firstPassword string
	gruuKey       []byte
	box           *secret.Box
	gate          *gate // what the licence allows
	// reload says when to read the file again, and load how.
	reload <-chan os.Signal
	load   func() (config.Config, error)
}

// New opens files and sockets and assembles the daemon. When it fails, nothing is
// left open.
func New(ctx context.Context, cfg config.Config, opts Options) (*App, error) {
	a := &App{cfg: cfg, opts: opts, level: &slog.LevelVar{}, started: time.Now(), live: calls.NewLive(), table: calls.NewTable(), bus: &calls.Bus{}, metrics: newMetrics(), limits: shareFiles(openFiles())}
	a.log = a.newLogger()
	a.faults = fault.New(a.log)
	for _, step := range []func(context.Context) error{a.openManager, a.findAddresses, a.openStore, a.openExample, a.openLicence, a.openBackups, a.openMedia, a.openCerts, a.openSIP, a.openWatch, a.openAdmin, a.openMetrics} {
		if err := step(ctx); err != nil {
			a.close()
			return nil, err
		}
	}
	return a, nil
}

// close undoes what New has done, in reverse.
func (a *App) close() {
	for i := len(a.cleanups) - 1; i >= 0; i-- {
		a.cleanups[i]()
	}
	a.cleanups = nil
}

func (a *App) onClose(fn func()) { a.cleanups = append(a.cleanups, fn) }

// onFail makes a part that frees what it holds when its Run returns do so if Run is never reached.
func (a *App) onFail(run func(context.Context) error) {
	a.onClose(func() {
		if a.ran {
			return
		}
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = run(ended)
	})
}

// newLogger writes to standard error, with the levels of the journal where that is what reads it.
func (a *App) newLogger() *slog.Logger {
	level, _ := a.cfg.Log.SlogLevel() // validated when the file was read
	a.level.Set(level)
	o := &slog.HandlerOptions{Level: a.level}
	w := io.Writer(os.Stderr)
	if systemd.InJournal(os.Getenv, os.Stderr) {
		j := systemd.NewJournal(w)
		o.ReplaceAttr, w = j.Attr, j
	}
	if a.cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// ReloadOn makes Run call Reload with what load brings, each time something comes out of when. Call it before Run.
func (a *App) ReloadOn(when <-chan os.Signal, load func() (config.Config, error)) {
	a.reload, a.load = when, load
}

func (a *App) serveReload(ctx context.Context) error {
	for {
		select {
		case <-a.reload:
			a.faults.Guard("reload", func() { a.Reload(a.load()) })()
		case <-ctx.Done():
			return nil
		}
	}
}

// Reload takes over what a running daemon can change: the log level, and the certificates in the files that
// the configuration named at the start. A configuration that could not be read changes nothing.
func (a *App) Reload(cfg config.Config, err error) {
	if err != nil {
		a.log.Error("reload: the configuration is left as it was", "err", err)
		return
	}
	level, err := cfg.Log.SlogLevel()
	if err != nil {
		a.log.Error("reload: the configuration is left as it was", "err", err)
		return
	}
	a.level.Set(level)
	for _, c := range []*certs.Store{a.certs, a.adminCerts} {
		if c == nil {
			continue
		}
		if err := c.Reload(); err != nil {
			a.log.Error("reload: the certificates stay as they were", "err", err)
		}
	}
	a.log.Info("reloaded", "log_level", level)
}

func (a *App) openStore(ctx context.Context) error {
	if err := os.MkdirAll(a.cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	if err := store.CheckDataDir(a.cfg.DataDir); err != nil {
		return err
	}
	if err := a.settle(ctx); err != nil {
		return err
	}
	box, err := secret.OpenBox(a.cfg.DataDir)
	if err != nil {
		return err
	}
	a.gruuKey, a.box = box.Derive("gruu"), box
	if err := a.renew(ctx, box); err != nil {
		return err
	}
	a.snaps = newSnapshots(a.cfg)
	a.store, err = store.Open(ctx, store.Config{
		Database: a.cfg.Database, DataDir: a.cfg.DataDir, Secrets: box, Log: a.log.With("part", "store"), Faults: a.faults, Daemon: true, Current: true, Validate: a.snaps.validate,
	})
	if err != nil {
		return err
	}
	a.onClose(func() {
		if err := a.store.Close(); err != nil {
			a.log.Error("closing the database", "err", err)
		}
	})
	if _, err := a.snaps.commit(a.store.Snapshot(), store.Changed{Full: true}); err != nil {
		return err
	}
	a.store.OnCommit(a.committed)
	a.noteVersion(ctx)
	if err := a.ensureFirstPassword(ctx); err != nil {
		return err
	}
	a.records, err = cdr.New(cdr.Config{Dir: filepath.Join(a.cfg.DataDir, "spool", "cdr"), Stage: "/dev/shm", Sink: a.store, Log: a.log.With("part", "records"), Faults: a.faults})
	if err == nil {
		a.onFail(a.records.Run)
	}
	return err
}

// committed puts a change in force.
func (a *App) committed(_, next *directory.Snapshot, changed store.Changed) {
	stale, err := a.snaps.commit(next, changed)
	if err != nil {
		a.log.Error("the configuration does not compile, calls go on from the one before", "revision", next.Revision, "err", err)
		return
	}
	if a.locs != nil {
		for _, slotID := range stale {
			a.locs.Remove(slotID)
		}
	}
	if a.events != nil {
		a.events.Recheck(a.knownAccount)
	}
	a.bus.Publish(calls.Event{Type: calls.ConfigChanged, At: time.Now(), Revision: next.Revision})
}

// firstPasswordFile holds the supervisor's first password until it is changed.
const firstPasswordFile = "first-password"

// ensureFirstPassword gives the supervisor of a new installation a random password. It
// must be changed at the first login, but for the example company, which is there to be tried.
func (a *App) ensureFirstPassword(ctx context.Context) error {
	path := filepath.Join(a.cfg.DataDir, firstPasswordFile)
	passwords := secret.NewPasswords(1)
	u := a.store.Snapshot().ByName[store.Supervisor]
	switch {
	case u == nil:
		return nil
	case u.PasswordHash != "":
		b, err := os.ReadFile(path)
		if err != nil {
			return nil // changed long ago
		}
		if passwords.Verify(ctx, u.PasswordHash, string(b)) == nil {
			a.firstPassword = string(b)
			return nil
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("removing the first password: %w", err)
		}
		return nil
	}
	password := secret.Password(16)
	hash, err := passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(password), 0o600); err != nil {
		return fmt.Errorf("keeping the first password: %w", err)
	}
	change := store.Change{Actor: "system", Source: "start", Reason: "first password"}
	if _, err := a.store.Update(ctx, change, func(tx *store.Tx) error {
		if a.opts.Example {
			return tx.SetPassword(store.Supervisor, hash)
		}
		return tx.SetFirstPassword(store.Supervisor, hash)
	}); err != nil {
		return err
	}
	a.firstPassword = password
	a.log.Info("the supervisor has a first password", "file", path)
	return nil
}

func (a *App) openMedia(context.Context) error {
	if !a.cfg.Media.RelayOn() {
		return nil
	}
	first, last, err := a.cfg.Media.PortRange()
	if err != nil {
		return err
	}
	mc := media.Config{Address: netip.MustParseAddr(a.cfg.Media.Address), Interfaces: a.mediaInterfaces(), PortMin: first, PortMax: last, Log: a.log.With("part", "media"), Faults: a.faults}
	if a.cfg.Media.Advertise != "" {
		mc.Advertise = netip.MustParseAddr(a.cfg.Media.Advertise)
	}
	if a.plane, err = media.New(mc); err == nil {
		a.onFail(a.plane.Run)
	}
	return err
}

func (a *App) openSIP(context.Context) error {
	err := a.openHEP()
	if err != nil {
		return err
	}
	if a.cfg.SIP.TraceOn() {
		a.recent = trace.NewRecent()
	}
	a.stack, err = sip.New(sip.Config{
		Recent:    a.recent,
		Transport: a.transportConfig(),
		Log:       a.log.With("part", "sip"),
		Faults:    a.faults,
		Trace:     a.cfg.SIP.TraceOn(),
		InDialog:  b2bua.Methods(),
		Urgent:    b2bua.Emergency,
		Supported: append(b2bua.Extensions(), "path", "outbound", "gruu"),
	})
	if err != nil {
		return err
	}
	a.onClose(func() {
		if !a.ran {
			a.stack.Close()
		}
	})
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	digest, err := auth.New(auth.Config{Realm: a.cfg.SIP.Domain, Key: key, Accounts: a.snaps, Algorithms: algorithms(a.cfg.SIP.Digest)})
	if err != nil {
		return err
	}
	a.locs, err = registrar.New(registrar.Config{
		Domain: a.cfg.SIP.Domain, Auth: digest, Stack: a.stack, Recent: a.recent, Rate: a.cfg.SIP.RegisterRate, File: locationFile(a.cfg), Key: a.gruuKey, Log: a.log.With("part", "registrar"), Faults: a.faults,
		Notify: func(slotID string, registered bool) {
			e := calls.Event{Type: calls.Unregistered, At: time.Now(), SlotID: slotID}
			if registered {
				e.Type = calls.Registered
			}
			a.bus.Publish(e)
		},
	})
	if err != nil {
		return err
	}
	if err := a.openResolver(); err != nil {
		return err
	}
	if err := a.openEvents(digest); err != nil {
		return err
	}
	return a.openCalls(digest)
}

func algorithms(names []string) []auth.Algorithm {
	var out []auth.Algorithm
	for _, n := range names {
		if n == auth.SHA256.String() {
			out = append(out, auth.SHA256)
		} else {
			out = append(out, auth.MD5)
		}
	}
	return out
}

// locationFile is where registrations are kept over a restart.
func locationFile(cfg config.Config) string { return filepath.Join(cfg.DataDir, "locations") }

func (a *App) openMetrics(context.Context) error {
	a.metrics.registry.MustRegister(guarded{a.readings(), a.faults})
	if a.cfg.Metrics.Listen == "" {
		return nil
	}
	l, err := net.Listen("tcp", a.cfg.Metrics.Listen)
	if err != nil {
		return fmt.Errorf("metrics.listen: %w", err)
	}
	a.metricLn = admin.LimitListener(l, a.limits.http)
	a.onClose(func() { _ = l.Close() })
	return nil
}

// serveMetrics answers /metrics until ctx ends.
func (a *App) serveMetrics(ctx context.Context) error {
	mux := http.NewServeMux()
	scrape := promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		a.faults.Guard("metrics", func() { scrape.ServeHTTP(w, r) })()
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 15 * time.Second, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, a.faults.Guard("metrics", func() { _ = srv.Close() }))
	defer stop()
	if err := srv.Serve(a.metricLn); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Run serves until ctx ends, then ends the calls that are up and stops everything.
func (a *App) Run(ctx context.Context) error {
	defer a.close()
	a.ran = true
	parts := []part{
		{"store", a.store.Run},
		{"records", a.records.Run},
		{"licence", a.countTrial},
	}
	if a.plane != nil {
		parts = append(parts, part{"media", a.plane.Run})
	}
	parts = append(parts, part{"dns", a.resolver.Run}, part{"sip", a.stack.Run}, part{"registrar", a.locs.Run}, part{"admin", a.admin.Run})
	if a.certs != nil {
		parts = append(parts, part{"certificates", a.certs.Run})
	}
	if a.adminCerts != nil {
		parts = append(parts, part{"admin certificates", a.adminCerts.Run})
	}
	if a.metricLn != nil {
		parts = append(parts, part{"metrics", a.serveMetrics})
	}
	if a.hep != nil {
		parts = append(parts, part{"hep", a.hep.Run})
	}
	if a.reload != nil {
		parts = append(parts, part{"reload", a.serveReload})
	}
	parts = append(parts, part{"backup", a.backups.Run}, part{"watch", a.watch}, part{"watchdog", a.newVigil().run})
	return runParts(ctx, a.log, a.faults, parts, a.ready, a.drain)
}

// ready tells that the daemon is up.
func (a *App) ready() {
	a.log.Info("ready", "version", version.Version, "sip", strings.Join(a.cfg.Listeners(), " "), "api", a.adminURL(), "revision", a.store.Snapshot().Revision)
	a.tell(systemd.Ready, systemd.Status("Version "+version.Version+", administration at "+a.adminURL()+"/admin/"))
	if a.opts.Example {
		a.printExample()
	}
}

// drain ends all calls with BYE, CANCEL or 487, then all subscriptions.
func (a *App) drain() {
	a.tell(systemd.Stopping)
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	if err := a.calls.Stop(ctx, "the system is stopping"); err != nil {
		a.log.Warn("not every call ended in time", "err", err)
	}
	ctx, cancelEvents := context.WithTimeout(context.Background(), subscribersWithin)
	defer cancelEvents()
	if err := a.events.Stop(ctx); err != nil {
		a.log.Warn("not every subscriber was told", "err", err)
	}
}

// subscribersWithin bounds how long a stop waits for those who watch lamps: they come back by themselves.
const subscribersWithin = time.Second
