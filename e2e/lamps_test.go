//go:build e2e

package e2e

import (
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lamp is a subscription to a number's dialogs.
type lamp struct {
	*talk

	version int
	last    string // CSeq of the last NOTIFY
}

// watch subscribes with digest and takes the first NOTIFY.
func (p *peer) watch(number string, expires int) *lamp {
	p.t.Helper()
	uri := "sip:" + number + "@" + domain
	k := &talk{p: p, callID: token(), local: fmt.Sprintf("<%s>;tag=%s", p.aor(), token()), other: "<" + uri + ">", target: uri}
	extra := fmt.Sprintf("Event: dialog\nAccept: application/dialog-info+xml\nExpires: %d\n", expires)
	k.send("SUBSCRIBE", extra, "")
	res := p.await("401 SUBSCRIBE")
	k.send("SUBSCRIBE", extra+p.acc.credentials(res, "SUBSCRIBE", uri)+"\n", "")
	res = p.await("200 SUBSCRIBE")
	if res.get("Expires") != fmt.Sprint(expires) {
		p.t.Errorf("granted %s s", res.get("Expires"))
	}
	k.other, k.target = res.get("To"), res.uri("Contact")
	return &lamp{talk: k, version: -1}
}

// next takes the next NOTIFY, answers it and returns the lamp's state and that of the subscription.
func (l *lamp) next() (state, subscription string) {
	l.p.t.Helper()
	n := l.p.await("NOTIFY")
	l.p.reply(n, "200 OK", "", "")
	if n.get("CSeq") == l.last {
		return l.next() // a test that reads late is sent it again
	}
	l.last = n.get("CSeq")
	var doc struct {
		Version int    `xml:"version,attr"`
		State   string `xml:"state,attr"`
		Dialogs []struct {
			Direction string `xml:"direction,attr"`
			State     string `xml:"state"`
		} `xml:"dialog"`
	}
	if err := xml.Unmarshal([]byte(n.body), &doc); err != nil || len(doc.Dialogs) != 1 || doc.State != "full" {
		l.p.t.Fatalf("%v in %s", err, n)
	}
	if doc.Version != l.version+1 || n.get("Event") != "dialog" {
		l.p.t.Errorf("version %d after %d:\n%s", doc.Version, l.version, n)
	}
	l.version = doc.Version
	if size := len(wire(n.first+"\n"+strings.Join(n.head, "\n"), n.body)); size > 1300 {
		l.p.t.Errorf("a NOTIFY of %d bytes", size)
	}
	return doc.Dialogs[0].State, n.get("Subscription-State")
}

// want reads NOTIFYs until the lamp shows a state. Others are passed over as long as they come before it in the life of
// a call: two that follow each other at once may come as one.
func (l *lamp) want(state string) {
	l.p.t.Helper()
	for range 4 {
		if got, _ := l.next(); got == state {
			return
		}
	}
	l.p.t.Fatalf("the lamp does not show %s", state)
}

// TestLampsFollowCalls: phones that watch 416 see it ring, talk and be free again, and the lamp of the caller's number does
// so as well.
func TestLampsFollowCalls(t *testing.T) {
	for _, proto := range []string{"UDP", "TCP"} {
		t.Run(proto, func(t *testing.T) {
			r := newPair(t)
			callee, caller := r.phones(t, "UDP")
			watcher := newPeer(t, r.daemon, r.caller, proto, "127.0.0.1:0")
			l := watcher.watch("416", 600)
			if state, sub := l.next(); state != "terminated" || !strings.HasPrefix(sub, "active;expires=") {
				t.Errorf("at first %s, %s", state, sub)
			}
			if n := r.number(`koppelfeld_sip_subscriptions{package="dialog"}`); n != 1 {
				t.Errorf("%v subscriptions counted", n)
			}
			up := caller.dial("sip:416@"+domain, "", description("127.0.0.1", 4000, 1, "", pcmu...))
			down := callee.ring()
			l.want("early")
			down.pickUp(description("127.0.0.1", 4002, 1, "", pcmu...))
			up.answered("")
			l.want("confirmed")
			up.send("BYE", "", "")
			callee.reply(callee.await("BYE"), "200 OK", "", "")
			caller.await("200 BYE")
			l.want("terminated")

			l.send("SUBSCRIBE", "Event: dialog\nExpires: 0\n", "")
			watcher.await("200 SUBSCRIBE")
			if state, sub := l.next(); state != "terminated" || sub != "terminated;reason=timeout" {
				t.Errorf("at the end %s, %s", state, sub)
			}
			r.clean(t)
		})
	}
}

// TestLampsOfHuntMembers: the lamps of those who ring for a group light with the group's; that of who declines goes out at once, and in
// the end that of who has answered shines.
func TestLampsOfHuntMembers(t *testing.T) {
	c := newCompany(t, "sqlite", "udp")
	c.tick(map[string][]string{"416": {c.armin["desk"].ID}, "4161": {c.armin["dect"].ID}, "4162": {c.armin["softphone"].ID}})
	c.api("POST", "/api/huntgroups", map[string]any{"name": "Lampen", "number": "500", "members": []string{"4161", "4162"}}, nil)
	lamps := map[string]*lamp{}
	for _, n := range []string{"500", "4161", "4162"} {
		lamps[n] = newPeer(t, c.daemon, c.iris["desk"], "UDP", "127.0.0.1:0").watch(n, 600)
		lamps[n].want("terminated")
	}
	c.dial(c.irisP, "500")
	c.dect.await("CALL_INCOMING")
	c.soft.await("CALL_INCOMING")
	for _, l := range lamps {
		l.want("early")
	}
	c.soft.command("hangup", "")
	lamps["4162"].want("terminated")
	c.dect.command("accept", "")
	c.irisP.await("CALL_ESTABLISHED")
	lamps["4161"].want("confirmed")
	lamps["500"].want("confirmed")
	c.irisP.command("hangup", "")
	lamps["4161"].want("terminated")
	lamps["500"].want("terminated")
	c.quiet()
}

// TestSubscribersThatDie: whoever is killed while he watches is forgotten: over TCP at once, over UDP when he does not
// answer. A daemon that stops tells its subscribers to come back.
func TestSubscribersThatDie(t *testing.T) {
	r := newPair(t)
	watching := func() float64 { return r.number(`koppelfeld_sip_subscriptions{package="dialog"}`) }
	var killed []*exec.Cmd
	for _, transport := range []string{"t1", "u1"} {
		s := newScenario("watches")
		uri, extra := "sip:416@koppelfeld.example", "Event: dialog\nExpires: 600\n"
		s.send("", sippRequest("SUBSCRIBE", uri, "<"+uri+">", 1, "", extra, ""))
		s.recv(`response="401" auth="true"`)
		s.send("", sippRequest("SUBSCRIBE", uri, "<"+uri+">", 2, authentication, extra, ""))
		s.recv(`response="200"`).recv(`request="NOTIFY"`)
		s.send("", "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n")
		killed = append(killed, sippProcess(t, r.daemon, r.caller, s.pause(60000).file(t), "-t", transport, "-auth_uri", "416@koppelfeld.example"))
	}
	eventually(t, 10*time.Second, "both watch and have been told", func() bool {
		return watching() == 2 && r.number(`koppelfeld_sip_notifies_total{package="dialog"}`) == 2
	})
	for _, cmd := range killed {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	eventually(t, 5*time.Second, "the connection's subscription has ended", func() bool { return watching() == 1 })
	caller := newPeer(t, r.daemon, r.caller, "UDP", "127.0.0.1:0")
	callee := newPeer(t, r.daemon, r.callee, "UDP", "127.0.0.1:0")
	callee.register()
	k := caller.dial("sip:416@"+domain, "", description("127.0.0.1", 4000, 1, "", pcmu...))
	callee.ring()
	k.send("CANCEL", "", "")
	eventually(t, 40*time.Second, "the one that does not answer is forgotten", func() bool { return watching() == 0 })
	if n := r.number(`koppelfeld_sip_subscribers_lost_total{cause="timeout"}`) + r.number(`koppelfeld_sip_subscribers_lost_total{cause="connection"}`); n != 2 {
		t.Errorf("%v lost subscribers counted", n)
	}

	l := caller.watch("416", 600)
	l.next()
	done := make(chan struct{})
	go func() { defer close(done); r.stop() }()
	if n := caller.await("NOTIFY"); !strings.HasPrefix(n.get("Subscription-State"), "terminated;reason=probation;retry-after=") {
		t.Errorf("%s", n)
	} else {
		caller.reply(n, "200 OK", "", "")
	}
	<-done
}

// sippProcess starts a SIPp that is not expected to end well.
func sippProcess(t *testing.T, d *daemon, a account, file string, more ...string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	inf := filepath.Join(dir, "accounts.csv")
	if err := os.WriteFile(inf, []byte(fmt.Sprintf("SEQUENTIAL\n%s;[authentication username=%s password=%s]\n", a.SIP.Username, a.SIP.Username, a.SIP.Password)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sipp", append([]string{
		d.sip, "-sf", file, "-inf", inf, "-i", "127.0.0.1", "-p", fmt.Sprint(freePort(t)), "-mp", fmt.Sprint(freePort(t)), "-m", "1", "-nostdin",
	}, more...)...)
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting sipp: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}
