package b2bua

import (
	"testing"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// How calls begin and end in tests that are about what lies between.

// ringing is a call from a to b that rings.
func (r *rig) ringing(a, b *siptest.Phone) (caller *siptest.Call, in *siptest.Request) {
	r.t.Helper()
	caller = a.Invite("4b", sdpFor(a, "8"))
	in = b.Expect(r.t, message.INVITE)
	in.Ring()
	caller.Expect(r.t, 180)
	return caller, in
}

// answered is a call from a to b whose answer has come to a, who has not acknowledged it.
func (r *rig) answered(a, b *siptest.Phone) (caller, callee *siptest.Call) {
	r.t.Helper()
	caller = a.Invite("4b", sdpFor(a, "8"))
	callee = b.Expect(r.t, message.INVITE).Answer(sdpFor(b, "8"))
	caller.Expect(r.t, 200)
	return caller, callee
}

// established waits until an answer has come through and been acknowledged, and returns what the caller has got.
func established(t *testing.T, caller, callee *siptest.Call) *message.Message {
	t.Helper()
	ok := caller.Expect(t, 200)
	caller.Ack()
	callee.ExpectAck(t)
	return ok
}

// hangUp ends a call from the caller's side.
func hangUp(t *testing.T, caller, callee *siptest.Call) {
	t.Helper()
	caller.Bye(t)
	callee.ExpectBye(t)
}
