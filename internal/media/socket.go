package media

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// expedited is the DSCP EF (RFC 4594 section 4.1) as it stands in the TOS byte.
const expedited = 46 << 2

// maxDatagram is the longest datagram that is relayed, in bytes.
const maxDatagram = 4096

// sockaddr is an address as the kernel takes it, built once and used for every
// packet. The IPv6 form is the longest.
type sockaddr struct {
	raw  unix.RawSockaddrInet6
	size uint32
}

// setSockaddr writes a into s; an invalid a makes s empty.
func (s *sockaddr) set(a netip.AddrPort) {
	*s = sockaddr{}
	if !a.IsValid() {
		return
	}
	if ip := a.Addr(); ip.Is4() {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
		v4.Family, v4.Addr = unix.AF_INET, ip.As4()
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&v4.Port))[:], a.Port())
		s.size = unix.SizeofSockaddrInet4
	} else {
		s.raw.Family, s.raw.Addr = unix.AF_INET6, ip.As16()
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&s.raw.Port))[:], a.Port())
		s.size = unix.SizeofSockaddrInet6
	}
}

// addrPort reads what the kernel wrote; zones are dropped.
func (s *sockaddr) addrPort() netip.AddrPort {
	switch s.raw.Family {
	case unix.AF_INET:
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr),
			binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&v4.Port))[:]))
	case unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(s.raw.Addr),
			binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&s.raw.Port))[:]))
	}
	return netip.AddrPort{}
}

// The calls below are made for every packet. They are raw system calls because
// they never block, and neither allocate nor tell the scheduler.

// receive reads one datagram into buf and its source into from. n is the real
// length, also where that is longer than buf.
func receive(fd int, buf []byte, from *sockaddr) (n int, errno unix.Errno) {
	from.size = unix.SizeofSockaddrInet6
	r, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), unix.MSG_DONTWAIT|unix.MSG_TRUNC,
		uintptr(unsafe.Pointer(&from.raw)), uintptr(unsafe.Pointer(&from.size)))
	return int(r), errno
}

// send sends b, which is not empty, to the address to.
func send(fd int, b []byte, to *sockaddr) unix.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL,
		uintptr(unsafe.Pointer(&to.raw)), uintptr(to.size))
	return errno
}

// bindUDP opens a non-blocking UDP socket bound to a.
func bindUDP(a netip.AddrPort) (int, error) {
	family := unix.AF_INET
	if a.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("opening a socket: %w", err)
	}
	fail := func(format string, args ...any) (int, error) {
		_ = unix.Close(fd)
		return -1, fmt.Errorf(format, args...)
	}
	var sa unix.Sockaddr = &unix.SockaddrInet4{Port: int(a.Port())}
	if family == unix.AF_INET6 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return fail("setting IPV6_V6ONLY: %w", err)
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, expedited)
		sa = &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, expedited)
		sa.(*unix.SockaddrInet4).Addr = a.Addr().As4()
	}
	if err := unix.Bind(fd, sa); err != nil {
		return fail("binding %s: %w", a, err)
	}
	return fd, nil
}
