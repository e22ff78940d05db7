package transaction

import (
	"iter"
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Info describes a transaction for people who look inside.
type Info struct {
	Client bool
	Method message.Method
	State  string
	Status int // last status sent or received, 0 for none
	Branch string
	Call   string // as the ring of its messages is called, "" for none
	Flow   *transport.Flow
}

// Each lists all transactions in no particular order. They must not change meanwhile.
func (l *Layer) Each() iter.Seq[Info] {
	return func(yield func(Info) bool) {
		for key, c := range l.clients {
			if !yield(Info{true, key.method, c.state.String(), int(c.status), key.branch, c.ring.ID(), c.flow}) {
				return
			}
		}
		for key, s := range l.servers {
			method, rest, _ := strings.Cut(key, " ")
			branch, _, _ := strings.Cut(rest, " ")
			if !yield(Info{false, message.Method(method), s.state.String(), int(s.status), branch, s.ring.ID(), s.flow}) {
				return
			}
		}
	}
}
