package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// Transports as written in Via.
const (
	protoUDP = "UDP"
	protoTLS = "TLS"
	protoWSS = "WSS"
)

// wire is what an agent sends and receives on.
type wire interface {
	proto() string
	local() string // host:port
	send(b []byte) error
	// read hands over what arrives, each message in bytes of its own, until end.
	read(take func(b []byte, reply func([]byte)))
	end()
}

// udpWire is a UDP socket.
type udpWire struct {
	conn   *net.UDPConn
	server *net.UDPAddr
}

func openUDP(local, server string) (*udpWire, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(local)})
	if err != nil {
		return nil, fmt.Errorf("opening a phone: %w", err)
	}
	_ = conn.SetReadBuffer(8 << 20)
	_ = conn.SetWriteBuffer(4 << 20)
	to, err := netip.ParseAddrPort(server)
	if err != nil {
		return nil, fmt.Errorf("opening a phone: %w", err)
	}
	return &udpWire{conn, net.UDPAddrFromAddrPort(to)}, nil
}

func (*udpWire) proto() string   { return protoUDP }
func (w *udpWire) local() string { return w.conn.LocalAddr().String() }
func (w *udpWire) end()          { _ = w.conn.Close() }

func (w *udpWire) send(b []byte) error {
	_, err := w.conn.WriteToUDP(b, w.server)
	return err
}

func (w *udpWire) read(take func([]byte, func([]byte))) {
	buf := make([]byte, message.MaxSize)
	for {
		n, from, err := w.conn.ReadFromUDP(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // refused datagrams come back as errors
		}
		take(append([]byte(nil), buf[:n]...), func(b []byte) { _, _ = w.conn.WriteToUDP(b, from) })
	}
}

// dialTLS opens a connection to server (host:port) from an address of this machine. Certificates are not looked at.
func dialTLS(ctx context.Context, local, server string) (*tls.Conn, error) {
	d := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(local)}},
		Config:    &tls.Config{InsecureSkipVerify: true, ServerName: domain},
	}
	conn, err := d.DialContext(ctx, "tcp4", server)
	if err != nil {
		return nil, fmt.Errorf("opening a phone: %w", err)
	}
	return conn.(*tls.Conn), nil
}

// tlsWire is a TLS connection.
type tlsWire struct {
	conn *tls.Conn
	mu   sync.Mutex
}

func openTLS(ctx context.Context, local, server string) (wire, error) {
	conn, err := dialTLS(ctx, local, server)
	if err != nil {
		return nil, err
	}
	return &tlsWire{conn: conn}, nil
}

func (*tlsWire) proto() string   { return protoTLS }
func (w *tlsWire) local() string { return w.conn.LocalAddr().String() }
func (w *tlsWire) end()          { _ = w.conn.NetConn().Close() }

func (w *tlsWire) send(b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.conn.Write(b)
	return err
}

func (w *tlsWire) read(take func([]byte, func([]byte))) {
	var f message.Framer
	buf := make([]byte, 16<<10)
	for {
		n, err := w.conn.Read(buf)
		if err != nil {
			return
		}
		_, _ = f.Write(buf[:n]) // never fails
		for {
			b, _, err := f.Next()
			if err != nil {
				return
			}
			if b == nil {
				break
			}
			take(b, func(b []byte) { _ = w.send(b) })
		}
	}
}

// wssWire is a WebSocket over TLS (RFC 7118).
type wssWire struct{ tlsWire }

func openWSS(ctx context.Context, local, server string) (wire, error) {
	conn, err := dialTLS(ctx, local, server)
	if err != nil {
		return nil, err
	}
	d := ws.Dialer{Protocols: []string{"sip"}, NetDial: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	if _, _, _, err := d.Dial(ctx, "ws://"+server+"/"); err != nil {
		conn.Close()
		return nil, fmt.Errorf("opening a phone: %w", err)
	}
	return &wssWire{tlsWire{conn: conn}}, nil
}

func (*wssWire) proto() string { return protoWSS }

func (w *wssWire) send(b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return wsutil.WriteClientMessage(w.conn, ws.OpText, b)
}

func (w *wssWire) read(take func([]byte, func([]byte))) {
	for {
		b, _, err := wsutil.ReadServerData(w.conn)
		if err != nil {
			return
		}
		if len(b) > 4 { // else a keep-alive
			take(b, func(b []byte) { _ = w.send(b) })
		}
	}
}
