package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/alarm"
	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// backupOld is how old the last good backup may be when one is made each day: two days and an hour or two.
const backupOld = 50 * time.Hour

// openBackups makes the keeper of backups.
func (a *App) openBackups(context.Context) error {
	recipients, err := backup.ParseRecipients(a.cfg.Backup.Recipients)
	if err != nil {
		return fmt.Errorf("backup.recipients: %w", err)
	}
	at, on := a.cfg.Backup.Time()
	kc := backup.KeeperConfig{
		Folder: backupFolder(a.cfg), At: at, Scheduled: on, Zone: time.Local, Keep: backup.Keep{Daily: a.cfg.Backup.KeepDaily, Weekly: a.cfg.Backup.KeepWeekly, Monthly: a.cfg.Backup.KeepMonthly},
		Recipients: recipients, TrialDir: a.cfg.DataDir, Source: backupSource(a.cfg, a.opts.ConfigFile, backup.Scheduled), Lead: a.lead(),
		Log: a.log.With("part", "backup"), Faults: a.faults,
	}
	if a.cfg.Backup.VerifyOn() {
		kc.Validate = backup.Validate(Trial(a.cfg))
	}
	a.backups = backup.NewKeeper(kc)
	return nil
}

// lead reports whether this process makes the scheduled backups of its database, and tries to be the one.
func (a *App) lead() func(context.Context) bool {
	var lock *store.Lock
	a.onClose(func() { _ = lock.Release() })
	return func(ctx context.Context) bool {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if lock.Held(ctx) {
			return true
		}
		_ = lock.Release() // its connection is gone
		var err error
		if lock, err = a.store.Lead(ctx); err != nil && !errors.Is(err, store.ErrUnavailable) && ctx.Err() == nil {
			a.log.Debug("who makes backups is not known", "err", err)
		}
		return lock != nil
	}
}

func (a *App) checkBackups(now time.Time) []alarm.Finding {
	s := a.backups.State()
	if !s.Failed.IsZero() {
		return found(alarm.Warning, "backup_failed", "", "Die letzte Sicherung ist nicht gelungen; die Seite Sicherung und das Log sagen, warum.", "The last backup has failed; the page about backups and the log say why.")
	}
	if s.Next.IsZero() || !s.Leads {
		return nil
	}
	age := a.backups.Age()
	if age < backupOld {
		return nil
	}
	days := int(age / (24 * time.Hour))
	return found(alarm.Warning, "backup_old", "", fmt.Sprintf("Seit %d Tagen gibt es keine gute Sicherung.", days), fmt.Sprintf("There has been no good backup for %d days.", days))
}

func (a *App) backupReadings() readings {
	good := func(value func(*backup.Info) float64) func() float64 {
		return func() float64 {
			if g := a.backups.State().Good; g != nil {
				return value(g)
			}
			return 0
		}
	}
	return readings{
		gauge("koppelfeld_backup_last_good_timestamp_seconds", "When the last good backup was made, 0 for never.", good(func(i *backup.Info) float64 { return float64(i.Created.Unix()) })),
		gauge("koppelfeld_backup_last_good_bytes", "Size of the last good backup.", good(func(i *backup.Info) float64 { return float64(i.Size) })),
		gauge("koppelfeld_backup_last_good_duration_seconds", "How long the last good backup took, with its trial restore.", good(func(i *backup.Info) float64 { return i.Seconds })),
		counter("koppelfeld_backups_made_total", "Backups made by this process.", func() float64 { return float64(a.backups.State().Made) }),
		counter("koppelfeld_backups_failed_total", "Backups of this process that were not made, or whose trial restore failed.", func() float64 { return float64(a.backups.State().Broken) }),
	}
}
