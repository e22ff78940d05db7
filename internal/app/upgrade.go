package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/legacy"
	"github.com/koppelfeld/koppelfeld/internal/version"
)

// UpgradeOptions says which 4.5 is looked at and where the report goes.
type UpgradeOptions struct {
	Source  string // DSN of the database of 4.5
	Country string // code of national numbers, digits
	Zone    string // of time rules
	From    string // version of 4.5, "" where it is not known
	Accept  bool   // phones that 5 does not support do not stand in the way
	JSON    string // files that the report is written to, "" for none
	HTML    string
	German  bool // language of what is printed
}

// NotReadyError is returned after a check that was made and found something in the way of the upgrade.
type NotReadyError struct{ Stops int }

// Error says how much stands in the way.
func (e *NotReadyError) Error() string {
	return fmt.Sprintf("the upgrade cannot run yet: %d things stand in the way, see above", e.Stops)
}

// ExitCode is that of a process that ends with the error.
func (*NotReadyError) ExitCode() int { return 2 }

// UpgradeCheck reads a running 4.5, writes the report to the files of opt and its summary to out. It changes nothing else. It returns
// *NotReadyError when something stands in the way of an upgrade, *legacy.Refused when the source is no 4.5.
func UpgradeCheck(ctx context.Context, opt UpgradeOptions, out io.Writer) error {
	report, _, err := convertLegacy(ctx, opt)
	if err != nil {
		return err
	}
	if err := writeReport(report, opt); err != nil {
		return err
	}
	if err := report.WriteSummary(out, opt.German); err != nil {
		return err
	}
	if !report.Ready {
		return &NotReadyError{len(report.Stops)}
	}
	return nil
}

// convertLegacy reads and converts a 4.5 system.
func convertLegacy(ctx context.Context, opt UpgradeOptions) (*legacy.Report, *legacy.Conversion, error) {
	if opt.Country == "" || len(opt.Country) > 3 || strings.Trim(opt.Country, "0123456789") != "" {
		return nil, nil, fmt.Errorf("--country: %q is no country code of 1 to 3 digits such as 49", opt.Country)
	}
	if _, err := time.LoadLocation(opt.Zone); err != nil || opt.Zone == "" || opt.Zone == "Local" {
		return nil, nil, fmt.Errorf("--zone: %q is no time zone such as Europe/Berlin", opt.Zone)
	}
	began := time.Now()
	source, err := legacy.Open(ctx, opt.Source)
	if err != nil {
		return nil, nil, err
	}
	data, err := source.Read(ctx)
	if err := errors.Join(err, source.Close()); err != nil {
		return nil, nil, err
	}
	conversion := legacy.Convert(data, legacy.Options{Country: opt.Country, Zone: opt.Zone, Version: opt.From, AcceptUnsupported: opt.Accept})
	report := legacy.NewReport(conversion, source.Name(), version.String(), began, time.Since(began))
	return report, conversion, nil
}

// writeReport writes the files that are asked for, each wholly or not at all. They name people and their numbers: only the owner may read them.
func writeReport(r *legacy.Report, opt UpgradeOptions) error {
	for _, f := range []struct {
		path  string
		write func(io.Writer) error
	}{{opt.JSON, r.WriteJSON}, {opt.HTML, r.WriteHTML}} {
		if f.path == "" {
			continue
		}
		if err := writeWhole(f.path, f.write); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	return nil
}

func writeWhole(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing is there after the rename
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
