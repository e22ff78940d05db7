package storetest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

var start = time.Date(2026, 11, 23, 10, 0, 0, 123456000, time.UTC)

// Record returns the finished call record number i; ID and times grow with i.
func Record(i int) calls.Record {
	at := start.Add(time.Duration(i) * time.Minute)
	return calls.Record{
		ID: recordID(i, at), Start: at, RingAt: at.Add(time.Second), AnswerAt: at.Add(2 * time.Second), End: at.Add(time.Minute),
		Class: "inside", From: "416", FromName: "Armin Artmann", FromUser: "u1", FromSlot: "s1", To: "417", Number: "417", ToUser: "u2", ToSlot: "s2",
		Result: calls.Answered, Status: 200, HangupBy: "caller", Cause: "normal", SIPCallID: "x@y", Reasons: json.RawMessage(`[{"code":"ring"}]`),
		Legs:        []calls.Leg{{SlotID: "s2", Contact: "sip:s2@127.0.0.1", Start: at, End: at.Add(time.Minute), Status: 200, Result: "answered"}},
		MediaCaller: &calls.Media{Codec: "PCMA", Packets: 3000, JitterMS: 0.5},
	}
}

// recordID is an ID as calls have it: it begins with the time.
func recordID(i int, at time.Time) string {
	var id ulid.ULID
	_ = id.SetTime(uint64(at.UnixMilli()))
	binary.BigEndian.PutUint32(id[12:], uint32(i))
	return id.String()
}

// begun returns the record as it is written when the call enters.
func begun(c calls.Record) calls.Record {
	return calls.Record{ID: c.ID, Start: c.Start, Class: c.Class, From: c.From, FromUser: c.FromUser, To: c.To}
}

