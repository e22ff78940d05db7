//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/testnet"
)

// crowded runs a SIPp scenario with many calls and returns what SIPp said. That calls fail is for the caller to judge.
func crowded(t *testing.T, d *daemon, a account, port int, file string, more ...string) (wait func() string) {
	t.Helper()
	dir := t.TempDir()
	inf := filepath.Join(dir, "accounts.csv")
	line := fmt.Sprintf("SEQUENTIAL\n%s;[authentication username=%s password=%s]\n", a.SIP.Username, a.SIP.Username, a.SIP.Password)
	if err := os.WriteFile(inf, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{
		d.sip, "-sf", file, "-inf", inf, "-i", "127.0.0.1", "-p", fmt.Sprint(port), "-mp", fmt.Sprint(freePort(t)), "-nostdin",
	}, more...)
	cmd := exec.Command("sipp", args...)
	out := &syncBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting sipp: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	end := func() {
		select {
		case <-done:
		default:
			_ = cmd.Process.Kill()
			<-done
		}
		done <- nil
	}
	t.Cleanup(end)
	return func() string {
		select {
		case err := <-done:
			done <- err
		case <-time.After(60 * time.Second):
			t.Error("sipp did not end")
			end()
		}
		return out.String()
	}
}

// natural is a scenario whose requests ask for answers to where they came from (RFC 3581), so that these go through the relay, too.
func (s *scenario) natural(t *testing.T) string {
	text := strings.ReplaceAll(s.String(), ";branch=[branch]", ";branch=[branch];rport")
	s.Reset()
	s.WriteString(text)
	return s.file(t)
}

// TestCallsThroughALossyNetwork lets SIPp call SIPp through packets that are lost, doubled and out of order on both legs.
func TestCallsThroughALossyNetwork(t *testing.T) {
	r := newPair(t)
	shim, err := testnet.NewLossy(mustAddr(t, r.sip), testnet.Impair{
		Seed: 20261127, Loss: 0.05, Duplicate: 0.03, Reorder: 0.05, Delay: 2 * time.Millisecond, Jitter: 20 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer shim.Close()
	via := *r.daemon
	via.sip = shim.Addr().String()

	const n = 60
	port := freePort(t)
	for try := 0; ; try++ { // SIPp's own REGISTER may fail: a 401 that comes twice is nothing it expects
		s := newScenario("register")
		uri, to := "sip:koppelfeld.example", "<sip:[field0]@koppelfeld.example>"
		s.send(`retrans="500"`, sippRequest("REGISTER", uri, to, 1, "", "Expires: 300\n", "")).recv(`response="401" auth="true"`)
		s.send(`retrans="500"`, sippRequest("REGISTER", uri, to, 2, authentication, "Expires: 300\n", "")).recv(`response="200"`)
		crowded(t, &via, r.callee, port, s.natural(t), "-auth_uri", "koppelfeld.example", "-m", "1")()
		if r.number("koppelfeld_registered_contacts") == 1 {
			break
		}
		if try == 5 {
			t.Fatal("SIPp does not come to register")
		}
	}
	callee := newScenario("answers").recv(`request="INVITE"`).send("", sippResponse("180 Ringing", "", "")).pause(100).
		send(`retrans="500"`, sippResponse("200 OK", "", sdpBody)).recv(`request="ACK" rtd="true"`).
		recv(`request="BYE"`).send("", sippResponse("200 OK", "", "")).pause(4000)
	caller := inviteWithDigest(newScenario("calls"), "416").recv(`response="180" optional="true"`).recv(`response="200" rrs="true"`)
	bye := sippRequest("BYE", "[next_url]", "<sip:416@koppelfeld.example>[peer_tag_param]", 3, "", "", "")
	ackFinal(caller, "416").pause(300).send(`retrans="500"`, bye).recv(`response="200"`)
	crowded(t, &via, r.callee, port, callee.natural(t)) // ends with the test: it does not know how many calls come through
	out := crowded(t, &via, r.caller, freePort(t), caller.natural(t), "-auth_uri", "416@koppelfeld.example", "-m", fmt.Sprint(n), "-r", "4", "-recv_timeout", "34000")()
	passed := shim.Passed()
	t.Logf("%+v", passed)
	if passed.Lost < 30 || passed.Duplicated < 15 || passed.In < 600 {
		t.Errorf("the network was not that bad: %+v\n%s", passed, tail(out, 40))
	}

	// Whatever became of the calls: nothing of them is left, and the records say how they ended. A call whose ACK and BYE are lost has
	// 64*T1 for the 2xx (RFC 3261 section 13.3.1.4) and as much again for our BYE (timer F).
	eventually(t, 90*time.Second, "no call and no dialog is left", func() bool {
		s := r.inside("")
		return len(s.Calls) == 0 && len(s.Dialogs) == 0 && r.number(`koppelfeld_media_ports{state="used"}`) == 0 && r.number("koppelfeld_sip_calls_open") == 0
	})
	results := map[string]int{}
	var records []record
	eventually(t, 5*time.Second, "the records are written", func() bool {
		records = r.records()
		return len(records) == n
	})
	for _, rec := range records {
		results[rec.Result]++
	}
	t.Log(results)
	if answered := results["answered"]; answered < n*9/10 || results["failed"]+results["interrupted"] > 0 {
		t.Errorf("results %v of %d calls; SIPp says\n%s", results, n, tail(out, 60))
	}
	if p := r.number("koppelfeld_call_faults_total"); p != 0 {
		t.Errorf("%v calls ended by a fault", p)
	}
	for i, s := range r.inside("").Shards {
		if s.Panics != 0 || s.Queue > 1 {
			t.Errorf("shard %d: %+v", i, s)
		}
	}
	for _, v := range r.numbers([]string{`koppelfeld_sip_transaction_events_total{event="retransmission"}`, `koppelfeld_sip_transaction_events_total{event="absorbed"}`}) {
		if v == 0 {
			t.Error("nothing was sent again or absorbed")
		}
	}
	if l := r.fetch(t, "/api/calls/"+records[0].ID+"/ladder?format=text"); !strings.Contains(l, "INVITE 416") {
		t.Errorf("the ladder of a call through a lossy network:\n%s", l)
	}
}
