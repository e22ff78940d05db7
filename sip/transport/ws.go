package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// maxUpgrade bounds the HTTP request that opens a WebSocket connection.
const maxUpgrade = 8 << 10

var (
	errUpgradeTooLarge = errors.New("WebSocket upgrade: request too large")
	errPeerClosed      = errors.New("WebSocket: closed by the peer")
)

// upgrade makes the connection a WebSocket connection (RFC 7118 section 4) and returns what came behind the request. The
// request is read whole first, so the library below never waits for the peer.
func (c *streamConn) upgrade(r *streamReader) (rest []byte, err error) {
	request, rest, err := readUpgrade(r)
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	_, err = c.layer.upgrader().Upgrade(struct {
		io.Reader
		io.Writer
	}{bytes.NewReader(request), &answer})
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	if werr := c.transmit(answer.Bytes()); err == nil {
		err = werr
	}
	if err != nil {
		return nil, fmt.Errorf("WebSocket upgrade: %w", err)
	}
	c.framed = true
	return rest, nil
}

// readUpgrade reads up to the blank line behind the header.
func readUpgrade(r *streamReader) (request, rest []byte, err error) {
	for {
		b, err := r.read()
		searched := max(0, len(request)-3)
		request = append(request, b...)
		r.release()
		if i := bytes.Index(request[searched:], []byte("\r\n\r\n")); i >= 0 {
			end := searched + i + 4
			if end > maxUpgrade {
				return nil, nil, errUpgradeTooLarge
			}
			return request[:end], request[end:], nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("WebSocket upgrade: %w", err)
		}
		if len(request) > maxUpgrade {
			return nil, nil, errUpgradeTooLarge
		}
	}
}

// upgrader checks one request.
func (l *Layer) upgrader() ws.Upgrader {
	var host, origin string
	sip := false
	reject := func(status int, why string) error {
		return ws.RejectConnectionError(ws.RejectionStatus(status), ws.RejectionReason(why))
	}
	return ws.Upgrader{
		ReadBufferSize: maxUpgrade,
		OnRequest: func(uri []byte) error {
			path, _, _ := strings.Cut(string(uri), "?")
			switch path {
			case "/", "/ws", "/sip":
				return nil
			}
			return reject(http.StatusNotFound, "no such resource")
		},
		OnHost: func(b []byte) error { host = string(b); return nil },
		OnHeader: func(key, value []byte) error {
			if bytes.EqualFold(key, []byte("Origin")) {
				origin = string(value)
			}
			return nil
		},
		Protocol: func(b []byte) bool {
			if !sip {
				sip = bytes.EqualFold(b, []byte("sip"))
				return sip
			}
			return false
		},
		OnBeforeUpgrade: func() (ws.HandshakeHeader, error) {
			switch {
			case !sip:
				return nil, reject(http.StatusBadRequest, "subprotocol sip is needed")
			case !l.originAllowed(origin, host):
				return nil, reject(http.StatusForbidden, "origin not allowed")
			}
			return nil, nil
		},
	}
}

// originAllowed reports whether a page of this origin may connect. Programs that are no browsers send none.
func (l *Layer) originAllowed(origin, host string) bool {
	if origin == "" {
		return true
	}
	for _, o := range l.origins {
		if o == "*" || strings.EqualFold(o, origin) {
			return true
		}
	}
	if len(l.origins) > 0 {
		return false
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Hostname(), hostname(host))
}

// hostname is a Host header without its port.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return strings.Trim(host, "[]")
}

// frames lends room in which a frame is put together.
type frames struct{ pool sync.Pool }

// sendFrame sends one frame; c.sendMu is held.
func (c *streamConn) sendFrame(op ws.OpCode, payload []byte) error {
	p := &c.layer.frames.pool
	room, _ := p.Get().(*bytes.Buffer)
	if room == nil {
		room = new(bytes.Buffer)
	}
	room.Reset()
	_ = ws.WriteHeader(room, ws.Header{Fin: true, OpCode: op, Length: int64(len(payload))}) // a Buffer never fails
	room.Write(payload)
	err := c.transmit(room.Bytes())
	p.Put(room)
	return err
}

// sendControl sends a control frame, as long as the peer reads.
func (c *streamConn) sendControl(op ws.OpCode, payload []byte) error {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	c.mu.Lock()
	err := c.room(len(payload))
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.sendFrame(op, payload)
}

// messageOp is text where the message is text (RFC 7118 section 5.1 allows both).
func messageOp(b []byte) ws.OpCode {
	if utf8.Valid(b) {
		return ws.OpText
	}
	return ws.OpBinary
}

// closeCode is the status of our close frame.
func closeCode(reason error) ws.StatusCode {
	var f *wsFault
	switch {
	case errors.As(reason, &f):
		return f.code
	case errors.Is(reason, errPeerClosed):
		return ws.StatusNormalClosure
	}
	return ws.StatusGoingAway
}

// consumeFrames takes what has come out of the WebSocket reader. The end of the connection is an error.
func (r *streamReader) consumeFrames() error {
	for {
		e, ok, err := r.ws.next()
		if err != nil {
			r.c.layer.count.drop(DropFraming)
			return err
		}
		if !ok {
			r.markBegun(r.ws.pending())
			return nil
		}
		if err := r.event(e); err != nil {
			return err
		}
	}
}

func (r *streamReader) event(e wsEvent) error {
	switch e.op {
	case ws.OpClose:
		return errPeerClosed
	case ws.OpPing, ws.OpPong:
		if err := r.spend(1); err != nil {
			return err
		}
		if e.op == ws.OpPong {
			return nil
		}
		r.c.layer.count.traffic(r.c.proto).keepAlives.Add(1)
		if err := r.c.sendControl(ws.OpPong, e.data); errors.Is(err, ErrFlowClosed) {
			return err
		}
		return nil
	}
	r.begun = time.Time{}
	if len(e.data) <= 4 && isKeepAlive(e.data) {
		if len(e.data) < 4 {
			return r.spend(1)
		}
		return r.pong()
	}
	return r.deliver(e.data)
}
