package app

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/alarm"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/licence"
	"github.com/koppelfeld/koppelfeld/internal/machine"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// When an alarm is raised.
const (
	diskLow, diskOut     = 1 << 30, 200 << 20 // bytes free
	diskLowOf, diskOutOf = 20, 50             // or this part of all
	memoryLowOf          = 20                 // part of the memory that is available
	certificateEnds      = 14 * 24 * time.Hour
	lagHigh              = 500 * time.Millisecond
	portsLowOf           = 20
	evaluationEnds       = 10 // days
)

// activityRows bounds how many records are read at the start for the calls of the last day.
const activityRows = 50_000

// openWatch makes the keeper of the alarms.
func (a *App) openWatch(ctx context.Context) error {
	var err error
	if a.recordsBefore, err = a.store.Mark(ctx); err != nil {
		return err
	}
	a.alarms = alarm.New(a.log.With("part", "alarms"), a.faults,
		a.checkDatabase, a.checkRecords, a.checkMachine, a.checkCertificates, a.checkFaults, a.checkLoad, a.checkMedia, a.checkFirstPassword, a.checkTrunks, a.checkBackups, a.checkRevision(), a.checkLicence)
	return nil
}

// watch reads what calls there were in the last day and asks the checks until ctx ends.
func (a *App) watch(ctx context.Context) error {
	a.faults.Guard("activity", func() {
		err := a.store.Outcomes(ctx, time.Now().Add(-24*time.Hour), a.recordsBefore, activityRows, func(start time.Time, r calls.Result) { a.tally.Add(start, r) })
		if err != nil && ctx.Err() == nil {
			a.log.Warn("the calls of the last day are counted from now on only", "err", err)
		}
	})()
	return a.alarms.Run(ctx)
}

func found(s alarm.Severity, code, subject, de, en string) []alarm.Finding {
	return []alarm.Finding{{Severity: s, Code: code, Subject: subject, De: de, En: en}}
}

func (a *App) checkDatabase(time.Time) []alarm.Finding {
	if a.store.Healthy() == nil {
		return nil
	}
	return found(alarm.Error, "database_away", "", "Die Datenbank ist nicht erreichbar. Anrufe laufen weiter, Änderungen gehen nicht.",
		"The database cannot be reached. Calls go on, changes cannot be made.")
}

func (a *App) checkRecords(time.Time) []alarm.Finding {
	s := a.records.Stats()
	var out []alarm.Finding
	if s.Lost > 0 {
		out = append(out, found(alarm.Error, "records_lost", "", fmt.Sprintf("%d Anrufdatensätze gingen verloren, weil Platte und Speicher voll waren.", s.Lost),
			fmt.Sprintf("%d call records were lost because disk and memory were full.", s.Lost))...)
	}
	if s.SetAside > 0 {
		out = append(out, found(alarm.Error, "records_set_aside", "", fmt.Sprintf("%d Anrufdatensätze nimmt die Datenbank nicht an; sie liegen in refused.log.", s.SetAside),
			fmt.Sprintf("The database refuses %d call records; they are kept in refused.log.", s.SetAside))...)
	}
	if s.DatabaseOff && s.Spooled > 0 {
		out = append(out, found(alarm.Warning, "records_waiting", "", fmt.Sprintf("%d Anrufdatensätze warten auf die Datenbank.", s.Spooled),
			fmt.Sprintf("%d call records wait for the database.", s.Spooled))...)
	}
	return out
}

func (a *App) checkMachine(time.Time) []alarm.Finding {
	r, _ := machine.Read(a.cfg.DataDir) // what cannot be read is zero
	return machineFindings(&r)
}

func machineFindings(r *machine.Reading) []alarm.Finding {
	var out []alarm.Finding
	if r.DiskTotal > 0 {
		de, en := fmt.Sprintf("Auf der Platte sind noch %d MB frei.", r.DiskFree>>20), fmt.Sprintf("%d MB are left on the disk.", r.DiskFree>>20)
		switch {
		case r.DiskFree < min(diskOut, r.DiskTotal/diskOutOf):
			out = append(out, found(alarm.Error, "disk_low", "", de, en)...)
		case r.DiskFree < min(diskLow, r.DiskTotal/diskLowOf):
			out = append(out, found(alarm.Warning, "disk_low", "", de, en)...)
		}
	}
	if r.MemoryTotal > 0 && r.MemoryAvailable < r.MemoryTotal/memoryLowOf {
		out = append(out, found(alarm.Warning, "memory_low", "", fmt.Sprintf("Es sind noch %d MB Arbeitsspeicher verfügbar.", r.MemoryAvailable>>20),
			fmt.Sprintf("%d MB of memory are left.", r.MemoryAvailable>>20))...)
	}
	return out
}

func (a *App) checkCertificates(now time.Time) []alarm.Finding {
	var out []alarm.Finding
	for _, c := range a.certificates() {
		out = append(out, certificateFindings(c, now)...)
	}
	return out
}

// certificates are those that are in force.
func (a *App) certificates() []*x509.Certificate {
	var out []*x509.Certificate
	if a.certs != nil {
		out = append(out, a.certs.Leaf())
	}
	if a.adminCerts != nil {
		out = append(out, a.adminCerts.Leaf())
	}
	return out
}

