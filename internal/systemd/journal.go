package systemd

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"syscall"
)

// InJournal reports whether what is written to f ends in the journal: JOURNAL_STREAM names its device and inode (systemd.exec(5)).
func InJournal(getenv func(string) string, f *os.File) bool {
	stream := getenv("JOURNAL_STREAM")
	if stream == "" {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && fmt.Sprintf("%d:%d", st.Dev, st.Ino) == stream
}

// Journal is a writer for handlers of log/slog, which write one line at a time: it puts the level in front as the journal has it,
// so that `journalctl -p warning` finds what it should. Give its Attr to the handler: the journal has the time itself.
type Journal struct {
	mu  sync.Mutex
	out io.Writer
	buf []byte
}

// NewJournal makes a Journal that writes to out.
func NewJournal(out io.Writer) *Journal { return &Journal{out: out} }

// Attr is a slog.HandlerOptions.ReplaceAttr that leaves the time out.
func (j *Journal) Attr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// levels are what lines begin with, as text and as JSON, and their levels in syslog(3).
var levels = []struct {
	text, json string
	prefix     string
}{
	{"level=ERROR", `{"level":"ERROR"`, "<3>"},
	{"level=WARN", `{"level":"WARN"`, "<4>"},
	{"level=DEBUG", `{"level":"DEBUG"`, "<7>"},
}

// Write implements io.Writer for one line.
func (j *Journal) Write(line []byte) (int, error) {
	prefix := "<6>"
	for _, l := range levels {
		if bytes.HasPrefix(line, []byte(l.text)) || bytes.HasPrefix(line, []byte(l.json)) {
			prefix = l.prefix
			break
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.buf = append(append(j.buf[:0], prefix...), line...)
	if _, err := j.out.Write(j.buf); err != nil {
		return 0, err
	}
	return len(line), nil
}
