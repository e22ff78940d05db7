package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/koppelfeld/koppelfeld/internal/media/mediatest"
)

const (
	packetSize = 172                   // RTP header and 20 ms of G.711
	packetTime = 20 * time.Millisecond // between packets of a stream
	bursts     = 20                    // of one millisecond each within packetTime
)

// generator sends and receives streams of G.711, both directions of all calls over one
// socket: it is the address that both sides of every call announce, so that a relay may
// check where packets come from.
type generator struct {
	conn    *net.UDPConn
	streams []netip.AddrPort
	packets [][]byte
	sealers map[int]*mediatest.Sealer // of the streams that are protected
	sealed  []byte                    // scratch

	sent      int
	protected int // packets that came back with SRTP
	delays    []time.Duration
}

func newGenerator() (*generator, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("opening the generator: %w", err)
	}
	_ = conn.SetReadBuffer(8 << 20)
	return &generator{conn: conn, sealers: map[int]*mediatest.Sealer{}}, nil
}

// session is the description both sides of a call announce.
func (g *generator) session() string { return sessionAt(g.conn.LocalAddr().String()) }

// add begins a stream with the next run.
func (g *generator) add(to netip.AddrPort) {
	p := make([]byte, packetSize)
	p[0], p[1] = 0x80, 8 // version 2, PCMA
	binary.BigEndian.PutUint32(p[8:], uint32(len(g.streams)+1))
	g.streams, g.packets = append(g.streams, to), append(g.packets, p)
}

// figures is what one run of the generator found.
type figures struct {
	sent, lost int
	delays     []time.Duration
}

// run sends every stream for d, and receives until 200 ms later.
func (g *generator) run(ctx context.Context, d time.Duration) (figures, error) {
	g.sent, g.protected, g.delays = 0, 0, make([]time.Duration, 0, len(g.streams)*int(d/packetTime)+1)
	received := make(chan error, 1)
	go func() { received <- g.receive() }()
	err := g.send(ctx, d)
	err = errors.Join(err, pause(ctx, 200*time.Millisecond), g.conn.SetReadDeadline(time.Unix(1, 0)), <-received, g.conn.SetReadDeadline(time.Time{}))
	return figures{sent: g.sent, lost: g.sent - len(g.delays) - g.protected, delays: g.delays}, err
}

func (g *generator) send(ctx context.Context, d time.Duration) error {
	const step = packetTime / bursts
	tick := time.NewTicker(step)
	defer tick.Stop()
	begin := time.Now()
	for done := 0; done < int(d/step); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		for due := min(int(time.Since(begin)/step), int(d/step)); done < due; done++ {
			for i := done % bursts; i < len(g.streams); i += bursts {
				if err := g.sendOne(i); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// sendOne sends the next packet of a stream, with the time in its payload.
func (g *generator) sendOne(i int) error {
	p := g.packets[i]
	binary.BigEndian.PutUint16(p[2:], binary.BigEndian.Uint16(p[2:])+1)
	binary.BigEndian.PutUint32(p[4:], binary.BigEndian.Uint32(p[4:])+packetSize-12)
	binary.BigEndian.PutUint64(p[12:], monotonic())
	if s := g.sealers[i]; s != nil {
		var err error
		if p, err = s.Seal(g.sealed[:0], p); err != nil {
			return err
		}
		g.sealed = p
	}
	if _, err := g.conn.WriteToUDPAddrPort(p, g.streams[i]); err != nil && !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("sending audio: %w", err)
	}
	g.sent++
	return nil
}

func (g *generator) receive() error {
	var buf [2048]byte
	for {
		n, _, err := g.conn.ReadFromUDPAddrPort(buf[:])
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return nil
		}
		if err != nil && !errors.Is(err, unix.ECONNREFUSED) {
			return fmt.Errorf("receiving audio: %w", err)
		}
		switch {
		case n == packetSize:
			g.delays = append(g.delays, time.Duration(monotonic()-binary.BigEndian.Uint64(buf[12:])))
		case n > packetSize && buf[0]>>6 == 2: // the time is encrypted
			g.protected++
		}
	}
}

// monotonic is a clock in nanoseconds.
func monotonic() uint64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0
	}
	return uint64(ts.Nano())
}

// relay is a relay with calls that are up.
type relay struct {
	process *process
	gen     *generator
	stop    func()
}

