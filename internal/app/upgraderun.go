package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/legacy"
	"github.com/koppelfeld/koppelfeld/internal/upgrade"
)

// RunOptions say how an upgrade is made.
type RunOptions struct {
	UpgradeOptions
	Config string // configuration file of 5
	Old    string // folder of the configuration of 4.5
	// Allowed is the file in which the administrator of 4.5 says what the upgrade may do; what an option says counts as well.
	Allowed string
	// CallsCommand prints how many calls 4.5 has; one that is not there means that nobody knows, and nobody waits.
	CallsCommand string
	IgnoreCalls  bool // calls that are up when 4.5 is to stop are ended
	CallRecords  bool // somebody wants call records to be taken over
	Services     upgrade.Services
	// Answers returns nil once the daemon of 5 answers telephones; nil asks by SIP.
	Answers func(ctx context.Context, cfg config.Config) error
	Halt    string // value of upgrade.HaltVariable
}

// UpgradeHalt is the variable of the environment for RunOptions.Halt.
const UpgradeHalt = upgrade.HaltVariable

// Systemd is this machine's service manager.
func Systemd() upgrade.Services { return upgrade.Systemd{} }

// upgradeFolder is the folder of the journal in the data directory.
const upgradeFolder = "upgrade"

// run is an upgrade on its way.
type run struct {
	opt      RunOptions
	cfg      config.Config
	out      io.Writer
	dir      string // of the journal
	j        *upgrade.Journal
	owner    *owner
	settings legacy.Settings // of 4.5's files
	carried  []legacy.Carried

	conversion *legacy.Conversion
	report     *legacy.Report
	took       time.Duration
	print      string // of the conversion
}

// say prints what is going on, in the language of the options.
func (r *run) say(en, de string, args ...any) {
	if r.opt.German {
		en = de
	}
	fmt.Fprintf(r.out, en+"\n", args...)
}

// openRun reads the configuration and takes the journal.
func openRun(opt RunOptions, out io.Writer) (*run, error) {
	cfg, err := config.Load(opt.Config)
	if err != nil {
		return nil, err
	}
	r := &run{opt: opt, cfg: cfg, out: out, dir: filepath.Join(cfg.DataDir, upgradeFolder)}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	if r.owner, err = ownerOf(cfg.DataDir); err != nil {
		return nil, err
	}
	if r.j, err = upgrade.Open(r.dir); err != nil {
		return nil, err
	}
	if err := errors.Join(r.readAllowed(), r.owner.show(r.dir)); err != nil {
		r.j.Close()
		return nil, err
	}
	return r, nil
}

const (
	// acceptedFile is the copy of the administrator's file that the package makes when it begins: the package manager may replace the file itself in the
	// middle. Whoever changes that later means it.
	acceptedFile   = "accepted.conf"
	standardSource = "root@unix(/run/mysqld/mysqld.sock)/asterisk"
)

// readAllowed reads what the administrator of 4.5 allows.
func (r *run) readAllowed() error {
	path := r.opt.Allowed
	accepted := filepath.Join(r.dir, acceptedFile)
	if kept, err := os.Stat(accepted); err == nil {
		if own, err := os.Stat(path); err != nil || !own.ModTime().After(kept.ModTime()) {
			path = accepted
		}
	}
	values, err := legacy.ReadValues(path)
	if err != nil {
		return err
	}
	r.opt.Source = cmp.Or(r.opt.Source, values["source"], standardSource)
	for key, option := range map[string]*bool{"accept_unsupported_phones": &r.opt.Accept, "ignore_calls_in_progress": &r.opt.IgnoreCalls, "with_call_records": &r.opt.CallRecords} {
		switch values[key] {
		case "yes":
			*option = true
		case "", "no":
		default:
			return r.sentence("%s: %s must be yes or no, is %q", "%s: %s muss yes oder no sein, ist %q", path, key, values[key])
		}
	}
	return nil
}

// UpgradeRun upgrades a 4.5 to 5, or goes on with an upgrade that was ended in the middle. When it fails, 4.5 serves as before.
func UpgradeRun(ctx context.Context, opt RunOptions, out io.Writer) error {
	r, err := openRun(opt, out)
	if err != nil {
		return err
	}
	defer r.j.Close()
	halt, err := upgrade.ParseHalt(opt.Halt, r.steps())
	if err != nil {
		return err
	}
	first := ""
	switch st := &r.j.State; st.Phase {
	case upgrade.Done, upgrade.Finished:
		r.say("This system has been upgraded already.", "Dieses System ist bereits aktualisiert.")
		return nil
	case upgrade.RollingBack:
		if err := r.back(ctx, st.Reason, upgrade.Failed); err != nil {
			return err
		}
	case upgrade.Running:
		if st.Facts.Stopped {
			first = stepStopOld
			r.say("An upgrade was interrupted after 4.5 was stopped: it goes on.", "Ein Update wurde unterbrochen, nachdem 4.5 angehalten war: es geht weiter.")
		}
	}
	if first == "" {
		if err := r.begin(); err != nil {
			return err
		}
	}
	err = r.j.Walk(ctx, r.steps(), first, halt, func(s upgrade.Step) {
		r.say("  %-10s %s", "  %-10s %s", s.Name, does(s.Name, s.Does, opt.German))
	})
	if err == nil {
		return nil
	}
	return r.failed(ctx, err)
}

