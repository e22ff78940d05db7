package api

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

const (
	exportRows  = 200_000 // bounds a table
	exportRead  = 1000    // records that are read at once
	exportFlush = 256     // rows that are written before they are sent
)

// Table is the part of the input of an export that says how the table is written.
type Table struct {
	Delimiter string `query:"delimiter" enum:"semicolon,comma,tab" default:"semicolon"`
}

func (t *Table) comma() rune {
	switch t.Delimiter {
	case "comma":
		return ','
	case "tab":
		return '\t'
	}
	return ';'
}

// rows hands the rows of a table to yield, the names of the columns first, until yield is false.
type rows func(yield func(row []string) bool) error

// export is one table.
type export struct {
	name   string
	access access
}

// registerTable adds an operation that answers a table. prepare looks at the input before anything is sent.
func registerTable[I any](a *API, t export, table func(*I) *Table, prepare func(context.Context, *I) (rows, error)) {
	o := operation{
		id: "export-" + t.name, method: http.MethodGet, path: "/api/export/" + t.name + ".csv", tag: "system", access: t.access,
		summary: "Export " + t.name + " as a table",
		doc: "The filters and the order are those of the list; limit, offset and cursor have no effect. The text is UTF-8 with a byte order mark, so that spreadsheets " +
			"read it rightly; values that a spreadsheet would take for a formula begin with an apostrophe. Bounded to 200,000 rows.",
	}
	op := o.huma()
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The table", Content: map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		all, err := prepare(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return &huma.StreamResponse{Body: func(hctx huma.Context) {
			_, w := humago.Unwrap(hctx)
			h := w.Header()
			h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
			h.Set("Content-Disposition", `attachment; filename="`+t.name+"-"+time.Now().Format(time.DateOnly)+`.csv"`)
			h.Set("Cache-Control", "no-store")
			if err := writeTable(w, table(in).comma(), all); err != nil {
				a.log.DebugContext(ctx, "export ended", "table", t.name, "err", err)
				panic(http.ErrAbortHandler) // who reads it must not take a part for the whole
			}
		}}, nil
	})
}

// writeTable sends rows as they come.
func writeTable(w http.ResponseWriter, comma rune, all rows) error {
	control := http.NewResponseController(w)
	buf := bufio.NewWriterSize(w, 32<<10)
	if _, err := buf.WriteString("\uFEFF"); err != nil {
		return err
	}
	out := csv.NewWriter(buf)
	out.Comma, out.UseCRLF = comma, true
	n := 0
	var failed error
	err := all(func(row []string) bool {
		if n%exportFlush == 0 {
			_ = control.SetWriteDeadline(time.Now().Add(streamWrite)) // as long as it is read, it goes on
		}
		if n++; n > exportRows+1 {
			return false
		}
		for i := range row {
			row[i] = harmless(row[i])
		}
		failed = out.Write(row)
		return failed == nil
	})
	if failed == nil {
		failed = err
	}
	if failed != nil {
		return failed
	}
	if out.Flush(); out.Error() != nil {
		return out.Error()
	}
	return buf.Flush()
}

// harmless keeps a spreadsheet from taking a value for a formula. A number in international form is none.
func harmless(v string) string {
	if v == "" || !strings.ContainsRune("=+-@\t\r\n", rune(v[0])) {
		return v
	}
	if digits, ok := strings.CutPrefix(v, "+"); ok && digits != "" && strings.Trim(digits, "0123456789") == "" {
		return v
	}
	return "'" + v
}

// tableOf makes rows of what a list has found.
func tableOf[T any](f found[T], columns []string, row func(T) []string) rows {
	return func(yield func([]string) bool) error {
		if !yield(columns) {
			return nil
		}
		for _, p := range f.items {
			if !yield(row(p.item)) {
				return nil
			}
		}
		return nil
	}
}

