package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/api"
	adminauth "github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/selfcall"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/registrar"
)

// openStore opens the database beside a daemon that may be running.
func openStore(ctx context.Context, cfg config.Config) (*store.Store, error) {
	if backup.Pending(cfg.DataDir) {
		return nil, errors.New("a restore was broken off and is completed by the next start of the daemon")
	}
	box, err := secret.OpenBox(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	st, err := store.Open(ctx, store.Config{Database: cfg.Database, DataDir: cfg.DataDir, Secrets: box, Log: slog.New(slog.DiscardHandler), Current: true, Validate: Trial(cfg)})
	if errors.Is(err, store.ErrOlderSchema) {
		return nil, fmt.Errorf("%w: start the daemon, which makes a backup and brings it up to date", err)
	}
	return st, err
}

// Trial is the trial compile of those who have no table to build on.
func Trial(cfg config.Config) func(prev, next *directory.Snapshot, changed store.Changed) error {
	return func(prev, next *directory.Snapshot, changed store.Changed) error {
		table, err := Table(cfg, next)
		if err != nil {
			return err
		}
		return testRules(table, prev, next, changed)
	}
}

// Table compiles the routing table of a configuration.
func Table(cfg config.Config, of *directory.Snapshot) (*routing.Table, error) {
	v, err := newSnapshots(cfg).compile(of, store.Changed{Full: true})
	if err != nil {
		return nil, err
	}
	return v.table, nil
}

// Check validates the database that cfg names and reports every fault found.
// The configuration itself was validated when it was loaded.
func Check(ctx context.Context, cfg config.Config) error {
	sc := store.Config{Database: cfg.Database, DataDir: cfg.DataDir, Log: slog.New(slog.DiscardHandler), Validate: Trial(cfg)}
	if _, err := os.Stat(filepath.Join(cfg.DataDir, secret.KeyFile)); err == nil {
		if sc.Secrets, err = secret.ReadBox(cfg.DataDir); err != nil {
			return err
		}
	}
	return store.Check(ctx, sc)
}

// Passwd sets a user's password. A daemon that is running takes it over within a second.
func Passwd(ctx context.Context, cfg config.Config, user, password string) error {
	st, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer st.Close()
	if err := adminauth.CheckPassword(password, user); err != nil {
		return err
	}
	hash, err := secret.NewPasswords(1).Hash(ctx, password)
	if err != nil {
		return err
	}
	_, err = st.Update(ctx, store.Change{Actor: "root", Source: "passwd"}, func(tx *store.Tx) error { return tx.SetPassword(user, hash) })
	return err
}

// Question is what Explain answers: who would ring?
type Question struct {
	From, To string // From is an extension, an outside number or the ID of a slot
	At       time.Time
	PIN      bool // the caller has keyed in the PIN
	German   bool
	JSON     bool
}

// idle is a moment in which nobody talks. It holds the slots that have a contact.
type idle map[string]bool

func (idle) SlotCalls(string) int            { return 0 }
func (idle) NumberCalls(string) int          { return 0 }
func (idle) HuntTurn(string) int             { return 0 }
func (i idle) Registered(slotID string) bool { return i[slotID] }

// Explain prints the decision for one call, its reasons, and what would come next. It reads the saved
// configuration and registrations and assumes that nobody is in a call.
func Explain(ctx context.Context, cfg config.Config, out io.Writer, q Question) error {
	st, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer st.Close()
	table, err := Table(cfg, st.Snapshot())
	if err != nil {
		return err
	}
	registered, err := registrar.Saved(locationFile(cfg), time.Now())
	if err != nil {
		return err
	}
	v := api.Explain(st.Snapshot(), table, idle(registered), api.Question{From: q.From, To: q.To, At: q.At, PIN: q.PIN})
	if q.JSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	}
	printStage(out, &v.Stage, q.German, "")
	return nil
}

// selfcallUser owns the numbers and slots of a self-call while it runs.
const selfcallUser = "selfcall"

