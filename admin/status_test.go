package admin_test

import (
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/internal/calls"
)

// fakeSystem is a daemon of which little is well.
type fakeSystem struct{}

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func (fakeSystem) Status() api.SystemStatus {
	return api.SystemStatus{
		Started: time.Now().Add(time.Second), Host: "pbx", OS: "Debian GNU/Linux 13 (trixie)", Kernel: "6.12", // so that it is up for 0 seconds
		Machine:  api.Machine{UptimeS: 4711, Load: []float64{0.5, 1, 1.5}, CPUs: 2, MemoryTotal: 4 << 30, MemoryAvailable: 1 << 30, MemoryDaemon: 64 << 20, DiskTotal: 32 << 30, DiskFree: 500 << 20},
		Services: []api.Service{{Name: "database", State: api.ServiceFailed, Detail: "away"}, {Name: "sip", State: api.ServiceOK, Addresses: []string{"udp://192.0.2.10:5060"}, Figures: map[string]float64{"contacts": 1}}},
	}
}

func (fakeSystem) Alarms() []api.Alarm {
	return []api.Alarm{{Severity: "warning", Code: "disk_low", De: "Auf der Platte sind noch 500 MB frei.", En: "500 MB are left on the disk.", Since: noon}}
}

func (fakeSystem) Trunks() []api.Trunk {
	return []api.Trunk{{Name: "amt", Proxy: "sip:192.0.2.1", From: []string{"192.0.2.1/32"}, Base: "+4966112", State: api.TrunkUp, LastStatus: 200, LastUsed: noon, Out: 3, Answered: 2, Failed: 1, In: 4}}
}

func (fakeSystem) Activity() []calls.Count {
	return []calls.Count{{At: noon, Answered: 3, Missed: 2, Failed: 1}, {At: noon.Add(calls.TallyStep)}}
}

func TestDashboard(t *testing.T) {
	r := newRig(t)
	r.call("01JD00000000000000000000C1", "iris.immsee", "armin.artmann")
	var d api.Dashboard
	r.want(200, "adele.admin", "GET", "/api/dashboard", "").decode(&d)
	if c := d.Counts; c.Users != 4 || c.Slots != 4 || c.Numbers != 3 || c.Registered != 4 || c.Groups != len(r.st.Snapshot().Groups) {
		t.Errorf("counts: %+v", c)
	}
	if c := d.Calls; c.All != 1 || c.Ringing != 1 || c.Up != 0 || c.Outside != 0 {
		t.Errorf("calls: %+v", c)
	}
	if len(d.SlotTypes) != 5 || d.SlotTypes[0].Type != "desk" || d.SlotTypes[0].Slots != 2 || d.SlotTypes[1].Registered != 1 || d.SlotTypes[2].Slots != 0 {
		t.Errorf("types: %+v", d.SlotTypes)
	}
	if len(d.Activity) != 2 || d.Activity[0].Missed != 2 || d.ActivityStepS != 900 {
		t.Errorf("activity: %+v", d.Activity)
	}
}

// fakeBans bans one source until it is released.
type fakeBans struct{ released bool }

func (b *fakeBans) Blocked() []api.SIPBan {
	if b.released {
		return nil
	}
	return []api.SIPBan{{Source: "192.0.2.66", Failures: 23, Until: noon}}
}

func (b *fakeBans) Release(source, account string) bool {
	if b.released || source != "192.0.2.66" || account != "" {
		return false
	}
	b.released = true
	return true
}