func yesNo(is bool) string {
	if is {
		return "1"
	}
	return "0"
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Inputs of the exports.
type (
	usersTable struct {
		UsersInput
		Table
	}
	numbersTable struct {
		NumbersInput
		Table
	}
	slotsTable struct {
		SlotsInput
		Table
	}
	groupsTable struct {
		GroupsInput
		Table
	}
	huntGroupsTable struct {
		HuntGroupsInput
		Table
	}
	pickupGroupsTable struct {
		PickupGroupsInput
		Table
	}
	recordsTable struct {
		RecordsInput
		Table
	}
	auditTable struct {
		AuditInput
		Table
	}
)

func (a *API) registerExport() {
	registerTable(a, export{"users", adminOnly}, func(in *usersTable) *Table { return &in.Table }, a.exportUsers)
	registerTable(a, export{"numbers", ownOnly}, func(in *numbersTable) *Table { return &in.Table }, a.exportNumbers)
	registerTable(a, export{"slots", ownOnly}, func(in *slotsTable) *Table { return &in.Table }, a.exportSlots)
	registerTable(a, export{"groups", adminOnly}, func(in *groupsTable) *Table { return &in.Table }, a.exportGroups)
	registerTable(a, export{"huntgroups", adminOnly}, func(in *huntGroupsTable) *Table { return &in.Table }, a.exportHuntGroups)
	registerTable(a, export{"pickupgroups", adminOnly}, func(in *pickupGroupsTable) *Table { return &in.Table }, a.exportPickupGroups)
	registerTable(a, export{"cdrs", ownOnly}, func(in *recordsTable) *Table { return &in.Table }, a.exportRecords)
	registerTable(a, export{"audit", adminOnly}, func(in *auditTable) *Table { return &in.Table }, a.exportAudit)
}

func (a *API) exportUsers(_ context.Context, in *usersTable) (rows, error) {
	snap := a.deps.Store.Snapshot()
	users, err := a.foundUsers(snap, &in.UsersInput)
	if err != nil {
		return nil, err
	}
	_, live := a.deps.Routing()
	columns := []string{"username", "first_name", "last_name", "email", "language", "time_zone", "dnd", "admin", "numbers", "slots", "registered", "in_call", "created", "updated"}
	return tableOf(users, columns, func(u *directory.User) []string {
		var slots []string
		for _, id := range snap.Columns[u.ID] {
			slots = append(slots, string(snap.Slots[id].Type))
		}
		isRegistered, inCall := userState(snap, live, u.ID)
		return []string{
			u.Username, u.FirstName, u.LastName, u.Email, u.Language, u.TimeZone, yesNo(u.DND), yesNo(snap.IsAdmin(u.ID)), strings.Join(snap.Rows[u.ID], " "),
			strings.Join(slots, " "), yesNo(isRegistered), yesNo(inCall), stamp(u.Created), stamp(u.Updated),
		}
	}), nil
}

func (a *API) exportNumbers(ctx context.Context, in *numbersTable) (rows, error) {
	snap := a.deps.Store.Snapshot()
	numbers, err := a.foundNumbers(ctx, snap, &in.NumbersInput)
	if err != nil {
		return nil, err
	}
	_, live := a.deps.Routing()
	now := time.Now()
	columns := []string{"number", "owner_type", "owner", "owner_name", "display_name", "slots", "state", "forwarding", "call_waiting", "busy_on_any", "max_calls"}
	return tableOf(numbers, columns, func(n *directory.Number) []string {
		v := a.numberView(snap, n)
		return []string{
			n.Number, string(n.OwnerType), v.Owner, ownerFullName(snap, n), n.DisplayName, strconv.Itoa(len(snap.Ticks[n.Number])), string(numberState(snap, live, n)),
			a.profileName(snap, n, now), yesNo(n.CallWaiting), yesNo(n.BusyOnAny), strconv.Itoa(n.MaxCalls),
		}
	}), nil
}

func (a *API) exportSlots(ctx context.Context, in *slotsTable) (rows, error) {
	snap := a.deps.Store.Snapshot()
	slots, err := a.foundSlots(ctx, snap, &in.SlotsInput)
	if err != nil {
		return nil, err
	}
	_, live := a.deps.Routing()
	columns := []string{"id", "username", "full_name", "type", "name", "numbers", "default_number", "mobile_number", "sip_username", "dnd", "registered", "agent", "address", "transport", "in_call"}
	return tableOf(slots, columns, func(s slotWithContacts) []string {
		v := a.slotItem(snap, live, s.Slot, s.contacts)
		return []string{
			v.ID, v.Username, v.FullName, string(v.Type), v.Name, strings.Join(v.Numbers, " "), v.DefaultNumber, v.MobileNumber, s.SIPUsername, yesNo(v.DND),
			yesNo(v.Registered), v.Agent, v.Address, v.Transport, yesNo(v.InCall),
		}
	}), nil
}

func (a *API) exportGroups(_ context.Context, in *groupsTable) (rows, error) {
	columns := []string{"name", "title", "type", "built_in", "member_count", "group_count", "permission_count"}
	return tableOf(foundGroups(a.deps.Store.Snapshot(), &in.GroupsInput), columns, func(g GroupItem) []string {
		return []string{g.Name, g.Title, string(g.Type), yesNo(g.BuiltIn), strconv.Itoa(g.Members), strconv.Itoa(g.Groups), strconv.Itoa(g.Grants)}
	}), nil
}

func (a *API) exportHuntGroups(_ context.Context, in *huntGroupsTable) (rows, error) {
	columns := []string{"id", "name", "number", "strategy", "members", "member_seconds", "seconds"}
	return tableOf(foundHuntGroups(a.deps.Store.Snapshot(), &in.HuntGroupsInput), columns, func(h *directory.HuntGroup) []string {
		return []string{h.ID, h.Name, h.Number, string(h.Strategy), strings.Join(h.Members, " "), strconv.Itoa(h.MemberSeconds), strconv.Itoa(h.Seconds)}
	}), nil
}

func (a *API) exportPickupGroups(_ context.Context, in *pickupGroupsTable) (rows, error) {
	snap := a.deps.Store.Snapshot()
	return tableOf(foundPickupGroups(snap, &in.PickupGroupsInput), []string{"id", "name", "users"}, func(g *directory.PickupGroup) []string {
		v := pickupGroupView(snap, g)
		return []string{v.ID, v.Name, strings.Join(v.Users, " ")}
	}), nil
}

// exportRecords reads the records page by page as they are sent.
func (a *API) exportRecords(ctx context.Context, in *recordsTable) (rows, error) {
	id, snap := who(ctx), a.deps.Store.Snapshot()
	f, err := in.filter(ctx, snap)
	if err != nil {
		return nil, err
	}
	f.Limit = exportRead
	page, next, err := a.deps.Store.ListRecords(ctx, f) // a database that is away is told before anything is sent
	if err != nil {
		return nil, err
	}
	columns := []string{
		"id", "start", "ring_at", "answer_at", "end", "seconds", "class", "from", "from_name", "from_user", "to", "number", "to_user", "result", "status", "hangup_by", "forwards",
	}
	return func(yield func([]string) bool) error {
		if !yield(columns) {
			return nil
		}
		for {
			for i := range page {
				v := recordView(id, snap, &page[i])
				if !yield(recordRow(&v)) {
					return nil
				}
			}
			if next == "" {
				return nil
			}
			f.Cursor = next
			if page, next, err = a.deps.Store.ListRecords(ctx, f); err != nil {
				return fmt.Errorf("reading call records: %w", err)
			}
		}
	}, nil
}

func recordRow(v *Record) []string {
	seconds := ""
	if !v.AnswerAt.IsZero() && !v.End.IsZero() {
		seconds = strconv.Itoa(int(v.End.Sub(v.AnswerAt).Round(time.Second).Seconds()))
	}
	var forwards []string
	for _, f := range v.Forwards {
		forwards = append(forwards, f.From)
	}
	return []string{
		v.ID, stamp(v.Start), stamp(v.RingAt), stamp(v.AnswerAt), stamp(v.End), seconds, v.Class, v.From, v.FromName, v.FromUser, v.To, v.Number, v.ToUser,
		string(v.Result), strconv.Itoa(v.Status), v.HangupBy, strings.Join(forwards, " "),
	}
}

func (a *API) exportAudit(ctx context.Context, in *auditTable) (rows, error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	f.Limit = exportRead
	page, next, err := a.deps.Store.ListAudit(ctx, f)
	if err != nil {
		return nil, err
	}
	columns := []string{"id", "at", "revision", "actor", "source", "reason", "action", "object_type", "object_id", "object_name", "before", "after"}
	return func(yield func([]string) bool) error {
		if !yield(columns) {
			return nil
		}
		for {
			for i := range page {
				e := &page[i]
				row := []string{
					e.ID, stamp(e.At), strconv.FormatInt(e.Revision, 10), e.Actor, e.Source, e.Reason, e.Action, e.ObjectType, e.ObjectID, e.ObjectName, string(e.Before), string(e.After),
				}
				if !yield(row) {
					return nil
				}
			}
			if next == "" {
				return nil
			}
			f.Cursor = next
			if page, next, err = a.deps.Store.ListAudit(ctx, f); err != nil {
				return fmt.Errorf("reading the audit log: %w", err)
			}
		}
	}, nil
}
