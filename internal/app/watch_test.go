package app

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/alarm"
	"github.com/koppelfeld/koppelfeld/internal/machine"
)

func TestMachineFindings(t *testing.T) {
	well := machine.Reading{DiskTotal: 32 << 30, DiskFree: 16 << 30, MemoryTotal: 4 << 30, MemoryAvailable: 2 << 30}
	for _, c := range []struct {
		name string
		edit func(*machine.Reading)
		want map[string]alarm.Severity
	}{
		{"well", func(*machine.Reading) {}, nil},
		{"unknown", func(r *machine.Reading) { *r = machine.Reading{} }, nil},
		{"disk low", func(r *machine.Reading) { r.DiskFree = 900 << 20 }, map[string]alarm.Severity{"disk_low": alarm.Warning}},
		{"disk full", func(r *machine.Reading) { r.DiskFree = 0 }, map[string]alarm.Severity{"disk_low": alarm.Error}},
		{"small disk", func(r *machine.Reading) { r.DiskTotal, r.DiskFree = 2<<30, 600<<20 }, nil},
		{"memory low", func(r *machine.Reading) { r.MemoryAvailable = 100 << 20 }, map[string]alarm.Severity{"memory_low": alarm.Warning}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := well
			c.edit(&r)
			got := machineFindings(&r)
			if len(got) != len(c.want) {
				t.Fatalf("got %+v", got)
			}
			for _, f := range got {
				if c.want[f.Code] != f.Severity || f.De == "" || f.En == "" {
					t.Errorf("got %+v", f)
				}
			}
		})
	}
}

func TestCertificateFindings(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		left time.Duration
		want alarm.Severity
	}{{365 * 24 * time.Hour, ""}, {13 * 24 * time.Hour, alarm.Warning}, {-time.Hour, alarm.Error}} {
		got := certificateFindings(&x509.Certificate{NotAfter: now.Add(c.left), DNSNames: []string{"pbx.example"}}, now)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || got[0].Severity != c.want || got[0].Subject != "pbx.example") {
			t.Errorf("%s before the end: got %+v, want %q", c.left, got, c.want)
		}
	}
}
