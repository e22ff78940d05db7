//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/testnet"
)

// outside is one side of the system: where the daemon is bound there, and what it shows instead, for SIP and, apart from it, for audio.
type outside struct {
	netns, bound, phone, sip, audio string
}

var (
	insideSide   = outside{"in", "10.77.1.1", "10.77.1.2", "192.0.2.1", "192.0.2.2"}
	providerSide = outside{"prov", "10.77.2.1", "10.77.2.2", "203.0.113.1", "203.0.113.2"}
)

// sidesLab is a server with two sides, each a network of its own where the server is known by the addresses that it shows only: one for
// SIP and one for audio. What comes to, or from, any other address is lost.
func sidesLab(t *testing.T) *testnet.Namespaces {
	t.Helper()
	ns, err := testnet.NewNamespaces("srv", insideSide.netns, providerSide.netns)
	if errors.Is(err, testnet.ErrNotPermitted) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ns.Close)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	rules := "table ip kf {\n"
	for _, s := range []outside{insideSide, providerSide} {
		must(ns.Script("srv", fmt.Sprintf("ip link add %s type veth peer name eth0 netns %s\nip addr add %s/24 dev %s\nip link set %s up", s.netns, ns.Name(s.netns), s.bound, s.netns, s.netns)))
		must(ns.Script(s.netns, fmt.Sprintf("ip addr add %s/24 dev eth0\nip link set eth0 up\nip route add %s/32 via %s\nip route add %s/32 via %s", s.phone, s.sip, s.bound, s.audio, s.bound)))
		rules += fmt.Sprintf(` chain to%[1]s {
  type filter hook prerouting priority -300
  iifname "%[1]s" ip daddr %[2]s counter drop
  iifname "%[1]s" udp dport 30000-31999 ip daddr %[4]s ip daddr set %[2]s
  iifname "%[1]s" udp dport != 30000-31999 ip daddr %[3]s ip daddr set %[2]s
 }
 chain from%[1]s {
  type filter hook postrouting priority -300
  oifname "%[1]s" udp sport 30000-31999 ip saddr %[2]s ip saddr set %[4]s
  oifname "%[1]s" udp sport != 30000-31999 ip saddr %[2]s ip saddr set %[3]s
 }
`, s.netns, s.bound, s.sip, s.audio)
	}
	path := t.TempDir() + "/sides.nft"
	must(os.WriteFile(path, []byte(rules+"}\n"), 0o600))
	must(ns.Run("srv", "nft", "-f", path))
	return ns
}

// TestInterfacesWithRealPhones: a system with an inside and a provider's side shows each its own addresses, and joins phones of both.
func TestInterfacesWithRealPhones(t *testing.T) {
	ns := sidesLab(t)
	d := newDaemon(t, "sqlite")
	port := strings.TrimPrefix(d.sip, "127.0.0.1:")
	d.edit(fmt.Sprintf(`listen = ["udp://%s", "tcp://%s"]`, d.sip, d.sip),
		fmt.Sprintf("listen = [\"udp://%s:%s\"]\nadvertise = %q", insideSide.bound, port, insideSide.sip))
	d.edit(`address = "127.0.0.1"`, fmt.Sprintf("address = %q\nadvertise = %q", insideSide.bound, insideSide.audio))
	d.edit("[admin]", fmt.Sprintf("[[interface]]\nname = \"provider\"\nlisten = [\"udp://%s:%s\"]\nadvertise = %q\nmedia = %q\nmedia_advertise = %q\n[admin]",
		providerSide.bound, port, providerSide.sip, providerSide.bound, providerSide.audio))
	d.within(ns, "srv")
	d.start()
	armin, iris := d.slots("armin.artmann"), d.slots("iris.immsee")["desk"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin["desk"].ID, armin["softphone"].ID}, "4161": {}, "4162": {}}, nil)
	d.api("PUT", "/api/users/iris.immsee/matrix", map[string][]string{"417": {iris.ID}, "4171": {}, "4172": {}}, nil)
	start := func(name string, a account, s outside, tone int) *phone {
		return startPhone(t, phoneOptions{
			name: name, account: a, server: s.sip + ":" + port, transport: "udp", tone: tone, lab: ns, netns: s.netns, address: s.phone,
		})
	}
	caller := start("iris-inside", iris, insideSide, toneIris)
	desk := start("armin-inside", armin["desk"], insideSide, toneArmin)
	far := start("armin-provider", armin["softphone"], providerSide, toneArmin)
	sides := map[*phone][2]outside{caller: {insideSide, providerSide}, desk: {insideSide, providerSide}, far: {providerSide, insideSide}}

	talk := func(from, to *phone, number string, also *phone) {
		t.Helper()
		n := len(d.records())
		for p := range sides {
			p.forget()
			p.forgetAudio()
		}
		from.command("dial", "sip:"+number+"@koppelfeld.example")
		to.await("CALL_INCOMING")
		if also != nil {
			also.await("CALL_INCOMING")
		}
		to.command("accept", "")
		from.await("CALL_ESTABLISHED")
		heardFor(t, 2500*time.Millisecond, from, to)
		from.command("hangup", "")
		to.await("CALL_CLOSED")
		for p, tone := range map[*phone]float64{from: toneOf(to, caller), to: toneOf(from, caller)} {
			if share, blocks := p.purity(tone); share < 0.75 || blocks < 6 {
				t.Errorf("%s heard the other's tone in %.0f %% of %d blocks", p.name, 100*share, blocks)
			}
		}
		r := d.awaitRecords(n + 1)
		if r.Result != "answered" || r.MediaCaller == nil || r.MediaCaller.Packets < 50 || r.MediaCallee.Packets < 50 || r.MediaNote != "" {
			t.Errorf("record %+v, media %+v %+v %q", r, r.MediaCaller, r.MediaCallee, r.MediaNote)
		}
	}
	// Both of armin's phones ring, at two places; either may answer.
	talk(caller, far, "416", desk)
	talk(caller, desk, "416", far)
	talk(far, caller, "417", nil)

	for p, s := range sides {
		log, here, other := p.log.String(), s[0], s[1]
		for _, want := range []string{
			"SIP/2.0/UDP " + here.sip + ":" + port, "<sip:koppelfeld@" + here.sip + ":" + port, "c=IN IP4 " + here.audio,
		} {
			if !strings.Contains(log, want) {
				t.Errorf("%s has not seen %q", p.name, want)
			}
		}
		for _, not := range []string{here.bound, "c=IN IP4 " + here.sip, other.bound, other.sip, other.audio, other.phone} {
			if strings.Contains(log, not) {
				t.Errorf("%s has seen %q", p.name, not)
			}
		}
	}
	eventually(t, 5*time.Second, "nothing of the calls is left", func() bool { s := d.inside(""); return len(s.Calls) == 0 && len(s.Dialogs) == 0 })
}