func certificateFindings(c *x509.Certificate, now time.Time) []alarm.Finding {
	day, name := c.NotAfter.UTC().Format(time.DateOnly), certificateName(c)
	switch left := c.NotAfter.Sub(now); {
	case left <= 0:
		return found(alarm.Error, "certificate_ends", name, "Das Zertifikat "+name+" ist seit "+day+" abgelaufen.", "The certificate "+name+" has ended on "+day+".")
	case left < certificateEnds:
		return found(alarm.Warning, "certificate_ends", name, "Das Zertifikat "+name+" läuft am "+day+" ab.", "The certificate "+name+" ends on "+day+".")
	}
	return nil
}

func certificateName(c *x509.Certificate) string {
	if len(c.DNSNames) > 0 {
		return c.DNSNames[0]
	}
	return c.Subject.CommonName
}

func (a *App) checkFaults(time.Time) []alarm.Finding {
	var n uint64
	for _, c := range a.faults.Counts() {
		n += c
	}
	for _, s := range a.stack.Stats().Shards {
		n += s.Panics
	}
	if n == 0 {
		return nil
	}
	return found(alarm.Warning, "faults", "", fmt.Sprintf("Seit dem Start wurden %d Fehler im Programm abgefangen; das Log sagt, wo.", n),
		fmt.Sprintf("%d faults of the program were survived since the start; the log says where.", n))
}

func (a *App) checkLoad(time.Time) []alarm.Finding {
	var peak time.Duration
	for _, s := range a.stack.Stats().Shards {
		peak = max(peak, s.RecentPeak)
	}
	if peak < lagHigh {
		return nil
	}
	return found(alarm.Warning, "overload", "", fmt.Sprintf("Nachrichten warteten zuletzt bis zu %d ms auf ihre Bearbeitung.", peak.Milliseconds()),
		fmt.Sprintf("Messages waited up to %d ms lately before they were worked off.", peak.Milliseconds()))
}

func (a *App) checkMedia(time.Time) []alarm.Finding {
	if a.plane == nil {
		return nil
	}
	p := a.plane.Ports()
	de, en := fmt.Sprintf("Von %d Ports für Sprache sind noch %d frei.", p.Total, p.Free), fmt.Sprintf("%d of %d ports for audio are left.", p.Free, p.Total)
	switch {
	case p.Free == 0:
		return found(alarm.Error, "ports_low", "", de, en)
	case p.Free < p.Total/portsLowOf:
		return found(alarm.Warning, "ports_low", "", de, en)
	}
	return nil
}

func (a *App) checkFirstPassword(time.Time) []alarm.Finding {
	u := a.store.Snapshot().ByName[store.Supervisor]
	if u == nil || !u.MustChangePassword {
		return nil
	}
	return found(alarm.Info, "first_password", "", "Das erste Kennwort von supervisor wurde noch nicht geändert.", "The first password of supervisor has not been changed yet.")
}

func (a *App) checkTrunks(time.Time) []alarm.Finding {
	figures := a.trunks.Figures()
	if len(figures) == 0 {
		return found(alarm.Warning, "no_trunk", "", "Es gibt keinen Weg nach außen: Auch Notrufe kommen nicht hinaus.", "There is no way outside: emergency calls do not get out either.")
	}
	var out []alarm.Finding
	for i := range figures {
		if f := &figures[i]; !f.Tried.IsZero() && !f.Up() {
			out = append(out, found(alarm.Error, "trunk_down", f.Name, fmt.Sprintf("Der Weg nach außen %s antwortet nicht wie er soll (zuletzt %d).", f.Name, f.Status),
				fmt.Sprintf("The way outside %s does not answer as it should (%d at last).", f.Name, f.Status))...)
		}
	}
	return out
}

// checkRevision finds a configuration that does not compile. A change is on its way for a moment, so it must be found twice.
func (a *App) checkRevision() alarm.Check {
	var behind bool
	return func(time.Time) []alarm.Finding {
		was := behind
		if behind = a.snaps.current.Load().source.Revision != a.store.Snapshot().Revision; !was || !behind {
			return nil
		}
		return found(alarm.Error, "configuration", "", "Die letzte Änderung ist nicht in Kraft: Anrufe laufen nach der Konfiguration davor. Das Log sagt, warum.",
			"The last change is not in force: calls follow the configuration before it. The log says why.")
	}
}

func (a *App) checkLicence(time.Time) []alarm.Finding { return licenceFindings(a.gate.Status()) }

// licenceFindings says what an administrator should know of the licence before users feel it.
func licenceFindings(s licence.Status) []alarm.Finding {
	switch {
	case s.State == licence.Unlicensed:
		return found(alarm.Warning, "licence", string(s.Code), s.De+" Telefoniert wird weiter; neue Benutzer und die Benutzer-Oberfläche sind gesperrt.",
			s.En+" Calls go on; new users and the user client are locked.")
	case s.State == licence.Evaluation && s.DaysLeft <= evaluationEnds, s.Code == licence.CodeExpiresSoon, s.Code == licence.CodeTooManyUsers:
		return found(alarm.Info, "licence", string(s.Code), s.De, s.En)
	}
	return nil
}
