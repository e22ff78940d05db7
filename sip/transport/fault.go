package transport

import (
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// maxLogged bounds how much of a message stands in the log, in bytes.
const maxLogged = 4096

// survive keeps a panic while something was read from ending the daemon. It is counted and logged with its message, without secrets,
// at most once a second: a peer may be able to cause it at will.
func (l *Layer) survive(b []byte, from netip.AddrPort) {
	v := recover()
	if v == nil {
		return
	}
	l.count.drop(DropPanic)
	now := time.Now().UnixNano()
	last := l.faultLogged.Load()
	if now-last < int64(time.Second) || !l.faultLogged.CompareAndSwap(last, now) {
		return
	}
	masked := message.Mask(b)
	l.log.Error("panic while a message was read", "from", from, "panic", v, "message", string(masked[:min(len(masked), maxLogged)]), "stack", string(debug.Stack()))
}
