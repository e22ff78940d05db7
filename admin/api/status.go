package api

import (
	"context"
	"net/http"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/version"
)

// System tells how the daemon and its machine are.
type System interface {
	// Status is read anew each time.
	Status() SystemStatus
	// Alarms lists what is wrong now, the worst first.
	Alarms() []Alarm
	// Trunks lists the ways outside in the order in which they are tried.
	Trunks() []Trunk
	// Activity counts the calls of the last day in steps, the oldest first.
	Activity() []calls.Count
}

// SystemStatus is how the daemon and its machine are (menu System-Status).
type SystemStatus struct {
	Version  string    `json:"version" doc:"Of the daemon"`
	Started  time.Time `json:"started"`
	UptimeS  int64     `json:"uptime_s" doc:"Seconds since the daemon was started"`
	Revision int64     `json:"revision" doc:"Of the configuration in force"`
	Host     string    `json:"host" doc:"Name of the machine"`
	OS       string    `json:"os" example:"Debian GNU/Linux 13 (trixie)"`
	Kernel   string    `json:"kernel"`
	Machine  Machine   `json:"machine"`
	Services []Service `json:"services" nullable:"false"`
}

// Machine are the readings of the machine. What cannot be read is 0.
type Machine struct {
	UptimeS         int64     `json:"uptime_s"`
	Load            []float64 `json:"load" nullable:"false" doc:"Of the last 1, 5 and 15 minutes"`
	CPUs            int       `json:"cpus"`
	MemoryTotal     uint64    `json:"memory_total" doc:"Bytes"`
	MemoryAvailable uint64    `json:"memory_available" doc:"Bytes that programs can have without swapping"`
	MemoryDaemon    uint64    `json:"memory_daemon" doc:"Bytes of the daemon that are in memory"`
	DiskTotal       uint64    `json:"disk_total" doc:"Bytes of the file system with the data of the daemon"`
	DiskFree        uint64    `json:"disk_free" doc:"Bytes that the daemon may still write there"`
}

// ServiceState says whether a part of the daemon works.
type ServiceState string

// The states of a service.
const (
	ServiceOK     ServiceState = "ok"
	ServiceFailed ServiceState = "failed"
	ServiceOff    ServiceState = "off" // not configured
)

// Service is a part of the daemon.
type Service struct {
	Name      string             `json:"name" enum:"database,sip,media,records,admin,metrics,dns,hep,certificates"`
	State     ServiceState       `json:"state" enum:"ok,failed,off"`
	Detail    string             `json:"detail,omitempty" doc:"Kind of database, what is wrong, name of a certificate …"`
	Addresses []string           `json:"addresses,omitempty" nullable:"false" doc:"Where it listens, or what it asks" example:"udp://192.0.2.10:5060"`
	Figures   map[string]float64 `json:"figures,omitempty" doc:"What it counts, by name"`
	Until     time.Time          `json:"until,omitzero" doc:"When a certificate ends"`
}

// Alarm is something that is wrong since a time.
type Alarm struct {
	Severity string    `json:"severity" enum:"info,warning,error"`
	Code     string    `json:"code" example:"disk_low"`
	Subject  string    `json:"subject,omitempty" doc:"What it is about, where there may be several"`
	De       string    `json:"de"`
	En       string    `json:"en"`
	Since    time.Time `json:"since"`
}

// TrunkState says whether a way outside works, as far as calls have shown.
type TrunkState string

// The states of a trunk.
const (
	TrunkUnknown TrunkState = "unknown" // no call has tried it since the start
	TrunkUp      TrunkState = "up"      // the last call that tried it got an answer of the peer
	TrunkDown    TrunkState = "down"    // the last one got none, or was told that the peer cannot serve
)

