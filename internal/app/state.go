package app

import (
	"net/netip"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/machine"
	"github.com/koppelfeld/koppelfeld/sip/registrar"
)

// state is an api.System.
type state struct{ a *App }

// Activity implements api.System.
func (s state) Activity() []calls.Count { return s.a.tally.Last(time.Now()) }

// Alarms implements api.System.
func (s state) Alarms() []api.Alarm {
	var out []api.Alarm
	for _, a := range s.a.alarms.Alarms() {
		out = append(out, api.Alarm{Severity: string(a.Severity), Code: a.Code, Subject: a.Subject, De: a.De, En: a.En, Since: a.Since})
	}
	return out
}

// Trunks implements api.System.
func (s state) Trunks() []api.Trunk {
	figures := s.a.trunks.Figures()
	out := make([]api.Trunk, len(figures))
	for i := range figures {
		f := &figures[i]
		t := api.Trunk{
			Name: f.Name, Proxy: f.Proxy, From: []string{}, Base: f.Base, State: api.TrunkUnknown, LastStatus: f.Status,
			LastUsed: f.Tried, Out: f.Out, Answered: f.Answered, Failed: f.Failed, In: f.In,
		}
		for _, p := range f.From {
			t.From = append(t.From, p.String())
		}
		switch {
		case f.Up():
			t.State = api.TrunkUp
		case !f.Tried.IsZero():
			t.State = api.TrunkDown
		}
		if f.Came.After(t.LastUsed) {
			t.LastUsed = f.Came
		}
		out[i] = t
	}
	return out
}

// Status implements api.System.
func (s state) Status() api.SystemStatus {
	a := s.a
	r, err := machine.Read(a.cfg.DataDir)
	if err != nil {
		a.log.Debug("status", "err", err)
	}
	id := machine.Identify()
	return api.SystemStatus{
		Started: a.started, Host: id.Host, OS: id.System, Kernel: id.Kernel,
		Machine: api.Machine{
			UptimeS: int64(r.Uptime.Seconds()), Load: r.Load[:], CPUs: r.CPUs, MemoryTotal: r.MemoryTotal, MemoryAvailable: r.MemoryAvailable, MemoryDaemon: r.MemoryOwn,
			DiskTotal: r.DiskTotal, DiskFree: r.DiskFree,
		},
		Services: append(a.mainServices(), a.sideServices()...),
	}
}

// mainServices are those without which there is no telephony.
func (a *App) mainServices() []api.Service {
	database := api.Service{Name: "database", State: api.ServiceOK, Detail: "SQLite"}
	if a.cfg.Database != "" && a.cfg.Database != "sqlite" {
		database.Detail = "MySQL/MariaDB"
	}
	if err := a.store.Healthy(); err != nil {
		database.State, database.Detail = api.ServiceFailed, err.Error()
	}
	sip := api.Service{Name: "sip", State: api.ServiceOK, Figures: map[string]float64{}}
	for _, b := range a.stack.Addrs() {
		sip.Addresses = append(sip.Addresses, strings.ToLower(string(b.Proto))+"://"+b.Addr.String())
	}
	slots, contacts := a.locs.Count()
	sip.Figures["registered_slots"], sip.Figures["contacts"] = float64(slots), float64(contacts)
	sip.Figures["connections"] = float64(a.stack.Stats().Transport.Connections)
	relay := api.Service{Name: "media", State: api.ServiceOff}
	if a.plane != nil {
		p := a.plane.Ports()
		relay.State, relay.Addresses = api.ServiceOK, []string{a.cfg.Media.Address}
		relay.Figures = map[string]float64{"ports": float64(p.Total), "ports_free": float64(p.Free), "ports_used": float64(p.Used)}
	}
	st := a.records.Stats()
	records := api.Service{Name: "records", State: api.ServiceOK, Figures: map[string]float64{
		"waiting": float64(st.Spooled), "written": float64(st.Written), "lost": float64(st.Lost), "set_aside": float64(st.SetAside),
	}}
	if st.DatabaseOff || st.Lost > 0 {
		records.State = api.ServiceFailed
	}
	return []api.Service{database, sip, relay, records}
}

// sideServices are the others.
func (a *App) sideServices() []api.Service {
	names := a.resolver.Stats()
	pages, metrics, copies := api.Service{Name: "admin", State: api.ServiceOK, Addresses: []string{a.adminURL()}}, api.Service{Name: "metrics", State: api.ServiceOff}, api.Service{Name: "hep", State: api.ServiceOff}
	if a.metricLn != nil {
		metrics.State, metrics.Addresses = api.ServiceOK, []string{"http://" + a.metricLn.Addr().String() + "/metrics"}
	}
	if a.hep != nil {
		s := a.hep.Stats()
		copies.State, copies.Addresses = api.ServiceOK, []string{a.cfg.HEP.Collector}
		copies.Figures = map[string]float64{"sent": float64(s.Sent), "left_out": float64(s.Left), "failed": float64(s.Failed)}
	}
	out := []api.Service{pages, metrics, {
		Name: "dns", State: api.ServiceOK, Addresses: a.cfg.DNS.Servers,
		Figures: map[string]float64{"lookups": float64(names.Lookups), "failed": float64(names.Failed), "dead_targets": float64(names.Dead)},
	}, copies}
	for _, c := range a.certificates() {
		v := api.Service{Name: "certificates", State: api.ServiceOK, Detail: certificateName(c), Until: c.NotAfter}
		if c.NotAfter.Before(time.Now()) {
			v.State = api.ServiceFailed
		}
		out = append(out, v)
	}
	return out
}

// bans is an api.SIPBans.
type bans struct{ locs *registrar.Registrar }

// Blocked implements api.SIPBans.
func (b bans) Blocked() []api.SIPBan {
	var out []api.SIPBan
	for _, l := range b.locs.Blocks() {
		v := api.SIPBan{Account: l.Account, Failures: l.Failures, Until: l.Until}
		if l.Source.Is6() {
			v.Source = netip.PrefixFrom(l.Source, 64).String()
		} else if l.Source.IsValid() {
			v.Source = l.Source.String()
		}
		out = append(out, v)
	}
	return out
}

// Release implements api.SIPBans.
func (b bans) Release(source, account string) bool {
	if source == "" {
		return account != "" && b.locs.Release(netip.Addr{}, account)
	}
	if p, err := netip.ParsePrefix(source); err == nil {
		return b.locs.Release(p.Addr(), "")
	}
	a, err := netip.ParseAddr(source)
	return err == nil && b.locs.Release(a, "")
}
