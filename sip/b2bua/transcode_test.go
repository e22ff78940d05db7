package b2bua

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

const events101 = "a=rtpmap:101 telephone-event/8000"

func formatNames(f media.Formats) string {
	var names []string
	for _, x := range f {
		if x.Name != "" {
			names = append(names, itoa(x.PayloadType)+" "+x.Name)
		}
	}
	return strings.Join(names, ", ")
}

// recodedCall is a call from a phone with PCMU to one with G722, which refuses the first offer with a status.
func recodedCall(t *testing.T, r *rig, refusal int) (caller, callee *siptest.Call, a, b *siptest.Phone) {
	t.Helper()
	a, b = r.phone("a"), r.phone("b")
	caller = a.Invite("4b", sdpFor(a, "0 101", events101))
	in := b.Expect(t, message.INVITE)
	if !strings.Contains(string(in.Body()), "RTP/AVP 0 101\r") {
		t.Errorf("first offer\n%s", in.Body())
	}
	in.Respond(refusal, "")
	in = b.Expect(t, message.INVITE)
	r.offer = in.Body()
	if !strings.Contains(string(in.Body()), "RTP/AVP 0 8 9 101\r") {
		t.Errorf("second offer\n%s", in.Body())
	}
	callee = in.Answer(sdpFor(b, "9 96", g722, "a=rtpmap:96 telephone-event/8000"))
	ok := caller.Expect(t, 200)
	if !strings.Contains(string(ok.Body()), "RTP/AVP 0 101\r") || strings.Contains(string(ok.Body()), "G722") {
		t.Errorf("answer\n%s", ok.Body())
	}
	caller.Ack()
	callee.ExpectAck(t)
	synctest.Wait()
	return caller, callee, a, b
}

// TestRecoded: two phones without a codec in common talk by way of the media plane, which is told what either side sends
// and takes; hold, new addresses and offers of either side stay within what it has.
func TestRecoded(t *testing.T) {
	for _, refusal := range []int{488, 415, 606} {
		run(t, nil, func(t *testing.T, r *rig) {
			caller, callee, a, b := recodedCall(t, r, refusal)
			epA, epB := r.ends()
			check := func() {
				t.Helper()
				synctest.Wait()
				for _, x := range []struct{ name, got, want string }{
					{"the caller takes", formatNames(epA.remote.Formats), "0 PCMU, 101 telephone-event"},
					{"the caller sends", formatNames(epA.remote.Sends), "0 PCMU, 101 telephone-event"},
					{"the callee takes", formatNames(epB.remote.Formats), "9 G722, 96 telephone-event"},
					{"the callee sends", formatNames(epB.remote.Sends), "0 PCMU, 8 PCMA, 9 G722, 101 telephone-event"},
				} {
					if x.got != x.want && !(x.name == "the callee sends" && x.got == "9 G722, 101 telephone-event") {
						t.Errorf("%s %s, want %s", x.name, x.got, x.want)
					}
				}
			}
			check()
			res := caller.ReInvite(t, sdpFor(a, "0 101", events101, "a=sendonly"))
			if !strings.Contains(string(res.Body()), "RTP/AVP 0 101\r") {
				t.Errorf("the caller's hold is answered\n%s", res.Body())
			}
			epB.hears(t, "music")
			check()
			caller.ReInvite(t, sdpFor(a, "0 101", events101))
			res = callee.ReInvite(t, sdpFor(b, "9 96", g722, "a=rtpmap:96 telephone-event/8000", "a=sendonly"))
			if !strings.Contains(string(res.Body()), "RTP/AVP 9 ") {
				t.Errorf("the callee's hold is answered\n%s", res.Body())
			}
			callee.ReInvite(t, sdpFor(b, "9 96", g722, "a=rtpmap:96 telephone-event/8000"))
			check()
			a.ExpectNone(t, message.INVITE, 0)
			b.ExpectNone(t, message.INVITE, 0)
			caller.Bye(t)
			callee.ExpectBye(t)
		})
	}
}

// TestRecodedOffers: what is carried across is put into the codecs of the other side.
func TestRecodedOffers(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		caller, callee, a, _ := recodedCall(t, r, 488)
		video := "m=video 4010 RTP/AVP 99\r\na=rtpmap:99 H264/90000"
		x := caller.Send(message.INVITE, contentSDP, sdpFor(a, "0 101", events101, video))
		in := callee.ExpectRequest(t, message.INVITE)
		if !strings.Contains(string(in.Body()), "RTP/AVP 9 96\r") || !strings.Contains(string(in.Body()), "m=video") {
			t.Errorf("offer\n%s", in.Body())
		}
		in.Respond(488, "")
		x.Expect(t, 488)
		res := callee.Send(message.INVITE, "", "").Expect(t, 200) // all that the other side can do
		if !strings.Contains(string(res.Body()), "RTP/AVP 9 96\r") {
			t.Errorf("offer\n%s", res.Body())
		}
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

// TestNotRecoded: nothing is recoded that need not be, or cannot.
func TestNotRecoded(t *testing.T) {
	for _, c := range []struct {
		name, offer string
		media       bool
		refusal     int
	}{
		{"refused for another reason", "0", true, 486},
		{"nothing that we speak", "18", true, 488},
		{"all that we speak", "0 8 9", true, 488},
		{"without the relay", "0", false, 488},
	} {
		t.Run(c.name, func(t *testing.T) {
			change := func(*Config) {}
			if !c.media {
				change = func(cfg *Config) { cfg.Media = nil }
			}
			run(t, change, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", sdpFor(a, c.offer))
				in := b.Expect(t, message.INVITE)
				in.Respond(c.refusal, "")
				caller.Expect(t, c.refusal)
				b.ExpectNone(t, message.INVITE, 0)
			})
		})
	}
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		epA, epB := r.ends()
		if epA.remote.Sends != (media.Formats{}) || epB.remote.Sends != (media.Formats{}) {
			t.Errorf("%+v %+v", epA.remote, epB.remote)
		}
		caller.Bye(t)
		callee.ExpectBye(t)
	})
	// A wide offer is refused too: that is the end.
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "0"))
		b.Expect(t, message.INVITE).Respond(488, "")
		b.Expect(t, message.INVITE).Respond(488, "")
		caller.Expect(t, 488)
		b.ExpectNone(t, message.INVITE, 0)
	})
}

// TestRecodedAndProtected: a phone over TLS that refuses is asked without protection, then with other codecs, protected again.
func TestRecodedAndProtected(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		r.over("TLS", b)
		caller := a.Invite("4b", sdpFor(a, "0"))
		var in *siptest.Request
		for i, want := range []string{"RTP/SAVP 0\r", "RTP/AVP 0\r", "RTP/SAVP 0 8 9\r", "RTP/AVP 0 8 9\r"} {
			in = b.Expect(t, message.INVITE)
			if !strings.Contains(string(in.Body()), want) {
				t.Errorf("offer %d\n%s", i, in.Body())
			}
			if i < 3 {
				in.Respond(488, "")
			}
		}
		callee := in.Answer(sdpFor(b, "9", g722))
		ok := caller.Expect(t, 200)
		if !strings.Contains(string(ok.Body()), "RTP/AVP 0\r") {
			t.Errorf("answer\n%s", ok.Body())
		}
		caller.Ack()
		callee.ExpectAck(t)
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}
