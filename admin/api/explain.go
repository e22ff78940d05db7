package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// Explanation says who would ring, and why (SPEC F8).
type Explanation struct {
	From  string        `json:"from"`
	Class routing.Class `json:"class" enum:"inside,outside"`
	To    string        `json:"to"`
	At    time.Time     `json:"at"`
	Stage
	Shown       Shown     `json:"shown" doc:"What the callee sees of the caller"`
	ShownCalled Shown     `json:"shown_called" doc:"What the caller sees of the callee"`
	Command     *Command  `json:"command,omitempty" doc:"What a function code wants"`
	Slots       []SlotWhy `json:"slots" nullable:"false" doc:"For every slot of every number that the call went through: whether it rings, and why or why not"`
	Truncated   bool      `json:"truncated" doc:"More could follow than is listed under then"`
}

// Stage is where a call stands: at its beginning, or when what rang has ended without an answer.
type Stage struct {
	Outcome     routing.Outcome  `json:"outcome" doc:"ring, no_such_number, busy, not_registered, forbidden, no_route, unsupported, declined, no_answer, looped, too_many_hops, pin or command"`
	Number      string           `json:"number,omitempty" doc:"The number that takes the call"`
	Owner       string           `json:"owner,omitempty" doc:"Who owns the number"`
	Hops        []Hop            `json:"hops" nullable:"false" doc:"Forwards since the stage before"`
	Targets     []Target         `json:"targets" nullable:"false" doc:"What rings at once"`
	Keep        bool             `json:"keep,omitempty" doc:"What rings already rings on"`
	RingSeconds int              `json:"ring_seconds,omitempty" doc:"How long it rings"`
	Reasons     []routing.Reason `json:"reasons" nullable:"false" doc:"The steps of the decision since the stage before, in order"`
	Then        []*Following     `json:"then,omitempty" nullable:"false" doc:"What comes when nobody answers; a case that is not listed ends the call"`
}

// Following is a stage that comes in a case.
type Following struct {
	On routing.Case `json:"on" enum:"busy,no_answer,not_registered"`
	Stage
}

// Hop is one forward.
type Hop struct {
	From     string       `json:"from"`
	To       string       `json:"to"`
	Why      routing.Case `json:"why" enum:"always,busy,no_answer,not_registered,system"`
	Username string       `json:"username,omitempty" doc:"Owner of the number that forwards; left out for hunt groups and system-wide rules"`
}

// Target is a slot, or a number outside, that rings.
type Target struct {
	SlotID      string `json:"slot_id"`
	Username    string `json:"username"`
	Type        string `json:"type"`
	Name        string `json:"name"`
	Number      string `json:"number"`
	Alert       string `json:"alert,omitempty" doc:"Alert-Info"`
	Outside     string `json:"outside,omitempty" doc:"Number that is dialled outside, also for a mobile slot"`
	Emergency   bool   `json:"emergency,omitempty"`
	RingSeconds int    `json:"ring_seconds,omitempty" doc:"When it rings shorter than the others"`
}

// Command is what a function code wants. Nothing is done when a call is explained.
type Command struct {
	Action   string   `json:"action"`
	Username string   `json:"username"`
	SlotID   string   `json:"slot_id"`
	Number   string   `json:"number" doc:"The number whose settings it is about"`
	Argument string   `json:"argument,omitempty" doc:"What was dialled after the code"`
	Numbers  []string `json:"numbers,omitempty" nullable:"false" doc:"Numbers whose ringing calls may be taken"`
}

// SlotWhy answers why a slot rings, or why not.
type SlotWhy struct {
	SlotID   string           `json:"slot_id"`
	Name     string           `json:"name"`
	Type     string           `json:"type"`
	Username string           `json:"username"`
	Rings    bool             `json:"rings"`
	Reasons  []routing.Reason `json:"reasons" nullable:"false"`
}

// Shown is a number with a name.
type Shown struct {
	Number string `json:"number"`
	Name   string `json:"name"`
}

// Bounds of what follows.
const (
	maxFollowing = 60
	maxStages    = 12 // one after the other
)

// Question is one that Explain answers.
type Question struct {
	From string // an outside number, an inside number, or the ID of a slot
	To   string
	At   time.Time
	PIN  bool // the caller has keyed in the PIN
}

type explainInput struct {
	Body struct {
		From string    `json:"from" maxLength:"64" doc:"Who calls: an outside number, an inside number, or the ID of a slot" example:"+4966112345"`
		To   string    `json:"to" minLength:"1" maxLength:"64" doc:"What is dialled" example:"416"`
		At   time.Time `json:"at,omitzero" doc:"When; now if left out"`
		PIN  bool      `json:"with_pin,omitempty" doc:"The caller has keyed in the PIN, for numbers that may be dialled with it only"`
	}
}

func (a *API) registerExplain() {
	register(a, operation{
		id: "explain", method: http.MethodPost, path: "/api/explain", tag: "routing", access: ownOnly, reads: true,
		summary: "Who rings if somebody calls, and who next?",
		doc: "Asks the code that routes calls, with the configuration in force and the calls and registrations of the moment. Nothing rings. " +
			"Users may ask about calls to their own numbers; they are not told about slots and settings of others.",
	}, a.explain)
}

