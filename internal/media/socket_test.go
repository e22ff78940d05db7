package media

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestBusyPortLeavesNoSocket: others may hold ports of ours for as long as they like.
func TestBusyPortLeavesNoSocket(t *testing.T) {
	held, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	open := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	before := open()
	for range 100 {
		if fd, err := bindUDP(held.LocalAddr().(*net.UDPAddr).AddrPort()); !errors.Is(err, unix.EADDRINUSE) || fd != -1 {
			t.Fatalf("binding a busy port: %d, %v", fd, err)
		}
	}
	if _, err := bindUDP(netip.MustParseAddrPort("192.0.2.1:4000")); !errors.Is(err, unix.EADDRNOTAVAIL) {
		t.Fatalf("binding an address of somebody else: %v", err)
	}
	if after := open(); after > before+10 { // others in this process may open a few
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