// Trunk is a way outside, as the configuration file names it.
type Trunk struct {
	Name       string     `json:"name"`
	Proxy      string     `json:"proxy" doc:"Where calls go" example:"sip:192.0.2.1"`
	From       []string   `json:"from" nullable:"false" doc:"Addresses that calls come from"`
	Base       string     `json:"base" doc:"Stands before inside numbers when they are shown outside"`
	State      TrunkState `json:"state" enum:"unknown,up,down"`
	LastStatus int        `json:"last_status" doc:"SIP status of the last call that tried it, 0 for none"`
	LastUsed   time.Time  `json:"last_used,omitzero" doc:"When the last call tried it or came from it"`
	Out        uint64     `json:"out" doc:"Calls that tried it since the start"`
	Answered   uint64     `json:"answered" doc:"Those of them that were answered"`
	Failed     uint64     `json:"failed" doc:"Those of them to which the peer gave no answer or said that it cannot serve"`
	In         uint64     `json:"in" doc:"Calls that came from it since the start"`
}

// Dashboard is what the first page shows (menu Hauptseite).
type Dashboard struct {
	Counts        Counts      `json:"counts"`
	SlotTypes     []SlotCount `json:"slot_types" nullable:"false" doc:"Every type, in the order of the matrix"`
	Calls         CallsNow    `json:"calls"`
	Activity      []CallCount `json:"activity" nullable:"false" doc:"Calls of the last day by when they began, oldest first; the last one covers the time that runs"`
	ActivityStepS int         `json:"activity_step_s" doc:"Seconds that one of them covers"`
	Trunks        []Trunk     `json:"trunks" nullable:"false"`
	Alarms        []Alarm     `json:"alarms" nullable:"false" doc:"The worst first"`
	Version       string      `json:"version"`
	Started       time.Time   `json:"started"`
	UptimeS       int64       `json:"uptime_s"`
	Revision      int64       `json:"revision" doc:"Of the configuration in force"`
	Machine       Machine     `json:"machine"`
}

// Counts are how many there are.
type Counts struct {
	Users        int `json:"users"`
	Numbers      int `json:"numbers"`
	Slots        int `json:"slots"`
	Registered   int `json:"registered" doc:"Slots with a registered contact"`
	Groups       int `json:"groups"`
	Queues       int `json:"queues"`
	Faxes        int `json:"faxes" doc:"Fax lines"`
	HuntGroups   int `json:"hunt_groups"`
	PickupGroups int `json:"pickup_groups"`
	Calendars    int `json:"calendars"`
	Rules        int `json:"rules"`
}

// SlotCount is how many slots of a type there are.
type SlotCount struct {
	Type       directory.SlotType `json:"type" enum:"desk,dect,mobile,softphone,ucc"`
	Slots      int                `json:"slots"`
	Registered int                `json:"registered"`
	InCall     int                `json:"in_call"`
}

// CallsNow are the live calls.
type CallsNow struct {
	All     int `json:"all"`
	Ringing int `json:"ringing" doc:"Not answered yet"`
	Up      int `json:"up"`
	Outside int `json:"outside" doc:"Calls that came from outside"`
}

// CallCount is how many calls began within one step of the last day.
type CallCount struct {
	At       time.Time `json:"at" doc:"When the step begins"`
	Answered int       `json:"answered"`
	Missed   int       `json:"missed" doc:"Not answered, busy, declined or given up by the caller"`
	Failed   int       `json:"failed" doc:"Callee not reachable, rejected or failed"`
}

