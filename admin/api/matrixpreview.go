package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// MatrixPreview says what a matrix would do that is not set yet.
type MatrixPreview struct {
	Changed bool            `json:"changed" doc:"Whether it differs from the one in force"`
	Numbers []NumberPreview `json:"numbers" nullable:"false" doc:"Every number of the user in the order of the rows"`
	Slots   []SlotPreview   `json:"slots" nullable:"false" doc:"Slots that would show another number on calls"`
}

// NumberPreview says who rings for a number before and after.
type NumberPreview struct {
	Number  string      `json:"number"`
	Changed bool        `json:"changed" doc:"Whether ticks differ, or who rings"`
	Added   []UserSlot  `json:"added" nullable:"false" doc:"Slots that are ticked newly"`
	Removed []UserSlot  `json:"removed" nullable:"false" doc:"Slots that are no longer ticked"`
	Inside  BeforeAfter `json:"inside" doc:"When a colleague calls"`
	Outside BeforeAfter `json:"outside" doc:"When somebody calls from outside"`
}

// BeforeAfter compares who rings.
type BeforeAfter struct {
	Before Ringing `json:"before"`
	After  Ringing `json:"after"`
}

// Ringing is who rings, in short.
type Ringing struct {
	Outcome routing.Outcome `json:"outcome" doc:"As in an explanation"`
	Slots   []string        `json:"slots" nullable:"false" doc:"IDs of the user's slots that ring"`
	De      string          `json:"de" doc:"In words"`
	En      string          `json:"en" doc:"In words"`
}

// SlotPreview says which number a slot shows before and after.
type SlotPreview struct {
	UserSlot
	Before string `json:"before" doc:"Empty: it cannot call"`
	After  string `json:"after"`
	De     string `json:"de" doc:"In words"`
	En     string `json:"en" doc:"In words"`
}

func (a *API) registerMatrixPreview() {
	register(a, operation{
		id: "preview-matrix", method: http.MethodPost, path: "/api/users/{username}/matrix/preview", tag: "matrix", access: ownOnly, reads: true,
		summary: "What would a matrix do?",
		doc: "Takes the body of set-matrix, changes nothing, and says in words who would ring for each number, before and after, when all phones are " +
			"registered and nobody is in a call; phones that are not registered now are named. Another order of the rows, which decides what a slot shows, is " +
			"looked at together with the ticks. The ETag is that of the matrix in force.",
		errors: []int{http.StatusNotFound},
	}, a.previewMatrix)
}

func (a *API) previewMatrix(ctx context.Context, in *struct {
	UserPath
	Numbers []string `query:"numbers" maxItems:"1000" maxLength:"15" doc:"Order of the rows as in order-matrix, that in force when left out"`
	Body    Matrix
},
) (*objectOutput[MatrixPreview], error) {
	var u *directory.User
	var before directory.Snapshot // a copy: the transaction goes on in its own
	var after *directory.Snapshot
	err := a.deps.Store.Try(ctx, func(tx Tx) error {
		var err error
		before = *tx.Snapshot()
		if u, err = mayUser(who(ctx), &before, in.Username); err != nil {
			return err
		}
		if len(in.Numbers) > 0 {
			if _, err = tx.OrderMatrix(u.ID, in.Numbers, nil, 0); err != nil {
				return err
			}
		}
		_, err = tx.SetMatrix(u.ID, in.Body, 0)
		after = tx.Snapshot()
		return err
	})
	if err != nil {
		return nil, err
	}
	table, _ := a.deps.Routing()
	next, err := a.deps.Preview(after, u.ID)
	if err != nil {
		return nil, err
	}
	v, err := comparison{user: u, before: &before, after: after, was: table, next: next, registered: a.registered, at: time.Now()}.preview()
	if err != nil {
		return nil, err
	}
	return &objectOutput[MatrixPreview]{ETag: etag(before.MatrixVersions[u.ID]), Body: v}, nil
}

// comparison compares two matrices of a user.
type comparison struct {
	user          *directory.User
	before, after *directory.Snapshot
	was, next     *routing.Table
	registered    func(slotID string) bool
	at            time.Time
}

// idle is a system in which every phone is registered and nobody is in a call: what a matrix means does not hang on the moment.
type idle struct{}

func (idle) SlotCalls(string) int   { return 0 }
func (idle) NumberCalls(string) int { return 0 }
func (idle) HuntTurn(string) int    { return 0 }
func (idle) Registered(string) bool { return true }

// registered reports whether a slot can be reached now.
func (a *API) registered(slotID string) bool {
	_, live := a.deps.Routing()
	return live.Registered(slotID)
}

