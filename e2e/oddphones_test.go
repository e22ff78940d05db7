//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// pair is a daemon with one callee's account ticked for 416 and a caller's.
type pair struct {
	*daemon
	t      *testing.T
	callee account // armin.artmann's desk phone, alone on 416
	caller account // iris.immsee's desk phone
}

func newPair(t *testing.T) *pair {
	return newPairOn(t, newDaemon(t, "sqlite"))
}

// newPairOn starts a daemon that is set up already.
func newPairOn(t *testing.T, d *daemon) *pair {
	t.Helper()
	d.start()
	r := &pair{daemon: d, t: t, callee: d.slots("armin.artmann")["desk"], caller: d.slots("iris.immsee")["desk"]}
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {r.callee.ID}, "4161": {}, "4162": {}}, nil)
	d.api("PATCH", "/api/numbers/416", map[string]any{"call_waiting": true, "busy_on_any": false}, nil)
	return r
}

// phones opens a registered callee and a caller.
func (r *pair) phones(t *testing.T, proto string) (callee, caller *peer) {
	t.Helper()
	callee = newPeer(t, r.daemon, r.callee, proto, "127.0.0.1:0")
	callee.register()
	t.Cleanup(func() { callee.unregister() })
	return callee, newPeer(t, r.daemon, r.caller, proto, "127.0.0.1:0")
}

func (p *peer) unregister() {
	p.t.Helper()
	if p.d.cmd == nil { // stopped
		return
	}
	if res := p.registering().do("*", "Expires: 0\n"); res.kind() != "200 REGISTER" || res.get("Contact") != "" {
		p.t.Errorf("unregistering: %s", res)
	}
}

// connected is a call that is up with audio in both directions.
type connected struct {
	a, b         *talk
	va, vb       *voice
	toA, toB     string // where the phones send their audio
	hushA, hushB func()
}

var pcmu = []string{"0 PCMU/8000", "101 telephone-event/8000"}

// connect calls 416 and picks up.
func (r *pair) connect(t *testing.T, caller, callee *peer, extra string) *connected {
	t.Helper()
	c := &connected{va: newVoice(t), vb: newVoice(t)}
	c.a = caller.dial("sip:416@"+domain, extra, description("127.0.0.1", c.va.port, 1, "", pcmu...))
	c.b = callee.ring()
	c.toB = mediaOf(t, c.b.invite.body)
	caller.await("180 INVITE")
	c.b.pickUp(description("127.0.0.1", c.vb.port, 1, "", pcmu...))
	c.toA = mediaOf(t, c.a.answered("").body)
	c.hushA = c.va.speak(t, c.toA, 0)
	c.hushB = c.vb.speak(t, c.toB, 0)
	return c
}

// flows waits until n more packets have come in both directions.
func (c *connected) flows(t *testing.T, n int) {
	t.Helper()
	a, b := c.va.figures().received, c.vb.figures().received
	eventually(t, 5*time.Second, fmt.Sprintf("%d more packets arrive on both sides", n), func() bool {
		return c.va.figures().received >= a+n && c.vb.figures().received >= b+n
	})
}

// end hangs up from the caller's side.
func (c *connected) end(t *testing.T) {
	t.Helper()
	c.a.send("BYE", "", "")
	c.b.p.reply(c.b.p.await("BYE"), "200 OK", "", "")
	c.a.p.await("200 BYE")
	c.hushA()
	c.hushB()
}

// clean waits until nothing of any call is left: dialogs, ports.
func (r *pair) clean(t *testing.T) {
	t.Helper()
	names := []string{`koppelfeld_media_ports{state="used"}`, "koppelfeld_active_calls"}
	for i := range 64 {
		names = append(names, fmt.Sprintf(`koppelfeld_sip_dialogs{shard="%d"}`, i))
	}
	var left map[string]float64
	defer func() {
		if len(left) > 0 {
			t.Errorf("left over: %v; %+v", left, r.inside(""))
		}
	}()
	eventually(t, 5*time.Second, "nothing of the calls is left", func() bool {
		left = map[string]float64{}
		for i, n := range r.numbers(names) {
			if n != 0 {
				left[names[i]] = n
			}
		}
		return len(left) == 0
	})
}

func (r *pair) idle(t *testing.T) {
	t.Helper()
	eventually(t, 5*time.Second, "no call is left", func() bool { return r.activeCalls() == 0 })
}

// record waits for the one record of a call.
func (d *daemon) record(t *testing.T, callID string) (found record) {
	t.Helper()
	eventually(t, 10*time.Second, "the call's record is written", func() bool {
		for _, r := range d.records() {
			if r.SIPCallID == callID {
				if found.ID != "" {
					t.Fatalf("a call has two records, %s and %s", found.ID, r.ID)
				}
				found = r
			}
		}
		return found.ID != ""
	})
	found.Reasons = nil
	return found
}

