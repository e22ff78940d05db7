package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// owner is the user whom the data directory belongs to, where that is another than the one who acts; nil else.
type owner struct{ uid, gid int }

// ownerOf looks whom a data directory belongs to. It matters to root alone.
func ownerOf(dataDir string) (*owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	info, err := os.Stat(dataDir)
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 {
		return nil, nil
	}
	return &owner{uid: int(st.Uid), gid: int(st.Gid)}, nil
}

// give makes files the owner's. Those that are not there are passed over.
func (o *owner) give(paths ...string) error {
	if o == nil {
		return nil
	}
	for _, p := range paths {
		if err := os.Lchown(p, o.uid, o.gid); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("giving %s to its owner: %w", filepath.Base(p), err)
		}
	}
	return nil
}

// show lets the owner read what stays root's: folders are listed, files read. A backup of 5 takes the report of the upgrade along.
func (o *owner) show(paths ...string) error {
	if o == nil {
		return nil
	}
	for _, p := range paths {
		info, err := os.Lstat(p)
		if err != nil {
			return fmt.Errorf("letting the owner of the data read: %w", err)
		}
		mode := os.FileMode(0o640)
		if info.IsDir() {
			mode = 0o750
		}
		if err := errors.Join(os.Lchown(p, os.Geteuid(), o.gid), os.Chmod(p, mode)); err != nil {
			return fmt.Errorf("letting the owner of the data read: %w", err)
		}
	}
	return nil
}

// credential is for programs that act as the owner, nil when they may act as we do.
func (o *owner) credential() *syscall.Credential {
	if o == nil {
		return nil
	}
	return &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
}

// dial connects as the owner: a database server on a socket asks the kernel who is there. It is nil when we may connect as we are.
func (o *owner) dial() func(ctx context.Context, network, addr string) (net.Conn, error) {
	if o == nil {
		return nil
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		// Rights of the effective user are a thread's own in Linux; the thread is given back only as it was.
		runtime.LockOSThread()
		if err := setThread(o.uid, o.gid); err != nil {
			return nil, fmt.Errorf("acting as the owner of the data: %w", err)
		}
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, addr)
		if back := setThread(0, 0); back != nil {
			if conn != nil {
				conn.Close()
			}
			return nil, fmt.Errorf("acting as oneself again: %w", back) // the thread stays locked, and ends with the goroutine
		}
		runtime.UnlockOSThread()
		return conn, err
	}
}

// setThread sets the effective group and user of the thread, which must have the right to.
func setThread(uid, gid int) error {
	keep := ^uintptr(0)
	steps := [][2]uintptr{{unix.SYS_SETRESGID, uintptr(gid)}, {unix.SYS_SETRESUID, uintptr(uid)}}
	if uid == 0 { // the right to change the group comes with the user
		steps[0], steps[1] = steps[1], steps[0]
	}
	for _, s := range steps {
		if _, _, errno := unix.RawSyscall(s[0], keep, s[1], keep); errno != 0 {
			return errno
		}
	}
	return nil
}
