// Package selfcall calls through a running daemon with two built-in test phones
// and says, step by step, whether it works: both register, one calls the other,
// it rings, it is answered, a tone is heard in both directions, the call ends.
//
// The phones stand on github.com/emiago/sipgo, an independent SIP implementation,
// so that a fault of our own stack cannot hide behind itself. The package imports
// nothing of that stack. Run owns all goroutines it starts and returns after they
// have ended.
package selfcall

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"
)

// Account is the SIP account of one test phone.
type Account struct {
	Username string
	Password string
	Domain   string
}

// Config says what to call through.
type Config struct {
	Server    netip.AddrPort // the daemon's SIP address
	Transport string         // "udp", "tcp", "tls" or "ws"
	// CalleeServer and CalleeTransport are where the called phone is when it is not to be in the same place: over
	// WebSocket it would be asked for audio as browsers have it.
	CalleeServer    netip.AddrPort
	CalleeTransport string
	Caller          Account
	Callee          Account
	Number          string        // number that rings the callee
	Talk            time.Duration // how long the tones are compared, 0 means 1.5 s
	// Patience is how long an account may be refused at first: one that another process
	// has made reaches the daemon within a second. It is also how long the system may be busy. 0 means not at all.
	Patience time.Duration
}

// Step is one thing that was checked.
type Step struct {
	Name   string        `json:"name"`
	Took   time.Duration `json:"took"`
	Detail string        `json:"detail,omitempty"`
}

// Report lists the steps that succeeded, in order. When Run returns an error it
// names the step that failed.
type Report struct {
	Steps []Step `json:"steps"`
}

// Tones in Hz that the phones send.
const (
	callerTone = 440
	calleeTone = 1000
)

// minPurity is how much of what is heard must be the other side's tone.
const minPurity = 0.7

type run struct {
	report Report
	last   time.Time
}

func (r *run) done(name, detail string) {
	now := time.Now()
	r.report.Steps = append(r.report.Steps, Step{Name: name, Took: now.Sub(r.last), Detail: detail})
	r.last = now
}

// Run makes one call. It gives up when ctx ends.
func Run(ctx context.Context, c Config) (Report, error) {
	if c.Talk == 0 {
		c.Talk = 1500 * time.Millisecond
	}
	r := &run{last: time.Now()}
	ctx, cancel := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	err := func() error {
		caller, err := newPhone(ctx, group, c, c.Caller, callerTone)
		if err != nil {
			return fmt.Errorf("starting the calling phone: %w", err)
		}
		defer caller.close()
		there := c
		if c.CalleeTransport != "" {
			there.Server, there.Transport = c.CalleeServer, c.CalleeTransport
		}
		callee, err := newPhone(ctx, group, there, c.Callee, calleeTone)
		if err != nil {
			return fmt.Errorf("starting the called phone: %w", err)
		}
		defer callee.close()
		return r.call(ctx, c, caller, callee)
	}()
	cancel()
	if werr := group.Wait(); err == nil && werr != nil && !errors.Is(werr, context.Canceled) {
		err = werr
	}
	return r.report, err
}

func (r *run) call(ctx context.Context, c Config, caller, callee *phone) error {
	for _, p := range []struct {
		name  string
		phone *phone
	}{{"calling phone registers", caller}, {"called phone registers", callee}} {
		if err := p.phone.registerSoon(ctx, c.Patience); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		r.done(p.name, "")
	}
	dialog, rang, err := caller.inviteSoon(ctx, c.Number, c.Patience)
	if err != nil {
		return fmt.Errorf("calling %s: %w", c.Number, err)
	}
	if !rang {
		return fmt.Errorf("calling %s: answered without ringing", c.Number)
	}
	r.done("rings and is answered", "")
	for _, p := range []struct {
		name  string
		phone *phone
		hz    float64
	}{{"caller hears the callee", caller, calleeTone}, {"callee hears the caller", callee, callerTone}} {
		share, err := p.phone.audio.listen(ctx, c.Talk, p.hz)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		r.done(p.name, fmt.Sprintf("%.0f %% pure tone over %v", share*100, c.Talk))
	}
	if err := dialog.Bye(ctx); err != nil {
		return fmt.Errorf("hanging up: %w", err)
	}
	select {
	case <-callee.ended:
	case <-ctx.Done():
		return fmt.Errorf("hanging up: the called phone heard nothing of it: %w", ctx.Err())
	}
	r.done("hangs up on both sides", "")
	for _, p := range []*phone{caller, callee} {
		if err := p.register(ctx, 0); err != nil {
			return fmt.Errorf("unregistering: %w", err)
		}
	}
	r.done("both unregister", "")
	return nil
}
