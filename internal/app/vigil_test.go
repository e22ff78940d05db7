package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/systemd"
)

// managerSocket takes what the service manager is told.
func managerSocket(t *testing.T, watchdog time.Duration) (systemd.Manager, func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	m, err := systemd.FromEnv(func(k string) string {
		return map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": fmt.Sprint(watchdog.Microseconds())}[k]
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return m, func() string {
		b := make([]byte, 1000)
		_ = l.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, _ := l.Read(b)
		return string(b[:n])
	}
}

func TestWatchdogIsFedOnlyWhenAllAnswer(t *testing.T) {
	well := func(context.Context) error { return nil }
	for name, c := range map[string]struct {
		store, sip func(context.Context) error
		fed        bool
		silent     string
	}{
		"all well":      {well, well, true, ""},
		"store is lost": {func(context.Context) error { return errors.New("silent for 31s") }, well, false, "store"},
		"sip is lost":   {well, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, false, "sip"},
	} {
		t.Run(name, func(t *testing.T) {
			m, told := managerSocket(t, time.Minute)
			var said []string
			v := &vigil{manager: m, asked: map[string]func(context.Context) error{"store": c.store, "sip": c.sip}, log: func(msg string, args ...any) {
				said = append(said, msg+" "+fmt.Sprint(args...))
			}}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			v.look(ctx)
			if got := told() == systemd.Alive; got != c.fed {
				t.Errorf("fed %v, log %q", got, said)
			}
			if all := strings.Join(said, "\n"); c.silent != "" && !strings.Contains(all, c.silent) || c.silent == "" && all != "" {
				t.Errorf("log says %q", all)
			}
		})
	}
}

func TestWatchdogIsFedThreeTimesAsOftenAsNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		asked := 0
		v := &vigil{manager: systemd.Manager{Watchdog: time.Minute}, log: func(string, ...any) {}, asked: map[string]func(context.Context) error{"it": func(context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			asked++
			return nil
		}}}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute+time.Second)
		defer cancel()
		if err := v.run(ctx); err != nil {
			t.Fatal(err)
		}
		if asked < 15 || asked > 16 {
			t.Errorf("asked %d times in five minutes", asked)
		}
	})
}

func TestStoreIsAliveWhileItSpeaks(t *testing.T) {
	now := time.Now()
	if err := storeAlive(now.Add(-12*time.Second), now); err != nil {
		t.Errorf("a database that is away: %v", err)
	}
	if storeAlive(now.Add(-time.Minute), now) == nil {
		t.Error("a store that hangs counts as alive")
	}
}

// fakeHost is a machine with its addresses.
type fakeHost struct {
	source string
	all    []string
}

func (h fakeHost) SourceFor(netip.Addr) (netip.Addr, error) { return netip.ParseAddr(h.source) }

func (h fakeHost) Addrs() ([]netip.Addr, error) {
	var out []netip.Addr
	for _, a := range h.all {
		out = append(out, netip.MustParseAddr(a))
	}
	return out, nil
}

func TestOwnAddress(t *testing.T) {
	for name, c := range map[string]struct {
		host    fakeHost
		outside netip.Addr
		want    string
	}{
		"by the default route":      {fakeHost{"10.0.0.5", []string{"127.0.0.1", "192.168.1.1", "10.0.0.5"}}, outside4, "10.0.0.5"},
		"without a default route":   {fakeHost{"", []string{"127.0.0.1", "::1", "fd00::1", "192.168.1.1"}}, outside4, "192.168.1.1"},
		"of the other family":       {fakeHost{"", []string{"127.0.0.1", "192.168.1.1", "fd00::1"}}, outside6, "fd00::1"},
		"loopback only":             {fakeHost{"", []string{"127.0.0.1", "::1"}}, outside4, "invalid IP"},
		"a route that loops back":   {fakeHost{"127.0.0.1", []string{"127.0.0.1"}}, outside4, "invalid IP"},
		"the family is not spoken":  {fakeHost{"", []string{"127.0.0.1", "192.168.1.1"}}, outside6, "invalid IP"},
		"nothing at all, not an IP": {fakeHost{}, outside4, "invalid IP"},
	} {
		got, ok := ownAddress(c.host, c.outside)
		if got.String() != c.want || ok != got.IsValid() {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
}

func TestTheDaemonAnswersItsWatchdog(t *testing.T) {
	s := start(t, testConfig(t))
	v := s.newVigil()
	ask := func(name string) error {
		ctx, cancel := context.WithTimeout(t.Context(), vigilAnswer)
		defer cancel()
		return v.asked[name](ctx)
	}
	for range 2 {
		for _, name := range []string{"store", "shards", "sip"} {
			if err := ask(name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"shards", "sip"} {
		if ask(name) == nil {
			t.Errorf("%s answers although the daemon has stopped", name)
		}
	}
}
