package b2bua

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

const g722 = "a=rtpmap:9 G722/8000"

// ends are the two endpoints of a call that is up: what is sent to the caller, what to the callee.
func (r *rig) ends() (a, b *fakeEndpoint) {
	r.t.Helper()
	b = r.media.at(r.t, r.offer)
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	for x, y := range r.media.bridge {
		if y == b {
			a = x
		}
		if x == b {
			a = y
		}
	}
	return a, b
}

func (e *fakeEndpoint) flows() string {
	m, _ := e.state()
	return map[bool]string{true: "send", false: "-"}[m.Send] + map[bool]string{true: "receive", false: "-"}[m.Receive]
}

// TestBothHold: holds are counted on each side, and one side's resume does not end the other's.
func TestBothHold(t *testing.T) {
	for _, first := range []string{"a resumes first", "b resumes first"} {
		t.Run(first, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller, callee := r.connect(a, b, "4b")
				epA, epB := r.ends()
				check := func(wantA, wantB string) {
					t.Helper()
					synctest.Wait()
					if gotA, gotB := epA.flows(), epB.flows(); gotA != wantA || gotB != wantB {
						t.Errorf("caller's side %s, callee's %s; want %s, %s", gotA, gotB, wantA, wantB)
					}
				}
				check("sendreceive", "sendreceive")
				caller.ReInvite(t, sdpFor(a, "8 0", "a=sendonly"))
				check("-receive", "sendreceive")
				caller.ReInvite(t, sdpFor(a, "8 0", "a=inactive")) // on hold already: nested
				check("--", "sendreceive")
				res := callee.ReInvite(t, sdpFor(b, "8", "a=sendonly"))
				if !strings.Contains(string(res.Body()), "a=recvonly") {
					t.Errorf("answer\n%s", res.Body())
				}
				check("--", "-receive")
				resume := []func(){
					func() { caller.ReInvite(t, sdpFor(a, "8 0")) },
					func() { callee.ReInvite(t, sdpFor(b, "8")) },
				}
				if first[0] == 'b' {
					resume[1]()
					check("--", "sendreceive")
					resume[0]()
				} else {
					resume[0]()
					check("sendreceive", "-receive")
					resume[1]()
				}
				check("sendreceive", "sendreceive")
				a.ExpectNone(t, message.INVITE, time.Second)
				b.ExpectNone(t, message.INVITE, time.Second)
				caller.Bye(t)
				callee.ExpectBye(t)
			})
		})
	}
}

// TestResumeElsewhere: a hold of the old kind, and a resume at another address.
func TestResumeElsewhere(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		epA, _ := r.ends()
		caller.ReInvite(t, strings.ReplaceAll(sdpFor(a, "8 0"), "IN IP4 "+a.Addr().Addr().String(), "IN IP4 0.0.0.0"))
		synctest.Wait()
		if m, expect := epA.state(); m.Send || expect {
			t.Errorf("on hold: %+v, expecting %v", m, expect)
		}
		res := caller.ReInvite(t, strings.NewReplacer(a.Addr().Addr().String(), "10.9.9.9", "audio 4000", "audio 4444").Replace(sdpFor(a, "8 0")))
		if strings.Contains(string(res.Body()), "0.0.0.0") {
			t.Errorf("answer\n%s", res.Body())
		}
		if m, expect := epA.state(); m.RTP.String() != "10.9.9.9:4444" || !m.Send || !expect {
			t.Errorf("resumed: %+v, expecting %v", m, expect)
		}
		b.ExpectNone(t, message.INVITE, time.Second)
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

// TestReinviteOfTheHeldSide: who is held changes its codec; the other side answers from its hold, and its resume has to be
// told to who was told of the hold.
func TestReinviteOfTheHeldSide(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		caller.ReInvite(t, sdpFor(a, "8 0", "a=sendonly"))
		x := callee.Send(message.INVITE, contentSDP, sdpFor(b, "9", g722))
		in := caller.ExpectRequest(t, message.INVITE)
		if strings.Contains(string(in.Body()), "a=sendonly") || strings.Contains(string(in.Body()), "a=inactive") {
			t.Errorf("the held side's offer became\n%s", in.Body())
		}
		in.Respond(200, sdpFor(a, "9", g722, "a=sendonly"))
		in.ExpectAck(t)
		res := x.Expect(t, 200)
		if !strings.Contains(string(res.Body()), "a=sendonly") {
			t.Errorf("answer\n%s", res.Body())
		}
		ackOf(b, res)
		caller.ReInvite(t, sdpFor(a, "9", g722))
		woken := callee.ExpectRequest(t, message.INVITE)
		if strings.Contains(string(woken.Body()), "a=sendonly") {
			t.Errorf("the callee is offered\n%s", woken.Body())
		}
		woken.Respond(200, sdpFor(b, "9", g722))
		woken.ExpectAck(t)
		synctest.Wait()
		epA, epB := r.ends()
		if epA.flows() != "sendreceive" || epB.flows() != "sendreceive" {
			t.Errorf("caller's side %s, callee's %s", epA.flows(), epB.flows())
		}
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

// TestCallBegunOnHold: the callee was told of the hold with the call, so it has to hear of its end.
func TestCallBegunOnHold(t *testing.T) {
	for _, dir := range []string{"sendonly", "inactive"} {
		t.Run(dir, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", sdpFor(a, "8", "a="+dir))
				in := b.Expect(t, message.INVITE)
				answer := map[string]string{"sendonly": "a=recvonly", "inactive": "a=inactive"}[dir]
				callee := in.Answer(sdpFor(b, "8", answer))
				caller.Expect(t, 200)
				caller.Ack()
				callee.ExpectAck(t)
				caller.ReInvite(t, sdpFor(a, "8"))
				woken := callee.ExpectRequest(t, message.INVITE)
				if strings.Contains(string(woken.Body()), "a="+dir) {
					t.Errorf("offer\n%s", woken.Body())
				}
				woken.Respond(200, sdpFor(b, "8"))
				woken.ExpectAck(t)
				caller.Bye(t)
				callee.ExpectBye(t)
			})
		})
	}
}

