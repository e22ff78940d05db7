package trunk

import (
	"net/netip"
	"testing"
	"time"
)

func TestFigures(t *testing.T) {
	trunks, err := New([]Trunk{{Name: "a", Proxy: "sip:192.0.2.1"}, {Name: "b", Proxy: "sip:192.0.2.1:5080"}, {Name: "c", Proxy: "sip:192.0.2.1:5081"}}, "49")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	if f := trunks.Figures(); f[0].Up() || !f[0].Tried.IsZero() || f[0].Name != "a" {
		t.Errorf("before the first call: %+v", f[0])
	}
	for _, c := range []struct {
		contact string
		status  int
		rang    bool
	}{
		{"sip:+4930123@192.0.2.1", 200, false},
		{"sip:+4930123@192.0.2.1", 503, false},
		{"sip:+4930124@192.0.2.1", 486, true},
		{"sip:+4930124@192.0.2.1", 0, false}, // given up by the caller: says nothing about the peer
		{"sip:+4930123@192.0.2.1:5080", 408, false},
		{"sip:+4930125@192.0.2.1:5081", 408, false},
		{"sip:+4930125@192.0.2.1:5081", 408, true}, // rang until the time was over
		{"sip:desk@192.0.2.9", 200, false},         // a phone
		{"nonsense", 200, false},
	} {
		at = at.Add(time.Second)
		trunks.Tried(c.contact, at, c.status, c.rang)
	}
	trunks.Came(netip.MustParseAddr("192.0.2.9"), at) // no trunk
	trunks.Came(netip.MustParseAddr("::ffff:192.0.2.1"), at)
	f := trunks.Figures()
	if f[0].In != 1 || !f[0].Came.Equal(at) || f[1].In != 0 {
		t.Errorf("came: %+v, %+v", f[0], f[1])
	}
	if a := f[0]; a.Out != 4 || a.Answered != 1 || a.Failed != 1 || a.Status != 486 || !a.Up() || !a.Tried.Equal(at.Add(-6*time.Second)) {
		t.Errorf("a: %+v", a)
	}
	if b := f[1]; b.Out != 1 || b.Answered != 0 || b.Failed != 1 || b.Status != 408 || b.Up() {
		t.Errorf("b: %+v", b)
	}
	if c := f[2]; c.Out != 2 || c.Answered != 0 || c.Failed != 1 || c.Status != 480 || !c.Up() {
		t.Errorf("c: %+v", c)
	}
}
