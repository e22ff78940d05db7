//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/testnet"
)

// phone is one running baresip.
type phone struct {
	t    *testing.T
	name string
	dir  string
	cmd  *exec.Cmd
	done chan error
	log  *syncBuffer
	conn net.Conn

	mu     sync.Mutex
	events []string // "CALL_INCOMING", "CALL_CLOSED Call completed elsewhere" …
}

type phoneOptions struct {
	name      string
	account   account
	server    string
	transport string // udp, tcp or tls
	ca        string // PEM file of whom it trusts over TLS
	tone      int    // Hz, its microphone
	answer    bool   // answer by itself
	early     bool   // be heard before it answers
	codec     string
	mediaenc  string // srtp-mand, dtls_srtp; "": none
	// lab, netns and address put the phone into a network namespace.
	lab            *testnet.Namespaces
	netns, address string
	six            bool // it speaks IPv6, at address
}

const baresipConfig = `sip_listen 127.0.0.1:%d
net_interface 127.0.0.1
audio_source ausine,%d
audio_player aubridge,%s
audio_alert aubridge,%s-alert
ausrc_srate 48000
ausrc_channels 2
ausrc_format s16
auplay_format s16
rtp_ports %d-%d
call_max_calls 8
call_local_timeout 60
module g711.so
module g722.so
module ausine.so
module aubridge.so
module sndfile.so
module_path /usr/lib/baresip/modules
module_app menu.so
module_app ctrl_tcp.so
module_tmp account.so
module_tmp uuid.so
ctrl_tcp_listen 127.0.0.1:%d
snd_path %s
`

var nextRTP = struct {
	sync.Mutex
	port int
}{port: 20000}

// rtpRange hands out port ranges for phones, apart from the daemon's.
func rtpRange() (int, int) {
	nextRTP.Lock()
	defer nextRTP.Unlock()
	first := nextRTP.port
	nextRTP.port += 20
	if nextRTP.port > 28000 {
		nextRTP.port = 20000
	}
	return first, first + 18
}

// startPhone runs a baresip and waits until it is registered.
func startPhone(t *testing.T, o phoneOptions) *phone {
	t.Helper()
	dir := t.TempDir()
	control := freePort(t)
	first, last := rtpRange()
	config := fmt.Sprintf(baresipConfig, freePort(t), o.tone, o.name, o.name, first, last, control, dir)
	switch {
	case o.six:
		config = strings.NewReplacer("sip_listen 127.0.0.1", "sip_listen ["+o.address+"]", "net_interface 127.0.0.1", "net_interface "+o.address).Replace(config)
	case o.lab != nil:
		config = strings.ReplaceAll(config, "127.0.0.1", o.address)
	}
	if o.ca != "" {
		config += "sip_cafile " + o.ca + "\n"
	}
	switch o.mediaenc {
	case "":
	case "dtls_srtp":
		config += "module srtp.so\nmodule dtls_srtp.so\n"
	default:
		config += "module srtp.so\n"
	}
	mode := "manual"
	switch {
	case o.answer:
		mode = "auto"
	case o.early:
		mode = "early"
	}
	if o.codec == "" {
		o.codec = "PCMU"
	}
	acc := fmt.Sprintf("<sip:%s@%s;transport=%s>;auth_user=%s;auth_pass=%s;answermode=%s;regint=60;audio_codecs=%s;outbound=\"sip:%s;transport=%s\"\n",
		o.account.SIP.Username, o.account.SIP.Domain, o.transport, o.account.SIP.Username, o.account.SIP.Password, mode, o.codec, o.server, o.transport)
	if o.mediaenc != "" {
		acc = strings.TrimSuffix(acc, "\n") + ";mediaenc=" + o.mediaenc + "\n"
	}
	for name, text := range map[string]string{"config": config, "accounts": acc, "contacts": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &phone{t: t, name: o.name, dir: dir, log: &syncBuffer{}, done: make(chan error, 1)}
	family := "-4"
	if o.six {
		family = "-6"
	}
	p.cmd = exec.Command("baresip", family, "-s", "-f", dir) // -s prints all SIP messages
	dial := func() (net.Conn, error) { return net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", control)) }
	if o.lab != nil {
		p.cmd = o.lab.Command(o.netns, "baresip", p.cmd.Args[1:]...)
		dial = func() (net.Conn, error) { return o.lab.Dial(o.netns, fmt.Sprintf("%s:%d", o.address, control)) }
	}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting baresip: %v", err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s:\n%s\nevents: %v", p.name, tail(p.log.String(), 25), p.seen())
		}
		p.stop()
	})
	eventually(t, 10*time.Second, p.name+" opens its control port", func() bool {
		c, err := dial()
		p.conn = c
		return err == nil
	})
	go p.read()
	eventually(t, 15*time.Second, p.name+" registers", func() bool {
		return strings.Contains(p.log.String(), "200 OK") || p.saw("REGISTER_OK")
	})
	return p
}

