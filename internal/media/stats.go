package media

import (
	"net/netip"
	"time"
)

// Stats are the figures of one endpoint. Received is what the remote sent to
// us, Sent what we sent to it.
//
// One-way audio reads like this: Packets 0 and Rejected not valid, nothing came
// at all; Packets 0 and Rejected valid, packets came only from an address that
// is not the remote's; Sent 0 with the other side's Packets above 0, see
// Dropped[DropHeld] and Dropped[DropSend].
type Stats struct {
	Packets  uint64  // RTP packets accepted
	Bytes    uint64  // their length, with RTP headers
	Lost     int64   // RFC 3550 section A.3; negative with duplicates
	JitterMS float64 // interarrival jitter in milliseconds, RFC 3550 section A.8
	RTCP     uint64  // RTCP datagrams accepted

	// Loss is the share of the remote's packets that did not arrive, 0 to 1.
	Loss float64
	// MOS estimates how what came in sounds, 1 to 4.5 (E-model, see mos); 0 when
	// nothing came.
	MOS float64

	// Reports counts the report blocks in which the remote says how it receives
	// what we send, and the figures below are of the last one. RemoteLost is the number of packets
	// lost so far, RemoteLoss the share lost lately, RemoteMOS as MOS.
	Reports        uint64
	RemoteLost     int64
	RemoteLoss     float64
	RemoteJitterMS float64
	RemoteMOS      float64
	// RoundTrip is the time to the remote and back (RFC 3550 section 6.4.1), -1 when unknown.
	RoundTrip time.Duration

	First time.Time // first RTP packet accepted; zero before
	Last  time.Time // latest RTP packet accepted; zero before
	// FirstAfter is the time from the first Expect(true) to the next RTP packet;
	// -1 while there is none.
	FirstAfter time.Duration

	Announced netip.AddrPort // the RTP address that was signalled
	Source    netip.AddrPort // where RTP comes from; not valid before a packet was accepted
	Rejected  netip.AddrPort // the last source that was not accepted

	SSRC        uint32 // last seen
	PayloadType int    // last seen, -1 before
	Codec       string // as given to SetRemote

	Suite Suite // of what comes in; 0: not protected, or no handshake has succeeded yet
	ICE   bool  // connectivity checks say where the remote is
	DTLS  bool  // its keys come from a handshake

	Sent       uint64 // RTP packets
	SentBytes  uint64
	SentRTCP   uint64 // datagrams
	SendErrors uint64

	// Dropped counts by Drop what was not relayed: DropHeld and DropSend
	// what was not sent to the remote, all others what came in from it or in its
	// name. DropUnbridged is both.
	Dropped [drops]uint64
}

// Stats returns the figures. They stay readable after Close.
func (e *Endpoint) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Stats{
		Packets: e.rx.packets, Bytes: e.rx.bytes, Lost: e.rx.lost(), RTCP: e.rtcpIn,
		FirstAfter: e.firstAfter,
		Announced:  e.latch.announced, Source: e.latch.source, Rejected: e.rejected,
		SSRC: e.rx.ssrc, PayloadType: int(e.rx.payloadType), Codec: e.remote.Codec, Suite: e.guard.suite(), ICE: e.checked(), DTLS: e.guard != nil && e.guard.shake != nil,
		Sent: e.sent, SentBytes: e.sentBytes, SentRTCP: e.rtcpSent, SendErrors: e.sendErrors,
		Dropped: e.dropped,
	}
	if e.remote.ClockRate > 0 {
		s.JitterMS = e.rx.jitter * 1000 / float64(e.remote.ClockRate)
	}
	s.quality(&e.reports, e.remote.ClockRate)
	if e.firstAt > 0 {
		s.First = e.plane.epoch.Add(e.firstAt)
		s.Last = e.plane.epoch.Add(e.lastAt)
	}
	return s
}

// quality fills in the figures that come of reports.
func (s *Stats) quality(r *reports, rate int) {
	s.RoundTrip = -1
	if r.measured {
		s.RoundTrip = r.roundTrip
	}
	trip := max(s.RoundTrip, 0)
	if s.Packets > 0 {
		s.Loss = float64(max(s.Lost, 0)) / float64(int64(s.Packets)+max(s.Lost, 0))
		s.MOS = mos(s.Codec, s.Loss, time.Duration(s.JitterMS*float64(time.Millisecond)), trip)
	}
	if s.Reports = r.blocks; s.Reports == 0 {
		return
	}
	s.RemoteLost, s.RemoteLoss = int64(r.lost), float64(r.fraction)/256
	if rate > 0 {
		s.RemoteJitterMS = float64(r.jitter) * 1000 / float64(rate)
	}
	s.RemoteMOS = mos(s.Codec, s.RemoteLoss, time.Duration(s.RemoteJitterMS*float64(time.Millisecond)), trip)
}
