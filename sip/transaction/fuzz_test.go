package transaction

import (
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// FuzzReceive hands two messages from the wire to a layer that has an INVITE of its own running: whatever they
// are, nothing panics, every answer can be parsed, and in the end nothing is left.
func FuzzReceive(f *testing.F) {
	corpus.Add(f)
	add := func(a, b *message.Message) { f.Add(a.Raw(), b.Raw(), uint16(200)) }
	for _, m := range []message.Method{message.INVITE, message.CANCEL, message.ACK, message.BYE} {
		add(request(f, message.INVITE, br, ""), request(f, m, br, ""))
		add(request(f, m, "1", ""), request(f, message.INVITE, "1", ""))
	}
	for _, status := range []int{100, 180, 200, 487} {
		add(answer(f, message.INVITE, br, status, "x"), answer(f, message.INVITE, br, 486, "y"))
		add(answer(f, message.CANCEL, br, status, "x"), answer(f, message.INVITE, br, 200, "y"))
	}
	f.Fuzz(func(t *testing.T, a, b []byte, status uint16) {
		h := newHarness(t, transport.UDP)
		h.send(message.INVITE).Cancel("Reason: SIP;cause=200")
		for _, raw := range [][]byte{a, b} {
			m, err := message.Parse(append([]byte(nil), raw...))
			if err != nil {
				continue
			}
			if !m.IsRequest() {
				h.l.Response(m)
				continue
			}
			if s := h.take(m); s != nil {
				_ = s.Reply(100+int(status)%600, "")
				h.l.Sweep()
				h.pass(time.Second)
			}
		}
		h.pass(3 * time.Minute)
		for key, s := range h.l.servers {
			if s.Answered() || !s.invite {
				t.Errorf("left: %q", key)
			}
		}
		if len(h.l.clients) != 0 || len(h.l.flows) != 0 || len(h.l.spent) != 0 {
			t.Errorf("left: %d clients, %d flows, %d spent", len(h.l.clients), len(h.l.flows), len(h.l.spent))
		}
	})
}
