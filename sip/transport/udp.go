package transport

import (
	"cmp"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"net"
	"net/netip"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

const (
	udpBatch     = 32
	udpFlowCache = 4096
)

// packetSocket is a bound UDP socket and the Link of all flows over it.
type packetSocket struct {
	layer *Layer
	entry string
	iface string
	conn  PacketConn
	local netip.AddrPort // advertised

	// Owned by the reader.
	guard     *guard
	stunGuard *guard // answers to STUN: a source could be forged
	seed      maphash.Seed
	flows     []*Flow          // one place per hash of the remote address: a cache, not a table
	spare     *message.Message // nobody reads it any more: the next one takes its memory
}

func newPacketSocket(l *Layer, a bindAddr, pc PacketConn) *packetSocket {
	return &packetSocket{
		layer: l, entry: a.entry, iface: a.iface, conn: pc, local: a.advertised(pc.LocalAddr()),
		guard: newGuard(l.limits), stunGuard: newGuard(Limits{SourceRate: l.limits.STUNRate, SourceBurst: l.limits.STUNRate}), seed: maphash.MakeSeed(), flows: make([]*Flow, udpFlowCache),
	}
}

// Proto is UDP.
func (s *packetSocket) Proto() Proto { return UDP }

// Local is the advertised address.
func (s *packetSocket) Local() netip.AddrPort { return s.local }

// Closed reports whether the layer has been closed.
func (s *packetSocket) Closed() bool { return s.layer.closing.Load() }

// SendTo sends one datagram.
func (s *packetSocket) SendTo(b []byte, remote netip.AddrPort) error {
	err := s.conn.WriteTo(b, remote)
	switch {
	case err == nil:
		s.layer.count.udp.out(len(b))
		s.layer.tapOut(UDP, s.local, remote, b)
	case errors.Is(err, ErrQueueFull):
		s.layer.count.drop(DropSendQueue)
	default:
		s.layer.count.drop(DropSendError)
	}
	return err
}

// read takes datagrams until the socket is closed.
func (s *packetSocket) read(h Handler) {
	size := s.layer.limits.MaxMessage
	bufs := make([]byte, udpBatch*size)
	dgs := make([]Datagram, udpBatch)
	for i := range dgs {
		dgs[i].Buf = bufs[i*size : (i+1)*size : (i+1)*size]
	}
	var full time.Time // since when every read has found more than it could take
	faults := 0
	take := func(n int, err error) {
		if err != nil {
			// Nothing a peer does may end the reader. A socket that only fails must not spin.
			s.layer.count.drop(DropReadError)
			if faults++; faults > 100 {
				s.layer.pause(10 * time.Millisecond)
			}
			return
		}
		faults = 0
		now := time.Now()
		late := time.Duration(0)
		switch {
		case n < len(dgs):
			full = time.Time{}
		case full.IsZero():
			full = now
		default:
			late = now.Sub(full)
		}
		for i := range dgs[:n] {
			s.datagram(h, dgs[i].Buf[:dgs[i].N], dgs[i].From, now, late)
		}
	}
	if u, ok := s.conn.(*udpConn); ok {
		u.serve(dgs, take)
		return
	}
	for {
		n, err := s.conn.ReadBatch(dgs)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		take(n, err)
	}
}

// datagram handles one datagram; b is only valid during the call.
func (s *packetSocket) datagram(h Handler, b []byte, from netip.AddrPort, now time.Time, late time.Duration) {
	defer s.layer.survive(b, from)
	count := s.layer.count
	if !s.guard.allow(from.Addr(), now) {
		count.drop(DropRate)
		return
	}
	if isKeepAlive(b) {
		count.udp.keepAlives.Add(1)
		return
	}
	if isSTUN(b) {
		s.stun(b, from, now)
		return
	}
	s.layer.tapIn(UDP, s.local, from, b)
	m, err := message.ParseAgain(s.spare, b)
	if m != nil {
		s.spare = nil
	}
	if m != nil && m.IsRequest() {
		m.SetReceived(from.Addr(), from.Port())
		from = answerTo(m, from)
	}
	if err != nil {
		s.guard.garbage(from.Addr(), now)
		s.malformed(m, err, from, now)
		return
	}
	count.udp.in(len(b))
	if !h.Receive(Inbound{Msg: m, Flow: s.flow(from), Late: late}) {
		s.spare = m
	}
}

// stun answers a keep-alive that wants its own address back.
func (s *packetSocket) stun(b []byte, from netip.AddrPort, now time.Time) {
	answer := stunAnswer(b, from)
	if answer == nil || !s.stunGuard.allow(from.Addr(), now) {
		s.layer.count.drop(DropSTUN)
		return
	}
	s.layer.count.udp.keepAlives.Add(1)
	if err := s.conn.WriteTo(answer, from); err != nil {
		s.layer.count.drop(DropSendError)
	}
}

// answerTo is where a request over UDP is to be answered: where it came from if it asks for that (rport, RFC 3581) or
// came from another host than it says, else the port that its Via names (RFC 3261 section 18.2.2). There are phones
// that do not listen where they send from; their registrations lead to that port as well.
func answerTo(m *message.Message, from netip.AddrPort) netip.AddrPort {
	via := m.Via()
	_, asked := via.Param("rport")
	_, elsewhere := via.Param("received") // set by SetReceived
	if asked || elsewhere || via.Host == "" {
		return from
	}
	return netip.AddrPortFrom(from.Addr(), uint16(cmp.Or(via.Port, 5060)))
}

func (s *packetSocket) malformed(m *message.Message, err error, from netip.AddrPort, now time.Time) {
	var perr *message.ParseError
	if errors.As(err, &perr) {
		if b := s.layer.refusal(m, perr, now); b != nil {
			s.layer.count.drop(DropRefused)
			_ = s.SendTo(b, from) // counted
			return
		}
	}
	s.layer.count.drop(DropMalformed)
}

// flow returns the flow to a remote, mostly from the cache.
func (s *packetSocket) flow(remote netip.AddrPort) *Flow {
	slot := &s.flows[maphash.Comparable(s.seed, remote)%udpFlowCache]
	if *slot == nil || (*slot).remote != remote {
		*slot = NewFlow(s, remote)
	}
	return *slot
}

// isKeepAlive: empty, CRLF (RFC 5626 section 3.5.1 over streams, common over UDP) or NUL bytes.
func isKeepAlive(b []byte) bool {
	if len(b) > 8 {
		return false
	}
	for _, c := range b {
		if c != '\r' && c != '\n' && c != 0 {
			return false
		}
	}
	return true
}

// isSTUN recognises STUN by its first bits and magic cookie (RFC 8489 section 5).
func isSTUN(b []byte) bool {
	return len(b) >= 20 && b[0]&0xc0 == 0 && binary.BigEndian.Uint32(b[4:]) == 0x2112a442
}
