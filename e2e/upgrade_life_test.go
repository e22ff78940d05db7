//go:build e2e && pkg

package e2e

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const upgradeDir = "/var/lib/koppelfeld/upgrade"

// life follows a machine from 4.5 to 5, through a reboot, the end of the way back and an update, to its removal.
func life(t *testing.T, u *upgrading) {
	u.registers45()
	unattended(t, u)
	u.oldKept()
	p := &packaged{t: t, m: u.machine, ns: u.ns}
	p.logIn()
	u.compare(p.d)
	u.calls5()

	t.Log("reboot")
	u.reboot()
	u.serves5()
	u.calls5()

	t.Log("autoremove")
	out := u.run("apt-get", "-y", "autoremove")
	if !strings.Contains(u.state().packages, "koppelfeld45-server 4.5.0.10 ii") {
		t.Fatalf("autoremove takes the way back:\n%s", out)
	}
	u.oldKept()

	t.Log("finish")
	t.Logf("%s", indented(u.run("koppelfeld", "upgrade", "finish")))
	u.run("apt-get", "-y", "purge", "koppelfeld45-server")
	u.serves5()
	if out, err := u.try("koppelfeld", "upgrade", "rollback"); err == nil || out == "" {
		t.Errorf("after the end of the way back there is one: %s", out)
	}
	u.serves5()

	t.Log("5.0 to 5.1")
	u.publish("koppelfeld-5", p.next(fromMake(t, "KOPPELFELD_PACKAGE")))
	u.run("apt-get", "update")
	if out, err := u.fullUpgrade(nil, keepConf...); err != nil {
		t.Fatalf("5.0 to 5.1: %v\n%s", err, out)
	}
	if v := u.run("dpkg-query", "-W", "-f", "${Version}", "koppelfeld"); v != "5.1.0" {
		t.Errorf("after the update there is %s", v)
	}
	u.calls5()
	p.inService()
	u.compare(p.d)

	t.Log("purge")
	u.run("apt-get", "-y", "purge", "koppelfeld")
	for _, gone := range []string{"/var/lib/koppelfeld", "/etc/koppelfeld", "/usr/bin/koppelfeld"} {
		if u.has(gone) {
			t.Errorf("a purge leaves %s", gone)
		}
	}
	if u.database45() != u.before.database {
		t.Error("a purge of 5 changes the database of 4.5")
	}
}

// oldKept finds everything of 4.5 as it was, but for the service.
func (u *upgrading) oldKept() {
	u.t.Helper()
	now := u.state()
	if now.database != u.before.database {
		u.t.Error("the database of 4.5 has changed")
	}
	if now.config != u.before.config {
		u.t.Errorf("the configuration of 4.5 has changed:\n%s\nnot\n%s", now.config, u.before.config)
	}
}

// calls5 lets telephones with the passwords that they have from 4.5 register and call.
func (u *upgrading) calls5() {
	u.t.Helper()
	callInMachine(u.t, u.ns, oldPhone("416"), oldPhone("417"), "417")
}

