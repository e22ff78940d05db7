package b2bua

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// crossing is a call on a network that is slow enough for messages to cross.
type crossing struct {
	*rig
	a, b *siptest.Phone
}

// way is how long a message takes.
const way = 20 * time.Millisecond

// underWay waits until what a phone has sent has come to us, and what we send upon it is on its way.
func underWay() {
	time.Sleep(way + way/2) // virtual
	synctest.Wait()
}

// TestRFC5407 plays the races of RFC 5407 section 3 in which we can be, as the callee of a and as the caller of b.
func TestRFC5407(t *testing.T) {
	g722 := "a=rtpmap:9 G722/8000"
	for _, c := range []struct {
		section string
		play    func(t *testing.T, r *crossing)
		result  calls.Result
		by      string
	}{
		{"3.1.1 the INVITE again after the answer", func(t *testing.T, r *crossing) {
			r.lose(server.Addr(), r.a.Addr().Addr(), "SIP/2.0 100", 9)
			r.lose(server.Addr(), r.a.Addr().Addr(), "SIP/2.0 180", 1)
			r.lose(server.Addr(), r.a.Addr().Addr(), "SIP/2.0 200", 1)
			start := time.Now()
			caller := r.a.Invite("4b", sdpFor(r.a, "8"))
			in := r.b.Expect(t, message.INVITE)
			in.Ring()
			callee := in.Answer(sdpFor(r.b, "8"))
			caller.Expect(t, 200) // the answer again, and no other call
			if d := time.Since(start); d < 500*time.Millisecond {
				t.Errorf("nothing was lost: answered after %v", d)
			}
			caller.Ack()
			callee.ExpectAck(t)
			r.b.ExpectNone(t, message.INVITE, time.Second)
			hangUp(t, caller, callee)
		}, calls.Answered, byCaller},
		{"3.1.2 CANCEL crosses our answer", func(t *testing.T, r *crossing) {
			caller, in := r.ringing(r.a, r.b)
			callee := in.Answer(sdpFor(r.b, "8"))
			underWay() // our 200
			x := caller.SendCancel()
			caller.Expect(t, 200)
			x.Expect(t, 200) // without effect
			caller.Ack()
			callee.ExpectAck(t)
			hangUp(t, caller, callee)
		}, calls.Answered, byCaller},
		{"3.1.2 our CANCEL crosses the answer", func(t *testing.T, r *crossing) {
			caller, in := r.ringing(r.a, r.b)
			x := caller.SendCancel()
			underWay() // our CANCEL
			callee := in.Answer(sdpFor(r.b, "8"))
			x.Expect(t, 200)
			caller.Expect(t, 487)
			callee.ExpectAck(t)
			callee.ExpectBye(t)
		}, calls.Cancelled, byCaller},
		{"3.1.3 BYE in the early dialog crosses our answer", func(t *testing.T, r *crossing) {
			caller, in := r.ringing(r.a, r.b)
			callee := in.Answer(sdpFor(r.b, "8"))
			underWay() // our 200
			bye := caller.SendBye()
			caller.Expect(t, 200)
			caller.Ack()
			bye.Expect(t, 200)
			callee.ExpectBye(t)
		}, calls.Answered, byCaller},
		{"3.1.4 re-INVITE before the ACK, the answer was in the 200", func(t *testing.T, r *crossing) {
			caller, callee := r.answered(r.a, r.b)
			caller.ReInvite(t, sdpFor(r.a, "8", "a=sendonly"))
			caller.Ack() // the first one, late
			caller.ReInvite(t, sdpFor(r.a, "8"))
			r.a.ExpectNone(t, message.BYE, 40*time.Second)
			hangUp(t, caller, callee)
		}, calls.Answered, byCaller},
		{"3.1.4 UPDATE before the ACK", func(t *testing.T, r *crossing) {
			caller, callee := r.answered(r.a, r.b)
			caller.Send(message.UPDATE, contentSDP, sdpFor(r.a, "8", "a=sendonly")).Expect(t, 200)
			caller.Ack()
			hangUp(t, caller, callee)
		}, calls.Answered, byCaller},
		{"3.1.5 re-INVITE before the ACK, the offer was in the 200", func(t *testing.T, r *crossing) {
			caller := r.a.Invite("4b", "")
			callee := r.b.Expect(t, message.INVITE).Answer(sdpFor(r.b, "8"))
			caller.Expect(t, 200)
			caller.Send(message.INVITE, contentSDP, sdpFor(r.a, "8")).Expect(t, 491)
			caller.Send(message.UPDATE, contentSDP, sdpFor(r.a, "8")).Expect(t, 491)
			r.a.Send(message.NewRequest(message.ACK, "sip:koppelfeld@10.0.0.1").Add("Via", "SIP/2.0/UDP "+r.a.Addr().String()+";branch=z9hG4bKlate").
				Add("Max-Forwards", "70").Add("From", caller.Local()).Add("To", caller.Remote()).Add("Call-ID", caller.CallID()).
				Add("CSeq", "2 ACK").Finish(contentSDP, []byte(sdpFor(r.a, "8"))))
			callee.ExpectAck(t)
			caller.ReInvite(t, sdpFor(r.a, "8"))
			hangUp(t, caller, callee)
		}, calls.Answered, byCaller},
		{"3.1.6 BYE before the ACK", func(t *testing.T, r *crossing) {
			caller, callee := r.answered(r.a, r.b)
			caller.Bye(t)
			caller.Ack() // late
			callee.ExpectBye(t)
		}, calls.Answered, byCaller},
		{"3.2.1 BYE crosses our BYE", func(t *testing.T, r *crossing) {
			caller, callee := r.connect(r.a, r.b, "4b")
			x := caller.SendBye()
			underWay() // our BYE
			y := callee.SendBye()
			x.Expect(t, 200)
			callee.ExpectBye(t)
			y.Expect(t, 200)
		}, calls.Answered, byCaller},
		{"3.2.2 re-INVITE crosses our BYE", func(t *testing.T, r *crossing) {
			caller, callee := r.connect(r.a, r.b, "4b")
			x := caller.SendBye()
			underWay() // our BYE
			callee.Send(message.INVITE, contentSDP, sdpFor(r.b, "8")).Expect(t, 481)
			x.Expect(t, 200)
			callee.ExpectBye(t)
		}, calls.Answered, byCaller},
		{"3.2.3 the answer to our re-INVITE crosses our BYE", func(t *testing.T, r *crossing) {
			caller, callee := r.connect(r.a, r.b, "4b")
			caller.Send(message.INVITE, contentSDP, sdpFor(r.a, "9", g722))
			in := callee.ExpectRequest(t, message.INVITE)
			x := caller.SendBye()
			underWay() // our BYE
			in.Respond(200, sdpFor(r.b, "9", g722))
			in.ExpectAck(t) // it is acknowledged all the same
			x.Expect(t, 200)
			callee.ExpectBye(t)
		}, calls.Answered, byCaller},
		{"3.2.4 the callee's BYE crosses our ACK", func(t *testing.T, r *crossing) {
			caller := r.a.Invite("4b", sdpFor(r.a, "8"))
			callee := r.b.Expect(t, message.INVITE).Answer(sdpFor(r.b, "8"))
			bye := callee.SendBye()
			callee.ExpectAck(t)
			bye.Expect(t, 200)
			caller.Expect(t, 200)
			caller.Ack()
			caller.ExpectBye(t)
		}, calls.Answered, byCallee},
		{"3.2.4 the callee hangs up before the caller's ACK", func(t *testing.T, r *crossing) {
			caller, callee := r.answered(r.a, r.b)
			callee.Bye(t)
			r.a.ExpectNone(t, message.BYE, 100*time.Millisecond) // ours waits for the ACK (RFC 3261 section 15)
			caller.Ack()
			caller.ExpectBye(t)
		}, calls.Answered, byCallee},
		{"3.3.1 re-INVITE crosses our re-INVITE", func(t *testing.T, r *crossing) {
			caller, callee := r.connect(r.a, r.b, "4b")
			x := caller.Send(message.INVITE, contentSDP, sdpFor(r.a, "9", g722))
			underWay() // ours
			y := callee.Send(message.INVITE, contentSDP, sdpFor(r.b, "8", "a=sendonly"))
			callee.ExpectRequest(t, message.INVITE).Respond(491, "")
			y.Expect(t, 491)
			x.Expect(t, 491)
			callee.ReInvite(t, sdpFor(r.b, "8", "a=sendonly"))
			hangUp(t, caller, callee)
		}, calls.Answered, byCaller},
		{"3.3.2 UPDATE crosses our re-INVITE", func(t *testing.T, r *crossing) {
			caller, callee := r.connect(r.a, r.b, "4b")
			x := caller.Send(message.INVITE, contentSDP, sdpFor(r.a, "9", g722))
			underWay() // ours
			y := callee.Send(message.UPDATE, contentSDP, sdpFor(r.b, "8", "a=sendonly"))
			callee.ExpectRequest(t, message.INVITE).Respond(491, "")
			y.Expect(t, 491)
			x.Expect(t, 491)
			hangUp(t, caller, callee)
		}, calls.Answered, byCaller},
		{"3.3.3 REFER crosses our BYE", func(t *testing.T, r *crossing) {
			caller, callee := r.connect(r.a, r.b, "4b")
			x := caller.SendBye()
			underWay() // our BYE
			callee.Refer("4a", "").Expect(t, 481)
			x.Expect(t, 200)
			callee.ExpectBye(t)
		}, calls.Answered, byCaller},
	} {
		t.Run(c.section, func(t *testing.T) {
			run(t, nil, func(t *testing.T, rg *rig) {
				r := &crossing{rig: rg, a: rg.phone("a"), b: rg.phone("b")}
				r.net.SetDefault(siptest.Link{Delay: way})
				c.play(t, r)
				if rec := r.last(); rec.Result != c.result || rec.HangupBy != c.by {
					t.Errorf("record %s by %q (%s), want %s by %q", rec.Result, rec.HangupBy, rec.Cause, c.result, c.by)
				}
			})
		})
	}
}

// TestRFC5407States goes through the states of section 2 as they are to be seen of us: which request is taken in which.
func TestRFC5407States(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, in := r.ringing(a, b)
		// Early: neither a second INVITE nor an offer before the first is answered, but what needs none.
		caller.Send(message.INVITE, contentSDP, sdpFor(a, "8")).Expect(t, 500)
		caller.Send(message.UPDATE, contentSDP, sdpFor(a, "8")).Expect(t, 500)
		caller.Send(message.UPDATE, "", "").Expect(t, 200)
		callee := in.Answer(sdpFor(b, "8"))
		caller.Expect(t, 200)
		// Moratorium: see above. Established:
		caller.Ack()
		callee.ExpectAck(t)
		caller.ReInvite(t, sdpFor(a, "8"))
		// Mortal, then terminated:
		bye := caller.SendBye()
		callee.ExpectRequest(t, message.BYE) // not answered yet
		bye.Expect(t, 200)
		callee.Send(message.INFO, "", "").Expect(t, 481)
		caller.Send(message.INVITE, contentSDP, sdpFor(a, "8")).Expect(t, 481)
	})
}
