//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestForkingPhones calls phones that are several, or that send the call on.
func TestForkingPhones(t *testing.T) {
	r := newPair(t)
	for _, test := range []struct {
		name string
		run  func(t *testing.T, r *pair)
	}{
		{"two phones behind one contact: the early media moves, the second answers", twoBehindOneContact},
		{"a phone sends the call to an inside number", sentOnInside},
		{"a phone sends the call outside", sentOnOutside},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, r)
			r.clean(t)
		})
	}
}

// sibling is another phone that got the same INVITE.
func (k *talk) sibling() *talk {
	s := *k
	name, _, _ := strings.Cut(k.local, ";tag=")
	s.local = name + ";tag=" + token()
	return &s
}

func twoBehindOneContact(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	va, v1, v2 := newVoice(t), newVoice(t), newVoice(t)
	k := caller.dial("sip:416@"+domain, "", description("127.0.0.1", va.port, 1, "", pcmu...))
	one := callee.ring()
	two := one.sibling()
	toB := mediaOf(t, one.invite.body)
	const reliable = "Require: 100rel\nRSeq: 1\nAllow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE\n"
	for _, p := range []struct {
		k *talk
		v *voice
	}{{one, v1}, {two, v2}} {
		p.k.status("183 Session Progress", reliable, description("127.0.0.1", p.v.port, 1, "", pcmu...))
		prack := callee.await("PRACK")
		if prack.get("RAck") != "1 1 INVITE" || !strings.HasSuffix(prack.get("To"), p.k.local[strings.Index(p.k.local, ";tag="):]) {
			t.Errorf("PRACK\n%s", prack)
		}
		callee.reply(prack, "200 OK", "", "")
	}
	res := caller.await("183 INVITE")
	hush := va.speak(t, mediaOf(t, res.body), 0)
	defer hush()
	hush1 := v1.speak(t, toB, 0)
	eventually(t, 5*time.Second, "the first phone is heard", func() bool { return v1.figures().received > 10 && va.figures().received > 10 })
	if n := v2.figures().received; n > 0 {
		t.Errorf("the second phone got %d packets before its time", n)
	}
	one.status("199 Early Dialog Terminated", "", "")
	hush1()
	defer v2.speak(t, toB, 0)()
	eventually(t, 5*time.Second, "the second phone is heard", func() bool { return v2.figures().received > 10 })
	two.status("200 OK", "", "")
	callee.await("ACK")
	ok := k.answered("")
	if mediaOf(t, ok.body) != mediaOf(t, res.body) {
		t.Errorf("the answer has moved: %s", ok.body)
	}
	one.status("200 OK", "", description("127.0.0.1", v1.port, 1, "", pcmu...)) // too late
	callee.await("ACK")
	callee.reply(callee.await("BYE"), "200 OK", "", "")
	before := va.figures().received
	eventually(t, 5*time.Second, "the caller hears the second phone", func() bool { return va.figures().received > before+10 })
	k.send("BYE", "", "")
	bye := callee.await("BYE")
	if !strings.HasSuffix(bye.get("To"), two.local[strings.Index(two.local, ";tag="):]) {
		t.Errorf("BYE\n%s", bye)
	}
	callee.reply(bye, "200 OK", "", "")
	caller.await("200 BYE")
	if got := r.record(t, k.callID); got.Result != "answered" {
		t.Errorf("record %+v", got)
	}
}

func sentOnInside(t *testing.T, r *pair) {
	slots := r.slots("armin.artmann") // with new secrets, which end registrations
	softphone := slots["softphone"]
	r.callee = slots["desk"]
	callee, caller := r.phones(t, "UDP")
	r.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {r.callee.ID}, "4161": {softphone.ID}, "4162": {}}, nil)
	other := newPeer(t, r.daemon, softphone, "UDP", "127.0.0.1:0")
	other.register()
	va, vb := newVoice(t), newVoice(t)
	k := caller.dial("sip:416@"+domain, "", description("127.0.0.1", va.port, 1, "", pcmu...))
	callee.reply(callee.await("INVITE"), "302 Moved Temporarily", "Contact: <sip:0900123@"+domain+">, <sip:4161@"+domain+">\n", "")
	callee.await("ACK")
	b := other.ring()
	caller.await("180 INVITE")
	b.pickUp(description("127.0.0.1", vb.port, 1, "", pcmu...))
	ok := k.answered("")
	hush := va.speak(t, mediaOf(t, ok.body), 0)
	defer hush()
	eventually(t, 5*time.Second, "the other phone hears the caller", func() bool { return vb.figures().received > 10 })
	k.send("BYE", "", "")
	other.reply(other.await("BYE"), "200 OK", "", "")
	caller.await("200 BYE")
	if got := r.record(t, k.callID); got.Result != "answered" || got.ToSlot != softphone.ID {
		t.Errorf("record %+v", got)
	}
	other.unregister()
}

func sentOnOutside(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	k := caller.dial("sip:416@"+domain, "", description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
	callee.ring().status("302 Moved Temporarily", "Contact: <sip:0900123456@"+domain+">\nContact: <sip:x@127.0.0.1:9>\n", "")
	k.ackFailure(caller.await("480 INVITE"))
	if got := r.record(t, k.callID); got.Result != "failed" {
		t.Errorf("record %+v", got)
	}
}
