// Package testnet is for tests and benchmarks that start other programs: it finds ports of 127.0.0.1 for those,
// which cannot be told to take any free port, and puts bad networks between them. It is imported by tests and measuring
// programs only.
package testnet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
)

// The ports handed out lie below those that the system gives to sockets that ask for
// any (32768 and up), so that nobody takes one before the program that it is for.
const (
	lowest = 10000
	blocks = 1000
	block  = 10
)

var (
	first = rand.IntN(blocks)
	next  atomic.Int64
)

// Port returns a port that is free for UDP and TCP, as are the two above it: SIP programs
// take the next one for TLS, or two more for RTCP and video. The nine above it are not
// handed out again by this process until all others have been.
func Port() (int, error) {
	for range blocks {
		port := lowest + (first+int(next.Add(1)))%blocks*block
		if free(port) && free(port+1) && free(port+2) {
			return port, nil
		}
	}
	return 0, errors.New("finding a free port: all are taken")
}

func free(port int) bool {
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	defer l.Close()
	c, err := net.ListenPacket("udp", addr)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
