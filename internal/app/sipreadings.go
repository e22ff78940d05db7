package app

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/koppelfeld/koppelfeld/sip"
)

// insideReadings are the figures by which one sees whether the SIP side keeps up, and what it holds.
func (a *App) insideReadings() readings {
	type emit = func(float64, ...string)
	shards := func(name, help string, kind prometheus.ValueType, label string, values func(sip.ShardStats, func(string, float64))) reading {
		return reading{name, help, kind, []string{label}, func(e emit) {
			sums := map[string]float64{}
			for _, s := range a.stack.Stats().Shards {
				values(s, func(l string, v float64) { sums[l] += v })
			}
			for l, v := range sums {
				e(v, l)
			}
		}}
	}
	return readings{
		{
			"koppelfeld_sip_panics_total", "Faults of the program that a shard has survived.", prometheus.CounterValue,
			[]string{"shard"},
			func(e emit) {
				for i, s := range a.stack.Stats().Shards {
					e(float64(s.Panics), strconv.Itoa(i))
				}
			},
		},
		a.perShard("koppelfeld_sip_shard_lag_peak_seconds", "The longest that an event has waited in a shard within the last one to two minutes.", func(s sip.ShardStats) float64 { return s.RecentPeak.Seconds() }),
		{
			"koppelfeld_sip_flows", "Stream connections by transport, and TLS handshakes that are not finished.", prometheus.GaugeValue,
			[]string{"transport"},
			func(e emit) {
				t := a.stack.Stats().Transport
				for proto, n := range t.ByProto {
					if proto.Reliable() {
						e(float64(n), string(proto))
					}
				}
				e(float64(t.Handshakes), "handshake")
			},
		},
		shards("koppelfeld_sip_transaction_events_total", "What happened to transactions: made by role, messages sent again or absorbed, ended without an answer, refused.",
			prometheus.CounterValue, "event", func(s sip.ShardStats, add func(string, float64)) {
				c := &s.Counts
				add("client", float64(c.Clients))
				add("server", float64(c.Servers))
				add("retransmission", float64(c.Retransmissions))
				add("absorbed", float64(c.Absorbed))
				add("timeout", float64(c.Timeouts))
				add("unanswered", float64(c.Unanswered))
				add("refused", float64(c.Refused))
				add("merged", float64(c.Merged))
				add("orphan_cancel", float64(c.Orphans))
			}),
		gauge("koppelfeld_sip_calls_open", "Calls of which anything is left: running ones, and ended ones whose BYE or CANCEL is under way.", func() float64 { return float64(a.calls.Open()) }),
		shards("koppelfeld_sip_trace_calls", "Calls whose messages are kept.", prometheus.GaugeValue, "state", func(s sip.ShardStats, add func(string, float64)) {
			add("running", float64(s.Trace.Running))
			add("ended", float64(s.Trace.Ended))
		}),
		gauge("koppelfeld_sip_trace_bytes", "Bytes of the messages that are kept.", func() float64 { return a.overShards(func(s sip.ShardStats) float64 { return float64(s.Trace.Bytes) }) }),
		counter("koppelfeld_sip_trace_skipped_total", "Messages of calls that were not kept: too many or too large.", func() float64 {
			return a.overShards(func(s sip.ShardStats) float64 { return float64(s.Trace.Skipped) })
		}),
	}
}

// overShards adds up a figure of all shards.
func (a *App) overShards(value func(sip.ShardStats) float64) (sum float64) {
	for _, s := range a.stack.Stats().Shards {
		sum += value(s)
	}
	return sum
}
