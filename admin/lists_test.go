package admin_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// listWalk is the part of the walk about lists. It comes first, when the people are as the rig made them.
var listWalk = []step{
	{"list-users-sorted", "adele.admin", "GET", "/api/users?sort=-numbers&limit=2&offset=1", "", ""},
	{"list-users-group", "adele.admin", "GET", "/api/users?group=admins&filter=adele", "", ""},
	{"list-users-no-group", "adele.admin", "GET", "/api/users?group=nobody", "", ""},
	{"list-users-order-unknown", "adele.admin", "GET", "/api/users?sort=age", "", ""},
	{"list-users-offset-and-cursor", "adele.admin", "GET", "/api/users?offset=1&cursor=dXNlcm5hbWUKYQph", "", ""},
	{"list-users-cursor-of-another-order", "adele.admin", "GET", "/api/users?sort=name&cursor=dXNlcm5hbWUKYQph", "", ""},
	{"list-slots", "adele.admin", "GET", "/api/slots?type=desk", "", ""},
	{"list-slots-own", "iris.immsee", "GET", "/api/slots", "", ""},
	{"list-slots-registered", "adele.admin", "GET", "/api/slots?registered=true&filter=192.0.2.1", "", ""},
	{"list-numbers-filter", "adele.admin", "GET", "/api/numbers?filter=ARTMANN&sort=-number", "", ""},
	{"list-numbers-own", "iris.immsee", "GET", "/api/numbers?sort=owner", "", ""},
	{"list-groups-filter", "adele.admin", "GET", "/api/groups?filter=admin&sort=title", "", ""},
	{"get-dashboard", "adele.admin", "GET", "/api/dashboard", "", ""},
	{"get-system", "adele.admin", "GET", "/api/system", "", ""},
	{"list-alarms", "adele.admin", "GET", "/api/alarms", "", ""},
	{"list-trunks", "adele.admin", "GET", "/api/trunks", "", ""},
	{"search", "adele.admin", "GET", "/api/search?q=art", "", ""},
	{"search-own", "iris.immsee", "GET", "/api/search?q=403", "", ""},
	{"search-others", "iris.immsee", "GET", "/api/search?q=416", "", ""},
	{"search-nothing", "adele.admin", "GET", "/api/search?q=", "", ""},
	{"list-groups-member", "adele.admin", "GET", "/api/groups?member=adele.admin&type=user", "", ""},
	{"list-bans", "adele.admin", "GET", "/api/bans", "", ""},
	{"list-bans-sip", "adele.admin", "GET", "/api/bans?where=sip&filter=192.0.2.66", "", ""},
	{"delete-ban", "adele.admin", "DELETE", "/api/bans/c2lwCjE5Mi4wLjIuNjYK", "", ""},
	{"delete-ban-again", "adele.admin", "DELETE", "/api/bans/c2lwCjE5Mi4wLjIuNjYK", "", ""},
	{"delete-ban-nonsense", "adele.admin", "DELETE", "/api/bans/x", "", ""},
	{"list-cdrs-filters", "adele.admin", "GET", "/api/cdrs?from=2024-01-01T00:00:00Z&to=2026-11-24T00:00:00Z&class=inside&result=answered&min_seconds=50&text=armin+403&slot=<armin/desk>&order=asc", "", ""},
	{"list-cdrs-before", "adele.admin", "GET", "/api/cdrs?to=2026-11-23T08:00:00Z", "", ""},
	{"list-cdrs-far", "adele.admin", "GET", "/api/cdrs?from=9999-01-01T00:00:00Z", "", ""},
	{"list-audit-filters", "adele.admin", "GET", "/api/audit?actor=test&action=create&text=iris&order=asc&limit=1", "", ""},
	{"export-users", "adele.admin", "GET", "/api/export/users.csv?filter=artmann", "", ""},
	{"export-users-no-group", "adele.admin", "GET", "/api/export/users.csv?group=nobody", "", ""},
	{"export-numbers", "iris.immsee", "GET", "/api/export/numbers.csv?delimiter=comma", "", ""},
	{"export-slots", "iris.immsee", "GET", "/api/export/slots.csv?delimiter=tab", "", ""},
	{"export-groups", "adele.admin", "GET", "/api/export/groups.csv?filter=admins", "", ""},
	{"export-huntgroups", "adele.admin", "GET", "/api/export/huntgroups.csv", "", ""},
	{"export-pickupgroups", "adele.admin", "GET", "/api/export/pickupgroups.csv", "", ""},
	{"export-cdrs", "armin.artmann", "GET", "/api/export/cdrs.csv?order=asc", "", ""},
	{"export-audit", "adele.admin", "GET", "/api/export/audit.csv?actor=test&action=add_member", "", ""},
	{"list-calls-filter", "adele.admin", "GET", "/api/calls?filter=416+iris&state=ringing", "", ""},
}

