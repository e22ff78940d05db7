package systemd

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func env(pairs map[string]string) func(string) string {
	return func(k string) string { return pairs[k] }
}

func TestFromEnv(t *testing.T) {
	for name, c := range map[string]struct {
		env      map[string]string
		watchdog time.Duration
		socket   string
		fault    bool
	}{
		"no manager":                {},
		"watchdog without a socket": {env: map[string]string{"WATCHDOG_USEC": "1000000"}},
		"a path":                    {env: map[string]string{"NOTIFY_SOCKET": "/run/x"}, socket: "/run/x"},
		"an abstract socket":        {env: map[string]string{"NOTIFY_SOCKET": "@x"}, socket: "@x"},
		"neither":                   {env: map[string]string{"NOTIFY_SOCKET": "vsock:2:1234"}, fault: true},
		"watchdog":                  {env: map[string]string{"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, socket: "/run/x", watchdog: 30 * time.Second},
		"watchdog of all":           {env: map[string]string{"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000"}, socket: "/run/x", watchdog: 30 * time.Second},
		"watchdog of another":       {env: map[string]string{"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, socket: "/run/x"},
		"watchdog that is no time":  {env: map[string]string{"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "soon"}, fault: true},
	} {
		m, err := FromEnv(env(c.env), 7)
		if (err != nil) != c.fault || m.socket != c.socket || m.Watchdog != c.watchdog {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestTell(t *testing.T) {
	if err := (Manager{}).Tell(Ready); err != nil {
		t.Errorf("without a manager: %v", err)
	}
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	m, err := FromEnv(env(map[string]string{"NOTIFY_SOCKET": path}), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Tell(Ready, Status("two\nlines")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	n, err := l.Read(b)
	if err != nil || string(b[:n]) != "READY=1\nSTATUS=two lines" {
		t.Errorf("got %q, %v", b[:n], err)
	}
	l.Close()
	if m.Tell(Alive) == nil {
		t.Error("nobody listens, and Tell says nothing of it")
	}
}

func TestJournalLevels(t *testing.T) {
	var out bytes.Buffer
	j := NewJournal(&out)
	o := &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: j.Attr}
	for _, log := range []*slog.Logger{slog.New(slog.NewTextHandler(j, o)), slog.New(slog.NewJSONHandler(j, o))} {
		log.Error("e", "level", "WARN")
		log.Warn("w")
		log.Info("i\nlevel=ERROR")
		log.With("part", "x").Debug("d")
	}
	want := `<3>level=ERROR msg=e level=WARN
<4>level=WARN msg=w
<6>level=INFO msg="i\nlevel=ERROR"
<7>level=DEBUG msg=d part=x
<3>{"level":"ERROR","msg":"e","level":"WARN"}
<4>{"level":"WARN","msg":"w"}
<6>{"level":"INFO","msg":"i\nlevel=ERROR"}
<7>{"level":"DEBUG","msg":"d","part":"x"}
`
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}

func TestInJournal(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if InJournal(env(nil), f) || InJournal(env(map[string]string{"JOURNAL_STREAM": "1:1"}), f) {
		t.Error("a file that is no journal is taken for one")
	}
}
