package app

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/legacy/legacytest"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
	"github.com/koppelfeld/koppelfeld/internal/upgrade"
)

// stopping is a service manager that does something when 4.5 is stopped.
type stopping struct {
	services
	then func()
}

func (s stopping) Stop(ctx context.Context, unit string) error {
	if unit == upgrade.OldUnit && s.then != nil {
		s.then()
	}
	return s.services.Stop(ctx, unit)
}

// TestUpgradeFaults shares one database server among what can go wrong.
func TestUpgradeFaults(t *testing.T) {
	server, source := old45(t)
	for name, test := range map[string]func(*testing.T, *storetest.Server, string){
		"late changes": lateChanges, "5 does not start": broughtBack, "refused": refused, "over a fresh 5": overFresh, "once at a time": onceAtATime,
	} {
		t.Run(name, func(t *testing.T) { test(t, server, source) })
	}
}

// newDatabase makes an empty one.
func newDatabase(t *testing.T, server *storetest.Server) string {
	t.Helper()
	dsn, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// lateChanges changes 4.5 after it was read and before it has stopped.
func lateChanges(t *testing.T, server *storetest.Server, _ string) {
	source := newDatabase(t, server)
	legacytest.Load(t, source)
	for name, database := range map[string]string{"sqlite": "sqlite", "mysql": newDatabase(t, server)} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, source, database)
			late := "late." + name
			s.opt.Services = stopping{s.services, func() {
				legacytest.Exec(t, source, "INSERT INTO users (user, firstname, lastname) VALUES ('"+late+"', 'Lara', 'Late');\n")
			}}
			s.mustRun()
			if s.snapshot().ByName[late] == nil {
				t.Error("who was added last is not there")
			}
			if !strings.Contains(s.out.String(), "changed meanwhile") {
				t.Errorf("nothing is said of it:\n%s", &s.out)
			}
			s.serves(upgrade.NewUnit)
		})
	}
}

// broughtBack lets 5 not start, and not answer: 4.5 serves again, nothing is lost, and a second try works.
func broughtBack(t *testing.T, server *storetest.Server, source string) {
	for name, database := range map[string]string{"sqlite": "sqlite", "mysql": newDatabase(t, server)} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, source, database)
			if err := s.services.set(upgrade.NewUnit, "broken", true); err != nil {
				t.Fatal(err)
			}
			if err := s.run(); err == nil || !strings.Contains(err.Error(), "does not start") {
				t.Fatalf("got %v", err)
			}
			s.serves(upgrade.OldUnit)
			if st := s.state(); st.Phase != upgrade.Failed || st.Reason == "" || len(st.Facts.Aside) == 0 {
				t.Errorf("got %+v", st)
			}
			if err := s.services.set(upgrade.NewUnit, "broken", false); err != nil {
				t.Fatal(err)
			}
			silent := errors.New("nothing answers")
			s.opt.Answers = func(context.Context, config.Config) error { return silent }
			if err := s.run(); !errors.Is(err, silent) {
				t.Fatalf("got %v", err)
			}
			s.serves(upgrade.OldUnit)
			s.opt.Answers = func(context.Context, config.Config) error { return nil }
			s.mustRun()
			s.upgraded()
		})
	}
}

// refused holds each thing that is in the way to a sentence, after which nothing has changed.
func refused(t *testing.T, server *storetest.Server, source string) {
	empty := func() string { return newDatabase(t, server) }
	full, half, other := empty(), empty(), empty()
	legacytest.Exec(t, full, "CREATE TABLE letters (id INT);\n")
	schema := legacytest.Fixture(t, "schema.sql")
	schema = schema[:len(schema)/3]
	legacytest.Exec(t, half, schema[:strings.LastIndex(schema, ";\n")+2])
	legacytest.Exec(t, other, "CREATE TABLE wp_posts (id INT);\nCREATE TABLE wp_users (id INT);\n")
	for _, c := range []struct {
		name, database string
		prepare        func(t *testing.T, s *site)
		want           string
	}{
		{"unsupported phones", "sqlite", func(_ *testing.T, s *site) { s.write(s.opt.Allowed, "source="+source+"\n") }, "stand in the way"},
		{"neither yes nor no", "sqlite", func(_ *testing.T, s *site) { s.write(s.opt.Allowed, "accept_unsupported_phones=maybe\n") }, "must be yes or no"},
		{"call records", "sqlite", func(_ *testing.T, s *site) { s.write(s.opt.Allowed, "with_call_records=yes\n") }, "does not take over call records"},
		{"no database", "sqlite", func(_ *testing.T, s *site) { s.opt.Source = source + "x" }, "there is no database"},
		{"empty database", "sqlite", func(_ *testing.T, s *site) { s.opt.Source = empty() }, "is empty"},
		{"half a schema", "sqlite", func(_ *testing.T, s *site) { s.opt.Source = half }, "not restored wholly"},
		{"another product", "sqlite", func(_ *testing.T, s *site) { s.opt.Source = other }, "another product"},
		{"no server", "sqlite", func(_ *testing.T, s *site) { s.opt.Source = "root@unix(/nowhere.sock)/asterisk" }, "start the database"},
		{"a database of 5 that holds something", full, nil, "is not empty"},
		{"4.5 as the database of 5", source, nil, "is not empty"},
		{"5 in use", "sqlite", func(t *testing.T, s *site) { s.inUse(t) }, "in use already"},
		{"5 running", "sqlite", func(t *testing.T, s *site) {
			if err := s.services.set(upgrade.NewUnit, "active", true); err != nil {
				t.Fatal(err)
			}
		}, "running already"},
		{"configuration of 5 that does not fit", "sqlite", func(_ *testing.T, s *site) { s.write(s.opt.Config, "dato_dir = \"/x\"\n") }, "unknown key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, source, c.database)
			if c.prepare != nil {
				c.prepare(t, s)
			}
			err := s.run()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			for _, what := range []string{"active", "enabled"} {
				if is, _ := s.services.is(upgrade.OldUnit, what); !is {
					t.Errorf("4.5 is not %s", what)
				}
			}
		})
	}
	if n := legacytest.Tables(t, full); n != 1 {
		t.Errorf("a database that was refused has %d tables, want 1", n)
	}
}

