package app

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/koppelfeld/koppelfeld/internal/legacy"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/upgrade"
)

// sentence is an error in the words of the one who runs the upgrade.
func (r *run) sentence(en, de string, args ...any) error {
	if r.opt.German {
		en = de
	}
	return fmt.Errorf(en, args...)
}

// check looks for all that can be in the way, and carries over settings. Whatever it finds, nothing has changed.
func (r *run) check(ctx context.Context) error {
	if r.opt.CallRecords {
		return r.sentence("with_call_records=yes: this version does not take over call records. They stay in the database of 4.5; set it to no",
			"with_call_records=yes: diese Version übernimmt keine Verbindungsdaten. Sie bleiben in der Datenbank von 4.5; bitte auf no setzen")
	}
	f := &r.j.State.Facts
	running, err := r.opt.Services.Active(ctx, upgrade.NewUnit)
	if err != nil {
		return err
	}
	if running {
		return r.sentence("5 is running already: stop it first (systemctl stop %s)", "5 läuft schon: bitte zuerst anhalten (systemctl stop %s)", upgrade.NewUnit)
	}
	if f.OldActive, err = r.opt.Services.Active(ctx, upgrade.OldUnit); err != nil {
		return err
	}
	if f.OldEnabled, err = r.opt.Services.Enabled(ctx, upgrade.OldUnit); err != nil {
		return err
	}
	if err := r.readOldSettings(); err != nil {
		return err
	}
	if err := r.targetFree(ctx, false); err != nil {
		return err
	}
	if err := r.readOld(ctx); err != nil {
		return err
	}
	if !r.report.Ready {
		if err := r.report.WriteSummary(r.out, r.opt.German); err != nil {
			return err
		}
		return &NotReadyError{len(r.report.Stops)}
	}
	if err := r.spaceFor(ctx); err != nil {
		return err
	}
	return r.carryOver()
}

// readOldSettings reads the configuration of 4.5, and takes from it what no option says.
func (r *run) readOldSettings() error {
	values, err := legacy.ReadValues(filepath.Join(r.opt.Old, "koppelfeld45.conf"))
	if err != nil {
		return err
	}
	r.settings = legacy.TakeSettings(values)
	others, err := os.ReadDir(r.opt.Old)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("reading the configuration of 4.5: %w", err)
	}
	for _, f := range others {
		if f.Name() != "koppelfeld45.conf" {
			r.settings.List = append(r.settings.List, legacy.Carried{
				Key: f.Name(), Reason: "5 has nothing that it could be carried over to; the file stays, and is in the backup",
				ReasonDE: "in 5 gibt es nichts, wohin sie übernommen werden könnte; die Datei bleibt und liegt in der Sicherung",
			})
		}
	}
	if r.opt.Country == "" {
		r.opt.Country = r.settings.Country
	}
	if r.opt.Zone == "" {
		r.opt.Zone = r.settings.Zone
	}
	if r.opt.Country == "" {
		r.opt.Country = "49"
	}
	if r.opt.Zone == "" {
		r.opt.Zone = "Europe/Berlin"
	}
	return nil
}

// readOld reads and converts the database of 4.5.
func (r *run) readOld(ctx context.Context) error {
	began := time.Now()
	report, conversion, err := convertLegacy(ctx, r.opt.UpgradeOptions)
	if err != nil {
		return err
	}
	r.report, r.conversion, r.took = report, conversion, time.Since(began)
	r.j.State.Facts.Source = report.Source
	box, err := secret.OpenBox(r.cfg.DataDir)
	if err != nil {
		return err
	}
	if err := r.owner.give(filepath.Join(r.cfg.DataDir, secret.KeyFile)); err != nil {
		return err
	}
	r.print, err = fingerprint(conversion, box.Derive("upgrade"))
	return err
}

