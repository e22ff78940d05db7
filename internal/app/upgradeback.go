package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/upgrade"
)

// back brings 4.5 back running and takes the new data aside. It can be called again when it was ended in the middle.
func (r *run) back(ctx context.Context, reason string, phase upgrade.Phase) error {
	st := &r.j.State
	f := &st.Facts
	st.Phase, st.Reason = upgrade.RollingBack, reason
	for _, scratch := range []string{trialFolder, stagedFolder} {
		if err := os.RemoveAll(filepath.Join(r.dir, scratch)); err != nil {
			return fmt.Errorf("making room: %w", err)
		}
	}
	noted := r.j.Save() // a disk that is full does not keep 4.5 from coming back
	if err := errors.Join(r.servicesBack(ctx), noted); err != nil {
		return err // 5 may run still: its data stays where it is
	}
	if err := r.keepNew(ctx); err != nil {
		return fmt.Errorf("4.5 serves again, but what is of 5 could not be taken aside: %w", err)
	}
	st.Phase, st.Ended = phase, time.Now().UTC()
	*f = upgrade.Facts{Source: f.Source, Database: f.Database, DataDir: f.DataDir, Backup: f.Backup, Aside: f.Aside, Report: f.Report}
	return r.j.Save()
}

// servicesBack lets 4.5 serve in place of 5. What fails does not keep the rest from being tried: first of all telephones shall work.
func (r *run) servicesBack(ctx context.Context) error {
	f := &r.j.State.Facts
	var faults []error
	try := func(do func(context.Context, string) error, unit string, when bool) {
		if when {
			faults = append(faults, do(ctx, unit))
		}
	}
	sm := r.opt.Services
	try(sm.Stop, upgrade.NewUnit, f.Started)
	try(sm.Start, upgrade.OldUnit, f.Stopped && f.OldActive)
	try(sm.Enable, upgrade.OldUnit, f.Stopped && f.OldEnabled)
	try(sm.Disable, upgrade.NewUnit, f.Started)
	unix.Sync() // what is enabled is a matter of files that nobody else writes to the disk
	return errors.Join(faults...)
}

// keepNew takes the new data aside: all of it, as soon as users of 5 may have made some.
func (r *run) keepNew(ctx context.Context) error {
	f := &r.j.State.Facts
	if r.onServer() && f.Filling == r.databaseName() {
		if f.Started {
			if err := r.dumpAside(ctx); err != nil {
				return err
			}
		}
		sc, err := r.storeConfig(r.cfg.DataDir)
		if err != nil {
			return err
		}
		if err := store.Empty(ctx, sc); err != nil {
			return err
		}
	}
	if !f.Placed {
		return nil
	}
	return r.moveAside(false)
}

// UpgradeRollback brings 4.5 back, after an upgrade or in the middle of one.
func UpgradeRollback(ctx context.Context, opt RunOptions, out io.Writer) error {
	r, err := openRun(opt, out)
	if err != nil {
		return err
	}
	defer r.j.Close()
	switch st := &r.j.State; {
	case st.Phase == upgrade.Finished:
		return r.sentence("there is no way back any more: koppelfeld upgrade finish has given it up on %s. The backup of 4.5 is in %s",
			"es gibt keinen Weg zurück mehr: koppelfeld upgrade finish hat ihn am %s aufgegeben. Die Sicherung von 4.5 liegt in %s", st.Ended.Local().Format(time.DateTime), st.Facts.Backup)
	case st.Phase == "" || st.Phase == upgrade.Failed || st.Phase == upgrade.RolledBack:
		r.say("4.5 has not been replaced: there is nothing to roll back.", "4.5 ist nicht abgelöst: es gibt nichts zurückzunehmen.")
		return nil
	}
	had := len(r.j.State.Facts.Aside)
	if err := r.back(ctx, "koppelfeld upgrade rollback", upgrade.RolledBack); err != nil {
		return fmt.Errorf("bringing 4.5 back: %w", err)
	}
	r.say("4.5 serves again.", "4.5 läuft wieder.")
	for _, dir := range r.j.State.Facts.Aside[had:] {
		r.say("What was made in 5 is kept in %s", "Was in 5 entstanden ist, liegt in %s", dir)
	}
	return nil
}

