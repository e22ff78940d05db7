package machine

import (
	"testing"
	"time"
)

func TestRead(t *testing.T) {
	r, err := Read(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if r.CPUs < 1 || r.MemoryTotal < 1<<20 || r.MemoryAvailable == 0 || r.MemoryAvailable > r.MemoryTotal || r.MemoryOwn < 1<<20 || r.MemoryOwn > r.MemoryTotal ||
		r.DiskTotal == 0 || r.DiskFree > r.DiskTotal || r.Uptime <= 0 {
		t.Errorf("%+v", r)
	}
	if _, err := Read("/nowhere"); err == nil {
		t.Error("a directory that is not there has a disk")
	}
}

func TestFiles(t *testing.T) {
	var r Reading
	r.load([]byte("0.52 1.58 0.59 1/467 12345\n"))
	r.memory([]byte("MemTotal:       16316412 kB\nMemFree:  1 kB\nMemAvailable:   12316412 kB\nHugePages_Total:       0\nodd\n"))
	r.uptime([]byte("24861.53 48000.10\n"))
	want := Reading{Load: [3]float64{0.52, 1.58, 0.59}, MemoryTotal: 16316412 << 10, MemoryAvailable: 12316412 << 10, Uptime: 24861 * time.Second}
	if r != want {
		t.Errorf("got %+v, want %+v", r, want)
	}
	for _, c := range []struct{ text, want string }{
		{"NAME=Debian\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n", "Debian GNU/Linux 13 (trixie)"},
		{"PRETTY_NAME=Alpine", "Alpine"},
		{"", ""},
	} {
		if got := systemName([]byte(c.text)); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

func TestIdentify(t *testing.T) {
	if id := Identify(); id.Host == "" || id.Kernel == "" {
		t.Errorf("%+v", id)
	}
}
