package adopt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/app/adopt"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/legacy"
	"github.com/koppelfeld/koppelfeld/internal/legacy/legacytest"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

var by = store.Change{Actor: "root", Source: "upgrade"}

// convert reads the 4.5 at dsn.
func convert(t testing.TB, dsn string) (*legacy.Conversion, *legacy.Report) {
	t.Helper()
	src, err := legacy.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	data, err := src.Read(t.Context())
	if err := errors.Join(err, src.Close()); err != nil {
		t.Fatal(err)
	}
	c := legacy.Convert(data, legacy.Options{Country: "49", Zone: "Europe/Berlin", AcceptUnsupported: true})
	return c, legacy.NewReport(c, "test", "test", time.Now(), 0)
}

// TestCompany takes the example company over into both databases.
func TestCompany(t *testing.T) {
	server := storetest.ServerFor(t)
	old, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	legacytest.Load(t, old)
	c, report := convert(t, old)
	mysql, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, database := range map[string]string{"sqlite": "sqlite", "mysql": mysql} {
		t.Run(name, func(t *testing.T) {
			cfg := storetest.Config(t, database)
			st := storetest.Open(t, cfg)
			if _, err := adopt.Into(t.Context(), st, c, by); err != nil {
				t.Fatal(err)
			}
			if d := adopt.Differences(report.Migrated, adopt.Counted(st.Snapshot(), c)); d != "" {
				t.Errorf("the store differs from the report: %s", d)
			}
			again, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if d := adopt.Differences(report.Migrated, adopt.Counted(again.Snapshot(), c)); d != "" {
				t.Errorf("what was loaded differs from the report: %s", d)
			}
			company(t, again.Snapshot())
			if _, err := adopt.Into(t.Context(), st, c, by); !errors.Is(err, adopt.ErrInUse) {
				t.Errorf("a second time: got %v, want ErrInUse", err)
			}
		})
	}
}

// company looks at what is in the new system.
func company(t *testing.T, s *directory.Snapshot) {
	t.Helper()
	u := s.ByName["armin.artmann"]
	if u == nil || !slices.Equal(s.Rows[u.ID], []string{"416"}) || len(s.Columns[u.ID]) != 1 {
		t.Fatalf("armin.artmann: got %+v", u)
	}
	slot := s.Slots[s.Columns[u.ID][0]]
	if slot.SIPUsername != "416" || slot.SIPSecret == "" || !s.Ticked("416", slot.ID) {
		t.Errorf("slot of 416: got %+v", slot)
	}
	if n := s.Numbers["416"]; n.RingInside != "Bellcore-dr1" || n.RingOutside != "Bellcore-dr3" || n.ProfileID != "" {
		t.Errorf("416: got %+v", n)
	}
	if err := secret.NewPasswords(1).Verify(context.Background(), u.PINHash, "471163"); err != nil {
		t.Errorf("PIN of armin.artmann: %v", err)
	}
	boss := s.ByName[store.Supervisor]
	if boss.LastName != "Rudolf" || !s.IsAdmin(boss.ID) || !slices.Equal(s.Rows[boss.ID], []string{"410"}) || slices.Contains(s.MemberOf[boss.ID], directory.VisibleUsers) {
		t.Errorf("supervisor: got %+v in %v", boss, s.MemberOf[boss.ID])
	}
	if got := len(s.Members[directory.VisibleUsers]); got != 4 {
		t.Errorf("visible users: got %d, want 4", got)
	}
	for _, p := range s.Profiles {
		for _, r := range p.Extended {
			if r.When.Calendar != "" && s.Calendars[r.When.Calendar] == nil {
				t.Errorf("profile %s names a calendar that is not there", p.Name)
			}
		}
	}
}

// BenchmarkTenThousand takes over 10,000 accounts, from opening the database of 4.5 to the commit.
func BenchmarkTenThousand(b *testing.B) {
	server := storetest.ServerFor(b)
	old, err := server.NewDatabase(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	legacytest.Load(b, old)
	legacytest.Generate(b, old, 10_000)
	for name, database := range map[string]func() (string, error){
		"sqlite": func() (string, error) { return "sqlite", nil }, "mysql": func() (string, error) { return server.NewDatabase(b.Context()) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				target, err := database()
				if err != nil {
					b.Fatal(err)
				}
				c, report := convert(b, old)
				st := storetest.Open(b, storetest.Config(b, target))
				if _, err := adopt.Into(b.Context(), st, c, by); err != nil {
					b.Fatal(err)
				}
				if d := adopt.Differences(report.Migrated, adopt.Counted(st.Snapshot(), c)); d != "" {
					b.Fatal(d)
				}
				b.ReportMetric(peak(b), "MiB-peak")
			}
		})
	}
}

// peak is the most memory that the process has had, in MiB.
func peak(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	var kb float64
	for line := range strings.SplitSeq(string(text), "\n") {
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kb); err == nil {
			return kb / 1024
		}
	}
	b.Fatal("no VmHWM")
	return 0
}

// TestOddities takes over what is rare: groups of fax lines, SIP accounts that cannot go on, groups that are called as 5's own, rows twice.
func TestOddities(t *testing.T) {
	old := storetest.MariaDB(t)
	legacytest.Load(t, old)
	legacytest.Exec(t, old, "INSERT INTO `groups` (id, name, title, type) VALUES (20, 'faxe', 'Faxe', 'fax'), (21, 'slots', 'Spielautomaten', 'user');\n"+
		"INSERT INTO group_members (`group`, member) VALUES (20, 7), (20, 8), (20, 99), (21, 11);\n"+
		"UPDATE ast_sipfriends SET secret = 'sch\u00fcler' WHERE name = '416';\nUPDATE ast_sipfriends SET name = '4 17' WHERE name = '417';\n")
	c, report := convert(t, old)
	st := storetest.New(t)
	if _, err := adopt.Into(t.Context(), st, c, by); err != nil {
		t.Fatal(err)
	}
	s := st.Snapshot()
	if d := adopt.Differences(report.Migrated, adopt.Counted(s, c)); d != "" {
		t.Errorf("the store differs from the report: %s", d)
	}
	if got := s.Members["faxe"]; !slices.Equal(got, []string{"Fax CEO", "Fax Zentrale"}) {
		t.Errorf("group of fax lines: got %q", got)
	}
	if g := s.Groups["slots-21"]; g == nil || g.Title != "Spielautomaten" || len(s.Members[g.Name]) != 1 {
		t.Errorf("group that is called as one of 5: got %+v", g)
	}
	slotOf := func(name string) *directory.Slot { return s.Slots[s.Columns[s.ByName[name].ID][0]] }
	if x := slotOf("armin.artmann"); x.SIPUsername != "416" || x.SIPSecret == "" || strings.Contains(x.SIPSecret, "sch") {
		t.Errorf("password that SIP cannot carry: got user name %q", x.SIPUsername)
	}
	if x := slotOf("iris.immsee"); x.SIPUsername == "4 17" || x.SIPUsername == "" {
		t.Errorf("name that SIP cannot carry: got %q", x.SIPUsername)
	}
	for _, column := range []string{"secret", "name", "member"} {
		if !slices.ContainsFunc(report.Problems, func(p legacy.Problem) bool { return p.Column == column }) {
			t.Errorf("nothing is said of %s", column)
		}
	}
}