func (a *API) explain(ctx context.Context, in *explainInput) (*struct{ Body Explanation }, error) {
	q := Question(in.Body)
	if q.At.IsZero() {
		q.At = time.Now()
	}
	if err := inTime("body.at", q.At); err != nil {
		return nil, err
	}
	table, live := a.deps.Routing()
	snap, id := a.deps.Store.Snapshot(), who(ctx)
	if !id.Admin {
		called, _ := routing.Dialled(q.To)
		if _, err := mayNumber(id, snap, called); err != nil {
			return nil, forbidden("you may ask about calls to your own numbers only")
		}
		if s, ok := table.Slot(q.From); ok && s.UserID != id.UserID {
			return nil, forbidden("you may ask about calls from your own slots only")
		}
	}
	v := Explain(snap, table, live, q)
	if !id.Admin {
		own{snap, id.UserID}.explanation(&v)
	}
	return &struct{ Body Explanation }{v}, nil
}

// Explain decides a call and says why, and what would come when nobody answers. It asks live as a call would.
func Explain(snap *directory.Snapshot, table *routing.Table, live routing.Live, q Question) Explanation {
	caller := table.CallerFrom(q.From)
	if s, ok := table.Slot(q.From); ok {
		caller = routing.Caller{Class: routing.Inside, SlotID: s.ID, UserID: s.UserID}
	}
	plan := table.Decide(routing.Request{Called: q.To, Caller: caller, At: q.At, PIN: q.PIN}, live)
	e := explainer{snap, table, live}
	v := Explanation{
		From: q.From, Class: caller.Class, To: q.To, At: q.At, Stage: e.stage(&plan, nil), Shown: Shown(plan.Shown), ShownCalled: Shown(plan.ShownCalled),
	}
	if c := plan.Command; c != nil {
		v.Command = &Command{c.Action, username(snap, c.UserID), c.SlotID, c.Number, c.Argument, c.Numbers}
	}
	v.Slots = e.slots(&v.Stage)
	v.Truncated = e.follow(&plan, &v.Stage, q.At)
	return v
}

// explainer puts plans into words.
type explainer struct {
	snap  *directory.Snapshot
	table *routing.Table
	live  routing.Live
}

// stage shows what a plan has more than the one before, nil for the first.
func (e *explainer) stage(p, before *routing.Plan) Stage {
	v := Stage{
		Outcome: p.Outcome, Number: p.Number, Owner: e.owner(p), Hops: []Hop{}, Targets: []Target{}, Keep: p.Keep, Reasons: notNil(p.Explain()),
	}
	hops := p.Hops
	if before != nil {
		hops = hops[min(len(before.Hops), len(hops)):]
		v.Reasons = since(before.Explain(), v.Reasons)
	}
	for _, h := range hops {
		v.Hops = append(v.Hops, Hop{h.From, h.To, h.Why, username(e.snap, h.UserID)})
	}
	if p.Outcome == routing.Ring {
		v.RingSeconds = int(p.RingTimeout / time.Second)
	}
	for _, t := range p.Targets {
		slot, _ := e.table.Slot(t.SlotID)
		v.Targets = append(v.Targets, Target{
			SlotID: t.SlotID, Username: username(e.snap, t.UserID), Type: t.Type, Name: slot.Name, Number: t.Number, Alert: t.Alert,
			Outside: t.Outside, Emergency: t.Emergency, RingSeconds: int(t.RingTimeout / time.Second),
		})
	}
	return v
}

// since lists the steps that came after those before. Plans may leave out old ones: a hunt group that goes round tells of its last round.
func since(before, now []routing.Reason) []routing.Reason {
	n := 0
	for n < min(len(before), len(now)) && before[n].En == now[n].En {
		n++
	}
	return now[n:]
}

func (e *explainer) owner(p *routing.Plan) string {
	switch p.OwnerType {
	case routing.OwnerUser:
		return username(e.snap, p.OwnerID)
	case routing.OwnerHunt:
		if h := e.snap.HuntGroups[p.OwnerID]; h != nil {
			return h.Name
		}
	}
	return p.OwnerID
}

// follow adds what comes after a plan, nearest first, and reports whether there would be more than the bounds allow.
func (e *explainer) follow(first *routing.Plan, v *Stage, at time.Time) (truncated bool) {
	type branch struct {
		plan  *routing.Plan
		stage *Stage
		at    time.Time
		depth int
	}
	count := 0
	for queue := []branch{{first, v, at, 0}}; len(queue) > 0; queue = queue[1:] {
		b := queue[0]
		for _, c := range []routing.Case{routing.OnBusy, routing.OnNoAnswer, routing.OnUnregistered} {
			when := b.at
			if c == routing.OnNoAnswer {
				when = when.Add(b.plan.RingTimeout)
			}
			next, ok := b.plan.Next(c, when, e.live)
			if !ok {
				continue
			}
			if count == maxFollowing || b.depth == maxStages {
				truncated = true
				continue
			}
			count++
			f := &Following{On: c, Stage: e.stage(&next, b.plan)}
			b.stage.Then = append(b.stage.Then, f)
			queue = append(queue, branch{&next, &f.Stage, when, b.depth + 1})
		}
	}
	return truncated
}

// slots gathers what was said about each slot of the numbers called.
func (e *explainer) slots(v *Stage) []SlotWhy {
	out := []SlotWhy{}
	index := map[string]int{}
	for _, r := range v.Reasons {
		if r.SlotID == "" || !strings.HasPrefix(r.Code, "slot_") && !strings.HasPrefix(r.Code, "mobile_") {
			continue // about the caller's slot, or none
		}
		i, ok := index[r.SlotID]
		if !ok {
			s, _ := e.table.Slot(r.SlotID)
			i = len(out)
			index[r.SlotID] = i
			out = append(out, SlotWhy{SlotID: r.SlotID, Name: s.Name, Type: s.Type, Username: s.Username})
		}
		out[i].Reasons = append(out[i].Reasons, r)
	}
	for _, t := range v.Targets {
		if i, ok := index[t.SlotID]; ok {
			out[i].Rings = true
		}
	}
	return out
}