// relayKoppelfeld sets up calls through the daemon, as phones do.
func (b *bench) relayKoppelfeld(ctx context.Context, calls int) (*relay, error) {
	gen, err := newGenerator()
	if err != nil {
		return nil, err
	}
	s, held, stop, err := b.holdCalls(ctx, calls, gen.session, gen.session)
	if err != nil {
		return nil, errors.Join(err, gen.conn.Close())
	}
	for _, t := range held.talks {
		for _, sdp := range [][]byte{t.body, held.offers[t.id]} {
			to, err := mediaIn(sdp)
			if err != nil {
				stop()
				return nil, err
			}
			gen.add(to)
		}
	}
	return &relay{process: s.process, gen: gen, stop: func() { stop(); _ = gen.conn.Close() }}, nil
}

// relayRTPengine sets up calls by offer and answer.
func (b *bench) relayRTPengine(ctx context.Context, calls int) (*relay, error) {
	gen, err := newGenerator()
	if err != nil {
		return nil, err
	}
	r, err := b.startRTPengine(ctx)
	if err != nil {
		return nil, errors.Join(err, gen.conn.Close())
	}
	stop := func() { r.stop(); _ = gen.conn.Close() }
	for i := range calls {
		id := fmt.Sprintf("call-%d", i)
		offer, err := r.describe("offer", id, gen.session())
		if err == nil {
			var answer []byte
			if answer, err = r.describe("answer", id, gen.session(), "to-tag", "b"); err == nil {
				err = addStreams(gen, offer, answer)
			}
		}
		if err != nil {
			stop()
			return nil, err
		}
	}
	return &relay{process: r.process, gen: gen, stop: stop}, nil
}

func addStreams(gen *generator, descriptions ...[]byte) error {
	for _, sdp := range descriptions {
		to, err := mediaIn(sdp)
		if err != nil {
			return err
		}
		gen.add(to)
	}
	return nil
}

// measureRelay compares the CPU per relayed packet, what is lost and the delay.
func (b *bench) measureRelay(ctx context.Context) error {
	for _, calls := range []int{100, 200} {
		if err := b.measureRelaying(ctx, calls, "relayed packet", "ratio at most 0.75", b.relayKoppelfeld, b.relayRTPengine); err != nil {
			return fmt.Errorf("%d calls: %w", calls, err)
		}
	}
	return nil
}

// measureRelaying measures one kind of packet; the two functions set up the calls.
func (b *bench) measureRelaying(ctx context.Context, calls int, packet, aim string, ours, theirs func(context.Context, int) (*relay, error)) error {
	var relays [2]*relay
	for i, begin := range []func(context.Context, int) (*relay, error){ours, theirs} {
		var err error
		if relays[i], err = begin(ctx, calls); err != nil {
			return err
		}
		defer relays[i].stop()
	}
	what := fmt.Sprintf("%d streams, %d packets/s", 2*calls, 2*calls*int(time.Second/packetTime))
	cpu := &result{Name: "CPU per " + packet + " (" + what + ")", Unit: "µs", Peer: "rtpengine", Aim: aim}
	p50 := &result{Name: packet + ", delay p50 (" + what + ")", Unit: "µs", Peer: "rtpengine"}
	p99 := &result{Name: packet + ", delay p99 (" + what + ")", Unit: "µs", Peer: "rtpengine"}
	loss := &result{Name: packet + ", lost (" + what + ")", Unit: "‰", Peer: "rtpengine"}
	for rep := -1; rep < b.rounds(); rep++ {
		for i, r := range relays {
			length := time.Duration(b.seconds) * time.Second
			if rep < 0 {
				length = warmUpSeconds * time.Second // addresses are learned, buffers grow
			}
			endProfile := func() {}
			if rep == b.reps {
				endProfile = b.perf(r.process, cpu.Name)
			}
			before, err := r.process.cpu()
			if err != nil {
				return err
			}
			f, err := r.gen.run(ctx, length)
			endProfile()
			if err != nil {
				return err
			}
			after, err := r.process.cpu()
			if err != nil {
				return err
			}
			each := float64((after - before).Nanoseconds()) / 1000 / float64(f.sent)
			b.progress("%s: %s: %.2f µs of CPU each, %d lost", cpu.Name, r.process.name, each, f.lost)
			if f.lost*10 > f.sent {
				return fmt.Errorf("%s relays %d of %d packets", r.process.name, f.sent-f.lost, f.sent)
			}
			if rep < 0 || rep == b.reps {
				continue
			}
			slices.Sort(f.delays)
			at := func(q float64) float64 {
				return float64(f.delays[int(q*float64(len(f.delays)-1))].Nanoseconds()) / 1000
			}
			for _, v := range []struct {
				to *result
				v  float64
			}{{cpu, each}, {p50, at(0.5)}, {p99, at(0.99)}, {loss, 1000 * float64(f.lost) / float64(f.sent)}} {
				v.to.add(i, v.v)
			}
		}
	}
	for _, r := range []*result{cpu, p50, p99, loss} {
		b.result(r)
	}
	return nil
}