// inUse lets 5 have a user of its own.
func (s *site) inUse(t *testing.T) {
	t.Helper()
	data := filepath.Join(s.dir, "data")
	box, err := secret.OpenBox(data)
	if err != nil {
		t.Fatal(err)
	}
	st := storetest.Open(t, store.Config{DataDir: data, Secrets: box})
	if _, err := st.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
		_, err := tx.CreateUser(directory.User{Username: "somebody"})
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// overFresh upgrades where 5 was started once and nobody has made anything: that is kept aside.
func overFresh(t *testing.T, _ *storetest.Server, source string) {
	s := newSite(t, source, "sqlite")
	data := filepath.Join(s.dir, "data")
	box, err := secret.OpenBox(data)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Config{DataDir: data, Secrets: box})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	s.mustRun()
	s.upgraded()
	if len(s.state().Facts.Aside) != 1 {
		t.Errorf("aside: got %q", s.state().Facts.Aside)
	}
}

// onceAtATime holds off a second process.
func onceAtATime(t *testing.T, _ *storetest.Server, source string) {
	s := newSite(t, source, "sqlite")
	j, err := upgrade.Open(filepath.Join(s.dir, "data", upgradeFolder))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.run(); !errors.Is(err, upgrade.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	if err := UpgradeRollback(t.Context(), s.opt, os.Stdout); !errors.Is(err, upgrade.ErrBusy) {
		t.Errorf("rollback: got %v, want ErrBusy", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	s.mustRun()
}

// stateFileOfUpgrade is the journal, which is root's alone.
const stateFileOfUpgrade = "state.json"

// TestUpgradeActsForTheOwner upgrades as root where data and database of 5 belong to another user, whom the database server knows by the
// socket alone.
func TestUpgradeActsForTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act for others")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	server, source := old45(t)
	mysql := newDatabase(t, server)
	_, rest, _ := strings.Cut(mysql, "@")
	name := rest[strings.LastIndex(rest, "/")+1:]
	legacytest.Exec(t, source, "CREATE USER nobody@localhost IDENTIFIED VIA unix_socket;\nGRANT ALL ON "+name+".* TO nobody@localhost;\n")
	socket, _, _ := strings.Cut(strings.TrimPrefix(rest, "unix("), ")")
	if err := os.Chmod(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	for _, database := range []string{"sqlite", "nobody@" + rest} {
		s := newSite(t, source, database)
		data := filepath.Join(s.dir, "data")
		if err := errors.Join(os.Chown(data, uid, gid), os.Chmod(s.dir, 0o755), os.Chmod(filepath.Dir(s.dir), 0o755)); err != nil {
			t.Fatal(err)
		}
		s.mustRun()
		if s.state().Phase != upgrade.Done {
			t.Fatal("the upgrade has not come to its end")
		}
		for _, file := range []string{secret.KeyFile, carriedFile, store.FileName} {
			info, err := os.Stat(filepath.Join(data, file))
			if errors.Is(err, os.ErrNotExist) && file == store.FileName && database != "sqlite" {
				continue
			}
			if err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != uid {
				t.Errorf("%s: %s is not the owner's (%v)", database, file, err)
			}
		}
		for what, readable := range map[string]bool{"report.json": true, stateFileOfUpgrade: false, filepath.Base(s.state().Facts.Backup) + "/README": false} {
			as := exec.Command("cat", filepath.Join(data, upgradeFolder, what))
			as.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
			if err := as.Run(); (err == nil) != readable {
				t.Errorf("the owner reads %s: %v", what, err)
			}
		}
		s.out.Reset()
		if err := UpgradeRollback(t.Context(), s.opt, &s.out); err != nil {
			t.Fatalf("%v\n%s", err, &s.out)
		}
		s.serves(upgrade.OldUnit)
		if n := legacytest.Tables(t, mysql); n != 0 {
			t.Errorf("after the way back the database has %d tables", n)
		}
	}
}
