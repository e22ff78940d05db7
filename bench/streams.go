package main

import (
	"context"
	"fmt"
	"time"
)

// streamCalls is how many calls per second are made over connections, and of how many connections each side has.
const (
	streamCalls = 300
	streamConns = 50
)

// fleet are agents with a connection each, on both sides of a server.
type fleet struct{ callers, callees []*agent }

func (f *fleet) close() {
	for _, a := range append(f.callers, f.callees...) {
		a.close()
	}
}

// opener opens a wire to a server.
type opener func(ctx context.Context, local, server string) (wire, error)

func udpOpener(_ context.Context, local, server string) (wire, error) { return openUDP(local, server) }

// side is how the phones on one side of a call reach the server.
type side struct {
	address func(*server) string
	open    opener
}

// openFleet opens connections and registers the callees, spread over them.
func (b *bench) openFleet(ctx context.Context, s *server, caller, callee side, callees []account) (*fleet, error) {
	f := &fleet{}
	for i := range 2 * streamConns {
		local, from, agents := "127.0.0.2", caller, &f.callers
		if i >= streamConns {
			local, from, agents = "127.0.0.1", callee, &f.callees
		}
		w, err := from.open(ctx, local, from.address(s))
		if err != nil {
			f.close()
			return nil, err
		}
		*agents = append(*agents, newAgentOn(w, silence, nil))
	}
	for i := range f.callees {
		if err := f.callees[i].registerAll(ctx, callees[i*len(callees)/streamConns:(i+1)*len(callees)/streamConns]); err != nil {
			f.close()
			return nil, err
		}
	}
	return f, nil
}

// call makes call i, holds it for 20 ms and hangs up.
func (f *fleet) call(ctx context.Context, i int, caller account, target string) error {
	a := f.callers[i%len(f.callers)]
	t, err := a.call(ctx, caller, target, silence())
	if err != nil {
		return err
	}
	if err := pause(ctx, 20*time.Millisecond); err != nil {
		return err
	}
	return a.hangUp(ctx, t)
}

// measureStreams compares the CPU per signalled call over TLS, and from secure WebSocket to UDP, which Kamailio is
// measured without. UDP with the same phones stands beside them.
func (b *bench) measureStreams(ctx context.Context) error {
	udp := side{func(s *server) string { return s.sip }, udpOpener}
	secure := side{func(s *server) string { return s.tls }, openTLS}
	socket := side{func(s *server) string { return s.wss }, openWSS}
	for _, c := range []struct {
		name           string
		caller, callee side
		peer           bool
		note           string
	}{
		{"CPU per call over UDP (the same phones", udp, udp, true, "for comparison"},
		{"CPU per call over TLS (phones", secure, secure, true, ""},
		{"CPU per call from secure WebSocket to UDP (phones", socket, udp, false, "Kamailio was not measured"},
	} {
		name := fmt.Sprintf("%s on %d connections on each side, %d calls/s)", c.name, streamConns, streamCalls)
		if err := b.measureStreamsOf(ctx, &result{Name: name, Unit: "µs", Note: c.note}, c.caller, c.callee, c.peer); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func (b *bench) measureStreamsOf(ctx context.Context, r *result, caller, callee side, peer bool) error {
	const parties = 1000
	k, err := b.startKoppelfeld(ctx, false)
	if err != nil {
		return err
	}
	defer k.stop()
	servers := []*server{k}
	if peer {
		r.Peer = "Kamailio"
		s, err := b.startKamailio(ctx, true)
		if err != nil {
			return err
		}
		defer s.stop()
		servers = append(servers, s)
	}
	fleets := make([]*fleet, len(servers))
	for i, s := range servers {
		if fleets[i], err = b.openFleet(ctx, s, caller, callee, b.callees[:parties]); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		defer fleets[i].close()
	}
	err = b.cpuInTurns(ctx, warmUpSeconds, servers, r, func(i, seconds int) (int, error) {
		n := streamCalls * seconds
		return n, atRate(ctx, streamCalls, n, func(j int) error {
			if err := fleets[i].call(ctx, j, b.callers[j%parties], servers[i].target(b.callees[j%parties])); err != nil {
				return fmt.Errorf("%s: %w", servers[i].name, err)
			}
			return nil
		})
	})
	b.result(r)
	return err
}
