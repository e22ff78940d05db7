package admin_test

import (
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
)

// TestPersonCalls looks at one call from outside that was forwarded, from the sides of those who took part.
func TestPersonCalls(t *testing.T) {
	r := newRig(t)
	start := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	record := calls.Record{
		ID: "01JD00000000000000000000R1", Start: start, AnswerAt: start.Add(20 * time.Second), End: start.Add(80 * time.Second), Class: "outside",
		From: "+4966112345", FromName: "Kunde", To: "416", Number: "403", ToUser: r.id("iris.immsee"), ToSlot: r.id("iris/desk"), Result: calls.Answered,
		Forwards: []calls.Forward{{From: "416", To: "403", Why: "no_answer"}},
		Legs:     []calls.Leg{{SlotID: r.id("armin/desk"), Result: "cancelled"}, {SlotID: r.id("iris/desk"), Result: "answered"}},
	}
	hidden := record
	hidden.ID, hidden.FromHidden, hidden.FromUser, hidden.From, hidden.Class = "01JD00000000000000000000R2", true, r.id("adele.admin"), "401", "inside"
	hidden.AnswerAt, hidden.Forwards, hidden.Number, hidden.ToUser, hidden.Result = time.Time{}, nil, "416", r.id("armin.artmann"), calls.NoAnswer
	hidden.Legs = hidden.Legs[:1]
	if err := r.st.InsertRecords(t.Context(), []calls.Record{record, hidden}); err != nil {
		t.Fatal(err)
	}
	type party struct {
		Number, Name, Username string
		Hidden                 bool
	}
	type list struct {
		Items []struct {
			ID, Direction, Number, Result string
			ForwardTo                     string `json:"forwarded_to"`
			Unseen                        bool
			Seconds                       int
			Party                         party
			Taker                         *party
		}
		Unseen int
	}
	var armin, iris, adele list
	r.want(200, "armin.artmann", "GET", "/api/users/armin.artmann/calls", "").decode(&armin)
	r.want(200, "iris.immsee", "GET", "/api/users/iris.immsee/calls", "").decode(&iris)
	r.want(200, "adele.admin", "GET", "/api/users/adele.admin/calls", "").decode(&adele)
	if len(armin.Items) != 2 || len(iris.Items) != 1 || len(adele.Items) != 1 {
		t.Fatalf("got %d, %d and %d calls", len(armin.Items), len(iris.Items), len(adele.Items))
	}
	missed, sent := armin.Items[0], armin.Items[1]
	if missed.Direction != "missed" || !missed.Unseen || missed.Party != (party{Hidden: true}) || missed.Number != "416" || armin.Unseen != 1 {
		t.Errorf("missed call without a number: %+v", missed)
	}
	if sent.Direction != "forwarded" || sent.Unseen || sent.ForwardTo != "403" || sent.Number != "416" || sent.Party.Number != "+4966112345" ||
		sent.Taker == nil || *sent.Taker != (party{Number: "403", Name: "Iris Immsee", Username: "iris.immsee"}) {
		t.Errorf("forwarded call: %+v", sent)
	}
	if c := iris.Items[0]; c.Direction != "in" || c.Number != "403" || c.Seconds != 60 || c.Taker != nil {
		t.Errorf("taken call: %+v", c)
	}
	if c := adele.Items[0]; c.Direction != "out" || c.Party != (party{Number: "416", Name: "Armin Artmann", Username: "armin.artmann"}) {
		t.Errorf("own call: %+v", c)
	}
	r.want(204, "armin.artmann", "PUT", "/api/users/armin.artmann/calls/seen", `{"id":"`+hidden.ID+`"}`)
	if r.want(200, "armin.artmann", "GET", "/api/users/armin.artmann/calls?direction=missed", "").decode(&armin); armin.Unseen != 0 || len(armin.Items) != 1 || armin.Items[0].Unseen {
		t.Errorf("after it has been seen: %+v", armin)
	}
}
