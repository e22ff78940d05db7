package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"time"
)

// Backup configures backups.
type Backup struct {
	// Folder is where backups are kept, DataDir/backups when empty.
	Folder string `toml:"folder"`
	// At is when one is made each day, as "15:04" in local time; empty for never.
	At string `toml:"at"`
	// KeepDaily, KeepWeekly and KeepMonthly are how many of those are kept: the last of so many days, weeks and months.
	KeepDaily   int `toml:"keep_daily"`
	KeepWeekly  int `toml:"keep_weekly"`
	KeepMonthly int `toml:"keep_monthly"`
	// Recipients are public keys of age ("age1…"). With any, backups are encrypted and this machine cannot read them.
	Recipients []string `toml:"recipients"`
	// Verify restores each backup on trial (default true).
	Verify *bool `toml:"verify"`
	// BeforeUpdate makes a backup before the database is brought to the schema of a later version (default true).
	BeforeUpdate *bool `toml:"before_update"`
}

// DefaultBackup is what holds without a section of its own.
func DefaultBackup() Backup {
	return Backup{At: "03:10", KeepDaily: 7, KeepWeekly: 4, KeepMonthly: 6}
}

// BeforeUpdateOn reports whether a backup is made before an update of the database.
func (b Backup) BeforeUpdateOn() bool { return b.BeforeUpdate == nil || *b.BeforeUpdate }

// VerifyOn reports whether backups are restored on trial.
func (b Backup) VerifyOn() bool { return b.Verify == nil || *b.Verify }

// Time is At as time since midnight; off when there is none.
func (b Backup) Time() (since time.Duration, on bool) {
	t, err := time.Parse("15:04", b.At)
	if err != nil {
		return 0, false
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, true
}

// publicKey is the look of a public key of age; its checksum is looked at when it is used.
var publicKey = regexp.MustCompile(`^age1[02-9ac-hj-np-z]{58}$`)

// maxKept bounds how many backups of a kind are kept.
const maxKept = 1000

func (c *Config) validateBackup(fault func(key, format string, args ...any)) {
	b := c.Backup
	if b.Folder != "" && !filepath.IsAbs(b.Folder) {
		fault("backup.folder", "must be an absolute path, is %q", b.Folder)
	}
	if _, on := b.Time(); !on && b.At != "" {
		fault("backup.at", `must look like "03:10" or be empty, is %q`, b.At)
	}
	for _, k := range []struct {
		key    string
		n, min int
	}{{"backup.keep_daily", b.KeepDaily, 1}, {"backup.keep_weekly", b.KeepWeekly, 0}, {"backup.keep_monthly", b.KeepMonthly, 0}} {
		if k.n < k.min || k.n > maxKept {
			fault(k.key, "must be between %d and %d, is %d", k.min, maxKept, k.n)
		}
	}
	for i, r := range b.Recipients {
		if !publicKey.MatchString(r) {
			fault(fmt.Sprintf("backup.recipients[%d]", i), "must be a public key of age such as age1…")
		}
	}
}
