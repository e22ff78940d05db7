package b2bua

import (
	"slices"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/ladder"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// steps is a ladder in short: the peer's last digit, the direction and what was said.
func steps(c *ladder.Call) (out []string) {
	for i := range c.Messages {
		m := &c.Messages[i]
		peer, arrow := m.Remote.Addr().String(), " <- "
		if m.Out {
			arrow = " -> "
		}
		out = append(out, peer[len(peer)-1:]+arrow+m.Summary())
	}
	return out
}

func TestACallKeepsItsMessages(t *testing.T) {
	l := newLine(t, true, transport.Config{Listen: []string{"udp://127.0.0.1:0"}})
	defer l.stop()
	l.call(0, false)
	running, _ := l.table.List("", 10)
	if len(running) != 1 {
		t.Fatalf("%d calls", len(running))
	}
	id := running[0].ID
	want := []string{
		"1 <- INVITE 416 (SDP)", "2 -> INVITE b (SDP)", "2 <- 180 Ringing", "1 -> 180 Ringing",
		"2 <- 200 OK (SDP)", "2 -> ACK", "1 -> 200 OK (SDP)", "1 <- ACK",
	}
	c, ok, err := l.stack.CallTrace(t.Context(), id)
	if err != nil || !ok || !c.End.IsZero() || !slices.Equal(steps(&c), want) {
		t.Fatalf("%v %v, ended %v: %q", ok, err, c.End, steps(&c))
	}
	l.table.HangupAll("enough")
	l.receive(l.flowA, l.answer("BYE", "10.0.1.1"))
	l.receive(l.flowB, l.answer("BYE", "10.0.1.2"))
	c, ok, err = l.stack.CallTrace(t.Context(), id)
	got := steps(&c)
	if err != nil || !ok || c.End.IsZero() || len(got) != len(want)+4 {
		t.Fatalf("%v %v, ended %v: %q", ok, err, c.End, got)
	}
	for _, s := range []string{"1 -> BYE", "1 <- 200 OK to BYE", "2 -> BYE", "2 <- 200 OK to BYE"} {
		if !slices.Contains(got, s) {
			t.Errorf("%q is missing in %q", s, got)
		}
	}
	if _, ok, err := l.stack.CallTrace(t.Context(), "another"); ok || err != nil {
		t.Errorf("another call: %v %v", ok, err)
	}
}
