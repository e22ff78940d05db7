//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// traffic is a stream of answered calls between two SIPp instances.
type traffic struct {
	t        *testing.T
	messages string // the caller's log of messages
	caller   *exec.Cmd
	callee   *exec.Cmd
}

// startTraffic makes count calls at rate per second from iris to armin's 416.
func startTraffic(t *testing.T, d *daemon, count, rate int) *traffic {
	t.Helper()
	armin, iris := d.slots("armin.artmann")["desk"], d.slots("iris.immsee")["desk"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin.ID}}, nil)
	d.api("PATCH", "/api/numbers/416", map[string]any{"call_waiting": true}, nil)
	port := freePort(t)
	sippRegister(t, d, armin, port)
	s := inviteWithDigest(newScenario("answered"), "416").recv(`response="180"`).recv(`response="200" rrs="true"`)
	s = ackFinal(s, "416").pause(100)
	s.send(`retrans="500"`, `BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@koppelfeld.example>;tag=[pid]x[call_number]
To: <sip:416@koppelfeld.example>[peer_tag_param]
Call-ID: [call_id]
CSeq: 3 BYE
Max-Forwards: 70
Content-Length: 0
`).recv(`response="200"`)
	dir := t.TempDir()
	inf := filepath.Join(dir, "accounts.csv")
	line := fmt.Sprintf("SEQUENTIAL\n%s;[authentication username=%s password=%s]\n", iris.SIP.Username, iris.SIP.Username, iris.SIP.Password)
	if err := os.WriteFile(inf, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	tr := &traffic{t: t, messages: filepath.Join(dir, "messages.log")}
	tr.callee = exec.Command("sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", strconv.Itoa(port), "-mp", strconv.Itoa(freePort(t)), "-nostdin")
	tr.caller = exec.Command("sipp", d.sip, "-sf", s.file(t), "-inf", inf, "-i", "127.0.0.1", "-p", strconv.Itoa(freePort(t)), "-mp", strconv.Itoa(freePort(t)),
		"-m", strconv.Itoa(count), "-r", strconv.Itoa(rate), "-l", "500", "-nostdin", "-auth_uri", "416@koppelfeld.example", "-timeout", "60s", "-trace_msg", "-message_file", tr.messages)
	for _, c := range []*exec.Cmd{tr.callee, tr.caller} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	}
	return tr
}

var callID = regexp.MustCompile(`(?m)^Call-ID: (\S+)`)

// answered lists the Call-IDs for which the caller has seen a 200 to its INVITE.
func (tr *traffic) answered() map[string]bool {
	tr.t.Helper()
	b, err := os.ReadFile(tr.messages)
	if err != nil && !os.IsNotExist(err) {
		tr.t.Fatal(err)
	}
	out := map[string]bool{}
	for _, m := range bytes.Split(b, []byte("UDP message ")) {
		text := string(m)
		if strings.HasPrefix(text, "received") && strings.Contains(text, "SIP/2.0 200") && strings.Contains(text, " INVITE") {
			if id := callID.FindStringSubmatch(text); id != nil {
				out[strings.TrimSpace(id[1])] = true
			}
		}
	}
	return out
}

// recordsByCall counts the finished records of every Call-ID, over all pages.
func recordsByCall(d *daemon) map[string][]string {
	d.t.Helper()
	out := map[string][]string{}
	cursor := ""
	for {
		var page struct {
			Items []struct {
				SIPCallID string    `json:"sip_call_id"`
				Result    string    `json:"result"`
				End       time.Time `json:"end"`
			}
			Next string
		}
		path := "/api/cdrs?limit=200"
		if cursor != "" {
			path += "&cursor=" + cursor
		}
		d.api("GET", path, nil, &page)
		for _, r := range page.Items {
			if !r.End.IsZero() {
				out[r.SIPCallID] = append(out[r.SIPCallID], r.Result)
			}
		}
		if cursor = page.Next; cursor == "" {
			return out
		}
	}
}

// complete reports whether every call has exactly one record.
func complete(answered map[string]bool, records map[string][]string) error {
	for id := range answered {
		if len(records[id]) != 1 {
			return fmt.Errorf("call %s has records %v", id, records[id])
		}
	}
	for id, rs := range records {
		if len(rs) != 1 {
			return fmt.Errorf("call %s has records %v", id, rs)
		}
	}
	return nil
}

