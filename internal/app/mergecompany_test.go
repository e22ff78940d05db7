package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/app/adopt"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/legacy"
	"github.com/koppelfeld/koppelfeld/internal/legacy/legacytest"
	"github.com/koppelfeld/koppelfeld/internal/merge"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
	"github.com/koppelfeld/koppelfeld/routing"
)

// company45 is the example company of 4.5, converted into a fresh database of 5.
func company45(t *testing.T) (cfg config.Config, report *legacy.Report) {
	t.Helper()
	server := storetest.ServerFor(t)
	old, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	legacytest.Load(t, old)
	source, err := legacy.Open(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	data, err := source.Read(t.Context())
	if err := errors.Join(err, source.Close()); err != nil {
		t.Fatal(err)
	}
	c := legacy.Convert(data, legacy.Options{Country: "49", Zone: "Europe/Berlin", AcceptUnsupported: true})
	sc := storetest.Config(t, "sqlite")
	cfg = config.Config{DataDir: sc.DataDir, Database: sc.Database}
	st, err := openStore(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := adopt.Into(t.Context(), st, c, store.Change{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	return cfg, legacy.NewReport(c, "test", "test", time.Now(), 0)
}

func (o Merges) json(t *testing.T, cfg config.Config, into any) {
	t.Helper()
	var out bytes.Buffer
	o.JSON = true
	if err := MergeList(t.Context(), cfg, &out, o); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		t.Fatal(err)
	}
}

// TestTheCompanyOf45IsMerged goes the way of an administrator after the upgrade, on the command line: what the report of the upgrade proposed is proposed,
// 416, 4161 and 4162 are Armin Artmann's with a desk, a DECT and a mobile slot, and all can be taken back.
func TestTheCompanyOf45IsMerged(t *testing.T) {
	cfg, report := company45(t)
	all := Merges{All: true}
	var found []merge.Proposal
	all.json(t, cfg, &found)
	if len(found) != len(report.Proposals) || len(found) != 4 {
		t.Fatalf("%d proposals, the report had %d", len(found), len(report.Proposals))
	}
	for i, p := range found {
		want := report.Proposals[i]
		if p.Kept != want.Kept || p.Certainty != want.Certainty || len(p.Accounts) != len(want.Accounts) || len(p.Slots) != len(want.Slots) {
			t.Errorf("%+v, the report had %+v", p, want)
		}
		for _, n := range p.Numbers {
			if len(n.Ticks) != len(want.Ticks[n.Number]) {
				t.Errorf("%s would ring %v, in the report %v", n.Number, n.Ticks, want.Ticks[n.Number])
			}
		}
	}
	var out bytes.Buffer
	if err := MergeShow(t.Context(), cfg, &out, Merges{Names: []string{"armin.artmann.d"}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"416     x             +             +", "4161    .             x             .", "parallel call to 4161, 4162 is needless", "name suffix .m"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("show lacks %q:\n%s", want, out.String())
		}
	}
	snapshot := func() *directory.Snapshot {
		t.Helper()
		st, err := openStore(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		return st.Snapshot()
	}
	before := snapshot()
	out.Reset()
	if err := MergeAccept(t.Context(), cfg, &out, Merges{Names: []string{"armin.artmann"}, Fingerprint: "other"}); err == nil || snapshot().Revision != before.Revision {
		t.Errorf("merged although it differs from what was shown: %v", err)
	}
	if err := MergeAccept(t.Context(), cfg, &out, Merges{Certain: true, JSON: true}); err != nil {
		t.Fatal(err)
	}
	var done []struct{ Kept, Merge string }
	if err := json.Unmarshal(out.Bytes(), &done); err != nil || len(done) != 4 {
		t.Fatalf("%v: %s", err, out.String())
	}
	now := snapshot()
	armin := now.ByName["armin.artmann"]
	if !slices.Equal(now.Rows[armin.ID], []string{"416", "4161", "4162"}) || now.ByName["armin.artmann.d"] != nil || now.ByName["armin.artmann.m"] != nil {
		t.Errorf("numbers of armin.artmann: %v", now.Rows[armin.ID])
	}
	var picture []string
	for _, number := range now.Rows[armin.ID] {
		line := number
		for _, id := range now.Ticks[number] {
			line += " " + string(now.Slots[id].Type)
		}
		picture = append(picture, line)
	}
	if want := []string{"416 desk dect mobile", "4161 dect", "4162 mobile"}; !slices.Equal(picture, want) {
		t.Errorf("matrix %q, want %q", picture, want)
	}
	for id, s := range now.Slots {
		if was := before.Slots[id]; was == nil || was.SIPUsername != s.SIPUsername || was.SIPSecret != s.SIPSecret {
			t.Errorf("slot %s has another SIP account", id)
		}
	}
	for _, id := range now.ProfilesOf[armin.ID] {
		for _, r := range now.Profiles[id].Table {
			if r.Action.Kind == directory.ToParallel {
				t.Errorf("a parallel call is left: %+v", r)
			}
		}
	}
	ralf := now.ByName["ralf.ranke"]
	if rest := now.Profiles[now.ProfilesOf[ralf.ID][0]].Table[0].Action; rest.Kind != directory.ToParallel || !slices.Equal(rest.Numbers, []string{"413"}) {
		t.Errorf("the call of a colleague beside his own phones: %+v", rest)
	}
	table, err := Table(cfg, now)
	if err != nil {
		t.Fatal(err)
	}
	plan := table.Decide(routing.Request{Called: "416", Caller: routing.Caller{Class: routing.Outside}, At: time.Now()}, everybody{})
	if len(plan.Targets) < 2 {
		t.Errorf("416 rings %+v", plan.Targets)
	}
	for _, d := range slices.Backward(done) {
		if err := MergeUndo(t.Context(), cfg, &out, d.Merge); err != nil {
			t.Fatal(err)
		}
	}
	after := snapshot()
	if got, want := slices.Sorted(maps.Keys(after.ByName)), slices.Sorted(maps.Keys(before.ByName)); !slices.Equal(got, want) {
		t.Errorf("users %v, before %v", got, want)
	}
	for name, u := range before.ByName {
		back := after.ByName[name]
		if back.ID != u.ID || back.PINHash != u.PINHash || back.PasswordHash != u.PasswordHash || !slices.Equal(after.Rows[u.ID], before.Rows[u.ID]) || !slices.Equal(after.MemberOf[u.ID], before.MemberOf[u.ID]) {
			t.Errorf("%s is not as before: %+v", name, back)
		}
	}
	if err := MergeUndo(t.Context(), cfg, &out, done[0].Merge); err == nil {
		t.Error("undone twice")
	}
	if err := MergeReject(t.Context(), cfg, &out, Merges{Names: []string{found[0].ID}}); err != nil {
		t.Fatal(err)
	}
	if all.json(t, cfg, &found); len(found) != 3 {
		t.Errorf("%d proposals after one was rejected", len(found))
	}
	for _, bad := range []Merges{{}, {Names: []string{"nobody"}}, {Names: []string{"x"}, All: true}} {
		if err := MergeAccept(t.Context(), cfg, &out, bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}
