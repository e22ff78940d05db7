// Package systemd tells the service manager how the daemon does (sd_notify(3)) and gives what is written to standard error
// the levels of the journal (sd-daemon(3)). Without a service manager it does nothing.
//
// The package is a leaf and owns no goroutine.
package systemd

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// States that the service manager understands.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
	Alive    = "WATCHDOG=1"
)

// Status is one line for `systemctl status`.
func Status(text string) string { return "STATUS=" + strings.ReplaceAll(text, "\n", " ") }

// ErrSocket says that the place that the environment names for notifications is none.
var ErrSocket = errors.New("NOTIFY_SOCKET names neither a path nor an abstract socket")

// Manager is the service manager, if there is one. The zero Manager is none.
type Manager struct {
	socket string
	// Watchdog is how long the manager waits for Alive before it ends the daemon; 0: it does not wait.
	Watchdog time.Duration
}

// FromEnv finds the service manager from the environment variables of the process pid.
func FromEnv(getenv func(string) string, pid int) (Manager, error) {
	var m Manager
	m.socket = getenv("NOTIFY_SOCKET")
	if m.socket == "" {
		return m, nil
	}
	if !strings.HasPrefix(m.socket, "/") && !strings.HasPrefix(m.socket, "@") {
		return Manager{}, ErrSocket
	}
	text := getenv("WATCHDOG_USEC")
	if of := getenv("WATCHDOG_PID"); text == "" || of != "" && of != strconv.Itoa(pid) {
		return m, nil
	}
	us, err := strconv.ParseUint(text, 10, 53)
	if err != nil {
		return Manager{}, fmt.Errorf("WATCHDOG_USEC: %w", err)
	}
	m.Watchdog = time.Duration(us) * time.Microsecond
	return m, nil
}

// sendWithin bounds how long a notification may take; it is a datagram to a socket of this machine.
const sendWithin = time.Second

// Tell sends states in one datagram.
func (m Manager) Tell(states ...string) error {
	if m.socket == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(sendWithin)); err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	if _, err := c.Write([]byte(strings.Join(states, "\n"))); err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	return nil
}