func TestOddPhones(t *testing.T) {
	r := newPair(t)
	for _, test := range []struct {
		name string
		run  func(t *testing.T, r *pair)
	}{
		{"a plain call over UDP", plainCall("UDP")},
		{"a plain call over TCP", plainCall("TCP")},
		{"TCP in single bytes with keep-alives", dribbledTCP},
		{"compact and folded headers", compactHeaders},
		{"INVITE without an offer", lateOffer},
		{"dialling tel:", telURI},
		{"display names with UTF-8 and escapes", displayNames},
		{"long Call-IDs", longCallIDs},
		{"another port after a restart of the phone", otherPort},
		{"a private Contact and SDP behind NAT", behindNAT},
		{"CANCEL before any answer", earlyCancel},
		{"everything sent twice", repeats},
		{"hold by inactive and by 0.0.0.0", holds},
		{"key presses in RTP and INFO", keyPresses},
		{"session refresh by UPDATE", sessionRefresh},
		{"early media, BYE before an answer", earlyMediaThenBye},
		{"a lost ACK", lostAck},
		{"a description in a multipart body", multipartBody},
		{"audio moves to another port", audioMoves},
		{"a TCP phone connects anew within a call", tcpReconnects},
		{"video, encryption and a host name in the offer", otherMedia},
		{"odd answers to an INVITE", oddAnswers},
		{"two phones on one account", twoContacts},
		{"Expires out of bounds", expiresBounds},
		{"answers to another port than the source", sentByPort},
		{"a host name in Contact", hostNameContact},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, r); r.idle(t) })
	}
	r.clean(t)
}

func plainCall(proto string) func(*testing.T, *pair) {
	return func(t *testing.T, r *pair) {
		callee, caller := r.phones(t, proto)
		c := r.connect(t, caller, callee, "")
		c.flows(t, 25)
		c.end(t)
		got := r.record(t, c.a.callID)
		if got.Result != "answered" || got.MediaNote != "" || got.MediaCaller == nil || got.MediaCaller.Packets < 20 || got.MediaCaller.Lost != 0 || got.MediaCallee.Lost != 0 {
			t.Errorf("record %+v, media %+v %+v", got, got.MediaCaller, got.MediaCallee)
		}
		// Hanging up a second time.
		c.a.send("BYE", "", "")
		caller.await("481 BYE")
	}
}

func dribbledTCP(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "TCP")
	dribble := func(text string) {
		for i := range len(text) {
			caller.send(text[i : i+1])
		}
	}
	caller.send("\r\n\r\n")
	eventually(t, 3*time.Second, "a keep-alive is answered", func() bool { return caller.count("keep-alive") == 1 })
	reg := caller.registering()
	dribble("\r\n" + wire(reg.text("<"+caller.contact()+">", ""), ""))
	res := caller.await("401 REGISTER")
	dribble(wire(reg.text("<"+caller.contact()+">", caller.acc.credentials(res, "REGISTER", "sip:"+domain)+"\n"), "") + "\r\n\r\n")
	caller.await("200 REGISTER")
	eventually(t, 3*time.Second, "a keep-alive behind a message is answered", func() bool { return caller.count("keep-alive") == 2 })
	c := r.connect(t, caller, callee, "")
	c.flows(t, 5)
	// Two requests in one segment.
	c.a.seq++
	two := wire(c.a.text("INFO", caller.via(), ""), "")
	c.a.seq++
	caller.send(two + wire(c.a.text("OPTIONS", caller.via(), ""), ""))
	caller.await("200 INFO")
	caller.await("200 OPTIONS")
	c.end(t)
	caller.unregister()
}

