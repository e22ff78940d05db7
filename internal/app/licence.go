package app

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/licence"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// gate says what the licence allows (SPEC A8). Whoever makes users in the name of a person asks it, and the user client; nobody who
// carries a call does.
type gate struct {
	ring  licence.Keyring
	snap  func() *directory.Snapshot
	now   func() time.Time
	tried atomic.Int64 // how long the system has run, nanoseconds
	last  atomic.Pointer[readLicence]
}

// readLicence is what was found in the installed licence.
type readLicence struct {
	of      *directory.Licence
	licence *licence.Licence
	fault   *licence.Fault
}

// openGate reads how long the system has run.
func openGate(ctx context.Context, st *store.Store) (*gate, error) {
	ring, err := licence.Trusted()
	if err != nil {
		return nil, err
	}
	g := &gate{ring: ring, snap: st.Snapshot, now: time.Now}
	trial, err := st.Trial(ctx)
	g.tried.Store(int64(trial.Ran))
	return g, err
}

// installed reads the licence of a snapshot, once for each.
func (g *gate) installed(of *directory.Licence) *readLicence {
	if of == nil {
		return &readLicence{}
	}
	if r := g.last.Load(); r != nil && r.of.ID == of.ID {
		return r
	}
	r := &readLicence{of: of}
	l, err := g.ring.Read([]byte(of.Document))
	if err == nil {
		r.licence = &l
	} else {
		errors.As(err, &r.fault)
	}
	g.last.Store(r)
	return r
}

// Status implements api.Licence.
func (g *gate) Status() licence.Status {
	r := g.installed(g.snap().Licence)
	return g.judge(r.licence, r.fault)
}

// StatusWith implements api.Licence.
func (g *gate) StatusWith(l *licence.Licence) licence.Status { return g.judge(l, nil) }

func (g *gate) judge(l *licence.Licence, f *licence.Fault) licence.Status {
	return licence.Judge(licence.Case{Now: g.now(), Users: len(g.snap().Users), Licence: l, Fault: f, Tried: time.Duration(g.tried.Load())})
}

// Read implements api.Licence.
func (g *gate) Read(file []byte) (licence.Licence, error) { return g.ring.Read(file) }

// CreateUsers implements api.Licence: nil, or a *licence.Fault that says why so many more users must not be made where there are so many.
// Restoring a backup and coming from 4.5 do not ask.
func (g *gate) CreateUsers(have, more int) error {
	s := g.Status()
	if f := s.CreateUsers(have, more); f != nil {
		return f
	}
	return nil
}

// UserClient implements api.Licence: nil, or a *licence.Fault that says why users must not use their client.
func (g *gate) UserClient() error {
	s := g.Status()
	if f := s.UserClient(); f != nil {
		return f
	}
	return nil
}

// gateEvery is how often the time that the system runs is noted.
const gateEvery = time.Hour

// openLicence makes the gate, and says in the log how the system is licensed.
func (a *App) openLicence(ctx context.Context) error {
	var err error
	if a.gate, err = openGate(ctx, a.store); err != nil {
		return err
	}
	a.passTrial(ctx)
	s := a.gate.Status()
	level := slog.LevelInfo
	if s.State == licence.Unlicensed {
		level = slog.LevelWarn
	}
	a.log.Log(ctx, level, "licence", "state", string(s.State), "code", string(s.Code), "users", s.Users, "max_users", s.MaxUsers, "days_left", s.DaysLeft)
	return nil
}

// countTrial notes that the system runs until ctx ends.
func (a *App) countTrial(ctx context.Context) error {
	tick := time.NewTicker(gateEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.faults.Guard("licence", func() { a.passTrial(ctx) })()
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *App) passTrial(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	trial, err := a.store.PassTrial(ctx)
	if err != nil {
		a.log.Warn("the time that the system runs is not noted", "err", err)
		return
	}
	a.gate.tried.Store(int64(trial.Ran))
}

func (a *App) licenceReadings() readings {
	return readings{
		{
			name: "koppelfeld_licence", help: "1 for how the system is licensed: licensed, evaluation or unlicensed.", kind: prometheus.GaugeValue, labels: []string{"state"},
			read: func(emit func(float64, ...string)) {
				now := a.gate.Status().State
				for _, state := range []licence.State{licence.Licensed, licence.Evaluation, licence.Unlicensed} {
					var is float64
					if state == now {
						is = 1
					}
					emit(is, string(state))
				}
			},
		},
		gauge("koppelfeld_licence_left_seconds", "How long licence or evaluation still last, in whole days, 0 when neither is in force.", func() float64 { return float64(a.gate.Status().DaysLeft) * 86400 }),
		gauge("koppelfeld_licence_users_max", "Users that may exist, 0 when nothing is licensed.", func() float64 { return float64(a.gate.Status().MaxUsers) }),
		gauge("koppelfeld_licence_users", "Users that exist.", func() float64 { return float64(a.gate.Status().Users) }),
	}
}
