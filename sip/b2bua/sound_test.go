package b2bua

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// hears checks what an endpoint plays to its phone: "", "music" or "ringback".
func (e *fakeEndpoint) hears(t *testing.T, want string) {
	t.Helper()
	synctest.Wait()
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	got := ""
	switch {
	case e.plays == nil:
	case e.plays.Duration() == media.NewTone(media.Ringback).Duration():
		got = "ringback"
	default:
		got = "music"
	}
	if got != want {
		t.Errorf("it hears %q, want %q", got, want)
	}
}

// TestMusicOnHold: who is held hears music and is sent nothing, whichever side holds, and nobody does when both hold.
func TestMusicOnHold(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		epA, epB := r.ends()
		check := func(wantA, wantB string) {
			t.Helper()
			epA.hears(t, wantA)
			epB.hears(t, wantB)
		}
		check("", "")
		caller.ReInvite(t, sdpFor(a, "8 0", "a=sendonly"))
		check("", "music")
		if f := epB.remote.Formats; f[0].Name != "PCMA" || f[1].Name != "" {
			t.Errorf("formats %+v", f)
		}
		caller.ReInvite(t, sdpFor(a, "8 0", "a=inactive"))
		check("", "music")
		if len(epB.played) != 1 {
			t.Errorf("begun %d times", len(epB.played))
		}
		callee.ReInvite(t, sdpFor(b, "8", "a=sendonly"))
		check("", "")
		caller.ReInvite(t, sdpFor(a, "8 0"))
		check("music", "") // of what it takes, the one format that it was answered with
		if f := epA.remote.Formats; f[0].Name != "PCMA" || f[1].Name != "" {
			t.Errorf("formats %+v", f)
		}
		callee.ReInvite(t, sdpFor(b, "8"))
		check("", "")
		a.ExpectNone(t, message.INVITE, 0)
		b.ExpectNone(t, message.INVITE, 0)
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

// TestRingback goes through what a caller hears while several phones ring.
func TestRingback(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b, c, d := r.phone("a"), r.phone("b"), r.phone("c"), r.phone("d")
		r.numbers["416"] = []string{"b", "c", "d"}
		caller := a.Invite("416", sdpFor(a, "8 0"))
		inB, inC, inD := b.Expect(t, message.INVITE), c.Expect(t, message.INVITE), d.Expect(t, message.INVITE)
		inD.Ring()
		caller.Expect(t, 180) // without a description: it makes its ringback itself
		inB.Respond(183, sdpFor(b, "8"))
		progress := caller.Expect(t, 183)
		epA := r.media.at(t, progress.Body())
		epA.hears(t, "")
		if !epA.anchored {
			t.Error("another phone may win, and the stream is not anchored")
		}
		inC.Respond(183, sdpFor(c, "8"))
		epA.hears(t, "ringback")
		if f := epA.remote.Formats; f[0].Name != "PCMA" || f[1].Name != "" {
			t.Errorf("formats %+v: it was answered with PCMA alone", f)
		}
		inB.Respond(486, "")
		epA.hears(t, "") // one voice is left
		if remote, _ := r.media.bridge[epA].state(); remote.RTP.Addr() != c.Addr().Addr() {
			t.Errorf("heard from %v", remote.RTP)
		}
		inC.Respond(480, "")
		epA.hears(t, "ringback") // no voice, but one phone rings
		callee := inD.Answer(sdpFor(d, "8"))
		ok := caller.Expect(t, 200)
		if string(ok.Body()) != string(progress.Body()) {
			t.Errorf("another answer\n%s", ok.Body())
		}
		epA.hears(t, "")
		caller.Ack()
		callee.ExpectAck(t)
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

// TestNoRingbackForOne: with one phone nothing is played or changed, also when its early media ends the call.
func TestNoRingbackForOne(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller := a.Invite("4b", sdpFor(a, "8 0"))
		in := b.Expect(t, message.INVITE)
		in.Respond(183, sdpFor(b, "8"))
		epA := r.media.at(t, caller.Expect(t, 183).Body())
		epA.hears(t, "")
		if epA.anchored {
			t.Error("anchored for nothing")
		}
		in.Respond(486, "")
		caller.Expect(t, 486)
		if len(epA.played) > 0 {
			t.Error("something was played")
		}
	})
}

// TestSilentEarlyMedia: a phone that describes early media and sends none leaves no caller without a sound.
func TestSilentEarlyMedia(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		for _, c := range []struct {
			name string
			late time.Duration // of its first packet
			want string        // heard before that
		}{
			{"at once", 100 * time.Millisecond, ""},
			{"late", 5 * time.Second, "ringback"},
			{"never", time.Minute, "ringback"},
		} {
			caller := a.Invite("4b", sdpFor(a, "8 0"))
			in := b.Expect(t, message.INVITE)
			in.Respond(180, sdpFor(b, "8"))
			epA, epB := r.media.at(t, caller.Expect(t, 180).Body()), r.media.at(t, in.Body())
			epA.hears(t, "")
			if c.late < listenFor {
				epB.receive(1)
			}
			time.Sleep(listenFor + 50*time.Millisecond) // virtual
			t.Log(c.name)
			epA.hears(t, c.want)
			if c.late < time.Minute {
				epB.receive(10)
				time.Sleep(listenAgain + 50*time.Millisecond) // virtual
				epA.hears(t, "")
				time.Sleep(10 * time.Second) // virtual: media has come once, that will do
				epA.hears(t, "")
			}
			callee := in.Answer(sdpFor(b, "8"))
			caller.Expect(t, 200)
			epA.hears(t, "")
			caller.Ack()
			callee.ExpectAck(t)
			caller.Bye(t)
			callee.ExpectBye(t)
		}
	})
}

// receive counts packets as if they had come.
func (e *fakeEndpoint) receive(n uint64) {
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	e.stats.Packets += n
}