// compare holds the report of the upgrade to what the API says is there.
func (u *upgrading) compare(d *daemon) {
	u.t.Helper()
	r := u.report(u.reportFile())
	type list[T any] struct {
		Items []T `json:"items"`
		Total int `json:"total"`
	}
	got := map[string]int{}
	var users list[struct {
		Username string `json:"username"`
		HasPIN   bool   `json:"has_pin"`
		Blocking []any  `json:"call_blocking"`
	}]
	d.api("GET", "/api/users?limit=1000", nil, &users)
	var numbers list[struct {
		Number    string `json:"number"`
		OwnerType string `json:"owner_type"`
	}]
	d.api("GET", "/api/numbers?limit=1000", nil, &numbers)
	var slots list[struct {
		Type string `json:"type"`
		SIP  *struct {
			Username string `json:"username"`
		} `json:"sip"`
	}]
	d.api("GET", "/api/slots?limit=1000", nil, &slots)
	got["users"], got["numbers"], got["slots"] = len(users.Items), len(numbers.Items), len(slots.Items)
	for _, s := range slots.Items {
		got["slots_"+s.Type]++
		if s.SIP != nil && s.SIP.Username != "" {
			got["sip_accounts"]++
		}
	}
	for _, x := range users.Items {
		if x.HasPIN {
			got["pins"]++
		}
		got["call_blocks"] += len(x.Blocking)
		matrix := map[string][]string{}
		d.api("GET", "/api/users/"+url.PathEscape(x.Username)+"/matrix", nil, &matrix)
		for _, ticked := range matrix {
			got["ticks"] += len(ticked)
		}
		var profiles list[struct{}]
		d.api("GET", "/api/users/"+url.PathEscape(x.Username)+"/profiles", nil, &profiles)
		got["profiles"] += len(profiles.Items)
	}
	var groups list[struct {
		Name        string `json:"name"`
		MemberCount int    `json:"member_count"`
	}]
	d.api("GET", "/api/groups?limit=1000", nil, &groups)
	for _, g := range groups.Items { // some are 5's own
		if slices.Contains(r.Items.Groups, g.Name) {
			got["groups"]++
		}
	}
	for kind, path := range map[string]string{"hunt_groups": "huntgroups", "pickup_groups": "pickupgroups", "calendars": "calendars"} {
		var all list[struct{}]
		d.api("GET", "/api/"+path+"?limit=1000", nil, &all)
		got[kind] = len(all.Items)
	}
	for _, kind := range slices.Sorted(maps.Keys(r.Migrated)) {
		have, known := got[kind]
		if want := r.Migrated[kind]; known && have != want {
			u.t.Errorf("%s: the report says %d, and there are %d", kind, want, have)
		}
	}
}

// reportFile is where the report of the upgrade lies.
func (u *upgrading) reportFile() string { return upgradeDir + "/report.json" }

// backAgain goes back from a finished 5 to 4.5, and to 5 once more.
func backAgain(t *testing.T, u *upgrading) {
	u.accept()
	u.mustUpgrade(keepConf...)
	u.calls5()
	t.Logf("%s", indented(u.run("koppelfeld", "upgrade", "rollback")))
	u.serves45()
	u.registers45()
	u.oldKept()
	if a, _ := u.try("systemctl", "is-active", "koppelfeld"); strings.TrimSpace(a) == "active" {
		t.Error("after the way back 5 runs beside 4.5")
	}
	t.Log("reboot")
	u.reboot()
	u.serves45()
	u.registers45()

	t.Log("again")
	t.Logf("%s", indented(u.run("koppelfeld", "upgrade", "run")))
	u.serves5()
	u.calls5()
	u.reboot()
	u.serves5()
	u.oldKept()
}

// withAutoremove removes what nobody needs in the same run of apt in which 5 comes.
func withAutoremove(t *testing.T, u *upgrading) {
	u.accept()
	out := u.mustUpgrade(append(slices.Clone(keepConf), "--autoremove")...)
	if !strings.Contains(u.state().packages, "koppelfeld45-server 4.5.0.10 ii") {
		t.Fatalf("the way back is taken away before anybody could need it:\n%s", out)
	}
	u.run("koppelfeld", "upgrade", "rollback")
	u.serves45()
}

// purgedUnfinished purges 5 while the way back is still there: what is 4.5's stays, and 4.5 can be started.
func purgedUnfinished(t *testing.T, u *upgrading) {
	u.accept()
	u.mustUpgrade(keepConf...)
	t.Logf("%s", indented(u.run("apt-get", "-y", "purge", "koppelfeld")))
	if u.database45() != u.before.database {
		t.Error("a purge of 5 changes the database of 4.5")
	}
	u.run("systemctl", "enable", "--now", "koppelfeld45")
	u.serves45()
	u.registers45()
}
