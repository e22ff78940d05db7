package mediatest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// memory is how many samples a Peer remembers: the last two seconds.
const memory = 2 * Rate

// PeerConfig describes a Peer.
type PeerConfig struct {
	Conn  *net.UDPConn // closed by the caller, after Run
	Codec Codec
	Tone  float64 // Hz of the tone that is sent; 0 sends silence
}

// Peer is an RTP end that sends a tone and remembers what it hears.
type Peer struct {
	cfg PeerConfig

	mu       sync.Mutex
	remote   netip.AddrPort
	heard    []int16 // ring
	next     int
	full     bool
	received uint64
	sent     uint64
	source   netip.AddrPort
}

// NewPeer makes a peer; nothing is sent before SetRemote.
func NewPeer(cfg PeerConfig) (*Peer, error) {
	if cfg.Conn == nil {
		return nil, errors.New("checking the RTP peer: Conn: missing")
	}
	if cfg.Codec != PCMU && cfg.Codec != PCMA {
		return nil, fmt.Errorf("checking the RTP peer: Codec: %d is not PCMU or PCMA", cfg.Codec)
	}
	return &Peer{cfg: cfg, heard: make([]int16, memory)}, nil
}

// SetRemote says where to send; the zero value stops sending.
func (p *Peer) SetRemote(a netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remote = a
}

// Run sends one packet of 20 ms per tick and receives until ctx ends, which it
// reports as nil. Ticks come from the caller, every 20 ms for real audio.
func (p *Peer) Run(ctx context.Context, ticks <-chan time.Time) error {
	var received error
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := p.cfg.Conn.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("preparing to receive RTP: %w", err)
	}
	wg.Go(func() {
		defer cancel()
		received = p.receive()
	})
	sent := p.send(ctx, ticks)
	_ = p.cfg.Conn.SetReadDeadline(time.Unix(1, 0)) // ends receive
	wg.Wait()
	return errors.Join(sent, received)
}

func (p *Peer) send(ctx context.Context, ticks <-chan time.Time) error {
	tone := NewTone(p.cfg.Tone, 0.4)
	samples := make([]int16, FrameSamples)
	packet := make([]byte, 12+FrameSamples)
	packet[0], packet[1] = 0x80, byte(p.cfg.Codec)|0x80 // the first with the marker
	binary.BigEndian.PutUint32(packet[8:], rand.Uint32())
	seq, ts := uint16(rand.Uint32()), rand.Uint32()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks:
		}
		p.mu.Lock()
		to := p.remote
		p.mu.Unlock()
		tone.Fill(samples)
		ts += FrameSamples
		if !to.IsValid() {
			continue
		}
		p.cfg.Codec.Encode(packet[12:], samples)
		binary.BigEndian.PutUint16(packet[2:], seq)
		binary.BigEndian.PutUint32(packet[4:], ts)
		if _, err := p.cfg.Conn.WriteToUDPAddrPort(packet, to); err != nil {
			return fmt.Errorf("sending RTP to %s: %w", to, err)
		}
		packet[1] = byte(p.cfg.Codec)
		seq++
		p.mu.Lock()
		p.sent++
		p.mu.Unlock()
	}
}

func (p *Peer) receive() error {
	b := make([]byte, 2048)
	samples := make([]int16, len(b))
	for {
		n, src, err := p.cfg.Conn.ReadFromUDPAddrPort(b)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return fmt.Errorf("receiving RTP: %w", err)
		case n < 12 || b[0] != 0x80 || Codec(b[1]&0x7f) != p.cfg.Codec:
			continue // something else, such as a telephone event
		}
		samples := samples[:n-12]
		p.cfg.Codec.Decode(samples, b[12:n])
		p.mu.Lock()
		p.received++
		p.source = src
		for _, s := range samples {
			p.heard[p.next] = s
			p.next++
			if p.next == len(p.heard) {
				p.next, p.full = 0, true
			}
		}
		p.mu.Unlock()
	}
}

// PeerStats count what a Peer did.
type PeerStats struct {
	Sent, Received uint64         // packets; received in the peer's own codec only
	Source         netip.AddrPort // of the last packet received
}

// Stats returns the counters.
func (p *Peer) Stats() PeerStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PeerStats{Sent: p.sent, Received: p.received, Source: p.source}
}

// Hears reports how much of the last samples of length d (at most 2 s) is a
// tone of hz, see Purity. It is 0 while less than d has been received.
func (p *Peer) Hears(hz float64, d time.Duration) float64 {
	n := min(int(d*Rate/time.Second), memory)
	p.mu.Lock()
	defer p.mu.Unlock()
	if n <= 0 || !p.full && p.next < n {
		return 0
	}
	last := make([]int16, 0, n)
	if n > p.next {
		last = append(last, p.heard[memory-(n-p.next):]...)
	}
	last = append(last, p.heard[max(0, p.next-n):p.next]...)
	return Purity(last, hz)
}