func TestAKilledDaemonLosesNoRecord(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.edit("[sip]", "[sip]\ncall_rate = 1000") // one phone makes all the calls
	d.start()
	tr := startTraffic(t, d, 10000, 60)
	eventually(t, 20*time.Second, "150 calls are answered", func() bool { return len(tr.answered()) >= 150 })
	d.kill()
	_ = tr.caller.Process.Kill()
	_ = tr.callee.Process.Kill()
	answered := tr.answered()
	d.start()
	var err error
	eventually(t, 10*time.Second, "every answered call has one record", func() bool {
		err = complete(answered, recordsByCall(d))
		return err == nil
	})
	interrupted := 0
	for _, rs := range recordsByCall(d) {
		if rs[0] == "interrupted" {
			interrupted++
		}
	}
	if interrupted == 0 {
		t.Error("calls were up when the daemon was killed, yet no record says interrupted")
	}
	t.Logf("%d calls answered, %d interrupted", len(answered), interrupted)
}

func TestRecordsWaitWhileTheDatabaseIsAway(t *testing.T) {
	db := storetest.ServerFor(t)
	dsn, err := db.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d := newDaemon(t, dsn)
	d.edit("[sip]", "[sip]\ncall_rate = 1000")
	d.start()
	tr := startTraffic(t, d, 300, 40)
	eventually(t, 20*time.Second, "60 calls are answered", func() bool { return len(tr.answered()) >= 60 })
	if err := db.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "calls go on without the database", func() bool { return len(tr.answered()) >= 200 })
	if err := db.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "all calls are answered", func() bool { return len(tr.answered()) >= 300 })
	eventually(t, 20*time.Second, "the daemon answers from the database again", func() bool {
		return d.request("GET", "/readyz", nil, nil) == nil && d.request("GET", "/api/cdrs", nil, nil) == nil
	})
	d.login()
	eventually(t, 20*time.Second, "every call has one record", func() bool {
		records := recordsByCall(d)
		return len(records) >= 300 && complete(tr.answered(), records) == nil
	})
}

func TestSelfcallCommandAndMetrics(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.listen("tls")
	d.listen("ws")
	d.start()
	for _, transport := range []string{"udp", "tcp", "tls", "ws"} {
		out, err := exec.Command(binary, "selfcall", "--config", d.config, "--transport", transport).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "self-call succeeded") {
			t.Fatalf("selfcall over %s: %v\n%s", transport, err, out)
		}
	}
	metrics, err := exec.Command("curl", "-sf", "http://"+d.metrics+"/metrics").Output()
	if err != nil {
		t.Fatal(err)
	}
	check := exec.Command("promtool", "check", "metrics")
	check.Stdin = bytes.NewReader(metrics)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
	for _, want := range []string{`koppelfeld_calls_total{class="inside",result="answered"} 4`, "koppelfeld_active_calls 0", "koppelfeld_media_packets_total"} {
		if !strings.Contains(string(metrics), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	out, err := exec.Command(binary, "explain", "--config", d.config, "--from", "+4966112345", "--to", "416", "--lang", "de").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "416") {
		t.Errorf("explain: %v\n%s", err, out)
	}
	if out, err := exec.Command(binary, "check", "--config", d.config).CombinedOutput(); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
}

func TestTerminationEndsCallsWithBYE(t *testing.T) {
	c := newCompany(t, "sqlite", "udp")
	c.dial(c.irisP, "4161")
	c.desk.await("CALL_INCOMING")
	c.desk.command("accept", "")
	c.irisP.await("CALL_ESTABLISHED")
	began := time.Now()
	c.stop()
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("stopping took %v", took)
	}
	c.irisP.await("CALL_CLOSED")
	c.desk.await("CALL_CLOSED")
	c.start()
	r := c.awaitRecords(1)
	if r.Result != "answered" || r.HangupBy != "system" {
		t.Errorf("unexpected record %+v", r)
	}
}

func TestRegistrationsSurviveARestart(t *testing.T) {
	c := newCompany(t, "sqlite", "udp")
	c.stop()
	c.start()
	c.forget()
	c.dial(c.irisP, "4161")
	c.desk.await("CALL_INCOMING")
	c.irisP.command("hangup", "")
	c.desk.await("CALL_CLOSED")
	c.quiet()
}

func TestAlertRules(t *testing.T) {
	for _, args := range [][]string{{"check", "rules", "koppelfeld.rules.yml"}, {"test", "rules", "koppelfeld.rules.test.yml"}} {
		cmd := exec.Command("promtool", args...)
		cmd.Dir = "../packaging/prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
	// Every metric that a rule names exists.
	d := newDaemon(t, "sqlite")
	d.start()
	metrics, err := exec.Command("curl", "-sf", "http://"+d.metrics+"/metrics").Output()
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile("../packaging/prometheus/koppelfeld.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`koppelfeld_[a-z_]+`).FindAllString(string(rules), -1) {
		if !bytes.Contains(metrics, []byte("# TYPE "+name+" ")) && name != "koppelfeld_calls_total" {
			t.Errorf("a rule names %s, which the daemon does not have", name)
		}
	}
}
