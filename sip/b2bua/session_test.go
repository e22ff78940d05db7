package b2bua

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

func TestSessionTimerWeRefresh(t *testing.T) {
	for _, update := range []bool{true, false} {
		t.Run(map[bool]string{true: "UPDATE", false: "INVITE"}[update], func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				lines := []string{"Supported: timer", "Session-Expires: 200"}
				method := message.INVITE
				if update {
					lines = append(lines, "Allow: INVITE, ACK, BYE, UPDATE")
					method = message.UPDATE
				}
				caller := a.Invite("4b", sdpFor(a, "8"), lines...)
				callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8"), "Session-Expires: 1800;refresher=uas")
				ok := caller.Expect(t, 200)
				if ok.Header(message.HSessionExpires) != "200;refresher=uas" {
					t.Errorf("Session-Expires %q", ok.Header(message.HSessionExpires))
				}
				caller.Ack()
				callee.ExpectAck(t)
				for range 3 {
					start := time.Now()
					time.Sleep(90 * time.Second)
					in := caller.ExpectRequest(t, method)
					if d := time.Since(start); d < 99*time.Second || d > 101*time.Second {
						t.Errorf("refreshed after %v", d)
					}
					if method == message.INVITE {
						if string(in.Body()) != string(ok.Body()) {
							t.Errorf("refresh changes the description:\n%s\n%s", ok.Body(), in.Body())
						}
						in.Respond(200, sdpFor(a, "8"), "Session-Expires: 200;refresher=uac")
						in.ExpectAck(t)
					} else {
						in.Respond(200, "", "Session-Expires: 200;refresher=uac")
					}
				}
				caller.Bye(t)
				callee.ExpectBye(t)
			})
		})
	}
}

func TestSessionTimerPeerRefreshes(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		lines := []string{"Supported: timer", "Session-Expires: 100;refresher=uac"}
		caller := a.Invite("4b", sdpFor(a, "8"), lines...)
		callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8"))
		ok := caller.Expect(t, 200)
		if ok.Header(message.HSessionExpires) != "100;refresher=uac" || !ok.HasToken(message.HRequire, "timer") {
			t.Errorf("Session-Expires %q", ok.Header(message.HSessionExpires))
		}
		caller.Ack()
		callee.ExpectAck(t)
		time.Sleep(50 * time.Second)
		caller.Send(message.UPDATE, "", "", lines...).Expect(t, 200)
		time.Sleep(60 * time.Second) // 10 s more than without the refresh
		if r.ua.Active() != 1 {
			t.Error("ended in spite of the refresh")
		}
		caller.ExpectBye(t) // the caller has vanished as far as the timer knows
		callee.ExpectBye(t)
		r.expectRecord(calls.Answered, 200, bySystem)
	})
}

func TestCallerVanishes(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		_, callee := r.connect(a, b, "4b")
		a.Close()
		time.Sleep(890 * time.Second)
		callee.ExpectRequest(t, message.INVITE).Respond(200, sdpFor(b, "8")) // the refresh on its side
		callee.ExpectBye(t)
		r.expectRecord(calls.Answered, 200, bySystem)
	})
}

func TestHangupFromOutside(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		list, _ := r.table.List("", 10)
		if len(list) != 1 || list[0].State != calls.Up || list[0].ToSlot != "b" {
			t.Fatalf("calls %+v", list)
		}
		if !r.table.Hangup(list[0].ID, "ended by the administrator") {
			t.Fatal("no such call")
		}
		caller.ExpectBye(t)
		callee.ExpectBye(t)
		rec := r.expectRecord(calls.Answered, 200, bySystem)
		if rec.Cause != "ended by the administrator" {
			t.Errorf("cause %q", rec.Cause)
		}
	})
}

func TestStop(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b, c := r.phone("a"), r.phone("b"), r.phone("c")
		caller, callee := r.connect(a, b, "4b")
		ringing := a.Invite("4c", sdpFor(a, "8"))
		c.Expect(t, message.INVITE).Ring()
		ringing.Expect(t, 180)
		done := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			done <- r.ua.Stop(ctx, "the system stops")
		}()
		caller.ExpectBye(t)
		callee.ExpectBye(t)
		ringing.Expect(t, 487)
		c.Expect(t, message.CANCEL)
		if err := <-done; err != nil {
			t.Error(err)
		}
		a.Invite("4b", sdpFor(a, "8")).Expect(t, 503)
	})
}

