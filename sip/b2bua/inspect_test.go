package b2bua

import (
	"testing"
	"testing/synctest"

	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// inspect finds the one call by each of its dialogs.
func (r *rig) inspect(callID, tag string) (info CallInfo, ok bool) {
	r.t.Helper()
	sh := r.stack.ShardFor(callID)
	done := make(chan struct{})
	sh.Post(func() {
		defer close(done)
		if u := sh.Dialog(callID, tag); u != nil {
			info, ok = Inspect(u)
			if ok && CallOf(u) != info.ID {
				r.t.Errorf("call %q and %q", CallOf(u), info.ID)
			}
		}
	})
	<-done
	return info, ok
}

// TestInspect finds a call by the caller's dialog and by that of a contact, while it rings and when a sibling has won.
func TestInspect(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"), require100rel)
		in := b.Expect(t, message.INVITE)
		second := in.Fork()
		in.Ring()
		second.Respond(183, sdpFor(b, "8"))
		ringing := caller.Expect(t, 180)
		synctest.Wait() // for the second one
		check := func(phase string, legs ...string) {
			t.Helper()
			byA, ok := r.inspect(caller.CallID(), ringing.ToTag())
			byB, ok2 := r.inspect(in.CallID(), in.FromTag())
			if !ok || !ok2 || byA.ID == "" || byA.ID != byB.ID || byA.Phase != phase {
				t.Fatalf("by the caller %v %+v, by the contact %v %+v", ok, byA, ok2, byB)
			}
			var got []string
			for _, l := range byA.Legs {
				got = append(got, l.Side+" "+l.Phase)
			}
			if len(got) != len(legs) {
				t.Fatalf("legs %q, want %q", got, legs)
			}
			for i := range legs {
				if got[i] != legs[i] {
					t.Errorf("leg %q, want %q", got[i], legs[i])
				}
			}
		}
		check("ringing", "caller early", "callee ringing", "callee ringing")
		caller.Prack(ringing).Expect(t, 200)
		progress := caller.Expect(t, 183)
		callee := second.Answer(sdpFor(b, "8"))
		callee.ExpectAck(t)
		check("holding", "caller early", "callee up")
		caller.Prack(progress).Expect(t, 200)
		caller.Expect(t, 200)
		caller.Ack()
		check("up", "caller up", "callee up")
		caller.Bye(t)
		callee.ExpectBye(t)
	})
	if _, ok := Inspect(sip.DialogUser(nil)); ok {
		t.Error("a call of nobody")
	}
}
