package app

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koppelfeld/koppelfeld/sip/hep"
)

// agentID is the number by which a collector knows us when the configuration names none.
const agentID = 2001

// openHEP makes the exporter when there is a collector.
func (a *App) openHEP() error {
	if a.cfg.HEP.Collector == "" {
		return nil
	}
	collector, err := a.cfg.HEP.Addr()
	if err != nil {
		return err
	}
	a.hep, err = hep.New(hep.Config{
		Collector: collector, Agent: cmp.Or(a.cfg.HEP.Agent, agentID), Password: a.cfg.HEP.Password, Faults: a.faults,
	})
	return err
}

func (a *App) hepReadings() readings {
	if a.hep == nil {
		return nil
	}
	return readings{{
		"koppelfeld_hep_messages_total", "Copies of SIP messages for the collector: sent, left out because the queue was full, or refused by the network.",
		prometheus.CounterValue,
		[]string{"result"},
		func(emit func(float64, ...string)) {
			s := a.hep.Stats()
			emit(float64(s.Sent), "sent")
			emit(float64(s.Left), "left_out")
			emit(float64(s.Failed), "failed")
		},
	}}
}
