package app

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/sip"
)

// readings lists what Prometheus asks the parts for.
func (a *App) readings() readings {
	rs := a.callReadings()
	rs = append(rs, a.sipReadings()...)
	rs = append(rs, a.insideReadings()...)
	rs = append(rs, a.nameReadings()...)
	rs = append(rs, a.eventReadings()...)
	rs = append(rs, a.recordReadings()...)
	rs = append(rs, a.hepReadings()...)
	rs = append(rs, a.backupReadings()...)
	rs = append(rs, a.licenceReadings()...)
	if a.plane != nil {
		rs = append(rs, a.mediaReadings()...)
	}
	return rs
}

func (a *App) callReadings() readings {
	return readings{
		gauge("koppelfeld_active_calls", "Calls that ring or are up.", func() float64 { return float64(a.table.Len()) }),
		counter("koppelfeld_call_faults_total", "Faults of the program that ended a call.", func() float64 { return float64(a.calls.Panics()) }),
		{
			name: "koppelfeld_faults_total", help: "Faults of the program that were survived, by part.", kind: prometheus.CounterValue, labels: []string{"part"},
			read: func(emit func(float64, ...string)) {
				for place, n := range a.faults.Counts() {
					emit(float64(n), place)
				}
			},
		},
		gauge("koppelfeld_registered_slots", "Slots with at least one registered contact.", func() float64 { slots, _ := a.locs.Count(); return float64(slots) }),
		gauge("koppelfeld_registered_contacts", "Registered contacts.", func() float64 { _, contacts := a.locs.Count(); return float64(contacts) }),
		gauge("koppelfeld_config_revision", "Revision of the configuration in force.", func() float64 { return float64(a.store.Snapshot().Revision) }),
		gauge("koppelfeld_database_up", "1 while the database can be used.", func() float64 {
			if a.store.Healthy() != nil {
				return 0
			}
			return 1
		}),
		{
			name: "koppelfeld_event_queue_length", help: "Events waiting for a reader.", kind: prometheus.GaugeValue, labels: []string{"reader"},
			read: func(emit func(float64, ...string)) {
				for name, q := range a.eventQueues() {
					emit(float64(q.Len), name)
				}
			},
		},
		{
			name: "koppelfeld_event_dropped_total", help: "Events that a slow reader did not get.", kind: prometheus.CounterValue, labels: []string{"reader"},
			read: func(emit func(float64, ...string)) {
				for name, q := range a.eventQueues() {
					emit(float64(q.Dropped), name)
				}
			},
		},
	}
}

// queueFigures adds up the readers of one name.
type queueFigures struct {
	Len     int
	Dropped uint64
}

func (a *App) eventQueues() map[string]queueFigures {
	out := map[string]queueFigures{}
	for _, q := range a.bus.Queues() {
		f := out[q.Name]
		f.Len += q.Len
		f.Dropped += q.Dropped
		out[q.Name] = f
	}
	return out
}

