//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// browser is a phone in a web page (JsSIP) in Chromium.
type browser struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	log *syncBuffer

	seen int // events that were awaited
}

// startBrowser runs the page of the phone and waits until it can take commands.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	return startChromium(t, "run.mjs")
}

// startChromium runs one of the scripts that drive Chromium and waits until it can take commands.
func startChromium(t testing.TB, script string) *browser {
	t.Helper()
	if _, err := os.Stat("browser/node_modules/jssip"); err != nil {
		t.Fatalf("the packages of e2e/browser are missing (make setup-browser): %v", err)
	}
	b := &browser{t: t, cmd: exec.Command("node", script), log: &syncBuffer{}}
	b.cmd.Dir, b.cmd.Stderr = "browser", b.log
	var err error
	if b.in, err = b.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.out = bufio.NewReader(out)
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.in.Close()
		ended := make(chan struct{})
		go func() { _ = b.cmd.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = b.cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("browser:\n%s", tail(b.log.String(), 120))
		}
	})
	b.result("start", nil)
	return b
}

// result reads the answer to a command.
func (b *browser) result(name string, into any) {
	b.t.Helper()
	line, err := b.out.ReadBytes('\n')
	if err != nil {
		b.t.Fatalf("browser: %s: %v\n%s", name, err, b.log.String())
	}
	var answer struct {
		Result json.RawMessage
		Error  string
	}
	if err := json.Unmarshal(line, &answer); err != nil || answer.Error != "" {
		b.t.Fatalf("browser: %s: %s %v", name, answer.Error, err)
	}
	if into != nil {
		if err := json.Unmarshal(answer.Result, into); err != nil {
			b.t.Fatal(err)
		}
	}
}

// do runs a command of the page.
func (b *browser) do(name string, args, into any) {
	b.t.Helper()
	line, err := json.Marshal(map[string]any{"name": name, "args": args})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(b.in, "%s\n", line); err != nil {
		b.t.Fatal(err)
	}
	b.result(name, into)
}

// await waits for an event that came after those awaited before.
func (b *browser) await(event string) {
	b.t.Helper()
	eventually(b.t, 12*time.Second, "the browser sees "+event, func() bool {
		var events []string
		b.do("events", nil, &events)
		for i := b.seen; i < len(events); i++ {
			if strings.HasPrefix(events[i], event) {
				b.seen = i + 1
				return true
			}
		}
		return false
	})
}

// hears waits until the tone is what the browser hears.
func (b *browser) hears(hz float64) {
	b.t.Helper()
	eventually(b.t, 10*time.Second, fmt.Sprintf("the browser hears %.0f Hz", hz), func() bool {
		var heard struct{ Hz, DB float64 }
		b.do("hears", nil, &heard)
		return math.Abs(heard.Hz-hz) < 15 && heard.DB > -60
	})
}

// TestBrowserPhone registers a web page as iris's UCC slot, over a secure WebSocket. It calls a baresip, and a baresip calls it;
// each hears the other's tone over DTLS-SRTP on the one side and plain RTP on the other.
func TestBrowserPhone(t *testing.T) {
	d := newDaemon(t, "sqlite")
	addr := d.listen("wss")
	d.edit("[media]", "ws_origins = [\"*\"]\n[media]")
	d.start()
	desk, ucc := d.slots("armin.artmann")["desk"], d.slots("iris.immsee")["ucc"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {desk.ID}, "4161": {}, "4162": {}}, nil)
	web := startBrowser(t)
	web.do("start", map[string]any{
		"url": "wss://" + addr, "user": ucc.SIP.Username, "password": ucc.SIP.Password, "domain": ucc.SIP.Domain, "hz": toneIris,
	}, nil)
	for i, codec := range []string{"PCMU", "G722/16000/1"} {
		a := startPhone(t, phoneOptions{name: "armin-desk", account: desk, server: d.sip, transport: "udp", tone: toneArmin, codec: codec})
		for _, c := range []struct {
			name string
			call func()
		}{
			{"browser calls", func() {
				web.do("call", map[string]string{"target": "sip:416@" + domain}, nil)
				a.await("CALL_INCOMING")
				a.command("accept", "")
			}},
			{"browser is called", func() {
				a.command("dial", "sip:4172@"+domain)
				web.await("incoming")
				web.do("answer", nil, nil)
			}},
		} {
			t.Run(fmt.Sprintf("%s, %s", c.name, codec), func(t *testing.T) {
				n := len(d.records())
				a.forget()
				a.forgetAudio()
				c.call()
				a.await("CALL_ESTABLISHED")
				web.hears(toneArmin)
				heardFor(t, time.Duration(2500*(1+i))*time.Millisecond, a)
				var st struct {
					DTLS, SRTP, Role, ICE string
					Lost                  int
				}
				web.do("stats", nil, &st)
				if st.DTLS != "connected" || st.SRTP == "" || st.Lost != 0 {
					t.Errorf("the browser says %+v", st)
				}
				t.Logf("the browser says %+v", st)
				web.do("hangup", nil, nil)
				a.await("CALL_CLOSED")
				if share, blocks := a.purity(toneIris); blocks < 6 || share < 0.75 {
					t.Errorf("the phone heard %d Hz in %.0f %% of %d blocks", toneIris, share*100, blocks)
				}
				r := d.awaitRecords(n + 1)
				side, other := r.MediaCaller, r.MediaCallee
				if c.name == "browser is called" {
					side, other = other, side
				}
				if side == nil || !strings.HasPrefix(side.Security, "DTLS A") || other.Security != "" || side.Forged+side.Replayed != 0 || r.MediaNote != "" {
					t.Errorf("record %+v, media %+v %+v", r, r.MediaCaller, r.MediaCallee)
				}
			})
		}
		a.stop()
	}
}
