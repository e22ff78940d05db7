package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/pprof/profile"

	"github.com/koppelfeld/koppelfeld/sip/auth"
)

// recordPGO loads one daemon with all that it does most (calls over UDP and TLS, REGISTERs, audio with and without
// SRTP) and writes its CPU profile, without what tells one machine from another.
func (b *bench) recordPGO(ctx context.Context, file string) error {
	b.cpuProfile = filepath.Join(b.dir, "cpu.pprof")
	gen, err := newGenerator()
	if err != nil {
		return err
	}
	defer gen.conn.Close()
	const calls, parties = 50, 500
	s, held, stop, err := b.holdCalls(ctx, calls, gen.session, gen.session)
	if err != nil {
		return err
	}
	defer stop()
	for _, t := range held.talks {
		if err := addStreams(gen, t.body, held.offers[t.id]); err != nil {
			return err
		}
	}
	callees := b.callees[calls : calls+parties]
	udp, err := b.openPhones(ctx, s, callees, silence)
	if err != nil {
		return err
	}
	defer udp.close()
	tls := side{func(s *server) string { return s.tls }, openTLS}
	plain := side{func(s *server) string { return s.sip }, udpOpener}
	secure, err := b.openFleet(ctx, s, tls, plain, b.callees[calls+parties:calls+2*parties])
	if err != nil {
		return err
	}
	defer secure.close()

	b.progress("loading the daemon for its profile")
	length := time.Duration(b.seconds) * 4 * time.Second
	seconds := int(length / time.Second)
	loads := []func() error{
		func() error { _, err := gen.run(ctx, length); return err },
		func() error {
			return atRate(ctx, 400, 400*seconds, func(i int) error {
				t, err := udp.caller.call(ctx, b.callers[i%parties], s.target(callees[i%parties]), silence())
				if err != nil {
					return err
				}
				return errors.Join(pause(ctx, 20*time.Millisecond), udp.caller.hangUp(ctx, t))
			})
		},
		func() error {
			return atRate(ctx, 60, 60*seconds, func(i int) error {
				return secure.call(ctx, i, b.callers[parties+i%parties], s.target(b.callees[calls+parties+i%parties]))
			})
		},
		func() error {
			return atRate(ctx, 300, 300*seconds, func(i int) error {
				acc := b.callers[i%parties]
				return udp.caller.register(ctx, acc, auth.NewClient(acc.user, acc.secret))
			})
		},
	}
	if err := inParallel(len(loads), len(loads), func(i int) error { return loads[i]() }); err != nil {
		return err
	}
	stop() // the daemon writes the profile at its end
	return writePGO(file, b.cpuProfile)
}

// writePGO keeps of a profile what the compiler reads.
func writePGO(to, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("reading the profile: %w", err)
	}
	defer f.Close()
	p, err := profile.Parse(f)
	if err != nil {
		return fmt.Errorf("reading the profile: %w", err)
	}
	p.Mapping = nil
	for _, l := range p.Location {
		l.Mapping, l.Address = nil, 0
	}
	p.TimeNanos, p.Comments = 0, nil
	out, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("writing the profile: %w", err)
	}
	return errors.Join(p.Compact().Write(out), out.Close())
}
