package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/koppelfeld/koppelfeld/internal/version"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/event"
	"github.com/koppelfeld/koppelfeld/sip/event/dialoginfo"
)

// openEvents makes the notifier and lets the table of calls feed the lamps.
func (a *App) openEvents(digest *auth.Digest) error {
	lamps := &dialoginfo.Package{Table: a.table, Known: a.knownNumber, Domain: a.cfg.SIP.Domain}
	var err error
	a.events, err = event.New(event.Config{
		Auth: digest, Brake: a.locs, Software: version.String(), Log: a.log.With("part", "events"),
	}, lamps)
	if err != nil {
		return err
	}
	a.events.Register(a.stack)
	a.table.OnNumber(func(number string) { a.events.Changed(dialoginfo.Name, number) })
	return nil
}

// knownNumber reports whether a number is in the plan.
func (a *App) knownNumber(number string) bool {
	_, ok := a.snaps.Table().Number(number)
	return ok
}

// knownAccount reports whether an account is still what it was.
func (a *App) knownAccount(was *auth.Account) bool {
	now := a.snaps.Account(was.Username)
	return now != nil && *now == *was
}

func (a *App) eventReadings() readings {
	return readings{
		{
			"koppelfeld_sip_subscriptions", "Subscriptions, by event package.", prometheus.GaugeValue,
			[]string{"package"},
			func(emit func(float64, ...string)) {
				for name, n := range a.events.Stats().Active {
					emit(float64(n), name)
				}
			},
		},
		{
			"koppelfeld_sip_notifies_total", "NOTIFYs sent, by event package.", prometheus.CounterValue,
			[]string{"package"},
			func(emit func(float64, ...string)) {
				for name, n := range a.events.Stats().Notifies {
					emit(float64(n), name)
				}
			},
		},
		{
			"koppelfeld_sip_subscribers_lost_total", "Subscriptions that ended with their subscriber, by cause.", prometheus.CounterValue,
			[]string{"cause"},
			func(emit func(float64, ...string)) {
				for cause, n := range a.events.Stats().Failed {
					emit(float64(n), cause)
				}
			},
		},
		counter("koppelfeld_sip_subscribes_refused_total", "SUBSCRIBEs that were refused, challenges not counted.", func() float64 { return float64(a.events.Stats().Refused) }),
		counter("koppelfeld_sip_event_faults_total", "Faults of the program that ended a subscription.", func() float64 { return float64(a.events.Stats().Faults) }),
	}
}