// toneOf is the tone of a phone's microphone: iris's, or armin's.
func toneOf(p, iris *phone) float64 {
	if p == iris {
		return toneIris
	}
	return toneArmin
}

// TestIPv6AudioWithIPv4: a phone that speaks IPv6 alone and one that speaks IPv4 call each other.
func TestIPv6AudioWithIPv4(t *testing.T) {
	d := newDaemon(t, "sqlite")
	six := "[::1]" + strings.TrimPrefix(d.sip, "127.0.0.1")
	d.edit("listen = [", fmt.Sprintf("listen = [%q, ", "udp://"+six))
	d.edit(`address = "127.0.0.1"`, "address = \"127.0.0.1\"\naddress6 = \"::1\"")
	d.start()
	armin, iris := d.slots("armin.artmann"), d.slots("iris.immsee")["desk"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin["desk"].ID, armin["softphone"].ID}, "4161": {}, "4162": {}}, nil)
	d.api("PUT", "/api/users/iris.immsee/matrix", map[string][]string{"417": {iris.ID}, "4171": {}, "4172": {}}, nil)
	caller := startPhone(t, phoneOptions{name: "iris-four", account: iris, server: d.sip, transport: "udp", tone: toneIris})
	desk := startPhone(t, phoneOptions{name: "armin-four", account: armin["desk"], server: d.sip, transport: "udp", tone: toneArmin})
	far := startPhone(t, phoneOptions{name: "armin-six", account: armin["softphone"], server: six, transport: "udp", tone: toneArmin, six: true, address: "::1"})
	for i, talk := range []struct {
		from, to *phone
		number   string
	}{{caller, far, "416"}, {far, caller, "417"}} {
		for _, p := range []*phone{caller, far, desk} {
			p.forget()
			p.forgetAudio()
		}
		talk.from.command("dial", "sip:"+talk.number+"@koppelfeld.example")
		talk.to.await("CALL_INCOMING")
		talk.to.command("accept", "")
		talk.from.await("CALL_ESTABLISHED")
		heardFor(t, 2500*time.Millisecond, talk.from, talk.to)
		talk.from.command("hangup", "")
		talk.to.await("CALL_CLOSED")
		for p, tone := range map[*phone]float64{caller: toneArmin, far: toneIris} {
			if share, blocks := p.purity(tone); share < 0.75 || blocks < 6 {
				t.Errorf("%s heard the other's tone in %.0f %% of %d blocks", p.name, 100*share, blocks)
			}
		}
		r := d.awaitRecords(i + 1)
		if r.Result != "answered" || r.MediaCaller == nil || r.MediaCaller.Packets < 50 || r.MediaCallee.Packets < 50 || r.MediaNote != "" {
			t.Errorf("record %+v, media %+v %+v %q", r, r.MediaCaller, r.MediaCallee, r.MediaNote)
		}
	}
	if log := far.log.String(); !strings.Contains(log, "c=IN IP6 ::1") || strings.Contains(log, "IN IP4") {
		t.Error("the phone that speaks IPv6 was told of IPv4")
	}
	for _, p := range []*phone{caller, desk} {
		if log := p.log.String(); !strings.Contains(log, "c=IN IP4 127.0.0.1") || strings.Contains(log, "IN IP6") {
			t.Errorf("%s was told of IPv6", p.name)
		}
	}
}
