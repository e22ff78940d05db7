package app

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
)

// metricLabels lists the labels of every metric that the daemon can have, with the parts of histograms.
func metricLabels(t *testing.T, a *App) map[string][]string {
	t.Helper()
	now := time.Now()
	a.metrics.ended(&calls.Record{Result: calls.Answered, Class: "inside", Status: 200, Start: now, RingAt: now, AnswerAt: now, End: now})
	out := map[string][]string{"up": nil}
	for _, r := range a.readings() {
		out[r.name] = r.labels
	}
	families, err := a.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		out[f.GetName()] = labels
		if f.GetMetric()[0].GetHistogram() != nil {
			out[f.GetName()+"_bucket"] = append(slices.Clone(labels), "le")
			out[f.GetName()+"_sum"], out[f.GetName()+"_count"] = labels, labels
		}
	}
	return out
}

// dashboard are the expressions of a dashboard for Grafana.
func dashboard(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		UID    string
		Panels []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ X, W, H int }
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Query string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	var out []string
	seen := map[int]bool{}
	for _, p := range d.Panels {
		if p.Title == "" || seen[p.ID] || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.H == 0 || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("a panel that makes no sense: %+v", p)
		}
		seen[p.ID] = true
		for _, g := range p.Targets {
			out = append(out, g.Expr)
		}
	}
	for _, v := range d.Templating.List {
		if v.Name != "datasource" {
			out = append(out, v.Query)
		}
	}
	return out
}

var (
	namedMetric = regexp.MustCompile(`\b((?:koppelfeld|process|go)_[a-z0-9_]+|up)\b(?:\{([^}]*)\})?`)
	namedLabel  = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	aggregated  = regexp.MustCompile(`\b(?:by|without|ignoring)\s*\(([^)]*)\)`)
)

// TestWhatWatchesNamesMetricsThatExist holds alert rules and dashboard to the daemon.
func TestWhatWatchesNamesMetricsThatExist(t *testing.T) {
	metrics := metricLabels(t, start(t, testConfig(t)).App)
	rules, err := os.ReadFile("../../packaging/prometheus/koppelfeld.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	watched := map[string][]string{"dashboard": dashboard(t, "../../packaging/grafana/koppelfeld.json")}
	for _, m := range regexp.MustCompile(`(?m)^\s+expr: (.*)$`).FindAllStringSubmatch(string(rules), -1) {
		watched["rules"] = append(watched["rules"], m[1])
	}
	for who, exprs := range watched {
		if len(exprs) < 10 {
			t.Errorf("%s: found %d expressions", who, len(exprs))
		}
		for _, e := range exprs {
			known := []string{"job", "instance"}
			found := namedMetric.FindAllStringSubmatch(e, -1)
			if len(found) == 0 {
				t.Errorf("%s: no metric in %s", who, e)
			}
			for _, m := range found {
				labels, ok := metrics[m[1]]
				if !ok {
					t.Errorf("%s: there is no metric %s in %s", who, m[1], e)
				}
				known = append(known, labels...)
				for _, l := range namedLabel.FindAllStringSubmatch(m[2], -1) {
					if ok && !slices.Contains(labels, l[1]) && l[1] != "job" && l[1] != "instance" {
						t.Errorf("%s: %s has no label %s, in %s", who, m[1], l[1], e)
					}
				}
			}
			for _, by := range aggregated.FindAllStringSubmatch(e, -1) {
				for l := range strings.SplitSeq(by[1], ",") {
					if l = strings.TrimSpace(l); l != "" && !slices.Contains(known, l) {
						t.Errorf("%s: nothing has a label %s, in %s", who, l, e)
					}
				}
			}
		}
	}
}