// Selfcall makes a user with two numbers and two slots, lets two built-in phones
// call each other through the running daemon, removes the user, and prints each step.
func Selfcall(ctx context.Context, cfg config.Config, out io.Writer, transport string) error {
	server, err := listener(cfg, transport)
	if err != nil {
		return err
	}
	var sc selfcall.Config
	if transport == "ws" {
		sc.CalleeTransport = "udp"
		if sc.CalleeServer, err = listener(cfg, "udp"); err != nil {
			return err
		}
	}
	st, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer st.Close()
	change := store.Change{Actor: "root", Source: "selfcall"}
	if _, err = st.Update(ctx, change, func(tx *store.Tx) error {
		prepared, err := prepareSelfcall(tx, cfg.SIP.Domain)
		sc.Caller, sc.Callee, sc.Number = prepared.Caller, prepared.Callee, prepared.Number
		return err
	}); err != nil {
		return fmt.Errorf("preparing the self-call: %w", err)
	}
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if _, err := st.Update(clean, change, removeSelfcall); err != nil {
			fmt.Fprintln(out, "removing the self-call's user:", err)
		}
	}()
	sc.Server, sc.Transport, sc.Patience = server, transport, 5*time.Second
	report, err := selfcall.Run(ctx, sc)
	for _, s := range report.Steps {
		fmt.Fprintf(out, "ok  %-26s %6d ms  %s\n", s.Name, s.Took.Milliseconds(), s.Detail)
	}
	if err != nil {
		return fmt.Errorf("self-call failed: %w", err)
	}
	fmt.Fprintln(out, "self-call succeeded")
	return nil
}

// prepareSelfcall makes the user of a self-call, after removing what an interrupted one left.
func prepareSelfcall(tx *store.Tx, domain string) (selfcall.Config, error) {
	var c selfcall.Config
	if err := removeSelfcall(tx); err != nil {
		return c, err
	}
	user, err := tx.CreateUser(directory.User{Username: selfcallUser, FirstName: "Self", LastName: "Call", Language: "en"})
	if err != nil {
		return c, err
	}
	ticks := map[string][]string{}
	var numbers []string
	for i := range 2 {
		number, err := addFreeNumber(tx, user.ID)
		if err != nil {
			return c, err
		}
		slot, err := tx.CreateSlot(directory.Slot{UserID: user.ID, Type: directory.Softphone, Name: fmt.Sprintf("self-call %d", i+1)})
		if err != nil {
			return c, err
		}
		ticks[number] = []string{slot.ID}
		numbers = append(numbers, number)
		account := selfcall.Account{Username: slot.SIPUsername, Password: slot.SIPSecret, Domain: domain}
		if i == 0 {
			c.Caller = account
		} else {
			c.Callee = account
		}
	}
	c.Number = numbers[1]
	_, err = tx.SetMatrix(user.ID, ticks, 0)
	return c, err
}

// addFreeNumber gives the user a number of nine random digits that nobody has.
func addFreeNumber(tx *store.Tx, userID string) (string, error) {
	for range 10 {
		b := make([]byte, 8)
		_, _ = rand.Read(b)
		digits := []byte("9")
		for _, c := range b {
			digits = append(digits, '0'+c%10)
		}
		n, err := tx.AddNumber(directory.Number{Number: string(digits), OwnerType: directory.OwnerUser, OwnerID: userID})
		if err == nil {
			return n.Number, nil
		}
		if !errors.Is(err, store.ErrTaken) {
			return "", err
		}
	}
	return "", errors.New("no free number found")
}

func removeSelfcall(tx *store.Tx) error {
	u := tx.Snapshot().ByName[selfcallUser]
	if u == nil {
		return nil
	}
	_, err := tx.DeleteUser(u.ID, u.Version)
	return err
}

// listener is the daemon's first SIP address for a transport.
func listener(cfg config.Config, transport string) (netip.AddrPort, error) {
	for _, l := range cfg.SIP.Listen {
		u, err := url.Parse(l)
		if err != nil || !strings.EqualFold(u.Scheme, transport) {
			continue
		}
		addr, err := netip.ParseAddrPort(u.Host)
		if err != nil {
			continue
		}
		if addr.Addr().IsUnspecified() {
			loopback := netip.MustParseAddr("127.0.0.1")
			if addr.Addr().Is6() {
				loopback = netip.IPv6Loopback()
			}
			addr = netip.AddrPortFrom(loopback, addr.Port())
		}
		return addr, nil
	}
	return netip.AddrPort{}, fmt.Errorf("sip.listen has no %s address", transport)
}
