package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/certs"
	"github.com/koppelfeld/koppelfeld/internal/example"
)

// openExample fills the database with the example company when asked to.
func (a *App) openExample(ctx context.Context) error {
	if !a.opts.Example {
		return nil
	}
	if _, err := example.Load(ctx, a.store); err != nil {
		return fmt.Errorf("loading the example company: %w", err)
	}
	return nil
}

// printExample tells whoever tries the example company where to knock.
func (a *App) printExample() {
	w := a.opts.Out
	fmt.Fprintf(w, "\nKoppelfeld serves the example company.\n\n")
	for _, l := range a.cfg.Listeners() {
		fmt.Fprintf(w, "  SIP       %s   domain %s\n", l, a.cfg.SIP.Domain)
	}
	fmt.Fprintf(w, "  HTTP API  %s/api/openapi.json\n", a.adminURL())
	if a.certs != nil && a.cfg.Admin.TLSOn() && len(a.cfg.TLS.Pairs()) == 0 && a.adminCerts == nil {
		fmt.Fprintf(w, "            self-made certificate %s\n", certs.SelfMade(a.cfg.DataDir))
	}
	if a.metricLn != nil {
		fmt.Fprintf(w, "  Metrics   http://%s/metrics\n", a.metricLn.Addr())
	}
	if a.firstPassword != "" {
		fmt.Fprintf(w, "  Login     supervisor, first password %s\n", a.firstPassword)
	} else {
		fmt.Fprintf(w, "  Login     supervisor, with the password that was set\n")
	}
	fmt.Fprintf(w, "\n  %-16s %-10s %-22s %-14s %-26s\n", "user", "slot", "numbers", "SIP user", "SIP password")
	snap := a.store.Snapshot()
	for _, name := range []string{"armin.artmann", "iris.immsee", "ralf.ranke", "sandra.singer", "supervisor"} {
		u := snap.ByName[name]
		if u == nil {
			continue
		}
		for _, id := range snap.Columns[u.ID] {
			s := snap.Slots[id]
			if s.SIPUsername == "" {
				continue
			}
			fmt.Fprintf(w, "  %-16s %-10s %-22s %-14s %-26s\n", name, s.Type, strings.Join(snap.TickedNumbers(id), " "), s.SIPUsername, s.SIPSecret)
		}
	}
	fmt.Fprintln(w)
}