func compactHeaders(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	long := strings.NewReplacer("Via:", "v :", "From:", "f:", "To:", "t:", "Call-ID:", "i:", "Contact:", "m:", "Content-Type:", "c:", "Content-Length:", "l  :", "Supported:", "k:", ";tag=", "; TAG = ", ";branch=", ";BRANCH=", ";rport", ";RPort", "CSeq: ", "cseq:\r\n ")
	k := &talk{p: caller, callID: token(), local: fmt.Sprintf("<%s>;tag=%s", caller.aor(), token()), other: "<SIP:416@" + strings.ToUpper(domain) + ">", target: "SIP:416@" + strings.ToUpper(domain) + ";user=phone"}
	v := newVoice(t)
	offer := description("127.0.0.1", v.port, 1, "", pcmu...)
	send := func(method, extra, body string) {
		k.seq++
		k.inviteVia = caller.via()
		caller.send(long.Replace(wire(k.text(method, k.inviteVia, extra), body)))
	}
	send("INVITE", "Supported: timer, replaces\nContent-Type: application/sdp\n", offer)
	res := caller.await("401 INVITE")
	send("INVITE", "Supported: timer\nContent-Type: application/sdp\n"+caller.acc.credentials(res, "INVITE", k.target)+"\n", offer)
	b := callee.ring()
	if v := res.get("Via"); !regexp.MustCompile(`(?i);rport=\d+`).MatchString(v) {
		t.Errorf("the answer's Via has no rport: %s", v)
	}
	b.pickUp(description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
	k.answered("")
	k.send("BYE", "", "")
	callee.reply(callee.await("BYE"), "200 OK", "", "")
	caller.await("200 BYE")
}

func lateOffer(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	va, vb := newVoice(t), newVoice(t)
	k := caller.dial("sip:416@"+domain, "", "")
	b := callee.ring()
	if b.invite.body != "" {
		t.Errorf("an offer that nobody made: %q", b.invite.body)
	}
	caller.await("180 INVITE")
	b.status("200 OK", "", description("127.0.0.1", vb.port, 1, "", pcmu...))
	res := caller.await("200 INVITE")
	if res.body == "" {
		t.Fatal("the 200 holds no offer")
	}
	k.other, k.target = res.get("To"), res.uri("Contact")
	k.send("ACK", "", description("127.0.0.1", va.port, 1, "", pcmu...))
	ack := callee.await("ACK")
	va.speak(t, mediaOf(t, res.body), 0)
	vb.speak(t, mediaOf(t, ack.body), 0)
	eventually(t, 5*time.Second, "both hear each other", func() bool { return va.figures().received > 20 && vb.figures().received > 20 })
	k.send("BYE", "", "")
	callee.reply(callee.await("BYE"), "200 OK", "", "")
	caller.await("200 BYE")
	if got := r.record(t, k.callID); got.Result != "answered" || got.MediaNote != "" {
		t.Errorf("record %+v", got)
	}
}

func telURI(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	k := caller.dial("tel:416;phone-context="+domain, "", description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
	b := callee.ring()
	b.pickUp(description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
	k.answered("")
	k.send("BYE", "", "")
	callee.reply(callee.await("BYE"), "200 OK", "", "")
	caller.await("200 BYE")
	if got := r.record(t, k.callID); got.To != "416" || got.From != "417" {
		t.Errorf("record %+v", got)
	}
}

func displayNames(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	for _, name := range []string{`"Jörg \"der Große\" Müller, <x>;tag=no" `, `"\\" `, `Iris Immsee`, `"" `, `"日本" `} {
		k := &talk{p: caller, callID: token(), local: fmt.Sprintf("%s<%s>;tag=%s", name, caller.aor(), token()), other: `"416 \"" <sip:416@` + domain + ">", target: "sip:416@" + domain}
		offer := description("127.0.0.1", newVoice(t).port, 1, "", pcmu...)
		k.send("INVITE", "", offer)
		res := caller.await("401 INVITE")
		if res.get("From") != k.local {
			t.Errorf("From %q came back as %q", k.local, res.get("From"))
		}
		k.ackFailure(res)
		k.send("INVITE", caller.acc.credentials(res, "INVITE", k.target)+"\n", offer)
		b := callee.ring()
		b.pickUp(description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
		k.answered("")
		// The other side hangs up: what comes has our name whole.
		b.send("BYE", "", "")
		bye := caller.await("BYE")
		if bye.get("To") != k.local {
			t.Errorf("To of the BYE is %q, want %q", bye.get("To"), k.local)
		}
		caller.reply(bye, "200 OK", "", "")
		callee.await("200 BYE")
	}
}

func longCallIDs(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	long := strings.Repeat("x", 239) + "@" + token()
	k := &talk{p: caller, callID: long, local: fmt.Sprintf("<%s>;tag=%s", caller.aor(), token()), other: "<sip:416@" + domain + ">", target: "sip:416@" + domain}
	offer := description("127.0.0.1", newVoice(t).port, 1, "", pcmu...)
	k.send("INVITE", "", offer)
	res := caller.await("401 INVITE")
	k.ackFailure(res)
	k.send("INVITE", caller.acc.credentials(res, "INVITE", k.target)+"\n", offer)
	b := callee.ring()
	b.pickUp(description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
	k.answered("")
	k.send("BYE", "", "")
	callee.reply(callee.await("BYE"), "200 OK", "", "")
	caller.await("200 BYE")
	k.callID += "more"
	for range 5 {
		k.callID += k.callID
	}
	k.send("INVITE", "", offer)
	caller.await("400 INVITE")
}

func otherPort(t *testing.T, r *pair) {
	contact := func(p *peer) string {
		return "<" + p.contact() + `>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1`
	}
	old := newPeer(t, r.daemon, r.callee, "UDP", "127.0.0.1:0")
	old.registering().do(contact(old), "Expires: 120\n")
	fresh := newPeer(t, r.daemon, r.callee, "UDP", "127.0.0.1:0")
	res := fresh.registering().do(contact(fresh), "Expires: 120\n")
	if got := res.all("Contact"); len(got) != 1 || !strings.Contains(got[0], fresh.local) {
		t.Errorf("bindings after the move: %q", got)
	}
	var bindings struct{ Items []struct{ Contact string } }
	r.api("GET", "/api/slots/"+r.callee.ID+"/bindings", nil, &bindings)
	if len(bindings.Items) != 1 || !strings.Contains(bindings.Items[0].Contact, fresh.local) {
		t.Errorf("bindings %+v", bindings)
	}
	caller := newPeer(t, r.daemon, r.caller, "UDP", "127.0.0.1:0")
	k := caller.dial("sip:416@"+domain, "", description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
	rung := fresh.ring()
	old.quiet("INVITE", 300*time.Millisecond)
	k.send("CANCEL", "", "")
	caller.await("200 CANCEL")
	fresh.reply(fresh.await("CANCEL"), "200 OK", "", "")
	rung.status("487 Request Terminated", "", "")
	fresh.await("ACK")
	k.ackFailure(caller.await("487 INVITE"))
	fresh.unregister()
}

func behindNAT(t *testing.T, r *pair) {
	callee, caller := newPeer(t, r.daemon, r.callee, "UDP", "127.0.0.1:0"), newPeer(t, r.daemon, r.caller, "UDP", "127.0.0.1:0")
	reg := callee.registering()
	res := reg.do("<sip:"+callee.acc.SIP.Username+"@192.168.1.20:5062>", "Expires: 120\n")
	if c := res.get("Contact"); !strings.Contains(c, "192.168.1.20:5062") {
		t.Errorf("the Contact came back as %s", c)
	}
	_, port, _ := strings.Cut(callee.local, ":")
	if v := res.get("Via"); !strings.Contains(v, "rport="+port) || !strings.Contains(v, "received=127.0.0.1") {
		t.Errorf("Via lacks received and rport: %s", v)
	}
	va, vb := newVoice(t), newVoice(t)
	k := caller.dial("sip:416@"+domain, "", description("127.0.0.1", va.port, 1, "", pcmu...))
	b := callee.ring()
	if !strings.Contains(b.invite.first, "192.168.1.20:5062") {
		t.Errorf("the Request-URI is not the Contact: %s", b.invite.first)
	}
	b.status("200 OK", "", description("192.168.1.20", 40000, 1, "", pcmu...))
	callee.await("ACK")
	toA := mediaOf(t, k.answered("").body)
	va.speak(t, toA, 0)
	vb.speak(t, mediaOf(t, b.invite.body), 0)
	eventually(t, 5*time.Second, "both hear each other", func() bool { return va.figures().received > 20 && vb.figures().received > 20 })
	k.send("BYE", "", "")
	callee.reply(callee.await("BYE"), "200 OK", "", "")
	caller.await("200 BYE")
	got := r.record(t, k.callID)
	if got.MediaNote != "" || got.MediaCallee == nil || got.MediaCallee.Source != fmt.Sprintf("127.0.0.1:%d", vb.port) {
		t.Errorf("record %+v, callee's media %+v", got, got.MediaCallee)
	}
	callee.unregister()
}

func earlyCancel(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	uri := "sip:416@" + domain
	k := &talk{p: caller, callID: token(), local: fmt.Sprintf("<%s>;tag=%s", caller.aor(), token()), other: "<" + uri + ">", target: uri}
	offer := description("127.0.0.1", newVoice(t).port, 1, "", pcmu...)
	k.send("INVITE", "", offer)
	res := caller.await("401 INVITE")
	k.ackFailure(res)
	k.send("INVITE", caller.acc.credentials(res, "INVITE", uri)+"\n", offer)
	k.send("CANCEL", "", "") // in the same breath
	caller.await("200 CANCEL")
	k.ackFailure(caller.await("487 INVITE"))
	req := callee.await("INVITE")
	callee.quiet("CANCEL", 200*time.Millisecond) // not before a provisional (RFC 3261 section 9.1)
	callee.reply(req, "100 Trying", "", "")
	cancel := callee.await("CANCEL")
	callee.reply(cancel, "200 OK", "", "")
	b := &talk{p: callee, invite: req, local: req.get("To") + ";tag=" + token()}
	b.status("487 Request Terminated", "", "")
	callee.await("ACK")
	if got := r.record(t, k.callID); got.Result != "cancelled" || got.Status != 487 {
		t.Errorf("record %+v", got)
	}
	// A CANCEL for nothing.
	k.callID = token()
	k.inviteVia = caller.via()
	k.send("CANCEL", "", "")
	caller.await("481 CANCEL")
}

func repeats(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	va, vb := newVoice(t), newVoice(t)
	uri := "sip:416@" + domain
	k := &talk{p: caller, callID: token(), local: fmt.Sprintf("<%s>;tag=%s", caller.aor(), token()), other: "<" + uri + ">", target: uri}
	offer := description("127.0.0.1", va.port, 1, "", pcmu...)
	k.send("INVITE", "", offer)
	res := caller.await("401 INVITE")
	k.ackFailure(res)
	invite := k.send("INVITE", caller.acc.credentials(res, "INVITE", uri)+"\n", offer)
	caller.send(invite)
	b := callee.ring()
	caller.await("180 INVITE")
	caller.send(invite)
	caller.await("180 INVITE") // again, from the transaction
	callee.quiet("INVITE", 200*time.Millisecond)
	b.pickUp(description("127.0.0.1", vb.port, 1, "", pcmu...))
	k.answered("")
	caller.send(invite)
	k.seq++
	bye := wire(k.text("BYE", caller.via(), ""), "")
	caller.send(bye)
	caller.send(bye)
	req := callee.await("BYE")
	callee.reply(req, "200 OK", "", "")
	caller.await("200 BYE")
	caller.await("200 BYE")
	callee.quiet("BYE", 200*time.Millisecond)
	callee.quiet("INVITE", 50*time.Millisecond)

	// REGISTER with the same bytes: the phone's answer was lost. It must end registered, by 200
	// or by a fresh challenge that says stale, so that nobody is asked for a password.
	reg := callee.registering()
	callee.send(wire(reg.text("<"+callee.contact()+">", ""), ""))
	auth := callee.acc.credentials(callee.await("401 REGISTER"), "REGISTER", "sip:"+domain)
	again := wire(reg.text("<"+callee.contact()+">", auth+"\n"), "")
	callee.send(again)
	callee.await("200 REGISTER")
	callee.send(again)
	if res := callee.await("200 REGISTER", "401 REGISTER"); res.kind() == "401 REGISTER" && !strings.Contains(strings.ToLower(res.get("WWW-Authenticate")), "stale=true") {
		t.Errorf("a repeated REGISTER is answered\n%s", res)
	}
	if got := r.record(t, k.callID); got.Result != "answered" {
		t.Errorf("record %+v", got)
	}
}

func holds(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	c := r.connect(t, caller, callee, "")
	c.flows(t, 10)
	for i, hold := range []struct{ addr, direction, want string }{
		{"127.0.0.1", "inactive", "a=inactive"},
		{"127.0.0.1", "sendonly", "a=recvonly"},
		{"0.0.0.0", "", ""},
		{"0.0.0.0", "sendonly", ""},
		{"0.0.0.0", "inactive", "a=inactive"},
	} {
		c.a.send("INVITE", "", description(hold.addr, c.va.port, 2*i+2, hold.direction, pcmu...))
		res := c.a.answered("")
		if !strings.Contains(res.body, hold.want) || strings.Contains(res.body, "0.0.0.0") {
			t.Errorf("hold with %s %s is answered %q", hold.addr, hold.direction, res.body)
		}
		if hold.direction != "" {
			silent(t, c.va)
		}
		c.a.send("INVITE", "", description("127.0.0.1", c.va.port, 2*i+3, "sendrecv", pcmu...))
		if res := c.a.answered(""); strings.Contains(res.body, "inactive") || strings.Contains(res.body, "only") {
			t.Errorf("the resume is answered %q", res.body)
		}
		c.flows(t, 5)
	}
	// The other side holds by UPDATE.
	c.b.send("UPDATE", "", description("127.0.0.1", c.vb.port, 9, "inactive", pcmu...))
	if res := callee.await("200 UPDATE"); !strings.Contains(res.body, "a=inactive") {
		t.Errorf("the UPDATE is answered %q", res.body)
	}
	callee.quiet("INVITE", 100*time.Millisecond)
	c.b.send("UPDATE", "", description("127.0.0.1", c.vb.port, 10, "", pcmu...))
	callee.await("200 UPDATE")
	c.flows(t, 5)
	if n := caller.count("INVITE") + callee.count("INVITE"); n != 1 {
		t.Errorf("%d INVITEs reached a phone, want the first alone: hold is answered on its leg", n)
	}
	c.end(t)
}

// silent waits until a phone gets nothing any more.
func silent(t *testing.T, v *voice) {
	t.Helper()
	eventually(t, 3*time.Second, "no audio comes while held", func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return time.Since(v.lastAt) > 100*time.Millisecond
	})
}

func keyPresses(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	c := r.connect(t, caller, callee, "")
	c.flows(t, 10)
	// Key 5 as RFC 4733 has it: three updates, three ends, one timestamp.
	c.hushA()
	at := mustAddr(t, c.toA)
	seq := uint16(c.va.figures().sent)
	for i, duration := range []uint16{160, 320, 480, 640, 640, 640} {
		event := []byte{5, 10, byte(duration >> 8), byte(duration)}
		if i >= 3 {
			event[1] |= 0x80
		}
		pt := byte(101)
		if i == 0 {
			pt |= 0x80
		}
		seq++
		if _, err := c.va.conn.WriteToUDPAddrPort(rtpPacket(pt, seq, 99999, uint32(c.va.port), event), at); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 3*time.Second, "the key arrives", func() bool { return c.vb.got(101) == 6 })
	body := "Signal=7\r\nDuration=160\r\n"
	c.a.send("INFO", "Content-Type: application/dtmf-relay\n", body)
	info := callee.await("INFO")
	if info.body != body || info.get("Content-Type") != "application/dtmf-relay" {
		t.Errorf("the INFO arrives as\n%s", info)
	}
	callee.reply(info, "200 OK", "", "")
	caller.await("200 INFO")
	c.b.send("INFO", "Content-Type: application/dtmf\n", "5")
	caller.reply(caller.await("INFO"), "415 Unsupported Media Type", "", "")
	callee.await("415 INFO")
	c.end(t)
}

func sessionRefresh(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	k := caller.dial("sip:416@"+domain, "Supported: timer\nSession-Expires: 30\n", description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
	res := caller.await("422 INVITE")
	if res.get("Min-SE") == "" {
		t.Errorf("422 without Min-SE:\n%s", res)
	}
	k.ackFailure(res)
	c := r.connect(t, caller, callee, "Supported: timer\nSession-Expires: 120;refresher=uac\nMin-SE: 90\n")
	for _, method := range []string{"UPDATE", "INVITE"} {
		body := ""
		if method == "INVITE" {
			body = description("127.0.0.1", c.va.port, 1, "", pcmu...)
		}
		c.a.send(method, "Supported: timer\nSession-Expires: 120;refresher=uac\n", body)
		res := caller.await("200 " + method)
		if se := res.get("Session-Expires"); !strings.HasPrefix(se, "120") || !strings.Contains(se, "refresher=uac") {
			t.Errorf("%s: Session-Expires is %q", method, se)
		}
		if method == "INVITE" {
			c.a.send("ACK", "", "")
		}
	}
	callee.quiet("UPDATE", 100*time.Millisecond)
	if callee.count("INVITE") != 1 {
		t.Error("a refresh went across")
	}
	c.end(t)
}

func earlyMediaThenBye(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	va, vb := newVoice(t), newVoice(t)
	k := caller.dial("sip:416@"+domain, "", description("127.0.0.1", va.port, 1, "", pcmu...))
	b := callee.ring()
	caller.await("180 INVITE")
	b.status("183 Session Progress", "", description("127.0.0.1", vb.port, 1, "", pcmu...))
	res := caller.await("183 INVITE")
	mediaOf(t, res.body)
	vb.speak(t, mediaOf(t, b.invite.body), 0)
	eventually(t, 5*time.Second, "the caller hears early media", func() bool { return va.figures().received > 10 })
	k.other, k.target = res.get("To"), res.uri("Contact")
	via := k.inviteVia
	k.send("BYE", "", "")
	caller.await("200 BYE")
	final := caller.await("487 INVITE")
	k.seq--
	k.inviteVia, k.target = via, "sip:416@"+domain
	k.ackFailure(final)
	callee.reply(callee.await("CANCEL"), "200 OK", "", "")
	b.status("487 Request Terminated", "", "")
	callee.await("ACK")
	if got := r.record(t, k.callID); got.Result != "cancelled" {
		t.Errorf("record %+v", got)
	}
}

func lostAck(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	k := caller.dial("sip:416@"+domain, "", description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
	b := callee.ring()
	answer := description("127.0.0.1", newVoice(t).port, 1, "", pcmu...)
	b.pickUp(answer)
	b.pickUp(answer) // as if the ACK had been lost
	caller.await("200 INVITE")
	res := caller.await("200 INVITE") // we have not acknowledged
	k.other, k.target = res.get("To"), res.uri("Contact")
	k.send("ACK", "", "")
	caller.quiet("200 INVITE", 1500*time.Millisecond)
	k.send("BYE", "", "")
	callee.reply(callee.await("BYE"), "200 OK", "", "")
	caller.await("200 BYE")
}

func multipartBody(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	offer := description("127.0.0.1", newVoice(t).port, 1, "", pcmu...)
	body := "--edge\r\nContent-Type: application/sdp\r\n\r\n" + offer + "\r\n--edge\r\nContent-Type: application/pidf+xml\r\nContent-ID: <x@y>\r\n\r\n<presence/>\r\n--edge--\r\n"
	k := caller.dial("sip:416@"+domain, "Content-Type: multipart/mixed;boundary=\"edge\"\n", body)
	b := callee.ring()
	mediaOf(t, b.invite.body)
	b.pickUp(description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
	k.answered("")
	k.send("BYE", "", "")
	callee.reply(callee.await("BYE"), "200 OK", "", "")
	caller.await("200 BYE")
}

func audioMoves(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	c := r.connect(t, caller, callee, "")
	c.flows(t, 10)
	// Another port, another SSRC: as after a change from handset to headset of some phones.
	c.hushA()
	c.va = newVoice(t)
	c.a.send("INVITE", "", description("127.0.0.1", c.va.port, 2, "", pcmu...))
	c.toA = mediaOf(t, c.a.answered("").body)
	c.hushA = c.va.speak(t, c.toA, 0)
	c.flows(t, 10)
	if n := callee.count("INVITE"); n != 1 {
		t.Errorf("the other side got %d INVITEs", n)
	}
	// The answer names another session, and a re-INVITE without offer is answered with all we have.
	c.b.send("INVITE", "", "")
	res := callee.await("200 INVITE")
	if at := mediaOf(t, res.body); at != c.toB {
		t.Errorf("the offer asked for names %s, want %s as before", at, c.toB)
	}
	c.b.other, c.b.target = res.get("To"), res.uri("Contact")
	c.b.send("ACK", "", description("127.0.0.1", c.vb.port, 2, "", pcmu...))
	c.flows(t, 10)
	c.end(t)
}

func tcpReconnects(t *testing.T, r *pair) {
	callee := newPeer(t, r.daemon, r.callee, "TCP", "127.0.0.1:0")
	callee.register()
	caller := newPeer(t, r.daemon, r.caller, "TCP", "127.0.0.1:0")
	c := r.connect(t, caller, callee, "")
	callee.tcp.Close()
	again := newPeer(t, r.daemon, r.callee, "TCP", "127.0.0.1:0")
	again.register()
	c.flows(t, 10)
	c.b.p = again
	c.b.send("UPDATE", "", "") // a phone that has moved refreshes its dialogs
	again.await("200 UPDATE")
	c.end(t) // its BYE comes on the new connection
	again.unregister()
}

func otherMedia(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	va, vb := newVoice(t), newVoice(t)
	head := "v=0\r\no=- 1 1 IN IP4 phone.example\r\ns= \r\nc=IN IP4 phone.example\r\nb=AS:84\r\nt=0 0\r\na=X-nat:0\r\n"
	audio := fmt.Sprintf("m=audio %d RTP/SAVP 9 0 101\r\nc=IN IP4 127.0.0.1\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\na=rtpmap:9 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=x-unknown:42\r\n", va.port)
	video := "m=video 40002 RTP/SAVP 99\r\na=rtpmap:99 H264/90000\r\n"
	k := caller.dial("sip:416@"+domain, "", head+audio+video+"m=application 0 UDP/BFCP *\r\n")
	b := callee.ring()
	for _, want := range []string{"RTP/AVP 9 0 101", "a=x-unknown:42", "m=video 0 ", "m=application 0 UDP/BFCP *", "b=AS:84"} { // video has no key
		if !strings.Contains(b.invite.body, want) {
			t.Errorf("%q does not arrive in\n%s", want, b.invite.body)
		}
	}
	if strings.Contains(b.invite.body, "crypto") {
		t.Errorf("the caller's key goes on:\n%s", b.invite.body)
	}
	if strings.Contains(b.invite.body, "phone.example") {
		t.Errorf("the phone's host name goes on:\n%s", b.invite.body)
	}
	b.status("200 OK", "", description("127.0.0.1", vb.port, 1, "", "9 G722/8000")+"m=video 0 RTP/AVP 99\r\nm=application 0 UDP/BFCP *\r\n")
	callee.await("ACK")
	answer := k.answered("").body
	if !strings.Contains(answer, "m=video 0 ") {
		t.Errorf("the refused video is answered\n%s", answer)
	}
	va.speak(t, mediaOf(t, answer), 9)
	vb.speak(t, mediaOf(t, strings.ReplaceAll(b.invite.body, "phone.example", "127.0.0.1")), 9)
	eventually(t, 5*time.Second, "the caller hears the callee", func() bool { return va.got(9) > 10 })
	if n := vb.got(9); n > 0 { // it agreed on a key and does not use it
		t.Errorf("%d packets of the caller that were not encrypted went on", n)
	}
	k.send("BYE", "", "")
	callee.reply(callee.await("BYE"), "200 OK", "", "")
	caller.await("200 BYE")
	if m := r.record(t, k.callID).MediaCaller; m == nil || m.Forged < 10 {
		t.Errorf("media %+v", m)
	}
}

func oddAnswers(t *testing.T, r *pair) {
	callee, caller := r.phones(t, "UDP")
	offer := description("127.0.0.1", newVoice(t).port, 1, "", pcmu...)
	for _, answer := range []struct{ status, body, want string }{
		{"302 Moved Temporarily", "", "480 INVITE"},
		{"401 Unauthorized", "", "480 INVITE"},
		{"500 Server Internal Error", "", "480 INVITE"},
		{"699 Never", "", "603 INVITE"},
		{"200 OK", "", "488 INVITE"},
		{"200 OK", "no description", "488 INVITE"},
		{"200 OK", strings.Replace(offer, "m=audio", "m=video", 1), "488 INVITE"},
	} {
		k := caller.dial("sip:416@"+domain, "", offer)
		b := callee.ring()
		b.status(answer.status, "", answer.body)
		callee.await("ACK")
		if strings.HasPrefix(answer.status, "200") {
			callee.reply(callee.await("BYE"), "200 OK", "", "")
		}
		k.ackFailure(caller.await(answer.want))
	}
	// Nobody can be made to wait by a status out of range, or by an answer to nothing.
	k := caller.dial("sip:416@"+domain, "", offer)
	b := callee.ring()
	b.status("1000 Big", "", "")
	b.status("42 Small", "", "")
	b.status("200 OK", "", description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
	callee.await("ACK")
	k.answered("")
	k.send("BYE", "", "")
	callee.reply(callee.await("BYE"), "200 OK", "", "")
	caller.await("200 BYE")
}

func twoContacts(t *testing.T, r *pair) {
	first, caller := r.phones(t, "UDP")
	second := newPeer(t, r.daemon, r.callee, "TCP", "127.0.0.1:0")
	second.register()
	k := caller.dial("sip:416@"+domain, "", description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
	a, b := first.ring(), second.ring()
	// Both pick up at once: one has the call, the other is told that it has not.
	answer := description("127.0.0.1", newVoice(t).port, 1, "", pcmu...)
	a.status("200 OK", "", answer)
	b.status("200 OK", "", answer)
	first.await("ACK")
	second.await("ACK")
	k.answered("")
	winner, loser := first, second
	eventually(t, 5*time.Second, "one of the two is hung up", func() bool { return first.count("BYE")+second.count("BYE") == 1 })
	if first.count("BYE") == 1 {
		winner, loser = second, first
	}
	loser.reply(loser.await("BYE"), "200 OK", "", "")
	k.send("BYE", "", "")
	winner.reply(winner.await("BYE"), "200 OK", "", "")
	caller.await("200 BYE")
	second.unregister()
}

func expiresBounds(t *testing.T, r *pair) {
	p := newPeer(t, r.daemon, r.callee, "UDP", "127.0.0.1:0")
	reg := p.registering()
	p.send(wire(reg.text("<"+p.contact()+">", "Expires: 5\n"), ""))
	auth := p.acc.credentials(p.await("401 REGISTER"), "REGISTER", "sip:"+domain)
	p.send(wire(reg.text("<"+p.contact()+">", "Expires: 5\n"+auth+"\n"), ""))
	if res := p.await("423 REGISTER"); res.get("Min-Expires") != "60" {
		t.Errorf("too short a time is answered\n%s", res)
	}
	for _, expires := range []string{"4294967296", "99999999999999999999", "3601"} {
		if res := reg.do("<"+p.contact()+">", "Expires: "+expires+"\n"); !strings.Contains(res.get("Contact"), "expires=3600") {
			t.Errorf("Expires: %s is answered\n%s", expires, res)
		}
	}
	if res := reg.do("<"+p.contact()+">;expires=0", "Expires: 600\n"); res.kind() != "200 REGISTER" || res.get("Contact") != "" {
		t.Errorf("taking a contact back is answered\n%s", res)
	}
}

// sentByPort is a phone without rport that sends from a port on which it does not listen (RFC 3261 section 18.2.2).
func sentByPort(t *testing.T, r *pair) {
	listens := newPeer(t, r.daemon, r.callee, "UDP", "127.0.0.1:0")
	sends := newPeer(t, r.daemon, r.callee, "UDP", "127.0.0.1:0")
	plain := func(text string) string {
		return strings.Replace(strings.ReplaceAll(text, sends.local, listens.local), ";rport", "", 1)
	}
	reg := sends.registering()
	sends.send(plain(wire(reg.text("<"+listens.contact()+">", ""), "")))
	auth := sends.acc.credentials(listens.await("401 REGISTER"), "REGISTER", "sip:"+domain)
	sends.send(plain(wire(reg.text("<"+listens.contact()+">", auth+"\n"), "")))
	listens.await("200 REGISTER")
	caller := newPeer(t, r.daemon, r.caller, "UDP", "127.0.0.1:0")
	k := caller.dial("sip:416@"+domain, "", description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
	req := listens.await("INVITE")
	sends.send(wire(response(req, "486 Busy Here", "busy"), ""))
	k.ackFailure(caller.await("486 INVITE"))
	listens.await("ACK")
	if len(sends.in) > 0 {
		t.Error("something was sent to the port the phone does not listen on")
	}
	listens.unregister()
}

func hostNameContact(t *testing.T, r *pair) {
	callee := newPeer(t, r.daemon, r.callee, "UDP", "127.0.0.1:0")
	callee.registering().do(`"Desk, 1st floor" <sip:`+callee.acc.SIP.Username+`@desk.office.example;x=y?h=v>;q=0.7;+sip.rendering="no"`, "")
	caller := newPeer(t, r.daemon, r.caller, "UDP", "127.0.0.1:0")
	k := caller.dial("sip:416@"+domain, "", description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
	b := callee.ring()
	_, tag, _ := strings.Cut(b.local, ";tag=")
	callee.send(wire(response(b.invite, "200 OK", tag)+"m: <sip:"+callee.acc.SIP.Username+"@desk.office.example>\nContent-Type: application/sdp\n", description("127.0.0.1", newVoice(t).port, 1, "", pcmu...)))
	callee.await("ACK")
	k.answered("")
	k.send("BYE", "", "")
	if bye := callee.await("BYE"); !strings.HasPrefix(bye.first, "BYE sip:"+callee.acc.SIP.Username+"@desk.office.example ") {
		t.Errorf("the BYE goes to %s", bye.first)
	} else {
		callee.reply(bye, "200 OK", "", "")
	}
	caller.await("200 BYE")
	callee.unregister()
}

// TestQuestionsToTheDaemon asks what tools and other servers ask.
func TestQuestionsToTheDaemon(t *testing.T) {
	r := newPair(t)
	if out, err := exec.Command("sipsak", "-v", "-s", "sip:ping@"+r.sip).CombinedOutput(); err != nil || !strings.Contains(string(out), "200 OK") {
		t.Errorf("sipsak: %v\n%s", err, out)
	}
	p := newPeer(t, r.daemon, r.caller, "UDP", "127.0.0.1:0")
	ask := func(first string) *packet {
		t.Helper()
		method, _, _ := strings.Cut(first, " ")
		p.send(wire(first+"\n"+p.via()+"From: <sip:a@b>;tag="+token()+"\nTo: <sip:c@d>\nCall-ID: "+token()+"\nCSeq: 1 "+method+"\nMax-Forwards: 70\n", ""))
		select {
		case m := <-p.in:
			return m
		case <-time.After(3 * time.Second):
			t.Fatalf("no answer to %s", first)
			return nil
		}
	}
	for _, q := range []struct{ first, want, header string }{
		{"OPTIONS sip:" + domain + " SIP/2.0", "200", "Allow"},
		{"OPTIONS sip:" + domain + " SIP/2.0", "200", "Accept"},
		{"DANCE sip:" + domain + " SIP/2.0", "501", "Allow"},
		{"PUBLISH sip:" + domain + " SIP/2.0", "405", "Allow"},
		{"MESSAGE sip:416@" + domain + " SIP/2.0", "405", "Allow"},
		{"BYE sip:" + domain + " SIP/2.0", "481", ""},
		{"UPDATE sip:" + domain + " SIP/2.0", "481", ""},
		{"OPTIONS sip:" + domain + " SIP/7.0", "505", ""},
		{"INVITE sip:416@" + domain + " SIP/3.0", "505", ""},
		{"OPTIONS http://" + domain + " SIP/2.0", "416", ""},
		{"INVITE sip:416@" + domain + " SIP/2.0", "401", "WWW-Authenticate"},
		{"REGISTER sip:" + domain + " SIP/2.0", "401", "WWW-Authenticate"},
	} {
		res := ask(q.first)
		if !strings.HasPrefix(res.first, "SIP/2.0 "+q.want) || q.header != "" && res.get(q.header) == "" {
			t.Errorf("%s is answered\n%s\nwant %s with %s", q.first, res, q.want, q.header)
		}
	}
}