// listRights are the rights to lists.
var listRights = []right{
	{op: "list-numbers", method: "GET", own: "/api/numbers", user: true},
	{op: "list-numbers", method: "GET", own: "/api/numbers?username=armin.artmann", foreign: "/api/numbers?username=iris.immsee", user: true},
	{op: "list-slots", method: "GET", own: "/api/slots", user: true},
	{op: "export-users", method: "GET", own: "/api/export/users.csv"},
	{op: "export-numbers", method: "GET", own: "/api/export/numbers.csv", user: true},
	{op: "export-numbers", method: "GET", own: "/api/export/numbers.csv?username=armin.artmann", foreign: "/api/export/numbers.csv?username=iris.immsee", user: true},
	{op: "export-slots", method: "GET", own: "/api/export/slots.csv", user: true},
	{op: "export-slots", method: "GET", own: "/api/export/slots.csv?username=armin.artmann", foreign: "/api/export/slots.csv?username=iris.immsee", user: true},
	{op: "export-groups", method: "GET", own: "/api/export/groups.csv"},
	{op: "export-huntgroups", method: "GET", own: "/api/export/huntgroups.csv"},
	{op: "export-pickupgroups", method: "GET", own: "/api/export/pickupgroups.csv"},
	{op: "export-cdrs", method: "GET", own: "/api/export/cdrs.csv?user=armin.artmann", foreign: "/api/export/cdrs.csv?user=iris.immsee", user: true},
	{op: "export-audit", method: "GET", own: "/api/export/audit.csv"},
	{op: "list-bans", method: "GET", own: "/api/bans"},
	{op: "delete-ban", method: "DELETE", own: "/api/bans/x"},
	{op: "search", method: "GET", own: "/api/search?q=a", user: true},
	{op: "get-dashboard", method: "GET", own: "/api/dashboard"},
	{op: "get-system", method: "GET", own: "/api/system"},
	{op: "list-alarms", method: "GET", own: "/api/alarms"},
	{op: "list-trunks", method: "GET", own: "/api/trunks"},
	{op: "list-slots", method: "GET", own: "/api/slots?username=armin.artmann", foreign: "/api/slots?username=iris.immsee", user: true},
}

// page is what every list answers.
type page struct {
	Items []json.RawMessage
	Total int
	Next  string
}

// all reads a list page by page and returns what field holds in each item.
func (r *rig) all(as, path, field string, limit int) (values []string, pages int) {
	r.t.Helper()
	total, next := -1, ""
	for {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		var p page
		r.want(200, as, "GET", path+sep+fmt.Sprintf("limit=%d&cursor=%s", limit, next), "").decode(&p)
		if total >= 0 && p.Total != total {
			r.t.Fatalf("%s: total is %d, and then %d", path, total, p.Total)
		}
		total = p.Total
		pages++
		for _, raw := range p.Items {
			var item map[string]any
			if err := json.Unmarshal(raw, &item); err != nil {
				r.t.Fatal(err)
			}
			values = append(values, fmt.Sprint(item[field]))
		}
		if next = p.Next; next == "" {
			break
		}
	}
	if len(values) != total {
		r.t.Errorf("%s: %d items, total says %d", path, len(values), total)
	}
	return values, pages
}

