package mediatest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	loadPayload = 160 // G.711, 20 ms
	loadPacket  = 12 + loadPayload
	loadSlots   = 20 // sub-bursts of 1 ms in 20 ms
	loadBatch   = 64
)

// message is struct mmsghdr.
type message struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// Load sends streams of G.711, each 50 packets a second, from one socket: all of
// them have the same source, so one announced address fits them all. Streams
// are spread over the 20 ms in bursts of one millisecond. Packets carry the time
// they were sent, for a Sink in the same process or on the same machine.
type Load struct {
	fd   int
	addr netip.AddrPort

	mu      sync.Mutex
	slots   [loadSlots][]*stream
	streams int

	sent, failed atomic.Uint64
}

type stream struct {
	to     unix.RawSockaddrInet6
	size   uint32
	packet [loadPacket]byte
	iov    unix.Iovec
}

// NewLoad opens the sending socket on a local address.
func NewLoad(local netip.Addr) (*Load, error) {
	fd, addr, err := openSocket(local)
	if err != nil {
		return nil, fmt.Errorf("opening the load generator: %w", err)
	}
	return &Load{fd: fd, addr: addr}, nil
}

// Addr is where all streams come from.
func (l *Load) Addr() netip.AddrPort { return l.addr }

// Add begins a stream to an address of the same family, also while Run runs.
func (l *Load) Add(to netip.AddrPort) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &stream{}
	if ip := to.Addr().Unmap(); ip.Is4() {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.to))
		v4.Family, v4.Addr, s.size = unix.AF_INET, ip.As4(), unix.SizeofSockaddrInet4
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&v4.Port))[:], to.Port())
	} else {
		s.to.Family, s.to.Addr, s.size = unix.AF_INET6, ip.As16(), unix.SizeofSockaddrInet6
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&s.to.Port))[:], to.Port())
	}
	s.packet[0], s.packet[1] = 0x80, byte(PCMA)
	l.streams++
	binary.BigEndian.PutUint32(s.packet[8:], uint32(l.streams))
	s.iov.Base = &s.packet[0]
	s.iov.SetLen(loadPacket)
	i := l.streams % loadSlots
	l.slots[i] = append(l.slots[i], s)
}

// Sent counts packets sent and packets the system refused.
func (l *Load) Sent() (sent, failed uint64) { return l.sent.Load(), l.failed.Load() }

// Run sends until ctx ends. Bursts that come too late are sent at once, so that
// the rate holds. One goroutine, the caller's.
func (l *Load) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second / 50 / loadSlots)
	defer tick.Stop()
	start := time.Now()
	var msgs [loadBatch]message
	for done := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for due := int(time.Since(start) / (time.Second / 50 / loadSlots)); done < due; done++ {
			l.mu.Lock()
			slot := l.slots[done%loadSlots]
			l.mu.Unlock()
			for len(slot) > 0 {
				n := min(len(slot), loadBatch)
				l.burst(slot[:n], msgs[:n])
				slot = slot[n:]
			}
		}
	}
}

// burst sends the next packet of every stream with one system call.
func (l *Load) burst(streams []*stream, msgs []message) {
	now := nanotime()
	for i, s := range streams {
		seq := binary.BigEndian.Uint16(s.packet[2:]) + 1
		binary.BigEndian.PutUint16(s.packet[2:], seq)
		binary.BigEndian.PutUint32(s.packet[4:], binary.BigEndian.Uint32(s.packet[4:])+loadPayload)
		binary.BigEndian.PutUint64(s.packet[12:], now)
		msgs[i] = message{hdr: unix.Msghdr{Name: (*byte)(unsafe.Pointer(&s.to)), Namelen: s.size, Iov: &s.iov}}
		msgs[i].hdr.SetIovlen(1)
	}
	for len(msgs) > 0 {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(l.fd), uintptr(unsafe.Pointer(&msgs[0])), uintptr(len(msgs)), 0, 0, 0)
		if errno != 0 {
			l.failed.Add(1)
			n = 1 // the first one failed; go on behind it
		} else {
			l.sent.Add(uint64(n))
		}
		msgs = msgs[n:]
	}
}

