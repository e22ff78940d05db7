package app

import (
	"context"
	"fmt"
	"net"

	"github.com/koppelfeld/koppelfeld/admin"
	"github.com/koppelfeld/koppelfeld/admin/api"
	adminauth "github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/app/adminjoin"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/routing"
)

// hashesAtOnce bounds the memory that concurrent logins cost (64 MiB each).
const hashesAtOnce = 2

func (a *App) openAdmin(context.Context) error {
	passwords := secret.NewPasswords(hashesAtOnce)
	elsewhere, err := a.oidc()
	if err != nil {
		return err
	}
	door, err := adminauth.New(adminauth.Config{
		Sessions: adminjoin.Sessions{Store: a.store}, Factors: adminjoin.Factors{Store: a.store}, Passwords: passwords, Snapshot: a.store.Snapshot, OIDC: elsewhere,
	})
	if err != nil {
		return err
	}
	if a.adminLn, err = net.Listen("tcp", a.cfg.Admin.Listen); err != nil {
		return fmt.Errorf("admin.listen: %w", err)
	}
	a.onClose(func() { _ = a.adminLn.Close() })
	a.admin, err = admin.New(admin.Config{
		Listener: a.adminLn, MaxConnections: a.limits.http, TLS: a.adminTLS(),
		Log: a.log.With("part", "admin"), Faults: a.faults,
		Deps: api.Deps{
			Store: adminjoin.Store{Store: a.store}, Door: door, Passwords: passwords, Calls: a.table, Dial: a.calls.Dial, Bindings: a.bindings, Events: a.bus,
			Debug:    adminjoin.Inside{Stack: a.stack, Recent: a.recent, Bindings: a.locs.Bindings},
			Backups:  adminjoin.Backups{Keeper: a.backups, Config: a.cfg.Backup, DataDir: a.cfg.DataDir},
			Transfer: adminjoin.Transfer{Store: a.store, DataDir: a.cfg.DataDir, Domain: a.cfg.SIP.Domain, MayCreateUsers: a.gate.CreateUsers},
			System:   state{a}, Bans: bans{a.locs}, Licence: a.gate,
			Routing: func() (*routing.Table, routing.Live) {
				return a.snaps.Table(), calls.LiveState{Live: a.live, Registrations: a.locs}
			},
			Preview: a.snaps.preview,
			Ready:   func(context.Context) error { return a.store.Healthy() },
			Domain:  a.cfg.SIP.Domain, Site: a.site,
		},
	})
	return err
}

// adminURL is where the API is on this machine.
func (a *App) adminURL() string {
	scheme := "http"
	if a.cfg.Admin.TLSOn() {
		scheme = "https"
	}
	return scheme + "://" + a.adminLn.Addr().String()
}

// bindings lists a slot's contacts for the API.
func (a *App) bindings(slotID string) []api.Binding {
	var out []api.Binding
	for _, b := range a.locs.Bindings(slotID) {
		e := api.Binding{Contact: b.Contact, Received: b.Received.String(), UserAgent: b.UserAgent, Registered: b.Refreshed, Expires: b.Expires}
		if b.Flow != nil {
			e.Transport = string(b.Flow.Proto())
		}
		out = append(out, e)
	}
	return out
}
