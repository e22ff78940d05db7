package upgrade

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Units of the service manager.
const (
	OldUnit = "koppelfeld45.service"
	NewUnit = "koppelfeld.service"
)

// Services is the service manager, as far as an upgrade needs it. Starting what runs, and stopping what does not, is no error.
type Services interface {
	Active(ctx context.Context, unit string) (bool, error)
	Enabled(ctx context.Context, unit string) (bool, error)
	// Start returns when the service is ready, Stop when it has ended.
	Start(ctx context.Context, unit string) error
	Stop(ctx context.Context, unit string) error
	Enable(ctx context.Context, unit string) error
	Disable(ctx context.Context, unit string) error
}

// Systemd drives systemd through systemctl. In a root that is not booted nothing runs and nothing can be started: there it only enables.
type Systemd struct{}

// maxServiceTime bounds one call of systemctl: a service of 4.5 may take its time to end.
const maxServiceTime = 3 * time.Minute

func (Systemd) booted() bool {
	info, err := os.Stat("/run/systemd/system")
	return err == nil && info.IsDir()
}

func systemctl(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, maxServiceTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "systemctl", args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return strings.TrimSpace(out.String()), fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errOut.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// asks is systemctl for a question: an exit code that is not 0 is the answer no.
func asks(ctx context.Context, args ...string) (string, error) {
	out, err := systemctl(ctx, args...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	return out, err
}

// Active implements Services.
func (s Systemd) Active(ctx context.Context, unit string) (bool, error) {
	if !s.booted() {
		return false, nil
	}
	out, err := asks(ctx, "is-active", unit)
	return out == "active" || out == "activating" || out == "reloading", err
}

// Enabled implements Services.
func (Systemd) Enabled(ctx context.Context, unit string) (bool, error) {
	out, err := asks(ctx, "is-enabled", unit)
	return out == "enabled", err
}

// Start implements Services.
func (s Systemd) Start(ctx context.Context, unit string) error {
	if !s.booted() {
		return nil
	}
	if _, err := systemctl(ctx, "daemon-reload"); err != nil {
		return err
	}
	if _, err := asks(ctx, "reset-failed", unit); err != nil { // or the service manager may have had enough of it
		return err
	}
	_, err := systemctl(ctx, "start", unit)
	return err
}

// Stop implements Services.
func (s Systemd) Stop(ctx context.Context, unit string) error {
	if active, err := s.Active(ctx, unit); err != nil || !active {
		return err
	}
	_, err := systemctl(ctx, "stop", unit)
	return err
}

// Enable implements Services. What is enabled is left alone: on a full disk even that could fail.
func (s Systemd) Enable(ctx context.Context, unit string) error {
	if enabled, err := s.Enabled(ctx, unit); err != nil || enabled {
		return err
	}
	_, err := systemctl(ctx, "enable", unit)
	return err
}

// Disable implements Services. A unit that is gone is disabled.
func (s Systemd) Disable(ctx context.Context, unit string) error {
	if enabled, err := s.Enabled(ctx, unit); err != nil || !enabled {
		return err
	}
	_, err := systemctl(ctx, "disable", unit)
	return err
}