// begin makes a new run of the journal. What is left of a run before it is known from its facts.
func (r *run) begin() error {
	before := r.j.State.Facts
	id := make([]byte, 4)
	_, _ = rand.Read(id) // never fails
	r.j.State = upgrade.State{
		ID: time.Now().UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(id), Phase: upgrade.Running, Began: time.Now().UTC(),
		Facts: upgrade.Facts{Aside: before.Aside, Filling: before.Filling, Placed: before.Placed, Revision: before.Revision, Started: before.Started, Backup: before.Backup, DataDir: r.cfg.DataDir},
	}
	return r.j.Save()
}

// failed leaves 4.5 serving, and says why.
func (r *run) failed(ctx context.Context, cause error) error {
	ctx = context.WithoutCancel(ctx) // whoever interrupts an upgrade wants 4.5 all the more
	var stops *NotReadyError
	if errors.As(cause, &stops) {
		cause = stops
	}
	if r.j.State.Facts.Stopped {
		r.say("The upgrade has failed (%v). 4.5 is brought back.", "Das Update ist gescheitert (%v). 4.5 wird wieder gestartet.", cause)
		if err := r.back(ctx, cause.Error(), upgrade.Failed); err != nil {
			return errors.Join(cause, fmt.Errorf("bringing 4.5 back: %w. Try: koppelfeld upgrade rollback", err))
		}
	} else {
		r.j.State.Phase, r.j.State.Reason, r.j.State.Ended = upgrade.Failed, cause.Error(), time.Now().UTC()
		if err := r.j.Save(); err != nil {
			cause = errors.Join(cause, err)
		}
	}
	r.say("4.5 goes on as before; nothing of it was changed.", "4.5 läuft weiter wie bisher; daran wurde nichts verändert.")
	return cause
}

// The names of the steps.
const (
	stepChecks   = "checks"
	stepBackup   = "backup"
	stepConvert  = "convert"
	stepStore    = "store"
	stepTry      = "selfcheck"
	stepStopOld  = "stop-old"
	stepPlace    = "place"
	stepStartNew = "start-new"
	stepSwitch   = "switch"
	stepDone     = "done"
)

func (r *run) steps() []upgrade.Step {
	return []upgrade.Step{
		{Name: stepChecks, Does: "looks whether anything stands in the way", Do: r.check},
		{Name: stepBackup, Does: "backs up the database and the configuration of 4.5", Do: r.backup},
		{Name: stepConvert, Does: "reads the database of 4.5 and converts it", Do: r.convert},
		{Name: stepStore, Does: "writes the new database", Do: r.stage},
		{Name: stepTry, Does: "calls with two built-in telephones through 5, beside 4.5", Do: r.try},
		{Name: stepStopOld, Does: "stops 4.5, and takes along what has changed in it meanwhile", Do: r.stopOld},
		{Name: stepPlace, Does: "puts the new database in its place", Do: r.place},
		{Name: stepStartNew, Does: "starts 5 and waits until it answers", Do: r.startNew},
		{Name: stepSwitch, Does: "lets 5 start with the machine, and 4.5 no longer", Do: r.switchOver},
		{Name: stepDone, Does: "writes the report", Do: r.finishRun},
	}
}

// does is what a step does, in one of the two languages.
func does(name, en string, german bool) string {
	if !german {
		return en
	}
	return map[string]string{
		stepChecks: "prüft, ob etwas im Weg steht", stepBackup: "sichert Datenbank und Konfiguration von 4.5", stepConvert: "liest die Datenbank von 4.5 und wandelt sie um",
		stepStore: "schreibt die neue Datenbank", stepTry: "telefoniert mit zwei eingebauten Telefonen über 5, neben 4.5",
		stepStopOld: "hält 4.5 an und übernimmt, was sich darin inzwischen geändert hat", stepPlace: "setzt die neue Datenbank an ihren Platz", stepStartNew: "startet 5 und wartet, bis es antwortet",
		stepSwitch: "lässt 5 mit der Maschine starten und 4.5 nicht mehr", stepDone: "schreibt den Bericht",
	}[name]
}

// UpgradeSteps prints the steps of an upgrade, one a line with its name first.
func UpgradeSteps(out io.Writer, german bool) error {
	for _, s := range (&run{}).steps() {
		if _, err := fmt.Fprintf(out, "%-10s %s\n", s.Name, does(s.Name, s.Does, german)); err != nil {
			return fmt.Errorf("printing the steps: %w", err)
		}
	}
	return nil
}
