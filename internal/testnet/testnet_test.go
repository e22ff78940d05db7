package testnet

import (
	"fmt"
	"net"
	"testing"
)

func TestPortsAreFreeAndNotHandedOutTwice(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port, err := Port()
		if err != nil {
			t.Fatal(err)
		}
		for p := port; p < port+block; p++ {
			if seen[p] {
				t.Fatalf("port %d is handed out twice", p)
			}
			seen[p] = true
		}
		if port < lowest || port >= lowest+blocks*block {
			t.Errorf("port %d is out of range", port)
		}
	}
}

func TestATakenPortIsLeftOut(t *testing.T) {
	port, err := Port()
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port+2))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if free(port + 2) {
		t.Error("a port that is taken counts as free")
	}
}