func (a *App) sipReadings() readings {
	type emit = func(float64, ...string)
	return readings{
		{
			"koppelfeld_sip_requests_total", "Requests received.", prometheus.CounterValue,
			[]string{"method"},
			func(e emit) {
				for m, n := range a.stack.Stats().Requests {
					if m == "" {
						m = "other"
					}
					e(float64(n), string(m))
				}
			},
		},
		{
			"koppelfeld_sip_responses_total", "Responses received, by class.", prometheus.CounterValue,
			[]string{"class"},
			func(e emit) {
				for class, n := range a.stack.Stats().Responses {
					if class > 0 {
						e(float64(n), strconv.Itoa(class)+"xx")
					}
				}
			},
		},
		{
			"koppelfeld_sip_messages_total", "Messages by transport and direction.", prometheus.CounterValue,
			[]string{"transport", "direction"},
			func(e emit) {
				for proto, t := range a.stack.Stats().Transport.Traffic {
					e(float64(t.MessagesIn), string(proto), "in")
					e(float64(t.MessagesOut), string(proto), "out")
				}
			},
		},
		{
			"koppelfeld_sip_drops_total", "Messages and connections that went no further, by reason.", prometheus.CounterValue,
			[]string{"layer", "reason"},
			func(e emit) {
				s := a.stack.Stats()
				for reason, n := range s.Drops {
					e(float64(n), "dispatch", string(reason))
				}
				for reason, n := range s.Transport.Drops {
					e(float64(n), "transport", string(reason))
				}
				e(float64(a.locs.Stats().Braked), "credentials", "braked")
				e(float64(a.locs.Stats().TooOften), "registrar", "register_rate")
				e(float64(a.calls.Refused()), "calls", "call_rate")
			},
		},
		{
			"koppelfeld_sip_registers_total", "REGISTERs answered, by result: accepted, challenged or the status of the refusal.", prometheus.CounterValue,
			[]string{"result"},
			func(e emit) {
				s := a.locs.Stats()
				e(float64(s.Accepted), "accepted")
				e(float64(s.Challenged), "challenged")
				for status, n := range s.Refused {
					e(float64(n), strconv.Itoa(status))
				}
			},
		},
		{
			"koppelfeld_sip_wrong_credentials_total", "Requests with credentials that do not fit an account: a wrong password or an unknown name.", prometheus.CounterValue,
			[]string{"verdict"},
			func(e emit) {
				s := a.locs.Stats()
				e(float64(s.Wrong), "wrong")
				e(float64(s.Unknown), "unknown")
			},
		},
		counter("koppelfeld_sip_emergency_invites_total", "INVITEs to emergency numbers that were served before other new requests.", func() float64 { return float64(a.stack.Stats().Urgent) }),
		gauge("koppelfeld_sip_connections", "Open stream connections.", func() float64 { return float64(a.stack.Stats().Transport.Connections) }),
		a.perShard("koppelfeld_sip_shard_queue_length", "Events waiting in a shard.", func(s sip.ShardStats) float64 { return float64(s.Queue) }),
		a.perShard("koppelfeld_sip_shard_lag_seconds", "How long the oldest event has waited when its batch was begun.", func(s sip.ShardStats) float64 { return s.LastLag.Seconds() }),
		a.perShard("koppelfeld_sip_transactions", "Transactions, lingering ones included.", func(s sip.ShardStats) float64 { return float64(s.Transactions) }),
		a.perShard("koppelfeld_sip_dialogs", "Dialogs.", func(s sip.ShardStats) float64 { return float64(s.Dialogs) }),
		a.perShard("koppelfeld_sip_timers", "Pending timers.", func(s sip.ShardStats) float64 { return float64(s.Timers) }),
	}
}

func (a *App) perShard(name, help string, value func(sip.ShardStats) float64) reading {
	return reading{name, help, prometheus.GaugeValue, []string{"shard"}, func(emit func(float64, ...string)) {
		for i, s := range a.stack.Stats().Shards {
			emit(value(s), strconv.Itoa(i))
		}
	}}
}

func (a *App) recordReadings() readings {
	return readings{
		gauge("koppelfeld_records_queue_length", "Call records in memory, not yet on disk.", func() float64 { return float64(a.records.Stats().Queued) }),
		gauge("koppelfeld_records_spooled", "Call records on disk that the database does not have yet.", func() float64 { return float64(a.records.Stats().Spooled) }),
		counter("koppelfeld_records_written_total", "Call records handed to the database.", func() float64 { return float64(a.records.Stats().Written) }),
		counter("koppelfeld_records_lost_total", "Call records given up because disk and memory were full.", func() float64 { return float64(a.records.Stats().Lost) }),
		counter("koppelfeld_records_disk_errors_total", "Failed writes of the record spool.", func() float64 { return float64(a.records.Stats().DiskErrors) }),
		counter("koppelfeld_records_database_errors_total", "Failed batches of call records.", func() float64 { return float64(a.records.Stats().SinkErrors) }),
	}
}

func (a *App) mediaReadings() readings {
	return readings{
		{
			"koppelfeld_media_packets_total", "Datagrams relayed.", prometheus.CounterValue,
			[]string{"kind"},
			func(emit func(float64, ...string)) {
				t := a.plane.Totals()
				emit(float64(t.RTP), "rtp")
				emit(float64(t.RTCP), "rtcp")
			},
		},
		{
			"koppelfeld_media_dropped_total", "Datagrams that were not relayed, by reason.", prometheus.CounterValue,
			[]string{"reason"},
			func(emit func(float64, ...string)) {
				for reason, n := range a.plane.Totals().Dropped {
					emit(float64(n), media.Drop(reason).String())
				}
			},
		},
		{
			"koppelfeld_media_ports", "Port pairs by state.", prometheus.GaugeValue,
			[]string{"state"},
			func(emit func(float64, ...string)) {
				p := a.plane.Ports()
				emit(float64(p.Free), "free")
				emit(float64(p.Used), "used")
				emit(float64(p.Quarantined), "quarantined")
			},
		},
	}
}
