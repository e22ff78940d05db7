//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// fetch reads a path of the API that does not answer with JSON.
func (d *daemon) fetch(t *testing.T, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+d.admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	res, err := d.web().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %d %v %s", path, res.StatusCode, err, text)
	}
	return string(text)
}

// sipState is what the tests need of GET /api/debug/sip.
type sipState struct {
	Shards []struct {
		Queue, Transactions, Dialogs, Timers, Panics int
		TracedEnded                                  int `json:"traced_ended"`
	}
	Calls []struct {
		ID, Phase string
		Legs      []struct {
			Side, Phase, Slot string
			Flow              struct{ Transport, Remote string }
		}
	}
	Registers, Refusals []struct {
		Reason, Remote, Text string
		Status               int
	}
	Dialogs      []struct{ Call string }
	Transactions []struct{ Role, Method, State, Call string }
	Flows        []struct {
		Transport, Remote string
		Accepted, Proved  bool
	}
}

func (d *daemon) inside(query string) (s sipState) {
	d.t.Helper()
	d.api("GET", "/api/debug/sip"+query, nil, &s)
	return s
}

// dissect lets tshark say what is in a capture file.
func dissect(t *testing.T, capture string, fields ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "call.pcap")
	if err := os.WriteFile(path, []byte(capture), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-r", path, "-Y", "sip", "-T", "fields"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.CommandContext(t.Context(), "tshark", args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v: %s", err, out)
	}
	return string(out)
}

// shownResponse is the proof of a password in the clear, in a message or in JSON.
var shownResponse = regexp.MustCompile(`response=\\?"[0-9a-f]`)

// TestInside looks at a call from inside while it is up and after its end.
func TestInside(t *testing.T) {
	r := newPair(t)
	callee := newPeer(t, r.daemon, r.callee, "TCP", "127.0.0.1:0")
	callee.register()
	caller := newPeer(t, r.daemon, r.caller, "UDP", "127.0.0.1:0")
	c := r.connect(t, caller, callee, "")
	s := r.inside("")
	if len(s.Calls) != 1 || s.Calls[0].Phase != "up" || len(s.Calls[0].Legs) != 2 || len(s.Dialogs) != 2 || len(s.Transactions) < 2 {
		t.Fatalf("%+v", s)
	}
	id := s.Calls[0].ID
	if l := s.Calls[0].Legs; l[0].Side != "caller" || l[0].Flow.Transport != "UDP" || l[1].Side != "callee" || l[1].Flow.Transport != "TCP" || l[1].Slot != r.callee.ID {
		t.Errorf("legs %+v", l)
	}
	if len(s.Flows) != 1 || s.Flows[0].Transport != "TCP" || !s.Flows[0].Accepted || !s.Flows[0].Proved {
		t.Errorf("flows %+v", s.Flows)
	}
	for _, q := range []struct {
		query        string
		calls, flows int
	}{
		{"?call=" + id, 1, 0},
		{"?call=" + c.a.callID, 1, 0},
		{"?call=nothing", 0, 0},
		{"?slot=" + r.callee.ID, 1, 1},
		{"?slot=" + r.caller.ID, 1, 0},
		{"?slot=nothing", 0, 0},
	} {
		if s := r.inside(q.query); len(s.Calls) != q.calls || len(s.Flows) != q.flows || len(s.Dialogs) != 2*q.calls || (len(s.Transactions) > 0) != (q.calls > 0) {
			t.Errorf("%s: %+v", q.query, s)
		}
	}
	ladder := func() string { return r.fetch(t, "/api/calls/"+id+"/ladder?format=text") }
	if l := ladder(); strings.Count(l, "200 OK") != 2 || strings.Contains(l, "BYE") {
		t.Errorf("while the call is up:\n%s", l)
	}
	c.end(t)
	rec := r.record(t, c.a.callID)
	if rec.ID != id {
		t.Fatalf("the record is %s, the call was %s", rec.ID, id)
	}
	l := ladder()
	for _, what := range []string{"INVITE 416 (SDP)", "180 Ringing", "BYE", "200 OK to BYE", "TCP 127.0.0.1", "UDP 127.0.0.1"} {
		if !strings.Contains(l, what) {
			t.Errorf("%q is missing in\n%s", what, l)
		}
	}
	capture := r.fetch(t, "/api/calls/"+id+"/pcap")
	for _, text := range []string{capture, r.fetch(t, "/api/calls/"+id+"/ladder")} {
		if !strings.Contains(text, "Authorization: ") || shownResponse.MatchString(text) {
			t.Error("credentials are not masked, or missing altogether")
		}
	}
	got := dissect(t, capture, "sip.Method", "sip.Status-Code")
	if strings.Count(got, "INVITE") != 2 || strings.Count(got, "ACK") != 2 || strings.Count(got, "BYE") != 2 || strings.Count(got, "200") != 4 {
		t.Errorf("tshark sees\n%s", got)
	}
	eventually(t, 5*time.Second, "no dialog is left", func() bool { s := r.inside(""); return len(s.Dialogs) == 0 && len(s.Calls) == 0 })
}