// TestRefusedReinviteRestoresBothLegs: what one side refuses leaves no trace on the other, whatever it refuses with.
func TestRefusedReinviteRestoresBothLegs(t *testing.T) {
	video := "m=video 4010 RTP/AVP 99\r\na=rtpmap:99 H264/90000"
	for _, c := range []struct {
		name   string
		status int
		body   func(p *siptest.Phone) string
		want   int
	}{
		{"codec, 488", 488, func(p *siptest.Phone) string { return sdpFor(p, "9", g722) }, 488},
		{"video, 415", 415, func(p *siptest.Phone) string { return sdpFor(p, "8", video) }, 415},
		{"video, 500", 500, func(p *siptest.Phone) string { return sdpFor(p, "8", video) }, 500},
		{"codec, 200 without an answer", 200, func(p *siptest.Phone) string { return sdpFor(p, "9", g722) }, 488},
		{"codec, redirected", 302, func(p *siptest.Phone) string { return sdpFor(p, "9", g722) }, 488},
		{"codec, challenged", 401, func(p *siptest.Phone) string { return sdpFor(p, "9", g722) }, 488},
	} {
		for _, method := range []message.Method{message.INVITE, message.UPDATE} {
			t.Run(c.name+" "+string(method), func(t *testing.T) {
				run(t, nil, func(t *testing.T, r *rig) {
					a, b := r.phone("a"), r.phone("b")
					caller, callee := r.connect(a, b, "4b")
					epA, epB := r.ends()
					before := [2]media.Remote{epA.remote, epB.remote}
					for range 2 { // a second time nothing has changed either
						x := caller.Send(method, contentSDP, c.body(a))
						in := callee.ExpectRequest(t, message.INVITE)
						in.Respond(c.status, "")
						in.ExpectAck(t)
						x.Expect(t, c.want)
					}
					synctest.Wait()
					if epA.remote != before[0] || epB.remote != before[1] {
						t.Errorf("endpoints %+v %+v, were %+v", epA.remote, epB.remote, before)
					}
					// Both sides go on from where they were.
					held := caller.ReInvite(t, sdpFor(a, "8 0", "a=sendonly"))
					if !strings.Contains(string(held.Body()), "RTP/AVP 8\r") || strings.Contains(string(held.Body()), "m=video") {
						t.Errorf("answer\n%s", held.Body())
					}
					res := callee.ReInvite(t, sdpFor(b, "8"))
					if !strings.Contains(string(res.Body()), "RTP/AVP 8\r") || strings.Contains(string(res.Body()), "m=video") {
						t.Errorf("answer\n%s", res.Body())
					}
					caller.Bye(t)
					callee.ExpectBye(t)
				})
			})
		}
	}
}

// TestOriginGrows: the version of our o= line never goes back, also after refused offers (RFC 3264 section 8).
func TestOriginGrows(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		last := version(t, r.offer)
		for range 3 {
			x := caller.Send(message.INVITE, contentSDP, sdpFor(a, "9", g722))
			in := callee.ExpectRequest(t, message.INVITE)
			if v := version(t, in.Body()); v <= last {
				t.Errorf("version %d after %d", v, last)
			} else {
				last = v
			}
			in.Respond(488, "")
			x.Expect(t, 488)
		}
		res := callee.ReInvite(t, sdpFor(b, "8", "a=sendonly"))
		if v := version(t, res.Body()); v <= last {
			t.Errorf("version %d after %d", v, last)
		}
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

func version(t *testing.T, body []byte) (n int) {
	t.Helper()
	for l := range strings.SplitSeq(string(body), "\r\n") {
		if f := strings.Fields(l); strings.HasPrefix(l, "o=") && len(f) > 2 {
			for _, c := range f[2] {
				n = n*10 + int(c-'0')
			}
		}
	}
	return n
}