// UpgradeFinish gives up the way back.
func UpgradeFinish(_ context.Context, opt RunOptions, out io.Writer) error {
	r, err := openRun(opt, out)
	if err != nil {
		return err
	}
	defer r.j.Close()
	st := &r.j.State
	switch st.Phase {
	case upgrade.Finished:
	case upgrade.Done:
		st.Phase, st.Ended = upgrade.Finished, time.Now().UTC()
		if err := r.j.Save(); err != nil {
			return err
		}
	default:
		return r.sentence("no upgrade has come to its end here: koppelfeld upgrade status", "hier ist kein Update abgeschlossen: koppelfeld upgrade status")
	}
	r.say("The way back to 4.5 is given up. Remove 4.5 now:\n  apt purge koppelfeld45-server\nIts database stays; when nobody needs it any more: mariadb -e 'DROP DATABASE …' (%s).\nThe backup stays in %s.",
		"Der Weg zurück zu 4.5 ist aufgegeben. 4.5 jetzt entfernen:\n  apt purge koppelfeld45-server\nSeine Datenbank bleibt; wenn sie niemand mehr braucht: mariadb -e 'DROP DATABASE …' (%s).\nDie Sicherung bleibt in %s.", st.Facts.Source, st.Facts.Backup)
	return nil
}

// phases are the phases in English and German.
func phases() map[upgrade.Phase][2]string {
	return map[upgrade.Phase][2]string{
		"":                  {"no upgrade has been begun", "kein Update begonnen"},
		upgrade.Running:     {"an upgrade is running, or was interrupted: koppelfeld upgrade run goes on, koppelfeld upgrade rollback goes back", "ein Update läuft oder wurde unterbrochen: koppelfeld upgrade run setzt fort, koppelfeld upgrade rollback geht zurück"},
		upgrade.Failed:      {"the upgrade has failed, 4.5 serves", "das Update ist gescheitert, 4.5 läuft"},
		upgrade.RollingBack: {"the way back to 4.5 is being gone, or was interrupted: koppelfeld upgrade rollback goes on", "der Weg zurück zu 4.5 läuft oder wurde unterbrochen: koppelfeld upgrade rollback setzt fort"},
		upgrade.RolledBack:  {"4.5 was brought back and serves", "4.5 wurde zurückgeholt und läuft"},
		upgrade.Done:        {"upgraded to 5; koppelfeld upgrade rollback goes back, koppelfeld upgrade finish gives the way back up", "auf 5 aktualisiert; koppelfeld upgrade rollback geht zurück, koppelfeld upgrade finish gibt den Weg zurück auf"},
		upgrade.Finished:    {"upgraded to 5, the way back is given up", "auf 5 aktualisiert, der Weg zurück ist aufgegeben"},
	}
}

// UpgradeStatus prints where an upgrade stands, as JSON the journal itself.
func UpgradeStatus(configFile string, asJSON, german bool, out io.Writer) error {
	cfg, err := config.Load(configFile)
	if err != nil {
		return err
	}
	st, err := upgrade.Read(filepath.Join(cfg.DataDir, upgradeFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(st)
	}
	lang := 0
	if german {
		lang = 1
	}
	fmt.Fprintln(out, phases()[st.Phase][lang])
	if st.Reason != "" {
		fmt.Fprintf(out, "  %s\n", st.Reason)
	}
	for _, m := range st.Steps {
		took := "…"
		if !m.Ended.IsZero() {
			took = m.Ended.Sub(m.Began).Round(time.Millisecond).String()
		}
		fmt.Fprintf(out, "  %s  %-10s %s\n", m.Began.Local().Format(time.DateTime), m.Name, took)
	}
	for _, line := range [][3]string{{"backup of 4.5", "Sicherung von 4.5", st.Facts.Backup}, {"report", "Bericht", st.Facts.Report}, {"database of 5", "Datenbank von 5", st.Facts.Database}} {
		if line[2] != "" {
			fmt.Fprintf(out, "%s: %s\n", line[lang], line[2])
		}
	}
	for _, dir := range st.Facts.Aside {
		fmt.Fprintf(out, "%s: %s\n", [2]string{"data of 5 that is kept", "aufgehobene Daten von 5"}[lang], dir)
	}
	return nil
}
