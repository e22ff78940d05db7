//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/testnet"
)

const (
	labServer  = "198.18.0.1"
	labNAT     = "198.18.0.2"
	labPhone   = "192.168.77.2"
	natTimeout = 35 // seconds after which the NAT forgets a way that nobody uses; a phone registers every 60
)

// natLab is a server, a NAT and a phone behind it, each in a network namespace of its own. Between server and NAT packets are lost,
// late and out of order.
type natLab struct {
	*testnet.Namespaces
	link *testnet.Link
}

func newNATLab(t *testing.T) *natLab {
	t.Helper()
	ns, err := testnet.NewNamespaces("srv", "nat", "phone")
	if errors.Is(err, testnet.ErrNotPermitted) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ns.Close)
	l := &natLab{Namespaces: ns}
	l.link, err = ns.NewLink("wan", "srv", labServer+"/30", "nat", labNAT+"/30", testnet.Impair{
		Seed: 20261127, Loss: 0.05, Reorder: 0.02, Duplicate: 0.01, Delay: 20 * time.Millisecond, Jitter: 5 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.link.Close)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(ns.Script("nat", "ip link add lan type veth peer name eth0 netns "+ns.Name("phone")+"\nip addr add 192.168.77.1/24 dev lan\nip link set lan up"))
	must(ns.Script("phone", "ip addr add "+labPhone+"/24 dev eth0\nip link set eth0 up\nip route add default via 192.168.77.1"))
	rules := t.TempDir() + "/nat.nft"
	must(os.WriteFile(rules, []byte("table ip kf {\n chain post {\n  type nat hook postrouting priority 100\n  oifname \"wan\" masquerade random\n }\n"+
		" chain pass {\n  type filter hook forward priority 0\n  iifname \"wan\" ct state new drop\n }\n}\n"), 0o600))
	must(ns.Run("nat", "nft", "-f", rules))
	for name, value := range map[string]string{
		"net/ipv4/ip_forward": "1", "net/netfilter/nf_conntrack_udp_timeout": fmt.Sprint(natTimeout), "net/netfilter/nf_conntrack_udp_timeout_stream": fmt.Sprint(natTimeout),
	} {
		must(ns.Within("nat", func() error { return os.WriteFile("/proc/sys/"+name, []byte(value), 0o600) }))
	}
	return l
}

// daemon starts the daemon in its namespace.
func (l *natLab) daemon(t *testing.T) *daemon {
	t.Helper()
	d := newDaemon(t, "sqlite")
	text, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	d.sip = strings.Replace(d.sip, "127.0.0.1", labServer, 1)
	changed := strings.NewReplacer("udp://127.0.0.1", "udp://"+labServer, "tcp://127.0.0.1", "tcp://"+labServer, `address = "127.0.0.1"`, `address = "`+labServer+`"`).Replace(string(text))
	if err := os.WriteFile(d.config, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	d.within(l.Namespaces, "srv")
	d.start()
	return d
}

// within lets the daemon run in a namespace, where it is then asked, too.
func (d *daemon) within(ns *testnet.Namespaces, name string) {
	d.launch = func(args ...string) *exec.Cmd { return ns.Command(name, binary, args...) }
	d.dial = func(address string) (net.Conn, error) { return ns.Dial(name, address) }
}

// TestPhoneBehindNATAndABadNetwork calls in both directions between a phone behind a NAT and one beside the server, after a time in
// which the NAT would have forgotten the phone but for keep-alives.
func TestPhoneBehindNATAndABadNetwork(t *testing.T) {
	l := newNATLab(t)
	d := l.daemon(t)
	armin, iris := d.slots("armin.artmann")["desk"], d.slots("iris.immsee")["desk"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin.ID}, "4161": {}, "4162": {}}, nil)
	d.api("PUT", "/api/users/iris.immsee/matrix", map[string][]string{"417": {iris.ID}, "4171": {}, "4172": {}}, nil)
	far := startPhone(t, phoneOptions{name: "armin-far", account: armin, server: d.sip, transport: "udp", tone: toneArmin, lab: l.Namespaces, netns: "phone", address: labPhone})
	near := startPhone(t, phoneOptions{name: "iris-near", account: iris, server: d.sip, transport: "udp", tone: toneIris, lab: l.Namespaces, netns: "srv", address: labServer})
	var bindings struct{ Items []struct{ Received string } }
	d.api("GET", "/api/slots/"+armin.ID+"/bindings", nil, &bindings)
	if len(bindings.Items) != 1 || !strings.HasPrefix(bindings.Items[0].Received, labNAT+":") {
		t.Fatalf("the phone is seen at %+v, not at the NAT", bindings)
	}
	call := func(from, to *phone, number string) {
		t.Helper()
		n := len(d.records())
		for _, p := range []*phone{from, to} {
			p.forget()
			p.forgetAudio()
		}
		from.command("dial", "sip:"+number+"@koppelfeld.example")
		to.await("CALL_INCOMING")
		to.command("accept", "")
		from.await("CALL_ESTABLISHED")
		heardFor(t, 3*time.Second, from, to)
		from.command("hangup", "")
		to.await("CALL_CLOSED")
		for p, tone := range map[*phone]float64{far: toneIris, near: toneArmin} {
			if share, blocks := p.purity(tone); share < 0.5 || blocks < 8 {
				t.Errorf("%s heard the other's tone in %.0f %% of %d blocks", p.name, 100*share, blocks)
			}
		}
		r := d.awaitRecords(n + 1)
		if r.Result != "answered" || r.MediaCaller == nil || r.MediaCaller.Packets < 50 || r.MediaCallee.Packets < 50 {
			t.Errorf("record %+v, media %+v %+v", r, r.MediaCaller, r.MediaCallee)
			return
		}
		side := r.MediaCallee
		if from == far {
			side = r.MediaCaller
		}
		if !strings.HasPrefix(side.Source, labNAT+":") || side.Lost == 0 {
			t.Errorf("audio of the phone behind the NAT: %+v", side)
		}
	}
	// A phone that says nothing is reached after the NAT has had time to forget it, since the daemon has asked after it.
	quietly(t, (natTimeout+1)*time.Second)
	call(near, far, "416")
	call(far, near, "417")
	if p := l.link.Passed(); p.Lost < 20 {
		t.Errorf("the network was not that bad: %+v", p)
	}
	eventually(t, 5*time.Second, "nothing of the calls is left", func() bool { s := d.inside(""); return len(s.Calls) == 0 && len(s.Dialogs) == 0 })
}

// quietly lets time pass in which nothing is done.
func quietly(t *testing.T, wait time.Duration) {
	t.Helper()
	select {
	case <-time.After(wait):
	case <-t.Context().Done():
	}
}