func TestStopGivesUp(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		r.connect(a, b, "4b")
		a.Close()
		b.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := r.ua.Stop(ctx, "the system stops"); err == nil {
			t.Error("phones that are gone have answered?")
		}
	})
}

func TestSilence(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8"))
		ok := caller.Expect(t, 200)
		caller.Ack()
		callee.ExpectAck(t)
		ep := r.media.bridge[r.media.at(t, ok.Body())]
		time.Sleep(2 * time.Second)
		ep.notify(media.Event{Kind: media.Timeout})
		caller.ExpectBye(t)
		callee.ExpectBye(t)
		rec := r.expectRecord(calls.Answered, 200, bySystem)
		if rec.Cause != "no audio came from the callee for 2m0s" {
			t.Errorf("cause %q", rec.Cause)
		}
		if !strings.HasPrefix(rec.MediaNote, "no audio in either direction: no audio came from the caller (slot a): no packet arrived at 10.0.0.9:") {
			t.Errorf("note %q", rec.MediaNote)
		}
	})
}

func TestMediaNotes(t *testing.T) {
	heard := media.Stats{
		Packets: 100, Bytes: 17200, FirstAfter: 60 * time.Millisecond, Codec: "PCMA",
		Announced: netip.MustParseAddrPort("192.168.1.7:4000"), Source: netip.MustParseAddrPort("192.168.1.7:4000"),
	}
	nat := heard
	nat.Source = netip.MustParseAddrPort("10.1.2.3:4711")
	deaf := media.Stats{FirstAfter: -1, Announced: netip.MustParseAddrPort("192.168.1.7:4000"), Rejected: netip.MustParseAddrPort("10.6.6.6:9")}
	for _, c := range []struct {
		name string
		a, b media.Stats
		want string
	}{
		{"all well", heard, heard, ""},
		{"behind NAT", nat, heard, "packets of the caller (slot a) came from 10.1.2.3:4711, not from the offered 192.168.1.7:4000; latched after 60ms"},
		{"one way", heard, deaf, "no audio came from the callee (slot b): no packet arrived at 10.0.0.9:20004, it had offered 192.168.1.7:4000; packets from 10.6.6.6:9 were not accepted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				caller := a.Invite("4b", sdpFor(a, "8"))
				callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8"))
				ok := caller.Expect(t, 200)
				caller.Ack()
				callee.ExpectAck(t)
				ep := r.media.at(t, ok.Body())
				ep.stats, r.media.bridge[ep].stats = c.a, c.b
				time.Sleep(5 * time.Second)
				caller.Bye(t)
				callee.ExpectBye(t)
				rec := r.last()
				if rec.MediaNote != c.want {
					t.Errorf("got  %q\nwant %q", rec.MediaNote, c.want)
				}
				if m := rec.MediaCaller; m == nil || m.Packets != 100 || m.FirstMS != 60 || m.Codec != "PCMA" {
					t.Errorf("figures %+v", m)
				}
			})
		})
	}
}

func TestOverTCPAndCut(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a", func(c *siptest.PhoneConfig) { c.Proto = transport.TCP })
		b := r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		r.net.Cut(a.Addr().Addr(), server.Addr())
		time.Sleep(10 * time.Second)
		if r.ua.Active() != 1 {
			t.Error("the call ended with its connection")
		}
		callee.Bye(t)
		_ = caller
		r.expectRecord(calls.Answered, 200, byCallee)
	})
}

func TestConnectionCutWhileRinging(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a", func(c *siptest.PhoneConfig) { c.Proto = transport.TCP })
		b := r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		in.Ring()
		caller.Expect(t, 180)
		r.net.Cut(a.Addr().Addr(), server.Addr())
		time.Sleep(time.Second)
		callee := in.Answer(sdpFor(b, "8")) // nobody acknowledges
		callee.ExpectAck(t)
		callee.ExpectBye(t)
		r.expectRecord(calls.Answered, 200, bySystem)
	})
}

func TestFaultEndsOneCallOnly(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		r.router.mu.Lock()
		r.router.panics = true
		r.router.mu.Unlock()
		a.Invite("4b", sdpFor(a, "8")).Expect(t, 500)
		rec := r.last()
		if rec.Result != calls.Failed || rec.Cause != "internal error" {
			t.Errorf("record %+v", rec)
		}
		if r.ua.Panics() != 1 || r.ua.Active() != 1 {
			t.Errorf("%d panics, %d calls", r.ua.Panics(), r.ua.Active())
		}
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

func TestEvents(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		sub := r.bus.Subscribe("test", 100)
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		caller.Bye(t)
		callee.ExpectBye(t)
		synctest.Wait()
		sub.Cancel()
		var got []string
		for e := range sub.C {
			got = append(got, string(e.Type)+" "+string(e.Call.State))
		}
		want := "call.started routing, call.ringing ringing, call.answered up, call.ended ended"
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("events %s", s)
		}
	})
}

func TestRefreshRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		first  message.Method
		status int
		lines  []string
		second message.Method // how it is tried again
		within time.Duration
	}{
		{"glare", message.UPDATE, 491, nil, message.UPDATE, 4 * time.Second},
		{"UPDATE unknown", message.UPDATE, 405, nil, message.INVITE, time.Second},
		{"interval too small", message.INVITE, 422, []string{"Min-SE: 400"}, message.INVITE, time.Second},
		{"busy with something", message.INVITE, 500, nil, message.INVITE, 11 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				lines := []string{"Supported: timer", "Session-Expires: 200"}
				if c.first == message.UPDATE {
					lines = append(lines, "Allow: UPDATE")
				}
				caller := a.Invite("4b", sdpFor(a, "8"), lines...)
				callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8"))
				caller.Expect(t, 200)
				caller.Ack()
				callee.ExpectAck(t)
				time.Sleep(95 * time.Second)
				caller.ExpectRequest(t, c.first).Respond(c.status, "", c.lines...)
				start := time.Now()
				in := caller.ExpectRequest(t, c.second)
				if d := time.Since(start); d > c.within {
					t.Errorf("tried again after %v", d)
				}
				if c.status == 422 && (in.Header(message.HMinSE) != "400" || in.Header(message.HSessionExpires) != "400;refresher=uac") {
					t.Errorf("Min-SE %q Session-Expires %q", in.Header(message.HMinSE), in.Header(message.HSessionExpires))
				}
				body := ""
				if c.second == message.INVITE {
					body = sdpFor(a, "8")
				}
				in.Respond(200, body)
				caller.Bye(t)
				callee.ExpectBye(t)
			})
		})
	}
}

func TestRefreshRefusedUntilTheSessionIsOver(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8"), "Supported: timer", "Session-Expires: 100")
		callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8"))
		caller.Expect(t, 200)
		caller.Ack()
		callee.ExpectAck(t)
		time.Sleep(45 * time.Second)
		for range 2 {
			caller.ExpectRequest(t, message.INVITE).Respond(503, "")
		}
		caller.ExpectBye(t)
		callee.ExpectBye(t)
		r.expectRecord(calls.Answered, 200, bySystem)
	})
}

func TestContactWithoutFlow(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		r.loc.contacts["b"] = []Contact{{URI: "sip:b@host.example"}, {URI: b.Contact()}, {URI: "sip:b@10.0.0.77", Path: []string{"<sip:10.0.0.78;lr>"}}}
		caller, callee := r.answered(a, b)
		caller.Ack()
		callee.ExpectAck(t)
		caller.Bye(t)
		callee.ExpectBye(t)
		if rec := r.last(); len(rec.Legs) != 3 || rec.Legs[0].Result != "error" || rec.Legs[1].Result != "answered" {
			t.Errorf("legs %+v", rec.Legs)
		}
	})
}

func TestWantedNumber(t *testing.T) {
	for _, c := range []struct{ from, ppi, want string }{
		{"sip:417@x", "", "417"},
		{"sip:account@x", "", ""},
		{"sip:a@x", "", ""},
		{"sip:417@x", "<sip:418@x>", "418"},
		{"sip:417@x", "\"Armin\" <tel:+49661418>", "+49661418"},
		{"sip:417@x", "<sip:account@x>", ""},
		{"sip:%34%317@x", "", "417"},
	} {
		b := message.NewRequest(message.INVITE, "sip:1@x").Add("Via", "SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKx").Add("Max-Forwards", "70").
			Add("From", "<"+c.from+">;tag=x").Add("To", "<sip:1@x>").Add("Call-ID", "x").Add("CSeq", "1 INVITE")
		if c.ppi != "" {
			b.Add("P-Preferred-Identity", c.ppi)
		}
		m, err := message.Parse(b.Finish("", nil))
		if err != nil {
			t.Fatal(err)
		}
		if got := wantedNumber(m, "account"); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.from, c.ppi, got, c.want)
		}
	}
}