func (p *phone) stop() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(time.Second): // without a daemon it waits for an answer to its REGISTER
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	if p.conn != nil {
		p.conn.Close()
	}
	p.cmd = nil
}

// read collects events from the control port (netstrings of JSON).
func (p *phone) read() {
	r := bufio.NewReader(p.conn)
	for {
		size, err := r.ReadString(':')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(size, ":"))
		if err != nil || n > 1<<20 {
			return
		}
		b := make([]byte, n+1)
		if _, err := io.ReadFull(r, b); err != nil {
			return
		}
		var e struct {
			Event bool
			Type  string
			Param string
		}
		if json.Unmarshal(b[:n], &e) == nil && e.Event {
			p.mu.Lock()
			p.events = append(p.events, strings.TrimSpace(e.Type+" "+e.Param))
			p.mu.Unlock()
		}
	}
}

// command sends a command to the phone.
func (p *phone) command(name, params string) {
	p.t.Helper()
	b, _ := json.Marshal(map[string]string{"command": name, "params": params, "token": "1"})
	if _, err := fmt.Fprintf(p.conn, "%d:%s,", len(b), b); err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, name, err)
	}
}

func (p *phone) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.events...)
}

// saw reports whether an event with the prefix came since the last forget.
func (p *phone) saw(prefix string) bool {
	for _, e := range p.seen() {
		if strings.HasPrefix(e, prefix) {
			return true
		}
	}
	return false
}

// forgetAudio removes what was recorded in earlier calls.
func (p *phone) forgetAudio() {
	p.t.Helper()
	files, _ := filepath.Glob(filepath.Join(p.dir, "dump-*.wav"))
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *phone) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = nil
}

func (p *phone) await(prefix string) {
	p.t.Helper()
	eventually(p.t, 12*time.Second, p.name+" sees "+prefix, func() bool { return p.saw(prefix) })
}

// purity is the share of 250 ms blocks of what the phone heard in its latest call that
// are a pure tone of the given frequency (Goertzel), and the number of blocks.
func (p *phone) purity(hz float64) (share float64, blocks int) {
	p.t.Helper()
	pure := 0
	for _, b := range p.blocks(hz) {
		if b.pure {
			pure++
		}
		blocks++
	}
	if blocks == 0 {
		return 0, 0
	}
	return float64(pure) / float64(blocks), blocks
}

// parts says in words what the phone heard one after the other: "tone" of the given frequency, "music" for any other
// sound, "silence". What is shorter than a second is left out.
func (p *phone) parts(hz float64) string {
	p.t.Helper()
	var parts []string
	last, n := "", 0
	for _, b := range p.blocks(hz) {
		kind := "music"
		switch {
		case b.pure:
			kind = "tone"
		case b.loudness < 50:
			kind = "silence"
		}
		if kind != last {
			last, n = kind, 0
		}
		if n++; n == 4 && (len(parts) == 0 || parts[len(parts)-1] != kind) {
			parts = append(parts, kind)
		}
	}
	return strings.Join(parts, " ")
}

// block is 250 ms of sound.
type block struct {
	pure     bool
	loudness float64 // the mean of the samples' squares, its root
}

// blocks looks for a tone in what the phone heard in its latest call.
func (p *phone) blocks(hz float64) (list []block) {
	p.t.Helper()
	files, _ := filepath.Glob(filepath.Join(p.dir, "dump-*-dec.wav"))
	if len(files) == 0 {
		p.t.Fatalf("%s recorded nothing", p.name)
	}
	newest := files[0]
	for _, f := range files[1:] {
		a, _ := os.Stat(newest)
		b, _ := os.Stat(f)
		if b.ModTime().After(a.ModTime()) {
			newest = f
		}
	}
	b, err := os.ReadFile(newest)
	if err != nil || len(b) < 44 {
		p.t.Fatalf("%s: reading its recording: %v", p.name, err)
	}
	rate := float64(uint32(b[24]) | uint32(b[25])<<8 | uint32(b[26])<<16)
	channels := int(b[22])
	samples := b[44:]
	size := int(rate) / 4
	for off := 0; off+size*2*channels <= len(samples); off += size * 2 * channels {
		var s1, s2, square float64
		k := 2 * math.Cos(2*math.Pi*hz/rate)
		for i := range size {
			at := off + i*2*channels
			x := float64(int16(uint16(samples[at]) | uint16(samples[at+1])<<8))
			square += x * x
			s1, s2 = x+k*s1-s2, s1
		}
		power := s1*s1 + s2*s2 - k*s1*s2
		list = append(list, block{square > 0 && 2*power/(float64(size)*square) > 0.8, math.Sqrt(square / float64(size))})
	}
	return list
}
