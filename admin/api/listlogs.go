package api

import (
	"context"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Period is the part of the input of an operation that lists what happened.
type Period struct {
	From  time.Time `query:"from" doc:"What began at this time or later" example:"2026-11-27T00:00:00+01:00"`
	To    time.Time `query:"to" doc:"What began before this time"`
	Order string    `query:"order" enum:"asc,desc" default:"desc" doc:"desc lists the newest first"`
}

// check refuses times that lie too far away.
func (p *Period) check() error {
	for location, at := range map[string]time.Time{"query.from": p.From, "query.to": p.To} {
		if !at.IsZero() {
			if err := inTime(location, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// RecordSieve says which call records are wanted.
type RecordSieve struct {
	Period
	Number  string       `query:"number" maxLength:"32" doc:"Shown, dialled or taken"`
	User    string       `query:"user" maxLength:"64" doc:"User name of caller or callee"`
	Slot    string       `query:"slot" maxLength:"64" doc:"ID of a slot that called, answered or rang"`
	Class   string       `query:"class" enum:"inside,outside"`
	Result  calls.Result `query:"result" enum:"answered,cancelled,busy,no_answer,declined,unreachable,rejected,failed,interrupted"`
	Seconds int          `query:"min_seconds" minimum:"0" maximum:"1000000" doc:"How long was talked at least"`
	Text    string       `query:"text" maxLength:"100" doc:"Words that must all occur in numbers, names and user names. Case and accents do not count"`
}

type RecordsInput struct {
	Page
	RecordSieve
}

// filter makes a filter of what is wanted, for someone who may see it.
func (s *RecordSieve) filter(ctx context.Context, snap *directory.Snapshot) (RecordFilter, error) {
	id := who(ctx)
	f := RecordFilter{Number: s.Number, Class: s.Class, Result: s.Result, Begin: s.From, End: s.To, Ascending: s.Order == "asc"}
	if err := s.check(); err != nil {
		return f, err
	}
	switch {
	case s.User != "":
		u, err := mayUser(id, snap, s.User)
		if err != nil {
			return f, err
		}
		f.UserID = u.ID
	case !id.Admin:
		f.UserID = id.UserID
	}
	words := strings.Fields(fold(s.Text))
	number := s.Number
	if id.Admin {
		number = "" // is shown every number
	}
	if s.Slot == "" && s.Seconds == 0 && len(words) == 0 && number == "" {
		return f, nil
	}
	f.Keep = func(r *calls.Record) bool {
		v := recordView(id, snap, r) // nobody finds what is not shown
		if s.Seconds > 0 && (v.AnswerAt.IsZero() || v.End.Sub(v.AnswerAt) < time.Duration(s.Seconds)*time.Second) {
			return false
		}
		if s.Slot != "" && !v.touches(s.Slot) {
			return false
		}
		if number != "" && v.From != number && v.To != number && v.Number != number {
			return false
		}
		return len(words) == 0 || contains(fold(v.text(snap)), words)
	}
	return f, nil
}

func (v *Record) touches(slotID string) bool {
	if v.FromSlot == slotID || v.ToSlot == slotID {
		return true
	}
	for i := range v.Legs {
		if v.Legs[i].SlotID == slotID {
			return true
		}
	}
	return false
}

// text is what a record is found by.
func (v *Record) text(snap *directory.Snapshot) string {
	parts := []string{v.From, v.FromName, v.To, v.Number, v.FromUser, v.ToUser, v.ID, v.SIPCallID}
	for _, name := range []string{v.FromUser, v.ToUser} {
		if u := snap.ByName[name]; u != nil {
			parts = append(parts, u.FullName())
		}
	}
	return strings.Join(parts, "\n")
}

func (a *API) listRecords(ctx context.Context, in *RecordsInput) (*logOutput[Record], error) {
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	id, snap := who(ctx), a.deps.Store.Snapshot()
	f, err := in.filter(ctx, snap)
	if err != nil {
		return nil, err
	}
	f.Limit, f.Cursor = in.Limit, key
	records, next, err := a.deps.Store.ListRecords(ctx, f)
	if err != nil {
		return nil, err
	}
	list := LogPage[Record]{Items: make([]Record, 0, len(records))}
	for i := range records {
		list.Items = append(list.Items, recordView(id, snap, &records[i]))
	}
	if next != "" {
		list.Next = cursor(next)
	}
	if n, known, err := a.deps.Store.CountRecords(ctx, f); err != nil {
		return nil, err
	} else if known {
		list.Total = &n
	}
	return &logOutput[Record]{list}, nil
}

// AuditSieve says which entries of the audit log are wanted.
type AuditSieve struct {
	Period
	Actor      string `query:"actor" maxLength:"64" doc:"Who did it"`
	Action     string `query:"action" maxLength:"32" doc:"create, update, delete, login …"`
	ObjectType string `query:"object_type" maxLength:"32" doc:"user, number, slot, group, call …"`
	ObjectID   string `query:"object_id" maxLength:"128"`
	Text       string `query:"text" maxLength:"100" doc:"Words that must all occur in the entry, before and after included. Case and accents do not count"`
}

type AuditInput struct {
	Page
	AuditSieve
}

func (s *AuditSieve) filter() (AuditFilter, error) {
	f := AuditFilter{
		Actor: s.Actor, Action: s.Action, ObjectType: s.ObjectType, ObjectID: s.ObjectID, Begin: s.From, End: s.To, Ascending: s.Order == "asc",
	}
	if words := strings.Fields(fold(s.Text)); len(words) > 0 {
		f.Keep = func(e *AuditEntry) bool {
			text := strings.Join([]string{e.Actor, e.Source, e.Reason, e.Action, e.ObjectType, e.ObjectID, e.ObjectName, string(e.Before), string(e.After)}, "\n")
			return contains(fold(text), words)
		}
	}
	return f, s.check()
}

func (a *API) listAudit(ctx context.Context, in *AuditInput) (*logOutput[AuditItem], error) {
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	f.Limit, f.Cursor = in.Limit, key
	entries, next, err := a.deps.Store.ListAudit(ctx, f)
	if err != nil {
		return nil, err
	}
	list, snap := LogPage[AuditItem]{Items: make([]AuditItem, 0, len(entries))}, a.deps.Store.Snapshot()
	for _, e := range entries {
		list.Items = append(list.Items, auditItem(snap, e))
	}
	if next != "" {
		list.Next = cursor(next)
	}
	return &logOutput[AuditItem]{list}, nil
}