// staff adds people whose names are hard to sort.
func (r *rig) staff() {
	r.t.Helper()
	_, err := r.st.Update(r.t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
		for i, name := range [][2]string{{"Zoë", "Müller"}, {"Ana", "Muller"}, {"Ömer", "Öztürk"}, {"Łukasz", "Ozols"}, {"Zoë", "Müller"}, {"Émile", "Straße"}, {"<script>alert(1)</script>", "O'Neil"}} {
			if _, err := tx.CreateUser(directory.User{Username: fmt.Sprintf("staff.%d", i), FirstName: name[0], LastName: name[1], Email: fmt.Sprintf("s%d@koppelfeld.example", i)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func TestListsAreSearched(t *testing.T) {
	r := newRig(t)
	r.staff()
	for _, c := range []struct{ name, path, field, want string }{
		{"umlaut finds both", "/api/users?sort=username&filter=m%C3%BCller", "username", "staff.0 staff.1 staff.4"},
		{"plain letter finds both", "/api/users?filter=MULLER", "username", "staff.0 staff.1 staff.4"},
		{"all words must occur", "/api/users?filter=muller+zoe", "username", "staff.0 staff.4"},
		{"sharp s", "/api/users?filter=strasse", "username", "staff.5"},
		{"decomposed accent", "/api/users?filter=" + url.QueryEscape("O\u0308ztu\u0308rk"), "username", "staff.2"},
		{"number", "/api/users?filter=416", "username", "armin.artmann"},
		{"script", "/api/users?filter=%3Cscript%3E", "username", "staff.6"},
		{"quote", "/api/users?filter=%27", "username", "staff.6"},
		{"percent is no wildcard", "/api/users?filter=%25", "username", ""},
		{"nothing", "/api/users?filter=niemand", "username", ""},
		{"by last name", "/api/users?filter=staff&sort=name", "username", "staff.1 staff.0 staff.4 staff.6 staff.3 staff.2 staff.5"},
		{"by last name, last first", "/api/users?filter=staff&sort=-name", "username", "staff.5 staff.2 staff.3 staff.6 staff.4 staff.0 staff.1"},
		{"by number, then without", "/api/users?sort=numbers&filter=min", "username", "armin.artmann adele.admin"},
		{"numbers of an owner", "/api/numbers?filter=artmann", "number", "416 417"},
		{"numbers downwards", "/api/numbers?sort=-number", "number", "417 416 403"},
		{"slots by agent", "/api/slots?filter=test/1", "type", "desk"},
		{"slots by user", "/api/slots?sort=user", "username", "armin.artmann armin.artmann armin.artmann iris.immsee"},
		{"slots not registered", "/api/slots?registered=false&username=armin.artmann", "type", "dect softphone"},
		{"groups", "/api/groups?filter=fax", "name", "faxes"},
		{"codes by what they do", "/api/codes?filter=echo", "action", "echo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			want := strings.Fields(c.want)
			for _, limit := range []int{1, 2, 3, 1000} { // the pages do not depend on their size
				got, pages := r.all("supervisor", c.path, c.field, limit)
				if !slices.Equal(got, want) {
					t.Errorf("limit %d: got %v, want %v", limit, got, want)
				}
				if limit == 1 && len(want) > 1 && pages < len(want) {
					t.Errorf("%d pages of one item each", pages)
				}
			}
		})
	}
}

// TestEveryOrder reads each list in each order that the description names, page by page: none may lose or double an item.
func TestEveryOrder(t *testing.T) {
	r := newRig(t)
	r.staff()
	r.call("01JD00000000000000000000C1", "iris.immsee", "armin.artmann")
	r.call("01JD00000000000000000000C2", "iris.immsee", "adele.admin")
	r.want(201, "adele.admin", "POST", "/api/huntgroups", `{"name":"Zentrale","number":"400","members":["416"]}`)
	r.want(201, "adele.admin", "POST", "/api/huntgroups", `{"name":"Nacht","number":"401","members":["403"]}`)
	r.want(201, "adele.admin", "POST", "/api/pickupgroups", `{"name":"Vertrieb","users":["armin.artmann"]}`)
	r.want(201, "adele.admin", "POST", "/api/calendars", `{"name":"Offen","zone":"Europe/Berlin","entries":[]}`)
	tried := 0
	for path, columns := range orders(t) {
		for _, order := range columns {
			tried++
			t.Run(path+" by "+order, func(t *testing.T) {
				r.t = t
				id := "id"
				switch path {
				case "/api/numbers":
					id = "number"
				case "/api/groups":
					id = "name"
				case "/api/codes":
					id = "action"
				}
				once, _ := r.all("supervisor", path+"?sort="+order, id, 1000)
				paged, _ := r.all("supervisor", path+"?sort="+order, id, 2)
				if !slices.Equal(once, paged) {
					t.Errorf("on one page %v, on pages of two %v", once, paged)
				}
				if up, down := strings.CutPrefix(order, "-"); down {
					forth, _ := r.all("supervisor", path+"?sort="+up, id, 1000)
					slices.Reverse(forth)
					if !slices.Equal(once, forth) {
						t.Errorf("downwards %v is not upwards the other way round: %v", once, forth)
					}
				}
			})
		}
	}
	if tried < 50 {
		t.Errorf("the description names %d orders only", tried)
	}
}

func TestListsTellTheState(t *testing.T) {
	r := newRig(t)
	r.want(200, "adele.admin", "PATCH", "/api/users/armin.artmann", `{"dnd":true}`)
	var slots struct {
		Items []struct {
			Type, Agent, Address, Transport string
			FullName                        string `json:"full_name"`
			Numbers                         []string
			Registered, Silent              bool
		}
	}
	r.want(200, "armin.artmann", "GET", "/api/users/armin.artmann/slots", "").decode(&slots)
	desk, dect := slots.Items[0], slots.Items[1]
	if !desk.Registered || desk.Agent != "Test/1" || desk.Address != "192.0.2.1:5062" || desk.Transport != "udp" || desk.FullName != "Armin Artmann" || !slices.Equal(desk.Numbers, []string{"416"}) || !desk.Silent {
		t.Errorf("desk: %+v", desk)
	}
	if dect.Registered || dect.Agent != "" {
		t.Errorf("dect: %+v", dect)
	}
	states, _ := r.all("adele.admin", "/api/numbers", "state", 10)
	if want := []string{"free", "dnd", "unticked"}; !slices.Equal(states, want) { // 403, 416, 417
		t.Errorf("states are %v, want %v", states, want)
	}
}

// orders lists the values of the parameter sort, by path.
func orders(t *testing.T) map[string][]string {
	t.Helper()
	text, err := api.Spec()
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Paths map[string]struct {
			Get struct {
				Parameters []struct {
					Name   string
					Schema struct{ Enum []string }
				}
			}
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for path, ops := range d.Paths {
		for _, p := range ops.Get.Parameters {
			if p.Name == "sort" && !strings.HasSuffix(path, ".csv") {
				out[path] = p.Schema.Enum
			}
		}
	}
	return out
}

func TestSearchRanks(t *testing.T) {
	r := newRig(t)
	r.staff()
	r.want(201, "adele.admin", "POST", "/api/huntgroups", `{"name":"Zentrale 41","number":"400","members":["416"]}`)
	for _, c := range []struct{ name, as, query, want string }{
		{"number before what holds it", "adele.admin", "416", "number/416 user/armin.artmann"},
		{"beginning before inside", "adele.admin", "41", "number/416 number/417 huntgroup/Zentrale code/show_number user/armin.artmann number/400"},
		{"user name is exact", "adele.admin", "iris.immsee", "user/iris.immsee number/403 slot/desk"},
		{"several words in any order", "adele.admin", "MULLER zoe", "user/staff.0 user/staff.4"},
		{"users find their own", "armin.artmann", "41", "number/416 number/417 code/show_number"},
		{"and nothing of others", "armin.artmann", "iris", ""},
		{"blank", "adele.admin", "%20", ""},
		{"what IDs begin with", "adele.admin", ulid.Make().String()[:4], ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			var got struct {
				Items []struct{ Type, ID, Title, Link string }
			}
			r.want(200, c.as, "GET", "/api/search?q="+url.QueryEscape(strings.ReplaceAll(c.query, "%20", " ")), "").decode(&got)
			var names []string
			for _, h := range got.Items {
				name := h.ID
				if h.Type == "huntgroup" || h.Type == "slot" {
					name, _, _ = strings.Cut(h.Title, " ")
				}
				names = append(names, h.Type+"/"+name)
				if !strings.HasPrefix(h.Link, "/") {
					t.Errorf("link is %q", h.Link)
				}
			}
			if text := strings.Join(names, " "); text != c.want {
				t.Errorf("got %s, want %s", text, c.want)
			}
		})
	}
}

// TestExportIsHarmless reads back what a spreadsheet would get.
func TestExportIsHarmless(t *testing.T) {
	r := newRig(t)
	evil := []string{`=HYPERLINK("http://x")`, "+1+1", "-2+3", "@SUM(A1)", `a";b`, "Öztürk"}
	_, err := r.st.Update(r.t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
		for i, name := range evil {
			if _, err := tx.CreateUser(directory.User{Username: fmt.Sprintf("evil.%d", i), FirstName: name}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a := r.want(200, "adele.admin", "GET", "/api/export/users.csv?filter=evil", "")
	text, marked := strings.CutPrefix(a.Body.String(), "\uFEFF")
	if !marked || !strings.Contains(a.Header().Get("Content-Disposition"), "users-") {
		t.Errorf("no byte order mark, or no name of a file: %q", a.Header().Get("Content-Disposition"))
	}
	read := csv.NewReader(strings.NewReader(text))
	read.Comma = ';'
	table, err := read.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range table[1:] {
		got = append(got, row[1])
	}
	if want := []string{"'" + evil[0], "'+1+1", "'-2+3", "'@SUM(A1)", evil[4], evil[5]}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestBansOfLogins locks a user out and lets him in again.
func TestBansOfLogins(t *testing.T) {
	r := newRig(t)
	wrong := func() int {
		return r.do("", "POST", "/api/session", `{"username":"iris.immsee","password":"falsch-falsch"}`).Code
	}
	for range 5 {
		if code := wrong(); code != 401 {
			t.Fatalf("wrong password: %d", code)
		}
	}
	if code := wrong(); code != 429 {
		t.Fatalf("sixth wrong password: %d", code)
	}
	r.address = "192.0.2.8:4711" // the administrator sits elsewhere
	var list struct {
		Items []struct{ ID, Where, Account, Username, Source string }
	}
	r.want(200, "adele.admin", "GET", "/api/bans?where=login", "").decode(&list)
	if len(list.Items) != 1 || list.Items[0].Account != "iris.immsee" || list.Items[0].Username != "iris.immsee" {
		t.Fatalf("bans: %+v", list.Items)
	}
	r.want(204, "adele.admin", "DELETE", "/api/bans/"+list.Items[0].ID, "")
	if code := wrong(); code != 401 {
		t.Errorf("wrong password after the release: %d", code)
	}
	if a := r.want(200, "adele.admin", "GET", "/api/audit?action=release", ""); !strings.Contains(a.Body.String(), "iris.immsee") {
		t.Errorf("the release is not in the audit log: %s", a.Body)
	}
}