// fingerprint tells whether two conversions would store the same. It says nothing about the secrets in them.
func fingerprint(c *legacy.Conversion, key []byte) (string, error) {
	sum := hmac.New(sha256.New, key)
	if err := json.NewEncoder(sum).Encode([]any{c.Users, c.Groups, c.Grants, c.Pickups, c.Hunts, c.Calendars, c.Faxes}); err != nil {
		return "", fmt.Errorf("comparing data: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// What an upgrade needs of the disk: the dump of the old database, and for each account the new data twice, with room to spare.
const (
	bytesAlways  = 64 << 20
	bytesAccount = 40 << 10
)

func (r *run) spaceFor(ctx context.Context) error {
	size, err := legacy.Size(ctx, r.opt.Source)
	if err != nil {
		return err
	}
	need := size + bytesAlways + bytesAccount*int64(len(r.conversion.Users))
	var fs unix.Statfs_t
	if err := unix.Statfs(r.dir, &fs); err != nil {
		return fmt.Errorf("looking for room on the disk: %w", err)
	}
	free := int64(fs.Bavail) * fs.Bsize
	if free < need {
		return r.sentence("the disk of %s has %d MB free, and the upgrade needs %d MB for the backup and the new data: make room and try again",
			"auf dem Datenträger von %s sind %d MB frei, das Update braucht %d MB für die Sicherung und die neuen Daten: bitte Platz schaffen und neu versuchen", r.cfg.DataDir, free>>20, need>>20)
	}
	return nil
}

// convert reads 4.5 once more, after the backup, and writes what will be done.
func (r *run) convert(ctx context.Context) error {
	if err := r.readOld(ctx); err != nil {
		return err
	}
	if !r.report.Ready {
		return &NotReadyError{len(r.report.Stops)}
	}
	return r.writeReports()
}

// stopOld stops 4.5. What has changed in it since it was read is read again, so that nothing is lost.
func (r *run) stopOld(ctx context.Context) error {
	f := &r.j.State.Facts
	if f.OldActive {
		if err := r.waitForCalls(ctx); err != nil {
			return err
		}
	}
	f.Stopped = true
	if err := r.j.Save(); err != nil {
		return err
	}
	if err := r.opt.Services.Stop(ctx, upgrade.OldUnit); err != nil {
		return err
	}
	if r.settings.List == nil { // a run that goes on
		if err := r.readOldSettings(); err != nil {
			return err
		}
		if err := r.carryOver(); err != nil {
			return err
		}
	}
	if err := r.readOld(ctx); err != nil {
		return err
	}
	if !r.report.Ready {
		return &NotReadyError{len(r.report.Stops)}
	}
	if r.print == f.Print && r.written() {
		return nil
	}
	r.say("             4.5 has changed meanwhile, or the new database is gone: it is written again", "             4.5 hat sich inzwischen geändert, oder die neue Datenbank ist weg: sie wird noch einmal geschrieben")
	if f.Started {
		if err := r.opt.Services.Stop(ctx, upgrade.NewUnit); err != nil {
			return err
		}
	}
	return r.stage(ctx)
}

// callsEnd is how long calls in 4.5 may take to end before the upgrade gives up, callsEvery how often it looks.
const (
	callsEnd   = 30 * time.Second
	callsEvery = time.Second
)

// waitForCalls waits until nobody talks.
func (r *run) waitForCalls(ctx context.Context) error {
	if r.opt.IgnoreCalls || r.opt.CallsCommand == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callsEnd)
	defer cancel()
	for {
		calls, err := r.callsOf45(ctx)
		if err != nil || calls == 0 {
			return err
		}
		t := time.NewTimer(callsEvery)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return r.sentence("calls in progress: %d. Try again when nobody talks, or set ignore_calls_in_progress=yes in /etc/koppelfeld/upgrade.conf",
				"laufende Gespräche: %d. Bitte neu versuchen, wenn niemand telefoniert, oder in /etc/koppelfeld/upgrade.conf ignore_calls_in_progress=yes setzen", calls)
		}
	}
}

func (r *run) callsOf45(ctx context.Context) (int, error) {
	cmd := exec.CommandContext(ctx, r.opt.CallsCommand, "calls")
	var out bytes.Buffer
	cmd.Stdout = &out
	err := cmd.Run()
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil // nobody can tell
	}
	if err != nil {
		return 0, fmt.Errorf("asking 4.5 for calls in progress: %w", err)
	}
	n, err := strconv.Atoi(string(bytes.TrimSpace(out.Bytes())))
	if err != nil {
		return 0, fmt.Errorf("asking 4.5 for calls in progress: %w", err)
	}
	return n, nil
}

// answerWithin bounds how long 5 may take to answer after its start.
const answerWithin = time.Minute

func (r *run) startNew(ctx context.Context) error {
	r.j.State.Facts.Started = true
	if err := r.j.Save(); err != nil {
		return err
	}
	if err := r.opt.Services.Start(ctx, upgrade.NewUnit); err != nil {
		return err
	}
	if up, err := r.opt.Services.Active(ctx, upgrade.NewUnit); err != nil || !up {
		return err // in a root that is not booted nothing can answer
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	answers := r.opt.Answers
	if answers == nil {
		answers = sipAnswers
	}
	return answers(ctx, r.cfg)
}

// switchOver enables before it disables: a machine that loses its power in between starts at least one of the two.
func (r *run) switchOver(ctx context.Context) error {
	if err := r.opt.Services.Enable(ctx, upgrade.NewUnit); err != nil {
		return err
	}
	if err := r.opt.Services.Disable(ctx, upgrade.OldUnit); err != nil {
		return err
	}
	unix.Sync() // the service manager does not
	return nil
}

func (r *run) finishRun(context.Context) error {
	st := &r.j.State
	r.report.Done, r.report.Ended = true, time.Now().UTC().Truncate(time.Second)
	r.report.Seconds.Actual = time.Since(st.Began).Round(100 * time.Millisecond).Seconds()
	if err := r.writeReports(); err != nil {
		return err
	}
	for _, scratch := range []string{stagedFolder, trialFolder} {
		if err := os.RemoveAll(filepath.Join(r.dir, scratch)); err != nil {
			return err
		}
	}
	if err := r.report.WriteSummary(r.out, r.opt.German); err != nil {
		return err
	}
	st.Phase, st.Ended = upgrade.Done, st.Began
	st.Ended = time.Now().UTC()
	r.say("\nKoppelfeld 5 serves. Report: %s/report.html. Backup of 4.5: %s\nBack to 4.5: koppelfeld upgrade rollback. When 4.5 is needed no more: koppelfeld upgrade finish",
		"\nKoppelfeld 5 läuft. Bericht: %s/report.html. Sicherung von 4.5: %s\nZurück zu 4.5: koppelfeld upgrade rollback. Wenn 4.5 nicht mehr gebraucht wird: koppelfeld upgrade finish", st.Facts.Report, st.Facts.Backup)
	return nil
}

// writeReports writes the report in both forms beside the journal.
func (r *run) writeReports() error {
	dir := r.dir
	r.report.Settings = r.carried
	r.j.State.Facts.Report = dir
	for _, extra := range []UpgradeOptions{{JSON: filepath.Join(dir, "report.json"), HTML: filepath.Join(dir, "report.html")}, r.opt.UpgradeOptions} {
		if err := writeReport(r.report, extra); err != nil {
			return err
		}
	}
	return r.owner.show(filepath.Join(dir, "report.json"), filepath.Join(dir, "report.html"))
}
