package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/koppelfeld/koppelfeld/internal/config"
)

// ActAsOwner makes a process of root's one of the user whom the data directory belongs to, for good.
func ActAsOwner(cfg config.Config) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(cfg.DataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // said by whoever opens it
	}
	if err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 {
		return nil
	}
	for _, step := range []func() error{
		func() error { return syscall.Setgroups([]int{int(st.Gid)}) },
		func() error { return syscall.Setgid(int(st.Gid)) },
		func() error { return syscall.Setuid(int(st.Uid)) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("acting as the owner of %s: %w", cfg.DataDir, err)
		}
	}
	return nil
}
