//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// saved is a SIPp action that keeps a header of the message for later.
func saved(header, variable string) string {
	return fmt.Sprintf(`<ereg regexp="[^ ].*" search_in="hdr" header="%s:" check_it="true" assign_to="%s"/>`, header, variable)
}

func (s *scenario) recvSaving(attributes string, actions ...string) *scenario {
	fmt.Fprintf(s, "<recv %s><action>%s</action></recv>\n", attributes, strings.Join(actions, ""))
	return s
}

// inDialog is a request of a SIPp caller in its dialog.
func inDialog(method string, cseq int, extra, body string) string {
	return sippRequest(method, "[next_url]", "<sip:416@koppelfeld.example>[peer_tag_param]", cseq, "", extra, body)
}

// reliableCaller requires reliable provisional responses, confirms one and moves its audio before the answer.
func reliableCaller() *scenario {
	const uri, extra = "sip:416@koppelfeld.example", "Require: 100rel\nAllow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE\n"
	s := newScenario("caller with 100rel")
	s.send(`retrans="500"`, sippRequest("INVITE", uri, "<"+uri+">", 1, "", extra, sdpBody))
	s.recv(`response="401" auth="true"`)
	s.send("", sippRequest("ACK", uri, "<"+uri+">[peer_tag_param]", 1, "", "", ""))
	s.send(`retrans="500" start_txn="invite"`, sippRequest("INVITE", uri, "<"+uri+">", 2, authentication, extra, sdpBody))
	s.recv(`response="100" response_txn="invite" optional="true"`)
	s.recvSaving(`response="183" response_txn="invite" rrs="true"`, saved("RSeq", "rseq"))
	s.send(`retrans="500" start_txn="wrong"`, inDialog("PRACK", 3, "RAck: 1[$rseq] 2 INVITE\n", ""))
	s.recv(`response="481" response_txn="wrong"`)
	s.send(`retrans="500" start_txn="prack"`, inDialog("PRACK", 4, "RAck: [$rseq] 2 INVITE\n", ""))
	s.recv(`response="200" response_txn="prack"`)
	s.send(`retrans="500" start_txn="update"`, inDialog("UPDATE", 5, "", strings.Replace(sdpBody, "sipp 1 1", "sipp 1 2", 1)+"a=sendonly\n"))
	s.recvSaving(`response="200" response_txn="update"`, `<ereg regexp="a=recvonly" search_in="body" check_it="true" assign_to="held"/>`)
	s.recv(`response="200" response_txn="invite" rrs="true"`)
	s.send(`ack_txn="invite"`, inDialog("ACK", 2, "", ""))
	s.pause(300)
	s.send(`retrans="500" start_txn="bye"`, inDialog("BYE", 6, "", ""))
	s.recv(`response="200" response_txn="bye"`)
	s.WriteString("<Reference variables=\"rseq,held\"/>\n")
	return s
}

// reliableCallee answers reliably before it picks up, and holds meanwhile by UPDATE. plain: it does nothing of that.
func reliableCallee(plain bool) *scenario {
	response := func(status, extra, body string) string {
		text := "SIP/2.0 " + status + "\nVia: [$via]\nFrom: [$from]\nTo: [$to];tag=[pid]y[call_number]\nCall-ID: [call_id]\nCSeq: [$cseq]\n" +
			"Contact: <sip:[local_ip]:[local_port]>\nAllow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE\n" + extra
		if body != "" {
			text += "Content-Type: application/sdp\n"
		}
		return text + "Content-Length: [len]\n" + body
	}
	ok := "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContact: <sip:[local_ip]:[local_port]>\nContent-Length: 0\n"
	s := newScenario("callee with 100rel")
	s.recvSaving(`request="INVITE" rrs="true"`, saved("Via", "via"), saved("From", "from"), saved("To", "to"), saved("CSeq", "cseq"),
		saved("Contact", "contact"), `<ereg regexp="sip:[^>]*" search_in="var" variable="contact" assign_to="target"/>`)
	if plain {
		s.send("", response("183 Session Progress", "", sdpBody))
	} else {
		s.send(`retrans="500"`, response("183 Session Progress", "Require: 100rel\nRSeq: 4711\n", sdpBody))
		s.recvSaving(`request="PRACK"`, `<ereg regexp="4711 1 INVITE" search_in="hdr" header="RAck:" check_it="true" assign_to="rack"/>`)
		s.send("", ok)
		s.send(`retrans="500"`, `UPDATE [$target] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: [$to];tag=[pid]y[call_number]
To: [$from]
Call-ID: [call_id]
CSeq: 1 UPDATE
Max-Forwards: 70
Contact: <sip:[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]
`+strings.Replace(sdpBody, "sipp 1 1", "sipp 1 2", 1)+"a=inactive\n")
		s.recvSaving(`response="200"`, `<ereg regexp="a=inactive" search_in="body" check_it="true" assign_to="held"/>`)
	}
	s.pause(700)
	s.send(`retrans="500"`, response("200 OK", "", map[bool]string{true: sdpBody}[plain]))
	s.recv(`request="ACK"`)
	s.recv(`request="BYE"`).send("", ok)
	variables := "via,from,to,cseq,contact,target"
	if !plain {
		variables += ",rack,held"
	}
	s.WriteString("<Reference variables=\"" + variables + "\"/>\n")
	return s
}

// plainCaller knows nothing of reliable responses.
func plainCaller() *scenario {
	s := inviteWithDigest(newScenario("plain caller"), "416").recv(`response="183" rrs="true"`).recv(`response="200" rrs="true"`)
	s.send("", inDialog("ACK", 2, "", "")).pause(300)
	return s.send(`retrans="500"`, inDialog("BYE", 3, "", "")).recv(`response="200"`)
}

// TestReliableProvisionals calls between SIPp phones of which one, the other or both use 100rel.
func TestReliableProvisionals(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	armin, iris := d.slots("armin.artmann")["desk"], d.slots("iris.immsee")["desk"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin.ID}}, nil)
	for _, c := range []struct {
		name           string
		caller, callee *scenario
	}{
		{"both", reliableCaller(), reliableCallee(false)},
		{"the caller alone", reliableCaller(), reliableCallee(true)},
		{"the callee alone", plainCaller(), reliableCallee(false)},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(d.records())
			port := freePort(t)
			sippRegister(t, d, armin, port)
			wait := sipp(t, d, armin, port, c.callee.file(t))
			sipp(t, d, iris, freePort(t), c.caller.file(t), "-auth_uri", "416@koppelfeld.example")()
			wait()
			if r := d.awaitRecords(before + 1); r.Result != "answered" || r.Status != 200 {
				t.Errorf("record %+v", r)
			}
			if n := d.activeCalls(); n != 0 {
				t.Errorf("%d calls left", n)
			}
		})
	}
}