// Close closes the socket, after Run has returned.
func (l *Load) Close() { _ = unix.Close(l.fd) }

// Sink receives what a Load sent, counts it and how long it was under way.
type Sink struct {
	fd   int
	addr netip.AddrPort

	received atomic.Uint64
	delays   [40]atomic.Uint64 // by the number of bits of the microseconds
}

// NewSink opens the receiving socket on a local address.
func NewSink(local netip.Addr) (*Sink, error) {
	fd, addr, err := openSocket(local)
	if err != nil {
		return nil, fmt.Errorf("opening the sink: %w", err)
	}
	return &Sink{fd: fd, addr: addr}, nil
}

// Addr is where to send.
func (s *Sink) Addr() netip.AddrPort { return s.addr }

// Received counts packets.
func (s *Sink) Received() uint64 { return s.received.Load() }

// Delay is an upper bound, within a factor of two, of the time that the share q
// (0 to 1) of packets was under way at most.
func (s *Sink) Delay(q float64) time.Duration {
	var total, sum uint64
	for i := range s.delays {
		total += s.delays[i].Load()
	}
	for i := range s.delays {
		sum += s.delays[i].Load()
		if float64(sum) >= q*float64(total) {
			return time.Duration(1<<i) * time.Microsecond
		}
	}
	return 0
}

// Run receives until ctx ends. One goroutine, the caller's.
func (s *Sink) Run(ctx context.Context) error {
	var bufs [loadBatch][256]byte
	var iovs [loadBatch]unix.Iovec
	var msgs [loadBatch]message
	for i := range msgs {
		iovs[i].Base = &bufs[i][0]
		iovs[i].SetLen(len(bufs[i]))
		msgs[i].hdr.Iov = &iovs[i]
		msgs[i].hdr.SetIovlen(1)
	}
	for ctx.Err() == nil {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&msgs[0])), loadBatch, unix.MSG_WAITFORONE, 0, 0)
		if errno == unix.EAGAIN || errno == unix.EINTR {
			continue // the socket's timeout: look at ctx
		}
		if errno != 0 {
			return fmt.Errorf("receiving load: %w", errno)
		}
		s.received.Add(uint64(n))
		now := nanotime()
		for i := range int(n) {
			if msgs[i].n < 20 {
				continue
			}
			if sent := binary.BigEndian.Uint64(bufs[i][12:]); sent <= now {
				s.delays[min(bits.Len64((now-sent)/1000), len(s.delays)-1)].Add(1)
			}
		}
	}
	return nil
}

// Close closes the socket, after Run has returned.
func (s *Sink) Close() { _ = unix.Close(s.fd) }

// nanotime is the monotonic clock, which all processes of a machine share.
func nanotime() uint64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0
	}
	return uint64(ts.Nano())
}

// openSocket opens a blocking UDP socket with large buffers and a receive
// timeout of 100 ms, on a port the system chooses.
func openSocket(local netip.Addr) (int, netip.AddrPort, error) {
	family := unix.AF_INET
	var sa unix.Sockaddr
	if local = local.Unmap(); local.Is4() {
		sa = &unix.SockaddrInet4{Addr: local.As4()}
	} else {
		family, sa = unix.AF_INET6, &unix.SockaddrInet6{Addr: local.As16()}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, netip.AddrPort{}, fmt.Errorf("opening a socket: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 8<<20)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	err = errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}),
		unix.Bind(fd, sa))
	if err != nil {
		_ = unix.Close(fd)
		return -1, netip.AddrPort{}, fmt.Errorf("binding %s: %w", local, err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		_ = unix.Close(fd)
		return -1, netip.AddrPort{}, fmt.Errorf("reading the port: %w", err)
	}
	port := 0
	switch b := bound.(type) {
	case *unix.SockaddrInet4:
		port = b.Port
	case *unix.SockaddrInet6:
		port = b.Port
	}
	return fd, netip.AddrPortFrom(local, uint16(port)), nil
}
