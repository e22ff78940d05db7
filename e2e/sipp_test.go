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
)

// scenario builds SIPp scenarios from steps, so that each test reads as its flow.
type scenario struct{ strings.Builder }

func newScenario(name string) *scenario {
	s := &scenario{}
	fmt.Fprintf(s, "<?xml version=\"1.0\"?>\n<scenario name=%q>\n", name)
	return s
}

func (s *scenario) send(attributes, text string) *scenario {
	fmt.Fprintf(s, "<send %s><![CDATA[\n%s\n]]></send>\n", attributes, strings.TrimSpace(text))
	return s
}

func (s *scenario) recv(attributes string) *scenario {
	fmt.Fprintf(s, "<recv %s/>\n", attributes)
	return s
}

func (s *scenario) pause(ms int) *scenario {
	fmt.Fprintf(s, "<pause milliseconds=\"%d\"/>\n", ms)
	return s
}

func (s *scenario) file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scenario.xml")
	if err := os.WriteFile(path, []byte(s.String()+"</scenario>\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const sdpBody = `
v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
`

// sippRequest writes a request outside of or in a dialog. cseq is the number, auth a SIPp keyword or "".
func sippRequest(method, uri, to string, cseq int, auth, extra, body string) string {
	text := method + " " + uri + " SIP/2.0\n" +
		"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n" +
		"From: <sip:[field0]@koppelfeld.example>;tag=[pid]x[call_number]\n" +
		"To: " + to + "\n" +
		"Call-ID: [call_id]\n" +
		fmt.Sprintf("CSeq: %d %s\n", cseq, method) +
		"Contact: <sip:[field0]@[local_ip]:[local_port]>\n" +
		"Max-Forwards: 70\n"
	if auth != "" {
		text += auth + "\n"
	}
	text += extra
	if body != "" {
		text += "Content-Type: application/sdp\n"
	}
	return text + "Content-Length: [len]\n" + body
}

const authentication = "[field1]"

// inviteWithDigest is the beginning of every authenticated call.
func inviteWithDigest(s *scenario, number string) *scenario {
	uri := "sip:" + number + "@koppelfeld.example"
	s.send(`retrans="500"`, sippRequest("INVITE", uri, "<"+uri+">", 1, "", "", sdpBody))
	s.recv(`response="401" auth="true"`)
	s.send("", sippRequest("ACK", uri, "<"+uri+">[peer_tag_param]", 1, "", "", ""))
	s.send(`retrans="500"`, sippRequest("INVITE", uri, "<"+uri+">", 2, authentication, "", sdpBody))
	return s.recv(`response="100" optional="true"`)
}

func ackFinal(s *scenario, number string) *scenario {
	uri := "sip:" + number + "@koppelfeld.example"
	return s.send("", sippRequest("ACK", uri, "<"+uri+">[peer_tag_param]", 2, "", "", ""))
}

func sippResponse(status string, headers, body string) string {
	text := "SIP/2.0 " + status + "\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]y[call_number]\n[last_Call-ID:]\n[last_CSeq:]\n" +
		"Contact: <sip:[local_ip]:[local_port]>\n" + headers
	if body != "" {
		text += "Content-Type: application/sdp\n"
	}
	return text + "Content-Length: [len]\n" + body
}

// sipp runs one scenario to its end and fails the test when SIPp counts a failed call.
func sipp(t *testing.T, d *daemon, a account, port int, file string, more ...string) func() {
	t.Helper()
	dir := t.TempDir()
	inf := filepath.Join(dir, "accounts.csv")
	line := fmt.Sprintf("SEQUENTIAL\n%s;[authentication username=%s password=%s]\n", a.SIP.Username, a.SIP.Username, a.SIP.Password)
	if err := os.WriteFile(inf, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	media := freePort(t)
	args := append([]string{
		d.sip, "-sf", file, "-inf", inf, "-i", "127.0.0.1", "-p", fmt.Sprint(port), "-mp", fmt.Sprint(media),
		"-m", "1", "-timeout", "40s", "-timeout_error", "-nostdin", "-trace_err", "-trace_msg", "-message_file", filepath.Join(dir, "messages.log"), "-error_file", filepath.Join(dir, "errors.log"),
	}, more...)
	cmd := exec.Command("sipp", args...)
	out := &syncBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting sipp: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	var waited bool
	wait := func() {
		t.Helper()
		if waited {
			return
		}
		waited = true
		select {
		case err := <-done:
			if err != nil {
				messages, _ := os.ReadFile(filepath.Join(dir, "messages.log"))
				t.Errorf("sipp %s: %v\n%s", filepath.Base(file), err, tail(string(messages), 80))
			}
		case <-time.After(50 * time.Second):
			_ = cmd.Process.Kill()
			<-done
			t.Error("sipp did not end")
		}
	}
	t.Cleanup(wait)
	return wait
}

func sippRegister(t *testing.T, d *daemon, a account, port int) {
	t.Helper()
	s := newScenario("register")
	uri := "sip:koppelfeld.example"
	to := "<sip:[field0]@koppelfeld.example>"
	s.send(`retrans="500"`, sippRequest("REGISTER", uri, to, 1, "", "Expires: 120\n", ""))
	s.recv(`response="401" auth="true"`)
	s.send(`retrans="500"`, sippRequest("REGISTER", uri, to, 2, authentication, "Expires: 120\n", ""))
	s.recv(`response="200"`)
	sipp(t, d, a, port, s.file(t), "-auth_uri", "koppelfeld.example")()
}

func TestSIPpCallsThatFail(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	armin, iris := d.slots("armin.artmann")["desk"], d.slots("iris.immsee")["desk"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin.ID}}, nil)

	for _, c := range []struct {
		name   string
		number string
		callee func() *scenario // nil: nobody is registered
		caller func() *scenario
		result string
		status int
	}{
		{
			name: "unknown number is refused", number: "499", result: "rejected", status: 404,
			caller: func() *scenario {
				return ackFinal(inviteWithDigest(newScenario("refused"), "499").recv(`response="404"`), "499")
			},
		},
		{
			name: "nobody registered", number: "416", result: "unreachable", status: 480,
			caller: func() *scenario {
				return ackFinal(inviteWithDigest(newScenario("unreachable"), "416").recv(`response="480"`), "416")
			},
		},
		{
			name: "callee is busy", number: "416", result: "busy", status: 486,
			callee: func() *scenario {
				return newScenario("busy").recv(`request="INVITE"`).send(`retrans="500"`, sippResponse("486 Busy Here", "", "")).recv(`request="ACK"`)
			},
			caller: func() *scenario {
				return ackFinal(inviteWithDigest(newScenario("calls a busy one"), "416").recv(`response="486"`), "416")
			},
		},
		{
			name: "callee declines", number: "416", result: "declined", status: 603,
			callee: func() *scenario {
				return newScenario("decline").recv(`request="INVITE"`).send("", sippResponse("180 Ringing", "", "")).
					send(`retrans="500"`, sippResponse("603 Decline", "", "")).recv(`request="ACK"`)
			},
			caller: func() *scenario {
				return ackFinal(inviteWithDigest(newScenario("is declined"), "416").recv(`response="180"`).recv(`response="603"`), "416")
			},
		},
		{
			name: "caller gives up", number: "416", result: "cancelled", status: 487,
			callee: ringUntilCancelled,
			caller: func() *scenario {
				uri := "sip:416@koppelfeld.example"
				s := inviteWithDigest(newScenario("cancels"), "416").recv(`response="180"`).pause(300)
				s.send(`retrans="500"`, `CANCEL `+uri+` SIP/2.0
[last_Via:]
From: <sip:[field0]@koppelfeld.example>;tag=[pid]x[call_number]
To: <`+uri+`>
Call-ID: [call_id]
CSeq: 2 CANCEL
Max-Forwards: 70
Content-Length: 0
`)
				s.recv(`response="200"`).recv(`response="487"`)
				return ackFinal(s, "416")
			},
		},
		{
			name: "nobody answers", number: "416", result: "no_answer", status: 480,
			callee: ringUntilCancelled,
			caller: func() *scenario {
				return ackFinal(inviteWithDigest(newScenario("rings out"), "416").recv(`response="180"`).recv(`response="480" timeout="30000"`), "416")
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(d.records())
			wait := func() {}
			if c.callee != nil {
				port := freePort(t)
				sippRegister(t, d, armin, port)
				wait = sipp(t, d, armin, port, c.callee().file(t))
			}
			sipp(t, d, iris, freePort(t), c.caller().file(t), "-auth_uri", c.number+"@koppelfeld.example")()
			wait()
			r := d.awaitRecords(before + 1)
			if r.Result != c.result || r.Status != c.status || r.To != c.number {
				t.Errorf("record says %s %d for %s, want %s %d (%s)", r.Result, r.Status, r.To, c.result, c.status, r.Cause)
			}
			if n := d.activeCalls(); n != 0 {
				t.Errorf("%d calls left", n)
			}
		})
	}
}

func ringUntilCancelled() *scenario {
	s := newScenario("rings").recv(`request="INVITE"`).send("", sippResponse("180 Ringing", "", ""))
	s.recv(`request="CANCEL" timeout="35000"`).send("", sippResponse("200 OK", "", ""))
	s.send(`retrans="500"`, `SIP/2.0 487 Request Terminated
[last_Via:]
[last_From:]
[last_To:];tag=[pid]y[call_number]
[last_Call-ID:]
CSeq: 1 INVITE
Content-Length: 0
`)
	return s.recv(`request="ACK"`)
}
