package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// colleague returns the state that armin is shown of a user, "" when the user is not listed.
func (r *rig) colleague(username string) string {
	r.t.Helper()
	var v struct {
		Items []struct{ Username, State string }
	}
	r.want(200, "armin.artmann", "GET", "/api/colleagues", "").decode(&v)
	for _, c := range v.Items {
		if c.Username == username {
			return c.State
		}
	}
	return ""
}

func TestColleagues(t *testing.T) {
	r := newRig(t)
	state := func(step, want string) {
		t.Helper()
		if got := r.colleague("iris.immsee"); got != want {
			t.Errorf("%s: got %q, want %q", step, got, want)
		}
	}
	r.want(204, "supervisor", "DELETE", "/api/groups/visible_users/members/iris.immsee", "")
	state("not in the group of visible users", "")
	r.want(201, "supervisor", "POST", "/api/groups", `{"name":"sales","title":"Vertrieb"}`)
	r.want(204, "supervisor", "PUT", "/api/groups/visible_users/groups/sales", "")
	r.want(204, "supervisor", "PUT", "/api/groups/sales/members/iris.immsee", "")
	r.want(204, "supervisor", "PUT", "/api/groups/sales/members/armin.artmann", "")
	state("through a group inside", "free")
	if got := r.colleague("armin.artmann"); got != "" {
		t.Errorf("one is no colleague of oneself: %s", got)
	}
	call := calls.Call{ID: "01JD00000000000000000000C1", State: calls.Ringing, From: "+4930123", Number: "403", ToUser: r.id("iris.immsee"), Ringing: []string{r.id("iris/desk")}}
	r.table.Put(call, nil)
	state("called", "ringing")
	call.State, call.ToSlot, call.Ringing = calls.Up, r.id("iris/desk"), nil
	r.table.Update(call)
	state("answered", "in_call")
	r.table.Put(calls.Call{ID: "01JD00000000000000000000C2", State: calls.Ringing, Ringing: []string{r.id("iris/desk")}}, nil)
	state("a second call waits", "in_call")
	r.table.Remove("01JD00000000000000000000C1")
	r.table.Remove("01JD00000000000000000000C2")
	r.want(200, "iris.immsee", "PATCH", "/api/slots/<iris/desk>", `{"dnd":true}`)
	state("the only slot in do not disturb", "dnd")
	r.want(200, "iris.immsee", "PATCH", "/api/slots/<iris/desk>", `{"dnd":false}`)
	r.want(200, "iris.immsee", "PATCH", "/api/users/iris.immsee", `{"dnd":true}`)
	state("do not disturb", "dnd")
	r.want(200, "supervisor", "PATCH", "/api/users/iris.immsee", `{"dnd":false,"status_private":true}`)
	r.table.Put(call, nil)
	state("private", "private")
	r.table.Remove(call.ID)
	r.want(200, "supervisor", "PATCH", "/api/users/iris.immsee", `{"status_private":false}`)
	r.want(204, "supervisor", "DELETE", "/api/slots/<iris/desk>", "")
	state("without a phone", "offline")
}

// TestColleagueEvents watches a colleague through a call that the listener does not take part in.
func TestColleagueEvents(t *testing.T) {
	r := newRig(t)
	r.want(204, "supervisor", "DELETE", "/api/groups/visible_users/members/supervisor", "") // who is not seen has no state
	r.st.OnCommit(func(_, next *directory.Snapshot, _ store.Changed) {
		r.bus.Publish(calls.Event{Type: calls.ConfigChanged, Revision: next.Revision})
	})
	stop := r.run()
	defer stop()
	lines, _ := r.listenToAll(t.Context(), "armin.artmann")
	if got := next(t, lines); got != ": listening" {
		t.Fatal(got)
	}
	want := func(step, username, state string) {
		t.Helper()
		for {
			l := next(t, lines)
			if l == "event: config.changed" { // others' acts are told too
				next(t, lines)
				continue
			}
			if l != "event: colleague.state" {
				t.Fatalf("%s: got %s", step, l)
			}
			if d := next(t, lines); d != `data: {"username":"`+username+`","state":"`+state+`"}` {
				t.Errorf("%s: %s", step, d)
			}
			return
		}
	}
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	call := calls.Call{ID: "01JD00000000000000000000C1", State: calls.Ringing, FromUser: r.id("supervisor"), Number: "403", ToUser: r.id("iris.immsee"), Ringing: []string{r.id("iris/desk")}}
	publish := func(typ calls.EventType) { c := call; r.bus.Publish(calls.Event{Type: typ, At: at, Call: &c}) }
	r.table.Put(call, nil)
	publish(calls.CallStarted)
	want("called", "iris.immsee", "ringing")
	publish(calls.CallRinging) // nothing new
	call.State, call.ToSlot, call.Ringing = calls.Up, r.id("iris/desk"), nil
	r.table.Update(call)
	publish(calls.CallAnswered)
	want("answered", "iris.immsee", "in_call")
	publish(calls.CallEnded) // the table forgets the call a moment later
	want("ended", "iris.immsee", "free")
	r.want(200, "iris.immsee", "PATCH", "/api/users/iris.immsee", `{"dnd":true}`)
	want("do not disturb", "iris.immsee", "dnd")
	r.want(200, "supervisor", "PATCH", "/api/users/iris.immsee", `{"status_private":true}`)
	want("private", "iris.immsee", "private")
}

