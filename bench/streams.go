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

// openFleet opens connections and registers the callees, spread over them.
func (b *bench) openFleet(ctx context.Context, addr string, open func(ctx context.Context, local, server string) (wire, error), callees []account) (*fleet, error) {
	f := &fleet{}
	for i := range 2 * streamConns {
		local, side := "127.0.0.2", &f.callers
		if i >= streamConns {
			local, side = "127.0.0.1", &f.callees
		}
		w, err := open(ctx, local, addr)
		if err != nil {
			f.close()
			return nil, err
		}
		*side = append(*side, newAgentOn(w, silence, nil))
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

// measureStreams compares the CPU per signalled call over TLS, and over secure WebSocket, which Kamailio is
// measured without. UDP with the same phones stands beside them.
func (b *bench) measureStreams(ctx context.Context) error {
	const parties = 1000
	udp := func(_ context.Context, local, server string) (wire, error) { return openUDP(local, server) }
	for _, c := range []struct {
		name    string
		address func(*server) string
		open    func(ctx context.Context, local, server string) (wire, error)
		peer    bool
		note    string
	}{
		{"UDP", func(s *server) string { return s.sip }, udp, true, "for comparison: the same phones and rate"},
		{"TLS", func(s *server) string { return s.tls }, openTLS, true, ""},
		{"secure WebSocket", func(s *server) string { return s.wss }, openWSS, false, "Kamailio was not measured"},
	} {
		if err := b.measureStreamsOf(ctx, c.name, c.note, c.address, c.open, c.peer, parties); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func (b *bench) measureStreamsOf(ctx context.Context, name, note string, address func(*server) string,
	open func(ctx context.Context, local, server string) (wire, error), peer bool, parties int,
) error {
	r := &result{Name: fmt.Sprintf("CPU per call over %s (%d connections on each side, %d calls/s)", name, streamConns, streamCalls), Unit: "µs", Note: note}
	if name == protoUDP {
		r.Name = fmt.Sprintf("CPU per call over UDP (the same phones, %d calls/s)", streamCalls)
	}
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
		if fleets[i], err = b.openFleet(ctx, address(s), open, b.callees[:parties]); err != nil {
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
