package app

import "golang.org/x/sys/unix"

// limits share out the descriptors that the process may open, so that no crowd of clients takes those that calls,
// records and the database need.
type limits struct {
	sip  int // SIP connections
	hand int // handshakes on their way to be one
	http int // connections of the API, and of the metrics
}

const (
	maxSIPConnections  = 10000
	maxHandshakes      = 1000
	maxHTTPConnections = 1000
	reservedFiles      = 128 // database, journal, listeners, registrations
)

func shareFiles(files uint64) limits {
	n := int(min(files, 1<<20)) - reservedFiles
	return limits{sip: min(max(n/2, 16), maxSIPConnections), hand: min(max(n/8, 8), maxHandshakes), http: min(max(n/16, 8), maxHTTPConnections)}
}

// openFiles is how many descriptors the process may have; the Go runtime has raised it as far as it can.
func openFiles() uint64 {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 1024
	}
	return r.Cur
}
