package transport

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Network opens sockets. System is the real one; siptest has one in memory.
type Network interface {
	// ListenPacket binds a UDP socket. receiveBuffer is a wish in bytes.
	ListenPacket(addr netip.AddrPort, receiveBuffer int) (PacketConn, error)
	// Listen binds a TCP listener.
	Listen(addr netip.AddrPort) (net.Listener, error)
	// Dial opens a TCP connection to remote from the address local (any port).
	Dial(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
	// Addrs are the host's unicast addresses on which peers can reach it.
	Addrs() ([]netip.Addr, error)
	// SourceFor is the host's address from which packets to remote leave.
	SourceFor(remote netip.Addr) (netip.Addr, error)
}

// Datagram is a buffer for one received datagram.
type Datagram struct {
	Buf  []byte // as large as the largest datagram to be taken
	N    int    // filled in: bytes received
	From netip.AddrPort
}

// PacketConn is a bound UDP socket.
type PacketConn interface {
	// ReadBatch waits for at least one datagram and returns how many elements of dgs it
	// filled. After Close it returns net.ErrClosed; other errors are passing.
	ReadBatch(dgs []Datagram) (int, error)
	// WriteTo sends one datagram without blocking and does not keep b. It returns ErrQueueFull
	// when the socket's buffer is full.
	WriteTo(b []byte, to netip.AddrPort) error
	LocalAddr() netip.AddrPort
	Close() error
}

// System is the host's own network.
type System struct{}

// Listen binds a TCP listener.
func (System) Listen(addr netip.AddrPort) (net.Listener, error) {
	// A half-open peer is found by the kernel's keep-alive within about two minutes.
	lc := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}}
	return lc.Listen(context.Background(), "tcp", addr.String())
}

// Dial opens a TCP connection.
func (System) Dial(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{
		LocalAddr:       net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0)),
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4},
	}
	return d.DialContext(ctx, "tcp", remote.String())
}

// Addrs are the host's unicast addresses, without link-local ones.
func (System) Addrs() ([]netip.Addr, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var out []netip.Addr
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		if ip := p.Addr().Unmap(); !ip.IsLinkLocalUnicast() && !ip.IsMulticast() {
			out = append(out, ip)
		}
	}
	return out, nil
}

// SourceFor asks the kernel's routing table; no packet is sent.
func (System) SourceFor(remote netip.Addr) (netip.Addr, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(remote, 9)))
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}
