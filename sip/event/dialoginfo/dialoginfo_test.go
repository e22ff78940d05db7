package dialoginfo

import (
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/event"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// info is a document as a phone reads it.
type info struct {
	XMLName xml.Name `xml:"urn:ietf:params:xml:ns:dialog-info dialog-info"`
	Version uint32   `xml:"version,attr"`
	State   string   `xml:"state,attr"`
	Entity  string   `xml:"entity,attr"`
	Dialogs []struct {
		ID        string `xml:"id,attr"`
		Direction string `xml:"direction,attr"`
		State     string `xml:"state"`
	} `xml:"dialog"`
}

// lit reports what a lamp shows: the most telling state.
func (i *info) lit() string {
	for _, s := range []string{"confirmed", "early", "trying"} {
		for _, d := range i.Dialogs {
			if d.State == s {
				return s
			}
		}
	}
	return "off"
}

func (i *info) String() string {
	var b strings.Builder
	for _, d := range i.Dialogs {
		fmt.Fprintf(&b, "%s %s %s;", d.ID, d.Direction, d.State)
	}
	return b.String()
}

func newPackage(table *calls.Table) *Package {
	return &Package{Table: table, Domain: "koppelfeld.example", Known: func(n string) bool { return len(n) == 3 }}
}

// look is one NOTIFY's document for a subscriber.
func look(t *testing.T, p *Package, w *event.Watch) *info {
	t.Helper()
	b, ok := p.State(w)
	if !ok {
		t.Fatal("no such number")
	}
	if len(b) > 650 {
		t.Errorf("a document of %d bytes does not fit into a datagram with its headers:\n%s", len(b), b)
	}
	var i info
	if err := xml.Unmarshal(b, &i); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	if i.Version != w.Version || i.State != "full" || i.Entity != "sip:"+w.Resource+"@koppelfeld.example" {
		t.Errorf("head of %s", b)
	}
	w.Version++
	return &i
}

func TestLampFollowsTheCall(t *testing.T) {
	table := calls.NewTable()
	p := newPackage(table)
	callee, caller := &event.Watch{Resource: "416"}, &event.Watch{Resource: "417"}
	c := calls.Call{ID: "01J", State: calls.Routing, CallerNumber: "417", Number: "416"}
	for _, step := range []struct {
		name           string
		do             func()
		callee, caller string
	}{
		{"idle", func() {}, "none  terminated;", "none  terminated;"},
		{"routing", func() { table.Put(c, nil) }, "01J-b recipient trying;", "01J-a initiator trying;"},
		{"ringing", func() { c.State = calls.Ringing; table.Update(c) }, "01J-b recipient early;", "01J-a initiator early;"},
		{"up", func() { c.State = calls.Up; table.Update(c) }, "01J-b recipient confirmed;", "01J-a initiator confirmed;"},
		{"moved to another number", func() { c.CallerNumber = "418"; table.Update(c) }, "01J-b recipient confirmed;", "01J-a initiator terminated;"},
		{"over", func() { table.Remove(c.ID) }, "01J-b recipient terminated;", "none  terminated;"},
		{"still over", func() {}, "none  terminated;", "none  terminated;"},
	} {
		step.do()
		if got := look(t, p, callee).String(); got != step.callee {
			t.Errorf("%s: callee's lamp %q, want %q", step.name, got, step.callee)
		}
		if got := look(t, p, caller).String(); got != step.caller {
			t.Errorf("%s: caller's lamp %q, want %q", step.name, got, step.caller)
		}
	}
}

// TestMostImportantFirst: of many calls a document shows the ones that tell most, and a call that is merely not shown any more is
// not told to have ended.
func TestMostImportantFirst(t *testing.T) {
	table := calls.NewTable()
	p, w := newPackage(table), &event.Watch{Resource: "416"}
	for i := range 6 {
		table.Put(calls.Call{ID: fmt.Sprint("01J", i), State: calls.Ringing, Number: "416"}, nil)
	}
	if got := look(t, p, w); len(got.Dialogs) != maxShown || got.lit() != "early" {
		t.Errorf("%s", got)
	}
	table.Update(calls.Call{ID: "01J0", State: calls.Up, Number: "416"})
	got := look(t, p, w)
	if got.Dialogs[0].ID != "01J0-b" || got.lit() != "confirmed" || strings.Contains(got.String(), "terminated") {
		t.Errorf("%s", got)
	}
}

// TestNoLampWithoutACall is the invariant, over random lives of many calls: a lamp is lit exactly while a call runs
// over its number, and every change is told to those who watch.
func TestNoLampWithoutACall(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	table := calls.NewTable()
	p := newPackage(table)
	told := map[string]bool{}
	table.OnNumber(func(n string) { told[n] = true })
	numbers := []string{"410", "411", "412", "413", "414"}
	watches, lamps := map[string]*event.Watch{}, map[string]string{}
	for _, n := range numbers {
		watches[n], lamps[n] = &event.Watch{Resource: n}, "off"
	}
	live := map[string]calls.Call{}
	var ids []string
	for i := range 4000 {
		switch k := rnd.IntN(4); {
		case k == 0 && len(ids) < 12:
			c := calls.Call{ID: fmt.Sprintf("01J%05d", i), State: calls.Routing, Number: numbers[rnd.IntN(5)]}
			if rnd.IntN(3) > 0 {
				c.CallerNumber = numbers[rnd.IntN(5)]
			}
			live[c.ID], ids = c, append(ids, c.ID)
			table.Put(c, nil)
		case k == 1 && len(ids) > 0:
			j := rnd.IntN(len(ids))
			table.Remove(ids[j])
			delete(live, ids[j])
			ids = slices.Delete(ids, j, j+1)
		case len(ids) > 0:
			c := live[ids[rnd.IntN(len(ids))]]
			c.State = []calls.State{calls.Ringing, calls.Up}[rnd.IntN(2)]
			if rnd.IntN(8) == 0 {
				c.CallerNumber = numbers[rnd.IntN(5)] // a transfer
			}
			if rnd.IntN(4) == 0 { // the next turn of a hunt group, an answer, a pickup
				c.Also = nil
				for range rnd.IntN(3) {
					c.Also = append(c.Also, numbers[rnd.IntN(5)])
				}
				if rnd.IntN(4) == 0 {
					c.Number = numbers[rnd.IntN(5)]
				}
			}
			live[c.ID] = c
			table.Update(c)
		}
		for _, n := range numbers {
			busy := false
			for _, c := range live {
				busy = busy || c.Number == n || c.CallerNumber == n || slices.Contains(c.Also, n)
			}
			if told[n] { // a subscriber is notified
				lamps[n] = look(t, p, watches[n]).lit()
			}
			if (lamps[n] != "off") != busy {
				t.Fatalf("step %d: the lamp of %s is %s, a call runs: %v", i, n, lamps[n], busy)
			}
		}
		clear(told)
	}
}

func TestAuthorize(t *testing.T) {
	p := newPackage(calls.NewTable())
	for _, c := range []struct {
		uri    string
		number string
		status int
	}{
		{"sip:416@koppelfeld.example", "416", 0},
		{"sip:4%316@koppelfeld.example", "416", 0},
		{"tel:416", "416", 0},
		{"sip:4161@koppelfeld.example", "", 404},
		{"sip:armin@koppelfeld.example", "", 404},
		{"sip:koppelfeld.example", "", 404},
	} {
		t.Run(c.uri, func(t *testing.T) {
			uri, err := message.ParseURI(c.uri)
			if err != nil {
				t.Fatal(err)
			}
			if n, status := p.Authorize(nil, uri); n != c.number || status != c.status {
				t.Errorf("%q %d", n, status)
			}
		})
	}
	if _, ok := p.State(&event.Watch{Resource: "4161"}); ok {
		t.Error("a number that is gone has a state")
	}
}
