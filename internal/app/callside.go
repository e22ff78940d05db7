package app

import (
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/cdr"
	"github.com/koppelfeld/koppelfeld/internal/version"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/b2bua"
	"github.com/koppelfeld/koppelfeld/sip/trunk"
)

// openCalls makes the side of the calls and joins it with what it asks.
func (a *App) openCalls(digest *auth.Digest) error {
	trunks, err := openTrunks(a.cfg)
	if err != nil {
		return err
	}
	a.trunks = trunks
	bc := b2bua.Config{
		Router: a, Locator: locator{a.locs}, Auth: digest, Brake: a.locs, SlotName: a.slotName, SlotNumber: a.slotNumber, Live: a.live, Table: a.table, Bus: a.bus,
		Recorder: recorder{a.records, a.metrics, &a.tally, trunks}, Commands: codes{a.store}, PINs: newPINs(a.store), FlowTo: a.stack.FlowTo, Interfaces: len(a.mediaInterfaces()) > 0, Connect: a.stack.Connect, Resolver: a.resolver, Domain: a.cfg.SIP.Domain,
		Limits:       b2bua.Limits{Total: a.cfg.SIP.MaxCalls, Attempts: a.cfg.SIP.CallRate},
		MediaTimeout: time.Duration(a.cfg.Media.TimeoutSeconds) * time.Second,
		Software:     version.String(), Log: a.log.With("part", "calls"), Faults: a.faults,
	}
	if len(a.cfg.Trunks) > 0 {
		bc.Outside, bc.Trunks = trunks, trunks
	}
	if a.plane != nil {
		bc.Media, bc.SRTP = b2bua.Relay(a.plane), b2bua.Protection(a.cfg.Media.SRTP)
	}
	if a.calls, err = b2bua.New(bc); err != nil {
		return err
	}
	a.calls.Register(a.stack)
	return nil
}

// slotNumber is a number that rings a slot, "" for none.
func (a *App) slotNumber(id string) string {
	slot, ok := a.snaps.Table().Slot(id)
	switch {
	case !ok:
		return ""
	case slot.Default != "" || len(slot.Numbers) == 0:
		return slot.Default
	}
	return slot.Numbers[0]
}

// slotName names a slot for people: "iris.immsee desk".
func (a *App) slotName(id string) string {
	slot, ok := a.snaps.Table().Slot(id)
	if !ok {
		return id
	}
	return slot.Username + " " + slot.Type
}

// Decide implements b2bua.Router with the table in force.
func (a *App) Decide(r routing.Request, live routing.Live) routing.Plan {
	return a.snaps.Table().Decide(r, live)
}

// recorder hands records to the writer and counts the finished ones.
type recorder struct {
	*cdr.Writer
	metrics *metrics
	tally   *calls.Tally
	trunks  *trunk.Trunks
}

// Finished implements b2bua.Recorder.
func (r recorder) Finished(rec calls.Record) {
	r.metrics.ended(&rec)
	r.tally.Add(rec.Start, rec.Result)
	for i := range rec.Legs {
		if l := &rec.Legs[i]; l.Number != "" {
			r.trunks.Tried(l.Contact, l.Start, l.Status, !l.RingAt.IsZero())
		}
	}
	r.Writer.Finished(rec)
}
