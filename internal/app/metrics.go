package app

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/fault"
	"github.com/koppelfeld/koppelfeld/internal/version"
)

// metrics counts finished calls as they pass and reads everything else from the
// parts' own counters when Prometheus asks.
type metrics struct {
	registry *prometheus.Registry
	results  *prometheus.CounterVec
	statuses *prometheus.CounterVec
	ring     prometheus.Histogram
	answer   prometheus.Histogram
	talk     prometheus.Histogram
	lost     prometheus.Counter
	received prometheus.Counter
	silent   prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "koppelfeld_calls_total", Help: "Call attempts that have ended, by result and class of caller.",
		}, []string{"result", "class"}),
		statuses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "koppelfeld_call_final_status_total", Help: "Final SIP statuses sent to callers.",
		}, []string{"status"}),
		ring: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "koppelfeld_call_ring_delay_seconds", Help: "Time from the caller's INVITE to the first ringing.",
			Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5},
		}),
		answer: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "koppelfeld_call_answer_seconds", Help: "Time from the caller's INVITE to the answer.",
			Buckets: []float64{.5, 1, 2, 5, 10, 15, 20, 30, 45, 60, 120},
		}),
		talk: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "koppelfeld_call_talk_seconds", Help: "Length of answered calls.",
			Buckets: []float64{1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600},
		}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "koppelfeld_media_lost_packets_total", Help: "RTP packets that did not arrive, over ended calls.",
		}),
		received: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "koppelfeld_media_received_packets_total", Help: "RTP packets that arrived, over ended calls.",
		}),
		silent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "koppelfeld_calls_with_audio_fault_total", Help: "Answered calls whose record carries a note about missing or one-way audio.",
		}),
	}
	m.registry.MustRegister(m.results, m.statuses, m.ring, m.answer, m.talk, m.lost, m.received, m.silent,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		constant("koppelfeld_build_info", "Version of the running program.", 1, prometheus.Labels{"version": version.Version}))
	return m
}

func constant(name, help string, value float64, labels prometheus.Labels) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 { return value })
}

// ended counts one finished call.
func (m *metrics) ended(r *calls.Record) {
	m.results.WithLabelValues(string(r.Result), r.Class).Inc()
	if r.Status > 0 {
		m.statuses.WithLabelValues(strconv.Itoa(r.Status)).Inc()
	}
	if !r.RingAt.IsZero() {
		m.ring.Observe(r.RingAt.Sub(r.Start).Seconds())
	}
	if !r.AnswerAt.IsZero() {
		m.answer.Observe(r.AnswerAt.Sub(r.Start).Seconds())
		m.talk.Observe(r.End.Sub(r.AnswerAt).Seconds())
	}
	for _, f := range []*calls.Media{r.MediaCaller, r.MediaCallee} {
		if f != nil {
			m.received.Add(float64(f.Packets))
			m.lost.Add(float64(max(0, f.Lost)))
		}
	}
	if r.MediaNote != "" {
		m.silent.Inc()
	}
}

// reading is one metric read from a part when Prometheus asks.
type reading struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	read       func(emit func(value float64, labels ...string))
}

// readings is a collector over readings.
type readings []reading

func (rs readings) descs() []*prometheus.Desc {
	out := make([]*prometheus.Desc, len(rs))
	for i, r := range rs {
		out[i] = prometheus.NewDesc(r.name, r.help, r.labels, nil)
	}
	return out
}

// Describe implements prometheus.Collector.
func (rs readings) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range rs.descs() {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (rs readings) Collect(ch chan<- prometheus.Metric) {
	for i, d := range rs.descs() {
		rs[i].read(func(v float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, rs[i].kind, v, labels...)
		})
	}
}

// guarded is a collector whose faults cost a scrape what it had still to tell: the registry collects on goroutines of its own.
type guarded struct {
	prometheus.Collector
	faults *fault.Log
}

// Collect implements prometheus.Collector.
func (g guarded) Collect(ch chan<- prometheus.Metric) {
	g.faults.Guard("metrics", func() { g.Collector.Collect(ch) })()
}

// one makes a reading without labels.
func one(kind prometheus.ValueType, name, help string, value func() float64) reading {
	return reading{name: name, help: help, kind: kind, read: func(emit func(float64, ...string)) { emit(value()) }}
}

func gauge(name, help string, value func() float64) reading {
	return one(prometheus.GaugeValue, name, help, value)
}

func counter(name, help string, value func() float64) reading {
	return one(prometheus.CounterValue, name, help, value)
}
