package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/testnet"
)

// rtpengine is a running rtpengine without its kernel module.
type rtpengine struct {
	*process
	control net.Conn
	cookie  int
}

// startRTPengine starts rtpengine with as many threads as there are cores.
func (b *bench) startRTPengine(ctx context.Context) (*rtpengine, error) {
	port, err := testnet.Port()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.dir, "rtpengine")
	if err != nil {
		return nil, fmt.Errorf("starting rtpengine: %w", err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	p, err := startProcess("rtpengine", dir, "rtpengine", "--config-file=none", "--table=-1", "--foreground", "--log-stderr", "--log-level=3",
		"--interface=127.0.0.1", "--listen-ng="+addr, "--port-min=30000", "--port-max=39999",
		"--num-threads="+strconv.Itoa(runtime.NumCPU()), "--delete-delay=0", "--timeout=600", "--silent-timeout=600")
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("udp", addr)
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("starting rtpengine: %w", err)
	}
	r := &rtpengine{process: p, control: conn}
	err = p.until(ctx, 10*time.Second, func() bool {
		_, err := r.ask(200*time.Millisecond, "command", "ping")
		return err == nil
	})
	if err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

func (r *rtpengine) stop() {
	_ = r.control.Close()
	r.process.stop()
}

// ask sends pairs of names and values over the ng protocol: a cookie and a bencoded dictionary.
func (r *rtpengine) ask(limit time.Duration, pairs ...string) ([]byte, error) {
	r.cookie++
	cookie := strconv.Itoa(r.cookie) + " "
	text := []byte(cookie + "d")
	for _, s := range pairs {
		text = append(strconv.AppendInt(text, int64(len(s)), 10), ':')
		text = append(text, s...)
	}
	if _, err := r.control.Write(append(text, 'e')); err != nil {
		return nil, fmt.Errorf("asking rtpengine: %w", err)
	}
	_ = r.control.SetReadDeadline(time.Now().Add(limit))
	buf := make([]byte, 65536)
	for {
		n, err := r.control.Read(buf)
		if err != nil {
			return nil, fmt.Errorf("asking rtpengine: %w", err)
		}
		if answer, ours := bytes.CutPrefix(buf[:n], []byte(cookie)); ours {
			if bytes.Contains(answer, []byte("6:result5:error")) {
				return nil, fmt.Errorf("rtpengine refuses: %s", answer)
			}
			return answer, nil
		}
	}
}

// describe sends an offer or answer and returns the session description that comes back.
func (r *rtpengine) describe(command, callID, sdp string, more ...string) ([]byte, error) {
	pairs := append([]string{"call-id", callID, "command", command, "from-tag", "a", "ICE", "remove", "sdp", sdp}, more...)
	answer, err := r.ask(2*time.Second, pairs...)
	if err != nil {
		return nil, err
	}
	_, rest, ok := bytes.Cut(answer, []byte("3:sdp"))
	length, rest, ok2 := bytes.Cut(rest, []byte(":"))
	n, err := strconv.Atoi(string(length))
	if !ok || !ok2 || err != nil || n < 0 || n > len(rest) {
		return nil, errors.Join(fmt.Errorf("rtpengine's answer holds no session description: %.300s", answer), err)
	}
	return rest[:n], nil
}
