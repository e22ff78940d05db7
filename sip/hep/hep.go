// Package hep sends copies of the SIP messages that pass to a collector, as HEP version 3 over UDP (also known as EEP), which Homer,
// sngrep and tshark read. Secrets are masked.
//
// Who sends or receives a message hands it to Message, which copies it into a queue and never waits: what the queue cannot take is
// counted and left out. Run masks and sends, on its own goroutine.
package hep

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/fault"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Config says where copies go.
type Config struct {
	Collector netip.AddrPort
	Agent     uint32 // the number by which the collector knows this system
	Password  string // of the collector, "" for none
	Faults    *fault.Log
}

// Validate reports all faults.
func (c Config) Validate() error {
	var errs []error
	if !c.Collector.IsValid() || c.Collector.Port() == 0 || c.Collector.Addr().IsUnspecified() {
		errs = append(errs, fmt.Errorf("collector: %v is no address with a port", c.Collector))
	}
	if len(c.Password) > maxPassword {
		errs = append(errs, fmt.Errorf("password: longer than %d bytes", maxPassword))
	}
	return errors.Join(errs...)
}

const (
	maxPassword = 128
	// maxWaiting and maxBytes bound the queue.
	maxWaiting = 8192
	maxBytes   = 16 << 20
	// maxPayload is how much of a message fits into a datagram with its chunks; the rest is cut off.
	maxPayload = 65507 - 512
)

// Exporter is a transport.Tap.
type Exporter struct {
	cfg    Config
	queue  chan copied
	bytes  atomic.Int64 // in queue
	sent   atomic.Uint64
	left   atomic.Uint64
	failed atomic.Uint64
}

// copied is a message on its way.
type copied struct {
	at       time.Time
	proto    transport.Proto
	from, to netip.AddrPort
	text     []byte
}

// New makes an Exporter; what comes before Run waits.
func New(cfg Config) (*Exporter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("hep: %w", err)
	}
	if cfg.Faults == nil {
		cfg.Faults = fault.New(nil)
	}
	return &Exporter{cfg: cfg, queue: make(chan copied, maxWaiting)}, nil
}

// Message implements transport.Tap.
func (e *Exporter) Message(proto transport.Proto, local, remote netip.AddrPort, out bool, text []byte) {
	n := min(len(text), maxPayload)
	if e.bytes.Add(int64(n)) > maxBytes {
		e.bytes.Add(int64(-n))
		e.left.Add(1)
		return
	}
	c := copied{at: time.Now(), proto: proto, from: remote, to: local, text: append(make([]byte, 0, n), text[:n]...)}
	if out {
		c.from, c.to = local, remote
	}
	select {
	case e.queue <- c:
	default:
		e.bytes.Add(int64(-n))
		e.left.Add(1)
	}
}

// Run sends until ctx ends. A collector that is not there costs nothing but a count.
func (e *Exporter) Run(ctx context.Context) error {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(e.cfg.Collector))
	if err != nil {
		return fmt.Errorf("hep: reaching the collector: %w", err)
	}
	defer conn.Close()
	var buf []byte
	for {
		select {
		case <-ctx.Done():
			return nil
		case c := <-e.queue:
			e.bytes.Add(int64(-len(c.text)))
			e.cfg.Faults.Guard("hep", func() {
				buf = c.encode(buf[:0], &e.cfg)
				// A full socket must not hold the queue up; an error tells of an earlier datagram as a rule.
				_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
				if _, err := conn.Write(buf); err != nil {
					e.failed.Add(1)
					return
				}
				e.sent.Add(1)
			})()
		}
	}
}

// Stats are counters since New.
type Stats struct {
	Sent   uint64
	Left   uint64 // left out: the queue was full
	Failed uint64 // refused by the network
	Queued int
}

// Stats returns them.
func (e *Exporter) Stats() Stats {
	return Stats{e.sent.Load(), e.left.Load(), e.failed.Load(), len(e.queue)}
}

// Types of chunks of the generic vendor.
const (
	chunkFamily   = 0x01
	chunkProtocol = 0x02
	chunkSource4  = 0x03
	chunkDest4    = 0x04
	chunkSource6  = 0x05
	chunkDest6    = 0x06
	chunkSrcPort  = 0x07
	chunkDstPort  = 0x08
	chunkSeconds  = 0x09
	chunkMicros   = 0x0a
	chunkType     = 0x0b
	chunkAgent    = 0x0c
	chunkPassword = 0x0e
	chunkPayload  = 0x0f
)

const (
	typeSIP         = 1
	familyIPv4      = 2
	familyIPv6      = 10
	protocolTCP     = 6
	protocolUDP     = 17
	chunkHeaderSize = 6
)

// encode appends the datagram for a message, its secrets masked. All transports but UDP are shown as TCP, which they run over.
func (c *copied) encode(b []byte, cfg *Config) []byte {
	b = append(b, "HEP3\x00\x00"...)
	small := func(kind uint16, v byte) { b = append(chunk(b, kind, 1), v) }
	port := func(kind, v uint16) { b = binary.BigEndian.AppendUint16(chunk(b, kind, 2), v) }
	number := func(kind uint16, v uint32) { b = binary.BigEndian.AppendUint32(chunk(b, kind, 4), v) }
	text := func(kind uint16, v []byte) { b = append(chunk(b, kind, len(v)), v...) }
	from, to := c.from.Addr().Unmap(), c.to.Addr().Unmap()
	if from.Is4() && to.Is4() {
		small(chunkFamily, familyIPv4)
		text(chunkSource4, from.AsSlice())
		text(chunkDest4, to.AsSlice())
	} else {
		small(chunkFamily, familyIPv6)
		src, dst := from.As16(), to.As16()
		text(chunkSource6, src[:])
		text(chunkDest6, dst[:])
	}
	if c.proto == transport.UDP {
		small(chunkProtocol, protocolUDP)
	} else {
		small(chunkProtocol, protocolTCP)
	}
	port(chunkSrcPort, c.from.Port())
	port(chunkDstPort, c.to.Port())
	number(chunkSeconds, uint32(c.at.Unix()))
	number(chunkMicros, uint32(c.at.Nanosecond()/1000))
	small(chunkType, typeSIP)
	number(chunkAgent, cfg.Agent)
	if cfg.Password != "" {
		text(chunkPassword, []byte(cfg.Password))
	}
	masked := message.Mask(c.text)
	text(chunkPayload, masked[:min(len(masked), maxPayload)])
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	return b
}

// chunk appends the head of a chunk with n bytes.
func chunk(b []byte, kind uint16, n int) []byte {
	b = binary.BigEndian.AppendUint16(b, 0) // generic vendor
	b = binary.BigEndian.AppendUint16(b, kind)
	return binary.BigEndian.AppendUint16(b, uint16(chunkHeaderSize+n))
}
