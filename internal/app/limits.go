package app

import (
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

// limits share out the descriptors that the process may open, so that no crowd of clients takes those that calls,
// records and the database need.
type limits struct {
	sip  int // SIP connections
	http int // connections of the API, and of the metrics
}

const (
	maxSIPConnections  = 10000
	maxHTTPConnections = 1000
	reservedFiles      = 128 // database, journal, listeners, registrations
)

func shareFiles(files uint64) limits {
	n := int(min(files, 1<<20)) - reservedFiles
	return limits{sip: min(max(n/2, 16), maxSIPConnections), http: min(max(n/16, 8), maxHTTPConnections)}
}

// openFiles is how many descriptors the process may have; the Go runtime has raised it as far as it can.
func openFiles() uint64 {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 1024
	}
	return r.Cur
}

// cappedListener has at most as many connections at once as places; others wait in the kernel.
type cappedListener struct {
	net.Listener
	places chan struct{}
	closed chan struct{}
	close  func()
}

func capConnections(l net.Listener, most int) net.Listener {
	closed := make(chan struct{})
	return &cappedListener{Listener: l, places: make(chan struct{}, most), closed: closed, close: sync.OnceFunc(func() { close(closed) })}
}

// Accept waits for a place, then for a connection.
func (l *cappedListener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &cappedConn{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

// Close ends the listener; connections that are open stay.
func (l *cappedListener) Close() error {
	l.close()
	return l.Listener.Close()
}

type cappedConn struct {
	net.Conn
	leave func()
}

// Close gives the place free.
func (c *cappedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