func (a *API) registerStatus() {
	register(a, operation{
		id: "get-dashboard", method: http.MethodGet, path: "/api/dashboard", tag: "system", access: adminOnly,
		summary: "Show how everything is", doc: "Counts, calls now and over the last day, trunks, alarms, machine.",
	}, a.getDashboard)
	register(a, operation{
		id: "get-system", method: http.MethodGet, path: "/api/system", tag: "system", access: adminOnly,
		summary: "Show the state of the daemon, its parts and its machine",
	}, func(context.Context, *struct{}) (*struct{ Body SystemStatus }, error) {
		return &struct{ Body SystemStatus }{a.systemStatus()}, nil
	})
	register(a, operation{
		id: "list-alarms", method: http.MethodGet, path: "/api/alarms", tag: "system", access: adminOnly,
		summary: "List what is wrong now, the worst first",
	}, func(context.Context, *struct{}) (*listOutput[Alarm], error) {
		return whole(a.deps.System.Alarms()), nil
	})
	register(a, operation{
		id: "list-trunks", method: http.MethodGet, path: "/api/trunks", tag: "system", access: adminOnly,
		summary: "List the ways outside in the order in which they are tried", doc: "They stand in the configuration file.",
	}, func(context.Context, *struct{}) (*listOutput[Trunk], error) {
		return whole(a.deps.System.Trunks()), nil
	})
}

func (a *API) systemStatus() SystemStatus {
	s := a.deps.System.Status()
	s.Version, s.Revision = version.Version, a.deps.Store.Snapshot().Revision
	s.UptimeS = int64(time.Since(s.Started).Seconds())
	return s
}

func (a *API) getDashboard(context.Context, *struct{}) (*struct{ Body Dashboard }, error) {
	snap, status := a.deps.Store.Snapshot(), a.systemStatus()
	d := Dashboard{
		Counts: counts(snap), Activity: []CallCount{}, ActivityStepS: int(calls.TallyStep.Seconds()),
		Trunks: notNil(a.deps.System.Trunks()), Alarms: notNil(a.deps.System.Alarms()),
		Version: status.Version, Started: status.Started, UptimeS: status.UptimeS, Revision: status.Revision, Machine: status.Machine,
	}
	d.SlotTypes = a.slotCounts(snap)
	for _, t := range d.SlotTypes {
		d.Counts.Registered += t.Registered
	}
	live, _ := a.deps.Calls.List("", allCalls)
	for i := range live {
		d.Calls.All++
		if live[i].State == calls.Up {
			d.Calls.Up++
		} else {
			d.Calls.Ringing++
		}
		if live[i].Class == "outside" {
			d.Calls.Outside++
		}
	}
	for _, c := range a.deps.System.Activity() {
		d.Activity = append(d.Activity, CallCount(c))
	}
	return &struct{ Body Dashboard }{d}, nil
}

func counts(snap *directory.Snapshot) Counts {
	c := Counts{
		Users: len(snap.Users), Numbers: len(snap.Numbers), Slots: len(snap.Slots), Groups: len(snap.Groups), HuntGroups: len(snap.HuntGroups),
		PickupGroups: len(snap.PickupGroups), Calendars: len(snap.Calendars), Rules: len(snap.Rules),
	}
	lines := map[string]bool{}
	for _, n := range snap.Numbers {
		if n.OwnerType == directory.OwnerFaxLine {
			lines[n.OwnerID] = true
		}
	}
	c.Faxes = len(lines)
	return c
}

// slotTypes are all types in the order in which people see them.
func slotTypes() []directory.SlotType {
	return []directory.SlotType{directory.Desk, directory.DECT, directory.Mobile, directory.Softphone, directory.UCC}
}

func (a *API) slotCounts(snap *directory.Snapshot) []SlotCount {
	_, live := a.deps.Routing()
	byType := map[directory.SlotType]*SlotCount{}
	var out []SlotCount
	for _, t := range slotTypes() {
		byType[t] = &SlotCount{Type: t}
	}
	for _, s := range snap.Slots {
		c := byType[s.Type]
		if c == nil {
			continue
		}
		c.Slots++
		if s.Type != directory.Mobile && live.Registered(s.ID) {
			c.Registered++
		}
		if live.SlotCalls(s.ID) > 0 {
			c.InCall++
		}
	}
	for _, t := range slotTypes() {
		out = append(out, *byType[t])
	}
	return out
}