func (c comparison) preview() (MatrixPreview, error) {
	v := MatrixPreview{Numbers: []NumberPreview{}, Slots: []SlotPreview{}, Changed: !slices.Equal(c.before.Rows[c.user.ID], c.after.Rows[c.user.ID])}
	was, wasCaller, err := withStranger(c.was)
	if err != nil {
		return v, err
	}
	next, nextCaller, err := withStranger(c.next)
	if err != nil {
		return v, err
	}
	outside := routing.Caller{Class: routing.Outside}
	for _, number := range c.after.Rows[c.user.ID] {
		have, want := c.before.Ticks[number], c.after.Ticks[number]
		n := NumberPreview{
			Number: number, Added: c.without(want, have), Removed: c.without(have, want),
			Inside:  BeforeAfter{c.rings(was, wasCaller, number), c.rings(next, nextCaller, number)},
			Outside: BeforeAfter{c.rings(was, outside, number), c.rings(next, outside, number)},
		}
		v.Changed = v.Changed || len(n.Added)+len(n.Removed) > 0
		n.Changed = len(n.Added)+len(n.Removed) > 0 || n.Inside.Before.De != n.Inside.After.De || n.Outside.Before.De != n.Outside.After.De
		v.Numbers = append(v.Numbers, n)
	}
	for _, id := range c.after.Columns[c.user.ID] {
		if s := c.shows(id); s.Before != s.After {
			v.Slots = append(v.Slots, s)
		}
	}
	return v, nil
}

// without lists the slots that only the first row has.
func (c comparison) without(ids, others []string) []UserSlot {
	out := []UserSlot{}
	for _, id := range ids {
		if s := c.after.Slots[id]; s != nil && !slices.Contains(others, id) {
			out = append(out, userSlot(s))
		}
	}
	return out
}

// shows says which number a slot shows.
func (c comparison) shows(id string) SlotPreview {
	was, _ := c.was.Slot(id)
	next, _ := c.next.Slot(id)
	v := SlotPreview{UserSlot: userSlot(c.after.Slots[id]), Before: was.Default, After: next.Default}
	switch name := v.Name; {
	case v.After == "":
		v.De, v.En = name+" kann nicht mehr anrufen: keine Rufnummer ist angehakt.", name+" can no longer call: no number is ticked."
	case v.Before == "":
		v.De, v.En = name+" kann anrufen und zeigt "+v.After+".", name+" can call and shows "+v.After+"."
	default:
		v.De, v.En = name+" zeigt "+v.After+" statt "+v.Before+".", name+" shows "+v.After+" instead of "+v.Before+"."
	}
	return v
}

// rings decides a call and puts it into words that its owner may read.
func (c comparison) rings(table *routing.Table, caller routing.Caller, number string) Ringing {
	plan := table.Decide(routing.Request{Called: number, Caller: caller, At: c.at}, idle{})
	v := Ringing{Outcome: plan.Outcome, Slots: []string{}}
	var names, others []string
	for _, t := range plan.Targets {
		if s, ok := table.Slot(t.SlotID); ok && s.UserID == c.user.ID {
			v.Slots, names = append(v.Slots, s.ID), append(names, s.Name)
		} else if t.Number != number && t.Number != "" {
			others = append(others, t.Number)
		} else if t.Outside != "" {
			others = append(others, t.Outside)
		}
	}
	if len(plan.Hops) > 0 {
		to := plan.Hops[0].To
		v.Slots = []string{}
		v.De, v.En = number+" leitet weiter an "+to+".", number+" forwards to "+to+"."
		return v
	}
	if plan.Outcome == routing.Ring {
		v.De = number + " klingelt auf " + enumerate(append(slices.Clone(names), others...), "und") + "."
		v.En = number + " rings " + enumerate(append(names, others...), "and") + "."
	}
	// What keeps the whole number or one of its ticked slots from ringing.
	last := routing.Reason{}
	var de, en []string
	for _, r := range plan.Explain() {
		switch {
		case strings.HasPrefix(r.Code, "then_"), strings.HasPrefix(r.Code, "caller_"):
		case r.SlotID == "":
			last = r
		case r.Code != "slot_not_ticked" && r.Code != "slot_rings" && r.Code != "mobile_rings" && r.Code != "slot_number_busy":
			de, en = append(de, r.De), append(en, r.En)
		}
	}
	if away := c.away(v.Slots); away != "" {
		de, en = append(de, "Jetzt nicht angemeldet: "+away+"."), append(en, "Not registered now: "+away+".")
	}
	if plan.Outcome != routing.Ring {
		de, en = append(de, last.De), append(en, last.En)
	}
	v.De = strings.TrimSpace(v.De + " " + strings.Join(de, " "))
	v.En = strings.TrimSpace(v.En + " " + strings.Join(en, " "))
	return v
}

// away names those of the slots that no device is registered for.
func (c comparison) away(ids []string) string {
	var names []string
	for _, id := range ids {
		if s := c.after.Slots[id]; s != nil && s.Type != directory.Mobile && !c.registered(id) {
			names = append(names, s.Name)
		}
	}
	return strings.Join(names, ", ")
}

// enumerate is "a, b and c".
func enumerate(words []string, and string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + and + " " + words[last]
}

// withStranger adds a colleague to a table whom no rule knows, so that calls from inside can be asked about that are not made by the
// user himself.
func withStranger(t *routing.Table) (*routing.Table, routing.Caller, error) {
	const id = "stranger"
	number := "999999999999999"
	for !t.Free(number) && number != "999999999999900" {
		number = previous(number)
	}
	with, err := t.With(routing.Change{Users: []routing.User{{
		ID: id, Slots: []routing.Slot{{ID: id, Type: string(directory.Desk)}}, Numbers: []routing.Number{{Number: number, Ticked: []string{id}}},
	}}})
	return with, routing.Caller{Class: routing.Inside, SlotID: id, UserID: id}, err
}
