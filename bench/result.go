package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// result is one row of the table: the same quantity of koppelfeld and, where there is
// one, of the peer, measured in turns.
type result struct {
	Name       string    `json:"name"`
	Unit       string    `json:"unit"`
	Koppelfeld []float64 `json:"koppelfeld"`
	Peer       string    `json:"peer,omitempty"`
	PeerRuns   []float64 `json:"peer_runs,omitempty"`
	Aim        string    `json:"aim,omitempty"`
	Note       string    `json:"note,omitempty"`
	// Ratio is that of the medians; RatioMin and RatioMax are those of single pairs.
	Ratio    float64 `json:"ratio,omitempty"`
	RatioMin float64 `json:"ratio_min,omitempty"`
	RatioMax float64 `json:"ratio_max,omitempty"`
}

// add notes a figure of koppelfeld, which is first in every pair, or of the peer.
func (r *result) add(side int, v float64) {
	if side == 0 {
		r.Koppelfeld = append(r.Koppelfeld, v)
	} else {
		r.PeerRuns = append(r.PeerRuns, v)
	}
}

// finish computes the ratios.
func (r *result) finish() {
	if len(r.PeerRuns) == 0 || len(r.Koppelfeld) == 0 || median(r.PeerRuns) == 0 {
		return
	}
	r.Ratio = median(r.Koppelfeld) / median(r.PeerRuns)
	for i := range min(len(r.Koppelfeld), len(r.PeerRuns)) {
		if r.PeerRuns[i] == 0 {
			continue
		}
		q := r.Koppelfeld[i] / r.PeerRuns[i]
		if r.RatioMin == 0 || q < r.RatioMin {
			r.RatioMin = q
		}
		r.RatioMax = max(r.RatioMax, q)
	}
}

// report is everything one run found.
type report struct {
	At       time.Time         `json:"at"`
	Machine  string            `json:"machine"`
	Versions map[string]string `json:"versions"`
	Results  []*result         `json:"results"`
}

func (r *report) writeJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing figures: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing figures: %w", err)
	}
	return nil
}

// writeMarkdown writes the table for BENCHMARKS.md.
func (r *report) writeMarkdown(w io.Writer) {
	fmt.Fprintf(w, "%s, %s", r.At.Format("2006-01-02 15:04"), r.Machine)
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		fmt.Fprintf(w, ", %s %s", name, r.Versions[name])
	}
	fmt.Fprint(w, "\n\n| measured | unit | Koppelfeld | peer | ratio (spread) | aim | note |\n| --- | --- | ---: | ---: | ---: | --- | --- |\n")
	for _, x := range r.Results {
		peer, ratio := "", ""
		if len(x.PeerRuns) > 0 {
			peer = x.Peer + " " + spread(x.PeerRuns)
		}
		if x.Ratio > 0 {
			ratio = fmt.Sprintf("**%.2f** (%.2f to %.2f)", x.Ratio, x.RatioMin, x.RatioMax)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s |\n", x.Name, x.Unit, spread(x.Koppelfeld), peer, ratio, x.Aim, x.Note)
	}
}

// spread shows the median and, of several runs, the lowest and the highest.
func spread(runs []float64) string {
	switch len(runs) {
	case 0:
		return ""
	case 1:
		return figure(runs[0])
	}
	return fmt.Sprintf("%s (%s to %s)", figure(median(runs)), figure(slices.Min(runs)), figure(slices.Max(runs)))
}

// figure rounds to three digits.
func figure(v float64) string {
	s := strconv.FormatFloat(v, 'g', 3, 64)
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		s = strconv.FormatFloat(f, 'f', -1, 64)
	}
	return s
}

func median(v []float64) float64 { return quantile(v, 0.5) }

// quantile is the value below which the share q of v lies; 0 of nothing.
func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	if q == 0.5 && len(s)%2 == 0 {
		return (s[len(s)/2-1] + s[len(s)/2]) / 2
	}
	return s[min(len(s)-1, int(q*float64(len(s))))]
}

// newReport notes where the run takes place and with which versions.
func newReport(bin string) *report {
	r := &report{At: time.Now(), Versions: map[string]string{"Go": strings.TrimPrefix(runtime.Version(), "go")}}
	model := "unknown CPU"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				model = strings.TrimSpace(v)
				break
			}
		}
	}
	kernel := "Linux"
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel += " " + strings.TrimSpace(string(text))
	}
	r.Machine = fmt.Sprintf("%d x %s, %s", runtime.NumCPU(), model, kernel)
	for name, command := range map[string][]string{
		"Koppelfeld": {bin, "version"},
		"Kamailio":   {"kamailio", "-v"},
		"rtpengine":  {"rtpengine", "--version"},
		"SIPp":       {"sipp", "-v"},
	} {
		out, _ := exec.Command(command[0], command[1:]...).CombinedOutput() // sipp ends with 99
		r.Versions[name] = versionIn(string(out))
	}
	return r
}

// versionIn finds the first word that looks like a version.
func versionIn(text string) string {
	for w := range strings.FieldsSeq(text) {
		w = strings.TrimRight(strings.TrimPrefix(strings.TrimPrefix(w, "Koppelfeld/"), "v"), ".,")
		if strings.Contains(w, ".") && w[0] >= '0' && w[0] <= '9' {
			return w
		}
	}
	if f := strings.Fields(text); len(f) > 0 {
		return strings.TrimPrefix(f[len(f)-1], "Koppelfeld/")
	}
	return "missing"
}
