package testnet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Namespaces are network namespaces made for one test. Nothing in them leads outside.
type Namespaces struct {
	prefix string
	names  []string
}

// NewNamespaces makes namespaces, with their loopback up; their real names begin with a prefix of this process. It returns
// ErrNotPermitted when this process may not.
func NewNamespaces(names ...string) (*Namespaces, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: only root may make network namespaces", ErrNotPermitted)
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotPermitted, err)
		}
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotPermitted, err)
	}
	n := &Namespaces{prefix: fmt.Sprintf("kf%d", os.Getpid())}
	for _, name := range names {
		if err := run("ip", "netns", "add", n.Name(name)); err != nil {
			n.Close()
			return nil, fmt.Errorf("%w: %w", ErrNotPermitted, err)
		}
		n.names = append(n.names, name)
		if err := n.Run(name, "ip", "link", "set", "lo", "up"); err != nil {
			n.Close()
			return nil, err
		}
	}
	return n, nil
}

// ErrNotPermitted is why there are no namespaces: a test that needs them is skipped.
var ErrNotPermitted = errors.New("network namespaces cannot be made here")

// Name is the real name of a namespace.
func (n *Namespaces) Name(name string) string { return n.prefix + name }

// Close removes all of them, with what is in them.
func (n *Namespaces) Close() {
	for _, name := range n.names {
		_ = run("ip", "netns", "del", n.Name(name)) // whatever is left ends with the namespace
	}
	n.names = nil
}

// Run runs a program to its end in a namespace.
func (n *Namespaces) Run(name, program string, args ...string) error {
	return run("ip", append([]string{"netns", "exec", n.Name(name), program}, args...)...)
}

// Script runs lines of programs with their arguments in a namespace, one after the other.
func (n *Namespaces) Script(name, lines string) error {
	for line := range strings.Lines(lines) {
		if f := strings.Fields(line); len(f) > 0 {
			if err := n.Run(name, f[0], f[1:]...); err != nil {
				return err
			}
		}
	}
	return nil
}

// Command is a program that is to run in a namespace. A signal to it reaches the program itself.
func (n *Namespaces) Command(name, program string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", n.Name(name), program}, args...)...)
}

func run(program string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}

// Within runs fn on a thread that is in a namespace. What fn opens stays there; goroutines that it starts do not.
func (n *Namespaces) Within(name string, fn func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		f, err := os.Open(filepath.Join("/run/netns", n.Name(name)))
		if err != nil {
			result <- err
			return
		}
		defer f.Close()
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("entering %s: %w", n.Name(name), err)
			return
		}
		result <- fn()
	}()
	return <-result
}

// Dial opens a TCP connection from within a namespace.
func (n *Namespaces) Dial(name, address string) (conn net.Conn, err error) {
	err = n.Within(name, func() error {
		// With one address and no fallback everything happens on this thread.
		to, err := net.ResolveTCPAddr("tcp4", address)
		if err != nil {
			return err
		}
		conn, err = net.DialTCP("tcp4", nil, to)
		return err
	})
	return conn, err
}

// openTun makes a TUN interface in a namespace.
func (n *Namespaces) openTun(name, device string) (f *os.File, err error) {
	err = n.Within(name, func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return fmt.Errorf("opening /dev/net/tun: %w", err)
		}
		req, err := unix.NewIfreq(device)
		if err != nil {
			return err
		}
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
			_ = unix.Close(fd)
			return fmt.Errorf("making %s: %w", device, err)
		}
		f = os.NewFile(uintptr(fd), device)
		return nil
	})
	return f, err
}