// TestColleagueEventsForSeveral has two listeners, who must both hear that a call has left a colleague, whoever is served first.
func TestColleagueEventsForSeveral(t *testing.T) {
	r := newRig(t)
	stop := r.run()
	defer stop()
	first, _ := r.listenToAll(t.Context(), "armin.artmann")
	second, _ := r.listenToAll(t.Context(), "armin.artmann")
	both := func(step string, want ...string) {
		t.Helper()
		for i, lines := range []<-chan string{first, second} {
			for _, w := range want {
				if got := next(t, lines); got != w {
					t.Fatalf("%s: listener %d got %s, want %s", step, i+1, got, w)
				}
			}
		}
	}
	both("begin", ": listening")
	call := calls.Call{ID: "01JD00000000000000000000C1", State: calls.Ringing, From: "+4930123", Number: "403", Ringing: []string{r.id("iris/desk")}}
	r.table.Put(call, nil)
	r.bus.Publish(calls.Event{Type: calls.CallStarted, Call: &call})
	both("called", "event: colleague.state", `data: {"username":"iris.immsee","state":"ringing"}`)
	r.table.Remove(call.ID)
	r.bus.Publish(calls.Event{Type: calls.CallEnded, Call: &call})
	both("ended", "event: colleague.state", `data: {"username":"iris.immsee","state":"free"}`)
}

// TestRefusedCallTellsNoOthers begins a call to a colleague whom nobody can reach: why that is so is told to administrators only.
func TestRefusedCallTellsNoOthers(t *testing.T) {
	r := newRig(t)
	r.want(200, "iris.immsee", "PATCH", "/api/slots/<iris/desk>", `{"dnd":true}`)
	body := `{"slot_id":"<armin/desk>","to":"403"}`
	if a := r.want(409, "supervisor", "POST", "/api/calls", body); !strings.Contains(a.Body.String(), "Iris") {
		t.Errorf("administrators are not told why: %s", a.Body)
	}
	if a := r.want(409, "armin.artmann", "POST", "/api/calls", body); strings.Contains(a.Body.String(), "Iris") || !strings.Contains(a.Body.String(), "shows 416") {
		t.Errorf("users are told what others have set: %s", a.Body)
	}
}

func TestCredentials(t *testing.T) {
	r := newRig(t)
	s := r.st.Snapshot().Slots[r.id("armin/desk")]
	var v struct{ Username, Password, Domain, URI string }
	a := r.want(200, "armin.artmann", "GET", "/api/slots/<armin/desk>/credentials", "")
	if a.decode(&v); v.Username != s.SIPUsername || v.Password != s.SIPSecret || v.URI != "sip:"+s.SIPUsername+":"+s.SIPSecret+"@koppelfeld.example" {
		t.Errorf("%+v", v)
	}
	if c := a.Header().Get("Cache-Control"); c != "no-store" {
		t.Errorf("Cache-Control is %q", c)
	}
	var log struct {
		Items []struct{ Actor, Action, ObjectID string }
	}
	text := r.want(200, "supervisor", "GET", "/api/audit?object_type=slot&limit=1", "")
	if text.decode(&log); len(log.Items) != 1 || log.Items[0].Action != "show_secret" || log.Items[0].Actor != "armin.artmann" || strings.Contains(text.Body.String(), s.SIPSecret) {
		t.Errorf("audit log: %s", text.Body)
	}
	var made struct{ ID string }
	r.want(201, "supervisor", "POST", "/api/users/armin.artmann/slots", `{"type":"mobile","mobile_number":"+491701234567"}`).decode(&made)
	r.want(409, "supervisor", "GET", "/api/slots/"+made.ID+"/credentials", "")
	var token struct{ Token string }
	r.want(201, "armin.artmann", "POST", "/api/users/armin.artmann/tokens", `{"name":"x","scopes":["write"]}`).decode(&token)
	r.want(403, "", "GET", "/api/slots/<armin/desk>/credentials", "", "Authorization", "Bearer "+token.Token)
}
