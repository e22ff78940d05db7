package transaction

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

var update = flag.Bool("update", false, "rewrite golden files")

var (
	clientEvents = [numClientEvents]string{"timer", "1xx", "2xx", "3xx-6xx", "transport", "cancel"}
	serverEvents = [numServerEvents]string{"timer", "request", "ack", "cancel", "send 1xx", "send 2xx", "send 3xx-6xx", "send failed"}
)

// TestMatrix plays every event in every state of all machines on both kinds of transport. The golden
// file shows, for each, the next state, what was sent, what the user heard, and when the timer is due.
func TestMatrix(t *testing.T) {
	var b strings.Builder
	for _, proto := range []transport.Proto{transport.UDP, transport.TCP} {
		for _, method := range []message.Method{message.INVITE, message.BYE} {
			fmt.Fprintf(&b, "client %s over %s\n", method, proto)
			for st := range stateTerminated {
				if method == message.INVITE && st == stateConfirmed || method == message.BYE && st > stateCompleted {
					continue
				}
				for ev, name := range clientEvents {
					fmt.Fprintf(&b, "  %-10s + %-12s = %s\n", st, name, clientStep(t, proto, method, st, ev))
				}
			}
			fmt.Fprintf(&b, "server %s over %s\n", method, proto)
			for st := range stateTerminated {
				if method == message.INVITE && st == stateTrying || method == message.BYE && st > stateCompleted {
					continue
				}
				for ev, name := range serverEvents {
					fmt.Fprintf(&b, "  %-10s + %-12s = %s\n", st, name, serverStep(t, proto, method, st, ev))
				}
			}
		}
	}
	golden(t, "matrix.txt", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wants, gots := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i := range max(len(wants), len(gots)) {
		w, g := "", ""
		if i < len(wants) {
			w = wants[i]
		}
		if i < len(gots) {
			g = gots[i]
		}
		if w != g {
			t.Errorf("line %d\n got %s\nwant %s", i+1, g, w)
		}
	}
}

func (h *harness) outcome(st state, t *Timer) string {
	due := "-"
	if t.Pending() {
		due = fmt.Sprint(h.start.Add(timeOf(t)).Sub(h.now()))
	}
	sent := strings.ReplaceAll(h.names(), "@0", "")
	return strings.TrimSpace(fmt.Sprintf("%-10s due %-6s sent [%s] heard %q", st, due, sent, h.heard))
}

func clientStep(t *testing.T, proto transport.Proto, method message.Method, st state, ev int) string {
	h := newHarness(t, proto)
	c := h.send(method)
	switch st {
	case stateProceeding:
		h.get(method, 180, "b1")
	case stateCompleted:
		h.get(method, 486, "b1")
	case stateAccepted:
		h.get(method, 200, "b1")
	}
	if c.state != st && (proto == transport.UDP || st != stateCompleted) {
		t.Fatalf("%s: state %v instead of %v", method, c.state, st)
	}
	h.link.out, h.heard = nil, nil
	in := input{kind: ev, err: errors.New("network")}
	switch ev {
	case client1xx:
		in.msg = answer(t, method, br, 183, "b1")
	case client2xx:
		in.msg = answer(t, method, br, 200, "b1")
	case client3xx:
		in.msg = answer(t, method, br, 486, "b1")
	case clientCancel:
		c.Cancel()
		return h.outcome(c.state, &c.timer)
	}
	c.handle(in)
	return h.outcome(c.state, &c.timer)
}

func serverStep(t *testing.T, proto transport.Proto, method message.Method, st state, ev int) string {
	h := newHarness(t, proto)
	s := h.takes(method)
	switch st {
	case stateProceeding:
		h.respond(s, 180)
	case stateCompleted:
		h.respond(s, 486)
	case stateConfirmed:
		h.respond(s, 486)
		h.takes(message.ACK)
	case stateAccepted:
		h.respond(s, 200)
	}
	if s.state != st && proto == transport.UDP {
		t.Fatalf("%s: state %v instead of %v", method, s.state, st)
	}
	h.link.out, h.heard = nil, nil
	req := request(t, message.INVITE, br, "")
	in := input{kind: ev, msg: req, err: errors.New("network")}
	switch status := map[int]int{serverSend1xx: 183, serverSend2xx: 202, serverSend3xx: 603}[ev]; {
	case status != 0:
		h.respond(s, status)
	default:
		s.handle(in)
	}
	return h.outcome(s.state, &s.timer)
}
