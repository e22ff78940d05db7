//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestBaresipTransfers: armin's desk phone sends iris on to his DECT phone. The two hear each other, the desk phone is out of
// it, and two records tell who talked to whom.
func TestBaresipTransfers(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			d := newDaemon(t, "sqlite")
			d.start()
			armin, iris := d.slots("armin.artmann"), d.slots("iris.immsee")
			d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin["desk"].ID}, "4161": {armin["dect"].ID}, "4162": {}}, nil)
			const toneDECT = 700
			desk := startPhone(t, phoneOptions{name: "desk", account: armin["desk"], server: d.sip, transport: transport, tone: toneArmin})
			dect := startPhone(t, phoneOptions{name: "dect", account: armin["dect"], server: d.sip, transport: transport, tone: toneDECT})
			caller := startPhone(t, phoneOptions{name: "iris", account: iris["desk"], server: d.sip, transport: transport, tone: toneIris})

			caller.command("dial", "sip:416@koppelfeld.example")
			desk.await("CALL_INCOMING")
			desk.command("accept", "")
			caller.await("CALL_ESTABLISHED")
			heardFor(t, time.Second, desk, caller)
			desk.command("transfer", "sip:4161@koppelfeld.example")
			dect.await("CALL_INCOMING")
			dect.command("accept", "")
			dect.await("CALL_ESTABLISHED")
			desk.await("CALL_CLOSED")
			heardFor(t, 3*time.Second, dect)
			if caller.saw("CALL_CLOSED") {
				t.Error("the transferred phone's call was closed")
			}
			dect.command("hangup", "")
			caller.await("CALL_CLOSED")
			eventually(t, 5*time.Second, "no call is left", func() bool { return d.activeCalls() == 0 })
			for _, heard := range []struct {
				p  *phone
				hz float64
			}{{dect, toneIris}, {caller, toneDECT}} {
				if share, blocks := heard.p.purity(heard.hz); blocks < 6 || share < 0.5 {
					t.Errorf("%s heard %.0f Hz in %.0f %% of %d blocks", heard.p.name, heard.hz, share*100, blocks)
				}
			}
			second := d.awaitRecords(2)
			first := d.records()[1]
			if first.Result != "answered" || first.From != "417" || first.To != "416" || first.ToSlot != armin["desk"].ID || first.HangupBy != "callee" ||
				!strings.Contains(first.Cause, "transferred the call to 4161") {
				t.Errorf("first record %+v", first)
			}
			if second.Result != "answered" || second.From != "417" || second.To != "4161" || second.ToSlot != armin["dect"].ID || second.HangupBy != "callee" {
				t.Errorf("second record %+v", second)
			}
		})
	}
}

// TestAttendedTransferOfTwoCalls: iris talks to 416 and to 4161 and joins the two; she hangs up both as soon as the REFER is
// accepted, as some phones do. Audio flows between the two who are left.
func TestAttendedTransferOfTwoCalls(t *testing.T) {
	for round := range 3 { // the calls lie in one shard or in two by chance
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			r := newPair(t)
			armin := r.slots("armin.artmann")
			dect := armin["dect"]
			r.callee = armin["desk"]
			r.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {r.callee.ID}, "4161": {dect.ID}, "4162": {}}, nil)
			callee, iris := r.phones(t, "UDP")
			other := newPeer(t, r.daemon, dect, "TCP", "127.0.0.1:0")
			other.register()
			t.Cleanup(func() { other.unregister() })

			va, vb := newVoice(t), newVoice(t)
			call := func(number string, p *peer, v *voice) (near, far *talk) {
				near = iris.dial("sip:"+number+"@"+domain, "", description("127.0.0.1", 4000, 1, "", pcmu...))
				far = p.ring()
				far.pickUp(description("127.0.0.1", v.port, 1, "", pcmu...))
				near.answered("")
				return near, far
			}
			first, a := call("416", callee, va)
			second, b := call("4161", other, vb)
			_, to, _ := strings.Cut(second.other, ";tag=")
			_, from, _ := strings.Cut(second.local, ";tag=")
			replaces := second.callID + "%3Bto-tag%3D" + to + "%3Bfrom-tag%3D" + from
			first.send("REFER", "Refer-To: <sip:4161@"+domain+"?Replaces="+replaces+">\nReferred-By: <"+iris.aor()+">\n", "")
			iris.await("202 REFER")
			first.send("BYE", "", "")
			second.send("BYE", "", "")
			go answerAll(iris)

			media := func(k *talk, v *voice) string {
				t.Helper()
				re := k.p.await("INVITE")
				k.p.reply(re, "200 OK", "Contact: <"+k.p.contact()+">\nContent-Type: application/sdp\n", description("127.0.0.1", v.port, 2, "", pcmu...))
				k.p.await("ACK")
				return mediaOf(t, re.body)
			}
			toA := media(a, va)
			toB := media(b, vb)
			hushA, hushB := va.speak(t, toA, 0), vb.speak(t, toB, 0)
			(&connected{va: va, vb: vb}).flows(t, 50)
			hushA()
			hushB()
			a.send("BYE", "", "")
			other.reply(other.await("BYE"), "200 OK", "", "")
			r.clean(t)
			last := r.awaitRecords(3)
			if last.From != "416" || last.To != "4161" || last.Result != "answered" || last.ToSlot != dect.ID || last.MediaCaller == nil || last.MediaCaller.Packets < 50 {
				t.Errorf("record %+v", last)
			}
		})
	}
}

// answerAll answers what comes to a phone that has nothing more to say.
func answerAll(p *peer) {
	for m := range p.in {
		switch m.kind() {
		case "NOTIFY", "BYE":
			p.reply(m, "200 OK", "", "")
		}
	}
}

// TestTakeOverWithAnotherPhone: armin goes on with his DECT phone where he has begun with the desk phone.
func TestTakeOverWithAnotherPhone(t *testing.T) {
	r := newPair(t)
	armin := r.slots("armin.artmann")
	dect := armin["dect"]
	r.callee = armin["desk"]
	desk, iris := r.phones(t, "UDP")
	c := r.connect(t, iris, desk, "")
	c.flows(t, 20)
	p := newPeer(t, r.daemon, dect, "TCP", "127.0.0.1:0")
	v := newVoice(t)
	_, to, _ := strings.Cut(c.b.other, ";tag=")
	_, from, _ := strings.Cut(c.b.local, ";tag=")
	k := p.dial("sip:417@"+domain, "Replaces: "+c.b.callID+";to-tag="+to+";from-tag="+from+"\nRequire: replaces\n", description("127.0.0.1", v.port, 1, "", pcmu...))
	re := iris.await("INVITE")
	iris.reply(re, "200 OK", "Contact: <"+iris.contact()+">\nContent-Type: application/sdp\n", description("127.0.0.1", c.va.port, 2, "", pcmu...))
	toV := mediaOf(t, k.answered("").body)
	desk.reply(desk.await("BYE"), "200 OK", "", "")
	c.hushA()
	c.hushB()
	hushA, hushV := c.va.speak(t, mediaOf(t, re.body), 0), v.speak(t, toV, 0)
	(&connected{va: c.va, vb: v}).flows(t, 50)
	hushA()
	hushV()
	k.send("BYE", "", "")
	iris.reply(iris.await("BYE"), "200 OK", "", "")
	p.await("200 BYE")
	r.clean(t)
	if last := r.awaitRecords(2); last.From != "416" || last.Result != "answered" || last.HangupBy != "caller" {
		t.Errorf("record %+v", last)
	}
}