func insert(t *testing.T, st *store.Store, records ...calls.Record) {
	t.Helper()
	if err := st.InsertRecords(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, st *store.Store, f store.RecordFilter) (ids []string) {
	t.Helper()
	for {
		page, next, err := st.ListRecords(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page {
			ids = append(ids, c.ID)
		}
		if next == "" {
			return ids
		}
		f.Cursor = next
	}
}

func records(t *testing.T, database string) {
	st := Open(t, Config(t, database))
	want := Record(1)
	insert(t, st, want)
	got, err := st.GetRecord(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if _, err := st.GetRecord(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no such record: got %v, want ErrNotFound", err)
	}
	for name, c := range map[string]calls.Record{"no ID": {Start: start}, "no start": {ID: "x"}, "long ID": {ID: fmt.Sprintf("%027d", 1), Start: start}} {
		t.Run(name, func(t *testing.T) { invalidField(t, st.InsertRecords(t.Context(), []calls.Record{Record(2), c}), "id") })
	}
	if ids := list(t, st, store.RecordFilter{}); len(ids) != 1 {
		t.Errorf("records after a refused batch: got %v", ids)
	}
	insert(t, st) // none is fine
	long := Record(3)
	long.From, long.FromName = fmt.Sprintf("+%0500d", 1), "\U0001F4DE"+fmt.Sprintf("%01000d", 1)
	insert(t, st, long)
	if got, err := st.GetRecord(t.Context(), long.ID); err != nil || got.From != long.From {
		t.Errorf("record with a long caller: %v", err)
	}
}

func recordsRepeated(t *testing.T, database string) {
	st := Open(t, Config(t, database))
	var begins, ends []calls.Record
	for i := range 250 {
		ends = append(ends, Record(i))
		begins = append(begins, begun(Record(i)))
	}
	insert(t, st, begins[:100]...)
	insert(t, st, append(begins[50:], begins[:10]...)...) // partly known, partly doubled
	insert(t, st, append(ends[:200], begins...)...)       // an end and a late start together
	insert(t, st, begins...)                              // late starts replace nothing
	insert(t, st, ends...)
	changed := Record(0)
	changed.Cause = "rewritten"
	insert(t, st, changed) // nor does a second end
	if ids := list(t, st, store.RecordFilter{Limit: 70}); len(ids) != 250 || ids[0] != ends[249].ID || ids[249] != ends[0].ID {
		t.Errorf("got %d records, want 250, newest first", len(ids))
	}
	got, _, err := st.ListRecords(t.Context(), store.RecordFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if diff := cmp.Diff(ends[249-i], got[i]); diff != "" {
			t.Fatalf("record %d (-want +got):\n%s", 249-i, diff)
		}
	}
}

func recordLists(t *testing.T, database string) {
	st := Open(t, Config(t, database))
	var all []calls.Record
	for i := range 60 {
		c := Record(i)
		switch i % 3 {
		case 1:
			c.From, c.FromUser, c.Result = "418", "u3", calls.Busy
		case 2:
			c.To, c.Number, c.ToUser, c.Class = "0661", "418", "u1", "outside"
		}
		all = append(all, c)
	}
	all[59] = begun(all[59])
	insert(t, st, all...)
	tests := []struct {
		name   string
		filter store.RecordFilter
		keep   func(c calls.Record) bool
	}{
		{"all", store.RecordFilter{}, func(calls.Record) bool { return true }},
		{"number as caller or taker", store.RecordFilter{Number: "418"}, func(c calls.Record) bool { return c.From == "418" || c.Number == "418" }},
		{"number dialled", store.RecordFilter{Number: "0661"}, func(c calls.Record) bool { return c.To == "0661" }},
		{"user on either side", store.RecordFilter{User: "u1"}, func(c calls.Record) bool { return c.FromUser == "u1" || c.ToUser == "u1" }},
		{"user and number", store.RecordFilter{User: "u3", Number: "418"}, func(c calls.Record) bool { return c.FromUser == "u3" }},
		{"result", store.RecordFilter{Result: calls.Busy}, func(c calls.Record) bool { return c.Result == calls.Busy }},
		{"class", store.RecordFilter{Class: "outside"}, func(c calls.Record) bool { return c.Class == "outside" }},
		{"upwards", store.RecordFilter{Ascending: true}, func(calls.Record) bool { return true }},
		{"user upwards", store.RecordFilter{User: "u1", Ascending: true}, func(c calls.Record) bool { return c.FromUser == "u1" || c.ToUser == "u1" }},
		{"from", store.RecordFilter{Begin: all[20].Start}, func(c calls.Record) bool { return !c.Start.Before(all[20].Start) }},
		{"until", store.RecordFilter{End: all[20].Start, Ascending: true}, func(c calls.Record) bool { return c.Start.Before(all[20].Start) }},
		{"a time, and a number", store.RecordFilter{Begin: all[10].Start, End: all[40].Start, Number: "418"}, func(c calls.Record) bool {
			return !c.Start.Before(all[10].Start) && c.Start.Before(all[40].Start) && (c.From == "418" || c.Number == "418")
		}},
		{"a time of no call", store.RecordFilter{Begin: all[59].Start.AddDate(1, 0, 0)}, func(calls.Record) bool { return false }},
		{"by what is looked at", store.RecordFilter{Keep: func(c *calls.Record) bool { return c.To == "0661" }}, func(c calls.Record) bool { return c.To == "0661" }},
		{"nobody", store.RecordFilter{User: "x' OR 1=1 --"}, func(calls.Record) bool { return false }},
	}
	for _, test := range tests {
		for _, limit := range []int{0, 7} {
			t.Run(fmt.Sprintf("%s by %d", test.name, limit), func(t *testing.T) {
				var want []string
				for i := len(all) - 1; i >= 0; i-- {
					if test.keep(all[i]) {
						want = append(want, all[i].ID)
					}
				}
				if test.filter.Ascending {
					slices.Reverse(want)
				}
				if n, known, err := st.CountRecords(t.Context(), test.filter); err != nil || known && n != len(want) {
					t.Errorf("%d counted, %v, want %d", n, err, len(want))
				}
				test.filter.Limit = limit
				if diff := cmp.Diff(want, list(t, st, test.filter)); diff != "" {
					t.Errorf("records (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// outcomes checks what is told of calls before a mark, and where it ends.
func outcomes(t *testing.T, database string) {
	st := Open(t, Config(t, database))
	if mark, err := st.Mark(t.Context()); err != nil || mark != 0 {
		t.Errorf("of no records: mark %d, %v", mark, err)
	}
	var all []calls.Record
	for i := range 20 {
		c := Record(i)
		if i%2 == 1 {
			c.Result = calls.Busy
		}
		all = append(all, c)
	}
	all[15] = begun(all[15])
	insert(t, st, all[:18]...)
	mark, err := st.Mark(t.Context())
	if err != nil || mark != 18 {
		t.Errorf("mark %d, %v", mark, err)
	}
	insert(t, st, all[18:]...)
	for name, test := range map[string]struct {
		since time.Time
		limit int
		want  []int
	}{
		"until a time": {all[13].End, 100, []int{17, 16, 14, 13}},
		"so many":      {time.Time{}, 2, []int{17, 16}},
	} {
		var want, got []string
		for _, i := range test.want {
			want = append(want, fmt.Sprint(all[i].Start.UnixMilli(), all[i].Result))
		}
		err := st.Outcomes(t.Context(), test.since, mark, test.limit, func(start time.Time, result calls.Result) {
			got = append(got, fmt.Sprint(start.UnixMilli(), result))
		})
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// recordsFromNodes writes records through two stores at once.
func recordsFromNodes(t *testing.T, database string) {
	cfg := Config(t, database)
	const batches, size = 15, 20
	var writers sync.WaitGroup
	for node := range 2 {
		st := Open(t, cfg)
		writers.Go(func() {
			for b := range batches {
				var batch []calls.Record
				for i := range size {
					batch = append(batch, Record((2*b+node)*size+i))
				}
				err := errors.New("not tried")
				for try := 0; err != nil && try < 20; try++ { // as the writer of the records does
					err = st.InsertRecords(t.Context(), batch)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	ids := list(t, Open(t, cfg), store.RecordFilter{})
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != 2*batches*size || len(ids) != n {
		t.Errorf("%d records, %d of them different, want %d", len(ids), n, 2*batches*size)
	}
}

// recordBlocks searches among more records than lie in one part of the indexes.
func recordBlocks(t *testing.T, database string) {
	st := Open(t, Config(t, database))
	const count, step = 25_000, 1000
	var rare, common []string
	for from := 0; from < count; from += step {
		var batch []calls.Record
		for i := from; i < from+step; i++ {
			c := Record(i)
			c.Reasons, c.Legs, c.MediaCaller, c.From = nil, nil, nil, "4711"
			if i%9000 == 5 {
				c.To, c.Number, c.ToUser = "0661", "500", "seldom"
				rare = append(rare, c.ID)
			}
			batch = append(batch, c)
			common = append(common, c.ID)
		}
		insert(t, st, batch...)
	}
	late := Record(3)
	late.ID, late.To, late.Number, late.ToUser = "0", "0661", "500", "seldom"
	insert(t, st, late)
	rare = append(rare, late.ID) // written last, whenever it began
	slices.Reverse(rare)
	slices.Reverse(common)
	for name, f := range map[string]store.RecordFilter{
		"dialled": {Number: "0661"}, "taken": {Number: "500", Limit: 1}, "user": {User: "seldom", Limit: 2}, "both": {User: "seldom", Number: "500"},
		"result": {Number: "0661", Result: calls.Answered},
	} {
		if diff := cmp.Diff(rare, list(t, st, f)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	looked := 0
	if ids := list(t, st, store.RecordFilter{Limit: 5, Keep: func(c *calls.Record) bool { looked++; return c.ToUser == "seldom" }}); !slices.Equal(ids, rare) || looked < count {
		t.Errorf("looked at %d records one by one, and found %v, want %v", looked, ids, rare)
	}
	if ids := list(t, st, store.RecordFilter{Number: "nobody"}); len(ids) != 0 {
		t.Errorf("records of nobody: %v", ids)
	}
	if ids := list(t, st, store.RecordFilter{Number: "4711", Limit: 1000}); !slices.Equal(ids, common) {
		t.Errorf("%d records of a number that all have, want %d, newest first", len(ids), len(common))
	}
	_, _, err := st.ListRecords(t.Context(), store.RecordFilter{Cursor: "x"})
	invalidField(t, err, "cursor")
}

func sessions(t *testing.T, database string) {
	now := start
	cfg := Config(t, database)
	cfg.Now = func() time.Time { return now }
	st := Open(t, cfg)
	user := st.Snapshot().ByName[store.Supervisor].ID
	hash := [32]byte{1, 2, 3}
	s := store.Session{TokenHash: hash, UserID: user, IdleUntil: now.Add(10 * time.Minute), Expires: now.Add(15 * time.Minute), Remote: "192.0.2.1", Agent: "a\r\nb"}
	if err := st.CreateSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	want := s
	want.Created, want.Seen, want.Agent = now, now, "a  b"
	got, err := st.GetSession(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
	gone := func(what string) {
		t.Helper()
		if _, err := st.GetSession(t.Context(), hash); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", what, err)
		}
	}
	now = start.Add(9 * time.Minute)
	if err := st.TouchSession(t.Context(), hash, now.Add(10*time.Minute)); err != nil {
		t.Error(err)
	}
	now = start.Add(14 * time.Minute)
	if _, err := st.GetSession(t.Context(), hash); err != nil {
		t.Errorf("session in use: %v", err)
	}
	now = start.Add(15 * time.Minute)
	gone("session past its end")
	if err := st.TouchSession(t.Context(), hash, now.Add(time.Hour)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("touching a session past its end: got %v, want ErrNotFound", err)
	}
	now = start
	if err := st.DeleteSession(t.Context(), hash); err != nil {
		t.Error(err)
	}
	gone("deleted session")
	if err := st.CreateSession(t.Context(), store.Session{UserID: "nobody"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("session of nobody: got %v, want ErrNotFound", err)
	}

	for i := range 3 {
		s.TokenHash = [32]byte{byte(i)}
		if err := st.CreateSession(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	listed, err := st.ListSessions(t.Context(), user)
	if err != nil || len(listed) != 3 || listed[0].TokenHash != [32]byte{0} || listed[2].Remote != "192.0.2.1" {
		t.Errorf("list: got %+v and %v", listed, err)
	}
	now = start.Add(15 * time.Minute)
	if listed, err := st.ListSessions(t.Context(), user); err != nil || len(listed) != 0 {
		t.Errorf("list of sessions past their end: got %+v and %v", listed, err)
	}
	now = start
	if err := st.DeleteUserSessions(t.Context(), user, [32]byte{2}); err != nil {
		t.Error(err)
	}
	hash = [32]byte{1}
	gone("session of a user who ended all others")
	hash = [32]byte{2}
	if _, err := st.GetSession(t.Context(), hash); err != nil {
		t.Errorf("the session that was to stay: %v", err)
	}
	f := &fixture{t: t, cfg: cfg, st: st}
	f.update(func(tx *store.Tx) error { return tx.SetPassword(store.Supervisor, "hash") })
	gone("session after a new password")
}

func tokens(t *testing.T, database string) {
	now := start
	cfg := Config(t, database)
	cfg.Now = func() time.Time { return now }
	st := Open(t, cfg)
	user := st.Snapshot().ByName[store.Supervisor].ID
	made, err := st.CreateToken(t.Context(), by, store.Token{TokenHash: [32]byte{7}, UserID: user, Name: "monitor", Scopes: []string{"calls:read"}, Expires: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := st.GetToken(t.Context(), [32]byte{7})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, got); diff != "" {
		t.Errorf("token (-made +got):\n%s", diff)
	}
	if err := st.TouchToken(t.Context(), made.ID); err != nil {
		t.Error(err)
	}
	all, err := st.ListTokens(t.Context(), user)
	if err != nil || len(all) != 1 || !all[0].Used.Equal(now) {
		t.Errorf("list: got %+v and %v", all, err)
	}
	now = now.Add(time.Hour)
	if _, err := st.GetToken(t.Context(), [32]byte{7}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("expired token: got %v, want ErrNotFound", err)
	}
	if err := st.DeleteToken(t.Context(), by, made.ID); err != nil {
		t.Error(err)
	}
	if err := st.DeleteToken(t.Context(), by, made.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("second deletion: got %v, want ErrNotFound", err)
	}
	entries, _, err := st.ListAudit(t.Context(), store.AuditFilter{ObjectType: "token", ObjectID: made.ID})
	if err != nil || len(entries) != 2 || entries[0].Action != "delete" || entries[1].Action != "create" {
		t.Errorf("audit: got %+v and %v", entries, err)
	}
	if _, err := st.CreateToken(t.Context(), by, store.Token{UserID: user}); err == nil {
		t.Error("a token without a name was accepted")
	}
}
